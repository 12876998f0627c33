"""How much the picture depends on the reference that genes are compared with."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decode.attribution.attribute import explain_block
from decode.attribution.job import Job, make_job
from decode.attribution.references import N_MATCHED, REFERENCES
from decode.attribution.result import make_layout
from decode.core.choices import Part, ReferenceName
from decode.core.threads import one_blas_thread
from decode.features.regulators import sum_tracks
from decode.statistics.metrics import spearman_per_task

if TYPE_CHECKING:
    from decode.features.matrix import RegulatoryFeatures
    from decode.models.bundle import ModelBundle

logger = logging.getLogger(__name__)

N_TOP = 20


def reference_stability(
    bundle: ModelBundle,
    features: RegulatoryFeatures,
    *,
    references: Sequence[ReferenceName] = REFERENCES,
    genes: Sequence[str] | None = None,
    part: Part = "test",
    n_matched: int = N_MATCHED,
    n_top: int = N_TOP,
) -> pd.DataFrame:
    """Compare the regulators' attributions between references: what holds under all of them is safer to believe.

    Parameters
    ----------
    bundle : ModelBundle
    features : RegulatoryFeatures
    references : sequence of str
        At least two; default all four.
    genes, part, n_matched
        As in `attribute`.
    n_top : int, default 20
        Size of the top lists that are compared.

    Returns
    -------
    pd.DataFrame
        One row for each pair of references and task: reference_a, reference_b, task, spearman_mean (of the regulators'
        mean attribution over genes), spearman_mean_abs (of their mean absolute attribution; the tracks of a regulator
        are summed first) and top_shared (share of the n_top regulators of largest mean absolute attribution, or of all
        where there are fewer, that both have). NaN where a correlation is not defined.

    Notes
    -----
    Compare signed means only between references of one sort. Without sites, a regulator's mean over genes says whether
    its sites raise or lower the prediction. With the sites of a mean gene it says whether the explained genes have more
    or fewer sites than that gene, times the effect: near 0 for genes like the training genes, and of either sign.

    Raises
    ------
    ValueError, KeyError
        As `attribute`; also for fewer than two references.
    """
    if len(set(references)) < 2:
        raise ValueError(f"references are {list(references)}; at least two different ones are wanted")
    means = {
        name: _means(make_job(bundle, features, engine="exact", reference=name, genes=genes, part=part,
                              n_matched=n_matched))
        for name in dict.fromkeys(references)
    }  # fmt: skip
    tables = []
    for a, b in combinations(means, 2):
        (signed_a, size_a), (signed_b, size_b) = means[a], means[b]
        n = min(n_top, len(size_a))
        top_a, top_b = (np.argsort(-size, axis=0, kind="stable")[:n].T for size in (size_a, size_b))
        tables.append(
            pd.DataFrame(
                {
                    "reference_a": a,
                    "reference_b": b,
                    "task": bundle.tasks,
                    "spearman_mean": spearman_per_task(signed_a, signed_b),
                    "spearman_mean_abs": spearman_per_task(size_a, size_b),
                    "top_shared": [len(np.intersect1d(x, y)) / n for x, y in zip(top_a, top_b, strict=True)],
                }
            )
        )
    return pd.concat(tables, ignore_index=True)


def _means(job: Job) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and mean absolute attribution of every regulator over genes, each of shape (n_regulators, n_tasks)."""
    names, code = job.regulators
    layout = make_layout(len(job.rows), len(code), len(job.bundle.tasks))
    n_blocks = -(-len(job.rows) // layout.block_genes)
    signed = np.zeros((len(names), len(job.bundle.tasks)))
    size = np.zeros_like(signed)
    engines = job.engines()
    with one_blas_thread():
        for block in job.blocks(range(n_blocks), layout):
            values = sum_tracks(explain_block(block, engines, code, job.bundle.is_main_task)[1].attribution, code)
            signed += values.sum(axis=0, dtype=np.float64)
            size += np.abs(values).sum(axis=0, dtype=np.float64)
    logger.info("reference %s: %d genes explained", job.reference.name, len(job.rows))
    return signed / len(job.rows), size / len(job.rows)
