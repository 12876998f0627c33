from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
from planted import TINY, TINY_PAPER, planted_dataset

from decode.dataset import bins_inputs, pooled_inputs
from decode.models.architectures import Network, build_network
from decode.models.config import DEFAULT, PAPER, ConvolutionConfig, NetworkConfig
from decode.models.scales import TaskScale, fit_region_scales, fit_task_scale

WIDE = replace(
    TINY_PAPER,
    rna=ConvolutionConfig(kernel_size=4, filters=5, n_layers=3),
    promoter=ConvolutionConfig(kernel_size=3, filters=7, n_layers=2),
)
LONG = replace(TINY_PAPER, rna=ConvolutionConfig(kernel_size=6, filters=5, n_layers=2))  # longer than many RNAs
CONFIGS = {"default": TINY, "paper": TINY_PAPER, "wide kernels": WIDE, "kernels past the end": LONG}


@pytest.fixture(scope="module")
def dataset():
    return planted_dataset()


def network(dataset, config: NetworkConfig, seed: int = 0) -> Network:
    """An untrained network whose every weight, also of the batch normalisation, is random."""
    views = build_network(config, fit_region_scales(dataset, config), fit_task_scale(dataset, config), seed=seed)
    rng = np.random.default_rng(seed)
    for layer in views.bins.layers:
        if layer.name.startswith("normalise"):
            layer.set_weights([rng.uniform(0.5, 1.5, size=weight.shape) for weight in layer.get_weights()])
        elif layer.name.startswith(("dense", "tasks_scaled")):
            layer.set_weights([rng.normal(size=weight.shape) / 4 for weight in layer.get_weights()])
    return views


def from_bins(views: Network, dataset, rows: np.ndarray, n_bins=None) -> np.ndarray:
    return views.bins(list(bins_inputs(dataset.features, rows, n_bins=n_bins).values()), training=False).numpy()


def from_sums(views: Network, dataset, config: NetworkConfig, rows: np.ndarray) -> np.ndarray:
    sums = pooled_inputs(dataset.features, {region: config.n_first_bins(region) for region in dataset.features.regions})
    return views.pooled([values[rows] for values in sums.values()], training=False).numpy()


@pytest.mark.parametrize("name", CONFIGS)
class TestInvariance:
    def test_the_pooled_view_equals_the_bins_view(self, dataset, name):
        views = network(dataset, CONFIGS[name])
        rows = np.arange(len(dataset.split))
        expected = from_bins(views, dataset, rows)
        assert expected.std(axis=0).min() > 0.1
        np.testing.assert_allclose(from_sums(views, dataset, CONFIGS[name], rows), expected, atol=1e-5)

    def test_batch_mates_order_and_padding_play_no_part(self, dataset, name):
        views = network(dataset, CONFIGS[name])
        rows = np.arange(len(dataset.split))
        expected = from_bins(views, dataset, rows)
        alone = np.concatenate([from_bins(views, dataset, rows[i : i + 1]) for i in range(12)])
        np.testing.assert_allclose(alone, expected[:12], atol=1e-5)
        order = np.random.default_rng(1).permutation(rows)
        np.testing.assert_allclose(from_bins(views, dataset, order), expected[order], atol=1e-5)
        for extra in (9, 10, 11, 30):
            padded = from_bins(views, dataset, rows[:20], n_bins={"rna": extra, "promoter": extra})
            np.testing.assert_allclose(padded, expected[:20], atol=1e-5)

    def test_fixed_number_of_bins(self, dataset, name):
        config = CONFIGS[name]
        views = network(dataset, config)
        scales, task_scale = fit_region_scales(dataset, config), fit_task_scale(dataset, config)
        fixed = build_network(config, scales, task_scale, n_bins={"rna": 12, "promoter": 6})
        fixed.bins.set_weights(views.bins.get_weights())
        assert fixed.bins.inputs[1].shape == (None, 12, 4)
        rows = np.arange(10)
        found = from_bins(fixed, dataset, rows, n_bins={"rna": 12, "promoter": 6})
        np.testing.assert_allclose(found, from_bins(views, dataset, rows), atol=1e-5)

    def test_views_share_their_weights(self, dataset, name):
        views = network(dataset, CONFIGS[name])
        assert {id(v) for v in views.bins.weights} == {id(v) for v in views.pooled.weights}
        assert {tensor.name for tensor in views.bins.inputs} == {"promoter", "rna"}


def relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)


def test_the_paper_network_equals_numpy(dataset):
    """Scaling, convolution, sum and dense layers written out, in float64, gene by gene and bin by bin."""
    config = TINY_PAPER
    views = network(dataset, config)
    layers = {layer.name: layer for layer in views.bins.layers}
    scales = fit_region_scales(dataset, config)
    task_scale = fit_task_scale(dataset, config)
    for row in (0, 7, 55):
        sums = []
        for region, x in bins_inputs(dataset.features, np.array([row])).items():
            values = x[0].astype(np.float64) * scales[region].factor
            for number in range(config.convolution(region).n_layers):
                kernel = layers[f"{region}_convolution_{number}"].get_weights()
                assert len(kernel) == 1  # no bias
                taps = kernel[0].astype(np.float64)
                out = np.zeros((len(values), taps.shape[2]))
                for i in range(len(values)):
                    for j in range(len(taps)):
                        if i + j < len(values):  # zero bins follow the 3' end
                            out[i] += values[i + j] @ taps[j]
                values = out
            sums.append(values.sum(axis=0))
        hidden = np.concatenate(sums)
        for number in range(config.n_dense):
            weight, bias = layers[f"dense_{number}"].get_weights()
            gamma, beta, mean, variance = layers[f"normalise_{number}"].get_weights()
            hidden = (relu(hidden @ weight + bias) - mean) / np.sqrt(variance + 1e-3) * gamma + beta
        weight, bias = layers["tasks_scaled"].get_weights()
        expected = (hidden @ weight + bias) * task_scale.sd + task_scale.mean
        np.testing.assert_allclose(from_bins(views, dataset, np.array([row]))[0], expected, rtol=1e-4, atol=1e-5)


def test_the_default_network_equals_numpy(dataset):
    config = TINY
    views = network(dataset, config)
    layers = {layer.name: layer for layer in views.bins.layers}
    scales = fit_region_scales(dataset, config)
    task_scale = fit_task_scale(dataset, config)
    row = np.array([11])
    hidden = np.concatenate(
        [
            (np.log1p(x[0].astype(np.float64).sum(axis=0)) - scales[region].shift) * scales[region].factor
            for region, x in bins_inputs(dataset.features, row).items()
        ]
    )
    for number in range(config.n_dense):
        weight, bias = layers[f"dense_{number}"].get_weights()
        gamma, beta, mean, variance = layers[f"normalise_{number}"].get_weights()
        hidden = (relu(hidden @ weight + bias) - mean) / np.sqrt(variance + 1e-3) * gamma + beta
    weight, bias = layers["tasks_scaled"].get_weights()
    expected = (hidden @ weight + bias) * task_scale.sd + task_scale.mean
    np.testing.assert_allclose(from_bins(views, dataset, row)[0], expected, rtol=1e-4, atol=1e-5)


def test_sizes_are_the_published_ones(dataset):
    views = build_network(PAPER, fit_region_scales(dataset, PAPER), fit_task_scale(dataset, PAPER))
    layers = {layer.name: layer for layer in views.bins.layers}
    n_promoter, n_rna = (tensor.shape[-1] for tensor in views.bins.inputs)
    assert layers["rna_convolution_0"].kernel.shape == (2, n_rna, 160)
    assert layers["rna_convolution_1"].kernel.shape == (2, 160, 160)
    assert layers["promoter_convolution_0"].kernel.shape == (1, n_promoter, 120)
    assert layers["promoter_convolution_4"].kernel.shape == (1, 120, 120)
    assert layers["dense_0"].kernel.shape == (280, 160)
    assert layers["tasks_scaled"].kernel.shape == (160, 4)
    assert not [name for name in layers if "dropout" in name]


def test_dropout_stands_where_it_is_asked_for(dataset):
    views = build_network(DEFAULT, fit_region_scales(dataset, DEFAULT), fit_task_scale(dataset, DEFAULT))
    names = [layer.name for layer in views.pooled.layers if "dropout" in layer.name]
    assert sorted(names) == ["dropout_0", "dropout_1", "promoter_dropout", "rna_dropout"]


@pytest.mark.parametrize("config", [TINY, TINY_PAPER], ids=["default", "paper"])
def test_a_constant_task_is_predicted_by_its_mean(dataset, config):
    flat = replace(dataset, targets=dataset.targets.copy())
    flat.targets[:, 2] = 1.25
    views = network(flat, config)
    predicted = from_sums(views, flat, config, np.arange(10))
    np.testing.assert_allclose(predicted[:, 2], 1.25, rtol=1e-6)
    assert predicted[:, 1].std() > 0


@pytest.mark.parametrize("config", [DEFAULT, TINY_PAPER], ids=["default", "paper"])
def test_first_weights_and_dropout_derive_from_the_seed_alone(dataset, config):
    def first(seed: int) -> list[np.ndarray]:
        random.random()  # whatever else draws from the global generator plays no part
        views = build_network(config, fit_region_scales(dataset, config), fit_task_scale(dataset, config), seed=seed)
        inputs = [np.ones((4, *tensor.shape[1:]), dtype=np.float32) for tensor in views.pooled.inputs]
        return [*views.pooled.get_weights(), views.pooled(inputs, training=True).numpy()]

    state = random.getstate()
    before = first(1)
    for a, b in zip(before, first(1), strict=True):
        np.testing.assert_array_equal(a, b)
    assert any(np.abs(a - b).max() > 0.01 for a, b in zip(before, first(2), strict=True))
    random.setstate(state)
    first_draw = random.random()
    random.setstate(state)
    build_network(config, fit_region_scales(dataset, config), fit_task_scale(dataset, config), seed=5)
    assert random.random() == first_draw


def test_one_region_is_enough_and_none_is_not(dataset):
    scales = {"rna": fit_region_scales(dataset, TINY)["rna"]}
    views = build_network(TINY, scales, TaskScale(np.zeros(1), np.ones(1)))
    assert views.bins.output_shape == (None, 1)
    assert len(views.pooled.inputs) == 1
    with pytest.raises(ValueError, match="at least one region"):
        build_network(TINY, {}, TaskScale(np.zeros(1), np.ones(1)))
