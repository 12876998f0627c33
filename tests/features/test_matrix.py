from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from decode.features.matrix import RegulatoryFeatures
from decode.features.region import RegionMatrix, count_bound_genes


def test_ids_and_names(features: RegulatoryFeatures) -> None:
    assert features.ids.tolist() == ["G1", "G2", "G3"]
    assert features.track_ids == [
        "promoter|TF:CTCF@K562",
        "promoter|TF:BCLAF1",
        "rna|RBP:BCLAF1@K562",
        "rna|RBP:BCLAF1@HepG2",
        "rna|miRNA:miR-1",
    ]
    assert repr(features) == ("RegulatoryFeatures(3 genes, hg19, promoter: 6 bins x 2 tracks, rna: 6 bins x 3 tracks)")
    assert count_bound_genes(features.regions).tolist() == features.tracks["n_bound_genes"].tolist()


def test_totals_and_lengths(features: RegulatoryFeatures) -> None:
    expected = np.array([[15, 1, 6, 2, 0], [0, 0, 0, 0, 0], [7, 0, 4, 0, 0]], dtype=np.float32)
    assert features.totals().dtype == np.float32
    np.testing.assert_array_equal(features.totals(), expected)
    np.testing.assert_array_equal(features.totals("rna"), expected[:, 2:])
    assert features.lengths("rna").tolist() == [25, 10, 14]
    assert features.lengths("promoter").tolist() == [20, 20, 10]
    with pytest.raises(KeyError, match="'utr' is not in the features; they hold promoter, rna"):
        features.totals("utr")


def test_first_bins_pads_short_genes(features: RegulatoryFeatures) -> None:
    first = features.first_bins("rna", 2)
    assert first.shape == (3, 2, 3)
    np.testing.assert_array_equal(first[0], [[1, 0, 0], [0, 2, 0]])
    np.testing.assert_array_equal(first[1], np.zeros((2, 3)))
    np.testing.assert_array_equal(first[2], [[0, 0, 0], [4, 0, 0]])


def test_dense(features: RegulatoryFeatures) -> None:
    values, lengths = features.dense("rna", [2, 0])
    assert values.dtype == lengths.dtype == np.float32
    np.testing.assert_array_equal(values[0], [[0, 0, 0], [4, 0, 0], [0, 0, 0]])
    np.testing.assert_array_equal(values[1], [[1, 0, 0], [0, 2, 0], [5, 0, 0]])
    np.testing.assert_array_equal(lengths, [[10, 4, 0], [10, 10, 5]])
    assert features.dense("rna", [1], n_bins=4)[0].shape == (1, 4, 3)
    values, lengths = features.dense("rna", [])
    assert values.shape == (0, 0, 3)
    assert lengths.shape == (0, 0)
    with pytest.raises(ValueError, match=r"n_bins is 2, but a gene has 3 bins in region rna; give at least 3"):
        features.dense("rna", [0, 1], n_bins=2)
    with pytest.raises(ValueError, match="rows outside the 3 genes of the features: -1, 3"):
        features.dense("rna", [-1, 3])
    with pytest.raises(TypeError, match="gene numbers"):
        features.dense("rna", [True, False, True])


def test_select_genes_in_the_order_asked_for(features: RegulatoryFeatures) -> None:
    chosen = features.select(genes=["G3", "G1"])
    assert chosen.ids.tolist() == ["G3", "G1"]
    assert chosen.genes.index.tolist() == [0, 1]
    np.testing.assert_array_equal(chosen.totals(), features.totals()[[2, 0]])
    np.testing.assert_array_equal(chosen.dense("promoter", [0, 1])[1], [[0, 10], [10, 10]])
    assert features.select(genes=["G3"]).tracks["n_bound_genes"].tolist() == [1, 0, 1, 0, 0]
    assert features.ids.tolist() == ["G1", "G2", "G3"]
    assert features.select() is features
    with pytest.raises(KeyError, match=r"1 gene_id\(s\) not in the features: G9"):
        features.select(genes=["G9", "G1"])
    with pytest.raises(ValueError, match="genes asked for occur more than once: G1"):
        features.select(genes=["G1", "G1"])


def test_select_tracks(features: RegulatoryFeatures) -> None:
    assert features.select(regulators=["BCLAF1"]).track_ids == [
        "promoter|TF:BCLAF1",
        "rna|RBP:BCLAF1@K562",
        "rna|RBP:BCLAF1@HepG2",
    ]
    only_rbp = features.select(regulators=["RBP:BCLAF1"])
    assert only_rbp.track_ids == ["rna|RBP:BCLAF1@K562", "rna|RBP:BCLAF1@HepG2"]
    assert only_rbp.regions["promoter"].n_tracks == 0
    assert only_rbp.totals().shape == (3, 2)
    assert features.select(kinds=["miRNA"]).track_ids == ["rna|miRNA:miR-1"]
    assert features.select(biosamples=["K562"]).track_ids == ["promoter|TF:CTCF@K562", "rna|RBP:BCLAF1@K562"]
    assert features.select(biosamples=[""], kinds=["TF"]).track_ids == ["promoter|TF:BCLAF1"]
    swapped = features.select(track_ids=["rna|RBP:BCLAF1@HepG2", "promoter|TF:BCLAF1", "rna|RBP:BCLAF1@K562"])
    assert swapped.track_ids == ["promoter|TF:BCLAF1", "rna|RBP:BCLAF1@HepG2", "rna|RBP:BCLAF1@K562"]
    np.testing.assert_array_equal(swapped.totals(), features.totals()[:, [1, 3, 2]])
    with pytest.raises(KeyError, match=r"1 regulator\(s\) not in the features: TF:NOPE"):
        features.select(regulators=["TF:NOPE"])
    with pytest.raises(KeyError, match=r"track\(s\) not in the features"):
        features.select(track_ids=["rna|RBP:X"])
    with pytest.raises(ValueError, match="no track satisfies"):
        features.select(kinds=["miRNA"], biosamples=["K562"])


def test_shuffled_moves_whole_blocks_of_the_named_region(features: RegulatoryFeatures) -> None:
    moved = features.shuffled(["rna"], seed=3)
    np.testing.assert_array_equal(moved.totals("promoter"), features.totals("promoter"))
    blocks = {tuple(row) for row in np.column_stack([features.lengths("rna"), features.totals("rna")]).tolist()}
    assert {tuple(row) for row in np.column_stack([moved.lengths("rna"), moved.totals("rna")]).tolist()} == blocks
    again = features.shuffled(["rna", "promoter"], seed=3)
    np.testing.assert_array_equal(again.totals("rna"), moved.totals("rna"))
    seeds = {tuple(features.shuffled(["rna"], seed=seed).lengths("rna").tolist()) for seed in range(20)}
    assert len(seeds) > 3
    within = features.shuffled(["rna"], seed=0, strata=[0, 1, 2])
    np.testing.assert_array_equal(within.totals(), features.totals())
    for seed in range(5):
        assert features.shuffled(["rna"], seed=seed, strata=["a", "b", "a"]).lengths("rna")[1] == 10
    with pytest.raises(ValueError, match="strata has shape"):
        features.shuffled(["rna"], seed=0, strata=[0, 1])
    with pytest.raises(KeyError, match="region"):
        features.shuffled(["utr"], seed=0)


def test_construction_checks(features: RegulatoryFeatures) -> None:
    with pytest.raises(ValueError, match="occur more than once: G1"):
        replace(features, genes=features.genes.assign(gene_id=["G1", "G1", "G2"]))
    with pytest.raises(ValueError, match="tracks occur more than once"):
        replace(features, tracks=features.tracks.assign(biosample=""))
    with pytest.raises(ValueError, match="group them by region"):
        replace(features, tracks=features.tracks.iloc[[2, 3, 4, 0, 1]].reset_index(drop=True))
    with pytest.raises(ValueError, match="region rna holds 3 genes x 3 tracks, the tables 3 x 2"):
        replace(features, tracks=features.tracks.iloc[:4])
    with pytest.raises(ValueError, match="level is 'exon'"):
        replace(features, level="exon")
    with pytest.raises(ValueError, match="genes lacks"):
        replace(features, genes=features.genes.drop(columns="tss"))
    with pytest.raises(ValueError, match="must describe the same bins"):
        RegionMatrix("rna", sparse.csr_array((3, 2)), np.array([0, 2]), np.array([10, 10, 10], dtype=np.int32))


def test_transcript_level(features: RegulatoryFeatures) -> None:
    genes = features.genes.assign(gene_id="G1", transcript_id=["T1", "T2", "T3"])
    transcripts = replace(features, level="transcript", genes=genes)
    assert transcripts.ids.tolist() == ["T1", "T2", "T3"]
    assert transcripts.select(genes=["T2"]).ids.tolist() == ["T2"]
    long = transcripts.to_long(["T3"])
    assert long.columns.tolist()[:3] == ["region", "transcript_id", "gene_id"]


def test_to_long(features: RegulatoryFeatures) -> None:
    long = features.to_long()
    assert long.columns.tolist() == ["region", "gene_id", "bin", "kind", "regulator", "biosample", "bases"]
    expected = [
        ("promoter", "G1", 0, "TF", "CTCF", "K562", 10),
        ("promoter", "G1", 1, "TF", "CTCF", "K562", 5),
        ("promoter", "G1", 1, "TF", "BCLAF1", "", 1),
        ("promoter", "G3", 1, "TF", "CTCF", "K562", 7),
        ("rna", "G1", 0, "RBP", "BCLAF1", "K562", 1),
        ("rna", "G1", 1, "RBP", "BCLAF1", "HepG2", 2),
        ("rna", "G1", 2, "RBP", "BCLAF1", "K562", 5),
        ("rna", "G3", 1, "RBP", "BCLAF1", "K562", 4),
    ]
    assert list(long.itertuples(index=False, name=None)) == expected
    assert features.to_long(["G2"]).empty
    assert features.select(kinds=["TF"]).to_long()["bases"].sum() == 23


def test_merge(features: RegulatoryFeatures) -> None:
    first = features.select(regulators=["TF:CTCF", "miR-1"])
    second = features.select(regulators=["BCLAF1"])
    merged = RegulatoryFeatures.merge([first, second])
    assert merged.track_ids == [
        "promoter|TF:CTCF@K562",
        "promoter|TF:BCLAF1",
        "rna|miRNA:miR-1",
        "rna|RBP:BCLAF1@K562",
        "rna|RBP:BCLAF1@HepG2",
    ]
    np.testing.assert_array_equal(merged.totals(), features.totals()[:, [0, 1, 4, 2, 3]])
    assert len(merged.sources) == len(merged.checks["positions"]) == 2
    pd.testing.assert_frame_equal(merged.genes, features.genes)
    assert RegulatoryFeatures.merge([features]).track_ids == features.track_ids


def test_merge_refuses_what_does_not_fit(features: RegulatoryFeatures) -> None:
    other = features.select(kinds=["miRNA"])
    rest = features.select(kinds=["TF", "RBP"])
    merge = RegulatoryFeatures.merge
    with pytest.raises(ValueError, match="no features to merge"):
        merge([])
    with pytest.raises(ValueError, match=r"occur more than once: rna\|miRNA:miR-1"):
        merge([features, other])
    with pytest.raises(ValueError, match="differ in build: 'hg19' and 'hg38'"):
        merge([rest, replace(other, build="hg38")])
    with pytest.raises(ValueError, match="differ in bin_size"):
        merge([rest, replace(other, bin_size=20)])
    with pytest.raises(ValueError, match="genes on one side only: G3"):
        merge([rest, other.select(genes=["G1", "G2"])])
    with pytest.raises(ValueError, match="another order"):
        merge([rest, other.select(genes=["G2", "G1", "G3"])])
    region = other.regions["rna"]
    longer = RegionMatrix("rna", region.data, region.offsets, region.bin_length_bp + 1)
    with pytest.raises(ValueError, match="different bins in region rna"):
        merge([rest, replace(other, regions={**other.regions, "rna": longer})])


def test_take_genes_by_their_numbers(features: RegulatoryFeatures) -> None:
    rows = [2, 0]
    taken, selected = features.take(rows), features.select(genes=features.ids[rows].tolist())
    assert taken.ids.tolist() == features.ids[rows].tolist()
    pd.testing.assert_frame_equal(taken.genes, selected.genes)
    pd.testing.assert_frame_equal(taken.tracks, selected.tracks)
    np.testing.assert_array_equal(taken.totals(), features.totals()[rows])
    assert taken.tracks["n_bound_genes"].tolist() == (features.totals()[rows] > 0).sum(axis=0).tolist()
    assert features.take(np.zeros(0, dtype=int)).n_genes == 0


def test_take_refuses_what_are_no_gene_numbers(features: RegulatoryFeatures) -> None:
    with pytest.raises(TypeError, match="rows are bool; gene numbers"):
        features.take(np.ones(features.n_genes, dtype=bool))
    with pytest.raises(ValueError, match=f"rows outside the {features.n_genes} genes of the features: -1, 99"):
        features.take([-1, 99])
    with pytest.raises(ValueError, match="rows asked for occur more than once: 1"):
        features.take([1, 0, 1])
