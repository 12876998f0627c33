"""Our network beside ExPecto's boosted linear regression, on the same genes and the same split."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from decode.comparators.accuracy import METRICS, accuracy_rows, task_accuracy
from decode.comparators.linear_booster import BoosterConfig, booster_design, fit_booster, require_xgboost, totals_table
from decode.comparators.units import (
    LOG_TPM,
    SCALES,
    scales_of_log_tpm,
    scales_of_targets,
    split_by_kind,
    tasks_of_scale,
)
from decode.core.checks import check_count, check_matched, check_unique, counted, listed
from decode.core.resume import FinishedRuns, content_hash, finish_runs
from decode.core.seeds import member_seeds
from decode.core.shown import shown
from decode.dataset import TEST, TRAIN, VALIDATION_SHARE, Dataset, drop_rare_regulators, make_split, prepare_dataset
from decode.evaluation.baselines import BASELINES, STRUCTURE_BASELINES, baseline_predictions
from decode.evaluation.refit import dataset_hash, refit
from decode.expression.tissue import tissue_targets
from decode.expression.tissue_groups import group_of_tasks
from decode.models.config import NetworkConfig, network_config
from decode.statistics.paired_clusters import paired_cluster_test
from decode.training.config import TrainingConfig

if TYPE_CHECKING:
    from decode.features.matrix import RegulatoryFeatures

logger = logging.getLogger(__name__)

DECODE, EXPECTO = "decode", "expecto"
METHODS = (DECODE, EXPECTO, *BASELINES)
SEX_CHROMOSOMES = ("chrX", "chrY")  # ExPecto's train.py leaves them out of training


def methods_in(names: Collection[str]) -> list[str]:
    """Those of the methods that are there, in the order of tables; with gene structure there are two more."""
    return [name for name in (*METHODS, *STRUCTURE_BASELINES) if name in names]


@shown()
class ExpectoResult(NamedTuple):
    """Accuracy of our network, of ExPecto's regression and of the baselines, run by run and in short.

    Attributes
    ----------
    table : pd.DataFrame
        run, seed, method, scale, task, rmse, pearson, spearman over test genes.
    per_task : pd.DataFrame
        method, scale, task, then median and MAD over runs of each metric.
    summary : pd.DataFrame
        method, scale, n_tasks, n_runs, then median and MAD over runs of each metric's mean over tasks.
    comparison : pd.DataFrame
        scale, metric, decode and expecto (the summary's medians), relative_change (decode / expecto - 1), and the
        paired difference decode - expecto of per-task medians with groups of tasks as clusters: mean_difference, low,
        high, p_value, n_tasks, n_groups.
    counts : dict
        Genes and features matched, and the size of each part in the first run.
    """

    table: pd.DataFrame
    per_task: pd.DataFrame
    summary: pd.DataFrame
    comparison: pd.DataFrame
    counts: dict[str, Any]


@dataclass(frozen=True, eq=False)
class _Material:
    """What every run draws on, plain enough to travel to another process."""

    dataset: Dataset  # all common genes, before a split
    table: np.ndarray | None  # (n_genes, n_features); None: totals of the tracks that are kept
    tpm: np.ndarray | None  # (n_genes, n_tissues); None: the booster learns the targets themselves
    test_chromosome: tuple[str, ...]
    network: NetworkConfig
    training: TrainingConfig
    booster: BoosterConfig


def compare_expecto(
    features: RegulatoryFeatures,
    tpm: pd.DataFrame | None = None,
    *,
    targets: pd.DataFrame | None = None,
    table: pd.DataFrame | None = None,
    network: NetworkConfig | Literal["default", "paper"] = "default",
    training: TrainingConfig | None = None,
    booster: BoosterConfig | None = None,
    runs: int = 10,
    test_chromosome: str | Collection[str] = "chr8",
    left_out: Collection[str] = SEX_CHROMOSOMES,
    biosamples: Collection[str] | None = None,
    tissue_groups: Mapping[str, str] | None = None,
    folder: str | Path | None = None,
    executor: Any = "serial",
    on_run: Callable[[str, bool], None] | None = None,
) -> ExpectoResult:
    """Compare our network with ExPecto's expression model: same genes, same split, several runs.

    Genes: those of the features that have targets and, where a feature table is given, a row in it; genes of the left
    out chromosomes play no part. One chromosome is held out; the rest is split 90/10 into training and validation anew
    in every run. The network sees the bins of `features`, the booster the feature table (ExPecto's own features, or any
    other) or, without one, the per-gene totals of the very tracks that the network sees.

    With `tpm` the booster learns log(TPM + 1e-4) of each tissue, as published, and the network the median level and
    fold changes of log2(TPM + 0.25). Predictions are brought to each other's unit and judged in both: ``log_tpm`` (the
    booster's), ``level`` (log2(TPM + 0.25) of each tissue), ``fold_change`` (level minus its median over tissues) and
    ``median_level``. With `targets` both learn the same log2 columns.

    What varies from run to run: the validation genes, the order of the booster's coordinates, and the network's
    weights, batches and dropout. All derive from the seed of `training`.

    Parameters
    ----------
    features : RegulatoryFeatures
    tpm : pd.DataFrame, shape (n_genes, n_tissues), optional
        Linear TPM, index gene ids. Genes are filtered as `decode.tissue_targets` does.
    targets : pd.DataFrame, optional
        Targets table in log2 units, instead of `tpm`. The booster then starts at the training mean unless a booster
        configuration is given.
    table : pd.DataFrame, shape (n_genes, n_features), optional
        Features of the booster, index gene ids; see `decode.comparators.linear_booster.read_feature_table`.
    network : NetworkConfig or {"default", "paper"}
    training : TrainingConfig, optional
        Default: one member.
    booster : BoosterConfig, optional
        Default: ExPecto's.
    runs : int
    test_chromosome : str or collection of str
    left_out : collection of str
        Chromosomes whose genes are used nowhere.
    biosamples : collection of str, optional
        Use only tracks of these cell lines (and tracks without one).
    tissue_groups : mapping of task to group, optional
        Tasks of a group do not count as independent.
    folder : path, optional
        Keeps each finished run; the same call reuses them after a kill, also with more runs.
    executor : str, distributed.Client or Executor
        Where runs are done; a run is one task.
    on_run : callable, optional
        Called after each run with its name and whether it was finished before.

    Returns
    -------
    ExpectoResult

    Raises
    ------
    ImportError
        If XGBoost is not installed.
    ValueError
        If not exactly one of `tpm` and `targets` is given, ids do not match, the split is impossible, or `folder` holds
        runs of other data or options.

    Notes
    -----
    MAD = median over runs of |x - median|, not scaled to a normal SD. A correlation of `level` is high for anything
    that knows which genes are expressed at all; what is specific to a tissue shows in `fold_change`.

    References
    ----------
    Zhou et al. 2018, Nature Genetics 50:1171 (ExPecto). Tasaki et al. 2020, Methods: 18,550 common genes, 714 of chr8
    held out, 16,052 / 1,784 for training and validation, 10 models each, medians with MAD.
    """
    require_xgboost()
    check_count("runs", runs)
    network = network if isinstance(network, NetworkConfig) else network_config(network)
    training = training or TrainingConfig(members=1)
    booster = booster or (BoosterConfig() if targets is None else BoosterConfig(base_score=None))
    wanted = (test_chromosome,) if isinstance(test_chromosome, str) else tuple(sorted(test_chromosome))
    dataset, levels, counts = _common_genes(features, tpm, targets, table, left_out=left_out, biosamples=biosamples)
    design = None if table is None else _checked_design(table.loc[list(dataset.features.ids)])
    material = _Material(dataset, design, levels, wanted, network, training, booster)
    seeds = member_seeds(training.seed, runs)
    clusters = dict(zip(dataset.tasks, group_of_tasks(dataset.tasks, tissue_groups), strict=True))
    first = run_dataset(material.dataset, wanted, seeds[0])  # an impossible split is noticed before anything is written
    records = finish_runs(
        {f"run_{number}": seed for number, seed in enumerate(seeds)},
        partial(_run, material=material),
        FinishedRuns(folder),
        _signature(material),
        executor=executor,
        on_run=on_run,
    )
    rows = []
    for number, (seed, record) in enumerate(zip(seeds, records.values(), strict=True)):
        for method, by_scale in record["accuracy"].items():
            for scale, accuracy in by_scale.items():
                tasks = tasks_of_scale(scale, dataset.tasks, dataset.task_kinds)
                rows.append(accuracy_rows(accuracy, tasks, run=number, seed=seed, method=method, scale=scale))
    per_run = pd.concat(rows, ignore_index=True)
    per_task, summary = summarise_runs(per_run)
    comparison = _comparison(per_task, summary, clusters)
    counts |= {str(part): int((first.split == part).sum()) for part in np.unique(first.split)}
    return ExpectoResult(per_run, per_task, summary, comparison, counts)


def _common_genes(
    features: RegulatoryFeatures,
    tpm: pd.DataFrame | None,
    targets: pd.DataFrame | None,
    table: pd.DataFrame | None,
    *,
    left_out: Collection[str],
    biosamples: Collection[str] | None,
) -> tuple[Dataset, np.ndarray | None, dict[str, Any]]:
    if targets is None and tpm is not None:
        wanted = tissue_targets(tpm).targets
    elif targets is not None and tpm is None:
        wanted = targets
    else:
        raise ValueError("give either tpm (linear TPM of tissues) or targets (a log2 table), not both and not neither")
    is_left_out = features.genes["chrom"].astype(str).isin(set(left_out)).to_numpy()
    ids = [str(gene) for gene, lost in zip(features.ids, is_left_out, strict=True) if not lost]
    counts: dict[str, Any] = {"genes_of_left_out_chromosomes": int(is_left_out.sum())}
    if table is not None:
        check_unique("gene ids of the feature table", table.index)
        matched, warning = check_matched("feature table", [str(gene) for gene in table.index], features.ids)
        if warning:
            logger.warning(warning)
        in_table = set(matched)
        counts |= {"table_rows": len(table), "table_matched": len(matched), "table_features": table.shape[1]}
        ids = [gene for gene in ids if gene in in_table]
    dataset = prepare_dataset(
        features, wanted, split=dict.fromkeys(ids, TRAIN), biosamples=biosamples, min_bound_genes=0
    )
    counts |= {"target_rows": len(wanted), "common_genes": len(dataset.split)}
    logger.info("ExPecto comparison: %s", counted(counts))
    if tpm is None:
        return dataset, None, counts
    tissues = [task for task, is_main in zip(dataset.tasks, dataset.is_main_task, strict=True) if is_main]
    levels = tpm.set_axis([str(column) for column in tpm.columns], axis=1).loc[list(dataset.features.ids), tissues]
    return dataset, levels.to_numpy(dtype=np.float64), counts


def _checked_design(table: pd.DataFrame) -> np.ndarray:
    not_numeric = [str(name) for name in table.columns if not pd.api.types.is_numeric_dtype(table[name])]
    if not_numeric:
        raise ValueError(f"feature table has columns without numbers: {listed(not_numeric)}; drop or encode them")
    design = table.to_numpy(dtype=np.float32)
    is_infinite = np.isinf(design).any(axis=0)
    if is_infinite.any():
        raise ValueError(f"feature table has infinite numbers in: {listed(table.columns[is_infinite])}; remove them")
    return design


def run_dataset(dataset: Dataset, test_chromosome: Collection[str], seed: int) -> Dataset:
    """The dataset of one run: its own validation genes, and the regulators bound often enough in its training genes."""
    split = make_split(
        dataset.features.genes, test_chromosome=test_chromosome, validation_share=VALIDATION_SHARE, seed=seed
    )
    kept, _ = drop_rare_regulators(dataset.features, split == TRAIN)
    return replace(dataset, features=kept, split=split)


def _signature(material: _Material) -> str:
    arrays = [array for array in (material.table, material.tpm) if array is not None]
    return (
        f"{dataset_hash(material.dataset)} {content_hash(arrays)} {material.table is None} {material.test_chromosome} "
        f"{material.network.to_json()} {material.training.to_json()} {material.booster.signature}"
    )


def _run(seed: int, *, material: _Material) -> dict[str, Any]:
    dataset = run_dataset(material.dataset, material.test_chromosome, seed)
    rows = dataset.rows(TEST)
    fitted = refit(dataset, material.network, replace(material.training, seed=seed))
    boosted, n_rounds = _boost(dataset, material, seed)
    baselines = {name: values[rows] for name, values in baseline_predictions(dataset).items()}
    by_targets = {DECODE: fitted.predicted, **baselines}
    actual = dataset.targets[rows].astype(np.float64)
    if material.tpm is None:
        measured = split_by_kind(actual, dataset.task_kinds)
        predicted = {name: split_by_kind(values, dataset.task_kinds) for name, values in by_targets.items()}
        predicted[EXPECTO] = split_by_kind(boosted[rows], dataset.task_kinds)
    else:
        pseudocount = material.booster.pseudocount
        measured = scales_of_targets(actual, dataset.task_kinds, pseudocount=pseudocount)
        measured[LOG_TPM] = np.log(material.tpm[rows] + pseudocount)
        predicted = {
            name: scales_of_targets(values, dataset.task_kinds, pseudocount=pseudocount)
            for name, values in by_targets.items()
        }
        predicted[EXPECTO] = scales_of_log_tpm(boosted[rows], pseudocount=pseudocount)
    accuracy = {
        name: {scale: task_accuracy(measured[scale], predicted[name][scale]) for scale in measured}
        for name in methods_in(predicted)
    }
    return {"accuracy": accuracy, "n_rounds": n_rounds, "n_epochs": fitted.n_epochs}


def _boost(dataset: Dataset, material: _Material, seed: int) -> tuple[np.ndarray, list[int]]:
    """One booster a column of labels: predictions of all rows, (n_rows, n_columns), and rounds."""
    design = booster_design(totals_table(dataset.features).to_numpy() if material.table is None else material.table)
    tpm = material.tpm
    labels = dataset.targets.astype(np.float64) if tpm is None else np.log(tpm + material.booster.pseudocount)
    fits = [
        fit_booster(design, labels[:, column], dataset.split, config=material.booster, seed=seed)
        for column in range(labels.shape[1])
    ]
    return np.stack([fit.predicted for fit in fits], axis=1), [fit.n_rounds for fit in fits]


def summarise_runs(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Median and MAD over runs, for each task and for the mean over tasks.

    Parameters
    ----------
    table : pd.DataFrame
        run, method, scale, task and one column a metric.

    Returns
    -------
    per_task, summary : pd.DataFrame
        As in `ExpectoResult`.
    """
    metrics = list(METRICS)
    means = table.groupby(["method", "scale", "run"], sort=False)[metrics].mean().reset_index()
    per_task = _median_and_mad(table, ["method", "scale", "task"])
    summary = _median_and_mad(means, ["method", "scale"])
    n_tasks = table.groupby(["method", "scale"])["task"].nunique().rename("n_tasks")
    summary = summary.join(n_tasks, on=["method", "scale"])
    summary.insert(2, "n_tasks", summary.pop("n_tasks"))
    summary.insert(3, "n_runs", table["run"].nunique())
    return per_task, summary


def _median_and_mad(table: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    groups = table.groupby(keys, sort=False)[list(METRICS)]
    median = groups.median()
    centre = table[keys].join(median, on=keys)
    deviation = (table[list(METRICS)] - centre[list(METRICS)]).abs()
    mad = deviation.groupby([table[key] for key in keys], sort=False).median()
    columns: dict[str, pd.Series] = {}
    for metric in METRICS:
        columns |= {f"{metric}_median": median[metric], f"{metric}_mad": mad[metric]}
    return pd.DataFrame(columns).reset_index()


def _comparison(per_task: pd.DataFrame, summary: pd.DataFrame, clusters: Mapping[str, str]) -> pd.DataFrame:
    medians = summary.set_index(["method", "scale"]).sort_index()
    rows = []
    for scale in [scale for scale in SCALES if scale in set(per_task["scale"])]:
        ours, theirs = (
            per_task[(per_task["method"] == method) & (per_task["scale"] == scale)].set_index("task")
            for method in (DECODE, EXPECTO)
        )
        for metric in METRICS:
            column = f"{metric}_median"
            decode, expecto = (float(medians.loc[(method, scale), column]) for method in (DECODE, EXPECTO))  # type: ignore[arg-type]
            found = paired_cluster_test(ours[column] - theirs[column], [clusters[task] for task in ours.index])
            rows.append(
                {
                    "scale": scale,
                    "metric": metric,
                    DECODE: decode,
                    EXPECTO: expecto,
                    "relative_change": decode / expecto - 1 if expecto else np.nan,
                    "mean_difference": found.mean,
                    "low": found.low,
                    "high": found.high,
                    "p_value": found.p_value,
                    "n_tasks": found.n,
                    "n_groups": found.n_groups,
                }
            )
    return pd.DataFrame(rows)
