"""Where along promoter and RNA a gene's attributions lie: one number for every bin, track and task."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5netcdf
import h5py
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from decode.attribution.deep_explainer import ShapEngine
from decode.attribution.exact.engine import ExactEngine
from decode.attribution.job import ENGINES, Job, make_job
from decode.attribution.references import N_MATCHED
from decode.core.checks import check_choice, check_known, listed
from decode.core.choices import EngineName, ReferenceName
from decode.core.files import check_input, versions
from decode.core.hdf5 import READ_ERRORS, open_hdf5, short
from decode.core.hdf5_output import hdf5_output
from decode.core.netcdf import dump_netcdf
from decode.genome.structure import STRUCTURE
from decode.statistics.spread import Spread

if TYPE_CHECKING:
    from decode.features.matrix import RegulatoryFeatures
    from decode.models.bundle import ModelBundle

logger = logging.getLogger(__name__)

BINS_FORMAT = "decode-bin-attributions"


def bin_attributions(
    bundle: ModelBundle,
    features: RegulatoryFeatures,
    genes: Sequence[str],
    *,
    engine: EngineName = "exact",
    reference: ReferenceName = "own_length",
    tasks: Sequence[str] | None = None,
    n_matched: int = N_MATCHED,
) -> Iterator[xr.Dataset]:
    """Say where on promoter and RNA each regulator's sites act on the prediction of a gene.

    Parameters
    ----------
    bundle : ModelBundle
    features : RegulatoryFeatures
    genes : sequence of str
        Gene ids (transcript ids at transcript level).
    engine : {"exact", "shap"}
    reference : {"own_length", "median_length", "mean_gene", "matched_genes"}
    tasks : sequence of str, optional
        Default all.
    n_matched : int
        As in `attribute`.

    Yields
    ------
    xr.Dataset
        One a gene. For every region R the variables attribution_R and sd_R (bin_R, track_R, task), length_effect_R
        (bin_R, task), bases_R (bin_R, track_R) and bin_length_bp_R (bin_R, 0 where a reference is longer than the
        gene). Their sums over bins are the gene's attributions. The attribute position_blind_R is 1 where the network
        sees the region's totals only: a track's attribution is then shared over bins in proportion to the difference in
        bases to the reference, and the place within the region carries no evidence of its own. Where the model takes
        gene structure, structure_effect (task) is its share.

    Raises
    ------
    ValueError, KeyError
        As `attribute`; also for unknown tasks.

    Notes
    -----
    With m the multipliers of the pooled view, bin b of a region contributes (x_b - x0_b) (m_total + m_b), where m_b is
    the multiplier of the b-th first bin, 0 beyond those: the pooled inputs are the sum of all bins and the first ones.
    """
    check_choice("engine", engine, ENGINES)
    job = make_job(
        bundle, features, engine=engine, reference=reference, genes=list(genes), part="all", n_matched=n_matched
    )
    names = list(bundle.tasks) if tasks is None else list(tasks)
    check_known("task(s)", names, bundle.tasks, "the model")
    numbers = [bundle.tasks.index(name) for name in names]
    exact = [ExactEngine.from_model(m.pooled) for m in bundle.members] if engine == "exact" else []
    for row in job.rows:
        yield _one_gene(job, int(row), exact, numbers)


def _one_gene(job: Job, row: int, exact: list[ExactEngine], tasks: list[int]) -> xr.Dataset:
    rows = np.array([row])
    widths = job.reference.n_bins(rows)
    bins, references = job.bins(rows, widths)
    differences = [(x - r)[0] for x, r in zip(bins, references, strict=True)]
    spreads = [Spread() for _ in bins]
    if exact:
        inputs, pooled_references = job.pooled(rows)
        for engine in exact:
            found = engine.multipliers(inputs, pooled_references)
            for name, spread, difference, multiplier in zip(widths, spreads, differences, found, strict=True):
                own = multiplier[0][..., tasks]
                spread.add(difference[:, :, None] * own if name == STRUCTURE else _share(difference, own))
    else:
        for member in job.bundle.members:
            shap = ShapEngine(member.bins, list(widths.values()), tasks=tasks)
            parts = shap.attribute_bins([x[0] for x in bins], [r[0] for r in references])
            for spread, part in zip(spreads, parts, strict=True):
                spread.add(part.astype(np.float32))
    names = [job.bundle.tasks[task] for task in tasks]
    dataset = xr.Dataset(coords={"task": names}, attrs=_attributes(job, row))
    for number, region in enumerate(job.features.regions):
        dataset = dataset.merge(_region(job, region, spreads[number], bins[number][0]), join="exact")
        dataset.attrs[f"position_blind_{region}"] = int(job.bundle.network.n_first_bins(region) == 0)
    if job.features.structure_channels:
        structure = spreads[-1].mean.sum(axis=(0, 1))
        dataset["structure_effect"] = (("task",), structure, {"units": "log2"})
    return dataset


def _share(difference: NDArray[np.float32], multiplier: NDArray[np.float32]) -> NDArray[np.float32]:
    """Contribution of every bin: (bin, channel) differences and (1 + first bins, channel, task) multipliers."""
    shared: NDArray[np.float32] = difference[:, :, None] * multiplier[:1]
    n_first = min(len(multiplier) - 1, len(difference))
    shared[:n_first] += difference[:n_first, :, None] * multiplier[1 : 1 + n_first]
    return shared


def _region(job: Job, region: str, spread: Spread, values: NDArray[np.float32]) -> xr.Dataset:
    mean, sd = spread.mean, spread.sd()
    axes = (f"bin_{region}", f"track_{region}", "task")
    units = {"units": "log2"}
    tracks = job.features.tracks["region"].to_numpy() == region
    ids = [name for name, is_own in zip(job.features.track_ids, tracks, strict=True) if is_own]
    return xr.Dataset(
        {
            f"attribution_{region}": (axes, mean[:, 1:], units),
            f"sd_{region}": (axes, sd[:, 1:], units),
            f"length_effect_{region}": ((axes[0], "task"), mean[:, 0], units),
            f"bases_{region}": (axes[:2], values[:, 1:], {"units": "bp"}),
            f"bin_length_bp_{region}": (axes[:1], values[:, 0], {"units": "bp"}),
        },
        {axes[0]: np.arange(len(mean)), axes[1]: ids},
    )


def _attributes(job: Job, row: int) -> dict[str, Any]:
    gene = job.features.genes.iloc[row]
    features = job.features
    return {
        "format": BINS_FORMAT,
        "gene": str(features.ids[row]),
        "gene_id": str(gene["gene_id"]),
        "gene_name": str(gene["gene_name"]),
        "chrom": str(gene["chrom"]),
        "strand": str(gene["strand"]),
        "tss": int(gene["tss"]),
        "length_bp": int(gene["length_bp"]),
        "level": features.level,
        "build": features.build,
        "bin_size": features.bin_size,
        "upstream": features.upstream,
        "downstream": features.downstream,
        **{f"definition_{name}": json.dumps(value) for name, value in features.definitions.items()},
        "engine": job.engine,
        "reference": job.reference.name,
        "n_members": len(job.bundle.members),
        "model_sha256": job.model_sha256,
        "versions": json.dumps(versions()),
    }


def write_bin_attributions(datasets: Iterator[xr.Dataset] | Sequence[xr.Dataset], path: str | Path) -> list[str]:
    """Write one netCDF-4 file with a group for every gene, whole or not at all.

    Parameters
    ----------
    datasets : iterable of xr.Dataset
        From `bin_attributions`; taken one at a time.
    path : path

    Returns
    -------
    list of str
        Names of the groups: the gene ids.
    """
    groups: list[str] = []
    with hdf5_output(path) as sink, h5netcdf.File(sink, "w") as file:
        file.attrs["format"] = BINS_FORMAT
        for dataset in datasets:
            group = dataset.attrs["gene"]
            packed = {str(name): {"zlib": True, "complevel": 1, "shuffle": True} for name in dataset.data_vars}
            dump_netcdf(dataset, file.create_group(group), packed)
            groups.append(group)
            sink.check()
    logger.info("%s: bins of %d genes", path, len(groups))
    return groups


def read_bin_attributions(path: str | Path, gene: str) -> xr.Dataset:
    """Open one gene's per-bin attributions.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no such file or damaged.
    KeyError
        If the gene is not in it.
    """
    path = check_input(path, "per-bin attributions")
    advice = "give the output of decode attribute --bins"
    with open_hdf5(path, "per-bin attributions", advice) as file:
        if str(file.attrs.get("format")) != BINS_FORMAT:
            raise ValueError(f"{path} holds no per-bin attributions; {advice}")
        groups = [str(name) for name in file if isinstance(file[name], h5py.Group)]
    if gene not in groups:
        raise KeyError(f"gene {gene!r} is not in {path}; it holds {listed(groups)}")
    try:
        return xr.open_dataset(path, group=gene, engine="h5netcdf")
    except READ_ERRORS as error:
        raise ValueError(f"per-bin attributions {path} are damaged ({short(error)}); {advice}") from error
