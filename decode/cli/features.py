"""decode features."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from decode.cli.common import comma_list, pairs

if TYPE_CHECKING:
    from decode.genome.sites import SiteSource

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


@app.command()
def build(
    annotation: Annotated[Path, typer.Option(help="GTF or UCSC genePred/refGene, plain or gzip.")],
    build: Annotated[str, typer.Option(help="Genome build: hg19, hg38, mm10, mm39, or any name with --sizes.")],
    out: Annotated[Path, typer.Option(help="Features file to write (.h5).")],
    promoter_sites: Sites = None,
    rna_sites: Sites = None,
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
    """Count binding sites in the bins of every gene's promoter and RNA."""
    from decode.core.files import check_output
    from decode.features.build import build_features
    from decode.genome.annotation import read_annotation
    from decode.genome.gene_models import gene_models

    check_output(out)
    options = {
        "biosample_column": dict(pairs("--biosample-column", biosample_column)),
        "min_score": dict(pairs("--min-score", min_score)),
        "score_column": dict(pairs("--score-column", score_column)),
        "format": dict(pairs("--format", site_format)),
    }
    sources = [
        _source(kind, path, region, options)
        for region, option, given in (
            ("promoter", "--promoter-sites", promoter_sites),
            ("rna", "--rna-sites", rna_sites),
        )
        for kind, path in pairs(option, given)
    ]
    if not sources:
        raise ValueError("no sites given; name at least one of --promoter-sites TF=PATH and --rna-sites RBP=PATH")
    _check_kinds(options, {source.kind for source in sources})
    models = gene_models(
        read_annotation(annotation, build=build, sizes=sizes), level=level.value, representative=representative.value
    )
    features = build_features(
        models,
        sources,
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


def _number(option: str, text: str | None, kind: type[int] | type[float]) -> Any:
    if text is None:
        return None
    try:
        return kind(text)
    except ValueError:
        raise ValueError(f"--{option.replace('_', '-')} is {text!r}; a number is wanted after KIND=") from None


def _source(kind: str, path: str, region: str, options: dict[str, dict[str, str]]) -> SiteSource:
    from decode.genome.sites import SiteSource

    given: dict[str, Any] = {
        "biosample_column": _number("biosample_column", options["biosample_column"].get(kind), int),
        "min_score": _number("min_score", options["min_score"].get(kind), float),
        "score_column": _number("score_column", options["score_column"].get(kind), int),
        "format": options["format"].get(kind),
    }
    return SiteSource(
        kind=kind,  # type: ignore[arg-type]
        path=Path(path),
        region=region,
        **{name: value for name, value in given.items() if value is not None},
    )


def _check_kinds(options: dict[str, dict[str, str]], kinds: set[str]) -> None:
    for name, given in options.items():
        unused = sorted(set(given) - kinds)
        if unused:
            raise ValueError(
                f"--{name.replace('_', '-')} names the kind {unused[0]!r}, for which no sites are given; "
                f"sites are given for {', '.join(sorted(kinds))}"
            )


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
