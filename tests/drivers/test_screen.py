from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import linregress
from sklearn.linear_model import LinearRegression, Ridge

from decode.drivers.design import Design, gene_folds, make_design
from decode.drivers.screen import screen, screener

N, T = 600, 30


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(N, 1))
    x = rng.normal(size=(N, T)) + 0.7 * shared
    covariates = np.column_stack([x[:, :2].sum(axis=1) + rng.normal(size=N), rng.normal(size=N)])
    y = 0.4 * x[:, 3] - 0.4 * x[:, 10] + covariates[:, 0] + rng.normal(size=N)
    return x, y, covariates


def residual(values, covariates):
    return values - LinearRegression().fit(covariates, values).predict(covariates)


def test_joint_is_ridge_on_residuals(data):
    x, y, covariates = data
    found = screen(x, y, np.arange(T), covariates, penalties=[0.1])
    left, target = residual(x, covariates), residual(y / y.std(), covariates)
    left = left / left.std(axis=0)
    ridge = Ridge(alpha=0.1 * N, fit_intercept=False).fit(left, target)
    np.testing.assert_allclose(found.effect, ridge.coef_, rtol=1e-8)
    np.testing.assert_allclose(found.coefficients * residual(x, covariates).std(axis=0), ridge.coef_, rtol=1e-8)


def test_marginal_is_partial_correlation_up_to_scale(data):
    x, y, covariates = data
    found = screen(x, y, np.arange(T), covariates, score="marginal")
    left, target = residual(x, covariates), residual(y / y.std(), covariates)
    expected = [linregress(left[:, t] / left[:, t].std(), target).slope for t in range(T)]
    np.testing.assert_allclose(found.effect, expected, rtol=1e-8)


def test_effect_of_two_tracks_by_hand(data):
    x, y, covariates = data
    code = np.arange(T) // 2
    found = screen(x, y, code, covariates, penalties=[0.1])
    left = residual(x, covariates)
    part = left[:, 2:4] @ found.coefficients[2:4]
    index = (left[:, 2:4] / left[:, 2:4].std(axis=0)).mean(axis=1)
    assert found.effect[1] == pytest.approx(np.cov(part, index, bias=True)[0, 1] / index.std())


def test_opposite_coefficients_of_like_tracks_cancel():
    rng = np.random.default_rng(1)
    site = rng.normal(size=N)
    x = np.column_stack([site + 0.1 * rng.normal(size=N), site + 0.1 * rng.normal(size=N), rng.normal(size=(N, 20))])
    y = 5 * (x[:, 0] - x[:, 1]) + rng.normal(size=N)
    code = np.r_[0, 0, np.arange(1, 21)]
    found = screen(x, y, code, np.ones((N, 0)), penalties=[0.001])
    assert np.abs(found.coefficients[:2]).min() > 1
    assert abs(found.effect[0]) < 0.2


def test_planted_tracks_are_found_with_their_sign_by_every_score(data):
    x, y, covariates = data
    x = x + 5.0  # "attribution" speaks of bases, which are not negative
    for score in ("joint", "attribution", "covariance", "marginal"):
        found = screen(x, y, np.arange(T), covariates, score=score, groups=np.arange(N) % 7)
        assert set(np.argsort(-np.abs(found.effect))[:2]) == {3, 10}
        assert (found.effect[3] > 0, found.effect[10] < 0) == (True, True)
        assert found.r2 > 0.05
        assert (found.norm is None) is (score == "covariance")


@pytest.mark.parametrize("score", ["joint", "attribution", "covariance", "marginal"])
def test_scores_of_other_targets_are_those_of_the_same_regression(data, score):
    x, y, covariates = data
    found = screen(x, y, np.arange(T), covariates, score=score)
    np.testing.assert_allclose(found.score(found.residual[:, None])[:, 0], found.effect, rtol=1e-4, atol=1e-6)
    moved = np.random.default_rng(4).permutation(found.residual)[:, None] + 0.0
    penalty = found.penalty if score != "marginal" else 0.1
    again = screen(x, y, np.arange(T), covariates, score=score, penalties=[penalty]).score(moved)
    np.testing.assert_allclose(found.score(moved), again, rtol=1e-4, atol=1e-6)


def test_norm_is_the_sd_for_independent_genes(data):
    x, y, covariates = data
    found = screen(x, y, np.arange(T), covariates)
    noise = np.random.default_rng(3).normal(size=(N, 4000))
    np.testing.assert_allclose(found.score(noise).std(axis=1), found.norm, rtol=0.06)


def test_scale_shift_and_order_do_not_matter(data):
    x, y, covariates = data
    first = screen(x, y, np.arange(T), covariates, groups=np.arange(N) % 5)
    scaled = screen(7 * x - 2, 3 * y + 1, np.arange(T), 2 * covariates + 1, groups=np.arange(N) % 5)
    np.testing.assert_allclose(first.effect, scaled.effect, rtol=1e-6)
    back = screen(x[:, ::-1], y, np.arange(T), covariates, groups=np.arange(N) % 5)
    np.testing.assert_allclose(first.effect, back.effect[::-1], rtol=1e-6)


def test_switched_off_columns(data):
    x, y, covariates = data
    x = np.column_stack([x, np.ones(N), covariates[:, 1]])
    found = screen(x, y, np.arange(T + 2), covariates)
    assert found.effect[-2:].tolist() == [0.0, 0.0]
    assert found.norm[-2:].tolist() == [0.0, 0.0]
    repeated = screen(x, y, np.arange(T + 2), np.column_stack([covariates, covariates]))
    np.testing.assert_allclose(found.effect, repeated.effect, atol=1e-10)


def test_readout(data):
    x, y, covariates = data
    found = screen(x, y, np.arange(T), covariates, readout=np.eye(T)[:4], penalties=[0.1])
    np.testing.assert_allclose(found.effect, found.coefficients[:4])
    with pytest.raises(ValueError, match="readout"):
        screen(x, y, np.arange(T), covariates, readout=np.eye(3))


def test_folds():
    assert gene_folds(4, ["a", "a", "a", "a"], 0, n_folds=2).tolist() != [0, 0, 0, 0]  # one group cannot be held out
    assert np.bincount(gene_folds(100, None, 0)).tolist() == [20] * 5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": np.ones(N)}, "same for every gene"),
        ({"y": np.ones(3)}, "y has shape"),
        ({"y": np.full(N, np.nan)}, "undefined"),
        ({"x": np.full((N, T), np.inf)}, "undefined"),
        ({"x": np.zeros((N, 0))}, "at least one gene"),
        ({"covariates": np.ones((3, 1))}, "same genes"),
        ({"track_regulator": np.arange(T) + 1}, "track_regulator"),
        ({"track_regulator": np.arange(3)}, "track_regulator"),
        ({"score": "best"}, "score is 'best'"),
        ({"penalties": [0.0]}, "penalties"),
        ({"groups": ["a"]}, "groups has shape"),
    ],
)
def test_bad_input(data, change, message):
    x, y, covariates = data
    given = {"x": x, "y": y, "track_regulator": np.arange(T), "covariates": covariates} | change
    with pytest.raises(ValueError, match=message):
        screen(**given)


def test_target_of_covariates_only(data):
    x, _, covariates = data
    with pytest.raises(ValueError, match="function of the covariates"):
        screen(x, covariates[:, 0], np.arange(T), covariates)


def test_design_is_not_changed(data):
    x, y, covariates = data
    before = x.copy()
    design = make_design(x, covariates)
    assert isinstance(design, Design)
    first = screener(design, np.arange(T))(y).effect
    again = screener(design, np.arange(T))(y).effect
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(x, before)
