"""decode tune."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from pathlib import Path
from typing import Annotated, Any

import typer

from decode.cli.inputs import load_tensorflow, open_features, open_groups
from decode.cli.options import (
    Biosamples,
    Features,
    Force,
    GroupFile,
    MaxEpochs,
    Patience,
    Targets,
    TaskKind,
    TestChromosome,
    comma_list,
)
from decode.cli.outputs import stop_if_finished
from decode.core.choices import Algorithm, Objective, Searched


def tune(
    features: Features,
    targets: Targets,
    out: Annotated[Path, typer.Option(help="Folder for best.json, trials.tsv and the state of the search (tuner/).")],
    architecture: Annotated[Searched, typer.Option(help="Networks to search over.")] = "default",
    algorithm: Annotated[Algorithm, typer.Option(help="Search algorithm of KerasTuner.")] = "random",
    objective: Annotated[
        Objective, typer.Option(help="On validation genes: mean Spearman over fold changes, or the loss.")
    ] = "spearman",
    trials: Annotated[int, typer.Option(help="Trials of a random or Bayesian search.")] = 30,
    members_per_trial: Annotated[int, typer.Option(help="Networks averaged in a trial.")] = 1,
    space: Annotated[
        Path | None, typer.Option(help='JSON with values in place of the built-in ones, {"width": [64, 128], ...}.')
    ] = None,
    biosamples: Biosamples = None,
    test_chromosome: TestChromosome = "chr1",
    group_file: GroupFile = None,
    task_kind: TaskKind = None,
    seed: Annotated[int, typer.Option(help="Seed of search, split, weights, batches and dropout.")] = 0,
    max_epochs: MaxEpochs = None,
    patience: Patience = 10,
    worker_timeout: Annotated[
        float, typer.Option(help="Seconds of silence after which a worker (or the chief) is given up.")
    ] = 600.0,
    force: Force = False,
) -> None:
    """Search for hyper-parameters on validation genes; a killed search goes on when repeated.

    On several machines: give the same command everywhere, with KERASTUNER_ORACLE_IP and KERASTUNER_ORACLE_PORT set to
    the chief's address, and KERASTUNER_TUNER_ID set to chief in one process and to tuner0, tuner1, ... in the workers.
    The chief fits nothing; it alone writes the results.
    """
    load_tensorflow()
    from decode.core.files import check_output_folder, read_json_object, run_record
    from decode.core.resume import work_folder
    from decode.expression.targets import read_targets
    from decode.expression.task_kinds import with_task_kinds
    from decode.report.tuning import write_tuning
    from decode.training.config import TrainingConfig
    from decode.tuning.chief import post_of_process
    from decode.tuning.search import TuningConfig, remove_search, tune_worker
    from decode.tuning.search import tune as tune_networks

    check_output_folder(out)
    post, work = post_of_process(), work_folder(out)
    config = TuningConfig(
        architecture=architecture,
        algorithm=algorithm,
        objective=objective,
        n_trials=trials,
        choices=read_json_object(space, "search space") if space else None,
        members_per_trial=members_per_trial,
        training=TrainingConfig(seed=seed, max_epochs=max_epochs, patience=patience),
        worker_timeout_s=worker_timeout,
    )

    inputs: dict[str, str | Path] = {"features": features, "targets": targets}
    inputs |= {"groups": group_file} if group_file else {}
    record = run_record(
        inputs=inputs, architecture=architecture, algorithm=algorithm, objective=objective,
        trials=trials, members_per_trial=members_per_trial, choices=config.choices, biosamples=biosamples,
        test_chromosome=test_chromosome, task_kind=task_kind, seed=seed, max_epochs=max_epochs, patience=patience,
    )  # fmt: skip
    if post.role != "worker":
        stop_if_finished(out, "tune", record, force=force)

    def report(name: str, score: float) -> None:
        typer.echo(f"trial {name}: {score:.4f}", err=True)

    loaded, table = open_features(features), with_task_kinds(read_targets(targets), task_kind)
    options: dict[str, Any] = {
        "folder": work, "config": config, "test_chromosome": comma_list(test_chromosome) or [],
        "biosamples": comma_list(biosamples), "groups": open_groups(group_file), "on_trial": report,
    }  # fmt: skip
    if post.role == "worker":
        with redirect_stdout(io.StringIO()):  # KerasTuner prints every condition that it sends
            n_fitted = tune_worker(loaded, table, **options)
        remove_search(work, is_worker=True)
        typer.echo(f"worker {post.name}: {n_fitted} trials fitted; the chief writes the results")
        return
    with redirect_stdout(io.StringIO()):
        result = tune_networks(loaded, table, **options)
    write_tuning(result, out, record=record, force=force)
    remove_search(work)
    start = result.trials["score"].iloc[0]
    typer.echo(
        f"{out / 'best.json'}: {result.objective} {result.score:.4f} (start {start:.4f}) after {len(result.trials)} "
        f"trials; next: decode train {features} {targets} --config {out / 'best.json'} --out MODEL"
    )
