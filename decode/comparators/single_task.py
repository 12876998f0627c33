"""One network for all tissues against one network for each: accuracy and cost."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from decode.comparators.accuracy import accuracy_rows, task_accuracy
from decode.core.checks import check_choice, check_known, check_unique, listed
from decode.core.executor import get_executor
from decode.core.naming import file_name
from decode.core.resume import FinishedRuns, finish_runs
from decode.core.shown import shown
from decode.dataset import EXCLUDED, TRAIN, VALIDATION, Dataset, prepare_dataset
from decode.evaluation.evaluate import mean_or_nan
from decode.evaluation.randomisation import checked_seeds
from decode.evaluation.refit import Judged, dataset_hash, refit
from decode.expression.task_kinds import HEADLINES, main_kind, tasks_by_kind
from decode.expression.tissue_groups import group_of_tasks
from decode.models.config import NetworkConfig, network_config
from decode.statistics.paired_clusters import paired_cluster_test
from decode.training.config import TrainingConfig

if TYPE_CHECKING:
    from decode.features.matrix import RegulatoryFeatures

logger = logging.getLogger(__name__)

MULTI, SINGLE = "multi_task", "single_task"
ALL_TASKS = "all"  # in the table of costs: one network predicts every task


class Plan(NamedTuple):
    """One network to fit: all tasks together, or one of them."""

    model: str
    task: str
    seed: int


@shown()
class SingleTaskResult(NamedTuple):
    """Accuracy and cost of one network for all tasks and of one network a task.

    Attributes
    ----------
    table : pd.DataFrame
        model (multi_task, single_task), seed, task, rmse, pearson, spearman over the judged genes.
    cost : pd.DataFrame
        model, seed, task ("all" for the multi-task network), n_tasks, n_epochs, cpu_s, wall_s: one row a fit.
    summary : pd.DataFrame
        model, n_networks, n_tasks, the headline figures (`summarise`) each with its SD over seeds, cpu_s,
        wall_s, cpu_s_per_task; means over seeds, costs summed over the networks of a seed.
    comparison : pd.DataFrame
        One row: mean_difference (multi - single, Spearman over the tasks of the main kind), low, high, p_value,
        n_tasks, n_groups, n_multi_better, cpu_ratio and wall_ratio (single-task networks for every task of the table
        over the one multi-task network) and is_extrapolated (the ratio was scaled up from the chosen tasks).
    counts : dict
        Of the dataset, and untrainable_tasks.
    """

    table: pd.DataFrame
    cost: pd.DataFrame
    summary: pd.DataFrame
    comparison: pd.DataFrame
    counts: dict[str, Any]


def single_task_dataset(dataset: Dataset, task: str) -> Dataset:
    """The same genes with one task; training and validation genes without a value of it are left out ("excluded").

    Raises
    ------
    KeyError
        If there is no such task.
    """
    check_known("task(s)", [task], dataset.tasks, "the targets")
    values = dataset.targets[:, [dataset.tasks.index(task)]]
    is_lost = np.isnan(values[:, 0]) & np.isin(dataset.split, (TRAIN, VALIDATION))
    split = np.where(is_lost, EXCLUDED, dataset.split)
    kind = dataset.task_kinds[dataset.tasks.index(task)]
    return replace(dataset, targets=values, tasks=[task], task_kinds=[kind], split=split)


def compare_single_task(
    features: RegulatoryFeatures,
    targets: pd.DataFrame,
    *,
    tasks: Sequence[str] | None = None,
    network: NetworkConfig | Literal["default", "paper"] = "default",
    training: TrainingConfig | None = None,
    seeds: Sequence[int] = (0,),
    tissue_groups: Mapping[str, str] | None = None,
    test_chromosome: str | Collection[str] = "chr1",
    biosamples: Collection[str] | None = None,
    groups: Mapping[str, str] | None = None,
    part: Judged = "test",
    folder: str | Path | None = None,
    executor: Any = "serial",
    on_run: Callable[[str, bool], None] | None = None,
) -> SingleTaskResult:
    """Compare one network that predicts all tasks with one network a task: same architecture, genes, split and seeds.

    The multi-task network always learns every task of the table; `tasks` says for which of them a network of their own
    is fitted and judged.

    Parameters
    ----------
    features : RegulatoryFeatures
    targets : pd.DataFrame
        gene_id and one column a task, log2 units.
    tasks : sequence of str, optional
        Default: all.
    network : NetworkConfig or {"default", "paper"}
    training : TrainingConfig, optional
        Default: one member. Its seed fixes the split; the seed of each run replaces it after that.
    seeds : sequence of int
        One multi-task network, and one network a task, for each.
    tissue_groups : mapping of task to group, optional
        Tasks of a group do not count as independent.
    test_chromosome, biosamples, groups
        As in `decode.train`.
    part : {"test", "validation"}
        Genes to judge on.
    folder : path, optional
        Keeps each finished fit; the same call reuses them after a kill, also with more tasks or seeds.
    executor : str, distributed.Client or Executor
        "serial" or a Dask cluster; the CPU time of threads of one process cannot be told apart.
    on_run : callable, optional
        Called after each fit with its name and whether it was finished before.

    Returns
    -------
    SingleTaskResult

    Raises
    ------
    KeyError
        If a task is not in the targets.
    ValueError
        If a task is asked for twice, none can be trained alone, the executor runs threads, or `folder` holds fits of
        other data or options.

    Notes
    -----
    CPU and wall seconds are of the fit alone (scales, graph, epochs until early stopping), with whatever else the
    machine was doing. A network for one task stops when that task stops improving, the multi-task network when the mean
    over tasks does.

    References
    ----------
    Tasaki et al. 2020, Supplementary Figure 9.
    """
    network = network if isinstance(network, NetworkConfig) else network_config(network)
    training = training or TrainingConfig(members=1)
    check_choice("part", part, ("test", "validation"))
    runner = get_executor(executor)
    if runner.is_concurrent:
        raise ValueError(
            "CPU time of fits on threads cannot be told apart; use executor serial or a Dask cluster with one thread a "
            "worker"
        )
    seeds = checked_seeds(seeds)
    dataset = prepare_dataset(
        features, targets, test_chromosome=test_chromosome, seed=training.seed, biosamples=biosamples, groups=groups
    )
    chosen, untrainable = _trainable(dataset, tasks)
    clusters = dict(zip(dataset.tasks, group_of_tasks(dataset.tasks, tissue_groups), strict=True))
    plans = {}
    for seed in seeds:
        plans[f"{MULTI}_seed_{seed}"] = Plan(MULTI, ALL_TASKS, seed)
        for task in chosen:
            number = dataset.tasks.index(task)
            plans[f"{SINGLE}_{number}_{file_name(task)}_seed_{seed}"] = Plan(SINGLE, task, seed)
    options = {**training.to_json(), "seed": None}  # of the split, which the dataset's hash covers
    records = finish_runs(
        plans,
        partial(_run, dataset=dataset, network=network, training=training, part=part),
        FinishedRuns(folder),
        f"{dataset_hash(dataset)} {network.to_json()} {options} {part}",
        executor=runner,
        on_run=on_run,
    )
    table, cost = _tables(plans, records, dataset.tasks, chosen)
    kind_of = dict(zip(dataset.tasks, dataset.task_kinds, strict=True))
    table.insert(list(table.columns).index("task") + 1, "task_kind", table["task"].map(kind_of))
    summary = _summary(table, cost, n_members=training.members)
    comparison = _comparison(table, cost, [clusters[task] for task in chosen])
    return SingleTaskResult(table, cost, summary, comparison, dataset.counts | {"untrainable_tasks": untrainable})


def _trainable(dataset: Dataset, tasks: Sequence[str] | None) -> tuple[list[str], list[str]]:
    """The chosen tasks that vary over training genes and are measured in validation genes, and the others."""
    asked = list(dataset.tasks) if tasks is None else [str(task) for task in tasks]
    check_unique("tasks asked for", asked)
    check_known("task(s)", asked, dataset.tasks, "the targets")
    chosen: list[str] = []
    untrainable: list[str] = []
    for task in asked:
        values = dataset.targets[:, dataset.tasks.index(task)]
        train = values[dataset.rows(TRAIN)]
        varies = np.isfinite(train).any() and np.nanstd(train.astype(np.float64)) > 1e-6
        can_stop = np.isfinite(values[dataset.rows(VALIDATION)]).any()
        (chosen if varies and can_stop else untrainable).append(task)
    if untrainable:
        logger.warning(
            "%d tasks are constant over training genes or missing in all validation genes and are left out: %s",
            len(untrainable),
            listed(untrainable),
        )
    if not chosen:
        raise ValueError(
            f"none of the {len(asked)} tasks can be trained alone: {listed(asked)} are constant over training genes or "
            "missing in all validation genes"
        )
    return chosen, untrainable


def _run(
    plan: Plan, *, dataset: Dataset, network: NetworkConfig, training: TrainingConfig, part: Judged
) -> dict[str, Any]:
    own = dataset if plan.model == MULTI else single_task_dataset(dataset, plan.task)
    fitted = refit(own, network, replace(training, seed=plan.seed), part=part)
    actual = own.targets[own.rows(part)].astype(np.float64)
    cost = {"n_epochs": fitted.n_epochs, "cpu_s": fitted.cpu_s, "wall_s": fitted.wall_s}
    return {"accuracy": task_accuracy(actual, fitted.predicted), "cost": cost}


def _tables(
    plans: Mapping[str, Plan], records: Mapping[str, dict[str, Any]], tasks: list[str], chosen: list[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    accuracy, cost = [], []
    for name, plan in plans.items():
        own = tasks if plan.model == MULTI else [plan.task]
        rows = accuracy_rows(records[name]["accuracy"], own, model=plan.model, seed=plan.seed)
        accuracy.append(rows[rows["task"].isin(chosen)])
        labels = {"model": plan.model, "seed": plan.seed, "task": plan.task, "n_tasks": len(own)}
        cost.append(labels | records[name]["cost"])
    return pd.concat(accuracy, ignore_index=True), pd.DataFrame(cost)


def _summary(table: pd.DataFrame, cost: pd.DataFrame, *, n_members: int) -> pd.DataFrame:
    rows = []
    for model in (MULTI, SINGLE):
        own, fits = table[table["model"] == model], cost[cost["model"] == model]
        n_seeds = fits["seed"].nunique()
        headlines: dict[str, float] = {}
        for kind, is_kind in tasks_by_kind(own["task_kind"].to_numpy()):
            by_seed = own[is_kind].groupby("seed")["spearman"].mean()
            headlines[f"{HEADLINES[kind]}_spearman"] = mean_or_nan(by_seed.to_numpy())
            headlines[f"{kind}_sd_over_seeds"] = by_seed.std(ddof=1)
        n_tasks = int(fits.loc[fits["seed"] == fits["seed"].iloc[0], "n_tasks"].sum())
        rows.append(
            {
                "model": model,
                "n_networks": len(fits) // n_seeds * n_members,
                "n_tasks": n_tasks,
                **headlines,
                "cpu_s": fits["cpu_s"].sum() / n_seeds,
                "wall_s": fits["wall_s"].sum() / n_seeds,
                "cpu_s_per_task": fits["cpu_s"].sum() / n_seeds / n_tasks,
            }
        )
    return pd.DataFrame(rows)


def _comparison(table: pd.DataFrame, cost: pd.DataFrame, clusters: Sequence[str]) -> pd.DataFrame:
    means = {model: rows.groupby("task", sort=False)["spearman"].mean() for model, rows in table.groupby("model")}
    difference = means[MULTI].reindex(means[SINGLE].index) - means[SINGLE]
    kinds = table.drop_duplicates("task").set_index("task")["task_kind"].reindex(difference.index)
    is_main = (kinds == main_kind(kinds.to_numpy())).to_numpy() & difference.notna().to_numpy()
    found = paired_cluster_test(difference[is_main], np.asarray(clusters, dtype=object)[is_main])
    multi, single = (cost[cost["model"] == model] for model in (MULTI, SINGLE))
    scale = multi["n_tasks"].iloc[0] / len(difference)
    row = {
        "mean_difference": found.mean,
        "low": found.low,
        "high": found.high,
        "p_value": found.p_value,
        "n_tasks": found.n,
        "n_groups": found.n_groups,
        "n_multi_better": int((difference[is_main] > 0).sum()),
        "cpu_ratio": scale * single["cpu_s"].sum() / multi["cpu_s"].sum(),
        "wall_ratio": scale * single["wall_s"].sum() / multi["wall_s"].sum(),
        "is_extrapolated": bool(scale > 1),
    }
    return pd.DataFrame([row])
