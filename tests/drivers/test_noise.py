from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kstest, norm

from decode.drivers.design import make_design
from decode.drivers.noise import (
    CorrelatedGenes,
    IndependentGenes,
    NullTargets,
    next_group,
    pooled_p_values,
    significance,
)
from decode.drivers.screen import screener
from decode.expression.compendium import NoiseGroup, residual_correlation, take_genes
from decode.statistics.multiple_testing import false_discovery_rate
from decode.statistics.ranks import normal_scores

N_GENES, N_REGULATORS = 400, 60


def judged(y, sites, null, *, size=True, score="joint"):
    screen = screener(make_design(sites, np.ones((len(y), 0))), np.arange(sites.shape[1]), score=score)
    direction = screen(normal_scores(y))
    response = screen(normal_scores(np.abs(direction.residual))) if size else None
    return significance(direction, response, null.draw(normal_scores(y), direction, response, by_rank=True), null.df())


def independent(seed=0, n=200):
    return IndependentGenes(np.zeros(N_GENES, dtype=int), n_draws=n, seed=seed)


def test_targets_on_both_sides_are_found_by_the_strength_alone():
    rng = np.random.default_rng(1)
    sites = rng.normal(size=(N_GENES, N_REGULATORS))
    y = rng.normal(size=N_GENES) * np.exp(0.8 * sites[:, 5])  # regulator 5: larger changes, either way
    found = judged(y, sites, independent())
    assert int(np.argmin(found.p_value)) == 5
    assert found.p_value[5] < 0.001 < found.direction_p[5]


def test_strength_by_hand():
    rng = np.random.default_rng(2)
    found = judged(rng.normal(size=N_GENES), rng.normal(size=(N_GENES, N_REGULATORS)), independent())
    assert (found.response_z < 0).any()
    assert (found.response_z > 0).any()
    np.testing.assert_allclose(
        found.strength, np.sqrt(found.z**2 + np.where(found.response_z > 0, found.response_z, 0) ** 2)
    )


def test_sites_of_genes_that_do_not_change_make_no_driver():
    rng = np.random.default_rng(6)
    sites = rng.normal(size=(N_GENES, N_REGULATORS))
    found = judged(rng.normal(size=N_GENES) * np.exp(-0.8 * sites[:, 5]), sites, independent())
    assert found.response_z[5] < -5
    assert found.p_value[5] > 0.01


def test_independent_genes_without_signal_p_values_are_uniform():
    rng = np.random.default_rng(3)
    p_value = np.concatenate(
        [
            judged(rng.normal(size=N_GENES), rng.normal(size=(N_GENES, N_REGULATORS)), independent(seed)).p_value
            for seed in range(8)
        ]
    )
    assert kstest(p_value, "uniform").pvalue > 0.01


def test_a_regulator_without_sites_has_strength_zero():
    rng = np.random.default_rng(4)
    sites = rng.normal(size=(N_GENES, N_REGULATORS))
    sites[:, 0] = 0.0
    found = judged(rng.normal(size=N_GENES), sites, independent())
    assert found.strength[0] == 0
    assert found.p_value[0] > 0.3


def cohort(rng, n_samples):
    """Genes that go together in three programmes, which regulators' sites follow."""
    programme = np.random.default_rng(7).normal(size=(N_GENES, 3))
    values = 0.6 * programme @ rng.normal(size=(3, n_samples)) + rng.normal(size=(N_GENES, n_samples))
    return pd.DataFrame(values, index=[f"G{i}" for i in range(N_GENES)])


def sites_of_programmes(rng):
    programme = np.random.default_rng(7).normal(size=(N_GENES, 3))
    return rng.normal(size=(N_GENES, N_REGULATORS)) + programme @ rng.normal(size=(3, N_REGULATORS))


@pytest.mark.parametrize("score", ["joint", "marginal"])
def test_random_halves_have_no_driver_where_the_correlation_counts(score):
    """And nearly always have where genes are taken as independent."""
    rng = np.random.default_rng(0)
    sites = sites_of_programmes(rng)
    groups, _ = take_genes(residual_correlation(cohort(rng, 60), source="others"), [f"G{i}" for i in range(N_GENES)])
    nulls = {"correlated": CorrelatedGenes(groups, "others", n_draws=400), "independent": independent()}
    share = dict.fromkeys(nulls, 0.0)
    n_splits = 40
    for _ in range(n_splits):
        values = cohort(rng, 24).to_numpy()
        y = values[:, :12].mean(axis=1) - values[:, 12:].mean(axis=1)
        for name, null in nulls.items():
            found = judged(y, sites, null, score=score)
            share[name] += (false_discovery_rate(found.p_value) < 0.05).any() / n_splits
    assert share["correlated"] <= 0.1
    if score == "marginal":
        assert share["independent"] > 0.5


def test_variance_is_w_c_w():
    rng = np.random.default_rng(1)
    sites = sites_of_programmes(rng)
    values = cohort(rng, 200)
    groups, _ = take_genes(residual_correlation(values, source=""), list(values.index))
    null = CorrelatedGenes(groups, "", n_draws=4000)
    found = judged(rng.normal(size=N_GENES), sites, null, size=False, score="marginal")
    design = make_design(sites, np.ones((N_GENES, 0)))
    weights = design.columns / np.linalg.norm(design.columns, axis=0)
    correlation = np.corrcoef(values.to_numpy())
    expected = np.einsum("gr,gh,hr->r", weights, correlation, weights)
    np.testing.assert_allclose(found.vif, expected, rtol=0.25, atol=0.05)  # ranks: every draw has SD 1
    assert expected.max() > 5


def test_one_group_of_few_samples_is_judged_by_students_t():
    rng = np.random.default_rng(2)
    y, sites = rng.normal(size=N_GENES), rng.normal(size=(N_GENES, N_REGULATORS))
    few = CorrelatedGenes([NoiseGroup("few", np.zeros((N_GENES, 1), dtype=np.float32), 3)], "", n_draws=400)
    many = CorrelatedGenes([NoiseGroup("many", np.zeros((N_GENES, 1), dtype=np.float32), 100000)], "", n_draws=400)
    less, more = (np.abs(judged(y, sites, null, size=False).z) for null in (few, many))
    assert (less < more).all()
    top = int(np.argmax(more))
    from scipy.stats import t

    assert norm.sf(less[top]) == pytest.approx(t.sf(more[top], 3), rel=0.01)


def test_draws_have_the_values_of_the_data():
    y = np.r_[np.ones(20), -np.ones(10), np.zeros(N_GENES - 30)]
    rng = np.random.default_rng(0)
    screen = screener(make_design(rng.normal(size=(N_GENES, 5)), np.ones((N_GENES, 0))), np.arange(5))
    direction, response = screen(y), screen(np.abs(y))
    null = CorrelatedGenes([NoiseGroup("x", np.zeros((N_GENES, 1), dtype=np.float32), 50)], "", n_draws=30)
    drawn = null.draw(y, direction, response, by_rank=False)
    assert isinstance(drawn, NullTargets)
    assert [len(np.unique(drawn.signed[:, i].round(4))) for i in range(30)] == [3] * 30
    assert [len(np.unique(drawn.size[:, i].round(4))) for i in range(30)] == [2] * 30
    assert null.draw(y, direction, response, by_rank=False) is drawn


def test_few_draws_are_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="at least 20"):
        judged(rng.normal(size=N_GENES), rng.normal(size=(N_GENES, 5)), independent(n=5))


def test_pooled_p_values_by_hand():
    null = np.array([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]])
    np.testing.assert_allclose(pooled_p_values(np.array([2.5, 40.0]), null, np.array([0, 1])), [0.5, 0.25])


def test_next_group():
    assert next_group(np.full(6, 40.0)) == pytest.approx(np.sqrt(7 / 6))
