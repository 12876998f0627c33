"""Linear models of many genes at once, and t statistics whose variances borrow strength from each other."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import t as student

from decode.statistics.shrinkage import squeeze_variance

Float = NDArray[np.float64]


class LinearFit(NamedTuple):
    """Least squares of every gene on the same design.

    Attributes
    ----------
    coefficients : float64 array, shape (n_genes, n_terms)
        Units of the values.
    unscaled_sd : float64 array, shape (n_terms,)
        Square roots of the diagonal of (X'X)^-1.
    variance : float64 array, shape (n_genes,)
        Residual variance s^2.
    df : int
        Residual degrees of freedom d.
    residuals : float64 array, shape (n_genes, n_samples)
    """

    coefficients: Float
    unscaled_sd: Float
    variance: Float
    df: int
    residuals: Float


class ModeratedT(NamedTuple):
    """Moderated t statistics.

    Attributes
    ----------
    t, p_value : float64 array, shape (n_genes, n_terms)
        Two-sided p-value.
    prior_df, prior_variance : float
        d0 and s0^2.
    df : float
        d + d0, at most the degrees of freedom of all genes together.
    """

    t: Float
    p_value: Float
    prior_df: float
    prior_variance: float
    df: float


def fit_linear_models(values: ArrayLike, design: ArrayLike) -> LinearFit:
    """Fit one linear model a gene by least squares.

    Parameters
    ----------
    values : array, shape (n_genes, n_samples)
        Log expression; finite.
    design : array, shape (n_samples, n_terms)
        Of full column rank.

    Returns
    -------
    LinearFit

    Raises
    ------
    ValueError
        If shapes disagree, a value is undefined, columns of the design repeat each other, or no degree of freedom is
        left.

    Examples
    --------
    >>> fit = fit_linear_models([[1.0, 2.0, 4.0, 5.0]], [[1, 0], [1, 0], [1, 1], [1, 1]])
    >>> fit.coefficients.round(6).tolist(), fit.df, round(float(fit.variance[0]), 6)
    ([[1.5, 3.0]], 2, 0.5)
    """
    y, x = np.asarray(values, dtype=np.float64), np.asarray(design, dtype=np.float64)
    if y.ndim != 2 or x.ndim != 2 or y.shape[1] != len(x):
        raise ValueError(f"values have shape {y.shape}, the design {x.shape}; genes x samples and samples x terms")
    if not np.isfinite(y).all() or not np.isfinite(x).all():
        raise ValueError("values or design hold undefined numbers; leave these genes or samples out")
    rank = np.linalg.matrix_rank(x)
    if rank < x.shape[1]:
        raise ValueError(
            f"the design has {x.shape[1]} columns of rank {rank}: some are functions of the others; drop these terms"
        )
    df = len(x) - rank
    if df < 1:
        raise ValueError(
            f"{len(x)} samples and {rank} terms leave no degree of freedom for the noise; give "
            "replicates or fewer terms"
        )
    q, r = np.linalg.qr(x)
    inverse = np.linalg.inv(r)
    coefficients = (y @ q) @ inverse.T
    residuals = y - (y @ q) @ q.T
    return LinearFit(
        coefficients, np.sqrt((inverse**2).sum(axis=1)), (residuals**2).sum(axis=1) / df, int(df), residuals
    )


def moderated_t(fit: LinearFit) -> ModeratedT:
    """Turn a fit of many genes into moderated t statistics.

    Parameters
    ----------
    fit : LinearFit

    Returns
    -------
    ModeratedT

    Notes
    -----
    t = coefficient / (s~ u) with s~^2 = (d0 s0^2 + d s^2) / (d0 + d) and u the unscaled SD. d0 and s0^2 are estimated
    from all genes (`squeeze_variance`); as R limma's `lmFit` and `eBayes` without trend. The degrees of freedom are
    d + d0, at most n_genes d.

    References
    ----------
    Smyth 2004, Stat Appl Genet Mol Biol 3:3. Ritchie et al. 2015, doi:10.1093/nar/gkv007.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> values = rng.normal(size=(200, 6)) + np.outer(np.arange(200) == 7, [0, 0, 0, 6, 6, 6])
    >>> found = moderated_t(fit_linear_models(values, [[1, 0]] * 3 + [[1, 1]] * 3))
    >>> int(np.argmin(found.p_value[:, 1]))
    7
    """
    squeezed = squeeze_variance(fit.variance[:, None], fit.df)
    variance = squeezed.variance[:, 0]
    prior_df = float(squeezed.prior_df[0])
    df = min(fit.df + prior_df, float(fit.df * len(fit.variance)))
    t = fit.coefficients / (np.sqrt(variance)[:, None] * fit.unscaled_sd)
    return ModeratedT(t, 2 * student.sf(np.abs(t), df), prior_df, float(squeezed.prior_variance[0, 0]), df)
