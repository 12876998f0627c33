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


class GeneFits(NamedTuple):
    """Least squares of every gene on the samples in which it is known.

    Attributes
    ----------
    coefficients, unscaled_sd : float64 array, shape (n_genes, n_terms)
        NaN where the samples of a gene cannot tell a term.
    variance : float64 array, shape (n_genes,)
        NaN without a degree of freedom.
    df : float64 array, shape (n_genes,)
        Residual degrees of freedom d.
    """

    coefficients: Float
    unscaled_sd: Float
    variance: Float
    df: Float


class ModeratedT(NamedTuple):
    """Moderated t statistics.

    Attributes
    ----------
    t, p_value : float64 array, shape (n_genes, n_terms)
        Two-sided p-value.
    variance : float64 array, shape (n_genes,)
        (d0 s0^2 + d s^2) / (d0 + d).
    prior_df : float
        d0; infinite where variances differ no more than chance lets them.
    prior_variance : float64 array, shape (n_genes,)
        s0^2, the same for all genes without a trend.
    df : float64 array, shape (n_genes,)
        d + d0, at most the degrees of freedom of all genes together.
    """

    t: Float
    p_value: Float
    variance: Float
    prior_df: float
    prior_variance: Float
    df: Float


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


def fit_incomplete_models(values: ArrayLike, design: ArrayLike) -> GeneFits:
    """Fit one linear model a gene on the samples in which it is known.

    Parameters
    ----------
    values : array, shape (n_genes, n_samples)
        Log expression; NaN where a gene is not known.
    design : array, shape (n_samples, n_terms)
        Of full column rank.

    Returns
    -------
    GeneFits

    Raises
    ------
    ValueError
        As `fit_linear_models`; or if values are infinite.

    Notes
    -----
    As R limma's `lmFit`, but for a gene whose samples leave the design without full rank: a term is given where these
    samples determine it, whichever way the others are written, and NaN elsewhere. R leaves out the last of the
    columns that repeat each other, which changes what the others mean.

    Examples
    --------
    >>> fit = fit_incomplete_models([[1.0, np.nan, 4.0, 5.0]], [[1, 0], [1, 0], [1, 1], [1, 1]])
    >>> fit.coefficients.round(6).tolist(), fit.df.tolist()
    ([[1.0, 3.5]], [1.0])
    """
    y, x = np.asarray(values, dtype=np.float64), np.asarray(design, dtype=np.float64)
    if np.isinf(y).any():
        raise ValueError("values hold infinite numbers; leave these genes out, or add a pseudocount before logarithms")
    is_known = ~np.isnan(y)
    full = fit_linear_models(np.where(is_known, y, 0.0), x)
    coefficients, unscaled_sd = full.coefficients, np.tile(full.unscaled_sd, (len(y), 1))
    variance, df = full.variance, np.full(len(y), float(full.df))
    incomplete = np.flatnonzero(~is_known.all(axis=1))
    patterns, code = np.unique(is_known[incomplete], axis=0, return_inverse=True)
    for number, pattern in enumerate(patterns):
        rows = incomplete[code.ravel() == number]
        own, own_x = y[np.ix_(rows, pattern)], x[pattern]
        u, size, vt = np.linalg.svd(own_x, full_matrices=False)
        rank = int((size > size.max(initial=0.0) * max(x.shape) * np.finfo(float).eps).sum())
        u, way = u[:, :rank], vt[:rank].T / size[:rank]
        is_told = np.isclose((vt[:rank] ** 2).sum(axis=0), 1.0, atol=1e-9)
        coefficients[rows] = np.where(is_told, own @ u @ way.T, np.nan)
        unscaled_sd[rows] = np.where(is_told, np.sqrt((way**2).sum(axis=1)), np.nan)
        df[rows] = len(own_x) - rank
        left = ((own - own @ u @ u.T) ** 2).sum(axis=1)
        variance[rows] = left / (len(own_x) - rank) if len(own_x) > rank else np.nan
    return GeneFits(coefficients, unscaled_sd, variance, df)


def moderated_t(fit: LinearFit | GeneFits, *, level: ArrayLike | None = None) -> ModeratedT:
    """Turn a fit of many genes into moderated t statistics.

    Parameters
    ----------
    fit : LinearFit or GeneFits
    level : array, shape (n_genes,), optional
        Average level of each gene: the usual variance may then follow it (limma's `trend=TRUE`), as it does where
        counts were turned into logarithms.

    Returns
    -------
    ModeratedT

    Raises
    ------
    ValueError
        If no gene has a degree of freedom, or a level is undefined.

    Notes
    -----
    t = coefficient / (s~ u) with s~^2 = (d0 s0^2 + d s^2) / (d0 + d) and u the unscaled SD. d0 and s0^2 are estimated
    from all genes (`squeeze_variance`); as R limma's `lmFit` and `eBayes`. The degrees of freedom are d + d0, at most
    those of all genes together.

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
    squeezed = squeeze_variance(fit.variance[:, None], fit.df, trend=level)
    variance, prior_df = squeezed.variance[:, 0], float(squeezed.prior_df[0])
    own_df = np.broadcast_to(np.asarray(fit.df, dtype=np.float64), variance.shape)
    df = np.minimum(own_df + prior_df, own_df.sum())
    with np.errstate(divide="ignore", invalid="ignore"):  # a gene without any variation in all data without any
        t = fit.coefficients / (np.sqrt(variance)[:, None] * fit.unscaled_sd)
    p_value = 2 * student.sf(np.abs(t), df[:, None])
    return ModeratedT(t, p_value, variance, prior_df, squeezed.prior_variance[:, 0], df)
