"""RegulatoryFeatures: how many bases of every promoter and RNA bin each regulator's sites cover."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from decode.core.checks import check_known, check_unique
from decode.core.shown import cut, html_of, tracks_of
from decode.features.content import FeatureContent
from decode.features.long_table import long_table
from decode.features.merge import merge_features
from decode.features.region import (
    RegionMatrix,
    bin_grid,
    check_genes_and_bins,
    check_rows,
    count_bound_genes,
    dense_grid,
    padded_lengths,
    sum_rows,
)
from decode.features.storage import FeaturesFile, read_content, write_features
from decode.statistics.strata import permuted_within

__all__ = ["RegionMatrix", "RegulatoryFeatures", "count_bound_genes"]


@dataclass(frozen=True, eq=False, kw_only=True)
class RegulatoryFeatures(FeatureContent):
    """Binding sites of every regulator counted in the bins of every gene's promoter, RNA and further regions.

    Objects are never changed: every operation gives a new one.

    Parameters
    ----------
    level : {"gene", "transcript"}
        What one row of `genes` is.
    genes : pd.DataFrame
        RangeIndex; columns gene_id, gene_name, chrom, strand, tss, length_bp (spliced), ..., and transcript_id at
        transcript level.
    tracks : pd.DataFrame
        One row a track; columns region, kind, regulator, biosample ("" where not stated), value_kind ("bases";
        "signal": mean signal over the bin's bases; "potential": sum over sites, weighted by their distance from the
        TSS), n_bound_genes. Grouped by region, in the order of `regions`.
    regions : dict of str to RegionMatrix
        Column j of a region's matrix is the j-th track of that region.
    build : str
        Genome build.
    bin_size, upstream, downstream : int
        Bases. The promoter is `upstream` bases before the transcription start to `downstream` bases after it. Further
        regions may have bins of another size.
    sources : list of dict
        Per source: path, sha256, kind, region, counts, files.
    checks : dict
        Shares of sites inside the region, observed and at shuffled positions (key "positions").
    definitions : dict
        Of each region other than promoter and rna: type, bin_size, and the window or the links.
    schema_version : int
        Version of the file layout.

    Raises
    ------
    ValueError
        If tables and matrices disagree, or ids or tracks occur twice.

    Examples
    --------
    >>> genes = pd.DataFrame({"gene_id": ["A"], "gene_name": ["a"], "chrom": ["chr1"], "strand": ["+"]})
    >>> genes = genes.assign(tss=500, length_bp=90)
    >>> tracks = pd.DataFrame({"region": ["promoter"], "kind": ["TF"], "regulator": ["CTCF"], "biosample": ["K562"]})
    >>> tracks = tracks.assign(value_kind="bases", n_bound_genes=1)
    >>> from scipy import sparse
    >>> bases = sparse.csr_array(np.array([[0], [40]], dtype=np.int16))
    >>> region = RegionMatrix("promoter", bases, np.array([0, 2]), np.array([100, 50], dtype=np.int32))
    >>> features = RegulatoryFeatures(
    ...     level="gene", genes=genes, tracks=tracks, regions={"promoter": region}, build="hg38", bin_size=100,
    ...     upstream=100, downstream=50,
    ... )
    >>> features.track_ids, features.totals().tolist(), features.lengths("promoter").tolist()
    (['promoter|TF:CTCF@K562'], [[40.0]], [150])
    """

    def __repr__(self) -> str:
        sizes = ", ".join(f"{name}: {r.data.shape[0]} bins x {r.n_tracks} tracks" for name, r in self.regions.items())
        return cut(f"RegulatoryFeatures({self.n_genes} {self.level}s, {self.build}, {sizes})")

    def _repr_html_(self) -> str:
        return html_of(repr(self), tracks_of(self.tracks))

    def select(
        self,
        *,
        genes: Sequence[str] | None = None,
        regulators: Sequence[str] | None = None,
        kinds: Sequence[str] | None = None,
        biosamples: Sequence[str] | None = None,
        track_ids: Sequence[str] | None = None,
    ) -> RegulatoryFeatures:
        """Keep some genes and some tracks.

        Parameters
        ----------
        genes : sequence of str, optional
            Ids to keep, in the order asked for.
        regulators : sequence of str, optional
            "CTCF" means all its kinds, "TF:CTCF" one.
        kinds : sequence of str, optional
            Of TF, RBP, miRNA, other.
        biosamples : sequence of str, optional
            "" stands for tracks without a stated biosample.
        track_ids : sequence of str, optional
            As in `track_ids`, in the order asked for (within each region). All conditions must hold.

        Returns
        -------
        RegulatoryFeatures
            All regions are kept, also those left without tracks. `n_bound_genes` is counted anew.

        Raises
        ------
        KeyError
            If a name is not there (at most five are listed).
        ValueError
            If a name is asked for twice, or no track satisfies all conditions.
        """
        columns = self._chosen_tracks(regulators, kinds, biosamples, track_ids)
        chosen = self if np.array_equal(columns, np.arange(len(self.tracks))) else self._take_tracks(columns)
        if genes is None:
            return chosen
        check_unique("genes asked for", genes)
        check_known(f"{self.id_column}(s)", genes, self._row_of_id, "the features")
        return chosen.take([self._row_of_id[name] for name in genes])

    def take(self, rows: ArrayLike) -> RegulatoryFeatures:
        """The features of some genes by their numbers (rows of `genes`), in the order asked for.

        Parameters
        ----------
        rows : sequence of int, shape (n,)
            No number twice.

        Returns
        -------
        RegulatoryFeatures
            All regions and tracks; `n_bound_genes` is counted anew.

        Raises
        ------
        TypeError
            If the rows are no integers (a mask: take `np.flatnonzero` of it).
        ValueError
            If a row is outside the gene table or asked for twice.
        """
        order = check_rows(rows, self.n_genes)
        if len(np.unique(order)) < len(order):
            check_unique("rows asked for", order.tolist())
        regions = {name: region.take_genes(order) for name, region in self.regions.items()}
        tracks = self.tracks.assign(n_bound_genes=count_bound_genes(regions))
        return replace(self, genes=self.genes.iloc[order].reset_index(drop=True), tracks=tracks, regions=regions)

    def _take_tracks(self, columns: NDArray[np.int64]) -> RegulatoryFeatures:
        """The tracks `columns`, in that order within each region."""
        regions, blocks = {}, []
        for name, region in self.regions.items():
            numbers = np.flatnonzero(self.tracks["region"] == name)
            wanted = columns[np.isin(columns, numbers)]
            blocks.append(wanted)
            if len(wanted) < len(numbers) or (wanted != numbers).any():
                region = region.take_tracks(wanted - (numbers[0] if len(numbers) else 0))
            regions[name] = region
        tracks = self.tracks.iloc[np.concatenate(blocks)].reset_index(drop=True) if blocks else self.tracks
        return replace(self, tracks=tracks, regions=regions)

    def _chosen_tracks(
        self,
        regulators: Sequence[str] | None,
        kinds: Sequence[str] | None,
        biosamples: Sequence[str] | None,
        track_ids: Sequence[str] | None,
    ) -> NDArray[np.int64]:
        """Numbers of the tracks that satisfy all conditions."""
        keep = np.ones(len(self.tracks), dtype=bool)
        for name, wanted in (("kind", kinds), ("biosample", biosamples)):
            if wanted is not None:
                check_known(f"{name}(s)", wanted, dict.fromkeys(self.tracks[name]), "the features")
                keep &= self.tracks[name].isin(list(wanted)).to_numpy()
        if regulators is not None:
            bare = self.tracks["regulator"].astype(object)
            full = self.tracks["kind"].astype(object) + ":" + bare
            check_known("regulator(s)", regulators, dict.fromkeys([*bare, *full]), "the features")
            keep &= (bare.isin(list(regulators)) | full.isin(list(regulators))).to_numpy()
        order = np.arange(len(self.tracks))
        if track_ids is not None:
            check_unique("tracks asked for", track_ids)
            check_known("track(s)", track_ids, dict.fromkeys(self.track_ids), "the features")
            number = {name: i for i, name in enumerate(self.track_ids)}
            order = np.array([number[name] for name in track_ids], dtype=np.int64)
        chosen = order[keep[order]]
        if not len(chosen) and len(self.tracks):
            raise ValueError(
                "no track satisfies all of regulators, kinds, biosamples and track_ids; ask for less at once"
            )
        return chosen

    def with_structure_channels(self, channels: Sequence[str]) -> RegulatoryFeatures:
        """The features with these columns of gene structure and no others; KeyError where one is not there."""
        check_known("structure channel(s)", channels, self.structure_channels, "the features")
        others = [name for name in self.structure_channels if name not in channels]
        return replace(self, genes=self.genes.drop(columns=others)) if others else self

    def totals(self, region: str | None = None) -> NDArray[np.float32]:
        """Bases bound per gene and track, summed over the gene's bins.

        Parameters
        ----------
        region : str, optional
            One region; default all, side by side as in `tracks`.

        Returns
        -------
        float32 array, shape (n_genes, n_tracks)
        """
        names = list(self.regions) if region is None else [region]
        parts = [sum_rows(self.region(n).data, self.region(n).gene_of_row, self.n_genes) for n in names]
        return np.concatenate(parts, axis=1)

    def lengths(self, region: str) -> NDArray[np.int64]:
        """Bases of the region inside the chromosome per gene, int64 of shape (n_genes,)."""
        matrix = self.region(region)
        total = np.concatenate([[0], np.cumsum(matrix.bin_length_bp, dtype=np.int64)])
        return np.diff(total[matrix.offsets])

    def first_bins(self, region: str, n: int) -> NDArray[np.float32]:
        """The first `n` bins of every gene, float32 (n_genes, n, n_tracks); zeros where a gene has fewer."""
        matrix = self.region(region)
        grid = bin_grid(matrix.offsets, np.arange(self.n_genes), n)
        return dense_grid(matrix.data[grid[grid >= 0]], grid >= 0)

    def dense(
        self, region: str, rows: ArrayLike, *, n_bins: int | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The bins of some genes as a dense batch, padded with zeros at the 3' end.

        Parameters
        ----------
        region : str
        rows : sequence of int
            Gene numbers (rows of `genes`).
        n_bins : int, optional
            Bins of the batch; default the most that one of these genes has.

        Returns
        -------
        values : float32 array, shape (len(rows), n_bins, n_tracks)
            Covered bases.
        bin_length_bp : float32 array, shape (len(rows), n_bins)
            0 where a bin is masked or padding.

        Raises
        ------
        ValueError
            If a gene has more bins than `n_bins`, or a row is outside the gene table.
        """
        matrix = self.region(region)
        genes, n_bins = check_genes_and_bins(region, matrix.offsets, rows, n_bins)
        grid = bin_grid(matrix.offsets, genes, n_bins)
        is_present = grid >= 0
        return dense_grid(matrix.data[grid[is_present]], is_present), padded_lengths(matrix.bin_length_bp, grid)

    def shuffled(self, regions: Sequence[str], *, seed: int, strata: ArrayLike | None = None) -> RegulatoryFeatures:
        """Give every gene the bins of another gene: a control in which sites say nothing about their gene.

        Parameters
        ----------
        regions : sequence of str
            Regions whose bins move, each by its own permutation; bin lengths move with the sites. The gene table
            stays as it is.
        seed : int
            Seed; the permutation of one region does not depend on the others.
        strata : array, shape (n_genes,), optional
            Genes change places only within one stratum (of like length, for instance).
        """
        group = np.zeros(self.n_genes, dtype=np.int64) if strata is None else np.asarray(strata)
        if group.shape != (self.n_genes,):
            raise ValueError(
                f"strata has shape {group.shape}; one value for each of the {self.n_genes} genes is wanted"
            )
        check_known("region(s)", regions, self.regions, "the features")
        moved = dict(self.regions)
        for number, name in enumerate(self.regions):
            if name not in regions:
                continue
            moved[name] = self.regions[name].take_genes(permuted_within(group, np.random.default_rng([seed, number])))
        return replace(self, regions=moved)

    @staticmethod
    def merge(features: Sequence[RegulatoryFeatures]) -> RegulatoryFeatures:
        """Put the tracks of several objects side by side; see `decode.features.merge.merge_features`."""
        return merge_features(features)

    def write(self, path: str | Path) -> None:
        """Write one HDF5 file, whole or not at all."""
        write_features(self, path)

    @staticmethod
    def read(path: str | Path) -> RegulatoryFeatures:
        """Read a features file into memory; ValueError where it is damaged or of another schema version."""
        return RegulatoryFeatures(**read_content(path))

    @staticmethod
    def open(path: str | Path) -> FeaturesFile:
        """Open a features file to read single genes without loading it; use it in a `with` block."""
        return FeaturesFile(path)

    def to_long(self, genes: Sequence[str] | None = None) -> pd.DataFrame:
        """Every nonzero value as one row; see `decode.features.long_table.long_table`."""
        return long_table(self if genes is None else self.select(genes=genes))
