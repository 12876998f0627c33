from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from decode.landmark.evaluation import permutation_share
from decode.landmark.panel_comparisons import band_table, compare_panels
from decode.landmark.panel_curves import JudgedPanel, comparable, curves_table, judge_panels, panels_table
from decode.landmark.panel_evaluation import evaluate_panel
from decode.landmark.panel_genes import PanelGenes, panel_genes
from decode.landmark.panels import order_genes
from decode.landmark.selection import select_panel


def modules(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    hubs = rng.normal(size=(80, 8))
    return np.hstack([hubs, np.repeat(hubs, 20, axis=1) + 0.7 * rng.normal(size=(80, 160))])


@pytest.fixture(scope="module")
def judged() -> list[JudgedPanel]:
    """Hubs in an order, the same hubs without one, a reference that holds half of them, a method and random panels."""
    values = modules(1)
    fixed = {
        "hubs": PanelGenes(np.arange(8)[::-1], is_ordered=True),
        "unordered": PanelGenes(np.arange(8)),
        "half": PanelGenes(np.r_[np.arange(4), 20:24], is_ordered=True),
    }
    return [
        one
        for split, test in enumerate((slice(60, 80), slice(0, 20)))
        for one in judge_panels(
            np.delete(values, test, axis=0), values[test], fixed=fixed, methods=["greedy"], sizes=(4, 8), n_random=5,
            split=split,
        )
    ]  # fmt: skip


def test_permutation_share_by_hand_and_under_no_relation():
    rng = np.random.default_rng(0)
    actual, predicted = rng.normal(size=(12, 30)), rng.normal(size=(12, 30))
    share = permutation_share(actual, predicted)
    for gene in (0, 17):
        all_r = [np.corrcoef(predicted[:, gene], actual[:, other])[0, 1] for other in range(30)]
        assert share[gene] == pytest.approx(np.mean(np.delete(all_r, gene) > all_r[gene]))
    share = permutation_share(rng.normal(size=(30, 2000)), rng.normal(size=(30, 2000)))
    assert (share < 0.01).mean() == pytest.approx(0.01, abs=0.008)  # chance predicts one in a hundred
    actual[:, 3] = 1.0
    assert np.isnan(permutation_share(actual, predicted)[3])


def test_a_smaller_panel_is_the_head_where_there_is_an_order_and_random_parts_where_not(judged):
    small = [one for one in judged if one.size == 4 and one.split == 0]
    assert [one.columns.tolist() for one in small if one.panel == "hubs"] == [[7, 6, 5, 4]]
    parts = [one.columns.tolist() for one in small if one.panel == "unordered"]
    assert len(parts) == 3
    assert len({tuple(sorted(part)) for part in parts}) > 1
    assert set(np.concatenate(parts)) <= set(range(8))
    whole = [one for one in judged if one.panel == "unordered" and one.size == 8 and one.split == 0]
    assert len(whole) == 1  # three draws of the whole panel would be the same
    hubs = next(one for one in judged if one.panel == "hubs" and one.size == 8)
    np.testing.assert_allclose(whole[0].scores.mae, hubs.scores.mae)


def test_targets_are_common_and_in_no_panel(judged):
    first = [one for one in judged if one.split == 0]
    for one in first:
        np.testing.assert_array_equal(one.targets, first[0].targets)
        assert not set(one.targets.tolist()) & set(one.columns.tolist())
    chosen = next(one.columns for one in first if one.panel == "greedy" and one.size == 8)
    np.testing.assert_array_equal(chosen, order_genes(modules(1)[:60], 8).columns)  # on training samples alone


def test_comparison_by_hand(judged):
    samples = {0: [f"s{i}" for i in range(60, 80)], 1: [f"s{i}" for i in range(20)]}
    table = compare_panels(judged, reference="half", samples=samples)
    row = table.query("split == '0' and panel == 'hubs' and reference == 'half' and size == 8").iloc[0]
    hubs, half = (
        next(one.scores for one in judged if (one.split, one.panel, one.size) == (0, name, 8))
        for name in ("hubs", "half")
    )
    by_sample, by_gene = hubs.sample_mae - half.sample_mae, hubs.mae - half.mae
    assert row["difference"] == pytest.approx(by_gene.mean())
    spread = by_sample.std(ddof=0) / np.sqrt(20)  # the normal interval is close to the bootstrap's
    assert row["low"] == pytest.approx(by_sample.mean() - 1.96 * spread, abs=0.3 * spread)
    assert row["high"] == pytest.approx(by_sample.mean() + 1.96 * spread, abs=0.3 * spread)
    assert row["t_genes"] == pytest.approx(by_gene.mean() / (by_gene.std(ddof=1) / np.sqrt(len(by_gene))))
    assert row["share_genes_better"] == (by_gene < 0).mean()
    assert row["high"] < 0 < row["n_test"] == 20
    pooled = table.query("split == 'all' and panel == 'hubs' and reference == 'half' and size == 8").iloc[0]
    both = table.query("split != 'all' and panel == 'hubs' and reference == 'half' and size == 8")
    assert pooled["n_test"] == 40
    assert pooled["difference"] == pytest.approx(both["difference"].mean())
    with pytest.raises(ValueError, match="name the test samples"):
        compare_panels(judged, reference="half")


def test_samples_tested_twice_count_once(judged):
    """The same test samples in both splits: half as many samples, an interval that is no narrower for it."""
    names = [f"s{i}" for i in range(20)]
    table = compare_panels(judged, samples={0: names, 1: names})
    pooled = table.query("split == 'all' and panel == 'hubs' and size == 8").iloc[0]
    assert pooled["n_test"] == 20


def test_band_and_rank_among_random_panels(judged):
    panels = panels_table(judged, n_genes=168, against=np.arange(8), against_name="hubs")
    table = compare_panels(judged, samples={0: range(60, 80), 1: range(20)})
    drawn = panels.query("panel == 'random' and split == 0 and size == 8")["mean_mae"]
    band = band_table(judged).query("split == 0 and size == 8 and measure == 'mean_mae'").iloc[0]
    assert (band["lowest"], band["highest"], band["n_random"]) == (drawn.min(), drawn.max(), 5)
    row = table.query("split == '0' and panel == 'half' and size == 8").iloc[0]
    own = panels.query("panel == 'half' and split == 0 and size == 8")["mean_mae"].iloc[0]
    assert row["n_random_better"] == (drawn < own).sum()
    assert row["is_in_band"] == (drawn.min() <= own <= drawn.max())
    hubs = table.query("panel == 'hubs' and size == 8")
    assert not hubs["is_in_band"].any()
    assert (hubs["difference"] < 0).all()
    shared = panels.query("split == 0 and size == 8").groupby("panel")["n_shared"].first()
    assert shared[["hubs", "unordered", "half"]].tolist() == [8, 8, 4]
    assert (panels.query("size == 8")["n_shared_by_chance"] == round(8 * 8 / 168, 1)).all()


def test_curves_compare_like_with_like(judged):
    panels = panels_table([one for one in judged if one.panel != "half" or one.split == 0], n_genes=168)
    curves = curves_table(panels)
    assert set(curves["over"]) == {"all", "common"}
    rows = comparable(curves).query("size == 8").set_index("panel")
    assert (rows["n_splits"] == 1).all()
    own = panels.query("panel == 'random' and split == 0 and size == 8")["mean_mae"].mean()
    assert rows.loc["random", "mean_mae"] == pytest.approx(own)
    every = curves.query("over == 'all' and size == 8").set_index("panel")["n_splits"]
    assert (every["half"], every["random"]) == (1, 2)


def test_what_has_an_order(prepared):
    ids = prepared.gene_ids[:4].tolist()
    table = pd.DataFrame({"gene_id": ids, "rank": [3, 1, 4, 2], "method": "greedy"})
    found = panel_genes(table, prepared)
    assert (found.columns.tolist(), found.is_ordered, found.is_chosen_here) == ([1, 3, 0, 2], True, True)
    assert not panel_genes(table.assign(method="concrete"), prepared).is_ordered
    assert not panel_genes(ids, prepared).is_ordered
    assert panel_genes(table.drop(columns="method"), prepared).is_ordered
    assert not panel_genes(table.drop(columns="method"), prepared).is_chosen_here
    with pytest.raises(ValueError, match="different number in every row"):
        panel_genes(table.assign(rank=[1, 1, 2, 3]), prepared)


def test_the_planted_hubs_beat_random_panels_with_fewer_genes(toy, prepared):
    chosen = select_panel(prepared, method="greedy", size=16)
    others = {"noise": toy.genes.loc[toy.genes["factor"] < 0, "gene_id"].tolist()[:16]}
    found = evaluate_panel(
        prepared, chosen.table, others=others, against="noise", methods=["variance"], sizes=(4, 8, 16), n_random=20,
        n_splits=2,
    )  # fmt: skip
    curves = comparable(found.curves).set_index(["panel", "size"])["mean_mae"]
    assert curves["panel", 8] < curves["random", 16]
    assert "panel: its error is below that of all 20 random panels with 4, 8 and 16 genes." in found.summary
    assert "panel: lower error than noise with 4, 8 and 16 genes." in found.summary
    assert "panel: 4 genes reach the error of noise's 16, 75% fewer." in found.summary
    assert any(line.startswith("panel: not judged on 1 of 2 splits") for line in found.summary)
    assert set(found.panels.query("panel == 'panel'")["split"]) == {0}
    assert set(found.panels.query("panel == 'noise'")["split"]) == {0, 1}
    assert set(found.per_gene["gene_id"]) <= set(prepared.gene_ids)
    assert len(found.imputers) == 0


def test_imputers_are_judged_on_the_same_targets(toy, prepared):
    found = evaluate_panel(
        prepared, toy.hubs, methods=["variance"], sizes=(8,), n_random=3, imputers=["ridge", "knn", "sample_lasso"]
    )
    table = found.imputers.set_index(["panel", "imputer"])
    assert table["n_draws"].to_dict() == {
        (panel, imputer): 3 if panel == "random" else 1
        for panel in ("panel", "variance", "random")
        for imputer in ("ridge", "knn", "sample_lasso")
    }
    for imputer in ("ridge", "knn", "sample_lasso"):
        assert table.loc[("panel", imputer), "mean_mae"] < table.loc[("random", imputer), "mean_mae"]
    ridge = found.panels.query("panel == 'panel'")["mean_mae"].iloc[0]  # its penalty is chosen over other targets
    assert table.loc[("panel", "ridge"), "mean_mae"] == pytest.approx(ridge, rel=0.02)
    assert table.loc[("panel", "knn"), "chosen"].startswith("neighbours ")


def test_bad_input(toy, prepared):
    values = modules(1)
    with pytest.raises(ValueError, match="concrete has no nested panels"):
        judge_panels(values[:60], values[60:], methods=["concrete"], sizes=(4,))
    with pytest.raises(ValueError, match="no gene is outside all panels"):
        judge_panels(values[:60], values[60:], methods=["greedy"], sizes=(100,), n_random=20)
    with pytest.raises(ValueError, match="'greedy' bears the name of a method"):
        judge_panels(values[:60], values[60:], fixed={"greedy": PanelGenes(np.arange(3))}, sizes=(2,))
    with pytest.raises(ValueError, match="dgex_published needs 20,000 training samples and there are 320"):
        evaluate_panel(prepared, toy.hubs, sizes=(4,), imputers=["ridge", "dgex_published"])
    with pytest.raises(ValueError, match="against is 'other'"):
        evaluate_panel(prepared, toy.hubs, against="other")
    chosen = select_panel(prepared, method="variance", size=8).table
    groups = toy.samples["group"].astype(str).to_numpy()
    with pytest.raises(ValueError, match="was chosen on samples that these groups hold out"):
        evaluate_panel(prepared, chosen, sizes=(4,), n_splits=2, groups=groups)
