"""decode train, evaluate, predict, randomise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from decode.cli.inputs import load_tensorflow, open_features, open_groups, open_model
from decode.cli.options import (
    NETWORK,
    Against,
    Architecture,
    Biosamples,
    Executor,
    Features,
    Force,
    GroupFile,
    Keep,
    MaxEpochs,
    Members,
    Model,
    Part,
    Patience,
    SplitBy,
    Targets,
    TaskKind,
    TestChromosome,
    comma_list,
    pairs,
)
from decode.cli.outputs import stop_if_finished, take_work_folder
from decode.cli.progress import epochs
from decode.core.choices import TransferMode

if TYPE_CHECKING:
    from decode.models.bundle import ModelBundle
    from decode.models.config import NetworkConfig
    from decode.training.config import TrainingConfig
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
    task_kind: TaskKind = None,
    structure: Annotated[
        bool | None,
        typer.Option(
            "--structure/--no-structure",
            help="Gene structure beside the sites; default network: where the features hold it, paper: no.",
            rich_help_panel=NETWORK,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of split, weights, batches and dropout.")] = 0,
    max_epochs: MaxEpochs = None,
    patience: Patience = 10,
    transfer_from: Annotated[
        Path | None,
        typer.Option(help="Start from this model (of tissues): its network, tracks and split; one output a person."),
    ] = None,
    transfer: Annotated[
        TransferMode,
        typer.Option(help="head: new last layer; fine_tune: then all dense layers; scratch: network and split only."),
    ] = "fine_tune",
    executor: Executor = "serial",
    force: Force = False,
) -> None:
    """Train an ensemble; a killed run resumes when the same command is given again."""
    load_tensorflow()
    from decode.core.files import check_output, run_record
    from decode.core.resume import remove_work_folder
    from decode.expression.person_reference import read_person_reference
    from decode.expression.targets import read_targets
    from decode.expression.task_kinds import with_task_kinds
    from decode.models.bundle import BUNDLE_FILE, check_bundle_output, files_of_bundle, save_bundle
    from decode.report.files import write_folder
    from decode.training.ensemble import train as train_model
    from decode.training.transfer import transfer as transfer_model

    check_bundle_output(check_output(out))
    options = {"members": members, "keep": keep, "seed": seed, "max_epochs": max_epochs, "patience": patience}
    network, training = chosen_configuration(context, config, architecture, options)
    network = network if structure is None else replace(network, structure=structure)
    inputs: dict[str, str | Path] = {"features": features, "targets": targets}
    inputs |= {"groups": group_file} if group_file else {}
    inputs |= {"transfer_from": transfer_from / BUNDLE_FILE} if transfer_from else {}
    reference = reference_beside(targets)
    inputs |= {"person_reference": reference} if reference else {}
    source = None
    if transfer_from is not None:
        source = open_model(transfer_from)
        training = of_source(context, source, transfer_from, network if config else None, training)
        network = source.network
    elif is_given(context, "transfer"):
        raise ValueError("--transfer says how a model is transferred, but none is given; add --transfer-from MODEL")
    record = run_record(
        inputs=inputs, network=network.to_json(), training=training.to_json(), biosamples=biosamples,
        test_chromosome=test_chromosome, split_by=split_by, task_kind=task_kind, seed=training.seed,
        transfer=transfer if source is not None else None,
    )  # fmt: skip
    stop_if_finished(out, "train", record, force=force, beside=True)
    loaded = open_features(features)
    if structure and not loaded.structure_channels:
        raise ValueError(
            f"--structure: {features} holds no gene structure; build the features from an annotation with CDS "
            "lines, or with decode features build --structure FILE"
        )
    work = take_work_folder(out)
    number = 0

    def report(fit: MemberFit) -> None:
        nonlocal number
        number += 1
        typer.echo(f"member {number} of {training.members}: validation loss {fit.validation_loss:.4f}", err=True)

    table = with_task_kinds(read_targets(targets), task_kind)
    with epochs(training.members) as on_epoch:
        shared: dict[str, Any] = {
            "training": training, "checkpoint_folder": work, "executor": executor, "on_member": report,
            "on_epoch": on_epoch,
        }  # fmt: skip
        if source is not None:
            bundle = transfer_model(source, loaded, table, mode=transfer, **shared)
        else:
            bundle = train_model(
                loaded, table, network=network, test_chromosome=comma_list(test_chromosome) or [],
                biosamples=comma_list(biosamples), groups=open_groups(group_file), split_by=split_by,
                **shared,
            )  # fmt: skip
    if reference is not None:
        bundle = replace(bundle, person_reference=read_person_reference(reference))
    write_folder(
        out, "train", partial(save_bundle, bundle), record=record, own=files_of_bundle(out), listed=[BUNDLE_FILE]
    )
    remove_work_folder(work)
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
    if is_given(context, "architecture") and architecture != network.architecture:
        raise ValueError(f"--architecture is {architecture} and {config} describes a {network.architecture} network")
    return Configuration(
        network, replace(training, **{name: v for name, v in options.items() if is_given(context, name)})
    )


def reference_beside(targets: Path) -> Path | None:
    """What `decode expression person` wrote beside its targets: persons_reference.npz of persons.tsv.gz."""
    path = targets.with_name(f"{Path(targets.name.removesuffix('.gz')).stem}_reference.npz")
    return path if path.is_file() else None


def is_given(context: typer.Context, name: str) -> bool:
    """Whether an option stands on the command line."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def of_source(
    context: typer.Context,
    source: ModelBundle,
    path: Path,
    network: NetworkConfig | None,
    training: TrainingConfig,
) -> TrainingConfig:
    """How a transferred model is fitted; what the source decides cannot be asked for.

    Raises
    ------
    ValueError
        If the source has another architecture or network than asked for, or tracks or split are asked for.
    """
    if is_given(context, "architecture") and context.params["architecture"] != source.network.architecture:
        raise ValueError(
            f"--architecture is {context.params['architecture']} and {path} is a {source.network.architecture} "
            "network, which a transferred model keeps: leave --architecture out, or give another source"
        )
    if network is not None and network != source.network:
        raise ValueError(f"the network of --config is another than that of {path}, whose network a transfer keeps")
    names = ("test_chromosome", "group_file", "split_by", "biosamples", "structure")
    decided = [name for name in names if is_given(context, name)]
    if decided:
        raise ValueError(
            f"--{decided[0].replace('_', '-')} is given with --transfer-from: inputs and split are those of {path}; "
            "leave it out"
        )
    return training if is_given(context, "members") else replace(training, members=len(source.members))


def evaluate(
    model: Model,
    features: Features,
    targets: Targets,
    out: Annotated[Path, typer.Option(help="Folder for metrics.json, tables and figures.")],
    split: Part = "test",
    against: Against = None,
    boosting: Annotated[
        bool,
        typer.Option("--boosting", help="Further rows: boosted trees, and a stack of model, ridge and trees; minutes."),
    ] = False,
    stack: Annotated[
        bool,
        typer.Option(
            "--stack",
            help="A further row and stack_predictions.tsv.gz: model and ridge (with --boosting trees), weighted on "
            "validation genes.",
        ),
    ] = False,
    force: Force = False,
) -> None:
    """Judge a model on held-out genes, beside the baselines."""
    load_tensorflow()
    from decode.core.files import check_output_folder, run_record
    from decode.evaluation.calibration import calibrate_model
    from decode.evaluation.evaluate import evaluate as evaluate_model
    from decode.expression.targets import read_targets
    from decode.report.evaluation import accuracy_text, write_evaluation

    check_output_folder(out)
    inputs: dict[str, str | Path] = {"model": model / "bundle.json", "features": features, "targets": targets}
    compared = pairs("--against", against, "NAME=MODEL, for example paper=model_paper")
    inputs |= {f"against:{name}": Path(path) / "bundle.json" for name, path in compared}
    record = run_record(inputs=inputs, split=split, boosting=boosting, stack=stack)
    stop_if_finished(out, "evaluate", record, force=force)
    bundle = open_model(model)
    others = {name: open_model(path) for name, path in compared}
    loaded, table = open_features(features), read_targets(targets)
    evaluation = evaluate_model(bundle, loaded, table, part=split, others=others, boosting=boosting, stack=stack)
    has_spread = split == "test" and len(bundle.members) > 1
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
    from decode.report.files import write_files

    check_output(out)
    record = run_record(inputs={"model": model / "bundle.json", "features": features}, spread=spread)
    stop_if_finished(out, "predict", record, force=force, beside=True)
    bundle, loaded = open_model(model), open_features(features)
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
