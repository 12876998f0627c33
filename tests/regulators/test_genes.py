from __future__ import annotations

import pandas as pd
import pytest

from decode.regulators.genes import genes_of_names, read_complexes, regulator_genes

GENES = pd.DataFrame({"gene_id": ["ENSG01", "ENSG02", "ENSG03", "ENSG04"], "gene_name": ["MAX", "MYC", "DUX4", "DUX4"]})


def regulators(*names: str, kind: str = "TF") -> pd.DataFrame:
    return pd.DataFrame({"kind": kind, "regulator": list(names)})


def test_one_gene_several_or_none(caplog):
    table = pd.concat([regulators("MYC", "MAX::MYC", "POL"), regulators("miR-1", kind="miRNA")])
    found = regulator_genes(table, GENES)
    assert found.genes == {
        ("TF", "MYC"): ("ENSG02",),
        ("TF", "MAX::MYC"): ("ENSG01", "ENSG02"),
        ("TF", "POL"): (),
        ("miRNA", "miR-1"): (),
    }
    assert found.counts == {"regulators": 4, "one_gene": 1, "several_genes": 1, "no_gene_mirna": 1, "not_found": 1}
    assert "1 regulators have no gene of that name and are left out: POL" in caplog.text


def test_a_protein_of_two_kinds_is_two_regulators():
    found = regulator_genes(pd.concat([regulators("MYC"), regulators("MYC", kind="RBP")]), GENES)
    assert found.genes == {("TF", "MYC"): ("ENSG02",), ("RBP", "MYC"): ("ENSG02",)}


def test_stated_complexes_come_first(tmp_path):
    path = tmp_path / "complexes.tsv"
    path.write_text("regulator\tgene\nDIMER\tMYC\nDIMER\tMAX\n")
    found = regulator_genes(regulators("DIMER"), GENES, complexes=read_complexes(path))
    assert found.genes["TF", "DIMER"] == ("ENSG02", "ENSG01")
    with pytest.raises(KeyError, match="complexes not in the ranking"):
        regulator_genes(regulators("MYC"), GENES, complexes={"DIMER": ["MYC"]})


def test_an_ambiguous_regulator_raises_and_an_ambiguous_list_name_has_all_candidates():
    with pytest.raises(ValueError, match="stand for several genes"):
        regulator_genes(regulators("DUX4"), GENES)
    assert genes_of_names(["DUX4", "MYC", "none"], GENES) == {
        "DUX4": ("ENSG03", "ENSG04"),
        "MYC": ("ENSG02",),
        "none": (),
    }


def test_bad_complexes(tmp_path):
    path = tmp_path / "complexes.tsv"
    path.write_text("DIMER MYC\n")
    with pytest.raises(ValueError, match="write regulator<TAB>gene"):
        read_complexes(path)
    path.write_text("regulator\tgene\n")
    with pytest.raises(ValueError, match="no line"):
        read_complexes(path)
