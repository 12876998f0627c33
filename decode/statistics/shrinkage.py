"""Shrink variances that few repeats estimate badly towards what is usual: the empirical Bayes step of limma."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import CubicSpline
from scipy.special import polygamma, psi

Float = NDArray[np.float64]
LEAST_VARIANCE = 1e-5  # of the median variance; as limma does where a variance is zero


class Squeezed(NamedTuple):
    """Variances shrunken towards what is usual in their stratum.

    Attributes
    ----------
    variance : float64 array, shape (n_regulators, n_columns)
        (d0 s0^2 + d s^2) / (d0 + d).
    prior_variance : float64 array, shape (n_regulators, n_columns)
        s0^2 of the regulator's stratum.
    prior_df : float64 array, shape (n_columns,)
        d0, common to all strata; infinite where variances differ no more than chance lets them.
    """

    variance: Float
    prior_variance: Float
    prior_df: Float


def squeeze_variance(
    variance: ArrayLike, df: ArrayLike, strata: ArrayLike | None = None, *, trend: ArrayLike | None = None
) -> Squeezed:
    """Shrink variances that few refits or samples estimate badly towards the usual variance of their like.

    Parameters
    ----------
    variance : array, shape (n_regulators, n_columns)
        Sample variances, each column for itself; a row stands for a regulator or a gene.
    df : float or array, shape (n_regulators,)
        Their degrees of freedom, d. A row of 0 says nothing (its variance may be NaN) and gets the usual variance.
    strata : array, shape (n_regulators,), optional
        Default: all are one.
    trend : array, shape (n_regulators,), optional
        A covariate that the usual variance follows smoothly, such as the average level; in place of strata.

    Returns
    -------
    Squeezed

    Raises
    ------
    ValueError
        If a variance is negative or undefined, no df is positive, or strata and trend are both given.

    Notes
    -----
    s^2 | sigma^2 ~ sigma^2 chi^2_d / d and 1 / sigma^2 ~ chi^2_d0 / (d0 s0^2). With e = log s^2 - psi(d/2) + log(d/2):
    d0 solves trigamma(d0/2) = V - mean trigamma(d/2), V being the variance of e around its fit, and
    log s0^2 = fit of e + psi(d0/2) - log(d0/2). The fit is the mean of the stratum, or a natural cubic spline of the
    trend. Where V is too small d0 is infinite and s0^2 the mean of the stratum (with a trend, exp of the fit).
    Variances below 1e-5 of the median (0 where a regulator has no site) are raised to it before the logarithm. With one
    stratum, or a trend, this is limma's `squeezeVar`.

    References
    ----------
    Smyth 2004, Stat Appl Genet Mol Biol 3:3, sections 3 and 6.2. Ritchie et al. 2015, doi:10.1093/nar/gkv007.
    """
    values = np.array(variance, dtype=np.float64)
    if values.ndim != 2:
        raise ValueError(f"variance has shape {values.shape}; numbers >= 0, regulators x columns, are wanted")
    given = np.asarray(df, dtype=np.float64)
    if given.shape not in ((), values.shape[:1]) or not (given >= 0).all() or (given.size and not given.max() > 0):
        raise ValueError(f"df is {given}; a number above 0, or one for each of {len(values)} rows, is wanted")
    d = np.broadcast_to(given.reshape(-1, 1), (len(values), 1))
    known = np.flatnonzero(d[:, 0] > 0)
    values[d[:, 0] == 0] = 0.0
    if not np.isfinite(values).all() or (values < 0).any():
        raise ValueError(f"variance has shape {values.shape}; numbers >= 0, regulators x columns, are wanted")
    basis = _groups_or_spline(len(values), strata, trend, known)
    free = len(known) - basis.shape[1]
    if free <= 0:  # every regulator stands alone: nothing to learn from others
        return Squeezed(values.copy(), values.copy(), np.zeros(values.shape[1]))
    raised = _raised(values, basis if trend is None else np.ones((len(values), 1)), known)
    half_d = d[known] / 2
    e = np.log(np.maximum(raised[known], np.finfo(float).tiny)) - psi(half_d) + np.log(half_d)
    weights = np.linalg.lstsq(basis[known], e, rcond=None)[0]
    excess = ((e - basis[known] @ weights) ** 2).sum(axis=0) / free - polygamma(1, half_d).mean()
    prior_df = np.full(values.shape[1], np.inf)
    is_finite = excess > 0
    prior_df[is_finite] = 2 * inverse_trigamma(excess[is_finite])
    half = np.where(is_finite, prior_df, 2.0) / 2
    fitted = basis @ weights
    plain_mean = basis @ np.linalg.lstsq(basis[known], raised[known], rcond=None)[0]
    usual = plain_mean if trend is None else np.exp(fitted)
    prior = np.where(is_finite, np.exp(fitted + psi(half) - np.log(half)), usual)
    weight = np.where(is_finite, d / (d + np.where(is_finite, prior_df, 1.0)), 0.0)
    return Squeezed(weight * values + (1 - weight) * prior, prior, prior_df)


def _groups_or_spline(n: int, strata: ArrayLike | None, trend: ArrayLike | None, known: NDArray[np.int64]) -> Float:
    """Columns that the logarithm of the usual variance is a linear function of."""
    if strata is not None and (trend is not None or len(known) < n):
        raise ValueError("strata go with no trend and with degrees of freedom above 0; give one of them")
    if trend is not None:
        covariate = np.asarray(trend, dtype=np.float64)
        if covariate.shape != (n,) or not np.isfinite(covariate).all():
            raise ValueError(f"trend has shape {covariate.shape}; a number for each of {n} regulators is wanted")
        return _natural_spline(covariate, known)
    code = np.zeros(n, dtype=np.int64) if strata is None else np.unique(strata, return_inverse=True)[1]
    if code.shape != (n,):
        raise ValueError(f"strata has shape {code.shape}; one number for each of {n} regulators is wanted")
    return np.asarray(np.eye(int(code.max(initial=-1)) + 1)[code])


def _natural_spline(covariate: Float, known: NDArray[np.int64]) -> Float:
    """Columns of a natural cubic spline, knots at even quantiles of the known rows, straight beyond the outer ones.

    1 to 4 columns for fewer than 3, fewer than 6, fewer than 30 and more rows, as limma has.
    """
    own = covariate[known]
    n_columns = min(1 + sum(len(own) >= least for least in (3, 6, 30)), len(np.unique(own)))
    if n_columns < 2:
        return np.ones((len(covariate), 1))
    knots = np.unique(np.quantile(own, np.linspace(0, 1, n_columns)))
    curve = CubicSpline(knots, np.eye(len(knots)), bc_type="natural")
    inside = np.clip(covariate, knots[0], knots[-1])
    return np.asarray(curve(inside) + curve(inside, 1) * (covariate - inside)[:, None])


def _raised(values: Float, groups: Float, known: NDArray[np.int64]) -> Float:
    """Values of at least 1e-5 of the usual one of their group."""
    raised = values.copy()
    for members in groups.T:
        rows = known[members[known] > 0]
        raised[rows] = np.maximum(values[rows], LEAST_VARIANCE * _usual(values[rows]))
    return raised


def _usual(values: Float) -> Float:
    """Median of each column; of what is above zero where it is zero, and 0 where nothing is."""
    median: Float = np.median(values, axis=0)
    for column in np.flatnonzero(median == 0):
        above = values[values[:, column] > 0, column]
        median[column] = np.median(above) if len(above) else 0.0
    return median


def inverse_trigamma(value: ArrayLike) -> Float:
    """x with trigamma(x) = value, for values above 0.

    References
    ----------
    Smyth 2004, appendix: Newton's method on 1 / trigamma, which is nearly linear.

    Examples
    --------
    >>> inverse_trigamma(np.array([np.pi**2 / 6])).round(6).tolist()
    [1.0]
    """
    wanted = np.asarray(value, dtype=np.float64)
    inner = np.clip(wanted, 1e-6, 1e7)
    x = 0.5 + 1 / inner
    for _ in range(50):
        trigamma = polygamma(1, x)
        step = trigamma * (1 - trigamma / inner) / polygamma(2, x)
        x = x + step
        if (np.abs(step) <= 1e-10 * x).all():
            break
    return np.where(wanted > 1e7, 1 / np.sqrt(wanted), np.where(wanted < 1e-6, 1 / wanted, x))
