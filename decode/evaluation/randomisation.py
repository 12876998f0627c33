"""What do promoter sites and RNA sites each contribute? Retrain with the sites of a region shuffled between genes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import ttest_1samp

from decode.core.checks import check_choice, check_count, check_unique
from decode.core.resume import FinishedRuns, finish_runs
from decode.core.shown import shown
from decode.dataset import Dataset, SplitBy, prepare_dataset
from decode.evaluation.baselines import STRUCTURE_BASELINES, length_design, ridge_predictions, structure_design
from decode.evaluation.evaluate import mean_or_nan
from decode.evaluation.refit import Judged, dataset_hash, refit
from decode.expression.task_kinds import HEADLINES, main_kind, tasks_by_kind
from decode.expression.tissue_groups import group_of_tasks
from decode.models.config import NetworkConfig, network_config
from decode.statistics.metrics import spearman_per_task
from decode.statistics.paired_clusters import paired_cluster_test
from decode.statistics.strata import quantile_strata
from decode.training.config import TrainingConfig

if TYPE_CHECKING:
    from decode.features.matrix import RegulatoryFeatures

logger = logging.getLogger(__name__)

FULL, ALL_SHUFFLED, LENGTH_ONLY = "full", "all_shuffled", "length_only"
STRUCTURE_ONLY = STRUCTURE_BASELINES[0]
NOT_ALONE = {FULL, ALL_SHUFFLED, LENGTH_ONLY, STRUCTURE_ONLY}  # variants in which no single region is shuffled
N_LENGTH_STRATA = 10  # deciles: within one, length differs too little to tell genes apart


class Variant(NamedTuple):
    """One way to train: which regions are shuffled, within which genes, from which seed."""

    name: str
    regions: tuple[str, ...]
    stratified: bool
    seed: int


@shown()
class RandomisationResult(NamedTuple):
    """Accuracy of every variant, and how much each falls short of the full model.

    Attributes
    ----------
    table : pd.DataFrame
        variant, stratified, seed, task, task_kind, spearman: one row a variant, seed and task.
    summary : pd.DataFrame
        variant, stratified, n_seeds, the headline figures (`summarise`; fold_change_mean_spearman first where there are
        fold changes) each with its SD over seeds, share_of_full (of the first).
    comparison : pd.DataFrame
        first, second, stratified, mean_difference (first - second), low, high, p_value, p_value_paired_t, n_tasks,
        n_groups: paired over fold changes (or what stands for the model), groups of tasks as clusters.
    counts : dict
        Of the dataset and of the shuffles.
    """

    table: pd.DataFrame
    summary: pd.DataFrame
    comparison: pd.DataFrame
    counts: dict[str, Any]


def length_strata(dataset: Dataset, n_strata: int = N_LENGTH_STRATA) -> np.ndarray:
    """Number of each gene's stratum: its part of the split and, within the part, its quantile of spliced length.

    Parameters
    ----------
    dataset : Dataset
    n_strata : int
        Quantiles in each part; genes of equal length are ordered as they stand in the table.

    Returns
    -------
    np.ndarray of int, shape (n_rows,)
    """
    check_count("n_strata", n_strata)
    length = dataset.features.genes["length_bp"].to_numpy(dtype=np.float64)
    return quantile_strata([length], [n_strata], within=dataset.split)


def shuffle_regions(dataset: Dataset, regions: Sequence[str], *, seed: int, within_length: bool = False) -> Dataset:
    """Give every gene the sites of another gene of its part of the split.

    The whole block of bins moves, with its occupancy, as in the original code: after a plain shuffle of the RNA the
    network no longer knows the length of the gene. Within strata of like length it still does, nearly. Targets, gene
    table and split stay.

    Parameters
    ----------
    dataset : Dataset
    regions : sequence of str
        Regions to shuffle, each by its own permutation.
    seed : int
    within_length : bool
        Genes change places only within tenths of like spliced length.

    Returns
    -------
    Dataset

    Raises
    ------
    KeyError
        If the features lack a region.

    References
    ----------
    Tasaki et al. 2020, Methods, feature randomisation; `shuffle` in data.py of the published code (one seed, no
    strata of length).
    """
    strata = length_strata(dataset) if within_length else np.unique(dataset.split, return_inverse=True)[1]
    return replace(dataset, features=dataset.features.shuffled(regions, seed=seed, strata=strata))


def randomisation_variants(regions: Sequence[str], seeds: Sequence[int], *, within_length: bool) -> list[Variant]:
    """The full model, each region shuffled alone and all together, for every seed; again within strata if asked for.

    Examples
    --------
    >>> [variant.name for variant in randomisation_variants(["promoter", "rna"], [0], within_length=False)]
    ['full', 'promoter_shuffled', 'rna_shuffled', 'all_shuffled']
    """
    kinds: list[tuple[str, tuple[str, ...], bool]] = [(FULL, (), False)]
    for stratified in (False, True) if within_length else (False,):
        kinds += [(f"{region}_shuffled", (region,), stratified) for region in regions]
        if len(regions) > 1:
            kinds.append((ALL_SHUFFLED, tuple(regions), stratified))
    return [Variant(name, shuffled, stratified, seed) for seed in seeds for name, shuffled, stratified in kinds]


def randomise(
    features: RegulatoryFeatures,
    targets: pd.DataFrame,
    *,
    network: NetworkConfig | Literal["default", "paper"] = "default",
    training: TrainingConfig | None = None,
    seeds: Sequence[int] = (0, 1, 2),
    within_length: bool = False,
    tissue_groups: Mapping[str, str] | None = None,
    test_chromosome: str | Collection[str] = "chr1",
    biosamples: Collection[str] | None = None,
    groups: Mapping[str, str] | None = None,
    split_by: SplitBy = "gene",
    part: Judged = "test",
    folder: str | Path | None = None,
    executor: Any = "serial",
    on_run: Callable[[str, bool], None] | None = None,
) -> RandomisationResult:
    """Measure what the sites of each region contribute, by retraining with them shuffled between genes.

    Variants: the full model; the sites of each region shuffled alone, then of all regions (two regions: the paper's
    "RNA", "promoter" and "both"); with `within_length` also within strata of like length, so that what is lost is due
    to sites and not to the length that moves with them; and the length alone (ridge on log length and its square). Gene
    structure, where the network takes it, stays with its gene throughout; what it gives alone is one more row. Full
    and shuffled models of one seed start from the same weights and see the same batches. The split stays the same
    throughout; a seed varies the permutation, weights, batches and dropout.

    Parameters
    ----------
    features : RegulatoryFeatures
    targets : pd.DataFrame
        gene_id and one column a task, log2 units.
    network : NetworkConfig or {"default", "paper"}
    training : TrainingConfig, optional
        Default: one member. Its seed fixes the split; the seed of each run replaces it after that.
    seeds : sequence of int
        One run of every variant for each.
    within_length : bool
        Adds the variants within strata.
    tissue_groups : mapping of task to group, optional
        Tasks of a group do not count as independent, see `decode.expression.tissue_groups`. Default: all stand alone.
    test_chromosome, biosamples, groups, split_by
        As in `decode.train`; the published split of transcripts is `split_by="transcript"`, and leaks.
    part : {"test", "validation"}
        Genes to judge on.
    folder : path, optional
        Keeps each finished run; the same call reuses them after a kill, also with more seeds.
    executor : str, distributed.Client or Executor
        Where runs are done; a run of one variant and seed is one task.
    on_run : callable, optional
        Called after each run with its name and whether it was finished before.

    Returns
    -------
    RandomisationResult

    Raises
    ------
    ValueError
        If the dataset cannot be made (see `decode.dataset.prepare_dataset`), seeds repeat, no tissue group fits a task,
        or `folder` holds runs of other data or options.

    Notes
    -----
    The interval of a difference covers the choice of tissues (groups), not of test genes or seeds; the SD over seeds
    stands in the summary. See `decode.statistics.paired_clusters.paired_cluster_test`.

    References
    ----------
    Tasaki et al. 2020, Nature Machine Intelligence 2:376, Figure 2 and Methods: paired t-test over 53 tissues, here as
    p_value_paired_t beside the clustered one.
    """
    network = network if isinstance(network, NetworkConfig) else network_config(network)
    training = training or TrainingConfig(members=1)
    check_choice("part", part, ("test", "validation"))
    seeds = checked_seeds(seeds)
    dataset = prepare_dataset(
        features, targets, test_chromosome=test_chromosome, seed=training.seed, biosamples=biosamples, groups=groups,
        split_by=split_by,
    )  # fmt: skip
    clusters = group_of_tasks(dataset.tasks, tissue_groups)
    variants = randomisation_variants(list(dataset.features.regions), seeds, within_length=within_length)
    options = {**training.to_json(), "seed": None}  # of the split, which the dataset's hash covers
    records = finish_runs(
        {_run_name(variant): variant for variant in variants},
        partial(_run_variant, dataset=dataset, network=network, training=training, part=part),
        FinishedRuns(folder),
        f"{dataset_hash(dataset)} {network.to_json()} {options} {part}",
        executor=executor,
        on_run=on_run,
    )
    spearman = [np.array(record["spearman"], dtype=np.float64) for record in records.values()]
    rows = [_rows(variant, values, dataset) for variant, values in zip(variants, spearman, strict=True)]
    rows.append(_rows(Variant(LENGTH_ONLY, (), False, seeds[0]), _length_only(dataset, part), dataset))
    if dataset.features.structure_channels and network.structure:
        rows.append(_rows(Variant(STRUCTURE_ONLY, (), False, seeds[0]), _structure_only(dataset, part), dataset))
    table = pd.concat(rows, ignore_index=True)
    counts = dict(dataset.counts)
    if within_length:
        counts["smallest_stratum"] = int(np.unique(length_strata(dataset), return_counts=True)[1].min())
    return RandomisationResult(table, summarise_variants(table), compare_variants(table, clusters), counts)


def checked_seeds(seeds: Sequence[int]) -> list[int]:
    """Seeds of the runs as plain numbers; ValueError where there is none, one repeats or is negative."""
    if not len(seeds):
        raise ValueError("seeds is empty; give at least one, better three")
    for seed in seeds:
        check_count("seed", seed, zero=True)
    check_unique("seeds", seeds)
    return [int(seed) for seed in seeds]


def _run_name(variant: Variant) -> str:
    return f"{variant.name}{'_within_length' if variant.stratified else ''}_seed_{variant.seed}"


def _run_variant(
    variant: Variant, *, dataset: Dataset, network: NetworkConfig, training: TrainingConfig, part: Judged
) -> dict[str, Any]:
    shuffled = shuffle_regions(dataset, variant.regions, seed=variant.seed, within_length=variant.stratified)
    fitted = refit(shuffled, network, replace(training, seed=variant.seed), part=part)
    actual = dataset.targets[dataset.rows(part)].astype(np.float64)
    return {"spearman": spearman_per_task(actual, fitted.predicted).tolist(), "wall_s": fitted.wall_s}


def _length_only(dataset: Dataset, part: Judged) -> np.ndarray:
    rows = dataset.rows(part)
    predicted = ridge_predictions(dataset, length_design(dataset))[rows]
    return spearman_per_task(dataset.targets[rows].astype(np.float64), predicted)


def _structure_only(dataset: Dataset, part: Judged) -> np.ndarray:
    rows = dataset.rows(part)
    design = np.concatenate([length_design(dataset), structure_design(dataset)], axis=1)
    predicted = ridge_predictions(dataset, design, on_ranks=True)[rows]
    return spearman_per_task(dataset.targets[rows].astype(np.float64), predicted)


def _rows(variant: Variant, spearman: np.ndarray, dataset: Dataset) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "variant": variant.name,
            "stratified": variant.stratified,
            "seed": variant.seed,
            "task": dataset.tasks,
            "task_kind": dataset.task_kinds,
            "spearman": spearman,
        }
    )


def summarise_variants(table: pd.DataFrame) -> pd.DataFrame:
    """Mean and spread over seeds of the headline figures of each variant.

    Parameters
    ----------
    table : pd.DataFrame
        variant, stratified, seed, task, task_kind, spearman.

    Returns
    -------
    pd.DataFrame
        As `RandomisationResult.summary`; SDs are undefined (NaN) with one seed.
    """
    rows: list[dict[str, Any]] = []
    for (variant, stratified), part in table.groupby(["variant", "stratified"], sort=False):
        row: dict[str, Any] = {"variant": variant, "stratified": stratified, "n_seeds": part["seed"].nunique()}
        for kind, is_kind in tasks_by_kind(part["task_kind"].to_numpy()):
            by_seed = np.array([mean_or_nan(one["spearman"].to_numpy()) for _, one in part[is_kind].groupby("seed")])
            defined = by_seed[np.isfinite(by_seed)]
            row[f"{HEADLINES[kind]}_spearman"] = mean_or_nan(by_seed)
            row[f"{kind}_sd_over_seeds"] = float(defined.std(ddof=1)) if len(defined) > 1 else np.nan
        rows.append(row)
    summary = pd.DataFrame(rows)
    of_model = summary[f"{HEADLINES[main_kind(table['task_kind'].to_numpy())]}_spearman"]
    full = of_model[summary["variant"] == FULL].iloc[0]
    summary["share_of_full"] = of_model / full if full > 0 else np.nan
    return summary


def compare_variants(table: pd.DataFrame, clusters: Sequence[str]) -> pd.DataFrame:
    """Paired differences between variants over the tasks of the main kind, groups of tasks as clusters.

    Compared are the full model with every variant, and the shuffled regions with each other: with two regions the row
    promoter_shuffled - rna_shuffled is what RNA sites alone achieve minus what promoter sites alone achieve.

    Parameters
    ----------
    table : pd.DataFrame
        variant, stratified, seed, task, task_kind, spearman; tasks in the same order in every variant.
    clusters : sequence of str, shape (n_tasks,)
        Group of each task, in the order of the table.

    Returns
    -------
    pd.DataFrame
        As `RandomisationResult.comparison`. A task's difference is of its means over seeds.
    """
    tasks = pd.unique(table["task"])
    accuracy = {
        (str(variant), bool(stratified)): rows.groupby("task")["spearman"].mean().reindex(tasks).to_numpy()
        for (variant, stratified), rows in table.groupby(["variant", "stratified"], sort=False)
    }
    kinds = table.drop_duplicates("task")["task_kind"].to_numpy()
    is_main = kinds == main_kind(kinds)
    group = np.asarray(clusters, dtype=object)[is_main]
    rows = []
    for first, second, stratified in _pairs(list(accuracy)):
        difference = (accuracy[first] - accuracy[second])[is_main]
        found = paired_cluster_test(difference, group)
        rows.append(
            {
                "first": first[0],
                "second": second[0],
                "stratified": stratified,
                "mean_difference": found.mean,
                "low": found.low,
                "high": found.high,
                "p_value": found.p_value,
                "p_value_paired_t": _paired_t(difference),
                "n_tasks": found.n,
                "n_groups": found.n_groups,
            }
        )
    return pd.DataFrame(rows)


def _pairs(keys: Sequence[tuple[str, bool]]) -> list[tuple[tuple[str, bool], tuple[str, bool], bool]]:
    full = (FULL, False)
    pairs = [(full, key, key[1]) for key in keys if key != full]
    for stratified in (False, True):
        alone = [key for key in keys if key[1] == stratified and key[0] not in NOT_ALONE]
        pairs += [(first, second, stratified) for first, second in combinations(alone, 2)]
    return pairs


def _paired_t(difference: np.ndarray) -> float:
    defined = difference[np.isfinite(difference)]
    if len(defined) < 2 or np.ptp(defined) < 1e-12:
        return np.nan
    return float(ttest_1samp(defined, 0.0).pvalue)
