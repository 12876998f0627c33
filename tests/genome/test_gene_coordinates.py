from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_annotation import Blocks, annotation_of

from decode.genome.gene_coordinates import genome_to_rna, promoter_windows, rna_to_genome
from decode.genome.gene_models import GeneModels, gene_models


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
