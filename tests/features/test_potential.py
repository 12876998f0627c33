from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from planted import TINY, TINY_PAPER, planted_features, planted_targets, quick_bundle
from scipy import sparse
from toy_models import toy_models

from decode.dataset import prepare_dataset
from decode.features.build import build_features
from decode.features.coordinates import bin_intervals
from decode.features.describe import describe
from decode.features.exchange import exchange_sites, kept_share, strata_by_region
from decode.features.matrix import RegionMatrix, RegulatoryFeatures, count_bound_genes
from decode.features.regions import PotentialRegion
from decode.genome.assembly import Assembly
from decode.genome.signals import SignalSource
from decode.genome.site_table import SiteTable
from decode.models.matching import select_for_model

ASSEMBLY = Assembly("toy", {"chr1": 5000, "chr2": 900, "chr3": 700})
MODELS = toy_models(
    ASSEMBLY,
    [
        ("P", "chr1", "+", [(1000, 1030)]),
        ("M", "chr1", "-", [(1500, 1541)]),
        ("E", "chr2", "+", [(5, 40)]),
        ("N", "chr3", "+", [(300, 340)]),
    ],
)
REGION = PotentialRegion(half_distance=10)  # TSS at 1000 and 1540, 100 bp to both sides


def peaks(*rows: tuple) -> pd.DataFrame:
    """chrom, start, end, regulator, biosample."""
    frame = pd.DataFrame(rows, columns=["chrom", "start", "end", "regulator", "biosample"])
    return frame.assign(strand=".", kind="TF")


def built(frame: pd.DataFrame, region: PotentialRegion = REGION, **options) -> RegulatoryFeatures:
    return build_features(MODELS, [SiteTable(frame, region.name)], regions=[region], **options)


BY_HAND = peaks(
    ("chr1", 990, 1010, "A", "K562"),  # middle on P's TSS: 1
    ("chr1", 1018, 1023, "A", "K562"),  # middle 1020: 2^-2
    ("chr1", 980, 1000, "A", "K562"),  # middle 990: 2^-1
    ("chr1", 899, 901, "A", "K562"),  # middle 900, the last base that counts: 2^-10
    ("chr1", 898, 900, "A", "K562"),  # middle 899: nothing
    ("chr1", 1545, 1555, "A", "K562"),  # middle 1550, 10 before M's TSS in its direction: 2^-1
    ("chr1", 1520, 1540, "A", "K562"),  # middle 1530, 10 into M: 2^-1
    ("chr1", 1600, 1680, "A", "K562"),  # middle 1640: 2^-10
    ("chr1", 1641, 1642, "A", "K562"),  # middle 1641: nothing
    ("chr1", 1000, 1001, "B", "K562"),
    ("chr1", 1000, 1001, "B", "K562"),  # peaks are not united
    ("chr1", 1540, 1541, "B", "HepG2"),
    ("chr2", 14, 16, "B", "HepG2"),  # middle 15, the window of E is cut by the chromosome's start
)


def test_by_hand_on_both_strands():
    features = built(BY_HAND)
    assert features.track_ids == ["potential|TF:A@K562", "potential|TF:B@HepG2", "potential|TF:B@K562"]
    expected = [[1 + 0.25 + 0.5 + 2**-10, 0, 2], [0.5 + 0.5 + 2**-10, 1, 0], [0, 0.5, 0], [0, 0, 0]]
    np.testing.assert_array_equal(features.totals(), np.array(expected, dtype=np.float32))
    assert features.regions["potential"].data.dtype == np.float32
    assert features.regions["potential"].offsets.tolist() == [0, 1, 2, 3, 4]
    assert features.lengths("potential").tolist() == [201, 201, 106, 201]
    assert features.tracks["value_kind"].tolist() == ["potential"] * 3
    assert features.tracks["n_bound_genes"].tolist() == [2, 2, 1]
    merged = built(BY_HAND, tracks="regulator")
    np.testing.assert_array_equal(merged.totals()[:, 1], features.totals()[:, 1:].sum(axis=1))


def test_against_a_plain_loop():
    rng = np.random.default_rng(0)
    genes = []
    for number in range(60):
        start = int(rng.integers(0, 4900))
        genes.append((f"G{number}", "chr1", "+-"[number % 2], [(start, start + int(rng.integers(1, 80)))]))
    models = toy_models(ASSEMBLY, genes)
    start = rng.integers(0, 4900, 400)
    frame = pd.DataFrame({"chrom": "chr1", "start": start, "end": start + rng.integers(1, 100, 400)})
    frame = frame.assign(strand=".", kind="TF", regulator=rng.choice(["A", "B", "C"], 400))
    region = PotentialRegion(half_distance=37)
    found = build_features(models, [SiteTable(frame, "potential")], regions=[region]).totals()
    expected = np.zeros((60, 3))
    for row, tss in enumerate(models.table["tss"]):
        for low, high, name in frame[["start", "end", "regulator"]].itertuples(index=False):
            distance = abs((low + high) // 2 - tss)
            if distance <= 370:
                expected[row, "ABC".index(name)] += 2 ** (-distance / 37)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert (expected > 0).mean() > 0.5


def test_everything_that_reads_features(tmp_path):
    features = built(BY_HAND)
    features.write(tmp_path / "features.h5")
    again = RegulatoryFeatures.read(tmp_path / "features.h5")
    pd.testing.assert_frame_equal(again.tracks, features.tracks)
    np.testing.assert_array_equal(again.totals(), features.totals())
    assert again.definitions == {
        "potential": {"type": "potential", "first_bp": -100, "last_bp": 101, "bin_size": 201, "half_distance_bp": 10}
    }
    table = again.to_long()
    assert table["bases"].tolist() == [0] * 5
    np.testing.assert_array_equal(table["potential"], features.totals()[features.totals() > 0])
    assert "regulatory potential of peaks up to 100 bp from the TSS, half at 10 bp" in describe(again)
    places = bin_intervals(features, "M", "potential")
    assert places.to_numpy().tolist() == [[0, "chr1", 1440, 1641]]
    parts = np.full(features.n_genes, "train")
    moved = exchange_sites(features, strata_by_region(features, parts), seed=0)
    assert kept_share(features, moved) == pytest.approx(1)
    np.testing.assert_allclose(np.sort(moved.totals(), axis=0), np.sort(features.totals(), axis=0))


def test_what_cannot_be(tmp_path):
    with pytest.raises(ValueError, match="half-distance of the region potential is 0"):
        PotentialRegion(0)
    with pytest.raises(ValueError, match="name of a region is 'rna', which is taken"):
        PotentialRegion(10, "rna")
    with pytest.raises(ValueError, match="region potential is given a signal; its potentials are those of peaks"):
        build_features(MODELS, [SignalSource("other", tmp_path / "a.bw", "potential")], regions=[REGION])


@pytest.mark.parametrize(
    ("network", "max_epochs", "least"), [(TINY, 150, 0.5), (TINY_PAPER, 2, -1)], ids=["default", "paper"]
)
def test_networks_learn_from_potentials(network, max_epochs, least):
    from decode.attribution.attribute import attribute
    from decode.evaluation.predict import predict

    plain = planted_features(300)
    values = np.random.default_rng(3).exponential(1.0, (300, 2)).astype(np.float32)
    matrix = RegionMatrix("potential", sparse.csr_array(values), np.arange(301), np.full(300, 201, dtype=np.int32))
    added = pd.DataFrame({"region": "potential", "kind": "TF", "regulator": ["X", "Y"], "biosample": ""})
    tracks = pd.concat([plain.tracks, added.assign(value_kind="potential")], ignore_index=True)
    regions = {**plain.regions, "potential": matrix}
    tracks["n_bound_genes"] = count_bound_genes(regions)
    definitions = {"potential": REGION.definition(100)}
    features = replace(plain, tracks=tracks, regions=regions, definitions=definitions)
    targets = planted_targets(plain)
    targets["liver"] = np.log1p(values[:, 0])
    bundle = quick_bundle(
        prepare_dataset(features, targets, min_bound_genes=5), network, members=1, max_epochs=max_epochs
    )
    predicted = predict(bundle, features)
    assert np.corrcoef(predicted["liver"], np.log1p(values[:, 0]))[0, 1] > least
    found = attribute(bundle, features, agreement_genes=0)
    assert float(np.abs(found["attribution"].sel(track="potential|TF:X", task="liver")).mean()) > 0
    other = replace(features, definitions={"potential": PotentialRegion(20).definition(100)})
    with pytest.raises(ValueError, match="region potential of the features is"):
        select_for_model(bundle, other)
