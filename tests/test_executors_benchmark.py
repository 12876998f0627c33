"""The check of executors covers every command that has the option, and sees differences."""

from __future__ import annotations

import h5py
import numpy as np
import pandas as pd

from benchmarks.bench_scaling import AXES, checked_row, rows_of
from benchmarks.executors import largest_difference, needed, with_executor
from benchmarks.measure import Measured, Row


def test_every_command_with_an_executor_is_checked():
    checked = {command.words or command.name for command, is_checked in needed(with_executor()) if is_checked}
    assert {"features build", "train", "attribute", "knockout", "drivers", "landmark evaluate"} <= with_executor()
    assert checked == with_executor()


def test_only_one_and_what_makes_its_inputs():
    found = {command.name: is_checked for command, is_checked in needed(with_executor(), ["attribute"])}
    assert found == {"features build": False, "expression tissue": False, "train": False, "attribute": True}


def test_differences_are_seen(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    for folder, value in ((one, 2.0), (other, 3.0)):
        folder.mkdir()
        pd.DataFrame({"gene": ["a", "b"], "x": [0.5, np.nan]}).to_csv(folder / "t.tsv", sep="\t", index=False)
        with h5py.File(folder / "f.h5", "w") as file:
            file["group/x"] = [value]
    assert largest_difference(one, one) == 0.0
    assert largest_difference(one, other) == 0.5  # relative: 1 of 2
    (other / "t.tsv").unlink()
    assert largest_difference(one, other) == float("inf")


def test_forecasts_are_lines_and_some_are_run(monkeypatch):
    def measured(function, *, folder, size):
        return Measured(1.0 + size / 100, 2.0 + size / 1000, {})

    monkeypatch.setattr("benchmarks.bench_scaling.measured", measured)
    axis = next(axis for axis in AXES if axis.is_checked and axis.forecast == 1_000)
    rows = rows_of(axis, 1.0)
    forecast, checked = rows[-2:]
    assert forecast.ours_s == 11.0
    assert round(forecast.peak_gib, 6) == 3.0
    assert checked.numbers["forecast_over_cpu"] == 1.0
    assert "measured" in checked.note
    assert len(rows_of(axis, 0.5)) == 4
    off = checked_row(axis, Row("", None, 22.0, peak_gib=1.5))
    assert (off.numbers["forecast_over_cpu"], off.numbers["forecast_over_peak"]) == (2.0, 0.5)
