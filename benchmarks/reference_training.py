"""The plain way to fit a member, to compare with: each batch goes to the network and back, by Keras' own optimizer.

This is how members were fitted before an epoch became one graph: constant rate, 128 genes a step, dropout 0.4 on hidden
units, stop after ten epochs without a lower validation loss. Nothing that is constant is kept between batches.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.measure import cpu_seconds

MAX_EPOCHS, PATIENCE, BATCH, RATE, DROPOUT = 100, 10, 128, 1e-3, 0.4


def make_step(model: Any, loss: Any, optimizer: Any) -> Callable[[list[np.ndarray], np.ndarray], Any]:
    """One step of gradient descent on a batch, as a TensorFlow graph."""
    import tensorflow as tf

    @tf.function(jit_compile=False, reduce_retracing=True)
    def step(inputs: list[np.ndarray], targets: Any) -> Any:
        with tf.GradientTape() as tape:
            value = loss(targets, model(inputs, training=True))
        optimizer.apply(tape.gradient(value, model.trainable_variables), model.trainable_variables)
        return value

    return step


def plain_network(network: Any) -> Any:
    """The configuration with the plain loop's dropout, that of the published network as it is."""
    return replace(network, dropout=DROPOUT) if network.architecture == "default" else network


def fit_plainly(
    data: Any,
    network: Any,
    seed: int,
    *,
    epochs: int | None = None,
    on_epoch: Callable[[np.ndarray, float], bool] | None = None,
) -> np.ndarray:
    """Fit one member; its predictions of the validation genes at its best epoch, or the last of so many.

    Parameters
    ----------
    data : TrainingData
    network : NetworkConfig
    seed : int
    epochs : int, optional
        Exactly so many.
    on_epoch : callable, optional
        Called after each epoch with predictions of validation genes and the CPU seconds so far; True ends the fit.

    Returns
    -------
    array, shape (n_validation, n_tasks)
    """
    import keras

    from decode.models.architectures import build_network
    from decode.models.ensemble import predict_rows
    from decode.training.losses import MaskedLoss, masked_loss
    from decode.training.member import epoch_batches

    start = cpu_seconds()
    config = plain_network(network)
    model = build_network(config, data.scales, data.task_scale, seed=seed).pooled
    arrays: Sequence[np.ndarray] = list(data.inputs.values())
    optimizer = keras.optimizers.Adam(RATE)
    optimizer.build(model.trainable_variables)
    step = make_step(model, MaskedLoss(data.task_scale.sd, config.huber_delta, data.task_weight), optimizer)
    best, best_loss, waited = np.empty(0), np.inf, 0
    actual = data.targets[data.validation]
    for epoch in range(MAX_EPOCHS if epochs is None else epochs):
        losses = [
            step([values[rows] for values in arrays], data.targets[rows])
            for rows in epoch_batches(data.train, BATCH, seed, epoch)
        ]
        np.mean([float(value) for value in losses])
        predicted = predict_rows(model, lambda rows: [values[rows] for values in arrays], data.validation)
        loss = masked_loss(actual, predicted, data.task_scale.sd, config.huber_delta, data.task_weight)
        waited += 1
        if loss < best_loss or epochs is not None:
            best, best_loss, waited = predicted, loss, 0
        if on_epoch is not None and on_epoch(predicted, cpu_seconds() - start):
            break
        if waited >= PATIENCE:
            break
    return best
