"""Fit an ensemble of networks: early stopping, checkpoints that resume to the same result, members as tasks."""

from __future__ import annotations

import hashlib
import logging
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

import numpy as np
import pandas as pd

from decode.core.checks import check_choice, check_count, check_known_keys, check_positive
from decode.core.executor import get_executor
from decode.core.files import make_output_folder
from decode.core.seeds import member_seeds
from decode.dataset import TRAIN, VALIDATION, Dataset, SplitBy, pooled_inputs
from decode.models.architectures import Network, build_network
from decode.models.bundle import ModelBundle, make_bundle
from decode.models.checkpoint import Progress
from decode.models.config import NetworkConfig
from decode.models.evidence import kind_weights
from decode.models.losses import MaskedLoss, masked_loss
from decode.models.scales import RegionScale, TaskScale, fit_region_scales, fit_task_scale

logger = logging.getLogger(__name__)

Keep = Literal["mean", "best"]
Inputs = list[np.ndarray]
Batches = Callable[[np.ndarray], Inputs]
PREDICT_BATCH = 1024


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """How members are fitted. The defaults are Tasaki 2020's.

    Parameters
    ----------
    members : int
        Networks fitted from different seeds.
    keep : {"mean", "best"}
        "mean" averages all members; "best" keeps the one with the least validation loss (the published rule, of 10).
    max_epochs : int
    patience : int
        Stop after so many epochs without a lower validation loss; the best weights are kept.
    batch_size : int
        Genes a step.
    learning_rate : float
        Of Adam.
    seed : int
        Every member's seed derives from it.
    """

    members: int = 5
    keep: Keep = "mean"
    max_epochs: int = 100
    patience: int = 10
    batch_size: int = 128
    learning_rate: float = 1e-3
    seed: int = 0

    def __post_init__(self) -> None:
        check_choice("keep", self.keep, ("mean", "best"))
        for name in ("members", "max_epochs", "patience", "batch_size"):
            check_count(name, getattr(self, name))
        check_positive("learning_rate", self.learning_rate)
        check_count("seed", self.seed, zero=True)

    def to_json(self) -> dict[str, Any]:
        """Plain dictionary, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Rebuild from `to_json`; an unknown key raises ValueError."""
        check_known_keys("training configuration", values, [field.name for field in fields(cls)])
        return cls(**values)


class TrainingData(NamedTuple):
    """What one member needs, as plain arrays, so that it can travel to another process."""

    inputs: dict[str, np.ndarray]  # region -> (gene, row, channel), pooled
    targets: np.ndarray  # (gene, task), log2 units
    train: np.ndarray  # row numbers
    validation: np.ndarray  # row numbers
    scales: dict[str, RegionScale]
    task_scale: TaskScale
    task_weight: np.ndarray  # (task,), in the loss
    kind_weights: dict[str, float]  # "region|kind" -> weight of its tracks


class MemberFit(NamedTuple):
    """One fitted member."""

    seed: int
    weights: list[np.ndarray]
    validation_loss: float
    best_epoch: int
    history: pd.DataFrame  # epoch, train_loss, validation_loss


def training_data(dataset: Dataset, network: NetworkConfig, weights: Mapping[str, float] | None = None) -> TrainingData:
    """Pool the features and fit the scales, once for all members.

    Parameters
    ----------
    dataset : Dataset
    network : NetworkConfig
    weights : mapping of "region|kind" to float, optional
        Weights of the kinds where they were chosen before; default: chosen anew.

    Raises
    ------
    ValueError
        If no task varies over training genes, or the varying tasks have no value in any validation gene.
    """
    task_scale = fit_task_scale(dataset, network)
    varies = task_scale.sd > 0
    if not varies.any():
        raise ValueError(
            f"none of the {len(varies)} tasks varies over the {len(dataset.rows(TRAIN))} training genes; there is "
            "nothing to learn from these targets"
        )
    if not np.isfinite(dataset.targets[dataset.rows(VALIDATION)][:, varies]).any():
        raise ValueError(
            f"the {len(dataset.rows(VALIDATION))} validation genes have no value in any task, so training would not "
            "know when to stop; give targets of more genes or another seed"
        )
    is_weighed = network.weigh_kinds and network.architecture == "default"
    chosen = dict(weights) if weights is not None else kind_weights(dataset) if is_weighed else {}
    return TrainingData(
        pooled_inputs(dataset.features, {region: network.n_first_bins(region) for region in dataset.features.regions}),
        dataset.targets,
        dataset.rows(TRAIN),
        dataset.rows(VALIDATION),
        fit_region_scales(dataset, network, chosen),
        task_scale,
        np.where(dataset.fold_change_tasks, 1.0, network.level_weight).astype(np.float32),
        chosen,
    )


def predict_rows(model: Any, batches: Batches, rows: np.ndarray, batch_size: int = PREDICT_BATCH) -> np.ndarray:
    """Predict some rows with one Keras model, in batches; (len(rows), n_tasks), float32."""
    parts = [
        np.asarray(model(batches(rows[start : start + batch_size]), training=False))
        for start in range(0, len(rows), batch_size)
    ]
    return np.concatenate(parts) if parts else np.empty((0, model.output_shape[-1]), dtype=np.float32)


def make_step(model: Any, loss: MaskedLoss, optimizer: Any) -> Callable[[Inputs, np.ndarray], Any]:
    """One step of gradient descent on a batch, as a TensorFlow graph.

    Not compiled by XLA: on these small dense products its CPU code needs five times the CPU time of TensorFlow's own.
    """
    import tensorflow as tf

    @tf.function(jit_compile=False, reduce_retracing=True)
    def step(inputs: Inputs, targets: Any) -> Any:
        with tf.GradientTape() as tape:
            value = loss(targets, model(inputs, training=True))
        optimizer.apply(tape.gradient(value, model.trainable_variables), model.trainable_variables)
        return value

    return step


def epoch_batches(rows: np.ndarray, batch_size: int, seed: int, epoch: int) -> Iterator[np.ndarray]:
    """Shuffle the rows by (seed, epoch) alone and cut them into equal batches; the odd rest sits this epoch out."""
    order = np.random.default_rng([seed, epoch]).permutation(rows)
    size = min(batch_size, len(order))
    for start in range(0, len(order) - size + 1, size):
        yield order[start : start + size]


def data_signature(data: TrainingData, network: NetworkConfig, training: TrainingConfig) -> str:
    """Text that two runs share exactly when they fit the same thing."""
    digest = hashlib.sha256()
    for region, values in data.inputs.items():
        digest.update(f"{region}{values.shape}".encode())
        digest.update(values.tobytes())
    for array in (data.targets, data.train, data.validation, *data.task_scale):
        digest.update(f"{array.shape}".encode())
        digest.update(array.tobytes())
    # More members, or another way to combine them, do not change a member.
    options = {k: v for k, v in training.to_json().items() if k not in {"members", "keep"}}
    return f"{digest.hexdigest()} {network.to_json()} {options}"


def fit_member(
    seed: int,
    *,
    data: TrainingData,
    network: NetworkConfig,
    training: TrainingConfig,
    epochs: int | None = None,
    checkpoint_folder: Path | None = None,
    on_epoch: Callable[[int, float], None] | None = None,
) -> MemberFit:
    """Fit one member.

    Parameters
    ----------
    seed : int
        Weights, batch order and dropout derive from it.
    data : TrainingData
    network : NetworkConfig
    training : TrainingConfig
    epochs : int, optional
        See `fit_network`.
    checkpoint_folder : Path, optional
        Where the state is kept after each epoch. A run that was killed and is called again with the same arguments goes
        on from there and ends with the same weights.
    on_epoch : callable, optional
        Called with (epoch, validation loss) after each epoch.

    Returns
    -------
    MemberFit

    Raises
    ------
    ValueError
        If the checkpoint is damaged or of another run, or the loss is no longer finite.
    """
    arrays = list(data.inputs.values())
    return fit_network(
        build_network(network, data.scales, data.task_scale, seed=seed).pooled,
        lambda rows: [values[rows] for values in arrays],
        data,
        training,
        seed=seed,
        huber_delta=network.huber_delta,
        epochs=epochs,
        checkpoint=checkpoint_folder / f"member_seed_{seed}.npz" if checkpoint_folder is not None else None,
        signature=f"{data_signature(data, network, training)} {seed}",
        on_epoch=on_epoch,
    )


def fit_network(
    model: Any,
    batches: Batches,
    data: TrainingData,
    training: TrainingConfig,
    *,
    seed: int,
    huber_delta: float | None,
    epochs: int | None = None,
    checkpoint: Path | None = None,
    signature: str = "",
    on_epoch: Callable[[int, float], None] | None = None,
) -> MemberFit:
    """Fit any Keras model on the targets and split of `data`, with early stopping on the validation loss.

    Parameters
    ----------
    model : keras.Model
        Gives log2 units, (gene, task). Its weights are changed.
    batches : callable
        Row numbers in, the model's inputs out.
    data : TrainingData
        Targets, split and task scales; its inputs are not used.
    training : TrainingConfig
    seed : int
        Of the batch order.
    huber_delta : float or None
        As in `MaskedLoss`.
    epochs : int, optional
        Exactly so many epochs, keeping the weights of the last; the validation genes then decide nothing.
    checkpoint : Path, optional
        File that keeps the state after each epoch.
    signature : str
        What the checkpoint belongs to.
    on_epoch : callable, optional
        Called with (epoch, validation loss) after each epoch.

    Returns
    -------
    MemberFit

    Raises
    ------
    ValueError
        If the checkpoint is damaged or of another run, or the loss is no longer finite.
    """
    import keras

    optimizer = keras.optimizers.Adam(training.learning_rate)
    optimizer.build(model.trainable_variables)
    step = make_step(model, MaskedLoss(data.task_scale.sd, huber_delta, data.task_weight), optimizer)
    progress = Progress(model, optimizer, checkpoint, signature)
    progress.restore()
    start = len(progress.history)
    for epoch in range(start, training.max_epochs if epochs is None else epochs):
        if epochs is None and epoch - progress.best_epoch > training.patience and progress.history:
            break
        losses = [
            step(batches(rows), data.targets[rows])
            for rows in epoch_batches(data.train, training.batch_size, seed, epoch)
        ]
        train_loss = float(np.mean([float(value) for value in losses]))
        if not np.isfinite(train_loss):
            raise ValueError(
                f"the loss of the member with seed {seed} is {train_loss} in epoch {epoch + 1}; lower the learning rate"
            )
        predicted = predict_rows(model, batches, data.validation)
        validation_loss = masked_loss(
            data.targets[data.validation], predicted, data.task_scale.sd, huber_delta, data.task_weight
        )
        progress.record(epoch, train_loss, validation_loss)
        if on_epoch is not None:
            on_epoch(epoch, validation_loss)
    history = pd.DataFrame(progress.history, columns=["epoch", "train_loss", "validation_loss"])
    if epochs is not None:
        return MemberFit(seed, model.get_weights(), progress.history[-1][2], epochs - 1, history)
    logger.info(
        "member with seed %d: best validation loss %.4f in epoch %d of %d",
        seed, progress.best_loss, progress.best_epoch + 1, len(history),
    )  # fmt: skip
    return MemberFit(seed, progress.best_weights, progress.best_loss, progress.best_epoch, history)


def fit_members(
    data: TrainingData,
    network: NetworkConfig,
    training: TrainingConfig,
    *,
    epochs: Sequence[int] | None = None,
    checkpoint_folder: str | Path | None = None,
    executor: Any = "serial",
    on_member: Callable[[MemberFit], None] | None = None,
) -> list[MemberFit]:
    """Fit all members of an ensemble, each as one task of the executor.

    With `epochs` each runs so many (see `fit_network`). A checkpoint folder must be on a disk that every worker of a
    cluster sees.
    """
    runner = get_executor(executor)
    # a worker of a cluster may run in another working folder
    folder = make_output_folder(checkpoint_folder).resolve() if checkpoint_folder is not None else None
    fit = partial(_fit_one, data=data, network=network, training=training, checkpoint_folder=folder)
    n_epochs: Sequence[int | None] = epochs or [None] * training.members
    plans = list(zip(member_seeds(training.seed, training.members), n_epochs, strict=True))
    fits = []
    try:
        for fitted in runner.map(fit, plans):
            fits.append(fitted)
            if on_member is not None:
                on_member(fitted)
    except BaseException:
        if folder is not None and not any(folder.iterdir()):  # nothing to resume from: leave nothing behind
            folder.rmdir()
        raise
    return fits


def _fit_one(plan: tuple[int, int | None], **options: Any) -> MemberFit:
    return fit_member(plan[0], epochs=plan[1], **options)


def assemble_network(fit: MemberFit, data: TrainingData, network: NetworkConfig) -> Network:
    """Both views of a fitted member."""
    views = build_network(network, data.scales, data.task_scale)
    views.pooled.set_weights(fit.weights)
    return views


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
) -> ModelBundle:
    """Fit an ensemble on a prepared dataset; `train` is the verb for users.

    With `weights` (of the kinds) and `epochs` (a member) nothing is chosen on validation genes but what `keep` says.
    """
    data = training_data(dataset, network, weights)
    fits = fit_members(
        data, network, training, epochs=epochs, checkpoint_folder=checkpoint_folder, executor=executor,
        on_member=on_member,
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
    features: Any,
    targets: pd.DataFrame,
    *,
    network: NetworkConfig | Literal["default", "paper"] = "default",
    training: TrainingConfig | None = None,
    test_chromosome: str | Collection[str] = "chr1",
    biosamples: Collection[str] | None = None,
    groups: Mapping[str, str] | None = None,
    split_by: SplitBy = "gene",
    checkpoint_folder: str | Path | None = None,
    executor: Any = "serial",
    on_member: Callable[[MemberFit], None] | None = None,
) -> ModelBundle:
    """Train an ensemble that predicts log2 fold-changes from binding sites.

    One chromosome is held out and never looked at; the other genes are split 90/10 at random into training and
    validation. Validation genes decide when to stop.

    Parameters
    ----------
    features : RegulatoryFeatures
    targets : pd.DataFrame
        gene_id (or transcript_id) and one column a task, log2 units; NaN where not measured. See
        `decode.tissue_targets`.
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
    checkpoint_folder : path, optional
        Keeps the state after each epoch; the same call resumes from it after a kill.
    executor : str, distributed.Client or Executor
        Where members are fitted.
    on_member : callable, optional
        Called after each member.

    Returns
    -------
    ModelBundle

    Raises
    ------
    ValueError
        If ids do not match, a part of the split is too small, or no regulator is bound often enough.

    References
    ----------
    Tasaki et al. 2020, Nature Machine Intelligence 2:376, Methods.
    """
    from decode.dataset import prepare_dataset
    from decode.models.config import network_config

    training = training or TrainingConfig()
    network = network if isinstance(network, NetworkConfig) else network_config(network)
    dataset = prepare_dataset(
        features, targets, test_chromosome=test_chromosome, seed=training.seed, biosamples=biosamples, groups=groups,
        split_by=split_by,
    )  # fmt: skip
    return train_dataset(
        dataset, network, training, checkpoint_folder=checkpoint_folder, executor=executor, on_member=on_member
    )


def remove_checkpoints(folder: str | Path) -> None:
    """Remove a checkpoint folder once its bundle is written."""
    shutil.rmtree(folder, ignore_errors=True)
