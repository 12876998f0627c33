from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from decode.persons.agreement import agreement_matrix, agreement_of_t
from decode.persons.differential import differential

NAMES = [f"s{i}" for i in range(30)]


def made(seed=0, effect=0.0, follows=0.0):
    """Data and a prediction; `follows`: how far it follows each sample; `effect`: shared change with sex."""
    rng = np.random.default_rng(seed)
    samples = pd.DataFrame({"sex": ["f", "m"] * 15, "age": rng.normal(size=30)}, index=NAMES)
    both = follows * rng.normal(size=(200, 3)) @ rng.normal(size=(3, 30))
    both += effect * np.outer(rng.normal(size=200), samples["sex"] == "m")
    tables = [pd.DataFrame(both + rng.normal(size=both.shape), columns=NAMES) for _ in range(2)]
    genes = [f"G{i}" for i in range(200)]
    return *(table.set_axis(genes, axis=0) for table in tables), samples


def test_spearman_of_t_over_the_chosen_genes():
    actual, predicted, samples = made(effect=1.0)
    genes = [f"G{i}" for i in range(50, 250)]
    found = agreement_of_t(actual, predicted.iloc[::-1], samples, "~ age + sex", genes=genes, n_permutations=50)
    t = [differential(table, samples, "~ age + sex").t.loc["G50":, "sex[T.m]"] for table in (actual, predicted)]
    row = found.table.set_index("term").loc["sex[T.m]"]
    assert row["spearman"] == pytest.approx(spearmanr(*t).statistic)
    assert row["n_genes"] == 150
    assert row["p_permutation"] == pytest.approx(1 / 51)
    assert found.counts["n_genes_only_actual"] == 50


def test_a_prediction_that_follows_persons_agrees_for_any_variable():
    rhos, p_values = [], []
    for seed in range(20):
        found = agreement_of_t(*made(seed, follows=1.0), "~ age + sex", n_permutations=60).table
        rhos += found["spearman"].tolist()
        p_values += found["p_permutation"].tolist()
        assert (found["null_median"] > 0.2).all()
    assert np.mean(rhos) > 0.3  # though nothing changes with age or sex
    assert np.mean(np.array(p_values) < 0.05) < 0.2  # and the null knows


def test_missing_values_and_wrong_tables():
    actual, predicted, samples = made(effect=1.0)
    actual.iloc[3, 4] = np.nan
    found = agreement_of_t(actual, predicted, samples, "~ sex", n_permutations=5)
    assert found.counts["n_genes_with_missing"] == 1
    assert found.table.loc[0, "n_genes"] == 199
    with pytest.raises(ValueError, match="1 samples have no prediction: s0"):
        agreement_of_t(actual, predicted.drop(columns="s0"), samples, "~ sex")
    with pytest.raises(ValueError, match="share no gene"):
        agreement_of_t(actual, predicted.add_prefix("x", axis=0), samples, "~ sex")
    with pytest.raises(ValueError, match="2 genes are complete"):
        agreement_of_t(actual, predicted, samples, "~ sex", genes=["G1", "G2", "G3"], n_permutations=5)


def test_closest_data_set():
    tables = [made(seed, effect=1.5) for seed in (0, 1)]
    actual = {name: differential(a, s, "~ age + sex").table for name, (a, _, s) in zip("xy", tables, strict=True)}
    predicted = {name: differential(p, s, "~ sex").table for name, (_, p, s) in zip("xy", tables, strict=True)}
    found = agreement_matrix(predicted, actual)
    assert set(found["term"]) == {"sex[T.m]"}
    assert len(found) == 4
    assert found.loc[found["rank"] == 1, "is_own"].all()
    with pytest.raises(ValueError, match="share no term"):
        agreement_matrix(predicted, {"x": actual["x"][actual["x"]["term"] == "age"]})
    with pytest.raises(ValueError, match="lacks the column"):
        agreement_matrix(predicted, {"x": actual["x"].drop(columns="t")})
