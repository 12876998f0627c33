"""Count, for every bin of a promoter or RNA, the bases that the union of a track's sites covers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numba
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from decode.core.checks import check_positive, listed
from decode.genome.gene_models import promoter_windows

if TYPE_CHECKING:
    from decode.genome.assembly import Assembly
    from decode.genome.gene_models import GeneModels

WINDOW_BITS = 12  # sites are first looked up in windows of 4 kb: most lie far from every piece and are done with
LENGTH_BITS = 30  # low bits of a packed site hold its length; the 33 above hold a position on two 4-Gb strands


@dataclass(frozen=True, eq=False)
class Pieces:
    """The bins of one region as intervals on the assembly axis, sorted by start.

    A piece is the part of a bin in one exon (or in the promoter window): a bin across a splice junction has several.
    Where strand matters, the minus strand lies one genome length further along the axis.

    Parameters
    ----------
    start, end : int64 arrays, shape (n_pieces,)
        0-based half-open positions on the axis.
    row : int32 array, shape (n_pieces,)
        Row (bin) of each piece. Pieces of different rows may overlap, those of one row do not.
    longest_bp : int
        Length of the longest piece.
    n_rows : int
    strand_shift : int
        Length of the genome where strand matters, else 0.
    n_touched : int32 array
        Number of windows of 2 ** WINDOW_BITS bases with a piece in them, before each window.
    """

    start: NDArray[np.int64]
    end: NDArray[np.int64]
    row: NDArray[np.int32]
    longest_bp: int
    n_rows: int
    strand_shift: int
    n_touched: NDArray[np.int32]


def make_pieces(
    start: NDArray[np.int64], end: NDArray[np.int64], row: NDArray[np.int64], *, n_rows: int, axis_bp: int
) -> Pieces:
    """Sort unstranded intervals on an axis of `axis_bp` bases and index them; empty ones are left out."""
    is_real = end > start
    order = np.flatnonzero(is_real)[np.argsort(start[is_real])]
    start, end = start[order], end[order]
    change = np.zeros((axis_bp >> WINDOW_BITS) + 2, dtype=np.int64)
    np.add.at(change, start >> WINDOW_BITS, 1)
    np.add.at(change, ((end - 1) >> WINDOW_BITS) + 1, -1)
    n_touched = np.concatenate([[0], np.cumsum(np.cumsum(change) > 0)]).astype(np.int32)
    longest_bp = int((end - start).max(initial=0))
    return Pieces(start, end, row[order].astype(np.int32), longest_bp, n_rows, 0, n_touched)


def _chromosomes(chroms: pd.Series, assembly: Assembly) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Offset on the axis and length of the chromosome of every row."""
    code, names = pd.factorize(chroms)
    unknown = [name for name in names if name not in assembly.sizes]
    if unknown:
        raise ValueError(f"gene models lie on chromosomes that build {assembly.name} lacks: {listed(unknown)}")
    offset = np.array([assembly.offsets[name] for name in names], dtype=np.int64)
    size = np.array([assembly.sizes[name] for name in names], dtype=np.int64)
    return offset[code], size[code]


def _on_axis(
    intervals: pd.DataFrame, of: NDArray[np.int64], first: NDArray[np.int64], last: NDArray[np.int64],
    row: NDArray[np.int64], *, n_rows: int, assembly: Assembly, is_stranded: bool,
) -> tuple[Pieces, NDArray[np.int32]]:  # fmt: skip
    """Put pieces of intervals on the axis, clipped to their chromosomes; also the bases left of every bin.

    `intervals` has columns chrom, start, end, strand; piece i is bases first[i] to last[i] of interval of[i], counted
    from the interval's 5' end.
    """
    offset, size = _chromosomes(intervals["chrom"], assembly)
    is_minus = (intervals["strand"] == "-").to_numpy(dtype=bool)
    low, high = intervals["start"].to_numpy(np.int64)[of], intervals["end"].to_numpy(np.int64)[of]
    start = np.where(is_minus[of], high - last, low + first)
    end = np.where(is_minus[of], high - first, low + last)
    start, end = np.clip(start, 0, size[of]), np.clip(end, 0, size[of])
    bin_length_bp = np.bincount(row, weights=np.maximum(end - start, 0), minlength=n_rows).astype(np.int32)
    shift = assembly.length_bp if is_stranded else 0
    offset = (offset + np.where(is_minus, shift, 0))[of]
    axis_bp = assembly.length_bp + shift
    pieces = make_pieces(offset + start, offset + end, row, n_rows=n_rows, axis_bp=axis_bp)
    return replace(pieces, strand_shift=shift), bin_length_bp


def _check_bin_size(bin_size: int) -> None:
    check_positive("bin_size", bin_size)
    if int(bin_size) != bin_size:
        raise ValueError(f"bin_size is {bin_size!r}; a whole number of bases is wanted")


def promoter_pieces(
    models: GeneModels, bin_size: int = 100, upstream: int = 2000, downstream: int = 1000, *, is_stranded: bool = False
) -> tuple[Pieces, NDArray[np.int32], NDArray[np.int64]]:
    """Bins of the promoter windows, in transcript direction.

    Parameters
    ----------
    models : GeneModels
    bin_size, upstream, downstream : int
        Bases; the last bin is shorter where the window is no multiple of the bin size.
    is_stranded : bool
        Whether only sites on the gene's strand will count; default no.

    Returns
    -------
    pieces : Pieces
    bin_length_bp : int32 array, shape (n_genes * n_bins,)
        Bases of the bin inside the chromosome; 0 past its end.
    offsets : int64 array, shape (n_genes + 1,)
    """
    _check_bin_size(bin_size)
    check_positive("upstream", upstream, zero=True)
    check_positive("downstream", downstream, zero=True)
    check_positive("upstream + downstream", upstream + downstream)
    windows = promoter_windows(models, upstream=upstream, downstream=downstream)
    width, n_genes = upstream + downstream, len(models.table)
    n_bins = -(-width // bin_size)
    of, bins = np.repeat(np.arange(n_genes), n_bins), np.tile(np.arange(n_bins), n_genes)
    first, last = bins * bin_size, np.minimum((bins + 1) * bin_size, width)
    row = windows["model"].to_numpy(np.int64)[of] * n_bins + bins
    pieces, bin_length_bp = _on_axis(
        windows, of, first, last, row, n_rows=n_genes * n_bins, assembly=models.assembly, is_stranded=is_stranded
    )
    return pieces, bin_length_bp, np.arange(n_genes + 1, dtype=np.int64) * n_bins


def rna_pieces(models: GeneModels, bin_size: int = 100) -> tuple[Pieces, NDArray[np.int32], NDArray[np.int64]]:
    """Bins of the spliced RNAs, 5' to 3'; the last bin of an RNA is partial.

    Parameters
    ----------
    models : GeneModels
    bin_size : int
        Bases.

    Returns
    -------
    pieces : Pieces
        Stranded.
    bin_length_bp : int32 array, shape (n_rows,)
    offsets : int64 array, shape (n_genes + 1,)
    """
    _check_bin_size(bin_size)
    exons = models.exons
    model, rna_start = exons["model"].to_numpy(np.int64), exons["rna_start"].to_numpy(np.int64)
    rna_end = rna_start + (exons["end"] - exons["start"]).to_numpy(np.int64)
    length_bp = np.zeros(len(models.table), dtype=np.int64)
    np.maximum.at(length_bp, model, rna_end)
    offsets = np.concatenate([[0], np.cumsum(-(-length_bp // bin_size))]).astype(np.int64)
    n_pieces = np.maximum((rna_end - 1) // bin_size - rna_start // bin_size + 1, 0)
    of = np.repeat(np.arange(len(exons)), n_pieces)
    before = np.cumsum(n_pieces) - n_pieces
    bins = np.arange(len(of)) - before[of] + (rna_start // bin_size)[of]
    first = np.maximum(bins * bin_size, rna_start[of]) - rna_start[of]
    last = np.minimum((bins + 1) * bin_size, rna_end[of]) - rna_start[of]
    pieces, bin_length_bp = _on_axis(
        exons, of, first, last, offsets[model[of]] + bins, n_rows=int(offsets[-1]), assembly=models.assembly,
        is_stranded=True,
    )  # fmt: skip
    return pieces, bin_length_bp, offsets


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator, unused-ignore]
def _near(n_touched, position, length, strand, strand_shift):  # type: ignore[no-untyped-def]
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
            last_window = (at + length[i] - 1) >> WINDOW_BITS
            if n_touched[last_window + 1] == n_touched[at >> WINDOW_BITS]:
                continue
            if n == len(index):
                index = np.concatenate((index, np.empty(n, np.int32)))
                start = np.concatenate((start, np.empty(n, np.int64)))
            index[n] = i
            start[n] = at
            n += 1
    return index[:n], start[:n]


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator, unused-ignore]
def _sweep(piece_start, piece_end, piece_row, longest_bp, packed):  # type: ignore[no-untyped-def]
    """Rows and bases of the overlaps of the union of sorted packed sites with the pieces; a row may come twice."""
    rows = np.empty(max(16, 4 * len(packed)), np.int32)
    bases = np.empty(len(rows), np.int32)
    n = 0
    first = 0
    n_pieces = len(piece_start)
    mask = (1 << LENGTH_BITS) - 1
    i = 0
    while i < len(packed):
        start = packed[i] >> LENGTH_BITS
        end = start + (packed[i] & mask)
        i += 1
        while i < len(packed) and (packed[i] >> LENGTH_BITS) <= end:  # union: a base counts once
            end = max(end, (packed[i] >> LENGTH_BITS) + (packed[i] & mask))
            i += 1
        step = 1  # gallop to the first piece that can reach the site
        while first + step < n_pieces and piece_start[first + step] <= start - longest_bp:
            first += step
            step *= 2
        while step > 0:
            if first + step < n_pieces and piece_start[first + step] <= start - longest_bp:
                first += step
            step //= 2
        if first < n_pieces and piece_start[first] <= start - longest_bp:
            first += 1
        piece = first
        while piece < n_pieces and piece_start[piece] < end:
            overlap = min(end, piece_end[piece]) - max(start, piece_start[piece])
            if overlap > 0:
                if n == len(rows):
                    rows = np.concatenate((rows, np.empty(n, np.int32)))
                    bases = np.concatenate((bases, np.empty(n, np.int32)))
                rows[n] = piece_row[piece]
                bases[n] = overlap
                n += 1
            piece += 1
    return rows[:n].copy(), bases[:n].copy()


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
    rows, bases = _sweep(pieces.start, pieces.end, pieces.row, pieces.longest_bp, packed)
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
    index, start = _near(pieces.n_touched, position, length, strand, pieces.strand_shift)
    packed = (start << LENGTH_BITS) | length[index]
    if n_tracks == 1:
        parts = [packed]
    else:
        near_track = track[index].astype(np.int16 if n_tracks <= np.iinfo(np.int16).max else np.int32)
        order = np.argsort(near_track, kind="stable")  # a radix sort for 16-bit numbers
        parts = np.split(packed[order], np.searchsorted(near_track[order], np.arange(1, n_tracks)))
    return [_sweep(pieces.start, pieces.end, pieces.row, pieces.longest_bp, np.sort(part)) for part in parts]


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator, unused-ignore]
def _count_values(rows, track, last_track, n_values):  # type: ignore[no-untyped-def]
    for row in rows:
        if last_track[row] != track:
            last_track[row] = track
            n_values[row] += 1


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator, unused-ignore]
def _fill_values(rows, bases, track, row_start, row_end, indices, data):  # type: ignore[no-untyped-def]
    for i in range(len(rows)):
        at = row_end[rows[i]]
        if at > row_start[rows[i]] and indices[at - 1] == track:
            data[at - 1] += bases[i]
        else:
            indices[at] = track
            data[at] = bases[i]
            row_end[rows[i]] = at + 1


def rows_to_csr(
    rows: list[NDArray[np.int32]], bases: list[NDArray[Any]], n_rows: int, dtype: type[np.signedinteger[Any]]
) -> sparse.csr_array:
    """Matrix of the rows and bases of all tracks; several entries of one cell are added up.

    Two passes over the lists, without joining them: the peak is the lists and the matrix, nothing more.

    Parameters
    ----------
    rows, bases : lists of arrays
        One of each a track, as from `count_tracks`.
    n_rows : int
    dtype : numpy integer type
        Of the matrix.

    Returns
    -------
    scipy.sparse.csr_array, shape (n_rows, len(rows))
        Sorted column numbers, no cell twice.
    """
    last_track, n_values = np.full(n_rows, -1, np.int32), np.zeros(n_rows + 1, np.int64)
    for track, track_rows in enumerate(rows):
        _count_values(track_rows, track, last_track, n_values[1:])
    pointer = np.cumsum(n_values)
    indices, data = np.empty(pointer[-1], np.int32), np.empty(pointer[-1], dtype)
    row_end = pointer[:-1].copy()
    for track, (track_rows, track_bases) in enumerate(zip(rows, bases, strict=True)):
        _fill_values(track_rows, track_bases, track, pointer, row_end, indices, data)
    matrix = sparse.csr_array((data, indices, pointer), shape=(n_rows, len(rows)))
    matrix.has_canonical_format = True
    return matrix


def compile_kernels() -> None:
    """Compile the counting kernels (or load them from numba's cache) before time is measured."""
    pieces = make_pieces(np.array([0]), np.array([10]), np.array([0]), n_rows=1, axis_bp=100)
    one = np.zeros(1, dtype=np.int32)
    ((rows, bases),) = count_tracks(pieces, one, one.astype(np.int64), one + 5, one.astype(np.int8), 1)
    for dtype in (np.int16, np.int32):
        rows_to_csr([rows], [bases.astype(dtype)], 1, dtype)
