from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from kinds import kinds_of
from matplotlib.image import imread

from decode.evaluation.calibration import Calibration, calibrate, interval_factors
from decode.report.calibration import calibration_plot, write_calibration


def found(tasks: tuple[str, ...] = ("median_level", "liver", "brain"), n_genes: int = 60) -> Calibration:
    rng = np.random.default_rng(0)
    spread = rng.uniform(0.1, 1, (n_genes, len(tasks)))
    actual = rng.normal(size=spread.shape) * spread
    zeros = np.zeros_like(spread)
    return calibrate(actual, zeros, spread, tasks, kinds_of(tasks), factors=[interval_factors(actual, zeros, spread)])


def test_all_files_are_written(tmp_path):
    written = write_calibration(found(), tmp_path / "out", title="toy")
    assert [path.name for path in written] == [
        "calibration.json",
        "calibration.png",
        "calibration.svg",
        "calibration_bins.tsv",
        "calibration_tasks.tsv",
        "intervals.tsv",
        "run.json",
    ]
    assert sorted((tmp_path / "out").iterdir()) == written
    back = pd.read_csv(tmp_path / "out" / "intervals.tsv", sep="\t")
    pd.testing.assert_frame_equal(back, found().intervals)
    metrics = json.loads((tmp_path / "out" / "calibration.json").read_text())
    assert metrics["intervals"][2]["level"] == 0.9
    height, width = imread(tmp_path / "out" / "calibration.png").shape[:2]
    assert width > height > 300


@pytest.mark.parametrize("tasks", [("median_level",), ("liver", "brain")])
def test_one_kind_of_task(tmp_path, tasks):
    write_calibration(found(tasks), tmp_path / "out")
    text = (tmp_path / "out" / "calibration.json").read_text()
    assert "NaN" not in text
    assert ("median_level_spearman" in text) == (tasks == ("median_level",))
    assert ("fold_change_mean_spearman" in text) == (tasks != ("median_level",))


def test_undefined_numbers_are_not_drawn():
    few = found(n_genes=2)
    undefined = few._replace(intervals=few.intervals.assign(coverage=np.nan, plain_coverage=np.nan))
    assert not calibration_plot(undefined).axes[2].get_legend_handles_labels()[0]


def test_bad_input(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_calibration(found(), tmp_path / "no" / "out")
