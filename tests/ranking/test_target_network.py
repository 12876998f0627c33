from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from ranking_data import CODE, NAMES, attributions
from scipy.stats import ttest_1samp
from statsmodels.stats.multitest import multipletests

from decode.ranking.target_network import COLUMNS, member_p_value, regulator_network


@pytest.fixture(scope="module")
def made():
    return attributions(n_genes=70, n_members=4)


def key(name: str) -> str:
    return name if name.endswith(":A") else name.split(":")[1]


def by_hand(made, tasks):
    """weight, spread and whether bound, of every (regulator, gene)."""
    dataset, members, _ = made
    bases = dataset["bases"].to_numpy()
    rows = {}
    for code, name in enumerate(NAMES):
        for gene in range(dataset.sizes["gene"]):
            if bases[gene, code == CODE].sum() == 0:
                continue
            values = members[:, gene, code == CODE].astype(np.float64)[:, :, tasks]
            rows[(key(name), f"G{gene}")] = values.mean(axis=2).sum(axis=1), values.std(axis=0, ddof=1)
    return rows


class TestNetwork:
    @pytest.mark.parametrize(("task", "columns"), [("overall", [1, 2, 3]), ("lung", [2]), ("median_level", [0])])
    def test_weights(self, made, task, columns):
        table, counts = regulator_network(made[0], task=task, max_targets=0)
        assert table.columns.tolist() == COLUMNS
        expected = by_hand(made, columns)
        assert len(table) == len(expected) == counts["edges_bound"] == counts["edges_kept"]
        found = table.set_index(["source", "target"])
        for pair, (members, _) in expected.items():
            assert found.loc[pair, "weight"] == pytest.approx(members.mean(), abs=1e-6)

    def test_fdr_overall_is_the_t_test(self, made):
        table, _ = regulator_network(made[0], max_targets=0)
        expected = by_hand(made, [1, 2, 3])
        pairs = [tuple(pair) for pair in table[["source", "target"]].to_numpy()]
        p_value = [ttest_1samp(expected[pair][0], 0).pvalue for pair in pairs]
        np.testing.assert_allclose(table["fdr"], multipletests(p_value, method="fdr_bh")[1], rtol=1e-3)

    def test_fdr_of_one_track_and_task_is_the_t_test(self, made):
        dataset = made[0]
        table, _ = regulator_network(dataset, task="lung", max_targets=0)
        expected = by_hand(made, [2])
        pairs = [tuple(pair) for pair in table[["source", "target"]].to_numpy()]
        bound = [min(1.0, ttest_1samp(expected[pair][0], 0).pvalue) for pair in pairs]
        spread = np.array([expected[pair][1].sum() for pair in pairs])
        p_value = member_p_value(table["weight"], pd.Series(spread), 4)
        single = [source != "TF:A" for source, _ in pairs]
        np.testing.assert_allclose(p_value[single], np.array(bound)[single], rtol=1e-3)
        assert (p_value >= np.array(bound) * 0.999).all()  # two tracks: never smaller than that of the sum
        np.testing.assert_allclose(table["fdr"], multipletests(p_value, method="fdr_bh")[1], rtol=1e-3)

    def test_a_name_of_two_kinds(self, made):
        table, _ = regulator_network(made[0])
        assert list(dict.fromkeys(table["source"])) == ["TF:A", "B", "RBP:A", "C", "M"]
        only, counts = regulator_network(made[0], kinds=["TF"])
        assert set(only["source"]) == {"TF:A", "B"}
        assert counts["regulators"] == 2

    def test_few_targets(self, made):
        whole, _ = regulator_network(made[0], max_targets=0)
        table, counts = regulator_network(made[0], max_targets=3)
        assert len(table) == counts["edges_kept"] == 15
        for source, rows in table.groupby("source"):
            largest = whole[whole["source"] == source]["weight"].abs().nlargest(3)
            np.testing.assert_allclose(rows["weight"].abs(), largest)
        merged = table.merge(whole, on=["source", "target", "weight", "fdr"])  # fdr is of the whole family
        assert len(merged) == 15

    def test_thresholds(self, made):
        whole, _ = regulator_network(made[0], max_targets=0)
        strong, _ = regulator_network(made[0], max_targets=0, min_weight=0.5)
        assert len(strong) == (whole["weight"].abs() >= 0.5).sum() < len(whole)
        sure, _ = regulator_network(made[0], max_targets=0, max_fdr=0.2)
        assert len(sure) == (whole["fdr"] <= 0.2).sum() < len(whole)

    def test_symbols_of_several_genes(self, made):
        dataset = made[0].copy()
        names = dataset["gene_name"].to_numpy().copy()
        names[1] = names[0]
        table, counts = regulator_network(dataset.assign_coords(gene_name=("gene", names)), target_names="symbol")
        assert counts["same_symbol"] == len([1 for pair in by_hand(made, [1]) if pair[1] == "G1"]) - sum(
            (source, "G0") not in by_hand(made, [1]) for source, gene in by_hand(made, [1]) if gene == "G1"
        )
        assert not table.duplicated(["source", "target"]).any()

    def test_one_member(self):
        table, _ = regulator_network(attributions(n_members=1)[0])
        assert table["fdr"].isna().all()
        with pytest.raises(ValueError, match="these attributions are of one; leave it out"):
            regulator_network(attributions(n_members=1)[0], max_fdr=0.1)

    def test_bad_input(self, made):
        for options, message in (
            ({"max_targets": -1}, "max_targets is -1"),
            ({"max_fdr": 2.0}, "max_fdr is 2.0; it must lie between 0 and 1"),
            ({"min_weight": -1.0}, "min_weight is -1.0"),
            ({"target_names": "entrez"}, "target_names is 'entrez'"),
            ({"min_weight": 1e9}, r"none of the \d+ pairs of regulator and bound gene is left"),
        ):
            with pytest.raises(ValueError, match=message):
                regulator_network(made[0], **options)
        with pytest.raises(KeyError, match="1 tasks not in the attributions: skin"):
            regulator_network(made[0], task="skin")
        with pytest.raises(KeyError, match="1 kinds not in the attributions: other"):
            regulator_network(made[0], kinds=["other"])
        with pytest.raises(ValueError, match="no task beside the median level; give task 'median_level'"):
            regulator_network(made[0].isel(task=[0]))


def test_p_value_against_scipy():
    values = np.random.default_rng(0).normal(size=(5, 30)) + 0.5
    expected = ttest_1samp(values, 0).pvalue
    found = member_p_value(pd.Series(values.mean(axis=0)), pd.Series(values.std(axis=0, ddof=1)), 5)
    np.testing.assert_allclose(found, expected)
    assert member_p_value(pd.Series([1.0, 0.0]), pd.Series([0.0, 0.0]), 2).tolist() == [0.0, 1.0]
