from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest

from decode.tuning.tuner import NetworkTuner


@pytest.fixture
def no_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    def fit(self: NetworkTuner, network: Any, *_args: Any) -> dict[str, float]:
        score = network.width / 1000
        return {"validation_spearman": score, "validation_loss": 1 - score, "n_epochs": 1.0}

    monkeypatch.setattr(NetworkTuner, "_fit", fit)


@pytest.fixture
def space(tmp_path):
    (tmp_path / "space.json").write_text('{"width": [16, 32, 64], "n_dense": [1]}')
    return tmp_path / "space.json"


def test_files_and_resumption(run, features_file, targets_file, space, no_fit, tmp_path, monkeypatch):
    out = tmp_path / "out"
    command = ["tune", features_file, targets_file, "--out", out, "--space", space]
    with monkeypatch.context() as patch:
        patch.setattr("decode.tuning.search.remove_search", lambda _folder: None)  # as if killed at the end
        first = run(*command, "--trials", 3)
    assert first.status == 0, first.err
    assert "trial 0: " in first.err
    assert first.out.startswith(f"{out / 'best.json'}: validation_spearman ")
    assert "next: decode train" in first.out
    names = ["best.json", "run.json", "trials.tsv", "tuning.png", "tuning.svg"]
    assert sorted(path.name for path in out.iterdir()) == names
    trials = pd.read_csv(out / "trials.tsv", sep="\t")
    best = json.loads((out / "best.json").read_text())
    assert best["network"]["width"] == trials["width"].max()
    assert best["training"]["members"] == 5
    record = json.loads((out / "run.json").read_text())
    assert record["options"]["choices"] == {"width": [16, 32, 64], "n_dense": [1]}
    assert record["counts"]["trials"] == {"completed": 3}
    other = run(*command, "--trials", 4, "--architecture", "paper", "--force")
    assert other.status == 2
    assert "belongs to a run with other network, search space" in other.err
    more = run(*command, "--trials", 4, "--force")
    assert "trial 2: " not in more.err
    assert "trial 3: " in more.err
    assert not (tmp_path / "out.work").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--trials", "0"], "n_trials is 0"),
        (["--objective", "loss", "--architecture", "both"], "their losses do not compare"),
        (["--space", "nowhere.json"], "nowhere.json does not exist"),
        (["--test-chromosome", "chr77"], "test chromosome chr77 holds no gene"),
        (["--group-file", "nowhere.tsv"], "nowhere.tsv does not exist"),
        (["--worker-timeout", "-1"], "worker_timeout_s is -1"),
    ],
)
def test_bad_input_leaves_nothing_behind(run, features_file, targets_file, tmp_path, options, message):
    result = run("tune", features_file, targets_file, "--out", tmp_path / "out", *options)
    assert result.status == 2
    assert message in result.err
    assert not (tmp_path / "out").exists()


def test_a_worker_without_a_chief(run, features_file, targets_file, tmp_path, monkeypatch):
    for name, value in (("TUNER_ID", "tuner0"), ("ORACLE_IP", "127.0.0.1"), ("ORACLE_PORT", "9")):
        monkeypatch.setenv(f"KERASTUNER_{name}", value)
    result = run("tune", features_file, targets_file, "--out", tmp_path / "out", "--worker-timeout", "0.2")
    assert result.status == 2
    assert "no chief answered at 127.0.0.1:9" in result.err


@pytest.mark.slow
def test_train_takes_the_configuration(run, features_file, targets_file, tmp_path):
    config = tmp_path / "best.json"
    config.write_text('{"network": {"width": 24}, "training": {"members": 1, "max_epochs": 2, "batch_size": 64}}')
    command = ["train", features_file, targets_file, "--config", config]
    result = run(*command, "--out", tmp_path / "model", "--max-epochs", 1)
    assert result.status == 0, result.err
    assert "member 1 of 1" in result.err
    bundle = json.loads((tmp_path / "model" / "bundle.json").read_text())
    assert bundle["network"]["width"] == 24
    expected = {"members": 1, "max_epochs": 1, "batch_size": 64, "seed": 0}  # what is given wins over the file
    assert bundle["training"].items() >= expected.items()


def test_bad_configurations(run, features_file, targets_file, tmp_path):
    config = tmp_path / "best.json"
    command = ["train", features_file, targets_file, "--out", tmp_path / "model", "--config", config]
    assert "best.json does not exist" in run(*command).err
    for text, options, message in (
        ('{"network": {"size": 24}}', [], "network configuration has unknown keys size"),
        ('{"score": 0.3}', [], "unknown keys score"),
        ('{"network": {"width": 24}}', ["--architecture", "paper"], "--architecture is paper and"),
        ("{}", ["--members", 0], "members is 0"),
    ):
        config.write_text(text)
        result = run(*command, *options)
        assert result.status == 2
        assert message in result.err
    assert not (tmp_path / "model").exists()
