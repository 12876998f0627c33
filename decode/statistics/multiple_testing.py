"""The false discovery rate of many tests: the one place where p-values are adjusted."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from statsmodels.stats.multitest import multipletests


def false_discovery_rate(p_value: ArrayLike) -> NDArray[np.float64]:
    """Benjamini-Hochberg: the least rate of false discoveries at which each test would be called.

    Parameters
    ----------
    p_value : array, shape (n_tests,) or (n_tests, n_families)
        Each column is a family of its own. NaN is a test that could not be done: it does not count as a test, and its
        rate is NaN.

    Returns
    -------
    float64 array of the same shape

    References
    ----------
    Benjamini and Hochberg 1995, J R Stat Soc B 57:289; statsmodels' `multipletests`.

    Examples
    --------
    >>> false_discovery_rate([0.25, 0.5, np.nan]).tolist()
    [0.5, 0.5, nan]
    """
    values = np.asarray(p_value, dtype=np.float64)
    found = np.full(values.shape, np.nan)
    for column in np.ndindex(values.shape[1:]):
        defined = np.flatnonzero(np.isfinite(values[(slice(None), *column)]))
        if len(defined):
            found[(defined, *column)] = multipletests(values[(defined, *column)], method="fdr_bh")[1]
    return found
