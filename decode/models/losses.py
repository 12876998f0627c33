"""The loss: mean squared error in scaled units, over the values that were measured."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops


class MaskedSquaredError:
    """Mean squared error over measured values, each task divided by its scale.

    Parameters
    ----------
    task_sd : np.ndarray, shape (n_tasks,)
        Scale of each task, log2 units; a task with scale 0 (constant on training genes) has no weight.

    Notes
    -----
    sum_ij m_ij ((y_ij - f_ij) / s_j)^2 / sum_ij m_ij, with m_ij = 1 where y_ij was measured (not NaN) and s_j > 0.
    """

    def __init__(self, task_sd: np.ndarray) -> None:
        sd = np.asarray(task_sd, dtype=np.float32)
        self._weight = np.where(sd > 0, 1.0 / np.where(sd > 0, sd, 1.0) ** 2, 0.0).astype(np.float32)

    def __call__(self, actual: Any, predicted: Any) -> Any:
        """The loss of one batch, a scalar."""
        measured = ops.logical_not(ops.isnan(actual))
        mask = ops.cast(measured, "float32") * ops.cast(self._weight > 0, "float32")
        error = ops.where(measured, actual - predicted, 0.0)
        return ops.sum(ops.square(error) * self._weight * mask) / ops.maximum(ops.sum(mask), 1.0)


def squared_error(actual: np.ndarray, predicted: np.ndarray, task_sd: np.ndarray) -> float:
    """The same loss in float64 numpy, over all genes at once; early stopping uses it, so batch size plays no part.

    Parameters
    ----------
    actual, predicted : np.ndarray, shape (n_genes, n_tasks)
    task_sd : np.ndarray, shape (n_tasks,)

    Returns
    -------
    float
    """
    sd = np.asarray(task_sd, dtype=np.float64)
    mask = np.isfinite(actual) & (sd > 0)
    scaled = np.where(mask, (actual - predicted) / np.where(sd > 0, sd, 1.0), 0.0)
    return float(np.sum(scaled**2) / max(int(mask.sum()), 1))
