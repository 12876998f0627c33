from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest
import statsmodels.api as sm

from decode.insilico.shapley import bernoulli_draws, regress, shapley_values

N = 5


@pytest.fixture(scope="module")
def table() -> dict[tuple[bool, ...], float]:
    """A game with interactions of every order."""
    rng = np.random.default_rng(0)
    return {key: float(rng.normal()) for key in product([False, True], repeat=N)}


@pytest.fixture(scope="module")
def game(table):
    return lambda removed: np.array([table[tuple(row)] for row in np.asarray(removed).tolist()])


def by_orders(table) -> np.ndarray:
    """Shapley values by their definition: every order of removal."""
    total = np.zeros(N)
    orders = list(permutations(range(N)))
    for order in orders:
        state = [False] * N
        for unit in order:
            before = table[tuple(state)]
            state[unit] = True
            total[unit] += table[tuple(state)] - before
    return total / len(orders)


def test_exact_values_are_those_of_all_orders(game, table):
    found = shapley_values(game, N, 100, np.random.default_rng(0))
    np.testing.assert_allclose(found.value, by_orders(table), atol=1e-12)
    assert (found.error == 0).all()


def test_sampled_values_agree_within_their_error(table):
    """Twelve units are too many to enumerate with so few draws; two copies of nothing beside the same game."""
    exact = np.append(by_orders(table), np.zeros(9))
    found = shapley_values(
        lambda removed: np.array([table[tuple(row[:N])] for row in np.asarray(removed).tolist()]), N + 9, 6000,
        np.random.default_rng(1),
    )  # fmt: skip
    assert found.value.sum() == pytest.approx(exact.sum())
    assert (np.abs(found.value - exact) < 5 * found.error).all()
    assert 0.005 < found.error.max() < 0.2


def test_coefficients_approach_banzhaf_values_not_shapley_values(game, table):
    exact = []
    for unit in range(N):
        rest = [key for key in table if not key[unit]]
        exact.append(np.mean([table[(*key[:unit], True, *key[unit + 1 :])] - table[key] for key in rest]))
    removed = bernoulli_draws(N, 40_000, 0.5, np.random.default_rng(0))
    fit = regress(removed, game(removed))
    assert (np.abs(fit.coefficient - exact) < 5 * fit.standard_error).all()
    assert np.abs(by_orders(table) - exact).max() > 10 * fit.standard_error.max()
    np.testing.assert_allclose(fit.weights @ game(removed), fit.coefficient, atol=1e-10)


def test_regression_is_that_of_statsmodels(game):
    removed = bernoulli_draws(N, 300, 0.3, np.random.default_rng(2))
    fit, other = regress(removed, game(removed)), sm.OLS(game(removed), sm.add_constant(removed.astype(float))).fit()
    np.testing.assert_allclose(fit.p_value, other.pvalues[1:])
    np.testing.assert_allclose(fit.coefficient, np.linalg.lstsq(sm.add_constant(removed * 1.0), game(removed))[0][1:])
    assert abs(removed.mean() - 0.3) < 0.05


def test_one_unit_and_a_value_that_never_changes():
    found = shapley_values(lambda removed: 2.0 - 0.5 * removed[:, 0], 1, 10, np.random.default_rng(0))
    assert found.value.tolist() == [-0.5]
    fit = regress(bernoulli_draws(3, 50, 0.5, np.random.default_rng(0)), np.full(50, 0.3))
    assert (fit.p_value == 1).all()
    assert np.isnan(fit.r2)


def test_bad_numbers():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="deletion_rate is 1"):
        bernoulli_draws(3, 100, 1.0, rng)
    with pytest.raises(ValueError, match="12 draws are too few for the 3"):
        bernoulli_draws(3, 12, 0.5, rng)
    with pytest.raises(ValueError, match="in all draws or in none"):
        regress(np.zeros((20, 2), dtype=bool), rng.normal(size=20))


def test_draws_that_cannot_tell_the_units_apart_are_refused():
    effects = np.random.default_rng(0).normal(size=18)
    found = shapley_values(lambda removed: removed @ effects, 18, 36, np.random.default_rng(1))
    assert found.value == pytest.approx(effects)
    with pytest.raises(ValueError, match="36 or more are wanted"):
        shapley_values(lambda removed: removed @ effects, 18, 35, np.random.default_rng(1))
