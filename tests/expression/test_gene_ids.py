from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from decode.expression.gene_ids import clean_gene_ids, rename_genes, rows_by_gene


@pytest.mark.parametrize(
    ("written", "cleaned"),
    [
        ("ENSG00000000003.14", "ENSG00000000003"),
        ("ENSG00000000003", "ENSG00000000003"),
        ("ENST00000373020.8", "ENST00000373020"),
        ("ENSMUSG00000000001.4", "ENSMUSG00000000001"),
        ("ENSGR0000182378.8", "ENSGR0000182378"),  # GENCODE v19: the copy on Y has an id of its own
        ("NM_000014.6", "NM_000014"),
        ("AC005387.1", "AC005387.1"),  # symbols keep their dot
        ("RP11-34P13.7", "RP11-34P13.7"),
        ("TP53|7157", "TP53|7157"),
        ("7157", "7157"),
    ],
)
def test_versions(written, cleaned):
    assert clean_gene_ids([written], "demo")[0] == [cleaned]


def test_counts_and_positions():
    ids = ["ENSG00000182378.13_PAR_Y", "ENSG00000182378.13", "A"]
    assert clean_gene_ids(ids, "demo") == (
        ["ENSG00000182378", "A"],
        [1, 2],
        {"n_rows": 3, "n_versions_stripped": 1, "n_par_y_dropped": 1},
    )


def test_duplicates_raise_with_five_offenders():
    ids = [f"ENSG0000000000{i}.{version}" for i in range(7) for version in (1, 2)]
    with pytest.raises(ValueError, match=r"demo: gene ids occur more than once.*ENSG00000000004 \(\+2 more\)"):
        clean_gene_ids(ids, "demo")


def test_no_ids():
    assert clean_gene_ids([], "demo")[:2] == ([], [])


def test_rows_named_by_symbol_are_renamed_by_an_id_map(tmp_path: Path) -> None:
    (tmp_path / "map.tsv").write_text("TP53\tENSG00000141510\nMYC\tENSG00000136997\n")
    table = pd.DataFrame({"liver": [1.0, 2.0, 3.0]}, index=pd.Index(["MYC", "TP53|7157", "nothing"], name="gene_id"))
    renamed = rename_genes(table, tmp_path / "map.tsv")
    assert list(renamed.index) == ["ENSG00000136997", "ENSG00000141510", "nothing"]
    assert list(table.index) == ["MYC", "TP53|7157", "nothing"]  # the caller's table is not changed


def test_two_rows_for_one_gene_raise(tmp_path: Path) -> None:
    (tmp_path / "map.tsv").write_text("TP53\tENSG00000141510\nP53\tENSG00000141510\n")
    table = pd.DataFrame({"liver": [1.0, 2.0]}, index=["TP53", "P53"])
    with pytest.raises(ValueError, match="ENSG00000141510"):
        rename_genes(table, tmp_path / "map.tsv")


def test_rows_by_gene_keeps_one_row_a_gene_and_counts_the_rest() -> None:
    genes = pd.DataFrame({"gene_id": ["ENSG1", "ENSG2", "ENSG3"], "gene_name": ["A", "B", "B"]})
    table = pd.DataFrame({"x": [1.0, 4.0, 2.0, 9.0], "y": [1.0, 4.0, 3.0, 9.0]}, index=["A", "ENSG2", "ENSG1", "B"])
    kept, counts = rows_by_gene(table, genes, name="demo")
    assert kept.index.tolist() == ["ENSG2", "ENSG1"]  # in the order of the table; of the two rows of A the higher
    assert kept["y"].tolist() == [4.0, 3.0]
    assert (counts["names"], counts["n_kept"], counts["sharing_a_gene"], counts["ambiguous"]) == (4, 2, 1, 1)


def test_rows_by_gene_of_another_genome_raise() -> None:
    genes = pd.DataFrame({"gene_id": ["ENSG1", "ENSG2", "ENSG3"], "gene_name": ["A", "B", "C"]})
    with pytest.raises(ValueError, match="demo: 1 of 3 rows match"):
        rows_by_gene(pd.DataFrame({"x": [1.0, 2.0, 3.0]}, index=["A", "no", "neither"]), genes, name="demo")


def test_an_id_map_that_names_no_row_is_refused(tmp_path):
    (tmp_path / "map.tsv").write_text("elsewhere\tENSG00000136997\n")
    with pytest.raises(ValueError, match="names none of the 2 rows"):
        rename_genes(pd.DataFrame({"x": [1.0, 2.0]}, index=["no gene 1", "no gene 2"]), tmp_path / "map.tsv")
