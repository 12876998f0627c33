from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np
import pytest
from fits import DROPPING
from planted import TINY, TINY_PAPER

from decode.models.architectures import build_network
from decode.training.config import TrainingConfig
from decode.training.data import training_data
from decode.training.descent import Descent, corrected_rates, dropout_table, split_trunk
from decode.training.losses import MaskedLoss
from decode.training.schedule import step_rates


@pytest.mark.parametrize("config", [DROPPING, TINY_PAPER], ids=["default", "paper"])
def test_the_parts_of_a_network_compute_what_it_does(dataset, config):
    data = training_data(dataset, config)
    network = build_network(config, data.scales, data.task_scale).pooled
    inputs = [keras.ops.convert_to_tensor(values, "float32") for values in data.inputs.values()]
    trunk = split_trunk(network)
    constant = trunk.constant(inputs)
    expected = np.asarray(network(inputs))
    np.testing.assert_allclose(trunk.model(constant), expected, atol=1e-5)
    ones = [keras.ops.ones((len(inputs[0]), *shape)) for shape in trunk.mask_shapes]
    np.testing.assert_allclose(trunk.masked([*constant, *ones]), expected, atol=1e-5)
    assert [id(one) for one in trunk.masked.trainable_variables] == [id(one) for one in network.trainable_variables]
    assert not trunk.constant.trainable_variables
    rates = [DROPPING.input_dropout] * 2 + [DROPPING.dropout] * DROPPING.n_dense
    assert trunk.mask_rates == ([] if config is TINY_PAPER else pytest.approx(rates))


def test_frozen_layers_belong_to_the_constant_part(data):
    network = build_network(TINY, data.scales, data.task_scale).pooled
    for layer in network.layers:
        layer.trainable = layer.name == "tasks_scaled"
    trunk = split_trunk(network)
    assert [tuple(tensor.shape) for tensor in trunk.constant.outputs] == [(None, TINY.width)]
    assert len(trunk.masked.trainable_variables) == 2


@pytest.mark.parametrize("schedule", ["constant", "one_cycle"])
@pytest.mark.parametrize("config", [TINY, TINY_PAPER], ids=["default", "paper"])
def test_steps_are_those_of_keras(dataset, config, schedule):
    """Without dropout: the same batches, by a plain step with Keras' Adam, end with the same weights."""
    config = replace(config, dropout=0.0, input_dropout=0.0)
    data = training_data(dataset, config)
    loss = MaskedLoss(data.task_scale.sd, config.huber_delta, data.task_weight)
    ours, plain = (build_network(config, data.scales, data.task_scale, seed=4).pooled for _ in range(2))
    order = np.random.default_rng(0).permutation(len(data.train))[:120].reshape(3, 40)
    options = TrainingConfig(schedule=schedule, max_epochs=2, learning_rate=3e-3).resolved("default", len(data.train))
    rates = step_rates(options, 3)
    inputs = list(data.inputs.values())
    descent = Descent(ours, inputs, data.targets, data.train, data.validation, loss)
    for epoch, corrected in enumerate(corrected_rates(rates).reshape(2, 3)):
        _, predicted = descent.epoch(order, corrected, (1, epoch))
    optimizer = keras.optimizers.Adam(1.0)
    optimizer.build(plain.trainable_variables)
    import tensorflow as tf

    for step, rows in enumerate(np.concatenate([order, order])):
        genes = data.train[rows]
        optimizer.learning_rate.assign(rates[step])
        with tf.GradientTape() as tape:
            value = loss(data.targets[genes], plain([values[genes] for values in inputs], training=True))
        optimizer.apply(tape.gradient(value, plain.trainable_variables), plain.trainable_variables)
    for mine, theirs in zip(ours.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-3)  # Adam makes much of rounding where a gradient is near 0
    np.testing.assert_allclose(ours([values[data.validation] for values in inputs]), predicted, atol=1e-5)


def test_dropout_draws():
    table = dropout_table(np.random.default_rng(0), 0.3, 400_001)
    assert len(table) == 400_001
    assert set(np.unique(table)) == {np.float32(0), np.float32(1 / 0.7)}
    assert (table == 0).mean() == pytest.approx(0.3, abs=4 * np.sqrt(0.21 / 400_001))
    for lag in (1, 2, 3, 4, 256):  # neighbours are independent
        assert abs(np.corrcoef(table[:-lag], table[lag:])[0, 1]) < 4 / np.sqrt(400_001)


def test_dropout_is_a_function_of_its_seed(data):
    loss = MaskedLoss(data.task_scale.sd)
    order, rates = np.arange(100).reshape(2, 50), np.array([1e-3, 1e-3])
    found = []
    for seed in (1, 1, 2):
        network = build_network(DROPPING, data.scales, data.task_scale, seed=4).pooled
        descent = Descent(network, list(data.inputs.values()), data.targets, data.train, data.validation, loss)
        found.append(descent.epoch(order, rates, (seed, 0))[0])
    assert found[0] == pytest.approx(found[1], abs=1e-6)
    assert abs(found[0] - found[2]) > 1e-4


class TestRates:
    def test_one_cycle_rises_for_a_quarter_and_ends_at_nothing(self):
        training = TrainingConfig(max_epochs=20, learning_rate=0.5).resolved("default", 10_000)
        rates = step_rates(training, 50)
        assert len(rates) == 1000
        assert rates.argmax() in (249, 250)
        assert rates[0] == pytest.approx(0.05, rel=0.01)
        assert rates.max() == pytest.approx(0.5, rel=1e-4)
        assert rates[-1] < 1e-5
        assert (np.diff(rates[:250]) > 0).all()
        assert (np.diff(rates[250:]) < 0).all()

    def test_constant(self):
        training = TrainingConfig(schedule="constant", max_epochs=2, learning_rate=0.5).resolved("default", 100)
        np.testing.assert_array_equal(step_rates(training, 3), np.full(6, 0.5))
