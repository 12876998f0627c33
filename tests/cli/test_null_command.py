from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from decode.features.regulators import regulators_of
from decode.ranking.null_file import Scores, read_null
from decode.ranking.refit_scores import NetworkScorer


@pytest.fixture
def stand_in(monkeypatch):
    """Noise in place of networks; gives the seeds that it was called with."""
    seeds: list[int] = []

    def score(self, features, seed):
        seeds.append(seed)
        shape = (len(regulators_of(features).table), len(self.targets.columns) - 1)
        noise = np.random.default_rng(seed).normal(size=shape)
        return Scores(noise, np.abs(noise))

    monkeypatch.setattr(NetworkScorer, "__call__", score)
    return seeds


def test_null_file_and_figure(run, trained, features_file, targets_file, stand_in, tmp_path, monkeypatch):
    out, figure = tmp_path / "null.nc", tmp_path / "null.png"
    command = ["null", trained, features_file, targets_file, "--out", out, "--refits", 5]
    with monkeypatch.context() as patch:
        patch.setattr("decode.core.resume.remove_work_folder", lambda _folder: None)  # as if killed at the end
        result = run(*command, "--figure", figure)
    assert result.status == 0, result.err
    assert "refit_0004: done" in result.err
    assert "5 refits; z and p-values are coarse below 20" in result.err
    assert "next: decode rank ATTRIBUTIONS --null" in result.out
    assert figure.read_bytes()[:4] == b"\x89PNG"
    null = read_null(out)
    assert null.sizes["refit"] == 5
    assert len(stand_in) == 5
    other = run(*command, "--reference", "median_length", "--force")
    assert other.status == 2
    assert "other data or options" in other.err
    assert run(*command[:-1], 6).status == 2  # finished with 5
    more = run(*command[:-1], 6, "--force")
    assert more.status == 0, more.err
    assert "refit_0004: finished before" in more.err
    assert len(stand_in) == 6
    np.testing.assert_array_equal(read_null(out)["mean"][:5], null["mean"])
    assert not (tmp_path / "null.nc.work").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--refits", 2], "refits is 2; at least 3 are needed"),
        (["--refits", 3, "--figure", "f.png"], "--figure holds every refit against the others and needs 4 of them"),
        (["--seed", -1], "seed is -1"),
        (["--figure", "nowhere/f.png"], "nowhere does not exist"),
    ],
)
def test_bad_input(run, trained, features_file, targets_file, stand_in, tmp_path, options, message):
    result = run("null", trained, features_file, targets_file, "--out", tmp_path / "null.nc", *options)
    assert result.status == 2
    assert message in result.err
    assert not list(tmp_path.iterdir())
    assert not stand_in


def test_decoys(run, trained, features_file, targets_file, tmp_path):
    out = tmp_path / "decoys.tsv"
    result = run("decoys", trained, features_file, targets_file, "--out", out)
    assert result.status == 0, result.err
    table = pd.read_csv(out, sep="\t")
    assert table["task"].iloc[0] == "overall"
    assert not table["regulator"].str.startswith("decoy:").any()
    assert table["q_value"].between(0, 1).all()
    assert "regulators at a false discovery rate of 5 % overall" in result.out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["decoys.tsv", "decoys.tsv.run.json"]
