from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from planted import planted_targets
from scipy import stats

from decode.core.files import read_json_object
from decode.evaluation.baselines import component_predictions
from decode.evaluation.evaluate import dataset_of_model
from decode.evaluation.predict import predict
from decode.expression.task_kinds import with_task_kinds
from decode.persons.evaluate_persons import evaluate_persons
from decode.persons.predictability import gene_properties, predictability
from decode.report.persons import evaluation_text, write_person_evaluation


@pytest.fixture(scope="module")
def found(persons):
    tissues = planted_targets(persons.features, seed=1)
    return evaluate_persons(
        persons.model, persons.features, persons.targets, samples=persons.samples, tissue_targets=tissues
    )


def test_each_person_by_scipy(found, persons):
    on_test = persons.features.genes["chrom"].to_numpy() == "chr1"
    predicted = predict(persons.model, persons.features)
    for column in persons.samples.index[:3]:
        expected = stats.spearmanr(persons.targets[column][on_test], predicted[column][on_test]).statistic
        row = found.per_person.set_index("sample").loc[column]
        assert row["model"] == pytest.approx(expected, abs=1e-4)
        assert row["n_genes"] == on_test.sum()
    assert found.metrics["all"]["model"] == pytest.approx(found.per_person["model"].mean())


def test_both_figures_are_given_and_the_choice_looks_at_validation_genes_only(found, persons):
    kept = found.per_person["is_kept"]
    limit = np.percentile(found.per_person["validation_spearman"], 50)
    assert (kept == (found.per_person["validation_spearman"] >= limit)).all()
    assert found.metrics["n_kept"] == kept.sum() == 10
    assert found.metrics["kept"]["model"] == pytest.approx(found.per_person["model"][kept].mean())
    assert found.metrics["published"] == {"all": 0.28, "kept": 0.34}
    everybody = evaluate_persons(persons.model, persons.features, persons.targets, keep_above_percentile=0)
    assert everybody.metrics["n_kept"] == 20


def test_persons_are_known_again_in_the_other_tissue(found):
    means = found.relations.set_index("relation")["mean_correlation"]
    assert means["own sample"] > 0.7
    assert means["own sample"] > means["same person, other tissue"] > means["other person, same tissue"] + 0.2
    assert found.metrics["concordance"]["p_other_tissue"] < 0.01


def test_genes_stand_in_each_tissue(found):
    assert found.per_gene.groupby("tissue").size().tolist() == [120, 120]
    assert set(found.metrics["genes"]) == {"lung", "skin"}
    assert found.similarity["n_genes"].tolist() == [120]
    assert found.metrics["genes"]["lung"]["mean_pearson"] > 0.5
    assert {"n_promoter_regulators", "n_rna_regulators", "mean_level", "log2_sd", "within", "between"} <= set(
        found.per_gene.columns
    )
    assert found.determinants.groupby("tissue")["share"].sum().to_numpy() == pytest.approx(
        found.determinants.groupby("tissue")["r2"].first().to_numpy()
    )


def test_the_mean_profile_of_levels_tells_nothing_of_a_person_and_is_shown(persons):
    level = persons.model.person_reference.gene_mean
    table = persons.targets.copy()
    table.iloc[:, 1:] = 0.2 * table.iloc[:, 1:].to_numpy() + level[:, None]
    kinds = dict.fromkeys(persons.model.tasks, "level")
    levels = evaluate_persons(
        _as_levels(persons.model), persons.features, with_task_kinds(table, kinds), samples=persons.samples
    )
    assert levels.metrics["all"]["mean_profile"] > 0.9
    assert levels.metrics["published"] is None
    assert "published" not in evaluation_text(levels.metrics)
    assert levels.metrics["variance"]["n_genes"] == 120


def _as_levels(model):
    return replace(model, task_kinds=["level"] * len(model.tasks))


def test_the_mean_profile_of_fold_changes_is_no_prediction(found):
    assert np.isnan(found.metrics["all"]["mean_profile"])
    assert "0 by construction" in evaluation_text(found.metrics)


def test_components_of_the_training_genes_predict(persons):
    dataset = dataset_of_model(persons.model, persons.features, persons.targets)
    predicted = component_predictions(dataset)
    rows = dataset.rows("test")
    rho = [stats.spearmanr(dataset.targets[rows, k], predicted[rows, k]).statistic for k in range(20)]
    assert np.mean(rho) > 0.7
    assert np.linalg.matrix_rank(predicted - predicted.mean(axis=0), tol=1e-6) <= 20


def test_what_makes_genes_predictable_is_found(persons):
    properties = gene_properties(persons.features)
    totals = persons.features.totals() > 0
    in_promoter = (persons.features.tracks["region"] == "promoter").to_numpy()
    # two tracks of AAA count once
    of_aaa = totals[:, :2].any(axis=1).astype(int) + totals[:, 2] + totals[:, 3]
    assert in_promoter.sum() == 4
    np.testing.assert_allclose(properties["n_promoter_regulators"], np.log2(1 + of_aaa))
    rng = np.random.default_rng(0)
    status = pd.Series(np.where(rng.random(len(properties)) < 0.5, "known", "novel"), properties.index)
    properties["status"] = status
    accuracy = properties["n_rna_regulators"] + (status == "known") + 0.1 * rng.normal(size=len(properties))
    shares = predictability(accuracy, properties).set_index("term")["share"]
    assert shares[["n_rna_regulators", "status"]].sum() > 0.8  # the length goes with the number of sites
    assert predictability(accuracy[:5], properties).empty


def test_files(found, tmp_path):
    write_person_evaluation(found, tmp_path / "out")
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"persons.json", "per_person.tsv", "per_gene.tsv.gz", "determinants.tsv", "relations.tsv", "similarity.tsv",
            "per_person.png", "per_gene.svg", "variance.png", "predictions.tsv.gz", "run.json"} <= names  # fmt: skip
    assert read_json_object(tmp_path / "out" / "persons.json", "numbers")["all"]["mean_profile"] is None


def test_what_is_refused(persons):
    with pytest.raises(ValueError, match="keep_above_percentile is 100"):
        evaluate_persons(persons.model, persons.features, persons.targets, keep_above_percentile=100)
    with pytest.raises(ValueError, match="19 of 20 samples are not in the table of samples"):
        evaluate_persons(persons.model, persons.features, persons.targets, samples=persons.samples.iloc[:1])
    with pytest.raises(ValueError, match="part is 'train'"):
        evaluate_persons(persons.model, persons.features, persons.targets, part="train")
