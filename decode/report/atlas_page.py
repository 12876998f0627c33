"""The atlas page: every gene and task of a trained model looked up in one file that works from disk."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

from decode.core.shown import shown
from decode.registry.entries import Entry
from decode.regulators.atlas_data import AtlasData
from decode.regulators.tissue_factors import tissue_factors
from decode.report.page.arrays import PackedArray, pack_array
from decode.report.page.base import assemble_page
from decode.report.page.tables import plain_values
from decode.statistics.metrics import pearson_per_gene, spearman_per_task

logger = logging.getLogger(__name__)

STEP = 0.01  # log2 units: what the page shows of levels and effects
LARGEST_PAGE = 15_000_000  # bytes; larger ones open slowly
SPLITS = ("train", "validation", "test", "none")
RANKING = [
    "kind",
    "regulator",
    "n_tracks",
    "n_bound_genes",
    "mean",
    "mean_abs",
    "sd_members",
    "rank",
    "rank_low",
    "rank_high",
]


@shown()
@dataclass(frozen=True)
class AtlasSource:
    """Where an atlas comes from, for the reader of the page.

    Attributes
    ----------
    model, features : str
        Name or file.
    model_sha256 : str
        Of the bundle's record.
    seeds, versions : str
        Of the model.
    entry : Entry, optional
        Of the registry: description, accuracy beside baselines, training data with their licences.
    measured : str
        Which file the measured values are of; empty where there are none.
    measured_source : str
        Where that file comes from and its licence, in the user's words.
    """

    model: str
    features: str
    model_sha256: str = ""
    seeds: str = ""
    versions: str = ""
    entry: Entry | None = None
    measured: str = ""
    measured_source: str = ""


def atlas_page(data: AtlasData, source: AtlasSource) -> str:
    """The page of an atlas.

    Parameters
    ----------
    data : AtlasData
    source : AtlasSource

    Returns
    -------
    str
        HTML: one file, about 0.7 kB a gene for 37 tissues; warns above 15 MB.
    """
    order = similar_tasks(data.effect)
    arrays = _arrays(data, order)
    page = assemble_page(
        "atlas.html.j2",
        title=f"Atlas of {source.model}",
        data=_facts(data, source, order) | {"arrays": {name: packed.header for name, packed in arrays.items()}},
        scripts=["arrays.js", "atlas_figures.js", "atlas_search.js", "atlas.js"],
        styles=["atlas.css"],
        arrays={name: packed.text for name, packed in arrays.items()},
        source=source,
        atlas=data,
        n_held_out=int((data.genes["split"] == "test").sum()),
        has_measured=bool(np.isfinite(data.measured).any()),
    )
    size = len(page.encode())
    logger.info("page of %d genes and %d tasks: %.1f MB", len(data.genes), len(data.tasks), size / 1e6)
    if size > LARGEST_PAGE:
        logger.warning(
            "the page has %.1f MB, more than %.0f MB, and opens slowly; keep fewer regulators with --top (now %d)",
            size / 1e6, LARGEST_PAGE / 1e6, data.top.shape[1],
        )  # fmt: skip
    return page


def similar_tasks(effect: NDArray[np.float32]) -> NDArray[np.int64]:
    """An order of the tasks in which similar ones stand side by side: leaves of an average-linkage tree.

    Parameters
    ----------
    effect : float32 array, shape (n_genes, n_top, n_tasks)

    Returns
    -------
    int array, shape (n_tasks,)

    Examples
    --------
    >>> effect = np.array([[[1.0, -1.0, 0.9], [0.2, -0.3, 0.25], [-0.5, 0.9, -0.6]]], dtype=np.float32)
    >>> order = similar_tasks(effect).tolist()
    >>> abs(order.index(0) - order.index(2))
    1
    """
    n_tasks = effect.shape[2]
    rows = effect.reshape(-1, n_tasks).astype(np.float64)
    if n_tasks < 3 or len(rows) < 2:
        return np.arange(n_tasks)
    with np.errstate(invalid="ignore", divide="ignore"):
        distance = 1 - np.nan_to_num(np.corrcoef(rows, rowvar=False))
    distance = np.clip((distance + distance.T) / 2, 0, None)
    np.fill_diagonal(distance, 0)
    return np.asarray(leaves_list(linkage(squareform(distance, checks=False), "average")), dtype=np.int64)


def _arrays(data: AtlasData, order: NDArray[np.int64]) -> dict[str, PackedArray]:
    """What is large; tasks in the given order, so that neighbours differ little."""
    places = data.places[data.places["effect"].abs() >= STEP / 2]
    n_genes, n_top = data.top.shape
    counts = np.zeros((n_genes, n_top), dtype=np.int64)
    np.add.at(counts, (places["gene"].to_numpy(int), places["slot"].to_numpy(int)), 1)
    n_shown = (data.top >= 0).sum(axis=1)
    shown = data.top >= 0
    return {
        "predicted": pack_array(data.predicted[:, order], finest=STEP, differences=True),
        "measured": pack_array(data.measured[:, order], finest=STEP, differences=True),
        "without": pack_array(data.without_sites[:, order], finest=STEP, differences=True),
        "correlation": pack_array(data.genes["correlation"].to_numpy(float), finest=STEP),
        "n_top": pack_array(n_shown, finest=1),
        "top": pack_array(data.top[shown], finest=1),
        "strongest": pack_array(np.argsort(order)[data.strongest[shown]], finest=1),
        "sd": pack_array(data.sd[shown], finest=STEP / 10),
        "mean": pack_array(_mean(data)[shown], finest=STEP / 10),
        "effect": pack_array(data.effect[shown][:, order], finest=STEP, differences=True),
        "n_places": pack_array(counts[shown], finest=1),
        "place_region": pack_array(places["region"].to_numpy(float), finest=1),
        "place_bin": pack_array(places["bin"].to_numpy(float), finest=1, differences=True),
        "place_bases": pack_array(places["bases"].to_numpy(float), finest=1),
        "place_effect": pack_array(places["effect"].to_numpy(float), finest=STEP),
    }


def _mean(data: AtlasData) -> NDArray[np.float32]:
    """Mean effect over the main tasks, shape (n_genes, n_top)."""
    is_main = data.tasks["is_main"].to_numpy()
    mean: NDArray[np.float32] = data.effect[:, :, is_main if is_main.any() else slice(None)].mean(axis=2)
    return mean


def _facts(data: AtlasData, source: AtlasSource, order: NDArray[np.int64]) -> dict[str, Any]:
    """What is small: names, the ranking, and what limits it."""
    tasks, genes = data.tasks, data.genes
    regulators = data.regulators.index.tolist()
    lacking = {task: tissue_factors(task, regulators) for task in tasks["task"]}
    return {
        "model": source.model,
        "build": data.build,
        "n_members": data.n_members,
        "has_measured": bool(np.isfinite(data.measured).any()),
        "tasks": [
            {"name": row.task, "kind": row.kind, "is_main": bool(row.is_main)}
            for row in tasks.iloc[order].itertuples(index=False)
        ],
        "names_in_order": tasks["task"].tolist(),
        "regulators": regulators,
        "regulator_cells": data.regulators["biosamples"].tolist(),
        "regions": data.regions.to_dict("records"),
        "ranked_part": data.ranked_part,
        "n_ranked": int((genes["split"] == data.ranked_part).sum()) if data.ranked_part != "all" else len(genes),
        "ranking_columns": RANKING,
        "ranking": {
            str(task): [list(row) for row in zip(*(plain_values(part[name]) for name in RANKING), strict=True)]
            for task, part in data.ranking.groupby("task", sort=False)
        },
        "factors": {
            task: {"tissue": found.tissue, "with": found.with_sites, "without": found.without_sites}
            for task, found in lacking.items()
            if found is not None
        },
        "task_accuracy": _task_accuracy(data),
        "gene_accuracy": _gene_accuracy(data),
        "same_profile": _same_profile(data),
        "splits": list(SPLITS),
        "genes": {
            "id": genes["gene_id"].tolist(),
            "name": genes["gene_name"].tolist(),
            "others": [" ".join(names) for names in genes["other_names"]],
            "chrom": genes["chrom"].tolist(),
            "strand": "".join(genes["strand"]),
            "tss": genes["tss"].tolist(),
            "length_bp": genes["length_bp"].tolist(),
            "split": "".join(str(SPLITS.index(name)) for name in genes["split"]),
            "n_regulators": genes["n_regulators"].tolist(),
        },
    }


def _task_accuracy(data: AtlasData) -> dict[str, float | None]:
    """Spearman's rho of every task over the held-out genes."""
    is_held_out = (data.genes["split"] == "test").to_numpy()
    if is_held_out.sum() < 3:
        return {}
    found = spearman_per_task(data.measured[is_held_out], data.predicted[is_held_out])
    return {
        task: None if value != value else round(float(value), 3)
        for task, value in zip(data.tasks["task"], found, strict=True)
    }


def _same_profile(data: AtlasData) -> float | None:
    """Median correlation of held-out genes with the mean profile of the training genes: what needs no model."""
    is_main, split = data.tasks["is_main"].to_numpy(), data.genes["split"]
    train, held_out = (data.measured[(split == name).to_numpy()][:, is_main] for name in ("train", "test"))
    is_known = np.isfinite(train).all(axis=1)
    if not is_known.any():
        return None
    profile = np.broadcast_to(train[is_known].mean(axis=0, dtype=np.float64), held_out.shape)
    found = pearson_per_gene(held_out, profile)
    return round(float(np.nanmedian(found)), 2) if np.isfinite(found).any() else None


def _gene_accuracy(data: AtlasData) -> dict[str, list[float]]:
    """Quartiles of the genes' correlation over tasks, by split, and how many genes have one."""
    found = {}
    for split, values in data.genes["correlation"].groupby(data.genes["split"]):
        known = values.dropna()
        if len(known):
            found[str(split)] = [*(round(float(known.quantile(q)), 2) for q in (0.25, 0.5, 0.75)), len(known)]
    return found
