from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from planted import BIN_SIZE, TINY, TINY_PAPER, planted_dataset
from scipy import sparse
from toy_networks import random_bundle

from decode.dataset import pooled_inputs
from decode.features.coordinates import bin_intervals
from decode.features.matrix import RegionMatrix, count_bound_genes
from decode.insilico.disruption import disrupt
from decode.models.ensemble import predict_inputs


@pytest.fixture(scope="module")
def dataset():
    return planted_dataset(60)


@pytest.fixture(scope="module")
def plain(dataset):
    return random_bundle(dataset, TINY, members=3)


@pytest.fixture(scope="module")
def found(dataset, plain):
    return disrupt(plain, dataset.features, ["name7", "G0004"])


def deleted(features, row, region, numbers):
    matrix = features.regions[region]
    dense = matrix.data.toarray()
    dense[matrix.offsets[row] + np.asarray(numbers)] = 0
    return replace(features, regions={**features.regions, region: replace(matrix, data=sparse.csr_array(dense))})


def change(bundle, before, after, row):
    one, other = (pooled_inputs(x.take([row]), bundle.n_first_bins()) for x in (before, after))
    return (predict_inputs(bundle, other) - predict_inputs(bundle, one))[:, 0]


def with_core(features):
    """The promoter's bins 3 and 4 (bases -10 to 10) counted once more, as a region of their own."""
    promoter = features.regions["promoter"]
    rows = np.concatenate([promoter.offsets[:-1] + 3, promoter.offsets[:-1] + 4])
    rows.sort()
    core = RegionMatrix(
        "core", promoter.data[rows], np.arange(0, len(rows) + 1, 2, dtype=np.int64), promoter.bin_length_bp[rows]
    )
    tracks = features.tracks[features.tracks["region"] == "promoter"].assign(region="core")
    regions = {**features.regions, "core": core}
    tracks = pd.concat([features.tracks, tracks], ignore_index=True).assign(n_bound_genes=count_bound_genes(regions))
    definition = {"type": "window", "first_bp": -10, "last_bp": 10, "bin_size": BIN_SIZE}
    return replace(features, regions=regions, tracks=tracks, definitions={"core": definition})


@pytest.mark.parametrize("window_bins", [1, 3])
def test_equals_features_in_which_the_sites_were_deleted(dataset, plain, window_bins):
    found = disrupt(plain, dataset.features, ["G0007"], window_bins=window_bins)
    for key, rows in found.windows.groupby(["region", "first_bin", "last_bin"]):
        region, first, last = key
        assert last - first == window_bins - 1 or window_bins == 3
        after = deleted(dataset.features, 7, region, range(first, last + 1))
        expected = change(plain, dataset.features, after, 7)
        assert rows["task"].tolist() == plain.tasks
        np.testing.assert_allclose(rows["effect"], expected.mean(axis=0), atol=1e-5)
        np.testing.assert_allclose(rows["sd_members"], expected.std(axis=0, ddof=1), atol=1e-5)


def test_order_and_regulators(found, dataset, plain):
    assert list(dict.fromkeys(found.windows["gene_id"])) == ["G0007", "G0004"]  # the user's order
    assert found.counts["windows"] * len(plain.tasks) == len(found.windows)
    totals = dataset.features.totals()
    tracks = dataset.features.tracks
    for gene, row in (("G0007", 7), ("G0004", 4)):
        bound = set((tracks["kind"] + ":" + tracks["regulator"])[totals[row] > 0])
        assert set(found.regulators.loc[found.regulators["gene_id"] == gene, "regulator"]) == bound
        assert found.sites.loc[found.sites["gene_id"] == gene, "value"].sum() == totals[row].sum()


def test_coordinates(found, dataset):
    own = found.windows[(found.windows["gene_id"] == "G0007") & (found.windows["region"] == "promoter")]
    own = own.drop_duplicates("first_bin")
    expected = bin_intervals(dataset.features, "G0007", "promoter").set_index("bin")
    assert own["start"].tolist() == expected["start"].loc[own["first_bin"]].tolist()
    assert own["end"].tolist() == expected["end"].loc[own["first_bin"]].tolist()
    assert own["from_bp"].tolist() == [-40, -30, -20, -10, 0, 10]
    rna = found.windows[found.windows["region"] == "rna"]
    assert rna["start"].isna().all()  # no gene models were given
    assert rna["from_bp"].min() == 0
    assert found.counts["regions_not_on_genome"] == ["rna"]


def test_the_default_network_is_position_blind(dataset, plain):
    """Two bins change places: so do their effects, and nothing else does."""
    features = dataset.features
    matrix = features.regions["promoter"]
    dense = matrix.data.toarray()
    first = matrix.offsets[7]
    dense[[first, first + 4]] = dense[[first + 4, first]]
    moved = replace(features, regions={**features.regions, "promoter": replace(matrix, data=sparse.csr_array(dense))})
    before, after = (disrupt(plain, x, ["G0007"], regions=["promoter"]).windows for x in (features, moved))
    assert before["position_blind"].all()
    order = [4, 1, 2, 3, 0, 5]
    for number, other in enumerate(order):
        one, two = (t.loc[t["first_bin"] == n, "effect"] for t, n in ((before, number), (after, other)))
        np.testing.assert_allclose(one, two, atol=1e-6)


def test_the_paper_network_sees_first_bins_of_the_rna(dataset):
    longest = dataset.features.ids[dataset.features.genes["length_bp"].argmax()]
    windows = disrupt(random_bundle(dataset, TINY_PAPER), dataset.features, [longest]).windows
    seen = windows[~windows["position_blind"]]
    assert set(zip(seen["region"], seen["first_bin"], strict=True)) == {("rna", 0), ("rna", 1)}


def test_a_narrower_region_gives_places_a_meaning(dataset):
    features = with_core(dataset.features)
    bundle = random_bundle(replace(dataset, features=features), TINY)
    windows = disrupt(bundle, features, ["G0007"]).windows
    promoter, core = (windows[windows["region"] == name] for name in ("promoter", "core"))
    assert not promoter["position_blind"].any()
    assert core["position_blind"].all()  # both of its bins lie in promoter and core alike
    shared = promoter[promoter["n_other_bins"] == 1]
    assert set(shared["first_bin"]) == {3, 4}
    np.testing.assert_allclose(shared["effect"], core["effect"], atol=1e-6)  # the same sites, both ways
    for number, other in ((3, [0]), (4, [1]), (1, [])):
        after = deleted(features, 7, "promoter", [number])
        after = deleted(after, 7, "core", other) if other else after
        effect = promoter.loc[promoter["first_bin"] == number, "effect"]
        np.testing.assert_allclose(effect, change(bundle, features, after, 7).mean(axis=0), atol=1e-5)


def test_potentials_are_not_scanned_and_said(dataset):
    features = with_core(dataset.features)
    tracks = features.tracks.assign(value_kind=np.where(features.tracks["region"] == "core", "potential", "bases"))
    features = replace(features, tracks=tracks)
    found = disrupt(random_bundle(replace(dataset, features=features), TINY), features, ["G0007"])
    assert set(found.windows["region"]) == {"promoter", "rna"}
    assert found.counts["regions_not_scanned"] == ["core"]
    assert found.windows["position_blind"].all()


class TestBadInput:
    def test_names(self, dataset, plain):
        with pytest.raises(KeyError, match=r"nearest: name7"):
            disrupt(plain, dataset.features, ["nme7"])
        with pytest.raises(KeyError, match=r"1 region\(s\) not in what can be scanned: enhancer"):
            disrupt(plain, dataset.features, ["name7"], regions=["enhancer"])

    def test_window(self, dataset, plain):
        with pytest.raises(ValueError, match="window_bins is 0"):
            disrupt(plain, dataset.features, ["name7"], window_bins=0)

    def test_a_gene_without_sites(self, dataset, plain):
        features = dataset.features
        for name, matrix in features.regions.items():
            features = deleted(features, 7, name, range(int(np.diff(matrix.offsets)[7])))
        with pytest.raises(ValueError, match=r"no site of the model lies in 1 gene\(s\): G0007 \(name7\)"):
            disrupt(plain, features, ["name7"])

    def test_what_is_not_on_the_genome_is_told(self, dataset, plain, caplog):
        with caplog.at_level(logging.WARNING, logger="decode"):
            disrupt(plain, dataset.features, ["name7"])
        assert "not put on the genome: rna" in caplog.text
