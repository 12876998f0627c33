from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from decode.features.matrix import RegulatoryFeatures
from decode.insilico.knockout_file import read_knockout


@pytest.fixture(scope="module")
def names(features_file):
    genes = RegulatoryFeatures.read(features_file).genes
    return genes["gene_id"].iloc[[3, 11]].tolist(), genes["gene_name"].iloc[[3, 11]].tolist()


def test_knockout(run, trained, features_file, names, tmp_path):
    (tmp_path / "genes.txt").write_text(f"{names[0][0]}.3\n{names[1][1]}\n")
    options = ("--out", tmp_path / "k.nc", "--genes", tmp_path / "genes.txt", "--summary", tmp_path / "s.tsv")
    result = run("knockout", trained, features_file, *options, "--figures", tmp_path / "maps")
    assert result.status == 0, result.err
    assert "bound pairs of 2 genes and" in result.out
    with read_knockout(tmp_path / "k.nc") as found:
        assert found["gene_id"].to_numpy().tolist() == names[0]
        n_pairs = found.attrs["n_pairs"]
        assert int(np.isfinite(found["effect"]).any("task").sum()) == n_pairs > 0
        n_rows = found.sizes["regulator"] * found.sizes["task"]
    table = pd.read_csv(tmp_path / "s.tsv", sep="\t")
    assert len(table) == n_rows
    assert table.drop_duplicates("regulator")["n_genes"].sum() == n_pairs
    assert sorted(path.name for path in (tmp_path / "maps").iterdir()) == sorted(
        f"{gene}{suffix}" for gene in names[0] for suffix in (".png", ".svg")
    )
    record = json.loads((tmp_path / "k.nc.run.json").read_text())
    assert (record["kind"], len(record["files"])) == ("knockout", 6)
    again = run("knockout", trained, features_file, *options, "--figures", tmp_path / "maps")
    assert (again.status, "already holds this result" in again.out) == (0, True)
    other = run("knockout", trained, features_file, "--out", tmp_path / "k.nc", "--regulators", "ACT1")
    assert (other.status, "give --force to replace it" in other.err) == (2, True)


def test_knockout_of_some_regulators(run, trained, features_file, tmp_path):
    result = run("knockout", trained, features_file, "--out", tmp_path / "k.nc", "--regulators", "POS1,TF:PAIR1")
    assert result.status == 0, result.err
    with read_knockout(tmp_path / "k.nc") as found:
        assert found["regulator"].to_numpy().tolist() == ["TF:POS1", "TF:PAIR1"]
        assert found.sizes["gene_id"] == 300


def test_disrupt(run, trained, features_file, names, toy, tmp_path):
    out, figure = tmp_path / "d.tsv.gz", tmp_path / "tracks.png"
    options = ("--genes", ",".join(names[1]), "--out", out, "--figure", figure, "--task", "tissue_1")
    genome = ("--annotation", toy.annotation, "--sizes", toy.sizes)
    result = run("disrupt", trained, features_file, *options, *genome)
    assert result.status == 0, result.err
    assert "the network cannot tell bins of the region apart" in result.out
    table = pd.read_csv(out, sep="\t")
    assert list(dict.fromkeys(table["gene_id"])) == names[0]
    assert set(table["region"]) == {"promoter", "rna"}
    assert table["position_blind"].all()
    assert table[["start", "end"]].notna().all().all()
    assert figure.stat().st_size > 10_000
    record = json.loads((tmp_path / "d.tsv.gz.run.json").read_text())
    assert record["counts"]["genes"] == 2
    again = run("disrupt", trained, features_file, *options, *genome)
    assert (again.status, "already holds this result" in again.out) == (0, True)


class TestBadInput:
    def test_names(self, run, trained, features_file, names, tmp_path):
        close = names[1][0][:-1] + "_" + names[1][0][-1:]
        result = run("disrupt", trained, features_file, "--genes", close, "--out", tmp_path / "d.tsv")
        assert result.status == 2
        assert "1 gene(s) not in the features" in result.err
        assert names[1][0] in result.err
        result = run("knockout", trained, features_file, "--regulators", "POS2", "--out", tmp_path / "k.nc")
        assert (result.status, "(nearest: POS1" in result.err) == (2, True)
        assert list(tmp_path.iterdir()) == []

    def test_options_that_need_others(self, run, trained, features_file, tmp_path):
        result = run("knockout", trained, features_file, "--out", tmp_path / "k.nc", "--figures", tmp_path / "maps")
        assert (result.status, "give --genes with at most 20 genes" in result.err) == (2, True)
        result = run("disrupt", trained, features_file, "--out", tmp_path / "d.tsv", "--genes", "a", "--task", "b")
        assert (result.status, "give --figure too" in result.err) == (2, True)
        result = run("disrupt", trained, features_file, "--out", tmp_path / "d.tsv", "--genes", ",")
        assert (result.status, "--genes names no gene" in result.err) == (2, True)


@pytest.mark.parametrize("command", ["knockout", "attribute"])
def test_a_name_for_another_format_is_refused(run, trained, features_file, tmp_path, command):
    result = run(command, trained, features_file, "--out", tmp_path / "k.txt")
    assert result.status == 2
    assert "k.txt is a name for another format; the result is netCDF-4: write k.nc" in " ".join(result.err.split())
    assert not list(tmp_path.iterdir())
