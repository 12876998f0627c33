from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from decode.synthetic import make_toy_persons


@pytest.fixture(scope="module")
def files(run, toy, trained, features_file, tmp_path_factory) -> dict[str, Path]:
    """Toy persons, their targets with the reference beside, and a model of them."""
    folder = tmp_path_factory.mktemp("person_models")
    made = make_toy_persons(folder / "toy", toy, n_persons=12)
    targets, model = folder / "persons.tsv.gz", folder / "model"
    result = run("expression", "person", made.tpm, "--samples", made.samples, "--covariates", "batch", "--out", targets)
    assert result.status == 0, result.err
    result = run(
        *("train", features_file, targets, "--transfer-from", trained, "--transfer", "head", "--out", model),
        *("--max-epochs", 3),
    )
    assert result.status == 0, result.err
    return {"tpm": made.tpm, "samples": made.samples, "targets": targets, "model": model}


def test_judging(run, files, features_file, targets_file, tmp_path):
    command = (
        *("persons", "evaluate", files["model"], features_file, files["targets"], "--out", tmp_path / "out"),
        *("--samples", files["samples"], "--tissue-column", "sex", "--tissue-targets", targets_file),
    )
    result = run(*command)
    assert result.status == 0, result.err
    assert "published (other data)" in result.out
    numbers = json.loads((tmp_path / "out" / "persons.json").read_text())
    assert numbers["task_kind"] == "fold_change"
    assert set(numbers["genes"]) == {"male", "female"}
    assert run(*command).status == 0  # finished already
    assert run(*command, "--keep-above-percentile", 30).status == 2


def test_new_samples(run, files, features_file, tmp_path):
    table = pd.read_csv(files["tpm"], sep="\t").iloc[::2, :4]
    table.to_csv(tmp_path / "new.tsv", sep="\t", index=False)
    out = tmp_path / "predictions.tsv.gz"
    command = ("project", files["model"], features_file, tmp_path / "new.tsv", "--out", out)
    result = run(*command, "--levels", "--persons", files["targets"])
    assert result.status == 0, result.err
    assert "3 samples" in result.out
    predicted = pd.read_csv(out, sep="\t")
    assert list(predicted.columns) == ["gene_id", *table.columns[1:]]
    assert len(predicted) == 300
    accuracy = pd.read_csv(tmp_path / "predictions_accuracy.tsv", sep="\t")
    assert {"knn_persons", "pca_persons", "spearman"} <= set(accuracy.columns)
    assert (tmp_path / "predictions_levels.tsv.gz").exists()
    assert (tmp_path / "predictions.tsv.gz.run.json").exists()


def test_a_model_of_tissues_has_no_reference(run, files, trained, features_file, tmp_path):
    result = run("project", trained, features_file, files["tpm"], "--out", tmp_path / "p.tsv")
    assert result.status == 2
    assert "holds no reference of persons" in result.err


def test_columns_of_no_table(run, files, features_file, tmp_path):
    command = ("persons", "evaluate", files["model"], features_file, files["targets"], "--out", tmp_path / "out")
    result = run(*command, "--tissue-column", "sex")
    assert result.status == 2
    assert "no table of samples is given" in result.err
    result = run(*command, "--samples", files["samples"], "--tissue-column", "organ")
    assert result.status == 2
    assert "has no column 'organ'" in result.err
