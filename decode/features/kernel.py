"""Compiled loops over plain arrays: sites against the pieces of regions, and values into a matrix."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

WINDOW_BITS = 12  # sites are first looked up in windows of 4 kb: most lie far from every piece and are done with
LENGTH_BITS = 30  # low bits of a packed site hold its length; the 33 above hold a position on two 4-Gb strands


def compiled(function: Any) -> Any:
    """Compile with numba when first called, cached on disk, without the interpreter lock."""
    return numba.njit(cache=True, nogil=True)(function)


@compiled
def _span(piece, low, high, start, end, region_start, is_minus):  # type: ignore[no-untyped-def]
    """Place in the gene's region of the bases low to high of a piece."""
    first = region_start[piece] + (end[piece] - high if is_minus[piece] else low - start[piece])
    return first, first + high - low


@compiled
def add_bins(start, end, region_start, row, is_minus, bin_size, bin_length_bp):  # type: ignore[no-untyped-def]
    """Add the bases of every piece to its bins."""
    for piece in range(len(start)):
        first, last = _span(piece, start[piece], end[piece], start, end, region_start, is_minus)
        number = first // bin_size
        while number * bin_size < last:
            bin_length_bp[row[piece] + number] += min(last, (number + 1) * bin_size) - max(first, number * bin_size)
            number += 1


@compiled
def near(touched, position, length, strand, strand_shift):  # type: ignore[no-untyped-def]
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


@compiled
def sweep(start, end, region_start, row, is_minus, reach, bin_size, packed):  # type: ignore[no-untyped-def]
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


@compiled
def count_values(rows, track, last_track, n_values, block_bits, first, stop):  # type: ignore[no-untyped-def]
    """Count the values of every row; note between which entries of the track each block of rows lies."""
    for i in range(len(rows)):
        row = rows[i]
        if last_track[row] != track:
            last_track[row] = track
            n_values[row] += 1
        block = row >> block_bits
        first[block] = min(first[block], i)
        stop[block] = i + 1


@compiled
def fill_values(rows, bases, track, first, stop, low, high, ends, indices, data):  # type: ignore[no-untyped-def]
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


@compiled
def add_potentials(start, end, reach, tss, row, weight, middle, total):  # type: ignore[no-untyped-def]
    """Add the weight of each peak, by the distance of its middle from the TSS, to the genes whose window holds it."""
    n_pieces = len(start)
    for i in range(len(middle)):
        at = middle[i]
        low, high = 0, n_pieces  # the first piece that reaches beyond the peak
        while low < high:
            between = (low + high) // 2
            if reach[between] <= at:
                low = between + 1
            else:
                high = between
        while low < n_pieces and start[low] <= at:
            if at < end[low]:
                total[row[low]] += weight[abs(at - tss[low])]
            low += 1
