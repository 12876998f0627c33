"""Layers of the networks: linear, element-wise or plain Keras, so that both attribution engines can treat them.

Axes of a bins tensor are (gene, bin, channel). Channel 0 is the occupancy: how many bases of the bin lie inside the
region (0 in padding and beyond a chromosome end); the other channels are the bases covered by each track. A pooled
tensor has axes (gene, row, channel), where row 0 is the sum over all bins and the further rows, if any, are the first
bins.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from decode.core.quiet_keras import keras, ops


class ChannelScale(keras.layers.Layer):
    """Shift and scale each channel by constants fitted on training genes: (x - shift) * factor.

    Parameters
    ----------
    shift : array or None
        One number a channel; None means zeros.
    factor : array or None
        One number a channel; None means ones. 0 switches a channel off.
    """

    def __init__(self, shift: ArrayLike | None = None, factor: ArrayLike | None = None, **options: Any):
        super().__init__(**options)
        self._initial = (shift, factor)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the two constant vectors."""
        n_channels = input_shape[-1]
        shift, factor = self._initial
        self.shift = self.add_weight(shape=(n_channels,), initializer="zeros", trainable=False, name="shift")
        self.factor = self.add_weight(shape=(n_channels,), initializer="ones", trainable=False, name="factor")
        if shift is not None:
            self.shift.assign(np.asarray(shift, dtype=np.float32))
        if factor is not None:
            self.factor.assign(np.asarray(factor, dtype=np.float32))

    def get_config(self) -> dict[str, Any]:
        """Options without the constants: those are stored as weights."""
        return dict(super().get_config())

    def call(self, inputs: Any) -> Any:
        """Scale; the shape stays."""
        return (inputs - self.shift) * self.factor

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The shape stays."""
        return input_shape


class SumBins(keras.layers.Layer):
    """Sum over the bins: (gene, bin, channel) -> (gene, channel)."""

    def call(self, inputs: Any) -> Any:
        """Sum over axis 1."""
        return ops.sum(inputs, axis=1)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The bin axis goes."""
        return (input_shape[0], input_shape[2])


class StructureScale(keras.layers.Layer):
    """Gene structure as units, each standardised: (gene, number, 1) -> (gene, number), (x - shift) * factor.

    Parameters
    ----------
    shift, factor : array
        One number a structure channel, fitted on training genes.
    """

    def __init__(self, shift: ArrayLike, factor: ArrayLike, **options: Any):
        super().__init__(**options)
        self._initial = (shift, factor)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the two constant vectors."""
        for name, values in zip(("shift", "factor"), self._initial, strict=True):
            weight = self.add_weight(shape=(input_shape[1],), initializer="zeros", trainable=False, name=name)
            weight.assign(np.asarray(values, dtype=np.float32))
            setattr(self, name, weight)

    def call(self, inputs: Any) -> Any:
        """Scale."""
        return (ops.reshape(inputs, (-1, inputs.shape[1])) - self.shift) * self.factor


class LogTotals(keras.layers.Layer):
    """log(1 + total bases), element-wise."""

    def call(self, inputs: Any) -> Any:
        """Natural logarithm of one plus the input."""
        return ops.log1p(inputs)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The shape stays."""
        return input_shape


class TaskUnits(keras.layers.Layer):
    """Bring scaled outputs back to log2 units: x * sd + mean, one pair of constants a task.

    Parameters
    ----------
    mean : array or None
        log2 units; None means zeros. A task with standard deviation 0 is predicted by its mean.
    sd : array or None
        log2 units; None means ones.
    """

    def __init__(self, mean: ArrayLike | None = None, sd: ArrayLike | None = None, **options: Any):
        super().__init__(**options)
        self._initial = (mean, sd)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the two constant vectors."""
        n_tasks = input_shape[-1]
        mean, sd = self._initial
        self.mean = self.add_weight(shape=(n_tasks,), initializer="zeros", trainable=False, name="mean")
        self.sd = self.add_weight(shape=(n_tasks,), initializer="ones", trainable=False, name="sd")
        if mean is not None:
            self.mean.assign(np.asarray(mean, dtype=np.float32))
        if sd is not None:
            self.sd.assign(np.asarray(sd, dtype=np.float32))

    def get_config(self) -> dict[str, Any]:
        """Options without the constants: those are stored as weights."""
        return dict(super().get_config())

    def call(self, inputs: Any) -> Any:
        """Scale and shift; the shape stays."""
        return inputs * self.sd + self.mean

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The shape stays."""
        return input_shape


class PooledConvolutions(keras.layers.Layer):
    """A stack of linear convolutions followed by a sum over bins, computed from the pooled tensor alone.

    With k - 1 zero bins of padding on the 3' end of every layer, the sum over bins of one convolution with taps W_j is
    sum_j (T - sum_{i<j} x_i) W_j, where T is the sum over all bins and x_i the i-th bin from the 5' end. Its own first
    bins follow from the same few bins, so the whole stack needs T and the first sum(k - 1) bins, never the bins in
    between. The result is exact; it is what makes training fast. The layer shares the kernels of the Conv1D layers that
    it is given, so it is never saved itself.

    Parameters
    ----------
    convolutions : sequence of keras.layers.Conv1D
        Built layers without bias and activation, first to last.
    """

    def __init__(self, convolutions: Sequence[keras.layers.Conv1D], **options: Any):
        super().__init__(**options)
        self.convolutions = list(convolutions)

    def call(self, inputs: Any) -> Any:
        """Map (gene, 1 + sum(k - 1), channel) to (gene, filters)."""
        total, first = inputs[:, 0], [inputs[:, row] for row in range(1, inputs.shape[1])]
        for convolution in self.convolutions:
            kernel = convolution.kernel
            taps = [kernel[j] for j in range(kernel.shape[0])]
            next_first = [
                sum(ops.matmul(first[i + j], tap) for j, tap in enumerate(taps))
                for i in range(len(first) - len(taps) + 1)
            ]
            pooled, remaining = ops.matmul(total, taps[0]), total
            for j, tap in enumerate(taps[1:]):
                remaining = remaining - first[j]
                pooled = pooled + ops.matmul(remaining, tap)
            total, first = pooled, next_first
        return total

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """One row of filters a gene."""
        return (input_shape[0], self.convolutions[-1].filters)
