"""Gradient descent at the machine's limit: an epoch is one TensorFlow graph, and nothing constant is computed twice.

What the layers before the first weight or dropout make of a gene (sums, logarithms, scaling) is the same in every
epoch, so it is computed once for all genes. Masks of dropout are windows of a table that is drawn anew for every epoch;
Adam is TensorFlow's own fused kernel, one operation a variable. The network
that is fitted keeps its layers and weights, and computes the same function as before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
from numpy.typing import NDArray

from decode.training.losses import MaskedLoss

CHUNK_GENES = 1024
TABLE_SIZE = 2**20  # draws of dropout an epoch; every step cuts its masks from them at places of its own
BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-7  # Adam as in Keras: Kingma & Ba 2015, arXiv:1412.6980

Float32 = NDArray[np.float32]


class Trunk(NamedTuple):
    """A network without what it computes before its first weight or dropout."""

    constant: keras.Model  # inputs of the network -> tensors that no training changes
    model: keras.Model  # those tensors -> outputs; shares all weights
    masked: keras.Model  # those tensors, and the mask of each dropout -> outputs; shares all weights
    mask_rates: list[float]  # dropout of each mask
    mask_shapes: list[tuple[int, ...]]  # of one gene


def split_trunk(network: keras.Model) -> Trunk:
    """Divide a network into what is constant and what is trained.

    Parameters
    ----------
    network : keras.Model
        Functional; one output.

    Returns
    -------
    Trunk
        `model(constant(x))` is `network(x)`. In `masked` each dropout is a product with a mask that is given, 0 or
        1 / (1 - rate).
    """
    frontier = _frontier(network.outputs[0])
    made: dict[int, Any] = {
        id(tensor): keras.Input(tensor.shape[1:], name=f"constant_{i}") for i, tensor in enumerate(frontier)
    }
    inputs: list[Any] = list(made.values())
    masks: list[Any] = []
    rates: list[float] = []

    def rebuild(tensor: Any) -> Any:
        if id(tensor) not in made:
            layer, sources = tensor._keras_history[0], [rebuild(source) for source in _sources(tensor)]
            if type(layer) is keras.layers.Dropout:
                masks.append(keras.Input(tensor.shape[1:], name=f"mask_{len(masks)}"))
                rates.append(float(layer.rate))
                made[id(tensor)] = keras.ops.multiply(sources[0], masks[-1])
            else:
                made[id(tensor)] = layer(sources if len(sources) > 1 else sources[0])
        return made[id(tensor)]

    outputs = rebuild(network.outputs[0])
    model = keras.Model(frontier, network.outputs, name="trunk")
    masked = keras.Model([*inputs, *masks], outputs, name="masked")
    return Trunk(
        keras.Model(network.inputs, frontier, name="constant"), model, masked, rates,
        [tuple(mask.shape[1:]) for mask in masks],
    )  # fmt: skip


def _frontier(tensor: Any) -> list[Any]:
    """The last tensors on the way to `tensor` that no training changes, each once."""
    if _is_constant(tensor):
        return [tensor]
    found: list[Any] = []
    for source in _sources(tensor):
        found += [one for one in _frontier(source) if not any(one is other for other in found)]
    return found


def _is_constant(tensor: Any) -> bool:
    layer = tensor._keras_history[0]
    if isinstance(layer, keras.layers.Layer) and (layer.trainable_weights or "Dropout" in type(layer).__name__):
        return False
    return all(_is_constant(source) for source in _sources(tensor))


def _sources(tensor: Any) -> list[Any]:
    operation, call, _ = tensor._keras_history
    return list(operation._inbound_nodes[call].input_tensors)


class Descent:
    """A network on its way down: constants of all genes, the state of Adam, and a compiled epoch.

    Parameters
    ----------
    network : keras.Model
        Its weights are changed.
    inputs : sequence of array, shape (n_genes, ...)
        What the network takes, for all genes.
    targets : array, shape (n_genes, n_tasks)
        log2 units; NaN where not measured.
    train, validation : array of int
        Rows of the genes to fit, and of those to predict after each epoch.
    loss : MaskedLoss
    """

    def __init__(
        self,
        network: keras.Model,
        inputs: Sequence[NDArray[Any]],
        targets: NDArray[Any],
        train: NDArray[np.int64],
        validation: NDArray[np.int64],
        loss: MaskedLoss,
    ) -> None:
        import tensorflow as tf

        trunk = split_trunk(network)
        self._masks = [
            (rate, int(np.prod(shape))) for rate, shape in zip(trunk.mask_rates, trunk.mask_shapes, strict=True)
        ]
        self._rows = train
        self._train = [tf.constant(values) for values in _constants(trunk.constant, inputs, train)]
        self._validation = [tf.constant(values) for values in _constants(trunk.constant, inputs, validation)]
        measured = np.isfinite(targets[train])
        self._targets = tf.constant(np.where(measured, targets[train], 0.0).astype(np.float32))
        self._weights = tf.constant(measured * loss.weight)
        self._weights_of_network = [variable.value for variable in network.trainable_variables]
        self.variables = [tf.Variable(tf.zeros_like(value)) for _ in range(2) for value in self._weights_of_network]
        self._run = self._compile(trunk, loss)

    def epoch(
        self, order: NDArray[np.int64], rates: NDArray[np.float64], seed: tuple[int, int]
    ) -> tuple[float, Float32]:
        """Go down once along all batches.

        Parameters
        ----------
        order : array of int, shape (n_steps, batch_size)
            Places within the training rows.
        rates : array, shape (n_steps,)
            Learning rate of each step, after Adam's correction for its first steps (`corrected_rates`).
        seed : (int, int)
            Of dropout: a pure function of it.

        Returns
        -------
        loss : float
            Mean over batches.
        predicted : array, shape (n_validation, n_tasks)
            Validation genes after the epoch, log2 units.
        """
        n_steps, batch_size = order.shape
        rng = np.random.default_rng([*seed, 3])
        largest = batch_size * max((size for _, size in self._masks), default=0)
        tables = [dropout_table(rng, rate, TABLE_SIZE + largest) for rate in sorted({rate for rate, _ in self._masks})]
        starts = rng.integers(0, TABLE_SIZE, (n_steps, len(self._masks)))
        loss, predicted = self._run(order.astype(np.int32), rates.astype(np.float32), starts.astype(np.int32), tables)
        return float(loss), predicted.numpy()

    def _compile(self, trunk: Trunk, loss: MaskedLoss) -> Any:
        import tensorflow as tf

        rates = sorted(set(trunk.mask_rates))
        masks = list(zip(map(rates.index, trunk.mask_rates), trunk.mask_shapes, strict=True))
        weights, n = self._weights_of_network, len(self._weights_of_network)

        # Not compiled by XLA: on these small products its CPU code needs five times the CPU time of TensorFlow's own.
        @tf.function(jit_compile=False)
        def run(order: Any, step_rates: Any, starts: Any, tables: Any) -> Any:
            batch_size, total = tf.shape(order)[1], tf.constant(0.0)
            for step in tf.range(tf.shape(order)[0]):
                rows = order[step]
                given = [tf.gather(values, rows) for values in self._train]
                for i, (table, shape) in enumerate(masks):
                    size = batch_size * int(np.prod(shape))
                    given.append(tf.reshape(tf.slice(tables[table], [starts[step, i]], [size]), (batch_size, *shape)))
                actual, weight = tf.gather(self._targets, rows), tf.gather(self._weights, rows)
                with tf.GradientTape() as tape:
                    value = loss.weighted(actual, trunk.masked(given, training=True), weight)
                gradients = tape.gradient(value, weights)
                for i, gradient in enumerate(gradients):
                    # the rate is corrected already, so the powers of the betas are 0 here
                    tf.raw_ops.ResourceApplyAdam(
                        var=weights[i].handle, m=self.variables[i].handle, v=self.variables[n + i].handle,
                        beta1_power=0.0, beta2_power=0.0, lr=step_rates[step], beta1=BETA_1, beta2=BETA_2,
                        epsilon=EPSILON, grad=gradient,
                    )  # fmt: skip
                total += value
            return total / tf.cast(tf.shape(order)[0], tf.float32), trunk.model(self._validation, training=False)

        return run


def corrected_rates(rates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Adam's rates of all steps from the first, with the correction of the first steps.

    Notes
    -----
    rate_t sqrt(1 - beta_2^t) / (1 - beta_1^t) for t = 1, 2, ... (Kingma & Ba 2015, section 2).
    """
    step = 1.0 + np.arange(len(rates))
    corrected: NDArray[np.float64] = rates * np.sqrt(1 - BETA_2**step) / (1 - BETA_1**step)
    return corrected


def dropout_table(rng: np.random.Generator, rate: float, size: int) -> Float32:
    """Independent draws: 0 with probability `rate` (to 2^-16), else 1 / (1 - rate)."""
    draws = rng.integers(0, 2**64, -(-size // 4), dtype=np.uint64).view(np.uint16)[:size]
    kept = draws >= round(rate * 2**16)
    return np.multiply(kept, np.float32(1 / (1 - rate)), dtype=np.float32)


def _constants(model: keras.Model, inputs: Sequence[NDArray[Any]], rows: NDArray[np.int64]) -> list[Float32]:
    """Outputs of the constant part for some genes."""
    parts = []
    for start in range(0, len(rows), CHUNK_GENES):
        made = model(
            [keras.ops.convert_to_tensor(values[rows[start : start + CHUNK_GENES]], "float32") for values in inputs]
        )
        parts.append([np.asarray(one) for one in (made if isinstance(made, list) else [made])])
    return [np.concatenate(each) for each in zip(*parts, strict=True)]
