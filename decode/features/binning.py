"""Count, for every bin of a promoter or RNA, the bases that the union of a track's sites covers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numba
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

if TYPE_CHECKING:
    from decode.features.pieces import Pieces

WINDOW_BITS = 12  # sites are first looked up in windows of 4 kb: most lie far from every piece and are done with
BLOCK_VALUES = 1 << 19  # values of the matrix filled at a time: 3 MB
LENGTH_BITS = 30  # low bits of a packed site hold its length; the 33 above hold a position on two 4-Gb strands


def _compiled(function: Any) -> Any:
    """Compile with numba when first called, cached on disk, without the interpreter lock."""
    return numba.njit(cache=True, nogil=True)(function)


@_compiled
def _span(piece, low, high, start, end, region_start, is_minus):  # type: ignore[no-untyped-def]
    """Place in the gene's region of the bases low to high of a piece."""
    first = region_start[piece] + (end[piece] - high if is_minus[piece] else low - start[piece])
    return first, first + high - low


@_compiled
def add_bins(start, end, region_start, row, is_minus, bin_size, bin_length_bp):  # type: ignore[no-untyped-def]
    """Add the bases of every piece to its bins."""
    for piece in range(len(start)):
        first, last = _span(piece, start[piece], end[piece], start, end, region_start, is_minus)
        number = first // bin_size
        while number * bin_size < last:
            bin_length_bp[row[piece] + number] += min(last, (number + 1) * bin_size) - max(first, number * bin_size)
            number += 1


@_compiled
def _near(touched, position, length, strand, strand_shift):  # type: ignore[no-untyped-def]
    """Index and axis start of the sites in a window with a piece; a site without strand is tried on both."""
    capacity = max(16, len(position) // 8)
    index = np.empty(capacity, np.int32)
    start = np.empty(capacity, np.int64)
    n = 0
    for i in range(len(position)):
        for is_minus in range(2 if strand_shift > 0 else 1):
            if strand_shift > 0 and strand[i] == (1 if is_minus else -1):
                continue
            at = position[i] + (strand_shift if is_minus else 0)
            window = at >> WINDOW_BITS
            last_window = (at + length[i] - 1) >> WINDOW_BITS
            while window <= last_window and not (touched[window >> 3] >> (window & 7)) & 1:
                window += 1
            if window > last_window:
                continue
            if n == len(index):
                index = np.concatenate((index, np.empty(n, np.int32)))
                start = np.concatenate((start, np.empty(n, np.int64)))
            index[n] = i
            start[n] = at
            n += 1
    return index[:n], start[:n]


@_compiled
def _sweep(start, end, region_start, row, is_minus, reach, bin_size, packed):  # type: ignore[no-untyped-def]
    """Rows and bases of the overlaps of the union of sorted packed sites with the bins; a row may come twice."""
    rows = np.empty(max(16, 4 * len(packed)), np.int32)
    bases = np.empty(len(rows), np.int32)
    n = 0
    first_piece = 0
    n_pieces = len(start)
    mask = (1 << LENGTH_BITS) - 1
    i = 0
    while i < len(packed):
        site_start = packed[i] >> LENGTH_BITS
        site_end = site_start + (packed[i] & mask)
        i += 1
        while i < len(packed) and (packed[i] >> LENGTH_BITS) <= site_end:  # union: a base counts once
            site_end = max(site_end, (packed[i] >> LENGTH_BITS) + (packed[i] & mask))
            i += 1
        step = 1  # gallop to the first piece that reaches the site
        while first_piece + step < n_pieces and reach[first_piece + step] <= site_start:
            first_piece += step
            step *= 2
        while step > 0:
            if first_piece + step < n_pieces and reach[first_piece + step] <= site_start:
                first_piece += step
            step //= 2
        if first_piece < n_pieces and reach[first_piece] <= site_start:
            first_piece += 1
        piece = first_piece
        while piece < n_pieces and start[piece] < site_end:
            low, high = max(site_start, start[piece]), min(site_end, end[piece])
            if low < high:
                first, last = _span(piece, low, high, start, end, region_start, is_minus)
                number = first // bin_size
                while number * bin_size < last:
                    if n == len(rows):
                        rows = np.concatenate((rows, np.empty(n, np.int32)))
                        bases = np.concatenate((bases, np.empty(n, np.int32)))
                    rows[n] = row[piece] + number
                    bases[n] = min(last, (number + 1) * bin_size) - max(first, number * bin_size)
                    n += 1
                    number += 1
            piece += 1
    return rows[:n].copy(), bases[:n].copy()


def _count_sorted(pieces: Pieces, packed: NDArray[np.int64]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    rows, bases = _sweep(*pieces.columns, pieces.reach, pieces.bin_size, packed)
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
    index, start = _near(pieces.touched, position, length, strand, pieces.strand_shift)
    packed = (start << LENGTH_BITS) | length[index]
    if n_tracks == 1:
        parts = [packed]
    else:
        near_track = track[index].astype(np.int16 if n_tracks <= np.iinfo(np.int16).max else np.int32)
        order = np.argsort(near_track, kind="stable")  # a radix sort for 16-bit numbers
        parts = np.split(packed[order], np.searchsorted(near_track[order], np.arange(1, n_tracks)))
    return [_count_sorted(pieces, np.sort(part)) for part in parts]


@_compiled
def _count_values(rows, track, last_track, n_values, block_bits, first, stop):  # type: ignore[no-untyped-def]
    """Count the values of every row; note between which entries of the track each block of rows lies."""
    for i in range(len(rows)):
        row = rows[i]
        if last_track[row] != track:
            last_track[row] = track
            n_values[row] += 1
        block = row >> block_bits
        first[block] = min(first[block], i)
        stop[block] = i + 1


@_compiled
def _fill_values(rows, bases, track, first, stop, low, high, ends, indices, data):  # type: ignore[no-untyped-def]
    """Put the entries first to stop of a track into the matrix, those with rows low to high."""
    for i in range(first, stop):
        row = rows[i]
        if row < low or row >= high:
            continue
        at = ends[row, 1]  # columns: where the row begins, and how far it is filled
        if at > ends[row, 0] and indices[at - 1] == track:
            data[at - 1] += bases[i]
        else:
            indices[at] = track
            data[at] = bases[i]
            ends[row, 1] = at + 1


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
        _count_values(track_rows, track, last_track, n_values[1:], block_bits, first[track], stop[track])
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
            _fill_values(rows[track], bases[track], track, *span, low, high, ends, indices, data)
    matrix = sparse.csr_array((data, indices, pointer), shape=(n_rows, len(rows)))
    matrix.has_canonical_format = True
    return matrix
