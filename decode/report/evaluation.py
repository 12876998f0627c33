"""Files of an evaluation: metrics.json, tables and figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from decode.evaluation.calibration import Calibration
from decode.evaluation.evaluate import Evaluation
from decode.expression.targets import MEDIAN_LEVEL
from decode.expression.task_kinds import KIND_LABELS, KIND_UNITS, headline_label, main_kind, main_tasks
from decode.report.calibration import calibration_files
from decode.report.figures import (
    clustered_order,
    per_task_accuracy,
    predicted_against_actual,
    specificity_heatmap,
    training_history,
)
from decode.report.files import RunFiles, write_run


def write_evaluation(
    evaluation: Evaluation,
    out: str | Path,
    *,
    history: pd.DataFrame | None = None,
    calibration: Calibration | None = None,
    record: dict[str, Any] | None = None,
    title: str = "",
    force: bool = False,
) -> list[Path]:
    """Write the numbers, tables and figures of an evaluation into a folder, all of them or none.

    Parameters
    ----------
    evaluation : Evaluation
        From `decode.evaluate`.
    out : str or Path
        Folder; created if needed, its parent must exist. A finished run in it is replaced with `force` only.
    history : pd.DataFrame, optional
        Losses of the members as the bundle keeps them: member, epoch, train_loss, validation_loss.
    calibration : Calibration, optional
        How the spread over members relates to the error (`decode.calibrate_model`); its files stand beside.
    record : dict, optional
        What was run, see `decode.core.files.run_record`; written as run.json with the list of files.
    title : str, optional
        Line above every figure, such as the name of the data set.
    force : bool, default False
        Replace a finished run.

    Returns
    -------
    list of Path
        The files written: metrics.json, per_task.tsv, predictions.tsv.gz, specificity.tsv (predicted in rows, actual
        in columns), per_task.png; stack_predictions.tsv.gz where there is a stack; specificity.png (tasks that are
        alike beside each other) and fold_change.png where there are fold changes (level.png,
        other.png in a model of these); median_level.png where there is a median level; training.png where a history is
        given; each figure also as .svg; run.json.

    Raises
    ------
    FileNotFoundError, FileExistsError, PermissionError
        If the folder cannot be used.
    OSError
        If the disk is full.
    """
    files = evaluation_files(evaluation, history=history, title=title)
    if calibration is not None:
        files = files.with_files(calibration_files(calibration))
    return write_run(out, "evaluate", **files._asdict(), record=record, force=force)


def evaluation_files(evaluation: Evaluation, *, history: pd.DataFrame | None = None, title: str = "") -> RunFiles:
    """The files of `write_evaluation`; also part of the demo."""
    metrics, per_task = evaluation.metrics, evaluation.per_task
    specificity = evaluation.specificity
    tables = {
        "per_task.tsv": per_task,
        "predictions.tsv.gz": evaluation.predictions,
        "specificity.tsv": specificity.rename_axis(str(specificity.index.name or "")).reset_index(),
    }
    if evaluation.stack is not None:
        tables["stack_predictions.tsv.gz"] = evaluation.stack
    heading = f"{title}{', ' if title else ''}{metrics['n_genes']} {metrics['split']} genes"
    series = ["task", "task_kind", "model", *metrics["baselines"], *metrics.get("others", {})]
    figures = {"per_task": per_task_accuracy(per_task[series], title=heading)}
    shown = median_task(per_task)
    if shown is not None:
        kind = main_kind(per_task["task_kind"].to_numpy())
        order = clustered_order(evaluation.actual[[str(task) for task in specificity.columns]])
        figures["specificity"] = specificity_heatmap(
            specificity.loc[order, order], title=heading, what=KIND_LABELS[kind]
        )
        # the task of middling accuracy, not the best one
        figures[kind] = _draw_task(evaluation, shown, title=f"{shown} (median task), {heading}")
    if MEDIAN_LEVEL in evaluation.predictions and _is_drawable(evaluation, MEDIAN_LEVEL):
        figures["median_level"] = _draw_task(evaluation, MEDIAN_LEVEL, title=f"median level, {heading}")
    if history is not None:
        figures["training"] = training_history(_by_member(history), title=title)
    return RunFiles(tables, figures, {"metrics.json": metrics})


def median_task(per_task: pd.DataFrame) -> str | None:
    """The fold change whose accuracy is the (lower) median of all; without any a level, then another task.

    Parameters
    ----------
    per_task : pd.DataFrame
        Columns task, task_kind and model.

    Returns
    -------
    str or None
        None where none is defined.

    Examples
    --------
    >>> table = pd.DataFrame({"task": ["median_level", "a", "b", "c"], "model": [0.9, 0.1, 0.5, 0.3]})
    >>> median_task(table.assign(task_kind=["median_level", "level", "level", "level"]))
    'c'
    """
    is_main = main_tasks(per_task["task_kind"].to_numpy())
    defined = per_task[is_main & per_task["model"].notna()].sort_values("model")
    return str(defined["task"].iloc[(len(defined) - 1) // 2]) if len(defined) else None


def _is_drawable(evaluation: Evaluation, task: str) -> bool:
    return bool((np.isfinite(evaluation.actual[task]) & np.isfinite(evaluation.predictions[task])).any())


def _draw_task(evaluation: Evaluation, task: str, *, title: str) -> Figure:
    unit = KIND_UNITS[evaluation.metrics["task_kinds"][task]]
    return predicted_against_actual(
        evaluation.actual[task].to_numpy(), evaluation.predictions[task].to_numpy(), title=title, unit=unit
    )


def _by_member(history: pd.DataFrame) -> Sequence[pd.DataFrame]:
    return [table for _, table in history.groupby("member", sort=True)]


def accuracy_text(metrics: dict[str, Any]) -> str:
    """The headline figures of a model, its baselines and other models, as text."""
    rows = {"model": metrics["model"], **metrics["baselines"], **metrics["others"]}
    lines = [
        f"{metrics['n_genes']} {metrics['split']} genes; Spearman",
        f"{'':16}" + "".join(f"{headline_label(figure):>14}" for figure in metrics["model"]),
    ]
    for name, row in rows.items():
        lines.append(f"{name:16}" + "".join(f"{'-' if cell != cell else f'{cell:.3f}':>14}" for cell in row.values()))
    for kind, weights in metrics.get("stack_weights", {}).items():
        parts = " + ".join(f"{weight:.1f} {name}" for name, weight in weights.items())
        lines.append(f"stack, {kind.replace('_', ' ')}: {parts} (weights chosen on validation genes)")
    own = metrics["specificity"]
    lines.append(f"own column is the highest for {own['n_own_highest']} of {own['n_tasks']} tasks")
    return "\n".join(lines)
