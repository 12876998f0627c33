"""Where the sites of a driver lie in its leading targets: along promoter and RNA, and on the genome."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from decode.features.coordinates import BinPlaces, NotOnGenomeError, gene_at
from decode.genome.sources import POTENTIAL

if TYPE_CHECKING:
    from decode.features.matrix import RegulatoryFeatures
    from decode.genome.gene_models import GeneModels

logger = logging.getLogger(__name__)

N_RNA_PARTS = 15  # positions along the RNA are relative: genes differ in length
PROMOTER, RNA = "promoter", "rna"
SITE_COLUMNS = ["chrom", "start", "end", "name", "score", "strand"]


def _covered(features: RegulatoryFeatures, region: str, columns: NDArray[np.int64]) -> NDArray[np.float64]:
    """Share of each bin that the regulator's widest track covers, shape (n_rows,)."""
    matrix = features.region(region)
    widest = sparse.csc_array(matrix.data[:, columns]).max(axis=1).toarray().ravel().astype(np.float64)
    values: NDArray[np.float64] = widest / np.maximum(matrix.bin_length_bp, 1)
    return values


def _columns(features: RegulatoryFeatures, region: str, is_own: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Numbers, within a region, of the tracks in a mask over all tracks."""
    return np.flatnonzero(is_own[features.tracks["region"].to_numpy() == region])


def position_profile(
    features: RegulatoryFeatures, is_own: NDArray[np.bool_], targets: NDArray[np.int64], bound: NDArray[np.int64]
) -> pd.DataFrame:
    """How much of each stretch of promoter and RNA a regulator's sites cover, in its targets and in all bound genes.

    Parameters
    ----------
    features : RegulatoryFeatures
    is_own : bool array, shape (n_tracks,)
        The regulator's tracks.
    targets, bound : int array
        Gene numbers.

    Returns
    -------
    pd.DataFrame
        region, start, end (promoter: bases from the transcription start; rna: share of the way from 5' to 3' end),
        zone, covered_targets, covered_bound (mean share of the stretch, 0 to 1).
    """
    rows = []
    for region in (PROMOTER, RNA):
        columns = _columns(features, region, is_own) if region in features.regions else np.zeros(0, dtype=np.int64)
        if not len(columns):
            continue
        matrix = features.region(region)
        covered = _covered(features, region, columns)
        n_bins = np.diff(matrix.offsets)
        place = np.arange(len(covered)) - np.repeat(matrix.offsets[:-1], n_bins)
        if region == PROMOTER:
            size, n_parts = features.bin_size_of(region), int(n_bins.max(initial=1))
            edges = np.arange(n_parts + 1, dtype=np.float64) * size - features.upstream
            zone = ["promoter upstream" if start < 0 else "promoter downstream" for start in edges[:-1]]
            part = place
        else:
            n_parts = N_RNA_PARTS
            edges = np.linspace(0, 1, n_parts + 1)
            zone = [("RNA 5' third", "RNA middle third", "RNA 3' third")[3 * i // n_parts] for i in range(n_parts)]
            part = np.minimum((place + 0.5) / np.repeat(np.maximum(n_bins, 1), n_bins) * n_parts, n_parts - 1)
            part = part.astype(np.int64)
        means = []
        is_inside = matrix.bin_length_bp > 0
        for genes in (targets, bound):
            chosen = np.isin(matrix.gene_of_row, genes) & is_inside
            n_rows = np.bincount(part[chosen], minlength=n_parts)
            means.append(np.bincount(part[chosen], weights=covered[chosen], minlength=n_parts) / np.maximum(n_rows, 1))
        rows.append(
            pd.DataFrame(
                {
                    "region": region,
                    "start": edges[:-1],
                    "end": edges[1:],
                    "zone": zone,
                    "covered_targets": means[0],
                    "covered_bound": means[1],
                }
            )
        )
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=["region", "zone"])


def site_intervals(
    features: RegulatoryFeatures,
    is_own: NDArray[np.bool_],
    genes: Sequence[int],
    name: str,
    gene_models: GeneModels | None = None,
) -> pd.DataFrame:
    """Bins with a regulator's sites in some genes, on the genome.

    Features hold covered bases of bins, not the sites themselves, so whole bins are given; a bin across a splice
    junction is in several pieces.

    Parameters
    ----------
    features : RegulatoryFeatures
    is_own : bool array, shape (n_tracks,)
    genes : sequence of int
        Gene numbers.
    name : str
        Regulator; rows are called regulator|gene.
    gene_models : GeneModels, optional
        The gene models that the features were built from. Without them only promoters and windows around the
        transcription start are given; bins left out of other regions are counted in a warning.

    Returns
    -------
    pd.DataFrame
        chrom, start, end (0-based, half-open), name, score (share of the bin that is covered, times 1000), strand.

    Raises
    ------
    ValueError
        If the models do not fit the features.
    """
    parts, places = [], BinPlaces(gene_models)
    for region, matrix in features.regions.items():
        columns = _columns(features, region, is_own)
        if not len(columns):
            continue
        covered, definition = _covered(features, region, columns), features.definition_of(region)
        n_left_out, reason = 0, ""
        for gene in genes:
            bins = slice(int(matrix.offsets[gene]), int(matrix.offsets[gene + 1]))
            share = covered[bins]
            if not share.any():
                continue
            try:
                if definition["type"] == POTENTIAL:
                    raise NotOnGenomeError(f"region {region!r} holds potentials, which do not say where the peaks lie")
                intervals = places.intervals(gene_at(features, gene), region, definition, matrix.bin_length_bp[bins])
            except NotOnGenomeError as error:
                n_left_out, reason = n_left_out + int((share > 0).sum()), str(error)
                continue
            intervals = intervals[share[intervals["bin"]] > 0]
            row = features.genes.iloc[gene]
            score = np.minimum(1000, np.round(1000 * share[intervals["bin"]])).astype(np.int64)
            label = f"{name}|{row['gene_name'] or row['gene_id']}"
            parts.append(
                intervals[["chrom", "start", "end"]].assign(name=label, score=score, strand=str(row["strand"]))
            )
        if n_left_out and region != RNA:  # of RNA `find_drivers` warns once
            logger.warning("%s: %d bins with sites are not among the intervals: %s", name, n_left_out, reason)
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=SITE_COLUMNS)
