"""Files of a ranking of regulators: tables, record and figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import LogNorm, Normalize, TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FormatStrFormatter, LogLocator, NullFormatter
from numpy.typing import NDArray
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import pdist

from decode.core.checks import check_count
from decode.core.outputs import OutputSet
from decode.expression.targets import MEDIAN_LEVEL
from decode.genome.site_files import KINDS
from decode.ranking.against import RankingComparison
from decode.ranking.kinds import kind_scores
from decode.ranking.rank import RegulatorScores
from decode.ranking.table import OVERALL
from decode.report.files import write_files, write_run
from decode.report.style import BLACK, BLUE, GREEN, GREY, LIGHT_GREY, ORANGE, PURPLE, new_figure

COLOURS = dict(zip(KINDS, (BLUE, ORANGE, GREEN, PURPLE), strict=True))
N_TOP = 5  # regulators a tissue, Tasaki et al. 2020
N_OVERALL = 30
SATURATED = 0.99  # quantile of |mean| at which the colour of the heatmap is full
SIGNED, VARIANCE = "mean attribution (log2)", "usage (log2 squared)"


def write_ranking(
    ranking: pd.DataFrame,
    kinds: pd.DataFrame | None,
    out: str | Path,
    *,
    against: RankingComparison | None = None,
    record: dict[str, Any] | None = None,
    force: bool = False,
    outputs: OutputSet | None = None,
) -> list[Path]:
    """Write a ranking, and beside it the comparison of kinds and the run record, all of them or none.

    Parameters
    ----------
    ranking : pd.DataFrame
        From `rank_regulators`.
    kinds : pd.DataFrame or None
        From `compare_classes`; None where there is one kind only.
    out : str or Path
        NAME.tsv or NAME.tsv.gz; the others are NAME.classes.tsv and, with the suffixes of `out`, NAME.tsv.run.json.
    against : RankingComparison, optional
        From `compare_rankings`; written as NAME.against.tsv and NAME.against_kinds.tsv.
    record : dict, optional
        What was run and which reference the scores stand on.
    force : bool, default False
        Replace a ranking that is there.
    outputs : OutputSet, optional
        What else is put in place together with it, see `decode.report.files.write_run`.

    Returns
    -------
    list of Path

    Raises
    ------
    FileExistsError
        If a file is there and `force` is false.
    FileNotFoundError, PermissionError
        If the folder cannot be written.
    """
    out = Path(out)
    files: dict[Path, pd.DataFrame] = {out: ranking}
    stem = out.name.removesuffix(".gz").removesuffix(".tsv")
    if kinds is not None:
        files[out.with_name(f"{stem}.classes.tsv")] = kinds
    if against is not None:
        files[out.with_name(f"{stem}.against.tsv")] = against.regulators
        files[out.with_name(f"{stem}.against_kinds.tsv")] = against.kinds
    return write_files("rank", files, record=record, force=force, outputs=outputs)


def write_ranking_figures(
    scores: RegulatorScores,
    ranking: pd.DataFrame,
    out: str | Path,
    *,
    record: dict[str, Any] | None = None,
    title: str = "",
    force: bool = False,
    outputs: OutputSet | None = None,
) -> list[Path]:
    """Draw the top regulators, overall and of every task, and what each kind contributes.

    Parameters
    ----------
    scores : RegulatorScores
    ranking : pd.DataFrame
        From `rank_regulators` of the same scores.
    out : str or Path
        Folder; created if needed, its parent must exist.
    record : dict, optional
        What was run, see `decode.core.files.run_record`.
    title : str, optional
        Line above the figures.
    force : bool, default False
        Replace a finished run.
    outputs : OutputSet, optional
        What else is put in place together with them, see `decode.report.files.write_run`.

    Returns
    -------
    list of Path
        classes.png; with a task beside the median level also top_overall.png and
        top_regulators.png; each also as .svg; run.json.

    Raises
    ------
    FileNotFoundError, FileExistsError, PermissionError
        If the folder cannot be used.
    """
    figures = {"classes": kind_contributions(scores, title=title)}
    if scores.is_main_task.any():
        figures["top_overall"] = top_overall(ranking, title=title)
        figures["top_regulators"] = top_regulators(scores, title=title)
    return write_run(out, "rank", figures=figures, record=record, force=force, outputs=outputs)


def top_regulators(scores: RegulatorScores, *, n_top: int = N_TOP, title: str = "") -> Figure:
    """Draw the regulators that are among the largest of any tissue, as a heatmap of their signed mean attribution.

    Parameters
    ----------
    scores : RegulatorScores
    n_top : int, default 5
        Regulators of each fold change (without any of each level, then other task), by |mean|; a dot marks them.
    title : str, optional
        Line above the figure.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If all tasks are median levels or n_top is below 1.

    Notes
    -----
    Rows and columns are ordered by average linkage of 1 - cosine similarity, so that like ones stand together.
    """
    check_count("n_top", n_top)
    is_change = scores.is_main_task
    if not is_change.any():
        raise ValueError("there is no task beside the median level; nothing to draw")
    tasks = [task for task, wanted in zip(scores.tasks, is_change, strict=True) if wanted]
    means = scores.mean[:, is_change]
    is_top = np.argsort(np.argsort(-np.abs(means), axis=0, kind="stable"), axis=0) < n_top
    rows = np.flatnonzero(is_top.any(axis=1))
    values, marked = means[rows], is_top[rows]
    row_order, column_order = _like_together(values), _like_together(values.T)
    values, marked = values[row_order][:, column_order], marked[row_order][:, column_order]
    table = scores.regulators.iloc[rows[row_order]]
    cell = float(np.clip(9.0 / max(values.shape), 0.15, 0.3))  # inches
    size = float(np.clip(cell * 42, 6.5, 9))
    height, width = cell * len(values), cell * values.shape[1]
    figure = new_figure(figsize=(width + 3, height + 3))  # what stays empty is cut off when it is saved
    axes = figure.add_axes((1.4 / (width + 3), 1.6 / (height + 3), width / (width + 3), height / (height + 3)))
    limit = max(float(np.quantile(np.abs(values), SATURATED)), 1e-12)
    is_usage = bool(scores.attributes["is_usage"])
    norm: Normalize = TwoSlopeNorm(0, -limit, limit)
    if is_usage:
        norm = LogNorm(values.min(), values.max()) if 0 < values.min() < values.max() else Normalize(0, values.max())
    image = axes.imshow(values, cmap="viridis" if is_usage else "RdBu_r", norm=norm, aspect="equal")
    bar_height = min(1.0, 2.2 / height)
    bar = figure.colorbar(
        image,
        cax=axes.inset_axes((1 + 0.2 / width, 1 - bar_height, 0.15 / width, bar_height)),
        extend="neither" if is_usage else "both",
    )
    bar.set_label(VARIANCE if is_usage else SIGNED, fontsize=8)
    bar.ax.tick_params(labelsize=7)
    row, column = np.nonzero(marked)
    shade = np.asarray(norm(values[marked]))
    is_dark = shade < 0.55 if is_usage else np.abs(shade - 0.5) > 0.28
    colours = np.where(is_dark, "white", "black")
    axes.scatter(column, row, s=(cell * 20) ** 2 / 2, c=colours, linewidths=0, zorder=3)
    axes.set_xticks(range(len(tasks)), [tasks[i] for i in column_order], rotation=90, fontsize=size)
    axes.set_yticks(range(len(table)), _labels(table, scores.regulators), fontsize=size)
    for label, kind in zip(axes.get_yticklabels(), table["kind"], strict=True):
        label.set_color(COLOURS[kind])
    axes.tick_params(length=2)
    n_marked = min(n_top, len(means))
    heading = f"\u25cf among the {n_marked} largest of the task; name coloured by kind"
    axes.set_title(f"{title}\n{heading}" if title else heading, fontsize=9, loc="left")
    kinds = [kind for kind in KINDS if (table["kind"] == kind).any()]
    handles = [Line2D([], [], color=COLOURS[kind], marker="s", linestyle="", label=kind) for kind in kinds]
    place = (1 + 0.1 / width, 1 - bar_height - 0.25 / height)
    axes.legend(handles=handles, loc="upper left", bbox_to_anchor=place, fontsize=8, frameon=False)
    return figure


def top_overall(ranking: pd.DataFrame, *, n_top: int = N_OVERALL, title: str = "") -> Figure:
    """Draw the largest overall scores with their spread over members and the interval of their rank.

    Parameters
    ----------
    ranking : pd.DataFrame
        From `rank_regulators`.
    n_top : int, default 30
    title : str, optional
        Line above the figure.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If the ranking has no overall score or n_top is below 1.
    """
    check_count("n_top", n_top)
    table = ranking[ranking["task"] == OVERALL]
    if table.empty:
        raise ValueError("the ranking has no overall score; nothing to draw")
    shown = table.head(n_top)
    y = np.arange(len(shown))
    figure = new_figure(figsize=(7.2, 0.21 * len(shown) + 1.6), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=(2, 1))
    value, sd = shown["mean_abs"].to_numpy(dtype=np.float64), shown["sd_members"].to_numpy(dtype=np.float64)
    colours = [COLOURS[kind] for kind in shown["kind"]]
    left.hlines(y, value - sd, value + sd, color=colours, linewidth=1.4)
    left.scatter(value, y, c=colours, s=28, zorder=3)
    left.set_xlim(left=0)
    rank = shown["rank"].to_numpy(dtype=np.float64)
    low, high = (shown[name].to_numpy(dtype=np.float64, na_value=np.nan) for name in ("rank_low", "rank_high"))
    right.hlines(y, low, high, color=colours, linewidth=1.4)
    right.scatter(rank, y, c=colours, s=20, zorder=3)
    left.set_yticks(y, _labels(shown, table), fontsize=8)
    left.set_ylim(len(y) - 0.4, -0.6)
    spread, range_ = (", SD over members", ", range over members") if np.isfinite(sd).any() else ("", "")  # one member
    left.set_xlabel(f"overall score (mean |mean| over tasks){spread}", fontsize=9)
    right.set_xlabel(f"rank of {len(table)}{range_}", fontsize=9)
    for axes in (left, right):
        grid = {"transform": axes.get_yaxis_transform(), "color": LIGHT_GREY, "linewidth": 0.5, "zorder": 0}
        axes.hlines(y, 0, 1, **grid)
        axes.tick_params(axis="y", length=0)
        axes.tick_params(axis="x", labelsize=8)
        axes.spines[["top", "right", "left"]].set_visible(False)
    kinds = [kind for kind in KINDS if (shown["kind"] == kind).any()]
    handles = [Line2D([], [], color=COLOURS[kind], marker="o", label=kind) for kind in kinds]
    _legend_above(figure, handles, title)
    return figure


def kind_contributions(scores: RegulatorScores, *, title: str = "") -> Figure:
    """Draw the scores of the kinds of regulators: every regulator overall, and the median of each kind by task.

    Parameters
    ----------
    scores : RegulatorScores
    title : str, optional
        Line above the figure.

    Returns
    -------
    matplotlib.figure.Figure
    """
    of_task = kind_scores(scores)
    kind = scores.regulators["kind"].to_numpy().astype(str)
    kinds = [name for name in KINDS if (kind == name).any()]
    first = OVERALL if OVERALL in of_task else scores.tasks[0]
    tasks = [task for task in of_task if task != OVERALL]
    medians = {name: np.array([np.median(of_task[task][kind == name]) for task in tasks]) for name in kinds}
    kind_of = dict(zip(scores.tasks, scores.task_kinds, strict=True))
    order = sorted(
        range(len(tasks)), key=lambda i: (kind_of[tasks[i]] != MEDIAN_LEVEL, -max(medians[k][i] for k in kinds))
    )
    figure = new_figure(figsize=(8.4, max(3.6, 0.17 * len(tasks) + 1.4)), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.5))
    _draw_regulators(left, [of_task[first][kind == name] for name in kinds], kinds)
    unit = "log2 squared" if scores.attributes["is_usage"] else "log2"
    left.set_ylabel(f"{first} score of a regulator ({unit})", fontsize=9)
    y = np.arange(len(tasks))
    right.hlines(y, 0, 1, transform=right.get_yaxis_transform(), color=LIGHT_GREY, linewidth=0.5, zorder=0)
    for name in kinds:
        right.plot(medians[name][order], y, "o", color=COLOURS[name], markersize=5, label=name)
    right.set_yticks(y, [tasks[i] for i in order], fontsize=7 if len(tasks) > 20 else 9)
    right.set_ylim(len(tasks) - 0.4, -0.6)
    if all((values > 0).all() for values in medians.values()):
        right.set_xscale("log")
        _few_labels(right.xaxis)
    right.set_xlabel(f"median score of the kind ({unit})", fontsize=9)
    right.tick_params(axis="y", length=0)
    right.tick_params(axis="x", labelsize=8)
    right.spines[["top", "right", "left"]].set_visible(False)
    handles = [Line2D([], [], color=COLOURS[name], marker="o", linestyle="", label=name) for name in kinds]
    _legend_above(figure, handles, title)
    return figure


def _legend_above(figure: Figure, handles: list[Line2D], title: str) -> None:
    figure.legend(
        handles=handles,
        loc="outside upper center",
        ncols=len(handles),
        fontsize=8,
        frameon=False,
        title=title or None,
        title_fontsize=9,
    )


def _draw_regulators(axes: Axes, values: list[NDArray[np.float64]], kinds: list[str]) -> None:
    """One dot a regulator, with median and quartiles of each kind."""
    rng = np.random.default_rng(0)
    for x, (name, of_kind) in enumerate(zip(kinds, values, strict=True)):
        spread = x + rng.uniform(-0.28, 0.28, len(of_kind))
        axes.plot(spread, of_kind, "o", color=COLOURS[name], markersize=3, alpha=0.45, markeredgewidth=0)
        low, middle, high = np.quantile(of_kind, (0.25, 0.5, 0.75))
        axes.plot([x, x], [low, high], "-", color=BLACK, linewidth=2.5, zorder=3)
        axes.plot(x, middle, "_", color=BLACK, markersize=18, markeredgewidth=2.5, zorder=3)
    if all((of_kind > 0).all() for of_kind in values):
        axes.set_yscale("log")
        _few_labels(axes.yaxis)
    axes.set_xticks(range(len(kinds)), [f"{name}\n({len(v)})" for name, v in zip(kinds, values, strict=True)])
    axes.set_xlim(-0.5, len(kinds) - 0.5)
    axes.tick_params(labelsize=9)
    axes.text(0.02, 0.99, "median and quartiles", transform=axes.transAxes, va="top", fontsize=8, color=GREY)
    axes.spines[["top", "right"]].set_visible(False)


def _few_labels(axis: Axis) -> None:
    """Label 1, 2 and 5 of each decade of a logarithmic axis; more would overlap."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FormatStrFormatter("%g"))
    axis.set_minor_formatter(NullFormatter())


def _like_together(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Order of rows in which like ones are neighbours; rows of zeros come last."""
    size = np.linalg.norm(values, axis=1)
    defined, empty = np.flatnonzero(size > 0), np.flatnonzero(size == 0)
    if len(defined) > 2:
        distance = np.clip(pdist(values[defined], "cosine"), 0, None)
        defined = defined[leaves_list(linkage(distance, "average", optimal_ordering=True))]
    return np.concatenate([defined, empty])


def _labels(shown: pd.DataFrame, all_regulators: pd.DataFrame) -> list[str]:
    """Names of regulators, with their kind where several kinds share the name."""
    n_kinds = all_regulators["regulator"].value_counts()
    return [
        f"{name} ({kind})" if n_kinds[name] > 1 else str(name)
        for kind, name in zip(shown["kind"], shown["regulator"], strict=True)
    ]
