from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kstest

from decode.drivers.screen import make_design, screen_design
from decode.drivers.strength import combined_strength

N_GENES, N_REGULATORS = 400, 60


def screens(y, sites, *, seed=0, n_null=100, size=None):
    design = make_design(sites, np.ones((N_GENES, 0)), seed=seed)
    code, strata = np.arange(N_REGULATORS), np.zeros(N_GENES, dtype=int)
    size = np.abs(y) if size is None else size
    return [screen_design(design, target, code, strata, n_null=n_null, seed=seed) for target in (y, size)]


def test_targets_on_both_sides_are_found_by_the_strength_alone():
    rng = np.random.default_rng(1)
    sites = rng.normal(size=(N_GENES, N_REGULATORS))
    y = rng.normal(size=N_GENES) * np.exp(0.8 * sites[:, 5])  # regulator 5: larger changes, either way
    direction, response = screens(y, sites)
    found = combined_strength(direction, response, np.zeros(N_REGULATORS, dtype=int))
    assert int(np.argmin(found.p_value)) == 5
    assert found.p_value[5] < 0.001 < direction.p_value[5]


def test_strength_by_hand():
    rng = np.random.default_rng(2)
    direction, response = screens(rng.normal(size=N_GENES), rng.normal(size=(N_GENES, N_REGULATORS)))
    found = combined_strength(direction, response, np.zeros(N_REGULATORS, dtype=int))
    first, second = (one.effect / one.null.std(axis=0, ddof=1) for one in (direction, response))
    assert (second < 0).any()
    assert (second > 0).any()
    np.testing.assert_allclose(found.strength, np.sqrt(first**2 + np.where(second > 0, second, 0) ** 2))


def test_sites_of_genes_that_do_not_change_make_no_driver():
    rng = np.random.default_rng(6)
    sites = rng.normal(size=(N_GENES, N_REGULATORS))
    y = rng.normal(size=N_GENES) * np.exp(-0.8 * sites[:, 5])
    direction, response = screens(y, sites)
    assert response.z[5] < -5
    assert combined_strength(direction, response, np.zeros(N_REGULATORS, dtype=int)).p_value[5] > 0.01


def test_without_signal_p_values_are_uniform():
    rng = np.random.default_rng(3)
    p_value = []
    for seed in range(8):
        pair = screens(rng.normal(size=N_GENES), rng.normal(size=(N_GENES, N_REGULATORS)), seed=seed, n_null=50)
        p_value.append(combined_strength(*pair, np.zeros(N_REGULATORS, dtype=int)).p_value)
    assert kstest(np.concatenate(p_value), "uniform").pvalue > 0.01


def test_a_regulator_that_no_refit_moves_has_strength_zero():
    rng = np.random.default_rng(4)
    sites = rng.normal(size=(N_GENES, N_REGULATORS))
    sites[:, 0] = 0.0
    found = combined_strength(*screens(rng.normal(size=N_GENES), sites), np.zeros(N_REGULATORS, dtype=int))
    assert found.strength[0] == 0
    assert found.p_value[0] > 0.3


def test_screens_must_fit():
    rng = np.random.default_rng(5)
    sites = rng.normal(size=(N_GENES, N_REGULATORS))
    direction, _ = screens(rng.normal(size=N_GENES), sites, n_null=10)
    _, response = screens(rng.normal(size=N_GENES), sites, n_null=12)
    with pytest.raises(ValueError, match="same number of refits"):
        combined_strength(direction, response, np.zeros(N_REGULATORS, dtype=int))
