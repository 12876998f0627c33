from __future__ import annotations

import numpy as np
import pytest
from planted import TINY, TINY_PAPER, planted_dataset, quick_bundle

from decode.dataset import pooled_inputs
from decode.evaluation.predict import predict_members
from decode.models.ensemble import predict_inputs


@pytest.fixture(scope="module")
def dataset():
    return planted_dataset(150)


@pytest.fixture(scope="module", params=[TINY, TINY_PAPER], ids=["default", "paper"])
def bundle(request, dataset):
    return quick_bundle(dataset, request.param)


@pytest.fixture
def inputs(bundle, dataset):
    return pooled_inputs(dataset.features, bundle.n_first_bins())


def test_every_member_by_hand(bundle, inputs, dataset):
    found = predict_inputs(bundle, inputs)
    assert (found.shape, found.dtype) == ((2, 150, 4), np.float32)
    for number, member in enumerate(bundle.members):
        np.testing.assert_allclose(found[number], member.pooled(list(inputs.values()), training=False), atol=1e-5)
    np.testing.assert_array_equal(found, predict_members(bundle, dataset.features))


def test_a_mapping_in_any_order_or_a_list_in_the_regions_order(bundle, inputs):
    found = predict_inputs(bundle, inputs)
    np.testing.assert_array_equal(found, predict_inputs(bundle, dict(reversed(inputs.items()))))
    np.testing.assert_array_equal(found, predict_inputs(bundle, list(inputs.values())))
    double = {region: values.astype(np.float64) for region, values in inputs.items()}
    np.testing.assert_array_equal(found, predict_inputs(bundle, double))


def test_batches_do_not_matter_and_inputs_stay(bundle, inputs):
    before = {region: values.copy() for region, values in inputs.items()}
    found = predict_inputs(bundle, inputs)
    for batch_size in (1, 7, 150, 10_000):
        np.testing.assert_allclose(predict_inputs(bundle, inputs, batch_size=batch_size), found, atol=1e-5)
    for region, values in inputs.items():
        np.testing.assert_array_equal(values, before[region])


def test_no_genes(bundle, inputs):
    none = {region: values[:0] for region, values in inputs.items()}
    assert predict_inputs(bundle, none).shape == (2, 0, 4)


def test_altered_inputs_change_only_their_genes(bundle, inputs):
    without = {region: values.copy() for region, values in inputs.items()}
    without["promoter"][3, :, 1:] = 0
    change = predict_inputs(bundle, without) - predict_inputs(bundle, inputs)
    np.testing.assert_allclose(np.delete(change, 3, axis=1), 0, atol=1e-5)
    assert np.abs(change[:, 3]).max() > 1e-4


def test_what_does_not_fit_raises(bundle, inputs):
    with pytest.raises(ValueError, match="inputs are of the regions promoter; the model takes promoter, rna"):
        predict_inputs(bundle, {"promoter": inputs["promoter"]})
    with pytest.raises(ValueError, match="1 inputs were given; the model takes one a region: promoter, rna"):
        predict_inputs(bundle, [inputs["promoter"]])
    with pytest.raises(ValueError, match=r"input of region promoter has shape .*; \(150, 1, \d+\) is wanted"):
        predict_inputs(bundle, inputs | {"promoter": inputs["promoter"][..., 1:]})
    with pytest.raises(ValueError, match=r"input of region rna has shape \(149, .*; \(150, "):
        predict_inputs(bundle, inputs | {"rna": inputs["rna"][1:]})
    with pytest.raises(ValueError, match="batch_size is 0"):
        predict_inputs(bundle, inputs, batch_size=0)
