from __future__ import annotations

import gzip
from pathlib import Path

import pandas as pd
import pytest

from decode.genome.assembly import Assembly
from decode.genome.links import Links, read_links

ASSEMBLY = Assembly("toy", {"chr1": 10_000, "chr2": 5000})
GENES = pd.DataFrame(
    {
        "gene_id": ["ENSG1", "ENSG2", "ENSG2", "ENSG3"],  # two transcripts of ENSG2
        "gene_name": ["MYC", "TP53", "TP53", "REST"],
        "chrom": ["chr1", "chr1", "chr1", "chr2"],
        "tss": [1000, 3000, 3400, 200],
    }
)


def read(tmp_path: Path, text: str, **options: object) -> Links:
    path = tmp_path / "links.txt"
    path.write_text(text)
    return read_links(path, ASSEMBLY, GENES, **options)


def rows(links: Links) -> list[list[object]]:
    return links.table[["gene_id", "chrom", "start", "end"]].to_numpy().tolist()


def test_table_with_header_ids_or_symbols_and_scores(tmp_path):
    text = "chrom\tstart\tend\tgene_id\tscore\n1\t10\t20\tENSG1.4\t0.5\n2\t5\t9\tREST\t0.1\n"
    links = read(tmp_path, text)
    assert rows(links) == [["ENSG1", "chr1", 10, 20], ["ENSG3", "chr2", 5, 9]]
    assert links.table["score"].tolist() == [0.5, 0.1]
    assert (links.counts["n_rows"], links.counts["n_links"], links.counts["n_genes"]) == (2, 2, 2)
    links = read(tmp_path, text, min_score=0.2)
    assert (len(links.table), links.counts["n_below_score"]) == (1, 1)
    (tmp_path / "links.csv.gz").write_bytes(gzip.compress(text.replace("\t", ",").encode()))
    assert rows(read_links(tmp_path / "links.csv.gz", ASSEMBLY, GENES))[1] == ["ENSG3", "chr2", 5, 9]


def test_table_of_the_abc_model(tmp_path):
    header = "chr\tstart\tend\tname\tTargetGene\tTargetGeneTSS\tABC.Score\n"
    links = read(tmp_path, header + "chr1\t100\t200\te1\tMYC\t1000\t0.03\n", min_score=0.02)
    assert rows(links) == [["ENSG1", "chr1", 100, 200]]


def test_bed_with_the_gene_in_column_4(tmp_path):
    assert rows(read(tmp_path, "# comment\nchr1 10 20 MYC\nchr1 30 40 TP53\n")) == [
        ["ENSG1", "chr1", 10, 20],
        ["ENSG2", "chr1", 30, 40],
    ]


def test_bedpe_by_name(tmp_path):
    text = "#chrom1\tstart1\tend1\tchrom2\tstart2\tend2\tname\tscore\tstrand1\tstrand2\n"
    text += "chr1\t10\t20\tchr1\t990\t1010\tTP53\t7\t.\t.\nchr2\t10\t20\tchr1\t0\t1\tMYC\t1\t.\t.\n"
    links = read(tmp_path, text)
    assert rows(links) == [["ENSG2", "chr1", 10, 20], ["ENSG1", "chr2", 10, 20]]  # the name counts, not the interval
    assert links.counts["n_other_chromosome"] == 1
    assert rows(read(tmp_path, text[1:])) == rows(links)  # the header without its #


def test_bedpe_by_the_second_interval(tmp_path):
    text = "".join(
        f"chr1\t{10 * i}\t{10 * i + 5}\t{second}\tloop{i}\t.\t.\t.\n"
        for i, second in enumerate(["chr1\t999\t1001", "chr1\t1001\t1100", "chr1\t900\t3500", "chr2\t200\t201"])
    )
    links = read(tmp_path, text)
    assert rows(links) == [
        ["ENSG1", "chr1", 0, 5],
        ["ENSG1", "chr1", 20, 25],
        ["ENSG2", "chr1", 20, 25],  # once, though two of its transcripts begin there
        ["ENSG3", "chr1", 30, 35],
    ]
    assert links.counts["n_without_gene"] == 1
    assert rows(read(tmp_path, "".join(line.rsplit("\t", 4)[0] + "\n" for line in text.splitlines()))) == rows(links)
    with pytest.raises(ValueError, match="no name is a gene, and no second interval holds the TSS of a gene"):
        read(tmp_path, "chr1\t1\t5\tchr1\t50\t60\t.\t.\t.\t.\n")


def test_unknown_and_ambiguous_genes_are_counted(tmp_path, caplog):
    text = "chrom\tstart\tend\tgene\n" + "".join(
        f"chr1\t1\t5\t{gene}\n" for gene in ["MYC", "TP53", "LINC1", "LINC1", ".", "REST"]
    )
    counts = read(tmp_path, text).counts
    assert (counts["n_unknown_genes"], counts["n_unknown_rows"], counts["n_without_gene"]) == (1, 2, 1)
    assert counts["n_links"] == 3
    twins = pd.concat([GENES, GENES.iloc[:1].assign(gene_id="ENSG4", gene_name="TP53")], ignore_index=True)
    counts = read_links(tmp_path / "links.txt", ASSEMBLY, twins).counts
    assert (counts["n_ambiguous_genes"], counts["n_unknown_genes"], counts["n_unknown_rows"]) == (1, 1, 3)
    with pytest.raises(ValueError, match="genes named: 1 of 4 rows match the 3 genes"):
        read(tmp_path, "chrom\tstart\tend\tgene\n" + "".join(f"chr1\t1\t5\t{n}\n" for n in ["MYC", "A", "B", "C"]))


def test_chromosomes_of_another_assembly_are_skipped(tmp_path, caplog):
    links = read(tmp_path, "chr1\t1\t5\tMYC\nchrUn_1\t1\t5\tMYC\n")
    assert links.counts["skipped_chromosomes"] == {"chrUn_1": 1}
    assert "1 of 2 links lie on chromosomes that toy lacks" in caplog.text
    with pytest.raises(ValueError, match=r"none of the 1 links lies on a chromosome of toy; they have chrX"):
        read(tmp_path, "chrX\t1\t5\tMYC\n")


FAULTS = {
    "no row": ("#only a comment\n", "hold no row"),
    "not links": ("chr1\t10\t20\n", "the first row is 'chr1 10 20'; wanted is BEDPE"),
    "no gene column": ("chrom\tstart\tend\tdistance\nchr1\t1\t2\t3\n", "no column gene in the header"),
    "ragged": ("chr1\t1\t5\tMYC\nchr1\t1\t5\n", "fewer than 4 columns: line 2"),
    "text": ("chr1\t1\t5\tMYC\nchr1\tone\t5\tMYC\n", r"start is no whole number in line 2 \('one'\)"),
    "reversed": ("chr1\t9\t5\tMYC\n", r"line 1 \(chr1:9-5\)"),
    "beyond the end": ("chr1\t9\t10001\tMYC\n", "beyond the end of the chromosome of toy"),
    "no name": ("chr1\t1\t5\t.\n", "name no gene"),
}


@pytest.mark.parametrize(("text", "message"), FAULTS.values(), ids=FAULTS.keys())
def test_faults(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        read(tmp_path, text)


def test_score_faults(tmp_path):
    with pytest.raises(ValueError, match=r"have no score, and min_score is 0.1"):
        read(tmp_path, "chr1\t1\t5\tMYC\n", min_score=0.1)
    with pytest.raises(ValueError, match="no link scores 9 or more"):
        read(tmp_path, "chr1\t1\t5\tMYC\t2\n", min_score=9)
    with pytest.raises(ValueError, match=r"score is no number in line 1 \('high'\)"):
        read(tmp_path, "chr1\t1\t5\tMYC\thigh\n", min_score=1)
    with pytest.raises(FileNotFoundError, match=r"links .* does not exist"):
        read_links(tmp_path / "none.bedpe", ASSEMBLY, GENES)
