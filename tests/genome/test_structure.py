"""Gene structure: a worked example by hand, and the ways in which genes are found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from decode.genome import Annotation, gene_models, gene_structure, read_annotation, with_structure
from decode.genome.structure import CODING, MISSING, STRUCTURE_CHANNELS


def _line(
    feature: str, start: int, end: int, gene: str, transcript: str = "", strand: str = "+", tags: str = ""
) -> str:
    """One line of a GTF; 1-based."""
    words = f'gene_id "{gene}"; gene_name "{gene.lower()}"; transcript_id "{transcript}";'
    return f"chr1\tX\t{feature}\t{start}\t{end}\t.\t{strand}\t.\t{words}{tags}\n"


def _gtf(path: Path, *, coding: bool = True) -> Annotation:
    """Gene A (+): A1 with exons 1001-1100, 1201-1300, 1401-1600 and CDS 1051-1450, and a longer one without CDS.

    Gene B (-): exons 3001-3100, 3201-3300; CDS 3041-3260 with its stop codon 3038-3040 apart. Gene C: no CDS.
    """
    lines = [
        _line("exon", 1001, 1100, "A", "A1"), _line("exon", 1201, 1300, "A", "A1"),
        _line("exon", 1401, 1600, "A", "A1"),
        _line("exon", 1001, 2400, "A", "A2"),
        _line("exon", 3001, 3100, "B", "B1", "-"), _line("exon", 3201, 3300, "B", "B1", "-"),
        _line("exon", 5001, 5100, "C", "C1"),
    ]  # fmt: skip
    if coding:
        lines += [
            _line("CDS", 1051, 1100, "A", "A1"), _line("CDS", 1201, 1300, "A", "A1"),
            _line("CDS", 1401, 1450, "A", "A1"),
            _line("CDS", 3041, 3100, "B", "B1", "-"), _line("CDS", 3201, 3260, "B", "B1", "-"),
            _line("stop_codon", 3038, 3040, "B", "B1", "-"),
        ]  # fmt: skip
    path.write_text("".join(lines))
    return read_annotation(path, build="hg38")


def _plain(table: pd.DataFrame) -> pd.DataFrame:
    return np.expm1(table[list(STRUCTURE_CHANNELS[:-1])]).round(6)


def test_worked_example(tmp_path: Path) -> None:
    annotation = _gtf(tmp_path / "a.gtf")
    found = gene_structure(gene_models(annotation), annotation)
    assert list(found.table.columns) == list(STRUCTURE_CHANNELS)
    a, b, c = (row._asdict() for row in _plain(found.table).itertuples(index=False))
    # A1, not the longer A2, which codes for nothing: CDS 50 + 100 + 50, 5' UTR 50, 3' UTR 150, two junctions in 200 bp
    assert a == {
        "structure_transcripts": 2, "structure_exons": 3, "structure_span": 600, "structure_cds": 200,
        "structure_utr5": 50, "structure_utr3": 150, "structure_junctions": 10,
    }  # fmt: skip
    # on the minus strand the 5' end is right: 40 bases before the CDS, the stop codon inside it, 37 after
    assert (b["structure_utr5"], b["structure_cds"], b["structure_utr3"]) == (40, 123, 37)
    assert b["structure_junctions"] == pytest.approx(1000 / 123)
    assert (c["structure_exons"], c["structure_span"]) == (1, 100)
    assert found.table[MISSING].tolist() == [0, 0, 1]
    for name in CODING:  # medians of the two genes that code for something
        assert found.table[name][2] == pytest.approx(np.median(found.table[name][:2]))
    assert found.counts == {"by_id": 3, "by_symbol": 0, "not_found": 0, "without_coding_transcript": 1}


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (("", ""), 900),  # the longest CDS
        ((' tag "MANE_Select";', ""), 300),
        ((' tag "appris_principal_2";', ' tag "appris_principal_1";'), 900),
        ((' tag "appris_principal_1";', ' tag "appris_principal_2";'), 300),
        ((' tag "Ensembl_canonical";', ' tag "appris_alternative_1";'), 300),
    ],
)
def test_representative(tmp_path: Path, tags: tuple[str, str], expected: int) -> None:
    path = tmp_path / "a.gtf"
    short, long = tags
    path.write_text(
        _line("transcript", 1001, 2000, "A", "A1", tags=short) + _line("exon", 1001, 2000, "A", "A1")
        + _line("CDS", 1001, 1300, "A", "A1")
        + _line("transcript", 1001, 2000, "A", "A2", tags=long) + _line("exon", 1001, 2000, "A", "A2")
        + _line("CDS", 1001, 1900, "A", "A2")
    )  # fmt: skip
    annotation = read_annotation(path, build="hg38")
    assert _plain(gene_structure(gene_models(annotation), annotation).table)["structure_cds"].tolist() == [expected]


def _genepred(path: Path, rows: list[tuple[str, str, str, int]]) -> Annotation:
    """Rows of (name, symbol, strand, start): one exon of 400 bases, CDS from 100 to 300 of them."""
    path.write_text(
        "".join(
            f"0\t{name}\tchr1\t{strand}\t{at}\t{at + 400}\t{at + 100}\t{at + 300}\t1\t{at},\t{at + 400},\t0\t{symbol}"
            "\tcmpl\tcmpl\t0,\n"
            for name, symbol, strand, at in rows
        )
    )
    return read_annotation(path, build="hg38")


def test_second_annotation_by_symbol_on_the_same_strand(tmp_path: Path) -> None:
    models = gene_models(_gtf(tmp_path / "a.gtf", coding=False))
    other = _genepred(
        tmp_path / "b.txt", [("NM_1", "a", "+", 1000), ("NM_2", "b", "+", 3000), ("NM_3", "c", "+", 5000)]
    )
    found = gene_structure(models, other)
    assert found.counts == {"by_id": 0, "by_symbol": 2, "not_found": 1, "without_coding_transcript": 0}
    assert found.table[MISSING].tolist() == [0, 1, 0]  # b lies on the other strand
    assert _plain(found.table)["structure_cds"].tolist() == [200, 200, 200]
    joined = with_structure(with_structure(models, other), other)
    assert list(joined.table.columns) == [*models.table.columns, *STRUCTURE_CHANNELS]
    pd.testing.assert_frame_equal(joined.table[list(STRUCTURE_CHANNELS)], found.table)
    assert "by symbol 2" in joined.rule


def test_transcripts_stand_for_themselves(tmp_path: Path) -> None:
    annotation = _gtf(tmp_path / "a.gtf")
    models = gene_models(annotation, level="transcript")
    found = _plain(gene_structure(models, annotation).table).set_axis(models.ids)
    assert found.loc[["A1", "A2"], "structure_exons"].tolist() == [3, 1]
    assert found["structure_transcripts"].tolist() == [2, 2, 1, 1]


def test_complaints(tmp_path: Path) -> None:
    bare = _gtf(tmp_path / "a.gtf", coding=False)
    models = gene_models(bare)
    with pytest.raises(ValueError, match=r"no CDS lines.*--structure"):
        gene_structure(models, bare)
    strangers = _genepred(
        tmp_path / "b.txt", [("NM_1", "x", "+", 1000), ("NM_2", "c", "+", 5000), ("NM_3", "y", "+", 9)]
    )
    with pytest.raises(ValueError, match=r"1 of 3 genes are found.*--id-map"):
        gene_structure(models, strangers)
    path = tmp_path / "c.txt"
    path.write_text("NM_1\tchr1\t+\t100\t900\t150\t850\t1\t100,\t900,\n")
    with pytest.raises(ValueError, match="same build"):
        gene_structure(models, read_annotation(path, build="hg19"))
