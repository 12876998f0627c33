from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from decode.expression.covariates import check_independent, covariate_columns, estimable_genes, remove_effects

N = 40


def meta(seed=0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "age": random.uniform(20, 80, N),
            "batch": random.choice(["x", "y", "z"], N),
            "plate": random.choice([1, 2, 3], N),
            "cell fraction-B": random.random(N),
            "sex": random.choice(["f", "m"], N),
        },
        index=[f"s{i}" for i in range(N)],
    )


def values(seed=1, n_genes=30) -> np.ndarray:
    return np.random.default_rng(seed).normal(6, 1, size=(n_genes, N))


def test_columns_of_covariates():
    found = covariate_columns(meta(), ["age", "batch", "C(plate)", "cell fraction-B"])
    assert found.matrix.columns.tolist() == [
        "age", "batch[T.y]", "batch[T.z]", "plate[T.2]", "plate[T.3]", "cell fraction-B"
    ]  # fmt: skip
    assert found.names == ["age", "batch", "batch", "C(plate)", "C(plate)", "cell fraction-B"]
    assert covariate_columns(meta(), ["plate"]).matrix.shape == (N, 1)


def test_adjusted_values_are_residuals_plus_the_mean():
    samples, genes = meta(), values()
    removed = covariate_columns(samples, ["age", "batch"])
    found = remove_effects(genes, removed, covariate_columns(samples, []))
    design = sm.add_constant(removed.matrix)
    expected = np.array([sm.OLS(gene, design).fit().resid + gene.mean() for gene in genes])
    np.testing.assert_allclose(found.adjusted, expected, atol=1e-10)
    np.testing.assert_allclose(found.adjusted.mean(axis=1), genes.mean(axis=1), atol=1e-10)


def test_a_kept_phenotype_stays():
    samples, genes = meta(), values()
    samples["age"] += 15 * (samples["sex"] == "m")  # confounded
    genes += np.where(samples["sex"] == "m", 2.0, 0.0)
    removed, kept = covariate_columns(samples, ["age"]), covariate_columns(samples, ["sex"])
    found = remove_effects(genes, removed, kept).adjusted
    design = sm.add_constant(pd.concat([removed.matrix, kept.matrix], axis=1))
    for gene, adjusted in zip(genes, found, strict=True):
        age = sm.OLS(gene, design).fit().params["age"]
        np.testing.assert_allclose(adjusted, gene - age * (samples["age"] - samples["age"].mean()), atol=1e-10)
    assert abs((found[:, samples["sex"] == "m"].mean() - found[:, samples["sex"] == "f"].mean()) - 2) < 0.2


def test_genes_with_missing_values_are_fitted_on_their_samples():
    samples, genes = meta(), values()
    genes[0, :5] = np.nan
    genes[1, 5:9] = np.nan
    removed = covariate_columns(samples, ["age", "batch"])
    found = remove_effects(genes, removed, covariate_columns(samples, [])).adjusted
    for gene in (0, 1, 2):
        own = ~np.isnan(genes[gene])
        fit = sm.OLS(genes[gene, own], sm.add_constant(removed.matrix[own])).fit()
        np.testing.assert_allclose(found[gene, own], fit.resid + genes[gene, own].mean(), atol=1e-10)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(genes))


def test_genes_that_do_not_suffice():
    removed = covariate_columns(meta(), ["age", "batch"])
    genes = values(n_genes=4)
    genes[0, 6:] = np.nan  # six samples for four columns
    genes[1, meta()["batch"] == "z"] = np.nan
    genes[2, :3] = np.nan
    assert estimable_genes(genes, removed.matrix).tolist() == [False, False, True, True]
    assert estimable_genes(genes, covariate_columns(meta(), []).matrix).tolist() == [True] * 4


def test_shares_of_variance():
    samples, genes = meta(), values()
    names = ["age", "batch"]
    found = remove_effects(genes, covariate_columns(samples, names), covariate_columns(samples, ["sex"]))
    total = ((genes - genes.mean(axis=1, keepdims=True)) ** 2).sum()

    def explained(*terms: str) -> float:
        design = sm.add_constant(covariate_columns(samples, list(terms)).matrix)
        return 1 - sum(sm.OLS(gene, design).fit().ssr for gene in genes) / total

    shares = found.shares.set_index("term")
    assert shares.index.tolist() == ["age", "batch", "sex"]
    for term in shares.index:
        rest = [name for name in shares.index if name != term]
        assert shares.loc[term, "share_alone"] == pytest.approx(explained(term))
        assert shares.loc[term, "share_beside_others"] == pytest.approx(explained(*shares.index) - explained(*rest))


def test_hidden_factors_are_the_components_of_the_residuals():
    samples, genes = meta(), values()
    hidden = np.random.default_rng(9).normal(size=N)
    genes += 4 * np.outer(np.random.default_rng(8).normal(size=len(genes)), hidden)
    removed, kept = covariate_columns(samples, ["age"]), covariate_columns(samples, ["sex"])
    found = remove_effects(genes, removed, kept, hidden_factors=2)
    design = sm.add_constant(pd.concat([removed.matrix, kept.matrix], axis=1))
    residuals = np.array([sm.OLS(gene, design).fit().resid for gene in genes])
    expected = np.linalg.svd(residuals, full_matrices=False)[2][:2]
    for factor, other in zip(found.factors.to_numpy().T, expected, strict=True):
        assert abs(factor @ other) == pytest.approx(1)
        np.testing.assert_allclose(design.to_numpy().T @ factor, 0, atol=1e-8)
    assert abs(np.corrcoef(found.factors["hidden_factor_1"], hidden)[0, 1]) > 0.95
    assert np.abs(np.corrcoef(hidden, found.adjusted)[0, 1:]).max() < 0.5
    shares = found.shares.set_index("term")["share_alone"]
    assert shares["hidden_factor_1"] > 0.5
    assert shares.index.tolist() == ["age", "hidden_factor_1", "hidden_factor_2", "sex"]


@pytest.mark.parametrize(
    ("names", "change", "message"),
    [
        (["lung"], {}, "'lung' is no column of the table of samples; it has age, batch"),
        (["C(lung)"], {}, "'lung' is no column"),
        (["age"], {"age": [np.nan, 3.0, np.inf] + [4.0] * (N - 3)}, "unknown or infinite in 2 of 40 samples: s0, s2"),
        (["batch"], {"batch": [None] + ["x", "y", "z"] * 13}, "unknown or infinite in 1 of 40 samples: s0"),
        (["batch"], {"batch": ["x"] * N}, "'batch' has one value only .'x'. in all 40 samples"),
        (["age"], {"age": [5.0] * N}, "'age' has one value only"),
        (["age", "age"], {}, "covariates occur more than once: age"),
        (["age", "sex", "twice"], {"twice": meta()["age"] * 2}, "twice is determined by age; leave one"),
        (["sex", "batch"], {"batch": np.where(meta()["sex"] == "m", "x", "y")}, "batch.T.y. is determined by sex.T.m."),
    ],
)
def test_bad_covariates(names, change, message):
    with pytest.raises(ValueError, match=message):
        covariate_columns(meta().assign(**change), names)


def test_collinearity_of_three_names_only_those_involved():
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(20, 3)), columns=list("abc"))
    with pytest.raises(ValueError, match=r"collinear covariates: d is determined by a and c; leave"):
        check_independent(frame.assign(d=frame["a"] - 2 * frame["c"]))
    noise = 1e-2 * np.random.default_rng(1).normal(size=20)
    check_independent(frame.assign(d=frame["a"] - 2 * frame["c"] + noise))


def test_covariates_and_kept_phenotypes_must_not_be_collinear():
    samples = meta().assign(weight=lambda frame: frame["age"] * 3 + 1)
    with pytest.raises(ValueError, match=r"weight is determined by age"):
        remove_effects(values(), covariate_columns(samples, ["age"]), covariate_columns(samples, ["weight"]))


def test_too_many_columns():
    with pytest.raises(ValueError, match=r"leave 2 residual degrees of freedom"):
        check_independent(pd.DataFrame(np.random.default_rng(0).normal(size=(6, 3))))
    none = covariate_columns(meta(), [])
    with pytest.raises(ValueError, match=r"37 hidden factors are more than 40 samples allow .36."):
        remove_effects(values(), none, none, hidden_factors=37)
    with pytest.raises(ValueError, match=r"must be a whole number"):
        remove_effects(values(), none, none, hidden_factors=-1)
