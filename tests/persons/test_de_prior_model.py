from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from planted import TINY, planted_dataset, planted_features, planted_targets, quick_bundle
from scipy.special import logit
from scipy.stats import rankdata, spearmanr
from sklearn.metrics import roc_auc_score

from decode.persons.critical_regulators import critical_regulators
from decode.persons.de_prior_model import fit_de_prior, judge, prior_targets, summarise_randomisation
from decode.persons.de_prior_predictions import predict_de_prior
from decode.training.config import TrainingConfig

QUICK = TrainingConfig(members=2, max_epochs=15, batch_size=32, learning_rate=0.01)


@pytest.fixture(scope="module")
def features():
    return planted_features(300)


@pytest.fixture(scope="module")
def ranks(features):
    """Ranks of a value that is linear in the log totals."""
    values = planted_targets(features)["liver"].to_numpy()
    return pd.Series(rankdata(values) / len(values), index=features.ids.astype(str))


@pytest.fixture(scope="module")
def tpm(features, ranks):
    """Genes of a high rank are on in more tissues."""
    rng = np.random.default_rng(0)
    level = np.exp2(6 * ranks.to_numpy()[:, None] + rng.normal(size=(len(ranks), 4)) - 2)
    return pd.DataFrame(level, index=ranks.index, columns=list("abcd")).drop(index=ranks.index[3])


@pytest.fixture(scope="module")
def result(features, ranks, tpm):
    return fit_de_prior(features, ranks, network=TINY, training=QUICK, seeds=[0], expression=tpm)


def test_logits_against_scipy():
    values = np.array([0.25, 0.5, 0.999, 1.0, 0.0])
    table, counts = prior_targets(pd.Series(values, index=list("ABCDE")))
    np.testing.assert_allclose(table["de_prior"][:3], logit(values[:3]))
    assert table["de_prior"][3:].tolist() == [10.0, -10.0]
    assert counts == {"genes": 5, "infinite": 2}


@pytest.mark.real_data
def test_the_published_ranks_have_one_infinite_logit(shared):
    table = pd.read_csv(shared / "data" / "gene_lists" / "de_prior.txt", sep="\t")
    targets, counts = prior_targets(table.set_index("Gene_Name")["DE_Prior_Rank"])
    assert counts == {"genes": 19_172, "infinite": 1}
    assert targets.loc[targets["de_prior"] == 10, "gene_id"].tolist() == ["XIST"]


@pytest.mark.parametrize(
    ("ranks", "message"),
    [
        ({"A": 1.2, "B": 0.5}, "not between 0 and 1: A 1.2"),
        ({"A": np.nan, "B": 0.5}, "not between 0 and 1: A nan"),
        ({"A": 0.5, "B": 0.5}, "all of one rank"),
        ({}, "0 genes"),
    ],
)
def test_ranks_that_are_none(ranks, message):
    with pytest.raises(ValueError, match=message):
        prior_targets(pd.Series(ranks, dtype=float))


def test_repeated_genes():
    with pytest.raises(ValueError, match="more than once: A"):
        prior_targets(pd.Series([0.1, 0.2], index=["A", "A"]))


def test_figures_of_merit_are_those_of_the_predictions(result, ranks):
    test = result.predictions[result.predictions["split"] == "test"]
    assert set(test["chrom"]) == {"chr1"}
    row = result.accuracy.set_index(["part", "predictor"]).loc[("test", "model")]
    assert row["spearman"] == pytest.approx(spearmanr(test["de_prior"], test["predicted"]).statistic)
    assert row["auroc"] == pytest.approx(roc_auc_score(test["de_prior_rank"] > 0.9, test["predicted"]))
    assert row["n_genes"] == len(test)
    assert row["n_high"] == (test["de_prior_rank"] > 0.9).sum()
    expected = ranks.loc[test["gene_id"]].to_numpy()
    np.testing.assert_allclose(test["de_prior_rank"], expected)
    assert result.bundle.task_kinds == ["other"]


def test_planted_signal_is_found_and_lost_with_the_sites(result):
    test = result.accuracy[result.accuracy["part"] == "test"].set_index("predictor")
    assert test.loc["model", "spearman"] > 0.7
    assert np.isnan(test.loc["mean", "spearman"])
    assert test.loc["mean", "auroc"] == 0.5
    assert test.loc["ridge_totals", "spearman"] > test.loc["site_number", "spearman"]
    assert test.loc["expression", "spearman"] > 0.7  # planted in the expression too
    summary = summarise_randomisation(result.randomisation).set_index("variant")
    assert list(summary.index) == ["full", "promoter_shuffled", "rna_shuffled", "all_shuffled"]
    assert summary.loc["full", "spearman"] > 0.6
    assert abs(summary.loc["all_shuffled", "spearman"]) < 0.45  # 60 genes
    assert np.isnan(summary.loc["full", "spearman_sd"])
    assert result.counts["genes_without_expression"] == 1
    assert result.counts["de_prior"] == {"genes": 300, "infinite": 1}


def test_finished_runs_are_used_again(features, ranks, tmp_path):
    options = {"network": TINY, "training": TrainingConfig(members=1, max_epochs=2), "seeds": [0]}
    seen: list[tuple[str, bool]] = []
    first = fit_de_prior(features, ranks, folder=tmp_path / "work", **options)
    again = fit_de_prior(
        features, ranks, folder=tmp_path / "work", on_run=lambda name, was: seen.append((name, was)), **options
    )
    assert {was for _, was in seen} == {True}
    pd.testing.assert_frame_equal(first.randomisation, again.randomisation)
    pd.testing.assert_frame_equal(first.accuracy, again.accuracy)
    with pytest.raises(ValueError, match="belongs to a run"):
        fit_de_prior(features, ranks, folder=tmp_path / "work", high_rank=0.5, **options)


def test_bad_input(features, ranks, tpm):
    with pytest.raises(ValueError, match="of transcripts"):
        fit_de_prior(planted_features(40, level="transcript"), ranks)
    with pytest.raises(ValueError, match=r"0 of 24 validation genes have a DE prior rank above 0\.9999"):
        fit_de_prior(features, ranks * 0.99, high_rank=0.9999)
    with pytest.raises(ValueError, match="negative"):
        fit_de_prior(features, ranks, expression=-tpm)
    with pytest.raises(ValueError, match="seeds"):
        fit_de_prior(features, ranks, seeds=[])


def test_judge_of_no_spread():
    found = judge(np.arange(4.0), np.array([False, True, False, True]), np.ones(4))
    assert np.isnan(found["spearman"])
    assert found["auroc"] == 0.5


def test_critical_regulators_by_hand(result, features):
    found = critical_regulators(result.bundle, features, quantile=0.5)
    table = found.regulators
    tfs = table[table["kind"] == "TF"]
    assert set(tfs["regulator"]) == {"AAA", "BBB"}  # RARE is bound to too few genes
    assert tfs.loc[tfs["is_critical"], "regulator"].tolist() == [tfs.loc[tfs["score"].idxmax(), "regulator"]]
    assert not table.loc[table["kind"] != "TF", "is_critical"].any()
    np.testing.assert_allclose(table["score"], table["mean"].abs())
    assert found.gene_sets.empty
    assert found.counts == {"regulators": 2, "critical": 1}


def test_gene_sets_of_critical_regulators(result, features):
    """Two TFs, one critical: its set of one member is found with p = 1 / 2, against the TFs only."""
    named = planted_named()
    table = critical_regulators(result.bundle, named, quantile=0.5).regulators
    critical = table.loc[table["is_critical"], "regulator"].item()
    found = critical_regulators(
        result.bundle, named, {"own": [critical, "name7", "unknown"], "large": ["AAA", "BBB"]}, quantile=0.5, min_size=1
    )
    assert found.counts["background_genes"] == 2
    row = found.gene_sets.set_index("gene_set").loc["own"]
    assert (row["n_genes"], row["n_found"], row["p_value"], row["found_genes"]) == (1, 1, 0.5, critical)
    assert list(found.gene_sets["gene_set"]) == ["own"]  # a set of all TFs says nothing


def test_bad_critical_regulators(result, features):
    with pytest.raises(ValueError, match=r"quantile is 1\.5"):
        critical_regulators(result.bundle, features, quantile=1.5)
    with pytest.raises(KeyError, match="liver"):
        critical_regulators(result.bundle, features, task="liver")
    with pytest.raises(ValueError, match="no regulator of kind other"):
        critical_regulators(result.bundle, features, kind="other")
    with pytest.raises(ValueError, match="none of 1 gene sets"):
        critical_regulators(result.bundle, planted_named(), {"s": ["AAA"]}, quantile=0.5)


def planted_named():
    features = planted_features(300)
    features.genes.loc[:1, "gene_name"] = ["AAA", "BBB"]
    return features


def test_a_trained_model_is_judged_as_when_it_was_trained(result, features, ranks):
    found = predict_de_prior(result.bundle, features, ranks)
    wanted = result.accuracy[result.accuracy["predictor"] == "model"].reset_index(drop=True)
    pd.testing.assert_frame_equal(found.accuracy, wanted, rtol=1e-6, check_dtype=False)
    both = found.predictions.merge(result.predictions, on="gene_id")
    assert len(both) == len(result.predictions)
    np.testing.assert_allclose(both["predicted_x"], both["predicted_y"], atol=1e-5)
    np.testing.assert_allclose(logit(both["predicted_rank"]), both["predicted_y"], atol=1e-4)
    assert (both["split_x"] == both["split_y"]).all()


def test_predictions_without_ranks(result, features):
    found = predict_de_prior(result.bundle, features)
    assert len(found.predictions) == len(features.genes)
    assert found.predictions["de_prior_rank"].isna().all()
    assert found.accuracy.empty


def test_a_model_of_something_else(features):
    with pytest.raises(ValueError, match="not the DE prior"):
        predict_de_prior(quick_bundle(planted_dataset(150)), features)
