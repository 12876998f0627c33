from __future__ import annotations

import gzip

import numpy as np
import pandas as pd
import pytest
from polars import read_csv
from scipy.stats import fisher_exact

from decode.statistics.enrichment import (
    gene_scores,
    gene_set_overlaps,
    hypergeometric_enrichment,
    preranked_gsea,
    read_gmt,
    sets_within,
    standardised_log,
)

NAMES = [f"Gene{i:02d}" for i in range(40)]


def scores(seed: int = 0) -> pd.Series:
    return pd.Series(np.random.default_rng(seed).normal(size=40), index=NAMES)


def running_sum(ranked: pd.Series, members: set[str]) -> np.ndarray:
    """The running sum of GSEA written out (Subramanian et al. 2005, weight 1)."""
    ordered = ranked.sort_values(ascending=False)
    inside = np.array([gene in members for gene in ordered.index])
    weight = np.abs(ordered.to_numpy()) * inside
    return np.cumsum(weight / weight.sum() - ~inside / (~inside).sum())


def test_es_is_the_running_sum_by_hand():
    ranked = scores()
    sets = {"a": NAMES[:6], "b": NAMES[10:25], "c": NAMES[30:]}
    table = preranked_gsea(ranked, sets, n_permutations=200).set_index("gene_set")
    for name, members in sets.items():
        total = running_sum(ranked, set(members))
        expected = total[np.argmax(np.abs(total))]
        assert table.loc[name, "es"] == pytest.approx(expected, abs=1e-9)
        order = ranked.sort_values(ascending=False).index
        peak = int(np.argmax(np.abs(total)))
        before = order[: peak + 1] if expected > 0 else order[peak:]
        leading = {gene for gene in before if gene in members}
        assert set(table.loc[name, "leading_genes"].split(";")) - leading <= {order[peak]}
        assert leading - set(table.loc[name, "leading_genes"].split(";")) <= {order[peak]}


def test_a_planted_set_is_found_and_its_p_value_is_never_zero():
    ranked = scores()
    top = list(ranked.sort_values(ascending=False).index[:8])
    bottom = list(ranked.sort_values().index[:8])
    table = preranked_gsea(ranked, {"top": top, "bottom": bottom, "other": NAMES[::4]}, n_permutations=500)
    found = table.set_index("gene_set")
    assert set(table["gene_set"][:2]) == {"top", "bottom"}
    assert found.loc["top", "nes"] > 1.5 > -1.5 > found.loc["bottom", "nes"]
    assert found["p_value"].min() >= 1 / 501
    assert found.loc["other", "p_value"] > 0.05
    assert (found["fdr"] >= found["p_value"]).all()


def test_gsea_depends_on_the_seed_only():
    ranked = scores()
    sets = {"a": NAMES[:6], "b": NAMES[10:25]}
    first = preranked_gsea(ranked, sets, n_permutations=100, seed=1)
    shuffled = ranked.sample(frac=1, random_state=3)
    again = preranked_gsea(shuffled, dict(reversed(sets.items())), n_permutations=100, seed=1, threads=2)
    pd.testing.assert_frame_equal(first[["gene_set", "es"]], again[["gene_set", "es"]])
    same = preranked_gsea(shuffled, sets, n_permutations=100, seed=1, threads=2)
    pd.testing.assert_frame_equal(first, same)


def test_null_p_values_are_uniform():
    rng = np.random.default_rng(5)
    sets = {f"s{i}": list(rng.choice(NAMES, 8, replace=False)) for i in range(200)}
    p_values = preranked_gsea(scores(1), sets, n_permutations=300)["p_value"]
    assert 0.02 < (p_values < 0.1).mean() < 0.2  # sets share genes, so not exactly 10 %


def test_hypergeometric_is_fishers_exact_test():
    rng = np.random.default_rng(2)
    selected = set(rng.choice(NAMES, 12, replace=False))
    sets = {f"s{i}": list(rng.choice(NAMES, 9, replace=False)) for i in range(20)}
    table = hypergeometric_enrichment(selected, NAMES, sets).set_index("gene_set")
    for name, members in sets.items():
        both = len(selected & set(members))
        square = [[both, 12 - both], [9 - both, 40 - 12 - 9 + both]]
        assert table.loc[name, "p_value"] == pytest.approx(fisher_exact(square, alternative="greater").pvalue)
        assert table.loc[name, "fold"] == pytest.approx(both / (12 * 9 / 40))


def test_the_background_is_the_ranking():
    sets = {"a": [*NAMES[:6], *(f"other{i}" for i in range(300))]}
    table = hypergeometric_enrichment(NAMES[:6], NAMES, sets)
    assert table["n_genes"].tolist() == [6]
    assert table["expected"].tolist() == [pytest.approx(6 * 6 / 40)]


def test_sizes_count_within_the_background():
    sets = {"five": NAMES[:5], "four": [*NAMES[:4], "x", "y"], "all": NAMES, "twice": [*NAMES[:4], NAMES[0]]}
    assert list(sets_within(sets, NAMES)) == ["five"]
    assert list(sets_within(sets, NAMES, min_size=4, max_size=4)) == ["four", "twice"]


def test_standardised_log():
    values = standardised_log(pd.Series([1.0, 2.0, 4.0, 8.0]))
    assert values.mean() == pytest.approx(0)
    assert values.std() == pytest.approx(1)
    assert np.diff(values) == pytest.approx([values[1] - values[0]] * 3)
    by_kind = standardised_log(pd.Series([1.0, 2.0, 100.0, 200.0]), within=["TF", "TF", "RBP", "RBP"])
    assert by_kind[0] == pytest.approx(by_kind[2])


def test_zero_scores_are_half_the_smallest(caplog):
    logged = standardised_log(pd.Series([0.0, 1.0, 2.0]))
    pd.testing.assert_series_equal(logged, standardised_log(pd.Series([0.5, 1.0, 2.0])))
    assert "1 of 3 scores are 0" in caplog.text


def test_overlaps_by_hand():
    table = gene_set_overlaps({"a": "WXYZ", "b": "YZ", "c": "ZQ"}, min_similarity=0.0)
    assert table[["source", "target", "n_shared"]].to_numpy().tolist() == [["a", "b", 2], ["a", "c", 1], ["b", "c", 1]]
    assert table["jaccard"].tolist() == pytest.approx([0.5, 0.2, 1 / 3])
    assert table["overlap"].tolist() == pytest.approx([1, 0.5, 0.5])
    assert gene_set_overlaps({"a": "WXYZ", "b": "YZ", "c": "ZQ"})["target"].tolist() == ["b", "c"]
    assert gene_set_overlaps({"a": "X"}).empty


def test_scores_of_genes():
    found, counts = gene_scores(pd.Series([1.0, 2.0, 5.0]), [["A", "B"], ["A"], []])
    assert found.to_dict() == {"A": 2.0, "B": 1.0}
    assert counts == {"regulators": 3, "without_gene": 1, "genes": 2, "shared_genes": 1}


def test_gmt_plain_gzip_and_weights(tmp_path):
    text = "one\t\tTP53,1.0\tMYC\tMYC\t\nnone\tempty\t\n"
    (tmp_path / "a.gmt").write_text(text)
    (tmp_path / "a.gmt.gz").write_bytes(gzip.compress(text.encode()))
    assert read_gmt(tmp_path / "a.gmt") == read_gmt(tmp_path / "a.gmt.gz") == {"one": ["TP53", "MYC"]}


@pytest.mark.parametrize(("text", "message"), [("a\tb\n", "give a GMT file"), ("a\t\tX\na\t\tY\n", "more than once")])
def test_bad_gmt(tmp_path, text, message):
    (tmp_path / "a.gmt").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_gmt(tmp_path / "a.gmt")


def test_bad_input():
    with pytest.raises(ValueError, match="none of 1 gene sets"):
        preranked_gsea(scores(), {"a": ["x"]})
    with pytest.raises(ValueError, match="more than once"):
        preranked_gsea(pd.Series([1.0, 2.0, 3.0], index=["A", "A", "B"]), {"a": ["A"]})
    with pytest.raises(ValueError, match="three or more"):
        preranked_gsea(pd.Series([1.0], index=["A"]), {"a": ["A"]})
    with pytest.raises(ValueError, match="not in the background: x"):
        hypergeometric_enrichment(["x"], NAMES, {"a": NAMES[:6]})
    for selected in ([], NAMES):
        with pytest.raises(ValueError, match="some, not all"):
            hypergeometric_enrichment(selected, NAMES, {"a": NAMES[:6]})
    for values in ([-1.0, 1.0], [np.nan, 1.0], [0.0, 0.0]):
        with pytest.raises(ValueError, match="not all 0"):
            standardised_log(pd.Series(values))
    with pytest.raises(ValueError, match="nothing to rank"):
        standardised_log(pd.Series([2.0, 2.0]))
    with pytest.raises(ValueError, match="min_similarity"):
        gene_set_overlaps({}, min_similarity=2)
    with pytest.raises(ValueError, match="not miRNAs"):
        gene_scores(pd.Series([1.0]), [[]])


@pytest.mark.real_data
def test_real_gene_sets(shared):
    sets = read_gmt(shared / "data" / "gene_sets" / "GO_Molecular_Function_2018.gmt.gz")
    assert sets["7SK snRNA binding (GO:0097322)"] == ["HEXIM2", "CDK9", "HEXIM1", "CCNT2", "CCNT1", "DDX21"]
    rbps, factors = (
        set(read_csv(shared / "data" / "hg19" / name, columns=[3], has_header=False, separator="\t").to_series())
        for name in ("rbp_eclip_encode.bed.gz", "tf_chip_encode.bed.gz")
    )
    table = hypergeometric_enrichment(rbps - factors, rbps | factors, sets)
    best = table.iloc[0]
    assert "RNA binding" in best["gene_set"]
    assert best["fdr"] < 1e-10
