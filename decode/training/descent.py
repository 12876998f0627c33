"""Gradient descent at the machine's limit: a whole epoch is one TensorFlow graph, and nothing constant is computed twice.

What the layers before the first weight or dropout make of a gene (sums, logarithms, scaling) is the same in every epoch,
so it is computed once for all genes. Masks of dropout are windows of a table that is drawn anew for every epoch, which
costs a fifth of drawing each mask; Adam is TensorFlow's own fused kernel, one operation a variable. The network that is
fitted keeps its layers and weights, and computes the same function as before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
from numpy.typing import NDArray

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
    model = keras.Model(frontier, network.outputs, name="trunk")
    masks: list[Any] = []
    rates: list[float] = []

    def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
        if type(layer) is not keras.layers.Dropout:
            return layer(*args, **kwargs)
        if not layer.rate:
            return args[0]
        masks.append(keras.Input(args[0].shape[1:], name=f"mask_{len(masks)}"))
        rates.append(float(layer.rate))
        return keras.ops.multiply(args[0], masks[-1])

    inputs = [keras.Input(tensor.shape[1:], name=f"constant_{i}") for i, tensor in enumerate(frontier)]
    cloned = keras.models.clone_model(
        model, input_tensors=inputs, clone_function=lambda layer: layer, call_function=call
    )
    masked = keras.Model([*inputs, *masks], cloned.outputs, name="masked")
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
