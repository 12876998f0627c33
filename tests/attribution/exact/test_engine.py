from __future__ import annotations

import pickle

import keras
import numpy as np
import pytest
from planted import planted_dataset
from toy_networks import CONFIGS, random_network

from decode.attribution.exact.engine import ExactEngine
from decode.attribution.exact.steps import SMALL_DIFFERENCE, Elementwise, Multiplier
from decode.dataset import pooled_inputs


@pytest.fixture(scope="module")
def dataset():
    return planted_dataset(100)


def two_units() -> keras.Model:
    """a = (x1 + x2 - 1, x2 - x1 - 2), y = (3 relu(a1) + 5 relu(a2), relu(a1) - relu(a2))."""
    x = keras.Input((2,))
    hidden = keras.layers.Dense(2)(x)
    model = keras.Model(x, keras.layers.Dense(2)(keras.layers.ReLU()(hidden)))
    model.set_weights(
        [
            np.array([[1.0, -1.0], [1.0, 1.0]]),
            np.array([-1.0, -2.0]),
            np.array([[3.0, 1.0], [5.0, -1.0]]),
            np.array([7.0, 7.0]),
        ]
    )
    return model


def pooled(dataset, config) -> list[np.ndarray]:
    n_first = {region: config.n_first_bins(region) for region in dataset.features.regions}
    return list(pooled_inputs(dataset.features, n_first).values())


def without_sites(inputs: list[np.ndarray]) -> list[np.ndarray]:
    references = [x.copy() for x in inputs]
    for reference in references:
        reference[..., 1:] = 0
    return references


class TestByHand:
    def test_two_units(self):
        # x = (1, 2): a = (2, -1); reference 0: a = (-1, -2). Multipliers of the units: 2 / 3 and 0.
        (found,) = ExactEngine.from_model(two_units()).attribute([[[1.0, 2.0]]], [[[0.0, 0.0]]])
        np.testing.assert_allclose(found, [[[2.0, 2 / 3], [4.0, 4 / 3]]], rtol=1e-6)

    def test_both_units_change(self):
        # x = (-3, 1): a = (-3, 2); reference (0, 2): a = (1, 0). Multipliers: (0 - 1) / (-3 - 1) = 1/4 and 2 / 2 = 1.
        (found,) = ExactEngine.from_model(two_units()).attribute([[[-3.0, 1.0]]], [[[0.0, 2.0]]])
        multipliers = np.array([[3 / 4 - 5, 1 / 4 + 1], [3 / 4 + 5, 1 / 4 - 1]])
        np.testing.assert_allclose(found[0], multipliers * [[-3.0], [-1.0]], rtol=1e-6)

    def test_where_nothing_changes_the_derivative_at_the_reference_counts(self):
        relu = Elementwise(lambda a: np.maximum(a, 0), lambda a: (a > 0).astype(float))
        one = Multiplier(np.ones((4, 1, 1), dtype=np.float32))
        reference = np.array([[-4e-7], [4e-7], [0.0], [-4e-6]])
        values = np.array([[4e-7], [-4e-7], [0.0], [4e-6]])
        scale = relu.back(one, values, reference).scale
        assert scale.ravel().tolist() == [0.0, 1.0, 0.0, 0.5]
        assert SMALL_DIFFERENCE == 1e-6  # shap's

    def test_a_bound_track_without_a_change_has_no_part(self):
        (found,) = ExactEngine.from_model(two_units()).attribute([[[1.0, 2.0]]], [[[1.0, 0.0]]])
        assert (found[0, 0] == 0).all()


@pytest.mark.parametrize("name", CONFIGS)
class TestNetworks:
    def test_parts_add_up_to_the_difference(self, dataset, name):
        model, inputs = random_network(dataset, CONFIGS[name]).pooled, pooled(dataset, CONFIGS[name])
        engine = ExactEngine.from_model(model)
        for references in (
            without_sites(inputs),
            [x[:1] * 0.5 for x in inputs],
            [np.roll(x, 1, axis=0) for x in inputs],
        ):
            found = engine.attribute(inputs, references)
            difference = model(inputs, training=False).numpy() - model(references, training=False).numpy()
            np.testing.assert_allclose(sum(part.sum(axis=1) for part in found), difference, atol=1e-5)
            assert [part.shape for part in found] == [(len(x), x.shape[2], 4) for x in inputs]
            assert {part.dtype for part in found} == {np.dtype(np.float32)}

    def test_prediction_equals_keras(self, dataset, name):
        model, inputs = random_network(dataset, CONFIGS[name]).pooled, pooled(dataset, CONFIGS[name])
        expected = model(inputs, training=False).numpy()
        np.testing.assert_allclose(ExactEngine.from_model(model).predict(inputs), expected, atol=1e-5)

    def test_a_track_without_sites_has_no_part(self, dataset, name):
        inputs = pooled(dataset, CONFIGS[name])
        found = ExactEngine.from_model(random_network(dataset, CONFIGS[name]).pooled).attribute(
            inputs, without_sites(inputs)
        )
        for x, part in zip(inputs, found, strict=True):
            assert (part[:, 0] == 0).all()  # occupancy: the reference has the gene's own
            is_bound = x[:, 0] > 0
            is_bound[:, 0] = False
            assert (part[~is_bound] == 0).all()
            assert (part[is_bound] != 0).any()

    def test_other_genes_play_no_part(self, dataset, name):
        inputs = pooled(dataset, CONFIGS[name])
        references = without_sites(inputs)
        engine = ExactEngine.from_model(random_network(dataset, CONFIGS[name]).pooled)
        whole = engine.attribute(inputs, references)
        some = engine.attribute([x[[7, 3]] for x in inputs], [r[[7, 3]] for r in references])
        for all_genes, two_genes in zip(whole, some, strict=True):
            np.testing.assert_allclose(two_genes, all_genes[[7, 3]], atol=1e-6)
        assert all(not len(part) for part in engine.attribute([x[:0] for x in inputs], [r[:0] for r in references]))

    def test_multipliers_times_differences_are_the_attributions(self, dataset, name):
        inputs = [x[:3] for x in pooled(dataset, CONFIGS[name])]
        references = [x * 0.3 for x in inputs]
        engine = ExactEngine.from_model(random_network(dataset, CONFIGS[name]).pooled)
        found = zip(engine.multipliers(inputs, references), engine.attribute(inputs, references), strict=True)
        for x, r, (multiplier, attribution) in zip(inputs, references, found, strict=True):
            assert multiplier.shape == (*x.shape, 4)
            np.testing.assert_allclose((multiplier * (x - r)[..., None]).sum(axis=1), attribution, atol=1e-5)

    def test_an_engine_can_travel(self, dataset, name):
        inputs = [x[:2] for x in pooled(dataset, CONFIGS[name])]
        engine = ExactEngine.from_model(random_network(dataset, CONFIGS[name]).pooled)
        again = pickle.loads(pickle.dumps(engine))
        np.testing.assert_array_equal(again.predict(inputs), engine.predict(inputs))


class TestOtherLayers:
    @pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu", "linear"])
    def test_activations(self, activation):
        x = keras.Input((5,))
        hidden = keras.layers.Dense(4, activation=activation)(x)
        model = keras.Model(x, keras.layers.Activation(activation)(keras.layers.Dense(3)(hidden)))
        rng = np.random.default_rng(0)
        values, reference = rng.normal(size=(6, 5)), rng.normal(size=(1, 5))
        (found,) = ExactEngine.from_model(model).attribute([values], [reference])
        difference = model(values).numpy() - model(reference).numpy()
        np.testing.assert_allclose(found.sum(axis=1), difference, atol=1e-5)

    def test_a_value_that_goes_two_ways(self):
        x = keras.Input((2,))
        left, right = keras.layers.Dense(3, activation="relu")(x), keras.layers.Dense(2)(x)
        model = keras.Model(x, keras.layers.Dense(2)(keras.layers.Concatenate()([left, right])))
        values, reference = np.array([[1.0, -2.0], [0.5, 4.0]]), np.zeros((1, 2))
        engine = ExactEngine.from_model(model)
        (found,), (multiplier,) = (f([values], [reference]) for f in (engine.attribute, engine.multipliers))
        difference = model(values).numpy() - model(reference).numpy()
        np.testing.assert_allclose(found.sum(axis=1), difference, atol=1e-5)
        np.testing.assert_allclose(multiplier[:, 0] * values[:, :, None], found, atol=1e-6)

    def test_an_input_that_is_not_used(self):
        x, unused = keras.Input((2,)), keras.Input((3,))
        model = keras.Model([x, unused], keras.layers.Dense(1)(x))
        found = ExactEngine.from_model(model).attribute(
            [np.ones((1, 2)), np.ones((1, 3))], [np.zeros((1, 2)), np.zeros((1, 3))]
        )
        assert found[1].shape == (1, 3, 1)
        assert (found[1] == 0).all()

    @pytest.mark.parametrize(
        ("layer", "message"),
        [
            (
                keras.layers.Softmax(name="odd"),
                r"layer 'odd' \(Softmax\) .* no DeepLIFT rule with 1 input.*; use engine 'shap'",
            ),
            (keras.layers.ReLU(6.0, name="odd"), r"layer 'odd' \(ReLU\) .* only max\(x, 0\)"),
            (keras.layers.Dense(2, activation="gelu", name="odd"), r"layer 'odd' \(Dense\) .* activation 'gelu'"),
        ],
    )
    def test_a_layer_without_a_rule_is_named(self, layer, message):
        x = keras.Input((2,))
        with pytest.raises(ValueError, match=message):
            ExactEngine.from_model(keras.Model(x, layer(x)))

    def test_two_inputs_without_a_rule(self):
        x = keras.Input((2, 3))
        product = keras.layers.Multiply(name="odd")([x, x])
        with pytest.raises(ValueError, match=r"layer 'odd' \(Multiply\) .* no DeepLIFT rule with 2 input"):
            ExactEngine.from_model(keras.Model(x, product))
        beside = keras.layers.Concatenate(axis=1, name="odd")([x, x])
        with pytest.raises(ValueError, match=r"layer 'rows' \(Dense\) .* row axis"):
            ExactEngine.from_model(keras.Model(x, keras.layers.Dense(2, name="rows")(x)))
        with pytest.raises(ValueError, match=r"layer 'odd' \(Concatenate\) .* last axis"):
            ExactEngine.from_model(keras.Model(x, beside))
