"""What the package brings along opens, fits together and answers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from decode.cli.app import main
from decode.models.bundle import model_hash
from decode.registry.defaults import DE_PRIOR, NAMES
from decode.registry.open import load_features, load_pretrained, load_summary
from decode.registry.store import PACKAGED, damaged, find_entry, registered
from decode.regulators.atlas import look_up_gene
from decode.regulators.atlas_summary import gene_in_summary


@pytest.fixture(autouse=True)
def _own_registry(monkeypatch, tmp_path):
    monkeypatch.delenv("DECODE_REGISTRY", raising=False)
    monkeypatch.setenv("DECODE_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def features():
    return load_features(NAMES["features"])


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    return int(stop.value.code or 0)


def test_every_file_is_as_registered():
    found = registered()
    assert set(NAMES.values()) <= set(found)
    for name, listed in found.items():
        assert damaged(listed.entry, PACKAGED.parent / name) == []
        assert listed.entry.training_data
        assert all(data.source and data.licence for data in listed.entry.training_data)
        assert listed.entry.kind == "features" or {"ridge_ranks", "length_only"} <= set(
            listed.entry.metrics[0].baselines
        )


def test_features_say_what_they_are(features):
    entry = find_entry(NAMES["features"]).entry
    assert (len(features.genes), len(features.tracks)) == (entry.n_genes, entry.n_tracks)
    assert set(features.regions) == {"promoter", "rna", "downstream", "potential"}
    assert features.structure_channels
    assert not any("/" in str(source["path"]) for source in features.sources)


@pytest.mark.parametrize("name", [NAMES["model"], f"{NAMES['model']}-paper"])
def test_models_predict_the_features(features, name):
    from decode.evaluation.predict import predict

    bundle = load_pretrained(name)
    genes = features.genes["gene_id"].tolist()[:50]
    predicted = predict(bundle, features.select(genes=genes))
    assert np.isfinite(predicted[bundle.tasks].to_numpy()).all()
    assert predicted["spleen"].std() > 0.1


def test_the_summary_says_what_the_model_says(features):
    summary, bundle = load_summary(NAMES["model"]), load_pretrained(NAMES["model"])
    assert summary.about["model_sha256"] == model_hash(bundle)
    assert len(summary.genes) == len(features.genes)
    assert summary.tasks == bundle.tasks
    for gene in ("LAPTM5", "ALB", "TP53"):
        wanted, found = look_up_gene(bundle, features, gene), gene_in_summary(summary, gene)
        assert found.gene == wanted.gene
        np.testing.assert_allclose(found.tasks["predicted"], wanted.tasks["predicted"], atol=0.006)
        ranked = wanted.regulators.iloc[:3]
        assert found.regulators["regulator"].iloc[:3].tolist() == ranked["regulator"].tolist()
        np.testing.assert_allclose(
            found.regulators["strongest_effect"].iloc[:3], ranked["strongest_effect"], atol=0.006
        )
        first = wanted.places.groupby("regulator", sort=False).head(1).iloc[:3]
        both = found.places.groupby("regulator", sort=False).head(1).iloc[:3]
        assert both[["regulator", "region", "bases"]].to_numpy().tolist() == (
            first[["regulator", "region", "bases"]].to_numpy().tolist()
        )


def test_rankings_have_intervals():
    ranking = load_summary(NAMES["model"]).ranking
    assert (ranking["task"].value_counts() == ranking["task"].eq("overall").sum()).all()
    assert ranking["task"].nunique() == 39  # overall, 37 tissues, the median level
    assert ((ranking["rank_low"] <= ranking["rank"]) & (ranking["rank"] <= ranking["rank_high"])).mean() > 0.9
    spleen = ranking[(ranking["task"] == "spleen") & (ranking["rank"] <= 5)]
    assert "SPI1" in set(spleen["regulator"])


def test_the_de_prior_by_name(tmp_path, capsys):
    entry = find_entry(DE_PRIOR).entry
    by_measure = {metric.measure.partition(",")[0].partition(" ")[0]: metric for metric in entry.metrics}
    assert by_measure["Spearman"].value > by_measure["Spearman"].baselines["ridge_structure"]
    assert by_measure["AUROC"].baselines["shuffled_sites"] < 0.65
    assert run("deprior", NAMES["features"], "--model", DE_PRIOR, "--out", tmp_path / "out") == 0
    assert "critical: " in capsys.readouterr().out
    predictions = pd.read_csv(tmp_path / "out" / "predictions.tsv.gz", sep="\t")
    assert len(predictions) == 20151
    assert predictions["predicted_rank"].between(0, 1).all()
    immediate_early = predictions[predictions["gene_name"].isin(["FOS", "EGR1", "IER3", "ATF3"])]
    assert immediate_early["predicted"].mean() > predictions["predicted"].median()


def test_atlas_right_after_installing(capsys):
    assert run("atlas", "LAPTM5", "--top", 3) == 0
    text = capsys.readouterr().out
    assert "held out" in text
    assert "TF:SPI1" in text  # the regulator of leukocytes; LAPTM5 is one of theirs


def test_drivers_right_after_installing(tmp_path, features, capsys):
    rng = np.random.default_rng(0)
    name = features.genes["gene_name"]
    spi1 = features.select(regulators=["TF:SPI1"]).regions["promoter"]
    bases = np.add.reduceat(np.asarray(spi1.data.sum(axis=1)).ravel(), spi1.offsets[:-1])
    change = rng.normal(size=len(name)) + 1.0 * (bases > 0)
    table = pd.DataFrame({"gene": name, "log2FoldChange": change, "stat": 3 * change})
    table["pvalue"] = np.exp(-np.abs(3 * change))
    table = table[~name.duplicated(keep=False)].sample(6000, random_state=0)
    table.to_csv(tmp_path / "de.csv", index=False)
    assert run("drivers", tmp_path / "de.csv", "--out", tmp_path / "out", "--draws", 200) == 0
    assert "encode-hg19 of the package is taken" in capsys.readouterr().err
    drivers = pd.read_csv(tmp_path / "out" / "drivers.tsv", sep="\t")
    assert drivers.iloc[0]["regulator"] == "SPI1"
