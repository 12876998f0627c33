"""A concrete autoencoder: selectors that learn which genes to read, with a linear decoder back to all genes."""

from __future__ import annotations

import logging

import numpy as np
from numpy.typing import ArrayLike, NDArray

from decode.core.checks import check_count

logger = logging.getLogger(__name__)

# Abid et al. 2019: the temperature falls geometrically from 10 to 0.01 over the epochs
START_TEMPERATURE, END_TEMPERATURE = 10.0, 0.01
STEPS = 800  # updates; the paper trains for hundreds of epochs of thousands of samples
BATCH = 64
LEARNING_RATE = 0.01
L2 = 1e-3  # on the decoder: without it, it remembers the few samples


def concrete_panel(
    scaled: ArrayLike, size: int, *, steps: int = STEPS, seed: int = 0
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Choose genes by a concrete autoencoder.

    Each of `size` selectors mixes all genes by weights that are a sample of a concrete (Gumbel softmax) distribution;
    as the temperature falls, each selector settles on one gene. A linear decoder predicts all genes from the selected.

    Parameters
    ----------
    scaled : array, shape (n_samples, n_genes)
        Standardised training samples.
    size : int
        Selectors. Two may settle on the same gene: then the panel is filled up with the genes that any selector gives
        the highest probability.
    steps : int, default 800
        Updates by Adam, each on at most 64 samples.
    seed : int

    Returns
    -------
    columns : int array, shape (size,)
        By falling probability in the gene's best selector.
    probability : float64 array, shape (size,)

    References
    ----------
    Abid, Balin & Zou 2019, ICML 97:444: concrete autoencoders. Maddison, Mnih & Teh 2017: m_j = softmax((log a_j + g_j)
    / T) with g_j from a Gumbel distribution.

    Examples
    --------
    >>> columns, probability = concrete_panel(np.random.default_rng(0).normal(size=(20, 8)), 3, steps=5)
    >>> len(set(columns.tolist()))
    3
    """
    check_count("steps", steps)
    values = np.asarray(scaled, dtype=np.float32)
    logits = _train(values, size, steps, seed)
    highest = logits.max(axis=1, keepdims=True)
    weights = np.exp(logits - highest)
    best = (weights / weights.sum(axis=1, keepdims=True)).max(axis=0).astype(np.float64)
    n_settled = len(np.unique(logits.argmax(axis=1)))
    if n_settled < size:
        logger.info("concrete autoencoder: %d selectors settled on %d genes; filled up", size, n_settled)
    own = np.zeros(len(best), dtype=bool)
    own[logits.argmax(axis=1)] = True
    order = np.lexsort((np.arange(len(best)), -best, ~own))[:size]
    return order, best[order]


def _train(values: NDArray[np.float32], size: int, steps: int, seed: int) -> NDArray[np.float64]:
    """Logits of the selectors, (size, n_genes), after training."""
    import keras
    import tensorflow as tf

    n_samples, n_genes = values.shape
    rng = np.random.default_rng(seed)
    logits = tf.Variable(rng.uniform(-0.01, 0.01, (size, n_genes)).astype(np.float32))
    decoder = tf.Variable(rng.normal(0, 1 / np.sqrt(size), (size, n_genes)).astype(np.float32))
    optimizer = keras.optimizers.Adam(LEARNING_RATE)
    optimizer.build([logits, decoder])

    @tf.function(reduce_retracing=True)
    def update(batch: tf.Tensor, temperature: tf.Tensor, noise_seed: tf.Tensor) -> tf.Tensor:
        uniform = tf.random.stateless_uniform(logits.shape, noise_seed, minval=1e-7, maxval=1.0)
        with tf.GradientTape() as tape:
            selected = tf.nn.softmax((logits - tf.math.log(-tf.math.log(uniform))) / temperature, axis=1)
            predicted = tf.matmul(tf.matmul(batch, selected, transpose_b=True), decoder)
            loss = tf.reduce_mean((predicted - batch) ** 2) + L2 * tf.reduce_mean(tf.reduce_sum(decoder**2, axis=0))
        optimizer.apply_gradients(zip(tape.gradient(loss, [logits, decoder]), [logits, decoder], strict=True))
        return loss

    for step in range(steps):
        temperature = START_TEMPERATURE * (END_TEMPERATURE / START_TEMPERATURE) ** (step / max(steps - 1, 1))
        rows = rng.choice(n_samples, min(BATCH, n_samples), replace=False)
        noise = rng.integers(2**31, size=2).astype(np.int32)
        update(tf.constant(values[rows]), tf.constant(temperature, tf.float32), tf.constant(noise))
    return np.asarray(logits.numpy(), dtype=np.float64)
