"""One region's bins of all genes, and how rows of it are picked, padded and summed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from decode.core.checks import listed

GENES_AT_ONCE = 1000


@dataclass(frozen=True, eq=False)
class RegionMatrix:
    """Covered bases in one named region: the bins of all genes, one below the other.

    Parameters
    ----------
    name : str
        "promoter", "rna" or another name.
    data : scipy.sparse.csr_array, shape (n_rows, n_tracks)
        Bases of the bin (row) that the union of the track's (column) sites covers (int16 or int32); in a region that
        also holds signal tracks float32.
    offsets : int64 array, shape (n_genes + 1,)
        Rows `offsets[i]:offsets[i + 1]` are the bins of gene i, in transcript direction; there may be none.
    bin_length_bp : int32 array, shape (n_rows,)
        Bases of the bin inside region and chromosome; 0 marks a masked bin.
    """

    name: str
    data: sparse.csr_array
    offsets: NDArray[np.int64]
    bin_length_bp: NDArray[np.int32]

    def __post_init__(self) -> None:
        n_rows = self.data.shape[0]
        steps_back = len(self.offsets) and (self.offsets[0] != 0 or (np.diff(self.offsets) < 0).any())
        if not len(self.offsets) or steps_back or self.offsets[-1] != n_rows or len(self.bin_length_bp) != n_rows:
            raise ValueError(
                f"region {self.name}: {n_rows} rows of data, {len(self.bin_length_bp)} bin lengths and offsets that "
                "do not run from 0 to the number of rows; all three must describe the same bins"
            )

    @property
    def n_genes(self) -> int:
        """Number of genes (or transcripts)."""
        return len(self.offsets) - 1

    @property
    def n_tracks(self) -> int:
        """Number of tracks of this region."""
        return int(self.data.shape[1])

    @property
    def gene_of_row(self) -> NDArray[np.int64]:
        """Gene number of every row, shape (n_rows,)."""
        return np.repeat(np.arange(self.n_genes), np.diff(self.offsets))

    def take_genes(self, order: NDArray[np.int64]) -> RegionMatrix:
        """The bins of the genes `order`, in that order (repeats allowed)."""
        n_bins = np.diff(self.offsets)[order]
        offsets = np.concatenate([[0], np.cumsum(n_bins)]).astype(np.int64)
        rows = np.arange(offsets[-1]) + np.repeat(self.offsets[order] - offsets[:-1], n_bins)
        return RegionMatrix(self.name, self.data[rows], offsets, self.bin_length_bp[rows])

    def take_tracks(self, columns: NDArray[np.int64]) -> RegionMatrix:
        """The same bins with the tracks `columns` only, in that order."""
        data = self.data[:, columns]
        data.sort_indices()
        return RegionMatrix(self.name, data, self.offsets, self.bin_length_bp)


def bin_grid(offsets: NDArray[np.int64], genes: NDArray[np.int64], n_bins: int) -> NDArray[np.int64]:
    """Row numbers of the first `n_bins` bins of `genes`, shape (n_genes, n_bins); -1 where a gene has fewer."""
    position = np.arange(n_bins)
    grid = offsets[genes][:, None] + position
    grid[position >= (offsets[genes + 1] - offsets[genes])[:, None]] = -1
    return grid


def padded_lengths(bin_length_bp: NDArray[np.int32], grid: NDArray[np.int64]) -> NDArray[np.float32]:
    """Bases of the bins of a `bin_grid`, 0 where a gene has fewer; float32 of the grid's shape."""
    lengths = np.zeros(grid.shape, dtype=np.float32)
    is_present = grid >= 0
    lengths[is_present] = bin_length_bp[grid[is_present]]
    return lengths


def dense_grid(picked: sparse.csr_array, is_present: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Spread the rows `picked` over the True places of `is_present`; zeros elsewhere.

    Returns float32 of shape (*is_present.shape, n_tracks).
    """
    n_values = np.zeros(is_present.size + 1, dtype=picked.indptr.dtype)
    n_values[1:][is_present.ravel()] = np.diff(picked.indptr)
    shape = (is_present.size, picked.shape[1])
    spread = sparse.csr_array((picked.data.astype(np.float32), picked.indices, np.cumsum(n_values)), shape=shape)
    values: NDArray[np.float32] = spread.toarray().reshape(*is_present.shape, picked.shape[1])
    return values


def check_rows(rows: ArrayLike, n_genes: int) -> NDArray[np.int64]:
    """Gene numbers as an int64 array of shape (n,).

    Raises
    ------
    TypeError
        If they are no integers.
    ValueError
        If one is outside the table.
    """
    numbers = np.asarray(rows)
    if numbers.dtype == bool or (numbers.size and not np.issubdtype(numbers.dtype, np.integer)):
        raise TypeError(f"rows are {numbers.dtype}; gene numbers (integers) are wanted")
    numbers = numbers.astype(np.int64).reshape(-1)
    is_outside = (numbers < 0) | (numbers >= n_genes)
    if is_outside.any():
        raise ValueError(f"rows outside the {n_genes} genes of the features: {listed(numbers[is_outside])}")
    return numbers


def check_genes_and_bins(
    region: str, offsets: NDArray[np.int64], genes: ArrayLike, n_bins: int | None
) -> tuple[NDArray[np.int64], int]:
    """Gene numbers as by `check_rows`, and the number of bins that holds them all.

    Raises
    ------
    ValueError
        If `n_bins` is smaller than the bins of a gene.
    """
    numbers = check_rows(genes, len(offsets) - 1)
    most = int((offsets[numbers + 1] - offsets[numbers]).max(initial=0))
    if n_bins is not None and n_bins < most:
        raise ValueError(f"n_bins is {n_bins}, but a gene has {most} bins in region {region}; give at least {most}")
    return numbers, most if n_bins is None else n_bins


def sum_rows(data: sparse.csr_array, group: NDArray[np.int64], n_groups: int) -> NDArray[np.float32]:
    """Sum rows by group, shape (n_groups, n_tracks); rows of group -1 are left out."""
    if not (np.diff(group) >= 0).all() or (len(group) and group[0] < 0):
        order = np.argsort(group, kind="stable")
        order = order[group[order] >= 0]
        data, group = data[order], group[order]
    # Rows of one group lie together now: a CSR matrix whose row pointers skip the rows between
    # holds every value of the group in one row, and toarray() adds what falls into one cell.
    pointer = data.indptr[np.searchsorted(group, np.arange(n_groups + 1))]
    shape = (n_groups, data.shape[1])
    summed = sparse.csr_array((data.data.astype(np.float32), data.indices, pointer), shape=shape)
    values: NDArray[np.float32] = summed.toarray()
    return values


def count_bound_genes(regions: Mapping[str, RegionMatrix]) -> NDArray[np.int64]:
    """Number of genes with at least one covered base, for the tracks of all regions side by side."""
    counts = [np.zeros(0, dtype=np.int64)]
    for region in regions.values():
        pointer = region.data.indptr[region.offsets]
        is_bound = np.zeros((region.n_genes, region.n_tracks), dtype=bool)
        for first in range(0, region.n_genes, GENES_AT_ONCE):  # gene numbers of all values at once would be large
            genes = np.arange(first, min(first + GENES_AT_ONCE, region.n_genes))
            gene = np.repeat(genes, np.diff(pointer[first : first + len(genes) + 1]))
            is_bound[gene, region.data.indices[pointer[first] : pointer[first + len(genes)]]] = True
        counts.append(is_bound.sum(axis=0, dtype=np.int64))
    return np.concatenate(counts)
