from __future__ import annotations

import numpy as np
import pytest

from decode.statistics.freedman_lane import fit_term, freedman_lane, permutations


def data(n=20, p=7):
    rng = np.random.default_rng(0)
    design = np.column_stack([np.ones(n), rng.normal(size=(n, 3))])
    return rng.normal(size=(n, p)) + design @ rng.normal(size=(4, p)), design


def test_every_permutation_is_a_refit():
    values, design = data()
    orders = permutations(20, 70, seed=1)
    drawn = list(freedman_lane(fit_term(values, design, 2), orders))
    assert [len(part.coefficients) for part in drawn] == [64, 6]
    coefficients = np.concatenate([part.coefficients for part in drawn])
    variance = np.concatenate([part.variance for part in drawn])
    others = np.delete(design, 2, axis=1)
    fitted = others @ np.linalg.lstsq(others, values, rcond=None)[0]
    for number in (0, 5, 69):
        moved = fitted + (values - fitted)[orders[number]]
        own, left, _, _ = np.linalg.lstsq(design, moved, rcond=None)
        np.testing.assert_allclose(coefficients[number], own[2])
        np.testing.assert_allclose(variance[number], left / 16)


def test_p_values_are_uniform_beside_a_strong_covariate():
    rng, found = np.random.default_rng(2), []
    for seed in range(200):
        covariate = rng.normal(size=24)
        design = np.column_stack([np.ones(24), covariate, 0.8 * covariate + rng.normal(size=24)])
        values = 3 * covariate[:, None] + rng.normal(size=(24, 1))
        fit = fit_term(values, design, 2)
        own = next(freedman_lane(fit, np.arange(24)[None]))
        null = np.concatenate([d.coefficients / np.sqrt(d.variance) for d in freedman_lane(
            fit, permutations(24, 99, seed=seed))])  # fmt: skip
        t = own.coefficients[0] / np.sqrt(own.variance[0])
        found.append((1 + (np.abs(null) >= np.abs(t)).sum()) / 100)
    share = np.mean(np.array(found) <= 0.1)
    assert 0.04 < share < 0.17  # 0.1 and four standard errors


def test_blocks_stay_apart():
    blocks = np.repeat(["a", "b"], [5, 7])
    orders = permutations(12, 50, seed=3, blocks=blocks)
    assert (blocks[orders] == blocks).all()
    assert (np.sort(orders, axis=1) == np.arange(12)).all()
    assert len(np.unique(orders, axis=0)) == 50


@pytest.mark.parametrize(
    ("values", "design", "message"),
    [
        (np.ones((3, 1)), np.ones((4, 1)), "samples x columns"),
        (np.full((3, 1), np.nan), np.ones((3, 1)), "undefined"),
        (np.ones((2, 1)), np.eye(2), "no degree of freedom"),
        (np.ones((4, 1)), np.ones((4, 2)), "function of the others"),
    ],
)
def test_bad_input(values, design, message):
    with pytest.raises(ValueError, match=message):
        fit_term(values, design, 0)
    with pytest.raises(ValueError, match="blocks have shape"):
        permutations(3, 2, seed=0, blocks=[1])
    with pytest.raises(ValueError, match="n_permutations"):
        permutations(3, 0, seed=0)
