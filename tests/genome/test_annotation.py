from __future__ import annotations

import gzip
import logging
from pathlib import Path

import pytest

from decode.genome.annotation import Annotation, read_annotation

SIZES = "chr1\t10000\nchr2\t5000\nchr1_gl1_random\t900\nchrX\t5000\nchrY\t5000\n"


def gtf(*lines: tuple[str, str, int, int, str, str]) -> str:
    """Lines from (chrom, feature, start, end, strand, attributes)."""
    text = "".join(f"{c}\tsource\t{f}\t{s}\t{e}\t.\t{strand}\t.\t{a}\n" for c, f, s, e, strand, a in lines)
    return "##description: toy\n" + text


def read(folder: Path, text: str | bytes, name: str = "toy.gtf") -> Annotation:
    sizes = folder / "sizes.tsv"
    sizes.write_text(SIZES)
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_annotation(path, build="toy", sizes=sizes)


GENCODE = gtf(
    ("chr1", "gene", 101, 900, "+", 'gene_id "ENSG01.3"; gene_type "protein_coding"; gene_name "A"; level 2;'),
    (
        "chr1", "transcript", 101, 900, "+",
        'gene_id "ENSG01.3"; transcript_id "ENST01.2"; gene_type "protein_coding"; gene_name "A"; tag "basic"; '
        'tag "Ensembl_canonical"; tag "MANE_Select"; tag "appris_principal_1";',
    ),
    ("chr1", "exon", 101, 200, "+", 'gene_id "ENSG01.3"; transcript_id "ENST01.2"; gene_name "A"; exon_number 1;'),
    ("chr1", "CDS", 150, 200, "+", 'gene_id "ENSG01.3"; transcript_id "ENST01.2"; gene_name "A"; exon_number 1;'),
    ("chr1", "exon", 801, 900, "+", 'gene_id "ENSG01.3"; transcript_id "ENST01.2"; gene_name "A"; exon_number 2;'),
    (
        "chr1", "transcript", 101, 300, "+",
        'gene_id "ENSG01.3"; transcript_id "ENST02.1"; gene_name "A"; tag "MANE_Plus_Clinical"; '
        'tag "appris_alternative_2"',
    ),
    ("chr1", "exon", 101, 300, "+", 'gene_id "ENSG01.3"; transcript_id "ENST02.1"; gene_name "A";'),
)  # fmt: skip


def test_gencode_style(tmp_path: Path) -> None:
    annotation = read(tmp_path, GENCODE)
    assert annotation.genes.to_numpy().tolist() == [["ENSG01", "A", "protein_coding", "chr1", 100, 900, "+"]]
    assert annotation.transcripts.to_numpy().tolist() == [
        ["ENST01", "ENSG01", "A", "chr1", 100, 900, "+", True, "principal_1", True, 149, 200],
        ["ENST02", "ENSG01", "A", "chr1", 100, 300, "+", False, "alternative_2", False, 0, 0],
    ]
    assert annotation.exons.to_numpy().tolist() == [
        ["ENST01", "chr1", 100, 200, "+"],
        ["ENST01", "chr1", 800, 900, "+"],
        ["ENST02", "chr1", 100, 300, "+"],
    ]
    assert annotation.assembly.name == "toy"
    assert (annotation.counts["genes"], annotation.counts["transcripts"], annotation.counts["exons"]) == (1, 2, 3)


def test_gzip_crlf_and_missing_last_newline(tmp_path: Path) -> None:
    plain = read(tmp_path, GENCODE)
    packed = read(tmp_path, gzip.compress(GENCODE.encode()), "anything")
    windows = read(tmp_path, GENCODE.rstrip("\n").replace("\n", "\r\n"))
    for other in (packed, windows):
        assert other.transcripts.equals(plain.transcripts)
        assert other.exons.equals(plain.exons)


def test_ensembl_style(tmp_path: Path) -> None:
    attributes = 'gene_id "ENSG01"; gene_version "5"; transcript_id "ENST01"; transcript_version "3"; '
    annotation = read(
        tmp_path,
        gtf(
            ("2", "gene", 11, 40, "-", 'gene_id "ENSG01"; gene_version "5"; gene_name "B"; gene_biotype "lncRNA";'),
            ("2", "transcript", 11, 40, "-", attributes + 'gene_name "B"; gene_biotype "lncRNA"; tag "MANE_Select";'),
            ("2", "exon", 31, 40, "-", attributes + 'exon_number "1"; exon_id "E1";'),
            ("2", "exon", 11, 20, "-", attributes + 'exon_number "2"; exon_id "E2";'),
        ).replace("##description", "#!genome-build"),
    )
    assert annotation.genes.to_numpy().tolist() == [["ENSG01", "B", "lncRNA", "chr2", 10, 40, "-"]]
    assert bool(annotation.transcripts["is_mane"].iloc[0])
    assert annotation.exons["start"].tolist() == [10, 30]


def test_exon_lines_only(tmp_path: Path) -> None:
    annotation = read(
        tmp_path,
        gtf(
            ("chr1", "exon", 501, 600, "-", 'gene_id "A"; transcript_id "A1"; gene_name "Alpha"; tag "MANE_Select";'),
            ("chr1", "exon", 101, 200, "-", 'gene_id "A"; transcript_id "A1"; gene_name "Alpha"; tag "MANE_Select";'),
            ("chr1", "exon", 51, 150, "-", 'gene_id "A"; transcript_id "A2"; gene_name "Alpha";'),
            ("chr2", "exon", 1, 5000, "+", 'gene_id "B"; transcript_id "B1";'),
        ),
    )
    assert annotation.genes.to_numpy().tolist() == [
        ["A", "Alpha", "", "chr1", 50, 600, "-"],
        ["B", "B", "", "chr2", 0, 5000, "+"],
    ]
    assert annotation.transcripts[["transcript_id", "start", "end", "is_mane"]].to_numpy().tolist() == [
        ["A1", 100, 600, True], ["A2", 50, 150, False], ["B1", 0, 5000, False],
    ]  # fmt: skip
    assert annotation.counts["genes_put_together_from_exons"] == 2


def test_pieces_of_the_file_do_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from decode.core import chunks
    from decode.genome import annotation_text

    text = GENCODE + gtf(
        ("chr2", "exon", 501, 600, "-", 'gene_id "B"; transcript_id "B1";'),
        ("chr2", "exon", 101, 200, "-", 'gene_id "B"; transcript_id "B1";'),
    )
    whole = read(tmp_path, text)
    monkeypatch.setattr(annotation_text, "line_chunks", lambda path, name: chunks.line_chunks(path, name, size=20))
    pieces = read(tmp_path, text)
    assert pieces.genes.equals(whole.genes)
    assert pieces.transcripts.equals(whole.transcripts)
    assert pieces.exons.equals(whole.exons)


def test_touching_and_overlapping_blocks_are_merged(tmp_path: Path) -> None:
    attributes = 'gene_id "A"; transcript_id "A1";'
    other = 'gene_id "B"; transcript_id "B1";'
    annotation = read(
        tmp_path,
        gtf(
            ("chr1", "exon", 301, 350, "+", attributes),
            ("chr1", "exon", 101, 200, "+", attributes),
            ("chr1", "exon", 201, 220, "+", attributes),  # touches
            ("chr1", "exon", 110, 120, "+", attributes),  # inside
            ("chr1", "exon", 210, 230, "+", attributes),  # overlaps
            ("chr1", "exon", 150, 160, "+", other),  # another transcript
        ),
    )
    assert annotation.exons[["transcript_id", "start", "end"]].to_numpy().tolist() == [
        ["A1", 100, 230], ["A1", 300, 350], ["B1", 149, 160],
    ]  # fmt: skip
    assert annotation.counts["exon_blocks_merged"] == 3


def test_par_y_copies_are_dropped_and_counted(tmp_path: Path) -> None:
    lines = [
        (chrom, feature, 101, 200, "+", f'gene_id "{gene}"; transcript_id "{transcript}";')
        for chrom, gene, transcript in (
            ("chrX", "ENSG00000182378.8", "ENST01.1"),
            ("chrY", "ENSG00000182378.8_PAR_Y", "ENST01.1_PAR_Y"),
            ("chrY", "ENSGR0000182379.8", "ENSTR02.1"),
        )
        for feature in ("gene", "transcript", "exon")
    ]
    annotation = read(tmp_path, gtf(*lines))
    assert annotation.genes["gene_id"].tolist() == ["ENSG00000182378"]
    assert annotation.genes["chrom"].tolist() == ["chrX"]
    assert len(annotation.transcripts) == len(annotation.exons) == 1
    assert annotation.counts["par_y_genes_dropped"] == 2


def test_duplicate_gene_ids_raise(tmp_path: Path) -> None:
    lines = [
        ("chr1", feature, start, start + 9, "+", f'gene_id "ENSG01.{version}"; transcript_id "T{version}";')
        for start, version in ((101, 1), (301, 2))
        for feature in ("gene", "transcript", "exon")
    ]
    with pytest.raises(ValueError, match=r"1 gene id\(s\) with several gene lines \(versions stripped\): ENSG01"):
        read(tmp_path, gtf(*lines))


def test_repeated_transcript_lines_raise(tmp_path: Path) -> None:
    line = ("chr1", "transcript", 1, 10, "+", 'gene_id "A"; transcript_id "A1";')
    exon = ("chr1", "exon", 1, 10, "+", 'gene_id "A"; transcript_id "A1";')
    with pytest.raises(ValueError, match=r"several transcript lines.*A1"):
        read(tmp_path, gtf(line, line, exon))


def test_unknown_chromosomes_are_counted_and_warned(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    text = gtf(
        ("chr1", "exon", 1, 10, "+", 'gene_id "A"; transcript_id "A1";'),
        ("CHR_HSCHR1_1", "exon", 1, 10, "+", 'gene_id "B"; transcript_id "B1";'),
    )
    with caplog.at_level(logging.WARNING):
        annotation = read(tmp_path, text)
    assert annotation.counts["transcripts_on_unknown_chromosomes"] == 1
    assert "CHR_HSCHR1_1" in caplog.text
    with pytest.raises(ValueError, match="no chromosome of build toy: it names CHR_HSCHR1_1"):
        read(tmp_path, text.replace("chr1\t", "CHR_HSCHR1_1\t"))


def test_transcripts_without_exons_are_counted(tmp_path: Path) -> None:
    annotation = read(
        tmp_path,
        gtf(
            ("chr1", "transcript", 1, 10, "+", 'gene_id "A"; transcript_id "A1";'),
            ("chr1", "transcript", 1, 10, "+", 'gene_id "B"; transcript_id "B1";'),
            ("chr1", "exon", 1, 10, "+", 'gene_id "B"; transcript_id "B1";'),
        ),
    )
    assert annotation.transcripts["transcript_id"].tolist() == ["B1"]
    assert annotation.counts["transcripts_without_exons"] == 1


EXON = 'gene_id "A"; transcript_id "A1";'


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (("chr1", "exon", "abc", 10, "+", EXON), "line 2: start is 'abc'; a whole number"),
        (("chr1", "exon", 1, "1e3", "+", EXON), "line 2: end is '1e3'"),
        (("chr1", "exon", "", 10, "+", EXON), "line 2: start is"),
        (("chr1", "exon", 0, 10, "+", EXON), "A1 chr1:-1-10"),
        (("chr1", "exon", -20, 10, "+", EXON), "A1 chr1:-21-10"),
        (("chr1", "exon", 20, 10, "+", EXON), "A1 chr1:19-10"),
        (("chr2", "exon", 4990, 5001, "+", EXON), "beyond the end of the chromosome in build toy: A1 chr2:4989-5001"),
        (("chr1", "exon", 1, 10, ".", EXON), "all 1 transcripts are without strand"),
        (("chr1", "exon", 1, 10, "+", 'gene_id "A";'), "line 2 has no transcript_id"),
        (("chr1", "exon", 1, 10, "+", 'transcript_id "A1";'), "line 2 has no gene_id"),
        (("chr1", "CDS", 1, 10, "+", EXON), "no gene, transcript or exon line"),
        (("chr1", "gene", 1, 10, "+", EXON), "no exon line"),
        (("chr1", "gene", 1, 10, "+", "ID=gene:A;Name=a"), "GFF3"),
    ],
)
def test_bad_gtf_lines(tmp_path: Path, line: tuple[str, str, int, int, str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read(tmp_path, gtf(line))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\n \n", "no text"),
        (b"# only\n# comments\n", "comments only"),
        (gzip.compress(GENCODE.encode())[:-30], "truncated or damaged gzip"),
        (b"chr1\t5\t10\tname\t0\t+\n", "neither GTF"),
        (b"\x00\xff\x10 binary", "is a binary file"),
        (GENCODE.encode() + b"chr1\tsource\texon\n", "line 9 has fewer than 9 columns"),
        (GENCODE.encode() + b"chr1\tsource\texon\t1\t2\t.\t+\t.\tx\ty\n", "9 tab-separated columns"),
    ],
)
def test_bad_files(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read(tmp_path, content)


def test_missing_file_and_unknown_build(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_annotation(tmp_path / "absent.gtf", build="hg38")
    with pytest.raises(ValueError, match="build 'hg99' is unknown"):
        read_annotation(tmp_path / "absent.gtf", build="hg99")


BODY = "T1\tchr1\t-\t100\t400\t150\t350\t2\t100,300,\t200,400,"
CORE = BODY.split("\t")


@pytest.mark.parametrize(
    ("line", "gene"),
    [
        (BODY, "T1"),
        (f"{BODY}\t0\tSYM\tcmpl\tcmpl\t0,1,", "SYM"),
        (f"585\t{BODY}\t0\tSYM\tcmpl\tcmpl\t0,1,", "SYM"),
        (f"585\t{BODY}", "T1"),
        (f"SYM\t{BODY}", "SYM"),
        (f"#bin\tname\n585\t{BODY}\t0\tSYM\tcmpl\tcmpl\t0,1,", "SYM"),
        (f"{BODY}\tP12345\tuc001aaa.3", "T1"),
    ],
    ids=["genePred", "genePredExt", "refGene", "bin", "refFlat", "header", "knownGene"],
)
def test_genepred_styles(tmp_path: Path, line: str, gene: str) -> None:
    annotation = read(tmp_path, line + "\n", "table.txt")
    assert annotation.genes.to_numpy().tolist() == [[gene, gene, "protein_coding", "chr1", 100, 400, "-"]]
    assert annotation.transcripts[["transcript_id", "start", "end"]].to_numpy().tolist() == [["T1", 100, 400]]
    assert annotation.exons[["start", "end"]].to_numpy().tolist() == [[100, 200], [300, 400]]


def refgene(name: str, chrom: str, start: int, symbol: str, *, coding: bool = True) -> str:
    end = start + 100
    cds = f"{start}\t{end}" if coding else f"{end}\t{end}"
    return f"585\t{name}\t{chrom}\t+\t{start}\t{end}\t{cds}\t1\t{start},\t{end},\t0\t{symbol}\tunk\tunk\t-1,\n"


def test_transcript_at_several_places(tmp_path: Path) -> None:
    annotation = read(
        tmp_path,
        refgene("NM_1.4", "chr1_gl1_random", 100, "A")
        + refgene("NM_1.4", "chrY", 100, "A")
        + refgene("NM_1.4", "chrX", 200, "A")
        + refgene("NM_1.4", "chrX", 300, "A")
        + refgene("NR_2", "chr1_gl1_random", 100, "B", coding=False),
    )
    assert annotation.transcripts[["transcript_id", "chrom", "start"]].to_numpy().tolist() == [
        ["NM_1", "chrX", 200], ["NR_2", "chr1_gl1_random", 100],
    ]  # fmt: skip
    assert annotation.counts["further_places_of_transcripts_dropped"] == 3
    assert annotation.genes["gene_type"].tolist() == ["protein_coding", "non_coding"]


def test_symbol_at_several_loci_takes_the_one_with_most_transcripts(tmp_path: Path) -> None:
    annotation = read(
        tmp_path,
        refgene("T1", "chr1", 100, "A") + refgene("T2", "chr2", 100, "A") + refgene("T3", "chr2", 300, "A"),
    )
    assert annotation.genes[["gene_id", "chrom", "start", "end"]].to_numpy().tolist() == [["A", "chr2", 100, 400]]
    assert annotation.counts["further_loci_of_genes"] == 1
    assert len(annotation.transcripts) == 3


def test_symbols_to_gene_ids(tmp_path: Path) -> None:
    id_map = tmp_path / "map.tsv"
    id_map.write_text("symbol\tgene\nA\tENSG01.1\nC\tENSG03\nC\tENSG04\n")
    sizes = tmp_path / "sizes.tsv"
    sizes.write_text(SIZES)
    path = tmp_path / "table.txt"
    path.write_text(refgene("T1", "chr1", 100, "A") + refgene("T2", "chr2", 100, "B") + refgene("T3", "chr2", 300, "C"))
    annotation = read_annotation(path, build="toy", sizes=sizes, id_map=id_map)
    assert annotation.genes[["gene_id", "gene_name"]].to_numpy().tolist() == [["ENSG01", "A"], ["B", "B"], ["C", "C"]]
    assert annotation.counts["gene_ids_from_id_map"] == 1
    assert annotation.counts["gene_ids_not_in_id_map"] == 1
    assert annotation.counts["gene_ids_ambiguous_in_id_map"] == 1


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        (3, "x", "line 1: start is 'x'"),
        (7, "3", "exon count disagree: T1"),
        (8, "100,", "exon count disagree: T1"),
        (8, "100,y,", "exon block 'y' to '400' of T1"),
        (8, "-5,300,", "T1 chr1:-5-200"),
        (9, "200,20000,", "T1 chr1:300-20000"),
        (8, "250,300,", "T1 chr1:250-200"),
    ],
)
def test_bad_genepred(tmp_path: Path, column: int, value: str, message: str) -> None:
    fields = list(CORE)
    fields[column] = value
    with pytest.raises(ValueError, match=message):
        read(tmp_path, "\t".join(fields) + "\n")


@pytest.mark.real_data
def test_real_collapsed_gtf(shared: Path) -> None:
    annotation = read_annotation(shared / "data/hg19/gencode_v19_coding_collapsed.gtf.gz", build="hg19")
    assert len(annotation.genes) == len(annotation.transcripts) == 20_169 - 18
    assert annotation.counts["par_y_genes_dropped"] == 18
    names = annotation.genes["gene_name"].value_counts()
    assert (names > 1).sum() > 0
    with pytest.raises(ValueError, match="beyond the end of the chromosome in build hg38"):
        read_annotation(shared / "data/hg19/gencode_v19_coding_collapsed.gtf.gz", build="hg38")


@pytest.mark.real_data
def test_real_refgene(shared: Path) -> None:
    annotation = read_annotation(shared / "data/hg19/refgene_transcripts.genepred.txt.gz", build="hg19")
    dropped = ("transcripts_on_unknown_chromosomes", "further_places_of_transcripts_dropped")
    assert len(annotation.transcripts) + sum(annotation.counts[name] for name in dropped) == 60_127
    assert annotation.transcripts["transcript_id"].is_unique
    assert annotation.genes["gene_id"].is_unique


def lines_of(*rows: tuple[str, str, int, int, str]) -> str:
    return "".join(
        f"{chrom}\tX\t{feature}\t{start}\t{end}\t.\t+\t.\t{about}\n" for chrom, feature, start, end, about in rows
    )


def test_words_inside_a_description_are_no_keys(tmp_path):
    about = 'gene_id "PIGP"; transcript_id "NM_1.2"; product "of gene 7; gene_name 3"; gene "PIGP"; tag "MANE Select";'
    path = tmp_path / "refseq.gtf"
    path.write_text(lines_of(("chr1", "transcript", 11, 20, about), ("chr1", "exon", 11, 20, about)))
    annotation = read_annotation(path, build="hg38")
    assert annotation.genes[["gene_id", "gene_name"]].values.tolist() == [["PIGP", "PIGP"]]
    assert annotation.transcripts[["transcript_id", "is_mane"]].values.tolist() == [["NM_1", True]]


def test_ids_of_lifted_gencode_and_copies_on_y(tmp_path):
    path = tmp_path / "lift37.gtf"
    rows = []
    for chrom, gene, tag in (
        ("chrX", "ENSG00000167393.17_8", ""),
        ("chrY", "ENSG00000167393.17_PAR_Y_8", ""),
        ("chrY", "ENSG00000292327.1", ' tag "PAR";'),
        ("chrY", "ENSG00000012817.16_4", ""),
    ):
        about = f'gene_id "{gene}"; transcript_id "{gene.replace("ENSG", "ENST")}";{tag}'
        rows += [(chrom, feature, 11, 20, about) for feature in ("gene", "transcript", "exon")]
    path.write_text(lines_of(*rows))
    annotation = read_annotation(path, build="hg19")
    assert annotation.genes["gene_id"].tolist() == ["ENSG00000167393", "ENSG00000012817"]
    assert annotation.counts["par_y_genes_dropped"] == 2


def test_transcripts_that_call_themselves_genes(tmp_path, caplog):
    path = tmp_path / "browser.gtf"
    rows = [("chr1", "exon", 10 * n, 10 * n + 5, f'gene_id "NM_{n}"; transcript_id "NM_{n}";') for n in (1, 2, 3)]
    path.write_text(lines_of(*rows))
    assert len(read_annotation(path, build="hg19").genes) == 3
    assert "every transcript counts as a gene; give an id map" in caplog.text
    caplog.clear()
    (tmp_path / "map.tsv").write_text("NM_1\tENSG00000000001\nNM_2\tENSG00000000001\n")
    annotation = read_annotation(path, build="hg19", id_map=tmp_path / "map.tsv")
    assert annotation.genes[["gene_id", "gene_name"]].to_numpy().tolist() == [["ENSG00000000001", ""], ["NM_3", "NM_3"]]
    assert annotation.counts["gene_ids_not_in_id_map"] == 1
    assert "counts as a gene" not in caplog.text


def test_transcripts_without_strand_are_left_out_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    found = read(
        tmp_path,
        gtf(
            ("chr1", "exon", 11, 20, "+", 'gene_id "A"; transcript_id "A1";'),
            ("chr1", "exon", 31, 40, ".", 'gene_id "B"; transcript_id "B1";'),
            ("chr1", "gene", 31, 40, ".", 'gene_id "B";'),
        ),
    )
    assert found.genes["gene_id"].tolist() == ["A"]
    assert found.transcripts["transcript_id"].tolist() == ["A1"]
    assert found.counts["genes_without_strand"] == found.counts["transcripts_without_strand"] == 1
    assert "left out 1 genes and 1 transcripts without strand + or -" in caplog.text
