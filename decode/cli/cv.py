"""decode cv."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from decode.cli.common import comma_list, load_tensorflow
from decode.cli.model import ArchitectureName, ExecutorOption, Features, KeepName, Targets, TaskKindOption
from decode.cli.randomise import report_run


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
    architecture: Annotated[ArchitectureName, typer.Option(help="Network to train.")] = ArchitectureName.default,
    members: Annotated[int, typer.Option(help="Networks of each fold's ensemble.")] = 5,
    keep: Annotated[
        KeepName, typer.Option(help="mean: average them; best: keep the best on validation.")
    ] = KeepName.mean,
    biosamples: Annotated[str | None, typer.Option(help="Only tracks of these cell lines, comma-separated.")] = None,
    group_file: Annotated[
        Path | None, typer.Option(help="gene_id<TAB>family: families of held-out genes do not train.")
    ] = None,
    task_kind: TaskKindOption = None,
    seed: Annotated[int, typer.Option(help="Seed of validation genes, weights, batches and dropout.")] = 0,
    max_epochs: Annotated[int, typer.Option(help="Most epochs of a member.")] = 100,
    patience: Annotated[int, typer.Option(help="Epochs without a better validation loss before stopping.")] = 10,
    executor: ExecutorOption = "serial",
) -> None:
    """Predict every gene by an ensemble that never saw its chromosome; a killed run goes on when repeated."""
    load_tensorflow()
    from decode.core.files import check_output_folder, run_record
    from decode.core.resume import remove_work_folder, work_folder
    from decode.dataset import read_groups
    from decode.evaluation.crossval import cross_validate
    from decode.expression.targets import read_targets
    from decode.expression.task_kinds import with_task_kinds
    from decode.features.matrix import RegulatoryFeatures
    from decode.report.crossval import write_cross_validation
    from decode.training.config import TrainingConfig

    check_output_folder(out)
    if folds != "chr" and not folds.isdecimal():
        raise ValueError(f"--folds is {folds!r}; give a number such as 5, or chr")
    result = cross_validate(
        RegulatoryFeatures.read(features),
        with_task_kinds(read_targets(targets), task_kind),
        network=architecture.value,
        training=TrainingConfig(members=members, keep=keep.value, seed=seed, max_epochs=max_epochs, patience=patience),
        n_folds="chr" if folds == "chr" else int(folds),
        keep_test=comma_list(keep_test),
        biosamples=comma_list(biosamples),
        groups=read_groups(group_file) if group_file else None,
        folder=work_folder(out),
        executor=executor,
        on_run=report_run,
    )
    inputs: dict[str, str | Path] = {"features": features, "targets": targets}
    if group_file:
        inputs["groups"] = group_file
    record = run_record(
        inputs=inputs, folds=folds, keep_test=keep_test, architecture=architecture.value, members=members,
        keep=keep.value, biosamples=biosamples, task_kind=task_kind, seed=seed,
        max_epochs=max_epochs, patience=patience,
    )  # fmt: skip
    write_cross_validation(result, out, record=record)
    remove_work_folder(work_folder(out))
    typer.echo(fold_table(result.metrics))


def fold_table(metrics: dict[str, Any]) -> str:
    """The headline figures with their SD over folds, as text."""
    from decode.expression.task_kinds import headline_label

    figures = [name for name in metrics["model"] if not name.endswith("_sd_over_folds")]
    rows = {"model": metrics["model"], "single member": metrics["single_member"], **metrics["baselines"]}
    lines = [
        f"{metrics['n_genes']} genes in {metrics['n_folds']} folds; Spearman within a fold, mean (SD) over folds",
        f"{'':18}" + "".join(f"{headline_label(figure):>18}" for figure in figures),
    ]
    for name, row in rows.items():
        cells = []
        for figure in figures:
            mean, spread = row[figure], row[f"{figure}_sd_over_folds"]
            cells.append("-" if mean != mean else f"{mean:.3f}" + ("" if spread != spread else f" ({spread:.3f})"))
        lines.append(f"{name:18}" + "".join(f"{cell:>18}" for cell in cells))
    return "\n".join(lines)
