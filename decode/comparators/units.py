"""The units in which two expression models are judged, and the way from each model's own unit to the others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from decode.expression.targets import MEDIAN_LEVEL
from decode.expression.task_kinds import FOLD_CHANGE, LEVEL, OTHER, tasks_by_kind
from decode.expression.tissue import PSEUDOCOUNT

# natural log of TPM + 1e-4 | log2 of TPM + 0.25 | that minus its median over tissues | that median
LOG_TPM = "log_tpm"
SCALES = (LOG_TPM, LEVEL, FOLD_CHANGE, OTHER, MEDIAN_LEVEL)


def split_by_kind(values: np.ndarray, kinds: Sequence[str]) -> dict[str, np.ndarray]:
    """Columns of a targets table by kind (fold change, level, other, median level); only kinds that are there."""
    return {kind: values[:, is_kind] for kind, is_kind in tasks_by_kind(kinds)}


def scales_of_targets(values: np.ndarray, kinds: Sequence[str], *, pseudocount: float) -> dict[str, np.ndarray]:
    """Median level and fold changes (log2(TPM + 0.25)) in all their scales.

    Parameters
    ----------
    values : np.ndarray, shape (n_genes, n_tasks)
        One column is the median level, the others are fold changes.
    kinds : sequence of str
        Kind of each task.
    pseudocount : float
        Of the scale log_tpm; a predicted TPM below 0 counts as 0.

    Returns
    -------
    dict of scale to np.ndarray, shape (n_genes, n_tissues); median_level has one column
    """
    parts = split_by_kind(values, kinds)
    level = parts[FOLD_CHANGE] + parts[MEDIAN_LEVEL]
    tpm = np.maximum(2.0**level - PSEUDOCOUNT, 0.0)
    return {LOG_TPM: np.log(tpm + pseudocount), LEVEL: level, **parts}


def scales_of_log_tpm(values: np.ndarray, *, pseudocount: float) -> dict[str, np.ndarray]:
    """Predictions of log(TPM + pseudocount), (n_genes, n_tissues), in all four scales.

    The median is over the tissues that have a prediction.

    Examples
    --------
    >>> found = scales_of_log_tpm(np.log([[3.75, 0.25, 1.75]]), pseudocount=1e-4)
    >>> {scale: values.round(3).tolist() for scale, values in found.items() if scale != "log_tpm"}
    {'level': [[2.0, -1.0, 1.0]], 'fold_change': [[1.0, -2.0, 0.0]], 'median_level': [[1.0]]}
    """
    level = np.log2(np.maximum(np.exp(values) - pseudocount, 0.0) + PSEUDOCOUNT)
    is_fitted = np.isfinite(level).all(axis=0)
    median = (
        np.median(level[:, is_fitted], axis=1, keepdims=True) if is_fitted.any() else np.full_like(level[:, :1], np.nan)
    )
    return {LOG_TPM: values, LEVEL: level, FOLD_CHANGE: level - median, MEDIAN_LEVEL: median}


def tasks_of_scale(scale: str, tasks: Sequence[str], kinds: Sequence[str]) -> list[str]:
    """Names of the columns of one scale: the tasks of that kind, or those that it is computed from."""
    of_kind = {kind: [task for task, own in zip(tasks, is_kind, strict=True) if own]
               for kind, is_kind in tasks_by_kind(kinds)}  # fmt: skip
    return of_kind.get(scale) or of_kind[FOLD_CHANGE]
