"""Every metric against a hand-made case and against scipy or R."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy import stats

from decode.statistics.metrics import (
    auroc_delong,
    cross_pearson,
    cross_spearman,
    pearson_per_gene,
    pearson_per_task,
    rmse_per_task,
    spearman_per_gene,
    spearman_per_task,
)

NAN = np.nan
PER_TASK = [(spearman_per_task, stats.spearmanr), (pearson_per_task, stats.pearsonr)]
PER_GENE = [(spearman_per_gene, stats.spearmanr), (pearson_per_gene, stats.pearsonr)]


def tied_with_gaps(seed: int, shape: tuple[int, int] = (40, 7)) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    actual = rng.integers(0, 6, shape).astype(float)
    predicted = actual + rng.integers(-3, 4, shape)
    actual[rng.random(shape) < 0.15] = NAN
    predicted[rng.random(shape) < 0.1] = NAN
    return actual, predicted


def reference(function, left: np.ndarray, right: np.ndarray) -> float:
    complete = ~(np.isnan(left) | np.isnan(right))
    return function(left[complete], right[complete])[0]


@pytest.mark.parametrize(("ours", "theirs"), PER_TASK)
def test_per_task_equals_scipy_with_ties_and_gaps(ours, theirs):
    actual, predicted = tied_with_gaps(0)
    expected = [reference(theirs, actual[:, task], predicted[:, task]) for task in range(actual.shape[1])]
    np.testing.assert_allclose(ours(actual, predicted), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("ours", "theirs"), PER_GENE)
def test_per_gene_equals_scipy_with_ties_and_gaps(ours, theirs):
    actual, predicted = tied_with_gaps(1, (9, 30))
    expected = [reference(theirs, actual[gene], predicted[gene]) for gene in range(len(actual))]
    np.testing.assert_allclose(ours(actual, predicted), expected, rtol=0, atol=1e-12)


def test_cross_spearman_equals_scipy_for_every_pair():
    actual, predicted = tied_with_gaps(2)
    predicted = predicted[:, :4]
    result = cross_spearman(actual, predicted)
    assert result.shape == (4, 7)
    for row in range(4):
        for column in range(7):
            expected = reference(stats.spearmanr, actual[:, column], predicted[:, row])
            assert result[row, column] == pytest.approx(expected, abs=1e-12)


def test_cross_spearman_has_the_per_task_values_on_its_diagonal():
    actual, predicted = tied_with_gaps(3)
    np.testing.assert_allclose(
        np.diag(cross_spearman(actual, predicted)), spearman_per_task(actual, predicted), atol=1e-12
    )


def test_spearman_by_hand():
    # ranks 1 2 3 4 against 1.5 1.5 3 4: r = 4.5 / sqrt(5 * 4.5)
    expected = 4.5 / np.sqrt(5 * 4.5)
    np.testing.assert_allclose(spearman_per_task([1, 2, 3, 4], [7, 7, 8, 9]), [expected], atol=1e-15)


def test_rmse_by_hand():
    actual = [[0.0, 1.0, NAN], [0.0, NAN, 1.0]]
    predicted = [[3.0, 3.0, 1.0], [4.0, 1.0, NAN]]
    np.testing.assert_allclose(rmse_per_task(actual, predicted), [np.sqrt(12.5), 2.0, NAN])


@pytest.mark.parametrize("metric", [spearman_per_task, pearson_per_task])
@pytest.mark.parametrize(
    ("actual", "predicted"),
    [
        ([1, 1, 1, 1], [1, 2, 3, 4]),  # constant
        ([1, 2, 3, 4], [0.1, 0.1, 0.1, 0.1]),  # constant, not exact in binary
        ([1, 2], [1, 2]),  # two genes
        ([1], [1]),
        ([], []),
        ([1, 2, 3, NAN], [1, 2, NAN, 4]),  # two complete pairs
        ([NAN, NAN, NAN], [1, 2, 3]),
    ],
)
def test_undefined_correlation_is_nan_without_a_warning(metric, actual, predicted):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = metric(actual, predicted)
        cross = cross_spearman(actual, predicted)
    assert result.shape == (1,)
    assert np.isnan(result).all()
    assert np.isnan(cross).all()


def test_no_task_and_no_gene():
    assert spearman_per_task(np.empty((5, 0)), np.empty((5, 0))).shape == (0,)
    assert cross_spearman(np.empty((5, 2)), np.empty((5, 0))).shape == (0, 2)
    assert spearman_per_gene(np.empty((0, 5)), np.empty((0, 5))).shape == (0,)
    np.testing.assert_array_equal(rmse_per_task(np.empty((0, 2)), np.empty((0, 2))), [NAN, NAN])


def test_one_undefined_task_leaves_the_others_alone():
    actual = np.array([[1.0, 5.0], [2.0, 5.0], [3.0, 5.0]])
    np.testing.assert_array_equal(spearman_per_task(actual, actual), [1.0, NAN])


def test_infinite_prediction_is_a_rank_and_no_number():
    assert spearman_per_task([1, 2, 3], [1, 2, np.inf])[0] == 1.0
    assert np.isnan(pearson_per_task([1, 2, 3], [1, 2, np.inf])[0])


def test_pearson_survives_extreme_units():
    values = np.array([1.0, 2.0, 4.0, 3.0])
    expected = stats.pearsonr(values, values[::-1])[0]
    for unit in (1e-200, 1e200):
        np.testing.assert_allclose(pearson_per_task(values * unit, values[::-1]), [expected], atol=1e-12)


def test_gene_order_and_other_tasks_do_not_matter():
    actual, predicted = tied_with_gaps(4)
    order = np.random.default_rng(0).permutation(len(actual))
    full = spearman_per_task(actual, predicted)
    np.testing.assert_allclose(spearman_per_task(actual[order], predicted[order]), full, atol=1e-12)
    np.testing.assert_allclose(spearman_per_task(actual[:, 2], predicted[:, 2]), full[2:3], atol=1e-12)


def test_inputs_are_left_alone():
    actual, predicted = tied_with_gaps(5)
    before = actual.copy(), predicted.copy()
    cross_spearman(actual, predicted)
    pearson_per_task(actual, predicted)
    np.testing.assert_array_equal(actual, before[0])
    np.testing.assert_array_equal(predicted, before[1])


@pytest.mark.parametrize(
    "metric",
    [spearman_per_task, pearson_per_task, rmse_per_task, spearman_per_gene, pearson_per_gene, cross_spearman],
)
def test_shapes_that_do_not_fit_raise(metric):
    with pytest.raises(ValueError, match=r"\(3, 2\).*\(4, 2\).*align"):
        metric(np.zeros((3, 2)), np.zeros((4, 2)))
    with pytest.raises(ValueError, match="actual has 3 axes"):
        metric(np.zeros((3, 2, 1)), np.zeros((3, 2)))


def test_per_task_wants_the_same_tasks():
    with pytest.raises(ValueError, match="genes and tasks"):
        spearman_per_task(np.zeros((3, 2)), np.zeros((3, 1)))


LABELS = [0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 0]
SCORES = [0.1, 0.3, 0.3, 0.2, 0.55, 0.6, 0.3, 0.7, 0.8, 0.55, 0.9, 0.4]


@pytest.mark.parametrize(
    ("labels", "scores", "level", "expected"),
    [
        # R 4.2, pROC 1.18.0:
        # l <- c(0,0,0,0,0,0,1,1,1,1,1,0); s <- c(0.1,0.3,0.3,0.2,0.55,0.6,0.3,0.7,0.8,0.55,0.9,0.4)
        # as.numeric(ci.auc(roc(l, s, direction="<"), method="delong"))
        (LABELS, SCORES, 0.95, (0.597162654786998, 0.842857142857143, 1.0)),
        # as.numeric(ci.auc(roc(l, s, direction="<"), method="delong", conf.level=0.9))
        (LABELS, SCORES, 0.90, (0.636663828586115, 0.842857142857143, 1.0)),
        # l <- rep(c(0,1,0,0,1), 8); s <- ((1:40)*37 %% 41)/41 + 0.2*l, where R reads (1:40) * (37 %% 41)
        # as.numeric(ci.auc(roc(l, s, direction="<"), method="delong"))
        (
            [0, 1, 0, 0, 1] * 8,
            np.arange(1, 41) * 37 / 41 + 0.2 * np.tile([0, 1, 0, 0, 1], 8),
            0.95,
            (0.332954571951428, 0.520833333333333, 0.708712094715239),
        ),
    ],
)
def test_auroc_equals_proc(labels, scores, level, expected):
    result = auroc_delong(labels, scores, level=level)
    np.testing.assert_allclose([result.low, result.auc, result.high], expected, atol=1e-12)


def test_auroc_by_hand_counts_pairs():
    assert auroc_delong([0, 1], [1, 2]).auc == 1.0
    assert auroc_delong([0, 1], [2, 1]).auc == 0.0
    assert auroc_delong([0, 1], [1, 1]).auc == 0.5
    result = auroc_delong([False, True, True], [1.0, 1.0, 2.0])
    assert result.auc == 0.75
    assert np.isnan([result.low, result.high]).all()  # one member of class 0: no variance


def test_auroc_leaves_missing_scores_out():
    assert auroc_delong([*LABELS, 1, 0], [*SCORES, NAN, NAN]) == auroc_delong(LABELS, SCORES)


@pytest.mark.parametrize(("labels", "scores"), [([], []), ([1, 1], [1, 2]), ([0, 0], [1, 2]), ([0, 1], [NAN, 1])])
def test_auroc_without_two_classes_is_nan(labels, scores):
    assert np.isnan(auroc_delong(labels, scores)).all()


def test_auroc_refuses_what_is_no_two_class_problem():
    with pytest.raises(ValueError, match="one label a score"):
        auroc_delong([0, 1], [1])
    with pytest.raises(ValueError, match="other than 0 and 1"):
        auroc_delong([1, 2], [1, 2])
    with pytest.raises(ValueError, match="level is 95"):
        auroc_delong([0, 1], [1, 2], level=95)


def test_cross_pearson_is_pearson_of_every_pair():
    rng = np.random.default_rng(5)
    actual, predicted = rng.normal(size=(20, 3)), rng.normal(size=(20, 4))
    actual[2, 1] = np.nan
    found = cross_pearson(actual, predicted)
    assert found.shape == (4, 3)
    for row in range(4):
        for column in range(3):
            use = np.isfinite(actual[:, column])
            expected = stats.pearsonr(actual[use, column], predicted[use, row]).statistic
            assert found[row, column] == pytest.approx(expected, abs=1e-12)
