"""Count, for every bin of a promoter or RNA, the bases that the union of a track's sites covers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from decode.features.kernel import LENGTH_BITS, count_values, fill_values, near, sweep
from decode.features.pieces import Pieces

BLOCK_VALUES = 1 << 19  # values of the matrix filled at a time: 3 MB


def _count_sorted(pieces: Pieces, packed: NDArray[np.int64]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    rows, bases = sweep(*pieces.columns, pieces.reach, pieces.bin_size, packed)
    return rows, bases


def count_block(
    pieces: Pieces, starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Bases of every bin that the union of the sites of ONE track covers.

    Parameters
    ----------
    pieces : Pieces
    starts, ends : int64 arrays, shape (n_sites,)
        Sites on the axis of the pieces (minus strand shifted where the pieces are stranded), in any order; they may
        overlap each other and the edges of the bins.

    Returns
    -------
    rows : int32 array
        Bins with at least one covered base, ascending.
    bases : int32 array
        Covered bases of those bins.
    """
    packed = np.sort((np.asarray(starts, np.int64) << LENGTH_BITS) | (ends - starts))
    rows, bases = _count_sorted(pieces, packed)
    ascending, which = np.unique(rows, return_inverse=True)
    return ascending, np.bincount(which, weights=bases, minlength=len(ascending)).astype(np.int32)


def count_tracks(
    pieces: Pieces,
    track: NDArray[np.int32],
    position: NDArray[np.int64],
    length: NDArray[np.int32],
    strand: NDArray[np.int8],
    n_tracks: int,
) -> list[tuple[NDArray[np.int32], NDArray[np.int32]]]:
    """Count a block of sites of several tracks.

    Parameters
    ----------
    pieces : Pieces
    track : int32 array, shape (n_sites,)
        Track of each site, 0 to n_tracks - 1.
    position : int64 array, shape (n_sites,)
        Start on the assembly axis, without regard to strand.
    length : int32 array, shape (n_sites,)
        Bases.
    strand : int8 array, shape (n_sites,)
        1, -1, or 0 for not stated: such a site counts on both strands. Ignored where the pieces are unstranded.
    n_tracks : int

    Returns
    -------
    list of (rows, bases)
        Per track int32 rows and int32 bases, in no order. A row comes once for each site and piece: `rows_to_csr` adds
        them up.
    """
    index, start = near(pieces.touched, position, length, strand, pieces.strand_shift)
    packed = (start << LENGTH_BITS) | length[index]
    if n_tracks == 1:
        parts = [packed]
    else:
        near_track = track[index].astype(np.int16 if n_tracks <= np.iinfo(np.int16).max else np.int32)
        order = np.argsort(near_track, kind="stable")  # a radix sort for 16-bit numbers
        parts = np.split(packed[order], np.searchsorted(near_track[order], np.arange(1, n_tracks)))
    return [_count_sorted(pieces, np.sort(part)) for part in parts]


def rows_to_csr(
    rows: list[NDArray[np.int32]], bases: list[NDArray[Any]], n_rows: int, dtype: type[np.number[Any]]
) -> sparse.csr_array:
    """Matrix of the rows and bases of all tracks; several entries of one cell are added up.

    The lists are not joined, so the peak is the lists and the matrix. The matrix is filled in blocks of rows that stay
    in the processor's cache (half the time of filling it track by track, where genes come in genome order).

    Parameters
    ----------
    rows, bases : lists of arrays
        One of each a track, as from `count_tracks`.
    n_rows : int
    dtype : numpy number type
        Of the matrix.

    Returns
    -------
    scipy.sparse.csr_array, shape (n_rows, len(rows))
        Sorted column numbers, no cell twice.
    """
    n_entries = sum(map(len, rows))
    block_bits = int(np.log2(max(n_rows * BLOCK_VALUES / max(n_entries, 1), 1)))
    n_blocks = (n_rows >> block_bits) + 1
    first, stop = np.full((len(rows), n_blocks), np.iinfo(np.int32).max, np.int32), np.zeros((len(rows), n_blocks), int)
    last_track, n_values = np.full(n_rows, -1, np.int32), np.zeros(n_rows + 1, np.int64)
    for track, track_rows in enumerate(rows):
        count_values(track_rows, track, last_track, n_values[1:], block_bits, first[track], stop[track])
    pointer = np.cumsum(n_values)
    if pointer[-1] <= np.iinfo(np.int32).max:
        pointer = pointer.astype(np.int32)
    indices, data = np.empty(pointer[-1], np.int32), np.empty(pointer[-1], dtype)
    ends = np.stack([pointer[:-1], pointer[:-1]], axis=1)
    if np.maximum(stop - first, 0).sum() > 3 * n_entries:  # rows in no order: blocks would read everything many times
        first, stop = np.zeros((len(rows), 1), int), np.array([[len(track_rows)] for track_rows in rows], dtype=int)
        block_bits = 62
    for block in range(first.shape[1]):
        low, high = block << block_bits, (block + 1) << block_bits
        for track in np.flatnonzero(stop[:, block] > first[:, block]).tolist():
            span = int(first[track, block]), int(stop[track, block])
            fill_values(rows[track], bases[track], track, *span, low, high, ends, indices, data)
    matrix = sparse.csr_array((data, indices, pointer), shape=(n_rows, len(rows)))
    matrix.has_canonical_format = True
    return matrix
