from __future__ import annotations

import logging
import os
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from planted import planted_features, quick_bundle
from ranking_data import CODE, NAMES, TASKS, attributions
from scipy.stats import linregress, ttest_1samp
from statsmodels.stats.multitest import multipletests

from decode.attribution.attribute import attribute
from decode.dataset import prepare_dataset
from decode.ranking.table import OVERALL
from decode.ranking.target_network import COLUMNS, genes_text, member_p_value, regulator_network


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
        table, _ = regulator_network(made[0], task=OVERALL, max_targets=0)
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
        table, _ = regulator_network(made[0], task=OVERALL)
        assert list(dict.fromkeys(table["source"])) == ["TF:A", "B", "RBP:A", "C", "M"]
        only, counts = regulator_network(made[0], task=OVERALL, kinds=["TF"])
        assert set(only["source"]) == {"TF:A", "B"}
        assert counts["regulators"] == 2

    def test_few_targets(self, made):
        whole, _ = regulator_network(made[0], task=OVERALL, max_targets=0)
        table, counts = regulator_network(made[0], task=OVERALL, max_targets=3)
        assert len(table) == counts["edges_kept"] == 15
        for source, rows in table.groupby("source"):
            largest = whole[whole["source"] == source]["weight"].abs().nlargest(3)
            np.testing.assert_allclose(rows["weight"].abs(), largest)
        merged = table.merge(whole, on=["source", "target", "weight", "fdr"])  # fdr is of the whole family
        assert len(merged) == 15

    def test_thresholds(self, made):
        whole, _ = regulator_network(made[0], task=OVERALL, max_targets=0)
        strong, _ = regulator_network(made[0], task=OVERALL, max_targets=0, min_weight=0.5)
        assert len(strong) == (whole["weight"].abs() >= 0.5).sum() < len(whole)
        sure, _ = regulator_network(made[0], task=OVERALL, max_targets=0, max_fdr=0.2)
        assert len(sure) == (whole["fdr"] <= 0.2).sum() < len(whole)

    def test_symbols_of_several_genes(self, made):
        dataset = made[0].copy()
        names = dataset["gene_name"].to_numpy().copy()
        names[1] = names[0]
        table, counts = regulator_network(
            dataset.assign_coords(gene_name=("gene", names)), task=OVERALL, target_names="symbol"
        )
        assert counts["same_symbol"] == len([1 for pair in by_hand(made, [1]) if pair[1] == "G1"]) - sum(
            (source, "G0") not in by_hand(made, [1]) for source, gene in by_hand(made, [1]) if gene == "G1"
        )
        assert not table.duplicated(["source", "target"]).any()

    def test_one_member(self):
        table, _ = regulator_network(attributions(n_members=1)[0], task=OVERALL)
        assert table["fdr"].isna().all()
        with pytest.raises(ValueError, match="these attributions are of one; leave it out"):
            regulator_network(attributions(n_members=1)[0], task=OVERALL, max_fdr=0.1)

    def test_bad_input(self, made):
        for options, message in (
            ({"max_targets": -1}, "max_targets is -1"),
            ({"max_fdr": 2.0}, "max_fdr is 2.0; it must lie between 0 and 1"),
            ({"min_weight": -1.0}, "min_weight is -1.0"),
            ({"target_names": "entrez"}, "target_names is 'entrez'"),
            ({"min_weight": 1e9}, r"none of the \d+ pairs of regulator and bound gene is left"),
        ):
            with pytest.raises(ValueError, match=message):
                regulator_network(made[0], task=OVERALL, **options)
        with pytest.raises(KeyError, match="1 tasks not in the attributions: skin"):
            regulator_network(made[0], task="skin")
        with pytest.raises(KeyError, match="1 kinds not in the attributions: other"):
            regulator_network(made[0], task=OVERALL, kinds=["other"])
        with pytest.raises(ValueError, match="no task beside the median level; give task 'median_level'"):
            regulator_network(made[0].isel(task=[0]), task=OVERALL)


class TestTaskAndGenes:
    def test_several_tasks_need_a_name(self, made):
        with pytest.raises(ValueError, match=rf"hold 4 tasks: {', '.join(TASKS)}; name the one .*--task.*'overall'"):
            regulator_network(made[0])
        one, _ = regulator_network(made[0].isel(task=[2]), max_targets=0)
        pd.testing.assert_frame_equal(one, regulator_network(made[0], task="lung", max_targets=0)[0])

    def test_split_of_every_target(self, made, caplog):
        with caplog.at_level(logging.WARNING, "decode"):
            table, counts = regulator_network(made[0], task="lung", max_targets=0)
        expected = [("train", "test", "outside")[int(target[1:]) % 3] for target in table["target"]]
        assert table["split"].tolist() == expected
        sizes = {part: counts[f"genes_{part}"] for part in ("train", "validation", "test", "outside")}
        assert sizes == {"train": 24, "validation": 0, "test": 23, "outside": 23}
        assert genes_text(counts) == "24 train (in sample), 23 test (held out), 23 outside the split (never seen)"
        assert not caplog.records

    def test_held_out_genes_alone_are_warned_of(self, made, caplog):
        with caplog.at_level(logging.WARNING, "decode"):
            regulator_network(made[0].isel(gene=[i for i in range(70) if i % 3]), task="lung")
        (record,) = caplog.records
        assert "only the 46 explained genes, none of them a training gene" in record.getMessage()
        assert "decode attribute --split all" in record.getMessage()


def ulm(changes: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """decoupler's univariate linear model as documented: t of the slope of the change on the weight, 0 off target.

    Badia-i-Mompel et al. 2022, Bioinformatics Advances 2:vbac016.
    """
    weight = table.pivot_table(index="target", columns="source", values="weight").reindex(changes.columns).fillna(0.0)
    rows = []
    for _, change in changes.iterrows():
        fits = [linregress(weight[source], change) for source in weight]
        rows.append([fit.slope / fit.stderr for fit in fits])
    return pd.DataFrame(rows, index=changes.index, columns=weight.columns)


@pytest.fixture(scope="module")
def planted():
    """A trained network in which BBB raises the liver and lowers the brain, CCC acts in blood; and new contrasts."""
    features, rng = planted_features(400), np.random.default_rng(3)
    logs = np.log1p(features.totals().astype(np.float64))
    scaled = (logs - logs.mean(axis=0)) / logs.std(axis=0)
    acts = {"liver": scaled[:, 2], "brain": -scaled[:, 2], "blood": scaled[:, 4]}
    targets = pd.DataFrame(
        {"gene_id": features.ids} | {task: 2 * y + 0.2 * rng.normal(size=400) for task, y in acts.items()}
    )
    bundle = quick_bundle(prepare_dataset(features, targets, min_bound_genes=20), max_epochs=20)
    changes = pd.DataFrame({task: y + 2 * rng.normal(size=400) for task, y in acts.items()}, index=features.ids).T
    return attribute(bundle, features, part="all", agreement_genes=0), changes


class TestDecoupler:
    def test_the_planted_regulator_is_first_in_its_task(self, planted):
        dataset, changes = planted
        for task, regulator in {"liver": "BBB", "brain": "BBB", "blood": "CCC"}.items():
            table, counts = regulator_network(dataset, task=task)
            assert counts["genes_train"] + counts["genes_validation"] + counts["genes_test"] == 400
            score = ulm(changes, table).loc[task]
            assert score.idxmax() == score.abs().idxmax() == regulator
            assert score[regulator] > 5
            held_out = ulm(changes, table[table["split"] == "test"]).loc[task]
            assert held_out.abs().idxmax() == regulator

    def test_the_mean_over_tasks_loses_what_differs_between_them(self, planted):
        dataset, changes = planted
        own = ulm(changes, regulator_network(dataset, task="liver").table).loc["liver", "BBB"]
        mean = ulm(changes, regulator_network(dataset, task=OVERALL).table).loc["liver", "BBB"]
        assert mean < 0.8 * own

    @pytest.mark.skipif("DECODE_DECOUPLER_PYTHON" not in os.environ, reason="DECODE_DECOUPLER_PYTHON names no Python")
    def test_decoupler_reads_the_network_and_says_the_same(self, planted, tmp_path: Path):
        dataset, changes = planted
        paths = [tmp_path / name for name in ("changes.tsv", "network.tsv", "out.tsv")]
        changes.to_csv(paths[0], sep="\t")
        table = regulator_network(dataset, task="liver").table
        table.to_csv(paths[1], sep="\t", index=False)
        peer = Path(__file__).parents[2] / "benchmarks" / "decoupler_peer.py"
        subprocess.run([os.environ["DECODE_DECOUPLER_PYTHON"], str(peer), *map(str, paths)], check=True)
        theirs = pd.read_csv(paths[2], sep="\t").query("method == 'ulm'")
        found = theirs.pivot_table(index="signature", columns="regulator", values="score")
        expected = ulm(changes, table)
        np.testing.assert_allclose(found.loc[expected.index, expected.columns], expected, rtol=1e-4, atol=1e-4)
        assert found.loc["liver"].abs().idxmax() == "BBB"


def test_p_value_against_scipy():
    values = np.random.default_rng(0).normal(size=(5, 30)) + 0.5
    expected = ttest_1samp(values, 0).pvalue
    found = member_p_value(pd.Series(values.mean(axis=0)), pd.Series(values.std(axis=0, ddof=1)), 5)
    np.testing.assert_allclose(found, expected)
    assert member_p_value(pd.Series([1.0, 0.0]), pd.Series([0.0, 0.0]), 2).tolist() == [0.0, 1.0]
