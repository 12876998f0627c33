from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from decode.expression.de_table import DeTable
from decode.expression.de_tables import read_de_table
from decode.expression.gene_signature import read_signature

# written by R 4.2: write.csv(topTable(eBayes(lmFit(x, design)), coef = 2, number = Inf)), limma 3.54.1
LIMMA = """"","logFC","AveExpr","t","P.Value","adj.P.Val","B"
"ENSG00000000005.5",5.57590557072391,2.35704216608655,7.3602205650061,1.33561706056884e-07,8.01370236341305e-07,19.8
"ENSG00000000460.16",-1.20191443524643,0.00740900809920434,-1.58653248902312,0.125707626762254,0.260692245124426,-5.06
"ENSG00000000003.14",1.18666394445916,0.339910192611032,1.5664017722283,0.130346122562213,0.260692245124426,-5.09
"""
# the same with write.table(sep = "\\t"): the column of row names has no header
LIMMA_TABLE = """"logFC"\t"AveExpr"\t"t"\t"P.Value"\t"adj.P.Val"\t"B"
"ENSG00000000005.5"\t5.57590557072391\t2.35704216608655\t7.3602205650061\t1.3e-07\t8.0e-07\t19.8
"""
# the same where two rows of the matrix have one name: limma moves the names into a column ID
LIMMA_REPEATED = """"","ID","logFC","AveExpr","t","P.Value","adj.P.Val","B"
"2","ENSG00000000005.5",5.57590557072391,2.35704216608655,7.3602205650061,1.33e-07,8.0e-07,19.8
"3","ENSG00000000005.5",0.0952566063585681,0.335989522308135,0.125739151099361,0.90,0.90,-6.2
"""
LIMMA_F = """"","x2","x3","AveExpr","F","P.Value","adj.P.Val"
"A",5.23331581687837,1.02776926153659,2.35704216608655,24.2835968312319,9.89e-06,5.9e-05
"""
DESEQ2 = """"","baseMean","log2FoldChange","lfcSE","stat","pvalue","padj"
"TP53",1023.4,1.5,0.2,7.5,6.4e-14,1e-12
"MYC",63,-0.5,0.25,-2,0.0455,NA
"NONE",0,NA,NA,NA,NA,NA
"""
DESEQ2_LRT = """"","baseMean","log2FoldChange","lfcSE","stat","pvalue","padj"
"TP53",1023.4,1.5,0.2,9,0.0027,0.01
"MYC",63,-0.5,0.25,4,0.0455,0.1
"""
EDGER_F = """"","logFC","logCPM","F","PValue","FDR"
"TP53",1.5,6.1,9,0.003,0.01
"MYC",-0.5,2.1,4,0.05,0.1
"""
SCANPY = """,group,names,scores,logfoldchanges,pvals,pvals_adj
0,T cells,CD3D,10.5,2.5,0.0,0.0
1,T cells,MS4A1,-9.5,-3.0,0.0,0.0
2,B cells,MS4A1,12.0,3.5,0.0,0.0
3,B cells,CD3D,-8.0,-2.0,1e-12,1e-11
"""
SEURAT = """"","p_val","avg_log2FC","pct.1","pct.2","p_val_adj","cluster","gene"
"CD3D",0,2,0.5,0.1,0,"T","CD3D"
"CD3D1",0.05,-2,0.5,0.1,1,"B","CD3D"
"""


@pytest.fixture
def read(tmp_path: Path):
    def call(text: str, **options: str) -> DeTable:
        path = tmp_path / "contrast.csv"
        path.write_text(text)
        return read_de_table(path, **options)

    return call


@pytest.mark.parametrize("text", [LIMMA, LIMMA_TABLE, LIMMA_REPEATED])
def test_limma(read, text):
    table = read(text)
    assert (table.source, table.rule, table.contrasts) == ("limma", "column t", ["contrast"])
    assert table.statistic.loc["ENSG00000000005.5", "contrast"] == 7.3602205650061
    assert table.mean_expression["ENSG00000000005.5"] == 2.35704216608655
    assert table.log2_fold_change.loc["ENSG00000000005.5", "contrast"] == 5.57590557072391


def test_repeated_gene_keeps_the_row_of_the_highest_expression(read, caplog):
    table = read(LIMMA_REPEATED)
    assert (table.counts["n_rows"], table.counts["n_rows_repeated"], len(table.statistic)) == (2, 1, 1)
    assert "1 rows repeat a gene" in caplog.text


def test_deseq2(read):
    table = read(DESEQ2)
    assert (table.source, table.rule) == ("DESeq2", "column stat")
    assert table.statistic["contrast"].tolist()[:2] == [7.5, -2.0]
    assert table.counts["n_without_statistic"] == {"contrast": 1}
    assert table.mean_expression.tolist() == [np.log2(1024.4), 6.0, 0.0]
    assert table.adjusted_p["contrast"].isna().tolist() == [False, True, True]


def test_chi_square_of_deseq2_takes_the_sign_of_the_fold_change(read):
    table = read(DESEQ2_LRT)
    assert table.statistic["contrast"].tolist() == [3.0, -2.0]
    assert table.rule == "square root of stat with the sign of log2FoldChange"


def test_edger(read):
    table = read(EDGER_F)
    assert (table.source, table.statistic["contrast"].tolist()) == ("edgeR", [3.0, -2.0])
    assert read(EDGER_F.replace('"F"', '"LR"')).statistic["contrast"].tolist() == [3.0, -2.0]
    exact = read('"","logFC","logCPM","PValue","FDR"\n"A",-1.5,6.1,0.003,0.01\n')
    assert exact.statistic.loc["A", "contrast"] == pytest.approx(norm.ppf(0.0015))


def test_scanpy_groups_are_contrasts(read):
    for text in (SCANPY, "\n".join(line.partition(",")[2] for line in SCANPY.splitlines())):
        table = read(text)
        assert (table.source, table.contrasts) == ("scanpy", ["T cells", "B cells"])
        expected = pd.DataFrame({"T cells": [10.5, -9.5], "B cells": [-8.0, 12.0]}, index=["CD3D", "MS4A1"])
        pd.testing.assert_frame_equal(table.statistic, expected)
        assert table.log2_fold_change.loc["MS4A1", "B cells"] == 3.5


def test_seurat_and_p_values_of_zero(read):
    table = read(SEURAT)
    assert (table.source, table.contrasts) == ("Seurat", ["T", "B"])
    assert table.statistic.loc["CD3D"].tolist() == pytest.approx([norm.isf(0.5e-300), norm.ppf(0.025)])


def test_fold_change_alone(read):
    assert read("gene\tlogFC\nA\t-1.5\n").statistic.loc["A", "contrast"] == -1.5


def test_matrix(read):
    table = read("gene_id\tmedian_level\tliver\tbrain\nA\t5\t-1\t-2\nB\t5\t\t3\n")
    assert (table.source, table.contrasts) == ("matrix", ["liver", "brain"])
    assert table.counts["n_without_statistic"] == {"liver": 1, "brain": 0}
    forced = read("gene,t,logFC\nA,1,2\n", form="matrix")
    assert forced.contrasts == ["t", "logFC"]


def test_gzip_and_gene_column(tmp_path):
    path = tmp_path / "kd.de.csv.gz"
    path.write_bytes(gzip.compress(b'"","symbol","logFC","t"\n"77","MYC",1,2\n'))
    assert read_de_table(path).statistic.index.tolist() == ["MYC"]
    assert read_de_table(path).contrasts == ["kd"]
    path.write_bytes(gzip.compress(b"probe,mine,t\nx,MYC,1\n"))
    assert read_de_table(path, gene_column="mine").statistic.index.tolist() == ["MYC"]
    with pytest.raises(ValueError, match="no column 'other'"):
        read_de_table(path, gene_column="other")


def test_signature(read, tmp_path):
    table = read("gene\tdirection\nA\tup\nB\tDOWN\nA\tup\nC\tup\nC\tdown\n", form="signature")
    assert table.is_signature
    assert table.statistic["contrast"].to_dict() == {"A": 1.0, "B": -1.0}
    assert (table.counts["n_up_and_down"], table.counts["n_up"], table.counts["n_down"]) == (1, 1, 1)
    assert read("A\tup\nB\tdown\n").is_signature
    up, down = tmp_path / "up.txt", tmp_path / "down.txt"
    up.write_text("A\nB\n")
    down.write_text("# comment\nC\n")
    assert read_signature(up, down).statistic["signature"].to_dict() == {"A": 1.0, "B": 1.0, "C": -1.0}
    assert read_signature(None, down).counts["n_up"] == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (LIMMA_F, "no usable statistic: columns found are column 1, x2, x3, AveExpr, F, .*wanted are stat"),
        ("gene,pvalue,padj\nA,0.1,0.1\n", "no usable statistic"),
        ("gene,baseMean\nA,1\n", "no usable statistic"),
        ("gene,text\nA,x\n", "no usable statistic.*column text: 'x'"),
        ("gene,logFC,PValue\nA,1,1.5\n", "p-values outside 0 to 1"),
        ("gene,logFC,t\nA,1,high\n", "text where a number belongs"),
        ("gene,logFC,t\nA,1,Inf\n", "infinite"),
        ("gene,logFC,t\nA,1\n", "another number of cells"),
        ("gene,logFC,t\n", "no row"),
        ("gene,t,t\nA,1,2\n", "occur more than once"),
        ("A\tup\nB\tsideways\n", "line 2 is .*up or down"),
        ("A\tup\nA\tdown\n", "no gene that is only up"),
    ],
)
def test_bad_tables(read, text, message):
    with pytest.raises(ValueError, match=message):
        read(text)


def test_bad_files(tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist"):
        read_de_table(tmp_path / "none.csv")
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(ValueError, match="empty"):
        read_de_table(tmp_path / "empty.csv")
    with pytest.raises(ValueError, match="needs a list"):
        read_signature(None, None)
    (tmp_path / "blank.txt").write_text("# nothing\n")
    with pytest.raises(ValueError, match="names no gene"):
        read_signature(tmp_path / "blank.txt", None)


@pytest.mark.real_data
def test_limma_of_real_tumours(shared):
    golden = pd.read_csv(shared / "golden" / "limma_tcga_uvm_age_sex.tsv.gz", sep="\t", index_col=0)
    table = read_de_table(shared / "golden" / "limma_tcga_uvm_age_sex.tsv.gz", form="matrix")
    assert table.statistic["age_t"].tolist() == golden["age_t"].tolist()


def test_rows_between_two_stray_quotes_stay(tmp_path):
    rows = [f"G{number},{'a ' + chr(34) + 'b' if number in (2, 7) else 'c'},{number - 4.5},0.5" for number in range(10)]
    path = tmp_path / "de.csv"
    path.write_text("\n".join(["gene,description,stat,pvalue", *rows]))
    table = read_de_table(path)
    assert table.statistic.iloc[:, 0].tolist() == [number - 4.5 for number in range(10)]
