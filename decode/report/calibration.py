"""Files of a calibration: how the spread over members relates to the error, as tables and a figure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from decode.evaluation.calibration import Calibration
from decode.expression.targets import MEDIAN_LEVEL
from decode.expression.task_kinds import KIND_LABELS, main_kind
from decode.report.files import RunFiles, write_run
from decode.report.style import BLACK, BLUE, GREY, LIGHT_GREY, ORANGE, SKY, new_figure


def write_calibration(
    calibration: Calibration,
    out: str | Path,
    *,
    record: dict[str, Any] | None = None,
    title: str = "",
    force: bool = False,
) -> list[Path]:
    """Write the tables and the figure of a calibration into a folder, all of them or none.

    Parameters
    ----------
    calibration : Calibration
        From `decode.evaluation.calibration.calibrate` or `calibrate_model`.
    out : str or Path
        Folder; created if needed, its parent must exist. Files of the same names are replaced.
    record : dict, optional
        What was run, see `decode.core.files.run_record`.
    title : str, optional
        Line above the figure.
    force : bool, default False
        Replace a finished run.

    Returns
    -------
    list of Path
        calibration.json, calibration_bins.tsv, calibration_tasks.tsv, intervals.tsv, calibration.png and
        calibration.svg, run.json.

    Raises
    ------
    FileNotFoundError, FileExistsError, PermissionError
        If the folder cannot be used.
    """
    files = calibration_files(calibration, title=title)
    return write_run(out, "calibration", **files._asdict(), record=record, force=force)


def calibration_files(calibration: Calibration, *, title: str = "") -> RunFiles:
    """The files of `write_calibration`; also part of an evaluation and of a cross-validation."""
    return RunFiles(
        tables={
            "calibration_bins.tsv": calibration.bins,
            "calibration_tasks.tsv": calibration.per_task,
            "intervals.tsv": calibration.intervals,
        },
        figures={"calibration": calibration_plot(calibration, title=title)},
        numbers={"calibration.json": calibration.metrics},
    )


def calibration_plot(calibration: Calibration, *, title: str = "") -> Figure:
    """Draw error against spread, how well the spread ranks the errors, and whether the intervals hold.

    Parameters
    ----------
    calibration : Calibration
    title : str, optional
        Line above the figure.

    Returns
    -------
    matplotlib.figure.Figure

    Notes
    -----
    Left: genes of each task in tenths of their spread; a line that rises says that a wide spread means a large error.
    A line above the dashed one says that members agree more than they are right. Middle: one dot a task. Right: share
    of held-out values inside the interval against the share asked for; bars reach from the lowest to the highest task.
    """
    figure = new_figure(figsize=(11.0, 3.8), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    _draw_bins(left, calibration.bins)
    _draw_tasks(middle, calibration.per_task)
    _draw_coverage(right, calibration.intervals)
    for axes in (left, middle, right):
        axes.spines[["top", "right"]].set_visible(False)
    if title:
        figure.suptitle(title, fontsize=10, x=0.01, ha="left")
    return figure


def _draw_bins(axes: Axes, bins: pd.DataFrame) -> None:
    is_level = bins["task_kind"] == MEDIAN_LEVEL
    changes = bins[~is_level]
    for _, rows in changes.groupby("task", sort=False):
        axes.plot(rows["spread"], rows["rmse"], "-", color=LIGHT_GREY, linewidth=0.8, zorder=1)
    series: list[tuple[str, pd.DataFrame, str, str]] = []
    if len(changes):
        mean = changes.groupby("bin")[["spread", "rmse"]].mean()
        series.append((f"mean over {_label(bins)} tasks", mean, BLUE, "o"))
    if len(changes) < len(bins):
        series.append(("median level", bins[is_level], ORANGE, "s"))
    for label, rows, colour, marker in series:
        axes.plot(rows["spread"], rows["rmse"], marker, linestyle="-", color=colour, markersize=5, label=label)
    limit = float(bins["spread"].max()) if len(bins) else 1.0
    axes.plot([0, limit], [0, limit], "--", color=BLACK, linewidth=1, label="error = spread")
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("spread over members (SD, log2)", fontsize=10)
    axes.set_ylabel("error (RMSE, log2)", fontsize=10)
    axes.legend(fontsize=8, frameon=False)


def _label(table: pd.DataFrame) -> str:
    """What the tasks beside the median level are."""
    return KIND_LABELS[main_kind(table["task_kind"].to_numpy())]


def _draw_tasks(axes: Axes, per_task: pd.DataFrame) -> None:
    is_level = (per_task["task_kind"] == MEDIAN_LEVEL).to_numpy()
    values = per_task["spearman"].to_numpy(dtype=np.float64)
    changes = np.sort(values[~is_level & np.isfinite(values)])
    style: dict[str, Any] = {"markersize": 5, "markeredgecolor": "white", "markeredgewidth": 0.5}
    axes.plot(
        np.arange(len(changes)), changes, "o", color=BLUE, label=f"{len(changes)} {_label(per_task)} tasks", **style
    )
    level = values[is_level & np.isfinite(values)]
    axes.plot(np.full(len(level), (len(changes) - 1) / 2), level, "s", color=ORANGE, label="median level", **style)
    axes.axhline(0, color=GREY, linewidth=0.8)
    axes.set_xticks([])
    axes.set_xlabel("tasks, in order", fontsize=10)
    axes.set_ylabel("Spearman of spread and absolute error", fontsize=10)
    axes.legend(fontsize=8, frameon=False)


def _draw_coverage(axes: Axes, intervals: pd.DataFrame) -> None:
    axes.plot([0, 1], [0, 1], "--", color=GREY, linewidth=1)
    series = (("coverage", BLUE, "o", "spread x factor", -0.008), ("plain_coverage", SKY, "D", "same for all", 0.008))
    for column, colour, marker, label, shift in series:
        found = intervals.groupby("level")[column].agg(["mean", "min", "max"]).dropna()
        if found.empty:
            continue
        x = found.index.to_numpy(dtype=np.float64) + shift
        axes.vlines(x, found["min"], found["max"], color=colour, linewidth=1)
        axes.plot(x, found["mean"], marker, color=colour, markersize=5, label=label)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("share asked for", fontsize=10)
    axes.set_ylabel("share of held-out values inside", fontsize=10)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=8, frameon=False, loc="upper left")
