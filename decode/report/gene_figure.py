"""A gene looked up in a model, as one figure: its levels, the regulators behind them, and where they act."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from decode.core.checks import check_count
from decode.regulators.gene_view import GeneView
from decode.report.style import BLACK, BLUE, GREY, LIGHT_GREY, VERMILION, new_figure

N_TASKS = 6  # highest and lowest drawn
MEDIAN_LEVEL = "median_level"


def plot_gene(view: GeneView, *, n_tasks: int = N_TASKS) -> Figure:
    """Draw what a model says of a gene: levels by task, regulators, and the bins through which they act.

    Parameters
    ----------
    view : GeneView
        From `decode.look_up_gene`.
    n_tasks : int, default 6
        Tasks of the highest and of the lowest predictions.

    Returns
    -------
    matplotlib.figure.Figure
        Left: predicted values, measured ones as crosses where they are known, the median level in the title. Middle:
        the largest effect of each regulator and the task where it has it. Right: its strongest bins, a marker a
        region, larger where they do more. Colours are directions.

    Examples
    --------
    >>> plot_gene(decode.look_up_gene(model, features, "LAPTM5"))  # doctest: +SKIP
    """
    check_count("n_tasks", n_tasks)
    tasks = view.tasks[view.tasks["kind"] != MEDIAN_LEVEL].sort_values("predicted", ascending=False, kind="stable")
    if len(tasks) > 2 * n_tasks:
        tasks = pd.concat([tasks.head(n_tasks), tasks.tail(n_tasks)])
    regulators = view.regulators
    height = 1.5 + 0.26 * max(len(tasks), len(regulators))
    figure = new_figure(figsize=(11.6, height), layout="constrained")
    left, middle, right = figure.subplots(1, 3, width_ratios=(1.0, 1.15, 1.3))
    _draw_tasks(left, tasks)
    _draw_regulators(middle, regulators)
    _draw_places(right, view.places, regulators["regulator"].tolist())
    gene = view.gene
    level = view.tasks.loc[view.tasks["kind"] == MEDIAN_LEVEL, "predicted"]
    known = "held out: the model never saw it" if gene["split"] == "test" else f"split: {gene['split']}"
    median = f"; predicted median level {level.iloc[0]:.1f} log2" if len(level) else ""
    place = f"{gene['chrom']}:{gene['tss'] + 1:,} ({gene['strand']}, {gene['build']})"
    figure.suptitle(f"{gene['gene_name']}  {place}; {known}{median}", fontsize=10, x=0.01, ha="left")
    return figure


def _draw_tasks(axes: Axes, tasks: pd.DataFrame) -> None:
    y = np.arange(len(tasks))
    colours = np.where(tasks["predicted"] > 0, VERMILION, BLUE)
    axes.barh(y, tasks["predicted"], color=colours, height=0.7)
    if tasks["measured"].notna().any():
        axes.plot(tasks["measured"], y, "x", color=BLACK, markersize=5, label="measured")
        axes.legend(fontsize=8, frameon=False, loc="lower right")
    axes.set_xlabel("predicted fold change (log2)", fontsize=9)
    _finish(axes, y, [str(name) for name in tasks["task"]])
    axes.set_title("highest and lowest", fontsize=9, loc="left")


def _draw_regulators(axes: Axes, regulators: pd.DataFrame) -> None:
    y = np.arange(len(regulators))
    effect = regulators["strongest_effect"].to_numpy(dtype=np.float64)
    axes.barh(y, effect, color=np.where(effect > 0, VERMILION, BLUE), height=0.7)
    limit = float(np.abs(effect).max(initial=0.0)) or 1.0
    for row, (value, task) in enumerate(zip(effect, regulators["strongest_task"], strict=True)):
        axes.text(
            value + np.copysign(0.03 * limit, value),
            row,
            str(task),
            fontsize=7.5,
            va="center",
            ha="left" if value > 0 else "right",
            color=GREY,
        )
    axes.set_xlim(min(effect.min(initial=0.0), 0.0) - 0.55 * limit, max(effect.max(initial=0.0), 0.0) + 0.55 * limit)
    axes.set_xlabel("largest effect on the prediction (log2)", fontsize=9)
    _finish(axes, y, regulators["regulator"].tolist())
    axes.set_title("regulators, with the task of the effect", fontsize=9, loc="left")


def _draw_places(axes: Axes, places: pd.DataFrame, order: list[str]) -> None:
    y = np.arange(len(order))
    limit = float(places["effect"].abs().max()) if len(places) else 1.0
    regions = list(dict.fromkeys(places["region"]))
    markers = dict(zip(regions, ("o", "s", "D", "^", "v"), strict=False))
    for region in regions:
        own = places[places["region"] == region]
        middle = (own["first_bp"] + own["last_bp"]).to_numpy(dtype=np.float64) / 2
        rows = [order.index(name) for name in own["regulator"]]
        colours = np.where(own["effect"] > 0, VERMILION, BLUE)
        sizes = 15 + 85 * own["effect"].abs().to_numpy(dtype=np.float64) / limit
        axes.scatter(middle, rows, s=sizes, c=colours, marker=markers.get(region, "o"), linewidths=0, alpha=0.85)
        axes.scatter([], [], s=36, color=GREY, marker=markers.get(region, "o"), label=_place_name(region))
    axes.axvline(0, color=LIGHT_GREY, linewidth=0.8, zorder=0)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.set_xlabel("bases from TSS (RNA: from its 5' end)", fontsize=9)
    if regions:
        axes.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    _finish(axes, y, [])
    blind = bool(places["position_blind"].any()) if len(places) else False
    axes.set_title("strongest bins" + (" (position_blind)" if blind else ""), fontsize=9, loc="left")


def _place_name(region: str) -> str:
    return "RNA" if region == "rna" else region


def _finish(axes: Axes, y: np.ndarray, names: list[str]) -> None:
    axes.set_yticks(y if names else [], names, fontsize=8)
    axes.set_ylim(len(y) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", labelsize=8)
    axes.grid(axis="x", color=LIGHT_GREY, linewidth=0.5)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
