from __future__ import annotations

import numpy as np
import pytest

from benchmarks import bench_attribution


@pytest.mark.parametrize("architecture", ["paper", "default"])
def test_both_sides_explain_the_same(architecture, tmp_path, monkeypatch):
    monkeypatch.setattr(bench_attribution, "N_TASKS", 2)
    found = {}
    for side in (bench_attribution.exact_side, bench_attribution.shap_side):
        path = str(tmp_path / f"{side.__name__}.npz")
        result = side(architecture, 8, 2, path)()()
        assert result["additivity_error"] < 1e-4
        with np.load(path) as stored:
            found[side.__name__] = [stored[name] for name in stored.files]
    for exact, shap in zip(found["exact_side"], found["shap_side"], strict=True):
        assert exact.shape == shap.shape
        np.testing.assert_allclose(exact, shap, atol=1e-5)


def test_the_whole_job(tmp_path, monkeypatch):
    monkeypatch.setattr(bench_attribution, "N_TASKS", 2)
    result = bench_attribution.whole_job(5, 2, str(tmp_path / "a.nc"))()()
    assert result["shape"][0] == 5
    assert result["additivity_error"] < 1e-4
    assert result["file_gib"] > 0
