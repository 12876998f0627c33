from __future__ import annotations

import numpy as np
import pytest

from benchmarks import bench_landmark
from decode.landmark.prepared import open_prepared


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(bench_landmark, "N_GENES", 40)
    monkeypatch.setattr(bench_landmark, "N_SAMPLES", 4)


def test_an_epoch_reads_a_prepared_file(tmp_path):
    path = str(tmp_path / "p.h5")
    bench_landmark.write_simulated(path, 400)
    with open_prepared(path) as prepared:
        assert prepared.values.shape == (400, 40)
        assert len(prepared.rows("train")) == 396
        assert np.ptp(prepared.read(), axis=0).min() > 0
    assert bench_landmark.epoch(path)()()["n_updates"] == 3


@pytest.mark.parametrize("is_summed", [False, True])
def test_both_sides_explain_the_same(is_summed, tmp_path):
    bench_landmark.exact_side(is_summed, 2, str(tmp_path / "a.npz"))()()
    bench_landmark.shap_side(is_summed, False, 2, str(tmp_path / "b.npz"))()()
    with np.load(tmp_path / "a.npz") as a, np.load(tmp_path / "b.npz") as b:
        assert a.files == b.files
        for name in a.files:
            assert np.abs(b[name]).max() > 2e-4
            assert a[name] == pytest.approx(b[name], abs=2e-5)
