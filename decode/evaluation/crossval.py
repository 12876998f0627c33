"""Chromosome-fold cross-validation: every gene is predicted by an ensemble that never saw its chromosome."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from decode.core.checks import check_columns, check_count, listed
from decode.core.files import versions
from decode.core.resume import FinishedRuns, content_hash, finish_runs
from decode.core.shown import shown
from decode.dataset import EXCLUDED, TEST, TRAIN, VALIDATION, Dataset, prepare_dataset
from decode.dataset.split import MIN_GENES
from decode.evaluation.baselines import baseline_predictions
from decode.evaluation.calibration import (
    LEVELS,
    Calibration,
    IntervalFactors,
    calibrate,
    interval_factors,
    member_spread,
)
from decode.evaluation.evaluate import mean_or_nan, summarise
from decode.evaluation.predict import predict_members, prediction_table
from decode.evaluation.refit import dataset_hash
from decode.expression.task_kinds import TaskKind
from decode.models.config import NetworkConfig, network_config
from decode.statistics.metrics import rmse_per_task, spearman_per_task
from decode.training.config import TrainingConfig
from decode.training.ensemble import train_dataset

if TYPE_CHECKING:
    from decode.features.matrix import RegulatoryFeatures

logger = logging.getLogger(__name__)

LABELS = ("fold", "task", "task_kind", "n_genes")  # columns of the accuracy by fold
MODEL, MEMBER = "model", "member_mean"  # columns of the accuracy tables besides the baselines
Folds = int | Literal["chr"]


class Fold(NamedTuple):
    """One part of the genes that is predicted by an ensemble trained on the others."""

    name: str
    chromosomes: tuple[str, ...]


@shown()
@dataclass(frozen=True, eq=False)
class CrossValidation:
    """Out-of-fold predictions and how good they are.

    Attributes
    ----------
    predictions, spread, actual : pd.DataFrame
        gene_id (transcript_id at transcript level) and one column a task, log2 units: mean and SD over members, and
        the measured values. The spread is NaN where a fold has one member.
    genes : pd.DataFrame
        The same rows: id, gene_id, chrom, fold.
    folds : pd.DataFrame
        One row a fold: fold, chromosomes, n_test, n_train, n_validation, n_excluded, n_tracks, n_dropped_regulators,
        the headline figures, n_epochs (of all members) and wall_s.
    per_fold : pd.DataFrame
        fold, task, task_kind, n_genes, Spearman of model and baselines over the genes of the fold, the mean of single
        members (member_mean) and the rmse of the model.
    per_task : pd.DataFrame
        task, task_kind, n_genes, then the means over folds of the columns of `per_fold`, and model_sd over folds.
    calibration : Calibration or None
        Spread against error over all out-of-fold genes; None where an ensemble has one member.
    metrics : dict
        Headline figures of model, single members and baselines with their SD over folds, n_genes, n_folds, kept_out,
        calibration, architecture, seed, versions; undefined numbers are NaN here and null in metrics.json.
    """

    predictions: pd.DataFrame
    spread: pd.DataFrame
    actual: pd.DataFrame
    genes: pd.DataFrame
    folds: pd.DataFrame
    per_fold: pd.DataFrame
    per_task: pd.DataFrame
    calibration: Calibration | None
    metrics: dict[str, Any]


def chromosome_folds(genes: pd.DataFrame, n_folds: Folds = 5) -> list[Fold]:
    """Pack whole chromosomes into folds of like gene number.

    The chromosome with the most genes goes first, each into the fold that holds the fewest genes so far; equal numbers
    are ordered by name, so the same genes always give the same folds.

    Parameters
    ----------
    genes : pd.DataFrame
        Columns gene_id and chrom, one row a gene or transcript; a gene counts once.
    n_folds : int or "chr"
        "chr": every chromosome is a fold of its own (chromosomes with fewer than three genes join the smallest fold).

    Returns
    -------
    list of Fold

    Raises
    ------
    ValueError
        If there are fewer than two folds or fewer chromosomes than folds.

    Examples
    --------
    >>> genes = pd.DataFrame({"gene_id": range(9), "chrom": ["chr1"] * 4 + ["chr2"] * 3 + ["chr3"] * 2})
    >>> [fold.chromosomes for fold in chromosome_folds(genes, 2)]
    [('chr1',), ('chr2', 'chr3')]
    """
    check_columns("genes", genes, ["gene_id", "chrom"])
    n_genes = genes.astype({"chrom": str}).groupby("chrom")["gene_id"].nunique()
    ordered = sorted(n_genes.index, key=lambda chrom: (-n_genes[chrom], chrom))
    if n_folds == "chr":
        wanted = sum(n_genes[chrom] >= MIN_GENES[TEST] for chrom in ordered)
    else:
        check_count("folds", n_folds)
        wanted = n_folds
    if wanted < 2 or wanted > len(ordered):
        raise ValueError(
            f"folds is {n_folds!r} and the genes lie on {len(ordered)} chromosomes ({listed(ordered)}); choose from 2 "
            "to the number of chromosomes"
        )
    packed: list[list[str]] = [[] for _ in range(wanted)]
    size = [0] * wanted
    for chrom in ordered:
        smallest = size.index(min(size))
        packed[smallest].append(chrom)
        size[smallest] += int(n_genes[chrom])
    names = (f"fold_{chromosomes[0] if n_folds == 'chr' else i}" for i, chromosomes in enumerate(packed, start=1))
    return [Fold(name, tuple(chromosomes)) for name, chromosomes in zip(names, packed, strict=True)]


def cross_validate(
    features: RegulatoryFeatures,
    targets: pd.DataFrame,
    *,
    network: NetworkConfig | Literal["default", "paper"] = "default",
    training: TrainingConfig | None = None,
    n_folds: Folds = 5,
    keep_test: str | Collection[str] | None = None,
    biosamples: Collection[str] | None = None,
    groups: Mapping[str, str] | None = None,
    folder: str | Path | None = None,
    executor: Any = "serial",
    on_run: Callable[[str, bool], None] | None = None,
) -> CrossValidation:
    """Predict every gene by an ensemble that never saw its chromosome, and judge the predictions.

    Chromosomes are packed into folds of like gene number; each fold is held out once. The other genes are split 90/10
    into training and validation genes, as `decode.train` does. Scales, the choice of regulators and the baselines are
    fitted anew for every fold.

    Parameters
    ----------
    features : RegulatoryFeatures
    targets : pd.DataFrame
        gene_id and one column a task, log2 units; NaN where not measured.
    network : NetworkConfig or {"default", "paper"}
    training : TrainingConfig, optional
        Default: five members averaged, seed 0.
    n_folds : int or "chr"
        See `chromosome_folds`.
    keep_test : str or collection of str, optional
        Chromosomes that play no part at all, so that choices made on the cross-validation never touch them.
    biosamples : collection of str, optional
        Use only tracks of these cell lines (and tracks without one).
    groups : mapping of gene_id to str, optional
        Paralogue families: while a fold is held out, families with a member in it neither train nor validate.
    folder : path, optional
        Keeps each finished fold; the same call reuses them after a kill.
    executor : str, distributed.Client or Executor
        Where folds are done; a fold is one task.
    on_run : callable, optional
        Called after each fold with its name and whether it was finished before.

    Returns
    -------
    CrossValidation

    Raises
    ------
    ValueError
        If ids do not match, the folds are impossible, a part of a fold is too small, or `folder` holds folds of other
        data or options.

    Notes
    -----
    Accuracy is a Spearman correlation over the genes of a fold, averaged over folds: predictions of different ensembles
    are not pooled into one correlation. The SD over folds covers both genes and training runs; folds share training
    genes, so it is not a standard error.
    """
    network = network if isinstance(network, NetworkConfig) else network_config(network)
    training = training or TrainingConfig()
    dataset = _whole_dataset(features, targets, keep_test, biosamples)
    folds = chromosome_folds(dataset.features.genes, n_folds)
    fold_of = {chrom: fold.name for fold in folds for chrom in fold.chromosomes}
    dataset = replace(dataset, split=np.array([fold_of[chrom] for chrom in dataset.split]))
    records = finish_runs(
        {fold.name: fold.chromosomes for fold in folds},
        partial(_run_fold, dataset=dataset, network=network, training=training, groups=groups),
        FinishedRuns(folder),
        f"{dataset_hash(dataset)} {network.to_json()} {training.to_json()} {_groups_hash(groups)}",
        executor=executor,
        on_run=on_run,
    )
    return _collect(dataset, folds, records, network=network, training=training, kept_out=_chromosomes(keep_test))


def _chromosomes(keep_test: str | Collection[str] | None) -> list[str]:
    return [keep_test] if isinstance(keep_test, str) else sorted(keep_test or [])


def _groups_hash(groups: Mapping[str, str] | None) -> str:
    return content_hash(f"{gene} {group}" for gene, group in sorted(groups.items())) if groups else "no groups"


def _whole_dataset(
    features: RegulatoryFeatures,
    targets: pd.DataFrame,
    keep_test: str | Collection[str] | None,
    biosamples: Collection[str] | None,
) -> Dataset:
    """Every gene that takes part, all tracks; the chromosome stands in place of the split."""
    chrom = features.genes["chrom"].astype(str).to_numpy()
    kept_out = _chromosomes(keep_test)
    absent = [name for name in kept_out if name not in set(chrom)]
    if absent:
        raise ValueError(
            f"kept test chromosome {listed(absent)} holds no gene; chromosomes with genes are "
            f"{listed(sorted(set(chrom)), 10)}"
        )
    takes_part = ~np.isin(chrom, kept_out)
    if kept_out:
        logger.info("%s: %d genes play no part", listed(kept_out), int((~takes_part).sum()))
        features = features.take(np.flatnonzero(takes_part))
    return prepare_dataset(
        features,
        targets,
        biosamples=biosamples,
        split=dict(zip(features.ids.astype(str).tolist(), chrom[takes_part].tolist(), strict=True)),
        track_ids=features.track_ids,
    )


def _run_fold(
    chromosomes: Sequence[str],
    *,
    dataset: Dataset,
    network: NetworkConfig,
    training: TrainingConfig,
    groups: Mapping[str, str] | None,
) -> dict[str, Any]:
    """Train without these chromosomes and predict their genes."""
    start = time.perf_counter()
    table = prediction_table(dataset.features, dataset.targets, dataset.tasks)
    fold = prepare_dataset(
        dataset.features, table, test_chromosome=chromosomes, seed=training.seed, groups=groups,
        task_kinds=dict(zip(dataset.tasks, dataset.task_kinds, strict=True)),
    )  # fmt: skip
    bundle = train_dataset(fold, network, training)
    values = {}
    for part in (VALIDATION, TEST):
        genes = fold.features.take(fold.rows(part))
        values[part] = predict_members(bundle, genes).astype(np.float64)
    factors = interval_factors(
        fold.targets[fold.rows(VALIDATION)], values[VALIDATION].mean(axis=0), member_spread(values[VALIDATION])
    )
    rows, members = fold.rows(TEST), values[TEST]
    actual, predicted = fold.targets[rows].astype(np.float64), members.mean(axis=0)
    spearman = {MODEL: spearman_per_task(actual, predicted)}
    spearman |= {name: spearman_per_task(actual, guess[rows]) for name, guess in baseline_predictions(fold).items()}
    spearman[MEMBER] = np.mean([spearman_per_task(actual, member) for member in members], axis=0)
    counts = {part: int((fold.split == part).sum()) for part in (TEST, TRAIN, VALIDATION, EXCLUDED)}
    return {
        "ids": [str(i) for i in fold.features.ids[rows]],
        "predicted": predicted.tolist(),
        "spread": member_spread(members).tolist(),
        "factors": [factors.spread.tolist(), factors.plain.tolist()],
        "spearman": {name: accuracy.tolist() for name, accuracy in spearman.items()},
        "rmse": rmse_per_task(actual, predicted).tolist(),
        "n_genes": np.isfinite(actual).sum(axis=0).tolist(),
        "counts": {f"n_{part}": count for part, count in counts.items()}
        | {"n_tracks": fold.counts["tracks"], "n_dropped_regulators": len(fold.counts["dropped_regulators"])},
        "n_epochs": len(bundle.history),
        "wall_s": time.perf_counter() - start,
    }


def _collect(
    dataset: Dataset,
    folds: Sequence[Fold],
    records: Mapping[str, dict[str, Any]],
    *,
    network: NetworkConfig,
    training: TrainingConfig,
    kept_out: list[str],
) -> CrossValidation:
    features, tasks, kinds = dataset.features, dataset.tasks, dataset.task_kinds
    row_of = {str(name): row for row, name in enumerate(features.ids)}
    predicted, spread = (np.full(dataset.targets.shape, np.nan) for _ in range(2))
    for record in records.values():
        rows = [row_of[name] for name in record["ids"]]
        predicted[rows] = np.array(record["predicted"], dtype=np.float64)
        spread[rows] = np.array(record["spread"], dtype=np.float64)
    per_fold = pd.concat([_accuracy(name, record, tasks, kinds) for name, record in records.items()], ignore_index=True)
    fold_rows = []
    for fold in folds:
        record, found = records[fold.name], per_fold[per_fold["fold"] == fold.name]
        headline = summarise(found[MODEL].to_numpy(), kinds)
        cost = {name: record[name] for name in ("n_epochs", "wall_s")}
        fold_rows.append(
            {"fold": fold.name, "chromosomes": ",".join(fold.chromosomes)} | record["counts"] | headline | cost
        )
    calibration = None
    if np.isfinite(spread).any():
        pairs = [np.array(records[fold.name]["factors"], dtype=np.float64) for fold in folds]
        number = {fold.name: position for position, fold in enumerate(folds)}
        calibration = calibrate(
            dataset.targets,
            predicted,
            spread,
            tasks,
            kinds,
            factors=[IntervalFactors(*pair) for pair in pairs],
            fold=[number[name] for name in dataset.split],
            levels=LEVELS,
        )
    genes = features.genes[["gene_id", "chrom"]].reset_index(drop=True)
    if features.id_column not in genes:
        genes.insert(0, features.id_column, features.ids.astype(str))
    return CrossValidation(
        predictions=prediction_table(features, predicted, tasks),
        spread=prediction_table(features, spread, tasks),
        actual=prediction_table(features, dataset.targets.astype(np.float64), tasks),
        genes=genes.assign(fold=dataset.split),
        folds=pd.DataFrame(fold_rows),
        per_fold=per_fold,
        per_task=_per_task(per_fold),
        calibration=calibration,
        metrics={
            "n_genes": len(features.ids),
            "n_folds": len(folds),
            "kept_out": kept_out,
            **_headlines(per_fold),
            "calibration": calibration.metrics if calibration is not None else None,
            "architecture": network.architecture,
            "members": training.members,
            "keep": training.keep,
            "seed": training.seed,
            "versions": versions(),
        },
    )


def _accuracy(name: str, record: Mapping[str, Any], tasks: Sequence[str], kinds: Sequence[TaskKind]) -> pd.DataFrame:
    columns = {key: np.array(values, dtype=np.float64) for key, values in record["spearman"].items()}
    table = pd.DataFrame(
        {"fold": name, "task": list(tasks), "task_kind": list(kinds), "n_genes": record["n_genes"], **columns}
    )
    return table.assign(rmse=np.array(record["rmse"], dtype=np.float64))


def _per_task(per_fold: pd.DataFrame) -> pd.DataFrame:
    by_task = per_fold.groupby(["task", "task_kind"], sort=False)
    table = by_task[[column for column in per_fold if column not in LABELS]].mean()
    table.insert(0, "n_genes", by_task["n_genes"].sum())
    table.insert(2, f"{MODEL}_sd", by_task[MODEL].std())
    return table.reset_index()


def _headlines(per_fold: pd.DataFrame) -> dict[str, Any]:
    """Mean and SD over folds of the headline figures: of the model, of single members, of each baseline."""
    found: dict[str, dict[str, float]] = {}
    for column in per_fold.columns.drop([*LABELS, "rmse"]):
        by_fold = pd.DataFrame(
            [summarise(rows[column].to_numpy(), rows["task_kind"]) for _, rows in per_fold.groupby("fold", sort=False)]
        )
        found[column] = {}
        for name in by_fold:
            values = by_fold[name].to_numpy(dtype=np.float64)
            defined = values[np.isfinite(values)]
            spread = float(defined.std(ddof=1)) if len(defined) > 1 else float("nan")
            found[column] |= {str(name): mean_or_nan(values), f"{name}_sd_over_folds": spread}
    model, member = found.pop(MODEL), found.pop(MEMBER)
    return {"model": model, "single_member": member, "baselines": found}
