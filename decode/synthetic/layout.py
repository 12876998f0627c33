"""Genes of the toy genome: where they lie, how they are spliced, and the GTF and size table that say so."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

TEST_CHROMOSOME_SHARE = 0.12  # chr1, the default test chromosome; about what human chr1 holds
MIN_GAP_BP = 5000  # two promoter windows (at most 2000 bp outside the gene each) never touch
ALTERNATIVE_SHARE = 0.2  # genes of three exons or more that get a second transcript
MAIN_TAGS = 'tag "Ensembl_canonical"; tag "MANE_Select"; tag "appris_principal_1";'
ALTERNATIVE_TAGS = 'tag "appris_alternative_1";'


@dataclass(frozen=True)
class ToyGenes:
    """Genes in genome order with their exons as flat arrays.

    Attributes
    ----------
    table : pd.DataFrame
        One row a gene: gene_id (with version), gene_name, chrom, start, end, strand, tss (0-based), length_bp
        (spliced), n_exons.
    exon_gene, exon_start, exon_end, exon_rna_start : np.ndarray
        int64, one entry an exon, sorted by gene and then 5' to 3'; starts and ends are 0-based half-open,
        `exon_rna_start` counts spliced bases before the exon.
    sizes : dict of str to int
        Chromosome lengths.
    """

    table: pd.DataFrame
    exon_gene: np.ndarray
    exon_start: np.ndarray
    exon_end: np.ndarray
    exon_rna_start: np.ndarray
    sizes: dict[str, int]

    @property
    def direction(self) -> np.ndarray:
        """+1 for genes on the plus strand, -1 for the others, shape (n_genes,)."""
        return np.where(self.table["strand"].to_numpy() == "+", 1, -1)

    def exon_of(self, gene: np.ndarray, rna_position: np.ndarray) -> np.ndarray:
        """Row of the exon that holds each RNA position, shape like `gene`."""
        before = np.concatenate([[0], np.cumsum(self.table["length_bp"].to_numpy())])
        axis = before[self.exon_gene] + self.exon_rna_start
        values: np.ndarray = np.searchsorted(axis, before[gene] + rna_position, side="right") - 1
        return values

    def rna_to_genome(self, gene: np.ndarray, rna_position: np.ndarray) -> np.ndarray:
        """0-based genome position of spliced RNA positions, shape like `gene`."""
        exon = self.exon_of(gene, rna_position)
        inside = rna_position - self.exon_rna_start[exon]
        forward = self.exon_start[exon] + inside
        values: np.ndarray = np.where(self.direction[gene] > 0, forward, self.exon_end[exon] - 1 - inside)
        return values


def _starts_within(counts: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Running sum of `values` before each entry, starting again at every group of `counts` entries."""
    total = np.cumsum(values) - values
    result: np.ndarray = total - np.repeat(total[np.cumsum(counts) - counts], counts)
    return result


def _chromosomes(n_genes: int, n_chromosomes: int) -> np.ndarray:
    """Chromosome number (0-based) of every gene: chr1 holds 12 %, the others share the rest evenly."""
    n_first = max(1, round(TEST_CHROMOSOME_SHARE * n_genes))
    rest = np.arange(n_genes - n_first) * (n_chromosomes - 1) // (n_genes - n_first) + 1
    return np.concatenate([np.zeros(n_first, dtype=np.int64), rest])


def make_genes(rng: np.random.Generator, n_genes: int, *, n_chromosomes: int = 5) -> ToyGenes:
    """Draw genes on both strands with 1 to 10 exons of realistic lengths.

    Parameters
    ----------
    rng : np.random.Generator
    n_genes : int
    n_chromosomes : int, default 5

    Returns
    -------
    ToyGenes
        Gaps between genes are wide enough that no promoter window reaches another gene's window.
    """
    chromosome = _chromosomes(n_genes, n_chromosomes)
    plus = rng.random(n_genes) < 0.5
    n_exons = 1 + rng.binomial(9, rng.beta(1.2, 1.6, n_genes))
    gene = np.repeat(np.arange(n_genes), n_exons)
    rank = np.arange(len(gene)) - np.repeat(np.cumsum(n_exons) - n_exons, n_exons)  # 0 = 5' exon
    is_last, is_single = rank == n_exons[gene] - 1, n_exons[gene] == 1
    median = np.select([is_single, is_last, rank == 0], [1800, 1000, 220], 140)
    exon_length = np.clip(median * rng.lognormal(0, 0.55, len(gene)), 40, 9000).astype(np.int64)
    intron_length = np.clip(1200 * rng.lognormal(0, 0.8, len(gene)), 80, 20000).astype(np.int64)
    intron_length[is_last] = 0

    span = np.bincount(gene, exon_length + intron_length, n_genes).astype(np.int64)
    gap = MIN_GAP_BP + rng.exponential(4000, n_genes).astype(np.int64)
    per_chromosome = np.bincount(chromosome, minlength=n_chromosomes)
    start = _starts_within(per_chromosome, gap + span) + gap
    end = start + span
    before = _starts_within(n_exons, exon_length + intron_length)
    exon_start = np.where(plus[gene], start[gene] + before, end[gene] - before - exon_length)

    number = np.arange(1, n_genes + 1)
    names = np.array([f"chr{index + 1}" for index in range(n_chromosomes)])
    version = rng.integers(1, 12, n_genes)
    table = pd.DataFrame(
        {
            "gene_id": [f"ENSTOYG{n:011d}.{v}" for n, v in zip(number, version, strict=True)],
            "gene_name": [f"TOY{n:05d}" for n in number],
            "chrom": names[chromosome],
            "start": start,
            "end": end,
            "strand": np.where(plus, "+", "-"),
            "tss": np.where(plus, start, end - 1),
            "length_bp": np.bincount(gene, exon_length, n_genes).astype(np.int64),
            "n_exons": n_exons,
        }
    )
    sizes = table.groupby("chrom")["end"].max() + MIN_GAP_BP
    return ToyGenes(
        table=table,
        exon_gene=gene,
        exon_start=exon_start,
        exon_end=exon_start + exon_length,
        exon_rna_start=_starts_within(n_exons, exon_length),
        sizes={str(name): int(sizes[name]) for name in names},
    )


def gtf_lines(genes: ToyGenes, rng: np.random.Generator, alternative_share: float = ALTERNATIVE_SHARE) -> str:
    """GENCODE-style GTF text (gene, transcript and exon lines, 1-based closed coordinates, versioned ids).

    Every gene has one transcript tagged MANE_Select, appris_principal_1 and Ensembl_canonical; some of the genes
    with three exons or more have a second one that skips an inner exon, so that a rule for the representative matters.

    Parameters
    ----------
    genes : ToyGenes
    rng : np.random.Generator
        Chooses the genes with a second transcript and the exon it skips.
    alternative_share : float, default 0.2
        Share of the genes with three exons or more that have a second transcript.

    Returns
    -------
    str
    """
    table = genes.table
    n_exons = table["n_exons"].to_numpy()
    has_second = (n_exons >= 3) & (rng.random(len(table)) < alternative_share)
    skipped = 1 + (rng.random(len(table)) * np.maximum(n_exons - 2, 1)).astype(np.int64)

    lines = ["##description: toy genome with planted regulators", "##provider: decode.synthetic", "##format: gtf"]
    columns = [table[name].tolist() for name in ("gene_id", "gene_name", "chrom", "start", "end", "strand")]
    rows = zip(*columns, n_exons.tolist(), (np.cumsum(n_exons) - n_exons).tolist(), has_second, skipped, strict=True)
    for number, (gene_id, name, chrom, start, end, strand, n, exon, second, skip) in enumerate(rows, start=1):
        place = (chrom, strand)
        common = f'gene_id "{gene_id}"; '
        named = f'gene_type "protein_coding"; gene_name "{name}"; '
        lines.append(_gtf_line(place, "gene", start, end, f"{common}{named}level 2;"))
        for copy in range(2 if second else 1):
            transcript = (
                f'{common}transcript_id "ENSTOYT{2 * number - 1 + copy:011d}.1"; {named}'
                f'transcript_type "protein_coding"; transcript_name "{name}-20{copy + 1}"; '
            )
            tags = 'tag "basic"; ' + (ALTERNATIVE_TAGS if copy else MAIN_TAGS)
            lines.append(_gtf_line(place, "transcript", start, end, f"{transcript}level 2; {tags}"))
            kept = [row for row in range(exon, exon + n) if not (copy and row == exon + skip)]
            for exon_number, row in enumerate(kept, start=1):
                attributes = f"{transcript}exon_number {exon_number}; level 2; {tags}"
                lines.append(_gtf_line(place, "exon", genes.exon_start[row], genes.exon_end[row], attributes))
    return "\n".join(lines) + "\n"


def _gtf_line(place: tuple[str, str], feature: str, start: int, end: int, attributes: str) -> str:
    chrom, strand = place
    return f"{chrom}\tTOY\t{feature}\t{start + 1}\t{end}\t.\t{strand}\t.\t{attributes}"
