"""Per-bin attributions in genome coordinates, as bedGraph for a genome browser."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from decode.core.checks import check_count, check_known
from decode.core.files import atomic_path
from decode.genome.gene_models import rna_to_genome

if TYPE_CHECKING:
    from decode.genome.gene_models import GeneModels

logger = logging.getLogger(__name__)

COLOURS = "color=178,24,43 altColor=33,102,172"  # raises red, lowers blue


def regions_of(dataset: xr.Dataset) -> list[str]:
    """Regions that a dataset of per-bin attributions holds."""
    return [str(name).removeprefix("bases_") for name in dataset.data_vars if str(name).startswith("bases_")]


def bin_intervals(dataset: xr.Dataset, region: str, models: GeneModels | None = None) -> pd.DataFrame:
    """Where the bins of a region lie on the genome.

    Parameters
    ----------
    dataset : xr.Dataset
        One gene, from `bin_attributions`.
    region : {"promoter", "rna"}
    models : GeneModels, optional
        The gene models that the features were built from; needed for "rna", whose bins run across splice junctions.

    Returns
    -------
    pd.DataFrame
        bin, chrom, start, end (0-based, half-open), by start. A bin across a junction has several rows; bins outside
        the chromosome or the gene have none.

    Raises
    ------
    ValueError
        If the region has no place on the genome, or the models do not fit the features.
    KeyError
        If the models lack the gene.
    """
    covered = dataset[f"bin_length_bp_{region}"].to_numpy().astype(np.int64)
    if region == "promoter":
        number, start, end = _promoter(dataset, covered)
    elif region == "rna" and models is not None:
        number, start, end = _rna(dataset, covered, models)
    else:
        needed = "gene models are needed (--annotation)" if region == "rna" else "its bins have no known place"
        raise ValueError(f"region {region!r} cannot be put on the genome: {needed}")
    table = pd.DataFrame({"bin": number, "chrom": dataset.attrs["chrom"], "start": start, "end": end})
    return table.sort_values("start", ignore_index=True)


def _promoter(dataset: xr.Dataset, covered: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
    tss, upstream, downstream, size = (int(dataset.attrs[k]) for k in ("tss", "upstream", "downstream", "bin_size"))
    near = np.arange(len(covered)) * size - upstream  # of the TSS, in transcript direction
    far = np.minimum(near + size, downstream)
    is_minus = dataset.attrs["strand"] == "-"
    start, end = (tss - far + 1, tss - near + 1) if is_minus else (tss + near, tss + far)
    start = np.maximum(start, 0)
    end = np.minimum(end, start + covered)  # a bin that runs past the chromosome end
    kept = np.flatnonzero(covered > 0)
    return kept, start[kept], end[kept]


def _rna(dataset: xr.Dataset, covered: NDArray[np.int64], models: GeneModels) -> tuple[NDArray[np.int64], ...]:
    name, length_bp = dataset.attrs["gene"], int(dataset.attrs["length_bp"])
    exons = models.exons_of(name)
    found = int((exons["end"] - exons["start"]).sum())
    if found != length_bp:
        raise ValueError(
            f"the gene models give {name} {found} spliced bases, the features {length_bp}; give the annotation and the "
            "representative transcripts that the features were built from"
        )
    offset = np.arange(length_bp)
    place, number = rna_to_genome(models, name, offset), offset // int(dataset.attrs["bin_size"])
    is_first = np.ones(length_bp, dtype=bool)
    is_first[1:] = (np.abs(np.diff(place)) != 1) | (np.diff(number) != 0)
    first = np.flatnonzero(is_first)
    last = np.append(first[1:], length_bp) - 1
    start, end = np.minimum(place[first], place[last]), np.maximum(place[first], place[last]) + 1
    kept = covered[number[first]] > 0
    return number[first][kept], start[kept], end[kept]


def write_bedgraph(
    dataset: xr.Dataset, path: str | Path, *, task: str, models: GeneModels | None = None, n_tracks: int = 5
) -> int:
    """Write one gene's attributions in one task for a genome browser.

    Every region has a browser track with the sum over all regulators' tracks, and one for each of those with the
    largest absolute attribution. A value is log2 units a bin; a bin across a splice junction is shown on both exons.
    The description says where the network is blind to positions and values only follow the bases.

    Parameters
    ----------
    dataset : xr.Dataset
        One gene, from `bin_attributions`.
    path : path
    task : str
    models : GeneModels, optional
        Without them the RNA is left out.
    n_tracks : int, default 5
        Single tracks a region; 0 for none.

    Returns
    -------
    int
        Number of browser tracks.

    Raises
    ------
    KeyError
        If the task is unknown.
    ValueError
        If the models do not fit.
    """
    check_known("task(s)", [task], dataset["task"].to_numpy().tolist(), "the attributions")
    check_count("n_tracks", n_tracks, zero=True)
    lines: list[str] = []
    n_written = 0
    for region in regions_of(dataset):
        if region != "promoter" and (region != "rna" or models is None):
            logger.warning(
                "%s: region %s is left out of the bedGraph, its place on the genome is not known", path, region
            )
            continue
        intervals = bin_intervals(dataset, region, models)
        is_blind = dataset.attrs.get(f"position_blind_{region}", 0)
        meaning = "log2 units a bin" + (
            ", shared over bins by bases (the network sees the total only)" if is_blind else ""
        )
        values = dataset[f"attribution_{region}"].sel(task=task).to_numpy()
        names = dataset[f"track_{region}"].to_numpy()
        order = np.argsort(-np.abs(values.sum(axis=0)), kind="stable")[:n_tracks]
        shown = [("all tracks", values.sum(axis=1)), *((str(names[i]), values[:, i]) for i in order)]
        for name, column in shown:
            label = f"{dataset.attrs['gene_name']} {task} {region} {name}".replace('"', "'")
            lines.append(f'track type=bedGraph name="{label}" description="{meaning}" visibility=full {COLOURS}')
            rows = zip(*(intervals[key] for key in ("chrom", "start", "end")), column[intervals["bin"]], strict=True)
            lines += [f"{chrom}\t{start}\t{end}\t{value:.6g}" for chrom, start, end, value in rows]
        n_written += len(shown)
    with atomic_path(path) as temporary:
        temporary.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return n_written
