"""Permutation of whole samples beside what is known to matter: what coefficients look like if a term did not matter."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from decode.core.checks import check_count

Float = NDArray[np.float64]
CHUNK = 64  # permutations at a time


class TermFit(NamedTuple):
    """One term of a linear model beside the others.

    Attributes
    ----------
    residual : float64 array, shape (n_samples, n_columns)
        Of the values beside the other terms.
    own : float64 array, shape (n_samples,)
        What the other terms leave of the term.
    basis : float64 array, shape (n_samples, n_others)
        Orthonormal; the other terms.
    df : int
        Residual degrees of freedom with the term.
    """

    residual: Float
    own: Float
    basis: Float
    df: int

    @property
    def unscaled_sd(self) -> float:
        """Standard error of the coefficient at a residual variance of 1."""
        return float(1 / np.linalg.norm(self.own))


class Drawn(NamedTuple):
    """Coefficients and residual variances under some permutations.

    Attributes
    ----------
    coefficients, variance : float64 array, shape (n_permutations, n_columns)
    """

    coefficients: Float
    variance: Float


def fit_term(values: ArrayLike, design: ArrayLike, column: int) -> TermFit:
    """Take the other terms out of the values and out of one term.

    Parameters
    ----------
    values : array, shape (n_samples, n_columns)
        Finite.
    design : array, shape (n_samples, n_terms)
        Of full column rank.
    column : int
        The term in question.

    Returns
    -------
    TermFit

    Raises
    ------
    ValueError
        If shapes disagree, values are undefined, or no degree of freedom is left.
    """
    y, x = np.asarray(values, dtype=np.float64), np.asarray(design, dtype=np.float64)
    if y.ndim != 2 or x.ndim != 2 or len(y) != len(x):
        raise ValueError(f"values have shape {y.shape}, the design {x.shape}; samples x columns and samples x terms")
    if not np.isfinite(y).all() or not np.isfinite(x).all():
        raise ValueError("values or design hold undefined numbers; leave these columns or samples out")
    if len(x) <= x.shape[1]:
        raise ValueError(f"{len(x)} samples and {x.shape[1]} terms leave no degree of freedom; give more samples")
    basis, _ = np.linalg.qr(np.delete(x, column, axis=1))
    own = x[:, column] - basis @ (basis.T @ x[:, column])
    if np.linalg.norm(own) <= 1e-7 * np.linalg.norm(x[:, column]):
        raise ValueError(f"column {column} of the design is a function of the others; drop one of them")
    return TermFit(y - basis @ (basis.T @ y), own, basis, len(x) - x.shape[1])


def permutations(
    n_samples: int, n_permutations: int, *, seed: int, blocks: ArrayLike | None = None
) -> NDArray[np.int64]:
    """Orders of the samples.

    Parameters
    ----------
    n_samples, n_permutations : int
    seed : int
    blocks : array, shape (n_samples,), optional
        Samples change places within a block only.

    Returns
    -------
    int array, shape (n_permutations, n_samples)

    Raises
    ------
    ValueError
        If there is no sample or permutation, or blocks do not fit.

    Examples
    --------
    >>> permutations(4, 2, seed=0, blocks=["a", "a", "b", "c"])[:, 2:].tolist()
    [[2, 3], [2, 3]]
    """
    check_count("n_samples", n_samples)
    check_count("n_permutations", n_permutations)
    rng = np.random.default_rng(seed)
    code = np.zeros(n_samples, dtype=np.int64) if blocks is None else np.unique(blocks, return_inverse=True)[1]
    if code.shape != (n_samples,):
        raise ValueError(f"blocks have shape {code.shape}; one for each of {n_samples} samples is wanted")
    drawn = np.tile(np.arange(n_samples), (n_permutations, 1))
    for number in range(int(code.max()) + 1):
        members = np.flatnonzero(code == number)
        drawn[:, members] = rng.permuted(np.tile(members, (n_permutations, 1)), axis=1)
    return drawn


def freedman_lane(fit: TermFit, orders: NDArray[np.int64]) -> Iterator[Drawn]:
    """Coefficients of a term when the residuals of whole samples change places.

    Parameters
    ----------
    fit : TermFit
        From `fit_term`.
    orders : int array, shape (n_permutations, n_samples)
        From `permutations`. The row of a sample is moved as one, so columns stay as correlated as they are.

    Yields
    ------
    Drawn
        For some permutations at a time, in their order.

    Notes
    -----
    Y* = Z g + P e, with Z the other terms, g their coefficients without the term, and e the residuals of that fit; the
    model with the term x is fitted to Y*. With r = x beside Z: b* = r' P e / r'r and
    (n - k) s*^2 = |P e|^2 - |Q' P e|^2 - b*^2 r'r, where Q is an orthonormal basis of Z. Permuted residuals do not
    depend on x if it does not matter; they are exchangeable but for what Z has taken out of them, so the test is
    asymptotically exact.

    References
    ----------
    Freedman & Lane 1983, J Bus Econ Stat 1:292. Winkler et al. 2014, NeuroImage 92:381, section 2.

    Examples
    --------
    >>> fit = fit_term([[1.0], [2.0], [4.0], [5.0]], [[1, 0], [1, 0], [1, 1], [1, 1]], 1)
    >>> drawn = next(freedman_lane(fit, np.arange(4)[None]))  # nothing moved: the fit itself
    >>> drawn.coefficients.round(6).tolist(), drawn.variance.round(6).tolist()
    ([[3.0]], [[0.5]])
    """
    own_square, total = float(fit.own @ fit.own), (fit.residual**2).sum(axis=0)
    columns = np.column_stack([fit.own, fit.basis])
    for start in range(0, len(orders), CHUNK):
        back = np.argsort(orders[start : start + CHUNK], axis=1)  # x' P e = (P' x)' e
        moved = columns[back].transpose(0, 2, 1)  # (permutation, column, sample)
        products = moved @ fit.residual
        coefficients = products[:, 0] / own_square
        left = total - (products[:, 1:] ** 2).sum(axis=1) - coefficients**2 * own_square
        yield Drawn(coefficients, np.maximum(left, 0.0) / fit.df)
