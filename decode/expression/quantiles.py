"""Quantile normalisation: every sample gets the same distribution of values, and new samples get a stored one."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from decode.core.checks import listed

Float = NDArray[np.float64]
LEAST_GENES = 2  # a distribution of fewer values has no quantiles


def sorted_profile(values: ArrayLike) -> Float:
    """Mean over samples of their sorted values: the distribution that quantile normalisation gives to all of them.

    Parameters
    ----------
    values : array, shape (n_genes, n_samples)
        NaN where a gene is not measured; the sorted values of such a sample are stretched over all places.

    Returns
    -------
    float64 array, shape (n_genes,)
        Ascending.

    Raises
    ------
    ValueError
        If a sample has fewer than two measured genes.

    Examples
    --------
    >>> sorted_profile([[1.0, 6.0], [3.0, 2.0], [2.0, 4.0]]).tolist()
    [1.5, 3.0, 4.5]
    """
    numbers = np.asarray(values, dtype=np.float64)
    ordered = np.sort(numbers, axis=0)  # NaN last
    n_measured = _count_measured(numbers)
    places = np.arange(len(numbers), dtype=np.float64)
    for sample in np.flatnonzero(n_measured < len(numbers)):
        own = ordered[: n_measured[sample], sample]
        ordered[:, sample] = np.interp(places, np.linspace(0, len(numbers) - 1, len(own)), own)
    profile: Float = ordered.mean(axis=1)
    return profile


def map_to_quantiles(values: ArrayLike, quantiles: ArrayLike) -> Float:
    """Give each sample the distribution `quantiles`, by the ranks of its genes.

    A value of rank r (1 = lowest; ties share their mean rank) among n gets the quantile at place (r - 1) / (n - 1),
    linear between stored quantiles. Missing values stay missing and have no rank.

    Parameters
    ----------
    values : array, shape (n_genes, n_samples)
        Any unit; only the ranks within a sample count.
    quantiles : array, shape (n_quantiles,)
        Ascending.

    Returns
    -------
    float64 array, shape (n_genes, n_samples)

    Raises
    ------
    ValueError
        If a sample has fewer than two measured genes.

    Examples
    --------
    >>> map_to_quantiles([[7.0], [7.0], [9.0]], [1.0, 2.0, 6.0]).ravel().tolist()
    [1.5, 1.5, 6.0]
    """
    numbers = np.asarray(values, dtype=np.float64)
    reference = np.asarray(quantiles, dtype=np.float64)
    n_measured = _count_measured(numbers)
    ranks = rankdata(numbers, axis=0, nan_policy="omit")
    places = (ranks - 1) * ((len(reference) - 1) / (n_measured - 1))
    mapped: Float = np.interp(places.ravel(), np.arange(len(reference)), reference).reshape(places.shape)
    mapped[np.isnan(numbers)] = np.nan
    return mapped


def quantile_normalise(values: ArrayLike) -> tuple[Float, Float]:
    """Give all samples the mean of their sorted profiles, ties averaged.

    Parameters
    ----------
    values : array, shape (n_genes, n_samples)
        NaN where a gene is not measured.

    Returns
    -------
    normalised : float64 array, shape (n_genes, n_samples)
        One sample stays as it is, but for ties.
    quantiles : float64 array, shape (n_genes,)
        The common distribution, ascending, see `sorted_profile`.

    Raises
    ------
    ValueError
        If a sample has fewer than two measured genes.

    References
    ----------
    Bolstad et al. 2003, doi:10.1093/bioinformatics/19.2.185. Ties and missing values as in R limma's normalizeQuantiles
    (ties = TRUE), with which the tests compare.

    Examples
    --------
    >>> quantile_normalise([[1.0, 6.0], [3.0, 2.0], [2.0, 4.0]])[0].tolist()
    [[1.5, 4.5], [4.5, 1.5], [3.0, 3.0]]
    """
    quantiles = sorted_profile(values)
    return map_to_quantiles(values, quantiles), quantiles


def _count_measured(values: Float) -> NDArray[np.int64]:
    if values.ndim != 2:
        raise ValueError(f"values have shape {values.shape}; genes x samples are wanted")
    n_measured: NDArray[np.int64] = (~np.isnan(values)).sum(axis=0)
    few = np.flatnonzero(n_measured < LEAST_GENES)
    if len(few):
        raise ValueError(
            f"samples with fewer than {LEAST_GENES} measured genes (by number, from 0): {listed(few)}; leave them out"
        )
    return n_measured
