from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from toy_regulators import TASKS, toy_features, toy_targets

from decode.core.resume import FinishedRuns, finish_runs
from decode.dataset import Dataset, prepare_dataset
from decode.evaluation.baselines import baseline_predictions
from decode.evaluation.randomisation import randomise, shuffle_regions
from decode.evaluation.refit import Refit, dataset_hash, refit
from decode.models.config import NetworkConfig
from decode.statistics.metrics import spearman_per_task
from decode.training.config import TrainingConfig

TINY = NetworkConfig(width=16, n_dense=1, dropout=0.0, input_dropout=0.0)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    features = toy_features()
    return prepare_dataset(features, toy_targets(features), min_bound_genes=5)


def test_hash_tells_datasets_apart(dataset):
    same = dataset_hash(dataset)
    assert dataset_hash(replace(dataset, targets=dataset.targets.copy())) == same
    split = dataset.split.copy()
    split[0] = "excluded"
    others = [replace(dataset, split=split), replace(dataset, targets=dataset.targets + 1)]
    others += [shuffle_regions(dataset, ["rna"], seed=0), replace(dataset, tasks=[*dataset.tasks[:-1], "x"])]
    assert len({same, *map(dataset_hash, others)}) == 5


@pytest.mark.parametrize("executor", ["serial", "threads:2"])
def test_what_is_finished_is_not_done_again(tmp_path, executor):
    done: list[int] = []
    told: list[tuple[str, bool]] = []

    def square(number: int) -> dict[str, int]:
        done.append(number)
        return {"square": number**2}

    store = FinishedRuns(tmp_path)
    first = finish_runs({"two": 2}, square, store, "data", executor=executor)
    plans = {"one": 1, "two": 2, "three": 3}
    found = finish_runs(plans, square, store, "data", executor=executor, on_run=lambda *args: told.append(args))
    assert first == {"two": {"square": 4}}
    assert list(found.items()) == [("one", {"square": 1}), ("two", {"square": 4}), ("three", {"square": 9})]
    assert sorted(done) == [1, 2, 3]
    assert told == [("two", True), ("one", False), ("three", False)]
    for name, plan, signature in (("two", 5, "data"), ("two", 2, "other data")):
        with pytest.raises(ValueError, match="other data or options"):
            finish_runs({name: plan}, square, store, signature)
    assert finish_runs({}, square, store, "data") == {}


def test_results_are_kept_as_they_come(tmp_path):
    def fail(number: int) -> dict[str, int]:
        if number == 2:
            raise RuntimeError("no memory")
        return {}

    with pytest.raises(RuntimeError, match="no memory"):
        finish_runs({"a": 1, "b": 2, "c": 3}, fail, FinishedRuns(tmp_path), "data")
    assert [path.name for path in tmp_path.glob("*.json")] == ["a.json"]


@pytest.mark.slow
def test_networks_are_refitted_to_the_same_result(dataset):
    training = TrainingConfig(members=2, max_epochs=3, batch_size=32)
    first, second = (refit(dataset, TINY, training, part="validation") for _ in range(2))
    assert first.predicted.shape == (len(dataset.rows("validation")), len(TASKS))
    np.testing.assert_array_equal(first.predicted, second.predicted)
    assert first.n_epochs == 6
    assert first.cpu_s > 0
    assert first.wall_s > 0
    longer = refit(dataset, TINY, replace(training, members=1, max_epochs=30, learning_rate=1e-2))
    actual = dataset.targets[dataset.rows("test")]
    assert np.nanmean(spearman_per_task(actual, longer.predicted)) > 0.4


def test_runs_can_travel_to_another_process(dataset, monkeypatch):
    """What a Dask worker is sent: the function with its data; core.executor is tested on a real cluster."""
    cloudpickle = pytest.importorskip("cloudpickle")

    class Travel:
        def map(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
            for item in items:
                there, sent = cloudpickle.loads(cloudpickle.dumps((function, item)))
                yield there(sent)

    def ridge(dataset: Dataset, network: NetworkConfig, training: TrainingConfig, *, part: str) -> Refit:
        return Refit(baseline_predictions(dataset)["ridge_totals"][dataset.rows(part)], 1, 0.0, 0.0)

    monkeypatch.setattr("decode.evaluation.randomisation.refit", ridge)
    features = toy_features()
    results = [randomise(features, toy_targets(features), seeds=(0,), executor=e) for e in ("serial", Travel())]
    pd.testing.assert_frame_equal(results[0].table, results[1].table)
