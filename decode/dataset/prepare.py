"""Join features with targets, split the genes, and drop regulators that too few training genes carry."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from decode.core.checks import check_matched, counted, listed
from decode.core.choices import SplitBy
from decode.core.files import write_table
from decode.core.frames import TableSource
from decode.core.shown import shown
from decode.dataset.names import with_gene_ids
from decode.dataset.split import TRAIN, VALIDATION, VALIDATION_SHARE, make_split
from decode.expression.targets import TRANSCRIPT_ID, check_targets, id_column, numeric_values, targets_frame, task_names
from decode.expression.task_kinds import TaskKind, kinds_of_tasks, main_tasks
from decode.features.content import check_features

if TYPE_CHECKING:
    from decode.features.matrix import RegulatoryFeatures

logger = logging.getLogger(__name__)

MIN_BOUND_GENES = 30  # Tasaki 2020, Methods: regulators with at least 30 genes; here counted on training genes only


@shown()
@dataclass(frozen=True, eq=False)
class Dataset:
    """Genes with features and targets, and the part that each plays.

    Attributes
    ----------
    features : RegulatoryFeatures
        One row a gene (or transcript), only the tracks that are kept.
    targets : np.ndarray, shape (n_rows, n_tasks), float32
        log2 units; NaN where not measured.
    tasks : list of str
        Column names of `targets`.
    task_kinds : list of {"fold_change", "level", "other", "median_level"}
        What each task is, see `decode.expression.task_kinds`.
    split : np.ndarray of str, shape (n_rows,)
        "train", "validation", "test" or "excluded" (related to a held-out gene by a group file).
    counts : dict
        What was matched, left out and dropped.
    """

    features: RegulatoryFeatures
    targets: np.ndarray
    tasks: list[str]
    task_kinds: list[TaskKind]
    split: np.ndarray
    counts: dict[str, Any]

    def rows(self, part: str) -> np.ndarray:
        """Row numbers of one part of the split."""
        return np.flatnonzero(self.split == part)

    @property
    def is_main_task(self) -> np.ndarray:
        """Which tasks an overall figure is over (`decode.expression.task_kinds.main_tasks`), shape (n_tasks,)."""
        return main_tasks(self.task_kinds)


def prepare_dataset(
    features: RegulatoryFeatures,
    targets: TableSource,
    *,
    test_chromosome: str | Collection[str] = "chr1",
    validation_share: float = VALIDATION_SHARE,
    seed: int = 0,
    biosamples: Collection[str] | None = None,
    min_bound_genes: int = MIN_BOUND_GENES,
    groups: Mapping[str, str] | None = None,
    split_by: SplitBy = "gene",
    split: Mapping[str, str] | None = None,
    track_ids: Sequence[str] | None = None,
    task_kinds: TaskKind | Mapping[str, TaskKind] | None = None,
) -> Dataset:
    """Join features with targets, split the genes, and drop regulators that too few training genes carry.

    Parameters
    ----------
    features : RegulatoryFeatures
    targets : pd.DataFrame
        Targets table: gene_id or transcript_id (the ids of the features' rows) and one column a task, log2 units; NaN
        allowed. Symbols are resolved by the gene names of the features.
    test_chromosome, validation_share, seed, groups, split_by
        As in `make_split`. The matching rule holds for `groups` too.
    biosamples : collection of str, optional
        Keep tracks of these biosamples and tracks without one.
    min_bound_genes : int
        Regulators with a site in fewer training genes are dropped with all their tracks.
    split : mapping of row id to part, optional
        A split made before, used as it is; rows that it lacks are left out.
    track_ids : sequence of str, optional
        Exactly these tracks in this order (of a trained model); switches the regulator filter off.
    task_kinds : {"fold_change", "level", "other"} or mapping of task to kind, optional
        What the tasks are, see `decode.expression.task_kinds.kinds_of_tasks`. Default: what the table carries,
        else fold changes beside `median_level`.

    Returns
    -------
    Dataset

    Raises
    ------
    ValueError
        If the ids do not match (matching rule) or are of another level, the split is impossible, or no track is left.
    KeyError
        If `track_ids` or `biosamples` are not in the features.
    """
    check_features(features)
    targets = targets_frame(targets)
    check_targets(targets)
    tasks = task_names(targets)
    kinds = kinds_of_tasks(targets, task_kinds)
    target_ids = id_column(targets)
    if target_ids == TRANSCRIPT_ID and features.level == "gene":
        raise ValueError(
            "targets are of transcripts (column transcript_id) and features of genes; build features with level "
            "transcript, or sum the expression over each gene's transcripts"
        )
    targets = with_gene_ids(targets, features)
    matched = set(_match("targets", list(targets[target_ids]), features.ids))
    counts: dict[str, Any] = {
        "target_rows": len(targets),
        "feature_rows": len(features.ids),
        "matched_rows": len(matched),
    }
    if groups is not None:
        counts["grouped_genes"] = len(_match("groups", list(groups), set(features.genes["gene_id"])))
    if split is not None:
        counts["rows_outside_split"] = len(matched.difference(split))
        matched.intersection_update(split)
    ids = [str(i) for i in features.ids if i in matched]
    features = features.select(genes=ids, track_ids=track_ids)
    if biosamples is not None:
        features = _select_biosamples(features, biosamples)
    values = numeric_values(targets.set_index(target_ids).loc[ids, tasks], "targets").astype(np.float32)
    parts = (
        np.array([split[i] for i in ids], dtype=str)
        if split is not None
        else make_split(
            features.genes,
            test_chromosome=test_chromosome,
            validation_share=validation_share,
            seed=seed,
            groups=groups,
            split_by=split_by,
        )
    )
    if split_by == "transcript" and split is None:
        counts["genes_in_train_and_validation"] = _n_leaking(features.genes["gene_id"], parts)
    if track_ids is None:
        features, dropped = drop_rare_regulators(features, parts == TRAIN, min_bound_genes)
        counts["dropped_regulators"] = dropped
    counts |= {str(part): int((parts == part).sum()) for part in np.unique(parts)}
    counts["tracks"] = len(features.tracks)
    counts["missing_values"] = int(np.isnan(values).sum())
    logger.info("dataset: %s", counted(counts))
    return Dataset(features, values, tasks, kinds, parts, counts)


def _n_leaking(gene_ids: pd.Series, parts: np.ndarray) -> int:
    """Genes with transcripts in both training and validation."""
    n_genes = len(set(gene_ids[parts == TRAIN]) & set(gene_ids[parts == VALIDATION]))
    logger.warning(
        "split by transcript: %d of %d genes with a validation transcript also train; the validation loss is too low",
        n_genes, gene_ids[parts == VALIDATION].nunique(),
    )  # fmt: skip
    return n_genes


def _match(name: str, ids: Sequence[str], genes: Collection[str]) -> list[str]:
    matched, warning = check_matched(name, ids, genes)
    if warning:
        logger.warning(warning)
    return matched


def _select_biosamples(features: RegulatoryFeatures, biosamples: Collection[str]) -> RegulatoryFeatures:
    wanted = set(biosamples)
    known = set(features.tracks["biosample"])
    unknown = sorted(wanted - known)
    if unknown:
        raise KeyError(
            f"biosamples not in the features: {listed(unknown)}; they hold {listed(sorted(known - {''}), 20)}"
        )
    keep = features.tracks["biosample"].isin(wanted | {""}).to_numpy()
    return features.select(track_ids=[i for i, kept in zip(features.track_ids, keep, strict=True) if kept])


def drop_rare_regulators(
    features: RegulatoryFeatures, is_train: np.ndarray, min_bound_genes: int = MIN_BOUND_GENES
) -> tuple[RegulatoryFeatures, list[str]]:
    """Drop regulators with a site in fewer than `min_bound_genes` training genes.

    A gene counts when any track of the regulator covers a base of it in any region; transcripts count through their
    gene.

    Parameters
    ----------
    features : RegulatoryFeatures
    is_train : np.ndarray of bool, shape (n_rows,)
    min_bound_genes : int

    Returns
    -------
    features : RegulatoryFeatures
        The kept tracks.
    dropped : list of str
        "kind:regulator" of each dropped regulator.

    Raises
    ------
    ValueError
        If nothing is left.
    """
    rows = np.flatnonzero(is_train)
    gene_code = pd.factorize(features.genes["gene_id"].to_numpy()[rows])[0]
    bound = features.totals()[rows] > 0
    regulator = (features.tracks["kind"].astype(str) + ":" + features.tracks["regulator"].astype(str)).to_numpy()
    keep = np.zeros(len(regulator), dtype=bool)
    dropped: list[str] = []
    for name in pd.unique(regulator):
        columns = np.flatnonzero(regulator == name)
        n_bound = len(np.unique(gene_code[bound[:, columns].any(axis=1)]))
        if n_bound >= min_bound_genes:
            keep[columns] = True
        else:
            dropped.append(str(name))
    if not keep.any():
        raise ValueError(
            f"none of the {len(set(regulator))} regulators has a site in {min_bound_genes} training genes; check the "
            "genome build of the sites or lower min_bound_genes"
        )
    if dropped:
        logger.info("dropped %d regulators bound to < %d training genes: %s", len(dropped), min_bound_genes, dropped)
    kept_ids = [i for i, kept in zip(features.track_ids, keep, strict=True) if kept]
    return (features if keep.all() else features.select(track_ids=kept_ids)), dropped


def save_split(dataset: Dataset, path: str | Path) -> None:
    """Write the split as a two-column table, gene_id (or transcript_id) and split."""
    write_table(pd.DataFrame({dataset.features.id_column: dataset.features.ids, "split": dataset.split}), path)
