from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from toy_regulators import toy_features, toy_targets

from decode.cli.app import main
from decode.core.files import write_table
from decode.evaluation.baselines import baseline_predictions
from decode.evaluation.refit import Refit


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("toy")
    features = toy_features()
    features.write(folder / "features.h5")
    write_table(toy_targets(features), folder / "targets.tsv.gz")
    (folder / "groups.tsv").write_text("liver\tinner\nlung\tinner\n")
    names = {"features": "features.h5", "targets": "targets.tsv.gz", "groups": "groups.tsv"}
    return {key: folder / name for key, name in names.items()}


@pytest.fixture
def ridge(monkeypatch: pytest.MonkeyPatch) -> None:
    def fit(dataset, network, training, *, part="test"):
        return Refit(baseline_predictions(dataset)["ridge_totals"][dataset.rows(part)], 1, 0.0, 0.0)

    monkeypatch.setattr("decode.evaluation.randomisation.refit", fit)


def run(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as exit_:
        main([str(argument) for argument in arguments])
    return int(exit_.value.code or 0)


def test_tables_and_figure(files, ridge, tmp_path, capsys, monkeypatch):
    command = ["randomise", files["features"], files["targets"], "--out", tmp_path / "out", "--seeds", "2"]
    command += ["--within-length", "--tissue-groups", files["groups"]]
    with monkeypatch.context() as patch:
        patch.setattr("decode.core.resume.remove_work_folder", lambda _folder: None)  # as if killed at the end
        assert run(*command) == 0
    shown = capsys.readouterr()
    assert "rna_shuffled within length" in shown.out
    assert "full_seed_0: done" in shown.err
    table = pd.read_csv(tmp_path / "out" / "randomisation.tsv", sep="\t")
    assert sorted(table["seed"].unique()) == [0, 1]
    assert (tmp_path / "out" / "randomisation.png").exists()
    comparison = pd.read_csv(tmp_path / "out" / "comparison.tsv", sep="\t")
    assert (comparison["n_groups"] == 3).all()
    assert run(*command, "--architecture", "paper", "--force") == 2
    assert "other data or options" in capsys.readouterr().err
    assert run(*command, "--force") == 0
    assert "full_seed_0: finished before" in capsys.readouterr().err
    again = pd.read_csv(tmp_path / "out" / "randomisation.tsv", sep="\t")
    np.testing.assert_array_equal(again["spearman"], table["spearman"])
    assert run(*command) == 0
    assert "already holds this result" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".work")] == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--seeds", "0"], "--seeds is 0"),
        (["--members", "0"], "members is 0"),
        (["--tissue-groups", "gtex"], ""),
        (["--tissue-groups", "nowhere.tsv"], "nowhere.tsv does not exist"),
        (["--test-chromosome", "chr9"], "test chromosome chr9 holds no gene"),
        (["--split-by", "transcript"], "split_by is 'transcript' but the rows are genes"),
        (["--split-by", "exon"], "Invalid value for '--split-by'"),
    ],
)
def test_bad_input_leaves_nothing_behind(files, ridge, tmp_path, capsys, options, message):
    out = tmp_path / "out"
    code = run("randomise", files["features"], files["targets"], "--out", out, *options)
    if message:
        assert code == 2
        assert message in capsys.readouterr().err
        assert not out.exists()
    else:  # amygdala is a known tissue
        assert code == 0


def test_an_output_that_cannot_be_written(files, ridge, tmp_path, capsys):
    assert run("randomise", files["features"], files["targets"], "--out", tmp_path / "no" / "out") == 2
    assert "does not exist" in capsys.readouterr().err
