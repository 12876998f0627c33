from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from toy_regulators import TASKS, toy_features, toy_targets

from decode.comparators.accuracy import accuracy_rows, task_accuracy
from decode.comparators.single_task import compare_single_task, single_task_dataset
from decode.dataset import Dataset, prepare_dataset
from decode.evaluation.baselines import baseline_predictions
from decode.evaluation.refit import Refit
from decode.models.config import NetworkConfig
from decode.statistics.metrics import spearman_per_task
from decode.training.config import TrainingConfig

TINY = NetworkConfig(width=16, n_dense=1, dropout=0.0, input_dropout=0.0)


@pytest.fixture
def ridge(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], int]]:
    """Ridge on totals in place of the network, at 3 s a task; gives the tasks and seeds that it was called with."""
    calls: list[tuple[list[str], int]] = []

    def fit(dataset: Dataset, network: NetworkConfig, training: TrainingConfig, *, part: str = "test") -> Refit:
        calls.append((dataset.tasks, training.seed))
        predicted = baseline_predictions(dataset)["ridge_totals"][dataset.rows(part)]
        return Refit(predicted, 7, 1.0 + 2.0 * len(dataset.tasks), 2.0)

    monkeypatch.setattr("decode.comparators.single_task.refit", fit)
    return calls


def test_one_task_of_a_dataset():
    features = toy_features()
    targets = toy_targets(features)
    targets.loc[::3, "liver"] = np.nan
    dataset = prepare_dataset(features, targets)
    liver = single_task_dataset(dataset, "liver")
    assert liver.tasks == ["liver"]
    assert liver.features is dataset.features
    np.testing.assert_array_equal(liver.targets[:, 0], dataset.targets[:, 1])
    lost = np.isnan(dataset.targets[:, 1])
    assert set(liver.split[lost]) == {"excluded", "test"}
    np.testing.assert_array_equal(liver.split[~lost], dataset.split[~lost])
    assert "excluded" not in dataset.split
    assert "excluded" not in single_task_dataset(dataset, "lung").split
    with pytest.raises(KeyError, match="spleen"):
        single_task_dataset(dataset, "spleen")


def test_accuracy_and_cost(ridge):
    features = toy_features()
    targets = toy_targets(features)
    groups = {"cortex": "brain", "amygdala": "brain"}
    result = compare_single_task(features, targets, seeds=(0, 4), tissue_groups=groups)
    assert ridge == [(t, seed) for seed in (0, 4) for t in (TASKS, *([task] for task in TASKS))]
    table = result.table
    assert list(table.columns) == ["model", "seed", "task", "task_kind", "rmse", "pearson", "spearman"]
    assert len(table) == 2 * 2 * len(TASKS)
    dataset = prepare_dataset(features, targets)
    rows = dataset.rows("test")
    own = baseline_predictions(single_task_dataset(dataset, "lung"))["ridge_totals"][rows]
    expected = spearman_per_task(dataset.targets[rows][:, [2]], own)[0]
    found = table.set_index(["model", "seed", "task"]).sort_index().loc[("single_task", 4, "lung"), "spearman"]
    assert found == pytest.approx(expected)
    summary = result.summary.set_index("model")
    assert summary.loc["multi_task", ["n_networks", "n_tasks", "cpu_s"]].tolist() == [1, 5, 11.0]
    assert summary.loc["single_task", ["n_networks", "n_tasks", "cpu_s"]].tolist() == [5, 5, 15.0]
    comparison = result.comparison.iloc[0]
    assert comparison["cpu_ratio"] == pytest.approx(15 / 11)
    assert comparison["wall_ratio"] == pytest.approx(10 / 2)
    assert not comparison["is_extrapolated"]
    assert comparison["n_tasks"] == 4  # the median level is no fold change
    assert comparison["n_groups"] == 3
    means = table.groupby(["model", "task"])["spearman"].mean()
    difference = means["multi_task"][TASKS[1:]] - means["single_task"][TASKS[1:]]
    assert comparison["mean_difference"] == pytest.approx(difference.mean())


def test_some_tasks(ridge, tmp_path):
    features = toy_features()
    targets = toy_targets(features)
    result = compare_single_task(features, targets, tasks=["lung", "liver"], folder=tmp_path / "fits")
    assert ridge == [(TASKS, 0), (["lung"], 0), (["liver"], 0)]
    assert set(result.table["task"]) == {"lung", "liver"}
    comparison = result.comparison.iloc[0]
    assert comparison["cpu_ratio"] == pytest.approx(5 / 2 * 6 / 11)
    assert comparison["is_extrapolated"]
    ridge.clear()
    told: list[tuple[str, bool]] = []
    more = compare_single_task(
        features, targets, tasks=["lung", "liver", "cortex"], folder=tmp_path / "fits", on_run=lambda *x: told.append(x)
    )
    assert ridge == [(["cortex"], 0)]
    assert told.count(("multi_task_seed_0", True)) == 1
    assert told[-1] == ("single_task_3_cortex_seed_0", False)
    pd.testing.assert_frame_equal(more.cost.iloc[:3], result.cost)
    with pytest.raises(ValueError, match="other data or options"):
        compare_single_task(features, targets, network="paper", folder=tmp_path / "fits")


def test_tasks_that_cannot_be_trained_alone(ridge, caplog):
    features = toy_features()
    targets = toy_targets(features)
    targets["flat"] = 1.0
    targets.loc[0, "flat"] = np.nan
    result = compare_single_task(features, targets, tasks=["flat", "liver"])
    assert result.counts["untrainable_tasks"] == ["flat"]
    assert "1 tasks are constant over training genes" in caplog.text
    assert set(result.table["task"]) == {"liver"}
    with pytest.raises(ValueError, match="none of the 1 tasks can be trained alone: flat"):
        compare_single_task(features, targets, tasks=["flat"])


def test_bad_input():
    features = toy_features()
    targets = toy_targets(features)
    with pytest.raises(KeyError, match="spleen"):
        compare_single_task(features, targets, tasks=["spleen"])
    with pytest.raises(ValueError, match="tasks asked for occur more than once: liver"):
        compare_single_task(features, targets, tasks=["liver", "liver"])
    with pytest.raises(ValueError, match="threads cannot be told apart"):
        compare_single_task(features, targets, executor="threads")
    with pytest.raises(ValueError, match="seeds is empty"):
        compare_single_task(features, targets, seeds=())


def test_accuracy_survives_json():
    found = task_accuracy(np.ones((4, 1)), np.arange(4.0)[:, None])
    rows = accuracy_rows({name: [None] for name in found}, ["liver"], model="x")
    assert list(rows.columns) == ["model", "task", "rmse", "pearson", "spearman"]
    assert rows["rmse"].isna().all()
    assert rows["rmse"].dtype == np.float64


@pytest.mark.slow
def test_with_networks():
    features = toy_features(300)
    training = TrainingConfig(members=1, max_epochs=20, batch_size=32, learning_rate=1e-2)
    result = compare_single_task(
        features, toy_targets(features), tasks=["liver", "lung"], network=TINY, training=training, seeds=(1,)
    )
    assert result.summary["fold_change_mean_spearman"].min() > 0.6
    assert (result.cost[["n_epochs", "cpu_s", "wall_s"]] > 0).all(axis=None)
    assert result.comparison["cpu_ratio"].iloc[0] > 0
