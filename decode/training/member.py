"""Fit one network: early stopping, and a checkpoint that resumes to the same result."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from decode.models.architectures import Network, build_network
from decode.models.config import NetworkConfig
from decode.training.checkpoint import Progress
from decode.training.config import ResolvedTraining, TrainingConfig
from decode.training.data import TrainingData
from decode.training.descent import Descent, corrected_rates
from decode.training.losses import MaskedLoss, masked_loss
from decode.training.schedule import step_rates

logger = logging.getLogger(__name__)


class MemberFit(NamedTuple):
    """One fitted member."""

    seed: int
    weights: list[np.ndarray]
    validation_loss: float
    best_epoch: int
    history: pd.DataFrame  # epoch, train_loss, validation_loss


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
    resolved = training.resolved(network.architecture, len(data.train))
    return fit_network(
        build_network(network, data.scales, data.task_scale, seed=seed).pooled,
        list(data.inputs.values()),
        data,
        resolved,
        seed=seed,
        huber_delta=network.huber_delta,
        epochs=epochs,
        checkpoint=checkpoint_folder / f"member_seed_{seed}.npz" if checkpoint_folder is not None else None,
        signature=f"{data_signature(data, network, resolved)} {seed}",
        on_epoch=on_epoch,
    )


def fit_network(
    model: Any,
    inputs: Sequence[np.ndarray],
    data: TrainingData,
    training: ResolvedTraining,
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
    inputs : sequence of array, shape (n_genes, ...)
        What the model takes, of all genes.
    data : TrainingData
        Targets, split and task scales; its inputs are not used.
    training : ResolvedTraining
    seed : int
        Of batch order and dropout.
    huber_delta : float or None
        As in `MaskedLoss`.
    epochs : int, optional
        Exactly so many epochs, keeping the weights of the last; the validation genes then decide nothing. The learning
        rate runs as in the whole training; its cycle is only as long as this where this is more.
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
    loss = MaskedLoss(data.task_scale.sd, huber_delta, data.task_weight)
    descent = Descent(model, inputs, data.targets, data.train, data.validation, loss)
    progress = Progress(model, descent, checkpoint, signature)
    progress.restore()
    places = np.arange(len(data.train))
    n_steps = len(list(epoch_batches(places, training.batch_size, seed, 0)))
    cycle = replace(training, max_epochs=max(training.max_epochs, epochs or 0))
    rates = corrected_rates(step_rates(cycle, n_steps)).reshape(-1, n_steps)
    start = len(progress.history)
    for epoch in range(start, training.max_epochs if epochs is None else epochs):
        if epochs is None and epoch - progress.best_epoch > training.patience and progress.history:
            break
        order = np.stack(list(epoch_batches(places, training.batch_size, seed, epoch)))
        train_loss, predicted = descent.epoch(order, rates[epoch], (seed, epoch))
        if not np.isfinite(train_loss):
            raise ValueError(
                f"the loss of the member with seed {seed} is {train_loss} in epoch {epoch + 1}; lower the learning rate"
            )
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


def assemble_network(fit: MemberFit, data: TrainingData, network: NetworkConfig) -> Network:
    """Both views of a fitted member."""
    views = build_network(network, data.scales, data.task_scale)
    views.pooled.set_weights(fit.weights)
    return views
