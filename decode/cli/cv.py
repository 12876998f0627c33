"""decode cv."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from decode.cli.inputs import load_tensorflow, open_features, open_groups
from decode.cli.options import (
    Architecture,
    Biosamples,
    Executor,
    Features,
    Force,
    GroupFile,
    Keep,
    MaxEpochs,
    Members,
    Patience,
    Targets,
    TaskKind,
    comma_list,
)
from decode.cli.outputs import stop_if_finished, take_work_folder
from decode.cli.progress import report_run


def cv(
    features: Features,
    targets: Targets,
    out: Annotated[Path, typer.Option(help="Folder for predictions, tables, figures and finished folds.")],
    folds: Annotated[
        str, typer.Option(metavar="N|chr", help="Folds of whole chromosomes; chr: every chromosome is one.")
    ] = "5",
    keep_test: Annotated[
        str | None, typer.Option(help="Chromosome(s) that play no part, so that the final test stays untouched.")
    ] = None,
    architecture: Architecture = "default",
    members: Members = 5,
    keep: Keep = "mean",
    biosamples: Biosamples = None,
    group_file: GroupFile = None,
    task_kind: TaskKind = None,
    seed: Annotated[int, typer.Option(help="Seed of validation genes, weights, batches and dropout.")] = 0,
    max_epochs: MaxEpochs = None,
    patience: Patience = 10,
    executor: Executor = "serial",
    force: Force = False,
) -> None:
    """Predict every gene by an ensemble that never saw its chromosome; a killed run goes on when repeated."""
    load_tensorflow()
    from decode.core.files import check_output_folder, run_record
    from decode.core.resume import remove_work_folder, work_folder
    from decode.evaluation.crossval import cross_validate
    from decode.expression.targets import read_targets
    from decode.expression.task_kinds import with_task_kinds
    from decode.report.crossval import fold_text, write_cross_validation
    from decode.training.config import TrainingConfig

    check_output_folder(out)
    if folds != "chr" and not folds.isdecimal():
        raise ValueError(f"--folds is {folds!r}; give a number such as 5, or chr")
    inputs: dict[str, str | Path] = {"features": features, "targets": targets}
    if group_file:
        inputs["groups"] = group_file
    record = run_record(
        inputs=inputs, folds=folds, keep_test=keep_test, architecture=architecture, members=members,
        keep=keep, biosamples=biosamples, task_kind=task_kind, seed=seed,
        max_epochs=max_epochs, patience=patience,
    )  # fmt: skip
    stop_if_finished(out, "cv", record, force=force)
    result = cross_validate(
        open_features(features),
        with_task_kinds(read_targets(targets), task_kind),
        network=architecture,
        training=TrainingConfig(members=members, keep=keep, seed=seed, max_epochs=max_epochs, patience=patience),
        n_folds="chr" if folds == "chr" else int(folds),
        keep_test=comma_list(keep_test),
        biosamples=comma_list(biosamples),
        groups=open_groups(group_file),
        folder=take_work_folder(out),
        executor=executor,
        on_run=report_run,
    )
    write_cross_validation(result, out, record=record, force=force)
    remove_work_folder(work_folder(out))
    typer.echo(fold_text(result.metrics))
