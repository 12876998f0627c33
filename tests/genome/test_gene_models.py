from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decode.genome.annotation import Annotation, read_annotation
from decode.genome.assembly import Assembly, get_assembly
from decode.genome.gene_models import (
    GeneModels,
    gene_models,
    genome_to_rna,
    promoter_windows,
    rna_to_genome,
)

Blocks = list[tuple[int, int]]


def annotation_of(transcripts: list[tuple[str, str, str, Blocks, str]], assembly: Assembly | None = None) -> Annotation:
    """Annotation from (gene, transcript, strand, blocks, tag); tag is mane, canonical, principal_1, ... or empty."""
    rows = pd.DataFrame(
        [
            (name, gene, gene, "chr21", blocks[0][0], blocks[-1][1], strand, tag == "mane",
             tag if tag.startswith(("principal", "alternative")) else "", tag == "canonical")
            for gene, name, strand, blocks, tag in transcripts
        ],
        columns=[
            "transcript_id", "gene_id", "gene_name", "chrom", "start", "end", "strand", "is_mane", "appris",
            "is_canonical",
        ],
    )  # fmt: skip
    exons = pd.DataFrame(
        [(name, "chr21", *block, strand) for _, name, strand, blocks, _ in transcripts for block in blocks],
        columns=["transcript_id", "chrom", "start", "end", "strand"],
    )
    genes = rows.groupby("gene_id", sort=False, as_index=False).agg(
        gene_name=("gene_name", "first"), chrom=("chrom", "first"), start=("start", "min"), end=("end", "max"),
        strand=("strand", "first"),
    )  # fmt: skip
    genes.insert(2, "gene_type", "protein_coding")
    return Annotation(assembly or get_assembly("hg19"), genes, rows, exons, {}, "toy")


# chr21 of GENCODE v19, collapsed; the numbers below come from R GenomicFeatures 1.50 (exonsBy, promoters,
# mapToTranscripts) on the same GTF.
SOD1: Blocks = [
    (33031934, 33032154), (33036102, 33036199), (33038761, 33038831), (33039570, 33039688), (33040783, 33041244),
]  # fmt: skip
ATP5O: Blocks = [
    (35275756, 35275960), (35276238, 35276325), (35278752, 35278804), (35279029, 35279125), (35279644, 35279757),
    (35281385, 35281515), (35284592, 35284703), (35286753, 35286804), (35288031, 35288284),
]  # fmt: skip


@pytest.fixture
def two_genes() -> GeneModels:
    return gene_models(annotation_of([("SOD1", "SOD1", "+", SOD1, ""), ("ATP5O", "ATP5O", "-", ATP5O, "")]))


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


def test_promoter_windows_as_in_r(two_genes: GeneModels) -> None:
    assert promoter_windows(two_genes).to_numpy().tolist() == [
        [0, "chr21", 33029934, 33032934, "+"],
        [1, "chr21", 35287284, 35290284, "-"],
    ]


def test_promoter_window_sizes(two_genes: GeneModels) -> None:
    windows = promoter_windows(two_genes, upstream=0, downstream=1)
    assert windows["start"].tolist() == two_genes.table["tss"].tolist()
    windows = promoter_windows(two_genes, upstream=1, downstream=0)
    assert windows["start"].tolist() == [33031933, 35288284]
    for sizes in ({"upstream": -1}, {"downstream": 0.5}, {"upstream": 0, "downstream": 0}):
        with pytest.raises(ValueError, match=r"upstream|downstream"):
            promoter_windows(two_genes, **sizes)  # type: ignore[arg-type]


def test_promoter_windows_are_not_clipped() -> None:
    models = gene_models(annotation_of([("A", "A", "+", [(100, 200)], "")]))
    assert promoter_windows(models)[["start", "end"]].to_numpy().tolist() == [[-1900, 1100]]


@pytest.mark.parametrize(
    ("gene", "genome", "rna"),
    [
        ("SOD1", [33031934, 33032153, 33032154, 33032561, 33036102, 33036198, 33038761, 33040796, 33041243, 33041244],
         [0, 219, -1, -1, 220, 316, 317, 518, 965, -1]),
        ("ATP5O", [35288283, 35288031, 35286803, 35286753, 35286585, 35284667, 35279657, 35276238, 35275756, 35275755],
         [0, 252, 253, 303, -1, 339, 644, 892, 1096, -1]),
    ],
)  # fmt: skip
def test_coordinates_as_in_r(two_genes: GeneModels, gene: str, genome: list[int], rna: list[int]) -> None:
    assert genome_to_rna(two_genes, gene, genome).tolist() == rna
    inside = [pair for pair in zip(genome, rna, strict=True) if pair[1] >= 0]
    assert rna_to_genome(two_genes, gene, [pair[1] for pair in inside]).tolist() == [pair[0] for pair in inside]


def test_coordinate_arrays_keep_their_shape(two_genes: GeneModels) -> None:
    assert genome_to_rna(two_genes, "SOD1", []).shape == (0,)
    assert rna_to_genome(two_genes, "ATP5O", np.zeros((2, 3), int)).tolist() == [[35288283] * 3] * 2


def test_bad_coordinates(two_genes: GeneModels) -> None:
    with pytest.raises(KeyError, match="gene 'TP53' is not among the 2 models"):
        genome_to_rna(two_genes, "TP53", [1])
    for position in (-1, 966):
        with pytest.raises(ValueError, match=f"must lie in 0 to 965, got {position}"):
            rna_to_genome(two_genes, "SOD1", [0, position])


@st.composite
def blocks(draw: st.DrawFn) -> Blocks:
    steps = draw(st.lists(st.integers(1, 40), min_size=2, max_size=12).filter(lambda steps: len(steps) % 2 == 0))
    edges = np.cumsum(steps)
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


@settings(deadline=None, max_examples=50)
@given(blocks(), st.sampled_from("+-"))
def test_maps_are_inverse_and_follow_every_base(exon_blocks: Blocks, strand: str) -> None:
    other = ("B", "B", "-" if strand == "+" else "+", [(5, 9)], "")
    models = gene_models(annotation_of([other, ("A", "A", strand, exon_blocks, "")]))
    bases = [base for start, end in exon_blocks for base in range(start, end)]
    in_rna_order = bases if strand == "+" else bases[::-1]
    rna = np.arange(len(bases))
    assert rna_to_genome(models, "A", rna).tolist() == in_rna_order
    assert genome_to_rna(models, "A", in_rna_order).tolist() == rna.tolist()
    outside = sorted(set(range(-2, bases[-1] + 3)) - set(bases))
    assert (genome_to_rna(models, "A", outside) == -1).all()


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
