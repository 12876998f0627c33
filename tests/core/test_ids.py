from __future__ import annotations

import gzip
from pathlib import Path

import pandas as pd
import pytest

from decode.core.ids import genes_of_id_map, par_y_ids, resolve_ids, strip_version, unresolved_warning
from decode.core.known_names import NamesOfGenes, names_of

GENES = pd.DataFrame(
    {
        "gene_id": ["ENSG01", "ENSG02", "ENSG03", "ENSG04", "ENSG05"],
        "gene_name": ["TP53", "MYC", "TWIN", "TWIN", "OLDNAME"],
    }
)
HGNC = (
    "hgnc_id\tsymbol\tprev_symbol\talias_symbol\tentrez_id\tensembl_gene_id\n"
    'H1\tTP53\t\t"P53|LFS1"\t7157\tENSG01\n'
    "H2\tMYC\tCMYC\tbHLHe39|SHARED\t4609\tENSG02\n"
    "H3\tTWIN\t\tSHARED\t3\tENSG03\n"
    "H4\tTWIN2\tTWINB\t\t4\tENSG04\n"
    "H5\tNEWNAME\tOLDNAME|OLDERNAME\t\t5\tENSG_not_here\n"
    "H6\tGONE\t\t\t6\tENSG99\n"
)


def hgnc(folder: Path) -> Path:
    path = folder / "hgnc.txt"
    path.write_text(HGNC)
    return path


def test_strip_version_of_ensembl_and_refseq_only() -> None:
    given = ["ENSG00000141510.17", "ENSMUSG00000059552.8", "NM_000546.6", "RP11-34P13.7", "AL627309.1", "G1.2", "TP53"]
    assert strip_version(given) == [
        "ENSG00000141510", "ENSMUSG00000059552", "NM_000546", "RP11-34P13.7", "AL627309.1", "G1.2", "TP53",
    ]  # fmt: skip


def test_par_y_copies_keep_an_id_of_their_own() -> None:
    given = ["ENSG00000182378.8", "ENSG00000182378.8_PAR_Y", "ENSGR0000182378.8"]
    assert strip_version(given) == ["ENSG00000182378", "ENSG00000182378_PAR_Y", "ENSGR0000182378"]
    assert par_y_ids(given) == given[1:]
    assert par_y_ids([]) == []


def test_ids_symbols_and_entrez_pairs() -> None:
    result = resolve_ids(["ENSG01.4", "MYC", "TP53|7157", "ENSG77", "tp53"], GENES)
    assert result.ids == ["ENSG01", "ENSG02", "ENSG01", None, None]
    assert result.counts["id"] == 1
    assert result.counts["symbol"] == 2
    assert result.counts["unresolved"] == 2
    assert result.counts["sharing_a_gene"] == 1
    assert result.counts["names"] == 5


def test_ambiguous_symbol_raises_with_candidates() -> None:
    with pytest.raises(ValueError, match=r"1 name\(s\) stand for several genes: TWIN \(ENSG03, ENSG04\)"):
        resolve_ids(["MYC", "TWIN"], GENES)


def test_ambiguous_symbol_is_counted_on_request() -> None:
    result = resolve_ids(["MYC", "TWIN"], GENES, on_ambiguous="count")
    assert result.ids == ["ENSG02", None]
    assert result.ambiguous == {"TWIN": ["ENSG03", "ENSG04"]}
    assert result.counts["ambiguous"] == 1


def test_hgnc_table_previous_symbols_aliases_entrez(tmp_path: Path) -> None:
    names = ["CMYC", "LFS1", "?|4609", "4609", "NEWNAME", "OLDERNAME", "TWIN2", "GONE"]
    result = resolve_ids(names, GENES, hgnc(tmp_path))
    assert result.ids == ["ENSG02", "ENSG01", "ENSG02", "ENSG02", "ENSG05", "ENSG05", "ENSG04", None]
    assert result.counts["previous_symbol"] == 2
    assert result.counts["alias"] == 1
    assert result.counts["id_map"] == 2
    assert result.counts["symbol"] == 2


def test_hgnc_table_decides_between_genes_of_one_name(tmp_path: Path) -> None:
    assert resolve_ids(["TWIN"], GENES, hgnc(tmp_path)).ids == ["ENSG03"]


def test_alias_of_two_genes_is_ambiguous(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"SHARED \(ENSG02, ENSG03\)"):
        resolve_ids(["SHARED"], GENES, hgnc(tmp_path))


def test_annotation_and_hgnc_disagree_on_a_symbol(tmp_path: Path) -> None:
    genes = pd.DataFrame({"gene_id": ["ENSG01", "ENSG02"], "gene_name": ["MYC", "other"]})
    assert resolve_ids(["MYC"], genes, hgnc(tmp_path), on_ambiguous="count").ambiguous == {"MYC": ["ENSG01", "ENSG02"]}


@pytest.mark.parametrize("delimiter", ["\t", ","])
@pytest.mark.parametrize("is_gzip", [True, False])
def test_two_column_map_in_either_order(tmp_path: Path, delimiter: str, is_gzip: bool) -> None:
    rows = [("name", "gene"), ("mine", "ENSG02.3"), ("ENSG03", "yours"), ("again", "TP53"), ("MYC", "ENSG04")]
    text = "".join(f"{a}{delimiter}{b}\n" for a, b in rows).encode()
    path = tmp_path / "map"
    path.write_bytes(gzip.compress(text) if is_gzip else text)
    result = resolve_ids(["mine", "yours", "again", "MYC"], GENES, path)
    assert result.ids == ["ENSG02", "ENSG03", "ENSG01", "ENSG04"]  # the map is asked before the symbols
    assert result.counts["id_map"] == 4


def test_genes_of_an_id_map(tmp_path: Path) -> None:
    table = genes_of_id_map(hgnc(tmp_path))
    assert table.head(2).to_numpy().tolist() == [["ENSG01", "TP53"], ["ENSG02", "MYC"]]
    pairs = tmp_path / "pairs"
    pairs.write_text("symbol\tgene\nTP53\tENSG01.2\nENSG02\tMYC\n")
    assert genes_of_id_map(pairs).to_numpy().tolist() == [["ENSG01", "TP53"], ["ENSG02", "MYC"]]


def test_genes_of_a_map_without_ensembl_ids(tmp_path: Path) -> None:
    path = tmp_path / "pairs"
    path.write_text("a\tb\n")
    with pytest.raises(ValueError, match="names no Ensembl gene id"):
        genes_of_id_map(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [("", "is empty"), ("\n\n", "is empty"), ("a\tb\nc\td\te\n", "line 2 has 3 column"), ("one\n", "line 1 has 1")],
)
def test_bad_id_maps(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "map"
    path.write_text(content)
    with pytest.raises(ValueError, match=message):
        resolve_ids(["MYC"], GENES, path)


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match="on_ambiguous is 'drop'"):
        resolve_ids([], GENES, on_ambiguous="drop")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="gene_name"):
        resolve_ids([], GENES[["gene_id"]])


def test_nothing_to_resolve() -> None:
    result = resolve_ids([], GENES)
    assert result.ids == []
    assert result.counts["names"] == 0


def test_numbers_and_dates_that_spreadsheets_make(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    genes = pd.DataFrame({"gene_id": ["ENSG1", "ENSG2"], "gene_name": ["A", "B"]})
    (tmp_path / "map.tsv").write_text("700\tENSG1\n701\tENSG2\n")
    found = resolve_ids(["700.0", "701", "1-Mar", "2002-09-02"], genes, tmp_path / "map.tsv")
    assert found.ids == ["ENSG1", "ENSG2", None, None]
    assert "2 names are dates that a spreadsheet made" in caplog.text


def test_an_id_map_loses_no_entry_between_stray_quotes(tmp_path: Path) -> None:
    genes = pd.DataFrame({"gene_id": ["ENSG1", "ENSG2", "ENSG3"], "gene_name": ["A", "B", "C"]})
    (tmp_path / "map.tsv").write_text('"x\tENSG1\ny\tENSG2\nz"\tENSG3\n')
    assert resolve_ids(["x", "y", "z"], genes, tmp_path / "map.tsv").ids == ["ENSG1", "ENSG2", "ENSG3"]


HUMAN = pd.DataFrame(
    {
        "gene_id": ["ENSG00000168385", "ENSG00000136997", "ENSG00000141510", "ENSG00000145416"],
        "gene_name": ["SEPT2", "MYC", "TP53", "MARCHF1"],
    }
)


def test_older_symbols_aliases_and_entrez_numbers_of_the_package() -> None:
    names = ["SEPTIN2", "c-Myc", "7157", "MARCH1", "MALAT1", "not a gene", "p53|7157"]
    found = resolve_ids(names, HUMAN)
    ids = HUMAN["gene_id"].tolist()
    assert found.ids == [ids[0], ids[1], ids[2], ids[3], None, None, ids[2]]
    assert found.outside == {"MALAT1"}
    assert (found.counts["known_name"], found.counts["outside"], found.counts["unresolved"]) == (5, 1, 1)


def test_an_alias_never_takes_a_gene_that_another_row_names() -> None:
    assert resolve_ids(["MYC", "c-Myc"], HUMAN).ids == ["ENSG00000136997", None]


def test_a_symbol_of_today_is_no_alias_of_another_gene() -> None:
    names = names_of([["A", "", "B", "ENSG00000000001", "1"], ["B", "", "", "ENSG00000000002", "2"]])
    assert NamesOfGenes({"ENSG00000000001": "A"}, names).find("B") is None  # B is a gene of its own
    assert NamesOfGenes({"ENSG00000000001": "A", "ENSG00000000002": ""}, names).find("B") == "ENSG00000000002"


def test_an_alias_of_two_genes_is_not_resolved() -> None:
    names = names_of([["A", "C", "", "ENSG00000000001", ""], ["B", "", "C", "ENSG00000000002", ""]])
    assert NamesOfGenes({"ENSG00000000001": "A"}, names).find("C") is None


def test_genes_of_other_species_are_left_alone() -> None:
    mouse = pd.DataFrame({"gene_id": ["ENSMUSG00000059552", "ENSMUSG00000022346"], "gene_name": ["Trp53", "Myc"]})
    assert resolve_ids(["TP53", "MALAT1"], mouse).counts["unresolved"] == 2


def test_names_that_are_no_gene_are_warned_of() -> None:
    found = resolve_ids(["MYC", "nothing"], HUMAN)
    assert "1 of 2 names (50%) are no gene that is known" in str(unresolved_warning("table", found))
    assert unresolved_warning("table", resolve_ids(["MYC", "MALAT1"], HUMAN)) is None


def test_an_id_map_without_a_hit_is_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "map.tsv"
    path.write_text("elsewhere\tENSG00000136997\n")
    resolve_ids(["nothing", "TP53"], HUMAN, path)
    assert "names none of the 1 names that are no gene id or symbol: nothing" in caplog.text
