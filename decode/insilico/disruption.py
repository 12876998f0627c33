"""Binding-site disruption: what a prediction owes to the sites in one bin or a window, along every region of a gene."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decode.core.checks import check_count, check_known, listed
from decode.core.shown import shown
from decode.features.coordinates import BinPlaces, NotOnGenomeError, gene_at
from decode.insilico.removal import GeneInputs, gene_inputs, window_removals
from decode.insilico.removal_model import RemovalModel
from decode.models.matching import select_for_model

if TYPE_CHECKING:
    from decode.features.matrix import RegulatoryFeatures
    from decode.genome.gene_models import GeneModels
    from decode.models.bundle import ModelBundle

logger = logging.getLogger(__name__)


@shown()
class Disruption(NamedTuple):
    """Effects of removed bins and of removed regulators on some genes.

    Attributes
    ----------
    windows : pd.DataFrame
        One row a gene, window and task: gene_id, gene_name, region, first_bin, last_bin (5' to 3', both included),
        from_bp, to_bp (from the TSS in windows around it, from the region's 5' end elsewhere), chrom, start, end
        (0-based, half-open; the span, where a window crosses a splice junction; empty where the bins were not put on
        the genome), n_tracks (with a site in the window), n_other_bins (bins of other regions that the same bases are
        counted in, removed too), position_blind, task, effect (prediction without the sites minus with them, log2
        units, mean over members), sd_members.
    regulators : pd.DataFrame
        Knockouts of the same genes: gene_id, gene_name, regulator, task, effect, sd_members.
    sites : pd.DataFrame
        gene_id, regulator, region, bin, from_bp, to_bp, value: where the regulators' sites are counted.
    counts : dict
        genes, windows, regions_not_scanned, regions_not_on_genome.
    """

    windows: pd.DataFrame
    regulators: pd.DataFrame
    sites: pd.DataFrame
    counts: dict[str, Any]


def disrupt(
    bundle: ModelBundle,
    features: RegulatoryFeatures,
    genes: Sequence[str],
    *,
    regions: Sequence[str] | None = None,
    window_bins: int = 1,
    gene_models: GeneModels | None = None,
    id_map: str | Path | None = None,
) -> Disruption:
    """Take the sites of one bin after the other away, along promoter, RNA and further regions.

    Both networks see sums over the bins of a region. The default network cannot tell its bins apart at all: a bin acts
    by its share of the bases of each track, wherever it lies (`position_blind`). The paper network knows the first bins
    of the RNA besides. What gives places within a region a meaning of their own is a further, narrower region in the
    features (`WindowRegion`): bases counted in both are removed from both.

    Parameters
    ----------
    bundle : ModelBundle
    features : RegulatoryFeatures
        May hold further tracks and regions than the model's.
    genes : sequence of str
        Gene ids or symbols (transcript ids at transcript level), in the order of the tables.
    regions : sequence of str, optional
        Default all of the model but regulatory potentials: which site adds what to a potential is not in the features.
    window_bins : int
        Bins removed together; windows move by one bin. Bins outside the chromosome are passed over.
    gene_models : GeneModels, optional
        Those that the features were built from: put RNA and linked elements on the genome.
    id_map : str or Path, optional
        See `decode.core.ids.resolve_ids`.

    Returns
    -------
    Disruption

    Raises
    ------
    KeyError
        If a gene or region is unknown; the message gives the nearest gene names.
    ValueError
        If a gene name is ambiguous or given twice, a gene has no site, or features and model do not fit.

    References
    ----------
    Tasaki et al. 2020, doi:10.1038/s42256-020-0201-6, binding-site disruption. There every bin goes with p = 0.5 in
    10,000 draws, also padding; here every real bin goes alone, which is exact.
    """
    check_count("window_bins", window_bins)
    selected = select_for_model(bundle, features)
    potential = set(selected.tracks.loc[selected.tracks["value_kind"] == "potential", "region"])
    usable = [name for name in bundle.regions if name not in potential]
    check_known("region(s)", regions or [], usable, "what can be scanned")
    scanned = usable if regions is None else list(regions)
    layout = _Layout({name: selected.definition_of(name) for name in usable}, bundle.n_first_bins())
    places, model = BinPlaces(gene_models), RemovalModel.of(bundle)
    parts: list[tuple[pd.DataFrame, ...]] = []
    unplaced: set[str] = set()
    for gene in gene_inputs(bundle, selected, genes, id_map=id_map):
        base = model.predict(gene)[:, None]
        windows, removed = _windows(gene, scanned, window_bins, layout)
        windows = windows.join(_on_genome(selected, gene, windows, places, layout, unplaced))
        effects = model.without_bins(gene, removed) - base
        named = pd.DataFrame({"gene_id": gene.gene_id, "gene_name": gene.gene_name, "regulator": gene.regulators})
        knockouts = model.without_regulators(gene, np.eye(len(gene.regulators), dtype=bool)) - base
        parts.append(
            (_with_effects(windows, effects, bundle), _with_effects(named, knockouts, bundle), _sites(gene, layout))
        )
    if unplaced:
        logger.warning("not put on the genome: %s; give the annotation", ", ".join(sorted(unplaced)))
    tables = [pd.concat(list(some), ignore_index=True) for some in zip(*parts, strict=True)]
    counts = {
        "genes": len(parts), "windows": len(tables[0]) // len(bundle.tasks), "regions_not_scanned": sorted(potential),
        "regions_not_on_genome": sorted(unplaced),
    }  # fmt: skip
    return Disruption(tables[0], tables[1], tables[2], counts)


class _Layout(NamedTuple):
    """Where the bins of each region lie along the gene, and what the network sees of their places."""

    definitions: Mapping[str, Mapping[str, Any]]
    n_first_bins: Mapping[str, int]

    def span(self, region: str, numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """First base and base after the last of bins, from the TSS or from the region's 5' end."""
        definition = self.definitions[region]
        size = int(definition["bin_size"])
        near = numbers * size + int(definition.get("first_bp", 0))
        return near, np.minimum(near + size, definition["last_bp"]) if "last_bp" in definition else near + size

    def is_window(self, region: str) -> bool:
        """Whether the region lies around the TSS."""
        return "first_bp" in self.definitions[region]

    def same_bases(self, gene: GeneInputs, region: str, from_bp: int, to_bp: int) -> list[tuple[str, int]]:
        """Bins of other windows around the TSS whose middle lies in these bases."""
        found: list[tuple[str, int]] = []
        if not self.is_window(region):
            return found
        for other in self.definitions:
            if other != region and self.is_window(other):
                numbers = gene.numbers_of(other)
                near, far = self.span(other, numbers)
                is_inside = (near + far >= 2 * from_bp) & (near + far < 2 * to_bp)
                found += [(other, int(number)) for number in numbers[is_inside]]
        return found

    def is_resolved(self, region: str) -> bool:
        """Whether another region covers a part of this one, so that the network can tell its bins apart there."""
        if not self.is_window(region):
            return False
        own = self.definitions[region]
        for other, definition in self.definitions.items():
            if other == region or not self.is_window(other):
                continue
            is_apart = definition["last_bp"] <= own["first_bp"] or definition["first_bp"] >= own["last_bp"]
            covers_all = definition["first_bp"] <= own["first_bp"] and definition["last_bp"] >= own["last_bp"]
            if not is_apart and not covers_all:
                return True
        return False


def _windows(
    gene: GeneInputs, regions: Sequence[str], window_bins: int, layout: _Layout
) -> tuple[pd.DataFrame, NDArray[np.bool_]]:
    """Windows of a gene, and the bins that each removes."""
    rows: list[dict[str, Any]] = []
    removed: list[list[tuple[str, int]]] = []
    for region in regions:
        numbers = gene.numbers_of(region)
        near, far = layout.span(region, numbers)
        n_first, is_resolved = layout.n_first_bins.get(region, 0), layout.is_resolved(region)
        for start in range(len(numbers) - min(window_bins, len(numbers)) + 1 if len(numbers) else 0):
            some = slice(start, start + window_bins)
            stop = start + len(numbers[some]) - 1
            other = layout.same_bases(gene, region, int(near[start]), int(far[stop]))
            removed.append([*((region, int(number)) for number in numbers[some]), *other])
            rows.append(
                {
                    "region": region, "first_bin": numbers[start], "last_bin": numbers[stop],
                    "from_bp": near[start], "to_bp": far[stop], "n_other_bins": len(other),
                    "position_blind": bool(not is_resolved and numbers[start] >= n_first),
                }
            )  # fmt: skip
    if not rows:
        raise ValueError(f"gene {gene.gene_id} has no bins in region(s) {listed(regions)}; scan other regions")
    draws = window_removals(gene, removed)
    table = pd.DataFrame(rows)
    table.insert(5, "n_tracks", [_n_tracks(gene, draw) for draw in draws])
    table.insert(0, "gene_id", gene.gene_id)
    table.insert(1, "gene_name", gene.gene_name)
    return table, draws


def _n_tracks(gene: GeneInputs, is_removed: NDArray[np.bool_]) -> int:
    """Tracks with a site in the removed bins."""
    return sum(
        len(np.unique(held[np.flatnonzero(is_removed[gene.is_of(region)])].indices))
        for region, held in gene.site_values.items()
    )


def _on_genome(
    features: RegulatoryFeatures,
    gene: GeneInputs,
    windows: pd.DataFrame,
    places: BinPlaces,
    layout: _Layout,
    unplaced: set[str],
) -> pd.DataFrame:
    """chrom, start, end of each window; missing where its region cannot be put on the genome."""
    found = pd.DataFrame({"chrom": "", "start": pd.NA, "end": pd.NA}, index=windows.index)
    found = found.astype({"start": "Int64", "end": "Int64"})
    for region, rows in windows.groupby("region", sort=False).groups.items():
        name = str(region)
        matrix = features.region(name)
        covered = matrix.bin_length_bp[matrix.offsets[gene.row] : matrix.offsets[gene.row + 1]]
        try:
            bins = places.intervals(gene_at(features, gene.row), name, layout.definitions[name], covered)
        except NotOnGenomeError:
            unplaced.add(name)
            continue
        for row in rows:
            first, last = windows.loc[row, "first_bin"], windows.loc[row, "last_bin"]
            own = bins[bins["bin"].between(first, last)]
            if len(set(own["chrom"])) == 1:
                found.loc[row, ["chrom", "start", "end"]] = [own["chrom"].iloc[0], own["start"].min(), own["end"].max()]
    return found


def _with_effects(table: pd.DataFrame, change: NDArray[np.float32], bundle: ModelBundle) -> pd.DataFrame:
    """One row a row of the table and task; `change` is (member, row, task)."""
    long = table.loc[table.index.repeat(len(bundle.tasks))].reset_index(drop=True)
    long["task"] = np.tile(np.array(bundle.tasks, dtype=object), len(table))
    long["effect"] = change.mean(axis=0, dtype=np.float64).reshape(-1)
    sd = change.std(axis=0, ddof=1, dtype=np.float64) if len(change) > 1 else np.full(change.shape[1:], np.nan)
    long["sd_members"] = sd.reshape(-1)
    return long


def _sites(gene: GeneInputs, layout: _Layout) -> pd.DataFrame:
    """Bins with a site of each regulator."""
    parts, first = [], 0
    for region, held in gene.site_values.items():
        n_tracks = held.shape[1]
        if region in layout.definitions:
            values = held @ gene.is_track[:, first : first + n_tracks].T.astype(np.float64)
            row, regulator = np.nonzero(values)
            numbers = gene.numbers_of(region)[row]
            near, far = layout.span(region, numbers)
            names = np.array(gene.regulators, dtype=object)[regulator]
            parts.append(
                pd.DataFrame(
                    {
                        "gene_id": gene.gene_id, "regulator": names, "region": region, "bin": numbers,
                        "from_bp": near, "to_bp": far, "value": values[row, regulator],
                    }
                )
            )  # fmt: skip
        first += n_tracks
    return pd.concat(parts, ignore_index=True)
