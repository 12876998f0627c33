"""The null of regulator scores: the same model fitted anew, many times, where no site matters.

Before each refit the sites are exchanged between genes of like length and site count, within each part of the split
(`decode.features.exchange`); then the refit is explained as the model is, on the same genes against the same reference.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from decode.attribution.job import make_job
from decode.attribution.references import N_MATCHED
from decode.core.checks import check_count
from decode.core.choices import Part, ReferenceName
from decode.core.files import versions
from decode.core.resume import FinishedRuns, finish_runs
from decode.evaluation.refit import dataset_hash
from decode.features.exchange import exchange_sites, kept_share, strata_by_region
from decode.models.matching import select_for_model
from decode.ranking.null_file import Scores, null_dataset
from decode.ranking.refit_scores import NetworkScorer, Scorer, checked_dataset, parts_of
from decode.statistics.significance import ENOUGH_REFITS, LEAST_REFITS

if TYPE_CHECKING:
    from decode.features.matrix import RegulatoryFeatures
    from decode.models.bundle import ModelBundle

logger = logging.getLogger(__name__)


def refit_seeds(seed: int, n_refits: int) -> list[int]:
    """Independent seeds of the refits; the first do not change when more are asked for.

    Examples
    --------
    >>> refit_seeds(0, 3)[:2] == refit_seeds(0, 2)
    True
    """
    return [int(np.random.SeedSequence([seed, index, 2]).generate_state(1)[0] % 2**31) for index in range(n_refits)]


def shuffled_scores(
    score: Scorer,
    features: RegulatoryFeatures,
    parts: NDArray[np.str_],
    *,
    refits: int,
    seed: int = 0,
    folder: str | Path | None = None,
    signature: str = "",
    executor: Any = "serial",
    on_run: Callable[[str, bool], None] | None = None,
) -> tuple[Scores, list[float]]:
    """Score features whose sites were exchanged between genes, again and again.

    Parameters
    ----------
    score : callable
        Features and a seed in, `Scores` out: fits whatever model is under test.
    features : RegulatoryFeatures
    parts : array of str, shape (n_genes,)
        Sites stay within a part.
    refits : int
        At least 3; below 20 a warning.
    seed : int
        Of exchanges and refits.
    folder : path, optional
        Keeps each finished refit; the same call reuses them after a kill, also with more refits.
    signature : str
        What all refits share: data and options.
    executor : str, distributed.Client or Executor
        Where refits are done; one is one task.
    on_run : callable, optional
        Called after each refit with its name and whether it was finished before.

    Returns
    -------
    scores : Scores
        With the refits as first axis.
    kept : list of float
        Share of the covered bases that each exchange kept.

    Raises
    ------
    ValueError
        If there are fewer than 3 refits, or `folder` holds those of other data or options.
    """
    check_count("refits", refits)
    if refits < LEAST_REFITS:
        raise ValueError(f"refits is {refits}; at least {LEAST_REFITS} are needed and {ENOUGH_REFITS} are wanted")
    if refits < ENOUGH_REFITS:
        logger.warning("%d refits; z and p-values are coarse below %d", refits, ENOUGH_REFITS)
    records = finish_runs(
        {f"refit_{number:04d}": one for number, one in enumerate(refit_seeds(seed, refits))},
        partial(_one_refit, score=score, features=features, strata=strata_by_region(features, parts)),
        FinishedRuns(folder),
        signature,
        executor=executor,
        on_run=on_run,
    )
    found = list(records.values())
    stacked = {name: np.array([one[name] for one in found]) for name in Scores._fields if name in found[0]}
    return Scores(**stacked), [float(one["kept_share"]) for one in found]


def _one_refit(
    seed: int, *, score: Scorer, features: RegulatoryFeatures, strata: Mapping[str, NDArray[np.int64]]
) -> dict[str, Any]:
    exchanged = exchange_sites(features, strata, seed=seed)
    found = {name: values for name, values in score(exchanged, seed)._asdict().items() if values is not None}
    for name, values in found.items():
        if not np.isfinite(values).all():
            raise ValueError(f"the refit with seed {seed} has an undefined {name}; lower the learning rate")
    return {**found, "kept_share": kept_share(features, exchanged)}


def fit_null(
    bundle: ModelBundle,
    features: RegulatoryFeatures,
    targets: pd.DataFrame,
    *,
    refits: int = ENOUGH_REFITS,
    reference: ReferenceName = "own_length",
    part: Part = "test",
    n_matched: int = N_MATCHED,
    seed: int = 0,
    folder: str | Path | None = None,
    executor: Any = "serial",
    on_run: Callable[[str, bool], None] | None = None,
) -> xr.Dataset:
    """Learn how large the scores of regulators are where no site matters, by refitting the model on exchanged sites.

    Every refit has the model's network, training options, number of members and split; its members' seeds derive from
    one of its own, as the model's do from its seed. What the model chose on its validation genes, the weights of the
    kinds and each member's number of epochs, stays as it is: without signal a refit would stop at once, and its
    scores would be small for want of training, not of signal. Sites are exchanged between genes of like length and
    site count within each part of the split, so that length and the mere number of sites still say what they do.

    Parameters
    ----------
    bundle : ModelBundle
    features : RegulatoryFeatures
        Those that the model was trained on.
    targets : pd.DataFrame
        Those that the model was trained on.
    refits : int, default 20
        At least 3; below 20 a warning.
    reference, part, n_matched
        As the attributions to be tested were made, see `decode.attribution.attribute.attribute`.
    seed : int, default 0
    folder : path, optional
        Keeps each finished refit; the same call goes on after a kill, also with more refits.
    executor : str, distributed.Client or Executor
        Where refits are done; a refit is one task.
    on_run : callable, optional
        Called after each refit with its name and whether it was finished before.

    Returns
    -------
    xr.Dataset
        As `decode.ranking.null_file.read_null` describes it.

    Raises
    ------
    ValueError
        If features or targets are not those of the model, there are fewer than 3 refits, or `folder` holds refits of
        other data or options.

    Notes
    -----
    At transcript level transcripts exchange sites one by one, also those of one gene, so that scores of the null vary
    somewhat less than they should.
    """
    check_count("seed", seed, zero=True)
    selected = select_for_model(bundle, features)
    dataset = checked_dataset(bundle, features, targets)
    if selected.level == "transcript":
        logger.warning("transcripts of one gene exchange sites one by one; p-values are somewhat too small")
    options: dict[str, Any] = {"reference": reference, "part": part, "n_matched": n_matched}
    job = make_job(bundle, selected, engine="exact", genes=None, **options)  # raises what every refit would
    attributes: dict[str, Any] = {
        **options,
        "n_matched": n_matched if reference == "matched_genes" else 0,
        "model_sha256": job.model_sha256,
        "features_sha256": job.features_sha256,
        "explained_sha256": job.explained_sha256,
        "data_sha256": dataset_hash(dataset),
        "n_genes": len(job.rows),
        "level": selected.level,
        "architecture": bundle.network.architecture,
        "n_members": len(bundle.members),
    }
    scorer = NetworkScorer.of_model(bundle, dataset, **options)
    attributes |= {"kind_weights": json.dumps(scorer.weights), "epochs": json.dumps(scorer.epochs)}
    scores, kept = shuffled_scores(
        scorer, selected, parts_of(bundle, selected), refits=refits,
        seed=seed, folder=folder, signature=json.dumps(attributes), executor=executor, on_run=on_run,
    )  # fmt: skip
    attributes |= {
        "seed": seed,
        "seeds": json.dumps(refit_seeds(seed, refits)),
        "kept_share": float(np.mean(kept)),
        "versions": json.dumps(versions()),
    }
    return null_dataset(scores, job.regulators.table, bundle.tasks, bundle.task_kinds, attributes)
