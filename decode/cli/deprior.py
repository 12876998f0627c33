"""decode deprior."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from decode.cli.inputs import by_name, load_tensorflow, open_features, open_groups, open_model
from decode.cli.options import (
    Architecture,
    Biosamples,
    Executor,
    Features,
    Force,
    GroupFile,
    IdMap,
    Keep,
    MaxEpochs,
    Members,
    Patience,
    TestChromosome,
    comma_list,
)
from decode.cli.outputs import stop_if_finished, take_work_folder
from decode.cli.progress import report_run


def deprior(
    features: Features,
    out: Annotated[Path, typer.Option(help="Folder for the model, tables, figures and finished runs.")],
    ranks: Annotated[
        Path | None,
        typer.Option(help="DE prior: columns Gene_Name and DE_Prior_Rank (0 to 1). With --model: only to judge it."),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(help="A trained model, or a name (de-prior-encode-hg19): it is taken, and none is trained."),
    ] = None,
    gene_sets: Annotated[
        Path | None, typer.Option(help="Gene sets (GMT) to test among the critical TFs, such as KEGG.")
    ] = None,
    expression: Annotated[
        Path | None, typer.Option(help="Genes x tissues TPM: predictors that see only the level of a gene.")
    ] = None,
    high_rank: Annotated[float, typer.Option(help="The AUROC looks for genes above this rank.")] = 0.9,
    min_size: Annotated[int, typer.Option(help="Least members of a gene set among the TFs of the model.")] = 5,
    seeds: Annotated[int, typer.Option(help="Single members on shuffled sites, each from its own seed.")] = 3,
    members: Members = 5,
    keep: Keep = "mean",
    architecture: Architecture = "default",
    biosamples: Biosamples = None,
    test_chromosome: TestChromosome = "chr1",
    group_file: GroupFile = None,
    id_map: IdMap = None,
    seed: Annotated[int, typer.Option(help="Seed of split, weights, batches and dropout.")] = 0,
    max_epochs: MaxEpochs = None,
    patience: Patience = 10,
    executor: Executor = "serial",
    force: Force = False,
) -> None:
    """How readily does a gene respond to anything? Predict it from sites; a killed run goes on when repeated."""
    if model is not None:
        _by_model(features, model, ranks, out, gene_sets, high_rank, min_size, id_map, force=force)
        return
    if ranks is None:
        raise ValueError("a model is trained on ranks: give them with --ranks, or take a trained model with --model")
    load_tensorflow()
    from decode.core.checks import check_count
    from decode.core.files import check_output_folder, run_record
    from decode.core.resume import remove_work_folder, work_folder
    from decode.drivers.prior import read_de_prior
    from decode.expression.readers import read_expression
    from decode.models.bundle import check_bundle_output
    from decode.persons.critical_regulators import critical_regulators
    from decode.persons.de_prior_model import fit_de_prior
    from decode.report.de_prior import de_prior_text, write_de_prior
    from decode.statistics.enrichment import read_gmt
    from decode.training.config import TrainingConfig

    check_bundle_output(check_output_folder(out) / "model")
    check_count("--seeds", seeds)
    inputs = {"features": features, "ranks": ranks, "gene_sets": gene_sets, "expression": expression}
    inputs |= {"groups": group_file, "id_map": id_map}
    record = run_record(
        inputs={name: path for name, path in inputs.items() if path is not None},
        high_rank=high_rank, min_size=min_size, seeds=seeds, members=members, keep=keep, architecture=architecture,
        biosamples=biosamples, test_chromosome=test_chromosome, seed=seed, max_epochs=max_epochs, patience=patience,
    )  # fmt: skip
    stop_if_finished(out, "deprior", record, force=force)
    loaded = open_features(features)
    prior = read_de_prior(ranks, loaded.genes, id_map)
    sets = None if gene_sets is None else read_gmt(gene_sets)
    result = fit_de_prior(
        loaded,
        prior,
        network=architecture,
        training=TrainingConfig(members=members, keep=keep, seed=seed, max_epochs=max_epochs, patience=patience),
        seeds=range(seeds),
        expression=None if expression is None else read_expression(expression),
        high_rank=high_rank,
        test_chromosome=comma_list(test_chromosome) or [],
        biosamples=comma_list(biosamples),
        groups=open_groups(group_file),
        folder=take_work_folder(out),
        executor=executor,
        on_run=report_run,
    )
    critical = critical_regulators(result.bundle, loaded, sets, min_size=min_size, id_map=id_map)
    write_de_prior(result, critical, out, high_rank=high_rank, record=record, force=force)
    remove_work_folder(work_folder(out))
    typer.echo(de_prior_text(result, critical))


def _by_model(
    features: Path, model: Path, ranks: Path | None, out: Path, gene_sets: Path | None, high_rank: float,
    min_size: int, id_map: Path | None, *, force: bool,
) -> None:  # fmt: skip
    """Predictions and critical TFs of a model that is there already."""
    from decode.core.files import check_output_folder, run_record
    from decode.drivers.prior import read_de_prior
    from decode.persons.critical_regulators import critical_regulators
    from decode.persons.de_prior_predictions import predict_de_prior
    from decode.report.de_prior import de_prior_predictions_text, write_de_prior_predictions
    from decode.statistics.enrichment import read_gmt

    check_output_folder(out)
    model, features = by_name(model, "model"), by_name(features, "features")
    given = {"features": features, "ranks": ranks, "gene_sets": gene_sets, "id_map": id_map}
    inputs: dict[str, str | Path] = {"model": model / "bundle.json"}
    inputs |= {name: path for name, path in given.items() if path is not None}
    record = run_record(
        inputs=inputs,
        high_rank=high_rank,
        min_size=min_size,
    )
    stop_if_finished(out, "deprior", record, force=force)
    bundle, loaded = open_model(model), open_features(features)
    prior = None if ranks is None else read_de_prior(ranks, loaded.genes, id_map)
    result = predict_de_prior(bundle, loaded, prior, high_rank=high_rank)
    sets = None if gene_sets is None else read_gmt(gene_sets)
    critical = critical_regulators(bundle, loaded, sets, min_size=min_size, id_map=id_map)
    write_de_prior_predictions(result, critical, out, record=record, force=force)
    typer.echo(de_prior_predictions_text(result, critical))
