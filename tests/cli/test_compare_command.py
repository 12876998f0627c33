from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from toy_regulators import toy_features, toy_targets, toy_tpm

from decode.cli.app import main
from decode.comparators.linear_booster import totals_table
from decode.core.files import write_table
from decode.evaluation.baselines import baseline_predictions
from decode.evaluation.refit import Refit


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("toy")
    features = toy_features()
    features.write(folder / "features.h5")
    write_table(toy_targets(features), folder / "targets.tsv")
    write_table(toy_tpm(features), folder / "tpm.tsv", index=True)
    write_table(totals_table(features), folder / "table.tsv.gz", index=True)
    return {path.name.split(".")[0]: path for path in folder.iterdir()}


@pytest.fixture
def ridge(monkeypatch: pytest.MonkeyPatch) -> None:
    def fit(dataset, network, training, *, part="test"):
        return Refit(baseline_predictions(dataset)["ridge_totals"][dataset.rows(part)], 1, 1.0, 1.0)

    monkeypatch.setattr("decode.comparators.single_task.refit", fit)
    monkeypatch.setattr("decode.comparators.expecto.refit", fit)


def run(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as exit_:
        main([str(argument) for argument in arguments])
    return int(exit_.value.code or 0)


def test_single_task(files, ridge, tmp_path, capsys):
    command = ["compare", "single-task", files["features"], files["targets"], "--out", tmp_path / "out"]
    assert run(*command, "--tasks", "liver,lung") == 0
    shown = capsys.readouterr()
    assert "single_task: mean fold change Spearman" in shown.out
    assert "costs 5.0 times" in shown.out
    assert set(pd.read_csv(tmp_path / "out" / "accuracy.tsv", sep="\t")["task"]) == {"liver", "lung"}
    assert run(*command, "--tasks", "liver,spleen") == 2
    assert "spleen" in capsys.readouterr().err


def test_expecto(files, ridge, tmp_path, capsys):
    pytest.importorskip("xgboost")
    command = ["compare", "expecto", files["features"], "--tpm", files["tpm"], "--out", tmp_path / "out", "--runs", "2"]
    assert run(*command, "--tissue-groups", "gtex") == 0
    assert "fold_change" in capsys.readouterr().out
    assert (tmp_path / "out" / "expecto.png").exists()
    totals = pd.read_csv(tmp_path / "out" / "runs.tsv", sep="\t")
    assert run(*command[:-4], "--out", tmp_path / "own", "--runs", "2", "--table", files["table"]) == 0
    own = pd.read_csv(tmp_path / "own" / "runs.tsv", sep="\t")
    np.testing.assert_allclose(own["rmse"], totals["rmse"], rtol=1e-5)
    targets = ["compare", "expecto", files["features"], "--targets", files["targets"], "--out", tmp_path / "log2"]
    assert run(*targets, "--runs", "1") == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "either --tpm TPM"),
        (["--tpm", "tpm.tsv", "--targets", "targets.tsv"], "either --tpm TPM"),
        (["--tpm", "nowhere.tsv"], "nowhere.tsv does not exist"),
    ],
)
def test_bad_input_leaves_nothing_behind(files, ridge, tmp_path, capsys, options, message):
    pytest.importorskip("xgboost")
    out = tmp_path / "out"
    assert run("compare", "expecto", files["features"], "--out", out, *options) == 2
    assert message in capsys.readouterr().err
    assert not out.exists()


def test_without_xgboost(files, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "xgboost", None)
    assert run("compare", "expecto", files["features"], "--tpm", files["tpm"], "--out", tmp_path / "out") == 2
    assert "pip install 'decode-expression[expecto]'" in capsys.readouterr().err
