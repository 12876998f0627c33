from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from kinds import kinds_of
from matplotlib.image import imread

from decode.comparators.expecto import METHODS, ExpectoResult, summarise_runs
from decode.comparators.single_task import SingleTaskResult
from decode.report.comparisons import expecto_plot, single_task_plot, write_expecto, write_single_task
from decode.report.files import save_figure


def single_task_result() -> SingleTaskResult:
    rng = np.random.default_rng(0)
    tasks = ["median_level", "liver", "lung"]
    table = pd.concat(
        [
            pd.DataFrame(
                {"model": model, "seed": seed, "task": tasks, "task_kind": kinds_of(tasks), "spearman": rng.random(3)}
            )
            for model in ("multi_task", "single_task")
            for seed in (0, 1)
        ],
        ignore_index=True,
    )
    table["task_kind"] = kinds_of(table["task"])
    summary = pd.DataFrame({"model": ["multi_task", "single_task"], "cpu_s_per_task": [1.0, 12.0]})
    cost = pd.DataFrame({"model": ["multi_task"], "cpu_s": [3.0]})
    return SingleTaskResult(table, cost, summary, pd.DataFrame({"cpu_ratio": [12.0]}), {"train": 5})


def expecto_result(n_runs: int = 3) -> ExpectoResult:
    rng = np.random.default_rng(0)
    rows = [
        (run, method, scale, task, *rng.random(3))
        for run in range(n_runs)
        for method in METHODS
        for scale in ("level", "fold_change")
        for task in ("liver", "lung")
    ]
    table = pd.DataFrame(rows, columns=["run", "method", "scale", "task", "rmse", "pearson", "spearman"])
    table.loc[table["method"] == "mean", ["pearson", "spearman"]] = np.nan
    per_task, summary = summarise_runs(table)
    return ExpectoResult(table, per_task, summary, pd.DataFrame({"scale": ["level"]}), {"train": 5})


@pytest.mark.parametrize(
    ("write", "result", "names"),
    [
        (
            write_single_task,
            single_task_result(),
            [
                "accuracy.tsv",
                "comparison.tsv",
                "cost.tsv",
                "run.json",
                "single_task.png",
                "single_task.svg",
                "summary.tsv",
            ],
        ),
        (
            write_expecto,
            expecto_result(),
            ["comparison.tsv", "expecto.png", "expecto.svg", "per_task.tsv", "run.json", "runs.tsv", "summary.tsv"],
        ),
    ],
)
def test_all_files_are_written(tmp_path, write, result, names):
    written = write(result, tmp_path / "out", record={"command": []}, title="toy")
    assert [path.name for path in written] == names
    assert sorted((tmp_path / "out").iterdir()) == written
    assert json.loads((tmp_path / "out" / "run.json").read_text())["counts"] == {"train": 5}
    picture = next(path for path in written if path.suffix == ".png")
    height, width = imread(picture).shape[:2]
    assert width > height > 200
    assert "nan" not in (tmp_path / "out" / "summary.tsv").read_text().lower()
    with pytest.raises(FileNotFoundError):
        write(result, tmp_path / "no" / "out")


def test_undefined_accuracy_is_not_drawn(tmp_path):
    found = single_task_result()
    save_figure(single_task_plot(found.table.assign(spearman=np.nan), found.summary), tmp_path / "a.png")
    summary = expecto_result(1).summary
    save_figure(expecto_plot(summary[summary["method"] != "expecto"]), tmp_path / "b.pdf")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "b.pdf"]


def test_bad_input():
    found = single_task_result()
    with pytest.raises(ValueError, match=r"lacks the column\(s\) task"):
        single_task_plot(found.table.drop(columns="task"), found.summary)
    with pytest.raises(ValueError, match=r"lacks the column\(s\) rmse_mad"):
        expecto_plot(expecto_result().summary.drop(columns="rmse_mad"))
