from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_ind

from decode.statistics.moderated_t import fit_linear_models, moderated_t

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
