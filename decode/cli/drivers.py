"""decode drivers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from decode.cli.inputs import load_tensorflow, open_features, open_gene_models, open_model
from decode.cli.options import Annotation, Biosamples, Force, IdMap, Representative, Sizes, comma_list
from decode.cli.outputs import stop_if_finished
from decode.cli.progress import report_run
from decode.core.choices import Form, Scale, Score

if TYPE_CHECKING:
    from decode.expression.de_tables import DeTable
    from decode.features.matrix import RegulatoryFeatures

INPUT, METHOD, FULL, FOUND = "The table", "Method", "With --full: a network of its own", "What is shown"


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
    up: Annotated[
        Path | None, typer.Option(help="Signature: file with one up-regulated gene a line.", rich_help_panel=INPUT)
    ] = None,
    down: Annotated[
        Path | None, typer.Option(help="Signature: file with one down-regulated gene a line.", rich_help_panel=INPUT)
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(
            help="Trained model: its hidden layers stay, a new head explains the table. Default: ridge.",
            rich_help_panel=METHOD,
        ),
    ] = None,
    full: Annotated[
        bool,
        typer.Option(
            "--full", help="Train a network on the table, and again on exchanged sites: hours.", rich_help_panel=FULL
        ),
    ] = False,
    members: Annotated[int, typer.Option(help="Networks of the ensemble.", rich_help_panel=FULL)] = 3,
    full_refits: Annotated[int, typer.Option(help="Refits on exchanged sites.", rich_help_panel=FULL)] = 20,
    executor: Annotated[
        str,
        typer.Option(
            help="Where they are fitted: serial, threads:N, or a Dask scheduler tcp://host:port.", rich_help_panel=FULL
        ),
    ] = "serial",
    form: Annotated[
        Form, typer.Option(help="What DE_TABLE is, where it does not show.", rich_help_panel=INPUT)
    ] = "auto",
    gene_column: Annotated[
        str | None, typer.Option(help="Column of DE_TABLE that names the genes.", rich_help_panel=INPUT)
    ] = None,
    contrasts: Annotated[
        str | None, typer.Option(help="Only these contrasts, comma-separated.", rich_help_panel=INPUT)
    ] = None,
    id_map: IdMap = None,
    skip_ambiguous: Annotated[
        bool,
        typer.Option(
            "--skip-ambiguous", help="Leave out rows whose name stands for several genes.", rich_help_panel=INPUT
        ),
    ] = False,
    biosamples: Biosamples = None,
    de_prior: Annotated[
        Path | None,
        typer.Option(
            help="DE prior (Gene_Name, DE_Prior_Rank): flags contrasts of generic responders.", rich_help_panel=METHOD
        ),
    ] = None,
    direction_only: Annotated[
        bool,
        typer.Option(
            "--direction-only",
            help="Rank by the signed effect alone, not also by the size of changes.",
            rich_help_panel=METHOD,
        ),
    ] = False,
    mean_expression: Annotated[
        Path | None,
        typer.Option(
            help="Targets table with median_level: the expression covariate where DE_TABLE has none.",
            rich_help_panel=METHOD,
        ),
    ] = None,
    prior_covariate: Annotated[
        bool, typer.Option("--prior-covariate", help="Also take it as a covariate.", rich_help_panel=METHOD)
    ] = False,
    annotation: Annotation = None,
    representative: Representative = "auto",
    sizes: Sizes = None,
    score: Annotated[
        Score,
        typer.Option(
            help="joint: beside all other regulators; marginal: each alone; see docs/drivers.md.",
            rich_help_panel=METHOD,
        ),
    ] = "joint",
    scale: Annotated[
        Scale,
        typer.Option(
            help="normal_scores: by rank, so that a few extreme genes weigh no more than others.",
            rich_help_panel=METHOD,
        ),
    ] = "normal_scores",
    refits: Annotated[
        int, typer.Option(help="Refits on exchanged sites, for z and p-values.", rich_help_panel=METHOD)
    ] = 500,
    min_genes: Annotated[
        int, typer.Option(help="Tracks with sites in fewer matched genes are dropped.", rich_help_panel=METHOD)
    ] = 30,
    top: Annotated[
        int, typer.Option(help="Drivers of each contrast with sites and positions.", rich_help_panel=FOUND)
    ] = 20,
    targets: Annotated[int, typer.Option(help="Leading targets of a driver.", rich_help_panel=FOUND)] = 50,
    seed: Annotated[int, typer.Option(help="Seed of the refits.")] = 0,
    force: Force = False,
) -> None:
    """Which TFs, RNA-binding proteins and miRNAs explain a differential expression table, where, and how surely."""
    from decode.core.files import check_output_folder, run_record
    from decode.core.resume import remove_work_folder, work_folder
    from decode.drivers.find import DriversConfig, find_drivers
    from decode.drivers.prior import read_de_prior
    from decode.report.drivers import drivers_text, write_drivers

    check_output_folder(out)
    if prior_covariate and de_prior is None:
        raise ValueError("--prior-covariate takes the DE prior as a covariate; name it with --de-prior FILE")
    if full and model is not None:
        raise ValueError("--full trains a network of its own; leave out --model, or leave out --full")
    options: dict[str, Any] = {
        "score": score,
        "scale": scale,
        "n_null": refits,
        "seed": seed,
        "min_bound_genes": min_genes,
        "n_top": top,
        "n_targets": targets,
        "prior_covariate": prior_covariate,
        "response": not (direction_only or full),  # a network for the sizes too would take twice the hours
    }
    config = DriversConfig(**options)
    files = {"de_table": de_table, "up": up, "down": down, "features": features, "id_map": id_map, "de_prior": de_prior}
    files |= {"mean_expression": mean_expression, "annotation": annotation, "sizes": sizes}
    if model is not None:
        files["model"] = model / "bundle.json"
    inputs: dict[str, str | Path] = {name: path for name, path in files.items() if path is not None}
    record = run_record(
        inputs=inputs,
        biosamples=biosamples,
        contrasts=contrasts,
        form=form,
        full=full,
        gene_column=gene_column,
        skip_ambiguous=skip_ambiguous,
        representative=representative,
        members=members if full else None,
        full_refits=full_refits if full else None,
        **options,
    )
    stop_if_finished(out, "drivers", record, force=force)
    table = _read(de_table, up, down, form, gene_column)
    loaded = open_features(features)
    models = None
    if annotation is not None:
        models = open_gene_models(annotation, loaded, representative, sizes)
    engine = None
    if full:
        engine = _full_network(members, full_refits, work_folder(out), executor, seed)
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
        gene_models=models,
        engine=engine,
    )
    write_drivers(result, out, record=record, force=force)
    if full:
        remove_work_folder(work_folder(out))
    typer.echo(drivers_text(result))


def _median_level(path: Path) -> Any:
    from decode.expression.targets import MEDIAN_LEVEL, read_targets

    table = read_targets(path)
    if MEDIAN_LEVEL not in table:
        raise ValueError(f"--mean-expression {path} has no {MEDIAN_LEVEL}; give a table of decode expression tissue")
    return table.set_index("gene_id")[MEDIAN_LEVEL]


def _frozen_body(model: Path, features: RegulatoryFeatures) -> Any:
    load_tensorflow()
    from decode.drivers.frozen_body import frozen_body_engine

    return frozen_body_engine(open_model(model), features)


def _full_network(members: int, refits: int, folder: Path, executor: str, seed: int) -> Any:
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
