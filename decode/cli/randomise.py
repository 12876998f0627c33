"""decode randomise."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from decode.cli.common import comma_list, load_tensorflow
from decode.cli.model import ArchitectureName, ExecutorOption, Features, SplitByName, Targets, TaskKindOption
from decode.cli.options import Force
from decode.cli.outputs import stop_if_finished

TissueGroups = Annotated[
    str | None,
    typer.Option(
        metavar="FILE|gtex",
        help="task<TAB>group: tasks of a group are not independent; gtex: all brain regions are one group, and so on.",
    ),
]


def tissue_groups_option(value: str | None, tasks: list[str]) -> dict[str, str] | None:
    """Groups of a file, the known groups of GTEx tissues, or none."""
    from decode.expression.tissue_groups import known_tissue_groups, read_tissue_groups

    if value is None:
        return None
    if value != "gtex":
        return read_tissue_groups(value)
    groups = known_tissue_groups(tasks)
    if not groups:
        raise ValueError(
            "--tissue-groups gtex: no task bears the name of a grouped GTEx tissue; give a file of your own"
        )
    return groups


def report_run(name: str, was_finished: bool) -> None:
    """Say on standard error that a run is done."""
    typer.echo(f"{name}: {'finished before' if was_finished else 'done'}", err=True)


def randomise(
    features: Features,
    targets: Targets,
    out: Annotated[Path, typer.Option(help="Folder for tables, figure and finished runs.")],
    seeds: Annotated[int, typer.Option(help="Runs of every variant, each from its own seed.")] = 3,
    members: Annotated[int, typer.Option(help="Networks averaged in each run.")] = 1,
    architecture: Annotated[ArchitectureName, typer.Option(help="Network to retrain.")] = ArchitectureName.default,
    within_length: Annotated[
        bool, typer.Option("--within-length", help="Also shuffle within genes of like length, so that it stays known.")
    ] = False,
    tissue_groups: TissueGroups = None,
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
    seed: Annotated[int, typer.Option(help="Seed of the split.")] = 0,
    max_epochs: Annotated[int, typer.Option(help="Most epochs of a member.")] = 100,
    patience: Annotated[int, typer.Option(help="Epochs without a better validation loss before stopping.")] = 10,
    executor: ExecutorOption = "serial",
    force: Force = False,
) -> None:
    """Retrain with RNA, promoter or all sites shuffled between genes; a killed run goes on when repeated."""
    load_tensorflow()
    from decode.core.checks import check_count
    from decode.core.files import check_output_folder, run_record
    from decode.dataset import read_groups
    from decode.evaluation.randomisation import randomise as randomise_features
    from decode.expression.targets import read_targets, task_names
    from decode.expression.task_kinds import with_task_kinds
    from decode.features.matrix import RegulatoryFeatures
    from decode.report.randomisation import randomisation_text, write_randomisation
    from decode.training.config import TrainingConfig

    check_output_folder(out)
    check_count("--seeds", seeds)
    inputs: dict[str, str | Path] = {"features": features, "targets": targets}
    if group_file:
        inputs["groups"] = group_file
    if tissue_groups not in (None, "gtex"):
        inputs["tissue_groups"] = str(tissue_groups)
    record = run_record(
        inputs=inputs,
        architecture=architecture.value, members=members, seeds=seeds, seed=seed, within_length=within_length,
        task_kind=task_kind, tissue_groups=tissue_groups, biosamples=biosamples, test_chromosome=test_chromosome,
        split_by=split_by.value, max_epochs=max_epochs, patience=patience,
    )  # fmt: skip
    stop_if_finished(out, "randomise", record, force=force)
    table = with_task_kinds(read_targets(targets), task_kind)
    result = randomise_features(
        RegulatoryFeatures.read(features),
        table,
        network=architecture.value,
        training=TrainingConfig(members=members, seed=seed, max_epochs=max_epochs, patience=patience),
        seeds=range(seeds),
        within_length=within_length,
        tissue_groups=tissue_groups_option(tissue_groups, task_names(table)),
        test_chromosome=comma_list(test_chromosome) or [],
        biosamples=comma_list(biosamples),
        groups=read_groups(group_file) if group_file else None,
        split_by=split_by.value,
        folder=out / "runs",
        executor=executor,
        on_run=report_run,
    )
    write_randomisation(result, out, record=record, force=force)
    typer.echo(randomisation_text(result.summary))
