from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import ElasticNet, ElasticNetCV

from decode.statistics.elastic_net import elastic_net_cv


def blocks(n: int, p: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Correlated standardised columns, two of which matter."""
    rng = np.random.default_rng(seed)
    x = np.repeat(rng.normal(size=(n, p // 10)), 10, axis=1) * 0.8 + rng.normal(size=(n, p)) * 0.6
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    return x, 0.6 * x[:, 3] - 0.4 * x[:, p // 2] + rng.normal(size=n) + 2.0


def folds_of(n: int, k: int, seed: int = 0) -> list[np.ndarray]:
    return np.array_split(np.random.default_rng(seed).permutation(n), k)


@pytest.mark.parametrize(("n", "p", "l1_ratio"), [(80, 200, 0.5), (120, 40, 0.5), (60, 150, 1.0), (60, 150, 0.1)])
def test_agrees_with_scikit_learn(n, p, l1_ratio):
    x, y = blocks(n, p)
    folds = folds_of(n, 5)
    found = elastic_net_cv(x, y, folds, l1_ratio=l1_ratio, patience=100)
    everything = np.arange(n)
    splits = [(np.setdiff1d(everything, fold), fold) for fold in folds]
    theirs = ElasticNetCV(l1_ratio=l1_ratio, alphas=found.penalties, cv=splits, tol=1e-8, max_iter=100_000).fit(x, y)
    assert found.penalty == pytest.approx(theirs.alpha_)
    # where the lasso nearly interpolates, neither solver is exact
    np.testing.assert_allclose(found.error, theirs.mse_path_.mean(axis=1), rtol=5e-3)
    np.testing.assert_allclose(found.coefficients, theirs.coef_, atol=2e-3)
    assert found.intercept == pytest.approx(theirs.intercept_, abs=2e-3)


def test_the_largest_penalty_leaves_no_coefficient():
    x, y = blocks(60, 30)
    highest = elastic_net_cv(x, y, folds_of(60, 5)).penalties[0]
    assert (ElasticNet(alpha=highest * 1.0001).fit(x, y).coef_ == 0).all()
    assert (ElasticNet(alpha=highest * 0.98).fit(x, y).coef_ != 0).any()


def test_the_path_ends_early_where_nothing_is_to_be_learnt():
    x, y = blocks(80, 200)
    shuffled = np.random.default_rng(1).permutation(y)
    short, long = (elastic_net_cv(x, shuffled, folds_of(80, 5), patience=k) for k in (20, 100))
    assert len(short.penalties) < len(long.penalties)
    np.testing.assert_allclose(short.error, long.error[: len(short.error)])


def test_constant_columns_and_a_constant_outcome():
    x, y = blocks(60, 30)
    x[:, 5] = 0.0
    found = elastic_net_cv(x, y, folds_of(60, 5))
    assert found.coefficients[5] == 0
    flat = elastic_net_cv(x, np.full(60, 3.0), folds_of(60, 5))
    assert (flat.coefficients == 0).all()
    assert flat.intercept == 3.0
    assert elastic_net_cv(np.zeros((60, 0)), y, folds_of(60, 5)).intercept == pytest.approx(y.mean())


def test_bad_input():
    x, y = blocks(20, 10)
    with pytest.raises(ValueError, match="one value of y a row"):
        elastic_net_cv(x, y[:-1], folds_of(20, 5))
    with pytest.raises(ValueError, match="undefined"):
        elastic_net_cv(np.where(x > 1, np.nan, x), y, folds_of(20, 5))
    with pytest.raises(ValueError, match="l1_ratio"):
        elastic_net_cv(x, y, folds_of(20, 5), l1_ratio=0.0)
    with pytest.raises(ValueError, match="two or more"):
        elastic_net_cv(x, y, [np.arange(19)])
