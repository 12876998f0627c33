"""Transfer: a model of tissues becomes a model of persons, or of any other table; every person is one output."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from decode.core.checks import check_choice
from decode.core.choices import TransferMode
from decode.core.executor import get_executor
from decode.core.resume import at_work, content_hash
from decode.core.seeds import member_seeds
from decode.dataset import TRAIN, VALIDATION, Dataset, prepare_dataset
from decode.expression.task_kinds import TaskKind
from decode.models.architectures import HEAD, build_network, hidden_view, task_head
from decode.models.bundle import ModelBundle, make_bundle, model_hash
from decode.models.config import NetworkConfig
from decode.models.matching import select_for_model
from decode.models.member_arrays import named_variables
from decode.training.config import ResolvedTraining, TrainingConfig
from decode.training.data import TrainingData, training_data
from decode.training.ensemble import OnEpoch, train_dataset
from decode.training.member import MemberFit, assemble_network, data_signature, fit_network

if TYPE_CHECKING:
    import keras

    from decode.features.matrix import RegulatoryFeatures

logger = logging.getLogger(__name__)

MODES: tuple[TransferMode, ...] = ("head", "fine_tune", "scratch")
DEFAULT_MODE: TransferMode = "fine_tune"
FINE_TUNE_RATE = 0.3  # of the learning rate, once a new head has been fitted: as good as 0.1 in half the epochs
PREDICT_GENES = 1024

Weights = dict[str, np.ndarray]  # of a network, by "layer/variable"


class Plan(NamedTuple):
    """One member to fit: plain data, so that it can travel to another process."""

    number: int
    seed: int
    source: Weights


def transfer(
    source: ModelBundle,
    features: RegulatoryFeatures,
    targets: pd.DataFrame,
    *,
    mode: TransferMode = DEFAULT_MODE,
    training: TrainingConfig | None = None,
    task_kinds: TaskKind | dict[str, TaskKind] | None = None,
    checkpoint_folder: str | Path | None = None,
    executor: Any = "serial",
    on_member: Callable[[MemberFit], None] | None = None,
    on_epoch: OnEpoch | None = None,
) -> ModelBundle:
    """Train a model of persons that starts from a model of tissues.

    The new model has the network, tracks and split of its source, so no gene that the source was judged on is learned
    from, and one output for every column of the targets. Each member starts from one member of the source.

    Parameters
    ----------
    source : ModelBundle
        Trained on many tissues, for instance.
    features : RegulatoryFeatures
        With all tracks of the source.
    targets : pd.DataFrame
        gene_id and one column a person, log2 units; see `decode.person_targets`.
    mode : {"fine_tune", "head", "scratch"}
        "head": everything but the last layer stays as it is. "fine_tune": a new head first, then all dense layers at
        0.3 of the learning rate; convolutions, scaling and batch statistics stay as they are (with the paper network
        this is the published way). "scratch": nothing is taken over but network, tracks and split, for comparison.
    training : TrainingConfig, optional
        At most as many members as the source has. Default: as many, other options at their defaults.
    task_kinds : {"fold_change", "level", "other"} or mapping of task to kind, optional
        As in `decode.prepare_dataset`.
    checkpoint_folder, executor, on_member, on_epoch
        As in `decode.train`.

    Returns
    -------
    ModelBundle
        `training["transfer"]` says mode, hash and tasks of the source.

    Raises
    ------
    ValueError
        If the features lack tracks of the source, the targets share too few genes with it, or more members are asked
        for than the source has.

    References
    ----------
    Tasaki et al. 2020, Nature Machine Intelligence 2:376, Methods: convolutions of the tissue model frozen, dense
    layers tuned, one output a person. The head first, then the rest: Kumar et al. 2022, ICLR, arXiv:2202.10054.
    """
    check_choice("transfer mode", mode, MODES)
    training = training or TrainingConfig(members=len(source.members))
    if training.members > len(source.members):
        raise ValueError(
            f"{training.members} members are asked for and the source has {len(source.members)}, of which each is the "
            "start of one; ask for fewer, or give a source with more"
        )
    dataset = transfer_dataset(source, features, targets, task_kinds=task_kinds)
    options: dict[str, Any] = {
        "checkpoint_folder": checkpoint_folder, "executor": executor, "on_member": on_member, "on_epoch": on_epoch,
    }  # fmt: skip
    made = (
        train_dataset(dataset, source.network, training, **options)
        if mode == "scratch"
        else _transfer_dataset(source, dataset, mode, training, **options)
    )
    origin = {"mode": mode, "source_sha256": model_hash(source), "source_tasks": len(source.tasks)}
    return replace(made, training=made.training | {"transfer": origin})


def transfer_dataset(
    source: ModelBundle,
    features: RegulatoryFeatures,
    targets: pd.DataFrame,
    *,
    task_kinds: TaskKind | dict[str, TaskKind] | None = None,
) -> Dataset:
    """Features and targets with the tracks and the split of a model; genes that it does not know are left out.

    Raises
    ------
    ValueError
        If the features lack tracks of the model, or no training or validation gene has targets.
    """
    dataset = prepare_dataset(
        select_for_model(source, features), targets, split=source.split_map, track_ids=source.track_ids,
        task_kinds=task_kinds,
    )  # fmt: skip
    for part in (TRAIN, VALIDATION):
        if not len(dataset.rows(part)):
            raise ValueError(
                f"the targets have no value for any {part} gene of the source model; give targets of the genes that it "
                "was trained on"
            )
    return dataset


def _transfer_dataset(
    source: ModelBundle,
    dataset: Dataset,
    mode: TransferMode,
    training: TrainingConfig,
    *,
    checkpoint_folder: str | Path | None,
    executor: Any,
    on_member: Callable[[MemberFit], None] | None,
    on_epoch: OnEpoch | None,
) -> ModelBundle:
    """Fit each member as one task of the executor, and collect them."""
    network = source.network
    data = training_data(dataset, network, source.counts.get("kind_weights", {}))
    # fine tuning starts near where it ends, so the default is a small constant rate whatever the network
    training = replace(training, schedule=training.schedule or "constant").resolved(
        network.architecture, len(data.train)
    )
    runner = get_executor(executor)
    seeds = member_seeds(training.seed, training.members)
    plans = [Plan(number, seed, _weights(source.members[number].bins)) for number, seed in enumerate(seeds)]
    fits: list[MemberFit] = []
    with at_work(checkpoint_folder) as folder:
        fit = partial(
            _fit_one, data=data, network=network, training=training, mode=mode, folder=folder,
            on_epoch=on_epoch if runner.is_local else None,
        )  # fmt: skip
        for fitted in runner.map(fit, plans):
            fits.append(fitted)
            if on_member is not None:
                on_member(fitted)
    best = int(np.argmin([fitted.validation_loss for fitted in fits]))
    kept = [best] if training.keep == "best" else list(range(len(fits)))
    counts = dataset.counts | ({"kind_weights": data.kind_weights} if data.kind_weights else {})
    return make_bundle(
        replace(dataset, counts=counts),
        [assemble_network(fits[number], data, network) for number in kept],
        network=network,
        training=training.to_json(),
        seeds=[fits[number].seed for number in kept],
        validation_loss=[fitted.validation_loss for fitted in fits],
        history=pd.concat([fitted.history.assign(member=i) for i, fitted in enumerate(fits)], ignore_index=True),
    )


def _fit_one(
    plan: Plan,
    *,
    data: TrainingData,
    network: NetworkConfig,
    training: ResolvedTraining,
    mode: TransferMode,
    folder: Path | None,
    on_epoch: OnEpoch | None,
) -> MemberFit:
    """Fit a head on the hidden units of one member of the source; then, if wanted, all dense layers."""
    tell = None if on_epoch is None else partial(on_epoch, plan.number)
    views = build_network(network, data.scales, data.task_scale, seed=plan.seed)
    body = {name: value for name, value in plan.source.items() if name.split("/")[0] not in HEAD}
    _assign(views.bins, body)
    signature = f"{data_signature(data, network, training)} {content_hash([*body, *body.values()])} {plan.seed}"
    fitted = _fit_head(views.pooled, plan.seed, data, network, training, folder, f"{signature} head", tell)
    if mode == "head":
        return fitted
    for layer in views.pooled.layers:
        layer.trainable = layer.name.startswith("dense") or layer.name in HEAD
    tuned = fit_network(
        views.pooled,
        list(data.inputs.values()),
        data,
        training.slower(FINE_TUNE_RATE),
        seed=plan.seed,
        huber_delta=network.huber_delta,
        checkpoint=_checkpoint(folder, "fine_tune", plan.seed),
        signature=f"{signature} fine_tune",
        on_epoch=tell,
    )
    better = tuned if tuned.validation_loss < fitted.validation_loss else fitted
    n_before = len(fitted.history)
    later = tuned.history.assign(epoch=tuned.history["epoch"] + n_before)
    return better._replace(
        history=pd.concat([fitted.history, later], ignore_index=True),
        best_epoch=better.best_epoch + (n_before if better is tuned else 0),
    )


def _fit_head(
    pooled: keras.Model,
    seed: int,
    data: TrainingData,
    network: NetworkConfig,
    training: ResolvedTraining,
    folder: Path | None,
    signature: str,
    on_epoch: Callable[[int, float], None] | None,
) -> MemberFit:
    """Fit the head alone: the frozen body is run once, then only its hidden units are needed."""
    hidden = _hidden_units(pooled, list(data.inputs.values()))
    head = task_head(network, data.task_scale, n_units=hidden.shape[1], seed=seed)
    fitted = fit_network(
        head,
        [hidden],
        data,
        training,
        seed=seed,
        huber_delta=network.huber_delta,
        checkpoint=_checkpoint(folder, "head", seed),
        signature=signature,
        on_epoch=on_epoch,
    )
    head.set_weights(fitted.weights)
    _assign(pooled, _weights(head))
    return fitted._replace(weights=pooled.get_weights())


def _checkpoint(folder: Path | None, step: str, seed: int) -> Path | None:
    return None if folder is None else folder / f"{step}_seed_{seed}.npz"


def _hidden_units(pooled: keras.Model, inputs: list[np.ndarray]) -> np.ndarray:
    """Last hidden layer of every gene, shape (n_genes, n_units), float32."""
    body = hidden_view(pooled)
    starts = range(0, len(inputs[0]), PREDICT_GENES)
    parts = [body([values[start : start + PREDICT_GENES] for values in inputs], training=False) for start in starts]
    return np.concatenate([np.asarray(part) for part in parts])


def _weights(model: keras.Model) -> Weights:
    return {name: np.asarray(variable) for name, variable in named_variables(model).items()}


def _assign(model: keras.Model, weights: Weights) -> None:
    """Give the variables of these names their values."""
    variables = named_variables(model)
    for name, value in weights.items():
        variables[name].assign(value)
