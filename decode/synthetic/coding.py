"""Coding bases of the toy genes, so that their annotation says what gene structure is made of."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from decode.synthetic.layout import ToyGenes

UTR5_SHARE, UTR3_SHARE = (0.04, 0.15), (0.15, 0.5)  # of the spliced length; GENCODE's middle is 0.08 and 0.35
LEAST_CODONS = 10


class ToyCoding(NamedTuple):
    """Where the coding bases of every gene lie.

    Attributes
    ----------
    first, last : int64 array, shape (n_genes,)
        Genome position (0-based) of the first and of the last coding base, stop codon included, 5' to 3'.
    junctions_per_kb : float64 array, shape (n_genes,)
        Junctions between coding exons of the first transcript per 1,000 coding bases.
    """

    first: NDArray[np.int64]
    last: NDArray[np.int64]
    junctions_per_kb: NDArray[np.float64]

    def overlap(self, gene: int, start: int, end: int) -> tuple[int, int] | None:
        """The coding part of an exon (0-based half-open) of a gene; None where it has none."""
        low, high = sorted((int(self.first[gene]), int(self.last[gene])))
        start, end = max(start, low), min(end, high + 1)
        return (start, end) if start < end else None


def make_coding(genes: ToyGenes, rng: np.random.Generator) -> ToyCoding:
    """Draw the untranslated ends of every gene; what lies between them is coding, in whole codons.

    Parameters
    ----------
    genes : ToyGenes
    rng : np.random.Generator

    Returns
    -------
    ToyCoding
    """
    length = genes.table["length_bp"].to_numpy()
    rows = np.arange(len(length))
    before = (length * rng.uniform(*UTR5_SHARE, len(length))).astype(np.int64)
    after = (length * rng.uniform(*UTR3_SHARE, len(length))).astype(np.int64)
    n_bases = 3 * np.minimum(np.maximum((length - before - after) // 3, LEAST_CODONS), (length - before) // 3)
    end = before + n_bases - 1
    exons = genes.exon_of(rows, end) - genes.exon_of(rows, before)
    return ToyCoding(genes.rna_to_genome(rows, before), genes.rna_to_genome(rows, end), 1000 * exons / n_bases)
