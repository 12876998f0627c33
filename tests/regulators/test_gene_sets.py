from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from rankings import ranking_of

from decode.regulators.gene_sets import enrich_regulators

TFS, RBPS = [f"TF{i}" for i in range(20)], [f"RBP{i}" for i in range(20)]
SETS = {"tf": TFS[:10], "rbp": RBPS[:10], "mixed": [*TFS[10:15], *RBPS[10:15]]}


def ranking() -> pd.DataFrame:
    """Twenty TFs and twenty RBPs; RBPs score ten times higher all round. TF0 is also an RBP."""
    score = np.random.default_rng(0).lognormal(size=41) * np.repeat([1.0, 10.0, 10.0], [20, 20, 1])
    kinds = [*["TF"] * 20, *["RBP"] * 21]
    return ranking_of(score[:, None], [*TFS, *RBPS, "TF0"], ["liver"], kinds=kinds)


def test_a_class_with_higher_scores_does_not_make_its_sets_enriched_within_kinds():
    apart = enrich_regulators(ranking(), SETS, within_kind=True, n_permutations=500)
    together = enrich_regulators(ranking(), SETS, n_permutations=500)
    found = {name: result.tables["gsea"].set_index("gene_set") for name, result in (("a", apart), ("t", together))}
    assert found["t"].loc["rbp", "p_value"] < 0.01
    assert found["t"].loc["tf", "nes"] < 0
    assert found["a"].loc["rbp", "p_value"] > 0.05
    assert together.counts["genes"] == 40
    assert together.counts["shared_genes"] == 1
    assert "hypergeometric" not in together.tables


def test_one_kind_and_the_best_share():
    result = enrich_regulators(ranking(), SETS, kinds=["TF"], top_share=0.25, n_permutations=50)
    assert list(result.gene_sets) == ["tf", "mixed"]
    assert result.tables["hypergeometric"]["n_selected"].unique().tolist() == [5]
    assert result.counts["gene_sets"] == 3


def test_names_become_gene_ids_and_results_symbols():
    genes = pd.DataFrame({"gene_name": [*TFS, *RBPS]}).assign(gene_id=[f"ENSG{i:011d}" for i in range(40)])
    ids = dict(zip(genes["gene_name"], genes["gene_id"], strict=True))
    by_id = {name: [ids[gene] for gene in members] for name, members in SETS.items()}
    first = enrich_regulators(ranking(), SETS, n_permutations=50)
    second = enrich_regulators(ranking(), by_id, genes=genes, n_permutations=50)
    assert first.gene_sets == second.gene_sets
    pd.testing.assert_frame_equal(first.tables["gsea"], second.tables["gsea"])


def test_bad_input():
    with pytest.raises(ValueError, match="choose one"):
        enrich_regulators(ranking(), SETS, max_fdr=0.1, top_share=0.1)
    with pytest.raises(ValueError, match="between 0 and 1"):
        enrich_regulators(ranking(), SETS, top_share=1.0)
    with pytest.raises(ValueError, match="has no FDR for task overall"):
        enrich_regulators(ranking(), SETS, max_fdr=0.1)
    with pytest.raises(ValueError, match="has a gene"):
        enrich_regulators(ranking().assign(kind="miRNA").drop_duplicates(["task", "regulator"]), SETS)
    with pytest.raises(ValueError, match="none of 1 gene sets"):
        enrich_regulators(ranking(), {"other": ["X"]})
