"""How active each regulator is in each sample: what its sites add to the sample's prediction, averaged over genes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decode.attribution.exact.engine import ExactEngine
from decode.attribution.job import Job, make_job
from decode.core.checks import check_count
from decode.core.choices import Part, ReferenceName
from decode.core.executor import get_executor
from decode.core.shown import shown
from decode.core.threads import one_blas_thread
from decode.features.regulators import sum_tracks

if TYPE_CHECKING:
    from decode.features.matrix import RegulatoryFeatures
    from decode.models.bundle import ModelBundle
    from decode.models.ensemble import InputArrays

logger = logging.getLogger(__name__)

BLOCK_CELLS = 8_000_000  # genes x tracks x samples computed at a time by a worker: 32 MB an array
ADDITIVITY_LIMIT = 1e-4  # log2 units; DESIGN section 5
Float = NDArray[np.float64]


@shown()
class ActivityResult(NamedTuple):
    """Activities of regulators in samples.

    Attributes
    ----------
    activity : pd.DataFrame, shape (n_samples, n_regulators)
        Columns "kind:regulator"; log2 units, mean over members.
    spread : pd.DataFrame, shape (n_samples, n_regulators)
        Standard deviation over members (n - 1); NaN for one member.
    by_region : dict of str to pd.DataFrame
        The part of each region, same shape (0 where a regulator has no track there); they add up to `activity`.
    regulators : pd.DataFrame
        Index "kind:regulator"; kind, regulator, n_tracks, n_bound_genes, regions (joined by ";").
    counts : dict
        n_samples, n_regulators, n_tracks, n_genes, part, n_members, n_tasks_left_out, additivity_error (log2 units).
    """

    activity: pd.DataFrame
    spread: pd.DataFrame
    by_region: dict[str, pd.DataFrame]
    regulators: pd.DataFrame
    counts: dict[str, Any]


def regulator_activity(
    bundle: ModelBundle,
    features: RegulatoryFeatures,
    *,
    part: Part = "test",
    genes: Sequence[str] | None = None,
    reference: ReferenceName = "own_length",
    block_genes: int | None = None,
    executor: Any = None,
    on_block: Callable[[int, int], None] | None = None,
) -> ActivityResult:
    """Activity of every regulator in every sample of a person model.

    The activity is the regulator's attribution (DeepLIFT, the exact engine), summed over its tracks and averaged over
    genes: by how much its sites raise or lower the predicted log2 value of a gene in this sample, on average.

    Parameters
    ----------
    bundle : ModelBundle
        Of a person model: one task a sample. `median_level` and tasks of other kinds than the main one are left out.
    features : RegulatoryFeatures
    part : {"test", "validation", "train", "all"}
        Genes to average over, by the model's split, where `genes` is not given.
    genes : sequence of str, optional
    reference : str, default "own_length"
        See `decode.attribution.references`.
    block_genes : int, optional
        Genes at a time; default so many that an array takes 32 MB.
    executor : str, distributed.Client or Executor, optional
        Where blocks are computed; default two threads.
    on_block : callable, optional
        Called with (finished blocks, all blocks).

    Returns
    -------
    ActivityResult

    Raises
    ------
    ValueError
        If features and model do not fit, no gene is left, the model has a layer without a rule, or contributions do not
        add up to the predictions within 1e-4 log2 units.
    KeyError
        If `genes` are not in the features.

    Notes
    -----
    No gene x track x sample array of all genes exists at any time: blocks of genes are summed as they are computed.
    The samples of a model are outputs of one layer, so the activities of all its samples are mixtures of as many
    patterns as that layer has units: what moves one sample as a whole (its cell content, the quality of its RNA) moves
    most regulators at once.

    References
    ----------
    Shrikumar et al. 2017, ICML, PMLR 70:3145. Tasaki et al. 2020, Nature Machine Intelligence 2:376, Methods.
    """
    if block_genes is not None:
        check_count("block_genes", block_genes)
    job = make_job(bundle, features, engine="exact", reference=reference, genes=genes, part=part)
    tracks = job.features.tracks
    n_block = block_genes or max(1, BLOCK_CELLS // max(len(tracks) * len(bundle.tasks), 1))
    starts = range(0, len(job.rows), n_block)
    engines = [ExactEngine.from_model(member.pooled) for member in bundle.members]
    region_code, regions = pd.factorize(tracks["region"].astype(str))
    n_regulators = len(job.regulators.table)
    total = np.zeros((len(engines), len(regions), n_regulators, len(bundle.tasks)))
    worst = 0.0
    runner = get_executor("threads" if executor is None else executor)
    with one_blas_thread():
        blocks = _blocks(job, n_block)
        for number, (sums, error) in enumerate(runner.map(partial(_sum_block, engines=engines), blocks), start=1):
            worst = max(worst, error)
            for region in range(len(regions)):
                own = region_code == region
                code, place = np.unique(job.regulators.code[own], return_inverse=True)
                total[:, region, code] += sum_tracks(sums[:, own], place, axis=1)
            if on_block is not None:
                on_block(number, len(starts))
    if not worst <= ADDITIVITY_LIMIT:
        raise ValueError(
            f"contributions miss the difference of predictions by {worst:.2g} log2 units (relative above 1), more than "
            f"{ADDITIVITY_LIMIT:g}; explain the model with decode attribute --engine shap"
        )
    return _result(
        job, total / len(job.rows), [str(name) for name in regions], part if genes is None else "list", worst
    )


def _blocks(job: Job, n_block: int) -> Iterator[tuple[InputArrays, InputArrays]]:
    for start in range(0, len(job.rows), n_block):
        yield job.pooled(job.rows[start : start + n_block])


@one_blas_thread()  # in the worker, too
def _sum_block(block: tuple[InputArrays, InputArrays], engines: Sequence[ExactEngine]) -> tuple[Float, float]:
    """Sum over genes of every member's attributions, shape (n_members, n_tracks, n_tasks), and the additivity error."""
    sums, worst = [], 0.0
    for engine in engines:
        parts, prediction, reference = engine.explain(*block)
        difference = np.asarray(prediction - reference)
        missed = difference - sum(part.sum(axis=1, dtype=np.float64) for part in parts)
        scale = np.maximum(np.abs(difference).max(axis=1, initial=1.0), 1.0)
        worst = max(worst, float((np.abs(missed).max(axis=1, initial=0.0) / scale).max(initial=0.0)))
        sums.append(np.concatenate([part[:, 1:].sum(axis=0, dtype=np.float64) for part in parts]))  # 0 is the occupancy
    return np.stack(sums), worst


def _result(job: Job, mean: Float, regions: list[str], part: str, worst: float) -> ActivityResult:
    """Tables from means over genes, shape (n_members, n_regions, n_regulators, n_tasks)."""
    bundle, table = job.bundle, job.regulators.table.copy()
    is_sample = np.asarray(bundle.is_main_task)
    samples = pd.Index([task for task, is_main in zip(bundle.tasks, is_sample, strict=True) if is_main], name="sample")
    names = pd.Index([str(name) for name in table.index])

    def frame(values: Float) -> pd.DataFrame:
        return pd.DataFrame(values[:, is_sample].T, index=samples, columns=names)

    of_members = mean.sum(axis=1)
    n_members = len(mean)
    sd = of_members.std(axis=0, ddof=1) if n_members > 1 else np.full(of_members.shape[1:], np.nan)
    region_of = job.features.tracks["region"].astype(str).to_numpy()
    table["regions"] = [";".join(dict.fromkeys(region_of[job.regulators.code == i])) for i in range(len(table))]
    counts = {
        "n_samples": len(samples), "n_regulators": len(names), "n_tracks": len(region_of), "n_genes": len(job.rows),
        "part": part, "n_members": n_members, "n_tasks_left_out": int((~is_sample).sum()), "additivity_error": worst,
    }  # fmt: skip
    logger.info("activities: %d samples x %d regulators, mean over %d genes", len(samples), len(names), len(job.rows))
    by_region = {name: frame(mean[:, number].mean(axis=0)) for number, name in enumerate(regions)}
    return ActivityResult(frame(of_members.mean(axis=0)), frame(sd), by_region, table, counts)
