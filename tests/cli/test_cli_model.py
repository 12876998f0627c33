from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from decode.models.bundle import load_bundle, read_record

ROOT = Path(__file__).resolve().parents[2]


def test_train(trained, toy):
    record = read_record(trained)
    assert record["n_members"] == 2
    assert record["network"]["architecture"] == "default"
    assert record["features"]["build"] == "toy"
    assert record["tasks"][0] == "median_level"
    split = pd.read_csv(trained / "split.tsv.gz", sep="\t")
    assert set(split["split"]) == {"train", "validation", "test"}
    assert not (trained.parent / f"{trained.name}.work").exists()  # no checkpoint stays


def test_train_options(run, features_file, targets_file, tmp_path):
    genes = pd.read_csv(targets_file, sep="\t")["gene_id"]
    pairs = "".join(f"{gene}\tfamily{i // 2}\n" for i, gene in enumerate(genes))
    (tmp_path / "families.tsv").write_text(f"gene_id\tfamily\n{pairs}")
    result = run(
        *("train", features_file, targets_file, "--out", tmp_path / "model", "--architecture", "paper"),
        *("--members", 2, "--keep", "best", "--biosamples", "CellA", "--test-chromosome", "chr2,chr3", "--seed", 5),
        *("--max-epochs", 2, "--patience", 1, "--group-file", tmp_path / "families.tsv"),
    )
    assert result.status == 0, result.err
    assert "1 member(s)" in result.out
    record = read_record(tmp_path / "model")
    assert record["network"]["architecture"] == "paper"
    assert record["training"]["keep"] == "best"
    assert record["training"]["seed"] == 5
    assert len(record["validation_loss"]) == 2
    tracks = pd.read_csv(tmp_path / "model" / "tracks.tsv", sep="\t", keep_default_na=False)
    assert set(tracks["biosample"]) == {"CellA", ""}
    split = pd.read_csv(tmp_path / "model" / "split.tsv.gz", sep="\t", index_col="id")["split"]
    family = pd.Series(range(len(genes)), index=genes).loc[split.index] // 2
    parts = split.groupby(family).agg(set)
    assert all(len(part - {"excluded", "test"}) <= 1 for part in parts)


def test_evaluate(run, trained, features_file, targets_file, tmp_path):
    out = tmp_path / "evaluation"
    result = run("evaluate", trained, features_file, targets_file, "--out", out)
    assert result.status == 0, result.err
    metrics = json.loads((out / "metrics.json").read_text())
    keys = {"split", "n_genes", "model", "baselines", "seeds", "versions"}
    assert keys <= set(metrics)
    assert metrics["split"] == "test"
    for name in ("mean", "length_only", "ridge_totals"):
        assert set(metrics["baselines"][name]) == {"fold_change_mean_spearman", "median_level_spearman"}
    assert metrics["baselines"]["mean"]["fold_change_mean_spearman"] is None
    predictions = pd.read_csv(out / "predictions.tsv.gz", sep="\t")
    assert predictions.columns.tolist() == ["gene_id", "median_level", "tissue_1", "tissue_2", "tissue_3"]
    assert len(predictions) == metrics["n_genes"]
    per_task = pd.read_csv(out / "per_task.tsv", sep="\t")
    assert per_task["task"].tolist() == predictions.columns[1:].tolist()
    assert {"model", "length_only", "ridge_totals"} <= set(per_task.columns)
    pngs = [path for path in out.iterdir() if path.suffix == ".png"]
    assert pngs
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in pngs)
    record = json.loads((out / "run.json").read_text())
    assert len(record["inputs"]["features"]["sha256"]) == 64
    assert "ridge_totals" in result.out
    assert [path.name for path in tmp_path.iterdir()] == ["evaluation"]


def test_evaluate_another_part_against_another_model(run, trained, features_file, targets_file, tmp_path):
    result = run(
        *("evaluate", trained, features_file, targets_file, "--out", tmp_path / "out", "--split", "validation"),
        *("--against", f"again={trained}"),
    )
    assert result.status == 0, result.err
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert metrics["split"] == "validation"
    assert metrics["others"]["again"] == pytest.approx(metrics["model"])


def test_predict(run, trained, features_file, tmp_path):
    out = tmp_path / "predictions.tsv.gz"
    result = run("predict", trained, features_file, "--out", out)
    assert result.status == 0, result.err
    table = pd.read_csv(out, sep="\t")
    assert len(table) == 300
    assert table.columns.tolist() == ["gene_id", *load_bundle(trained).tasks]
    assert np.isfinite(table.iloc[:, 1:].to_numpy()).all()
    assert "300 rows x 4 tasks" in result.out


def test_an_old_model_is_replaced(run, model, features_file, targets_file):
    before = read_record(model)["own_sha256"]
    result = run("train", features_file, targets_file, "--out", model, "--members", 1, "--max-epochs", 1)
    assert result.status == 2
    assert "without a record of what it is; give --force" in result.err
    command = ("train", features_file, targets_file, "--out", model, "--members", 1, "--max-epochs", 1)
    result = run(*command, "--force")
    assert result.status == 0, result.err
    assert read_record(model)["own_sha256"] != before
    assert sorted(path.name for path in model.parent.iterdir()) == ["model", "model.run.json"]
    assert "already holds this result" in run(*command).out


def start_training(features_file: Path, targets_file: Path, out: Path) -> list[str]:
    code = "import sys; from decode.cli import main; main(sys.argv[1:])"
    options = ["--members", "2", "--max-epochs", "40", "--patience", "40"]
    return [sys.executable, "-c", code, "train", str(features_file), str(targets_file), "--out", str(out), *options]


@pytest.mark.slow
def test_a_killed_training_resumes_to_the_same_model(features_file, targets_file, tmp_path):
    subprocess.run(
        start_training(features_file, targets_file, tmp_path / "whole"), check=True, capture_output=True, cwd=ROOT
    )
    command = start_training(features_file, targets_file, tmp_path / "killed")
    checkpoints = tmp_path / "killed.work"
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 300
    while not (checkpoints.is_dir() and list(checkpoints.glob("member_seed_*.npz"))):  # not the temporary file
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (tmp_path / "killed").exists()
    assert checkpoints.is_dir()
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    assert "killed.work/member_seed_" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["killed", "killed.run.json", "whole", "whole.run.json"]
    whole, resumed = load_bundle(tmp_path / "whole"), load_bundle(tmp_path / "killed")
    pd.testing.assert_frame_equal(whole.history, resumed.history, atol=1e-6)
    for a, b in zip(whole.members, resumed.members, strict=True):
        for mine, theirs in zip(a.bins.get_weights(), b.bins.get_weights(), strict=True):
            np.testing.assert_allclose(mine, theirs, atol=1e-6)


def test_a_checkpoint_of_other_options_is_named(run, features_file, targets_file, tmp_path, monkeypatch):
    command = ["train", features_file, targets_file, "--out", tmp_path / "model", "--members", 1, "--max-epochs", 2]
    with monkeypatch.context() as patch:
        patch.setattr("decode.core.resume.remove_work_folder", lambda _folder: None)  # as if killed just before
        assert run(*command).status == 0
    shutil.rmtree(tmp_path / "model")
    result = run(*command, "--patience", 3)
    assert result.status == 2
    assert "belongs to a run with other data or options; remove " in result.err
    assert run(*command).status == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "model.run.json"]
