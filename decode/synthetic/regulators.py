"""Who regulates the toy genome, where each regulator binds, and the dose that each gene receives."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np

from decode.synthetic.layout import ToyGenes

UPSTREAM_BP, DOWNSTREAM_BP = 2000, 1000  # promoter window in which TF sites act
NEAR_BP = 200  # the position-dependent TF acts where a site's centre is this close to the TSS
TF_SITE_BP, RBP_SITE_BP, MIRNA_SITE_BP = 260, 45, 8  # typical lengths: ChIP peak, eCLIP peak, seed match
ACTING_CELL, OTHER_CELL = "CellA", "CellB"
BACKGROUND_SHARE = 0.2  # sites added where they cannot act: between genes, or on the other strand

Role = Literal["activator", "repressor", "position", "interaction", "decoy", "co_bound_decoy", "null"]


@dataclass(frozen=True)
class ToyRegulator:
    """One planted regulator: what it is, what it does and how many genes it binds.

    Parameters
    ----------
    name, kind : str
        Kind is TF, RBP or miRNA.
    role : str
        activator and repressor act wherever bound (for an RBP: stabilises, destabilises); position acts only near the
        TSS; interaction acts only together with `partner`; decoys and nulls do nothing.
    sign : int
        +1 raises, -1 lowers expression, 0 does nothing.
    bound_share : float
        Share of the genes that it binds.
    partner : str
        The regulator that must be bound too (interaction), or whose sites are copied (decoys).
    has_two_cells : bool
        Whether it was mapped in two cells; only the sites of the first one act.
    """

    name: str
    kind: str
    role: Role
    sign: int
    bound_share: float
    partner: str = ""
    has_two_cells: bool = False


ROSTER: tuple[ToyRegulator, ...] = (
    ToyRegulator("ACT1", "TF", "activator", 1, 0.40),
    ToyRegulator("ACT2", "TF", "activator", 1, 0.35, has_two_cells=True),
    ToyRegulator("ACT3", "TF", "activator", 1, 0.45),
    ToyRegulator("ACT4", "TF", "activator", 1, 0.30),
    ToyRegulator("REP1", "TF", "repressor", -1, 0.40, has_two_cells=True),
    ToyRegulator("REP2", "TF", "repressor", -1, 0.35),
    ToyRegulator("POS1", "TF", "position", 1, 0.85),
    ToyRegulator("PAIR1", "TF", "interaction", 1, 0.50, partner="PAIR2"),
    ToyRegulator("PAIR2", "TF", "interaction", 1, 0.50, partner="PAIR1"),
    ToyRegulator("DECOY1", "TF", "decoy", 0, 0.45, partner="ACT3"),
    ToyRegulator("COBOUND1", "TF", "co_bound_decoy", 0, 0.40, partner="ACT1"),
    ToyRegulator("NULL1", "TF", "null", 0, 0.40, has_two_cells=True),
    ToyRegulator("NULL2", "TF", "null", 0, 0.35),
    ToyRegulator("NULL3", "TF", "null", 0, 0.30),
    ToyRegulator("STAB1", "RBP", "activator", 1, 0.40, has_two_cells=True),
    ToyRegulator("STAB2", "RBP", "activator", 1, 0.35),
    ToyRegulator("STAB3", "RBP", "activator", 1, 0.30),
    ToyRegulator("DESTAB1", "RBP", "repressor", -1, 0.40),
    ToyRegulator("DESTAB2", "RBP", "repressor", -1, 0.35),
    ToyRegulator("RNULL1", "RBP", "null", 0, 0.40),
    ToyRegulator("RNULL2", "RBP", "null", 0, 0.35),
    ToyRegulator("RNULL3", "RBP", "null", 0, 0.30),
    ToyRegulator("miR-R1", "miRNA", "repressor", -1, 0.35),
    ToyRegulator("miR-R2", "miRNA", "repressor", -1, 0.30),
    ToyRegulator("miR-R3", "miRNA", "repressor", -1, 0.30),
    ToyRegulator("miR-R4", "miRNA", "repressor", -1, 0.25),
    ToyRegulator("miR-N1", "miRNA", "null", 0, 0.35),
    ToyRegulator("miR-N2", "miRNA", "null", 0, 0.30),
)


class Sites(NamedTuple):
    """Sites of one track, one entry a site.

    `gene` is the gene it was placed on (or beside, for background), `start` and `end` are genome coordinates, `sign`
    is the strand (+1, -1, 0 for unstranded), `near` says whether the centre lies within 200 bp of the TSS (TFs only)
    and `bases` counts the bases inside the gene's promoter window or exon (0 for background).
    """

    gene: np.ndarray
    start: np.ndarray
    end: np.ndarray
    sign: np.ndarray
    near: np.ndarray
    bases: np.ndarray


class BoundRegulator(NamedTuple):
    """A regulator with the sites of each of its cells and its dose at every gene (shape (n_genes,))."""

    regulator: ToyRegulator
    sites: dict[str, Sites]
    dose: np.ndarray


def promoter_sites(genes: ToyGenes, gene: np.ndarray, offset: np.ndarray, length: np.ndarray) -> Sites:
    """Sites centred `offset` bp downstream of the TSS (negative: upstream), in transcript direction."""
    direction = genes.direction[gene]
    tss = genes.table["tss"].to_numpy()[gene]
    start = tss + direction * offset - length // 2
    end = start + length
    first = np.where(direction > 0, tss - UPSTREAM_BP, tss - DOWNSTREAM_BP + 1)
    bases = np.minimum(end, first + UPSTREAM_BP + DOWNSTREAM_BP) - np.maximum(start, first)
    return Sites(gene, start, end, np.zeros_like(gene), np.abs(offset) <= NEAR_BP, np.maximum(bases, 0))


def rna_sites(genes: ToyGenes, gene: np.ndarray, rna_position: np.ndarray, length: np.ndarray) -> Sites:
    """Sites on the gene's strand that begin at a spliced position; what runs past the exon lies in the intron."""
    exon = genes.exon_of(gene, rna_position)
    inside = rna_position - genes.exon_rna_start[exon]
    direction = genes.direction[gene]
    first = genes.rna_to_genome(gene, rna_position)
    start = np.where(direction > 0, first, first - length + 1)
    bases = np.minimum(length, genes.exon_end[exon] - genes.exon_start[exon] - inside)
    return Sites(gene, start, start + length, direction, np.zeros(len(gene), bool), bases)


def _bound_genes(rng: np.random.Generator, share: float, weight: np.ndarray) -> np.ndarray:
    n_bound = max(1, round(share * len(weight)))
    return np.sort(rng.choice(len(weight), n_bound, replace=False, p=weight / weight.sum()))


def _lengths(rng: np.random.Generator, typical: int, n_sites: int) -> np.ndarray:
    return np.clip(typical * rng.lognormal(0, 0.3, n_sites), typical // 2, 2 * typical).astype(np.int64)


def _promoter_offsets(rng: np.random.Generator, n_sites: int) -> np.ndarray:
    """Most ChIP peaks lie close to the TSS, the others anywhere in the window."""
    close = rng.normal(-100, 350, n_sites)
    anywhere = rng.uniform(-UPSTREAM_BP, DOWNSTREAM_BP, n_sites)
    offset = np.where(rng.random(n_sites) < 0.5, close, anywhere)
    return np.clip(offset, -UPSTREAM_BP, DOWNSTREAM_BP - 1).astype(np.int64)


def _place_tf(rng: np.random.Generator, genes: ToyGenes, share: float) -> Sites:
    bound = _bound_genes(rng, share, np.ones(len(genes.table)))
    gene = np.repeat(bound, 1 + rng.poisson(0.6, len(bound)))
    return promoter_sites(genes, gene, _promoter_offsets(rng, len(gene)), _lengths(rng, TF_SITE_BP, len(gene)))


def _place_position_tf(rng: np.random.Generator, genes: ToyGenes, share: float) -> Sites:
    """Two to four sites a gene; in half of the genes one lies near the TSS, whatever their number."""
    bound = _bound_genes(rng, share, np.ones(len(genes.table)))
    n_sites = 2 + rng.binomial(2, 0.5, len(bound))
    gene = np.repeat(bound, n_sites)
    is_first = np.concatenate([[True], gene[1:] != gene[:-1]])
    is_near = is_first & np.repeat(rng.random(len(bound)) < 0.5, n_sites)
    upstream = rng.uniform(-1800, -500, len(gene))
    far = np.where(rng.random(len(gene)) < 0.7, upstream, rng.uniform(500, 800, len(gene)))
    offset = np.where(is_near, rng.uniform(-NEAR_BP + 50, NEAR_BP - 50, len(gene)), far).astype(np.int64)
    return promoter_sites(genes, gene, offset, _lengths(rng, TF_SITE_BP // 2, len(gene)))


def _copy_to_other_genes(rng: np.random.Generator, genes: ToyGenes, source: Sites) -> Sites:
    """As many sites a gene as the partner has, at genes drawn afresh: independent of expression."""
    shuffled = rng.permutation(len(genes.table))[source.gene]
    n_sites = len(shuffled)
    return promoter_sites(genes, shuffled, _promoter_offsets(rng, n_sites), _lengths(rng, TF_SITE_BP, n_sites))


def _beside(rng: np.random.Generator, genes: ToyGenes, source: Sites) -> Sites:
    """Sites 100 to 200 bp beside four fifths of the partner's sites, and a few of its own."""
    kept = rng.random(len(source.gene)) < 0.8
    centre = (source.start[kept] + source.end[kept]) // 2
    gene = source.gene[kept]
    offset = (centre - genes.table["tss"].to_numpy()[gene]) * genes.direction[gene]
    offset = offset + rng.integers(100, 201, len(gene)) * rng.choice([-1, 1], len(gene))
    own = _bound_genes(rng, 0.05, np.ones(len(genes.table)))
    gene = np.concatenate([gene, own])
    offset = np.concatenate([offset, _promoter_offsets(rng, len(own))])
    return promoter_sites(genes, gene, offset, _lengths(rng, TF_SITE_BP, len(gene)))


def _place_rna(rng: np.random.Generator, genes: ToyGenes, regulator: ToyRegulator) -> Sites:
    """Longer RNAs are bound more often; miRNA sites lie in the last two fifths of the RNA, like a 3' UTR."""
    length_bp = genes.table["length_bp"].to_numpy()
    relative = np.sqrt(length_bp / np.median(length_bp))
    bound = _bound_genes(rng, regulator.bound_share, relative)
    gene = np.repeat(bound, 1 + rng.poisson(0.6 * relative[bound]))
    is_mirna = regulator.kind == "miRNA"
    place = rng.uniform(0.6 if is_mirna else 0.0, 1.0, len(gene))
    position = np.minimum((place * length_bp[gene]).astype(np.int64), length_bp[gene] - 1)
    if is_mirna:
        length = rng.integers(MIRNA_SITE_BP - 1, MIRNA_SITE_BP + 1, len(gene))
    else:
        length = _lengths(rng, RBP_SITE_BP, len(gene))
    return rna_sites(genes, gene, position, length)


def _background(rng: np.random.Generator, genes: ToyGenes, acting: Sites, kind: str) -> Sites:
    """Sites that reach no window: between genes, and for RNA on the other strand of exons."""
    n_sites = round(BACKGROUND_SHARE * len(acting.gene))
    chosen = rng.integers(0, len(acting.gene), n_sites)
    length = (acting.end - acting.start)[chosen]
    nothing = np.zeros(n_sites, dtype=np.int64)
    if kind != "TF":
        start = acting.start[chosen]
        return Sites(acting.gene[chosen], start, start + length, -acting.sign[chosen], nothing.astype(bool), nothing)
    gene = rng.integers(0, len(genes.table), n_sites)  # the gap in front of this gene is at least 5000 bp
    start = genes.table["start"].to_numpy()[gene] - UPSTREAM_BP - 200 - length
    return Sites(gene, start, start + length, nothing, nothing.astype(bool), nothing)


def _joined(parts: list[Sites]) -> Sites:
    return Sites(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _other_cell(rng: np.random.Generator, genes: ToyGenes, acting: Sites, regulator: ToyRegulator) -> Sites:
    """The second cell: half of the acting sites and as many others that do nothing."""
    kept = rng.random(len(acting.gene)) < 0.5
    shared = Sites(*(column[kept] for column in acting))
    if regulator.kind == "TF":
        own = _place_tf(rng, genes, regulator.bound_share / 2)
    else:
        own = _place_rna(rng, genes, replace(regulator, bound_share=regulator.bound_share / 2))
    return _joined([shared, own])


def dose_of(sites: Sites, n_genes: int, unit_bp: int, *, near_only: bool = False) -> np.ndarray:
    """log2(1 + bound bases / typical site length) of every gene, so one site gives about 1.

    Parameters
    ----------
    sites : Sites
        Background has no bases in a window and counts for nothing.
    n_genes : int
    unit_bp : int
        Typical length of a site.
    near_only : bool
        Count only sites whose centre lies within 200 bp of the TSS, and as present or absent.

    Returns
    -------
    np.ndarray
        float64, shape (n_genes,).
    """
    bases = np.bincount(sites.gene, sites.bases * (sites.near if near_only else 1), n_genes)
    return (bases > 0).astype(float) if near_only else np.log2(1 + bases / unit_bp)


def bind_regulators(genes: ToyGenes, seed: int) -> list[BoundRegulator]:
    """Place the sites of every regulator of the roster and work out its dose at every gene.

    Parameters
    ----------
    genes : ToyGenes
    seed : int
        Each regulator draws from a stream of its own.

    Returns
    -------
    list of BoundRegulator
        In roster order. The dose of an interacting regulator is half of (both bound), so that the two shares add up
        to the effect of the pair; decoys and nulls have a dose too, with no effect.
    """
    n_genes = len(genes.table)
    placed: dict[str, Sites] = {}
    result = []
    for index, regulator in enumerate(ROSTER):
        rng = np.random.default_rng([seed, 1, index])
        sites = _acting_sites(rng, genes, regulator, placed)
        placed[regulator.name] = sites
        unit = {"TF": TF_SITE_BP, "RBP": RBP_SITE_BP, "miRNA": MIRNA_SITE_BP}[regulator.kind]
        dose = dose_of(sites, n_genes, unit, near_only=regulator.role == "position")
        cell = "" if regulator.kind == "miRNA" else ACTING_CELL
        cells = {cell: _joined([sites, _background(rng, genes, sites, regulator.kind)])}
        if regulator.has_two_cells:
            cells[OTHER_CELL] = _other_cell(rng, genes, sites, regulator)
        result.append(BoundRegulator(regulator, cells, dose))
    is_bound = {bound.regulator.name: bound.dose > 0 for bound in result}
    return [
        bound._replace(dose=0.5 * (is_bound[bound.regulator.name] & is_bound[bound.regulator.partner]))
        if bound.regulator.role == "interaction"
        else bound
        for bound in result
    ]


def _acting_sites(
    rng: np.random.Generator, genes: ToyGenes, regulator: ToyRegulator, placed: dict[str, Sites]
) -> Sites:
    if regulator.kind != "TF":
        return _place_rna(rng, genes, regulator)
    if regulator.role == "position":
        return _place_position_tf(rng, genes, regulator.bound_share)
    if regulator.role == "decoy":
        return _copy_to_other_genes(rng, genes, placed[regulator.partner])
    if regulator.role == "co_bound_decoy":
        return _beside(rng, genes, placed[regulator.partner])
    return _place_tf(rng, genes, regulator.bound_share)
