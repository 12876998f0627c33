"""Where the bins of promoters and RNAs lie: the parts of every region on one axis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decode.core.checks import check_positive, listed
from decode.features.binning import WINDOW_BITS, add_bins
from decode.genome.gene_models import promoter_windows

if TYPE_CHECKING:
    from decode.genome.assembly import Assembly
    from decode.genome.gene_models import GeneModels


@dataclass(frozen=True, eq=False)
class Pieces:
    """The parts of one region on the assembly axis (exons, or promoter windows), sorted by start, cut into bins.

    Bins are not stored but computed from the piece: a table of bins would not fit into the processor's caches. Where
    strand matters, the minus strand lies one genome length further along the axis.

    Parameters
    ----------
    start, end : int64 arrays, shape (n_pieces,)
        0-based half-open positions on the axis. Pieces of one gene do not overlap, those of two genes may.
    reach : int64 array, shape (n_pieces,)
        Largest end so far.
    region_start : int64 array, shape (n_pieces,)
        Place of the piece's 5' base in the gene's region (RNA coordinate), in bases.
    row : int64 array, shape (n_pieces,)
        Row of the gene's first bin.
    is_minus : bool array, shape (n_pieces,)
        Whether the transcript runs against the axis.
    bin_size : int
    n_rows : int
    strand_shift : int
        Length of the genome where strand matters, else 0.
    touched : uint8 array
        One bit a window of 2 ** WINDOW_BITS bases: whether a piece lies in it.
    """

    start: NDArray[np.int64]
    end: NDArray[np.int64]
    reach: NDArray[np.int64]
    region_start: NDArray[np.int64]
    row: NDArray[np.int64]
    is_minus: NDArray[np.bool_]
    bin_size: int
    n_rows: int
    strand_shift: int
    touched: NDArray[np.uint8]

    @property
    def columns(self) -> tuple[NDArray[Any], ...]:
        """What the compiled functions need of each piece: start, end, region_start, row, is_minus."""
        return self.start, self.end, self.region_start, self.row, self.is_minus


def _touched_windows(start: NDArray[np.int64], end: NDArray[np.int64], axis_bp: int) -> NDArray[np.uint8]:
    change = np.zeros((axis_bp >> WINDOW_BITS) + 2, dtype=np.int64)
    np.add.at(change, start >> WINDOW_BITS, 1)
    np.add.at(change, ((end - 1) >> WINDOW_BITS) + 1, -1)
    return np.packbits(np.cumsum(change) > 0, bitorder="little")


def _chromosomes(chroms: pd.Series, assembly: Assembly) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Offset on the axis and length of the chromosome of every row."""
    code, names = pd.factorize(chroms)
    unknown = [name for name in names if name not in assembly.sizes]
    if unknown:
        raise ValueError(f"gene models lie on chromosomes that build {assembly.name} lacks: {listed(unknown)}")
    offset = np.array([assembly.offsets[name] for name in names], dtype=np.int64)
    size = np.array([assembly.sizes[name] for name in names], dtype=np.int64)
    return offset[code], size[code]


def make_pieces(
    intervals: pd.DataFrame,
    region_start: NDArray[np.int64],
    row: NDArray[np.int64],
    *,
    bin_size: int,
    n_rows: int,
    assembly: Assembly,
    is_stranded: bool,
) -> Pieces:
    """Put intervals on the axis, clipped to their chromosomes; what lies outside is left out.

    Parameters
    ----------
    intervals : pd.DataFrame
        Columns chrom, start, end, strand.
    region_start : int64 array
        Place of each interval's 5' base in its gene's region.
    row : int64 array
        Row of the first bin of each interval's gene.
    bin_size, n_rows : int
    assembly : Assembly
    is_stranded : bool
    """
    offset, size = _chromosomes(intervals["chrom"], assembly)
    is_minus = (intervals["strand"] == "-").to_numpy(dtype=bool)
    low, high = intervals["start"].to_numpy(np.int64), intervals["end"].to_numpy(np.int64)
    start, end = np.clip(low, 0, size), np.clip(high, 0, size)
    region_start = region_start + np.where(is_minus, high - end, start - low)
    strand_shift = assembly.length_bp if is_stranded else 0
    offset = offset + np.where(is_minus, strand_shift, 0)
    start, end = start + offset, end + offset
    kept = np.flatnonzero(end > start)
    order = kept[np.argsort(start[kept], kind="stable")]
    start, end = start[order], end[order]
    touched = _touched_windows(start, end, assembly.length_bp + strand_shift)
    reach = np.maximum.accumulate(end) if len(end) else end
    return Pieces(
        start, end, reach, region_start[order], row[order], is_minus[order], bin_size, n_rows, strand_shift, touched
    )


def bin_lengths(pieces: Pieces) -> NDArray[np.int32]:
    """Bases of every bin that lie in the region and in the chromosome, int32 of shape (n_rows,)."""
    bin_length_bp = np.zeros(pieces.n_rows, dtype=np.int32)
    add_bins(*pieces.columns, pieces.bin_size, bin_length_bp)
    return bin_length_bp


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
    windows = promoter_windows(models, upstream=upstream, downstream=downstream)
    width, n_genes = upstream + downstream, len(models.table)
    n_bins = -(-width // bin_size)
    row = np.arange(n_genes + 1, dtype=np.int64) * n_bins
    starts = np.zeros(n_genes, dtype=np.int64)
    pieces = make_pieces(
        windows, starts, row[windows["model"].to_numpy(np.int64)], bin_size=int(bin_size), n_rows=n_genes * n_bins,
        assembly=models.assembly, is_stranded=is_stranded,
    )  # fmt: skip
    return pieces, bin_lengths(pieces), row


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
    pieces = make_pieces(
        exons, rna_start, offsets[model], bin_size=int(bin_size), n_rows=int(offsets[-1]), assembly=models.assembly,
        is_stranded=True,
    )  # fmt: skip
    return pieces, bin_lengths(pieces), offsets
