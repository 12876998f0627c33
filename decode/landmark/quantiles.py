"""Quantile normalisation against a stored reference, so that new samples are treated as the training samples were."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from decode.core.checks import listed

SCALE_LOW, SCALE_HIGH = 4.0, 15.0  # Chen et al. 2016 (D-GEX): profiles lie between 4 and 15


@dataclass(frozen=True, eq=False)
class Quantiles:
    """The profile that every sample is given, by rank.

    Parameters
    ----------
    reference : float64 array, shape (n_genes,)
        Mean of the sorted training profiles, mapped linearly to `SCALE_LOW` .. `SCALE_HIGH`; ascending.
    raw_low, raw_high : float
        What `SCALE_LOW` and `SCALE_HIGH` are in the unit before (log2 of the user's values).
    """

    reference: NDArray[np.float64]
    raw_low: float
    raw_high: float

    @property
    def raw_per_unit(self) -> float:
        """log2 units that one unit of the scale 4 to 15 stands for."""
        return (self.raw_high - self.raw_low) / (SCALE_HIGH - SCALE_LOW)

    def to_raw(self, values: ArrayLike) -> NDArray[np.float64]:
        """Values of the scale 4 to 15 in the unit before (log2)."""
        return self.raw_low + (np.asarray(values, dtype=np.float64) - SCALE_LOW) * self.raw_per_unit


def fit_quantiles(blocks: Iterable[ArrayLike]) -> Quantiles:
    """Reference quantiles of training profiles, which may come in blocks.

    Parameters
    ----------
    blocks : iterable of array, shape (n_samples, n_genes)
        Training profiles in log2 units; only one block is held at a time.

    Returns
    -------
    Quantiles

    Raises
    ------
    ValueError
        If there is no profile, or all values are the same.

    References
    ----------
    Bolstad et al. 2003, Bioinformatics 19:185: the reference is the mean of the sorted profiles. Chen et al. 2016,
    Bioinformatics 32:1832 (D-GEX): values between 4 and 15.

    Examples
    --------
    >>> quantiles = fit_quantiles([[[1.0, 3.0, 2.0]], [[5.0, 1.0, 3.0]]])
    >>> quantiles.reference.tolist(), quantiles.to_raw(quantiles.reference).tolist()
    ([4.0, 9.5, 15.0], [1.0, 2.5, 4.0])
    """
    total: NDArray[np.float64] | None = None
    n_samples = 0
    for block in blocks:
        values = np.sort(np.asarray(block), axis=1)
        total = values.sum(axis=0, dtype=np.float64) + (0.0 if total is None else total)
        n_samples += len(values)
    if total is None or not n_samples:
        raise ValueError("no training profile to take reference quantiles from; give at least one training sample")
    mean = total / n_samples
    low, high = float(mean[0]), float(mean[-1])
    if not high > low:
        raise ValueError(f"all values of the training profiles are {low:g}; profiles that vary are wanted")
    return Quantiles(SCALE_LOW + (mean - low) * (SCALE_HIGH - SCALE_LOW) / (high - low), low, high)


def apply_quantiles(values: ArrayLike, quantiles: Quantiles) -> NDArray[np.float32]:
    """Give every sample the reference profile, by the ranks of its genes.

    Genes that are tied in a sample (the zeros of RNA-seq) get the mean of the quantiles that they share. Where a sample
    has another number of genes than the reference, the reference is interpolated linearly at (rank - 1) / (n - 1).

    Parameters
    ----------
    values : array, shape (n_samples, n_genes)
        In any unit that keeps the order: ranks alone count.
    quantiles : Quantiles

    Returns
    -------
    float32 array, shape (n_samples, n_genes)
        On the scale 4 to 15.

    Raises
    ------
    ValueError
        If a value is missing or infinite.

    Notes
    -----
    limma gives tied genes the quantile of their mean rank instead; the mean of their quantiles keeps the mean of the
    profile the same in every sample, however many zeros it has.

    Examples
    --------
    >>> quantiles = Quantiles(np.array([4.0, 5.0, 9.0, 15.0]), 0.0, 11.0)
    >>> apply_quantiles([[7.0, 1.0, 2.0, 3.0], [0.0, 0.0, 0.0, 8.0]], quantiles).tolist()
    [[15.0, 4.0, 5.0, 9.0], [6.0, 6.0, 6.0, 15.0]]
    """
    table = np.asarray(values)
    bad = np.flatnonzero(~np.isfinite(table).all(axis=1))
    if bad.size:
        raise ValueError(f"sample(s) {listed(bad + 1)} hold missing or infinite values; leave them out or fill them")
    reference = _resized(quantiles.reference, table.shape[1])
    out = np.empty(table.shape, dtype=np.float32)
    for row, profile in enumerate(table):
        order = np.argsort(profile, kind="stable")
        in_order = profile[order]
        starts = np.flatnonzero(np.concatenate([[True], in_order[1:] > in_order[:-1]]))
        sizes = np.diff(np.append(starts, len(order)))
        out[row, order] = np.repeat(np.add.reduceat(reference, starts) / sizes, sizes)
    return out


def _resized(reference: NDArray[np.float64], n_genes: int) -> NDArray[np.float64]:
    if n_genes == len(reference):
        return reference
    if n_genes < 2:
        raise ValueError(f"a sample has {n_genes} gene(s); ranks need at least 2")
    return np.interp(np.linspace(0, 1, n_genes), np.linspace(0, 1, len(reference)), reference)
