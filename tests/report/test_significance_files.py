from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from kinds import kinds_of

from decode.ranking.null_file import Scores, null_dataset
from decode.report.files import save_figure
from decode.report.significance import null_calibration, p_value_plot

PNG = b"\x89PNG"


def test_figure(tmp_path):
    rng = np.random.default_rng(0)
    series = {"by task": rng.random((5000, 3)), "overall": np.append(rng.random(40), np.nan)}
    save_figure(p_value_plot(series, title="title"), tmp_path / "qq.png")
    assert (tmp_path / "qq.png").read_bytes()[:4] == PNG
    save_figure(p_value_plot({"one": [0.5]}), tmp_path / "one.svg")
    assert (tmp_path / "one.svg").read_text().startswith("<?xml")


@pytest.mark.parametrize(
    ("series", "message"),
    [
        ({}, "there are no p-values"),
        ({"a": [np.nan]}, "series 'a' holds 0 p-values"),
        ({"a": [0.0, 0.5]}, "numbers above 0"),
        ({"a": [0.5, 1.5]}, "numbers above 0"),
    ],
)
def test_bad_input(series, message):
    with pytest.raises(ValueError, match=message):
        p_value_plot(series)


def test_calibration_of_a_null():
    rng = np.random.default_rng(0)
    mean = rng.normal(size=(20, 60, 3))
    regulators = pd.DataFrame({"kind": "TF", "regulator": [f"T{i}" for i in range(60)], "n_tracks": 1})
    regulators = regulators.assign(n_bound_genes=np.arange(60)).set_index("TF:" + regulators["regulator"])
    null = null_dataset(
        Scores(mean, np.abs(mean)),
        regulators,
        ["median_level", "liver", "lung"],
        kinds_of(["median_level", "liver", "lung"]),
        {},
    )
    found = null_calibration(null)
    assert {name: len(values) for name, values in found.items()} == {"by task": 3600, "overall": 1200}
    assert np.mean(found["by task"] <= 0.05) == pytest.approx(0.05, abs=0.01)
    assert list(null_calibration(null.sel(task=["median_level"]))) == ["by task"]
    with pytest.raises(ValueError, match="at least 4"):
        null_calibration(null.isel(refit=slice(3)))
