"""Files of an evaluation of transcript usage: figures of merit, tables and a figure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from decode.evaluation.transcript_usage import UsageResult
from decode.expression.targets import MEDIAN_LEVEL
from decode.report.figures import per_task_accuracy, predicted_against_actual
from decode.report.files import write_run


def write_usage(
    result: UsageResult, out: str | Path, *, record: dict[str, Any] | None = None, title: str = "", force: bool = False
) -> list[Path]:
    """Write the numbers, tables and figures of an evaluation of transcript usage into a folder, all of them or none.

    Parameters
    ----------
    result : UsageResult
        From `decode.evaluation.transcript_usage.evaluate_usage`.
    out : str or Path
        Folder; created if needed, its parent must exist. A finished run in it is replaced with `force` only.
    record : dict, optional
        What was run, see `decode.core.files.run_record`; written as run.json.
    title : str, optional
        Line above the figures.
    force : bool, default False
        Replace a finished run.

    Returns
    -------
    list of Path
        metrics.json, usage.tsv (one row a predictor, task and value), usage_actual.tsv.gz, usage_predicted.tsv.gz,
        usage_per_task.png (Spearman pooled over transcripts), usage_median_level.png where there is a median level,
        each figure also as .svg, run.json.

    Raises
    ------
    FileNotFoundError, FileExistsError, PermissionError
        If the folder cannot be used.
    """
    heading = f"{title}{', ' if title else ''}usage of {result.metrics['n_transcripts_with_usage']} transcripts"
    own = result.table["task_kind"]
    shown = result.table[(own == MEDIAN_LEVEL) | (result.table["value"] == own)]
    wide = shown.pivot(index=["task", "task_kind"], columns="predictor", values="spearman_pooled")
    order = ["model", *(name for name in dict.fromkeys(shown["predictor"]) if name not in ("model", "mean"))]
    figures = {"usage_per_task": per_task_accuracy(wide[order].reset_index(), title=heading, what="transcripts")}
    actual = result.actual.get(MEDIAN_LEVEL)
    if actual is not None and np.isfinite(actual).any():
        figures["usage_median_level"] = predicted_against_actual(
            actual.to_numpy(),
            result.predicted[MEDIAN_LEVEL].to_numpy(),
            title=f"median level, {heading}",
            unit="usage (log2)",
            what="transcripts",
        )
    return write_run(
        out,
        "usage",
        tables={
            "usage.tsv": result.table,
            "usage_actual.tsv.gz": result.actual,
            "usage_predicted.tsv.gz": result.predicted,
        },
        figures=figures,
        numbers={"metrics.json": result.metrics},
        record=record,
        force=force,
    )


def usage_table(metrics: dict[str, Any]) -> str:
    """The headline figures of every predictor, as text.

    Parameters
    ----------
    metrics : dict
        Of a UsageResult.

    Returns
    -------
    str
        One line a predictor: Spearman pooled over transcripts and, in brackets, the mean within genes.
    """
    predictors = metrics["predictors"]
    names = [key.removesuffix("_pooled") for key in next(iter(predictors.values())) if key.endswith("_pooled")]
    lines = [
        f"{metrics['n_transcripts_with_usage']} {metrics['split']} transcripts of {metrics['n_genes_with_usage']} "
        "genes with two or more; Spearman pooled (mean within genes)",
        f"{'':16}" + "".join(f"{name.replace('_', ' '):>20}" for name in names),
    ]
    for predictor, row in predictors.items():
        cells = [(row[f"{name}_pooled"], row[f"{name}_within"]) for name in names]
        lines.append(f"{predictor:16}" + "".join(f"{_shown(a)} ({_shown(b)})".rjust(20) for a, b in cells))
    return "\n".join(lines)


def _shown(value: float) -> str:
    return f"{value:.3f}" if np.isfinite(value) else "-"
