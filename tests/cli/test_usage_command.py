from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from planted import TINY, planted_features, planted_targets, quick_bundle

from decode.core.files import write_table
from decode.dataset import prepare_dataset
from decode.models.bundle import save_bundle


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("transcripts")
    features = planted_features(200, level="transcript")
    targets = planted_targets(features).rename(columns={"gene_id": "transcript_id"})
    features.write(folder / "features.h5")
    write_table(targets, folder / "targets.tsv.gz")
    save_bundle(quick_bundle(prepare_dataset(features, targets, min_bound_genes=10), TINY), folder / "model")
    return folder


@pytest.mark.slow
def test_usage_of_a_transcript_model(run, files, tmp_path):
    inputs = [files / name for name in ("model", "features.h5", "targets.tsv.gz")]
    result = run("usage", *inputs, "--out", tmp_path / "usage", "--against", f"again={files / 'model'}")
    assert result.status == 0, result.err
    assert "40 test transcripts of 20 genes with two or more" in result.out
    metrics = json.loads((tmp_path / "usage" / "metrics.json").read_text())
    assert metrics["predictors"]["again"] == metrics["predictors"]["model"]
    table = pd.read_csv(tmp_path / "usage" / "usage.tsv", sep="\t")
    assert set(table["value"]) == {"level", "fold_change"}
    assert (tmp_path / "usage" / "usage_median_level.png").exists()
    assert json.loads((tmp_path / "usage" / "run.json").read_text())


@pytest.mark.slow
def test_published_split_of_transcripts(run, files, tmp_path):
    inputs = [files / name for name in ("features.h5", "targets.tsv.gz")]
    options = ["--members", 1, "--max-epochs", 1, "--split-by", "transcript"]
    result = run("train", *inputs, "--out", tmp_path / "model", *options)
    assert result.status == 0, result.err
    assert "genes with a validation transcript also train" in result.err
    record = json.loads((tmp_path / "model" / "bundle.json").read_text())
    assert record["counts"]["genes_in_train_and_validation"] > 0


def test_bad_input(run, files, tmp_path):
    inputs = [files / name for name in ("model", "features.h5", "targets.tsv.gz")]
    assert run("usage", *inputs, "--out", tmp_path / "none" / "usage").status == 2
    result = run("usage", inputs[0], tmp_path / "none.h5", inputs[2], "--out", tmp_path / "usage")
    assert (result.status, "does not exist" in result.err) == (2, True)
    assert not (tmp_path / "usage").exists()
