"""decode features."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from decode.cli.feature_options import further_regions, placed, signal_sources, site_sources, with_downstream
from decode.cli.inputs import open_features
from decode.cli.options import Executor, Features, Force, IdMap, Representative, Sizes, comma_list, pairs
from decode.cli.outputs import stop_if_finished
from decode.core.choices import FeaturePreset, Level, Tracks

SITES, READING, REGION, BINS = "Sites and signals", "How sites are read", "Further regions", "Bins"
app = typer.Typer(no_args_is_help=True, help="Features: binding sites counted in promoter and RNA bins.")


Sites = Annotated[
    list[str] | None,
    typer.Option(
        help="KIND=PATH, KIND of TF, RBP, miRNA, other; PATH a file or a folder (one regulator a file).",
        rich_help_panel=SITES,
    ),
]
Signals = Annotated[
    list[str] | None,
    typer.Option(
        help="KIND=PATH of a bigWig file or a folder of them (one track a file); needs pyBigWig.", rich_help_panel=SITES
    ),
]


@app.command()
def build(
    annotation: Annotated[Path, typer.Option(help="GTF, GFF3 or UCSC genePred/refGene, plain or gzip.")],
    build: Annotated[str, typer.Option(help="Genome build: hg19, hg38, mm10, mm39, or any name with --sizes.")],
    out: Annotated[Path, typer.Option(help="Features file to write (.h5).")],
    promoter_sites: Sites = None,
    rna_sites: Sites = None,
    promoter_signal: Signals = None,
    rna_signal: Signals = None,
    region: Annotated[
        list[str] | None,
        typer.Option(
            help="NAME=FROM..TO: a further region in bases from the TSS, such as upstream=-50000..-2000.",
            rich_help_panel=REGION,
        ),
    ] = None,
    links: Annotated[
        Path | None,
        typer.Option(
            help="Distal elements of genes: BEDPE, or a table chrom, start, end, gene_id[, score].",
            rich_help_panel=REGION,
        ),
    ] = None,
    region_name: Annotated[
        str, typer.Option(help="Name of the region of the linked elements.", rich_help_panel=REGION)
    ] = "distal",
    min_link_score: Annotated[
        float | None, typer.Option(help="Drop links with a lower score.", rich_help_panel=REGION)
    ] = None,
    region_bin_size: Annotated[
        list[str] | None,
        typer.Option(help="NAME=N: bases a bin of a further region; --bin-size.", rich_help_panel=REGION),
    ] = None,
    region_sites: Annotated[
        list[str] | None,
        typer.Option(help="NAME:KIND=PATH: sites counted in a further region.", rich_help_panel=REGION),
    ] = None,
    potential: Annotated[
        list[str] | None,
        typer.Option(
            help="KIND=PATH: peaks, whose regulatory potential at each gene is a region of one bin.",
            rich_help_panel=REGION,
        ),
    ] = None,
    half_distance: Annotated[
        int | None,
        typer.Option(
            help="Bases from the TSS at which a peak of --potential counts half; 10000.", rich_help_panel=REGION
        ),
    ] = None,
    region_signal: Annotated[
        list[str] | None,
        typer.Option(help="NAME:KIND=PATH: bigWig averaged in a further region.", rich_help_panel=REGION),
    ] = None,
    structure: Annotated[
        Path | None,
        typer.Option(
            help="Second annotation (GTF or genePred) that says which bases are coding, for gene structure; default: "
            "--annotation, where it has CDS lines.",
        ),
    ] = None,
    preset: Annotated[
        FeaturePreset | None,
        typer.Option(
            help="recommended: TF sites also from the promoter's end to 10 kb downstream, and gene structure.",
        ),
    ] = None,
    biosample_column: Annotated[
        list[str] | None,
        typer.Option(help="KIND=N: column (from 1) that states the cell line or tissue.", rich_help_panel=READING),
    ] = None,
    min_score: Annotated[
        list[str] | None, typer.Option(help="KIND=X: drop sites with a lower score.", rich_help_panel=READING)
    ] = None,
    score_column: Annotated[
        list[str] | None, typer.Option(help="KIND=N: column (from 1) of the score; 5.", rich_help_panel=READING)
    ] = None,
    site_format: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            help="KIND=FORMAT: bed, gtrd, postar, postar3, targetscan; eclip, remap, chip-atlas (cell in the name).",
            rich_help_panel=READING,
        ),
    ] = None,
    tracks: Annotated[
        Tracks,
        typer.Option(help="biosample: apart where stated; regulator: one track a regulator.", rich_help_panel=READING),
    ] = "biosample",
    level: Annotated[Level, typer.Option(help="One row a gene or a transcript.")] = "gene",
    representative: Representative = "auto",
    bin_size: Annotated[int, typer.Option(help="Bases a bin.", rich_help_panel=BINS)] = 100,
    upstream: Annotated[
        int, typer.Option(help="Promoter bases before the transcription start.", rich_help_panel=BINS)
    ] = 2000,
    downstream: Annotated[
        int, typer.Option(help="Promoter bases from the transcription start on.", rich_help_panel=BINS)
    ] = 1000,
    sizes: Sizes = None,
    id_map: IdMap = None,
    executor: Executor = "threads",
    stranded_promoters: Annotated[
        bool,
        typer.Option(
            "--stranded-promoters", help="Promoters take only sites on the gene's strand.", rich_help_panel=BINS
        ),
    ] = False,
    allow_suspicious: Annotated[
        bool, typer.Option("--allow-suspicious", help="Go on where sites look like those of another build.")
    ] = False,
    force: Force = False,
) -> None:
    """Count binding sites (and average signals) in the bins of every gene's promoter, RNA and further regions."""
    from decode.core.files import check_output, run_record
    from decode.features.build import build_features
    from decode.genome.annotation import read_annotation
    from decode.genome.gene_models import gene_models
    from decode.genome.structure import has_coding, with_structure
    from decode.report.files import write_files

    check_output(out)
    if preset == "recommended":
        region, region_bin_size, region_sites = with_downstream(
            promoter_sites, region, region_bin_size, region_sites, first_bp=downstream
        )
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
    further = [*(region or []), *(region_bin_size or [])]
    paths: dict[str, Path | None] = {
        "annotation": annotation, "sizes": sizes, "links": links, "id_map": id_map, "structure": structure,
    }  # fmt: skip
    inputs: dict[str, str | Path] = {name: path for name, path in paths.items() if path is not None}
    given = {"promoter": promoter_sites, "rna": rna_sites, "region": region_sites, "promoter signal": promoter_signal,
             "rna signal": rna_signal, "region signal": region_signal, "potential": potential}  # fmt: skip
    for place, values in given.items():
        inputs |= {f"{place} {key} {n}": path for n, (key, path) in enumerate(pairs(place, values), start=1)}
    record = run_record(
        inputs=inputs, sources=_names(given), build=build, further_regions=further,
        region_name=region_name, min_link_score=min_link_score, half_distance=half_distance,
        **site_options, tracks=tracks, level=level, representative=representative, bin_size=bin_size,
        upstream=upstream, downstream=downstream, stranded_promoters=stranded_promoters,
    )  # fmt: skip
    stop_if_finished(out, "features build", record, force=force, beside=True)
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
    genes = read_annotation(annotation, build=build, sizes=sizes, id_map=id_map)
    models = gene_models(genes, level=level, representative=representative)
    coding = genes if structure is None else read_annotation(structure, build=build, sizes=sizes, id_map=id_map)
    if structure is not None or preset is not None or has_coding(coding):
        models = with_structure(models, coding)
    features = build_features(
        models,
        [*sites, *signals],
        regions=regions,
        bin_size=bin_size,
        upstream=upstream,
        downstream=downstream,
        tracks=tracks,
        executor=executor,
        promoter_stranded=stranded_promoters,
        allow_suspicious=allow_suspicious,
    )
    write_files("features build", {out: features.write}, record=record, force=force)
    typer.echo(f"{out}: {features!r}")


def _names(given: dict[str, list[str] | None]) -> list[str]:
    """The sources as they were named, without their folders: a file's name can be that of its regulator."""
    return [f"{place} {key}={Path(path).name}" for place, values in given.items() for key, path in pairs(place, values)]


@app.command()
def info(features: Features) -> None:
    """What a features file holds, where it came from, and whether its sites lie where they should."""
    from decode.features.describe import describe

    typer.echo(describe(open_features(features)))


@app.command()
def export(
    features: Features,
    out: Annotated[
        Path, typer.Option(help="Long table: region, gene_id, bin, kind, regulator, biosample, bases (.tsv.gz).")
    ],
    genes: Annotated[str | None, typer.Option(help="Only these gene ids, comma-separated.")] = None,
    force: Force = False,
) -> None:
    """Write the nonzero bins as a long table."""
    from decode.core.files import check_output, run_record
    from decode.report.files import write_files

    check_output(out)
    record = run_record(inputs={"features": features}, genes=genes)
    stop_if_finished(out, "features export", record, force=force, beside=True)
    table = open_features(features).to_long(genes=comma_list(genes))
    write_files("features export", {out: table}, record=record, force=force)
    typer.echo(f"{out}: {len(table)} rows")
