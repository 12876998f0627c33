"""All genes of a trained model at once, for a page to look them up: levels, regulators, places, ranking."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from decode.attribution.attribute import attribute
from decode.attribution.job import Job, make_job
from decode.attribution.result import gene_blocks, read_attributions
from decode.core.checks import check_count
from decode.core.choices import Part
from decode.core.known_names import NamesOfGenes
from decode.core.shown import shown
from decode.expression.targets import check_targets
from decode.features.matrix import RegulatoryFeatures
from decode.features.regulators import Regulators, regulators_of, sum_tracks
from decode.models.bundle import ModelBundle
from decode.models.matching import select_for_model
from decode.ranking.rank import rank_regulators, regulator_scores
from decode.regulators.atlas import region_layout
from decode.regulators.atlas_places import places_of_bins, places_of_totals
from decode.statistics.metrics import pearson_per_gene

logger = logging.getLogger(__name__)

N_TOP = 15  # regulators kept of a gene
N_FIRST, SMALLEST = 3, 0.02  # of a gene and task the first three effects, in log2 units: how many are kept is counted
BLOCK_GENES = 256  # in memory at a time
PARTS: tuple[Part, ...] = ("test", "validation", "all")  # genes of the ranking: the first part that the model has
OnBlock = Callable[[str, int, int], None]


@shown()
@dataclass(frozen=True)
class AtlasData:
    """A model's view of all genes of some features.

    Attributes
    ----------
    genes : pd.DataFrame
        gene_id, gene_name, other_names (lists of older symbols and aliases), chrom, strand, tss, length_bp, split (of
        the model; "none" where it does not know the gene), n_regulators (with sites), correlation (Pearson, of
        predicted and measured values over the main tasks; NaN where not measured).
    tasks : pd.DataFrame
        task, kind, is_main (fold changes, where there are any).
    regulators : pd.DataFrame
        Index "KIND:NAME"; kind, regulator, n_tracks, n_bound_genes, biosamples.
    predicted, without_sites : float32 array, shape (n_genes, n_tasks)
        Prediction, and prediction for the same gene without any sites; log2 units.
    measured : float32 array, shape (n_genes, n_tasks)
        NaN where not measured.
    top : int16 array, shape (n_genes, n_top)
        Rows of `regulators` that act most on a gene, the largest absolute effect in any task first; -1: none.
    effect : float32 array, shape (n_genes, n_top, n_tasks)
        Their attributions, tracks summed; log2 units. prediction - without_sites is the sum over all regulators.
    strongest : int array, shape (n_genes, n_top)
        Task, among the main ones, in which each acts most.
    share_kept : float
        Of the three largest effects in every gene and main task (those of 0.02 log2 units or more) the share that is
        of kept regulators; NaN where there is none.
    sd : float32 array, shape (n_genes, n_top)
        Standard deviation over members of the mean over main tasks; NaN for one member.
    places : pd.DataFrame
        gene (row), slot (column of `top`), region (number), bin, bases (largest over tracks), effect (log2 units, in
        the regulator's strongest task among the main ones); sorted by gene and slot.
    regions : pd.DataFrame
        region, first_bp (of the first bin, from the TSS or the 5' end of the RNA), bin_bp, n_bins (0: as long as the
        RNA), position_blind.
    ranking : pd.DataFrame
        As `decode.ranking.rank.rank_regulators`, over the genes of `ranked_part`.
    ranked_part : str
    build : str
    n_members : int
    """

    genes: pd.DataFrame
    tasks: pd.DataFrame
    regulators: pd.DataFrame
    predicted: NDArray[np.float32]
    without_sites: NDArray[np.float32]
    measured: NDArray[np.float32]
    top: NDArray[np.int16]
    effect: NDArray[np.float32]
    strongest: NDArray[np.int64]
    sd: NDArray[np.float32]
    share_kept: float
    places: pd.DataFrame
    regions: pd.DataFrame
    ranking: pd.DataFrame
    ranked_part: str
    build: str
    n_members: int


def gather_atlas(
    bundle: ModelBundle,
    features: RegulatoryFeatures,
    *,
    work: str | Path | None = None,
    targets: pd.DataFrame | None = None,
    n_top: int = N_TOP,
    on_block: OnBlock | None = None,
) -> AtlasData:
    """Attribute all genes of the features in one pass, and keep what a page of all genes needs.

    Parameters
    ----------
    bundle : ModelBundle
    features : RegulatoryFeatures
        Gene level.
    work : path, optional
        Folder that keeps attributions; the same call goes on where it was killed. None keeps all in memory.
    targets : pd.DataFrame, optional
        Measured values (gene_id and columns of tasks).
    n_top : int
        Regulators kept of a gene.
    on_block : callable, optional
        Called with (what is done, finished blocks, all blocks).

    Returns
    -------
    AtlasData

    Raises
    ------
    ValueError
        If the features are of transcripts, or features and model do not fit.
    """
    check_count("n_top", n_top)
    if features.level != "gene":
        raise ValueError("an atlas is of genes, and these features are of transcripts; give those at gene level")
    features = select_for_model(bundle, features)
    split = bundle.split_map
    known = {split.get(str(name)) for name in features.ids}
    part = next(name for name in PARTS if name == "all" or name in known)
    with _attributed(bundle, features, part, work, on_block) as explained:
        ranking = rank_regulators(regulator_scores(explained))
    regulators = regulators_of(features)
    is_main = bundle.is_main_task
    main = np.flatnonzero(is_main) if is_main.any() else np.arange(len(bundle.tasks))
    with _attributed(bundle, features, "all", work, on_block) as explained:
        kept: list[list[NDArray[Any]]] = [[], [], [], []]
        places: list[pd.DataFrame] = []
        counted = np.zeros(2, dtype=np.int64)
        n_blocks = -(-explained.sizes["gene"] // BLOCK_GENES)
        for number, block in enumerate(gene_blocks(explained.drop_vars("sd"), BLOCK_GENES)):
            top, effect, sd, first = _strongest(block, regulators, is_main, n_top)
            counted += first
            task = main[np.abs(effect[:, :, main]).argmax(axis=2)]
            for values, value in zip(kept, (top, effect, sd, task), strict=True):
                values.append(value)
            rows = number * BLOCK_GENES + np.arange(len(top))
            places.append(_places(bundle, features, regulators, block, rows, top, task))
            if on_block is not None:
                on_block("places", number + 1, n_blocks)
        predicted, without = (explained[name].to_numpy() for name in ("prediction", "reference_prediction"))
    measured = _measured(bundle, features, targets)
    table = regulators.table.assign(biosamples=_biosamples(features, regulators))
    genes = _genes(bundle, features, regulators)
    genes["correlation"] = pearson_per_gene(measured[:, is_main], predicted[:, is_main])
    return AtlasData(
        genes=genes,
        tasks=pd.DataFrame({"task": bundle.tasks, "kind": bundle.task_kinds, "is_main": is_main}),
        regulators=table,
        predicted=predicted,
        without_sites=np.broadcast_to(without, predicted.shape),
        measured=measured,
        top=np.concatenate(kept[0]),
        effect=np.concatenate(kept[1]),
        strongest=np.concatenate(kept[3]),
        sd=np.concatenate(kept[2]),
        share_kept=float(counted[0] / counted[1]) if counted[1] else float("nan"),
        places=pd.concat(places, ignore_index=True),
        regions=_regions(bundle, features),
        ranking=ranking,
        ranked_part=part,
        build=features.build,
        n_members=len(bundle.members),
    )


def _attributed(
    bundle: ModelBundle, features: RegulatoryFeatures, part: Part, work: str | Path | None, on_block: OnBlock | None
) -> xr.Dataset:
    """Attributions of a part of the genes, from the work folder where they are finished there."""
    path = None if work is None else Path(work) / f"{part}.nc"
    if path is not None and path.exists():
        found = read_attributions(path)
        job = make_job(bundle, features, engine="exact", reference="own_length", genes=None, part=part)
        if _is_of(found, job):
            logger.info("attributions of %s genes were finished before, reused", part)
            return found
        found.close()

    def advance(done: int, total: int) -> None:
        if on_block is not None:
            on_block(f"attributions of {part} genes", done, total)

    return attribute(bundle, features, part=part, out=path, agreement_genes=0, on_block=advance)


def _is_of(found: xr.Dataset, job: Job) -> bool:
    wanted = (job.model_sha256, job.features_sha256, job.explained_sha256)
    return wanted == tuple(found.attrs.get(f"{name}_sha256") for name in ("model", "features", "explained"))


def _strongest(
    block: xr.Dataset, regulators: Regulators, is_main: NDArray[np.bool_], n_top: int
) -> tuple[NDArray[np.int16], NDArray[np.float32], NDArray[np.float32], tuple[int, int]]:
    """The kept regulators of each gene, their effects, the spread of the mean effect, and `first_kept`."""
    by_regulator = sum_tracks(block["attribution"].to_numpy(), regulators.code).astype(np.float32)
    chosen = strongest(by_regulator, is_main, n_top)
    effect = np.take_along_axis(by_regulator, chosen[:, :, None], axis=1)
    sd = np.take_along_axis(block["overall_sd"].to_numpy(), chosen, axis=1)
    is_none = ~effect.any(axis=2)
    first = first_kept(by_regulator[:, :, is_main] if is_main.any() else by_regulator, chosen)
    return np.where(is_none, -1, chosen).astype(np.int16), effect, np.where(is_none, np.nan, sd), first


def first_kept(effects: NDArray[np.float32], chosen: NDArray[np.int64]) -> tuple[int, int]:
    """How many of the first three effects of every gene and task (of 0.02 or more) are kept, and how many there are.

    Examples
    --------
    >>> effects = np.array([[[3.0], [2.0], [0.5], [0.1]]], dtype=np.float32)
    >>> first_kept(effects, np.array([[0, 2, 3]]))
    (2, 3)
    """
    sizes = np.abs(effects)
    is_kept = np.zeros(sizes.shape[:2], dtype=bool)
    np.put_along_axis(is_kept, chosen, True, axis=1)
    order = np.argsort(-sizes, axis=1, kind="stable")[:, :N_FIRST]
    is_first = np.take_along_axis(sizes, order, axis=1) >= SMALLEST
    hits = np.take_along_axis(np.broadcast_to(is_kept[:, :, None], sizes.shape), order, axis=1)
    return int((hits & is_first).sum()), int(is_first.sum())


def strongest(effects: NDArray[np.float32], is_main: NDArray[np.bool_], n_top: int) -> NDArray[np.int64]:
    """Which regulators of each gene are kept: a third by their largest effect, the rest by their best rank in a task.

    The largest effects alone would be those of the few tasks that differ most; a regulator that comes first in a quiet
    task is wanted too.

    Parameters
    ----------
    effects : float32 array, shape (n_genes, n_regulators, n_tasks)
        log2 units.
    is_main : bool array, shape (n_tasks,)
        Tasks whose effects are compared; all where there is none.
    n_top : int

    Returns
    -------
    int array, shape (n_genes, min(n_top, n_regulators))
        Rows, the largest absolute effect in a main task first.

    Examples
    --------
    >>> effects = np.array([[[3.0, 0.0], [2.0, 0.1], [0.0, 0.2]]], dtype=np.float32)
    >>> strongest(effects, np.array([True, True]), 2).tolist()
    [[0, 2]]
    """
    sizes = np.abs(effects[:, :, is_main] if is_main.any() else effects)
    largest = sizes.max(axis=2)
    first = np.argsort(-largest, axis=1, kind="stable")[:, : max(1, n_top // 3)]
    within = np.argsort(np.argsort(-sizes, axis=1, kind="stable"), axis=1, kind="stable").min(axis=2)
    urgency = within - largest / (1 + largest)  # the same rank: the larger effect
    urgency[largest == 0] = np.inf
    np.put_along_axis(urgency, first, -np.inf, axis=1)
    chosen = np.argsort(urgency, axis=1, kind="stable")[:, :n_top]
    order = np.argsort(-np.take_along_axis(largest, chosen, axis=1), axis=1, kind="stable")
    return np.take_along_axis(chosen, order, axis=1)


def _places(
    bundle: ModelBundle,
    features: RegulatoryFeatures,
    regulators: Regulators,
    block: xr.Dataset,
    rows: NDArray[np.int64],
    top: NDArray[np.int16],
    task: NDArray[np.int64],
) -> pd.DataFrame:
    """Bins through which the kept regulators of a block's genes act, in the task where each acts most."""
    if any(bundle.n_first_bins().values()):
        return places_of_bins(bundle, features, regulators, rows, top, task)
    return places_of_totals(features, regulators, block["attribution"].to_numpy(), rows, top, task)


def _measured(bundle: ModelBundle, features: RegulatoryFeatures, targets: pd.DataFrame | None) -> NDArray[np.float32]:
    if targets is None:
        return np.full((features.n_genes, len(bundle.tasks)), np.nan, dtype=np.float32)
    check_targets(targets)
    table = targets.set_index("gene_id").reindex(index=features.ids, columns=bundle.tasks)
    if not table.notna().to_numpy().any():
        raise ValueError(
            "the targets share no gene and task with the model; give a table with its tasks (`decode models info`)"
        )
    return table.to_numpy(dtype=np.float32)


def _biosamples(features: RegulatoryFeatures, regulators: Regulators) -> list[str]:
    names: list[dict[str, None]] = [{} for _ in range(len(regulators.table))]
    for code, biosample in zip(regulators.code, features.tracks["biosample"].astype(str), strict=True):
        if biosample:
            names[code][biosample] = None
    return [", ".join(found) for found in names]


def _genes(bundle: ModelBundle, features: RegulatoryFeatures, regulators: Regulators) -> pd.DataFrame:
    table = features.genes[["gene_id", "gene_name", "chrom", "strand", "tss", "length_bp"]].copy()
    named = dict(zip(table["gene_id"].astype(str), table["gene_name"].astype(str), strict=True))
    names = NamesOfGenes(named)
    others = names.other_names() if names.are_human else {}
    table["other_names"] = [[name for name in others.get(gene_id, []) if name != own] for gene_id, own in named.items()]
    split = bundle.split_map
    table["split"] = [split.get(str(name), "none") for name in features.ids]
    is_bound = features.totals() > 0
    table["n_regulators"] = (sum_tracks(is_bound.astype(np.float32), regulators.code) > 0).sum(axis=1)
    return table


def _regions(bundle: ModelBundle, features: RegulatoryFeatures) -> pd.DataFrame:
    first_bins = bundle.n_first_bins()
    rows = []
    for name, matrix in features.regions.items():
        first, size = region_layout(features, name)
        n_bins = 0 if name == "rna" else int(np.diff(matrix.offsets).max(initial=0))
        rows.append((name, first, size, n_bins, first_bins[name] == 0))
    return pd.DataFrame(rows, columns=["region", "first_bp", "bin_bp", "n_bins", "position_blind"])
