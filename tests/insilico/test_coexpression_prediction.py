from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from planted import TINY, planted_features
from scipy import stats
from toy_networks import random_bundle

from decode.dataset import prepare_dataset
from decode.evaluation.predict import predict
from decode.insilico.coexpression_prediction import TissueModel, predict_coexpression

N = 14


@pytest.fixture(scope="module")
def features():
    return planted_features(80)


@pytest.fixture(scope="module")
def bundle(features):
    targets = pd.DataFrame(np.random.default_rng(5).normal(size=(80, N)), columns=[f"p{i}" for i in range(N)])
    targets.insert(0, "gene_id", features.ids)
    return random_bundle(prepare_dataset(features, targets, min_bound_genes=5), TINY)


@pytest.fixture(scope="module")
def centred(bundle, features):
    """Predictions without what all genes share in a task: random weights say the same of every gene otherwise."""
    mean = predict(bundle, features).iloc[:, 1:].mean()

    def predict_centred(model, chosen):
        table = predict(model, chosen)
        return pd.concat([table.iloc[:, :1], table.iloc[:, 1:] - mean], axis=1)

    return predict_centred


@pytest.fixture(autouse=True)
def _centred_predictions(monkeypatch, centred):
    monkeypatch.setattr("decode.insilico.coexpression_prediction.predict", centred)


@pytest.fixture(scope="module")
def tissue(bundle, features, centred):
    """Measured values that are the predictions of the model and noise: its correlations are right."""
    values = centred(bundle, features)
    values.iloc[:, 1:] += 0.02 * np.random.default_rng(6).normal(size=(80, N)) * values.iloc[:, 1:].to_numpy().std()
    return TissueModel(bundle, values)


def test_a_model_that_is_right(tissue, features, centred):
    found = predict_coexpression(tissue, features, part="all", threshold=0.5, n_resamples=50)
    assert found.numbers["auroc_sign"] > 0.97
    assert found.numbers["auroc_sign_low"] <= found.numbers["auroc_sign"] <= found.numbers["auroc_sign_high"]
    assert found.numbers["success_positive"] > 0.9
    row = found.pairs.iloc[3]
    y = tissue.targets.set_index("gene_id")
    assert row["actual"] == pytest.approx(stats.spearmanr(y.loc[row["gene_id"]], y.loc[row["partner_id"]])[0])
    p = centred(tissue.bundle, features).set_index("gene_id")
    assert row["predicted"] == pytest.approx(stats.spearmanr(p.loc[row["gene_id"]], p.loc[row["partner_id"]])[0])
    strong = found.pairs[found.pairs["group"] != "null"]
    assert (strong["actual"].abs() > 0.5).all()
    assert not strong[["gene_id", "partner_id"]].apply(frozenset, axis=1).duplicated().any()
    assert (found.pairs["gene_id"] != found.pairs["partner_id"]).all()
    right = (strong["predicted"].abs() > 0.3) & (np.sign(strong["predicted"]) == np.sign(strong["actual"]))
    assert (strong["is_success"] == right).all()


def test_measurements_that_say_nothing_give_one_half(tissue, features):
    rng = np.random.default_rng(0)
    noise = tissue.targets.assign(**{f"p{i}": rng.normal(size=80) for i in range(N)})
    found = predict_coexpression(
        TissueModel(tissue.bundle, noise), features, part="all", threshold=0.5, n_resamples=100
    )
    assert found.numbers["auroc_sign_low"] < 0.5 < found.numbers["auroc_sign_high"]
    assert abs(found.numbers["auroc_positive_against_null"] - 0.5) < 0.1


def test_null_pairs_are_like_in_level_and_variance(tissue, features):
    level = tissue.targets.assign(median_level=np.linspace(0, 10, 80))
    found = predict_coexpression(TissueModel(tissue.bundle, level), features, part="all", threshold=0.5, n_resamples=0)
    assert found.numbers["matched_on"] == "level and variance"
    at = dict(zip(level["gene_id"], level["median_level"], strict=True))
    means = found.pairs["gene_id"].map(at).groupby(found.pairs["group"] == "null").mean()
    assert abs(means[True] - means[False]) < 0.5


def test_between_two_tissues_only_shared_persons_count(tissue, features):
    second = tissue.targets.drop(columns=["p0", "p1"])
    other = TissueModel(tissue.bundle, second)
    found = predict_coexpression(tissue, features, other=other, part="all", n_resamples=0)
    assert found.counts["persons"] == N - 2
    assert found.numbers["threshold"] == 0.5
    pairs = set(found.pairs.loc[found.pairs["group"] == "positive", ["gene_id", "partner_id"]].itertuples(index=False))
    assert any((b, a) in pairs for a, b in pairs)  # which gene is in which tissue matters


def test_further_models_make_classes(tissue, features):
    found = predict_coexpression(
        tissue,
        features,
        further={"rna": tissue.bundle, "promoter": tissue.bundle},
        part="all",
        threshold=0.5,
        n_resamples=0,
    )
    table = found.classes.set_index("succeeds")
    assert set(table.index) <= {"rna+promoter", "none"}
    assert table.loc["rna+promoter", "full_success"] == 1
    assert table["share"].sum() == pytest.approx(1)


@pytest.mark.parametrize("role", ["other", "further"])
def test_genes_that_another_model_was_trained_on_are_left_out(tissue, features, role):
    split = tissue.bundle.split_map
    part = [gene for gene, name in split.items() if name == "train"]
    moved = {**split, **dict.fromkeys(part[:5], "test")}
    bundle = replace(tissue.bundle, split=tissue.bundle.split.assign(split=[moved[g] for g in split]))
    asked = {"other": {"other": tissue._replace(bundle=bundle)}, "further": {"further": {"rna": bundle}}}[role]
    found = predict_coexpression(tissue, features, part="train", threshold=0.3, n_resamples=0, **asked)
    assert found.counts["genes"] == len(part) - 5
    assert found.counts["genes_of_another_part"] == 5
    assert not set(part[:5]) & {*found.pairs["gene_id"], *found.pairs["partner_id"]}


def test_bad_input(tissue, features):
    with pytest.raises(ValueError, match="lower the threshold"):
        predict_coexpression(tissue, features, part="all", threshold=0.9999)
    with pytest.raises(ValueError, match="0 persons"):
        predict_coexpression(tissue._replace(targets=tissue.targets[["gene_id"]]), features, part="all")
    with pytest.raises(ValueError, match="threshold is 2"):
        predict_coexpression(tissue, features, threshold=2)


def test_pairs_of_one_sign_have_no_auroc(tissue, features):
    alike = tissue.targets.copy()
    alike.iloc[:, 1:] = 0.05 * alike.iloc[:, 1:].to_numpy() + np.arange(N)
    found = predict_coexpression(TissueModel(tissue.bundle, alike), features, part="all", n_resamples=5)
    assert found.counts["negative_pairs"] == 0
    assert np.isnan([found.numbers["auroc_sign"], found.numbers["success_negative"]]).all()
