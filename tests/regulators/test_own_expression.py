from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from rankings import TISSUES, ranking_of
from scipy.stats import spearmanr

from decode.regulators.own_expression import cluster_bootstrap_spearman, correlate_expression

RNG = np.random.default_rng(4)
NAMES = ["UP", "DOWN", "NONE", "FLAT", "UP::DOWN", "miR-1"]


@pytest.fixture
def expression() -> pd.DataFrame:
    values = RNG.normal(size=(30, len(TISSUES)))
    ids = ["UP", "DOWN", "NONE", "FLAT", *(f"G{i}" for i in range(26))]
    return pd.DataFrame(values, columns=TISSUES).assign(gene_id=ids)[["gene_id", *TISSUES]]


@pytest.fixture
def ranking(expression) -> pd.DataFrame:
    own = expression.set_index("gene_id")
    means = np.array([own.loc["UP"] ** 3, -np.exp(own.loc["DOWN"]), RNG.normal(size=10), np.full(10, 0.2),
                      (own.loc["UP"] + own.loc["DOWN"]) / 2, RNG.normal(size=10)])  # fmt: skip
    return ranking_of(means, NAMES, TISSUES, kinds=[*["TF"] * 5, "miRNA"])


def test_activator_repressor_and_neither(ranking, expression):
    result = correlate_expression(ranking, expression, n_draws=500)
    rows = result.table[result.table["tissues"] == "all"].set_index("regulator")
    assert list(rows.index) == NAMES[:5]
    assert rows["spearman"].drop(["NONE", "FLAT"]).tolist() == pytest.approx([1, -1, 1])
    assert rows["sign"].isna().tolist() == [False, False, True, True, False]
    assert rows.loc["UP", "sign"] == "activator"
    assert rows.loc["DOWN", "sign"] == "repressor"
    assert rows.loc["UP::DOWN", "gene_ids"] == "UP;DOWN"
    assert rows.loc["FLAT", ["spearman", "low", "p_value", "fdr", "p_groups", "p_background"]].isna().all()
    assert rows.loc["UP", "p_background"] == pytest.approx(1 / 30)  # 29 other genes, none as strong
    assert rows["n_groups"].tolist() == [7] * 5  # four brain tissues are one group
    assert result.counts["no_gene_mirna"] == 1
    assert (result.attribution.index == result.expression.index).all()


def test_without_brain(ranking, expression):
    table = correlate_expression(ranking, expression, n_draws=100).table
    rows = table[table["tissues"] == "without_brain"].set_index("regulator")
    assert rows["n_tissues"].tolist() == [6] * 5
    kept = TISSUES[:6]
    actual = ranking[(ranking["regulator"] == "NONE") & ranking["task"].isin(kept)]["mean"]
    expected = spearmanr(actual, expression.set_index("gene_id").loc["NONE", kept])
    assert rows.loc["NONE", "spearman"] == pytest.approx(expected.statistic)
    assert rows.loc["NONE", "p_value"] == pytest.approx(expected.pvalue)
    few = [*TISSUES[:2], *TISSUES[6:]]
    only = correlate_expression(ranking[ranking["task"].isin(few)], expression, n_draws=10).table
    assert only["tissues"].unique().tolist() == ["all"]


def test_level_and_fold_change_give_the_same(ranking, expression):
    levels = expression.copy()
    levels[TISSUES] += np.arange(30.0)[:, None]
    single = ranking[ranking["regulator"] != "UP::DOWN"]
    first, second = (correlate_expression(single, table, n_draws=50).table for table in (expression, levels))
    pd.testing.assert_frame_equal(first, second)


def test_order_of_tissues_and_genes_does_not_matter(ranking, expression):
    other = expression[["gene_id", *TISSUES[::-1]]].sample(frac=1, random_state=0)
    first, second = (correlate_expression(ranking, table, n_draws=50).table for table in (expression, other))
    pd.testing.assert_frame_equal(first, second)


def test_a_missing_tissue_is_left_out_of_that_regulator_only(ranking, expression):
    expression.loc[expression["gene_id"] == "NONE", "lung"] = np.nan
    rows = correlate_expression(ranking, expression, n_draws=50).table.set_index(["tissues", "regulator"])
    assert rows.loc[("all", "NONE"), "n_tissues"] == 9
    assert rows.loc[("all", "UP"), "n_tissues"] == 10
    assert 0 < rows.loc[("all", "NONE"), "p_background"] <= 1


def test_group_means_count_each_group_once(ranking, expression):
    row = correlate_expression(ranking, expression, n_draws=50).table.iloc[2]
    groups = ["a", "b", "c", "d", "e", "f", "g", "g", "g", "g"]
    own = expression.set_index("gene_id").loc["NONE"].groupby(groups).mean()
    mine = ranking[(ranking["regulator"] == "NONE") & ranking["task"].isin(TISSUES)].set_index("task")["mean"]
    expected = spearmanr(mine.loc[TISSUES].groupby(groups).mean(), own)
    assert row["p_groups"] == pytest.approx(expected.pvalue)


def test_the_bootstrap_is_one_that_writes_the_draws_out():
    rng = np.random.default_rng(0)
    x, y, groups = rng.normal(size=9), rng.integers(0, 4, size=9).astype(float), list("aabbcdefg")
    low, high = cluster_bootstrap_spearman(x, y, groups, n_draws=400, seed=7)
    drawn = np.random.default_rng(7).multinomial(7, np.full(7, 1 / 7), size=400)
    codes = pd.factorize(np.array(groups))[0]
    rhos = []
    for counts in drawn:
        rows = np.repeat(np.arange(9), counts[codes])
        if np.ptp(y[rows]) > 0 and np.ptp(x[rows]) > 0:
            rhos.append(spearmanr(x[rows], y[rows]).statistic)
    assert (low, high) == pytest.approx(tuple(np.quantile(rhos, [0.025, 0.975])))


def test_groups_widen_the_interval():
    rng = np.random.default_rng(3)
    centre = rng.normal(size=(8, 2))
    x, y = np.repeat(centre, 6, axis=0).T + rng.normal(scale=0.1, size=(2, 48))
    groups = [str(i // 6) for i in range(48)]
    apart = cluster_bootstrap_spearman(x, y, [str(i) for i in range(48)], n_draws=500)
    together = cluster_bootstrap_spearman(x, y, groups, n_draws=500)
    assert together[1] - together[0] > 1.5 * (apart[1] - apart[0])
    assert np.isnan(cluster_bootstrap_spearman(x, y, ["a", "b", "c", "d"] * 12)).all()
    assert np.isnan(cluster_bootstrap_spearman(np.ones(48), y, groups)).all()


def test_bad_input(ranking, expression):
    with pytest.raises(ValueError, match="3 tissues are in both"):
        correlate_expression(ranking, expression[["gene_id", *TISSUES[:3]]])
    with pytest.raises(ValueError, match="the same in all tissues"):
        correlate_expression(ranking.assign(mean=0.1), expression)
    with pytest.raises(ValueError, match="none of 6 regulators"):
        correlate_expression(ranking, expression.assign(gene_id=[f"X{i}" for i in range(30)]))
    with pytest.raises(ValueError, match="more than once"):
        correlate_expression(ranking, pd.concat([expression, expression]))
    with pytest.raises(ValueError, match="text where a number"):
        correlate_expression(ranking, expression.assign(liver="high"))
    genes = pd.DataFrame({"gene_id": ["UP", "E2"], "gene_name": ["NONE", "NONE"]})
    with pytest.raises(ValueError, match="stand for several genes"):
        correlate_expression(ranking, expression, genes=genes)
    with pytest.raises(ValueError, match="n_draws"):
        correlate_expression(ranking, expression, n_draws=0)


def test_scores_without_sign_are_told(ranking, expression, caplog):
    correlate_expression(ranking.assign(mean=ranking["mean"].abs()), expression, n_draws=10)
    assert "have no sign to be read" in caplog.text


def test_group_means_hold_their_level_where_tissues_as_independent_do_not():
    """Expression and attribution unrelated, but both alike within a group of tissues."""
    rng = np.random.default_rng(8)
    tissues = [f"t{i}" for i in range(24)]
    groups = {name: f"g{i // 3}" for i, name in enumerate(tissues)}
    own, mean = (np.repeat(rng.normal(size=(200, 8)), 3, axis=1) + rng.normal(0, 0.2, (200, 24)) for _ in range(2))
    names = [f"R{i}" for i in range(200)]
    table = correlate_expression(
        ranking_of(mean, names, tissues), pd.DataFrame(own, columns=tissues).assign(gene_id=names),
        tissue_groups=groups, n_draws=200,
    ).table  # fmt: skip
    assert (table["p_value"] < 0.05).mean() > 0.15
    assert 0.01 <= (table["p_groups"] < 0.05).mean() <= 0.1
    assert table["sign"].notna().mean() < 0.25  # eight groups: the percentile interval is short of 95 %
