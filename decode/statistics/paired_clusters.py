"""A paired test over tasks that are not independent: tissues in groups, such as thirteen regions of one brain."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

N_DRAWS = 10_000


class ClusterTest(NamedTuple):
    """Mean paired difference with its interval and p-value; NaN where undefined."""

    mean: float
    low: float
    high: float
    p_value: float
    n: int
    n_groups: int


def paired_cluster_test(
    differences: ArrayLike,
    groups: Sequence[Any] | np.ndarray,
    *,
    n_draws: int = N_DRAWS,
    level: float = 0.95,
    seed: int = 0,
) -> ClusterTest:
    """Test whether paired differences are zero on average when they come in groups that vary together.

    The interval is the percentile interval of a bootstrap that draws whole groups with replacement. The p-value is of a
    sign-flip test: under the null a group's differences are as likely to have the opposite sign, so the signs of whole
    groups are flipped, all 2^G ways where these are at most `n_draws`, else at random. It stays exact with few groups,
    where a bootstrap p-value is far too small: three groups of one sign give p = 0.25, not 0.

    Parameters
    ----------
    differences : array_like, shape (n,)
        One a task; NaN is left out.
    groups : sequence, shape (n,)
        Group of each task.
    n_draws : int, default 10,000
        Bootstrap draws, and the most sign patterns.
    level : float, default 0.95
        Coverage of the interval.
    seed : int

    Returns
    -------
    ClusterTest
        mean = sum_i d_i / n over all tasks, so large groups weigh more; low, high, p_value (two-sided), n tasks and
        n_groups. The interval and the p-value are NaN with fewer than two groups.

    Raises
    ------
    ValueError
        If there is not one group for each difference, or level is not between 0 and 1.

    References
    ----------
    Cameron, Gelbach & Miller (2008) Rev Econ Stat 90:414, clusters in the bootstrap. Fisher (1935), The Design of
    Experiments, section 21, sign flips: p = (1 + #{|flipped mean| >= |mean|}) / (1 + n) with random patterns, and the
    share itself where all are enumerated.

    Examples
    --------
    >>> paired_cluster_test([0.1, 0.2, 0.3], ["brain", "liver", "lung"]).p_value
    0.25
    """
    values, names = np.asarray(differences, dtype=np.float64).reshape(-1), np.asarray(groups, dtype=object).reshape(-1)
    if values.shape != names.shape:
        raise ValueError(f"{len(names)} groups were given for {len(values)} differences; one group each is wanted")
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; a number between 0 and 1 is wanted, such as 0.95")
    is_defined = np.isfinite(values)
    values, names = values[is_defined], names[is_defined]
    if not len(values):
        return ClusterTest(np.nan, np.nan, np.nan, np.nan, 0, 0)
    number = {name: i for i, name in enumerate(dict.fromkeys(names.tolist()))}
    group = np.array([number[name] for name in names.tolist()])
    sums, sizes = np.bincount(group, weights=values), np.bincount(group)
    mean, n_groups = float(values.mean()), len(sums)
    if n_groups < 2:
        return ClusterTest(mean, np.nan, np.nan, np.nan, len(values), n_groups)
    rng = np.random.default_rng(seed)
    drawn = rng.integers(n_groups, size=(n_draws, n_groups))
    means = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return ClusterTest(mean, float(low), float(high), _flip_p_value(sums, n_draws, rng), len(values), n_groups)


def _flip_p_value(sums: np.ndarray, n_draws: int, rng: np.random.Generator) -> float:
    is_exact = len(sums) <= np.log2(n_draws)
    signs = (
        np.array(list(product((-1.0, 1.0), repeat=len(sums))))
        if is_exact
        else rng.choice((-1.0, 1.0), size=(n_draws, len(sums)))
    )
    observed = abs(sums.sum())
    n_extreme = int((np.abs(signs @ sums) >= observed - 1e-12 * np.abs(sums).sum()).sum())
    return n_extreme / len(signs) if is_exact else (1 + n_extreme) / (1 + len(signs))
