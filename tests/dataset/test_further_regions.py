"""A third region with sites and a signal, in which some genes have no bin at all, through the whole stack."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from planted import TASKS, TINY, TINY_PAPER, planted_features, planted_targets, quick_bundle
from scipy import sparse

from decode.dataset import Dataset, bins_inputs, pooled_inputs, prepare_dataset
from decode.features.matrix import RegionMatrix, RegulatoryFeatures, count_bound_genes
from decode.models.config import ConvolutionConfig

N_GENES = 150
EMPTY = np.arange(N_GENES) % 3 == 0  # genes without an element
DEFINITION = {"type": "linked", "bin_size": 20, "path": "links.tsv", "sha256": "0" * 64, "min_score": None}


def with_distal(features: RegulatoryFeatures) -> RegulatoryFeatures:
    """Add the region distal, bins of 20 bases: one TF and one signal."""
    rng = np.random.default_rng(7)
    offsets = np.concatenate([[0], np.cumsum(np.where(EMPTY, 0, rng.integers(1, 6, N_GENES)))]).astype(np.int64)
    values = rng.integers(0, 21, size=(offsets[-1], 2)).astype(np.float32)
    values[:, 1] /= 8
    region = RegionMatrix("distal", sparse.csr_array(values), offsets, np.full(offsets[-1], 20, dtype=np.int32))
    regions = {**features.regions, "distal": region}
    added = pd.DataFrame(
        [("distal", "TF", "DDD", "", "bases"), ("distal", "other", "H3K27ac", "", "signal")],
        columns=["region", "kind", "regulator", "biosample", "value_kind"],
    )
    tracks = pd.concat([features.tracks, added], ignore_index=True)
    tracks["n_bound_genes"] = count_bound_genes(regions)
    return replace(features, tracks=tracks, regions=regions, definitions={"distal": DEFINITION})


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    plain = planted_features(N_GENES)
    features = with_distal(plain)
    targets = planted_targets(plain)
    targets["liver"] += np.log1p(features.totals("distal")[:, 0])
    return prepare_dataset(features, targets, min_bound_genes=5)


def targets_of(dataset: Dataset) -> pd.DataFrame:
    table = pd.DataFrame(dataset.targets.astype(np.float64), columns=dataset.tasks)
    table.insert(0, "gene_id", dataset.features.ids)
    return table


def test_inputs_of_genes_without_bins(dataset):
    features = dataset.features
    assert list(features.regions) == ["promoter", "rna", "distal"]
    pooled = pooled_inputs(features, {"distal": 3})["distal"]
    assert not pooled[EMPTY].any()
    first = bins_inputs(features, np.arange(N_GENES))["distal"]
    np.testing.assert_allclose(pooled[:, 0], first.sum(axis=1), rtol=1e-6)
    np.testing.assert_array_equal(pooled[:, 1:], first[:, :3])
    alone = bins_inputs(features, np.flatnonzero(EMPTY))["distal"]
    assert alone.shape == (EMPTY.sum(), 1, 3)
    assert not alone.any()
    none = features.select(genes=features.ids[EMPTY].tolist())
    assert not pooled_inputs(none, {"distal": 2})["distal"].any()


@pytest.mark.parametrize("name", ["mean_gene", "median_length", "own_length", "matched_genes"])
def test_references_of_genes_without_bins(dataset, name):
    from decode.attribution.references import Reference, empty_profile, mean_profile

    features = dataset.features
    rows = np.arange(N_GENES)
    shared = {key: mean_profile(matrix, rows) for key, matrix in features.regions.items()}
    if name == "median_length":
        shared = {key: empty_profile(45, features.bin_size_of(key), m.n_tracks) for key, m in features.regions.items()}
        assert shared["distal"][:, 0].tolist() == [20, 20, 5]
    donors = np.flatnonzero(~EMPTY)
    reference = Reference(name, features, shared if name in {"mean_gene", "median_length"} else None, donors, 5)
    for row in (0, 1):
        widths = reference.n_bins([row])
        assert widths["distal"] >= 1
        assert reference.bins([row], widths)[2].shape == (1, widths["distal"], 3)
        np.testing.assert_allclose(
            reference.pooled([row], {})[2][0, 0], reference.bins([row], widths)[2][0].sum(axis=0), rtol=1e-6
        )


FIRST_BINS = replace(TINY_PAPER, promoter=ConvolutionConfig(kernel_size=2, filters=4, n_layers=2))


@pytest.mark.slow
@pytest.mark.parametrize("network", [TINY, TINY_PAPER, FIRST_BINS], ids=["default", "paper", "paper, first bins"])
def test_the_whole_stack(dataset: Dataset, network: Any, tmp_path: Any) -> None:
    from decode.attribution.attribute import attribute
    from decode.attribution.bins import bin_attributions
    from decode.evaluation.evaluate import evaluate
    from decode.evaluation.predict import predict, predict_members
    from decode.evaluation.randomisation import shuffle_regions
    from decode.models.bundle import load_bundle, save_bundle

    features, targets = dataset.features, targets_of(dataset)
    save_bundle(quick_bundle(dataset, network, members=1), tmp_path / "model")
    bundle = load_bundle(tmp_path / "model")
    assert bundle.regions == ["promoter", "rna", "distal"]
    assert bundle.features["definitions"]["distal"]["bin_size"] == 20
    whole = predict_members(bundle, features)[0]
    assert np.isfinite(whole).all()
    for rows in (np.arange(6), np.flatnonzero(EMPTY)[:4]):  # the full view agrees, also where no gene has an element
        view = np.asarray(bundle.members[0].bins(list(bins_inputs(features, rows).values()), training=False))
        np.testing.assert_allclose(view, whole[rows], atol=1e-5)
    alone = predict(bundle, features.select(genes=["G0000"]))
    np.testing.assert_allclose(alone[TASKS].to_numpy()[0], whole[0], atol=1e-5)

    features.write(tmp_path / "features.h5")
    result = evaluate(bundle, RegulatoryFeatures.read(tmp_path / "features.h5"), targets)
    assert np.isfinite(result.per_task["model"]).all()
    moved = shuffle_regions(dataset, ["distal"], seed=0, within_length=True)
    assert moved.features.totals("distal").sum() == pytest.approx(features.totals("distal").sum())

    explained = attribute(bundle, features, genes=["G0000", "G0001"], agreement_genes=2)
    assert float(np.abs(explained["additivity_error"]).max()) < 1e-4
    of_empty = explained["attribution"].sel(gene="G0000").to_numpy()
    is_distal = np.array([name.startswith("distal|") for name in features.track_ids])
    assert not of_empty[is_distal].any()
    (by_bin,) = bin_attributions(bundle, features, ["G0000"])
    assert not by_bin["attribution_distal"].to_numpy().any()

    wider = replace(features, definitions={"distal": DEFINITION | {"bin_size": 40}})
    with pytest.raises(ValueError, match=r"region distal of the features is .*40.* was trained on .*20"):
        predict(bundle, wider)
    predict(
        bundle, replace(features, definitions={"distal": DEFINITION | {"path": "other.tsv"}})
    )  # other links are fine
    as_bases = features.tracks.assign(value_kind="bases")
    with pytest.raises(
        ValueError, match=r"hold other values than those trained on: distal\|other:H3K27ac \(bases, not"
    ):
        predict(bundle, replace(features, tracks=as_bases))
