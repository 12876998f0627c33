from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from toy_drivers import driver_features, planted_statistic


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drivers")
    features = driver_features(400)
    features.write(folder / "features.h5")
    y = planted_statistic(features, noise=0.5)
    table = pd.DataFrame({"baseMean": 100.0, "log2FoldChange": y / 3, "stat": y, "padj": 0.1})
    table.index = features.genes["gene_name"]
    table.to_csv(folder / "kd.csv")
    table.assign(stat=0.0).to_csv(folder / "zero.csv")
    table.assign(stat=np.nan).to_csv(folder / "missing.csv")
    order = np.argsort(y)
    (folder / "up.txt").write_text("\n".join(features.ids[order[-80:]]))
    (folder / "down.txt").write_text("\n".join(features.ids[order[:80]]))
    level = pd.DataFrame({"gene_id": features.ids, "median_level": np.sin(np.arange(400)), "liver": 0.5})
    level.to_csv(folder / "targets.tsv", sep="\t", index=False)
    level.drop(columns="median_level").to_csv(folder / "changes.tsv", sep="\t", index=False)
    ranks = pd.DataFrame({"Gene_Name": table.index, "DE_Prior_Rank": np.linspace(0, 1, len(table))})
    ranks.to_csv(folder / "prior.txt", sep="\t", index=False)
    return folder


def test_drivers_of_a_table(run, files, tmp_path):
    options = ["--features", files / "features.h5", "--out", tmp_path / "out", "--refits", 50, "--top", 7]
    result = run("drivers", files / "kd.csv", *options, "--de-prior", files / "prior.txt")
    assert result.status == 0, result.err
    assert "TF8" in result.out
    assert "AUROC of the DE prior" in result.out
    drivers = pd.read_csv(tmp_path / "out" / "drivers.tsv", sep="\t")
    assert {"TF3", "TF8", "RBP5"} == set(drivers.loc[:2, "regulator"])
    assert "nan" not in (tmp_path / "out" / "drivers.tsv").read_text().lower()
    sites = pd.read_csv(tmp_path / "out" / "sites.bed", sep="\t", header=None)
    assert sites.shape[1] == 6
    assert sites[3].str.contains("TF:TF8|", regex=False).any()
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {
        *("drivers.tsv", "targets.tsv", "sites.bed", "where.tsv", "positions.tsv", "contrasts.tsv", "counts.json"),
        *("drivers_kd.png", "positions_kd.png", "drivers_kd.svg", "positions_kd.svg", "run.json"),
    }
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert len(record["inputs"]["de_table"]["sha256"]) == 64
    assert record["options"]["n_null"] == 50
    counts = json.loads((tmp_path / "out" / "counts.json").read_text())
    assert (counts["source"], counts["rule"], counts["n_matched"]) == ("DESeq2", "column stat", 400)


def test_drivers_of_a_signature(run, files, tmp_path):
    options = ["--features", files / "features.h5", "--out", tmp_path / "out", "--refits", 30, "--biosamples", "K562"]
    options += ["--mean-expression", files / "targets.tsv"]
    result = run("drivers", "--up", files / "up.txt", "--down", files / "down.txt", *options)
    assert result.status == 0, result.err
    assert "signature:" in result.out
    counts = json.loads((tmp_path / "out" / "counts.json").read_text())
    assert any("expression" in name for name in counts["inputs"]["signature"]["covariates"])


def test_direction_only_shows_no_response(run, files, tmp_path):
    options = ["--features", files / "features.h5", "--out", tmp_path / "out", "--refits", 30, "--direction-only"]
    result = run("drivers", files / "kd.csv", *options)
    assert result.status == 0, result.err
    assert " z " in result.out
    assert "response z" not in result.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "nothing to explain"),
        (["kd.csv", "--up", "up.txt"], "either DE_TABLE or the lists"),
        (["none.csv"], "does not exist"),
        (["kd.csv", "--biosamples", "HeLa"], "biosample(s) not in the features"),
        (["kd.csv", "--contrasts", "other"], "contrast(s) not in the DE table"),
        (["kd.csv", "--refits", "0"], "n_null is 0"),
        (["kd.csv", "--prior-covariate"], "name it with --de-prior FILE"),
        (["kd.csv", "--gene-column", "other"], "has no column 'other'"),
        (["prior.txt", "--form", "table"], "no usable statistic"),
        (["zero.csv"], "contrast zero: the statistic is 0 for every matched gene"),
        (["missing.csv"], "contrast missing: the statistic is missing for every matched gene"),
        (["kd.csv", "--min-genes", "100000"], "ask for fewer (--min-genes)"),
    ],
)
def test_bad_input(run, files, tmp_path, arguments, message):
    given = [files / a if isinstance(a, str) and (files / a).exists() else a for a in arguments]
    result = run("drivers", *given, "--features", files / "features.h5", "--out", tmp_path / "out")
    assert result.status == 2
    assert message in result.err
    assert result.err.strip().count("decode: error") == 1
    assert not (tmp_path / "out").exists()


def test_output_folder_is_checked_first(run, files, tmp_path):
    result = run("drivers", files / "kd.csv", "--features", files / "features.h5", "--out", tmp_path / "none" / "out")
    assert (result.status, "does not exist" in result.err) == (2, True)


def test_expression_without_a_level(run, files, tmp_path):
    options = [
        "--features",
        files / "features.h5",
        "--out",
        tmp_path / "out",
        "--mean-expression",
        files / "changes.tsv",
    ]
    result = run("drivers", files / "kd.csv", *options)
    assert result.status == 2
    assert "has no median_level" in result.err
    assert not (tmp_path / "out").exists()
