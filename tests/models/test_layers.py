from __future__ import annotations

import keras
import numpy as np
import pytest

from decode.models.layers import ChannelScale, LogTotals, PooledConvolutions, SumBins, TaskUnits


def test_channel_scale():
    x = np.arange(12, dtype=np.float32).reshape(2, 2, 3)
    layer = ChannelScale([1.0, 0.0, 2.0], [2.0, 0.0, 0.5])
    expected = (x - [1, 0, 2]) * [2, 0, 0.5]
    np.testing.assert_allclose(layer(x), expected)
    np.testing.assert_allclose(ChannelScale()(x), x)
    assert not layer.trainable_variables


def test_task_units_predict_a_constant_task_by_its_mean():
    x = np.array([[1.0, 2.0], [3.0, -1.0]], dtype=np.float32)
    layer = TaskUnits(mean=[4.0, 0.5], sd=[0.0, 2.0])
    np.testing.assert_allclose(layer(x), [[4.0, 4.5], [4.0, -1.5]])
    assert not layer.trainable_variables
    np.testing.assert_allclose(TaskUnits()(x), x)


def test_sums_and_logs():
    x = np.array([[[1.0, 0.0], [2.0, 0.0]]], dtype=np.float32)
    np.testing.assert_allclose(SumBins()(x), [[3.0, 0.0]])
    np.testing.assert_allclose(LogTotals()(np.array([[np.e - 1, 0.0]])), [[1.0, 0.0]], rtol=1e-6)


def numpy_stack(x: np.ndarray, kernels: list[np.ndarray]) -> np.ndarray:
    """Convolve with k - 1 zero bins at the 3' end of every layer, then sum over bins; (gene, bin, channel) in."""
    for kernel in kernels:
        n_taps = len(kernel)
        padded = np.concatenate([x, np.zeros((len(x), n_taps - 1, x.shape[2]))], axis=1)
        x = sum(padded[:, j : j + x.shape[1]] @ kernel[j] for j in range(n_taps))
    return x.sum(axis=1)


@pytest.mark.parametrize("sizes", [[1], [2], [2, 2], [3, 3], [4, 1, 2], [5, 5, 5]])
@pytest.mark.parametrize("n_bins", [1, 2, 7, 20])
def test_pooled_convolutions_equal_a_convolution_in_numpy(sizes, n_bins):
    rng = np.random.default_rng(0)
    widths = [4, *range(6, 6 + len(sizes))]
    kernels = [rng.normal(size=(k, a, b)) for k, a, b in zip(sizes, widths, widths[1:], strict=False)]
    layers = []
    for kernel in kernels:
        layer = keras.layers.Conv1D(kernel.shape[2], kernel.shape[0], use_bias=False)
        layer.build((None, None, kernel.shape[1]))
        layer.set_weights([kernel])
        layers.append(layer)
    x = rng.normal(size=(3, n_bins, 4))
    n_first = sum(k - 1 for k in sizes)
    first = np.zeros((3, n_first, 4))
    first[:, : min(n_first, n_bins)] = x[:, :n_first]
    pooled = np.concatenate([x.sum(axis=1, keepdims=True), first], axis=1)
    found = PooledConvolutions(layers)(pooled.astype(np.float32))
    expected = numpy_stack(x, kernels)
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())
    assert PooledConvolutions(layers).compute_output_shape(pooled.shape) == expected.shape
