"""Where the bins of promoters and RNAs lie: the parts of every region on one axis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decode.core.checks import check_positive, listed
from decode.features.kernel import WINDOW_BITS, add_bins
from decode.genome.gene_coordinates import promoter_windows, tss_windows

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


class Segments(NamedTuple):
    """Parts of pieces that lie in one bin each: start and end on the assembly axis (without strand) and row."""

    start: NDArray[np.int64]
    end: NDArray[np.int64]
    row: NDArray[np.int64]


def cut_at_bins(pieces: Pieces, numbers: NDArray[np.int64]) -> Segments:
    """Cut pieces at the edges of their bins."""
    start, end, first = pieces.start[numbers], pieces.end[numbers], pieces.region_start[numbers]
    size, last = pieces.bin_size, first + end - start
    n_bins = (last - 1) // size - first // size + 1
    piece = np.repeat(np.arange(len(numbers)), n_bins)
    number = np.arange(len(piece)) - np.repeat(np.cumsum(n_bins) - n_bins, n_bins) + np.repeat(first // size, n_bins)
    low, high = np.maximum(first[piece], number * size), np.minimum(last[piece], (number + 1) * size)
    is_minus = pieces.is_minus[numbers][piece]
    low_at = np.where(is_minus, end[piece] - (high - first[piece]), start[piece] + low - first[piece])
    shift = np.where(low_at >= pieces.strand_shift, pieces.strand_shift, 0)
    return Segments(low_at - shift, low_at - shift + high - low, pieces.row[numbers][piece] + number)


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
    gene_models: GeneModels,
    bin_size: int = 100,
    upstream: int = 2000,
    downstream: int = 1000,
    *,
    is_stranded: bool = False,
) -> tuple[Pieces, NDArray[np.int32], NDArray[np.int64]]:
    """Bins of the promoter windows, in transcript direction.

    Parameters
    ----------
    gene_models : GeneModels
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
    windows = promoter_windows(gene_models, upstream=upstream, downstream=downstream)
    return _windows_to_pieces(gene_models, windows, bin_size, is_stranded=is_stranded)


def window_pieces(
    gene_models: GeneModels, first_bp: int, last_bp: int, bin_size: int = 100, *, is_stranded: bool = False
) -> tuple[Pieces, NDArray[np.int32], NDArray[np.int64]]:
    """Bins of a window at any distance from the TSS, in transcript direction; see `tss_windows` and `promoter_pieces`.

    Parameters
    ----------
    gene_models : GeneModels
    first_bp, last_bp : int
        The window is [first_bp, last_bp) from the TSS; negative numbers lie upstream.
    bin_size : int
        Bases.
    is_stranded : bool

    Returns
    -------
    pieces, bin_length_bp, offsets
        As `promoter_pieces`.
    """
    windows = tss_windows(gene_models, first_bp=first_bp, last_bp=last_bp)
    return _windows_to_pieces(gene_models, windows, bin_size, is_stranded=is_stranded)


def _windows_to_pieces(
    gene_models: GeneModels, windows: pd.DataFrame, bin_size: int, *, is_stranded: bool
) -> tuple[Pieces, NDArray[np.int32], NDArray[np.int64]]:
    _check_bin_size(bin_size)
    n_genes = len(gene_models.table)
    n_bins = -(-int((windows["end"] - windows["start"]).max() if n_genes else 0) // bin_size)
    row = np.arange(n_genes + 1, dtype=np.int64) * n_bins
    starts = np.zeros(n_genes, dtype=np.int64)
    pieces = make_pieces(
        windows, starts, row[windows["model"].to_numpy(np.int64)], bin_size=int(bin_size), n_rows=n_genes * n_bins,
        assembly=gene_models.assembly, is_stranded=is_stranded,
    )  # fmt: skip
    return pieces, bin_lengths(pieces), row


def linked_pieces(
    gene_models: GeneModels, elements: pd.DataFrame, bin_size: int = 100, *, is_stranded: bool = False
) -> tuple[Pieces, NDArray[np.int32], NDArray[np.int64]]:
    """Bins of the elements linked to each gene, one element after the other, the nearest to the TSS first.

    Overlapping elements of a gene are united. A gene without elements has no bins. Elements on another chromosome than
    the gene come last. Within an element bins run in the direction of the gene; a bin may hold the end of one element
    and the beginning of the next, as exons do in RNA bins.

    Parameters
    ----------
    gene_models : GeneModels
    elements : pd.DataFrame
        Columns gene_id, chrom, start, end; at transcript level every transcript of the gene has them.
    bin_size : int
        Bases.
    is_stranded : bool

    Returns
    -------
    pieces, bin_length_bp, offsets
        As `promoter_pieces`, with as many bins a gene as its elements need.
    """
    _check_bin_size(bin_size)
    rows = gene_models.table[["gene_id", "chrom", "strand", "tss"]].reset_index(names="model")
    found = merge_elements(elements).merge(rows, on="gene_id", suffixes=("", "_gene"))
    start, end, tss = (found[name].to_numpy(np.int64) for name in ("start", "end", "tss"))
    distance = np.maximum(np.maximum(start - tss, tss - end + 1), 0)
    distance[(found["chrom"] != found["chrom_gene"]).to_numpy()] = np.iinfo(np.int64).max
    found = found.iloc[np.lexsort((start, found["chrom"].to_numpy(dtype=str), distance, found["model"].to_numpy()))]
    model = found["model"].to_numpy(np.int64)
    length_bp = (found["end"] - found["start"]).to_numpy(np.int64)
    before = np.cumsum(length_bp) - length_bp
    is_first = np.append(True, model[1:] != model[:-1])[: len(model)]
    region_start = before - np.maximum.accumulate(np.where(is_first, before, 0))
    total = np.bincount(model, weights=length_bp, minlength=len(gene_models.table)).astype(np.int64)
    offsets = np.concatenate([[0], np.cumsum(-(-total // bin_size))]).astype(np.int64)
    pieces = make_pieces(
        found, region_start, offsets[model], bin_size=int(bin_size), n_rows=int(offsets[-1]),
        assembly=gene_models.assembly, is_stranded=is_stranded,
    )  # fmt: skip
    return pieces, bin_lengths(pieces), offsets


def merge_elements(elements: pd.DataFrame) -> pd.DataFrame:
    """Unite overlapping or touching elements of one gene; gene_id, chrom, start, end, sorted by these."""
    columns = ["gene_id", "chrom", "start", "end"]
    table = elements[columns].sort_values(columns, ignore_index=True)
    group = table.groupby(["gene_id", "chrom"], sort=False).ngroup().to_numpy()
    reach = table.groupby(group)["end"].cummax().to_numpy()
    begins = np.ones(len(table), dtype=bool)
    begins[1:] = (group[1:] != group[:-1]) | (table["start"].to_numpy()[1:] > reach[:-1])
    block = np.cumsum(begins) - 1
    merged = table[begins].reset_index(drop=True)
    merged["end"] = table.groupby(block)["end"].max().to_numpy()
    return merged


def rna_pieces(gene_models: GeneModels, bin_size: int = 100) -> tuple[Pieces, NDArray[np.int32], NDArray[np.int64]]:
    """Bins of the spliced RNAs, 5' to 3'; the last bin of an RNA is partial.

    Parameters
    ----------
    gene_models : GeneModels
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
    exons = gene_models.exons
    model, rna_start = exons["model"].to_numpy(np.int64), exons["rna_start"].to_numpy(np.int64)
    rna_end = rna_start + (exons["end"] - exons["start"]).to_numpy(np.int64)
    length_bp = np.zeros(len(gene_models.table), dtype=np.int64)
    np.maximum.at(length_bp, model, rna_end)
    offsets = np.concatenate([[0], np.cumsum(-(-length_bp // bin_size))]).astype(np.int64)
    pieces = make_pieces(
        exons, rna_start, offsets[model], bin_size=int(bin_size), n_rows=int(offsets[-1]),
        assembly=gene_models.assembly, is_stranded=True,
    )  # fmt: skip
    return pieces, bin_lengths(pieces), offsets
