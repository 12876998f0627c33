"""decode compare."""

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
    Sizes,
    Targets,
    TaskKind,
    TestChromosome,
    TissueGroups,
    comma_list,
)
from decode.cli.outputs import stop_if_finished, take_work_folder
from decode.cli.progress import report_run

app = typer.Typer(no_args_is_help=True, help="Other models on the same genes and the same split.")

Out = Annotated[Path, typer.Option(help="Folder for tables, figure and finished runs.")]


@app.command("single-task")
def single_task(
    features: Features,
    targets: Targets,
    out: Out,
    tasks: Annotated[str | None, typer.Option(help="Tasks to fit alone, comma-separated; default: all.")] = None,
    seeds: Annotated[int, typer.Option(help="Runs, each from its own seed.")] = 1,
    members: Members = 1,
    architecture: Architecture = "default",
    tissue_groups: TissueGroups = None,
    biosamples: Biosamples = None,
    test_chromosome: TestChromosome = "chr1",
    group_file: GroupFile = None,
    task_kind: TaskKind = None,
    seed: Annotated[int, typer.Option(help="Seed of the split.")] = 0,
    max_epochs: MaxEpochs = None,
    patience: Patience = 10,
    executor: Executor = "serial",
    force: Force = False,
) -> None:
    """One network for all tasks against one network a task: accuracy and time."""
    load_tensorflow()
    from decode.comparators.single_task import compare_single_task
    from decode.core.checks import check_count
    from decode.core.files import check_output_folder, run_record
    from decode.core.resume import remove_work_folder, work_folder
    from decode.expression.targets import read_targets, task_names
    from decode.expression.task_kinds import with_task_kinds
    from decode.report.comparisons import single_task_text, write_single_task
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
        tasks=tasks, seeds=seeds, members=members, architecture=architecture, tissue_groups=tissue_groups,
        biosamples=biosamples, test_chromosome=test_chromosome, task_kind=task_kind, seed=seed,
        max_epochs=max_epochs, patience=patience,
    )  # fmt: skip
    stop_if_finished(out, "compare single-task", record, force=force)
    table = with_task_kinds(read_targets(targets), task_kind)
    result = compare_single_task(
        open_features(features),
        table,
        tasks=comma_list(tasks),
        network=architecture,
        training=TrainingConfig(members=members, seed=seed, max_epochs=max_epochs, patience=patience),
        seeds=range(seeds),
        tissue_groups=open_tissue_groups(tissue_groups, task_names(table)),
        test_chromosome=comma_list(test_chromosome) or [],
        biosamples=comma_list(biosamples),
        groups=open_groups(group_file),
        folder=take_work_folder(out),
        executor=executor,
        on_run=report_run,
    )
    write_single_task(result, out, record=record, force=force)
    remove_work_folder(work_folder(out))
    typer.echo(single_task_text(result))


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
    architecture: Architecture = "default",
    tissue_groups: TissueGroups = None,
    biosamples: Biosamples = None,
    test_chromosome: TestChromosome = "chr8",
    left_out: Annotated[str, typer.Option(help="Chromosomes used nowhere, comma-separated.")] = "chrX,chrY",
    task_kind: TaskKind = None,
    seed: Annotated[int, typer.Option(help="Every run's seed derives from it.")] = 0,
    max_epochs: MaxEpochs = None,
    patience: Patience = 10,
    executor: Executor = "serial",
    force: Force = False,
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
    from decode.report.comparisons import expecto_text, write_expecto
    from decode.training.config import TrainingConfig

    require_xgboost()
    check_output_folder(out)
    if (tpm is None) == (targets is None):
        raise ValueError("give either --tpm TPM (the published protocol) or --targets TABLE (log2)")
    inputs = {"features": features, "tpm": tpm, "targets": targets, "table": table}
    if tissue_groups not in (None, "gtex"):
        inputs["tissue_groups"] = Path(str(tissue_groups))
    record = run_record(
        inputs={name: path for name, path in inputs.items() if path is not None},
        runs=runs, members=members, architecture=architecture, tissue_groups=tissue_groups, biosamples=biosamples,
        test_chromosome=test_chromosome, left_out=left_out, task_kind=task_kind, seed=seed,
        max_epochs=max_epochs, patience=patience,
    )  # fmt: skip
    stop_if_finished(out, "compare expecto", record, force=force)
    levels = read_expression(tpm) if tpm is not None else None
    wanted = with_task_kinds(read_targets(targets), task_kind) if targets is not None else None
    names = task_names(wanted) if wanted is not None else [str(name) for name in levels] if levels is not None else []
    result = compare_expecto(
        open_features(features),
        levels,
        targets=wanted,
        table=read_feature_table(table) if table is not None else None,
        network=architecture,
        training=TrainingConfig(members=members, seed=seed, max_epochs=max_epochs, patience=patience),
        runs=runs,
        test_chromosome=comma_list(test_chromosome) or [],
        left_out=comma_list(left_out) or [],
        biosamples=comma_list(biosamples),
        tissue_groups=open_tissue_groups(tissue_groups, names),
        folder=take_work_folder(out),
        executor=executor,
        on_run=report_run,
    )
    write_expecto(result, out, record=record, force=force)
    remove_work_folder(work_folder(out))
    typer.echo(expecto_text(result))


@app.command()
def predixcan(
    features: Features,
    targets: Targets,
    genotypes: Annotated[Path, typer.Option(help="Genotypes of the persons: VCF (plain or gzip) or BCF.")],
    out: Out,
    predictions: Annotated[
        Path | None, typer.Option(help="Predictions of a model of persons (decode predict), genes x persons.")
    ] = None,
    chromosomes: Annotated[
        str,
        typer.Option(help="Whose genes are compared: the test chromosome of the model of persons."),
    ] = "chr1",
    window: Annotated[int, typer.Option(help="Variants up to so many bp to both sides of the TSS.")] = 1_000_000,
    max_missing: Annotated[float, typer.Option(help="Drop variants missing in a larger share of persons.")] = 0.01,
    min_maf: Annotated[float, typer.Option(help="Drop variants with a rarer allele below this frequency.")] = 0.01,
    folds: Annotated[int, typer.Option(help="Parts of the persons, each held out once.")] = 5,
    inner_folds: Annotated[int, typer.Option(help="Parts within which the penalty is chosen.")] = 10,
    permutations: Annotated[
        int | None, typer.Option(help="Fits of each gene to permuted persons; default: 1,000 over all genes.")
    ] = None,
    sizes: Sizes = None,
    seed: Annotated[int, typer.Option(help="Seed of the folds and permutations.")] = 0,
    executor: Executor = "serial",
    force: Force = False,
) -> None:
    """PrediXcan's genotype models beside a model of persons; TARGETS: genes x persons (needs the extra genotypes)."""
    from decode.comparators.genotypes import require_cyvcf2
    from decode.comparators.predixcan import compare_predixcan
    from decode.core.files import check_output_folder, run_record
    from decode.core.resume import remove_work_folder, work_folder
    from decode.expression.targets import read_targets
    from decode.report.predixcan import predixcan_text, write_predixcan

    require_cyvcf2()
    check_output_folder(out)
    inputs = {"features": features, "targets": targets, "genotypes": genotypes}
    inputs |= {name: path for name, path in (("predictions", predictions), ("sizes", sizes)) if path is not None}
    record = run_record(
        inputs=dict(inputs),
        chromosomes=chromosomes, window=window, max_missing=max_missing, min_maf=min_maf, folds=folds,
        inner_folds=inner_folds, permutations=permutations, seed=seed,
    )  # fmt: skip
    stop_if_finished(out, "compare predixcan", record, force=force)
    result = compare_predixcan(
        genotypes,
        read_targets(targets),
        open_features(features),
        predictions=None if predictions is None else read_targets(predictions),
        chromosomes=comma_list(chromosomes) or [],
        window_bp=window,
        max_missing=max_missing,
        min_maf=min_maf,
        n_folds=folds,
        n_inner_folds=inner_folds,
        n_permutations=permutations,
        seed=seed,
        sizes=sizes,
        folder=take_work_folder(out),
        executor=executor,
        on_run=report_run,
    )
    write_predixcan(result, out, record=record, force=force)
    remove_work_folder(work_folder(out))
    typer.echo(predixcan_text(result))
