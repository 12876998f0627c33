from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
import statsmodels.api as sm

from decode.statistics.relative_importance import relative_importance


def r2(y, columns) -> float:
    return sm.OLS(y, sm.add_constant(np.column_stack(columns))).fit().rsquared if columns else 0.0


@pytest.fixture(scope="module")
def correlated():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(80, 4)) @ rng.normal(size=(4, 4))
    return x @ [1.0, -0.5, 0.2, 0.0] + rng.normal(size=80), x


def test_the_mean_over_all_orders_by_statsmodels(correlated):
    y, x = correlated
    found = relative_importance(y, {str(column): x[:, column] for column in range(4)})
    gains = np.zeros(4)
    for order in permutations(range(4)):
        for place, term in enumerate(order):
            before = [x[:, column] for column in order[:place]]
            gains[term] += r2(y, [*before, x[:, term]]) - r2(y, before)
    np.testing.assert_allclose(found["share"], gains / 24, atol=1e-10)
    np.testing.assert_allclose(found["r2"], r2(y, list(x.T)), atol=1e-10)
    np.testing.assert_allclose(found["share"].sum(), r2(y, list(x.T)), atol=1e-10)
    np.testing.assert_allclose(found["alone"], [r2(y, [x[:, column]]) for column in range(4)], atol=1e-10)


def test_two_terms_by_hand():
    # r(y, a) = 0.8, r(y, b) = 0.5, r(a, b) = 0.4; R2 = (0.64 + 0.25 - 2 * 0.8 * 0.5 * 0.4) / (1 - 0.16) = 0.57 / 0.84.
    # share of a = (0.64 + R2 - 0.25) / 2, of b = (0.25 + R2 - 0.64) / 2 (Groemping 2006, eq. for p = 2).
    target = np.array([[1.0, 0.8, 0.5], [0.8, 1.0, 0.4], [0.5, 0.4, 1.0]])
    raw = np.random.default_rng(1).normal(size=(50, 3))
    raw -= raw.mean(axis=0)
    white = raw @ np.linalg.inv(np.linalg.cholesky(raw.T @ raw / 50)).T
    y, a, b = (white @ np.linalg.cholesky(target).T).T
    found = relative_importance(y, {"a": a, "b": b}).set_index("term")["share"]
    whole = 0.57 / 0.84
    np.testing.assert_allclose([found["a"], found["b"]], [(0.39 + whole) / 2, (whole - 0.39) / 2], atol=1e-10)


def test_classes_go_in_together_and_missing_rows_are_left_out(correlated):
    y, x = correlated
    pair = {"both": x[:, :2], "other": x[:, 2]}
    found = relative_importance(y, pair)
    np.testing.assert_allclose(found["alone"][0], r2(y, list(x[:, :2].T)), atol=1e-10)
    longer = relative_importance(np.append(y, np.nan), {name: np.append(v, v[:1], axis=0) for name, v in pair.items()})
    np.testing.assert_allclose(longer["share"], found["share"])
    assert longer["n"].tolist() == [80, 80]


def test_what_is_refused_or_undefined(correlated):
    y, x = correlated
    assert relative_importance(np.ones(80), {"a": x[:, 0]})["share"].isna().all()
    with pytest.raises(ValueError, match="0 terms are given"):
        relative_importance(y, {})
    with pytest.raises(ValueError, match="the terms a have another length"):
        relative_importance(y, {"a": x[:5, 0]})
    with pytest.raises(ValueError, match="3 complete rows are too few for 4 columns"):
        relative_importance(y[:3], {"a": x[:3]})
