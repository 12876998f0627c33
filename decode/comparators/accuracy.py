"""The accuracy figures that every comparison reports."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from decode.statistics.metrics import pearson_per_task, rmse_per_task, spearman_per_task

METRICS = ("rmse", "pearson", "spearman")


def task_accuracy(actual: ArrayLike, predicted: ArrayLike) -> dict[str, list[float]]:
    """RMSE, Pearson's and Spearman's correlation of every task over genes, ready for JSON.

    Parameters
    ----------
    actual, predicted : array_like, shape (n_genes, n_tasks)

    Returns
    -------
    dict of metric to list of float
        NaN where undefined, see `decode.statistics.metrics`.

    Examples
    --------
    >>> found = task_accuracy([[1], [2], [3]], [[1], [3], [2]])
    >>> {name: round(values[0], 3) for name, values in found.items()}
    {'rmse': 0.816, 'pearson': 0.5, 'spearman': 0.5}
    """
    return {
        "rmse": rmse_per_task(actual, predicted).tolist(),
        "pearson": pearson_per_task(actual, predicted).tolist(),
        "spearman": spearman_per_task(actual, predicted).tolist(),
    }


def accuracy_rows(accuracy: dict[str, list[float | None]], tasks: list[str], **labels: object) -> pd.DataFrame:
    """One row a task of what `task_accuracy` gave (None, from JSON, is undefined), after columns of labels."""
    numbers = {name: np.array(accuracy[name], dtype=np.float64) for name in METRICS}
    return pd.DataFrame({**labels, "task": tasks, **numbers})
