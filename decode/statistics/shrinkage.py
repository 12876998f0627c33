"""Shrink variances that few repeats estimate badly towards what is usual: the empirical Bayes step of limma."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
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


def squeeze_variance(variance: ArrayLike, df: float, strata: ArrayLike | None = None) -> Squeezed:
    """Shrink variances that few refits estimate badly towards the usual variance of their stratum.

    Parameters
    ----------
    variance : array, shape (n_regulators, n_columns)
        Sample variances, each column for itself.
    df : float
        Their degrees of freedom, d.
    strata : array, shape (n_regulators,), optional
        Default: all are one.

    Returns
    -------
    Squeezed

    Raises
    ------
    ValueError
        If a variance is negative or undefined, or df is not positive.

    Notes
    -----
    s^2 | sigma^2 ~ sigma^2 chi^2_d / d and 1 / sigma^2 ~ chi^2_d0 / (d0 s0^2). With e = log s^2 - psi(d/2) + log(d/2):
    d0 solves trigamma(d0/2) = V - trigamma(d/2), V being the variance of e within strata, and
    log s0^2 = mean of e in the stratum + psi(d0/2) - log(d0/2). Where V is too small d0 is infinite and s0^2 the mean
    of the stratum. Variances below 1e-5 of the stratum's median (0 where a regulator has no site) are raised to it
    before the logarithm. With one stratum this is limma's `squeezeVar`; limma's trend is a spline, ours a step a
    stratum.

    References
    ----------
    Smyth 2004, Stat Appl Genet Mol Biol 3:3, sections 3 and 6.2. Ritchie et al. 2015, doi:10.1093/nar/gkv007.
    """
    values = np.asarray(variance, dtype=np.float64)
    if values.ndim != 2 or not np.isfinite(values).all() or (values < 0).any():
        raise ValueError(f"variance has shape {values.shape}; numbers >= 0, regulators x columns, are wanted")
    if not df > 0:
        raise ValueError(f"df is {df}; a number above 0 is wanted")
    code = np.zeros(len(values), dtype=np.int64) if strata is None else np.unique(strata, return_inverse=True)[1]
    if code.shape != values.shape[:1]:
        raise ValueError(f"strata has shape {code.shape}; one number for each of {len(values)} regulators is wanted")
    n_strata = int(code.max(initial=-1)) + 1
    raised, plain_mean = np.empty_like(values), np.empty_like(values)
    for number in range(n_strata):
        rows = code == number
        raised[rows] = np.maximum(values[rows], LEAST_VARIANCE * _usual(values[rows]))
        plain_mean[rows] = raised[rows].mean(axis=0)
    e = np.log(np.maximum(raised, np.finfo(float).tiny)) - psi(df / 2) + np.log(df / 2)
    e_mean = np.empty_like(values)
    for number in range(n_strata):
        e_mean[code == number] = e[code == number].mean(axis=0)
    free = len(values) - n_strata
    if not free:  # every regulator stands alone: nothing to learn from others
        return Squeezed(values.copy(), values.copy(), np.zeros(values.shape[1]))
    excess = ((e - e_mean) ** 2).sum(axis=0) / free - polygamma(1, df / 2)
    prior_df = np.full(values.shape[1], np.inf)
    is_finite = excess > 0
    prior_df[is_finite] = 2 * inverse_trigamma(excess[is_finite])
    half = np.where(is_finite, prior_df, 2.0) / 2
    prior = np.where(is_finite, np.exp(e_mean + psi(half) - np.log(half)), plain_mean)
    weight = np.where(is_finite, df / (df + np.where(is_finite, prior_df, 0.0)), 0.0)
    return Squeezed(weight * values + (1 - weight) * prior, prior, prior_df)


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
