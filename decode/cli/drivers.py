"""decode drivers."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from decode.cli.common import comma_list
from decode.cli.features import RepresentativeName

if TYPE_CHECKING:
    from decode.expression.de_tables import DeTable
    from decode.features.matrix import RegulatoryFeatures


class FormName(StrEnum):
    """Choices of --form."""

    auto = "auto"
    table = "table"
    matrix = "matrix"
    signature = "signature"


class ScoreName(StrEnum):
    """Choices of --score."""

    joint = "joint"
    attribution = "attribution"
    covariance = "covariance"
    marginal = "marginal"


class ScaleName(StrEnum):
    """Choices of --scale."""

    normal_scores = "normal_scores"
    as_given = "as_given"


def drivers(
    features: Annotated[Path, typer.Option(help="Features file of `decode features build`, gene level.")],
    out: Annotated[Path, typer.Option(help="Folder for drivers.tsv, targets.tsv, sites.bed, figures and run record.")],
    de_table: Annotated[
        Path | None,
        typer.Argument(
            help="DESeq2, edgeR, limma, scanpy or Seurat table, genes x contrasts matrix, or gene<TAB>up/down; CSV or "
            "TSV, also .gz.",
            show_default=False,
        ),
    ] = None,
    up: Annotated[Path | None, typer.Option(help="Signature: file with one up-regulated gene a line.")] = None,
    down: Annotated[Path | None, typer.Option(help="Signature: file with one down-regulated gene a line.")] = None,
    model: Annotated[
        Path | None,
        typer.Option(help="Trained model: its hidden layers stay, a new head explains the table. Default: ridge."),
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Train a network on the table, and again on exchanged sites: hours.")
    ] = False,
    members: Annotated[int, typer.Option(help="With --full: networks of the ensemble.")] = 3,
    full_refits: Annotated[int, typer.Option(help="With --full: refits on exchanged sites.")] = 20,
    executor: Annotated[
        str, typer.Option(help="With --full: serial, threads:N, or a Dask scheduler tcp://host:port.")
    ] = "serial",
    form: Annotated[FormName, typer.Option(help="What DE_TABLE is, where it does not show.")] = FormName.auto,
    gene_column: Annotated[str | None, typer.Option(help="Column of DE_TABLE that names the genes.")] = None,
    contrasts: Annotated[str | None, typer.Option(help="Only these contrasts, comma-separated.")] = None,
    id_map: Annotated[
        Path | None, typer.Option(help="Two columns, name and gene id, or the HGNC complete set: how names are found.")
    ] = None,
    skip_ambiguous: Annotated[
        bool, typer.Option("--skip-ambiguous", help="Leave out rows whose name stands for several genes.")
    ] = False,
    biosamples: Annotated[
        str | None, typer.Option(help="Only tracks of these biosamples (and without one), comma-separated.")
    ] = None,
    de_prior: Annotated[
        Path | None, typer.Option(help="DE prior (Gene_Name, DE_Prior_Rank): flags contrasts of generic responders.")
    ] = None,
    direction_only: Annotated[
        bool, typer.Option("--direction-only", help="Rank by the signed effect alone, not also by the size of changes.")
    ] = False,
    mean_expression: Annotated[
        Path | None,
        typer.Option(help="Targets table with median_level: the expression covariate where DE_TABLE has none."),
    ] = None,
    prior_covariate: Annotated[bool, typer.Option("--prior-covariate", help="Also take it as a covariate.")] = False,
    annotation: Annotated[
        Path | None, typer.Option(help="Annotation of the features: puts sites on RNA on the genome.")
    ] = None,
    representative: Annotated[
        RepresentativeName, typer.Option(help="With --annotation: as the features were built.")
    ] = RepresentativeName.auto,
    sizes: Annotated[Path | None, typer.Option(help="With --annotation: chromosome sizes of another genome.")] = None,
    score: Annotated[
        ScoreName, typer.Option(help="joint: beside all other regulators; marginal: each alone; see docs/drivers.md.")
    ] = ScoreName.joint,
    scale: Annotated[
        ScaleName, typer.Option(help="normal_scores: by rank, so that a few extreme genes weigh no more than others.")
    ] = ScaleName.normal_scores,
    refits: Annotated[int, typer.Option(help="Refits on exchanged sites, for z and p-values.")] = 500,
    min_genes: Annotated[int, typer.Option(help="Tracks with sites in fewer matched genes are dropped.")] = 30,
    top: Annotated[int, typer.Option(help="Drivers of each contrast with sites and positions.")] = 20,
    targets: Annotated[int, typer.Option(help="Leading targets of a driver.")] = 50,
    seed: Annotated[int, typer.Option(help="Seed of the refits.")] = 0,
) -> None:
    """Which TFs, RNA-binding proteins and miRNAs explain a differential expression table, where, and how surely."""
    from decode.core.files import check_output_folder, run_record
    from decode.drivers.find import DriversConfig, find_drivers
    from decode.drivers.prior import read_de_prior
    from decode.features.matrix import RegulatoryFeatures
    from decode.report.drivers import drivers_text, write_drivers

    check_output_folder(out)
    if prior_covariate and de_prior is None:
        raise ValueError("--prior-covariate takes the DE prior as a covariate; name it with --de-prior FILE")
    if full and model is not None:
        raise ValueError("--full trains a network of its own; leave out --model, or leave out --full")
    options: dict[str, Any] = {
        "score": score.value,
        "scale": scale.value,
        "n_null": refits,
        "seed": seed,
        "min_bound_genes": min_genes,
        "n_top": top,
        "n_targets": targets,
        "prior_covariate": prior_covariate,
        "response": not (direction_only or full),  # a network for the sizes too would take twice the hours
    }
    config = DriversConfig(**options)
    table = _read(de_table, up, down, form.value, gene_column)
    loaded = RegulatoryFeatures.read(features)
    models = None
    if annotation is not None:
        from decode.genome.annotation import read_annotation
        from decode.genome.gene_models import gene_models

        models = gene_models(
            read_annotation(annotation, build=loaded.build, sizes=sizes), representative=representative.value
        )
    engine = None
    if full:
        engine = _full_network(members, full_refits, out.with_name(f"{out.name}.refits"), executor, seed)
    elif model is not None:
        engine = _frozen_body(model, loaded)
    prior = None if de_prior is None else read_de_prior(de_prior, loaded.genes[["gene_id", "gene_name"]], id_map)
    result = find_drivers(
        table,
        loaded,
        config=config,
        id_map=id_map,
        skip_ambiguous=skip_ambiguous,
        biosamples=comma_list(biosamples),
        contrasts=comma_list(contrasts),
        prior=prior,
        mean_expression=None if mean_expression is None else _median_level(mean_expression),
        models=models,
        engine=engine,
    )
    files = {"de_table": de_table, "up": up, "down": down, "features": features, "id_map": id_map, "de_prior": de_prior}
    files["mean_expression"] = mean_expression
    if model is not None:
        files["model"] = model / "bundle.json"
    inputs: dict[str, str | Path] = {name: path for name, path in files.items() if path is not None}
    record = run_record(
        inputs=inputs, biosamples=biosamples, contrasts=contrasts, form=form.value, full=full, **options
    )
    write_drivers(result, out, record=record)
    typer.echo(drivers_text(result))


def _median_level(path: Path) -> Any:
    from decode.expression.targets import MEDIAN_LEVEL, read_targets

    table = read_targets(path)
    if MEDIAN_LEVEL not in table:
        raise ValueError(f"--mean-expression {path} has no {MEDIAN_LEVEL}; give a table of decode expression tissue")
    return table.set_index("gene_id")[MEDIAN_LEVEL]


def _frozen_body(model: Path, features: RegulatoryFeatures) -> Any:
    from decode.cli.common import load_tensorflow

    load_tensorflow()
    from decode.drivers.frozen_body import frozen_body_engine
    from decode.models.bundle import load_bundle

    return frozen_body_engine(load_bundle(model), features)


def _full_network(members: int, refits: int, folder: Path, executor: str, seed: int) -> Any:
    from decode.cli.common import load_tensorflow
    from decode.cli.randomise import report_run

    load_tensorflow()
    from decode.drivers.full_network import FullOptions, full_network_engine
    from decode.training.config import TrainingConfig

    training = TrainingConfig(members=members, seed=seed)
    options = FullOptions(training=training, refits=refits, folder=folder, executor=executor, on_run=report_run)
    return full_network_engine(options)


def _read(de_table: Path | None, up: Path | None, down: Path | None, form: Any, gene_column: str | None) -> DeTable:
    from decode.expression.de_tables import read_de_table, read_signature

    if de_table is not None and (up is not None or down is not None):
        raise ValueError("give either DE_TABLE or the lists --up and --down, not both")
    if de_table is None:
        if up is None and down is None:
            raise ValueError("nothing to explain: give DE_TABLE, or the lists of a signature (--up FILE --down FILE)")
        return read_signature(up, down)
    return read_de_table(de_table, form=form, gene_column=gene_column)
