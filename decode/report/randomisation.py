"""Files of a feature randomisation: tables and a figure of what each region's sites contribute."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from decode.core.checks import check_columns
from decode.evaluation.randomisation import FULL, RandomisationResult
from decode.expression.targets import MEDIAN_LEVEL
from decode.expression.task_kinds import HEADLINES, KIND_LABELS, TASK_KINDS, main_kind
from decode.report.files import with_counts, write_run
from decode.report.style import BLACK, BLUE, GREY, LIGHT_GREY, ORANGE, new_figure

Key = tuple[str, bool]


def write_randomisation(
    result: RandomisationResult,
    out: str | Path,
    *,
    record: dict[str, Any] | None = None,
    title: str = "",
    force: bool = False,
) -> list[Path]:
    """Write the tables and the figure of a feature randomisation into a folder, all of them or none.

    Parameters
    ----------
    result : RandomisationResult
        From `decode.evaluation.randomisation.randomise`.
    out : str or Path
        Folder; created if needed, its parent must exist. A finished run in it is replaced with `force` only.
    record : dict, optional
        What was run, see `decode.core.files.run_record`; written as run.json.
    title : str, optional
        Line above the figure.
    force : bool, default False
        Replace a finished run.

    Returns
    -------
    list of Path
        randomisation.tsv (one row a variant, seed and task), summary.tsv, comparison.tsv, randomisation.png
        and .svg, run.json.

    Raises
    ------
    FileNotFoundError, FileExistsError, PermissionError
        If the folder cannot be used.
    """
    return write_run(
        out,
        "randomise",
        tables={
            "randomisation.tsv": result.table,
            "summary.tsv": result.summary,
            "comparison.tsv": result.comparison,
        },
        figures={"randomisation": randomisation_plot(result.table, result.comparison, title=title)},
        record=with_counts(record, result.counts),
        force=force,
    )


def randomisation_plot(table: pd.DataFrame, comparison: pd.DataFrame, *, title: str = "") -> Figure:
    """Draw the accuracy of every variant and, beside it, how much it falls short of the full model.

    Parameters
    ----------
    table : pd.DataFrame
        variant, stratified, seed, task, task_kind, spearman. Left panel: mean over the fold changes (without any the
        levels, then the others), one small dot a seed, the mean over seeds large. The median level is not drawn.
    comparison : pd.DataFrame
        first, second, stratified, mean_difference, low, high. Right panel: the rows whose first is the full model.
    title : str, optional
        Line above the figure.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If a column is missing or all tasks are median levels.
    """
    check_columns("table of a randomisation", table, ["variant", "stratified", "seed", "task", "task_kind", "spearman"])
    check_columns("comparison of a randomisation", comparison, ["first", "second", "stratified", "mean_difference"])
    kind = main_kind(table["task_kind"].to_numpy())
    if kind == MEDIAN_LEVEL:
        raise ValueError("the table of a randomisation has no task beside the median level; nothing to draw")
    changes = table[table["task_kind"] == kind]
    keys: list[Key] = list(dict.fromkeys(zip(changes["variant"], changes["stratified"], strict=True)))
    y = {key: position for position, key in enumerate(keys)}
    figure = new_figure(figsize=(8.4, 0.34 * len(keys) + 1.6), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    by_seed = changes.groupby(["variant", "stratified", "seed"], sort=False)["spearman"].mean().reset_index()
    for key in keys:
        of_key = (by_seed["variant"] == key[0]) & (by_seed["stratified"] == key[1])
        values = by_seed.loc[of_key, "spearman"].to_numpy(dtype=np.float64)
        left.plot(values, np.full(len(values), y[key]), "o", color=GREY, markersize=3.5, zorder=2)
        mean = values[np.isfinite(values)].mean() if np.isfinite(values).any() else np.nan
        left.plot(mean, y[key], "o", color=_colour(key), markersize=8, alpha=0.75, zorder=3)
    _draw_differences(right, comparison, y)
    left.set_yticks(range(len(keys)), [_label(key) for key in keys], fontsize=9)
    left.set_ylim(len(keys) - 0.5, -0.5)
    left.set_xlabel(f"mean Spearman over {KIND_LABELS[kind]} tasks", fontsize=10)
    right.set_xlabel("lost against the full model", fontsize=10)
    for axes in (left, right):
        axes.axvline(0, color=GREY, linewidth=0.8, zorder=1)
        grid = {"transform": axes.get_yaxis_transform(), "color": LIGHT_GREY, "linewidth": 0.6, "zorder": 0}
        axes.hlines(range(len(keys)), 0, 1, **grid)
        axes.tick_params(axis="y", length=0)
        axes.spines[["top", "right", "left"]].set_visible(False)
    handles = [
        Line2D([], [], color=GREY, marker="o", linestyle="", markersize=3.5, label="one seed"),
        Line2D([], [], color=BLUE, marker="o", linestyle="", markersize=8, alpha=0.75, label="mean over seeds"),
        Line2D([], [], color=BLACK, marker="o", markersize=5, label="difference, 95 % interval over groups of tasks"),
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=3, fontsize=8, frameon=False, title=title or None)
    return figure


def _draw_differences(axes: Axes, comparison: pd.DataFrame, y: dict[Key, int]) -> None:
    for row in comparison[comparison["first"] == FULL].to_dict("records"):
        position = y[(row["second"], row["stratified"])]
        axes.plot([row["low"], row["high"]], [position, position], "-", color=BLACK, linewidth=1.4, zorder=2)
        axes.plot(row["mean_difference"], position, "o", color=BLACK, markersize=5, zorder=3)


def _colour(key: Key) -> str:
    return ORANGE if key[1] else BLUE


def _label(key: Key) -> str:
    return key[0].replace("_", " ") + (" within length" if key[1] else "")


def randomisation_text(summary: pd.DataFrame) -> str:
    """The accuracy of every variant, as text.

    Parameters
    ----------
    summary : pd.DataFrame
        Of a RandomisationResult.

    Returns
    -------
    str
    """
    kinds = [kind for kind in TASK_KINDS if f"{HEADLINES[kind]}_spearman" in summary]
    lines = [f"{'':34}" + "".join(f"{KIND_LABELS[kind]:>14}{'SD':>8}" for kind in kinds)]
    for row in summary.to_dict("records"):
        pairs = [(row[f"{HEADLINES[kind]}_spearman"], row[f"{kind}_sd_over_seeds"]) for kind in kinds]
        cells = [["-" if number != number else f"{number:.3f}" for number in pair] for pair in pairs]
        label = f"{row['variant']}{' within length' if row['stratified'] else ''}"
        lines.append(f"{label:34}" + "".join(f"{mean:>14}{spread:>8}" for mean, spread in cells))
    return "\n".join(lines)
