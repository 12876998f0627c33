from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from planted import planted_dataset
from scipy.stats import spearmanr
from sklearn.linear_model import Ridge

from decode.dataset import TEST, TRAIN, VALIDATION
from decode.evaluation.baselines import (
    BASELINES,
    KNN_SIZES,
    RIDGE_PENALTIES,
    baseline_predictions,
    knn_predictions,
    length_design,
    log_totals,
    ridge_predictions,
    spectrum,
    standardise,
)
from decode.statistics.metrics import spearman_per_task

NAN = np.nan


@pytest.fixture(scope="module")
def dataset():
    return planted_dataset()


def closed_form(design: np.ndarray, values: np.ndarray, at: np.ndarray, penalty: float) -> np.ndarray:
    """Ridge with an unpenalised intercept: w = (X'X + aI)^-1 X'y on centred columns."""
    centre, mean = design.mean(axis=0), values.mean(axis=0)
    x = design - centre
    weights = np.linalg.solve(x.T @ x + penalty * np.eye(x.shape[1]), x.T @ (values - mean))
    return (at - centre) @ weights + mean


def test_designs(dataset):
    length = dataset.features.genes["length_bp"].to_numpy()
    np.testing.assert_allclose(length_design(dataset), np.stack([np.log(length), np.log(length) ** 2], axis=1))
    np.testing.assert_allclose(log_totals(dataset), np.log(1 + dataset.features.totals()), rtol=1e-6)
    design = np.array([[1.0, 5.0], [3.0, 5.0], [100.0, 7.0]])
    scaled = standardise(design, np.array([0, 1]))
    np.testing.assert_allclose(scaled, [[-1, 0], [1, 0], [98, 0]])  # a constant column says nothing


def test_mean(dataset):
    predicted = baseline_predictions(dataset)
    assert tuple(predicted) == BASELINES
    expected = dataset.targets[dataset.rows(TRAIN)].mean(axis=0)
    np.testing.assert_allclose(predicted["mean"], np.repeat(expected[None], 300, axis=0), rtol=1e-5)
    assert np.isnan(spearman_per_task(dataset.targets.astype(float), predicted["mean"])).all()


def test_ridge_equals_the_closed_form_at_the_penalty_that_validates_best(dataset):
    design = np.concatenate([log_totals(dataset), length_design(dataset)], axis=1)
    found = baseline_predictions(dataset)["ridge_totals"]
    np.testing.assert_allclose(ridge_predictions(dataset, design), found)
    train, validation = dataset.rows(TRAIN), dataset.rows(VALIDATION)
    scaled = (design - design[train].mean(axis=0)) / design[train].std(axis=0)
    actual = dataset.targets.astype(np.float64)
    for tasks in ([0], [1, 2, 3]):  # the median level has its own penalty
        fits = [closed_form(scaled[train], actual[np.ix_(train, tasks)], scaled, a) for a in RIDGE_PENALTIES]
        scores = [spearman_per_task(actual[np.ix_(validation, tasks)], fit[validation]).mean() for fit in fits]
        np.testing.assert_allclose(found[:, tasks], fits[int(np.argmax(scores))], atol=1e-8)
        other = Ridge(alpha=RIDGE_PENALTIES[int(np.argmax(scores))]).fit(scaled[train], actual[np.ix_(train, tasks)])
        np.testing.assert_allclose(found[:, tasks], other.predict(scaled).reshape(300, -1), atol=1e-8)


def test_length_only_sees_nothing_but_length(dataset):
    found = baseline_predictions(dataset)["length_only"]
    np.testing.assert_allclose(found, ridge_predictions(dataset, length_design(dataset)))
    length = dataset.features.genes["length_bp"].to_numpy()
    a, b = np.flatnonzero(length == np.bincount(length).argmax())[:2]
    np.testing.assert_allclose(found[a], found[b])
    by_length = np.argsort(length)
    planted = replace(dataset, targets=np.log(length).astype(np.float32)[:, None], tasks=["liver"])
    order = baseline_predictions(planted)["length_only"][by_length, 0]
    assert (np.diff(order) >= -1e-9).all()


def test_held_out_genes_play_no_part(dataset):
    before = baseline_predictions(dataset)
    wild = replace(dataset, targets=dataset.targets.copy())
    wild.targets[dataset.rows(TEST)] = 99.0
    for name, values in baseline_predictions(wild).items():
        np.testing.assert_array_equal(values, before[name])
    np.testing.assert_array_equal(knn_predictions(wild), knn_predictions(dataset))


def test_ridge_finds_a_planted_signal(dataset):
    test = dataset.rows(TEST)
    actual = dataset.targets[test].astype(float)
    predicted = baseline_predictions(dataset)
    assert spearman_per_task(actual, predicted["ridge_totals"][test]).min() > 0.9
    assert np.abs(spearman_per_task(actual, predicted["length_only"][test])).mean() < 0.5


def test_knn_is_the_mean_of_the_nearest_training_genes(dataset):
    design = np.concatenate([log_totals(dataset), length_design(dataset)], axis=1)
    train, validation = dataset.rows(TRAIN), dataset.rows(VALIDATION)
    scaled = standardise(design, train)
    distance = ((scaled[:, None] - scaled[None, train]) ** 2).sum(axis=2)
    actual = dataset.targets.astype(np.float64)
    candidates = [actual[train][np.argsort(distance, axis=1)[:, :k]].mean(axis=1) for k in KNN_SIZES]
    scores = [spearman_per_task(actual[validation], candidate[validation]).mean() for candidate in candidates]
    np.testing.assert_allclose(knn_predictions(dataset), candidates[int(np.argmax(scores))], atol=1e-9)


class TestMissing:
    def test_tasks_measured_in_other_genes_are_fitted_on_those(self, dataset):
        train = dataset.rows(TRAIN)
        holey = replace(dataset, targets=dataset.targets.copy())
        holey.targets[train[:80], 1] = NAN
        found = baseline_predictions(holey)
        whole = baseline_predictions(dataset)
        for name in ("mean", "length_only", "ridge_totals"):
            np.testing.assert_allclose(found[name][:, 0], whole[name][:, 0], atol=1e-9)
            assert np.isfinite(found[name]).all()
            assert np.abs(found[name][:, 1] - whole[name][:, 1]).max() > 1e-3
        np.testing.assert_allclose(found["mean"][0, 1], dataset.targets[train[80:], 1].mean(), rtol=1e-5)
        design = length_design(dataset)
        scaled = standardise(design, train)
        fits = [
            closed_form(scaled[train[80:]], dataset.targets[train[80:], 1:2].astype(float), scaled, a)
            for a in RIDGE_PENALTIES
        ]
        assert min(np.abs(found["length_only"][:, 1:2] - fit).max() for fit in fits) < 1e-8

    def test_a_task_with_no_training_value_is_not_learned(self, dataset):
        empty = replace(dataset, targets=dataset.targets.copy())
        empty.targets[dataset.rows(TRAIN), 2] = NAN
        found = baseline_predictions(empty)
        for values in (*found.values(), knn_predictions(empty)):
            assert np.isfinite(values).all()
            assert (values[:, 2] == 0).all()

    def test_missing_neighbours_are_left_out(self, dataset):
        rng = np.random.default_rng(0)
        holey = replace(dataset, targets=dataset.targets.copy())
        holey.targets[rng.random(holey.targets.shape) < 0.4] = NAN
        assert np.isfinite(knn_predictions(holey)).all()


def test_without_training_genes_there_is_no_baseline(dataset):
    for part in (TRAIN, VALIDATION):
        bare = replace(dataset, split=np.where(dataset.split == part, TEST, dataset.split))
        with pytest.raises(ValueError, match=f"hold none of the {part} genes, which the baselines need"):
            baseline_predictions(bare)


def test_ridge_on_ranks_ignores_how_far_out_an_extreme_gene_lies(dataset):
    far = dataset.targets.copy()
    row = int(np.argmax(np.where(dataset.split == "train", far[:, -1], -np.inf)))
    far[row, -1] += 1000.0  # the largest training value, moved further out
    moved = replace(dataset, targets=far)
    others = dataset.split != "train"
    before = baseline_predictions(dataset)["ridge_ranks"][others, -1]
    after = baseline_predictions(moved)["ridge_ranks"][others, -1]
    assert spearmanr(before, after).statistic > 0.999
    assert np.allclose(np.median(before), np.median(after), atol=1e-6)


def test_shared_decomposition_equals_ridge_of_scikit_learn():
    rng = np.random.default_rng(0)
    for n_rows, n_columns in ((60, 12), (10, 25)):
        design, targets = rng.normal(size=(n_rows, n_columns)), rng.normal(size=(n_rows, 3)) + 5
        design[:, 3], design[:, 5] = 0.0, design[:, 4]  # constant, repeated
        shared = spectrum(design)
        for penalty in RIDGE_PENALTIES:
            expected = Ridge(alpha=penalty).fit(design, targets).predict(design)
            np.testing.assert_allclose(shared.ridge(design, targets, penalty).predict(design), expected, atol=1e-9)
