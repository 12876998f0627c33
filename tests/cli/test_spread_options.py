"""Calibration beside an evaluation, and the spread beside predictions."""

from __future__ import annotations

import json

import pandas as pd
import pytest


@pytest.mark.slow
def test_evaluate_writes_the_calibration(run, features_file, targets_file, trained, tmp_path):
    assert run("evaluate", trained, features_file, targets_file, "--out", tmp_path / "eval").status == 0
    metrics = json.loads((tmp_path / "eval" / "calibration.json").read_text())
    assert -1 <= metrics["fold_change_mean_spearman"] <= 1
    bins = pd.read_csv(tmp_path / "eval" / "calibration_bins.tsv", sep="\t")
    n_genes = json.loads((tmp_path / "eval" / "metrics.json").read_text())["n_genes"]
    assert bins.groupby("task")["n_genes"].sum().eq(n_genes).all()
    assert (tmp_path / "eval" / "calibration.png").exists()
    part = run("evaluate", trained, features_file, targets_file, "--out", tmp_path / "train", "--split", "train")
    assert part.status == 0
    assert not list((tmp_path / "train").glob("calibration*"))  # genes that trained say nothing about the spread


@pytest.mark.slow
@pytest.mark.parametrize(("name", "beside"), [("p.tsv", "p_spread.tsv"), ("a.b.tsv.gz", "a.b_spread.tsv.gz")])
def test_predict_writes_mean_and_sd(run, features_file, trained, tmp_path, name, beside):
    assert run("predict", trained, features_file, "--out", tmp_path / name, "--spread").status == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, beside, f"{name}.run.json"])
    mean = pd.read_csv(tmp_path / name, sep="\t")
    spread = pd.read_csv(tmp_path / beside, sep="\t")
    assert list(spread.columns) == [
        "gene_id", *(f"{task}_{end}" for task in mean.columns[1:] for end in ("mean", "sd")),
    ]  # fmt: skip
    pd.testing.assert_series_equal(spread["median_level_mean"], mean["median_level"], check_names=False)
    assert (spread["median_level_sd"] > 0).all()


@pytest.mark.slow
def test_one_member_has_no_spread(run, features_file, targets_file, tmp_path):
    single = tmp_path / "single"
    options = ["--members", 1, "--max-epochs", 1]
    assert run("train", features_file, targets_file, "--out", single, *options).status == 0
    result = run("predict", single, features_file, "--out", tmp_path / "p.tsv", "--spread")
    assert result.status == 2
    assert "has one member" in result.err
    assert not (tmp_path / "p.tsv").exists()
    assert run("evaluate", single, features_file, targets_file, "--out", tmp_path / "eval").status == 0
    assert not (tmp_path / "eval" / "calibration.png").exists()
