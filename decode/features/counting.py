"""Count the files of sources, one at a time, in the bins of one region."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from decode.core.choices import Tracks
from decode.features.binning import count_tracks
from decode.features.position_check import SAMPLE_SIZE, SiteSample, sample_sites
from decode.features.potential import potentials
from decode.features.regions import RegionBins
from decode.features.signals import signal_means
from decode.genome.signals import signal_track
from decode.genome.sources import BASES, POTENTIAL, SIGNAL, Source, ValueKind

if TYPE_CHECKING:
    from decode.genome.assembly import Assembly
    from decode.genome.site_block import SiteBlock

MIN_SAMPLED = 50  # sites of a file, however many files a source has


class FileJob(NamedTuple):
    """One file (or stranded pair, or table) to count: plain values, so that it can be sent to another process."""

    source: Source
    path: Path
    tracks: Tracks
    n_sampled: int


class FileCounts(NamedTuple):
    """Counts of one file: per track its name, the rows that are not 0 and their values."""

    names: list[tuple[str, str]]
    rows: list[NDArray[np.int32]]
    values: list[NDArray[Any]]
    counts: dict[str, Any]
    sample: SiteSample | None  # None of a signal
    value_kind: ValueKind


def jobs_of(sources: Sequence[Source], tracks: Tracks) -> list[FileJob]:
    """The files of all sources, in order; a sample of the sites is spread over the files of a source."""
    jobs = []
    for source in sources:
        paths = source.jobs()
        n_sampled = max(SAMPLE_SIZE // len(paths), MIN_SAMPLED)
        jobs += [FileJob(source, path, tracks, n_sampled) for path in paths]
    return jobs


@dataclass(frozen=True)
class _FileCounter:
    """Counts what a source hands over in the bins of its region: a `decode.genome.sources.Counter`."""

    job: FileJob
    bins: RegionBins

    @property
    def assembly(self) -> Assembly:
        return self.bins.assembly

    @property
    def is_stranded(self) -> bool:
        return self.bins.pieces.strand_shift > 0

    def sites(self, block: SiteBlock) -> FileCounts:
        names = [
            (regulator, biosample if self.job.tracks == "biosample" else "")
            for regulator, biosample in zip(block.regulators, block.biosamples, strict=True)
        ]
        number = {name: i for i, name in enumerate(sorted(set(names)))}
        track = block.track
        if list(number) != names:
            track = np.array([number[name] for name in names], dtype=np.int32)[track]
        pieces, half_distance = self.bins.pieces, self.bins.half_distance_bp
        counted: Sequence[tuple[NDArray[np.int32], NDArray[Any]]]
        if half_distance:
            counted = potentials(pieces, half_distance, track, block.position, block.length, len(number))
        else:
            counted = count_tracks(pieces, track, block.position, block.length, block.strand, len(number))
        value_kind: ValueKind = POTENTIAL if half_distance else BASES
        counts = {"n_sites": len(block.position), **block.counts}
        if self.is_stranded:
            counts["n_without_strand"] = int((block.strand == 0).sum())
        sample = sample_sites(block.position, block.length, block.strand, self.job.n_sampled)
        rows, values = [pair[0] for pair in counted], [pair[1].astype(self.bins.value_type) for pair in counted]
        return FileCounts(list(number), rows, values, counts, sample, value_kind)

    def signal(self, path: Path) -> FileCounts:
        track = signal_track(path)
        rows, means, counts = signal_means(track, self.bins)
        return FileCounts([(track.name, "")], [rows], [means], counts, None, SIGNAL)


def count_file(job_and_bins: tuple[FileJob, RegionBins]) -> tuple[FileCounts, list[dict[str, str]]]:
    """Read one file and count its sites in the bins of one region, or average its signal there.

    Parameters
    ----------
    job_and_bins : (FileJob, RegionBins)

    Returns
    -------
    FileCounts
        With a sample of the sites.
    list of dict
        Names and hashes of the files read.
    """
    job, bins = job_and_bins
    return job.source.count(job.path, _FileCounter(job, bins)), job.source.files(job.path)
