from __future__ import annotations

import numpy as np
import pytest

from decode.landmark.greedy import best_penalty, greedy_projection, greedy_ridge
from decode.landmark.panels import METHODS, NESTED, leverage, order_genes


@pytest.fixture(scope="module")
def scaled() -> np.ndarray:
    rng = np.random.default_rng(3)
    values = rng.normal(size=(25, 4)) @ rng.normal(size=(4, 40)) + 0.6 * rng.normal(size=(25, 40))
    return (values - values.mean(0)) / values.std(0)


def left_out_error(scaled: np.ndarray, panel: list[int], weights: np.ndarray, penalty: float) -> float:
    """Mean squared error of ridge regression with intercept, every sample left out in turn."""
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import LeaveOneOut, cross_val_predict

    outputs = scaled * weights
    predicted = cross_val_predict(Ridge(alpha=penalty), scaled[:, panel], outputs, cv=LeaveOneOut())
    return float(((predicted - outputs) ** 2).mean())


def test_greedy_takes_the_gene_with_the_smallest_left_out_error(scaled):
    """By refitting without every sample, against scikit-learn; the first ten steps share one penalty."""
    weights = np.linspace(0.5, 2.0, scaled.shape[1])
    columns, error = greedy_ridge(scaled, 4, weights=weights)
    for step in range(4):
        before = columns[:step].tolist()
        errors = {
            gene: left_out_error(scaled, [*before, gene], weights, 0.5 * len(scaled))
            for gene in range(scaled.shape[1])
            if gene not in before
        }
        assert min(errors, key=errors.__getitem__) == columns[step]
        assert error[step] == pytest.approx(errors[columns[step]])


def test_updates_stay_exact_beyond_the_number_of_samples(scaled):
    columns, error = greedy_ridge(scaled, 32)
    kernel = np.zeros((25, 25))
    penalty, following = 0.5 * 25, 10
    for step in range(32):  # the penalties as they were chosen on the way
        if step >= following:
            penalty, following = (
                best_penalty(kernel, scaled @ scaled.T, penalty * np.geomspace(0.25, 4, 9)),
                int(np.ceil(following * 1.3)),
            )
        kernel += np.outer(scaled[:, columns[step]], scaled[:, columns[step]])
    assert error[-1] == pytest.approx(left_out_error(scaled, columns.tolist(), np.ones(40), penalty))


def test_projection_is_the_exact_greedy_choice(scaled):
    columns, explained = greedy_projection(scaled, 6)
    chosen: list[int] = []
    for step in range(6):
        left = []
        for gene in range(scaled.shape[1]):
            basis = np.linalg.qr(scaled[:, [*chosen, gene]])[0]
            left.append(((scaled - basis @ (basis.T @ scaled)) ** 2).sum())
        assert int(np.argmin(left)) == columns[step]
        chosen.append(int(columns[step]))
        assert explained[: step + 1].sum() == pytest.approx(1 - min(left) / (scaled**2).sum())


def test_planted_hubs_are_found():
    """Thirty modules of twelve genes, each gene its hub with noise: a panel of thirty holds the hubs."""
    rng = np.random.default_rng(0)
    hubs = rng.normal(size=(60, 30))
    members = np.repeat(hubs, 12, axis=1) + 0.7 * rng.normal(size=(60, 360))
    values = np.hstack([hubs, members])
    for method, at_least in (("greedy", 29), ("projection", 27), ("correlation", 29)):
        found = order_genes(values, 30, method=method).columns  # type: ignore[arg-type]
        assert (found < 30).sum() >= at_least, method
    by_chance = order_genes(values, 30, method="random", seed=1).columns
    assert (by_chance < 30).sum() < 10


@pytest.mark.parametrize("method", [name for name in METHODS if name != "concrete"])
def test_orders_hold_each_gene_once_and_do_not_change_their_input(method, scaled):
    values = scaled * np.linspace(1, 3, 40) + 5
    values[:, [4, 9]] = 2.0
    before = values.copy()
    order = order_genes(values, 38, method=method)
    assert len(set(order.columns.tolist())) == 38
    np.testing.assert_array_equal(values, before)
    if method != "random":
        assert not {4, 9} & set(order.columns.tolist())  # constant genes come last
    smaller = order_genes(values, 10, method=method)
    assert method in NESTED
    np.testing.assert_array_equal(smaller.columns, order.columns[:10])


def test_concrete_autoencoder_finds_hubs_and_repeats_with_its_seed():
    rng = np.random.default_rng(0)
    hubs = rng.normal(size=(60, 4))
    values = np.hstack([hubs, np.repeat(hubs, 6, axis=1) + 1.5 * rng.normal(size=(60, 24))])
    order = order_genes(values, 4, method="concrete", seed=2)
    assert (order.columns < 4).sum() >= 3
    np.testing.assert_array_equal(order.columns, order_genes(values, 4, method="concrete", seed=2).columns)


def test_correlation_panel_is_the_plain_greedy_choice(scaled):
    shared = ((scaled.T @ scaled) / len(scaled)) ** 2
    covered, expected, best = np.zeros(40), [], []
    for _ in range(8):
        gains = np.maximum(shared - covered, 0).sum(axis=1)
        gains[expected] = -1
        expected.append(int(np.argmax(gains)))
        best.append(gains.max())
        covered = np.maximum(covered, shared[expected[-1]])
    order = order_genes(scaled, 8, method="correlation")
    assert order.columns[:6].tolist() == expected[:6]
    np.testing.assert_allclose(order.score, best)  # then two genes tie


def test_leverage_is_that_of_the_singular_vectors(scaled):
    values, right = np.linalg.svd(scaled, full_matrices=False)[1:]
    n = int(np.searchsorted(np.cumsum(values**2), 0.9 * (values**2).sum())) + 1
    np.testing.assert_allclose(leverage(scaled), (right[:n] ** 2).sum(axis=0), atol=1e-10)
    np.testing.assert_allclose(leverage(np.vstack([scaled, scaled])), (right[:n] ** 2).sum(axis=0), atol=1e-10)


def test_bad_input(scaled):
    with pytest.raises(ValueError, match="leaves no gene to predict; give a --size below 40"):
        order_genes(scaled, 40)
    with pytest.raises(ValueError, match="method is 'best'"):
        order_genes(scaled, 3, method="best")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="missing or infinite"):
        order_genes(np.where(np.eye(25, 40) > 0, np.nan, scaled), 3)
    with pytest.raises(ValueError, match="at least 3 samples"):
        order_genes(scaled[:2], 3)
