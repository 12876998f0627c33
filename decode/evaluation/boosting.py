"""Boosted regression trees beside the network, and a stack of both with ridge regression."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import NamedTuple

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor

from decode.dataset import TRAIN, VALIDATION, Dataset
from decode.evaluation.baselines import length_design, log_totals
from decode.expression.task_kinds import tasks_by_kind
from decode.statistics.metrics import spearman_per_task
from decode.statistics.ranks import normal_scores

BOOSTING, STACK = "boosting", "stack"  # names of the rows
ROUNDS, LEAVES, RATE = 300, 15, 0.05
STEPS = 10  # weights of the stack are multiples of a tenth


def boosting_predictions(dataset: Dataset, *, rounds: int = ROUNDS, seed: int = 0) -> np.ndarray:
    """Boosted trees on log totals, length and gene structure: one model a task, on normal scores, mapped back.

    Parameters
    ----------
    dataset : Dataset
    rounds : int
        Trees of a model, each of up to 15 leaves.
    seed : int

    Returns
    -------
    np.ndarray, shape (n_rows, n_tasks), log2 units
        A task with fewer than two training values, or a constant one, is predicted by its mean (NaN without any).

    References
    ----------
    Ke et al. 2017, NeurIPS 30 (histogram-based gradient boosting).
    """
    train = dataset.rows(TRAIN)
    design = np.concatenate(
        [log_totals(dataset), length_design(dataset)[:, :1], dataset.features.structure], axis=1
    ).astype(np.float32)
    predicted = np.full((len(design), len(dataset.tasks)), np.nan)
    for task in range(len(dataset.tasks)):
        values = dataset.targets[train, task].astype(np.float64)
        is_measured = np.isfinite(values)
        values = values[is_measured]
        if len(np.unique(values)) < 2:
            predicted[:, task] = values.mean() if len(values) else np.nan
            continue
        scores = normal_scores(values[:, None])[:, 0]
        model = HistGradientBoostingRegressor(
            max_iter=rounds, max_leaf_nodes=LEAVES, learning_rate=RATE, early_stopping=False, random_state=seed
        ).fit(design[train[is_measured]], scores)
        order = np.argsort(values)
        predicted[:, task] = np.interp(model.predict(design), scores[order], values[order])
    return predicted


def partners(network: np.ndarray, fitted: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What a stack is made of: the network, the best ridge regression and, where they are fitted, the trees.

    Parameters
    ----------
    network : np.ndarray, shape (n_rows, n_tasks)
    fitted : mapping of name to array
        Baselines (`decode.evaluation.baselines.baseline_predictions`), with or without boosting.
    """
    ridge = next(name for name in ("ridge_structure", "ridge_ranks") if name in fitted)
    trees = {BOOSTING: fitted[BOOSTING]} if BOOSTING in fitted else {}
    return {"model": network, ridge: fitted[ridge], **trees}


class Stack(NamedTuple):
    """A weighted mean of several predictions.

    Attributes
    ----------
    predicted : np.ndarray, shape (n_rows, n_tasks), log2 units
    weights : dict of task kind to dict of name to float
        What each prediction counts; they add up to 1.
    """

    predicted: np.ndarray
    weights: dict[str, dict[str, float]]


def stacked(dataset: Dataset, predictions: Mapping[str, np.ndarray]) -> Stack:
    """Weighted mean of predictions; the weights of each kind of tasks are chosen on validation genes.

    Parameters
    ----------
    dataset : Dataset
    predictions : mapping of name to array, shape (n_rows, n_tasks)

    Returns
    -------
    Stack
        Weights are multiples of a tenth that add up to 1; the best mean Spearman over the kind's tasks decides.
    """
    rows = dataset.rows(VALIDATION)
    actual = dataset.targets[rows].astype(np.float64)
    values = np.stack([np.asarray(found, dtype=np.float64) for found in predictions.values()])
    grid = [w for w in product(range(STEPS + 1), repeat=len(values)) if sum(w) == STEPS]
    out, chosen = np.empty(values.shape[1:]), {}
    for kind, is_kind in tasks_by_kind(dataset.task_kinds):
        own, best, best_score = values[:, :, is_kind], grid[-1], -np.inf
        for weights in grid:
            mixed = np.tensordot(np.array(weights) / STEPS, own[:, rows], 1)
            spearman = spearman_per_task(actual[:, is_kind], mixed)
            score = spearman[np.isfinite(spearman)].mean() if np.isfinite(spearman).any() else -np.inf
            if score > best_score:
                best, best_score = weights, score
        out[:, is_kind] = np.tensordot(np.array(best) / STEPS, own, 1)
        chosen[str(kind)] = {name: weight / STEPS for name, weight in zip(predictions, best, strict=True)}
    return Stack(out, chosen)
