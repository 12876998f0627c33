"""decode cv."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from decode.cli.inputs import load_tensorflow, open_features, open_groups
from decode.cli.options import (
    Architecture,
    Biosamples,
    Executor,
    Features,
    GroupFile,
    Keep,
    MaxEpochs,
    Members,
    Patience,
    Targets,
    comma_list,
)
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
    seed: Annotated[int, typer.Option(help="Seed of validation genes, weights, batches and dropout.")] = 0,
    max_epochs: MaxEpochs = 100,
    patience: Patience = 10,
    executor: Executor = "serial",
) -> None:
    """Predict every gene by an ensemble that never saw its chromosome; a killed run goes on when repeated."""
    load_tensorflow()
    from decode.core.files import check_output_folder, run_record
    from decode.evaluation.crossval import cross_validate
    from decode.expression.targets import read_targets
    from decode.report.crossval import write_cross_validation
    from decode.training.config import TrainingConfig

    check_output_folder(out)
    if folds != "chr" and not folds.isdecimal():
        raise ValueError(f"--folds is {folds!r}; give a number such as 5, or chr")
    result = cross_validate(
        open_features(features),
        read_targets(targets),
        network=architecture,
        training=TrainingConfig(members=members, keep=keep, seed=seed, max_epochs=max_epochs, patience=patience),
        n_folds="chr" if folds == "chr" else int(folds),
        keep_test=comma_list(keep_test),
        biosamples=comma_list(biosamples),
        groups=open_groups(group_file),
        folder=out / "folds",
        executor=executor,
        on_run=report_run,
    )
    inputs: dict[str, str | Path] = {"features": features, "targets": targets}
    if group_file:
        inputs["groups"] = group_file
    record = run_record(
        inputs=inputs, folds=folds, keep_test=keep_test, architecture=architecture, members=members,
        keep=keep, biosamples=biosamples, seed=seed, max_epochs=max_epochs, patience=patience,
    )  # fmt: skip
    write_cross_validation(result, out, record=record)
    typer.echo(fold_table(result.metrics))


def fold_table(metrics: dict[str, Any]) -> str:
    """The headline figures with their SD over folds, as text."""
    rows = {"model": metrics["model"], "single member": metrics["single_member"], **metrics["baselines"]}
    lines = [
        f"{metrics['n_genes']} genes in {metrics['n_folds']} folds; Spearman within a fold, mean (SD) over folds",
        f"{'':18}{'fold change':>18}{'median level':>18}",
    ]
    for name, row in rows.items():
        cells = []
        for figure in ("fold_change_mean_spearman", "median_level_spearman"):
            mean, spread = row[figure], row[f"{figure}_sd_over_folds"]
            cells.append("-" if mean != mean else f"{mean:.3f}" + ("" if spread != spread else f" ({spread:.3f})"))
        lines.append(f"{name:18}{cells[0]:>18}{cells[1]:>18}")
    return "\n".join(lines)
