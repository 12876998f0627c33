"""decode randomise."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from decode.cli.common import comma_list, load_tensorflow
from decode.cli.model import ArchitectureName, ExecutorOption, Features, SplitByName, Targets, TaskKindOption

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
) -> None:
    """Retrain with RNA, promoter or all sites shuffled between genes; a killed run goes on when repeated."""
    load_tensorflow()
    from decode.core.checks import check_count
    from decode.core.files import check_output_folder, run_record
    from decode.core.resume import remove_work_folder, work_folder
    from decode.dataset import read_groups
    from decode.evaluation.randomisation import randomise as randomise_features
    from decode.expression.targets import read_targets, task_names
    from decode.expression.task_kinds import HEADLINES, KIND_LABELS, TASK_KINDS, with_task_kinds
    from decode.features.matrix import RegulatoryFeatures
    from decode.report.randomisation import write_randomisation
    from decode.training.config import TrainingConfig

    check_output_folder(out)
    check_count("--seeds", seeds)
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
        folder=work_folder(out),
        executor=executor,
        on_run=report_run,
    )
    inputs: dict[str, str | Path] = {"features": features, "targets": targets}
    if group_file:
        inputs["groups"] = group_file
    record = run_record(
        inputs=inputs,
        architecture=architecture.value, members=members, seeds=seeds, seed=seed, within_length=within_length,
        task_kind=task_kind, tissue_groups=tissue_groups, biosamples=biosamples, test_chromosome=test_chromosome,
        split_by=split_by.value,
        max_epochs=max_epochs, patience=patience,
    )  # fmt: skip
    write_randomisation(result, out, record=record)
    remove_work_folder(work_folder(out))
    kinds = [kind for kind in TASK_KINDS if f"{HEADLINES[kind]}_spearman" in result.summary]
    typer.echo(f"{'':34}" + "".join(f"{KIND_LABELS[kind]:>14}{'SD':>8}" for kind in kinds))
    for row in result.summary.to_dict("records"):
        label = f"{row['variant']}{' within length' if row['stratified'] else ''}"
        pairs = [(row[f"{HEADLINES[kind]}_spearman"], row[f"{kind}_sd_over_seeds"]) for kind in kinds]
        cells = [["-" if number != number else f"{number:.3f}" for number in pair] for pair in pairs]
        typer.echo(f"{label:34}" + "".join(f"{mean:>14}{spread:>8}" for mean, spread in cells))
