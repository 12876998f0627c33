"""Decoys: a false copy of every regulator trains beside it, and says how many of those that stand out are false.

The copy has the regulator's tracks, with its sites exchanged between genes of like length and site count by a
permutation of its own. It knows nothing about its genes, so what it scores beyond its like is chance.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from decode.attribution.job import make_job
from decode.attribution.references import N_MATCHED
from decode.core.checks import check_count, listed
from decode.core.choices import Part, ReferenceName
from decode.expression.task_kinds import main_tasks
from decode.features.exchange import exchange_by_regulator
from decode.features.merge import merge_features
from decode.features.region import count_bound_genes
from decode.features.regulators import regulators_of
from decode.models.matching import select_for_model
from decode.ranking.refit_scores import NetworkScorer, checked_dataset, parts_of, score_regulators

if TYPE_CHECKING:
    from decode.features.matrix import RegulatoryFeatures
    from decode.models.bundle import ModelBundle

logger = logging.getLogger(__name__)

MARK = "decoy:"
OVERALL = "overall"
COLUMNS = ("task", "kind", "regulator", "n_tracks", "n_bound_genes", "score", "decoy_score", "w", "q_value")


def with_decoys(features: RegulatoryFeatures, parts: ArrayLike, *, seed: int) -> RegulatoryFeatures:
    """Add a decoy of every regulator: its tracks under the name "decoy:NAME", its sites at other genes.

    Parameters
    ----------
    features : RegulatoryFeatures
    parts : array of str, shape (n_genes,)
        Part of the split of every gene; sites stay within a part.
    seed : int

    Returns
    -------
    RegulatoryFeatures
        In each region the tracks, then their decoys in the same order.

    Raises
    ------
    ValueError
        If a regulator's name begins with the mark of decoys already.

    Notes
    -----
    All tracks of a regulator, in all regions, move by one permutation, and that of each regulator is drawn by itself:
    a decoy is bound to as many genes of each length and site count as its regulator, but no longer beside the
    regulators that the true one is found with.
    """
    check_count("seed", seed, zero=True)
    marked = [str(name) for name in features.tracks["regulator"] if str(name).startswith(MARK)]
    if marked:
        raise ValueError(f"regulators {listed(marked)} bear the mark of decoys, {MARK!r}; rename them")
    moved = exchange_by_regulator(features, parts, regulators_of(features).code, seed=seed)
    tracks = moved.tracks.assign(
        regulator=MARK + moved.tracks["regulator"].astype(str), n_bound_genes=count_bound_genes(moved.regions)
    )
    return merge_features([features, replace(moved, tracks=tracks, sources=[], checks={})])


def paired_decoys(regulators: pd.DataFrame) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of the regulators and of their decoys, pair by pair.

    Parameters
    ----------
    regulators : pd.DataFrame
        kind and regulator, decoys among them.

    Raises
    ------
    ValueError
        If a regulator or a decoy stands alone.
    """
    names = (regulators["kind"].astype(str) + ":" + regulators["regulator"].astype(str)).tolist()
    place = {name: row for row, name in enumerate(names)}
    is_decoy = regulators["regulator"].astype(str).str.startswith(MARK).to_numpy()
    real = np.flatnonzero(~is_decoy)
    wanted = [f"{kind}:{MARK}{name}" for kind, name in regulators.iloc[real][["kind", "regulator"]].to_numpy()]
    alone = sorted(set(wanted) ^ {names[row] for row in np.flatnonzero(is_decoy)})
    if alone:
        raise ValueError(f"{len(alone)} regulators and decoys have no partner: {listed(alone)}; use with_decoys")
    return real, np.array([place[name] for name in wanted], dtype=np.int64)


def decoy_q_values(score: ArrayLike, decoy_score: ArrayLike) -> NDArray[np.float64]:
    """The smallest false discovery rate at which each regulator is still selected (target-decoy, knockoff+ form).

    Parameters
    ----------
    score, decoy_score : array, shape (n_regulators,) or (n_regulators, n_tasks)
        Of regulators and their decoys; only the size counts. Each task is a family of its own.

    Returns
    -------
    float64 array of the same shape
        1 for a regulator that scores no more than its decoy.

    Raises
    ------
    ValueError
        If shapes differ or a score is undefined.

    Notes
    -----
    W = |score| - |decoy score|. Selecting W >= t, the false discovery rate is estimated as
    (1 + #{W <= -t}) / #{W >= t}; q is its minimum over thresholds t <= W, at most 1. Selecting q <= 0.05 needs 20
    regulators that beat their decoys at least.

    References
    ----------
    Barber and Candes 2015, Ann Statist 43:2055, equation 1.9 (knockoff+). Elias and Gygi 2007, Nat Methods 4:207.

    Examples
    --------
    >>> decoy_q_values([5.0, 4.0, 3.0, 1.0], [0.0, 0.0, 0.0, 2.0]).round(3).tolist()
    [0.333, 0.333, 0.333, 1.0]
    """
    own, other = np.asarray(score, dtype=np.float64), np.asarray(decoy_score, dtype=np.float64)
    if own.shape != other.shape or own.ndim not in (1, 2):
        raise ValueError(f"score has shape {own.shape} and decoy_score {other.shape}; one of each a regulator (x task)")
    if not (np.isfinite(own).all() and np.isfinite(other).all()):
        raise ValueError("a score is undefined; compute the scores anew")
    w = np.abs(own) - np.abs(other)
    found = np.ones(w.shape)
    for column in np.ndindex(w.shape[1:]):
        found[(slice(None), *column)] = _q_values(w[(slice(None), *column)])
    return found


def _q_values(w: NDArray[np.float64]) -> NDArray[np.float64]:
    ordered = np.sort(w)
    q_value = np.ones(len(w))
    positive = np.flatnonzero(w > 0)
    thresholds = np.unique(w[positive])
    n_selected = len(w) - np.searchsorted(ordered, thresholds, side="left")
    n_false = np.searchsorted(ordered, -thresholds, side="right")
    estimate = np.minimum.accumulate(np.minimum((1 + n_false) / n_selected, 1.0))
    q_value[positive] = estimate[np.searchsorted(thresholds, w[positive])]
    return q_value


def decoy_table(
    regulators: pd.DataFrame, mean: NDArray[np.float64], tasks: list[str], kinds: Sequence[str]
) -> pd.DataFrame:
    """q-values of all regulators of all kinds, overall and in each task.

    Parameters
    ----------
    regulators : pd.DataFrame
        kind, regulator, n_tracks, n_bound_genes; decoys among them.
    mean : float64 array, shape (n_regulators, n_tasks)
        Mean attribution.
    tasks : list of str
    kinds : sequence of str
        Kind of each task.

    Returns
    -------
    pd.DataFrame
        task, kind, regulator, n_tracks, n_bound_genes, score, decoy_score, w, q_value; one row a regulator and task,
        sorted by task (overall first) and w. The score is the mean attribution; overall the mean of its absolute
        value over the fold changes (without any the levels, then the others; none where all is median level).
    """
    real, decoys = paired_decoys(regulators)
    columns = {task: mean[:, number] for number, task in enumerate(tasks)}
    is_main = main_tasks(kinds)
    if is_main.any():
        columns = {OVERALL: np.abs(mean[:, is_main]).mean(axis=1), **columns}
    tables = []
    for task, score in columns.items():
        table = regulators.iloc[real][["kind", "regulator", "n_tracks", "n_bound_genes"]].reset_index(drop=True)
        table = table.assign(task=task, score=score[real], decoy_score=score[decoys])
        table["w"] = table["score"].abs() - table["decoy_score"].abs()
        table["q_value"] = decoy_q_values(score[real], score[decoys])
        tables.append(table.sort_values("w", ascending=False, kind="stable"))
    return pd.concat(tables, ignore_index=True)[list(COLUMNS)]


def decoy_test(
    bundle: ModelBundle,
    features: RegulatoryFeatures,
    targets: pd.DataFrame,
    *,
    reference: ReferenceName = "own_length",
    part: Part = "test",
    n_matched: int = N_MATCHED,
    seed: int = 0,
    checkpoint_folder: str | Path | None = None,
    executor: Any = "serial",
) -> pd.DataFrame:
    """Which regulators stand out from their decoys? Trains the model once more, with a decoy beside every regulator.

    Parameters
    ----------
    bundle : ModelBundle
        Its network, training options, seed and split are used; its weights are not.
    features : RegulatoryFeatures
        Those that the model was trained on.
    targets : pd.DataFrame
        Those that the model was trained on.
    reference, part, n_matched
        As in `decode.attribution.attribute.attribute`.
    seed : int, default 0
        Of the decoys.
    checkpoint_folder : path, optional
        Keeps the state after each epoch; the same call resumes from it after a kill.
    executor : str, distributed.Client or Executor
        Where members are fitted.

    Returns
    -------
    pd.DataFrame
        As `decoy_table` describes it.

    Raises
    ------
    ValueError
        If features or targets are not those of the model, or a name bears the mark of decoys.

    Notes
    -----
    The false discovery rate holds where a regulator without effect is as likely to beat its decoy as to lose to it.
    That is so where regulators bind independently of each other, given a gene's length and site count. A regulator
    without effect that is bound beside one that acts shares its score, and its decoy does not.
    """
    selected = select_for_model(bundle, features)
    dataset = checked_dataset(bundle, features, targets)
    options: dict[str, Any] = {"reference": reference, "part": part, "n_matched": n_matched}
    make_job(bundle, selected, engine="exact", genes=None, **options)  # raises what training would be in vain for
    both = with_decoys(selected, parts_of(bundle, selected), seed=seed)
    scorer = NetworkScorer.of_model(bundle, dataset, as_fitted=False, **options)
    job = scorer.job(both, scorer.training.seed, checkpoint_folder=checkpoint_folder, executor=executor)
    return decoy_table(job.regulators.table, score_regulators(job).mean, list(bundle.tasks), bundle.task_kinds)
