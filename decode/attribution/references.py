"""References: the input that a gene is compared with. Each is defined in raw bins, so both engines mean the same.

own_length: the gene itself without sites. Its length effect is 0 by construction.

median_length: a gene without sites whose every region has the median length over the model's test genes (Tasaki 2020).

mean_gene: the mean over the model's training genes, bin by bin from the 5' end of each region. A gene that ends earlier
counts as 0 there, so the sums over bins are the mean totals of every track and of the occupancy.

matched_genes: the same mean over the k training genes whose spliced length is nearest on the log scale. Neither the
gene itself nor another transcript of it is among them.

Gene structure, where the model takes it, goes with the length: own_length keeps the gene's own, so that its effect is 0
by construction; the others take the median or the mean over the same genes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from decode.core.checks import check_choice, check_count
from decode.core.choices import ReferenceName
from decode.dataset import TEST, TRAIN
from decode.genome.structure import STRUCTURE

if TYPE_CHECKING:
    from decode.features.matrix import RegionMatrix, RegulatoryFeatures
    from decode.models.bundle import ModelBundle

logger = logging.getLogger(__name__)

REFERENCES: tuple[ReferenceName, ...] = ("own_length", "median_length", "mean_gene", "matched_genes")
N_MATCHED = 20  # enough to even out single genes, few enough to stay at the gene's length

# (bin, 1 + n_tracks), bases; channel 0 is the occupancy. Of the structure (channel, 1), as in the gene table
Profile = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Reference:
    """The reference of every gene of some features; made by `make_reference`.

    Parameters
    ----------
    name : str
    features : RegulatoryFeatures
        With the model's tracks.
    shared : dict of region name to array, shape (n_bins, 1 + n_tracks), optional
        The one profile of all genes; None where each gene has its own.
    donors : int array, shape (n_training,), optional
        Training genes, for `matched_genes`.
    n_matched : int
        How many of them a reference is the mean of.
    """

    name: ReferenceName
    features: RegulatoryFeatures
    shared: Mapping[str, Profile] | None = None
    donors: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    n_matched: int = N_MATCHED

    @property
    def has_sites(self) -> bool:
        """Whether tracks differ from zero."""
        return self.name in {"mean_gene", "matched_genes"}

    def profiles(self, row: int) -> Mapping[str, Profile]:
        """The reference of one gene: region name to bases, shape (n_bins, 1 + n_tracks).

        Parameters
        ----------
        row : int
            Row of the features.
        """
        if self.shared is not None:
            return self.shared
        if self.name == "own_length":
            own = {name: own_profile(matrix, row) for name, matrix in self.features.regions.items()}
            return own | structure_profile(self.features, np.array([row]))
        return mean_profiles(self.features, self.matched(row))

    def matched(self, row: int) -> NDArray[np.int64]:
        """Rows of the training genes of like length, the nearest first."""
        genes = self.features.genes
        others = self.donors[genes["gene_id"].to_numpy()[self.donors] != genes["gene_id"].iloc[row]]
        if not len(others):
            raise ValueError(
                f"reference 'matched_genes' finds no other training gene for {self.features.ids[row]}; give the "
                "features that the model was trained on, or use reference 'own_length'"
            )
        log_length = np.log(np.maximum(genes["length_bp"].to_numpy(dtype=np.float64), 1.0))
        distance = np.abs(log_length[others] - log_length[row])
        values: NDArray[np.int64] = others[np.argsort(distance, kind="stable")[: self.n_matched]]
        return values

    def pooled(
        self, rows: Sequence[int] | NDArray[np.int64], n_first_bins: Mapping[str, int]
    ) -> list[NDArray[np.float32]]:
        """The reference as the pooled view of a network takes it.

        Parameters
        ----------
        rows : sequence of int
        n_first_bins : mapping of region name to int

        Returns
        -------
        list of float32 array, shape (n_rows or 1, 1 + n_first_bins, 1 + n_tracks of the region)
            One row where all genes share one reference.
        """
        found = [
            [
                profile if name == STRUCTURE else pooled_profile(profile, n_first_bins.get(name, 0))
                for name, profile in self.profiles(row).items()
            ]
            for row in self._distinct(rows)
        ]
        return [np.stack(arrays).astype(np.float32) for arrays in zip(*found, strict=True)]

    def bins(self, rows: Sequence[int] | NDArray[np.int64], n_bins: Mapping[str, int]) -> list[NDArray[np.float32]]:
        """The reference as the full view of a network takes it, padded with zeros at the 3' end.

        Parameters
        ----------
        rows : sequence of int
        n_bins : mapping of region name to int
            At least those of `n_bins`.

        Returns
        -------
        list of float32 array, shape (n_rows or 1, n_bins, 1 + n_tracks of the region)
        """
        found = [
            [
                np.pad(profile, ((0, n_bins[name] - len(profile)), (0, 0)))
                for name, profile in self.profiles(row).items()
            ]
            for row in self._distinct(rows)
        ]
        return [np.stack(arrays).astype(np.float32) for arrays in zip(*found, strict=True)]

    def n_bins(self, rows: Sequence[int] | NDArray[np.int64]) -> dict[str, int]:
        """Bins that hold these genes and their references, a region."""
        most: dict[str, int] = {}
        for name, matrix in self.features.regions.items():
            own = int(np.diff(matrix.offsets)[np.asarray(rows, dtype=np.int64)].max(initial=0))
            most[name] = max([1, own, *(len(self.profiles(row)[name]) for row in self._distinct(rows))])
        if self.features.structure_channels:
            most[STRUCTURE] = len(self.features.structure_channels)
        return most

    def _distinct(self, rows: Sequence[int] | NDArray[np.int64]) -> list[int]:
        numbers = [int(row) for row in rows]
        return numbers if self.shared is None else numbers[:1]


def own_profile(matrix: RegionMatrix, row: int) -> Profile:
    """One gene's bins without sites."""
    lengths = matrix.bin_length_bp[matrix.offsets[row] : matrix.offsets[row + 1]]
    profile = np.zeros((len(lengths), 1 + matrix.n_tracks))
    profile[:, 0] = lengths
    return profile


def mean_profile(matrix: RegionMatrix, rows: NDArray[np.int64]) -> Profile:
    """Mean over genes, bin by bin from the 5' end; a gene that ends earlier counts as 0 there."""
    n_bins = np.diff(matrix.offsets)[rows]
    position = np.concatenate([np.arange(n) for n in n_bins]) if len(rows) else np.zeros(0, dtype=np.int64)
    bin_rows = np.repeat(matrix.offsets[rows], n_bins) + position
    profile = np.zeros((int(n_bins.max(initial=0)), 1 + matrix.n_tracks))
    profile[:, 0] = np.bincount(position, weights=matrix.bin_length_bp[bin_rows], minlength=len(profile))
    picked = matrix.data[bin_rows]
    np.add.at(profile, (np.repeat(position, np.diff(picked.indptr)), 1 + picked.indices), picked.data)
    return profile / max(len(rows), 1)


def mean_profiles(features: RegulatoryFeatures, rows: NDArray[np.int64]) -> dict[str, Profile]:
    """`mean_profile` of every region, and the mean structure."""
    regions = {name: mean_profile(matrix, rows) for name, matrix in features.regions.items()}
    return regions | structure_profile(features, rows)


def structure_profile(
    features: RegulatoryFeatures, rows: NDArray[np.int64], middle: Callable[..., Any] = np.mean
) -> dict[str, Profile]:
    """Middle of the gene structure over some genes; empty where the features have none."""
    if not features.structure_channels:
        return {}
    return {STRUCTURE: np.asarray(middle(features.structure[rows].astype(np.float64), axis=0))[:, None]}


def empty_profile(length_bp: int, bin_size: int, n_tracks: int) -> Profile:
    """Bins of a region of this length, without sites; the last one partial."""
    n_bins = -(-length_bp // bin_size)
    profile = np.zeros((n_bins, 1 + n_tracks))
    profile[:, 0] = np.minimum(bin_size, length_bp - bin_size * np.arange(n_bins))
    return profile


def pooled_profile(profile: Profile, n_first_bins: int) -> Profile:
    """Sum over bins, then the first bins: shape (1 + n_first_bins, 1 + n_tracks)."""
    pooled = np.zeros((1 + n_first_bins, profile.shape[1]))
    pooled[0] = profile.sum(axis=0)
    first = profile[:n_first_bins]
    pooled[1 : 1 + len(first)] = first
    return pooled


def make_reference(
    name: ReferenceName, bundle: ModelBundle, features: RegulatoryFeatures, *, n_matched: int = N_MATCHED
) -> Reference:
    """Prepare a reference for the genes of some features.

    Parameters
    ----------
    name : {"own_length", "median_length", "mean_gene", "matched_genes"}
        See the table at the top of this module.
    bundle : ModelBundle
        Says which genes are training and which are test genes.
    features : RegulatoryFeatures
        With the model's tracks (`select_for_model`), and with its training or test genes where the reference needs
        them.
    n_matched : int, default 20
        Genes that a reference of `matched_genes` is the mean of.

    Returns
    -------
    Reference

    Raises
    ------
    ValueError
        If the name is unknown, or the features hold none of the genes that the reference is made of.

    References
    ----------
    Tasaki et al. 2020, Nature Machine Intelligence 2:376, Methods (no sites, median length of test genes).
    """
    check_choice("reference", name, REFERENCES)
    check_count("n_matched", n_matched)
    if name == "own_length":
        return Reference(name, features)
    part = TEST if name == "median_length" else TRAIN
    split = bundle.split_map
    rows = np.flatnonzero([split.get(str(i)) == part for i in features.ids])
    n_known = sum(value == part for value in split.values())
    if not len(rows):
        raise ValueError(
            f"reference {name!r} is made of the model's {n_known} {part} genes, and the features hold none of them; "
            "give the features that the model was trained on, or use reference 'own_length'"
        )
    if len(rows) < n_known:
        logger.warning(
            "reference %s: %d of the model's %d %s genes are in the features", name, len(rows), n_known, part
        )
    if name == "matched_genes":
        return Reference(name, features, None, rows, n_matched)
    if name == "mean_gene":
        return Reference(name, features, mean_profiles(features, rows))
    shared = {
        key: empty_profile(
            round(float(np.median(features.lengths(key)[rows]))), features.bin_size_of(key), matrix.n_tracks
        )
        for key, matrix in features.regions.items()
    }
    return Reference(name, features, shared | structure_profile(features, rows, np.median))
