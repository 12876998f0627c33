"""Only what a gene has: attributions of the tracks whose input differs from the reference, in place of all tracks.

Without sites in the reference (own_length, median_length), a track contributes to a gene only if it has a site there,
which one gene x track pair in eight has. A member's attributions are therefore one row a pair, never a dense array.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from decode.attribution.deep_explainer import ShapEngine
from decode.attribution.exact.engine import ExactEngine
from decode.attribution.exact.steps import Places, by_row

if TYPE_CHECKING:
    from decode.attribution.job import Block

Ints = NDArray[np.int64]


class Explained(NamedTuple):
    """What one member says of some genes."""

    length: NDArray[np.float32]  # (n_genes, n_tasks): the occupancy of every region
    structure: NDArray[np.float32]  # (n_genes, n_tasks): 0 where the model takes none
    tracks: NDArray[np.float32]  # (n_pairs, n_tasks)
    predictions: list[NDArray[np.float64]]  # of genes and references; empty where the engine gives none


@dataclass(frozen=True, eq=False)
class Bound:
    """Pairs of gene and track that can contribute, sorted by gene and track.

    Parameters
    ----------
    gene, track : int array, shape (n_pairs,)
    shape : (int, int)
        Genes and tracks.
    places : list of Places
        What is explained in each input of the network: channel 0, which is no track, and the pairs.
    order : int array, shape (n_pairs,)
        Where each pair stands when the regions follow each other.
    """

    gene: Ints
    track: Ints
    shape: tuple[int, int]
    places: list[Places]
    order: Ints

    @classmethod
    def of(cls, inputs: Sequence[Any], references: Sequence[Any], has_structure: bool) -> Bound:
        """Find them in the inputs of some genes, shape (n_genes, n_rows, 1 + n_tracks), pooled or in bins.

        Parameters
        ----------
        inputs, references : sequence of array
            One a region, and the gene structure last where the model takes it.
        has_structure : bool

        Examples
        --------
        >>> inputs, references = np.array([[[9, 1, 0, 2]], [[9, 0, 0, 3]]]), np.array([[[9, 0, 0, 0]]])
        >>> bound = Bound.of([inputs], [references], False)
        >>> list(zip(bound.gene.tolist(), bound.track.tolist()))
        [(0, 0), (0, 2), (1, 2)]
        """
        places, genes, tracks, n_tracks = [], [], [], 0
        n_regions = len(inputs) - has_structure
        for number, (x, r) in enumerate(zip(inputs, references, strict=True)):
            differs = (by_row(np.asarray(x)) != by_row(np.asarray(r))).any(axis=1)
            differs[:, 0] = True
            places.append(Places.where(differs))
            if number < n_regions:
                is_track = places[-1].unit > 0
                genes.append(places[-1].gene[is_track])
                tracks.append(places[-1].unit[is_track] - 1 + n_tracks)
                n_tracks += differs.shape[1] - 1
        gene, track = np.concatenate(genes), np.concatenate(tracks)
        order = np.lexsort((track, gene))
        return cls(gene[order], track[order], (len(inputs[0]), n_tracks), places, order)

    @cached_property
    def starts(self) -> Ints:
        """The pairs of gene g are starts[g] to starts[g + 1]."""
        return np.searchsorted(self.gene, np.arange(self.shape[0] + 1)).astype(np.int64)

    def explain(self, engine: ExactEngine | ShapEngine, block: Block) -> Explained:
        """Let an engine explain a block, and sort what it gives."""
        predictions: list[NDArray[np.float64]] = []
        if isinstance(engine, ExactEngine):
            parts, *predictions = engine.explain_at(block.inputs, block.references, self.places)
        else:
            found = engine.attribute(block.inputs, block.references)
            parts = [part[place.gene, place.unit] for part, place in zip(found, self.places, strict=True)]
        firsts = [part[place.unit == 0] for part, place in zip(parts, self.places, strict=True)]
        regions = list(zip(parts, self.places, strict=True))[: len(parts) - block.has_structure]
        tracks = np.concatenate([part[place.unit > 0] for part, place in regions])[self.order]
        structure = firsts[-1] if block.has_structure else np.zeros_like(firsts[0])
        return Explained(np.sum(firsts[: len(regions)], axis=0), structure, tracks, predictions)

    def sum_by_gene(self, values: NDArray[np.float32]) -> NDArray[np.float64]:
        """Sum over the pairs of each gene, shape (n_genes, n_tasks)."""
        total = np.zeros((self.shape[0], values.shape[1]))
        has_any = np.flatnonzero(np.diff(self.starts))
        if len(has_any):
            total[has_any] = np.add.reduceat(values, self.starts[has_any], axis=0, dtype=np.float64)
        return total

    def dense(self, values: NDArray[np.float32], n_genes: int | None = None) -> NDArray[np.float32]:
        """Written out for the first genes, shape (n_genes, n_tracks, n_tasks), 0 where there is no pair."""
        n_genes = self.shape[0] if n_genes is None else n_genes
        out = np.zeros((n_genes, self.shape[1], values.shape[1]), dtype=np.float32)
        out[self.gene[: len(values)], self.track[: len(values)]] = values
        return out
