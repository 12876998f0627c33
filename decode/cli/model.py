"""decode train, evaluate, predict, randomise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from decode.cli.inputs import load_tensorflow, open_features, open_groups, open_model
from decode.cli.options import (
    Against,
    Architecture,
    Biosamples,
    Executor,
    Features,
    GroupFile,
    Keep,
    MaxEpochs,
    Members,
    Model,
    Part,
    Patience,
    SplitBy,
    Targets,
    TestChromosome,
    comma_list,
    pairs,
)

if TYPE_CHECKING:
    from decode.training.member import MemberFit
    from decode.tuning.config_file import Configuration


def train(
    context: typer.Context,
    features: Features,
    targets: Targets,
    out: Annotated[Path, typer.Option(help="Model bundle to write (a folder).")],
    config: Annotated[
        Path | None,
        typer.Option(help="JSON of network and training (best.json of decode tune); options given here win over it."),
    ] = None,
    architecture: Architecture = "default",
    members: Members = 5,
    keep: Keep = "mean",
    biosamples: Biosamples = None,
    test_chromosome: TestChromosome = "chr1",
    group_file: GroupFile = None,
    split_by: SplitBy = "gene",
    seed: Annotated[int, typer.Option(help="Seed of split, weights, batches and dropout.")] = 0,
    max_epochs: MaxEpochs = 100,
    patience: Patience = 10,
    executor: Executor = "serial",
) -> None:
    """Train an ensemble; a killed run resumes when the same command is given again."""
    load_tensorflow()
    from decode.core.files import check_output
    from decode.expression.targets import read_targets
    from decode.models.bundle import check_bundle_output, save_bundle
    from decode.training.ensemble import remove_checkpoints
    from decode.training.ensemble import train as train_model

    check_bundle_output(check_output(out))
    options = {"members": members, "keep": keep, "seed": seed, "max_epochs": max_epochs, "patience": patience}
    network, training = chosen_configuration(context, config, architecture, options)
    loaded = open_features(features)
    checkpoints = out.with_name(f".{out.name}.checkpoints")
    number = 0

    def report(fit: MemberFit) -> None:
        nonlocal number
        number += 1
        typer.echo(f"member {number} of {training.members}: validation loss {fit.validation_loss:.4f}", err=True)

    bundle = train_model(
        loaded,
        read_targets(targets),
        network=network,
        training=training,
        test_chromosome=comma_list(test_chromosome) or [],
        biosamples=comma_list(biosamples),
        groups=open_groups(group_file),
        split_by=split_by,
        checkpoint_folder=checkpoints,
        executor=executor,
        on_member=report,
    )
    save_bundle(bundle, out)
    remove_checkpoints(checkpoints)
    typer.echo(
        f"{out}: {len(bundle.members)} member(s), {len(bundle.tasks)} tasks, {len(bundle.tracks)} tracks, "
        f"trained on {bundle.counts['train']} genes; next: decode evaluate {out} {features} {targets} --out DIR"
    )


def chosen_configuration(
    context: typer.Context, config: Path | None, architecture: Architecture, options: dict[str, Any]
) -> Configuration:
    """Network and training of a configuration file, or of the options; those that were given win over the file."""
    from decode.models.config import network_config
    from decode.training.config import TrainingConfig
    from decode.tuning.config_file import Configuration, read_config

    if config is None:
        return Configuration(network_config(architecture), TrainingConfig(**options))
    network, training = read_config(config)

    def is_given(name: str) -> bool:
        source = context.get_parameter_source(name)
        return source is not None and source.name == "COMMANDLINE"

    if is_given("architecture") and architecture != network.architecture:
        raise ValueError(f"--architecture is {architecture} and {config} describes a {network.architecture} network")
    return Configuration(network, replace(training, **{name: v for name, v in options.items() if is_given(name)}))


def evaluate(
    model: Model,
    features: Features,
    targets: Targets,
    out: Annotated[Path, typer.Option(help="Folder for metrics.json, tables and figures.")],
    split: Part = "test",
    against: Against = None,
) -> None:
    """Judge a model on held-out genes, beside the baselines."""
    load_tensorflow()
    from decode.core.files import check_output_folder, run_record
    from decode.evaluation.calibration import calibrate_model
    from decode.evaluation.evaluate import evaluate as evaluate_model
    from decode.expression.targets import read_targets
    from decode.report.calibration import write_calibration
    from decode.report.evaluation import write_evaluation

    check_output_folder(out)
    bundle = open_model(model)
    others = {
        name: open_model(path)
        for name, path in pairs("--against", against, "NAME=MODEL, for example paper=model_paper")
    }
    loaded, table = open_features(features), read_targets(targets)
    evaluation = evaluate_model(bundle, loaded, table, part=split, others=others)
    inputs: dict[str, str | Path] = {"model": model / "bundle.json", "features": features, "targets": targets}
    record = run_record(inputs=inputs, split=split, against=against or [])
    write_evaluation(evaluation, out, history=bundle.history, record=record)
    if split == "test" and len(bundle.members) > 1:  # one member has no spread
        write_calibration(calibrate_model(bundle, loaded, table), out)
    typer.echo(accuracy_table(evaluation.metrics))


def accuracy_table(metrics: dict[str, Any]) -> str:
    """The headline figures of a model, its baselines and other models, as text."""
    rows = {"model": metrics["model"], **metrics["baselines"], **metrics["others"]}
    lines = [
        f"{metrics['n_genes']} {metrics['split']} genes; Spearman",
        f"{'':16}{'fold change':>12}{'median level':>14}",
    ]
    for name, row in rows.items():
        cells = [row["fold_change_mean_spearman"], row["median_level_spearman"]]
        shown = ["-" if cell != cell else f"{cell:.3f}" for cell in cells]
        lines.append(f"{name:16}{shown[0]:>12}{shown[1]:>14}")
    own = metrics["specificity"]
    lines.append(f"own column is the highest for {own['n_own_highest']} of {own['n_tasks']} tasks")
    return "\n".join(lines)


def predict(
    model: Model,
    features: Features,
    out: Annotated[Path, typer.Option(help="Predictions: gene_id and one column a task, log2 (.tsv or .tsv.gz).")],
    spread: Annotated[
        bool, typer.Option("--spread", help="Also write NAME_spread.tsv: mean and SD over members of each task.")
    ] = False,
) -> None:
    """Predict every gene of a features file."""
    load_tensorflow()
    from decode.core.files import check_output, write_table
    from decode.evaluation.calibration import spread_table
    from decode.evaluation.predict import predict as predict_genes
    from decode.evaluation.predict import predict_members

    check_output(out)
    bundle, loaded = open_model(model), open_features(features)
    if spread and len(bundle.members) < 2:
        raise ValueError(
            f"--spread: {model} has one member, so its predictions have no spread; train with more members"
        )
    table = predict_genes(bundle, loaded)
    write_table(table, out)
    if spread:
        stem = Path(out.name.removesuffix(".gz")).stem
        beside = out.with_name(f"{stem}_spread{out.name.removeprefix(stem)}")
        write_table(spread_table(loaded, predict_members(bundle, loaded), bundle.tasks), beside)
    typer.echo(f"{out}: {len(table)} rows x {table.shape[1] - 1} tasks")


COMMANDS: dict[str, Callable[..., None]] = {"train": train, "evaluate": evaluate, "predict": predict}
