"""decode features."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from decode.cli.common import comma_list
from decode.cli.feature_options import further_regions, placed, signal_sources, site_sources

app = typer.Typer(no_args_is_help=True, help="Features: binding sites counted in promoter and RNA bins.")
FeaturesFile = Annotated[Path, typer.Argument(help="Features file (decode features build).")]


class TracksName(StrEnum):
    """Choices of --tracks."""

    biosample = "biosample"
    regulator = "regulator"


class LevelName(StrEnum):
    """Choices of --level."""

    gene = "gene"
    transcript = "transcript"


class RepresentativeName(StrEnum):
    """Choices of --representative."""

    auto = "auto"
    collapsed = "collapsed"
    mane = "mane"
    appris = "appris"
    longest = "longest"


Sites = Annotated[
    list[str] | None,
    typer.Option(help="KIND=PATH, KIND of TF, RBP, miRNA, other; PATH a file or a folder (one regulator a file)."),
]
Signals = Annotated[
    list[str] | None,
    typer.Option(help="KIND=PATH of a bigWig file or a folder of them (one track a file); needs pyBigWig."),
]


@app.command()
def build(
    annotation: Annotated[Path, typer.Option(help="GTF or UCSC genePred/refGene, plain or gzip.")],
    build: Annotated[str, typer.Option(help="Genome build: hg19, hg38, mm10, mm39, or any name with --sizes.")],
    out: Annotated[Path, typer.Option(help="Features file to write (.h5).")],
    promoter_sites: Sites = None,
    rna_sites: Sites = None,
    promoter_signal: Signals = None,
    rna_signal: Signals = None,
    region: Annotated[
        list[str] | None,
        typer.Option(help="NAME=FROM..TO: a further region in bases from the TSS, such as upstream=-50000..-2000."),
    ] = None,
    links: Annotated[
        Path | None,
        typer.Option(help="Distal elements of genes: BEDPE, or a table chrom, start, end, gene_id[, score]."),
    ] = None,
    region_name: Annotated[str, typer.Option(help="Name of the region of the linked elements.")] = "distal",
    min_link_score: Annotated[float | None, typer.Option(help="Drop links with a lower score.")] = None,
    region_bin_size: Annotated[
        list[str] | None, typer.Option(help="NAME=N: bases a bin of a further region; --bin-size.")
    ] = None,
    region_sites: Annotated[
        list[str] | None, typer.Option(help="NAME:KIND=PATH: sites counted in a further region.")
    ] = None,
    potential: Annotated[
        list[str] | None,
        typer.Option(help="KIND=PATH: peaks, whose regulatory potential at each gene is a region of one bin."),
    ] = None,
    half_distance: Annotated[
        int | None, typer.Option(help="Bases from the TSS at which a peak of --potential counts half; 10000.")
    ] = None,
    region_signal: Annotated[
        list[str] | None, typer.Option(help="NAME:KIND=PATH: bigWig averaged in a further region.")
    ] = None,
    biosample_column: Annotated[
        list[str] | None, typer.Option(help="KIND=N: column (from 1) that states the cell line or tissue.")
    ] = None,
    min_score: Annotated[list[str] | None, typer.Option(help="KIND=X: drop sites with a lower score.")] = None,
    score_column: Annotated[list[str] | None, typer.Option(help="KIND=N: column (from 1) of the score; 5.")] = None,
    site_format: Annotated[
        list[str] | None, typer.Option("--format", help="KIND=FORMAT: auto, bed, gtrd, postar, targetscan.")
    ] = None,
    tracks: Annotated[
        TracksName, typer.Option(help="biosample: apart where stated; regulator: one track a regulator.")
    ] = TracksName.biosample,
    level: Annotated[LevelName, typer.Option(help="One row a gene or a transcript.")] = LevelName.gene,
    representative: Annotated[
        RepresentativeName, typer.Option(help="Which transcript stands for a gene.")
    ] = RepresentativeName.auto,
    bin_size: Annotated[int, typer.Option(help="Bases a bin.")] = 100,
    upstream: Annotated[int, typer.Option(help="Promoter bases before the transcription start.")] = 2000,
    downstream: Annotated[int, typer.Option(help="Promoter bases from the transcription start on.")] = 1000,
    sizes: Annotated[Path | None, typer.Option(help="Chromosome sizes (name<TAB>length) of another genome.")] = None,
    id_map: Annotated[
        Path | None, typer.Option(help="Symbols to gene ids, for annotations and links that name genes by symbol.")
    ] = None,
    executor: Annotated[
        str, typer.Option(help="serial, threads, threads:N, or a Dask scheduler address tcp://host:port.")
    ] = "threads",
    stranded_promoters: Annotated[
        bool, typer.Option("--stranded-promoters", help="Promoters take only sites on the gene's strand.")
    ] = False,
    allow_suspicious: Annotated[
        bool, typer.Option("--allow-suspicious", help="Go on where sites look like those of another build.")
    ] = False,
) -> None:
    """Count binding sites (and average signals) in the bins of every gene's promoter, RNA and further regions."""
    from decode.core.files import check_output
    from decode.features.build import build_features
    from decode.genome.annotation import read_annotation
    from decode.genome.gene_models import gene_models

    check_output(out)
    site_options = {
        "biosample_column": biosample_column,
        "min_score": min_score,
        "score_column": score_column,
        "format": site_format,
    }
    sites = site_sources(placed(promoter_sites, rna_sites, region_sites, potential, what="sites"), site_options)
    signals = signal_sources(placed(promoter_signal, rna_signal, region_signal, what="signal"))
    if not sites and not signals:
        raise ValueError("no sites given; name at least one of --promoter-sites TF=PATH and --rna-sites RBP=PATH")
    regions = further_regions(
        region,
        region_bin_size,
        links,
        half_distance,
        has_potential=bool(potential),
        linked_name=region_name,
        min_link_score=min_link_score,
        id_map=id_map,
    )
    models = gene_models(
        read_annotation(annotation, build=build, sizes=sizes, id_map=id_map),
        level=level.value,
        representative=representative.value,
    )
    features = build_features(
        models,
        [*sites, *signals],
        regions=regions,
        bin_size=bin_size,
        upstream=upstream,
        downstream=downstream,
        tracks=tracks.value,
        executor=executor,
        promoter_stranded=stranded_promoters,
        allow_suspicious=allow_suspicious,
    )
    features.write(out)
    typer.echo(f"{out}: {features!r}")


@app.command()
def info(features: FeaturesFile) -> None:
    """What a features file holds, where it came from, and whether its sites lie where they should."""
    from decode.features.describe import describe
    from decode.features.matrix import RegulatoryFeatures

    typer.echo(describe(RegulatoryFeatures.read(features)))


@app.command()
def export(
    features: FeaturesFile,
    out: Annotated[
        Path, typer.Option(help="Long table: region, gene_id, bin, kind, regulator, biosample, bases (.tsv.gz).")
    ],
    genes: Annotated[str | None, typer.Option(help="Only these gene ids, comma-separated.")] = None,
) -> None:
    """Write the nonzero bins as a long table."""
    from decode.core.files import check_output, write_table
    from decode.features.matrix import RegulatoryFeatures

    check_output(out)
    table = RegulatoryFeatures.read(features).to_long(genes=comma_list(genes))
    write_table(table, out)
    typer.echo(f"{out}: {len(table)} rows")
