from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from planted import TINY, planted_features
from toy_networks import random_bundle

from decode.core.files import write_table
from decode.dataset import prepare_dataset
from decode.models.bundle import save_bundle


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A model of persons on planted features, with targets that differ by person."""
    folder = tmp_path_factory.mktemp("coexpression")
    features = planted_features(80)
    rng = np.random.default_rng(0)
    values = rng.normal(size=(80, 2)) @ rng.normal(size=(2, 10))
    targets = pd.DataFrame(values, columns=[f"p{i}" for i in range(10)])
    targets.insert(0, "gene_id", features.ids)
    features.write(folder / "features.h5")
    write_table(targets, folder / "targets.tsv.gz")
    bundle = random_bundle(prepare_dataset(features, targets, min_bound_genes=5), TINY)
    history = pd.DataFrame({"member": [0], "epoch": [0], "train_loss": [1.0], "validation_loss": [1.0]})
    save_bundle(replace(bundle, history=history), folder / "model")
    return folder


@pytest.mark.parametrize("mode", ["knockout", "disruption"])
def test_drivers_of_a_pair(run, files, tmp_path, mode):
    out = tmp_path / "out"
    command = ["coexpression", files / "model", files / "features.h5", "--pair", "name7,name3", "--mode", mode]
    command += ["--draws", 150, "--resamples", 5, "--also", f"again={files / 'model'}", "--out", out]
    result = run(*command)
    assert result.status == 0, result.err
    assert "name7 altered: correlation with name3" in result.out
    assert ("position_blind" in result.out) == (mode == "disruption")
    effects = pd.read_csv(out / "effects.tsv", sep="\t")
    assert list(dict.fromkeys(effects["gene"])) == ["name7", "name3"]
    assert set(effects["model"]) == {"model", "again"}
    assert len(json.loads((out / "correlations.json").read_text())) == 4
    for name in ("key.tsv", "effects_model.png", "effects_again.svg", "run.json"):
        assert (out / name).exists(), name
    assert (run(*command).status, run(*command, "--seed", 3).status) == (0, 2)


def test_prediction_of_pairs(run, files, tmp_path):
    out = tmp_path / "out"
    inputs = [files / name for name in ("model", "features.h5", "targets.tsv.gz")]
    options = ["--split", "all", "--resamples", 10, "--feature-class", f"rna={files / 'model'}", "--out", out]
    result = run("coexpression-prediction", *inputs, *options)
    assert result.status == 0, result.err
    assert "AUROC of the sign" in result.out
    metrics = json.loads((out / "metrics.json").read_text())
    assert 0 <= metrics["auroc_sign"] <= 1
    for name in ("pairs.tsv.gz", "classes.tsv", "density.png", "run.json"):
        assert (out / name).exists(), name


def test_bad_input(run, files, tmp_path):
    inputs = [files / "model", files / "features.h5"]
    result = run("coexpression", *inputs, "--pair", "name7,nam3", "--out", tmp_path / "x")
    assert (result.status, "nearest" in result.err) == (2, True)
    result = run("coexpression", *inputs, "--pair", "name7", "--out", tmp_path / "x")
    assert (result.status, "two genes are wanted" in result.err) == (2, True)
    result = run("coexpression", *inputs, "--pair", "name7,name3", "--also", "x", "--out", tmp_path / "x")
    assert (result.status, "NAME=MODEL" in result.err) == (2, True)
    more = [files / "targets.tsv.gz", "--other-model", files / "model", "--out", tmp_path / "x"]
    result = run("coexpression-prediction", *inputs, *more)
    assert (result.status, "--other-targets" in result.err) == (2, True)
    assert not (tmp_path / "x").exists()
