from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from planted import TINY, planted_features
from scipy import stats
from toy_networks import random_bundle

from decode.dataset import prepare_dataset
from decode.evaluation.predict import predict_members
from decode.insilico.coexpression import coexpression_drivers, draw_correlations
from decode.insilico.removal import gene_inputs
from decode.insilico.removal_model import RemovalModel
from decode.report.coexpression import coexpression_sentence

PAIR = ("name7", "name3")  # not in the order of the table
N_TASKS = 12


@pytest.fixture(scope="module")
def features():
    return planted_features(60)


@pytest.fixture(scope="module")
def bundle(features):
    rng = np.random.default_rng(5)
    targets = pd.DataFrame(rng.normal(size=(60, N_TASKS)), columns=[f"p{i}" for i in range(N_TASKS)])
    targets.insert(0, "gene_id", features.ids)
    return random_bundle(prepare_dataset(features, targets, min_bound_genes=5), TINY)


@pytest.fixture(scope="module")
def found(bundle, features):
    return coexpression_drivers({"a": bundle}, features, PAIR, n_draws=400, n_resamples=8)


def test_correlations_are_those_of_one_prediction_a_draw(bundle, features):
    altered, partner = gene_inputs(bundle, features, PAIR)
    removed = np.random.default_rng(0).random((7, len(altered.regulators))) < 0.5
    rho = draw_correlations(RemovalModel.of(bundle), altered, partner, removed, block_draws=3)
    other = predict_members(bundle, features)[:, features.row_of("G0003")]
    from decode.models.ensemble import predict_inputs

    for number, row in enumerate(removed):
        one = predict_inputs(bundle, altered.without_regulators(row[None]))[:, 0]
        assert rho[0, number] == pytest.approx(stats.spearmanr(one.mean(axis=0), other.mean(axis=0))[0], abs=1e-5)
        assert rho[2, number] == pytest.approx(stats.spearmanr(one[1], other[1])[0], abs=1e-5)


def test_both_genes_in_the_users_order_with_their_own_regulators_only(found, bundle, features):
    assert list(dict.fromkeys(found.effects["gene"])) == ["name7", "name3"]
    for gene, inputs in zip(PAIR, gene_inputs(bundle, features, PAIR), strict=True):
        assert found.effects.loc[found.effects["gene"] == gene, "unit"].tolist() == inputs.regulators
    assert (found.effects["partner"] != found.effects["gene"]).all()


def test_single_effects_and_sums_are_exact(found, bundle, features):
    altered, partner = gene_inputs(bundle, features, PAIR)
    from decode.models.ensemble import predict_inputs

    def rho(row):
        one = predict_inputs(bundle, altered.without_regulators(np.array([row])))[:, 0].mean(axis=0)
        return stats.spearmanr(one, predict_inputs(bundle, partner.pooled)[:, 0].mean(axis=0))[0]

    n = len(altered.regulators)
    own = found.effects.query("gene == 'name7'")
    wanted = [rho([j == i for j in range(n)]) - rho([False] * n) for i in range(n)]
    np.testing.assert_allclose(own["single_effect"], wanted, atol=1e-5)
    assert own["shapley"].sum() == pytest.approx(rho([True] * n) - rho([False] * n), abs=1e-5)
    assert found.correlations["correlation"].iloc[0] == pytest.approx(rho([False] * n), abs=1e-5)


def test_bonferroni_within_a_gene_and_key_in_all_models(bundle, features, found):
    n = found.effects.groupby("gene")["unit"].transform("size")
    np.testing.assert_allclose(found.effects["p_bonferroni"], np.minimum(found.effects["p_value"] * n, 1))
    twice = coexpression_drivers({"a": bundle, "b": bundle}, features, PAIR, n_draws=400, n_resamples=0)
    assert (twice.key["n_models"] == 2).all()
    significant = twice.effects.groupby(["gene", "unit"])["is_significant"].all()
    key = twice.key.set_index(["gene", "unit"])["is_key"]
    assert (key.loc[significant.index] == significant).all()
    assert twice.effects["sd_tasks"].isna().all()


def test_disruption_takes_real_bins_with_sites(bundle, features):
    pair = ("G0000", "G0003")  # two promoter bins of the first lie before its chromosome
    found = coexpression_drivers({"a": bundle}, features, pair, mode="disruption", n_draws=200, n_resamples=0)
    altered = gene_inputs(bundle, features, pair)[0]
    own = found.effects.query("gene == 'name0'")
    real = altered.bins.query("n_tracks > 0")
    assert own["unit"].tolist() == (real["region"] + ":" + real["bin"].astype(str)).tolist()
    assert not own["unit"].isin(["promoter:0", "promoter:1"]).any()
    assert found.correlations["position_blind"].all()


def test_the_same_seed_gives_the_same_numbers(bundle, features, found):
    again = coexpression_drivers({"a": bundle}, features, PAIR, n_draws=400, n_resamples=8)
    pd.testing.assert_frame_equal(again.effects, found.effects)


@pytest.mark.parametrize("name", ["", "same"])
def test_genes_of_one_name_or_none_stay_apart(bundle, features, found, name):
    unnamed = replace(features, genes=features.genes.assign(gene_name=name))
    again = coexpression_drivers({"a": bundle}, unnamed, ("G0007", "G0003"), n_draws=400, n_resamples=0)
    assert again.correlations["gene"].tolist() == again.correlations["partner"].tolist()[::-1] == ["G0007", "G0003"]
    assert len(again.key) == len(again.effects) == len(found.effects)
    assert again.key["n_models"].tolist() == [1] * len(found.effects)
    assert coexpression_sentence(again).startswith("a, G0007 altered: correlation with G0003")


def test_bad_input(bundle, features):
    with pytest.raises(ValueError, match="n_resamples is 1"):
        coexpression_drivers({"a": bundle}, features, PAIR, n_draws=100, n_resamples=1)
    with pytest.raises(KeyError, match="nearest"):
        coexpression_drivers({"a": bundle}, features, ("nam7", "name3"), n_draws=100)
    with pytest.raises(ValueError, match="two genes are wanted"):
        coexpression_drivers({"a": bundle}, features, ("name7",), n_draws=100)
    with pytest.raises(ValueError, match="twice"):
        coexpression_drivers({"a": bundle}, features, ("name7", "G0007"), n_draws=100)
    with pytest.raises(ValueError, match="too few"):
        coexpression_drivers({"a": bundle}, features, PAIR, n_draws=5)
    with pytest.raises(ValueError, match="no model"):
        coexpression_drivers({}, features, PAIR)
