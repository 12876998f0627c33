from __future__ import annotations

import logging
import shutil
import subprocess

import numpy as np
import pytest
from scipy.special import polygamma
from scipy.stats import kstest, t

from decode.statistics.shrinkage import inverse_trigamma, squeeze_variance
from decode.statistics.significance import (
    empirical_significance,
    leave_one_out_p_values,
)

RSCRIPT = shutil.which("Rscript")


def limma(variance: np.ndarray, df: float) -> tuple[np.ndarray, float, float]:
    """Posterior variances, prior variance and prior degrees of freedom by R."""
    numbers = ",".join(repr(float(x)) for x in variance)
    code = (
        f"suppressMessages(library(limma)); s <- squeezeVar(c({numbers}), {df}); "
        "cat(format(c(s$df.prior, s$var.prior, s$var.post), digits=17))"
    )
    found = subprocess.run([str(RSCRIPT), "-e", code], capture_output=True, text=True, check=False)
    if "there is no package" in found.stderr:
        pytest.skip("the R package limma is absent")
    values = [float(x) for x in found.stdout.split()]
    return np.array(values[2:]), values[1], values[0]


class TestShrinkage:
    @pytest.mark.skipif(RSCRIPT is None, reason="Rscript is absent")
    @pytest.mark.parametrize(("spread", "df"), [(1.0, 19.0), (0.3, 4.0), (0.0, 19.0), (2.0, 2.0)])
    def test_against_limma(self, spread, df):
        rng = np.random.default_rng(3)
        variance = np.exp(spread * rng.normal(size=60)) * rng.chisquare(df, size=60) / df
        if spread == 0:
            variance = 1 + 1e-3 * rng.random(60)  # less than chance: no shrinkage parameter, all alike
        if spread == 1:
            variance[5] = 0.0
        expected, prior, prior_df = limma(variance, df)
        found = squeeze_variance(variance[:, None], df)
        np.testing.assert_allclose(found.variance[:, 0], expected, rtol=1e-6)
        np.testing.assert_allclose(found.prior_df[0], prior_df, rtol=1e-6)
        np.testing.assert_allclose(found.prior_variance[:, 0], prior, rtol=1e-6)

    def test_posterior_by_hand(self):
        variance = np.array([0.5, 1.0, 4.0, 9.0, 0.1])[:, None]
        found = squeeze_variance(variance, 4)
        d0, s0 = found.prior_df[0], found.prior_variance[0, 0]
        assert 0 < d0 < np.inf
        np.testing.assert_allclose(found.variance, (d0 * s0 + 4 * variance) / (d0 + 4))

    def test_strata_have_a_level_of_their_own(self):
        rng = np.random.default_rng(0)
        level = np.repeat([1.0, 100.0], 200)
        truth = level * 10 / rng.chisquare(10, size=400)
        variance = (truth * rng.chisquare(5, size=400) / 5)[:, None]
        strata = np.repeat([7, 3], 200)
        found = squeeze_variance(variance, 5, strata)
        np.testing.assert_allclose(found.prior_variance[:, 0], level, rtol=0.25)
        assert 6 < found.prior_df[0] < 18
        error = [np.mean((np.log(v) - np.log(truth)) ** 2) for v in (found.variance[:, 0], variance[:, 0])]
        assert error[0] < 0.6 * error[1]
        one = squeeze_variance(variance[:200], 5)
        alone = squeeze_variance(np.concatenate([variance[:200], 2 * variance[:200]]), 5, strata)
        np.testing.assert_allclose(alone.prior_variance[:200], one.prior_variance, rtol=0.01)

    def test_edges(self):
        nothing = squeeze_variance(np.zeros((4, 1)), 5)
        assert (nothing.variance == 0).all()
        mostly = squeeze_variance(np.array([0, 0, 0, 1.0])[:, None], 5)
        assert (mostly.variance > 0).all()
        single = squeeze_variance([[2.0]], 5)
        assert (single.variance, single.prior_df) == (2.0, 0.0)
        with pytest.raises(ValueError, match="numbers >= 0"):
            squeeze_variance([[-1.0]], 5)
        with pytest.raises(ValueError, match="numbers >= 0"):
            squeeze_variance([1.0], 5)
        with pytest.raises(ValueError, match="df is 0"):
            squeeze_variance([[1.0]], 0)
        with pytest.raises(ValueError, match="strata has shape"):
            squeeze_variance([[1.0]], 5, [0, 1])

    def test_inverse_trigamma(self):
        x = np.geomspace(1e-4, 1e8, 40)
        np.testing.assert_allclose(inverse_trigamma(polygamma(1, x)), x, rtol=1e-6)


def by_definition(observed: np.ndarray, null: np.ndarray, strata: np.ndarray, two_sided: bool) -> tuple[list, list]:
    """z and p of one task, written out."""

    def moderated(score, refits):
        n = len(refits)
        squeezed = squeeze_variance(refits.var(axis=0, ddof=1)[:, None], n - 1, strata)
        z = (score - refits.mean(axis=0)) / np.sqrt(squeezed.variance[:, 0])
        unit = (np.abs(z) if two_sided else z) / np.sqrt(1 + 1 / n)
        return z, t.sf(unit, squeezed.prior_df[0] + n - 1)

    z, tail = moderated(observed, null)
    null_tail = np.stack([moderated(null[b], np.delete(null, b, axis=0))[1] for b in range(len(null))])
    p_value = []
    for regulator, stratum in enumerate(strata):
        pooled = null_tail[:, strata == stratum]
        p_value.append((1 + (pooled <= tail[regulator] * (1 + 1e-12)).sum()) / (1 + pooled.size))
    return list(z), p_value


class TestSignificance:
    @pytest.mark.parametrize("two_sided", [True, False])
    def test_by_definition(self, two_sided):
        rng = np.random.default_rng(1)
        sd = np.exp(rng.normal(size=(12, 3)))
        null, observed = sd * rng.normal(size=(20, 12, 3)), 2 * sd * rng.normal(size=(12, 3))
        strata = np.repeat([4, 1, 9], 4)
        found = empirical_significance(observed, null, strata, two_sided=two_sided)
        for task in range(3):
            z, p_value = by_definition(observed[:, task], null[:, :, task], strata, two_sided)
            np.testing.assert_allclose(found.z[:, task], z)
            np.testing.assert_allclose(found.p_value[:, task], p_value)
        one = empirical_significance(observed[:, 0], null[:, :, 0], strata, two_sided=two_sided)
        np.testing.assert_array_equal(one.p_value, found.p_value[:, 0])

    def test_what_plays_no_part(self):
        rng = np.random.default_rng(2)
        null, observed = rng.normal(size=(20, 30)), rng.normal(size=30)
        strata, shift = np.arange(30) % 2, rng.normal(size=30)
        base = empirical_significance(observed, null, strata, two_sided=True)
        order = rng.permutation(30)
        changed = {
            "order of refits": (observed, null[::-1], strata, slice(None)),
            "unit": (7 * observed, 7 * null, strata, slice(None)),
            "level": (observed + shift, null + shift, strata, slice(None)),
            "sign": (-observed, -null, strata, slice(None)),
            "order of regulators": (observed[order], null[:, order], strata[order], order),
        }
        for name, (scores, refits, code, back) in changed.items():
            found = empirical_significance(scores, refits, code, two_sided=True)
            np.testing.assert_allclose(found.p_value, base.p_value[back], err_msg=name)

    def test_large_only(self):
        null = np.random.default_rng(3).normal(size=(20, 50))
        observed = np.r_[6.0, -6.0, np.zeros(48)]
        strata = np.zeros(50, dtype=int)
        both, large = (empirical_significance(observed, null, strata, two_sided=two) for two in (True, False))
        assert both.p_value[0] == both.p_value[1] == large.p_value[0] == 1 / 1001
        assert large.p_value[1] == 1
        np.testing.assert_array_equal(both.z, large.z)

    def test_regulators_without_sites(self):
        null = np.random.default_rng(4).normal(size=(20, 6))
        null[:, :2] = 0
        found = empirical_significance(np.r_[0.0, 3.0, np.zeros(4)], null, np.zeros(6, dtype=int), two_sided=True)
        assert found.z[0] == 0
        assert found.p_value[0] == 1
        assert found.p_value[1] == 1 / 121
        nothing = empirical_significance([0.0, 1.0], np.zeros((20, 2)), [0, 0], two_sided=True)
        assert nothing.z.tolist() == [0, np.inf]
        assert nothing.p_value.tolist() == [1, 1 / 41]

    @pytest.mark.parametrize(("n_refits", "two_sided"), [(20, True), (20, False), (5, True)])
    def test_uniform_where_nothing_differs(self, n_refits, two_sided):
        rng = np.random.default_rng(5)
        sd = np.exp(0.5 * rng.normal(size=(100, 60)))
        scores = sd * rng.normal(size=(1 + n_refits, 100, 60))
        found = empirical_significance(scores[0], scores[1:], np.arange(100) % 2, two_sided=two_sided)
        assert kstest(found.p_value.ravel(), "uniform").statistic < 0.03
        share = np.mean(found.p_value <= 0.05)  # its standard error is 0.003
        assert 0.042 < share < 0.058 if n_refits == 20 else share < 0.055

    def test_a_null_that_is_not_normal(self):
        rng = np.random.default_rng(6)
        scores = np.abs(rng.standard_t(4, size=(21, 100, 60)))
        found = empirical_significance(scores[0], scores[1:], np.zeros(100, dtype=int), two_sided=False)
        assert np.mean(found.p_value <= 0.05) == pytest.approx(0.05, abs=0.006)

    def test_few_refits_are_said(self, caplog):
        null = np.random.default_rng(0).normal(size=(19, 4))
        with caplog.at_level(logging.WARNING):
            empirical_significance(np.zeros(4), null, np.zeros(4, dtype=int), two_sided=True)
        assert "null holds 19 refits; z and p-values are coarse below 20" in caplog.text

    @pytest.mark.parametrize(
        ("observed", "null", "strata", "message"),
        [
            (np.zeros(3), np.zeros((2, 3)), np.zeros(3), "null holds 2 refits; at least 3"),
            (np.zeros(3), np.zeros((20, 4)), np.zeros(3), "null has one axis more"),
            (np.zeros((3, 1, 1)), np.zeros((20, 3, 1, 1)), np.zeros(3), "null has one axis more"),
            (np.zeros(3), np.zeros((20, 3)), np.zeros(4), "strata has shape"),
            (np.array([0, np.nan]), np.zeros((20, 2)), np.zeros(2), "observed holds 1 undefined"),
            (np.zeros(2), np.full((20, 2), np.inf), np.zeros(2), "null holds 40 undefined"),
        ],
    )
    def test_bad_input(self, observed, null, strata, message):
        with pytest.raises(ValueError, match=message):
            empirical_significance(observed, null, strata, two_sided=True)

    def test_each_refit_against_the_others(self):
        null = np.random.default_rng(7).normal(size=(20, 60, 2))
        strata = np.zeros(60, dtype=int)
        found = leave_one_out_p_values(null, strata, two_sided=True)
        first = empirical_significance(null[0], null[1:], strata, two_sided=True)
        np.testing.assert_array_equal(found[0], first.p_value)
        assert found.shape == null.shape
        assert np.mean(found <= 0.05) == pytest.approx(0.05, abs=0.01)
        with pytest.raises(ValueError, match="null holds 3 refits; at least 4"):
            leave_one_out_p_values(null[:3], strata, two_sided=True)
