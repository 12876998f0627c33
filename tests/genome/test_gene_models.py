from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from toy_annotation import ATP5O, SOD1, annotation_of

from decode.genome.annotation import Annotation, read_annotation
from decode.genome.gene_coordinates import genome_to_rna
from decode.genome.gene_models import GeneModels, gene_models


def test_table_and_exons(two_genes: GeneModels) -> None:
    assert two_genes.ids == ["SOD1", "ATP5O"]
    columns = ["gene_id", "representative", "chrom", "strand", "tss", "length_bp", "n_exons"]
    assert two_genes.table[columns].to_numpy().tolist() == [
        ["SOD1", "SOD1", "chr21", "+", 33031934, 966, 5],
        ["ATP5O", "ATP5O", "chr21", "-", 35288283, 1097, 9],
    ]
    assert two_genes.exons["model"].tolist() == [0] * 5 + [1] * 9
    assert two_genes.exons["start"].tolist() == [start for start, _ in SOD1] + [start for start, _ in ATP5O[::-1]]
    assert two_genes.exons["rna_start"].tolist() == [0, 220, 317, 387, 505, 0, 253, 304, 415, 545, 658, 754, 806, 893]
    assert two_genes.rule == "auto: as given, one transcript a gene: 2"


CHOICE = [
    ("A", "A1", "+", [(100, 200)], "mane"),
    ("A", "A2", "+", [(100, 900)], "principal_1"),
    ("B", "B1", "-", [(100, 200)], "principal_2"),
    ("B", "B2", "-", [(100, 190)], "principal_1"),
    ("B", "B3", "-", [(100, 195)], "principal_1"),
    ("B", "B4", "-", [(100, 900)], "alternative_1"),
    ("C", "C1", "+", [(100, 200)], "canonical"),
    ("C", "C2", "+", [(100, 900)], ""),
    ("D", "D1", "+", [(100, 800)], ""),
    ("D", "D2", "+", [(100, 300), (400, 800), (900, 1000)], ""),
    ("D", "D3", "+", [(100, 800)], ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("representative", "chosen"),
    [
        ("auto", ["A1", "B3", "C1", "D1"]),
        ("longest", ["A2", "B4", "C2", "D1"]),
        ("mane", ["A1"]),
        ("appris", ["A2", "B3"]),
        ("canonical", ["C1"]),
        ("collapsed", ["", "", "", ""]),
    ],
)
def test_representatives(representative: str, chosen: list[str]) -> None:
    models = gene_models(annotation_of(CHOICE), representative=representative)  # type: ignore[arg-type]
    assert models.table["representative"].tolist() == chosen
    assert models.rule.startswith(representative)
    if len(chosen) < 4:
        assert f"left out without such a transcript: {4 - len(chosen)}" in models.rule


def test_auto_says_what_it_used() -> None:
    assert gene_models(annotation_of(CHOICE)).rule == "auto: mane 1, appris 1, canonical 1, longest 1"


def test_collapsed_is_the_union_of_exons() -> None:
    models = gene_models(annotation_of(CHOICE), representative="collapsed")
    assert models.table["length_bp"].tolist() == [800, 800, 800, 800]
    assert models.exons.loc[models.exons["model"] == 3, ["start", "end", "rna_start"]].to_numpy().tolist() == [
        [100, 800, 0], [900, 1000, 700],
    ]  # fmt: skip
    assert models.table["tss"].tolist() == [100, 899, 100, 100]


def test_tag_that_no_transcript_has() -> None:
    with pytest.raises(ValueError, match="no transcript of the annotation has that tag"):
        gene_models(annotation_of([("A", "A1", "+", [(1, 2)], "")]), representative="mane")


def test_transcript_level() -> None:
    models = gene_models(annotation_of(CHOICE), level="transcript")
    assert models.ids == [name for _, name, *_ in CHOICE]
    assert list(models.table.columns[:3]) == ["transcript_id", "gene_id", "gene_name"]
    assert models.table["length_bp"].tolist() == [100, 800, 100, 90, 95, 800, 100, 800, 700, 700, 700]
    assert genome_to_rna(models, "D2", [450]).tolist() == [250]


def test_tss_is_that_of_the_transcript_line(tmp_path: Path) -> None:
    path = tmp_path / "a.gtf"
    attributes = 'gene_id "A"; transcript_id "A1";'
    path.write_text(
        f"chr1\tx\ttranscript\t1001\t5000\t.\t-\t.\t{attributes}\nchr1\tx\texon\t1001\t3000\t.\t-\t.\t{attributes}\n"
    )
    models = gene_models(read_annotation(path, build="hg38"))
    assert models.table[["tss", "length_bp"]].to_numpy().tolist() == [[4999, 2000]]


def test_genes_without_a_transcript_are_counted() -> None:
    annotation = annotation_of(CHOICE)
    extra = pd.DataFrame([["E", "E", "x", "chr21", 1, 9, "+"]], columns=annotation.genes.columns)
    genes = pd.concat([extra, annotation.genes], ignore_index=True)
    models = gene_models(Annotation(annotation.assembly, genes, annotation.transcripts, annotation.exons, {}, "toy"))
    assert models.ids == ["A", "B", "C", "D"]
    assert models.rule.endswith("genes left out without such a transcript: 1")


def test_transcripts_elsewhere_than_their_gene_do_not_stand_for_it() -> None:
    annotation = annotation_of(CHOICE)
    transcripts = annotation.transcripts.copy()
    transcripts.loc[0, "chrom"] = "chr1"
    models = gene_models(Annotation(annotation.assembly, annotation.genes, transcripts, annotation.exons, {}, "toy"))
    assert models.table["representative"].iloc[0] == "A2"


def test_unknown_options() -> None:
    annotation = annotation_of(CHOICE)
    with pytest.raises(ValueError, match="level is 'exon'"):
        gene_models(annotation, level="exon")  # type: ignore[call-overload]
    with pytest.raises(ValueError, match="representative is 'best'"):
        gene_models(annotation, representative="best")  # type: ignore[arg-type]


@pytest.mark.real_data
def test_real_models_have_rna_as_long_as_their_exons(shared: Path) -> None:
    annotation = read_annotation(shared / "data/hg19/gencode_v19_coding_collapsed.gtf.gz", build="hg19")
    models = gene_models(annotation)
    lengths = (models.exons["end"] - models.exons["start"]).groupby(models.exons["model"]).sum()
    assert (lengths.to_numpy() == models.table["length_bp"].to_numpy()).all()
    row = models.table.set_index("gene_id").loc["ENSG00000157540"]  # DYRK1A; R GenomicFeatures agrees
    assert (row["tss"], row["length_bp"], row["n_exons"]) == (38738091, 9120, 15)
