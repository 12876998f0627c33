from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from planted import planted_features, planted_targets

from decode.core.files import write_table
from decode.evaluation.evaluate import evaluate
from decode.models.config import NetworkConfig
from decode.training.config import TrainingConfig
from decode.training.ensemble import train
from decode.tuning.search import TuningConfig, TuningResult, tune, tune_worker
from decode.tuning.tuner import NetworkTuner

N_GENES = 150
CHOICES = {
    "width": [16, 32], "n_dense": [1], "dropout": [0.0, 0.3], "input_dropout": [0.0], "huber_delta": [0.5],
    "learning_rate": [1e-3, 1e-2], "batch_size": [32, 64],
}  # fmt: skip
QUICK = TrainingConfig(max_epochs=4)


@pytest.fixture(scope="module")
def features():
    return planted_features(N_GENES)


@pytest.fixture(scope="module")
def targets(features):
    return planted_targets(features)


@pytest.fixture
def no_fit(monkeypatch: pytest.MonkeyPatch) -> list[tuple[NetworkConfig, TrainingConfig]]:
    """A score that follows from the values, in place of a fit; gives what was asked for."""
    asked: list[tuple[NetworkConfig, TrainingConfig]] = []

    def fit(self: NetworkTuner, network: NetworkConfig, training: TrainingConfig, folder: Path, name: str) -> Any:
        asked.append((network, training))
        score = network.width / 100 - network.dropout + training.learning_rate + (training.max_epochs or 100) / 1000
        return {"validation_spearman": score, "validation_loss": 1 - score, "n_epochs": 1.0}

    monkeypatch.setattr(NetworkTuner, "_fit", fit)
    return asked


def without_time(result: TuningResult) -> pd.DataFrame:
    return result.trials.drop(columns="wall_s")


class TestSearch:
    def test_the_best_of_all_trials(self, features, targets, no_fit, tmp_path):
        told = []
        config = TuningConfig(n_trials=16, choices=CHOICES, training=TrainingConfig(members=3, seed=2))
        result = tune(
            features, targets, folder=tmp_path / "out" / "tuner", config=config, on_trial=lambda *a: told.append(a)
        )
        # 2 x 2 x 2 x 2 values: all of them are tried
        assert len(result.trials) == 16
        assert result.trials["score"].max() == result.score == pytest.approx(0.32 + 0.01 + 0.1)
        network, training = result.configuration
        assert (network.width, network.dropout, training.learning_rate) == (32, 0.0, 1e-2)
        assert (training.members, training.seed) == (3, 2)
        assert [name for name, _ in told] == result.trials["trial"].tolist()
        assert {training.members for _, training in no_fit} == {1}
        assert result.counts["trials"] == {"completed": 16}
        assert not result.trials.duplicated(["width", "dropout", "learning_rate", "batch_size"]).any()

    def test_the_first_trial_is_the_start(self, features, targets, no_fit, tmp_path):
        for algorithm in ("random", "bayesian", "hyperband"):
            config = TuningConfig(algorithm=algorithm, n_trials=1, architecture="paper", training=QUICK)
            first = tune(features, targets, folder=tmp_path / algorithm, config=config).trials.iloc[0]
            assert (first["width"], first["rna.filters"], first["promoter.n_layers"]) == (160, 160, 5)

    def test_both_architectures(self, features, targets, no_fit, tmp_path):
        config = TuningConfig(architecture="both", n_trials=8)
        trials = tune(features, targets, folder=tmp_path / "t", config=config).trials
        assert set(trials["architecture"]) == {"default", "paper"}
        assert trials["rna.filters"].notna().eq(trials["architecture"] == "paper").all()
        assert trials["input_dropout"].notna().eq(trials["architecture"] == "default").all()

    def test_loss(self, features, targets, no_fit, tmp_path):
        choices = {name: values for name, values in CHOICES.items() if name != "huber_delta"}
        config = TuningConfig(objective="loss", n_trials=3, choices=choices)
        result = tune(features, targets, folder=tmp_path / "t", config=config)
        assert result.objective == "validation_loss"
        assert result.score == result.trials["validation_loss"].min()
        assert "huber_delta" not in result.trials  # losses with other deltas do not compare
        with pytest.raises(ValueError, match="their losses do not compare"):
            TuningConfig(objective="loss", architecture="both")

    def test_hyperband_gives_more_epochs_to_the_best(self, features, targets, no_fit, tmp_path):
        config = TuningConfig(algorithm="hyperband", choices=CHOICES, training=TrainingConfig(max_epochs=9))
        result = tune(features, targets, folder=tmp_path / "t", config=config)
        by_epochs = result.trials.groupby("max_epochs")["score"]
        assert set(by_epochs.groups) == {1, 3, 9}
        assert by_epochs.mean()[9] > by_epochs.mean()[1]
        assert result.configuration.training.max_epochs == 9

    @pytest.mark.parametrize("algorithm", ["random", "bayesian", "hyperband"])
    def test_a_killed_search_ends_with_the_same_result(self, features, targets, no_fit, tmp_path, algorithm):
        config = TuningConfig(algorithm=algorithm, n_trials=5, choices=CHOICES, training=QUICK)
        whole = tune(features, targets, folder=tmp_path / "whole", config=config)

        for number in (0, 3):

            def stop(name: str, _score: float, number: int = number) -> None:
                if int(name) == number:
                    raise KeyboardInterrupt

            with pytest.raises(KeyboardInterrupt):
                tune(features, targets, folder=tmp_path / "killed", config=config, on_trial=stop)
        no_fit.clear()
        resumed = tune(features, targets, folder=tmp_path / "killed", config=config)
        assert len(no_fit) == len(whole.trials) - 3
        pd.testing.assert_frame_equal(without_time(resumed), without_time(whole))
        no_fit.clear()
        again = tune(features, targets, folder=tmp_path / "killed", config=config)
        assert not no_fit
        pd.testing.assert_frame_equal(again.trials, resumed.trials)

    def test_more_trials_go_on(self, features, targets, no_fit, tmp_path):
        few, many = (TuningConfig(n_trials=n, choices=CHOICES) for n in (2, 4))
        first = tune(features, targets, folder=tmp_path / "t", config=few)
        no_fit.clear()
        more = tune(features, targets, folder=tmp_path / "t", config=many)
        assert len(no_fit) == 2
        pd.testing.assert_frame_equal(more.trials.iloc[:2], first.trials)

    def test_test_genes_play_no_part(self, features, targets, no_fit, tmp_path, monkeypatch):
        seen = []
        monkeypatch.setattr(
            NetworkTuner, "on_trial_begin", lambda self, trial: seen.append(set(self.dataset.features.genes["chrom"]))
        )
        config = TuningConfig(n_trials=1, choices=CHOICES)
        tune(features, targets, folder=tmp_path / "t", config=config)
        assert seen == [{"chr2", "chr3", "chr4", "chr5"}]
        is_test = features.genes["chrom"].to_numpy() == "chr1"
        changed = targets.copy()
        changed.loc[is_test, "liver"] = 50.0
        tune(features, changed, folder=tmp_path / "t", config=config)  # the same search

    def test_a_folder_of_another_search(self, features, targets, no_fit, tmp_path):
        folder = tmp_path / "t"
        config = TuningConfig(n_trials=2, choices=CHOICES)
        tune(features, targets, folder=folder, config=config)
        before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        others = [
            (TuningConfig(n_trials=2, choices=CHOICES | {"width": [16, 64]}), targets, "search space"),
            (TuningConfig(n_trials=2, architecture="paper"), targets, "search space"),
            (TuningConfig(n_trials=2, choices=CHOICES, algorithm="bayesian"), targets, "algorithm"),
            (TuningConfig(n_trials=2, choices=CHOICES, training=QUICK), targets, "training"),
            (config, targets.assign(liver=targets["liver"] + 1), "data"),
        ]
        for other, table, what in others:
            with pytest.raises(ValueError, match=rf"belongs to a run with other .*{what}"):
                tune(features, table, folder=folder, config=other)
        assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before

    def test_a_folder_that_is_none_of_a_search(self, features, targets, tmp_path):
        (tmp_path / "t").mkdir()
        (tmp_path / "t" / "thesis.doc").touch()
        with pytest.raises(FileExistsError, match="holds files of others; move them"):
            tune(features, targets, folder=tmp_path / "t")
        assert len(list((tmp_path / "t").iterdir())) == 1

    @pytest.mark.parametrize("name", ["search.json", "oracle.json"])
    def test_a_damaged_folder(self, features, targets, no_fit, tmp_path, name):
        config = TuningConfig(n_trials=1, choices=CHOICES)
        tune(features, targets, folder=tmp_path / "t", config=config)
        path = tmp_path / "t" / name
        path.write_text(path.read_text()[:20])
        with pytest.raises(ValueError, match=r"is damaged .*; remove it"):
            tune(features, targets, folder=tmp_path / "t", config=config)

    def test_failed_trials_are_noted_and_the_search_goes_on(self, features, targets, no_fit, tmp_path, monkeypatch):
        fit = NetworkTuner._fit

        def fails(self, network, training, folder, name):
            if network.width == 32:
                raise ValueError("the loss is nan; lower the learning rate")
            return fit(self, network, training, folder, name)

        monkeypatch.setattr(NetworkTuner, "_fit", fails)
        choices = CHOICES | {"batch_size": [32], "dropout": [0.0]}
        result = tune(features, targets, folder=tmp_path / "t", config=TuningConfig(n_trials=4, choices=choices))
        failed = result.trials["width"] == 32
        assert failed.sum() == 2
        assert set(result.trials.loc[failed, "status"]) == {"failed"}
        assert set(result.trials.loc[failed, "failure"]) == {"the loss is nan; lower the learning rate"}
        assert result.trials.loc[~failed, "failure"].isna().all()

    def test_a_full_disk_is_no_failure_of_a_trial(self, features, targets, no_fit, tmp_path, monkeypatch, capsys):
        config = TuningConfig(n_trials=3, choices=CHOICES)
        whole = tune(features, targets, folder=tmp_path / "whole", config=config)
        fit = NetworkTuner._fit

        def no_room(self, network, training, folder, name):
            if int(name) == 1:
                raise OSError("member.npz could not be written (No space left on device); make room")
            return fit(self, network, training, folder, name)

        with monkeypatch.context() as patched:
            patched.setattr(NetworkTuner, "_fit", no_room)
            with pytest.raises(OSError, match="could not be written"):
                tune(features, targets, folder=tmp_path / "full", config=config)
        assert "Traceback" not in "".join(capsys.readouterr())
        resumed = tune(features, targets, folder=tmp_path / "full", config=config)
        pd.testing.assert_frame_equal(without_time(resumed), without_time(whole))

    def test_trials_that_all_fail(self, features, targets, tmp_path):
        constant = targets.assign(liver=1.0, brain=1.0, blood=1.0, median_level=1.0)
        with pytest.raises(ValueError, match="in a row failed; the last one: none of the 4 tasks varies"):
            tune(features, constant, folder=tmp_path / "t", config=TuningConfig(n_trials=9, choices=CHOICES))
        with pytest.raises(ValueError, match="none of the 2 trials could be fitted: none of the 4 tasks varies"):
            tune(features, constant, folder=tmp_path / "u", config=TuningConfig(n_trials=2, choices=CHOICES))

    def test_the_caller_stays_as_it_was(self, features, targets, no_fit, tmp_path, capsys):
        before = dict(os.environ)
        tune(features, targets, folder=tmp_path / "t", config=TuningConfig(n_trials=2, choices=CHOICES))
        tune(features, targets, folder=tmp_path / "t", config=TuningConfig(n_trials=2, choices=CHOICES))
        assert capsys.readouterr().out == ""
        assert dict(os.environ) == before

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"algorithm": "grid"}, "algorithm is 'grid'"),
            ({"objective": "pearson"}, "objective is 'pearson'"),
            ({"architecture": "big"}, "architecture is 'big'"),
            ({"n_trials": 0}, "n_trials is 0"),
            ({"members_per_trial": 0}, "members_per_trial is 0"),
            ({"worker_timeout_s": 0}, "worker_timeout_s is 0"),
            ({"choices": {"depth": [1]}}, "unknown keys depth"),
        ],
    )
    def test_bad_options(self, options, message):
        with pytest.raises(ValueError, match=message):
            TuningConfig(**options)

    def test_round_trip(self):
        config = TuningConfig(algorithm="bayesian", choices={"width": [16, 32]}, training=QUICK)
        assert TuningConfig.from_json(json.loads(json.dumps(config.to_json()))) == config
        assert TuningConfig.from_json({}) == TuningConfig()
        with pytest.raises(ValueError, match="tuning configuration has unknown keys trials"):
            TuningConfig.from_json({"trials": 3})

    def test_bad_data_leave_nothing_behind(self, features, targets, tmp_path):
        with pytest.raises(ValueError, match="test chromosome chr9 holds no gene"):
            tune(features, targets, folder=tmp_path / "out" / "t", test_chromosome="chr9")
        assert not any(tmp_path.iterdir())

    def test_the_wrong_verb(self, features, targets, tmp_path, monkeypatch):
        with pytest.raises(ValueError, match="makes this process alone, not a worker"):
            tune_worker(features, targets, folder=tmp_path / "t")
        for name, value in (("TUNER_ID", "tuner0"), ("ORACLE_IP", "127.0.0.1"), ("ORACLE_PORT", "9")):
            monkeypatch.setenv(f"KERASTUNER_{name}", value)
        with pytest.raises(ValueError, match="call tune_worker"):
            tune(features, targets, folder=tmp_path / "t")
        config = TuningConfig(worker_timeout_s=0.3)
        with pytest.raises(TimeoutError, match=r"no chief answered at 127\.0\.0\.1:9 for 0\.3 s"):
            tune_worker(features, targets, folder=tmp_path / "t", config=config)


@pytest.mark.slow
def test_a_trial_is_what_training_gives(features, targets, tmp_path):
    config = TuningConfig(n_trials=2, choices=CHOICES, training=TrainingConfig(max_epochs=5), members_per_trial=2)
    result = tune(features, targets, folder=tmp_path / "t", config=config)
    assert not list((tmp_path / "t").rglob("*.npz"))  # checkpoints of finished trials are gone
    network, training = result.configuration
    bundle = train(features, targets, network=network, training=TrainingConfig(**training.to_json() | {"members": 2}))
    found = evaluate(bundle, features, targets, part="validation").metrics["model"]
    assert found["fold_change_mean_spearman"] == pytest.approx(result.score, abs=1e-6)
    best = result.trials.loc[result.trials["score"].idxmax()]
    assert best["n_epochs"] == len(bundle.history)


@pytest.mark.slow
def test_only_a_median_level(features, targets, tmp_path):
    config = TuningConfig(n_trials=1, choices=CHOICES, training=QUICK)
    result = tune(features, targets[["gene_id", "median_level"]], folder=tmp_path / "t", config=config)
    assert np.isfinite(result.score)


class Search:
    """The command in processes of its own."""

    def __init__(self, features: Any, targets: pd.DataFrame, folder: Path, port: int) -> None:
        self.folder, self.out = folder, folder / "out"
        features.write(folder / "features.h5")
        write_table(targets, folder / "targets.tsv")
        (folder / "space.json").write_text(json.dumps(CHOICES))
        self.environment = os.environ | {
            "KERASTUNER_ORACLE_IP": "127.0.0.1", "KERASTUNER_ORACLE_PORT": str(port), "no_grpc_proxy": "127.0.0.1",
            "TF_NUM_INTRAOP_THREADS": "1", "PYTHONWARNINGS": "ignore",
        }  # fmt: skip

    def start(self, name: str, *options: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", "from decode.cli import main; main()", "tune", "features.h5", "targets.tsv"]
        command += ["--out", "out", "--space", "space.json", *map(str, options)]
        return subprocess.Popen(
            command, cwd=self.folder, env=self.environment | {"KERASTUNER_TUNER_ID": name}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip


@pytest.fixture
def search(features, targets, tmp_path):
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    return Search(features, targets, tmp_path, port)


@pytest.mark.slow
def test_one_chief_and_two_workers(search):
    options = ["--trials", 6, "--max-epochs", 3, "--worker-timeout", 120]
    processes = {name: search.start(name, *options) for name in ("chief", "tuner0", "tuner1")}
    try:
        ended = {name: (*process.communicate(timeout=600), process.returncode) for name, process in processes.items()}
    finally:
        for process in processes.values():
            process.kill()
    assert [end[2] for end in ended.values()] == [0, 0, 0], ended
    trials = pd.read_csv(search.out / "trials.tsv", sep="\t")
    assert (trials["status"] == "completed").all()
    assert len(trials) == 6
    fitted = [int(ended[name][0].split()[2]) for name in ("tuner0", "tuner1")]
    assert sum(fitted) == 6
    best = json.loads((search.out / "best.json").read_text())
    row = trials.loc[trials["score"].idxmax()]
    assert best["network"]["width"] == row["width"]
    assert best["training"]["learning_rate"] == row["learning_rate"]
    assert "next: decode train" in ended["chief"][0]
    assert "best.json" not in ended["tuner0"][0]


@pytest.mark.slow
def test_a_worker_that_is_killed_hard(search):
    options = ["--trials", 2, "--max-epochs", 100000, "--patience", 100000, "--worker-timeout", 10]
    worker, chief = (search.start(name, *options) for name in ("tuner0", "chief"))
    try:
        end = time.monotonic() + 300
        while not list(search.out.with_name(f"{search.out.name}.work").rglob("*.npz")):  # the first epoch is done
            assert time.monotonic() < end
            assert chief.poll() is None, chief.communicate()
            time.sleep(0.2)
        worker.kill()
        _, err = chief.communicate(timeout=120)
    finally:
        for process in (worker, chief):
            process.kill()
            process.wait()
    assert chief.returncode == 2
    assert "worker tuner0 gave no sign of life for 10 s and no other is left; 0 trials are finished" in err
    assert "Traceback" not in err
    assert not (search.out / "best.json").exists()
