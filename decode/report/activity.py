"""Files of activities: the matrix of samples and regulators, its heatmaps, and how it goes with own expression."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy.cluster.hierarchy import leaves_list, linkage

from decode.persons.activity import ActivityResult
from decode.persons.activity_expression import LEAST_RHO, ActivityExpression
from decode.report.differential import beside, with_both
from decode.report.files import Content, with_counts, write_files
from decode.report.style import BLUE, GREY, LIGHT_GREY, SERIES, new_figure

MOST_REGULATORS, MOST_NAMES, N_TOP = 60, 70, 5
LIMIT = 2.5  # standard deviations at the ends of the colours


def write_activity(
    result: ActivityResult,
    out: str | Path,
    *,
    own: ActivityExpression | None = None,
    phenotype: pd.Series | None = None,
    record: dict[str, Any] | None = None,
    force: bool = False,
) -> list[Path]:
    """Write activities: NAME.tsv.gz and what belongs to it, all files or none.

    Parameters
    ----------
    result : ActivityResult
    out : str or Path
        Samples x regulators (.tsv or .tsv.gz); the first column is `sample`.
    own : ActivityExpression, optional
        Adds NAME_own_expression.tsv, NAME_own_expression_null.tsv and a figure.
    phenotype : pd.Series, optional
        Index: samples; the bar beside the heatmaps.
    record : dict, optional
    force : bool, default False

    Returns
    -------
    list of Path
        Also NAME_spread, NAME_regions (columns "region:kind:regulator") and NAME_regulators, NAME_heatmap and NAME_top
        as PNG and SVG, and the record.

    Raises
    ------
    FileNotFoundError, FileExistsError, PermissionError
        If a file cannot be written.
    """
    out = Path(out)
    regions = pd.concat(
        [frame.loc[:, (frame != 0).any()].add_prefix(f"{name}:") for name, frame in result.by_region.items()], axis=1
    )
    files: dict[Path, Content] = {
        out: result.activity.reset_index(),
        beside(out, "spread"): result.spread.reset_index(),
        beside(out, "regions"): regions.reset_index(),
        beside(out, "regulators"): result.regulators,
    }
    figures = {"heatmap": activity_heatmap(result.activity, phenotype), "top": top_heatmap(result.activity, phenotype)}
    counts = dict(result.counts)
    if own is not None:
        files[beside(out, "own_expression")] = own.table
        files[beside(out, "own_expression_null")] = own.null
        figures["own_expression"] = own_expression_figure(own)
        counts |= own.counts | {"own_expression": own.summary}
    return write_files("activity", files | with_both(out, figures), record=with_counts(record, counts), force=force)


def _standardised(activity: pd.DataFrame) -> pd.DataFrame:
    """Standard deviations from the mean over samples; 0 for a regulator that is the same in all."""
    spread = activity.std(axis=0, ddof=0)
    return (activity - activity.mean(axis=0)) / spread.where(spread > 0, np.inf)


def _clustered(values: np.ndarray) -> np.ndarray:
    """Order of the rows by average linkage of their correlation distance."""
    if len(values) < 3:
        return np.arange(len(values))
    centred = values - values.mean(axis=1, keepdims=True)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    return np.asarray(leaves_list(linkage(centred / np.where(length > 0, length, 1.0), "average")))


def activity_heatmap(
    activity: pd.DataFrame, phenotype: pd.Series | None = None, *, n_regulators: int = MOST_REGULATORS
) -> Figure:
    """Draw samples x regulators, both clustered, with a bar of the phenotype.

    Parameters
    ----------
    activity : pd.DataFrame, shape (n_samples, n_regulators)
    phenotype : pd.Series, optional
        Index: samples; numbers or words.
    n_regulators : int, default 60
        Those that vary most in log2 units are drawn.

    Returns
    -------
    matplotlib.figure.Figure

    Notes
    -----
    Colours are standard deviations from the regulator's mean over samples.
    """
    most = np.argsort(-activity.std(axis=0).to_numpy(), kind="stable")[:n_regulators]
    values = _standardised(activity.iloc[:, np.sort(most)])
    order = _clustered(values.to_numpy())
    values = values.iloc[order, _clustered(values.to_numpy().T)]
    title = f"{len(values)} samples, the {values.shape[1]} of {activity.shape[1]} regulators that vary most"
    return _heatmap(values, phenotype, title)


def top_heatmap(activity: pd.DataFrame, phenotype: pd.Series | None = None, *, n_top: int = N_TOP) -> Figure:
    """Draw the regulators that are among the five furthest from their mean in a sample, as a published figure does.

    Parameters
    ----------
    activity : pd.DataFrame, shape (n_samples, n_regulators)
    phenotype : pd.Series, optional
    n_top : int, default 5
        Regulators of a sample, by |deviation from the mean over samples| in log2 units.

    Returns
    -------
    matplotlib.figure.Figure
        Columns are those that are in the top of most samples, up to 60; a dot marks the top of each sample where there
        are at most 70 samples.

    References
    ----------
    Tasaki et al. 2020: top five regulators of each person.
    """
    deviation = (activity - activity.mean(axis=0)).abs().to_numpy()
    n_top = min(n_top, activity.shape[1])
    is_top = np.zeros(deviation.shape, dtype=bool)
    np.put_along_axis(is_top, np.argsort(-deviation, axis=1, kind="stable")[:, :n_top], True, axis=1)
    often = np.argsort(-is_top.sum(axis=0), kind="stable")
    chosen = [i for i in often[:MOST_REGULATORS] if is_top[:, i].any()]
    values = _standardised(activity.iloc[:, chosen])
    order = _clustered(values.to_numpy())
    n_all = int(is_top.any(axis=0).sum())
    title = f"regulators in the top {n_top} of a sample: {len(chosen)} of {n_all}, the most frequent first"
    marks = is_top[np.ix_(order, chosen)] if len(values) <= MOST_NAMES else None
    return _heatmap(values.iloc[order], phenotype, title, marks=marks)


def _heatmap(
    values: pd.DataFrame, phenotype: pd.Series | None, title: str, *, marks: np.ndarray | None = None
) -> Figure:
    n_samples, n_regulators = values.shape
    height = float(np.clip(0.14 * n_samples, 2.4, 9.0))
    figure = new_figure(
        figsize=(float(np.clip(0.15 * n_regulators, 3.0, 11.0)) + 2.6, height + 1.6), layout="constrained"
    )
    ratios = [1.0, 40.0] if phenotype is not None else [40.0]
    panels = figure.subplots(1, len(ratios), squeeze=False, width_ratios=ratios)[0]
    axes = panels[-1]
    image = axes.imshow(values, cmap="RdBu_r", vmin=-LIMIT, vmax=LIMIT, aspect="auto", interpolation="nearest")
    names = [name.partition(":")[2] or name for name in map(str, values.columns)]
    axes.set_xticks(range(n_regulators), names, rotation=90, fontsize=6.5 if n_regulators > 30 else 8)
    rows = panels[0]
    for panel in panels:
        panel.set_yticks([])
        panel.tick_params(length=0)
    if n_samples <= MOST_NAMES:
        rows.set_yticks(range(n_samples), list(map(str, values.index)), fontsize=6.5)
    else:
        rows.set_ylabel(f"{n_samples} samples", fontsize=9)
    if marks is not None:
        y, x = np.nonzero(marks)
        axes.plot(x, y, ".", color="black", markersize=3)
    axes.set_title(title, fontsize=9, loc="left")
    bar = figure.colorbar(image, ax=panels.tolist(), shrink=0.6, pad=0.01)
    bar.set_label("activity, standard deviations over samples", fontsize=8)
    bar.ax.tick_params(labelsize=7)
    if phenotype is not None:
        _phenotype_bar(figure, panels[0], phenotype.reindex(values.index))
    return figure


def _phenotype_bar(figure: Figure, axes: Axes, phenotype: pd.Series) -> None:
    """One coloured cell a sample; numbers by a colour scale, words by a legend."""
    name = str(phenotype.name or "phenotype")
    axes.set_xticks([0], [name], rotation=90, fontsize=8)
    if pd.api.types.is_numeric_dtype(phenotype):
        shown = phenotype.to_numpy(dtype=np.float64)[:, None]
        image = axes.imshow(shown, cmap="viridis", aspect="auto", interpolation="nearest")
        bar = figure.colorbar(image, ax=figure.axes[:2], shrink=0.3, location="left", pad=0.01)
        bar.set_label(name, fontsize=8)
        bar.ax.tick_params(labelsize=7)
        return
    codes, levels = pd.factorize(phenotype.astype(str), sort=True)
    colours = [SERIES[i % len(SERIES)][0] for i in range(len(levels))]
    axes.imshow(codes[:, None], cmap=matplotlib.colors.ListedColormap(colours), vmin=-0.5, vmax=len(levels) - 0.5,
                aspect="auto", interpolation="nearest")  # fmt: skip
    handles = [
        Line2D([], [], marker="s", linestyle="", color=colour, label=str(level))
        for colour, level in zip(colours, levels, strict=True)
    ]
    figure.legend(handles=handles, loc="outside lower left", ncols=min(6, len(handles)), fontsize=8, frameon=False)


def own_expression_figure(own: ActivityExpression, *, n_names: int = 8) -> Figure:
    """Draw the correlations of activity with own expression, and the number of hits beside its null.

    Parameters
    ----------
    own : ActivityExpression
    n_names : int, default 8
        Regulators named at either end.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = new_figure(figsize=(8.6, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[1.5, 1.0])
    table = own.table.sort_values("spearman", ignore_index=True)
    is_hit = table["is_hit"].to_numpy()
    for mask, colour, label in ((~is_hit, LIGHT_GREY, "other"), (is_hit, BLUE, "|rho| > 0.3, FDR < 5 %")):
        left.plot(np.flatnonzero(mask), table["spearman"][mask], "o", color=colour, markersize=4, label=label)
    for rho in (-LEAST_RHO, LEAST_RHO):
        left.axhline(rho, color=GREY, linewidth=0.8, linestyle="--")
    _name_ends(left, table, n_names)
    left.set_xlabel("regulators by correlation", fontsize=9)
    left.set_ylabel("Spearman of activity with own expression", fontsize=9)
    left.legend(fontsize=8, frameon=False, loc="upper left")
    edges = np.arange(-0.5, max(own.null["n_hits"].max(), own.summary["n_hits"]) + 1.5)
    label = "genes of other regulators\nof like expression"
    right.hist(own.null["n_hits"], bins=edges if len(edges) < 60 else 40, color=LIGHT_GREY, label=label)
    right.axvline(own.summary["n_hits"], color=BLUE, linewidth=2, label="own genes")
    right.set_xlabel(f"hits of {own.summary['n_regulators']} regulators", fontsize=9)
    right.set_ylabel("draws", fontsize=9)
    right.set_ylim(top=right.get_ylim()[1] * 1.35)
    right.legend(fontsize=8, frameon=False)
    for axes in (left, right):
        axes.tick_params(labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def _name_ends(axes: Axes, table: pd.DataFrame, n_names: int) -> None:
    n = len(table)
    ends: Sequence[int] = sorted({*range(min(n_names, n)), *range(max(0, n - n_names), n)})
    axes.set_ylim(-1.05, 1.05)
    axes.set_xlim(-0.26 * n, 1.2 * n)  # room for names
    for which, x, align in ((ends[: len(ends) // 2], -0.03 * n, "right"), (ends[len(ends) // 2 :], 1.03 * n, "left")):
        heights = np.linspace(-1.0, -0.1, len(which)) if align == "right" else np.linspace(0.1, 1.0, len(which))
        for i, height in zip(which, heights, strict=True):
            axes.annotate(
                str(table["regulator"][i]), (i, float(table["spearman"][i])), (x, float(height)), fontsize=6.5,
                ha=align, va="center", arrowprops={"arrowstyle": "-", "color": LIGHT_GREY, "linewidth": 0.5},
            )  # fmt: skip


def activity_text(result: ActivityResult, own: ActivityExpression | None = None) -> str:
    """The headline figures, as text."""
    counts = result.counts
    lines = [
        f"{counts['n_samples']} samples x {counts['n_regulators']} regulators ({counts['n_tracks']} tracks), mean over "
        f"{counts['n_genes']} {counts['part']} genes, {counts['n_members']} members; largest additivity error "
        f"{counts['additivity_error']:.1g}"
    ]
    if own is not None:
        found = own.summary
        lines.append(
            f"own expression: {found['n_hits']} of {found['n_regulators']} regulators with |rho| > {LEAST_RHO} and "
            f"FDR < 5 % ({found['n_positive']} positive); genes of other regulators of like expression give "
            f"{found['n_hits_null']:.1f} (95 %: {found['n_hits_null_high']:.0f}), p {found['p_hits']:.2g}"
        )
        if "n_with_tissue_sign" in found:
            lines.append(
                f"sign over tissues: {found['n_agree_with_tissue']} of {found['n_with_tissue_sign']} hits agree"
            )
    return "\n".join(lines)
