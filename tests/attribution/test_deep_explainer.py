from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np
import pytest
from planted import planted_dataset
from toy_networks import CONFIGS, random_bundle, random_network

from decode.attribution.deep_explainer import ELEMENTWISE_OPERATIONS, ShapEngine
from decode.attribution.exact.engine import ExactEngine
from decode.attribution.job import agreement, make_job
from decode.attribution.references import REFERENCES, make_reference
from decode.dataset import bins_inputs, pooled_inputs
from decode.models.layers import SumBins


@pytest.fixture(scope="module")
def dataset():
    return planted_dataset(100)


@pytest.mark.parametrize(
    ("config", "reference"),
    [*[(config, "own_length") for config in CONFIGS], *[(c, r) for c in ("default", "paper") for r in REFERENCES[1:]]],
)
def test_the_engines_agree(dataset, config, reference):
    bundle = random_bundle(dataset, CONFIGS[config], members=1)
    job = make_job(bundle, dataset.features, engine="exact", reference=reference, genes=None, part="test")
    rows = job.rows[[0, 1, 9]]
    exact = ExactEngine.from_model(bundle.members[0].pooled).attribute(*job.pooled(rows))
    widths = job.reference.n_bins(rows)
    shap = ShapEngine(bundle.members[0].bins, list(widths.values())).attribute(*job.bins(rows, widths))
    for a, b in zip(exact, shap, strict=True):
        assert a.shape == b.shape
        assert b.dtype == np.float32
        np.testing.assert_allclose(a, b, atol=1e-5)
        assert np.abs(a).max() > 1e-3
    found = agreement(job, 2)
    assert found.largest_difference < 1e-5
    assert len(found.ids) == 2
    assert len(found.tasks) == 3


def test_some_tasks(dataset):
    views = random_network(dataset, CONFIGS["paper"])
    bins = [x[:1] for x in bins_inputs(dataset.features, np.arange(1)).values()]
    references = [x * 0 for x in bins]
    n_bins = [x.shape[1] for x in bins]
    whole = ShapEngine(views.bins, n_bins).attribute(bins, references)
    some = ShapEngine(views.bins, n_bins, tasks=[2, 0]).attribute(bins, references)
    for all_tasks, two_tasks in zip(whole, some, strict=True):
        np.testing.assert_allclose(two_tasks, all_tasks[..., [2, 0]], atol=1e-6)


def test_differences_too_small_to_divide_by():
    """Both engines take the derivative at the reference; at the gene it would be 1, and the parts 1 and -1."""
    x = keras.Input((2, 2))
    hidden = keras.layers.ReLU()(keras.layers.Dense(1)(SumBins()(x)))
    model = keras.Model(x, keras.layers.Dense(1)(hidden))
    model.set_weights([np.ones((2, 1)), np.array([-4e-7]), np.ones((1, 1)), np.zeros(1)])
    values = np.array([[[1.0, 0.0], [0.0, -1.0 + 8e-7]]], dtype=np.float32)
    reference = np.zeros_like(values)
    assert model(values).numpy() > 0
    (exact,) = ExactEngine.from_model(model).attribute([values], [reference])
    (shap,) = ShapEngine(model, [2]).attribute([values], [reference])
    np.testing.assert_array_equal(exact, 0)
    np.testing.assert_array_equal(shap, 0)


def test_shap_is_left_as_it_was(dataset):
    from shap.explainers._deep import deep_tf

    before = dict(deep_tf.op_handlers)
    views = random_network(dataset, CONFIGS["default"])
    bins = [x[:1] for x in bins_inputs(dataset.features, np.arange(1)).values()]
    engine = ShapEngine(views.bins, [x.shape[1] for x in bins])
    engine.attribute(bins, bins)
    with pytest.raises(ValueError):
        engine.attribute([x[:, :-1] for x in bins], bins)
    assert deep_tf.op_handlers == before
    assert not set(ELEMENTWISE_OPERATIONS) & set(before)


def test_an_explained_gene_needs_its_own_reference(dataset):
    """Genes of one chunk have different backgrounds: each result depends on its own alone."""
    bundle = random_bundle(dataset, CONFIGS["paper"], members=1)
    reference = make_reference("matched_genes", bundle, dataset.features, n_matched=2)
    rows = np.array([0, 5])
    widths = reference.n_bins(rows)
    bins = list(bins_inputs(dataset.features, rows, n_bins=widths).values())
    engine = ShapEngine(bundle.members[0].bins, list(widths.values()), tasks=[1])
    both = engine.attribute(bins, reference.bins(rows, widths))
    second = engine.attribute([x[1:] for x in bins], reference.bins(rows[1:], widths))
    for a, b in zip(both, second, strict=True):
        np.testing.assert_allclose(a[1:], b, atol=1e-7)


def test_agreement_is_undefined_where_the_exact_engine_lacks_a_rule(dataset):
    bundle = random_bundle(dataset, CONFIGS["default"], members=1)
    pooled = bundle.members[0].pooled
    odd = keras.Model(pooled.inputs, keras.layers.LeakyReLU(name="odd")(pooled.outputs[0]))
    bundle = replace(bundle, members=[bundle.members[0]._replace(pooled=odd)])
    job = make_job(bundle, dataset.features, engine="shap", reference="own_length", genes=None, part="test")
    found = agreement(job, 1)
    assert np.isnan(found.largest_difference)
    assert "layer 'odd'" in found.note
    assert agreement(job, 0).note == "not run"


def test_pooled_inputs_are_sums_of_bins(dataset):
    """What makes the engines comparable: the first row of a pooled input is the sum of the bins."""
    pooled = pooled_inputs(dataset.features, {"rna": 2})
    for sums, bins in zip(pooled.values(), bins_inputs(dataset.features, np.arange(100)).values(), strict=True):
        np.testing.assert_allclose(sums[:, 0], bins.sum(axis=1))
