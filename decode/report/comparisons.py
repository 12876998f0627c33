"""Files of the comparisons with other models: tables and figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from decode.comparators.expecto import METHODS, ExpectoResult, methods_in
from decode.comparators.single_task import MULTI, SINGLE, SingleTaskResult
from decode.comparators.units import SCALES
from decode.core.checks import check_columns
from decode.expression.targets import MEDIAN_LEVEL
from decode.expression.task_kinds import FOLD_CHANGE, KIND_LABELS, KIND_UNITS, headline_label, tasks_by_kind
from decode.report.files import with_counts, write_run
from decode.report.style import BLACK, BLUE, GREY, LIGHT_GREY, ORANGE, new_figure

SCALE_LABELS = {
    "log_tpm": "ln(TPM + 1e-4)",
    **KIND_UNITS,
}


def write_single_task(
    result: SingleTaskResult,
    out: str | Path,
    *,
    record: dict[str, Any] | None = None,
    title: str = "",
    force: bool = False,
) -> list[Path]:
    """Write the tables and the figure of the multi-task comparison into a folder, all of them or none.

    Parameters
    ----------
    result : SingleTaskResult
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
        accuracy.tsv, cost.tsv, summary.tsv, comparison.tsv, single_task.png and .svg, run.json.

    Raises
    ------
    FileNotFoundError, FileExistsError, PermissionError
        If the folder cannot be used.
    """
    return write_run(
        out,
        "compare single-task",
        tables={
            "accuracy.tsv": result.table,
            "cost.tsv": result.cost,
            "summary.tsv": result.summary,
            "comparison.tsv": result.comparison,
        },
        figures={"single_task": single_task_plot(result.table, result.summary, title=title)},
        record=with_counts(record, result.counts),
        force=force,
    )


def write_expecto(
    result: ExpectoResult,
    out: str | Path,
    *,
    record: dict[str, Any] | None = None,
    title: str = "",
    force: bool = False,
) -> list[Path]:
    """Write the tables and the figure of the ExPecto comparison into a folder, all of them or none.

    Parameters
    ----------
    result : ExpectoResult
    out, record, title, force
        As in `write_single_task`.

    Returns
    -------
    list of Path
        runs.tsv (a row a run, method, scale and task), per_task.tsv, summary.tsv, comparison.tsv, expecto.png
        and .svg, run.json.

    Raises
    ------
    FileNotFoundError, FileExistsError, PermissionError
        If the folder cannot be used.
    """
    return write_run(
        out,
        "compare expecto",
        tables={
            "runs.tsv": result.table,
            "per_task.tsv": result.per_task,
            "summary.tsv": result.summary,
            "comparison.tsv": result.comparison,
        },
        figures={"expecto": expecto_plot(result.summary, title=title)},
        record=with_counts(record, result.counts),
        force=force,
    )


def single_task_plot(table: pd.DataFrame, summary: pd.DataFrame, *, title: str = "") -> Figure:
    """Draw the accuracy of every task by both models against each other, and the CPU time of a task.

    Parameters
    ----------
    table : pd.DataFrame
        model (multi_task, single_task), task, task_kind, spearman; several seeds are averaged.
    summary : pd.DataFrame
        model, cpu_s_per_task.
    title : str, optional
        Line above the figure.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If a column is missing.
    """
    check_columns("table of a single-task comparison", table, ["model", "task", "task_kind", "spearman"])
    check_columns("summary of a single-task comparison", summary, ["model", "cpu_s_per_task"])
    means = {model: rows.groupby("task")["spearman"].mean() for model, rows in table.groupby("model")}
    single = means[SINGLE]
    multi = means[MULTI].reindex(single.index)
    kinds = table.drop_duplicates("task").set_index("task")["task_kind"].reindex(single.index).to_numpy()
    markers = {MEDIAN_LEVEL: (ORANGE, "D"), FOLD_CHANGE: (BLUE, "o")}
    figure = new_figure(figsize=(8.2, 3.9), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1.25, 1))
    for kind, chosen in tasks_by_kind(kinds):
        (colour, marker), label = markers.get(kind, (GREY, "s")), KIND_LABELS[kind]
        x, y = single[chosen].to_numpy(), multi[chosen].to_numpy()
        is_better = int((y > x).sum())
        left.plot(x, y, marker, color=colour, alpha=0.75, label=f"{label}: {is_better} of {len(x)} above the line")
    values = np.concatenate([single.to_numpy(), multi.to_numpy()])
    values = values[np.isfinite(values)]
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    left.plot([low, high], [low, high], "--", color=BLACK, linewidth=1)
    left.set_xlabel("Spearman, one network a task", fontsize=10)
    left.set_ylabel("Spearman, one network for all", fontsize=10)
    left.legend(fontsize=8, frameon=False, loc="upper left")
    seconds = summary.set_index("model")["cpu_s_per_task"]
    right.barh([1, 0], [seconds[MULTI], seconds[SINGLE]], height=0.5, color=[BLUE, GREY])
    right.set_yticks([1, 0], ["one network\nfor all", "one network\na task"], fontsize=9)
    right.set_xlabel("CPU seconds per task", fontsize=10)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    if title:
        figure.suptitle(title, fontsize=10)
    return figure


def expecto_plot(summary: pd.DataFrame, *, title: str = "") -> Figure:
    """Draw RMSE and Pearson's correlation of every method in every unit: median over runs, bars of the MAD.

    Parameters
    ----------
    summary : pd.DataFrame
        method, scale, n_runs, rmse_median, rmse_mad, pearson_median, pearson_mad.
    title : str, optional
        Line above the figure.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If a column is missing.
    """
    columns = [f"{metric}_{kind}" for metric in ("rmse", "pearson") for kind in ("median", "mad")]
    check_columns("summary of an ExPecto comparison", summary, ["method", "scale", "n_runs", *columns])
    scales = [scale for scale in SCALES if scale in set(summary["scale"])]
    figure = new_figure(figsize=(2.6 * len(scales) + 1.2, 4.6), layout="constrained")
    panels = figure.subplots(2, len(scales), sharey=True, squeeze=False)
    for column, scale in enumerate(scales):
        of_scale = summary[summary["scale"] == scale].set_index("method")
        of_scale = of_scale.reindex(methods_in(of_scale.index))
        for row, (metric, label) in enumerate((("rmse", "RMSE"), ("pearson", "Pearson correlation"))):
            _draw_methods(panels[row, column], of_scale, metric)
            panels[row, column].set_xlabel(label, fontsize=9)
        panels[0, column].set_title(SCALE_LABELS[scale], fontsize=10)
    n_runs = int(summary["n_runs"].max())
    note = f"median of {n_runs} run{'s' if n_runs != 1 else ''}, bars: median absolute deviation"
    figure.suptitle(f"{title}\n{note}" if title else note, fontsize=9)
    return figure


def _draw_methods(axes: Axes, of_scale: pd.DataFrame, metric: str) -> None:
    y = np.arange(len(of_scale))
    colours = [BLUE if name == METHODS[0] else ORANGE if name == METHODS[1] else GREY for name in of_scale.index]
    axes.hlines(y, 0, 1, transform=axes.get_yaxis_transform(), color=LIGHT_GREY, linewidth=0.6, zorder=0)
    for position, colour in enumerate(colours):
        row = of_scale.iloc[position]
        axes.errorbar(row[f"{metric}_median"], position, xerr=row[f"{metric}_mad"], fmt="o", color=colour, capsize=3)
    axes.set_yticks(y, [str(name).replace("_", " ") for name in of_scale.index], fontsize=9)
    axes.set_ylim(len(y) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)


def single_task_text(result: SingleTaskResult) -> str:
    """Accuracy and time of one network for all tasks and of one network a task, as text."""
    figure = next(str(name) for name in result.summary if str(name).endswith("_spearman"))
    lines = [
        f"{row['model']}: mean {headline_label(figure)} Spearman {row[figure]:.3f}, "
        f"{row['n_networks']} networks, {row['cpu_s']:.1f} CPU s for {row['n_tasks']} tasks"
        for row in result.summary.to_dict("records")
    ]
    ratio = result.comparison["cpu_ratio"].iloc[0]
    return "\n".join([*lines, f"a network a task costs {ratio:.1f} times the CPU time of one for all"])


def expecto_text(result: ExpectoResult) -> str:
    """Our figures and ExPecto's in every unit, as text."""
    lines = [f"{'':14}{'metric':>10}{'decode':>10}{'expecto':>10}"]
    for row in result.comparison.to_dict("records"):
        lines.append(f"{row['scale']:14}{row['metric']:>10}{row['decode']:>10.3f}{row['expecto']:>10.3f}")
    return "\n".join(lines)
