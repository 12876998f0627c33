"""An ensemble that predicts one gene under thousands of removals."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from decode.core.checks import check_count
from decode.insilico.removal import GeneInputs, Pooled, checked_removals
from decode.insilico.unfolded import UnfoldedNetwork
from decode.models.ensemble import predict_inputs

if TYPE_CHECKING:
    from decode.models.bundle import ModelBundle

logger = logging.getLogger(__name__)

BLOCK_DRAWS = 2048  # removals predicted at a time: about 20 MiB for each region of a thousand tracks


@dataclass(frozen=True, eq=False)
class RemovalModel:
    """An ensemble that predicts one gene under many removals.

    Parameters
    ----------
    bundle : ModelBundle
    members : list of UnfoldedNetwork or None
        None where a network has a layer that cannot be unfolded: then `predict_inputs` does the same, more slowly.
    """

    bundle: ModelBundle
    members: list[UnfoldedNetwork] | None

    @classmethod
    def of(cls, bundle: ModelBundle) -> RemovalModel:
        """Unfold the members of a bundle."""
        try:
            members = [UnfoldedNetwork.from_model(member.pooled, bundle.input_names) for member in bundle.members]
        except ValueError as error:
            logger.info("removals are predicted by Keras, more slowly: the network cannot be unfolded")
            logger.debug("%s", error)
            return cls(bundle, None)
        return cls(bundle, members)

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of members and of tasks."""
        return len(self.bundle.members), len(self.bundle.tasks)

    def predict(self, gene: GeneInputs) -> NDArray[np.float32]:
        """The gene with all its sites, (n_members, n_tasks), log2 units."""
        if self.members is None:
            return predict_inputs(self.bundle, gene.pooled)[:, 0]
        return np.stack([member.finish(member.hidden(gene.pooled))[0] for member in self.members])

    def without_regulators(
        self, gene: GeneInputs, is_removed: ArrayLike, *, block_draws: int = BLOCK_DRAWS
    ) -> NDArray[np.float32]:
        """Predictions without some of the bound regulators.

        Parameters
        ----------
        gene : GeneInputs
        is_removed : bool array, shape (n_draws, n_bound_regulators)
            As in `GeneInputs.without_regulators`.
        block_draws : int
            Draws at a time; the result does not depend on it.

        Returns
        -------
        float32 array, shape (n_members, n_draws, n_tasks)
            log2 units.

        Raises
        ------
        ValueError
            If the removals have another shape or type.
        """
        draws = checked_removals(is_removed, len(gene.regulators), "bound regulators", gene.gene_id)
        if self.members is None:
            return self._by_keras(gene.without_regulators, draws, block_draws)
        disjoint = gene.is_track.sum(axis=0).max(initial=0) <= 1

        def lost(member: UnfoldedNetwork) -> Callable[[NDArray[np.bool_]], NDArray[np.float32]]:
            parts = track_parts(member, gene)  # (track, unit)
            is_track = gene.is_track.astype(np.float32)
            if disjoint:
                of_regulator = is_track @ parts
                return lambda some: some.astype(np.float32) @ of_regulator
            return lambda some: ((some.astype(np.float32) @ is_track) > 0).astype(np.float32) @ parts

        return self._by_difference(gene, lost, draws, block_draws)

    def without_bins(
        self, gene: GeneInputs, is_removed: ArrayLike, *, block_draws: int = BLOCK_DRAWS
    ) -> NDArray[np.float32]:
        """Predictions without the sites of some bins.

        Parameters
        ----------
        gene : GeneInputs
        is_removed : bool array, shape (n_draws, n_bins)
            As in `GeneInputs.without_bins`.
        block_draws : int
            Draws at a time; the result does not depend on it.

        Returns
        -------
        float32 array, shape (n_members, n_draws, n_tasks)
            log2 units.

        Raises
        ------
        ValueError
            If the removals have another shape or type.
        """
        draws = checked_removals(is_removed, len(gene.bins), "bins", gene.gene_id)
        if self.members is None:
            return self._by_keras(gene.without_bins, draws, block_draws)

        def lost(member: UnfoldedNetwork) -> Callable[[NDArray[np.bool_]], NDArray[np.float32]]:
            parts = [_bin_part(member, gene, region) for region in gene.site_values]
            return lambda some: np.sum([part(some) for part in parts], axis=0)

        return self._by_difference(gene, lost, draws, block_draws)

    def _by_keras(
        self, without: Callable[[NDArray[np.bool_]], Pooled], draws: NDArray[np.bool_], block_draws: int
    ) -> NDArray[np.float32]:
        n_members, n_tasks = self.shape
        out = np.empty((n_members, len(draws), n_tasks), dtype=np.float32)
        for block in _blocks(len(draws), block_draws):
            out[:, block] = predict_inputs(self.bundle, without(draws[block]))
        return out

    def _by_difference(
        self,
        gene: GeneInputs,
        lost: Callable[[UnfoldedNetwork], Callable[[NDArray[np.bool_]], NDArray[np.float32]]],
        draws: NDArray[np.bool_],
        block_draws: int,
    ) -> NDArray[np.float32]:
        """Predictions from hidden units less what the removed sites added to them."""
        n_members, n_tasks = self.shape
        out = np.empty((n_members, len(draws), n_tasks), dtype=np.float32)
        for number, member in enumerate(self.members or []):
            full, of_draws = member.hidden(gene.pooled), lost(member)
            for block in _blocks(len(draws), block_draws):
                out[number, block] = member.finish(full - of_draws(draws[block]))
        return out


def _blocks(n: int, size: int) -> Iterator[slice]:
    check_count("block_draws", size)
    return (slice(start, start + size) for start in range(0, n, size))


def track_parts(member: UnfoldedNetwork, gene: GeneInputs) -> NDArray[np.float32]:
    """What each track of a gene adds to the first hidden units, shape (n_tracks, n_units), all regions side by side."""
    parts = []
    for region, layer in member.regions.items():
        values = layer.values(gene.pooled[region][0, :, 1:].astype(np.float64)).astype(np.float32)
        parts.append(np.einsum("rc,rcu->cu", values, layer.weights[:, 1:]))
    return np.concatenate(parts)


def _bin_part(
    member: UnfoldedNetwork, gene: GeneInputs, region: str
) -> Callable[[NDArray[np.bool_]], NDArray[np.float32]]:
    """What the hidden units lose with some bins of a region."""
    layer, held_values = member.regions[region], gene.site_values[region]
    is_of, numbers = gene.is_of(region), gene.numbers_of(region)
    if layer.is_log:  # of the total alone, and only tracks with a site change it
        bound = np.unique(held_values.indices)
        held = held_values[:, bound].toarray()
        weights, full = layer.weights[0, 1 + bound], np.log1p(gene.pooled[region][0, 0, 1 + bound].astype(np.float64))
        return lambda some: (full - np.log1p((~some[:, is_of]) @ held)).astype(np.float32) @ weights
    parts = held_values @ layer.weights[0, 1:]
    for column in np.flatnonzero(numbers < len(layer.weights) - 1):
        parts[column] += held_values[[column]].toarray()[0] @ layer.weights[1 + numbers[column], 1:]
    of_bin = parts.astype(np.float32)
    return lambda some: some[:, is_of].astype(np.float32) @ of_bin
