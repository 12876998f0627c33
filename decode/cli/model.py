"""decode train, evaluate, predict, randomise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from decode.cli.common import comma_list, load_tensorflow, pairs
from decode.cli.options import Force
from decode.cli.outputs import stop_if_finished

if TYPE_CHECKING:
    from decode.training.member import MemberFit
    from decode.tuning.config_file import Configuration

Features = Annotated[Path, typer.Argument(help="Features file (decode features build).")]
Targets = Annotated[Path, typer.Argument(help="Targets table (decode expression).")]


TaskKindOption = Annotated[
    Literal["fold_change", "level", "other"] | None,
    typer.Option(help="What the columns of the targets but median_level are; default: fold_change."),
]
Model = Annotated[Path, typer.Argument(help="Model bundle (decode train).")]
ExecutorOption = Annotated[
    str, typer.Option(help="Where members are fitted: serial, threads:N, or a Dask scheduler address tcp://host:port.")
]


class ArchitectureName(StrEnum):
    """Choices of --architecture."""

    default = "default"
    paper = "paper"


class KeepName(StrEnum):
    """Choices of --keep."""

    mean = "mean"
    best = "best"


class SplitByName(StrEnum):
    """Choices of --split-by."""

    gene = "gene"
    transcript = "transcript"


class PartName(StrEnum):
    """Choices of --split."""

    test = "test"
    validation = "validation"
    train = "train"
    all = "all"


def train(
    context: typer.Context,
    features: Features,
    targets: Targets,
    out: Annotated[Path, typer.Option(help="Model bundle to write (a folder).")],
    config: Annotated[
        Path | None,
        typer.Option(help="JSON of network and training (best.json of decode tune); options given here win over it."),
    ] = None,
    architecture: Annotated[
        ArchitectureName, typer.Option(help="default: what predicts best; paper: the published network.")
    ] = ArchitectureName.default,
    members: Annotated[int, typer.Option(help="Networks fitted from different seeds.")] = 5,
    keep: Annotated[
        KeepName, typer.Option(help="mean: average them; best: keep the best on validation.")
    ] = KeepName.mean,
    biosamples: Annotated[str | None, typer.Option(help="Only tracks of these cell lines, comma-separated.")] = None,
    test_chromosome: Annotated[str, typer.Option(help="Chromosome held out whole.")] = "chr1",
    group_file: Annotated[
        Path | None, typer.Option(help="gene_id<TAB>family: families stay on one side of the split.")
    ] = None,
    split_by: Annotated[
        SplitByName,
        typer.Option(help="transcript: validation transcripts at random, as published; leaks between isoforms."),
    ] = SplitByName.gene,
    task_kind: TaskKindOption = None,
    seed: Annotated[int, typer.Option(help="Seed of split, weights, batches and dropout.")] = 0,
    max_epochs: Annotated[int, typer.Option(help="Most epochs of a member.")] = 100,
    patience: Annotated[int, typer.Option(help="Epochs without a better validation loss before stopping.")] = 10,
    executor: ExecutorOption = "serial",
    force: Force = False,
) -> None:
    """Train an ensemble; a killed run resumes when the same command is given again."""
    load_tensorflow()
    from decode.core.files import check_output, run_record
    from decode.dataset import read_groups
    from decode.expression.targets import read_targets
    from decode.expression.task_kinds import with_task_kinds
    from decode.features.matrix import RegulatoryFeatures
    from decode.models.bundle import BUNDLE_FILE, check_bundle_output, save_bundle
    from decode.report.files import write_record
    from decode.training.ensemble import remove_checkpoints
    from decode.training.ensemble import train as train_model

    check_bundle_output(check_output(out))
    options = {"members": members, "keep": keep.value, "seed": seed, "max_epochs": max_epochs, "patience": patience}
    network, training = chosen_configuration(context, config, architecture, options)
    inputs: dict[str, str | Path] = {"features": features, "targets": targets}
    inputs |= {"groups": group_file} if group_file else {}
    record = run_record(
        inputs=inputs, network=network.to_json(), training=training.to_json(), biosamples=biosamples,
        test_chromosome=test_chromosome, split_by=split_by.value, task_kind=task_kind, seed=training.seed,
    )  # fmt: skip
    stop_if_finished(out, "train", record, force=force, beside=True)
    loaded = RegulatoryFeatures.read(features)
    checkpoints = out.with_name(f".{out.name}.checkpoints")
    number = 0

    def report(fit: MemberFit) -> None:
        nonlocal number
        number += 1
        typer.echo(f"member {number} of {training.members}: validation loss {fit.validation_loss:.4f}", err=True)

    bundle = train_model(
        loaded,
        with_task_kinds(read_targets(targets), task_kind),
        network=network,
        training=training,
        test_chromosome=comma_list(test_chromosome) or [],
        biosamples=comma_list(biosamples),
        groups=read_groups(str(group_file)) if group_file else None,
        split_by=split_by.value,
        checkpoint_folder=checkpoints,
        executor=executor,
        on_member=report,
    )
    save_bundle(bundle, out)
    write_record(out, "train", [out / BUNDLE_FILE], record=record)
    remove_checkpoints(checkpoints)
    typer.echo(
        f"{out}: {len(bundle.members)} member(s), {len(bundle.tasks)} tasks, {len(bundle.tracks)} tracks, "
        f"trained on {bundle.counts['train']} genes; next: decode evaluate {out} {features} {targets} --out DIR"
    )


def chosen_configuration(
    context: typer.Context, config: Path | None, architecture: ArchitectureName, options: dict[str, Any]
) -> Configuration:
    """Network and training of a configuration file, or of the options; those that were given win over the file."""
    from decode.models.config import network_config
    from decode.training.config import TrainingConfig
    from decode.tuning.config_file import Configuration, read_config

    if config is None:
        return Configuration(network_config(architecture.value), TrainingConfig(**options))
    network, training = read_config(config)

    def is_given(name: str) -> bool:
        source = context.get_parameter_source(name)
        return source is not None and source.name == "COMMANDLINE"

    if is_given("architecture") and architecture.value != network.architecture:
        raise ValueError(
            f"--architecture is {architecture.value} and {config} describes a {network.architecture} network"
        )
    return Configuration(network, replace(training, **{name: v for name, v in options.items() if is_given(name)}))


def evaluate(
    model: Model,
    features: Features,
    targets: Targets,
    out: Annotated[Path, typer.Option(help="Folder for metrics.json, tables and figures.")],
    split: Annotated[PartName, typer.Option(help="Genes to judge.")] = PartName.test,
    against: Annotated[
        list[str] | None, typer.Option(help="Further model of the same table, NAME=MODEL, e.g. paper=model_paper.")
    ] = None,
    force: Force = False,
) -> None:
    """Judge a model on held-out genes, beside the baselines."""
    load_tensorflow()
    from decode.core.files import check_output_folder, run_record
    from decode.evaluation.calibration import calibrate_model
    from decode.evaluation.evaluate import evaluate as evaluate_model
    from decode.expression.targets import read_targets
    from decode.features.matrix import RegulatoryFeatures
    from decode.models.bundle import load_bundle
    from decode.report.evaluation import accuracy_text, write_evaluation

    check_output_folder(out)
    inputs: dict[str, str | Path] = {"model": model / "bundle.json", "features": features, "targets": targets}
    compared = pairs("--against", against, "NAME=MODEL, for example paper=model_paper")
    inputs |= {f"against:{name}": Path(path) / "bundle.json" for name, path in compared}
    record = run_record(inputs=inputs, split=split.value)
    stop_if_finished(out, "evaluate", record, force=force)
    bundle = load_bundle(model)
    others = {name: load_bundle(path) for name, path in compared}
    loaded, table = RegulatoryFeatures.read(features), read_targets(targets)
    evaluation = evaluate_model(bundle, loaded, table, part=split.value, others=others)
    has_spread = split is PartName.test and len(bundle.members) > 1
    calibration = calibrate_model(bundle, loaded, table) if has_spread else None
    write_evaluation(evaluation, out, history=bundle.history, calibration=calibration, record=record, force=force)
    typer.echo(accuracy_text(evaluation.metrics))


def predict(
    model: Model,
    features: Features,
    out: Annotated[Path, typer.Option(help="Predictions: gene_id and one column a task, log2 (.tsv or .tsv.gz).")],
    spread: Annotated[
        bool, typer.Option("--spread", help="Also write NAME_spread.tsv: mean and SD over members of each task.")
    ] = False,
    force: Force = False,
) -> None:
    """Predict every gene of a features file."""
    load_tensorflow()
    from decode.core.files import check_output, run_record
    from decode.evaluation.calibration import spread_table
    from decode.evaluation.predict import predict as predict_genes
    from decode.evaluation.predict import predict_members
    from decode.features.matrix import RegulatoryFeatures
    from decode.models.bundle import load_bundle
    from decode.report.files import write_files

    check_output(out)
    record = run_record(inputs={"model": model / "bundle.json", "features": features}, spread=spread)
    stop_if_finished(out, "predict", record, force=force, beside=True)
    bundle, loaded = load_bundle(model), RegulatoryFeatures.read(features)
    if spread and len(bundle.members) < 2:
        raise ValueError(
            f"--spread: {model} has one member, so its predictions have no spread; train with more members"
        )
    table = predict_genes(bundle, loaded)
    files = {out: table}
    if spread:
        stem = Path(out.name.removesuffix(".gz")).stem
        beside = out.with_name(f"{stem}_spread{out.name.removeprefix(stem)}")
        files[beside] = spread_table(loaded, predict_members(bundle, loaded), bundle.tasks)
    write_files("predict", files, record=record, force=force)
    typer.echo(f"{out}: {len(table)} rows x {table.shape[1] - 1} tasks")


COMMANDS: dict[str, Callable[..., None]] = {"train": train, "evaluate": evaluate, "predict": predict}
