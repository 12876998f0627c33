"""The verb: attributions of an ensemble for all genes, tracks and tasks, and figures that say how far to trust them."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from decode.attribution.deep_explainer import ShapEngine
from decode.attribution.exact.engine import ExactEngine
from decode.attribution.job import ENGINES, Agreement, Block, Job, agreement, make_job, split_parts
from decode.attribution.references import N_MATCHED
from decode.attribution.regulator_sums import SumTaker
from decode.attribution.result import (
    FORMAT,
    SCHEMA_VERSION,
    AttributionFile,
    BlockResult,
    in_memory,
    make_layout,
    read_attributions,
)
from decode.core.checks import check_choice, check_count, listed
from decode.core.choices import EngineName, Part, ReferenceName
from decode.core.executor import get_executor
from decode.core.files import check_output, versions
from decode.core.resume import at_work, work_folder
from decode.core.threads import one_blas_thread
from decode.core.watched import watched
from decode.statistics.spread import Spread

if TYPE_CHECKING:
    from decode.features.matrix import RegulatoryFeatures
    from decode.models.bundle import ModelBundle

logger = logging.getLogger(__name__)

ADDITIVITY_LIMIT = 1e-4  # log2 units; DESIGN section 5
FLOAT32_LIMIT = 1e-3  # log2 units; Keras' own rounding reaches 1e-4 where a standardised channel hardly varies
SHAP_BLOCK_GENES = 8  # shap takes seconds a gene, so a killed run loses little


@one_blas_thread()  # in the worker, too
def explain_block(
    block: Block,
    engines: Sequence[ExactEngine | ShapEngine],
    regulators: NDArray[np.int64],
    is_main_task: NDArray[np.bool_],
) -> tuple[int, BlockResult]:
    """Attributions of some genes: mean and spread over members, one member in memory at a time.

    Parameters
    ----------
    block : Block
    engines : sequence
        One a member.
    regulators : int array, shape (n_tracks,)
        Regulator of each track.
    is_main_task : bool array, shape (n_tasks,)
        Tasks that the overall attribution is the mean of.

    Returns
    -------
    number : int
    result : BlockResult
    """
    own, n_members = slice(0, block.n_own), len(engines)
    spread, error, float32_error = Spread(), np.zeros(block.n_own), np.zeros(block.n_own)
    taker, overall = SumTaker(regulators, block.n_own, block.usage_gene), Spread()
    means = [np.zeros(block.predicted[0, own].shape) for _ in range(2)]
    for number, engine in enumerate(engines):
        by_keras = [block.predicted[number].astype(np.float64), block.reference_predicted[number].astype(np.float64)]
        predictions = by_keras
        if isinstance(engine, ExactEngine):
            parts, *predictions = engine.explain(block.inputs, block.references)
        else:
            parts = engine.attribute(block.inputs, block.references)
        length, structure, tracks = split_parts(parts, block.has_structure)
        values = np.concatenate([length[:, None], structure[:, None], tracks], axis=1)
        overall.add(_mean_over(taker.add(length, tracks), is_main_task))
        missed = (values.sum(axis=1, dtype=np.float64) - (predictions[0] - predictions[1]))[own]
        error = np.maximum(error, np.abs(missed).max(axis=1, initial=0.0))
        for total, mine, theirs in zip(means, predictions, by_keras, strict=True):
            total += mine[own] / n_members
            float32_error = np.maximum(float32_error, np.abs(mine - theirs)[own].max(axis=1, initial=0.0))
        spread.add(values[own])
    mean, sd = spread.mean, spread.sd()
    return block.number, BlockResult(
        attribution=mean[:, 2:],
        sd=sd[:, 2:] if n_members > 1 else None,
        overall=overall.mean,
        overall_sd=overall.sd(),
        length_effect=mean[:, 0],
        length_effect_sd=sd[:, 0],
        structure_effect=mean[:, 1],
        structure_effect_sd=sd[:, 1],
        prediction=means[0].astype(np.float32),
        reference_prediction=means[1].astype(np.float32),
        additivity_error=error.astype(np.float32),
        float32_error=float32_error.astype(np.float32),
        sums=taker.result(),
    )


def attribute(
    bundle: ModelBundle,
    features: RegulatoryFeatures,
    *,
    out: str | Path | None = None,
    engine: EngineName = "exact",
    reference: ReferenceName = "own_length",
    genes: Sequence[str] | None = None,
    part: Part = "test",
    n_matched: int = N_MATCHED,
    block_genes: int | None = None,
    agreement_genes: int = 4,
    executor: Any = None,
    on_block: Callable[[int, int], None] | None = None,
) -> xr.Dataset:
    """Say how much each regulator's sites raise or lower the predicted log2 value of every gene in every task.

    The contribution of a track is its share of the difference between the prediction for a gene and the prediction for
    its reference (DeepLIFT, Rescale rule), summed over the bins of the region. The share of the occupancy is the length
    effect, that of the gene structure (where the model takes it) the structure effect: they are no regulators and are
    kept apart. Contributions, length effect and structure effect add up to the difference.

    Parameters
    ----------
    bundle : ModelBundle
        The attribution of an ensemble is the mean of its members'; their spread is kept beside it.
    features : RegulatoryFeatures
        Needs the model's tracks, and the genes that the reference is made of.
    out : path, optional
        netCDF file to write block by block; the same call goes on where it was killed. None keeps all in memory.
    engine : {"exact", "shap"}
        "exact": closed form, all tasks at once. "shap": shap.DeepExplainer, task by task and gene by gene.
    reference : {"own_length", "median_length", "mean_gene", "matched_genes"}
        See `decode.attribution.references`.
    genes : sequence of str, optional
        Ids of the genes (transcripts at transcript level) to explain, in this order.
    part : {"test", "validation", "train", "all"}
        Genes to explain where `genes` is not given, by the model's split; "all" means all genes of the features.
    n_matched : int, default 20
        Genes that a reference of `matched_genes` is the mean of.
    block_genes : int, optional
        Genes computed and written at a time; default about 64 (8 with shap).
    agreement_genes : int, default 4
        On so many genes, one member and up to three tasks the other engine is run too, and the largest difference is
        stored; 0 leaves it out.
    executor : str, distributed.Client or Executor, optional
        Where blocks are computed; default two threads. shap runs one block after the other in this process.
    on_block : callable, optional
        Called with (finished blocks, all blocks).

    Returns
    -------
    xr.Dataset
        As `decode.attribution.result.read_attributions` describes it; from the file where `out` is given.

    Raises
    ------
    ValueError
        If features and model do not fit, no gene is left, a layer cannot be treated, the parts do not add up within
        1e-4 log2 units (relative where the difference is above 1), or `out` has blocks of another run.
    KeyError
        If `genes` are not in the features.

    References
    ----------
    Shrikumar et al. 2017, ICML, PMLR 70:3145. Tasaki et al. 2020, Nature Machine Intelligence 2:376, Methods.
    """
    check_choice("engine", engine, ENGINES)
    check_count("agreement_genes", agreement_genes, zero=True)
    if out is not None:
        check_output(out)
    runner = get_executor(executor if executor is not None else "serial" if engine == "shap" else "threads")
    if engine == "shap" and not (runner.is_local and not runner.is_concurrent):
        raise ValueError("engine 'shap' runs in this process only; leave executor at 'serial' or use engine 'exact'")
    job = make_job(bundle, features, engine=engine, reference=reference, genes=genes, part=part, n_matched=n_matched)
    if engine == "shap" and block_genes is None:
        block_genes = SHAP_BLOCK_GENES
    layout = make_layout(len(job.rows), len(job.features.tracks), len(bundle.tasks), block_genes)
    n_blocks = -(-len(job.rows) // layout.block_genes)
    with at_work(None if out is None else work_folder(out)):
        file = None if out is None else AttributionFile(out, job.signature(layout), layout)
        missing = [number for number in range(n_blocks) if file is None or not file.has(number)]
        kept: list[BlockResult] = []
        n_done = n_blocks - len(missing)
        engines = job.engines() if missing else []
        explain = partial(
            explain_block, engines=engines, regulators=job.regulators.code, is_main_task=bundle.is_main_task
        )
        with one_blas_thread():
            blocks = runner.map(explain, job.blocks(missing, layout))
            for number, block in watched(blocks, "attributions", len(missing)):
                _check_block(job, number * layout.block_genes, block)
                if file is None:
                    kept.append(block)
                else:
                    file.add(number, block)
                n_done += 1
                if on_block is not None:
                    on_block(n_done, n_blocks)
        header = _header(job, agreement(job, agreement_genes))
        if file is None:
            return in_memory(header, kept)
        file.finish(header, n_blocks)
        logger.info("%s: %d genes x %d tracks x %d tasks", out, *(header.sizes[d] for d in ("gene", "track", "task")))
        return read_attributions(file.path)


def _mean_over(values: NDArray[np.floating], is_chosen: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Mean over the chosen tasks, the last axis; NaN where there is none."""
    if not is_chosen.any():
        return np.full(values.shape[:-1], np.nan, dtype=np.float32)
    mean: NDArray[np.float32] = values[..., is_chosen].mean(axis=-1, dtype=np.float64).astype(np.float32)
    return mean


def _check_block(job: Job, first: int, block: BlockResult) -> None:
    """Refuse contributions that do not add up, and an engine that reads the network otherwise than Keras does."""
    other = ENGINES[1 - ENGINES.index(job.engine)]
    difference = np.abs(block.prediction - block.reference_prediction).max(axis=1, initial=1.0)
    wrong = np.flatnonzero(~(block.additivity_error <= ADDITIVITY_LIMIT * difference))
    if len(wrong):
        worst = wrong[np.argmax(np.nan_to_num(block.additivity_error[wrong], nan=np.inf))]
        raise ValueError(
            f"attributions of {len(wrong)} genes by engine {job.engine!r} do not add up to the difference of "
            f"predictions: {job.ids[first + worst]} misses it by {block.additivity_error[worst]:.2g} log2 units, more "
            f"than {ADDITIVITY_LIMIT:g}; use engine {other!r}"
        )
    size = np.abs(block.prediction).max(axis=1, initial=1.0)
    wrong = np.flatnonzero(~(block.float32_error <= FLOAT32_LIMIT * size))
    if len(wrong):
        raise ValueError(
            f"engine {job.engine!r} predicts {listed(job.ids[first + i] for i in wrong)} otherwise than Keras does, by "
            f"up to {block.float32_error.max():.2g} log2 units; use engine {other!r}"
        )


def _header(job: Job, agreed: Agreement) -> xr.Dataset:
    """Coordinates, bound bases and attributes of the result."""
    bundle, chosen = job.bundle, job.features.take(job.rows)
    table, tracks, split = chosen.genes, chosen.tracks, bundle.split_map
    coords: dict[str, Any] = {"gene": job.ids, "track": chosen.track_ids, "task": list(bundle.tasks)}
    coords["task_kind"] = ("task", np.array(bundle.task_kinds, dtype=object))
    for name in ("gene_id", "gene_name", "chrom", "strand"):
        coords[name] = ("gene", table[name].astype(str).to_numpy(dtype=object))
    for name in ("tss", "length_bp"):
        coords[name] = ("gene", table[name].to_numpy(dtype=np.int64))
    coords["split"] = ("gene", np.array([split.get(name, "") for name in job.ids], dtype=object))
    for name in ("region", "kind", "regulator", "biosample", "value_kind"):
        own = "track_regulator" if name == "regulator" else name  # regulator is a dimension
        coords[own] = ("track", tracks[name].astype(str).to_numpy(dtype=object))
    coords["n_bound_genes"] = ("track", tracks["n_bound_genes"].to_numpy(dtype=np.int64))
    regulators = job.regulators.table
    coords |= {"member": np.arange(len(bundle.members)), "regulator": regulators.index.to_numpy(dtype=object)}
    for name in ("kind", "regulator", "n_tracks", "n_bound_genes"):
        own = "regulator_name" if name == "regulator" else f"regulator_{name}"
        coords[own] = ("regulator", regulators[name].to_numpy())
    described = {"long_name": "bases of the gene's region that the track's sites cover; sum over bins of a signal"}
    attributes: dict[str, Any] = {
        "format": FORMAT,
        "schema_version": SCHEMA_VERSION,
        "engine": job.engine,
        "reference": job.reference.name,
        "reference_has_sites": int(job.reference.has_sites),
        "n_matched": job.reference.n_matched if job.reference.name == "matched_genes" else 0,
        "level": chosen.level,
        "build": chosen.build,
        "bin_size": chosen.bin_size,
        "upstream": chosen.upstream,
        "downstream": chosen.downstream,
        "architecture": bundle.network.architecture,
        "n_members": len(bundle.members),
        "n_genes": len(job.rows),
        "n_usage_genes": job.n_usage_genes,
        "structure_channels": json.dumps(chosen.structure_channels),
        "seeds": json.dumps(list(bundle.seeds)),
        "versions": json.dumps(versions()),
        "model_sha256": job.model_sha256,
        "features_sha256": job.features_sha256,
        "explained_sha256": job.explained_sha256,
        "engine_agreement": agreed.largest_difference,
        "engine_agreement_sample": json.dumps({"genes": agreed.ids, "tasks": agreed.tasks, "note": agreed.note}),
    }
    return xr.Dataset({"bases": (("gene", "track"), chosen.totals(), described)}, coords, attributes)
