"""Average signal tracks (bigWig) over the bins of a region."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from decode.features.pieces import Pieces, cut_at_bins
from decode.genome.signals import SignalReader, SignalTrack

if TYPE_CHECKING:
    from decode.features.regions import RegionBins
    from decode.genome.assembly import Assembly

MAX_GAP = 20_000  # bases that are read in vain rather than asking the file again
MAX_SPAN = 1 << 22  # bases of signal in memory at a time, plus the longest piece


def signal_means(track: SignalTrack, bins: RegionBins) -> tuple[NDArray[np.int32], NDArray[np.float32], dict[str, Any]]:
    """Mean signal over the bases of every bin that lie inside region and chromosome; a base without signal counts 0.

    Parameters
    ----------
    track : SignalTrack
        A stranded pair gives each strand of a stranded region its own file; elsewhere the two are added up. A minus
        file whose values are all 0 or below is taken without its sign, as such tracks are often drawn.
    bins : RegionBins

    Returns
    -------
    rows : int32 array
        Bins with a mean other than 0, ascending.
    means : float32 array
    counts : dict
        n_bins (with signal), n_skipped_chromosome, absent_chromosomes.

    Raises
    ------
    ValueError
        If a file is not valid, or has negative values.
    """
    is_split = track.minus is not None and bins.pieces.strand_shift > 0
    total = _sums(track.path, bins, strand=0 if is_split else None, is_minus_file=False)
    counts = total.counts
    sums = total.sums
    if track.minus is not None:
        other = _sums(track.minus, bins, strand=1 if is_split else None, is_minus_file=True)
        sums = sums + other.sums
        counts = {name: {**value, **other.counts[name]} if isinstance(value, dict) else max(value, other.counts[name])
                  for name, value in counts.items()}  # fmt: skip
    rows = np.flatnonzero(sums)
    means = (sums[rows] / np.maximum(bins.bin_length_bp[rows], 1)).astype(np.float32)
    return rows.astype(np.int32), means, {"n_bins": len(rows), **counts}


class _Sums(NamedTuple):
    sums: NDArray[np.float64]
    counts: dict[str, Any]


def _sums(path: Any, bins: RegionBins, *, strand: int | None, is_minus_file: bool) -> _Sums:
    """Signal of a file added up over every bin; `strand` 0 or 1 leaves the other strand out."""
    sums = np.zeros(bins.pieces.n_rows)
    lowest, highest, where = 0.0, 0.0, ""
    with SignalReader(path, bins.assembly) as reader:
        for chrom, offset, pieces in _chunks(bins.pieces, bins.assembly, strand):
            segments = cut_at_bins(bins.pieces, pieces)
            first, last = int(segments.start.min()), int(segments.end.max())
            values = reader.read(chrom, first - offset, last - offset)
            if (low := float(values.min())) < lowest:
                lowest, where = low, f"{chrom}:{first - offset + int(values.argmin())}"
            highest = max(highest, float(values.max()))
            running = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
            np.add.at(sums, segments.row, running[segments.end - first] - running[segments.start - first])
        counts = reader.counts
    if lowest < 0 and not (is_minus_file and highest <= 0):
        raise ValueError(
            f"signal {path} is negative ({lowest:g} at {where}); tracks of 0 and more are wanted, such as coverage, "
            "fold enrichment or a share: undo a logarithm, or split gains and losses into two tracks"
        )
    return _Sums(np.abs(sums), counts)


def _chunks(pieces: Pieces, assembly: Assembly, strand: int | None) -> Iterator[tuple[str, int, NDArray[np.int64]]]:
    """Chromosome, its offset and numbers of pieces that lie close together."""
    shift = pieces.strand_shift
    is_minus = pieces.start >= shift if shift else np.zeros(len(pieces.start), dtype=bool)
    edges = np.fromiter(assembly.offsets.values(), np.int64)
    names = list(assembly.offsets)
    for side in (0, 1) if strand is None else (strand,):
        numbers = np.flatnonzero(is_minus == bool(side))
        if not len(numbers):
            continue
        start = pieces.start[numbers] - side * shift
        reach = np.maximum.accumulate(pieces.end[numbers] - side * shift)
        chrom = np.searchsorted(edges, start, side="right") - 1
        is_new = np.append(True, (chrom[1:] != chrom[:-1]) | (start[1:] > reach[:-1] + MAX_GAP))
        is_new |= np.append(True, start[1:] // MAX_SPAN != start[:-1] // MAX_SPAN)
        for group in np.split(numbers, np.flatnonzero(is_new)[1:]):
            name = names[int(np.searchsorted(edges, pieces.start[group[0]] - side * shift, side="right")) - 1]
            yield name, assembly.offsets[name], group
