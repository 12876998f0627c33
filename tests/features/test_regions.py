"""Signals, windows and linked elements in a build, counted by hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from toy_models import toy_models

from decode.features.build import build_features
from decode.features.describe import describe
from decode.features.matrix import RegulatoryFeatures
from decode.features.pieces import Pieces
from decode.features.regions import BinOptions, LinkedRegion, WindowRegion, make_bins
from decode.features.signals import signal_means
from decode.genome.assembly import Assembly
from decode.genome.signals import SignalSource, SignalTrack
from decode.genome.sites import SiteSource

ASSEMBLY = Assembly("toy", {"chr1": 3000, "chr2": 500})
MODELS = toy_models(
    ASSEMBLY,
    [
        ("A", "chr1", "+", [(1000, 1030), (1100, 1125)]),
        ("B", "chr1", "-", [(2000, 2040)]),
        ("C", "chr2", "+", [(5, 45)]),
    ],
)
WINDOW = {"bin_size": 10, "upstream": 20, "downstream": 10}


def bigwig(path: Path, *spans: tuple[str, int, int, float]) -> Path:
    library = pytest.importorskip("pyBigWig", reason="extra bigwig is not installed")
    with library.open(str(path), "w") as file:
        file.addHeader(list(ASSEMBLY.sizes.items()))
        for chrom, start, end, value in spans:
            file.addEntries([chrom], [start], ends=[end], values=[value])
    return path


def bed(path: Path, *rows: tuple[object, ...]) -> Path:
    path.write_text("".join("\t".join(map(str, row)) + "\n" for row in rows))
    return path


def long(features: RegulatoryFeatures) -> list[tuple[object, ...]]:
    return list(features.to_long()[["gene_id", "bin", "regulator", "bases"]].itertuples(index=False, name=None))


class TestSignals:
    def test_mean_over_the_bases_of_a_bin(self, tmp_path):
        # promoters: A [980, 1010), B [2030, 2060) reversed, C [-15, 15): its first bin is masked, its second 5 bp
        path = bigwig(tmp_path / "H3K27ac.bw", ("chr1", 984, 992, 2.0), ("chr1", 2049, 2051, 3.0), ("chr2", 0, 4, 5.0))
        features = build_features(MODELS, [SignalSource("other", path, "promoter")], **WINDOW)
        assert features.track_ids == ["promoter|other:H3K27ac"]
        assert features.tracks[["value_kind", "n_bound_genes"]].to_numpy().tolist() == [["signal", 3]]
        dense, length_bp = features.dense("promoter", [0, 1, 2])
        expected = [[6 * 2 / 10, 2 * 2 / 10, 0], [0.3, 0.3, 0], [0, 4, 0]]
        np.testing.assert_array_equal(dense[:, :, 0], np.array(expected, np.float32))
        assert length_bp[2].tolist() == [0, 5, 10]
        assert features.regions["promoter"].data.dtype == np.float32
        assert features.checks["positions"] == []

    def test_sites_and_signals_in_one_region(self, tmp_path):
        signal = SignalSource("other", bigwig(tmp_path / "ATAC.bw", ("chr1", 980, 990, 0.5)), "promoter")
        sites = SiteSource("TF", bed(tmp_path / "tf.bed", ("chr1", 975, 985, "CTCF")), "promoter")
        features = build_features(MODELS, [sites, signal], **WINDOW)
        assert features.tracks["value_kind"].tolist() == ["bases", "signal"]
        table = features.to_long()
        assert table["bases"].tolist() == [5, 0]
        assert table["bases"].dtype == np.int64
        np.testing.assert_array_equal(table["signal"], np.array([np.nan, 0.5], np.float32))
        features.write(tmp_path / "f.h5")
        again = RegulatoryFeatures.read(tmp_path / "f.h5")
        pd.testing.assert_frame_equal(again.to_long(), table)
        with RegulatoryFeatures.open(tmp_path / "f.h5") as opened:
            np.testing.assert_array_equal(opened.dense("promoter", [0])[0], features.dense("promoter", [0])[0])
        assert "other: 1 regulators in 1 tracks (1 signals)" in describe(features)
        assert "1 bins with signal" in describe(features)

    def test_spliced_rna_with_one_file_and_with_a_stranded_pair(self, tmp_path):
        # RNA of A: 1000-1030, 1100-1125; RNA of B: 2039 down to 2000
        one = bigwig(tmp_path / "any.bw", ("chr1", 1025, 1105, 1.0), ("chr1", 2035, 2045, 4.0))
        bigwig(tmp_path / "GRO.plus.bw", ("chr1", 1025, 1105, 1.0), ("chr1", 2000, 2100, 7.0))
        pair = bigwig(tmp_path / "GRO.minus.bw", ("chr1", 1000, 1100, -9.0), ("chr1", 2035, 2045, -4.0))
        features = build_features(MODELS, [SignalSource("other", path, "rna") for path in (one, pair)], **WINDOW)
        dense = features.dense("rna", [0, 1])[0]
        assert dense[0, :, 0].tolist() == [0, 0, 0.5, 0.5, 0, 0]
        assert dense[1, :, 0].tolist() == [2, 0, 0, 0, 0, 0]
        np.testing.assert_array_equal(dense[:, :, 1], dense[:, :, 0])  # the minus file without its sign
        record = features.sources[1]
        assert [file["name"] for file in record["files"]] == ["GRO.plus.bw", "GRO.minus.bw"]
        both = build_features(MODELS, [SignalSource("other", pair, "promoter")], **WINDOW)
        # where strand does not matter the two are added: A 20 bases before the TSS 0, after it |-9|; B 4 and 7
        assert both.dense("promoter", [0])[0][0, :, 0].tolist() == [0, 0, 9]

    def test_against_every_base_of_a_random_track(self, tmp_path):
        rng = np.random.default_rng(0)
        values = {chrom: np.round(rng.exponential(size=size), 2) for chrom, size in ASSEMBLY.sizes.items()}
        spans = [(chrom, i, i + 1, float(v)) for chrom, track in values.items() for i, v in enumerate(track)]
        track = SignalTrack("x", bigwig(tmp_path / "x.bw", *spans), None)
        for region in ("rna", WindowRegion("wide", -700, 900, bin_size=37)):
            bins = make_bins(MODELS, region, BinOptions(bin_size=10), has_signal=True)
            rows, means, counts = signal_means(track, bins)
            expected = np.zeros(bins.pieces.n_rows)
            for base, row in _bases(bins.pieces):
                chrom, at = ("chr1", base) if base < 3000 else ("chr2", base - 3000)
                expected[row] += values[chrom][at]
            used = np.flatnonzero(bins.bin_length_bp)
            assert rows.tolist() == used.tolist()
            np.testing.assert_allclose(means, expected[used] / bins.bin_length_bp[used], rtol=1e-5)
            assert counts["n_bins"] == len(used)

    def test_negative_signal_raises(self, tmp_path):
        path = bigwig(tmp_path / "logfc.bw", ("chr1", 984, 990, 1.0), ("chr1", 2040, 2041, -2.5))
        with pytest.raises(ValueError, match=r"logfc\.bw is negative \(-2\.5 at chr1:2040\); tracks of 0 and more"):
            build_features(MODELS, [SignalSource("other", path, "promoter")], **WINDOW)

    def test_chromosomes_without_signal_are_told(self, tmp_path, caplog):
        library = pytest.importorskip("pyBigWig")
        with library.open(str(tmp_path / "half.bw"), "w") as file:
            file.addHeader([("chr1", 3000)])
            file.addEntries(["chr1"], [984], ends=[990], values=[1.0])
        features = build_features(MODELS, [SignalSource("other", tmp_path / "half.bw", "promoter")], **WINDOW)
        assert features.sources[0]["counts"]["absent_chromosomes"] == {"chr2": 1}
        assert "no signal on 1 chromosomes: chr2" in caplog.text


def _bases(pieces: Pieces) -> list[tuple[int, int]]:
    """Every base of every piece, without strand, and its row."""
    found = []
    for start, end, first, row, is_minus in zip(*pieces.columns, strict=True):
        for number in range(end - start):
            base = end - 1 - number if is_minus else start + number
            shift = pieces.strand_shift if base >= pieces.strand_shift else 0
            found.append((base - shift, row + (first + number) // pieces.bin_size))
    return found


class TestRegions:
    def test_window_and_linked_elements(self, tmp_path):
        tf = bed(
            tmp_path / "tf.bed", ("chr1", 1040, 1052, "CTCF"), ("chr1", 1500, 1512, "CTCF"), ("chr2", 100, 110, "Z")
        )
        links = bed(
            tmp_path / "links.bedpe",
            ("chr1", 1495, 1515, "chr1", 999, 1001, "A", 1),
            ("chr1", 1500, 1505, "chr1", 1, 2, "b", 1),
        )
        sources = [SiteSource("TF", tf, region) for region in ("promoter", "distal", "near")]
        regions = [LinkedRegion(links), WindowRegion("near", 30, 60, bin_size=5)]
        features = build_features(MODELS, sources, regions=regions, **WINDOW)
        assert list(features.regions) == ["promoter", "distal", "near"]
        assert features.track_ids == [f"{name}|TF:{tf}" for name in features.regions for tf in ("CTCF", "Z")]
        table = features.to_long()
        distal = table[table["region"] == "distal"]
        assert distal[["gene_id", "bin", "bases"]].to_numpy().tolist() == [["A", 0, 5], ["A", 1, 7], ["B", 0, 5]]
        near = table[table["region"] == "near"]  # A: 1030-1060
        assert near[["gene_id", "bin", "bases"]].to_numpy().tolist() == [["A", 2, 5], ["A", 3, 5], ["A", 4, 2]]
        assert features.lengths("distal").tolist() == [20, 5, 0]
        assert features.lengths("near").tolist() == [30, 30, 30]
        assert features.regions["distal"].offsets.tolist() == [0, 2, 3, 3]
        assert features.definitions["near"] == {"type": "window", "first_bp": 30, "last_bp": 60, "bin_size": 5}
        assert features.definitions["distal"]["counts"]["n_genes_without_element"] == 1
        assert "TSS +30..+60, 5-bp bins" in describe(features)
        assert "2 links of 2 genes, n_genes_without_element 1" in describe(features)
        features.write(tmp_path / "f.h5")
        again = RegulatoryFeatures.read(tmp_path / "f.h5")
        assert again.definitions == json.loads(json.dumps(features.definitions))
        pd.testing.assert_frame_equal(again.to_long(), table)
        with RegulatoryFeatures.open(tmp_path / "f.h5") as opened:
            assert opened.definitions == again.definitions
            values, length_bp = opened.dense("distal", [2, 0])
            assert values[:, :, 0].tolist() == [[0, 0], [5, 7]]
            assert length_bp.tolist() == [[0, 0], [10, 10]]
            assert opened.dense("distal", [2])[0].shape == (1, 0, 2)

    def test_a_gene_without_bins_can_be_selected_padded_and_summed(self, tmp_path):
        tf = bed(tmp_path / "tf.bed", ("chr1", 1500, 1512, "CTCF"), ("chr1", 985, 990, "CTCF"))
        links = bed(tmp_path / "links.bed", ("chr1", 1495, 1515, "A"), ("chr1", 2500, 2505, "B"))
        sources = [SiteSource("TF", tf, region) for region in ("promoter", "distal")]
        features = build_features(MODELS, sources, regions=[LinkedRegion(links)], **WINDOW)
        assert features.totals("distal").tolist() == [[12], [0], [0]]
        assert features.first_bins("distal", 3)[:, :, 0].tolist() == [[5, 7, 0], [0, 0, 0], [0, 0, 0]]
        alone = features.select(genes=["C"])
        assert alone.totals().tolist() == [[0, 0]]
        assert alone.lengths("distal").tolist() == [0]
        assert alone.first_bins("distal", 2).shape == (1, 2, 1)
        assert alone.dense("distal", [0])[0].shape == (1, 0, 1)
        assert alone.dense("distal", [0], n_bins=2)[0].tolist() == [[[0], [0]]]
        assert len(alone.to_long()) == 0
        alone.write(tmp_path / "alone.h5")
        assert RegulatoryFeatures.read(tmp_path / "alone.h5").lengths("distal").tolist() == [0]
        assert features.select(genes=["C", "A"]).totals("distal").tolist() == [[0], [12]]
        moved = features.shuffled(["distal"], seed=1)
        assert sorted(moved.totals("distal").ravel()) == [0, 0, 12]

    def test_merge_wants_one_definition(self, tmp_path):
        tf = bed(tmp_path / "tf.bed", ("chr1", 1040, 1052, "CTCF"))
        rest = bed(tmp_path / "rest.bed", ("chr1", 1041, 1052, "REST"))
        parts = [
            build_features(MODELS, [SiteSource("TF", path, "near")], regions=[WindowRegion("near", 30, last)], **WINDOW)
            for path, last in ((tf, 60), (rest, 60), (rest, 70))
        ]
        merged = RegulatoryFeatures.merge(parts[:2])
        assert merged.totals().tolist() == [[12, 11], [0, 0], [0, 0]]
        assert merged.definitions == parts[0].definitions
        with pytest.raises(ValueError, match="define region near differently"):
            RegulatoryFeatures.merge([parts[0], parts[2]])

    def test_faults(self, tmp_path):
        tf = SiteSource("TF", bed(tmp_path / "tf.bed", ("chr1", 1040, 1052, "CTCF")), "distal")
        with pytest.raises(ValueError, match=r"region of .* is 'distal'; choose one of: promoter, rna"):
            build_features(MODELS, [tf], **WINDOW)
        near = WindowRegion("near", 30, 60)
        with pytest.raises(
            ValueError, match=r"no sites are given for the region\(s\) near; .*--region-sites near:TF=PATH"
        ):
            build_features(MODELS, [SiteSource("TF", tf.path)], regions=[near], **WINDOW)
        with pytest.raises(ValueError, match="names of the regions occur more than once: near"):
            build_features(MODELS, [SiteSource("TF", tf.path, "near")], regions=[near, near], **WINDOW)
        for name in ("rna", "a b", "x|y", "", "1st"):
            with pytest.raises(ValueError, match="name of a region is"):
                WindowRegion(name, 0, 10)
        with pytest.raises(FileNotFoundError, match=r"links .* does not exist"):
            build_features(MODELS, [tf], regions=[LinkedRegion(tmp_path / "none.bedpe")], **WINDOW)
        with pytest.raises(ValueError, match=r"window 60\.\.30 is empty"):
            build_features(MODELS, [SiteSource("TF", tf.path, "n")], regions=[WindowRegion("n", 60, 30)], **WINDOW)
