from __future__ import annotations

import json
import logging
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from planted import TINY, TINY_PAPER, planted_features, planted_targets, quick_bundle
from scipy.stats import spearmanr

from decode.dataset import TEST, prepare_dataset
from decode.evaluation.baselines import baseline_predictions
from decode.evaluation.evaluate import dataset_of_model, evaluate, mean_or_nan, select_for_model, summarise
from decode.evaluation.predict import predict, predict_members
from decode.features.matrix import RegulatoryFeatures
from decode.report.evaluation import write_evaluation
from decode.training.config import TrainingConfig
from decode.training.ensemble import train


@pytest.fixture(scope="module")
def features():
    return planted_features(200)


@pytest.fixture(scope="module")
def targets(features):
    return planted_targets(features)


@pytest.fixture(scope="module")
def made(features, targets):
    return quick_bundle(prepare_dataset(features, targets, min_bound_genes=20))


@pytest.fixture(scope="module")
def paper(features, targets):
    return quick_bundle(prepare_dataset(features, targets, min_bound_genes=20), TINY_PAPER)


@pytest.fixture(scope="module")
def evaluation(made, paper, features, targets):
    return evaluate(made, features, targets, others={"paper": paper})


def reordered(features: RegulatoryFeatures) -> RegulatoryFeatures:
    """The same features with the regions the other way round, as another build might write them."""
    regions = {name: features.regions[name] for name in ("rna", "promoter")}
    tracks = pd.concat([features.tracks[features.tracks["region"] == name] for name in regions], ignore_index=True)
    return replace(features, regions=regions, tracks=tracks)


class TestPredict:
    def test_the_mean_over_members(self, made, features, targets):
        table = predict(made, features)
        assert table.columns.tolist() == ["gene_id", *targets.columns[1:]]
        assert table["gene_id"].tolist() == features.ids.tolist()
        members = predict_members(made, features)
        assert members.shape == (2, 200, 4)
        np.testing.assert_allclose(table.iloc[:, 1:], members.mean(axis=0), atol=1e-6)
        assert np.abs(members[0] - members[1]).max() > 1e-3

    @pytest.mark.parametrize("name", ["made", "paper"])
    def test_it_depends_on_the_gene_alone(self, request, features, name):
        bundle = request.getfixturevalue(name)
        whole = predict(bundle, features).set_index("gene_id")
        order = [str(i) for i in np.random.default_rng(0).permutation(features.ids)]
        for genes in (order, order[:3], order[:1]):
            some = predict(bundle, features.select(genes=genes)).set_index("gene_id")
            assert some.index.tolist() == genes
            np.testing.assert_allclose(some, whole.loc[genes], atol=1e-5)
        none = predict(bundle, features.select(genes=[]))
        assert none.shape == (0, 5)

    @pytest.mark.parametrize("name", ["made", "paper"])
    def test_further_tracks_and_their_order_play_no_part(self, request, features, name):
        bundle = request.getfixturevalue(name)
        expected = predict(bundle, features)
        shuffled = features.select(track_ids=features.track_ids[::-1])
        for other in (shuffled, reordered(features), features.select(track_ids=bundle.track_ids)):
            pd.testing.assert_frame_equal(predict(bundle, other), expected, atol=1e-5)

    def test_a_region_that_the_model_does_not_know_is_left_out(self, features, targets):
        promoter = features.select(kinds=["TF"])
        promoter = replace(promoter, regions={"promoter": promoter.regions["promoter"]})
        bundle = quick_bundle(prepare_dataset(promoter, targets))
        pd.testing.assert_frame_equal(predict(bundle, features), predict(bundle, promoter), atol=1e-6)

    def test_missing_tracks_are_named(self, made, features):
        fewer = features.select(biosamples=["HepG2", ""])
        with pytest.raises(ValueError, match=r"lack 3 of the model's 6 tracks: promoter\|TF:AAA@K562, promoter.*add"):
            predict(made, fewer)

    def test_a_missing_region_is_named(self, features, targets):
        bundle = quick_bundle(prepare_dataset(features.select(kinds=["TF"]), targets))
        promoter = replace(features.select(kinds=["TF"]), regions={"promoter": features.regions["promoter"]})
        with pytest.raises(ValueError, match=r"lack the region\(s\) rna of the model"):
            predict(bundle, promoter)

    @pytest.mark.parametrize(
        ("name", "value"), [("build", "hg38"), ("bin_size", 20), ("upstream", 50), ("downstream", 10)]
    )
    def test_other_bins_raise(self, made, features, name, value):
        with pytest.raises(ValueError, match=rf"features have {name} {value!r} and the model was trained on"):
            predict(made, replace(features, **{name: value}))

    def test_another_level_raises(self, made):
        with pytest.raises(ValueError, match="features have level 'transcript' and the model was trained on 'gene'"):
            select_for_model(made, planted_features(40, level="transcript"))

    def test_transcripts(self):
        features = planted_features(200, level="transcript")
        bundle = quick_bundle(prepare_dataset(features, planted_targets(features), min_bound_genes=20), members=1)
        assert predict(bundle, features).columns[0] == "transcript_id"
        evaluation = evaluate(bundle, features, planted_targets(features))
        assert evaluation.predictions.columns[0] == "transcript_id"


class TestEvaluate:
    def test_metrics_as_the_contract_says(self, evaluation, made, tmp_path):
        write_evaluation(evaluation, tmp_path / "out", history=made.history)
        text = (tmp_path / "out" / "metrics.json").read_text()
        metrics = json.loads(text)
        assert "NaN" not in text
        assert metrics["split"] == "test"
        assert metrics["n_genes"] == 40
        assert list(metrics["model"]) == ["fold_change_mean_spearman", "median_level_spearman"]
        assert list(metrics["baselines"]) == ["mean", "length_only", "ridge_totals", "ridge_ranks"]
        nothing = {"fold_change_mean_spearman": None, "median_level_spearman": None}
        assert metrics["baselines"]["mean"] == nothing
        assert all(-1 <= value <= 1 for value in metrics["baselines"]["ridge_totals"].values())
        assert metrics["seeds"] == made.seeds
        assert {"python", "decode-expression", "tensorflow", "keras"} <= set(metrics["versions"])
        assert list(metrics["others"]) == ["paper"]
        assert len(metrics["members"]) == 2

    def test_the_figures_are_spearman_of_held_out_genes(self, evaluation, made, features, targets):
        rows = np.flatnonzero(features.genes["chrom"] == "chr1")
        predicted = predict(made, features)[made.tasks].to_numpy()[rows]
        actual = targets[made.tasks].to_numpy()[rows]
        by_task = [spearmanr(actual[:, j], predicted[:, j]).statistic for j in range(4)]
        assert evaluation.metrics["model"]["median_level_spearman"] == pytest.approx(by_task[0])
        assert evaluation.metrics["model"]["fold_change_mean_spearman"] == pytest.approx(np.mean(by_task[1:]))
        np.testing.assert_allclose(evaluation.per_task["model"], by_task)
        np.testing.assert_allclose(evaluation.predictions[made.tasks], predicted, atol=1e-6)
        np.testing.assert_allclose(evaluation.actual[made.tasks], actual, rtol=1e-6)
        assert evaluation.predictions["gene_id"].tolist() == features.ids[rows].tolist()

    def test_the_table_of_tasks(self, evaluation, made, features, targets):
        table = evaluation.per_task
        assert table.columns.tolist() == [
            "task", "task_kind", "n_genes", "model", "mean", "length_only", "ridge_totals", "ridge_ranks", "paper",
            "pearson", "rmse", "member_mean", "member_sd",
        ]  # fmt: skip
        assert table["task"].tolist() == made.tasks
        assert (table["n_genes"] == 40).all()
        assert table["mean"].isna().all()
        dataset = dataset_of_model(made, features, targets)
        rows = dataset.rows(TEST)
        ridge = baseline_predictions(dataset)["ridge_totals"][rows]
        actual = evaluation.actual[made.tasks].to_numpy()
        assert table["ridge_totals"][2] == pytest.approx(spearmanr(actual[:, 2], ridge[:, 2]).statistic)
        error = evaluation.predictions[made.tasks].to_numpy() - actual
        np.testing.assert_allclose(table["rmse"], np.sqrt((error**2).mean(axis=0)))
        members = predict_members(made, features)[:, features.genes["chrom"] == "chr1"]
        single = [spearmanr(actual[:, 1], member[:, 1]).statistic for member in members]
        assert table["member_mean"][1] == pytest.approx(np.mean(single))
        assert table["member_sd"][1] == pytest.approx(np.std(single, ddof=1))

    def test_specificity(self, evaluation, made):
        names = [task for task in made.tasks if task != "median_level"]
        matrix = evaluation.specificity
        assert matrix.index.tolist() == matrix.columns.tolist() == names
        expected = spearmanr(evaluation.predictions["brain"], evaluation.actual["liver"]).statistic
        assert matrix.loc["brain", "liver"] == pytest.approx(expected)
        own = np.diag(matrix)
        found = evaluation.metrics["specificity"]
        assert found["n_tasks"] == 3
        assert found["n_own_highest"] == int((own == matrix.max(axis=1)).sum())
        ranks = [(matrix.to_numpy()[i] > own[i]).sum() + 1 for i in range(3)]
        assert found["mean_rank_of_own"] == pytest.approx(np.mean(ranks))

    @pytest.mark.parametrize(("part", "n_genes"), [("validation", 16), ("train", 144), ("all", 200)])
    def test_other_parts(self, made, features, targets, part, n_genes):
        evaluation = evaluate(made, features, targets, part=part)
        assert evaluation.metrics["split"] == part
        assert evaluation.metrics["n_genes"] == n_genes == len(evaluation.predictions)

    def test_one_task_without_median_level(self, features, targets):
        dataset = prepare_dataset(features, targets[["gene_id", "liver"]], min_bound_genes=20)
        metrics = evaluate(quick_bundle(dataset, members=1), features, targets).metrics
        assert list(metrics["model"]) == ["fold_change_mean_spearman"]
        assert np.isfinite(metrics["model"]["fold_change_mean_spearman"])
        assert metrics["specificity"] == {"n_tasks": 1, "n_own_highest": 1, "mean_rank_of_own": 1.0}

    def test_median_level_alone(self, features, targets, tmp_path):
        dataset = prepare_dataset(features, targets[["gene_id", "median_level"]], min_bound_genes=20)
        evaluation = evaluate(quick_bundle(dataset, members=1), features, targets)
        assert list(evaluation.metrics["model"]) == ["median_level_spearman"]
        assert evaluation.metrics["specificity"]["n_tasks"] == 0
        assert evaluation.per_task["member_sd"].isna().all()
        write_evaluation(evaluation, tmp_path / "out")

    def test_missing_values_and_constant_tasks(self, made, features, targets):
        holey = targets.copy()
        chr1 = np.flatnonzero(features.genes["chrom"] == "chr1")
        holey.loc[chr1[:25], "liver"] = np.nan
        holey.loc[chr1, "brain"] = 1.0
        table = evaluate(made, features, holey).per_task.set_index("task")
        assert table.loc["liver", "n_genes"] == 15
        assert np.isfinite(table.loc["liver", "model"])
        assert np.isnan(table.loc["brain", "model"])

    def test_genes_that_the_model_never_saw_are_counted(self, made, features, targets, caplog):
        caplog.set_level(logging.INFO)
        more = planted_features(220)
        dataset = dataset_of_model(made, more, planted_targets(more))
        assert dataset.counts["rows_outside_split"] == 20

    def test_what_does_not_fit_raises(self, made, paper, features, targets):
        with pytest.raises(ValueError, match="choose one of: test, validation, train, all"):
            evaluate(made, features, targets, part="held-out")  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="targets lack 2 of the model's tasks: liver, brain; give the table"):
            evaluate(made, features, targets.drop(columns=["liver", "brain"]))
        only_test = features.select(genes=[str(i) for i in features.ids[::5]])
        with pytest.raises(ValueError, match="none of the train genes, which the baselines need"):
            evaluate(made, only_test, targets)
        no_test = features.select(genes=[str(i) for i in features.ids if int(i[1:]) % 5])
        with pytest.raises(ValueError, match="no gene of the test part is in both"):
            evaluate(made, no_test, targets)
        with pytest.raises(ValueError, match="another model is named mean, which the table of results uses"):
            evaluate(made, features, targets, others={"mean": paper})

    def test_another_model_must_not_have_seen_the_judged_genes(self, made, features, targets):
        other = train(
            features, targets, network=TINY, training=TrainingConfig(members=1, max_epochs=1), test_chromosome="chr2"
        )
        with pytest.raises(ValueError, match="model 'other' was trained on 40 of the judged genes: G0000"):
            evaluate(made, features, targets, others={"other": other})
        fewer = train(
            features, targets[["gene_id", "liver"]], network=TINY, training=TrainingConfig(members=1, max_epochs=1)
        )
        with pytest.raises(ValueError, match="model 'fewer' lacks the tasks median_level, brain, blood"):
            evaluate(made, features, targets, others={"fewer": fewer})


def test_summary_of_undefined_values():
    assert mean_or_nan(np.array([1.0, np.nan, 3.0])) == 2.0
    assert np.isnan(mean_or_nan(np.array([np.nan])))
    assert np.isnan(mean_or_nan(np.array([])))
    found = summarise(np.array([0.5, np.nan, 0.1]), ["median_level", "fold_change", "fold_change"])
    assert found == {"fold_change_mean_spearman": 0.1, "median_level_spearman": 0.5}
