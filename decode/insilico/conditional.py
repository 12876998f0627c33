"""Correlation of two genes beside other genes, for many sets of them at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import statsmodels.api as sm
from numpy.typing import ArrayLike, NDArray

Float = NDArray[np.float64]
Int = NDArray[np.int64]

# Where less than this share of a column is left beside the columns before it (or of a gene, beside all of them), a draw
# is solved by decomposition: the updates below lose as many digits as this number has.
SMALLEST_PIVOT = 1e-5
BLOCK_VALUES = 4_000_000  # cells of the matrices that are updated together


class Conditional(NamedTuple):
    """How two genes go together before and after something is regressed out of both.

    Attributes
    ----------
    before, after : float
        Pearson's r; its square is R2. NaN where nothing is left of a gene.
    p_after : float
        Of the partner's slope beside the drivers (t test): whether anything is left to explain. As true as its model.
    """

    before: float
    after: float
    p_after: float


def conditional_correlation(first: ArrayLike, second: ArrayLike, drivers: ArrayLike, base: ArrayLike) -> Conditional:
    """Regress drivers out of two genes by ordinary least squares, one model after the other, with statsmodels.

    Parameters
    ----------
    first, second : array, shape (n_samples,)
    drivers : array, shape (n_samples, n_drivers)
    base : array, shape (n_samples, n_covariates)
        Regressed out before and after; without the intercept, which is always there.

    Returns
    -------
    Conditional
    """
    a, b = (np.asarray(values, dtype=np.float64) for values in (first, second))
    known = sm.add_constant(np.asarray(base, dtype=np.float64).reshape(len(a), -1), has_constant="add")
    full = np.column_stack([known, np.asarray(drivers, dtype=np.float64)])
    before, after = (_correlation_of_residuals(a, b, design) for design in (known, full))
    slope = sm.OLS(a, np.column_stack([full, b])).fit()
    return Conditional(before, after, float(slope.pvalues[-1]))


def _correlation_of_residuals(a: Float, b: Float, design: Float) -> float:
    """Pearson's r of residuals: the root of R2 of one on the other, with its sign."""
    left, right = (sm.OLS(values, design).fit().resid for values in (a, b))
    if min(_share_left(left, a), _share_left(right, b)) < np.finfo(float).eps:
        return float("nan")
    fit = sm.OLS(left, sm.add_constant(right)).fit()
    return float(np.sign(fit.params[1]) * np.sqrt(max(fit.rsquared, 0.0)))


def _share_left(residual: Float, values: Float) -> float:
    total = float(((values - values.mean()) ** 2).sum())
    return float((residual**2).sum()) / total if total else 0.0


def drawn_correlations(pair: ArrayLike, columns: ArrayLike, draws: ArrayLike, base: ArrayLike) -> Float:
    """Correlation of two genes beside each of many sets of columns: `conditional_correlation(...).after`, all at once.

    Parameters
    ----------
    pair : array, shape (n_samples, 2)
    columns : array, shape (n_samples, n_columns)
        Expression of what is drawn from.
    draws : int array, shape (n_draws, k)
        Columns of each draw.
    base : array, shape (n_samples, n_covariates)

    Returns
    -------
    float64 array, shape (n_draws,)
        Pearson's r of the residuals; NaN where nothing is left of a gene.

    Notes
    -----
    With covariates regressed out and columns of length 1, the residual products of a pair Y beside columns X are
    Y'Y - Y'X (X'X)^-1 X'Y, the Schur complement of X'X in the matrix of products of [X, Y]. All products are made
    once; a draw takes k + 2 rows of them and eliminates k, the draws side by side. Draws with almost collinear columns
    go through a singular value decomposition instead, as statsmodels' OLS does.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> driver = rng.normal(size=50)
    >>> pair = driver[:, None] + 0.1 * rng.normal(size=(50, 2))
    >>> other = rng.normal(size=50)
    >>> drawn_correlations(pair, np.column_stack([driver, other]), [[0], [1]], np.empty((50, 0))).round(2)
    array([-0.03,  0.99])
    """
    genes, candidates = np.asarray(pair, dtype=np.float64), np.asarray(columns, dtype=np.float64)
    sets = np.asarray(draws, dtype=np.int64)
    known = np.column_stack([np.ones(len(genes)), np.asarray(base, dtype=np.float64).reshape(len(genes), -1)])
    both = _unit(_beside(np.column_stack([candidates, genes]), known))
    products = both.T @ both
    n_columns, (n_draws, k) = candidates.shape[1], sets.shape
    index = np.column_stack([sets, np.broadcast_to([n_columns, n_columns + 1], (n_draws, 2))]).T
    result = np.empty(n_draws)
    for start in range(0, n_draws, max(1, BLOCK_VALUES // (k + 2) ** 2)):
        block = slice(start, start + max(1, BLOCK_VALUES // (k + 2) ** 2))
        result[block] = _eliminated(products[index[:, None, block], index[None, :, block]], k)
    for number in np.flatnonzero(np.isnan(result)):
        result[number] = _by_decomposition(both[:, n_columns:], both[:, sets[number]])
    return result


def _beside(values: Float, known: Float) -> Float:
    """Residuals beside the known columns; twice, since the first pass leaves rounding errors of large means."""
    q = np.linalg.svd(known / np.maximum(np.abs(known).max(axis=0), 1e-300), full_matrices=False)
    basis = q[0][:, q[1] > q[1][0] * np.finfo(float).eps * max(known.shape)]
    once: Float = values - basis @ (basis.T @ values)
    twice: Float = once - basis @ (basis.T @ once)
    return twice


def _unit(values: Float) -> Float:
    length = np.sqrt((values**2).sum(axis=0))
    scaled: Float = values / np.where(length > 0, length, 1.0)
    return scaled


def _eliminated(products: Float, k: int) -> Float:
    """r of the last two rows of (k + 2, k + 2, n) products beside the first k; NaN where a pivot is too small."""
    is_fine = np.ones(products.shape[2], dtype=bool)
    for step in range(k):
        pivot = products[step, step]
        is_fine &= pivot > SMALLEST_PIVOT
        factor = products[step, step + 1 :] / np.where(pivot > SMALLEST_PIVOT, pivot, 1.0)
        products[step + 1 :, step + 1 :] -= factor[:, None] * products[step, None, step + 1 :]
    (aa, ab), (_, bb) = products[k:, k:]
    is_fine &= (aa > SMALLEST_PIVOT) & (bb > SMALLEST_PIVOT)
    found: Float = np.where(is_fine, ab / np.sqrt(np.where(is_fine, aa * bb, 1.0)), np.nan)
    return np.clip(found, -1.0, 1.0)


def _by_decomposition(pair: Float, columns: Float) -> float:
    left = pair - columns @ np.linalg.lstsq(columns, pair, rcond=1e-12)[0]
    variance = (left**2).sum(axis=0)
    if variance.min() < np.finfo(float).eps:
        return float("nan")
    return float(np.clip(left[:, 0] @ left[:, 1] / np.sqrt(variance.prod()), -1.0, 1.0))
