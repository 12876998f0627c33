from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from planted import TASKS, TINY, TINY_PAPER, planted_features, planted_targets, quick_bundle
from scipy.stats import spearmanr

from decode.dataset import prepare_dataset
from decode.evaluation.baselines import BASELINES
from decode.evaluation.transcript_usage import (
    evaluate_usage,
    summarise_usage,
    usage,
    usage_accuracy,
    within_gene_spearman,
)
from decode.expression.task_kinds import with_task_kinds

NAN = np.nan
GENES = {"T1": "A", "T2": "A", "T3": "A", "T4": "B", "T5": "B", "T6": "C"}


def targets(median: list[float], liver: list[float], ids: list[str] | None = None) -> pd.DataFrame:
    return pd.DataFrame({"transcript_id": ids or list(GENES), "median_level": median, "liver": liver})


class TestUsage:
    def test_by_hand(self):
        values = [[3.0, 1.0], [1.0, NAN], [5.0, 4.0], [2.0, 2.0], [4.0, NAN], [7.0, 7.0]]
        expected = [[0.0, -1.5], [-2.0, NAN], [2.0, 1.5], [-1.0, NAN], [1.0, NAN], [NAN, NAN]]
        np.testing.assert_array_equal(usage(values, list(GENES.values())), expected)

    def test_order_of_rows_does_not_matter(self):
        rng = np.random.default_rng(0)
        values, genes = rng.normal(size=(40, 3)), rng.choice(list("ABCDEFGHIJ"), 40)
        values[rng.random((40, 3)) < 0.2] = NAN
        order = rng.permutation(40)
        np.testing.assert_allclose(usage(values[order], genes[order]), usage(values, genes)[order], atol=1e-12)

    def test_no_transcript(self):
        assert usage(np.empty((0, 2)), []).shape == (0, 2)


class TestWithinGene:
    def test_agrees_with_scipy_gene_by_gene(self):
        rng = np.random.default_rng(1)
        genes = np.repeat(list("ABCDEFGH"), [1, 2, 3, 4, 5, 6, 7, 8])
        actual, predicted = rng.integers(0, 6, (36, 2)).astype(float), rng.normal(size=(36, 2))
        actual[[4, 20], 0] = NAN
        mean, n_genes = within_gene_spearman(actual, predicted, genes)
        for column in range(2):
            expected = []
            for gene in "BCDEFGH":
                chosen = (genes == gene) & np.isfinite(actual[:, column])
                if len(set(actual[chosen, column])) > 1:
                    expected.append(spearmanr(actual[chosen, column], predicted[chosen, column]).statistic)
            assert n_genes[column] == len(expected)
            assert mean[column] == pytest.approx(np.mean(expected))

    def test_transcripts_predicted_alike_count_zero(self):
        actual = np.array([[1.0], [2.0], [1.0], [2.0], [3.0], [3.0]])
        predicted = np.array([[5.0], [5.0 + 1e-7], [0.0], [1.0], [0.0], [1.0]])
        mean, n_genes = within_gene_spearman(actual, predicted, list("AABBCC"))  # C has no order
        assert (mean[0], n_genes[0]) == (0.5, 2)

    def test_undefined(self):
        mean, n_genes = within_gene_spearman([[1.0], [NAN]], [[1.0], [2.0]], ["A", "A"])
        assert np.isnan(mean[0])
        assert n_genes[0] == 0


class TestAccuracy:
    def test_by_hand(self):
        actual = targets([3, 1, 5, 2, 4, 7], [0, 0, 0, 1, -1, 0])
        predicted = targets([2, 0, 7, 1, 2, 9], [0, 0, 0, -1, 1, 5])
        table = usage_accuracy(actual, predicted, GENES).set_index(["task", "value"])
        assert list(table.index) == [("median_level", "level"), ("liver", "level"), ("liver", "fold_change")]
        assert table["n_transcripts"].tolist() == [5, 5, 5]
        assert table["n_genes"].tolist() == [2, 2, 2]
        # median level: usage 0 -2 2 | -1 1 against -1 -3 4 | -0.5 0.5
        pooled = spearmanr([0, -2, 2, -1, 1], [-1, -3, 4, -0.5, 0.5]).statistic
        assert table.loc[("median_level", "level"), "spearman_pooled"] == pytest.approx(pooled)
        assert table.loc[("median_level", "level"), "spearman_within"] == 1
        # liver: gene B has levels 3 and 3, which have no order; its fold changes are told the wrong way round
        assert table.loc[("liver", "level"), "n_genes_within"] == 1
        assert table.loc[("liver", "fold_change"), ["spearman_within", "n_genes_within"]].tolist() == [-1, 1]

    def test_means_are_over_the_same_transcripts(self):
        actual = targets([3, NAN, 5, 2, 4, 7], [0.0] * 6)
        predicted = targets([3, 100, 5, 2, 4, 7], [0.0] * 6)
        table = usage_accuracy(actual, predicted, GENES)
        assert table["n_transcripts"][0] == 4
        assert table["spearman_pooled"][0] == pytest.approx(1)

    def test_without_median_level_columns_are_taken_as_they_are(self):
        actual = targets([3, 1, 5, 2, 4, 7], [1, 2, 3, 4, 5, 6]).drop(columns="median_level")
        table = usage_accuracy(actual, actual, GENES)
        assert table[["task", "value"]].to_numpy().tolist() == [["liver", "fold_change"]]
        assert table["spearman_pooled"][0] == pytest.approx(1)
        levels = usage_accuracy(with_task_kinds(actual, "level"), actual, GENES)
        assert levels[["task", "task_kind", "value"]].to_numpy().tolist() == [["liver", "level", "level"]]
        assert list(summarise_usage(levels)) == ["level_mean_pooled", "level_mean_within"]

    def test_faults(self):
        actual = targets([3, 1, 5, 2, 4, 7], [0, 1, 0, 1, -1, 0])
        with pytest.raises(ValueError, match="predictions lack 2 tasks or transcripts of the actual table: liver, T1"):
            usage_accuracy(actual, actual.drop(columns="liver").iloc[1:], GENES)
        with pytest.raises(ValueError, match="transcripts of the table: 0 of 6 rows match"):
            usage_accuracy(actual, actual, {"NM_1": "A"})
        with pytest.raises(ValueError, match="none of the 6 genes has two transcripts or more"):
            usage_accuracy(actual, actual, {name: name for name in GENES})


@pytest.fixture(scope="module")
def case():
    features = planted_features(200, level="transcript")
    table = planted_targets(features).rename(columns={"gene_id": "transcript_id"})
    return features, table, quick_bundle(prepare_dataset(features, table, min_bound_genes=10))


@pytest.mark.slow
class TestEvaluate:
    def test_held_out_transcripts_with_baselines(self, case):
        features, table, bundle = case
        paper = quick_bundle(prepare_dataset(features, table, min_bound_genes=10), TINY_PAPER)
        result = evaluate_usage(bundle, features, table, others={"paper": paper})
        predictors = ["model", *BASELINES, "paper"]
        assert list(dict.fromkeys(result.table["predictor"])) == predictors
        assert len(result.table) == len(predictors) * (2 * len(TASKS) - 1)
        assert result.metrics["n_transcripts"] == result.metrics["n_transcripts_with_usage"] == 40
        assert result.metrics["n_genes"] == 20
        assert (
            result.metrics["predictors"]["ridge_totals"]["median_level_pooled"] > 0.7
        )  # the planted cause is linear in them
        assert np.isnan(result.metrics["predictors"]["mean"]["median_level_pooled"])
        assert result.metrics["predictors"]["mean"]["median_level_within"] == 0
        # the same figures from the tables of usage and from the public function
        genes = dict(zip(features.ids, features.genes["gene_id"], strict=True))
        again = usage_accuracy(table[table["transcript_id"].isin(result.actual["transcript_id"])], table, genes)
        assert again["spearman_pooled"].round(9).eq(1).all()
        by_gene = result.actual.groupby("gene_id")["median_level"].sum()
        np.testing.assert_allclose(by_gene, 0, atol=1e-9)

    def test_faults(self, case):
        features, table, bundle = case
        gene_features = planted_features(200)
        gene_bundle = quick_bundle(prepare_dataset(gene_features, planted_targets(gene_features)), TINY)
        with pytest.raises(ValueError, match="the model predicts genes, which have no usage"):
            evaluate_usage(gene_bundle, gene_features, planted_targets(gene_features))
        with pytest.raises(ValueError, match="part is 'held-out'; choose one of"):
            evaluate_usage(bundle, features, table, part="held-out")
        first = features.genes.drop_duplicates("gene_id")["transcript_id"]
        with pytest.raises(ValueError, match="none of the 20 genes has two transcripts"):
            evaluate_usage(bundle, features, table[table["transcript_id"].isin(first)])
