"""Files of a cross-validation: out-of-fold predictions, accuracy by fold and task, calibration, figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from decode.core.checks import check_columns
from decode.evaluation.crossval import LABELS, MEMBER, MODEL, CrossValidation
from decode.expression.task_kinds import KIND_LABELS, headline_label, tasks_by_kind
from decode.report.calibration import calibration_files
from decode.report.figures import per_task_accuracy
from decode.report.files import RunFiles, write_run
from decode.report.style import BLACK, BLUE, GREY, LIGHT_GREY, new_figure


def write_cross_validation(
    result: CrossValidation,
    out: str | Path,
    *,
    record: dict[str, Any] | None = None,
    title: str = "",
    force: bool = False,
) -> list[Path]:
    """Write the tables and figures of a cross-validation into a folder, all of them or none.

    Parameters
    ----------
    result : CrossValidation
        From `decode.cross_validate`.
    out : str or Path
        Folder; created if needed, its parent must exist. A finished run in it is replaced with `force` only.
    record : dict, optional
        What was run, see `decode.core.files.run_record`; written as run.json.
    title : str, optional
        Line above every figure.
    force : bool, default False
        Replace a finished run.

    Returns
    -------
    list of Path
        metrics.json, predictions.tsv.gz, spread.tsv.gz (SD over members), genes.tsv.gz (chromosome and fold),
        folds.tsv, per_fold.tsv, per_task.tsv, per_task.png, folds.png, each figure also as .svg; the files of
        `decode.report.calibration.write_calibration` where the ensembles have a spread; run.json.

    Raises
    ------
    FileNotFoundError, FileExistsError, PermissionError
        If the folder cannot be used.
    OSError
        If the disk is full.
    """
    heading = f"{title}{', ' if title else ''}{result.metrics['n_genes']} genes in {len(result.folds)} folds"
    shown = ["task", "task_kind", MODEL, *result.metrics["baselines"]]
    files = RunFiles(
        tables={
            "predictions.tsv.gz": result.predictions,
            "spread.tsv.gz": result.spread,
            "genes.tsv.gz": result.genes,
            "folds.tsv": result.folds,
            "per_fold.tsv": result.per_fold,
            "per_task.tsv": result.per_task,
        },
        figures={
            "per_task": per_task_accuracy(result.per_task[shown], title=heading),
            "folds": folds_plot(result.per_fold, title=heading),
        },
        numbers={"metrics.json": result.metrics},
    )
    if result.calibration is not None:
        files = files.with_files(calibration_files(result.calibration, title=heading))
    return write_run(out, "cv", **files._asdict(), record=record, force=force)


def folds_plot(per_fold: pd.DataFrame, *, title: str = "") -> Figure:
    """Draw the accuracy of the model, of single members and of the baselines in every fold.

    Parameters
    ----------
    per_fold : pd.DataFrame
        fold, task, task_kind, n_genes, then one column of Spearman correlations a model; rmse is not drawn.
    title : str, optional
        Line above the figure.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If a column is missing.

    Notes
    -----
    A panel a kind of tasks: mean over fold changes, for instance, and the median level. A small dot is a fold, the
    large one the mean over folds, the bar one SD over folds. A baseline without a defined correlation (the mean)
    is not drawn.
    """
    check_columns("accuracy by fold", per_fold, ["fold", "task", "task_kind", MODEL])
    models = [str(column) for column in per_fold if column not in (*LABELS, "rmse")]
    ordered = [MODEL, *(column for column in (MEMBER,) if column in models)]
    ordered += [column for column in models if column not in ordered and per_fold[column].notna().any()]
    drawn = [
        (f"mean Spearman, {KIND_LABELS[kind]}", per_fold[is_kind])
        for kind, is_kind in tasks_by_kind(per_fold["task_kind"].to_numpy())
    ]
    figure = new_figure(figsize=(1.6 + 3.4 * len(drawn), 0.34 * len(ordered) + 1.3), layout="constrained")
    for axes, (label, rows) in zip(figure.subplots(1, len(drawn), sharey=True, squeeze=False)[0], drawn, strict=True):
        by_fold = rows.groupby("fold", sort=False)[ordered].mean()
        y = np.arange(len(ordered))
        axes.hlines(y, 0, 1, transform=axes.get_yaxis_transform(), color=LIGHT_GREY, linewidth=0.6, zorder=0)
        axes.axvline(0, color=GREY, linewidth=0.8, zorder=1)
        for position, name in enumerate(ordered):
            values = by_fold[name].dropna().to_numpy(dtype=np.float64)
            if not len(values):
                continue
            axes.plot(values, np.full(len(values), position), "o", color=GREY, markersize=3.5, zorder=2)
            mean, spread = values.mean(), values.std(ddof=1) if len(values) > 1 else 0.0
            colour = BLUE if name == MODEL else BLACK
            axes.plot([mean - spread, mean + spread], [position] * 2, "-", color=colour, linewidth=1.4, zorder=2)
            axes.plot(mean, position, "o", color=colour, markersize=7, alpha=0.8, zorder=3)
        axes.set_xlabel(label, fontsize=10)
        labels = ["single member" if name == MEMBER else name.replace("_", " ") for name in ordered]
        axes.set_yticks(y, labels, fontsize=9)
        axes.set_ylim(len(ordered) - 0.5, -0.5)
        axes.tick_params(axis="y", length=0)
        axes.spines[["top", "right", "left"]].set_visible(False)
    if title:
        figure.suptitle(title, fontsize=10, x=0.01, ha="left")
    return figure


def fold_text(metrics: dict[str, Any]) -> str:
    """The headline figures with their SD over folds, as text."""
    figures = [name for name in metrics["model"] if not name.endswith("_sd_over_folds")]
    rows = {"model": metrics["model"], "single member": metrics["single_member"], **metrics["baselines"]}
    lines = [
        f"{metrics['n_genes']} genes in {metrics['n_folds']} folds; Spearman within a fold, mean (SD) over folds",
        f"{'':18}" + "".join(f"{headline_label(figure):>18}" for figure in figures),
    ]
    for name, row in rows.items():
        cells = []
        for figure in figures:
            mean, spread = row[figure], row[f"{figure}_sd_over_folds"]
            cells.append("-" if mean != mean else f"{mean:.3f}" + ("" if spread != spread else f" ({spread:.3f})"))
        lines.append(f"{name:18}" + "".join(f"{cell:>18}" for cell in cells))
    return "\n".join(lines)
