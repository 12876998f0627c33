"""The annotation of the toy genome as GTF text."""

from __future__ import annotations

import numpy as np

from decode.synthetic.coding import ToyCoding
from decode.synthetic.layout import ALTERNATIVE_SHARE, ToyGenes

MAIN_TAGS = 'tag "Ensembl_canonical"; tag "MANE_Select"; tag "appris_principal_1";'
ALTERNATIVE_TAGS = 'tag "appris_alternative_1";'


def gtf_lines(
    genes: ToyGenes,
    rng: np.random.Generator,
    alternative_share: float = ALTERNATIVE_SHARE,
    coding: ToyCoding | None = None,
) -> str:
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
    coding : ToyCoding, optional
        Adds CDS lines, which here hold the stop codon.

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
            n_coding = 0
            kept = [row for row in range(exon, exon + n) if not (copy and row == exon + skip)]
            for exon_number, row in enumerate(kept, start=1):
                attributes = f"{transcript}exon_number {exon_number}; level 2; {tags}"
                first, last = int(genes.exon_start[row]), int(genes.exon_end[row])
                lines.append(_gtf_line(place, "exon", first, last, attributes))
                part = None if coding is None else coding.overlap(number - 1, first, last)
                if part is not None:
                    lines.append(_gtf_line(place, "CDS", *part, attributes, phase=str(-n_coding % 3)))
                    n_coding += part[1] - part[0]
    return "\n".join(lines) + "\n"


def _gtf_line(place: tuple[str, str], feature: str, start: int, end: int, attributes: str, *, phase: str = ".") -> str:
    chrom, strand = place
    return f"{chrom}\tTOY\t{feature}\t{start + 1}\t{end}\t.\t{strand}\t{phase}\t{attributes}"
