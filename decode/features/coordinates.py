"""Where the bins of any region lie on the genome."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from decode.core.files import sha256_of
from decode.features.content import FeatureContent
from decode.features.pieces import Pieces, cut_at_bins, linked_pieces
from decode.genome.gene_coordinates import rna_to_genome
from decode.genome.links import read_links

if TYPE_CHECKING:
    from decode.genome.gene_models import GeneModels

Interval = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]  # bin, start, end


class NotOnGenomeError(ValueError):
    """The bins of a region cannot be put on the genome with what is at hand."""


class GeneAt(NamedTuple):
    """What of a gene (or transcript) says where its bins lie: id, chrom, strand, tss, length_bp (spliced)."""

    name: str
    chrom: str
    strand: str
    tss: int
    length_bp: int


class _Linked(NamedTuple):
    """Linked elements of all gene models: their pieces, the bases of every bin, the first bin of every model."""

    pieces: Pieces
    bin_length_bp: NDArray[np.int32]
    offsets: NDArray[np.int64]


class BinPlaces:
    """Genomic intervals of bins, for many genes of one annotation: links are read once.

    Parameters
    ----------
    gene_models : GeneModels, optional
        The gene models that the features were built from. Windows around the TSS (promoter) need none.
    """

    def __init__(self, gene_models: GeneModels | None = None) -> None:
        self.gene_models = gene_models
        self._linked: dict[str, _Linked] = {}

    def intervals(self, gene: GeneAt, region: str, definition: Mapping[str, Any], covered: ArrayLike) -> pd.DataFrame:
        """Where the bins of one gene lie.

        Parameters
        ----------
        gene : GeneAt
        region : str
            Name, for messages.
        definition : mapping
            Of the region, see `RegulatoryFeatures.definition_of`.
        covered : array, shape (n_bins,)
            Bases of each bin inside region and chromosome.

        Returns
        -------
        pd.DataFrame
            As `bin_intervals`.

        Raises
        ------
        ValueError, KeyError
            As `bin_intervals`.
        """
        lengths = np.asarray(covered).astype(np.int64)
        chrom: Any = gene.chrom
        if "first_bp" in definition:
            number, start, end = _window(gene, definition, lengths)
        elif self.gene_models is None:
            raise NotOnGenomeError(
                f"region {region!r} cannot be put on the genome: gene models are needed (--annotation)"
            )
        elif definition["type"] == "rna":
            number, start, end = _rna(gene, int(definition["bin_size"]), lengths, self.gene_models)
        else:
            number, start, end = self._linked_bins(gene, region, definition, lengths, self.gene_models)
            chrom, start, end = _on_chromosomes(start, end, self.gene_models)
        table = pd.DataFrame({"bin": number, "chrom": chrom, "start": start, "end": end})
        return table.sort_values(["chrom", "start"], ignore_index=True)

    def _linked_bins(
        self,
        gene: GeneAt,
        region: str,
        definition: Mapping[str, Any],
        lengths: NDArray[np.int64],
        gene_models: GeneModels,
    ) -> Interval:
        key = json.dumps(definition, sort_keys=True)
        if key not in self._linked:
            self._linked[key] = _linked_of(region, definition, gene_models)
        layout = self._linked[key]
        first, stop = layout.offsets[gene_models.row_of(gene.name)], layout.offsets[gene_models.row_of(gene.name) + 1]
        if not np.array_equal(layout.bin_length_bp[first:stop], lengths):
            raise ValueError(
                f"the links give {gene.name} {stop - first} bins in region {region}, the features {len(lengths)} (or "
                "of other lengths); give the annotation and the representative transcripts that the features were "
                "built from"
            )
        numbers = np.flatnonzero((layout.pieces.row == first) & (first < stop))
        cut = cut_at_bins(layout.pieces, numbers)
        return cut.row - first, cut.start, cut.end


def bin_intervals(
    features: FeatureContent, gene: str, region: str, gene_models: GeneModels | None = None
) -> pd.DataFrame:
    """Where the bins of a gene's region lie on the genome.

    Parameters
    ----------
    features : RegulatoryFeatures
    gene : str
        Gene id (transcript id at transcript level).
    region : str
        Any region of the features.
    gene_models : GeneModels, optional
        The gene models that the features were built from. The promoter and windows need none; "rna", whose bins run
        across splice junctions, and linked elements do. For many genes use `BinPlaces`.

    Returns
    -------
    pd.DataFrame
        bin, chrom, start, end (0-based, half-open), by start. A bin across a junction has several rows; bins outside
        the chromosome or the gene have none.

    Raises
    ------
    NotOnGenomeError
        If gene models are needed, or the file of links is not there or is another one than that of the build.
    ValueError
        If the models or links do not fit the features.
    KeyError
        If features or models lack the gene, or the features the region.

    Examples
    --------
    >>> from decode.features.region import RegionMatrix
    >>> from scipy import sparse
    >>> genes = pd.DataFrame({"gene_id": ["A"], "gene_name": ["a"], "chrom": ["chr1"], "strand": ["-"]})
    >>> tracks = pd.DataFrame({"region": ["promoter"], "kind": ["TF"], "regulator": ["CTCF"], "biosample": [""]})
    >>> matrix = RegionMatrix("promoter", sparse.csr_array([[0], [40], [0]]), np.array([0, 3]), np.array([100] * 3))
    >>> features = FeatureContent(
    ...     level="gene", genes=genes.assign(tss=5000, length_bp=90), build="hg38", bin_size=100, upstream=200,
    ...     downstream=100, tracks=tracks.assign(value_kind="bases", n_bound_genes=1), regions={"promoter": matrix},
    ... )
    >>> bin_intervals(features, "A", "promoter").values.tolist()
    [[2, 'chr1', 4901, 5001], [1, 'chr1', 5001, 5101], [0, 'chr1', 5101, 5201]]
    """
    matrix = features.region(region)
    place = gene_at(features, features.row_of(gene))
    first, stop = matrix.offsets[features.row_of(gene)], matrix.offsets[features.row_of(gene) + 1]
    return BinPlaces(gene_models).intervals(
        place, region, features.definition_of(region), matrix.bin_length_bp[first:stop]
    )


def gene_at(features: FeatureContent, row: int) -> GeneAt:
    """What of the gene in one row of the features says where its bins lie."""
    gene = features.genes.iloc[row]
    return GeneAt(
        str(features.ids[row]), str(gene["chrom"]), str(gene["strand"]), int(gene["tss"]), int(gene["length_bp"])
    )


def _window(gene: GeneAt, definition: Mapping[str, Any], covered: NDArray[np.int64]) -> Interval:
    first_bp, last_bp, size = (int(definition[name]) for name in ("first_bp", "last_bp", "bin_size"))
    near = np.arange(len(covered)) * size + first_bp  # of the TSS, in transcript direction
    far = np.minimum(near + size, last_bp)
    start, end = (gene.tss - far + 1, gene.tss - near + 1) if gene.strand == "-" else (gene.tss + near, gene.tss + far)
    start = np.maximum(start, 0)
    end = np.minimum(end, start + covered)  # a bin that runs past the chromosome end
    kept = np.flatnonzero(covered > 0)
    return kept, start[kept], end[kept]


def _rna(gene: GeneAt, bin_size: int, covered: NDArray[np.int64], gene_models: GeneModels) -> Interval:
    exons = gene_models.exons_of(gene.name)
    found = int((exons["end"] - exons["start"]).sum())
    if found != gene.length_bp:
        raise ValueError(
            f"the gene models give {gene.name} {found} spliced bases, the features {gene.length_bp}; give the "
            "annotation and the representative transcripts that the features were built from"
        )
    offset = np.arange(gene.length_bp)
    place, number = rna_to_genome(gene_models, gene.name, offset), offset // bin_size
    is_first = np.ones(gene.length_bp, dtype=bool)
    is_first[1:] = (np.abs(np.diff(place)) != 1) | (np.diff(number) != 0)
    first = np.flatnonzero(is_first)
    last = np.append(first[1:], gene.length_bp) - 1
    start, end = np.minimum(place[first], place[last]), np.maximum(place[first], place[last]) + 1
    kept = covered[number[first]] > 0
    return number[first][kept], start[kept], end[kept]


def _linked_of(region: str, definition: Mapping[str, Any], gene_models: GeneModels) -> _Linked:
    path = Path(definition["path"])
    why = f"region {region!r} cannot be put on the genome: its links {path}"
    if not path.is_file():
        raise NotOnGenomeError(f"{why} are not there; put the file back, from which the features were built")
    if sha256_of(path) != definition["sha256"]:
        raise NotOnGenomeError(f"{why} are not those that the features were built from; put that file back")
    links = read_links(
        path,
        gene_models.assembly,
        gene_models.table,
        min_score=definition["min_score"],
        id_map=definition.get("id_map"),
    )
    return _Linked(*linked_pieces(gene_models, links.table, int(definition["bin_size"])))


def _on_chromosomes(start: NDArray[np.int64], end: NDArray[np.int64], gene_models: GeneModels) -> tuple[Any, ...]:
    """Chromosome, start and end of intervals on the assembly axis."""
    names, edges = list(gene_models.assembly.offsets), np.fromiter(gene_models.assembly.offsets.values(), np.int64)
    which = np.searchsorted(edges, start, side="right") - 1
    return np.array(names, dtype=object)[which], start - edges[which], end - edges[which]
