from __future__ import annotations

import gzip

import numpy as np
import pandas as pd
import pytest

from decode.expression.sample_files import find_sample_files, read_sample_files

GENES = {"ENST01": "ENSG1", "ENST02": "ENSG1", "ENST03": "ENSG2"}


def salmon(folder, sample, rows, name="quant.sf"):
    (folder / sample).mkdir(exist_ok=True)
    lines = [f"{transcript}\t900\t750\t{tpm}\t10" for transcript, tpm in rows.items()]
    text = "Name\tLength\tEffectiveLength\tTPM\tNumReads\n" + "\n".join(lines) + "\n"
    (folder / sample / name).write_text(text)


def test_salmon_by_hand(tmp_path):
    salmon(tmp_path, "B", {"ENST01.4": 1.5, "ENST02.1": 2.5, "ENST03.2": 7})
    salmon(tmp_path, "A", {"ENST03.2": 1, "ENST01.4": 0, "ENST02.1": 9})
    (tmp_path / "logs").mkdir()
    found = read_sample_files(tmp_path, GENES)
    expected = pd.DataFrame({"A": [1.0, 9.0], "B": [7.0, 4.0]}, index=["ENSG2", "ENSG1"])
    pd.testing.assert_frame_equal(found.tpm, expected, check_names=False)
    assert found.tpm.index.name == "gene_id"
    counts = {"n_files": 2, "n_file_rows": 3, "n_file_genes": 2, "n_rows_without_gene": 0, "n_rows_without_a_name": 0}
    assert found.counts == counts


def test_rsem_genes_and_isoforms(tmp_path):
    header = "{}\tlength\teffective_length\texpected_count\tTPM\tFPKM\n"
    genes = (
        header.format("gene_id\ttranscript_id(s)")
        + "ENSG1.3\tENST01,ENST02\t9\t9\t3\t8\t1\n"
        + ("ENSG2.1\tENST03\t9\t9\t3\t2\t1\n")
    )
    (tmp_path / "s1.genes.results").write_text(genes)
    isoforms = header.format("transcript_id\tgene_id") + "".join(
        f"{transcript}\t{GENES[transcript]}.1\t9\t9\t3\t{tpm}\t1\n"
        for transcript, tpm in {"ENST01": 3, "ENST02": 5, "ENST03": 2}.items()
    )
    (tmp_path / "s1.isoforms.results").write_text(isoforms)
    by_gene = read_sample_files(tmp_path)
    assert by_gene.tpm.columns.tolist() == ["s1"]
    assert by_gene.tpm["s1"].to_dict() == {"ENSG1": 8.0, "ENSG2": 2.0}
    (tmp_path / "s1.genes.results").unlink()
    pd.testing.assert_frame_equal(read_sample_files(tmp_path).tpm, by_gene.tpm)


def test_kallisto_with_gencode_names(tmp_path):
    (tmp_path / "P1").mkdir()
    names = {"ENST01.1|ENSG1.5|x|": 4, "ENST02.1|ENSG1.5|x|": 5, "ENST03.1_PAR_Y|ENSG2.1_PAR_Y|x|": 6}
    rows = "".join(f"{name}\t9\t9\t1\t{tpm}\n" for name, tpm in names.items())
    text = "target_id\tlength\teff_length\test_counts\ttpm\n" + rows
    (tmp_path / "P1" / "abundance.tsv.gz").write_bytes(gzip.compress(text.encode()))
    found = read_sample_files(tmp_path)
    assert found.tpm["P1"].to_dict() == {"ENSG1": 9.0}
    assert found.counts["n_rows_without_gene"] == 1


def test_a_list_of_files(tmp_path):
    for name in ("x", "y"):
        salmon(tmp_path, name, {"ENST01": 1, "ENST03": 2})
    (tmp_path / "list.txt").write_text(f"# samples\nmine\tx/quant.sf\n{tmp_path / 'y'}\n")
    assert [sample.name for sample in find_sample_files(tmp_path / "list.txt")] == ["mine", "y"]
    assert read_sample_files(tmp_path / "list.txt", GENES).tpm.loc["ENSG2"].to_dict() == {"mine": 2.0, "y": 2.0}
    (tmp_path / "two.txt").write_text("a\tx/quant.sf\na\ty/quant.sf\n")
    with pytest.raises(ValueError, match=r"names of the samples .* occur more than once: a"):
        find_sample_files(tmp_path / "two.txt")
    (tmp_path / "bad.txt").write_text("z/quant.sf\n")
    with pytest.raises(FileNotFoundError, match=r"sample file, which .* lists"):
        find_sample_files(tmp_path / "bad.txt")


def test_genes_that_a_file_lacks_are_missing(tmp_path, caplog):
    salmon(tmp_path, "A", {"ENST01": 1, "ENST03": 2})
    salmon(tmp_path, "B", {"ENST01": 1})
    found = read_sample_files(tmp_path, GENES).tpm
    assert np.isnan(found.loc["ENSG2", "B"])
    assert "1 values are missing" in caplog.text


def test_transcripts_without_a_gene_are_counted(tmp_path, caplog):
    salmon(tmp_path, "A", {"ENST01": 1, "ENST03": 2, "ENST99": 5})
    found = read_sample_files(tmp_path, GENES)
    assert found.counts["n_rows_without_gene"] == 1
    assert "ENST99" in caplog.text


@pytest.mark.parametrize(
    ("rows", "known", "message"),
    [
        ({"ENST01": 1}, None, r"names transcripts .ENST01.; give what says their genes: --annotation"),
        ({"X1": 1, "X2": 3, "ENST01": 1}, GENES, r"1 of 3 rows match"),
        ({"ENST01": -1}, GENES, r"negative values.*row ENST01, column TPM: -1.0"),
        ({"ENST01": "x"}, GENES, r"text where a number belongs: row ENST01 .line 2., column TPM: 'x'"),
        ({"ENST01": ""}, GENES, r"has no TPM of ENST01; write"),
        ({}, GENES, r"a header but no row"),
    ],
)
def test_bad_files(tmp_path, rows, known, message):
    salmon(tmp_path, "A", rows)
    with pytest.raises(ValueError, match=message):
        read_sample_files(tmp_path, known)


def test_a_file_that_is_cut_off(tmp_path):
    salmon(tmp_path, "A", {"ENST01": 1, "ENST02": 3})
    path = tmp_path / "A" / "quant.sf"
    path.write_text(path.read_text()[:-5])
    with pytest.raises(ValueError, match=r"another number of cells than the header's 5: line 3"):
        read_sample_files(tmp_path, GENES)


def test_folders_without_samples(tmp_path):
    with pytest.raises(ValueError, match=r"holds no quantified sample"):
        read_sample_files(tmp_path)
    with pytest.raises(FileNotFoundError):
        read_sample_files(tmp_path / "absent")
    (tmp_path / "A").mkdir()
    for name in ("a.genes.results", "b.genes.results"):
        (tmp_path / "A" / name).write_text("gene_id\tTPM\nENSG1\t1\n")
    with pytest.raises(ValueError, match=r"several files that end in .genes.results: a.genes.results, b.genes"):
        read_sample_files(tmp_path)
    (tmp_path / "A" / "b.genes.results").unlink()
    (tmp_path / "A" / "a.genes.results").write_text("gene\tcount\nENSG1\t1\n")
    with pytest.raises(ValueError, match=r"has the columns gene, count; TPM"):
        read_sample_files(tmp_path)


def test_the_rule_of_tximport_by_hand(tmp_path):
    def quant(sample, rows):
        (tmp_path / sample).mkdir()
        lines = "".join(f"{name}\t0\t{length}\t{tpm}\t{reads}\n" for name, length, tpm, reads in rows)
        (tmp_path / sample / "quant.sf").write_text("Name\tLength\tEffectiveLength\tTPM\tNumReads\n" + lines)

    quant("A", [("ENST01", 1000, 30, 60), ("ENST02", 400, 10, 8), ("ENST03", 500, 0, 0)])
    quant("B", [("ENST01", 900, 0, 0), ("ENST02", 300, 0, 0), ("ENST03", 700, 0, 0)])
    found = read_sample_files(tmp_path, GENES)
    assert found.tpm.to_dict() == {"A": {"ENSG1": 40.0, "ENSG2": 0.0}, "B": {"ENSG1": 0.0, "ENSG2": 0.0}}
    assert found.reads.loc["ENSG1"].to_dict() == {"A": 68.0, "B": 0.0}
    # (30 * 1000 + 10 * 400) / 40; sample B has no TPM there, so A's; no sample has TPM of ENSG2: mean of 500 and 700
    assert found.length_bp.loc["ENSG1"].to_dict() == {"A": 850.0, "B": pytest.approx(850.0)}
    assert found.length_bp.loc["ENSG2"].to_dict() == {"A": 600.0, "B": 600.0}


def test_stringtie_and_feature_counts(tmp_path):
    stringtie, counts = tmp_path / "stringtie", tmp_path / "counts"
    for folder in (stringtie, counts):
        (folder / "s1").mkdir(parents=True)
    (stringtie / "s1" / "gene_abund.tab").write_text(
        "Gene ID\tGene Name\tReference\tStrand\tStart\tEnd\tCoverage\tFPKM\tTPM\n"
        "ENSG1.4\tA\tchr1\t+\t1\t9\t3\t2\t5.5\nENSG1.4\tA\tchr1\t+\t20\t29\t3\t2\t1.5\nMSTRG.1\t-\tchr1\t+\t40\t49\t3\t2\t4\n"
    )
    found = read_sample_files(stringtie)
    assert found.tpm["s1"].to_dict() == {"ENSG1": 7.0, "MSTRG.1": 4.0}
    assert found.reads.isna().all(axis=None)
    text = "# Program:featureCounts\nGeneid\tChr\tStart\tEnd\tStrand\tLength\t{}\n"
    text += "ENSG1\tc;c\t1;5\t3;9\t+;+\t200\t{}\nENSG2\tc\t1\t3\t+\t100\t{}\n"
    (counts / "s1" / "s1.counts.txt").write_text(text.format("s1.bam", 30, 5))
    found = read_sample_files(counts)
    assert found.tpm["s1"].to_dict() == {"ENSG1": 750_000.0, "ENSG2": 250_000.0}
    assert found.reads["s1"].to_dict() == {"ENSG1": 30.0, "ENSG2": 5.0}
    (counts / "s1" / "s1.counts.txt").write_text(text.format("s1.bam\ts2.bam", "30\t1", "5\t1"))
    with pytest.raises(ValueError, match=r"the counts of 2 samples .s1.bam, s2.bam."):
        read_sample_files(counts)
