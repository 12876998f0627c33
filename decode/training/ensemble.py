"""Fit an ensemble of networks: early stopping, checkpoints that resume to the same result, members as tasks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from decode.core.executor import get_executor
from decode.core.frames import TableSource
from decode.core.resume import at_work
from decode.core.seeds import member_seeds
from decode.core.watched import watched
from decode.dataset import Dataset, SplitBy, prepare_dataset
from decode.expression.task_kinds import TaskKind
from decode.models.bundle import ModelBundle, make_bundle
from decode.models.config import NetworkConfig, network_config
from decode.training.config import TrainingConfig
from decode.training.data import TrainingData, dataset_for, training_data
from decode.training.member import MemberFit, assemble_network, fit_member

if TYPE_CHECKING:
    from decode.features.matrix import RegulatoryFeatures

OnEpoch = Callable[[int, int, float], None]


def fit_members(
    data: TrainingData,
    network: NetworkConfig,
    training: TrainingConfig,
    *,
    epochs: Sequence[int] | None = None,
    checkpoint_folder: str | Path | None = None,
    executor: Any = "serial",
    on_member: Callable[[MemberFit], None] | None = None,
    on_epoch: OnEpoch | None = None,
) -> list[MemberFit]:
    """Fit all members of an ensemble, each as one task of the executor.

    With `epochs` each runs so many (see `fit_network`). A checkpoint folder must be on a disk that every worker of a
    cluster sees. `on_epoch` is called where members are fitted in this process, see `train`.
    """
    runner = get_executor(executor)
    n_epochs: Sequence[int | None] = epochs or [None] * training.members
    seeds = member_seeds(training.seed, training.members)
    plans = list(zip(range(training.members), seeds, n_epochs, strict=True))
    fits = []
    with at_work(checkpoint_folder) as folder:
        fit = partial(
            _fit_one, data=data, network=network, training=training, checkpoint_folder=folder,
            on_epoch=on_epoch if runner.is_local else None,
        )  # fmt: skip
        for fitted in watched(runner.map(fit, plans), "members of the ensemble", len(plans)):
            fits.append(fitted)
            if on_member is not None:
                on_member(fitted)
    return fits


def _fit_one(plan: tuple[int, int, int | None], *, on_epoch: OnEpoch | None, **options: Any) -> MemberFit:
    number, seed, epochs = plan
    tell = None if on_epoch is None else partial(on_epoch, number)
    return fit_member(seed, epochs=epochs, on_epoch=tell, **options)


def train_dataset(
    dataset: Dataset,
    network: NetworkConfig,
    training: TrainingConfig,
    *,
    weights: Mapping[str, float] | None = None,
    epochs: Sequence[int] | None = None,
    checkpoint_folder: str | Path | None = None,
    executor: Any = "serial",
    on_member: Callable[[MemberFit], None] | None = None,
    on_epoch: OnEpoch | None = None,
) -> ModelBundle:
    """Fit an ensemble on a prepared dataset; `train` is the verb for users.

    With `weights` (of the kinds) and `epochs` (a member) nothing is chosen on validation genes but what `keep` says.
    """
    dataset = dataset_for(dataset, network)
    data = training_data(dataset, network, weights)
    training = training.resolved(network.architecture, len(data.train))
    fits = fit_members(
        data, network, training, epochs=epochs, checkpoint_folder=checkpoint_folder, executor=executor,
        on_member=on_member, on_epoch=on_epoch,
    )  # fmt: skip
    best = int(np.argmin([fit.validation_loss for fit in fits]))
    kept = [best] if training.keep == "best" else list(range(len(fits)))
    counts = dataset.counts | ({"kind_weights": data.kind_weights} if data.kind_weights else {})
    return make_bundle(
        replace(dataset, counts=counts),
        [assemble_network(fits[i], data, network) for i in kept],
        network=network,
        training=training.to_json(),
        seeds=[fits[i].seed for i in kept],
        validation_loss=[fit.validation_loss for fit in fits],
        history=pd.concat([fit.history.assign(member=i) for i, fit in enumerate(fits)], ignore_index=True),
    )


def train(
    features: RegulatoryFeatures,
    targets: TableSource,
    *,
    network: NetworkConfig | Literal["default", "paper"] = "default",
    training: TrainingConfig | None = None,
    test_chromosome: str | Collection[str] = "chr1",
    biosamples: Collection[str] | None = None,
    groups: Mapping[str, str] | None = None,
    split_by: SplitBy = "gene",
    task_kinds: TaskKind | Mapping[str, TaskKind] | None = None,
    checkpoint_folder: str | Path | None = None,
    executor: Any = "serial",
    on_member: Callable[[MemberFit], None] | None = None,
    on_epoch: OnEpoch | None = None,
) -> ModelBundle:
    """Train an ensemble that predicts log2 fold-changes from binding sites.

    One chromosome is held out and never looked at; the other genes are split 90/10 at random into training and
    validation. Validation genes decide when to stop.

    Parameters
    ----------
    features : RegulatoryFeatures
    targets : DataFrame, str or Path
        gene_id (or transcript_id; a column, the first column of the file, or the index of a pandas frame) and one
        column a task, log2 units; NaN where not measured. See `decode.tissue_targets`.
    network : NetworkConfig or {"default", "paper"}
    training : TrainingConfig, optional
        Members, epochs, seed. Default: 5 members averaged, seed 0.
    test_chromosome : str or collection of str
    biosamples : collection of str, optional
        Use only tracks of these cell lines (and tracks without one).
    groups : mapping of gene_id to str, optional
        Paralogue families to keep on one side of the split.
    split_by : {"gene", "transcript"}
        "transcript" parts transcripts of one gene between training and validation, as published. It leaks; see
        `decode.make_split`.
    task_kinds : {"fold_change", "level", "other"} or mapping of task to kind, optional
        What the tasks are, as in `decode.prepare_dataset`; the model keeps it, and figures and metrics follow it.
    checkpoint_folder : path, optional
        Keeps the state after each epoch; the same call resumes from it after a kill.
    executor : str, distributed.Client or Executor
        Where members are fitted.
    on_member : callable, optional
        Called after each member.
    on_epoch : callable, optional
        Called after each epoch with the member's number (from 0), the epoch (from 0) and the validation loss; from
        several threads where members are fitted on threads, never where they are fitted on a cluster.

    Returns
    -------
    ModelBundle

    Raises
    ------
    TypeError
        If features or targets are something else, as when they are exchanged.
    ValueError
        If ids do not match, a part of the split is too small, or no regulator is bound often enough.

    References
    ----------
    Tasaki et al. 2020, Nature Machine Intelligence 2:376, Methods.
    """
    training = training or TrainingConfig()
    network = network if isinstance(network, NetworkConfig) else network_config(network)
    dataset = prepare_dataset(
        features, targets, test_chromosome=test_chromosome, seed=training.seed, biosamples=biosamples, groups=groups,
        split_by=split_by, task_kinds=task_kinds,
    )  # fmt: skip
    return train_dataset(
        dataset, network, training, checkpoint_folder=checkpoint_folder, executor=executor, on_member=on_member,
        on_epoch=on_epoch,
    )  # fmt: skip
