from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from decode.drivers.factors import factors_without_sites, is_sequence_specific, read_sequence_specific
from decode.expression.readers import read_expression

GENES = pd.DataFrame({"gene_id": [f"E{i}" for i in range(6)], "gene_name": ["HNF4A", "MYC", "MAX", "POLR2A", "X", "Y"]})
REGULATORS = pd.DataFrame(
    {"kind": ["TF", "TF", "RBP", "TF", "miRNA"], "regulator": ["MYC::MAX", "POLR2A", "HNF4A", "nothing", "miR-1"]}
)


def test_the_list_is_read_once_a_name(tmp_path: Path) -> None:
    path = tmp_path / "tfs.txt"
    path.write_text("# Lambert\nMYC\tbHLH\nHNF4A\n\nMYC\n")
    assert read_sequence_specific(path) == ["MYC", "HNF4A"]
    path.write_text("# nothing\n")
    with pytest.raises(ValueError, match="names nothing"):
        read_sequence_specific(path)


def test_sequence_specific_is_known_for_tfs_only() -> None:
    found = is_sequence_specific(REGULATORS, ["MAX", "HNF4A"], GENES)
    assert [None if pd.isna(one) else bool(one) for one in found] == [True, False, None, None, None]
    with pytest.raises(ValueError, match="sequence-specific factors: 1 of 3 rows match"):
        is_sequence_specific(REGULATORS, ["MAX", "Q1", "Q2"], GENES)


def test_a_factor_without_sites_is_named_with_its_rank() -> None:
    statistic = pd.DataFrame({"liver": [9.0, -12.0, 1.0, 30.0, -2.0, np.nan], "flat": 0.0}, index=GENES["gene_id"])
    found = factors_without_sites(statistic, ["HNF4A", "MYC", "X", "Y"], GENES, REGULATORS)
    # MYC has sites as part of a complex; HNF4A has them on RNA only; Y is not measured; POLR2A is not in the list
    assert found[["contrast", "factor", "gene_id", "statistic", "rank", "n_factors"]].to_numpy().tolist() == [
        ["liver", "HNF4A", "E0", 9.0, 2, 3],
        ["liver", "X", "E4", -2.0, 3, 3],
    ]
    assert len(factors_without_sites(statistic, ["HNF4A", "MYC", "X"], GENES, REGULATORS, n=1)) == 1


@pytest.mark.real_data
def test_hnf4a_is_named_where_the_features_lack_it(shared: Path) -> None:
    folder = shared / "data"
    lists = pd.read_csv(folder / "gene_lists" / "ensembl_to_symbol.tsv.gz", sep="\t")
    genes = lists.iloc[:, :2].set_axis(["gene_id", "gene_name"], axis=1).drop_duplicates("gene_id")
    genes = genes[~genes["gene_name"].duplicated(keep=False)]
    tissues = np.log2(read_expression(folder / "expression" / "hpa_gtex_tissue_tpm.tsv.gz") + 1)
    liver = (tissues["liver"] - tissues.median(axis=1)).reindex(genes["gene_id"]).to_frame("liver")
    sites = pd.read_csv(folder / "hg19" / "tf_chip_encode.bed.gz", sep="\t", header=None, usecols=[3], nrows=200_000)
    regulators = pd.DataFrame({"kind": "TF", "regulator": sites[3].unique()})
    names = read_sequence_specific(folder / "gene_lists" / "tf_lambert2018.txt")
    found = factors_without_sites(liver, names, genes, regulators)
    assert "HNF4A" in found["factor"].tolist()
    assert not set(found["factor"]) & set(regulators["regulator"])
