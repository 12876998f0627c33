"""Annotations of a few transcripts, as text a person can check."""

from __future__ import annotations

import pandas as pd

from decode.genome.annotation import Annotation
from decode.genome.assembly import Assembly, get_assembly

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
