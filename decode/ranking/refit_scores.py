"""Fit an ensemble by the recipe of a model and score its regulators: the step that null and decoys repeat."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decode.attribution.job import Job, make_job, split_parts
from decode.attribution.references import N_MATCHED
from decode.attribution.regulator_sums import SumTaker, add_up, means
from decode.attribution.result import make_layout
from decode.core.checks import listed
from decode.core.choices import Part, ReferenceName
from decode.core.threads import one_blas_thread
from decode.dataset import Dataset, prepare_dataset
from decode.evaluation.evaluate import dataset_of_model
from decode.expression.task_kinds import TaskKind
from decode.models.config import NetworkConfig
from decode.ranking.null_file import Scores
from decode.ranking.table import OUTSIDE
from decode.training.config import TrainingConfig
from decode.training.ensemble import train_dataset

if TYPE_CHECKING:
    from decode.features.matrix import RegulatoryFeatures
    from decode.models.bundle import ModelBundle


Scorer = Callable[["RegulatoryFeatures", int], Scores]


def score_regulators(job: Job) -> Scores:
    """Explain genes block by block by the exact engine and keep what regulators sum to, no single gene.

    Parameters
    ----------
    job : Job

    Returns
    -------
    Scores
        Regulators in the order of `job.regulators`; the same numbers as in a file of attributions.
    """
    layout = make_layout(len(job.rows), len(job.features.tracks), len(job.bundle.tasks))
    engines, sums = job.engines(), []
    with one_blas_thread():
        for block in job.blocks(range(-(-len(job.rows) // layout.block_genes)), layout):
            taker = SumTaker(job.regulators.code, block.n_own, block.usage_gene)
            for engine in engines:
                parts = engine.attribute(block.inputs, block.references)
                length, _, tracks = split_parts(parts, block.has_structure)
                taker.add(length, tracks)
            sums.append(taker.result())
    found = means(add_up(sums), len(job.rows), job.n_usage_genes)
    return Scores(found["member_mean"].mean(axis=0), found["regulator_mean_abs"], found.get("regulator_usage"))


@dataclass(frozen=True, eq=False)
class NetworkScorer:
    """Fit an ensemble on features and score their regulators: plain data, so that it can travel to another process.

    Parameters
    ----------
    network : NetworkConfig
    training : TrainingConfig
        Its seed is replaced.
    targets : pd.DataFrame
    task_kinds : mapping of task to kind
    split : mapping of row id to part
        Used as it is.
    reference : str
    part : str
        Genes to explain.
    n_matched : int
    weights : mapping of "region|kind" to float, optional
        Weights of the kinds; default: chosen anew on validation genes.
    epochs : tuple of int, optional
        Epochs of each member; default: until the validation loss no longer falls.
    """

    network: NetworkConfig
    training: TrainingConfig
    targets: pd.DataFrame
    task_kinds: Mapping[str, TaskKind]
    split: Mapping[str, str]
    reference: ReferenceName = "own_length"
    part: Part = "test"
    n_matched: int = N_MATCHED
    weights: Mapping[str, float] | None = None
    epochs: tuple[int, ...] | None = None

    @classmethod
    def of_model(
        cls, bundle: ModelBundle, dataset: Dataset, *, as_fitted: bool = True, **options: Any
    ) -> NetworkScorer:
        """The recipe of a model: its network, training options, targets and split.

        With `as_fitted` also what it chose on its validation genes, the weights of the kinds and the epochs of each
        member: a fit to data without signal that chose anew would stop at once and find next to nothing.
        """
        options_of_fit = dict(bundle.training)
        mode = options_of_fit.pop("transfer", {}).get("mode", "scratch")
        if mode != "scratch":
            raise ValueError(
                f"the model was transferred ({mode}) from one of other targets, whose weights refits would need; ask "
                "this of a model that was trained by itself (decode train, or --transfer scratch)"
            )
        targets = pd.DataFrame(dataset.targets, columns=dataset.tasks)
        targets.insert(0, dataset.features.id_column, dataset.features.ids)
        kinds = dict(zip(dataset.tasks, dataset.task_kinds, strict=True))
        if as_fitted:
            options |= {"weights": bundle.counts.get("kind_weights", {}), "epochs": fitted_epochs(bundle)}
        return cls(
            bundle.network, TrainingConfig.from_json(options_of_fit), targets, kinds, bundle.split_map, **options
        )

    def __call__(self, features: RegulatoryFeatures, seed: int) -> Scores:
        """Fit from this seed and score."""
        return score_regulators(self.job(features, seed))

    def job(self, features: RegulatoryFeatures, seed: int, **options: Any) -> Job:
        """Fit from this seed; what is to be explained then. Options go to `train_dataset`."""
        dataset = prepare_dataset(
            features, self.targets, split=self.split, track_ids=features.track_ids, task_kinds=self.task_kinds
        )
        bundle = train_dataset(
            dataset,
            self.network,
            replace(self.training, seed=seed),
            weights=self.weights,
            epochs=self.epochs,
            **options,
        )
        return make_job(
            bundle, features, engine="exact", reference=self.reference, genes=None, part=self.part,
            n_matched=self.n_matched,
        )  # fmt: skip


def fitted_epochs(bundle: ModelBundle) -> tuple[int, ...] | None:
    """Epochs after which each member had its weights; None where the history is not known."""
    if not len(bundle.history):
        return None
    best = bundle.history.groupby("member")["validation_loss"].idxmin()
    return tuple(int(bundle.history.loc[row, "epoch"]) + 1 for row in best)


def checked_dataset(bundle: ModelBundle, features: RegulatoryFeatures, targets: pd.DataFrame) -> Dataset:
    """The dataset that a model was trained on.

    Raises
    ------
    ValueError
        If features or targets do not fit the model, or lack genes of it.
    """
    dataset = dataset_of_model(bundle, features, targets)
    lacking = sorted(set(bundle.split["id"].astype(str)).difference(dataset.features.ids.tolist()))
    if lacking:
        raise ValueError(
            f"features and targets lack {len(lacking)} of the {len(bundle.split)} genes of the model: "
            f"{listed(lacking)}; give the files that it was trained on"
        )
    return dataset


def parts_of(bundle: ModelBundle, features: RegulatoryFeatures) -> NDArray[np.str_]:
    """Part of the model's split of every gene; "outside" where it knows none."""
    split = bundle.split_map
    return np.array([split.get(str(name), OUTSIDE) for name in features.ids], dtype=str)
