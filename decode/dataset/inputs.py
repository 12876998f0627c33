"""What the networks are fed: raw bins, or the sums over bins that the pooled view takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from decode.features.region import bin_grid, padded_lengths
from decode.genome.structure import STRUCTURE

if TYPE_CHECKING:
    from decode.features.matrix import RegulatoryFeatures


def pooled_inputs(features: RegulatoryFeatures, n_first_bins: Mapping[str, int]) -> dict[str, np.ndarray]:
    """Per-gene sums that the pooled view of a network takes.

    Parameters
    ----------
    features : RegulatoryFeatures
    n_first_bins : mapping of region name to int
        How many first bins follow the total.

    Returns
    -------
    dict of region name to np.ndarray, shape (n_rows, 1 + n_first_bins, 1 + n_tracks of the region), float32
        Bases. Channel 0 is the occupancy. Last, where the features have it, "structure": shape (n_rows,
        n_structure_channels, 1), the numbers of the gene table; like the occupancy they are no track.
    """
    inputs = {}
    for region in features.regions:
        total = features.totals(region)
        n_first = n_first_bins.get(region, 0)
        pooled = np.zeros((len(total), 1 + n_first, 1 + total.shape[1]), dtype=np.float32)
        pooled[:, 0, 0] = features.lengths(region)
        pooled[:, 0, 1:] = total
        if n_first:
            pooled[:, 1:, 0] = _first_lengths(features, region, n_first)
            pooled[:, 1:, 1:] = features.first_bins(region, n_first)
        inputs[region] = pooled
    if features.structure_channels:
        inputs[STRUCTURE] = features.structure[:, :, None]
    return inputs


def _first_lengths(features: RegulatoryFeatures, region: str, n_first: int) -> np.ndarray:
    matrix = features.regions[region]
    return padded_lengths(matrix.bin_length_bp, bin_grid(matrix.offsets, np.arange(matrix.n_genes), n_first))


def bins_inputs(
    features: RegulatoryFeatures, rows: np.ndarray, *, n_bins: Mapping[str, int] | None = None
) -> dict[str, np.ndarray]:
    """Raw bins of some genes, as the full view of a network takes them.

    Parameters
    ----------
    features : RegulatoryFeatures
    rows : np.ndarray of int
    n_bins : mapping of region name to int, optional
        Bins to pad to on the 3' end; the longest of `rows` where absent, at least one: where no gene has a bin of a
        region (linked elements), it is an empty one.

    Returns
    -------
    dict of region name to np.ndarray, shape (len(rows), n_bins, 1 + n_tracks of the region), float32
        Last, where the features have it, "structure" as in `pooled_inputs`.
    """
    inputs = {}
    for region in features.regions:
        n_wanted = (n_bins or {}).get(region)
        if n_wanted is None:
            n_wanted = max(1, int(np.diff(features.regions[region].offsets)[rows].max(initial=0)))
        values, length_bp = features.dense(region, rows, n_bins=n_wanted)
        inputs[region] = np.concatenate([length_bp[:, :, None], values], axis=2)
    if features.structure_channels:
        inputs[STRUCTURE] = features.structure[rows][:, :, None]
    return inputs
