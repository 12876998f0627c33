"""decode compare."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from decode.cli.common import comma_list, load_tensorflow
from decode.cli.model import ArchitectureName, ExecutorOption, Features, Targets, TaskKindOption
from decode.cli.randomise import TissueGroups, report_run, tissue_groups_option

app = typer.Typer(no_args_is_help=True, help="Other models on the same genes and the same split.")

Out = Annotated[Path, typer.Option(help="Folder for tables, figure and finished runs.")]
Members = Annotated[int, typer.Option(help="Networks averaged in each run.")]
Architecture = Annotated[ArchitectureName, typer.Option(help="Our network.")]
Biosamples = Annotated[str | None, typer.Option(help="Only tracks of these cell lines, comma-separated.")]
MaxEpochs = Annotated[int, typer.Option(help="Most epochs of a member.")]
Patience = Annotated[int, typer.Option(help="Epochs without a better validation loss before stopping.")]


@app.command("single-task")
def single_task(
    features: Features,
    targets: Targets,
    out: Out,
    tasks: Annotated[str | None, typer.Option(help="Tasks to fit alone, comma-separated; default: all.")] = None,
    seeds: Annotated[int, typer.Option(help="Runs, each from its own seed.")] = 1,
    members: Members = 1,
    architecture: Architecture = ArchitectureName.default,
    tissue_groups: TissueGroups = None,
    biosamples: Biosamples = None,
    test_chromosome: Annotated[str, typer.Option(help="Chromosome held out whole.")] = "chr1",
    group_file: Annotated[
        Path | None, typer.Option(help="gene_id<TAB>family: families stay on one side of the split.")
    ] = None,
    task_kind: TaskKindOption = None,
    seed: Annotated[int, typer.Option(help="Seed of the split.")] = 0,
    max_epochs: MaxEpochs = 100,
    patience: Patience = 10,
    executor: ExecutorOption = "serial",
) -> None:
    """One network for all tasks against one network a task: accuracy and time."""
    load_tensorflow()
    from decode.comparators.single_task import compare_single_task
    from decode.core.checks import check_count
    from decode.core.files import check_output_folder, run_record
    from decode.core.resume import remove_work_folder, work_folder
    from decode.dataset import read_groups
    from decode.expression.targets import read_targets, task_names
    from decode.expression.task_kinds import headline_label, with_task_kinds
    from decode.features.matrix import RegulatoryFeatures
    from decode.report.comparisons import write_single_task
    from decode.training.config import TrainingConfig

    check_output_folder(out)
    check_count("--seeds", seeds)
    table = with_task_kinds(read_targets(targets), task_kind)
    result = compare_single_task(
        RegulatoryFeatures.read(features),
        table,
        tasks=comma_list(tasks),
        network=architecture.value,
        training=TrainingConfig(members=members, seed=seed, max_epochs=max_epochs, patience=patience),
        seeds=range(seeds),
        tissue_groups=tissue_groups_option(tissue_groups, task_names(table)),
        test_chromosome=comma_list(test_chromosome) or [],
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
        inputs=inputs,
        tasks=tasks, seeds=seeds, members=members, architecture=architecture.value, tissue_groups=tissue_groups,
        biosamples=biosamples, test_chromosome=test_chromosome, task_kind=task_kind, seed=seed, max_epochs=max_epochs,
        patience=patience,
    )  # fmt: skip
    write_single_task(result, out, record=record)
    remove_work_folder(work_folder(out))
    figure = next(str(name) for name in result.summary if str(name).endswith("_spearman"))
    for row in result.summary.to_dict("records"):
        typer.echo(
            f"{row['model']}: mean {headline_label(figure)} Spearman {row[figure]:.3f}, "
            f"{row['n_networks']} networks, {row['cpu_s']:.1f} CPU s for {row['n_tasks']} tasks"
        )
    typer.echo(f"a network a task costs {result.comparison['cpu_ratio'].iloc[0]:.1f} times the CPU time of one for all")


@app.command()
def expecto(
    features: Features,
    out: Out,
    tpm: Annotated[
        Path | None, typer.Option(help="Genes x tissues TPM (GCT, GCTX, TSV, CSV): the published protocol.")
    ] = None,
    targets: Annotated[
        Path | None, typer.Option(help="Instead of --tpm: a log2 targets table for both models.")
    ] = None,
    table: Annotated[
        Path | None,
        typer.Option(help="Features of the booster: .npz (X, gene_ids) or text; default: totals of the tracks."),
    ] = None,
    runs: Annotated[int, typer.Option(help="Runs, each with its own validation genes and seeds.")] = 10,
    members: Members = 1,
    architecture: Architecture = ArchitectureName.default,
    tissue_groups: TissueGroups = None,
    biosamples: Biosamples = None,
    test_chromosome: Annotated[str, typer.Option(help="Chromosome held out whole.")] = "chr8",
    left_out: Annotated[str, typer.Option(help="Chromosomes used nowhere, comma-separated.")] = "chrX,chrY",
    task_kind: TaskKindOption = None,
    seed: Annotated[int, typer.Option(help="Every run's seed derives from it.")] = 0,
    max_epochs: MaxEpochs = 100,
    patience: Patience = 10,
    executor: ExecutorOption = "serial",
) -> None:
    """Our network beside ExPecto's boosted linear regression (needs the extra expecto)."""
    load_tensorflow()
    from decode.comparators.expecto import compare_expecto
    from decode.comparators.linear_booster import read_feature_table, require_xgboost
    from decode.core.files import check_output_folder, run_record
    from decode.core.resume import remove_work_folder, work_folder
    from decode.expression.readers import read_expression
    from decode.expression.targets import read_targets, task_names
    from decode.expression.task_kinds import with_task_kinds
    from decode.features.matrix import RegulatoryFeatures
    from decode.report.comparisons import write_expecto
    from decode.training.config import TrainingConfig

    require_xgboost()
    check_output_folder(out)
    if (tpm is None) == (targets is None):
        raise ValueError("give either --tpm TPM (the published protocol) or --targets TABLE (log2)")
    levels = read_expression(tpm) if tpm is not None else None
    wanted = with_task_kinds(read_targets(targets), task_kind) if targets is not None else None
    names = task_names(wanted) if wanted is not None else [str(name) for name in levels] if levels is not None else []
    result = compare_expecto(
        RegulatoryFeatures.read(features),
        levels,
        targets=wanted,
        table=read_feature_table(table) if table is not None else None,
        network=architecture.value,
        training=TrainingConfig(members=members, seed=seed, max_epochs=max_epochs, patience=patience),
        runs=runs,
        test_chromosome=comma_list(test_chromosome) or [],
        left_out=comma_list(left_out) or [],
        biosamples=comma_list(biosamples),
        tissue_groups=tissue_groups_option(tissue_groups, names),
        folder=work_folder(out),
        executor=executor,
        on_run=report_run,
    )
    inputs = {"features": features, "tpm": tpm, "targets": targets, "table": table}
    record = run_record(
        inputs={name: path for name, path in inputs.items() if path is not None},
        runs=runs, members=members, architecture=architecture.value, tissue_groups=tissue_groups, biosamples=biosamples,
        test_chromosome=test_chromosome, left_out=left_out, task_kind=task_kind, seed=seed,
        max_epochs=max_epochs, patience=patience,
    )  # fmt: skip
    write_expecto(result, out, record=record)
    remove_work_folder(work_folder(out))
    typer.echo(f"{'':14}{'metric':>10}{'decode':>10}{'expecto':>10}")
    for row in result.comparison.to_dict("records"):
        typer.echo(f"{row['scale']:14}{row['metric']:>10}{row['decode']:>10.3f}{row['expecto']:>10.3f}")
