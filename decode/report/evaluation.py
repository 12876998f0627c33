"""Files of an evaluation: metrics.json, tables and figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from decode.core.files import staged_folder, write_json, write_table
from decode.evaluation.evaluate import Evaluation
from decode.expression.targets import MEDIAN_LEVEL
from decode.expression.task_kinds import KIND_LABELS, KIND_UNITS, main_kind, main_tasks
from decode.report.plots import per_task_accuracy, predicted_against_actual, specificity_heatmap, training_history


def write_evaluation(
    evaluation: Evaluation,
    out: str | Path,
    *,
    history: pd.DataFrame | None = None,
    record: dict[str, Any] | None = None,
    title: str = "",
) -> list[Path]:
    """Write the numbers, tables and figures of an evaluation into a folder, all of them or none.

    Parameters
    ----------
    evaluation : Evaluation
        From `decode.evaluate`.
    out : str or Path
        Folder; created if needed, its parent must exist. Files of the same names are replaced.
    history : pd.DataFrame, optional
        Losses of the members as the bundle keeps them: member, epoch, train_loss, validation_loss.
    record : dict, optional
        What was run, see `decode.core.files.run_record`; written as run.json.
    title : str, optional
        Line above every figure, such as the name of the data set.

    Returns
    -------
    list of Path
        The files written: metrics.json, per_task.tsv, predictions.tsv.gz, specificity.tsv (predicted in rows, actual
        in columns), per_task.png; specificity.png and fold_change.png where there are fold changes (level.png,
        other.png in a model of these); median_level.png where there is a median level; training.png where a history is
        given; run.json where a record is given.

    Raises
    ------
    FileNotFoundError, FileExistsError, PermissionError
        If the folder cannot be used.
    OSError
        If the disk is full.
    """
    with staged_folder(out) as folder:
        written = _write_files(evaluation, folder, history=history, title=title)
        if record is not None:
            write_json(record, folder / "run.json")
            written.append(folder / "run.json")
    return [Path(out) / path.name for path in written]


def _write_files(evaluation: Evaluation, folder: Path, *, history: pd.DataFrame | None, title: str) -> list[Path]:
    metrics, per_task = evaluation.metrics, evaluation.per_task
    write_json(metrics, folder / "metrics.json")
    write_table(per_task, folder / "per_task.tsv")
    write_table(evaluation.predictions, folder / "predictions.tsv.gz")
    write_table(evaluation.specificity, folder / "specificity.tsv", index=True)
    written = [folder / name for name in ("metrics.json", "per_task.tsv", "predictions.tsv.gz", "specificity.tsv")]

    heading = f"{title}{', ' if title else ''}{metrics['n_genes']} {metrics['split']} genes"
    series = ["task", "task_kind", "model", *metrics["baselines"], *metrics.get("others", {})]
    per_task_accuracy(per_task[series], folder / "per_task.png", title=heading)
    written.append(folder / "per_task.png")
    shown = median_task(per_task)
    if shown is not None:
        kind = main_kind(per_task["task_kind"].to_numpy())
        specificity_heatmap(evaluation.specificity, folder / "specificity.png", title=heading, what=KIND_LABELS[kind])
        # the task of middling accuracy, not the best one
        _draw_task(evaluation, shown, folder / f"{kind}.png", title=f"{shown} (median task), {heading}")
        written += [folder / "specificity.png", folder / f"{kind}.png"]
    if MEDIAN_LEVEL in evaluation.predictions and _is_drawable(evaluation, MEDIAN_LEVEL):
        _draw_task(evaluation, MEDIAN_LEVEL, folder / "median_level.png", title=f"median level, {heading}")
        written.append(folder / "median_level.png")
    if history is not None:
        training_history(_by_member(history), folder / "training.png", title=title)
        written.append(folder / "training.png")
    return written


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


def _draw_task(evaluation: Evaluation, task: str, path: Path, *, title: str) -> None:
    unit = KIND_UNITS[evaluation.metrics["task_kinds"][task]]
    predicted_against_actual(
        evaluation.actual[task].to_numpy(), evaluation.predictions[task].to_numpy(), path, title=title, unit=unit
    )


def _by_member(history: pd.DataFrame) -> Sequence[pd.DataFrame]:
    return [table for _, table in history.groupby("member", sort=True)]
