from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kstest, linregress, pearsonr, rankdata

from decode.drivers.evidence import EvidenceResult, background_p, evidence_scores
from decode.drivers.lines import Line, network_line
from decode.statistics.ranks import normal_scores

N_GENES = 400
IDS = np.array([f"G{i}" for i in range(N_GENES)])


def make_line(name: str, regulators: list[str], seed: int, kind: str = "TF") -> Line:
    matrix = np.random.default_rng(seed).normal(size=(N_GENES, len(regulators)))
    frame = pd.DataFrame({"kind": kind, "regulator": regulators})
    return Line(name, IDS, frame, matrix, "noise", {})


def tfs(n: int, first: int = 0) -> list[str]:
    return [f"TF{i}" for i in range(first, first + n)]


def make_queries(n: int = 3, seed: int = 5) -> pd.DataFrame:
    values = np.random.default_rng(seed).normal(size=(N_GENES, n))
    return pd.DataFrame(values, index=IDS, columns=[f"q{i}" for i in range(n)])


def raw_z(result: EvidenceResult, contrast: str, line: str, kind: str = "TF") -> pd.Series:
    """Raw z by regulator, from the table and what it was standardised by."""
    rows = result.table[(result.table["contrast"] == contrast) & (result.table["kind"] == kind)]
    (scale,) = result.lines.query("contrast == @contrast and line == @line and kind == @kind").to_dict("records")
    return (rows[f"z_{line}"] * scale["sd"] + scale["mean"]).set_axis(rows["regulator"])


def test_z_is_the_partial_correlation_by_least_squares() -> None:
    line, queries = make_line("binding", tfs(8), 0), make_queries()
    level = pd.Series(np.random.default_rng(1).gamma(2, 2, N_GENES), index=IDS)
    line = line._replace(matrix=line.matrix + 0.3 * level.to_numpy()[:, None])
    queries.iloc[:50, 1] = np.nan  # not measured in this contrast
    result = evidence_scores(queries, [line], expression=level)
    for contrast in ("q0", "q1"):
        rows = queries[contrast].notna().to_numpy()
        y = normal_scores(queries.loc[rows, contrast].abs().to_numpy())
        e = level[rows].to_numpy()
        design = np.column_stack([np.ones(len(e)), e, e**2])

        def left(v: np.ndarray, design: np.ndarray = design) -> np.ndarray:
            return v - design @ np.linalg.lstsq(design, v, rcond=None)[0]

        expected = [np.sqrt(len(e)) * pearsonr(left(column), left(y))[0] for column in line.matrix[rows].T]
        np.testing.assert_allclose(raw_z(result, contrast, "binding"), expected, atol=1e-8)
    assert result.counts["n_genes"] == {"q0": 400, "q1": 350, "q2": 400}


def networks_and_changes() -> tuple[pd.DataFrame, pd.DataFrame, Line]:
    """Edges of ten TFs on random genes, sizes of changes (decoupler leaves out genes that are always 0), the line."""
    rng = np.random.default_rng(2)
    is_target = rng.random((N_GENES, 10)) < 0.1
    genes = pd.DataFrame({"gene_id": IDS, "gene_name": IDS})
    regulators = pd.DataFrame({"kind": "TF", "regulator": tfs(10)})
    pairs = [(f"TF{tf}", IDS[gene], 1.0) for gene, tf in zip(*np.nonzero(is_target), strict=True)]
    edges = pd.DataFrame(pairs, columns=["source", "target", "weight"])
    changes = pd.DataFrame(rng.gamma(2, 1, (N_GENES, 4)), index=IDS, columns=list("abcd"))
    return edges, changes, network_line(edges, genes, regulators)


def test_a_network_without_covariates_ranks_as_a_univariate_regression() -> None:
    _, changes, line = networks_and_changes()
    table = evidence_scores(changes, [line], is_signature=True).table
    for contrast, part in table.groupby("contrast"):
        fits = [linregress(column, changes[contrast]) for column in line.matrix.T]
        t = [fit.slope / fit.stderr for fit in fits]  # what decoupler's ulm is
        assert part["rank"].tolist() == rankdata(-np.array(t)).tolist()


@pytest.mark.skipif("DECODE_DECOUPLER_PYTHON" not in os.environ, reason="DECODE_DECOUPLER_PYTHON names no Python")
def test_a_network_without_covariates_ranks_as_decoupler(tmp_path: Path) -> None:
    edges, changes, line = networks_and_changes()
    table = evidence_scores(changes, [line], is_signature=True).table
    paths = [tmp_path / name for name in ("signatures.tsv", "network.tsv", "out.tsv")]
    changes.T.to_csv(paths[0], sep="\t")
    edges.to_csv(paths[1], sep="\t", index=False)
    peer = Path(__file__).parents[2] / "benchmarks" / "decoupler_peer.py"
    subprocess.run([os.environ["DECODE_DECOUPLER_PYTHON"], str(peer), *map(str, paths)], check=True)
    scores = pd.read_csv(paths[2], sep="\t").query("method == 'ulm'").set_index(["signature", "regulator"])["score"]
    theirs = scores.loc[list(zip(table["contrast"], table["regulator"], strict=True))].to_numpy().reshape(4, 10)
    assert table["rank"].to_numpy(dtype=float).tolist() == rankdata(-theirs, axis=1).ravel().tolist()


def test_combined_is_the_sum_and_unknown_counts_nothing() -> None:
    lines = [make_line("one", tfs(10), 0), make_line("two", tfs(7, 5), 1)]
    table = evidence_scores(make_queries(), lines).table
    assert len(table) == 3 * 12
    assert table["n_lines"].tolist()[:12] == [1] * 5 + [2] * 5 + [1] * 2
    np.testing.assert_allclose(table["combined"], table["z_one"].fillna(0) + table["z_two"].fillna(0))
    assert table.loc[table["contrast"] == "q0", "z_two"].isna().tolist() == [True] * 5 + [False] * 7
    for _, part in table.groupby("contrast"):
        assert part["z_one"].mean() == pytest.approx(0, abs=1e-12)
        assert part["z_one"].std(ddof=0) == pytest.approx(1)
        assert part["rank"].tolist() == part["combined"].rank(ascending=False).tolist()
    assert table["p_value"].isna().all()


def test_kinds_are_standardised_and_ranked_apart() -> None:
    apart = make_line("sites", ["a", "b", "c", "d", "e", "f"], 3, "RBP")
    shifted = apart._replace(matrix=100 * apart.matrix)
    both = make_line("sites", tfs(9), 4)
    joined = shifted._replace(
        regulators=pd.concat([shifted.regulators, both.regulators], ignore_index=True),
        matrix=np.concatenate([shifted.matrix, both.matrix], axis=1),
    )
    queries = make_queries()
    alone = evidence_scores(queries, [both]).table
    found = evidence_scores(queries, [joined]).table
    tf = found[found["kind"] == "TF"].reset_index(drop=True)
    np.testing.assert_allclose(tf["combined"], alone["combined"])
    assert tf["rank"].tolist() == alone["rank"].tolist()
    rbp = found[(found["kind"] == "RBP") & (found["contrast"] == "q0")]
    assert sorted(rbp["rank"]) == [1, 2, 3, 4, 5, 6]


def test_too_few_regulators_of_a_kind_are_not_scored() -> None:
    lines = [make_line("one", tfs(10), 0), make_line("two", ["miR-1", "miR-2"], 1, "miRNA")]
    table = evidence_scores(make_queries(), lines).table
    small = table[table["kind"] == "miRNA"]
    assert small["combined"].isna().all()
    assert small["rank"].isna().all()
    assert (small["n_lines"] == 0).all()


def test_sign_order_and_company_of_queries_do_not_matter() -> None:
    lines = [make_line("one", tfs(10), 0)]
    queries = make_queries()
    table = evidence_scores(queries, lines).table
    alone = evidence_scores(-queries[["q2"]], lines).table
    np.testing.assert_allclose(alone["combined"], table.loc[table["contrast"] == "q2", "combined"])
    order = np.random.default_rng(0).permutation(N_GENES)
    shuffled = [line._replace(gene_ids=line.gene_ids[order], matrix=line.matrix[order]) for line in lines]
    np.testing.assert_allclose(evidence_scores(queries.iloc[order], shuffled).table["combined"], table["combined"])


def test_a_planted_regulator_is_first() -> None:
    line = make_line("one", tfs(50), 0)
    y = 0.3 * line.matrix[:, 7] + np.random.default_rng(3).normal(size=N_GENES)
    size = pd.DataFrame({"kd": (y > np.quantile(y, 0.9)).astype(float)}, index=IDS)
    table = evidence_scores(size, [line], is_signature=True).table
    assert table.loc[table["rank"] == 1, "regulator"].tolist() == ["TF7"]


def test_the_universe_limits_the_genes() -> None:
    line, queries = make_line("one", tfs(8), 0), make_queries()
    inside = evidence_scores(queries, [line], universe=IDS[:300])
    assert inside.counts["n_genes"]["q0"] == 300
    cut = line._replace(gene_ids=IDS[:300], matrix=line.matrix[:300])
    expected = evidence_scores(queries.iloc[:300], [cut]).table
    np.testing.assert_allclose(inside.table["combined"], expected["combined"])


def test_p_values_are_uniform_over_contrasts_like_the_background() -> None:
    rng = np.random.default_rng(0)
    lines = [make_line("one", tfs(20), 0), make_line("two", tfs(20), 1)]
    changed = (rng.random((N_GENES, 400)) < 0.1).astype(float)
    every = pd.DataFrame(changed, index=IDS, columns=[f"b{i}" for i in range(400)])
    result = evidence_scores(every.iloc[:, :200], lines, is_signature=True, background=every.iloc[:, 200:])
    assert kstest(result.table["p_value"], "uniform").statistic < 0.05
    assert result.table["p_value"].min() >= 1 / 201
    assert result.counts["n_background_contrasts"] == 200


def test_statistics_take_statistics_as_background() -> None:
    line, queries = make_line("one", tfs(20), 0), make_queries(100)
    result = evidence_scores(queries, [line], background=make_queries(300, seed=9))
    assert kstest(result.table["p_value"], "uniform").statistic < 0.05
    with pytest.raises(ValueError, match="background holds signatures"):
        evidence_scores(queries, [line], background=np.sign(make_queries(300, seed=9)).round())


def test_background_p_by_hand() -> None:
    background = np.array([[0.0, 1.0], [2.0, 1.0], [4.0, 1.0]])
    found = background_p(np.array([[2.0, 1.0], [5.0, np.nan]]), background)
    np.testing.assert_allclose(found, [[3 / 4, 1.0], [1 / 4, np.nan]])


def test_own_change_is_a_column_and_a_line_on_request() -> None:
    line, queries = make_line("one", tfs(10), 0), make_queries(1)
    own = {("TF", f"TF{i}"): (f"G{i}",) for i in range(9)} | {("TF", "TF0"): ("G0", "G9")}
    queries.loc[["G0", "G3", "G9"], "q0"] = [1.0, 9.0, -5.0]
    plain = evidence_scores(queries, [line], own_genes=own).table
    assert plain["own_change"].tolist()[:4] == [-5.0, *queries["q0"].iloc[1:3], 9.0]
    assert np.isnan(plain["own_change"].iloc[9])
    counted = evidence_scores(queries, [line], own_genes=own, with_own_change=True).table
    assert counted["z_own_change"].idxmax() == 3
    np.testing.assert_allclose(counted["combined"], plain["combined"] + counted["z_own_change"].fillna(0))
    with pytest.raises(ValueError, match="own_genes is missing"):
        evidence_scores(queries, [line], with_own_change=True)


def test_wrong_input_raises() -> None:
    line, queries = make_line("one", tfs(8), 0), make_queries()
    with pytest.raises(ValueError, match="no line of evidence"):
        evidence_scores(queries, [])
    with pytest.raises(ValueError, match="queries: 399 genes are not the 400 genes of line one"):
        evidence_scores(queries.iloc[1:], [line])
    with pytest.raises(ValueError, match="names of lines occur more than once: one"):
        evidence_scores(queries, [line, line])
    with pytest.raises(ValueError, match=r"q1: all genes change alike"):
        evidence_scores(queries.assign(q1=0.0), [line], is_signature=True)
    with pytest.raises(ValueError, match=r"q0, q1, q2: 20 genes are left"):
        evidence_scores(queries, [line], universe=IDS[:20])
    with pytest.raises(KeyError, match="X1"):
        evidence_scores(queries, [line], universe=["X1"])
    with pytest.raises(ValueError, match="none of the genes"):
        evidence_scores(queries, [line], expression=pd.Series([1.0], index=["other"]))
