"""Per-bin attributions in genome coordinates, as bedGraph for a genome browser."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from decode.core.checks import check_count, check_known
from decode.core.files import atomic_path
from decode.features.content import rna_definition, window_definition
from decode.features.coordinates import BinPlaces, GeneAt, NotOnGenomeError

if TYPE_CHECKING:
    from decode.genome.gene_models import GeneModels

logger = logging.getLogger(__name__)

COLOURS = "color=178,24,43 altColor=33,102,172"  # raises red, lowers blue


def regions_of(dataset: xr.Dataset) -> list[str]:
    """Regions that a dataset of per-bin attributions holds."""
    return [str(name).removeprefix("bases_") for name in dataset.data_vars if str(name).startswith("bases_")]


def definition_of(dataset: xr.Dataset, region: str) -> dict[str, Any]:
    """Definition of a region; that of promoter and RNA follows from the options of the build."""
    attrs = dataset.attrs
    if region == "promoter":
        return window_definition(-attrs["upstream"], attrs["downstream"], attrs["bin_size"])
    if region == "rna":
        return rna_definition(attrs["bin_size"])
    if f"definition_{region}" not in attrs:
        raise NotOnGenomeError(
            f"the attributions do not say where region {region} lies; write them again (decode attribute)"
        )
    found: dict[str, Any] = json.loads(attrs[f"definition_{region}"])
    return found


def write_bedgraph(
    dataset: xr.Dataset,
    path: str | Path,
    *,
    task: str,
    gene_models: GeneModels | None = None,
    n_tracks: int = 5,
    places: BinPlaces | None = None,
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
    gene_models : GeneModels, optional
        Without them RNA and linked elements are left out.
    n_tracks : int, default 5
        Single tracks a region; 0 for none.
    places : BinPlaces, optional
        In place of `gene_models`: for many genes and tasks, so that links are read once.

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
    attrs = dataset.attrs
    gene = GeneAt(
        str(attrs["gene"]), str(attrs["chrom"]), str(attrs["strand"]), int(attrs["tss"]), int(attrs["length_bp"])
    )
    places = BinPlaces(gene_models) if places is None else places
    lines: list[str] = []
    n_written = 0
    for region in regions_of(dataset):
        try:
            intervals = places.intervals(
                gene, region, definition_of(dataset, region), dataset[f"bin_length_bp_{region}"].to_numpy()
            )
        except NotOnGenomeError as error:
            logger.warning("%s: region %s is left out of the bedGraph: %s", path, region, error)
            continue
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
