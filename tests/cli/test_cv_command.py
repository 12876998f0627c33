from __future__ import annotations

import json

import pandas as pd
import pytest

from decode.core.files import read_bytes


@pytest.mark.slow
def test_tables_figures_and_resumption(run, features_file, targets_file, tmp_path, monkeypatch):
    out = tmp_path / "cv"
    command = ["cv", features_file, targets_file, "--out", out, "--folds", 2, "--members", 2, "--max-epochs", 2]
    command += ["--keep-test", "chr1"]
    with monkeypatch.context() as patch:
        patch.setattr("decode.core.resume.remove_work_folder", lambda _folder: None)  # as if killed at the end
        first = run(*command)
    assert first.status == 0, first.err
    assert "fold_1: done" in first.err
    assert "Spearman within a fold" in first.out
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["kept_out"] == ["chr1"]
    genes = pd.read_csv(out / "genes.tsv.gz", sep="\t")
    assert len(genes) == metrics["n_genes"]
    assert "chr1" not in set(genes["chrom"])
    assert (out / "calibration.png").exists()
    record = json.loads((out / "run.json").read_text())
    assert record["options"]["folds"] == "2"
    before = read_bytes(out / "predictions.tsv.gz")
    assert run(*command, "--architecture", "paper").status == 2
    other = run(*command, "--architecture", "paper", "--force")
    assert other.status == 2
    assert "other data or options" in other.err
    again = run(*command, "--force")
    assert "fold_2: finished before" in again.err
    assert read_bytes(out / "predictions.tsv.gz") == before
    assert not out.with_name(f"{out.name}.work").exists()


def test_a_finished_result_needs_no_work_folder(run, features_file, targets_file, tmp_path, monkeypatch):
    out = tmp_path / "cv"
    command = ["cv", features_file, targets_file, "--out", out, "--folds", "2", "--members", "1", "--max-epochs", "1"]
    with monkeypatch.context() as patch:
        patch.setattr("decode.core.resume.remove_work_folder", lambda _folder: None)  # as if killed at the end
        assert run(*command).status == 0
    assert out.with_name("cv.work").exists()
    assert "already holds this result" in run(*command).out
    assert not out.with_name("cv.work").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--folds", "many"], "--folds is 'many'; give a number such as 5, or chr"),
        (["--folds", "1"], "folds is 1"),
        (["--folds", "99"], "folds is 99"),
        (["--members", "0"], "members is 0"),
        (["--keep-test", "chr77"], "kept test chromosome chr77 holds no gene"),
        (["--group-file", "nowhere.tsv"], "nowhere.tsv does not exist"),
    ],
)
def test_bad_input_leaves_nothing_behind(run, features_file, targets_file, tmp_path, options, message):
    result = run("cv", features_file, targets_file, "--out", tmp_path / "out", *options)
    assert result.status == 2
    assert message in result.err
    assert not (tmp_path / "out").exists()
