from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from decode.insilico.profiles import profile_correlations, resampled_correlations

OTHER = {"spearman": stats.spearmanr, "pearson": stats.pearsonr}


@pytest.fixture(scope="module")
def profiles() -> np.ndarray:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(6, 25))
    values[1] = np.round(values[1])  # ties
    return values


@pytest.mark.parametrize("method", ["spearman", "pearson"])
def test_against_scipy(profiles, method):
    partner = np.round(profiles[0] + np.random.default_rng(1).normal(size=25), 1)
    found = profile_correlations(profiles, partner, method=method)
    np.testing.assert_allclose(found, [OTHER[method](row, partner)[0] for row in profiles], atol=1e-12)


@pytest.mark.parametrize("method", ["spearman", "pearson"])
def test_resamples_are_those_of_repeated_samples(profiles, method):
    partner = profiles[0] + np.random.default_rng(1).normal(size=25)
    weights = np.random.default_rng(2).multinomial(25, np.full(25, 0.04), size=4)
    found = resampled_correlations(profiles[[0, 2, 3]], partner, weights, method=method)
    for row, weight in zip(found, weights, strict=True):
        drawn = np.repeat(np.arange(25), weight)
        wanted = [OTHER[method](profiles[i, drawn], partner[drawn])[0] for i in (0, 2, 3)]
        np.testing.assert_allclose(row, wanted, atol=1e-12)


def test_a_constant_profile_is_undefined():
    assert np.isnan(profile_correlations([[1.0, 1.0, 1.0]], [1.0, 2.0, 3.0])).all()
    assert np.isnan(profile_correlations([[1.0, 3.0, 2.0]], [2.0, 2.0, 2.0])).all()
    with pytest.raises(ValueError, match="method is 'kendall'"):
        profile_correlations([[1.0, 2.0]], [1.0, 2.0], method="kendall")
