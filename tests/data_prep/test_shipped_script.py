"""The script that makes what ships: the same seeds give the same model, and the cards hold what the files say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from planted import planted_dataset, planted_features, planted_targets, quick_bundle
from scipy.stats import rankdata, spearmanr

from data_prep.shipped import de_prior_metrics, make_de_prior, round_weights, rounded
from decode.evaluation.predict import predict
from decode.expression.readers import read_expression
from decode.expression.tissue import tissue_targets
from decode.models.bundle import load_bundle
from decode.registry.defaults import NAMES
from decode.registry.open import load_features, load_pretrained
from decode.registry.store import find_entry
from decode.training.config import TrainingConfig

QUICK = TrainingConfig(members=2, max_epochs=3, batch_size=64)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Ranks and TPM of a toy, and the model made of them."""
    folder = tmp_path_factory.mktemp("prior")
    features = planted_features(400)
    values = planted_targets(features)["liver"].to_numpy()
    ranks = pd.DataFrame({"Gene_Name": features.genes["gene_name"], "DE_Prior_Rank": rankdata(values) / len(values)})
    ranks.to_csv(folder / "de_prior.txt", sep="\t", index=False)
    tpm = pd.DataFrame({"gene_id": features.ids.astype(str), "a": 1.0 + np.arange(len(values)), "b": 2.0})
    tpm.to_csv(folder / "tpm.tsv", sep="\t", index=False)
    arguments = features, folder / "de_prior.txt", folder / "tpm.tsv"
    return arguments, folder, make_de_prior(*arguments, folder / "model", training=QUICK)


def test_the_same_seed_gives_the_same_model(made):
    arguments, folder, metrics = made
    again = make_de_prior(*arguments, folder / "again", training=QUICK)
    for one, two in zip(metrics, again, strict=True):
        assert one["value"] == pytest.approx(two["value"], abs=1e-4)
        assert one["baselines"] == pytest.approx(two["baselines"], abs=1e-4)
    assert {metric["measure"].partition(" ")[0] for metric in metrics} == {"Spearman", "AUROC"}
    assert {"ridge_totals", "expression", "shuffled_sites"} <= set(metrics[0]["baselines"])


def test_what_is_made_is_not_made_again(made):
    arguments, folder, metrics = made
    before = (folder / "model" / "bundle.json").stat().st_mtime_ns
    assert make_de_prior(*arguments, folder / "model", training=QUICK) == metrics
    assert (folder / "model" / "bundle.json").stat().st_mtime_ns == before
    assert load_bundle(folder / "model").tasks == ["de_prior"]


def test_metrics_are_those_of_the_test_genes():
    accuracy = pd.DataFrame(
        {
            "part": ["validation", "test", "test"],
            "predictor": ["model", "model", "expression"],
            "n_genes": [5, 7, 7],
            "spearman": [0.9, 0.5, 0.4],
            "auroc": [0.9, 0.7, 0.6],
        }
    )
    shuffled = pd.DataFrame({"variant": ["full", "all_shuffled"], "spearman": [0.5, 0.1], "auroc": [0.7, 0.5]})
    assert de_prior_metrics(accuracy, shuffled)[0] == {
        "measure": "Spearman rho, logit of the DE prior rank",
        "part": "7 test genes",
        "value": 0.5,
        "baselines": {"expression": 0.4, "shuffled_sites": 0.1},
    }


def test_rounded_weights_predict_the_same():
    dataset = planted_dataset(150)
    bundle = quick_bundle(dataset)
    before = predict(bundle, dataset.features)[bundle.tasks].to_numpy()
    after = predict(round_weights(bundle), dataset.features)[bundle.tasks].to_numpy()
    np.testing.assert_allclose(after, before, atol=2e-3)
    weight = np.asarray(bundle.members[0].bins.weights[-1], dtype=np.float32)
    np.testing.assert_array_equal(weight, rounded(weight, 12))


@pytest.mark.real_data
def test_the_card_holds_what_the_shipped_model_reaches(shared):
    bundle, features = load_pretrained(NAMES["model"]), load_features(NAMES["features"])
    targets = tissue_targets(read_expression(shared / "data" / "expression" / "hpa_gtex_tissue_tpm.tsv.gz")).targets
    test = [gene for gene, part in bundle.split_map.items() if part == "test"]
    predicted = predict(bundle, features.select(genes=test)).set_index("gene_id").loc[test]
    measured = targets.set_index("gene_id").loc[test]
    main = [task for task in bundle.tasks if task != "median_level"]
    rho = [spearmanr(predicted[task], measured[task], nan_policy="omit").statistic for task in main]
    fold_change, level = find_entry(NAMES["model"]).entry.metrics
    assert np.mean(rho) == pytest.approx(fold_change.value, abs=1e-3)
    found = spearmanr(predicted["median_level"], measured["median_level"]).statistic
    assert found == pytest.approx(level.value, abs=1e-3)
