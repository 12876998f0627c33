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
    GroupFile,
    MaxEpochs,
    Members,
    Patience,
    SplitBy,
    Targets,
    TestChromosome,
    TissueGroups,
    comma_list,
)
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
    seed: Annotated[int, typer.Option(help="Seed of the split.")] = 0,
    max_epochs: MaxEpochs = 100,
    patience: Patience = 10,
    executor: Executor = "serial",
) -> None:
    """Retrain with RNA, promoter or all sites shuffled between genes; a killed run goes on when repeated."""
    load_tensorflow()
    from decode.core.checks import check_count
    from decode.core.files import check_output_folder, run_record
    from decode.evaluation.randomisation import randomise as randomise_features
    from decode.expression.targets import read_targets, task_names
    from decode.report.randomisation import write_randomisation
    from decode.training.config import TrainingConfig

    check_output_folder(out)
    check_count("--seeds", seeds)
    table = read_targets(targets)
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
        folder=out / "runs",
        executor=executor,
        on_run=report_run,
    )
    inputs: dict[str, str | Path] = {"features": features, "targets": targets}
    if group_file:
        inputs["groups"] = group_file
    record = run_record(
        inputs=inputs,
        architecture=architecture, members=members, seeds=seeds, seed=seed, within_length=within_length,
        tissue_groups=tissue_groups, biosamples=biosamples, test_chromosome=test_chromosome, split_by=split_by,
        max_epochs=max_epochs, patience=patience,
    )  # fmt: skip
    write_randomisation(result, out, record=record)
    typer.echo(f"{'':34}{'fold change':>12}{'SD':>8}{'median level':>14}")
    for row in result.summary.to_dict("records"):
        label = f"{row['variant']}{' within length' if row['stratified'] else ''}"
        names = ("fold_change_mean_spearman", "fold_change_sd_over_seeds", "median_level_spearman")
        cells = ["-" if row[name] != row[name] else f"{row[name]:.3f}" for name in names]
        typer.echo(f"{label:34}{cells[0]:>12}{cells[1]:>8}{cells[2]:>14}")
