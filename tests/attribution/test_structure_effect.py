"""Gene structure as an input: networks, bundles, both attribution engines, removals."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from planted import TINY, TINY_PAPER, planted_dataset, quick_bundle
from toy_networks import LONG, random_bundle

from decode.attribution.attribute import attribute
from decode.attribution.bins import bin_attributions
from decode.attribution.references import REFERENCES
from decode.dataset import Dataset, bins_inputs, pooled_inputs
from decode.evaluation.predict import predict
from decode.features.matrix import RegulatoryFeatures
from decode.genome.structure import STRUCTURE_CHANNELS
from decode.insilico.knockout import knock_out
from decode.insilico.removal import gene_inputs
from decode.insilico.removal_model import RemovalModel
from decode.models.bundle import ModelBundle, load_bundle, model_hash, save_bundle
from decode.models.config import NetworkConfig
from decode.models.ensemble import predict_inputs
from decode.models.matching import select_for_model

PAPER = replace(TINY_PAPER, structure=True)
LONG_KERNELS = replace(LONG, structure=True)
CONFIGS = {"default": TINY, "paper": PAPER, "first bins": LONG_KERNELS}


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return planted_dataset(structure=True)


@pytest.fixture(scope="module", params=CONFIGS)
def bundle(request: pytest.FixtureRequest, dataset: Dataset) -> ModelBundle:
    return random_bundle(dataset, CONFIGS[request.param])


def test_both_views_agree_and_structure_counts(dataset: Dataset, bundle: ModelBundle) -> None:
    features, rows = dataset.features, np.arange(40)
    pooled = [values[rows] for values in pooled_inputs(features, bundle.n_first_bins()).values()]
    bins = list(bins_inputs(features, rows).values())
    for member in bundle.members:
        found = member.pooled(pooled, training=False).numpy()
        np.testing.assert_allclose(found, member.bins(bins, training=False).numpy(), atol=2e-5)
        moved = [*pooled[:-1], pooled[-1] + 1.0]
        assert np.abs(member.pooled(moved, training=False).numpy() - found).max() > 0.01


@pytest.mark.parametrize("reference", REFERENCES)
def test_parts_add_up(dataset: Dataset, bundle: ModelBundle, reference: str) -> None:
    found = attribute(bundle, dataset.features, reference=reference, part="all", agreement_genes=0)
    effects = found["length_effect"] + found["structure_effect"]
    difference = found["prediction"] - found["reference_prediction"]
    np.testing.assert_allclose(found["attribution"].sum("track") + effects, difference, atol=1e-4)
    assert bool((found["structure_effect"] != 0).any()) == (reference != "own_length")
    assert bool((found["length_effect"] != 0).any()) == (reference != "own_length")
    assert found.sizes["track"] == len(dataset.features.tracks)


@pytest.mark.parametrize("reference", ["own_length", "median_length", "matched_genes"])
def test_engines_agree(dataset: Dataset, bundle: ModelBundle, reference: str) -> None:
    genes = dataset.features.ids[[3, 50]].tolist()
    by_engine = [
        attribute(bundle, dataset.features, reference=reference, genes=genes, engine=engine, agreement_genes=0)
        for engine in ("exact", "shap")
    ]
    for name in ("attribution", "length_effect", "structure_effect"):
        np.testing.assert_allclose(by_engine[0][name], by_engine[1][name], atol=1e-4)
    for engine in ("exact", "shap"):
        (one, _) = bin_attributions(bundle, dataset.features, genes, reference=reference, engine=engine)
        np.testing.assert_allclose(one["structure_effect"], by_engine[0]["structure_effect"][0], atol=1e-4)


def test_removals_leave_structure_alone(dataset: Dataset, bundle: ModelBundle) -> None:
    gene = dataset.features.ids[7]
    (inputs,) = gene_inputs(bundle, dataset.features, [gene])
    model = RemovalModel.of(bundle)
    assert model.members is not None
    every = np.ones((1, len(inputs.regulators)), dtype=bool)
    bins = np.ones((1, len(inputs.bins)), dtype=bool)
    slow = RemovalModel(bundle, None)
    for draws, name in ((every, "without_regulators"), (bins, "without_bins")):
        removed = getattr(inputs, name)(draws)
        np.testing.assert_array_equal(removed["structure"], inputs.pooled["structure"])
        found = getattr(model, name)(inputs, draws)
        np.testing.assert_allclose(found, predict_inputs(bundle, removed), atol=2e-5)
        np.testing.assert_allclose(found, getattr(slow, name)(inputs, draws), atol=2e-5)
    single = np.eye(len(inputs.regulators), dtype=bool)
    expected = (model.without_regulators(inputs, single) - model.predict(inputs)[:, None]).mean(axis=0)
    found = knock_out(bundle, dataset.features, genes=[gene])["effect"].sel(regulator=inputs.regulators)[0]
    np.testing.assert_allclose(found, expected, atol=2e-5)


class TestBundle:
    @pytest.mark.parametrize("config", [TINY, PAPER])
    def test_round_trip(self, dataset: Dataset, config: NetworkConfig, tmp_path: Path) -> None:
        bundle = quick_bundle(dataset, config, max_epochs=1)
        save_bundle(bundle, tmp_path / "model")
        again = load_bundle(tmp_path / "model")
        assert again.structure_channels == list(STRUCTURE_CHANNELS)
        assert model_hash(again) == model_hash(bundle)
        expected = predict(bundle, dataset.features)[bundle.tasks]
        np.testing.assert_array_equal(predict(again, dataset.features)[bundle.tasks], expected)

    def test_features_without_structure_are_refused(self, dataset: Dataset, bundle: ModelBundle) -> None:
        bare = dataset.features.with_structure_channels([])
        with pytest.raises(ValueError, match=r"takes gene structure.*--structure"):
            select_for_model(bundle, bare)

    def test_a_model_without_structure_takes_features_with_it(self, dataset: Dataset) -> None:
        plain = quick_bundle(dataset, replace(TINY, structure=False), max_epochs=1)
        assert plain.structure_channels == []
        assert plain.input_names == ["promoter", "rna"]
        assert select_for_model(plain, dataset.features).structure_channels == []
        bare = planted_dataset().features
        np.testing.assert_array_equal(
            predict(plain, dataset.features)[plain.tasks], predict(plain, bare)[plain.tasks]
        )  # the same genes and sites

    def test_on_request(self, dataset: Dataset) -> None:
        assert quick_bundle(dataset, TINY, max_epochs=1, members=1).structure_channels == list(STRUCTURE_CHANNELS)
        assert quick_bundle(dataset, TINY_PAPER, max_epochs=1, members=1).structure_channels == []
        assert quick_bundle(dataset, PAPER, max_epochs=1, members=1).input_names == ["promoter", "rna", "structure"]
        assert quick_bundle(planted_dataset(), TINY, max_epochs=1, members=1).structure_channels == []


def test_a_planted_structure_effect_is_learned() -> None:
    """Targets that follow the structure alone are predicted with it and not without."""
    from decode.training.config import TrainingConfig
    from decode.training.ensemble import train_dataset

    dataset = planted_dataset(structure=True)
    signal = dataset.features.structure[:, 2] - dataset.features.structure[:, 4]
    dataset = replace(dataset, targets=np.repeat(signal[:, None], 4, axis=1).astype(np.float32))
    training = TrainingConfig(members=1, max_epochs=30, batch_size=32, learning_rate=0.01)
    test, correlation = dataset.rows("test"), {}
    for has_structure in (True, False):
        made = train_dataset(dataset, replace(TINY, structure=has_structure), training)
        found = predict(made, dataset.features)[made.tasks[1]].to_numpy()[test]
        correlation[has_structure] = np.corrcoef(found, signal[test])[0, 1]
    assert correlation[True] > 0.9
    assert abs(correlation[False]) < 0.4


def test_merging_keeps_structure(dataset: Dataset) -> None:
    features = dataset.features
    parts = [features.select(kinds=["TF"]), features.select(kinds=["RBP", "miRNA"])]
    bare = parts[0].with_structure_channels([])
    assert RegulatoryFeatures.merge([bare, parts[1]]).structure_channels == list(STRUCTURE_CHANNELS)
    assert RegulatoryFeatures.merge([bare, parts[1].with_structure_channels([])]).structure_channels == []
    other = replace(parts[1], genes=parts[1].genes.assign(structure_cds=1.0))
    with pytest.raises(ValueError, match="different gene structure"):
        RegulatoryFeatures.merge([parts[0], other])


def test_the_file_keeps_structure(dataset: Dataset, tmp_path: Path) -> None:
    dataset.features.write(tmp_path / "features.h5")
    again = RegulatoryFeatures.read(tmp_path / "features.h5")
    np.testing.assert_array_equal(again.structure, dataset.features.structure)
    with pytest.raises(KeyError, match="structure channel"):
        again.with_structure_channels(["structure_introns"])
