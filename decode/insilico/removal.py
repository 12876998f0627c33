"""Take binding sites away from a gene: a regulator, some of them, a bin, a window of bins; and predict it without them.

The one place where sites are removed. What stays is as if the sites had never been counted: the region keeps its bins
and their lengths, all tracks of a removed regulator lose all their values, a removed bin loses the values of all
tracks. The pooled inputs that follow are those of a features file in which the sites were deleted, for both networks:
the paper network's first bins follow the removals too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from decode.core.checks import listed
from decode.core.ids import named_ids
from decode.dataset import pooled_inputs
from decode.features.regulators import NamedRegulators, named_regulators
from decode.models.matching import select_for_model

if TYPE_CHECKING:
    from decode.features.matrix import RegulatoryFeatures
    from decode.models.bundle import ModelBundle

# region -> (n, 1 + first bins, 1 + n_tracks); structure, where the model takes it -> (n, n_channels, 1): no track
Pooled = dict[str, NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class GeneInputs:
    """What a model is fed of one gene, and what can be taken away from it.

    Parameters
    ----------
    gene_id : str
        Transcript id at transcript level.
    gene_name : str
    row : int
        Of the features that it was made from.
    regulators : list of str
        Those with a site in the gene, "KIND:NAME" (or as they were named, see `named_regulators`), in the order of the
        model's tracks.
    is_track : bool array, shape (n_bound_regulators, n_tracks)
        Tracks of each of them, over all regions side by side.
    bins : pd.DataFrame
        The gene's real bins (bases inside region and chromosome), in the order of the inputs: region, bin (number
        within the region, 5' to 3'), length_bp, n_tracks (tracks with a site in it).
    site_values : mapping of region to sparse array, shape (n_real_bins of the region, n_tracks of the region)
        What the bins hold.
    pooled : mapping of region to float32 array, shape (1, 1 + first bins, 1 + n_tracks)
        The gene with all its sites.
    """

    gene_id: str
    gene_name: str
    row: int
    regulators: list[str]
    is_track: NDArray[np.bool_]
    bins: pd.DataFrame
    site_values: Mapping[str, sparse.csr_array]
    pooled: Pooled

    def without_regulators(self, is_removed: ArrayLike) -> Pooled:
        """Pooled inputs without some of the bound regulators.

        Parameters
        ----------
        is_removed : bool array, shape (n_draws, n_bound_regulators)
            True where a draw takes a regulator's sites away, all its tracks in all regions.

        Returns
        -------
        dict of region to float32 array, shape (n_draws, 1 + first bins, 1 + n_tracks)
        """
        draws = checked_removals(is_removed, len(self.regulators), "bound regulators", self.gene_id)
        is_gone = (draws.astype(np.float32) @ self.is_track.astype(np.float32)) > 0
        inputs, first = {}, 0
        for region, pooled in self.pooled.items():
            n_tracks = pooled.shape[2] - 1
            kept = np.repeat(pooled, len(draws), axis=0)
            kept[:, :, 1:] *= ~is_gone[:, None, first : first + n_tracks]
            inputs[region], first = kept, first + n_tracks
        return inputs

    def without_bins(self, is_removed: ArrayLike) -> Pooled:
        """Pooled inputs without the sites of some bins; the bins' own bases (occupancy) stay.

        Parameters
        ----------
        is_removed : bool array, shape (n_draws, n_bins)
            True where a draw takes all sites of a bin away; columns as the rows of `bins`.

        Returns
        -------
        dict of region to float32 array, shape (n_draws, 1 + first bins, 1 + n_tracks)
        """
        draws = checked_removals(is_removed, len(self.bins), "bins", self.gene_id)
        inputs = {}
        for region, pooled in self.pooled.items():
            if region not in self.site_values:  # the gene structure, which has no bins
                inputs[region] = np.repeat(pooled, len(draws), axis=0)
                continue
            is_kept = ~draws[:, self.is_of(region)]
            kept = np.repeat(pooled, len(draws), axis=0)
            kept[:, 0, 1:] = is_kept.astype(np.float64) @ self.site_values[region]
            for column, number in enumerate(self.numbers_of(region)):
                if number < pooled.shape[1] - 1:
                    kept[:, 1 + number, 1:] *= is_kept[:, column, None]
            inputs[region] = kept
        return inputs

    def is_of(self, region: str) -> NDArray[np.bool_]:
        """Which rows of `bins` are of a region."""
        return (self.bins["region"] == region).to_numpy()

    def numbers_of(self, region: str) -> NDArray[np.int64]:
        """Numbers of a region's real bins."""
        return self.bins.loc[self.is_of(region), "bin"].to_numpy(np.int64)


def checked_removals(is_removed: ArrayLike, n: int, what: str, gene_id: str) -> NDArray[np.bool_]:
    """The removals as booleans (n_draws, n); ValueError where they are anything else."""
    draws = np.asarray(is_removed)
    if draws.dtype != bool or draws.ndim != 2 or draws.shape[1] != n:
        raise ValueError(
            f"the removals are {draws.dtype} of shape {draws.shape}; booleans of shape (n_draws, {n}) are wanted, one "
            f"column for each of the {n} {what} of gene {gene_id}"
        )
    return draws


def gene_inputs(
    bundle: ModelBundle,
    features: RegulatoryFeatures,
    genes: Sequence[str],
    *,
    regulators: Sequence[str] | None = None,
    id_map: str | Path | None = None,
) -> list[GeneInputs]:
    """What a model is fed of a few genes, ready for removals.

    Parameters
    ----------
    bundle : ModelBundle
    features : RegulatoryFeatures
        May hold further tracks and regions than the model's.
    genes : sequence of str
        Gene ids or symbols (transcript ids at transcript level), in the user's order.
    regulators : sequence of str, optional
        Which may be taken away: "SPI1" all kinds of that name together, "RBP:BCLAF1" one kind; default all, kind by
        kind.
    id_map : str or Path, optional
        See `decode.core.ids.resolve_ids`.

    Returns
    -------
    list of GeneInputs
        In the order of `genes`.

    Raises
    ------
    KeyError
        If a gene or regulator is unknown; the message gives the nearest names.
    ValueError
        If a name is ambiguous or given twice, a gene has no site (of these regulators), or the features do not fit the
        model or lack tracks of it.
    """
    selected = select_for_model(bundle, features)
    chosen = named_regulators(selected.tracks, regulators)
    ids = named_ids(genes, selected.genes, id_map, id_column=selected.id_column)
    rows = [selected.row_of(name) for name in ids]
    taken = selected.take(np.array(rows, dtype=np.int64))
    pooled = pooled_inputs(taken, bundle.n_first_bins())
    found = [_one_gene(taken, number, row, chosen, pooled) for number, row in enumerate(rows)]
    empty = [f"{gene.gene_id} ({gene.gene_name})" for gene in found if not gene.regulators]
    if empty:
        raise ValueError(
            f"no site of the {'model' if regulators is None else 'regulators asked for'} lies in {len(empty)} gene(s): "
            f"{listed(empty)}; there is nothing to take away, choose other genes"
            + ("" if regulators is None else " or regulators")
        )
    return found


def _one_gene(
    features: RegulatoryFeatures, number: int, row: int, chosen: NamedRegulators, pooled: Pooled
) -> GeneInputs:
    values, bins, has_site = {}, [], []
    for name, matrix in features.regions.items():
        own = np.arange(matrix.offsets[number], matrix.offsets[number + 1])
        real = own[matrix.bin_length_bp[own] > 0]
        values[name] = matrix.data[real].astype(np.float64)
        n_tracks = np.asarray((values[name] != 0).sum(axis=1)).reshape(-1)
        length_bp = matrix.bin_length_bp[real].astype(np.int64)
        bins.append(pd.DataFrame({"region": name, "bin": real - own[:1], "length_bp": length_bp, "n_tracks": n_tracks}))
        has_site.append(
            (pooled[name][number, 0, 1:] != 0) | np.asarray((values[name] != 0).sum(axis=0)).reshape(-1) > 0
        )
    is_bound = (chosen.is_track & np.concatenate(has_site)).any(axis=1)
    return GeneInputs(
        gene_id=str(features.ids[number]),
        gene_name=str(features.genes["gene_name"].iloc[number]),
        row=row,
        regulators=chosen.table.index[is_bound].tolist(),
        is_track=chosen.is_track[is_bound],
        bins=pd.concat(bins, ignore_index=True),
        site_values=values,
        pooled={name: array[number : number + 1] for name, array in pooled.items()},
    )


def window_removals(gene: GeneInputs, windows: Sequence[Sequence[tuple[str, int]]]) -> NDArray[np.bool_]:
    """Draws that take windows of bins away, for `without_bins`.

    Parameters
    ----------
    gene : GeneInputs
    windows : sequence of sequences of (region, bin)
        The bins of each window; bins that are not real are passed over.

    Returns
    -------
    bool array, shape (n_windows, n_bins)
    """
    column = {key: i for i, key in enumerate(zip(gene.bins["region"], gene.bins["bin"], strict=True))}
    draws = np.zeros((len(windows), len(column)), dtype=bool)
    for number, window in enumerate(windows):
        draws[number, [column[key] for key in window if key in column]] = True
    return draws
