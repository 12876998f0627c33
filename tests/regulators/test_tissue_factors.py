from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from decode.regulators.tissue_factors import listed_factors, tissue_factors


def test_what_features_lack_of_a_tissue():
    found = tissue_factors("liver", ["TF:CEBPB", "TF:FOXA2", "TF:HNF4A::RXRA", "RBP:HNF1A"])
    assert found.with_sites == ("HNF4A", "FOXA2")
    assert {"HNF1A", "FOXA1"} <= set(found.without_sites)
    assert tissue_factors("treated", []) is None
    assert tissue_factors("Heart muscle (left ventricle)", []).tissue == "heart muscle"
    assert tissue_factors("muscle", []) is None


def test_every_factor_stands_once():
    for tissue, factors in listed_factors().items():
        assert len(set(factors)) == len(factors) >= 3, tissue


@pytest.mark.real_data
def test_listed_factors_are_expressed_in_their_tissue(shared):
    """Each at twice its median over 37 tissues or more."""
    table = pd.read_csv(shared / "data" / "expression" / "hpa_gtex_tissue_tpm.tsv.gz", sep="\t", index_col=0)
    names = pd.read_csv(shared / "data" / "gene_lists" / "ensembl_to_symbol.tsv.gz", sep="\t", dtype=str)
    log2_tpm = np.log2(table + 0.25)
    change = log2_tpm.sub(log2_tpm.median(axis=1), axis=0)
    names = names[names["ensembl_gene_id"].isin(change.index)]  # without those of alternative haplotypes
    of_symbol = dict(zip(names["hgnc_symbol"], names["ensembl_gene_id"], strict=True))
    assert set(listed_factors()) <= set(change.columns)
    for tissue, factors in listed_factors().items():
        for factor in factors:
            assert change.loc[of_symbol[factor], tissue] >= 1, (tissue, factor)
