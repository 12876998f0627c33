from __future__ import annotations

import gzip

import numpy as np
import pandas as pd
import pytest

TPM = "gene_id\tliver\tbrain\tblood\nENSG01.2\t3.75\t0.75\t1.75\nENSG02.1\t0.1\t0.2\t1.9\nENSG03.7\t7.75\t\t15.75\n"


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "tpm.tsv.gz"
    path.write_bytes(gzip.compress(TPM.encode()))
    return path


def test_tissue_by_hand(run, table, tmp_path):
    result = run("expression", "tissue", table, "--out", tmp_path / "targets.tsv.gz")
    assert result.status == 0, result.err
    found = pd.read_csv(tmp_path / "targets.tsv.gz", sep="\t", index_col="gene_id")
    assert found.columns.tolist() == ["median_level", "liver", "brain", "blood"]
    assert found.index.tolist() == ["ENSG01", "ENSG03"]  # ENSG02 never exceeds 2 TPM
    np.testing.assert_allclose(found.loc["ENSG01"], [1, 1, -1, 0])
    np.testing.assert_allclose(found.loc["ENSG03"], [3.5, -0.5, np.nan, 0.5])
    assert "n_dropped_low: 1" in result.out


def test_tissue_options(run, table, tmp_path):
    out = tmp_path / "targets.tsv"
    assert run("expression", "tissue", table, "--out", out, "--min-tpm", 1, "--pseudocount", 1).status == 0
    found = pd.read_csv(out, sep="\t", index_col="gene_id")
    assert found.index.tolist() == ["ENSG01", "ENSG02", "ENSG03"]
    assert found.loc["ENSG01", "median_level"] == np.log2(2.75)


def test_a_table_that_is_log2_already(run, tmp_path):
    (tmp_path / "log.csv").write_text("gene,a,b,c\nG1,1.5,-2,3\nG2,0.1,0.25,NA\n")
    out = tmp_path / "targets.tsv"
    assert run("expression", "table", tmp_path / "log.csv", "--already-log2", "--no-centre", "--out", out).status == 0
    found = pd.read_csv(out, sep="\t", index_col="gene_id")
    assert found.loc["G1"].tolist() == [1.5, -2, 3]
    assert np.isnan(found.loc["G2", "c"])
    assert run("expression", "table", tmp_path / "log.csv", "--already-log2", "--out", out, "--force").status == 0
    found = pd.read_csv(out, sep="\t", index_col="gene_id")
    assert found.loc["G1"].tolist() == [1.5, 0, -3.5, 1.5]  # median level first, then differences from it


def test_a_table_of_counts(run, tmp_path):
    (tmp_path / "raw.tsv").write_text("gene\ta\tb\nG1\t3.75\t0.75\nG2\t1.75\t1.75\n")
    out = tmp_path / "targets.tsv"
    assert run("expression", "table", tmp_path / "raw.tsv", "--no-centre", "--out", out).status == 0
    assert pd.read_csv(out, sep="\t")["a"].tolist() == [2, 1]


def test_numbers_keep_their_precision(run, tmp_path):
    values = np.random.default_rng(0).normal(size=(50, 3))
    frame = pd.DataFrame(values, columns=list("abc"), index=[f"G{i}" for i in range(50)])
    frame.to_csv(tmp_path / "in.tsv", sep="\t")
    out = tmp_path / "out.tsv.gz"
    assert run("expression", "table", tmp_path / "in.tsv", "--already-log2", "--no-centre", "--out", out).status == 0
    found = pd.read_csv(out, sep="\t", index_col="gene_id", dtype=str)
    np.testing.assert_array_equal([[float(cell) for cell in row] for row in found.to_numpy()], values)


def test_files_of_samples_make_tissues_and_tables(run, tmp_path):
    for number, name in enumerate(("liver", "lung")):
        (tmp_path / "quant" / name).mkdir(parents=True)
        rows = "".join(f"ENST{i:011d}.1\t{10 * i + 5 * number + 3}\n" for i in range(1, 9))
        (tmp_path / "quant" / name / "quant.sf").write_text("Name\tTPM\n" + rows)
    pairs = "".join(f"ENST{i:011d}\tENSG{(i + 1) // 2:011d}\n" for i in range(1, 9))
    (tmp_path / "map.tsv").write_text(pairs)
    for command in ("tissue", "table"):
        call = ["expression", command, "--samples-from", tmp_path / "quant", "--out", tmp_path / f"{command}.tsv"]
        assert "names transcripts" in run(*call).err
        result = run(*call, "--id-map", tmp_path / "map.tsv")
        assert result.status == 0, result.err
        table = pd.read_csv(tmp_path / f"{command}.tsv", sep="\t")
        assert table["gene_id"].tolist() == [f"ENSG{i:011d}" for i in range(1, 5)]
        change = np.log2(13 + 23 + 0.25) - np.log2(18 + 28 + 0.25)
        assert table.loc[0, "liver"] - table.loc[0, "lung"] == pytest.approx(change)
    elsewhere = tmp_path.with_name("o.tsv")
    assert "not both" in run("expression", "tissue", "x.tsv", "--samples-from", tmp_path, "--out", elsewhere).err
