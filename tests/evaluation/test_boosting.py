"""Boosted trees, the stack, and the baselines that know gene structure."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from planted import TINY, planted_dataset, planted_features, planted_targets, quick_bundle

from decode.dataset import Dataset
from decode.evaluation.baselines import BASELINES, STRUCTURE_BASELINES, baseline_predictions
from decode.evaluation.boosting import boosting_predictions, stacked
from decode.evaluation.evaluate import dataset_of_model, evaluate
from decode.evaluation.refit import dataset_hash
from decode.statistics.metrics import spearman_per_task


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    """Fold changes that follow the structure with a bend, which no line follows."""
    made = planted_dataset(structure=True)
    bend = np.abs(made.features.structure[:, 2] - 6.0)
    return replace(made, targets=np.repeat(bend[:, None], 4, axis=1).astype(np.float32))


def _on_test(dataset: Dataset, predicted: np.ndarray) -> np.ndarray:
    rows = dataset.rows("test")
    return spearman_per_task(dataset.targets[rows].astype(float), predicted[rows])


def test_trees_follow_a_bend_and_see_no_test_gene(dataset: Dataset) -> None:
    found = boosting_predictions(dataset, rounds=40)
    assert _on_test(dataset, found).min() > 0.8
    targets = dataset.targets.copy()
    targets[dataset.rows("test")] = 99.0
    again = boosting_predictions(replace(dataset, targets=targets), rounds=40)
    np.testing.assert_array_equal(found, again)


def test_trees_with_missing_and_constant_tasks(dataset: Dataset) -> None:
    targets = dataset.targets.copy()
    targets[::3, 1] = np.nan
    targets[:, 2] = 1.5
    targets[:, 3] = np.nan
    found = boosting_predictions(replace(dataset, targets=targets), rounds=5)
    assert np.isfinite(found[:, :3]).all()
    assert (found[:, 2] == 1.5).all()
    assert np.isnan(found[:, 3]).all()


def test_stack_takes_the_best(dataset: Dataset) -> None:
    good = dataset.targets.astype(float)
    noise = np.random.default_rng(0).normal(size=good.shape)
    found = stacked(dataset, {"model": noise, "ridge": good, "boosting": noise[::-1]})
    np.testing.assert_allclose(found.predicted, good)
    assert set(found.weights) == set(dataset.task_kinds)
    assert all(chosen == {"model": 0.0, "ridge": 1.0, "boosting": 0.0} for chosen in found.weights.values())
    rng = np.random.default_rng(1)
    half = [good + rng.normal(scale=0.8, size=good.shape) for _ in range(2)]
    alone = [_on_test(dataset, some).mean() for some in half]
    mixed = stacked(dataset, dict(zip("abc", [*half, noise], strict=True)))
    assert _on_test(dataset, mixed.predicted).mean() > max(alone)
    assert [sum(chosen.values()) for chosen in mixed.weights.values()] == pytest.approx([1.0] * len(mixed.weights))


def test_baselines_with_structure(dataset: Dataset) -> None:
    found = baseline_predictions(dataset)
    assert list(found) == [*BASELINES, *STRUCTURE_BASELINES]
    for name in STRUCTURE_BASELINES:
        assert _on_test(dataset, found[name]).min() > 0.6  # the squares follow the bend
    assert _on_test(dataset, found["ridge_ranks"]).max() < 0.4
    assert list(baseline_predictions(planted_dataset())) == list(BASELINES)


def test_evaluate_has_the_rows() -> None:
    dataset = planted_dataset(structure=True)
    targets = planted_targets(planted_features())
    bundle = quick_bundle(dataset, TINY)
    found = evaluate(bundle, dataset.features, targets, boosting=True)
    assert list(found.metrics["baselines"]) == [*BASELINES, *STRUCTURE_BASELINES, "boosting", "stack"]
    assert {"boosting", "stack", "structure_only"} <= set(found.per_task.columns)
    assert found.stack is not None
    chosen = found.metrics["stack_weights"].values()
    assert all(set(weights) == {"model", "ridge_structure", "boosting"} for weights in chosen)
    cheap = evaluate(bundle, dataset.features, targets, stack=True)
    assert list(cheap.metrics["baselines"]) == [*BASELINES, *STRUCTURE_BASELINES, "stack"]
    assert cheap.stack is not None
    whole = dataset_of_model(bundle, dataset.features, targets)
    ridge = baseline_predictions(whole)["ridge_structure"][whole.rows("test")]
    for column, (task, kind) in enumerate(zip(bundle.tasks, bundle.task_kinds, strict=True)):
        weights = cheap.metrics["stack_weights"][kind]
        assert set(weights) == {"model", "ridge_structure"}
        mixed = weights["model"] * cheap.predictions[task] + weights["ridge_structure"] * ridge[:, column]
        np.testing.assert_allclose(cheap.stack[task], mixed, atol=1e-6)
    plain = quick_bundle(dataset, replace(TINY, structure=False))
    assert list(evaluate(plain, dataset.features, targets).metrics["baselines"]) == list(BASELINES)


def test_the_hash_knows_structure(dataset: Dataset) -> None:
    bare = replace(dataset, features=dataset.features.with_structure_channels([]))
    assert dataset_hash(bare) != dataset_hash(dataset)
