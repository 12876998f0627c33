from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from ranking_data import CODE, NAMES, TASKS, attributions, null_of
from scipy.stats import mannwhitneyu
from statsmodels.stats.multitest import multipletests

from decode.core.files import write_table
from decode.ranking.kinds import compare_classes
from decode.ranking.rank import COLUMNS, rank_regulators, regulator_scores
from decode.ranking.table import check_ranking
from decode.statistics.significance import empirical_significance
from decode.statistics.strata import bound_gene_strata


@pytest.fixture(scope="module")
def made():
    return attributions()


def by_regulator(members):
    """(member, gene, regulator, task), summed in a plain loop."""
    return np.stack([members[:, :, code == CODE].sum(axis=2) for code in range(len(NAMES))], axis=2)


class TestScores:
    def test_by_hand(self, made):
        dataset, members, length = made
        scores = regulator_scores(dataset)
        values = by_regulator(members.astype(np.float64))
        np.testing.assert_allclose(scores.mean, values.mean(axis=(0, 1)), atol=1e-6)
        np.testing.assert_allclose(scores.mean_abs, np.abs(values.mean(axis=0)).mean(axis=0), atol=1e-6)
        np.testing.assert_allclose(scores.member_mean, values.mean(axis=1), atol=1e-6)
        np.testing.assert_allclose(scores.member_mean_abs, np.abs(values).mean(axis=1), atol=1e-6)
        np.testing.assert_allclose(scores.length_mean, length.mean(axis=(0, 1)), atol=1e-6)
        np.testing.assert_allclose(scores.length_mean_abs, np.abs(length.mean(axis=0)).mean(axis=0), atol=1e-6)
        assert scores.tasks == TASKS
        assert scores.regulators.index.tolist() == NAMES
        assert scores.regulators["n_tracks"].tolist() == [2, 1, 1, 1, 1]
        assert scores.attributes["reference"] == "own_length"
        np.testing.assert_allclose(scores.overall(), np.abs(scores.mean[:, 1:]).mean(axis=1))

    def test_usage(self):
        dataset, members, _ = attributions(gene_ids=["G0", "G0", "G1", "G2", "G0", "G2"])
        scores = regulator_scores(dataset, usage=True)
        values = by_regulator(members.astype(np.float64))
        expected = (values[:, [0, 1, 4]].var(axis=1, ddof=1) + values[:, [3, 5]].var(axis=1, ddof=1)) / 2
        np.testing.assert_allclose(scores.member_mean, expected, atol=1e-6)
        table = rank_regulators(scores)
        assert (table["mean"] == table["mean_abs"]).all()
        assert (table["mean"] >= 0).all()

    def test_usage_of_genes(self, made):
        with pytest.raises(
            ValueError, match="usage needs attributions of several transcripts a gene, and these are of"
        ):
            regulator_scores(made[0], usage=True)
        with pytest.raises(ValueError, match="no gene has two explained transcripts"):
            regulator_scores(attributions(gene_ids=["G0", "G1"])[0], usage=True)


class TestRanking:
    def test_by_hand(self, made):
        dataset, members, _ = made
        table = rank_regulators(regulator_scores(dataset))
        assert table.columns.tolist() == COLUMNS
        assert list(dict.fromkeys(table["task"])) == ["overall", *TASKS]
        assert len(table) == 5 * len(NAMES)
        check_ranking(table)
        values = by_regulator(members.astype(np.float64)).mean(axis=1)
        liver = table[table["task"] == "liver"].set_index(["kind", "regulator"])
        for number, name in enumerate(NAMES):
            row = liver.loc[tuple(name.split(":"))]
            of_members = values[:, number, 1]
            assert row["mean"] == pytest.approx(of_members.mean(), abs=1e-6)
            assert row["sd_members"] == pytest.approx(of_members.std(ddof=1), abs=1e-6)
            assert row["rank"] == 1 + (np.abs(values.mean(axis=0)[:, 1]) > abs(of_members.mean())).sum()
            ranks = [1 + (np.abs(member[:, 1]) > abs(member[number, 1])).sum() for member in values]
            assert (row["rank_low"], row["rank_high"]) == (min(ranks), max(ranks))
        assert liver["rank"].tolist() == sorted(liver["rank"])
        overall = table[table["task"] == "overall"].set_index(["kind", "regulator"])
        score = np.abs(values.mean(axis=0)[:, 1:]).mean(axis=1)
        of_members = np.abs(values[:, :, 1:]).mean(axis=2)
        for number, name in enumerate(NAMES):
            row = overall.loc[tuple(name.split(":"))]
            assert row["mean_abs"] == pytest.approx(score[number], abs=1e-6)
            assert row["mean"] == pytest.approx(values[:, number, 1:].mean(), abs=1e-6)
            assert row["sd_members"] == pytest.approx(of_members[:, number].std(ddof=1), abs=1e-6)
            assert row["rank"] == 1 + (score > score[number]).sum()
        assert table[["z", "p_value", "fdr"]].isna().all(axis=None)

    def test_ties_share_the_lowest_rank(self, made):
        scores = regulator_scores(made[0])
        zero = scores._replace(mean=np.zeros_like(scores.mean))
        assert set(rank_regulators(zero)["rank"]) == {1}

    def test_one_member_has_no_interval(self, tmp_path):
        table = rank_regulators(regulator_scores(attributions(n_members=1)[0]))
        assert table[["sd_members", "rank_low", "rank_high"]].isna().all(axis=None)
        write_table(table, tmp_path / "r.tsv")
        first = (tmp_path / "r.tsv").read_text().splitlines()[1].split("\t")
        assert first[8:] == ["", "1", "", "", "", "", ""]

    def test_ranks_are_whole_numbers_in_the_file(self, made, tmp_path):
        write_table(rank_regulators(regulator_scores(made[0])), tmp_path / "r.tsv")
        first = (tmp_path / "r.tsv").read_text().splitlines()[1].split("\t")
        assert all(cell.isdigit() for cell in first[9:12])

    def test_without_fold_change_there_is_no_overall(self, made):
        scores = regulator_scores(made[0].isel(task=[0]))
        assert set(rank_regulators(scores)["task"]) == {"median_level"}
        assert np.isnan(scores.overall()).all()

    def test_levels_have_an_overall_score(self, made):
        dataset = made[0].assign_coords(task_kind=("task", ["median_level", "level", "level", "other"]))
        scores = regulator_scores(dataset)
        np.testing.assert_allclose(scores.overall(), np.abs(scores.mean[:, 1:3]).mean(axis=1))
        kinds = rank_regulators(scores).drop_duplicates("task").set_index("task")["task_kind"]
        assert kinds.tolist() == ["level", "median_level", "level", "level", "other"]

    def test_order_of_regulators_plays_no_part(self, made):
        table = rank_regulators(regulator_scores(made[0]))
        turned = rank_regulators(regulator_scores(made[0].isel(regulator=[4, 2, 0, 1, 3])))
        pd.testing.assert_frame_equal(table, turned)


class TestNull:
    def test_z_p_and_fdr(self, made):
        dataset = made[0]
        scores, null = regulator_scores(dataset), null_of(dataset)
        table = rank_regulators(scores, null)
        refits = null["mean"].sel(regulator=NAMES).to_numpy()
        strata = bound_gene_strata(scores.regulators["kind"].to_numpy(), scores.regulators["n_bound_genes"].to_numpy())
        expected = empirical_significance(scores.mean, refits, strata, two_sided=True)
        for number, task in enumerate(TASKS):
            rows = table[table["task"] == task]
            order = [NAMES.index(f"{kind}:{name}") for kind, name in zip(rows["kind"], rows["regulator"], strict=True)]
            np.testing.assert_allclose(rows["z"], expected.z[order, number])
            np.testing.assert_allclose(rows["p_value"], expected.p_value[order, number])
            np.testing.assert_allclose(rows["fdr"], multipletests(rows["p_value"], method="fdr_bh")[1])
        rows = table[table["task"] == "overall"]
        overall = empirical_significance(
            scores.overall(), np.abs(refits[:, :, 1:]).mean(axis=2), strata, two_sided=False
        )
        assert sorted(rows["p_value"]) == sorted(overall.p_value)
        assert (rows["z"] > 3).all()  # the null is a hundred times smaller

    def test_a_null_of_something_else(self, made):
        scores, null = regulator_scores(made[0]), null_of(made[0])
        wrong = {
            "reference": "another reference .'x', ",
            "model_sha256": "another model; make",
            "level": "another level",
        }
        for key, said in wrong.items():
            with pytest.raises(ValueError, match=f"the null (was made against|is of) {said}"):
                rank_regulators(scores, null.assign_attrs({key: "x"}))
        with pytest.raises(KeyError, match="1 regulators of the attributions are not in the null: TF:A"):
            rank_regulators(scores, null.sel(regulator=NAMES[1:]))
        with pytest.raises(KeyError, match="1 tasks of the attributions are not in the null: liver"):
            rank_regulators(scores, null.sel(task=["median_level", "lung", "brain"]))

    def test_a_null_without_usage(self):
        dataset = attributions(gene_ids=["G0", "G0"])[0]
        with pytest.raises(ValueError, match="the null has no variable 'usage'; it tests mean, mean_abs only"):
            rank_regulators(regulator_scores(dataset, usage=True), null_of(dataset))

    def test_usage_is_tested_on_one_side(self):
        dataset = attributions(gene_ids=["G0", "G0", "G1", "G1"])[0]
        scores, null = regulator_scores(dataset, usage=True), null_of(dataset).assign_attrs(level="transcript")
        null = null.assign(usage=null["mean_abs"])
        table = rank_regulators(scores, null).set_index(["task", "kind", "regulator"])
        strata = bound_gene_strata(scores.regulators["kind"].to_numpy(), scores.regulators["n_bound_genes"].to_numpy())
        refits = null["usage"].sel(regulator=NAMES).to_numpy()
        expected = empirical_significance(scores.mean, refits, strata, two_sided=False)
        assert table.loc[("lung", "TF", "B"), "p_value"] == expected.p_value[1, 2]


class TestClasses:
    def test_against_scipy(self, made):
        scores = regulator_scores(made[0])
        table = compare_classes(scores)
        assert len(table) == 5 * 3
        assert table["task"].tolist()[:3] == ["overall"] * 3
        row = table[(table["task"] == "lung") & (table["kind_a"] == "TF") & (table["kind_b"] == "RBP")].iloc[0]
        x, y = np.abs(scores.mean[:2, 2]), np.abs(scores.mean[2:4, 2])
        test = mannwhitneyu(x, y)
        assert (row["p_value"], row["probability"]) == (test.pvalue, test.statistic / 4)
        assert (row["median_a"], row["median_b"]) == (np.median(x), np.median(y))
        assert row["probability"] == (x[:, None] > y).mean()
        assert row["share_a"] == pytest.approx(x.sum() / np.abs(scores.mean[:, 2]).sum())
        tasks = table[table["task"] != "overall"]
        np.testing.assert_allclose(tasks["fdr"], multipletests(tasks["p_value"], method="fdr_bh")[1])

    def test_zero_scores(self, made):
        scores = regulator_scores(made[0])
        table = compare_classes(scores._replace(mean=np.zeros_like(scores.mean)))
        assert table[["share_a", "share_b"]].isna().all(axis=None)
        assert (table["probability"] == 0.5).all()

    def test_one_class(self, made):
        with pytest.raises(ValueError, match="all of kind TF; two kinds are needed"):
            compare_classes(regulator_scores(made[0].isel(regulator=[0, 1])))
