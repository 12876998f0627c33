from __future__ import annotations

import numpy as np
import pytest

from benchmarks import bench_landmark_panels


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(bench_landmark_panels, "N_SAMPLES", 24)
    monkeypatch.setattr(bench_landmark_panels, "N_PANELS", 3)


@pytest.mark.parametrize("method", ["greedy", "projection"])
def test_a_panel_of_distinct_genes_is_chosen(method):
    assert bench_landmark_panels.selection_side(80, 12, method)()() == {"n_chosen": 12}


def test_both_sides_predict_the_same(tmp_path):
    out = {is_shared: tmp_path / f"{is_shared}.npy" for is_shared in (True, False)}
    for is_shared, path in out.items():
        bench_landmark_panels.ridge_side(80, 12, 3, is_shared, str(path))()()
    found = {is_shared: np.load(path) for is_shared, path in out.items()}
    assert found[True].shape == (3, 10, 80)
    assert found[True] == pytest.approx(found[False], abs=1e-12)
    assert np.abs(found[True][0] - found[True][1]).max() > 0.1  # panels differ


def test_ridge_agrees_with_scikit_learn(tmp_path):
    from sklearn.linear_model import Ridge

    from decode.landmark.ridge import shared_ridge

    bench_landmark_panels.ridge_side(80, 12, 1, True, str(tmp_path / "a.npy"))()()
    values = bench_landmark_panels.simulated_samples(80)
    panel = bench_landmark_panels.random_panels(80, 12)[0]
    scaled = (values[:, panel] - values[:, panel].mean(axis=0)) / values[:, panel].std(axis=0)
    peer = Ridge(alpha=shared_ridge(values).fit(panel).penalty).fit(scaled, values)
    assert np.load(tmp_path / "a.npy")[0] == pytest.approx(peer.predict(scaled[:10]), abs=1e-8)
