from __future__ import annotations

import gzip
import logging
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

from decode.expression import read_expression, read_expression_with_counts

GENES = ["ENSG00000000003", "ENSG00000000005"]
VALUES = [[1.5, 2.0, 3.0], [0.0, 4.0, 5.25]]
EXPECTED = pd.DataFrame(VALUES, index=pd.Index(GENES, name="gene_id"), columns=["liver", "lung", "skin"])
ROWS = "ENSG00000000003.14\t1.5\t2\t3\nENSG00000000005.5\t0\t4\t5.25\n"


def written(folder: Path, text: str | bytes, name: str = "table.tsv", *, compress: bool = False) -> Path:
    content = text.encode() if isinstance(text, str) else text
    path = folder / name
    path.write_bytes(gzip.compress(content) if compress else content)
    return path


def gct(rows: str = "", header: str = "Name\tDescription\tliver\tlung\tskin", sizes: str = "2\t3") -> str:
    rows = rows or 'ENSG00000000003.14\tTS"PAN6\t1.5\t2\t3\nENSG00000000005.5\tTNMD\t0\t4\t5.25\n'
    return f"#1.2\n{sizes}\n{header}\n{rows}"


FORMATS = {
    "tsv": "gene_id\tliver\tlung\tskin\n" + ROWS,
    "csv": "gene_id,liver,lung,skin\n" + ROWS.replace("\t", ","),
    "semicolon": "gene_id;liver;lung;skin\n" + ROWS.replace("\t", ";"),
    "windows line ends": ("gene_id\tliver\tlung\tskin\n" + ROWS).replace("\n", "\r\n"),
    "byte order mark": "\ufeffgene_id\tliver\tlung\tskin\n" + ROWS,
    "no last line end": ("gene_id\tliver\tlung\tskin\n" + ROWS).rstrip(),
    "row names without header (R)": '"liver"\t"lung"\t"skin"\n'
    + ROWS.replace("ENSG00000000003.14", '"ENSG00000000003"'),
    "index without name (pandas)": "\tliver\tlung\tskin\n" + ROWS,
    "comment lines": "# made by a tool\n##more\ngene_id\tliver\tlung\tskin\n" + ROWS,
    "hash before the header": "#gene_id\tliver\tlung\tskin\n" + ROWS,
    "blanks around numbers": "gene_id\tliver\tlung\tskin\n" + ROWS.replace("\t2\t", "\t 2 \t"),
    "description column": (
        "gene_id\tgene_name\tliver\tlung\tskin\nENSG00000000003.14\tTSPAN6\t1.5\t2\t3\nENSG00000000005\tNA\t0\t4\t5.25\n"
    ),
    "quoted comma": 'gene_id,Description,liver,lung,skin\nENSG00000000003,"a, b",1.5,2,3\nENSG00000000005,c,0,4,5.25\n',
    "gct": gct(),
    "gct of v7 medians": gct(header="gene_id\tDescription\tliver\tlung\tskin"),
    "gct with trailing tabs on line 2": gct(sizes="2\t3\t\t\t"),
    "gct by tissue": gct(
        "0\tENSG00000000003.14\tA\t1.5\t2\t3\n1\tENSG00000000005.5\tB\t0\t4\t5.25\n",
        header="id\tName\tDescription\tliver\tlung\tskin",
    ),
    "gct 1.3": (
        "#1.3\n2\t3\t1\t1\nid\tsymbol\tliver\tlung\tskin\nbatch\tna\tx\ty\tz\n"
        "ENSG00000000003.14\tA\t1.5\t2\t3\nENSG00000000005.5\tB\t0\t4\t5.25\n"
    ),
}


@pytest.mark.parametrize("compress", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("text", FORMATS.values(), ids=FORMATS.keys())
def test_every_text_format_gives_the_same_table(tmp_path, text, compress):
    # the name says nothing: the content decides
    table = read_expression(written(tmp_path, text, "table.txt", compress=compress))
    pd.testing.assert_frame_equal(table, EXPECTED, check_column_type=False)
    assert not table.attrs


def write_gctx(path: Path, matrix: np.ndarray, rows: list, columns: list) -> Path:
    with h5py.File(path, "w") as handle:
        handle["/0/DATA/0/matrix"] = matrix
        handle["/0/META/ROW/id"] = rows
        handle["/0/META/COL/id"] = columns
    return path


def test_gctx_is_stored_samples_by_genes(tmp_path):
    path = write_gctx(tmp_path / "a.bin", np.array(VALUES, "f4").T, GENES, ["liver", "lung", "skin"])
    pd.testing.assert_frame_equal(read_expression(path), EXPECTED, check_column_type=False)
    packed = written(tmp_path, path.read_bytes(), "b.gctx.gz", compress=True)
    pd.testing.assert_frame_equal(read_expression(packed), EXPECTED, check_column_type=False)


def test_square_gctx_follows_the_format_too(tmp_path):
    path = write_gctx(tmp_path / "a.gctx", np.array([[1.0, 2.0], [3.0, 4.0]]), ["A", "B"], ["liver", "lung"])
    assert read_expression(path).loc["A"].tolist() == [1.0, 3.0]


def test_gctx_against_the_convention_is_turned_and_said(tmp_path, caplog):
    path = write_gctx(tmp_path / "a.gctx", np.array(VALUES), GENES, ["liver", "lung", "skin"])
    pd.testing.assert_frame_equal(read_expression(path), EXPECTED, check_column_type=False)
    assert "against the GCTX convention" in caplog.text


def test_gctx_with_numeric_ids(tmp_path):
    path = write_gctx(tmp_path / "a.gctx", np.array([[1.0, 2.0]]), np.array([5720, 466]), ["s1"])
    assert read_expression(path).index.tolist() == ["5720", "466"]


def test_gctx_faults(tmp_path):
    with pytest.raises(ValueError, match=r"shape \(2, 2\), the file lists 3 genes and 1 samples"):
        read_expression(write_gctx(tmp_path / "a.gctx", np.ones((2, 2)), ["A", "B", "C"], ["s"]))
    with pytest.raises(ValueError, match="row B, column s2: inf"):
        read_expression(write_gctx(tmp_path / "b.gctx", np.array([[1, 2], [3, np.inf]]), ["A", "B"], ["s1", "s2"]))
    with pytest.raises(ValueError, match=r"sample names .* more than once: s"):
        read_expression(write_gctx(tmp_path / "c.gctx", np.ones((2, 2)), ["A", "B"], ["s", "s"]))
    with h5py.File(tmp_path / "d.h5", "w") as handle:
        handle["x"] = [1]
    with pytest.raises(ValueError, match="no readable GCTX file"):
        read_expression(tmp_path / "d.h5")
    with pytest.raises(ValueError, match="no readable GCTX file"):
        read_expression(written(tmp_path, (tmp_path / "a.gctx").read_bytes()[:900], "e.gctx"))
    with pytest.raises(ValueError, match="has 0 genes and 1 samples"):
        read_expression(write_gctx(tmp_path / "f.gctx", np.ones((1, 0)), np.array([], "S1"), ["s"]))


def test_transcript_table_keeps_the_transcript_id(tmp_path):
    text = "transcript_id\tgene_id\ts1\nENST00000373020.8\tENSG00000000003.14\t1\n"
    table = read_expression(written(tmp_path, text))
    assert (table.index.name, table.index.tolist()) == ("transcript_id", ["ENST00000373020"])
    assert read_expression(written(tmp_path, "target_id\ts1\nNM_1.2\t1\n")).index.name == "transcript_id"  # kallisto
    assert read_expression(written(tmp_path, "gene_id\ttranscript_id(s)\ts1\nA\tT1,T2\t1\n")).index.name == "gene_id"
    text = "#1.2\n1\t1\ntranscript_id\tgene_id\ts1\nENST00000373020.8\tENSG00000000003.14\t1\n"
    table = read_expression(written(tmp_path, text))
    assert (table.index.name, table.index.tolist()) == ("transcript_id", ["ENST00000373020"])


def test_missing_values_are_counted(tmp_path, caplog):
    spellings = ["", "NA", "NaN", "nan", "null", "N/A", "None"]
    text = "gene\ta\tb\n" + "".join(f"G{i}\t1\t{cell}\n" for i, cell in enumerate(spellings))
    table, counts = read_expression_with_counts(written(tmp_path, text))
    assert table["b"].isna().all()
    assert table["a"].notna().all()
    assert counts == {
        "n_rows": 7,
        "n_rows_without_a_name": 0,
        "n_versions_stripped": 0,
        "n_par_y_dropped": 0,
        "n_genes": 7,
        "n_samples": 2,
        "n_missing": 7,
        "n_genes_with_missing": 7,
    }
    assert "7 missing values (50.00 %) in 7 genes" in caplog.text


def test_par_y_rows_are_left_out_and_counted(tmp_path, caplog):
    text = "gene\ta\nENSG00000182378.13\t1\nENSG00000182378.13_PAR_Y\t0\n"
    table, counts = read_expression_with_counts(written(tmp_path, text))
    assert table.index.tolist() == ["ENSG00000182378"]
    assert (counts["n_par_y_dropped"], counts["n_versions_stripped"], counts["n_genes"]) == (1, 1, 1)
    assert "1 rows of PAR_Y" in caplog.text


def test_skipped_columns_are_logged(tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        read_expression(written(tmp_path, FORMATS["description column"]))
    assert "left out: gene_name" in caplog.text


def test_numbers_keep_full_precision(tmp_path):
    numbers = [0.1 + 0.2, 1 / 3, 1e-300, 123456789.123456789, 5e-324]
    text = "gene\ta\n" + "".join(f"G{i}\t{number!r}\n" for i, number in enumerate(numbers))
    assert read_expression(written(tmp_path, text))["a"].tolist() == numbers


def test_one_gene_one_sample(tmp_path):
    table = read_expression(written(tmp_path, "gene\ts\nA\t1\n"))
    assert table.loc["A", "s"] == 1.0
    table.loc["A", "s"] = 2.0  # the frame is the caller's own
    assert table.loc["A", "s"] == 2.0


FAULTS = {
    "text cell": (
        "g\ta\tb\nA\t1\tx\nB\ty\t2\n",
        r"text where a number belongs: row B \(line 3\), column a: 'y'; row A",
    ),
    "decimal comma": ("g\ta\nA\t1,5\n", "column a: '1,5'"),
    "many text cells": ("g\ta\n" + "".join(f"G{i}\tx\n" for i in range(9)), r"\(\+4 more\)"),
    "infinite": ("g\ta\tb\nA\t1\tinf\n", "infinite values: row A, column b: inf"),
    "too big for a double": ("g\ta\nA\t1e999\n", "infinite values: row A, column a"),
    "short row": ("g\ta\tb\nA\t1\t2\nB\t1\n", "header's 3: line 3 has 2"),
    "long row": ("g\ta\tb\nA\t1\t2\nB\t1\t2\t3\n", "header's 3: line 3 has 4"),
    "short and long row": ("g\ta\tb\nA\t1\nB\t1\t2\t3\n", "line 2 has 2, line 3 has 4"),
    "blank line": ("g\ta\nA\t1\n\nB\t1\n", "line 3 has 0"),
    "duplicate ids": ("g\ta\nENSG00000000003.1\t1\nENSG00000000003.2\t1\n", "more than once.*: ENSG00000000003; keep"),
    "duplicate samples": ("g\ta\ta\nA\t1\t2\n", "column names of .* more than once: a"),
    "unnamed sample": ("g\ta\t\nA\t1\t2\n", "columns without a name: column 3"),
    "empty id": ("g\ta\n\t1\n", "no id in column 'g'"),
    "no rows": ("g\ta\n", "a header but no row"),
    "one column": ("gene\nA\n", "header of one column"),
    "only ids and names": ("gene\tDescription\nA\tB\n", "no column of numbers"),
    "only comments": ("# nothing\n", "comments and no table"),
    "blank file": (" \n \n", "holds no text"),
    "latin-1": (b"g\ta\nA\t1\nB\xe9\t2\n", "not UTF-8 text \\(line 3\\)"),
    "latin-1 header": (b"g\ta\xe9\nA\t1\n", "not UTF-8 text \\(line 1\\)"),
    "spreadsheet": (b"PK\x03\x04rest", "zip archive or a spreadsheet"),
    "binary": (b"a\0b\tc\n", "is a binary file"),
    "other gct": ("#1.1\n1\t1\n", "GCT version '1.1'"),
    "gct without sizes": (gct(sizes="2"), "line 2 gives no sizes"),
    "gct cut in the header": ("#1.2\n2\t3\n", "line 2 gives no sizes|header has"),
    "gct rows": (gct(sizes="3\t3"), "line 2 gives 3 rows, the file has 2"),
    "gct samples": (gct(sizes="2\t9"), "line 2 gives 9 samples, the header has 5"),
    "gct fewer samples": (gct(sizes="2\t1"), "line 2 gives 1 samples, the header has 5"),
    "gct text": (gct("A\td\tx\t1\t2\nB\td\t1\t1\t1\n"), r"row A \(line 4\), column liver: 'x'"),
}


@pytest.mark.parametrize(("text", "message"), FAULTS.values(), ids=FAULTS.keys())
def test_faults_are_named(tmp_path, text, message):
    with pytest.raises(ValueError, match=message) as caught:
        read_expression(written(tmp_path, text))
    assert "\n" not in str(caught.value)
    assert "table.tsv" in str(caught.value)


def test_file_faults(tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist"):
        read_expression(tmp_path / "absent.tsv")
    with pytest.raises(ValueError, match="is a folder"):
        read_expression(tmp_path)
    with pytest.raises(ValueError, match="is empty"):
        read_expression(written(tmp_path, ""))
    whole = gzip.compress(FORMATS["tsv"].encode())
    with pytest.raises(ValueError, match="truncated or damaged gzip"):
        read_expression(written(tmp_path, whole[: len(whole) // 2], "cut.tsv.gz"))


@pytest.mark.real_data
def test_hpa_table(shared):
    table, counts = read_expression_with_counts(shared / "data/expression/hpa_gtex_tissue_tpm.tsv.gz")
    assert table.shape == (20090, 37)
    assert table.loc["ENSG00000000003", "adrenal gland"] == 15.2
    assert (counts["n_missing"], counts["n_genes_with_missing"]) == (11736, 326)


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_rows_between_two_stray_quotes_stay(tmp_path, ends):
    rows = [
        f"ENSG{number:011d}\t{'5' + chr(34) + ' end' if number in (3, 9) else 'x'}\t{number}.5" for number in range(12)
    ]
    path = tmp_path / "tpm.tsv"
    path.write_bytes(ends.join(["gene_id\tdescription\tliver", *rows]).encode())
    assert read_expression(path)["liver"].tolist() == [number + 0.5 for number in range(12)]


def test_rows_that_a_quote_hides_are_named(tmp_path):
    path = tmp_path / "tpm.csv"
    path.write_text('gene_id,description,liver\nA,"x,1\nB,y,2\nC,"z,3\n')
    assert read_expression(path)["liver"].tolist() == [1, 2, 3]
    path.write_text('gene_id,description,liver\nA,"x,w,1\nB,y,2\nC,"z,3\n')
    with pytest.raises(ValueError, match=r"double quote is left open in line 2"):
        read_expression(path)


def test_rows_that_end_in_a_separator_too_many(tmp_path):
    path = tmp_path / "roadmap.tsv"
    path.write_text("gene_id\tE000\tE003\nENSG1\t23.1\t43.9\t\nENSG2\t0.8\t0\t\n")
    assert read_expression(path).to_dict("list") == {"E000": [23.1, 0.8], "E003": [43.9, 0.0]}
    path.write_text("E000\tE003\nENSG1\t23.1\t43.9\nENSG2\t0.8\t\n")  # R's row names, and a missing value
    assert read_expression(path)["E000"].tolist() == [23.1, 0.8]


@pytest.mark.parametrize(
    ("header", "tool"),
    [
        ("gene_id\ttranscript_id(s)\tlength\teffective_length\texpected_count\tTPM\tFPKM", "RSEM"),
        ("target_id\tlength\teff_length\test_counts\ttpm", "kallisto"),
        ("Name\tLength\tEffectiveLength\tTPM\tNumReads", "Salmon"),
        ("Gene ID\tGene Name\tReference\tStrand\tStart\tEnd\tCoverage\tFPKM\tTPM", "StringTie"),
    ],
)
def test_the_file_of_one_sample_is_refused_with_the_way_out(tmp_path, header, tool):
    path = tmp_path / "one"
    path.write_text(header + "\n" + "\t".join(["A", *["1"] * header.count("\t")]) + "\n")
    with pytest.raises(ValueError, match=rf"what {tool} writes of one sample.*side by side.*--samples-from"):
        read_expression(path)


def test_feature_counts_and_genes_in_columns(tmp_path):
    path = tmp_path / "counts.txt"
    header = "# Program:featureCounts\nGeneid\tChr\tStart\tEnd\tStrand\tLength\ta.bam\n"
    path.write_text(header + "A\tchr1;chr1\t1;9\t5;20\t+;+\t15\t7\n")
    assert read_expression(path).to_dict("list") == {"a.bam": [7.0]}
    for names in (["TP53 (7157)", "MYC (4609)"] * 6, [f"ENSG{number:011d}" for number in range(12)]):
        columns = [f"{name.split(' (')[0]}{number} (1)" if "(" in name else name for number, name in enumerate(names)]
        path.write_text(",".join(["", *columns]) + "\n" + ",".join(["LINE-1", *["2"] * 12]) + "\n")
        with pytest.raises(ValueError, match=r"has genes in its columns .*transpose it"):
            read_expression(path)


@pytest.mark.parametrize("header_end", ["", "\t"])
@pytest.mark.parametrize("row_end", ["", "\t"])
def test_separators_at_the_end_of_rows_or_header_hold_no_column(tmp_path, header_end, row_end):
    rows = "".join(f"ENSG{i:011d}\t{i}.5\t{i + 1}{row_end}\n" for i in range(60))  # as Roadmap's RPKM tables
    found = read_expression(written(tmp_path, f"gene_id\tE000\tE003{header_end}\n{rows}"))
    assert found.columns.tolist() == ["E000", "E003"]
    assert found.iloc[[0, 59]].to_numpy().tolist() == [[0.5, 1.0], [59.5, 60.0]]
