"""decode randomise."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from decode.cli.inputs import load_tensorflow, open_features, open_groups, open_tissue_groups
from decode.cli.options import (
    Architecture,
    Biosamples,
    Executor,
    Features,
    Force,
    GroupFile,
    MaxEpochs,
    Members,
    Patience,
    SplitBy,
    Targets,
    TaskKind,
    TestChromosome,
    TissueGroups,
    comma_list,
)
from decode.cli.outputs import stop_if_finished, take_work_folder
from decode.cli.progress import report_run


def randomise(
    features: Features,
    targets: Targets,
    out: Annotated[Path, typer.Option(help="Folder for tables, figure and finished runs.")],
    seeds: Annotated[int, typer.Option(help="Runs of every variant, each from its own seed.")] = 3,
    members: Members = 1,
    architecture: Architecture = "default",
    within_length: Annotated[
        bool, typer.Option("--within-length", help="Also shuffle within genes of like length, so that it stays known.")
    ] = False,
    tissue_groups: TissueGroups = None,
    biosamples: Biosamples = None,
    test_chromosome: TestChromosome = "chr1",
    group_file: GroupFile = None,
    split_by: SplitBy = "gene",
    task_kind: TaskKind = None,
    seed: Annotated[int, typer.Option(help="Seed of the split.")] = 0,
    max_epochs: MaxEpochs = None,
    patience: Patience = 10,
    executor: Executor = "serial",
    force: Force = False,
) -> None:
    """Retrain with RNA, promoter or all sites shuffled between genes; a killed run goes on when repeated."""
    load_tensorflow()
    from decode.core.checks import check_count
    from decode.core.files import check_output_folder, run_record
    from decode.core.resume import remove_work_folder, work_folder
    from decode.evaluation.randomisation import randomise as randomise_features
    from decode.expression.targets import read_targets, task_names
    from decode.expression.task_kinds import with_task_kinds
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
        architecture=architecture, members=members, seeds=seeds, seed=seed, within_length=within_length,
        task_kind=task_kind, tissue_groups=tissue_groups, biosamples=biosamples, test_chromosome=test_chromosome,
        split_by=split_by, max_epochs=max_epochs, patience=patience,
    )  # fmt: skip
    stop_if_finished(out, "randomise", record, force=force)
    table = with_task_kinds(read_targets(targets), task_kind)
    result = randomise_features(
        open_features(features),
        table,
        network=architecture,
        training=TrainingConfig(members=members, seed=seed, max_epochs=max_epochs, patience=patience),
        seeds=range(seeds),
        within_length=within_length,
        tissue_groups=open_tissue_groups(tissue_groups, task_names(table)),
        test_chromosome=comma_list(test_chromosome) or [],
        biosamples=comma_list(biosamples),
        groups=open_groups(group_file),
        split_by=split_by,
        folder=take_work_folder(out),
        executor=executor,
        on_run=report_run,
    )
    write_randomisation(result, out, record=record, force=force)
    remove_work_folder(work_folder(out))
    typer.echo(randomisation_text(result.summary))
