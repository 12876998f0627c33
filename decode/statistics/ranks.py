"""Normal scores: values replaced by the normal quantiles of their ranks."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri
from scipy.stats import rankdata


def normal_scores(values: ArrayLike) -> NDArray[np.float64]:
    """Replace values by the normal quantiles of their ranks, so that a few extreme ones weigh no more than the others.

    Parameters
    ----------
    values : array, shape (n,) or (n, n_columns)
        Any scale: only the order counts. Each column is ranked by itself. A NaN is no value: it takes no rank.

    Returns
    -------
    float64 array of the same shape
        u = Phi^-1((rank - 0.5) / m) with m the values of the column; ties share their mean rank; NaN where NaN was.

    References
    ----------
    Hazen 1914, Transactions of the ASCE 77:1539 (plotting position).

    Examples
    --------
    >>> normal_scores([5.0, 100.0, np.nan, 7.0]).round(3).tolist()
    [-0.967, 0.967, nan, 0.0]
    """
    numbers = np.asarray(values, dtype=np.float64)
    n_values = (~np.isnan(numbers)).sum(axis=0)
    ranks = rankdata(numbers, axis=0, nan_policy="omit") if numbers.size else numbers
    return np.asarray(ndtri((ranks - 0.5) / np.maximum(n_values, 1)), dtype=np.float64)
