"""decode train, evaluate, predict, randomise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from decode.cli.common import comma_list, load_tensorflow, pairs

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
) -> None:
    """Train an ensemble; a killed run resumes when the same command is given again."""
    load_tensorflow()
    from decode.core.files import check_output
    from decode.core.resume import remove_work_folder, work_folder
    from decode.dataset import read_groups
    from decode.expression.targets import read_targets
    from decode.expression.task_kinds import with_task_kinds
    from decode.features.matrix import RegulatoryFeatures
    from decode.models.bundle import check_bundle_output, save_bundle
    from decode.training.ensemble import train as train_model

    check_bundle_output(check_output(out))
    options = {"members": members, "keep": keep.value, "seed": seed, "max_epochs": max_epochs, "patience": patience}
    network, training = chosen_configuration(context, config, architecture, options)
    loaded = RegulatoryFeatures.read(features)
    work = work_folder(out)
    number = 0

    def report(fit: MemberFit) -> None:
        nonlocal number
        number += 1
        typer.echo(f"member {number} of {training.members}: validation loss {fit.validation_loss:.4f}", err=True)

    with epoch_progress(training.members) as on_epoch:
        bundle = train_model(
            loaded,
            with_task_kinds(read_targets(targets), task_kind),
            network=network,
            training=training,
            test_chromosome=comma_list(test_chromosome) or [],
            biosamples=comma_list(biosamples),
            groups=read_groups(str(group_file)) if group_file else None,
            split_by=split_by.value,
            checkpoint_folder=work,
            executor=executor,
            on_member=report,
            on_epoch=on_epoch,
        )
    save_bundle(bundle, out)
    remove_work_folder(work)
    typer.echo(
        f"{out}: {len(bundle.members)} member(s), {len(bundle.tasks)} tasks, {len(bundle.tracks)} tracks, "
        f"trained on {bundle.counts['train']} genes; next: decode evaluate {out} {features} {targets} --out DIR"
    )


@contextmanager
def epoch_progress(n_members: int) -> Iterator[Callable[[int, int, float], None]]:
    """What every member is at, on a terminal; nothing elsewhere."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        lines: dict[int, Any] = {}

        def on_epoch(member: int, epoch: int, validation_loss: float) -> None:
            text = f"member {member + 1} of {n_members}: epoch {epoch + 1}, validation loss {validation_loss:.4f}"
            if member not in lines:
                lines[member] = progress.add_task(text, total=None)
            progress.update(lines[member], description=text)

        yield on_epoch


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
) -> None:
    """Judge a model on held-out genes, beside the baselines."""
    load_tensorflow()
    from decode.core.files import check_output_folder, run_record
    from decode.evaluation.calibration import calibrate_model
    from decode.evaluation.evaluate import evaluate as evaluate_model
    from decode.expression.targets import read_targets
    from decode.features.matrix import RegulatoryFeatures
    from decode.models.bundle import load_bundle
    from decode.report.calibration import write_calibration
    from decode.report.evaluation import write_evaluation

    check_output_folder(out)
    bundle = load_bundle(model)
    others = {
        name: load_bundle(path)
        for name, path in pairs("--against", against, "NAME=MODEL, for example paper=model_paper")
    }
    loaded, table = RegulatoryFeatures.read(features), read_targets(targets)
    evaluation = evaluate_model(bundle, loaded, table, part=split.value, others=others)
    inputs: dict[str, str | Path] = {"model": model / "bundle.json", "features": features, "targets": targets}
    record = run_record(inputs=inputs, split=split.value, against=against or [])
    write_evaluation(evaluation, out, history=bundle.history, record=record)
    if split is PartName.test and len(bundle.members) > 1:  # one member has no spread
        write_calibration(calibrate_model(bundle, loaded, table), out)
    typer.echo(accuracy_table(evaluation.metrics))


def accuracy_table(metrics: dict[str, Any]) -> str:
    """The headline figures of a model, its baselines and other models, as text."""
    from decode.expression.task_kinds import headline_label

    rows = {"model": metrics["model"], **metrics["baselines"], **metrics["others"]}
    lines = [
        f"{metrics['n_genes']} {metrics['split']} genes; Spearman",
        f"{'':16}" + "".join(f"{headline_label(figure):>14}" for figure in metrics["model"]),
    ]
    for name, row in rows.items():
        lines.append(f"{name:16}" + "".join(f"{'-' if cell != cell else f'{cell:.3f}':>14}" for cell in row.values()))
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
    from decode.features.matrix import RegulatoryFeatures
    from decode.models.bundle import load_bundle

    check_output(out)
    bundle, loaded = load_bundle(model), RegulatoryFeatures.read(features)
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
