from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from limma import limma
from scipy.stats import ttest_ind

from decode.statistics.moderated_t import GeneFits, fit_incomplete_models, fit_linear_models, moderated_t

TWO_GROUPS = np.column_stack([np.ones(8), np.repeat([0.0, 1.0], 4)])


def test_plain_t_is_scipys():
    values = np.random.default_rng(0).normal(size=(20, 8))
    fit = fit_linear_models(values, TWO_GROUPS)
    plain = fit.coefficients[:, 1] / np.sqrt(fit.variance) / fit.unscaled_sd[1]
    np.testing.assert_allclose(plain, ttest_ind(values[:, 4:], values[:, :4], axis=1).statistic)
    np.testing.assert_allclose(fit.residuals.sum(axis=1), 0, atol=1e-12)


def test_equal_variances_are_pooled_to_one():
    values = np.random.default_rng(1).normal(size=(4000, 8))
    found = moderated_t(fit_linear_models(values, TWO_GROUPS))
    assert found.prior_df > 50
    assert found.prior_variance == pytest.approx(1.0, abs=0.05)
    assert (found.p_value[:, 1] < 0.05).mean() == pytest.approx(0.05, abs=0.012)


@pytest.mark.real_data
def test_agrees_with_limma(shared):
    golden = pd.read_csv(shared / "golden/limma_tcga_uvm_age_sex.tsv.gz", sep="\t")
    folder = shared / "data/individuals"
    stored = np.load(folder / "tcga_rnaseq350_rsem.npz")
    meta = pd.read_csv(folder / "tcga_rnaseq350_rsem_meta.tsv", sep="\t")
    is_uvm = (meta["cohort"] == "UVM").to_numpy()
    counts = pd.DataFrame(stored["X"][is_uvm].T.astype(float), index=stored["genes"])
    counts = counts[(counts > 1).mean(axis=1) >= 0.5]
    assert len(counts) == 15792
    own = meta[is_uvm]
    design = np.column_stack([np.ones(len(own)), own["age_years"], own["gender"] == "male"]).astype(float)
    fit = fit_linear_models(np.log2(counts.to_numpy() + 1), design)
    found = moderated_t(fit)
    assert found.prior_df == pytest.approx(2.850733, rel=1e-6)
    assert found.prior_variance == pytest.approx(0.472741, rel=1e-5)
    by_gene = golden.set_index("gene")
    for name, place in (("age", 1), ("male", 2)):  # the golden values were made from rounded logarithms
        for column, values, far in (("coef", fit.coefficients, 1e-6), ("t", found.t, 1e-5), ("p", found.p_value, 1e-5)):
            own = pd.Series(values[:, place], index=counts.index)
            np.testing.assert_allclose(own[by_gene.index], by_gene[f"{name}_{column}"], rtol=0, atol=far)


@pytest.mark.parametrize(
    ("design", "message"),
    [
        (np.ones((7, 1)), "samples x terms"),
        (np.column_stack([np.ones(8), np.ones(8)]), "functions of the others"),
        (np.eye(8), "no degree of freedom"),
    ],
)
def test_bad_designs(design, message):
    with pytest.raises(ValueError, match=message):
        fit_linear_models(np.zeros((3, 8)), design)


def test_undefined_values():
    with pytest.raises(ValueError, match="undefined"):
        fit_linear_models(np.full((3, 8), np.nan), TWO_GROUPS)


def genes_of_any_level(n=400, m=14):
    """Variance falls with the level; some values are missing, and some genes have hardly any."""
    rng = np.random.default_rng(3)
    level = rng.uniform(0, 12, n)
    sd = np.sqrt(np.exp(-level / 4) * 2.5 / rng.chisquare(5, n))
    values = level[:, None] + rng.normal(size=(n, m)) * sd[:, None]
    values[rng.random((n, m)) < 0.08] = np.nan
    values[4, 3:] = np.nan
    values[5, :] = np.nan
    return values, np.column_stack([np.ones(m), rng.uniform(20, 80, m), np.arange(m) % 2])


@pytest.mark.parametrize("trend", [False, True])
def test_missing_values_and_trend_are_limmas(tmp_path, trend):
    values, design = genes_of_any_level()
    theirs = limma(values, design, tmp_path, trend=trend)
    fit = GeneFits(*(part[~np.isnan(values).all(axis=1)] for part in fit_incomplete_models(values, design)))
    level = np.nanmean(values[~np.isnan(values).all(axis=1)], axis=1)
    ours = moderated_t(fit, level=level if trend else None)
    np.testing.assert_allclose(fit.coefficients, theirs.coefficients, atol=1e-9)
    for name in ("t", "p_value", "variance", "df", "prior_variance"):
        np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(ours.prior_df, theirs.prior_df[0], rtol=1e-9)
    if trend:
        assert np.corrcoef(np.log(ours.prior_variance), level)[0, 1] < -0.9


def test_complete_values_give_the_same_fit_both_ways():
    values = np.random.default_rng(5).normal(size=(30, 8))
    one, other = fit_linear_models(values, TWO_GROUPS), fit_incomplete_models(values, TWO_GROUPS)
    np.testing.assert_allclose(moderated_t(one).t, moderated_t(other).t)


def test_a_term_that_the_samples_do_not_tell_is_undefined():
    design = np.column_stack([np.ones(8), np.repeat([0.0, 1.0], 4), np.tile([0.0, 1.0], 4)])
    values = np.random.default_rng(6).normal(size=(3, 8))
    values[1, 4:] = np.nan  # one group only
    fit = fit_incomplete_models(values, design)
    assert np.isnan(fit.coefficients[1]).tolist() == [False, True, False]
    alone = fit_linear_models(values[1:2, :4], design[:4][:, [0, 2]])
    np.testing.assert_allclose(fit.coefficients[1, 2], alone.coefficients[0, 1])
    np.testing.assert_allclose(fit.variance[1], alone.variance[0])
    assert fit.df.tolist() == [5, 2, 5]


def test_infinite_values():
    with pytest.raises(ValueError, match="infinite"):
        fit_incomplete_models(np.full((3, 8), np.inf), TWO_GROUPS)
