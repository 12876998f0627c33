"""Count, for every bin of a promoter or RNA, the bases that the union of a track's sites covers."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numba
import numpy as np
from numpy.typing import NDArray

from decode.core.checks import check_positive, listed
from decode.genome.gene_models import promoter_windows

if TYPE_CHECKING:
    import pandas as pd

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
    order = np.flatnonzero(is_real)[np.argsort(start[is_real], kind="stable")]
    start, end = start[order], end[order]
    change = np.zeros((axis_bp >> WINDOW_BITS) + 2, dtype=np.int64)
    np.add.at(change, start >> WINDOW_BITS, 1)
    np.add.at(change, ((end - 1) >> WINDOW_BITS) + 1, -1)
    n_touched = np.concatenate([[0], np.cumsum(np.cumsum(change) > 0)]).astype(np.int32)
    longest_bp = int((end - start).max(initial=0))
    return Pieces(start, end, row[order].astype(np.int32), longest_bp, n_rows, 0, n_touched)


def _on_axis(
    where: pd.DataFrame, start: NDArray[np.int64], end: NDArray[np.int64], row: NDArray[np.int64], *, n_rows: int,
    assembly: Assembly, is_stranded: bool,
) -> tuple[Pieces, NDArray[np.int32]]:  # fmt: skip
    """Clip pieces to their chromosomes and put them on the axis; also the bases left of every bin.

    `where` has one row a piece, with columns chrom and strand.
    """
    names, code = np.unique(where["chrom"].to_numpy(dtype=object).astype(str), return_inverse=True)
    unknown = [name for name in names if name not in assembly.sizes]
    if unknown:
        raise ValueError(f"gene models lie on chromosomes that build {assembly.name} lacks: {listed(unknown)}")
    size = np.array([assembly.sizes[name] for name in names], dtype=np.int64)[code]
    offset = np.array([assembly.offsets[name] for name in names], dtype=np.int64)[code]
    start, end = np.clip(start, 0, size), np.clip(end, 0, size)
    bin_length_bp = np.bincount(row, weights=np.maximum(end - start, 0), minlength=n_rows).astype(np.int32)
    shift = assembly.length_bp if is_stranded else 0
    offset = offset + np.where(where["strand"].to_numpy() == "-", shift, 0)
    axis_bp = assembly.length_bp + shift
    pieces = make_pieces(offset + start, offset + end, row, n_rows=n_rows, axis_bp=axis_bp)
    return Pieces(**{**vars(pieces), "strand_shift": shift}), bin_length_bp


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
    bins = np.tile(np.arange(n_bins), len(windows))
    where = windows.loc[windows.index.repeat(n_bins)]
    first, last = bins * bin_size, np.minimum((bins + 1) * bin_size, width)
    is_minus = where["strand"].to_numpy() == "-"
    window_start, window_end = where["start"].to_numpy(np.int64), where["end"].to_numpy(np.int64)
    start = np.where(is_minus, window_end - last, window_start + first)
    end = np.where(is_minus, window_end - first, window_start + last)
    row = where["model"].to_numpy(np.int64) * n_bins + bins
    pieces, bin_length_bp = _on_axis(
        where, start, end, row, n_rows=n_genes * n_bins, assembly=models.assembly, is_stranded=is_stranded
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
    exon_start, exon_end = exons["start"].to_numpy(np.int64), exons["end"].to_numpy(np.int64)
    rna_end = rna_start + exon_end - exon_start
    length_bp = np.zeros(len(models.table), dtype=np.int64)
    np.maximum.at(length_bp, model, rna_end)
    offsets = np.concatenate([[0], np.cumsum(-(-length_bp // bin_size))]).astype(np.int64)
    n_pieces = np.maximum((rna_end - 1) // bin_size - rna_start // bin_size + 1, 0)
    exon = np.repeat(np.arange(len(exons)), n_pieces)
    before = np.cumsum(n_pieces) - n_pieces
    bins = np.arange(len(exon)) - before[exon] + (rna_start // bin_size)[exon]
    first = np.maximum(bins * bin_size, rna_start[exon]) - rna_start[exon]
    last = np.minimum((bins + 1) * bin_size, rna_end[exon]) - rna_start[exon]
    where = exons[["chrom", "strand"]].iloc[exon]
    is_minus = where["strand"].to_numpy() == "-"
    start = np.where(is_minus, exon_end[exon] - last, exon_start[exon] + first)
    end = np.where(is_minus, exon_end[exon] - first, exon_start[exon] + last)
    pieces, bin_length_bp = _on_axis(
        where, start, end, offsets[model[exon]] + bins, n_rows=int(offsets[-1]), assembly=models.assembly,
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
    """Overlaps of the union of sorted packed sites with the pieces, each as row << 32 | bases."""
    found = np.empty(max(16, 2 * len(packed)), np.int64)
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
        step = 1
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
            bases = min(end, piece_end[piece]) - max(start, piece_start[piece])
            if bases > 0:
                if n == len(found):
                    found = np.concatenate((found, np.empty(n, np.int64)))
                found[n] = (np.int64(piece_row[piece]) << 32) | bases
                n += 1
            piece += 1
    return found[:n]


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator, unused-ignore]
def _add_up(found):  # type: ignore[no-untyped-def]
    """Rows and summed bases of sorted `row << 32 | bases`."""
    rows = np.empty(len(found), np.int32)
    bases = np.empty(len(found), np.int32)
    n = -1
    for value in found:
        row = value >> 32
        if n < 0 or rows[n] != row:
            n += 1
            rows[n] = row
            bases[n] = 0
        bases[n] += value & 0xFFFFFFFF
    return rows[: n + 1], bases[: n + 1]


def _count_packed(pieces: Pieces, packed: NDArray[np.int64]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    found = _sweep(pieces.start, pieces.end, pieces.row, pieces.longest_bp, np.sort(packed))
    rows, bases = _add_up(np.sort(found))
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
    return _count_packed(pieces, (np.asarray(starts, np.int64) << LENGTH_BITS) | (ends - starts))


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
        As `count_block`, one pair a track.
    """
    index, start = _near(pieces.n_touched, position, length, strand, pieces.strand_shift)
    packed = (start << LENGTH_BITS) | length[index]
    if n_tracks == 1:
        return [_count_packed(pieces, packed)]
    near_track = track[index].astype(np.int16 if n_tracks <= np.iinfo(np.int16).max else np.int32)
    order = np.argsort(near_track, kind="stable")  # a radix sort for 16-bit numbers
    packed = packed[order]
    bounds = np.searchsorted(near_track[order], np.arange(n_tracks + 1))
    return [_count_packed(pieces, packed[low:high]) for low, high in pairwise(bounds.tolist())]


def compile_kernels() -> None:
    """Compile the counting kernels (or load them from numba's cache) before time is measured."""
    pieces = make_pieces(np.array([0]), np.array([10]), np.array([0]), n_rows=1, axis_bp=100)
    one = np.zeros(1, dtype=np.int32)
    count_tracks(pieces, one, one.astype(np.int64), one + 5, one.astype(np.int8), 1)
