"""Build features: read site files one at a time, count them in bins, put the counts into one container."""

from __future__ import annotations

import hashlib
import logging
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from decode.core.checks import check_choice, check_unique, counted, listed
from decode.core.choices import Tracks
from decode.core.executor import get_executor
from decode.core.watched import in_notebook, watched
from decode.features.binning import rows_to_csr
from decode.features.content import TRACK_COLUMNS
from decode.features.counting import FileCounts, FileJob, count_file, jobs_of
from decode.features.matrix import RegulatoryFeatures
from decode.features.position_check import count_positions, judge_positions
from decode.features.region import RegionMatrix, count_bound_genes
from decode.features.regions import REGIONS, BinOptions, Region, RegionBins, make_bins
from decode.genome.sources import BASES, Source

if TYPE_CHECKING:
    from decode.genome.gene_models import GeneModels

logger = logging.getLogger(__name__)


class Part(NamedTuple):
    """One file counted, and the names and hashes of what was read for it."""

    job: FileJob
    counted: FileCounts
    files: list[dict[str, str]]


def _count_job(job: FileJob, *, bins: dict[str, RegionBins]) -> tuple[FileCounts, list[dict[str, str]]]:
    return count_file((job, bins[job.source.region]))


def _count_all(jobs: list[FileJob], bins: dict[str, RegionBins], executor: Any) -> Iterator[Part]:
    """Run the jobs, in order, with a progress bar where somebody watches."""
    from rich.console import Console
    from rich.progress import track

    results = get_executor(executor).map(partial(_count_job, bins=bins), jobs)
    parts = watched((Part(job, *result) for job, result in zip(jobs, results, strict=True)), "files", len(jobs))
    is_terminal = sys.stderr.isatty() and not in_notebook()
    yield from track(parts, "counting sites", len(jobs), console=Console(stderr=True), disable=not is_terminal)


def _add_counts(total: dict[str, Any], part: dict[str, Any]) -> None:
    """Add the counts of one file to those of its source, level by level."""
    for key, value in part.items():
        if isinstance(value, dict):
            _add_counts(total.setdefault(key, {}), value)
        elif isinstance(value, int | np.integer):
            total[key] = total.get(key, 0) + int(value)
        else:
            total.setdefault(key, value)


def _source_record(source: Source, parts: list[Part]) -> dict[str, Any]:
    counts: dict[str, Any] = {}
    for part in parts:
        _add_counts(counts, part.counted.counts)
    files = [file for part in parts for file in part.files]
    listing = "".join(f"{file['sha256']}  {file['name']}\n" for file in files)
    is_one = Path(source.path).is_file() and len(files) == 1
    whole = files[0]["sha256"] if is_one else hashlib.sha256(listing.encode()).hexdigest()
    record = {"path": str(source.path), "sha256": whole, "kind": source.kind, "region": source.region}
    return {**record, **source.options(), "counts": counts, "files": files}


def _region_tracks(bins: RegionBins, parts: list[Part]) -> tuple[list[tuple[str, str, str, str, str]], RegionMatrix]:
    """Tracks of one region in order of source, regulator and biosample, and their matrix."""
    keys: list[tuple[str, str, str, str, str]] = []
    rows, values, repeated = [], [], []
    origin: dict[tuple[str, str, str, str], Path] = {}
    for job, found, _ in parts:
        for (regulator, biosample), track_rows, track_values in zip(*found[:3], strict=True):
            key = (bins.name, job.source.kind, regulator, biosample)
            if key in origin:
                repeated.append(f"{job.source.kind}:{regulator} in {origin[key]} and {job.path}")
            origin[key] = job.path
            keys.append((*key, found.value_kind))
            rows.append(track_rows)
            values.append(track_values)
    if repeated:
        raise ValueError(
            f"{len(repeated)} track(s) of region {bins.name} come from two files: {listed(repeated)}; "
            "put the sites of one track into one file, or state a biosample column"
        )
    data = rows_to_csr(rows, values, bins.pieces.n_rows, bins.value_type)
    return keys, RegionMatrix(bins.name, data, bins.offsets, bins.bin_length_bp)


def build_features(
    gene_models: GeneModels,
    sources: Sequence[Source],
    *,
    bin_size: int = 100,
    upstream: int = 2000,
    downstream: int = 1000,
    regions: Sequence[Region] = (),
    tracks: Tracks = "biosample",
    executor: Any = "threads",
    promoter_stranded: bool = False,
    allow_suspicious: bool = False,
) -> RegulatoryFeatures:
    """Count binding sites in the promoter and RNA bins of every gene, and in the bins of further regions.

    The value of a bin is the number of its bases that the union of a track's sites covers: a base counts once, and
    sites are clipped to the region. For a signal track (bigWig) it is the mean signal over the bin's bases. One file is
    read at a time on each of two threads, so memory does not grow with the number of files.

    Parameters
    ----------
    gene_models : GeneModels
        Genes or transcripts, see `decode.genome.gene_models.gene_models`.
    sources : sequence of SiteSource, SiteTable and SignalSource
        Files or folders of sites or signals, or sites in memory, of the build of `gene_models`. Their regions:
        "promoter", "rna", or the name of one of `regions`.
    bin_size, upstream, downstream : int
        Bases. The promoter runs from `upstream` before the transcription start to `downstream` after it.
    regions : sequence of WindowRegion, LinkedRegion and PotentialRegion
        Further regions: windows at any distance from the TSS, linked distal elements, or the regulatory potential of
        peaks. In all of them strand is ignored. A gene without elements has no bins there.
    tracks : {"biosample", "regulator"}
        Whether sites of one regulator in different biosamples stay apart (where stated) or are united.
    executor : str, distributed.Client or Executor
        "threads" (two), "serial" or a Dask cluster, whose workers must see the files under the same paths.
    promoter_stranded : bool
        Whether promoters take only sites on the gene's strand. Default no: a TF binds double-stranded DNA.
    allow_suspicious : bool
        Whether to go on, with a warning, where sites lie in the region no more often than by chance.

    Returns
    -------
    RegulatoryFeatures
        Tracks in order of region, source, regulator and biosample.

    Raises
    ------
    ValueError
        If there is no source, a region is unknown or has no source, a file is not valid, one track comes from two
        files, or the sites look like those of another build.
    ImportError
        If there are signals and pyBigWig is not installed.

    Examples
    --------
    >>> import tempfile
    >>> from decode.genome import SiteSource, gene_models, read_annotation
    >>> folder = tempfile.TemporaryDirectory()
    >>> gtf, bed = Path(folder.name, "genes.gtf"), Path(folder.name, "sites.bed")
    >>> _ = gtf.write_text('chr1\\tX\\texon\\t5001\\t5250\\t.\\t+\\t.\\tgene_id "A"; transcript_id "A1";\\n')
    >>> _ = bed.write_text("chr1\\t4900\\t5010\\tCTCF\\nchr1\\t4950\\t5020\\tREST\\n")
    >>> genes = gene_models(read_annotation(gtf, build="hg38"))
    >>> features = build_features(genes, [SiteSource(kind="TF", path=bed, region="promoter")])
    >>> features.track_ids, features.totals().tolist()
    (['promoter|TF:CTCF', 'promoter|TF:REST'], [[110.0, 70.0]])
    >>> folder.cleanup()
    """
    check_choice("tracks", tracks, ("biosample", "regulator"))
    if not sources:
        raise ValueError("no sources of sites; give at least one (promoter or rna sites)")
    options = BinOptions(bin_size, upstream, downstream, promoter_stranded)
    bins = _all_bins(gene_models, sources, regions, options)
    parts = list(_count_all(jobs_of(sources, tracks), bins, executor))
    by_source = [(source, [part for part in parts if part.job.source is source]) for source in sources]
    records = [_source_record(source, of_source) for source, of_source in by_source]
    _log_sources(records)
    checks = []
    for record, (source, of_source) in zip(records, by_source, strict=True):
        region = bins[source.region]
        samples = [part.counted.sample for part in of_source if part.counted.sample is not None]
        if samples:
            counts = count_positions(region.union, gene_models.assembly, region.pieces.strand_shift, samples)
            suspicion = "warn" if allow_suspicious and region.suspicion == "raise" else region.suspicion
            checks.append(judge_positions(record, counts, suspicion=suspicion))
    matrices: dict[str, RegionMatrix] = {}
    keys: list[tuple[str, str, str, str, str]] = []
    for name in bins:
        region_keys, matrices[name] = _region_tracks(
            bins[name], [part for part in parts if part.job.source.region == name]
        )
        keys += region_keys
    table = pd.DataFrame(keys, columns=list(TRACK_COLUMNS[:5]))
    table["n_bound_genes"] = count_bound_genes(matrices)
    return RegulatoryFeatures(
        level=gene_models.level,
        genes=gene_models.table.reset_index(drop=True),
        tracks=table,
        regions=matrices,
        build=gene_models.assembly.name,
        bin_size=int(bin_size),
        upstream=int(upstream),
        downstream=int(downstream),
        sources=records,
        checks={"gene_models": gene_models.rule, "positions": checks},
        definitions={name: region.definition for name, region in bins.items() if region.definition},
    )


def _all_bins(
    gene_models: GeneModels, sources: Sequence[Source], regions: Sequence[Region], options: BinOptions
) -> dict[str, RegionBins]:
    """Bins of the regions that have sources: promoter, RNA, then the further ones in the order given."""
    check_unique("names of the regions", [region.name for region in regions])
    by_name: dict[str, str | Region] = {name: name for name in REGIONS}
    by_name |= {region.name: region for region in regions}
    for source in sources:
        check_choice(f"region of {source.path}", source.region, by_name)
    used = {source.region for source in sources}
    empty = [region.name for region in regions if region.name not in used]
    if empty:
        raise ValueError(
            f"no sites are given for the region(s) {listed(empty)}; give some (--region-sites {empty[0]}:TF=PATH) or "
            "leave the region out"
        )
    with_signal = {source.region for source in sources if source.value_kind != BASES}
    return {
        name: make_bins(gene_models, region, options, has_signal=name in with_signal)
        for name, region in by_name.items()
        if name in used
    }


def _log_sources(records: list[dict[str, Any]]) -> None:
    for record in records:
        logger.info("%s (%s, %s): %s", record["path"], record["kind"], record["region"], counted(record["counts"]))
        absent = record["counts"].get("absent_chromosomes", {})
        if absent:
            logger.warning("%s: no signal on %d chromosomes: %s", record["path"], len(absent), listed(absent))
        n_without = record["counts"].get("n_without_strand", 0)
        if n_without:
            logger.warning(
                "%s: %d of %d sites have no strand; they count on both strands",
                record["path"], n_without, record["counts"]["n_sites"],
            )  # fmt: skip
