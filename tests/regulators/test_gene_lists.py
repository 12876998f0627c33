from __future__ import annotations

import numpy as np
import pandas as pd
import polars
import pytest
import statsmodels.formula.api as smf
from rankings import ranking_of
from scipy.stats import mannwhitneyu

from decode.regulators.gene_lists import (
    adjusted_effect,
    read_gene_list,
    read_gene_lists,
    read_hubs,
    read_pli,
    validate_gene_lists,
)
from decode.statistics.ranks import normal_scores

NAMES = [f"G{i}" for i in range(60)]


def biased(seed: int = 0, *, direct: float = 0.0) -> tuple[pd.DataFrame, list[str]]:
    """Scores that follow the number of sites; a list of the well studied that follows the scores by `direct` too."""
    rng = np.random.default_rng(seed)
    sites = rng.lognormal(6, 1, size=60)
    listed = np.log(sites) + rng.normal(scale=0.4, size=60) > 6.3
    score = np.exp(0.8 * np.log(sites) + direct * listed + rng.normal(scale=0.3, size=60))
    ranking = ranking_of(score[:, None], NAMES, ["liver"], n_bound_genes=sites.astype(int), n_tracks=1)
    return ranking, [name for name, is_in in zip(NAMES, listed, strict=True) if is_in]


def test_study_bias_is_seen_and_removed():
    ranking, studied = biased()
    result = validate_gene_lists({"gene": ranking}, {"studied": studied})
    row = result.table.iloc[0]
    assert row["p_value"] < 1e-4
    assert row["auroc"] > 0.75
    assert row["auroc_sites"] > row["auroc"] - 0.05
    assert row["adjusted_p_value"] > 0.05
    assert row["adjusted_low"] < 0 < row["adjusted_high"]
    assert abs(row["adjusted_effect"]) < 0.3 * row["effect"]
    bias = result.bias.set_index("covariate")
    assert bias.loc["n_bound_genes", "spearman"] > 0.8
    assert np.isnan(bias.loc["n_tracks", "spearman"])  # all have one track


def test_an_effect_beyond_the_number_of_sites_stays():
    ranking, studied = biased(direct=1.5)
    row = validate_gene_lists({"gene": ranking}, {"studied": studied}).table.iloc[0]
    assert row["adjusted_p_value"] < 1e-4
    assert row["adjusted_low"] > 0


def test_adjusted_p_values_are_uniform_under_bias():
    p_values = []
    for ranking, studied in map(biased, range(100)):
        part = ranking[ranking["task"] == "overall"]
        sites = np.log2(1 + part["n_bound_genes"].to_numpy(dtype=float))[:, None]
        p_values.append(adjusted_effect(part["mean_abs"], part["regulator"].isin(studied), sites).p_value)
    assert 0.04 <= np.mean(np.array(p_values) < 0.1) <= 0.17
    assert 0.4 < np.mean(p_values) < 0.6


def test_numbers_agree_with_scipy_and_statsmodels():
    ranking, studied = biased(3)
    rng = np.random.default_rng(1)
    kinds = np.where(rng.random(60) < 0.5, "TF", "RBP")
    tracks = rng.integers(1, 6, size=60)
    ranking["kind"], ranking["n_tracks"] = np.tile(kinds, 3), np.tile(tracks, 3)
    table = validate_gene_lists({"gene": ranking}, {"studied": studied}).table
    assert table["kind"].tolist() == ["all", *dict.fromkeys(kinds)]
    row, frame = table.iloc[0], ranking[ranking["task"] == "overall"].copy()
    frame["member"] = frame["regulator"].isin(studied)
    inside = frame.loc[frame["member"], "mean_abs"], frame.loc[~frame["member"], "mean_abs"]
    assert row["p_value"] == pytest.approx(mannwhitneyu(*inside, alternative="greater").pvalue)
    assert row["auroc"] == pytest.approx(mannwhitneyu(*inside).statistic / (len(inside[0]) * len(inside[1])))
    frame["u"], frame["sites"] = normal_scores(frame["mean_abs"]), np.log2(1 + frame["n_bound_genes"])
    frame["tracks"], frame["member"] = np.log2(1 + frame["n_tracks"]), frame["member"].astype(float)
    fit = smf.ols("u ~ member + sites + tracks + C(kind)", frame).fit(cov_type="HC3", use_t=True)
    assert row["adjusted_effect"] == pytest.approx(fit.params["member"])
    assert row["adjusted_p_value"] == pytest.approx(
        fit.pvalues["member"] / 2 if fit.params["member"] > 0 else 1 - fit.pvalues["member"] / 2
    )
    assert row["adjusted_low"] == pytest.approx(fit.conf_int().loc["member", 0])
    assert (table["fdr"] >= table["p_value"]).all()


def test_levels_lists_and_few_members(caplog):
    ranking, studied = biased()
    levels = {"gene": ranking, "usage": ranking.sample(frac=1, random_state=0)}
    result = validate_gene_lists(levels, {"studied": studied, "few": NAMES[:2]})
    assert result.table.groupby(["level", "gene_list"]).size().tolist() == [1, 1, 1, 1]
    few = result.table[result.table["gene_list"] == "few"]
    assert few[["auroc", "p_value", "fdr", "adjusted_p_value", "adjusted_fdr"]].isna().to_numpy().all()
    assert few["n_members"].tolist() == [2, 2]
    assert result.counts["list:few"] == {"names": 2, "members_gene": 2, "members_usage": 2}
    assert "fewer than 5 members" in caplog.text
    values = ["auroc", "p_value", "adjusted_effect"]
    first, second = (result.table[result.table["level"] == level][values].to_numpy() for level in levels)
    np.testing.assert_allclose(first, second)  # the order of the rows does not matter


def test_mirnas_have_no_gene_and_complexes_have_several():
    ranking, studied = biased()
    ranking["regulator"] = ranking["regulator"].replace({"G0": "G0::G1", "G1": "miR-1"})
    ranking.loc[ranking["regulator"] == "miR-1", "kind"] = "miRNA"
    result = validate_gene_lists({"gene": ranking}, {"one": ["G1"], "studied": studied})
    assert result.counts["level:gene"]["no_gene_mirna"] == 1
    assert result.counts["list:one"]["members_gene"] == 1
    assert result.table["kind"].unique().tolist() == ["TF"]


def test_names_are_compared_as_gene_ids():
    ranking, studied = biased()
    genes = pd.DataFrame({"gene_id": [f"ENSG{i:011d}" for i in range(60)], "gene_name": NAMES})
    ids = dict(zip(genes["gene_name"], genes["gene_id"], strict=True))
    by_symbol = validate_gene_lists({"gene": ranking}, {"studied": studied}).table
    by_id = validate_gene_lists({"gene": ranking}, {"studied": [ids[name] for name in studied]}, genes=genes).table
    pd.testing.assert_frame_equal(by_symbol, by_id)


def test_adjusted_effect_at_the_edges():
    values, member = np.arange(12.0), np.arange(12) % 2 == 0
    plain = adjusted_effect(values, member)
    assert adjusted_effect(values, member, np.ones((12, 1))) == plain  # a constant says nothing
    assert np.isnan(adjusted_effect(values, member, member[:, None].astype(float)).effect)
    assert np.isnan(adjusted_effect(values[:3], member[:3]).p_value)
    alone = np.arange(12) == 0
    assert np.isnan(adjusted_effect(values, alone).p_value)


def test_readers(tmp_path):
    (tmp_path / "list.txt").write_text("# essential\nMYC\n\nMAX\nMYC\n")
    assert read_gene_lists({"a": tmp_path / "list.txt"}) == {"a": ["MYC", "MAX"]}
    (tmp_path / "pli.tsv").write_text("transcript\tgene\tpLI\tpRec\nT\tMYC\t0.999\t0\nT\tMAX\t0\t0.995\nT\tA\tNA\t0\n")
    assert read_pli(tmp_path / "pli.tsv") == {"pLI>0.99": ["MYC"], "pRec>0.99": ["MAX"]}
    edges = [("HUB", f"p{i}") for i in range(12)] + [("p1", "HUB"), ("p3", "p3")]
    (tmp_path / "edges.tsv").write_text("".join(f"{a}\t{b}\n" for a, b in edges))
    assert read_hubs(tmp_path / "edges.tsv") == ["HUB"]
    (tmp_path / "edges.tsv").write_text("# the network\n" + (tmp_path / "edges.tsv").read_text())
    assert read_hubs(tmp_path / "edges.tsv") == ["HUB"]


def test_bad_input(tmp_path):
    ranking, studied = biased()
    with pytest.raises(ValueError, match="at least one ranking"):
        validate_gene_lists({}, {"a": studied})
    with pytest.raises(ValueError, match="without a gene: a"):
        validate_gene_lists({"gene": ranking}, {"a": []})
    with pytest.raises(ValueError, match="is in any gene list"):
        validate_gene_lists({"gene": ranking}, {"a": ["nothing"]})
    with pytest.raises(ValueError, match="is in any gene list"):
        validate_gene_lists({"gene": ranking.assign(kind="miRNA")}, {"a": studied})
    with pytest.raises(KeyError, match="heart"):
        validate_gene_lists({"gene": ranking}, {"a": studied}, task="heart")
    path = tmp_path / "file"
    for text, reader, message in (
        ("# none\n", read_gene_list, "has no gene"),
        ("MYC\t1\n", read_gene_list, "several columns"),
        ("gene\tscore\n", read_pli, "no columns gene and pLI"),
        ("gene\tpLI\nMYC\thigh\n", read_pli, "text where pLI belongs: high"),
        ("gene\tpLI\nMYC\t0.2\n", read_pli, "no gene with pLI > 0.99"),
        ("gene\tpLI\nMYC\t0.999\nMAX\nTP53\t0.999\t1\n", read_pli, "2 rows have another number of columns .* row 3"),
        ("MYC\n", read_hubs, "1 lines have one name"),
        ("A\tB\nC\tD\n", read_hubs, "more partners than the others"),
    ):
        path.write_text(text)
        with pytest.raises(ValueError, match=message):
            reader(path)
    path.write_text("")
    with pytest.raises(ValueError, match="is empty"):
        read_gene_list(path)
    with pytest.raises(ValueError, match="between 0 and 1"):
        read_pli(path, threshold=1)
    with pytest.raises(ValueError, match="between 0 and 1"):
        read_hubs(path, quantile=0)


@pytest.mark.real_data
def test_study_bias_of_the_real_corpus(shared):
    """With the number of peaks as score, real lists are what study bias alone gives."""
    path = shared / "data" / "hg19" / "tf_chip_encode.bed.gz"
    factor = polars.read_csv(path, columns=[3], has_header=False, separator="\t").to_series()
    peaks = pd.Series(factor.to_list()).value_counts()
    n_peaks = peaks.to_numpy()
    ranking = ranking_of(n_peaks[:, None].astype(float), list(peaks.index), ["liver"], n_bound_genes=n_peaks)
    folder = shared / "data" / "gene_lists"
    lists = read_gene_lists({name: folder / f"{name}.txt" for name in ("mouse_lethal_mgi", "essential_cegv2")})
    table = validate_gene_lists({"peaks": ranking}, lists).table
    assert (table["n_members"] >= 5).all()
    assert (table["auroc"] == table["auroc_sites"]).all()
    assert (table["adjusted_effect"].abs() < table["effect"].abs()).all()
