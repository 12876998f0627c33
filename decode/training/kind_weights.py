"""How much each kind of evidence may say, chosen on validation genes, so that weak evidence cannot hurt."""

from __future__ import annotations

import logging
from typing import NamedTuple

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from decode.dataset import TRAIN, VALIDATION, Dataset
from decode.expression.task_kinds import TaskKind, tasks_by_kind
from decode.statistics.metrics import spearman_per_task
from decode.statistics.ranks import normal_scores

logger = logging.getLogger(__name__)

WEIGHTS = (0.3, 0.0)  # tried beside 1
PENALTIES = (1e3, 3e3, 1e4)  # of the ridge regression that judges, for standardised columns
LEAST_GAIN = 0.002  # a smaller gain on validation genes is noise: the kind keeps its weight
# What a track costs a network beside the ridge regression, which forgives weak tracks: 694 miRNA tracks at weight 0.3
# gained ridge 0.003 and cost single members of the default network 0.01 on validation genes of the real corpus.
COST_PER_TRACK = 1e-5


class _Problem(NamedTuple):
    """Ridge regression from Gram matrices, so that a new weight costs one small system."""

    gram: np.ndarray  # (n_columns, n_columns)
    moment: np.ndarray  # (n_columns, n_tasks)
    validation: np.ndarray  # (n_validation, n_columns)
    actual: np.ndarray  # (n_validation, n_tasks)
    task_kinds: list[TaskKind]


def kind_weights(dataset: Dataset) -> dict[str, float]:
    """Weight of each kind of regulator in each region: 1, or less where validation genes are predicted better so.

    A set of many weak tracks (predicted miRNA sites, for instance) costs a network accuracy even though it could learn
    to leave them alone. For each kind in turn, from the one with the most tracks on, a ridge regression of the normal
    scores of the targets on standardised log totals is judged on validation genes with the kind's columns at full
    weight, at 0.3 and left out; the best counts when it is better by 0.002. A network suffers more from weak tracks
    than a ridge regression, so a kind that stays is charged 1e-5 a track. Where there is one kind only there is nothing
    to choose.

    Parameters
    ----------
    dataset : Dataset

    Returns
    -------
    dict of "region|kind" to float
        1, 0.3 or 0. Test genes play no part.
    """
    tracks = dataset.features.tracks
    group = (tracks["region"].astype(str) + "|" + tracks["kind"].astype(str)).to_numpy()
    names, sizes = np.unique(group, return_counts=True)
    weights = {str(name): 1.0 for name in names}
    if len(names) < 2:
        return weights
    problem = _problem(dataset)
    best = _judge(problem, group, weights)
    if not np.isfinite(best):
        return weights
    for number in np.argsort(-sizes, kind="stable"):
        name, saved = names[number], COST_PER_TRACK * sizes[number]
        tried = {weight: _judge(problem, group, weights | {str(name): weight}) for weight in WEIGHTS}
        tried[0.0] += saved
        weight = max(tried, key=lambda key: tried[key])
        if tried[weight] > best + LEAST_GAIN:
            logger.info(
                "%s gets weight %g: %.4f instead of %.4f on validation genes", name, weight, tried[weight], best
            )
            weights[str(name)], best = weight, tried[weight] - (0.0 if weight else saved)
    return weights


def _problem(dataset: Dataset) -> _Problem:
    train, validation = dataset.rows(TRAIN), dataset.rows(VALIDATION)
    logs = np.log1p(dataset.features.totals().astype(np.float64))
    mean, sd = logs[train].mean(axis=0), logs[train].std(axis=0)
    scaled = (logs - mean) / np.where(sd > 1e-6, sd, np.inf)
    length = np.log(np.maximum(dataset.features.genes["length_bp"].to_numpy(dtype=np.float64), 1.0))
    length = (length - length[train].mean()) / max(float(length[train].std()), 1e-6)
    structure = dataset.features.structure.astype(np.float64)
    spread = structure[train].std(axis=0)
    structure = (structure - structure[train].mean(axis=0)) / np.where(spread > 1e-6, spread, np.inf)
    design = np.concatenate([scaled, length[:, None], structure], axis=1)
    scores = np.nan_to_num(normal_scores(dataset.targets[train]))  # 0, the middle, where not measured
    return _Problem(
        design[train].T @ design[train],
        design[train].T @ scores,
        design[validation],
        dataset.targets[validation].astype(np.float64),
        dataset.task_kinds,
    )


def _judge(problem: _Problem, group: np.ndarray, weights: dict[str, float]) -> float:
    """Best of the penalties: Spearman on validation genes, each kind of tasks counting the same."""
    column_weight = np.ones(len(problem.gram))  # 1 for length and structure
    column_weight[: len(group)] = [weights[name] for name in group]
    gram = problem.gram * column_weight[:, None] * column_weight[None]
    best = -np.inf
    for penalty in PENALTIES:
        system = gram + penalty * np.eye(len(gram))
        solved = cho_solve(cho_factor(system, overwrite_a=True), column_weight[:, None] * problem.moment)
        predicted = problem.validation @ (column_weight[:, None] * solved)
        spearman = spearman_per_task(problem.actual, predicted)
        parts = [spearman[is_kind] for _, is_kind in tasks_by_kind(problem.task_kinds)]
        means = [part[np.isfinite(part)].mean() for part in parts if np.isfinite(part).any()]
        if means:
            best = max(best, float(np.mean(means)))
    return best
