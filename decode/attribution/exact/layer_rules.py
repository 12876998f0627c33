"""Which step each Keras layer is; a layer that is not listed here cannot be explained by the exact engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from decode.attribution.exact.steps import Affine, Elementwise, MatrixProduct, Step, SumRows, Values
from decode.core.quiet_keras import keras
from decode.models.layers import (
    ChannelScale,
    LogTotals,
    PooledConvolutions,
    StructureScale,
    SumBins,
    TaskUnits,
)


def _relu(x: Values) -> Values:
    return np.maximum(x, 0.0)


def _relu_slope(x: Values) -> Values:
    return (x > 0).astype(np.float64)


def _sigmoid(x: Values) -> Values:
    return 1.0 / (1.0 + np.exp(-x))


def _sigmoid_slope(x: Values) -> Values:
    return _sigmoid(x) * (1.0 - _sigmoid(x))


def _tanh_slope(x: Values) -> Values:
    return 1.0 - np.tanh(x) ** 2


def _log1p_slope(x: Values) -> Values:
    return 1.0 / (1.0 + x)


ACTIVATIONS: dict[str, Elementwise] = {
    "relu": Elementwise(_relu, _relu_slope),
    "sigmoid": Elementwise(_sigmoid, _sigmoid_slope),
    "tanh": Elementwise(np.tanh, _tanh_slope),
}


def _array(weight: Any) -> Values:
    return np.asarray(weight, dtype=np.float64)


def _activation(layer: Any) -> list[Step]:
    name = getattr(layer.activation, "__name__", type(layer.activation).__name__)
    if name == "linear":
        return []
    if name not in ACTIVATIONS:
        raise cannot_treat(layer, f"its activation {name!r} has no rule")
    return [ACTIVATIONS[name]]


def _relu_layer(layer: Any) -> list[Step]:
    if layer.max_value is not None or layer.negative_slope or layer.threshold:
        raise cannot_treat(layer, "only max(x, 0) has a rule, without maximum, slope or threshold")
    return [ACTIVATIONS["relu"]]


def _dense(layer: Any) -> list[Step]:
    if len(layer.input.shape) != 2:
        raise cannot_treat(layer, "only values without a row axis have a rule")
    kernel = _array(layer.kernel)
    offset = _array(layer.bias) if layer.use_bias else np.zeros(kernel.shape[1])
    return [MatrixProduct(kernel[None], offset), *_activation(layer)]


def _batch_normalization(layer: Any) -> list[Step]:
    # As in use, not in training: the moving mean and variance.
    factor = 1.0 / np.sqrt(_array(layer.moving_variance) + layer.epsilon)
    if layer.scale:
        factor = factor * _array(layer.gamma)
    offset = -_array(layer.moving_mean) * factor
    return [Affine(factor, offset + _array(layer.beta) if layer.center else offset)]


def _channel_scale(layer: Any) -> list[Step]:
    factor = _array(layer.factor)
    return [Affine(factor, -_array(layer.shift) * factor)]


def _structure_scale(layer: Any) -> list[Step]:
    factor = _array(layer.factor)
    return [MatrixProduct(np.diag(factor)[:, None], -_array(layer.shift) * factor)]


def _task_units(layer: Any) -> list[Step]:
    return [Affine(_array(layer.sd), _array(layer.mean))]


def _pooled_convolutions(layer: Any) -> list[Step]:
    """One matrix for the total and one for each first bin.

    A stack of linear convolutions is one convolution whose taps C_k are the product of the layers' taps as
    polynomials; with zero bins on the 3' end, its sum over bins is sum_k (T - sum_{i<k} x_i) C_k, so the total T has
    the weights sum_k C_k and the first bin x_i has - sum_{k>i} C_k.
    """
    kernels = [_array(convolution.kernel) for convolution in layer.convolutions]
    taps = list(kernels[0])
    for kernel in kernels[1:]:
        product = [np.zeros((taps[0].shape[0], kernel.shape[2])) for _ in range(len(taps) + len(kernel) - 1)]
        for i, left in enumerate(taps):
            for j, right in enumerate(kernel):
                product[i + j] += left @ right
        taps = product
    beyond = np.cumsum(np.stack(taps)[::-1], axis=0)[::-1]  # beyond[i]: sum of the taps i and later
    weights = np.concatenate([beyond[:1], -beyond[1:]])
    return [MatrixProduct(weights, np.zeros(weights.shape[2]))]


RULES: dict[type, Callable[[Any], list[Step]]] = {
    ChannelScale: _channel_scale,
    LogTotals: lambda _: [Elementwise(np.log1p, _log1p_slope)],
    PooledConvolutions: _pooled_convolutions,
    StructureScale: _structure_scale,
    SumBins: lambda _: [SumRows()],
    TaskUnits: _task_units,
    keras.layers.Activation: _activation,
    keras.layers.BatchNormalization: _batch_normalization,
    keras.layers.Dense: _dense,
    keras.layers.Dropout: lambda _: [],
    keras.layers.ReLU: _relu_layer,
}


def cannot_treat(layer: Any, reason: str) -> ValueError:
    """The error about a layer without a rule."""
    return ValueError(
        f"layer {layer.name!r} ({type(layer).__name__}) cannot be explained by engine 'exact': {reason}; use engine "
        "'shap'"
    )


def is_side_by_side(layer: Any) -> bool:
    """Whether the layer puts values side by side; ValueError where not on the last axis."""
    if type(layer) is not keras.layers.Concatenate:
        return False
    if layer.axis not in (-1, len(layer.output.shape) - 1):
        raise cannot_treat(layer, "only values side by side on the last axis have a rule")
    return True


def steps_of(layer: Any, n_inputs: int = 1) -> list[Step]:
    """The steps that a layer with one input stands for, first to last; none where it changes nothing in use.

    Raises
    ------
    ValueError
        If the layer has no rule.
    """
    rule = RULES.get(type(layer))
    if rule is None or n_inputs != 1:
        raise cannot_treat(layer, f"it has no DeepLIFT rule with {n_inputs} input(s)")
    return rule(layer)
