"""Figures of panels: error and correlation over panel size with the band of random panels; gene by gene, two panels."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from decode.landmark.panel_curves import RANDOM
from decode.report.style import BLUE, GREY, LIGHT_GREY, SERIES

MEASURES = {
    "mean_mae": "mean absolute error (scale 4 to 15)",
    "mean_pcc": "mean correlation (PCC)",
    "share_passing": "share of genes passing",
}
FAR = 2.0  # a panel so many times the height of all others away from them is drawn outside the frame


def curves_figure(curves: pd.DataFrame, band: pd.DataFrame, names: Mapping[str, str] | None = None) -> Figure:
    """Accuracy over panel size, a line a panel, with the range of the random panels behind.

    Parameters
    ----------
    curves : pd.DataFrame
        Of `decode.landmark.panel_curves.curves_table`.
    band : pd.DataFrame
        Of `decode.landmark.panel_comparisons.band_table`; of several splits the mean of their lowest and highest.
    names : mapping of panel to str, optional
        What the legend says.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = Figure(figsize=(11.0, 3.9), layout="constrained")
    parts = figure.subplots(1, len(MEASURES))
    for axes, (measure, label) in zip(parts, MEASURES.items(), strict=True):
        _draw(axes, curves, band[band["measure"] == measure], measure, names or {})
        axes.set_ylabel(label)
    handles, labels = parts[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5, frameon=False, fontsize=8)
    return figure


def _draw(axes: Axes, curves: pd.DataFrame, band: pd.DataFrame, measure: str, names: Mapping[str, str]) -> None:
    if len(band):
        range_ = band.groupby("size")[["lowest", "mean", "highest"]].mean()
        n_random = int(band["n_random"].min())
        axes.fill_between(
            range_.index, range_["lowest"], range_["highest"], color=LIGHT_GREY, lw=0, label=f"{n_random} random panels"
        )
        axes.plot(range_.index, range_["mean"], color=GREY, lw=1.2, label="their mean")
    looks = [(BLUE, "o"), *SERIES]
    panels = [panel for panel in dict.fromkeys(curves["panel"]) if panel != RANDOM]
    for number, panel in enumerate(panels):
        rows = curves[curves["panel"] == panel].sort_values("n_genes")
        colour, marker = looks[number % len(looks)]
        style = "-" if number < len(looks) else "--"
        axes.plot(
            rows["n_genes"], rows[measure], color=colour, marker=marker, ls=style, lw=1.3, ms=4.5,
            label=names.get(panel, panel), zorder=3 - number / 100,
        )  # fmt: skip
    sizes = sorted(set(curves["size"].astype(int)))
    axes.set_xscale("log")
    axes.set(xlabel="genes in the panel", xticks=sizes, xticklabels=[str(size) for size in sizes])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.tick_params(axis="x", labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    _leave_out_far_ones(axes, curves, measure)


def _leave_out_far_ones(axes: Axes, curves: pd.DataFrame, measure: str) -> None:
    """Frame the panels that lie together; one far from all others would flatten them, and a note names it."""
    far: list[str] = []
    for panel, rows in curves.groupby("panel", sort=False):
        others = curves.loc[~curves["panel"].isin([*far, panel]), measure]
        height = others.max() - others.min()
        if len(others) and height > 0:
            gap = max(rows[measure].max() - others.max(), others.min() - rows[measure].min())
            if gap > FAR * height:
                far.append(str(panel))
    if far:
        shown = curves.loc[~curves["panel"].isin(far), measure]
        margin = 0.06 * (shown.max() - shown.min())
        axes.set_ylim(shown.min() - margin, shown.max() + margin)
        axes.set_title(f"outside: {', '.join(far)}", fontsize=8, color=GREY)


def genes_figure(per_gene: pd.DataFrame, panel: str, reference: str, names: Mapping[str, str] | None = None) -> Figure:
    """Each target gene's error and correlation with one panel against those with another.

    Parameters
    ----------
    per_gene : pd.DataFrame
        gene_id, panel, size, mae, pcc, as of `decode.landmark.panel_evaluation.PanelEvaluation`.
    panel, reference : str
    names : mapping of panel to str, optional

    Returns
    -------
    matplotlib.figure.Figure
    """
    said = names or {}
    mine, theirs = (per_gene[per_gene["panel"] == name].set_index("gene_id") for name in (panel, reference))
    mine, theirs = mine.loc[mine.index.intersection(theirs.index)], theirs.loc[mine.index.intersection(theirs.index)]
    figure = Figure(figsize=(8.2, 4.1), layout="constrained")
    for axes, (column, label, sign) in zip(
        figure.subplots(1, 2), (("mae", "mean absolute error", -1), ("pcc", "correlation (PCC)", 1)), strict=True
    ):
        x, y = theirs[column], mine[column]
        low, high = min(x.min(), y.min()), max(x.max(), y.max())
        axes.plot([low, high], [low, high], color=GREY, lw=0.9)
        axes.scatter(x, y, s=9, color=BLUE, alpha=0.45, linewidths=0)
        share = float((sign * (y - x) > 0).mean())
        axes.set_title(f"{said.get(panel, panel)} is better for {share:.0%} of {len(x):,} genes", fontsize=9)
        n_mine, n_theirs = int(mine["size"].iloc[0]), int(theirs["size"].iloc[0])
        axes.set(
            xlabel=f"{label}, {said.get(reference, reference)} ({n_theirs} genes)",
            ylabel=f"{label}, {said.get(panel, panel)} ({n_mine} genes)",
        )
        axes.set_aspect("equal")
        axes.spines[["top", "right"]].set_visible(False)
    return figure
