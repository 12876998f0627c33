from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from kinds import kinds_of
from planted import TINY, planted_features, planted_targets, quick_bundle
from scipy.stats import spearmanr

from decode.dataset import prepare_dataset
from decode.evaluation.calibration import (
    calibrate,
    calibrate_model,
    interval_factors,
    member_spread,
    spread_bins,
    spread_table,
)
from decode.evaluation.predict import predict, predict_members

TASKS = ["median_level", "liver"]


def honest(n_genes: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Errors of size 3 x spread in the first task; errors without any relation to the spread in the second."""
    rng = np.random.default_rng(seed)
    spread = rng.uniform(0.1, 2.0, (n_genes, 2))
    predicted = rng.normal(size=(n_genes, 2))
    error = rng.normal(size=(n_genes, 2)) * np.stack([3 * spread[:, 0], np.full(n_genes, 1.5)], axis=1)
    return predicted + error, predicted, spread


class TestSpread:
    def test_by_hand(self):
        members = np.array([[[1.0, 0.0]], [[3.0, 0.0]], [[5.0, 0.0]]])
        np.testing.assert_allclose(member_spread(members), [[2.0, 0.0]])

    def test_one_member_has_none(self):
        assert np.isnan(member_spread(np.zeros((1, 3, 2)))).all()

    def test_no_gene(self):
        assert member_spread(np.zeros((2, 0, 2))).shape == (0, 2)

    @pytest.mark.parametrize("shape", [(3, 2), (0, 3, 2)])
    def test_wrong_shape(self, shape):
        with pytest.raises(ValueError, match=r"\(n_members, n_genes, n_tasks\) is wanted"):
            member_spread(np.zeros(shape))


class TestFactors:
    def test_by_hand(self):
        actual = np.array([[1.0], [2.0], [3.0], [4.0], [np.nan]])
        spread = np.array([[1.0], [1.0], [1.0], [2.0], [1.0]])
        found = interval_factors(actual, np.zeros_like(actual), spread, [0.4, 0.6, 0.8])
        # ratios 1, 2, 2, 3: ranks ceil(5 x level) = 2, 3, 4
        np.testing.assert_allclose(found.spread[:, 0], [2, 2, 3])
        np.testing.assert_allclose(found.plain[:, 0], [2, 3, 4])

    def test_too_few_genes_for_the_level(self):
        found = interval_factors(np.ones((4, 1)), np.zeros((4, 1)), np.ones((4, 1)), [0.8, 0.81])
        assert found.spread[0, 0] == 1
        assert np.isnan(found.spread[1, 0])
        assert np.isnan(found.plain[1, 0])

    def test_members_that_agree_exactly(self):
        actual, spread = np.array([[0.0], [1.0], [1.0]]), np.array([[0.0], [1.0], [0.0]])
        found = interval_factors(actual, np.zeros_like(actual), spread, [0.5, 0.75])
        assert found.spread[0, 0] == 1  # ratios 0, 1, infinite
        assert np.isnan(found.spread[1, 0])
        assert found.plain[1, 0] == 1

    @pytest.mark.parametrize("level", [0.0, 1.0, 1.5])
    def test_level(self, level):
        with pytest.raises(ValueError, match="a share between 0 and 1"):
            interval_factors(np.ones((3, 1)), np.ones((3, 1)), np.ones((3, 1)), [level])

    def test_shapes(self):
        with pytest.raises(ValueError, match="three equal"):
            interval_factors(np.ones((3, 1)), np.ones((3, 2)), np.ones((3, 1)))

    def test_intervals_hold_on_average(self):
        """The promise of the reference: coverage of new values >= level, here over many small validation sets."""
        rng = np.random.default_rng(0)
        inside = []
        for _ in range(400):
            spread = rng.uniform(0.5, 2, (21, 1))
            actual = rng.standard_t(3, (21, 1)) * spread**2
            factor = interval_factors(actual[:20], np.zeros((20, 1)), spread[:20], [0.8]).spread[0, 0]
            inside.append(abs(actual[20, 0]) <= factor * spread[20, 0])
        assert 0.76 < np.mean(inside) < 0.86  # 17/21 = 0.81 expected, standard error 0.02


class TestBins:
    def test_by_hand(self):
        actual = np.array([[3.0], [0.0], [1.0], [np.nan], [5.0]])
        spread = np.array([[0.4], [0.1], [0.2], [0.1], [0.3]])
        found = spread_bins(actual, np.zeros_like(actual), spread, 2)
        assert found["n_genes"].tolist() == [2, 2]
        np.testing.assert_allclose(found["spread"], np.sqrt([0.025, 0.125]))
        np.testing.assert_allclose(found["rmse"], np.sqrt([0.5, 17.0]))

    def test_more_bins_than_genes(self):
        found = spread_bins(np.ones((3, 1)), np.zeros((3, 1)), np.ones((3, 1)), 10)
        assert found["n_genes"].tolist() == [1, 1, 1]
        with pytest.raises(ValueError, match="n_bins is 0"):
            spread_bins(np.ones((3, 1)), np.zeros((3, 1)), np.ones((3, 1)), 0)

    def test_order_of_genes_plays_no_part(self):
        values = honest(50)
        order = np.random.default_rng(3).permutation(50)
        pd.testing.assert_frame_equal(spread_bins(*values), spread_bins(*(value[order] for value in values)))


class TestCalibrate:
    def test_a_spread_that_tells_and_one_that_does_not(self):
        factors = interval_factors(*honest(2000, seed=1))
        found = calibrate(*honest(3000), TASKS, kinds_of(TASKS), factors=[factors])
        tells, silent = found.per_task["spearman"]
        assert tells > 0.4
        assert abs(silent) < 0.05
        rmse = found.bins[found.bins["task"] == "median_level"]["rmse"].to_numpy()
        assert rmse[-1] > 5 * rmse[0]
        intervals = found.intervals.set_index(["task", "level"])
        np.testing.assert_allclose(intervals["coverage"], [v[1] for v in intervals.index], atol=0.03)
        np.testing.assert_allclose(intervals["plain_coverage"], [v[1] for v in intervals.index], atol=0.03)
        nine = intervals.xs(0.9, level="level")
        assert nine.loc["median_level", "factor"] == pytest.approx(3 * 1.645, rel=0.06)
        # where the spread tells, the same coverage costs less width; where it is silent, it costs more
        assert nine.loc["median_level", "half_width"] < nine.loc["median_level", "plain_half_width"]
        assert nine.loc["liver", "half_width"] > nine.loc["liver", "plain_half_width"]
        assert found.metrics["median_level_spearman"] == tells
        assert [row["level"] for row in found.metrics["intervals"]] == [0.5, 0.8, 0.9, 0.95]

    def test_correlation_against_scipy(self):
        actual, predicted, spread = honest(40)
        actual[5, 0] = np.nan
        found = calibrate(actual, predicted, spread, TASKS, kinds_of(TASKS), factors=[interval_factors(*honest(40, 1))])
        kept = np.delete(np.arange(40), 5)
        expected = spearmanr(np.abs(actual - predicted)[kept, 0], spread[kept, 0]).statistic
        assert found.per_task["spearman"][0] == pytest.approx(expected)
        assert found.per_task["n_genes"].tolist() == [39, 40]

    def test_every_gene_takes_the_factor_of_its_fold(self):
        actual = np.array([[1.0], [1.0], [1.0], [1.0]])
        zeros, ones = np.zeros((4, 1)), np.ones((4, 1))
        narrow, wide = (interval_factors(np.full((3, 1), v), zeros[:3], ones[:3], [0.5]) for v in (0.5, 1.5))
        found = calibrate(
            actual, zeros, ones, ["liver"], ["fold_change"], factors=[narrow, wide], fold=[0, 1, 1, 1], levels=[0.5]
        ).intervals.iloc[0]
        assert found["coverage"] == 0.75
        assert found["half_width"] == pytest.approx((0.5 + 3 * 1.5) / 4)
        assert found["factor"] == 1.0

    def test_undefined_numbers(self):
        actual, predicted, spread = honest(10)
        actual[:, 1] = np.nan
        found = calibrate(actual, predicted, spread, TASKS, kinds_of(TASKS), factors=[interval_factors(*honest(3, 1))])
        assert np.isnan(found.per_task["spearman"][1])
        assert (
            found.intervals["coverage"].isna().sum() == 4 + 3
        )  # the task without values; levels that 3 genes cannot fit
        assert np.isnan(found.metrics["fold_change_mean_spearman"])

    def test_bad_input(self):
        actual, predicted, spread = honest(10)
        factors = [interval_factors(actual, predicted, spread)]
        with pytest.raises(ValueError, match="2 tasks and 1 are named"):
            calibrate(actual, predicted, spread, ["liver"], ["fold_change"], factors=factors)
        with pytest.raises(ValueError, match="no prediction has a spread"):
            calibrate(actual, predicted, spread * np.nan, TASKS, kinds_of(TASKS), factors=factors)


def test_a_trained_model():
    features = planted_features(150)
    targets = planted_targets(features)
    bundle = quick_bundle(prepare_dataset(features, targets, min_bound_genes=10))
    found = calibrate_model(bundle, features, targets)
    n_test = bundle.counts["test"]
    assert found.per_task["task"].tolist() == bundle.tasks
    assert (found.per_task["n_genes"] == n_test).all()
    assert found.bins.groupby("task")["n_genes"].sum().eq(n_test).all()
    table = spread_table(features, predict_members(bundle, features), bundle.tasks)
    assert list(table.columns[:3]) == ["gene_id", "median_level_mean", "median_level_sd"]
    np.testing.assert_array_equal(table["liver_mean"], predict(bundle, features)["liver"])
    assert (table["liver_sd"] > 0).all()
    single = quick_bundle(prepare_dataset(features, targets, min_bound_genes=10), TINY, members=1, max_epochs=1)
    with pytest.raises(ValueError, match="the model has one member"):
        calibrate_model(single, features, targets)
    assert spread_table(features, predict_members(single, features), bundle.tasks)["liver_sd"].isna().all()
