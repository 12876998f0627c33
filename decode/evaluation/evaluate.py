"""Judge an ensemble on genes that it never saw, beside the baselines."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from decode.core.checks import check_choice, listed
from decode.core.choices import Part
from decode.core.files import versions
from decode.core.frames import TableSource
from decode.core.shown import shown
from decode.dataset import EXCLUDED, TEST, TRAIN, VALIDATION, Dataset, prepare_dataset
from decode.evaluation.baselines import BASELINES, STRUCTURE_BASELINES, baseline_predictions
from decode.evaluation.boosting import BOOSTING, STACK, boosting_predictions, partners, stacked
from decode.evaluation.predict import predict, predict_members, prediction_table
from decode.expression.targets import id_column, targets_frame
from decode.expression.task_kinds import HEADLINES, tasks_by_kind
from decode.features.content import check_features
from decode.models.bundle import ModelBundle
from decode.models.matching import select_for_model
from decode.statistics.metrics import cross_spearman, pearson_per_task, rmse_per_task, spearman_per_task

if TYPE_CHECKING:
    from decode.features.matrix import RegulatoryFeatures

logger = logging.getLogger(__name__)

# Columns of the per-task table that further models cannot be named after.
_COLUMNS = {
    "task",
    "task_kind",
    "n_genes",
    "model",
    *BASELINES,
    *STRUCTURE_BASELINES,
    BOOSTING,
    STACK,
    "pearson",
    "rmse",
    "member_mean",
    "member_sd",
}


def _line(evaluation: Evaluation) -> str:
    metrics = evaluation.metrics
    return f"Evaluation({metrics['n_genes']:,} {metrics['split']} genes, {len(evaluation.per_task)} tasks)"


def _scores(evaluation: Evaluation) -> pd.DataFrame:
    """Headline figures of the model, of other models and of the baselines."""
    metrics = evaluation.metrics
    rows = {"model": metrics["model"], **metrics["others"], **metrics["baselines"]}
    numbers = {
        name: {key: row[key] for key in metrics["model"] if np.isscalar(row.get(key))} for name, row in rows.items()
    }
    return pd.DataFrame(numbers).T


@shown(_line, _scores)
@dataclass(frozen=True, eq=False)
class Evaluation:
    """How well a model predicts, with everything that the tables and figures show.

    Attributes
    ----------
    metrics : dict
        split, n_genes, model, baselines, others, members, specificity, seeds, versions, with a stack its stack_weights
        by kind of tasks; undefined numbers are NaN here and null in metrics.json.
    per_task : pd.DataFrame
        task, task_kind, n_genes, then Spearman of the model, of each baseline and of each other model, and Pearson,
        RMSE and the spread of single members for the model.
    predictions : pd.DataFrame
        gene_id and tasks of the judged genes.
    actual : pd.DataFrame
        The same genes and columns, measured.
    specificity : pd.DataFrame, shape (n_tasks, n_tasks)
        Spearman of every predicted (row) against every actual (column) task of the main kind: the fold changes, where
        there are any.
    stack : pd.DataFrame or None
        gene_id and tasks of the judged genes as the stack predicts them; None where none was asked for.
    """

    metrics: dict[str, Any]
    per_task: pd.DataFrame
    predictions: pd.DataFrame
    actual: pd.DataFrame
    specificity: pd.DataFrame
    stack: pd.DataFrame | None = None


def mean_or_nan(values: np.ndarray) -> float:
    """Mean of the defined values; NaN when there is none."""
    defined = values[np.isfinite(values)]
    return float(defined.mean()) if len(defined) else float("nan")


def summarise(spearman: np.ndarray, kinds: Iterable[str]) -> dict[str, float]:
    """The headline figures: mean Spearman over the tasks of every kind that is there.

    Parameters
    ----------
    spearman : np.ndarray, shape (n_tasks,)
    kinds : iterable of str, shape (n_tasks,)

    Returns
    -------
    dict of str to float
        fold_change_mean_spearman, level_mean_spearman, other_mean_spearman, median_level_spearman: those of the kinds
        that are there, the kind that stands for the model first; NaN where no task of a kind is defined.

    Examples
    --------
    >>> summarise(np.array([0.5, 0.25, 0.75]), ["median_level", "level", "level"])
    {'level_mean_spearman': 0.5, 'median_level_spearman': 0.5}
    """
    return {
        f"{HEADLINES[kind]}_spearman": mean_or_nan(spearman[is_kind]) for kind, is_kind in tasks_by_kind(list(kinds))
    }


def dataset_of_model(bundle: ModelBundle, features: RegulatoryFeatures, targets: TableSource) -> Dataset:
    """The dataset that a model was trained on, rebuilt: its tracks and its split."""
    check_features(features)
    targets = targets_frame(targets)
    lacking = [task for task in bundle.tasks if task not in targets.columns]
    if lacking:
        raise ValueError(
            f"targets lack {len(lacking)} of the model's tasks: {listed(lacking)}; give the table it was trained on"
        )
    return prepare_dataset(
        select_for_model(bundle, features),
        targets[[id_column(targets), *bundle.tasks]],
        split=bundle.split_map,
        track_ids=bundle.track_ids,
        task_kinds=dict(zip(bundle.tasks, bundle.task_kinds, strict=True)),
    )


def evaluate(
    bundle: ModelBundle,
    features: RegulatoryFeatures,
    targets: TableSource,
    *,
    part: Part = "test",
    others: Mapping[str, ModelBundle] | None = None,
    boosting: bool = False,
    stack: bool = False,
) -> Evaluation:
    """Judge a model on held-out genes, beside the baselines fitted on its own training genes.

    Parameters
    ----------
    bundle : ModelBundle
    features : RegulatoryFeatures
    targets : pd.DataFrame
        The table that it was trained on.
    part : {"test", "validation", "train", "all"}
        Which genes to judge. "test" is the held-out chromosome.
    others : mapping of name to ModelBundle, optional
        Further models for the same table (the paper network, for instance); they are judged on the same genes.
    boosting : bool
        Two further rows: boosted trees, and a stack of model, ridge and trees (`decode.evaluation.boosting`). Takes
        minutes on thousands of genes and dozens of tasks.
    stack : bool
        A further row: the weighted mean of model and ridge, and of boosted trees where these are asked for too; the
        weights are chosen on validation genes, whose own figures then lie somewhat too high. Seconds.

    Returns
    -------
    Evaluation

    Raises
    ------
    ValueError
        If features or targets do not fit the model, no gene of the part is left, or another model was trained on
        genes that are judged.
    """
    check_choice("part", part, ("test", "validation", "train", "all"))
    taken = sorted(_COLUMNS.intersection(others or {}))
    if taken:
        raise ValueError(
            f"another model is named {listed(taken)}, which the table of results uses; choose another name"
        )
    dataset = dataset_of_model(bundle, features, targets)
    parts = (TRAIN, VALIDATION, TEST, EXCLUDED) if part == "all" else (part,)
    rows = np.flatnonzero(np.isin(dataset.split, parts))
    if not len(rows):
        raise ValueError(f"no gene of the {part} part is in both features and targets")
    actual = dataset.targets[rows].astype(np.float64)
    judged = dataset.features.take(rows)
    members = predict_members(bundle, judged).astype(np.float64)
    predictions = {"model": members.mean(axis=0)}
    fitted = baseline_predictions(dataset)
    if boosting:
        fitted[BOOSTING] = boosting_predictions(dataset)
    weights: dict[str, dict[str, float]] = {}
    if boosting or stack:
        network = predict_members(bundle, dataset.features).mean(axis=0, dtype=np.float64)
        fitted[STACK], weights = stacked(dataset, partners(network, fitted))
    baselines = {name: values[rows] for name, values in fitted.items()}
    further = {}
    for name, other in (others or {}).items():
        check_comparable(name, other, bundle, judged.ids, part)
        table = predict(other, features.select(genes=judged.ids.tolist()))
        further[name] = table[bundle.tasks].to_numpy()
    spearman = {name: spearman_per_task(actual, values) for name, values in (predictions | baselines | further).items()}
    single = np.stack([spearman_per_task(actual, member) for member in members])
    per_task = pd.DataFrame(
        {"task": bundle.tasks, "task_kind": bundle.task_kinds, "n_genes": np.isfinite(actual).sum(axis=0), **spearman}
    )
    per_task["pearson"] = pearson_per_task(actual, predictions["model"])
    per_task["rmse"] = rmse_per_task(actual, predictions["model"])
    per_task["member_mean"] = single.mean(axis=0)
    per_task["member_sd"] = single.std(axis=0, ddof=1) if len(single) > 1 else np.nan
    specificity = _specificity(actual, predictions["model"], bundle)
    metrics = {
        "split": part,
        "n_genes": len(rows),
        "model": summarise(spearman["model"], bundle.task_kinds),
        "baselines": {name: summarise(spearman[name], bundle.task_kinds) for name in baselines},
        "others": {name: summarise(spearman[name], bundle.task_kinds) for name in further},
        "members": [summarise(row, bundle.task_kinds) for row in single],
        "specificity": _own_highest(specificity),
        "task_kinds": dict(zip(bundle.tasks, bundle.task_kinds, strict=True)),
        "architecture": bundle.network.architecture,
        "seeds": bundle.seeds,
        "versions": versions(),
    }
    metrics |= {"stack_weights": weights} if weights else {}
    table, measured = (prediction_table(judged, values, bundle.tasks) for values in (predictions["model"], actual))
    mixed = prediction_table(judged, baselines[STACK], bundle.tasks) if STACK in baselines else None
    return Evaluation(metrics, per_task, table, measured, specificity, mixed)


def check_comparable(name: str, other: ModelBundle, bundle: ModelBundle, ids: Iterable[str], part: Part) -> None:
    """Refuse a model that lacks tasks, or that has seen the genes which it is to be judged on."""
    lacking = [task for task in bundle.tasks if task not in other.tasks]
    if lacking:
        raise ValueError(f"model {name!r} lacks the tasks {listed(lacking)}; compare models of the same targets table")
    split = other.split_map
    seen = [gene for gene in ids if split.get(gene) in (TRAIN, VALIDATION)] if part == TEST else []
    if seen:
        raise ValueError(
            f"model {name!r} was trained on {len(seen)} of the judged genes: {listed(seen)}; train it with the same "
            "test chromosome"
        )


def _specificity(actual: np.ndarray, predicted: np.ndarray, bundle: ModelBundle) -> pd.DataFrame:
    names = [task for task, is_wanted in zip(bundle.tasks, bundle.is_main_task, strict=True) if is_wanted]
    matrix = cross_spearman(actual[:, bundle.is_main_task], predicted[:, bundle.is_main_task])
    return pd.DataFrame(matrix, index=pd.Index(names, name="predicted"), columns=pd.Index(names, name="actual"))


def _own_highest(specificity: pd.DataFrame) -> dict[str, Any]:
    """For how many tasks is the prediction closest to the task's own measured column?"""
    matrix = specificity.to_numpy()
    own = np.diag(matrix)
    with_own = np.isfinite(own)
    filled = np.where(np.isfinite(matrix), matrix, -np.inf)
    highest = with_own & (filled.argmax(axis=1) == np.arange(len(own))) if len(own) else with_own
    rank = np.array([(filled[i] > own[i]).sum() + 1 for i in np.flatnonzero(with_own)], dtype=float)
    return {
        "n_tasks": int(with_own.sum()),
        "n_own_highest": int(highest.sum()),
        "mean_rank_of_own": mean_or_nan(rank),
    }
