"""The loss: squared or Huber error in scaled units, over the values that were measured."""

from __future__ import annotations

from typing import Any

import numpy as np

from decode.core.quiet_keras import ops


class MaskedLoss:
    """Mean error over measured values, each task divided by its scale.

    Parameters
    ----------
    task_sd : np.ndarray, shape (n_tasks,)
        Scale of each task, log2 units; a task with scale 0 (constant on training genes) has no weight.
    huber_delta : float, optional
        Errors beyond this many scales count linearly; None: all count squared.
    task_weight : np.ndarray, shape (n_tasks,), optional
        How much each task counts; default all the same.

    Notes
    -----
    With z_ij = (y_ij - f_ij) / s_j, the loss is sum_ij m_ij rho(z_ij) / sum_ij m_ij, where m_ij is the weight of task j
    where y_ij was measured (not NaN) and s_j > 0, else 0. Squared: rho(z) = z^2. Huber: rho(z) = z^2 up to |z| = delta,
    then delta (2 |z| - delta).

    Fold changes have heavy tails: a few tissue-specific genes lie many standard deviations out, no binding site tells
    which ones, and under a squared error they pull the network away from the order of all the others.

    References
    ----------
    Huber 1964, Annals of Mathematical Statistics 35:73, doi:10.1214/aoms/1177703732.
    """

    def __init__(
        self, task_sd: np.ndarray, huber_delta: float | None = None, task_weight: np.ndarray | None = None
    ) -> None:
        sd = np.asarray(task_sd, dtype=np.float32)
        self._inverse = np.where(sd > 0, 1.0 / np.where(sd > 0, sd, 1.0), 0.0).astype(np.float32)
        self._delta = huber_delta
        self.weight: np.ndarray = (np.ones_like(sd) if task_weight is None else np.asarray(task_weight, np.float32)) * (
            sd > 0
        )

    def __call__(self, actual: Any, predicted: Any) -> Any:
        """The loss of one batch, a scalar."""
        measured = ops.logical_not(ops.isnan(actual))
        mask = ops.cast(measured, "float32") * self.weight
        return self.weighted(ops.where(measured, actual, 0.0), ops.where(measured, predicted, 0.0), mask)

    def weighted(self, actual: Any, predicted: Any, mask: Any) -> Any:
        """The same of targets without NaN, with the weight of each: the task's where it was measured, else 0."""
        scaled = (actual - predicted) * self._inverse
        error = ops.square(scaled)
        if self._delta is not None:
            size = ops.abs(scaled)
            error = ops.where(size <= self._delta, error, self._delta * (2.0 * size - self._delta))
        return ops.sum(error * mask) / ops.maximum(ops.sum(mask), 1e-6)


def masked_loss(
    actual: np.ndarray,
    predicted: np.ndarray,
    task_sd: np.ndarray,
    huber_delta: float | None = None,
    task_weight: np.ndarray | None = None,
) -> float:
    """The same loss in float64 numpy, over all genes at once; early stopping uses it, so batch size plays no part.

    Parameters
    ----------
    actual, predicted : np.ndarray, shape (n_genes, n_tasks)
    task_sd : np.ndarray, shape (n_tasks,)
    huber_delta : float, optional
    task_weight : np.ndarray, shape (n_tasks,), optional

    Returns
    -------
    float
    """
    sd = np.asarray(task_sd, dtype=np.float64)
    mask = np.isfinite(actual) & (sd > 0)
    size = np.abs(np.where(mask, (actual - predicted) / np.where(sd > 0, sd, 1.0), 0.0))
    error = size**2
    if huber_delta is not None:
        error = np.where(size <= huber_delta, error, huber_delta * (2 * size - huber_delta))
    weight = mask if task_weight is None else mask * np.asarray(task_weight, dtype=np.float64)
    total = float(weight.sum())
    return float(np.sum(error * weight) / total) if total > 0 else 0.0
