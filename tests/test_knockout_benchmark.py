from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import pearsonr

from benchmarks import bench_knockout, knockout_experiments
from benchmarks.bench_training import simulated_features
from benchmarks.recovery_data import Signatures


@pytest.fixture(scope="module")
def features_path(tmp_path_factory):
    path = tmp_path_factory.mktemp("features") / "features.h5"
    simulated_features(60).write(path)
    return str(path)


def test_sides_find_the_same_correlations(features_path, tmp_path, monkeypatch):
    monkeypatch.setattr(bench_knockout, "N_DRAWS", 40)
    monkeypatch.setattr(bench_knockout, "N_MEMBERS", 1)
    own, peer = str(tmp_path / "own.npy"), str(tmp_path / "peer.npy")
    assert len(bench_knockout.ours("default", features_path, own)()()["regulators"]) == 2
    bench_knockout.predict_loop("default", features_path, peer, 5)()()
    assert np.load(own).shape == (2, 40)
    np.testing.assert_allclose(np.load(own)[:, :5], np.load(peer), atol=1e-5)
    found = bench_knockout.everything("default", features_path, str(tmp_path / "k.nc"), 0.1)()()
    assert (found["gene_id"], found["task"]) == (6, bench_knockout.N_TASKS)
    assert found["n_pairs"] > 0


def test_correlations():
    rng = np.random.default_rng(0)
    altered, partner = rng.normal(size=(2, 3, 9)).astype(np.float32), rng.normal(size=(2, 9)).astype(np.float32)
    found = bench_knockout.correlations(altered, partner)
    expected = [pearsonr(row, partner.mean(axis=0)).statistic for row in altered.mean(axis=0)]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_experiments_by_hand():
    """TF A's knockout ranks the changed genes first; B binds as many genes and knows nothing of them."""
    ids = ["g1", "g2", "g3", "g4"]
    effects = pd.DataFrame({"A": [0.9, 0.8, 0.1, 0.0], "B": [0.0, 0.5, 0.5, 0.5]}, index=ids)
    bases = pd.DataFrame({"A": [1.0, 1.0, 5.0, 0.0], "B": [0.0, 1.0, 1.0, 1.0]}, index=ids)
    changes = pd.DataFrame({"s1": [1, -1, 0, 0], "s2": [1, 0, 0, 0], "s3": [0, 0, 0, 1]}, index=ids)
    table = pd.DataFrame({"signature_id": ["s1", "s2", "s3"], "regulator": "A", "source": ["x", "x", "y"]})
    found = knockout_experiments.judged(effects, bases, Signatures(table, changes)).set_index(
        ["signature", "genes", "score"]
    )["auroc"]
    assert found["s1", "all genes", "knockout"] == 1.0
    assert found["s1", "bound genes", "bases bound"] == 0.0  # 1 and 1 against 5
    assert found["s3", "all genes", "knockout"] == 0.0
    assert np.isnan(found["s3", "bound genes", "knockout"])  # no bound gene changed
    means = knockout_experiments.by_regulator(found.reset_index().assign(regulator="A", source=_source))
    assert means["all genes", "knockout"].loc["A"] == pytest.approx((1.0 + 0.0) / 2)
    rows = knockout_experiments.rows_of(found.reset_index().assign(regulator="A", source=_source))
    assert len(rows) == 8
    assert rows[1].case == "all genes: bases bound"


def _source(table):
    return table["signature"].map({"s1": "x", "s2": "x", "s3": "y"})
