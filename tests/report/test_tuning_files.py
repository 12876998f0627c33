from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from decode.models.config import NetworkConfig
from decode.report.files import save_figure
from decode.report.tuning import tuning_plot, write_tuning
from decode.training.config import TrainingConfig
from decode.tuning.config_file import Configuration, read_config
from decode.tuning.search import TuningResult


def result() -> TuningResult:
    trials = pd.DataFrame(
        {
            "trial": ["0", "1", "2", "3"],
            "status": ["completed", "failed", "completed", "completed"],
            "score": [0.2, np.nan, 0.3, 0.1],
            "architecture": ["default", "default", "paper", "paper"],
            "failure": [None, "the loss is nan", None, None],
        }
    )
    best = Configuration(NetworkConfig(width=64), TrainingConfig(members=2))
    return TuningResult(best, "validation_spearman", 0.3, trials, {"train": 5})


def test_all_files_are_written(tmp_path):
    written = write_tuning(result(), tmp_path / "out", record={"command": []}, title="toy")
    assert [path.name for path in written] == ["best.json", "run.json", "trials.tsv", "tuning.png", "tuning.svg"]
    assert read_config(tmp_path / "out" / "best.json") == result().configuration
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    expected = {"command": [], "objective": "validation_spearman", "score": 0.3, "counts": {"train": 5}}
    assert {name: record[name] for name in expected} == expected
    assert "nan\t" not in (tmp_path / "out" / "trials.tsv").read_text()
    assert (tmp_path / "out" / "tuning.png").stat().st_size > 5000


@pytest.mark.parametrize("objective", ["validation_spearman", "validation_loss"])
def test_trials_without_a_score(tmp_path, objective):
    trials = result().trials.assign(score=[np.nan, np.nan, 0.3, np.nan])
    save_figure(tuning_plot(trials, objective=objective), tmp_path / "a.png")
    assert (tmp_path / "a.png").exists()


def test_bad_input(tmp_path):
    with pytest.raises(ValueError, match=r"trials lacks the column\(s\) score"):
        tuning_plot(result().trials.drop(columns="score"))
    with pytest.raises(FileNotFoundError):
        write_tuning(result(), tmp_path / "no" / "out")
