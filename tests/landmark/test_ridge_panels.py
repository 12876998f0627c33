from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from decode.landmark.ridge import shared_ridge, shared_ridge_of_blocks


def low_rank(n_samples: int, n_genes: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    signal = rng.normal(size=(n_samples, 5)) @ rng.normal(size=(5, n_genes))
    return signal + 0.5 * rng.normal(size=(n_samples, n_genes)) + 7


@pytest.mark.parametrize(("n_samples", "n_panel"), [(30, 8), (30, 40), (120, 20)])
def test_equals_scikit_learn_at_the_chosen_penalty(n_samples, n_panel):
    values, test = low_rank(n_samples, 80), low_rank(10, 80, seed=1)
    panel = np.arange(n_panel)
    fit = shared_ridge(values).fit(panel)
    mean, sd = values[:, panel].mean(axis=0), values[:, panel].std(axis=0)
    peer = Ridge(alpha=fit.penalty).fit((values[:, panel] - mean) / sd, values)
    np.testing.assert_allclose(fit.predict(test[:, panel]), peer.predict((test[:, panel] - mean) / sd), atol=1e-8)


@pytest.mark.parametrize("n_panel", [8, 40])
def test_penalty_has_the_smallest_gcv_by_hand(n_panel):
    values, panel = low_rank(30, 80), np.arange(n_panel)
    fit = shared_ridge(values).fit(panel)
    scaled = (values[:, panel] - values[:, panel].mean(0)) / values[:, panel].std(0)
    centred = values - values.mean(0)

    def gcv(penalty: float) -> float:
        hat = scaled @ np.linalg.solve(scaled.T @ scaled + penalty * np.eye(n_panel), scaled.T) + 1 / 30
        return float(((centred - hat @ centred) ** 2).sum() / (30 - np.trace(hat)) ** 2)

    at = gcv(fit.penalty)
    assert at <= gcv(fit.penalty * 10**0.2) * (1 + 1e-9)
    assert at <= gcv(fit.penalty / 10**0.2) * (1 + 1e-9)


def test_blocks_and_a_matrix_in_memory_give_the_same():
    values = low_rank(60, 80)
    mean, sd = values.mean(0), values.std(0)
    panels = [np.array([5, 3, 9]), np.arange(40, 70)]
    shared = shared_ridge_of_blocks([values[:25], values[25:]], mean, sd, n_samples=60, panels=panels)
    whole = shared_ridge(values)
    for panel in panels:
        ours, theirs = shared.fit(panel), whole.fit(panel)
        assert ours.penalty == pytest.approx(theirs.penalty)
        np.testing.assert_allclose(ours.predict(values[:4][:, panel]), theirs.predict(values[:4][:, panel]), atol=1e-8)
    with pytest.raises(ValueError, match="in no panel that the shared sums were made for"):
        shared.fit([0])


def test_the_order_of_genes_of_a_panel_does_not_matter_and_constant_genes_do_no_harm():
    values = low_rank(30, 40)
    values[:, 7] = 3.0
    shared, panel = shared_ridge(values), np.array([2, 7, 30, 11])
    one = shared.fit(panel).predict(values[:, panel])
    other = shared.fit(panel[::-1]).predict(values[:, panel[::-1]])
    np.testing.assert_allclose(one, other, atol=1e-9)
    np.testing.assert_allclose(one[:, 7], 3.0)


def test_bad_input():
    with pytest.raises(ValueError, match="at least 3 samples"):
        shared_ridge(np.ones((2, 5)))
    with pytest.raises(ValueError, match="missing or infinite"):
        shared_ridge(np.full((5, 5), np.nan))
    with pytest.raises(ValueError, match="panel is empty"):
        shared_ridge(low_rank(30, 40)).fit([])
