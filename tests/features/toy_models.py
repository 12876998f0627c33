"""Small gene models made by hand, without an annotation file."""

from __future__ import annotations

import numpy as np
import pandas as pd

from decode.genome.assembly import Assembly
from decode.genome.gene_models import GeneModels

Spec = tuple[str, str, str, list[tuple[int, int]]]  # id, chromosome, strand, exons in genome order


def toy_models(assembly: Assembly, specs: list[Spec]) -> GeneModels:
    """Gene models whose TSS is the 5' end of the first exon."""
    table, exons = [], []
    for model, (gene_id, chrom, strand, blocks) in enumerate(specs):
        ordered = blocks if strand == "+" else blocks[::-1]
        rna_start = 0
        for start, end in ordered:
            exons.append((model, chrom, start, end, strand, rna_start))
            rna_start += end - start
        tss = blocks[0][0] if strand == "+" else blocks[-1][1] - 1
        table.append((gene_id, gene_id.lower(), chrom, strand, tss, rna_start, len(blocks)))
    columns = ["gene_id", "gene_name", "chrom", "strand", "tss", "length_bp", "n_exons"]
    frame = pd.DataFrame(exons, columns=["model", "chrom", "start", "end", "strand", "rna_start"])
    for name in ("model", "start", "end", "rna_start"):
        frame[name] = frame[name].astype(np.int64)
    return GeneModels("gene", assembly, "toy", pd.DataFrame(table, columns=columns), frame)
