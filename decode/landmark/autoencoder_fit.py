"""Fit the autoencoder on prepared profiles, batch by batch from disk; a killed run resumes to the same weights."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decode.core.resume import at_work, content_hash, work_folder
from decode.core.seeds import member_seeds
from decode.landmark.autoencoder import Autoencoder, AutoencoderConfig, build_autoencoder
from decode.landmark.prepared import PreparedExpression
from decode.landmark.reconstruction import reconstruction_accuracy
from decode.training.checkpoint import Progress
from decode.training.member import epoch_batches

logger = logging.getLogger(__name__)

LEAST_BATCH, BATCHES_PER_EPOCH = 16, 8  # with few samples
CHECKPOINT_S = 60.0  # a checkpoint of 22,268 genes is 350 MB
PCA_SAMPLES = 2000  # principal components are taken from so many training samples at most


class Plan(NamedTuple):
    """Batches of a fit."""

    batch_size: int
    epochs: int
    n_updates: int


def plan_updates(n_train: int, config: AutoencoderConfig) -> Plan:
    """Batch size and epochs: as configured, or more epochs of smaller batches where samples are few.

    Examples
    --------
    >>> plan_updates(99_909, AutoencoderConfig())
    Plan(batch_size=128, epochs=100, n_updates=78000)
    >>> plan_updates(192, AutoencoderConfig())
    Plan(batch_size=24, epochs=250, n_updates=2000)
    """
    batch = min(config.batch_size, max(LEAST_BATCH, n_train // BATCHES_PER_EPOCH), n_train)
    a_epoch = n_train // batch
    epochs = max(config.epochs, -(-config.min_updates // a_epoch))
    return Plan(batch, epochs, epochs * a_epoch)


def train_autoencoder(
    prepared: PreparedExpression,
    config: AutoencoderConfig | None = None,
    *,
    out: str | Path | None = None,
    on_epoch: Callable[[int, int, float], None] | None = None,
) -> Autoencoder:
    """Train the autoencoder on the training samples of prepared profiles.

    Every batch is read when it is needed, so memory does not depend on the number of samples. Where there are
    validation samples, the weights of the epoch with the least validation error are kept (a deviation from the
    paper, which trains 100 epochs and says nothing of it), else those of the last.

    Parameters
    ----------
    prepared : PreparedExpression
    config : AutoencoderConfig, optional
    out : path, optional
        Folder that will hold the result; checkpoints lie in OUT.work, and a killed run goes on from there.
    on_epoch : callable, optional
        Called with (member, epoch, validation loss).

    Returns
    -------
    Autoencoder

    Raises
    ------
    ValueError
        If the bottleneck is not smaller than the number of training samples, a checkpoint is of another run, or the
        loss is no longer finite.
    """
    config = config or AutoencoderConfig()
    rows = prepared.rows("train")
    if config.bottleneck >= len(rows):
        raise ValueError(
            f"a bottleneck of {config.bottleneck} nodes is not smaller than the {len(rows)} training samples, which it "
            "could then learn by heart; give a smaller --bottleneck or more samples"
        )
    plan = plan_updates(len(rows), config)
    if plan.epochs > config.epochs:
        logger.info(
            "few samples: %d epochs of batches of %d, so that %d steps are done",
            plan.epochs, plan.batch_size, plan.n_updates,
        )  # fmt: skip
    fits = []
    with at_work(None if out is None else work_folder(out)) as work:
        for number, seed in enumerate(member_seeds(config.seed, config.members)):

            def tell(epoch: int, loss: float, number: int = number) -> None:
                if on_epoch is not None:
                    on_epoch(number, epoch, loss)

            checkpoint = None if work is None else work / f"member_{number}.npz"
            fits.append(_fit_member(prepared, config, plan, seed, checkpoint, tell))
    history = pd.concat([fit.history.assign(member=number) for number, fit in enumerate(fits)], ignore_index=True)
    made = Autoencoder(
        config, [fit.model for fit in fits], prepared.gene_ids, prepared.gene_names, prepared.quantiles,
        prepared.train_mean, prepared.train_min, prepared.train_max,
        training_components(prepared, min(config.bottleneck, len(rows) - 1), seed=config.seed),
        history[["member", "epoch", "train_loss", "validation_loss"]],
        {
            "n_train": len(rows),
            **{f"n_{part}": len(prepared.rows(part)) for part in ("validation", "test")},
            **plan._asdict(), "is_few_samples": plan.epochs > config.epochs, "best_epochs": [fit.epoch for fit in fits],
            "prepared": prepared.counts, "prepared_options": prepared.options,
        },
        {},
    )  # fmt: skip
    for part in ("train", "validation", "test"):
        if len(prepared.rows(part)):
            made.metrics[part] = reconstruction_accuracy(made, prepared, part).summary()
    return made


class _Fit(NamedTuple):
    model: Any
    epoch: int
    history: pd.DataFrame


def make_update(model: Any, optimizer: Any, l2: float) -> Callable[[NDArray[np.float32]], Any]:
    """One step of gradient descent on a batch of profiles; gives the mean absolute error on the scale (0, 1)."""
    import tensorflow as tf

    scale = model.get_layer("scale")
    kernels = [variable for variable in model.trainable_variables if len(variable.shape) == 2]

    def update(profiles: Any) -> Any:
        with tf.GradientTape() as tape:
            error = tf.reduce_mean(tf.abs(model(profiles, training=True) - scale(profiles)))
            penalty = tf.add_n([tf.reduce_sum(tf.square(kernel)) for kernel in kernels])
            loss = error + l2 * penalty
        optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
        return error

    step: Callable[[NDArray[np.float32]], Any] = tf.function(update, reduce_retracing=True)
    return step


def _fit_member(
    prepared: PreparedExpression,
    config: AutoencoderConfig,
    plan: Plan,
    seed: int,
    checkpoint: Path | None,
    on_epoch: Callable[[int, float], None],
) -> _Fit:
    import keras
    import tensorflow as tf

    model = build_autoencoder(config, prepared.train_min, prepared.train_max, seed=seed)
    optimizer = keras.optimizers.Adam(config.learning_rate)
    optimizer.build(model.trainable_variables)
    progress = Progress(
        model, optimizer, checkpoint, _signature(prepared, config, plan, seed), seconds_between=CHECKPOINT_S
    )
    progress.restore()
    update = make_update(model, optimizer, config.l2)
    rows, held_out = prepared.rows("train"), prepared.rows("validation")
    for epoch in range(len(progress.history), plan.epochs):
        losses = [
            float(update(tf.constant(prepared.read(batch))))
            for batch in epoch_batches(rows, plan.batch_size, seed, epoch)
        ]
        train_loss = float(np.mean(losses))
        if not np.isfinite(train_loss):
            raise ValueError(f"the loss is {train_loss} in epoch {epoch + 1}; lower the learning rate")
        validation_loss = _validation_loss(model, prepared, held_out) if len(held_out) else float("nan")
        progress.record(epoch, train_loss, validation_loss)
        on_epoch(epoch, validation_loss)
    best = progress.best_epoch if len(held_out) else plan.epochs - 1
    if len(held_out):
        model.set_weights(progress.best_weights)
    history = pd.DataFrame(progress.history, columns=["epoch", "train_loss", "validation_loss"])
    logger.info(
        "autoencoder with seed %d: %d epochs, error %.4f (training), %.4f (validation, scale 0 to 1), epoch %d kept",
        seed, plan.epochs, history["train_loss"].iloc[-1], history["validation_loss"].min(), best + 1,
    )  # fmt: skip
    return _Fit(model, int(best), history)


def _validation_loss(model: Any, prepared: PreparedExpression, rows: NDArray[np.int64]) -> float:
    scale = model.get_layer("scale")
    total = 0.0
    for _, values in prepared.blocks(rows):
        error = np.abs(np.asarray(model(values, training=False)) - np.asarray(scale(values)))
        total += float(error.mean(axis=1, dtype=np.float64).sum())
    return total / len(rows)


def _signature(prepared: PreparedExpression, config: AutoencoderConfig, plan: Plan, seed: int) -> str:
    """More members do not change a member; the mean profile stands for the data."""
    options = {name: value for name, value in config.to_json().items() if name not in ("members", "seed")}
    data = content_hash([
        prepared.gene_ids, prepared.sample_ids, prepared.split, prepared.train_mean, prepared.train_sd,
        prepared.quantiles.reference,
    ])  # fmt: skip
    return f"{data} {options} {tuple(plan)} {seed}"


def training_components(prepared: PreparedExpression, n_components: int, *, seed: int = 0) -> NDArray[np.float32]:
    """Leading principal components of the training samples (of 2,000 of them at most).

    Parameters
    ----------
    prepared : PreparedExpression
    n_components : int
    seed : int

    Returns
    -------
    float32 array, shape (n_components, n_genes)
        Orthonormal rows; fewer where the samples have fewer dimensions.
    """
    from scipy import linalg

    rows = prepared.rows("train")
    if len(rows) > PCA_SAMPLES:
        rows = np.sort(np.random.default_rng(seed).choice(rows, PCA_SAMPLES, replace=False))
    centred = (prepared.read(rows) - prepared.train_mean).astype(np.float64)
    values, vectors = linalg.eigh(centred @ centred.T)
    top = np.argsort(values)[::-1][:n_components]
    top = top[values[top] > 1e-9 * values.max()]
    result: NDArray[np.float32] = ((vectors[:, top] / np.sqrt(values[top])).T @ centred).astype(np.float32)
    return result
