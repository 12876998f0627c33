from __future__ import annotations

import gzip
import json

import pandas as pd
import pytest

from data_prep import gene_tables, person_expression
from data_prep.sources import TABLE
from decode.expression.readers import read_expression


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    for kind in TABLE:
        for name, found in TABLE[kind].items():
            monkeypatch.setitem(TABLE[kind], name, found | {"least": {}})


def run(kind, name, folder, out) -> int:
    return gene_tables.main([kind, name, "--from", str(folder), "--out", str(out)])


def test_de_prior(tmp_path, capsys):
    text = "Gene_Order\tGene_EntrezID\tN_HitLists\tDE_Prior_Rank\tGene_Name\n"
    text += "1\t10\t5\t1.0\tA\n2\t20\t3\t0.5\tB\n3\t30\t3\t0.5\tC\n"
    (tmp_path / "de_prior.txt").write_text(text)
    assert run("de_prior", "crow-2019", tmp_path, tmp_path / "out") == 0
    assert pd.read_csv(tmp_path / "out" / "de_prior.tsv", sep="\t")["DE_Prior_Rank"].tolist() == [1.0, 0.5, 0.5]
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["counts"] == {
        "genes": 3,
        "ranks that several genes share": 2,
    }
    (tmp_path / "de_prior.txt").write_text(text.replace("1.0", "1.5"))
    assert run("de_prior", "crow-2019", tmp_path, tmp_path / "other") == 2
    assert "1 ranks are not between 0 and 1, the first of A" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()


def test_landmarks(tmp_path):
    text = "pr_gene_id\tpr_gene_symbol\tpr_gene_title\tpr_is_lm\tpr_is_bing\n1\tA1BG\tx\t0\t1\n16\tAARS\ty\t1\t1\n"
    (tmp_path / "GSE92742_Broad_LINCS_gene_info.txt.gz").write_bytes(gzip.compress(text.encode()))
    assert run("landmarks", "l1000", tmp_path, tmp_path / "out") == 0
    assert (tmp_path / "out" / "landmarks.tsv").read_text() == "gene_id\tgene_name\n16\tAARS\n"


def test_constraint_takes_mane_then_canonical(tmp_path):
    rows = [
        ("A", "ENSG1", "ENST1", "true", "false", "0.99", "0.2"),
        ("A", "ENSG1", "ENST2", "false", "true", "0.95", "0.3"),
        ("A", "101", "NM_1", "true", "true", "0.10", "0.9"),
        ("B", "ENSG2", "ENST3", "true", "false", "NA", "1.2"),
        ("C", "ENSG3", "ENST4", "false", "false", "0.99", "0.1"),
    ]
    header = "gene\tgene_id\ttranscript\tcanonical\tmane_select\tlof.pLI\tlof.oe_ci.upper"
    text = "\n".join([header, *("\t".join(row) for row in rows)]) + "\n"
    (tmp_path / "gnomad.v4.1.constraint_metrics.tsv").write_text(text)
    assert run("constraint", "gnomad-v4.1", tmp_path, tmp_path / "out") == 0
    table = pd.read_csv(tmp_path / "out" / "constraint.tsv", sep="\t")
    assert table["transcript_id"].tolist() == ["ENST2", "ENST3"]
    assert (tmp_path / "out" / "intolerant.txt").read_text() == "A\n"


def test_gene_sets_and_symbols(tmp_path, capsys):
    (tmp_path / "h.all.v2024.1.Hs.symbols.gmt").write_text("ONE\thttp\tA\tB\nTWO\thttp\tB\n")
    assert run("gene_sets", "msigdb-hallmark-2024.1", tmp_path, tmp_path / "sets") == 0
    assert "2 sets, 2 genes" in capsys.readouterr().out
    (tmp_path / "h.all.v2024.1.Hs.symbols.gmt").write_text("<html>not found</html>\n")
    assert run("gene_sets", "msigdb-hallmark-2024.1", tmp_path, tmp_path / "none") == 2
    header = "hgnc_id\tsymbol\talias_symbol\tprev_symbol\tentrez_id\tensembl_gene_id\n"
    (tmp_path / "hgnc_complete_set.txt").write_text(header + "HGNC:1\tA\tA1|A2\tOLD\t1\tENSG1\nHGNC:2\tB\t\t\t2\t\n")
    assert run("symbols", "hgnc", tmp_path, tmp_path / "symbols") == 0
    assert len(pd.read_csv(tmp_path / "symbols" / "hgnc.tsv", sep="\t")) == 1


def test_missing_columns_and_kinds(tmp_path, capsys):
    (tmp_path / "de_prior.txt").write_text("Gene\tRank\nA\t1\n")
    assert run("de_prior", "crow-2019", tmp_path, tmp_path / "out") == 2
    assert "lacks the columns Gene_EntrezID" in capsys.readouterr().err
    assert gene_tables.main(["poems"]) == 2
    assert "kind of table" in capsys.readouterr().err


@pytest.fixture
def gtex(tmp_path):
    """A table of all samples, with attributes and donors, as GTEx v8 gives them."""
    samples = ["GTEX-1-0001", "GTEX-1-0002", "GTEX-2-0001", "GTEX-3-0001"]
    lines = ["#1.2", "2\t4", "\t".join(["Name", "Description", *samples])]
    lines += ["ENSG00000000001.4\tA\t1\t2\t3\t4", "ENSG00000000002.1\tB\t0\t0.5\t0.25\t8"]
    (tmp_path / "GTEx_Analysis_2017-06-05_v8_RNASeQCv1.1.9_gene_tpm.gct.gz").write_bytes(
        gzip.compress(("\n".join(lines) + "\n").encode())
    )
    attributes = ["SAMPID\tSMTS\tSMTSD\tSMRIN\tSMTSISCH"]
    tissues = ["Whole Blood", "Liver", "Whole Blood", "Whole Blood"]
    attributes += [f"{name}\tx\t{tissue}\t7.5\t120" for name, tissue in zip(samples, tissues, strict=True)]
    attributes.append("GTEX-9-0001\tx\tWhole Blood\t6\t10")  # of a sample without expression
    (tmp_path / "GTEx_Analysis_v8_Annotations_SampleAttributesDS.txt").write_text("\n".join(attributes) + "\n")
    persons = "SUBJID\tSEX\tAGE\tDTHHRDY\nGTEX-1\t1\t60-69\t2\nGTEX-2\t2\t20-29\t\nGTEX-3\t2\t50-59\t1\n"
    (tmp_path / "GTEx_Analysis_v8_Annotations_SubjectPhenotypesDS.txt").write_text(persons)
    return tmp_path


def test_one_tissue_of_all_persons(gtex, tmp_path):
    out = tmp_path / "blood"
    arguments = ["gtex-v8", "--from", str(gtex), "--out", str(out)]
    assert person_expression.main([*arguments, "--tissue", "Whole Blood"]) == 0
    table = read_expression(out / "tpm.tsv.gz")
    assert table.loc["ENSG00000000002"].to_dict() == {"GTEX-1-0001": 0.0, "GTEX-2-0001": 0.25, "GTEX-3-0001": 8.0}
    samples = pd.read_csv(out / "samples.tsv", sep="\t").set_index("sample")
    assert samples.loc["GTEX-2-0001", ["person", "sex", "age_range", "rin"]].tolist() == [
        "GTEX-2",
        "female",
        "20-29",
        7.5,
    ]
    assert json.loads((out / "manifest.json").read_text())["options"] == {"tissue": "Whole Blood"}


def test_an_unknown_tissue(gtex, tmp_path, capsys):
    arguments = ["gtex-v8", "--from", str(gtex), "--out", str(tmp_path / "x"), "--tissue", "whole bloud"]
    assert person_expression.main(arguments) == 2
    assert "perhaps Whole Blood" in capsys.readouterr().err
