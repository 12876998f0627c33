from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from planted import TINY, planted_features, planted_targets, quick_bundle

from decode.attribution.attribute import attribute
from decode.core.files import write_table
from decode.dataset import prepare_dataset
from decode.persons.activity import regulator_activity
from decode.persons.activity_expression import consistent_regulators, correlate_activity
from decode.persons.tables import read_activity, read_regions
from decode.report.activity import activity_text, write_activity


@pytest.fixture(scope="module")
def fitted():
    features = planted_features(200)
    targets = planted_targets(features)
    return quick_bundle(prepare_dataset(features, targets, min_bound_genes=10), TINY), features


def test_activities_are_means_of_attributions(fitted):
    bundle, features = fitted
    found = regulator_activity(bundle, features, block_genes=7)
    with attribute(bundle, features, agreement_genes=0) as other:
        names = [task for task in bundle.tasks if task != "median_level"]
        members = other["member_mean"].sel(task=names)
        expected = members.mean("member").transpose("task", "regulator").to_pandas()
        spread = members.std("member", ddof=1).transpose("task", "regulator").to_pandas()
        rows = other["attribution"].sel(task=names).mean("gene")
        by_region = rows.groupby("region").sum("track").to_pandas() if "region" in rows.coords else None
    assert list(found.activity.index) == names
    np.testing.assert_allclose(found.activity[expected.columns], expected, atol=1e-7)
    np.testing.assert_allclose(found.spread[expected.columns], spread, atol=1e-7)
    whole = sum(found.by_region.values())
    np.testing.assert_allclose(whole, found.activity, atol=1e-12)
    for region, frame in found.by_region.items():
        np.testing.assert_allclose(frame.sum(axis=1), by_region.loc[region, names], atol=1e-6)
    assert found.counts["n_tasks_left_out"] == len(bundle.tasks) - len(names)
    assert found.counts["additivity_error"] < 1e-4


def test_blocks_and_order_do_not_matter(fitted):
    bundle, features = fitted
    one = regulator_activity(bundle, features, part="validation", executor="serial")
    other = regulator_activity(bundle, features, part="validation", block_genes=1)
    np.testing.assert_allclose(one.activity, other.activity, atol=1e-6)
    genes = [str(gene) for gene in features.ids[:5]]
    listed = regulator_activity(bundle, features, genes=genes[::-1])
    np.testing.assert_allclose(listed.activity, regulator_activity(bundle, features, genes=genes).activity, atol=1e-6)
    assert listed.counts["part"] == "list"


def test_bad_genes(fitted):
    with pytest.raises(KeyError, match="not in the features"):
        regulator_activity(*fitted, genes=["nobody"])
    with pytest.raises(ValueError, match="block_genes"):
        regulator_activity(*fitted, block_genes=0)


def test_files_are_read_back(fitted, tmp_path):
    found = regulator_activity(*fitted)
    phenotype = pd.Series(["a", "b"] * 9, name="group").iloc[: len(found.activity)].set_axis(found.activity.index)
    files = write_activity(found, tmp_path / "act.tsv.gz", phenotype=phenotype)
    assert {file.name for file in files} == {
        "act.tsv.gz", "act_spread.tsv.gz", "act_regions.tsv.gz", "act_regulators.tsv.gz", "act.tsv.gz.run.json",
        "act_heatmap.png", "act_heatmap.svg", "act_top.png", "act_top.svg",
    }  # fmt: skip
    pd.testing.assert_frame_equal(read_activity(tmp_path / "act.tsv.gz"), found.activity, check_names=False)
    regions = read_regions(tmp_path / "act_regions.tsv.gz")
    for name, frame in regions.items():
        np.testing.assert_allclose(frame, found.by_region[name][frame.columns], atol=1e-12)
    assert "regulators" in activity_text(found)
    with pytest.raises(ValueError, match="names no region"):
        read_regions(tmp_path / "act_spread.tsv.gz")
    write_table(pd.DataFrame({"name": ["x"], "TF:A": [1.0]}), tmp_path / "bad.tsv")
    with pytest.raises(ValueError, match="'sample' and one column"):
        read_activity(tmp_path / "bad.tsv")


def made(n=80, seed=0, follows=True):
    """Thirty regulators in five patterns; the first ten have a gene that follows them."""
    rng = np.random.default_rng(seed)
    patterns = rng.normal(size=(n, 5))
    values = patterns @ rng.normal(size=(5, 30)) + rng.normal(size=(n, 30))
    names = [f"R{i}" for i in range(30)]
    index = [f"s{i}" for i in range(n)]
    activity = pd.DataFrame(values, index=index, columns=[f"TF:{name}" for name in names])
    own = 4 + rng.normal(size=(30, n)) + patterns[:, 0]
    if follows:
        own[:10] += 1.5 * (values - values.mean(axis=0)).T[:10]
    return activity, pd.DataFrame(own, index=names, columns=index)


def test_own_expression_against_matched_genes():
    from scipy.stats import spearmanr

    activity, expression = made()
    found = correlate_activity(activity, expression)
    row = found.table.set_index("regulator").loc["R3"]
    assert row["spearman"] == pytest.approx(spearmanr(activity["TF:R3"], expression.loc["R3"]).statistic)
    assert row["p_value"] == pytest.approx(spearmanr(activity["TF:R3"], expression.loc["R3"]).pvalue)
    assert found.table.set_index("regulator").loc[[f"R{i}" for i in range(10)], "is_hit"].all()
    assert found.summary["p_hits"] < 0.05
    nothing = correlate_activity(*made(seed=1, follows=False))
    assert nothing.summary["n_hits"] > 0  # the shared pattern makes hits by itself
    assert nothing.summary["p_hits"] > 0.05  # and the null says so
    pd.testing.assert_frame_equal(
        correlate_activity(activity, 2**expression).table.drop(columns=["average_level", "p_matched"]),
        found.table.drop(columns=["average_level", "p_matched"]),
    )


def test_signs_of_tissues_and_consistency():
    activity, expression = made()
    tissue = pd.DataFrame({"tissues": "all", "kind": "TF", "regulator": ["R0", "R1"], "spearman": [0.5, -0.5]})
    found = correlate_activity(activity, expression, tissue=tissue)
    own = found.table.set_index("regulator")["agrees_with_tissue"]
    assert own[["R0", "R1"]].tolist() == [True, False]
    assert own.isna().sum() == 28
    assert (found.summary["n_with_tissue_sign"], found.summary["n_agree_with_tissue"]) == (2, 1)
    turned = found.table.assign(spearman=-found.table["spearman"])
    same = consistent_regulators({"a": found.table, "b": found.table, "c": found.table}, least=3)
    assert same["is_consistent"].sum() == found.table["is_hit"].sum()
    mixed = consistent_regulators({"a": found.table, "b": found.table, "c": turned}, least=2)
    assert not mixed["is_consistent"].any()


def test_bad_own_expression():
    activity, expression = made()
    with pytest.raises(ValueError, match="5 samples are in both"):
        correlate_activity(activity.iloc[:5], expression)
    with pytest.raises(ValueError, match="1 of 30 regulators are genes"):
        correlate_activity(activity, expression.iloc[:1])
