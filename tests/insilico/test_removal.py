from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from planted import TINY, planted_dataset
from scipy import sparse
from toy_networks import CONFIGS, random_bundle

from decode.dataset import pooled_inputs
from decode.features.matrix import RegulatoryFeatures
from decode.insilico.removal import gene_inputs, window_removals
from decode.insilico.removal_model import RemovalModel
from decode.insilico.unfolded import UnfoldedNetwork
from decode.models.ensemble import predict_inputs

GENES = ["G0000", "G0003", "G0007"]  # the window of the first begins before its chromosome does


@pytest.fixture(scope="module")
def dataset():
    return planted_dataset(60)


@pytest.fixture(scope="module", params=["default", "paper", "wide kernels", "kernels past the end"])
def bundle(dataset, request):
    return random_bundle(dataset, CONFIGS[request.param])


@pytest.fixture(scope="module")
def plain(dataset):
    return random_bundle(dataset, TINY)


def deleted(features: RegulatoryFeatures, is_lost) -> RegulatoryFeatures:
    """The features with values set to zero: `is_lost(region, dense matrix)` is a mask of (row, track)."""
    regions = {}
    for name, matrix in features.regions.items():
        dense = matrix.data.toarray()
        dense[is_lost(name, dense)] = 0
        regions[name] = replace(matrix, data=sparse.csr_array(dense))
    return replace(features, regions=regions)


def without_tracks(features: RegulatoryFeatures, wanted) -> RegulatoryFeatures:
    """Without the sites of the tracks for which `wanted(kind, regulator)` is true."""

    def is_lost(region, dense):
        own = features.tracks[features.tracks["region"] == region]
        gone = [wanted(kind, name) for kind, name in zip(own["kind"], own["regulator"], strict=True)]
        return np.broadcast_to(gone, dense.shape)

    return deleted(features, is_lost)


def without_bin(features: RegulatoryFeatures, gene: int, region: str, number: int) -> RegulatoryFeatures:
    def is_lost(name, dense):
        lost = np.zeros(dense.shape, dtype=bool)
        if name == region:
            lost[features.regions[name].offsets[gene] + number] = True
        return lost

    return deleted(features, is_lost)


def predicted(bundle, features, row):
    return predict_inputs(bundle, pooled_inputs(features.take([row]), bundle.n_first_bins()))[:, 0]


class TestRegulators:
    def test_each_equals_features_in_which_its_sites_were_deleted(self, dataset, bundle):
        model = RemovalModel.of(bundle)
        assert model.members is not None
        for gene in gene_inputs(bundle, dataset.features, GENES[:2]):
            draws = np.eye(len(gene.regulators), dtype=bool)
            found = model.without_regulators(gene, draws)
            for number, label in enumerate(gene.regulators):
                other = without_tracks(dataset.features, lambda kind, name, label=label: f"{kind}:{name}" == label)
                np.testing.assert_allclose(found[:, number], predicted(bundle, other, gene.row), atol=1e-5)
                for region, values in pooled_inputs(other.take([gene.row]), bundle.n_first_bins()).items():
                    np.testing.assert_array_equal(gene.without_regulators(draws[[number]])[region], values)

    def test_nothing_removed_is_the_gene_itself(self, dataset, bundle):
        model = RemovalModel.of(bundle)
        for gene in gene_inputs(bundle, dataset.features, GENES):
            none = np.zeros((1, len(gene.regulators)), dtype=bool)
            expected = predicted(bundle, dataset.features, gene.row)
            np.testing.assert_allclose(model.predict(gene), expected, atol=1e-5)
            np.testing.assert_allclose(model.without_regulators(gene, none)[:, 0], expected, atol=1e-5)
            no_bin = np.zeros((1, len(gene.bins)), dtype=bool)
            np.testing.assert_allclose(model.without_bins(gene, no_bin)[:, 0], expected, atol=1e-5)

    def test_a_bare_name_means_all_its_kinds_and_one_kind_can_be_named(self, dataset, plain):
        full = next(i for i, total in enumerate(dataset.features.totals()) if (total > 0).all())
        name = dataset.features.genes["gene_name"][full]
        (gene,) = gene_inputs(plain, dataset.features, [name], regulators=["AAA", "RBP:AAA", "BBB"])
        assert gene.regulators == ["AAA", "RBP:AAA", "TF:BBB"]
        first = np.zeros((1, len(gene.regulators)), dtype=bool)
        first[0, 0] = True
        both = without_tracks(dataset.features, lambda _, name: name == "AAA")
        found = RemovalModel.of(plain).without_regulators(gene, first)[:, 0]
        np.testing.assert_allclose(found, predicted(plain, both, gene.row), atol=1e-5)
        overlapping = first | np.eye(len(gene.regulators), dtype=bool)[[1]]  # a track that two names share goes once
        again = RemovalModel.of(plain).without_regulators(gene, overlapping)[:, 0]
        np.testing.assert_allclose(again, found, atol=1e-5)

    def test_only_bound_regulators(self, dataset, plain):
        totals = dataset.features.totals()
        for gene in gene_inputs(plain, dataset.features, GENES):
            bound = dataset.features.tracks[totals[gene.row] > 0]
            assert set(gene.regulators) == set(bound["kind"] + ":" + bound["regulator"])

    def test_draws_do_not_depend_on_blocks_and_agree_with_keras(self, dataset, bundle):
        (gene,) = gene_inputs(bundle, dataset.features, ["G0003"])
        model, rng = RemovalModel.of(bundle), np.random.default_rng(0)
        draws = rng.random((50, len(gene.regulators))) < 0.5
        found = model.without_regulators(gene, draws)
        np.testing.assert_allclose(model.without_regulators(gene, draws, block_draws=7), found, atol=1e-6)
        by_keras = RemovalModel(bundle, None)
        np.testing.assert_allclose(by_keras.without_regulators(gene, draws, block_draws=7), found, atol=1e-5)
        np.testing.assert_allclose(by_keras.predict(gene), model.predict(gene), atol=1e-5)
        bins = rng.random((50, len(gene.bins))) < 0.5
        found = model.without_bins(gene, bins, block_draws=11)
        np.testing.assert_allclose(by_keras.without_bins(gene, bins), found, atol=1e-5)


class TestBins:
    def test_each_equals_features_in_which_its_sites_were_deleted(self, dataset, bundle):
        model = RemovalModel.of(bundle)
        for gene in gene_inputs(bundle, dataset.features, GENES[:2]):
            found = model.without_bins(gene, np.eye(len(gene.bins), dtype=bool))
            for number, (region, place) in enumerate(zip(gene.bins["region"], gene.bins["bin"], strict=True)):
                other = without_bin(dataset.features, gene.row, region, place)
                np.testing.assert_allclose(found[:, number], predicted(bundle, other, gene.row), atol=1e-5)

    def test_only_real_bins(self, dataset, plain):
        first, other, _ = gene_inputs(plain, dataset.features, GENES)
        assert first.bins.loc[first.bins["region"] == "promoter", "bin"].tolist() == [2, 3, 4, 5]
        assert other.bins.loc[other.bins["region"] == "promoter", "bin"].tolist() == [0, 1, 2, 3, 4, 5]
        length_bp = dataset.features.genes["length_bp"]
        for gene in (first, other):
            assert gene.bins.loc[gene.bins["region"] == "rna", "length_bp"].sum() == length_bp[gene.row]

    def test_windows(self, dataset, plain):
        first, other, _ = gene_inputs(plain, dataset.features, GENES)
        window = [("promoter", 1), ("promoter", 2), ("rna", 0)]
        draws = window_removals(other, [window, []])
        assert other.bins[draws[0]][["region", "bin"]].to_numpy().tolist() == [list(key) for key in window]
        assert not draws[1].any()
        assert window_removals(first, [window]).sum() == 2  # its bin 1 lies before the chromosome


class TestSignals:
    def test_other_values_than_bases(self, dataset):
        matrix = dataset.features.regions["promoter"]
        tracks = dataset.features.tracks.copy()
        tracks.loc[tracks["region"] == "promoter", "value_kind"] = "signal"
        data = sparse.csr_array(matrix.data.astype(np.float32) * np.float32(0.37))
        features = replace(
            dataset.features,
            tracks=tracks,
            regions={**dataset.features.regions, "promoter": replace(matrix, data=data)},
        )
        bundle = random_bundle(replace(dataset, features=features), TINY)
        (gene,) = gene_inputs(bundle, features, ["G0003"])
        model = RemovalModel.of(bundle)
        found = model.without_bins(gene, np.eye(len(gene.bins), dtype=bool))
        np.testing.assert_allclose(
            found[:, 2], predicted(bundle, without_bin(features, 3, "promoter", 2), 3), atol=1e-5
        )


class TestBadInput:
    def test_unknown_names_get_the_nearest(self, dataset, plain):
        with pytest.raises(KeyError, match=r"1 gene\(s\) not in the features: nam7 \(nearest: name7"):
            gene_inputs(plain, dataset.features, ["name3", "nam7"])
        with pytest.raises(KeyError, match=r"1 regulator\(s\) not in the tracks: TF:AAB \(nearest: TF:AAA"):
            gene_inputs(plain, dataset.features, ["name3"], regulators=["TF:AAB"])

    def test_ambiguous_names_get_their_candidates(self, dataset, plain):
        genes = dataset.features.genes.assign(gene_name=["same", "same", *dataset.features.genes["gene_name"][2:]])
        with pytest.raises(ValueError, match=r"same \(G0000, G0001\)"):
            gene_inputs(plain, replace(dataset.features, genes=genes), ["same"])

    def test_a_gene_named_twice(self, dataset, plain):
        with pytest.raises(ValueError, match="genes are named twice: G0003, name3"):
            gene_inputs(plain, dataset.features, ["G0003", "name3"])

    def test_a_gene_without_sites(self, dataset, plain):
        bare = dataset.features
        for name in bare.regions:
            offsets = bare.regions[name].offsets
            bare = deleted(bare, lambda region, dense, n=name, o=offsets: _rows(region == n, dense, o[3], o[4]))
        with pytest.raises(ValueError, match=r"no site of the model lies in 1 gene\(s\): G0003 \(name3\)"):
            gene_inputs(plain, bare, ["G0002", "G0003"])
        with pytest.raises(ValueError, match="no site of the regulators asked for lies in"):
            gene_inputs(
                plain, without_tracks(dataset.features, lambda _, name: name == "BBB"), GENES, regulators=["BBB"]
            )

    def test_features_that_lack_tracks(self, dataset, plain):
        with pytest.raises(ValueError, match="the features lack 1 of the model's"):
            gene_inputs(plain, dataset.features.select(regulators=["AAA", "CCC", "miR-1"]), GENES)

    def test_removals_of_another_shape_or_type(self, dataset, plain):
        (gene,) = gene_inputs(plain, dataset.features, ["G0003"])
        model = RemovalModel.of(plain)
        with pytest.raises(ValueError, match=r"booleans of shape \(n_draws, \d\) are wanted"):
            model.without_regulators(gene, np.ones((2, len(gene.regulators) + 1), dtype=bool))
        with pytest.raises(ValueError, match="the removals are float64"):
            gene.without_bins(np.ones((2, len(gene.bins))))


def _rows(is_region, dense, start, stop):
    lost = np.zeros(dense.shape, dtype=bool)
    lost[start:stop] = is_region
    return lost


class TestUnfolded:
    def test_closed_form_of_the_linear_part(self, dataset):
        """The paper network's convolutions and first dense layer are one linear map of the bins."""
        bundle = random_bundle(dataset, CONFIGS["paper"], members=1)
        features = dataset.features
        member = UnfoldedNetwork.from_model(bundle.members[0].pooled, bundle.regions)
        layers = {layer.name: layer for layer in bundle.members[0].bins.layers}
        kernel, bias = layers["dense_0"].get_weights()
        hidden, first = bias.astype(np.float64), 0
        for region in bundle.regions:
            values, length_bp = features.dense(region, [3])
            x = np.concatenate([length_bp[0][:, None], values[0]], axis=1) * layers[f"{region}_scale"].get_weights()[1]
            for name in [name for name in layers if name.startswith(f"{region}_convolution")]:
                taps = layers[name].get_weights()[0]
                padded = np.concatenate([x, np.zeros((len(taps) - 1, x.shape[1]))])
                x = np.sum([padded[j : j + len(x)] @ tap for j, tap in enumerate(taps)], axis=0)
            width = x.shape[1]
            hidden = hidden + x.sum(axis=0) @ kernel[first : first + width]
            first += width
        found = member.hidden(pooled_inputs(features.take([3]), bundle.n_first_bins()))
        np.testing.assert_allclose(found[0], hidden, atol=1e-5)

    def test_a_network_that_it_does_not_know_falls_back_to_keras(self, dataset, plain):
        import keras

        member = plain.members[0]
        strange = keras.Model(member.pooled.inputs, keras.layers.LayerNormalization()(member.pooled.outputs[0]))
        with pytest.raises(ValueError, match="LayerNormalization"):
            UnfoldedNetwork.from_model(strange, plain.regions)
        bundle = replace(plain, members=[member._replace(pooled=strange)])
        model = RemovalModel.of(bundle)
        assert model.members is None
        (gene,) = gene_inputs(bundle, dataset.features, ["G0003"])
        assert model.without_regulators(gene, np.eye(len(gene.regulators), dtype=bool)).shape[1] == len(gene.regulators)
