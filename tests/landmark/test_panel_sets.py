from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import fisher_exact

from decode.landmark.panel_sets import enrich_panel

IDS = [f"e{i}" for i in range(40)]
NAMES = [f"G{i}" for i in range(40)]
SETS = {"first": [f"G{i}" for i in range(10)], "last": [f"G{i}" for i in range(25, 40)], "absent": ["X1", "X2"]}


def test_agrees_with_fishers_exact_test():
    panel = ["e0", "e1", "e2", "e3", "e20", "e30"]
    found = enrich_panel(panel, IDS, NAMES, SETS)
    row = found.table.set_index("gene_set").loc["first"]
    inside = fisher_exact([[4, 2], [6, 28]], alternative="greater")
    assert row["p_value"] == pytest.approx(inside.pvalue, rel=1e-10)
    assert (row["n_found"], row["n_genes"], row["found_genes"]) == (4, 10, "G0;G1;G2;G3")
    assert row["fold"] == pytest.approx(4 / (6 * 10 / 40))
    assert found.counts == {
        "n_genes": 40, "n_background": 40, "n_background_in_sets": 25, "n_panel": 6, "n_panel_absent": 0,
        "n_selected": 6, "n_selected_in_sets": 5, "n_gene_sets": 3, "n_gene_sets_tested": 2,
    }  # fmt: skip


def test_the_form_of_panel_and_sets_does_not_matter():
    wanted = enrich_panel(["e0", "e1", "e30"], IDS, NAMES, SETS).table
    table = pd.DataFrame({"gene_id": ["e0", "e1", "e30"], "gene_name": ["G0", "G1", "G30"]})
    by_id = {name: [gene.replace("G", "e") for gene in genes] for name, genes in SETS.items()}
    numbers = ["gene_set", "n_found", "p_value", "fdr"]
    pd.testing.assert_frame_equal(enrich_panel(["G0", "G1", "G30"], IDS, NAMES, SETS).table, wanted)
    pd.testing.assert_frame_equal(enrich_panel(table, IDS, NAMES, SETS).table, wanted)
    pd.testing.assert_frame_equal(enrich_panel(table, IDS, NAMES, by_id).table[numbers], wanted[numbers])
    entrez = [f"G{i}|{i}" for i in range(40)]
    pd.testing.assert_frame_equal(enrich_panel(["G0|0", "G1|1", "G30|30"], entrez, [""] * 40, SETS).table, wanted)


def test_names_count_once_and_absent_genes_are_counted():
    names = ["G1", *NAMES[1:]]  # two ids of one name
    found = enrich_panel(["e0", "e1", "e30", "zz"], IDS, names, SETS)
    assert found.counts["n_background"] == 39
    assert found.counts["n_selected"] == 2
    assert found.counts["n_panel_absent"] == 1


def test_random_panels_are_not_enriched():
    rng = np.random.default_rng(0)
    ids = [f"G{i}" for i in range(600)]
    sets = {f"s{i}": rng.choice(ids, 60, replace=False).tolist() for i in range(20)}
    p = np.concatenate([
        enrich_panel(rng.choice(ids, 150, replace=False), ids, [""] * 600, sets).table["p_value"] for _ in range(40)
    ])  # fmt: skip
    assert (p < 0.05).mean() < 0.06
    assert (p < 0.5).mean() > 0.3  # not merely blunt


def test_bad_input():
    with pytest.raises(ValueError, match="not in the matrix"):
        enrich_panel(["x", "y", "e1"], IDS, NAMES, SETS)
    with pytest.raises(ValueError, match="none of 40 genes of the matrix"):
        enrich_panel(["e1"], IDS, NAMES, {"s": list("ABCDEF")})
    with pytest.raises(ValueError, match="none of 40 genes of the matrix"):
        enrich_panel(["e1"], IDS, NAMES, {})
    with pytest.raises(ValueError, match="40 of 40 genes"):
        enrich_panel(IDS, IDS, NAMES, SETS)
    with pytest.raises(ValueError, match="lower min_size"):
        enrich_panel(["e1"], IDS, NAMES, SETS, min_size=30)
