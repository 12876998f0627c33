"""Give genes the sites of other genes, while every gene keeps its own bins and so its length."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from decode.core.checks import check_count
from decode.features.matrix import RegulatoryFeatures
from decode.features.region import RegionMatrix
from decode.genome.sources import BASES, SIGNAL
from decode.statistics.strata import quantile_strata, shuffled_within

GENES_PER_STRATUM = 30  # few enough to be alike, many enough that a gene seldom (1 in 30) gets its own sites back
COUNT_QUANTILES = 5


def exchange_strata(
    features: RegulatoryFeatures,
    parts: ArrayLike,
    region: str | None = None,
    *,
    genes_per_stratum: int = GENES_PER_STRATUM,
) -> NDArray[np.int64]:
    """Group genes of like length and site count, within each part of the split: sites are exchanged within a group.

    Parameters
    ----------
    features : RegulatoryFeatures
    parts : array of str, shape (n_genes,)
        Part of the split of every gene.
    region : str, optional
        Sites of this region are counted; default of all.
    genes_per_stratum : int, default 30
        About so many genes form a group, if the part has as many.

    Returns
    -------
    int64 array, shape (n_genes,)

    Raises
    ------
    ValueError
        If `parts` has another length.

    Notes
    -----
    A part is cut into quantiles of the spliced length, so many that each holds 5 x `genes_per_stratum` genes, and each
    of them into 5 quantiles of the bases that sites cover, summed over tracks. Fewer where the part is small.
    """
    check_count("genes_per_stratum", genes_per_stratum)
    part = np.asarray(parts).astype(str)
    if part.shape != (features.n_genes,):
        raise ValueError(f"parts has shape {part.shape}; one for each of the {features.n_genes} genes is wanted")
    length = features.genes["length_bp"].to_numpy(dtype=np.float64)
    count = _site_bases(features, region)
    strata = np.zeros(features.n_genes, dtype=np.int64)
    first = 0
    for name in np.unique(part):
        rows = np.flatnonzero(part == name)
        n_counts = int(np.clip(len(rows) // (2 * genes_per_stratum), 1, COUNT_QUANTILES))
        n_lengths = max(1, len(rows) // (n_counts * genes_per_stratum))
        by_length = rows[np.argsort(length[rows], kind="stable")]  # so that equal counts stand in the order of length
        strata[by_length] = first + quantile_strata(
            [length[by_length], count[by_length]], [n_lengths, n_counts], is_larger_first=True
        )
        first += n_lengths * n_counts
    return strata


def _site_bases(features: RegulatoryFeatures, region: str | None) -> NDArray[np.float64]:
    """Bases that sites cover in each gene, summed over tracks; signal tracks count only where there is nothing else."""
    total = features.totals(region).astype(np.float64)
    tracks = features.tracks if region is None else features.tracks[features.tracks["region"] == region]
    is_bases = (tracks["value_kind"] == BASES).to_numpy()
    values: NDArray[np.float64] = np.asarray(total[:, is_bases] if is_bases.any() else total).sum(axis=1)
    return values


def donors_within(strata: NDArray[np.int64], seed: Sequence[int]) -> NDArray[np.int64]:
    """The gene whose sites each gene gets: one of its own stratum, at random, each once; shape (n_genes,)."""
    by_stratum = np.argsort(strata, kind="stable")
    donors = np.empty(len(strata), dtype=np.int64)
    donors[by_stratum] = by_stratum[shuffled_within(strata[by_stratum], 1, np.random.default_rng(seed))[0]]
    return donors


def receive_sites(
    matrix: RegionMatrix,
    donors: NDArray[np.int64],
    group: NDArray[np.int64] | None = None,
    *,
    is_signal: NDArray[np.bool_] | None = None,
) -> RegionMatrix:
    """Every gene gets the sites of its donor, in its own bins.

    Parameters
    ----------
    matrix : RegionMatrix
    donors : int array, shape (n_groups, n_genes)
        For each group of tracks a permutation of the genes: the gene whose sites each gene gets.
    group : int array, shape (n_tracks,), optional
        Group of each track; default all are of group 0.
    is_signal : bool array, shape (n_tracks,), optional
        Tracks that hold a signal: where bins fall together it is averaged.

    Returns
    -------
    RegionMatrix
        With the bins of `matrix`.

    Notes
    -----
    Where the gene has n bins and its donor m, bin i of the donor goes to bin floor(i n / m). Bases that fall into one
    bin add up, but not beyond its length; genes of like length lose hardly any.

    Examples
    --------
    >>> data = sparse.csr_array(np.array([[10], [0], [20], [30]], dtype=np.int16))
    >>> matrix = RegionMatrix("rna", data, np.array([0, 1, 4]), np.array([100, 100, 100, 40], dtype=np.int32))
    >>> receive_sites(matrix, np.array([[1, 0]])).data.toarray().ravel().tolist()
    [50, 10, 0, 0]
    """
    recipients = np.argsort(donors, axis=1)
    column = matrix.data.indices
    bin_row = np.repeat(np.arange(len(matrix.bin_length_bp)), np.diff(matrix.data.indptr))
    giver = matrix.gene_of_row[bin_row]
    taker = recipients[0 if group is None else group[column], giver]
    n_bins = np.diff(matrix.offsets)
    n_given, n_own = n_bins[giver], n_bins[taker]
    place = (bin_row - matrix.offsets[giver]) * n_own // n_given
    values = matrix.data.data.astype(np.float64)
    signal = np.zeros(matrix.n_tracks, dtype=bool) if is_signal is None else is_signal
    if signal.any():
        n_own_or_1 = np.maximum(n_own, 1)
        n_together = -(-(place + 1) * n_given // n_own_or_1) + (-place * n_given // n_own_or_1)
        values = np.where(signal[column], values / np.maximum(n_together, 1), values)
    has_place = n_own > 0
    target = (matrix.offsets[taker] + place)[has_place]
    moved = sparse.csr_array((values[has_place], (target, column[has_place])), shape=matrix.data.shape)
    limit = np.repeat(matrix.bin_length_bp, np.diff(moved.indptr)).astype(np.float64)
    moved.data = np.where(signal[moved.indices], moved.data, np.minimum(moved.data, limit))
    moved.eliminate_zeros()
    moved.sort_indices()
    return RegionMatrix(matrix.name, moved.astype(matrix.data.dtype), matrix.offsets, matrix.bin_length_bp)


def strata_by_region(
    features: RegulatoryFeatures, parts: ArrayLike, *, genes_per_stratum: int = GENES_PER_STRATUM
) -> dict[str, NDArray[np.int64]]:
    """`exchange_strata` of every region, by the sites of that region."""
    return {
        name: exchange_strata(features, parts, name, genes_per_stratum=genes_per_stratum) for name in features.regions
    }


def exchange_sites(
    features: RegulatoryFeatures, strata: Mapping[str, NDArray[np.int64]], *, seed: int
) -> RegulatoryFeatures:
    """Give every gene the sites of a gene of like length and site count: what the data look like if no site matters.

    All tracks of a region move together, so what is bound together stays together; each region has a permutation of
    its own. Genes keep their bins, and so their length: `RegulatoryFeatures.shuffled` moves the bins too, as the
    published control does.

    Parameters
    ----------
    features : RegulatoryFeatures
    strata : mapping of region name to int array, shape (n_genes,)
        From `strata_by_region`.
    seed : int

    Returns
    -------
    RegulatoryFeatures
        The track table is the same; counts of bound genes may differ by what falls beside a bin.
    """
    regions = {}
    for number, (name, matrix) in enumerate(features.regions.items()):
        donors = donors_within(strata[name], [seed, number])
        regions[name] = receive_sites(matrix, donors[None], is_signal=_is_signal(features, name))
    return replace(features, regions=regions)


def exchange_by_regulator(
    features: RegulatoryFeatures,
    parts: ArrayLike,
    code: NDArray[np.int64],
    *,
    seed: int,
    genes_per_stratum: int = GENES_PER_STRATUM,
) -> RegulatoryFeatures:
    """As `exchange_sites`, but each regulator by a permutation of its own, the same in all regions.

    Parameters
    ----------
    features : RegulatoryFeatures
    parts : array of str, shape (n_genes,)
    code : int array, shape (n_tracks,)
        Regulator of each track (`decode.features.regulators.regulators_of`).
    seed : int
    genes_per_stratum : int, default 30
        See `exchange_strata`; sites of all regions are counted.

    Returns
    -------
    RegulatoryFeatures
    """
    strata = exchange_strata(features, parts, genes_per_stratum=genes_per_stratum)
    donors = [donors_within(strata, [seed, one]) for one in range(int(code.max(initial=0)) + 1)]
    regions, first = {}, 0
    for name, matrix in features.regions.items():
        group = code[first : first + matrix.n_tracks]
        first += matrix.n_tracks
        regions[name] = receive_sites(matrix, np.stack(donors), group, is_signal=_is_signal(features, name))
    return replace(features, regions=regions)


def _is_signal(features: RegulatoryFeatures, region: str) -> NDArray[np.bool_]:
    kinds = features.tracks["value_kind"].to_numpy(dtype=object)
    is_signal: NDArray[np.bool_] = kinds[features.tracks["region"].to_numpy(dtype=object) == region] == SIGNAL
    return is_signal


def kept_share(before: RegulatoryFeatures, after: RegulatoryFeatures) -> float:
    """Share of the covered bases that an exchange kept: 1 but for what fell together or found no bin."""
    whole = float(before.totals().sum(dtype=np.float64))
    return float(after.totals().sum(dtype=np.float64)) / whole if whole else 1.0
