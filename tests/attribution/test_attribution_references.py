from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import pytest
from planted import BIN_SIZE, TINY, TINY_PAPER, planted_dataset, planted_features
from toy_networks import random_bundle

from decode.attribution.references import REFERENCES, Reference, empty_profile, make_reference, mean_profile
from decode.dataset import TEST, TRAIN, bins_inputs, pooled_inputs


@pytest.fixture(scope="module")
def dataset():
    return planted_dataset(100)


@pytest.fixture(scope="module")
def bundle(dataset):
    return random_bundle(dataset, TINY_PAPER, members=1)


@pytest.mark.parametrize("name", REFERENCES)
def test_both_views_are_the_same_reference(dataset, bundle, name):
    reference = make_reference(name, bundle, dataset.features)
    rows = dataset.rows(TEST)[:4]
    n_first = bundle.n_first_bins()
    pooled = reference.pooled(rows, n_first)
    widths = reference.n_bins(rows)
    bins = reference.bins(rows, {region: n + 1 for region, n in widths.items()})
    is_shared = name in {"median_length", "mean_gene"}
    for sums, values, (region, n) in zip(pooled, bins, widths.items(), strict=True):
        assert len(sums) == len(values) == (1 if is_shared else 4)
        np.testing.assert_allclose(values.sum(axis=1), sums[:, 0], rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(values[:, : n_first[region]], sums[:, 1:], rtol=1e-6)
        assert values.shape[1] == n + 1
        assert sums.dtype == values.dtype == np.float32
        assert (sums[..., 1:] != 0).any() == reference.has_sites == (name in {"mean_gene", "matched_genes"})


def test_own_length_is_the_gene_without_sites(dataset, bundle):
    reference = make_reference("own_length", bundle, dataset.features)
    rows = np.array([0, 7])  # the promoter of gene 0 begins before its chromosome
    own = pooled_inputs(dataset.features, bundle.n_first_bins())
    for found, inputs in zip(reference.pooled(rows, bundle.n_first_bins()), own.values(), strict=True):
        np.testing.assert_array_equal(found[..., 0], inputs[rows, :, 0])
        assert (found[..., 1:] == 0).all()


def test_median_length_by_hand(dataset, bundle):
    reference = make_reference("median_length", bundle, dataset.features)
    (promoter,), (rna,) = reference.bins([0], {"promoter": 6, "rna": 10})
    assert (promoter[:, 0] == BIN_SIZE).all()
    length_bp = round(float(np.median(dataset.features.lengths("rna")[dataset.rows(TEST)])))
    assert rna[:, 0].sum() == length_bp
    assert (rna[: length_bp // BIN_SIZE, 0] == BIN_SIZE).all()
    assert rna[length_bp // BIN_SIZE, 0] == length_bp % BIN_SIZE
    np.testing.assert_array_equal(empty_profile(25, 10, 2)[:, 0], [10, 10, 5])
    assert empty_profile(0, 10, 2).shape == (0, 3)


def test_mean_gene_is_the_mean_over_training_genes(dataset, bundle):
    reference = make_reference("mean_gene", bundle, dataset.features)
    train = dataset.rows(TRAIN)
    every = bins_inputs(dataset.features, train)
    for found, values in zip(reference.bins([0], {"promoter": 6, "rna": 9}), every.values(), strict=True):
        np.testing.assert_allclose(found[0, : values.shape[1]], values.mean(axis=0), rtol=1e-5)
    sums = pooled_inputs(dataset.features, bundle.n_first_bins())
    for found, values in zip(reference.pooled([0], bundle.n_first_bins()), sums.values(), strict=True):
        np.testing.assert_allclose(found[0], values[train].mean(axis=0), rtol=1e-5)


def test_matched_genes_are_training_genes_of_like_length(dataset, bundle):
    reference = make_reference("matched_genes", bundle, dataset.features, n_matched=3)
    length_bp = dataset.features.genes["length_bp"].to_numpy()
    train = dataset.rows(TRAIN)
    for row in (dataset.rows(TEST)[0], train[5]):
        found = reference.matched(int(row))
        assert len(found) == 3
        assert row not in found
        assert set(found) <= set(train)
        distance = np.abs(np.log(length_bp) - np.log(length_bp[row]))
        others = np.setdiff1d(train, [row, *found])
        assert distance[found].max() <= distance[others].min()
        profile = mean_profile(dataset.features.regions["rna"], found)
        (values,) = bins_inputs(dataset.features.select(track_ids=bundle.track_ids), found)["rna"].mean(axis=0)[None]
        np.testing.assert_allclose(profile, values, rtol=1e-6)


def test_no_transcript_of_the_gene_is_its_own_reference():
    features = planted_features(20, level="transcript")
    assert set(Reference("matched_genes", features, None, np.arange(4), 2).matched(0)) == {2, 3}
    with pytest.raises(ValueError, match="no other training gene for T0001"):
        Reference("matched_genes", features, None, np.arange(2), 2).matched(1)


class TestBadInput:
    def test_unknown_name_and_count(self, dataset, bundle):
        with pytest.raises(ValueError, match="reference is 'zero'; choose one of: own_length"):
            make_reference("zero", bundle, dataset.features)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="n_matched is 0"):
            make_reference("matched_genes", bundle, dataset.features, n_matched=0)

    @pytest.mark.parametrize(
        ("name", "part"), [("median_length", TEST), ("mean_gene", TRAIN), ("matched_genes", TRAIN)]
    )
    def test_features_without_the_genes_of_the_reference(self, dataset, bundle, name, part, caplog):
        ids = [str(i) for i in dataset.features.ids[dataset.split != part]]
        with pytest.raises(ValueError, match=rf"made of the model's \d+ {part} genes, and the features hold none"):
            make_reference(name, bundle, dataset.features.select(genes=ids))
        caplog.set_level(logging.WARNING)
        some = [*ids, *(str(i) for i in dataset.features.ids[dataset.rows(part)][:5])]
        make_reference(name, bundle, dataset.features.select(genes=some))
        assert f"5 of the model's {(dataset.split == part).sum()} {part} genes" in caplog.text


def test_features_of_one_region(dataset):
    config = TINY
    promoter = dataset.features.regions["promoter"]
    tracks = dataset.features.tracks[dataset.features.tracks["region"] == "promoter"].reset_index(drop=True)
    features = replace(dataset.features, regions={"promoter": promoter}, tracks=tracks)
    bundle = random_bundle(replace(dataset, features=features), config, members=1)
    for name in REFERENCES:
        (found,) = make_reference(name, bundle, features).pooled([3], bundle.n_first_bins())
        assert found.shape == (1, 1, 1 + promoter.n_tracks)
