"""Figures of panels: error and correlation over panel size with the band of random panels; gene by gene, two panels."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from decode.landmark.panel_curves import RANDOM, comparable
from decode.report.style import BLUE, GREY, LIGHT_GREY, SERIES, new_figure

MEASURES = {
    "mean_mae": "mean absolute error (scale 4 to 15)",
    "mean_pcc": "mean correlation (PCC)",
    "share_passing": "share of genes passing",
}
FAR = 1.0  # a panel so many times the height of all others away from them is drawn outside the frame


def curves_figure(curves: pd.DataFrame, panels: pd.DataFrame, names: Mapping[str, str] | None = None) -> Figure:
    """Accuracy over panel size, a line a panel, with the range of the random panels behind.

    Parameters
    ----------
    curves : pd.DataFrame
        Of `decode.landmark.panel_curves.curves_table`; where some panel was not judged on every split, the splits that
        all share are drawn.
    panels : pd.DataFrame
        Of `decode.landmark.panel_curves.panels_table`: the random panels of these splits make the band, the mean over
        splits of the lowest and of the highest.
    names : mapping of panel to str, optional
        What the legend says.

    Returns
    -------
    matplotlib.figure.Figure
    """
    shown = comparable(curves)
    drawn = panels[panels["panel"] == RANDOM]
    if len(shown) < len(curves):
        common = set.intersection(*(set(rows["split"]) for _, rows in panels.groupby("panel")))
        drawn = drawn[drawn["split"].isin(common)]
    figure = new_figure(figsize=(11.0, 3.9), layout="constrained")
    far = _far_ones(shown)
    parts = figure.subplots(1, len(MEASURES))
    for axes, (measure, label) in zip(parts, MEASURES.items(), strict=True):
        band = drawn.groupby(["size", "split"])[measure].agg(["min", "mean", "max"]).groupby("size").mean()
        _draw(axes, shown, band, measure, names or {}, f"{drawn['draw'].nunique()} random panels")
        axes.set_ylabel(label)
        if far:
            axes.set_ylim(*_frame(shown.loc[~shown["panel"].isin(far), measure], band["min"], band["max"]))
            axes.set_title(f"beyond the frame: {', '.join(far)}", fontsize=8, color=GREY)
    handles, labels = parts[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5, frameon=False, fontsize=8)
    return figure


def _draw(
    axes: Axes, curves: pd.DataFrame, band: pd.DataFrame, measure: str, names: Mapping[str, str], band_name: str
) -> None:
    if len(band):
        axes.fill_between(band.index, band["min"], band["max"], color=LIGHT_GREY, lw=0, label=band_name)
        axes.plot(band.index, band["mean"], color=GREY, lw=1.2, label="their mean")
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


def _far_ones(curves: pd.DataFrame) -> list[str]:
    """Panels whose errors lie far from those of all others, which they would flatten."""
    far: list[str] = []
    for panel, rows in curves.groupby("panel", sort=False)["mean_mae"]:
        others = curves.loc[~curves["panel"].isin([*far, panel]), "mean_mae"]
        height = others.max() - others.min()
        if panel != RANDOM and len(others) and height > 0 and rows.max() - others.max() > FAR * height:
            far.append(str(panel))
    return far


def _frame(*parts: pd.Series) -> tuple[float, float]:
    low, high = min(part.min() for part in parts if len(part)), max(part.max() for part in parts if len(part))
    margin = 0.06 * (high - low) or 0.01
    return low - margin, high + margin


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
    figure = new_figure(figsize=(8.2, 4.1), layout="constrained")
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
