from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from decode.features.matrix import RegulatoryFeatures
from decode.models.bundle import load_bundle


@pytest.fixture(scope="module")
def ranks_file(features_file, targets_file, tmp_path_factory):
    """Ranks of a tissue's fold changes, under gene names."""
    genes = RegulatoryFeatures.read(features_file).genes.set_index("gene_id")
    values = pd.read_csv(targets_file, sep="\t", index_col=0).iloc[:, -1]
    rank = values.rank() / len(values)
    table = pd.DataFrame({"Gene_Name": genes.loc[rank.index, "gene_name"].to_numpy(), "DE_Prior_Rank": rank.to_numpy()})
    path = tmp_path_factory.mktemp("ranks") / "de_prior.txt"
    table.to_csv(path, sep="\t", index=False)
    return path


def test_deprior(run, features_file, ranks_file, toy, tmp_path):
    out = tmp_path / "out"
    options = ["--ranks", ranks_file, "--expression", toy.tissue_tpm, "--high-rank", 0.5, "--seeds", 1, "--members", 1]
    command = ["deprior", features_file, *options, "--max-epochs", 2, "--out", out]
    result = run(*command)
    assert result.status == 0, result.err
    assert "expression and totals" in result.out
    assert "critical: " in result.out
    accuracy = pd.read_csv(out / "accuracy.tsv", sep="\t")
    assert set(accuracy["part"]) == {"validation", "test"}
    assert load_bundle(out / "model").tasks == ["de_prior"]
    record = json.loads((out / "run.json").read_text())
    assert record["options"]["high_rank"] == 0.5
    assert not (tmp_path / "out.work").exists()
    again = run(*command)
    assert (again.status, "already holds this result" in again.out) == (0, True)
    assert run(*command, "--seed", 1).status == 2
    by_model = ["deprior", features_file, "--model", out / "model", "--out", tmp_path / "again"]
    result = run(*by_model, "--ranks", ranks_file, "--high-rank", 0.5)
    assert (result.status, "genes of the model: Spearman" in result.out) == (0, True), result.err
    again = pd.read_csv(tmp_path / "again" / "accuracy.tsv", sep="\t")
    wanted = accuracy[accuracy["predictor"] == "model"].reset_index(drop=True)
    pd.testing.assert_frame_equal(again, wanted, atol=1e-4)
    assert len(pd.read_csv(tmp_path / "again" / "predictions.tsv.gz", sep="\t")) > len(wanted)
    assert run(*by_model).status == 2  # other options over a finished run


def test_bad_input(run, features_file, ranks_file, tmp_path):
    result = run("deprior", features_file, "--ranks", tmp_path / "none.txt", "--out", tmp_path / "out")
    assert (result.status, "does not exist" in result.err) == (2, True)
    wrong = tmp_path / "wrong.txt"
    table = pd.read_csv(ranks_file, sep="\t")
    table.assign(DE_Prior_Rank=np.arange(len(table))).to_csv(wrong, sep="\t", index=False)
    result = run("deprior", features_file, "--ranks", wrong, "--out", tmp_path / "out")
    assert (result.status, "outside 0 to 1" in result.err) == (2, True)
    table.drop(columns="DE_Prior_Rank").to_csv(wrong, sep="\t", index=False)
    result = run("deprior", features_file, "--ranks", wrong, "--out", tmp_path / "out")
    assert (result.status, "lacks the columns DE_Prior_Rank" in result.err) == (2, True)
    result = run("deprior", features_file, "--out", tmp_path / "out")
    assert (result.status, "take a trained model with --model" in result.err) == (2, True)
    assert not (tmp_path / "out").exists()
