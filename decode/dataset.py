"""Features x targets x split: which genes train, which choose, which are held out, and what the networks are fed."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from decode.core.checks import check_columns, check_matched, check_positive, check_unique, listed
from decode.core.files import open_text, write_table
from decode.core.ids import strip_version
from decode.expression.targets import GENE_ID, MEDIAN_LEVEL, check_targets, numeric_values, task_names

if TYPE_CHECKING:
    from decode.features.matrix import RegulatoryFeatures

logger = logging.getLogger(__name__)

TRAIN, VALIDATION, TEST, EXCLUDED = "train", "validation", "test", "excluded"
MIN_BOUND_GENES = 30  # Tasaki 2020, Methods: regulators with at least 30 genes; here counted on training genes only
VALIDATION_SHARE = 0.1  # Tasaki 2020, Methods: 2,472 of 24,723 genes
MIN_GENES = {TRAIN: 20, VALIDATION: 3, TEST: 3}


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
    split : np.ndarray of str, shape (n_rows,)
        "train", "validation", "test" or "excluded" (related to a held-out gene by a group file).
    counts : dict
        What was matched, left out and dropped.
    """

    features: RegulatoryFeatures
    targets: np.ndarray
    tasks: list[str]
    split: np.ndarray
    counts: dict[str, Any]

    def rows(self, part: str) -> np.ndarray:
        """Row numbers of one part of the split."""
        return np.flatnonzero(self.split == part)

    @property
    def fold_change_tasks(self) -> np.ndarray:
        """Whether each task is a fold change (every column but the reserved median level), shape (n_tasks,)."""
        return np.array([task != MEDIAN_LEVEL for task in self.tasks])

    @property
    def ids_by_split(self) -> dict[str, list[str]]:
        """Row ids of each part."""
        return {str(part): [str(i) for i in self.features.ids[self.rows(part)]] for part in np.unique(self.split)}


def make_split(
    genes: pd.DataFrame,
    *,
    test_chromosome: str | Collection[str] = "chr1",
    validation_share: float = VALIDATION_SHARE,
    seed: int = 0,
    groups: Mapping[str, str] | None = None,
) -> np.ndarray:
    """Hold one chromosome out and split the other genes at random into training and validation.

    Transcripts of one gene always stay together. With `groups`, so do the members of a group (a paralogue family): a
    group is wholly training or wholly validation, and members of a group that also has a gene on the test chromosome
    are "excluded".

    Parameters
    ----------
    genes : pd.DataFrame
        Columns gene_id and chrom, one row a gene or transcript.
    test_chromosome : str or collection of str
        Held out whole. Tasaki 2020 holds out chr1.
    validation_share : float
        Share of the remaining genes, in (0, 1).
    seed : int
        Seed of the random part.
    groups : mapping of gene_id to group name, optional
        Genes that it lacks are groups of their own; genes that the table lacks play no part.

    Returns
    -------
    np.ndarray of str, shape (n_rows,)

    Raises
    ------
    ValueError
        If the test chromosome holds no gene, no gene of the table has a group, or a part holds too few genes.

    Examples
    --------
    >>> genes = pd.DataFrame({"gene_id": [f"G{i}" for i in range(60)], "chrom": ["chr1"] * 20 + ["chr2"] * 40})
    >>> parts, counts = np.unique(make_split(genes), return_counts=True)
    >>> [(str(part), int(count)) for part, count in zip(parts, counts)]
    [('test', 20), ('train', 36), ('validation', 4)]
    """
    check_columns("genes", genes, ["gene_id", "chrom"])
    check_positive("validation_share", validation_share)
    if validation_share >= 1:
        raise ValueError(f"validation_share is {validation_share}; a share below 1 is wanted")
    wanted = {test_chromosome} if isinstance(test_chromosome, str) else set(test_chromosome)
    present = genes["chrom"].astype(str)
    absent = sorted(wanted - set(present))
    if absent:
        raise ValueError(
            f"test chromosome {listed(absent)} holds no gene; "
            f"chromosomes with genes are {listed(sorted(set(present)), 10)}"
        )
    gene_ids = genes["gene_id"].astype(str)
    group = gene_ids if groups is None else _group_of(gene_ids, groups)
    is_test = present.isin(wanted).to_numpy()
    test_groups = set(group[is_test])
    is_excluded = ~is_test & group.isin(test_groups).to_numpy()
    rest = sorted(set(group[~is_test & ~is_excluded]))
    rng = np.random.default_rng(seed)
    n_validation = min(len(rest), max(1, round(validation_share * len(rest))))
    validation_groups = {rest[i] for i in rng.permutation(len(rest))[:n_validation]}
    split = np.where(group.isin(validation_groups).to_numpy(), VALIDATION, TRAIN).astype(object)
    split[is_test] = TEST
    split[is_excluded] = EXCLUDED
    for part, least in MIN_GENES.items():
        n_genes = gene_ids[split == part].nunique()
        if n_genes < least:
            raise ValueError(
                f"the {part} part holds {n_genes} genes; at least {least} are needed. Use more genes, another test "
                "chromosome or another validation share"
            )
    return split.astype(str)


def _group_of(gene_ids: pd.Series, groups: Mapping[str, str]) -> pd.Series:
    """Group of every gene; a gene without one stands alone, also where a group bears its name."""
    has_group = gene_ids.isin(set(groups))
    if not has_group.any():
        raise ValueError(
            f"none of the {len(groups)} genes with a group is among the {gene_ids.nunique()} genes to split "
            f"({listed(gene_ids, 3)}); use the same gene ids, or leave the groups out"
        )
    return gene_ids.map(lambda gene: f"group {groups[gene]}" if gene in groups else f"gene {gene}")


def prepare_dataset(
    features: RegulatoryFeatures,
    targets: pd.DataFrame,
    *,
    test_chromosome: str | Collection[str] = "chr1",
    validation_share: float = VALIDATION_SHARE,
    seed: int = 0,
    biosamples: Collection[str] | None = None,
    min_bound_genes: int = MIN_BOUND_GENES,
    groups: Mapping[str, str] | None = None,
    split: Mapping[str, str] | None = None,
    track_ids: Sequence[str] | None = None,
) -> Dataset:
    """Join features with targets, split the genes, and drop regulators that too few training genes carry.

    Parameters
    ----------
    features : RegulatoryFeatures
    targets : pd.DataFrame
        Targets table: gene_id (at transcript level it holds transcript ids) and one column a task, log2 units; NaN
        allowed.
    test_chromosome, validation_share, seed, groups
        As in `make_split`. The matching rule holds for `groups` too.
    biosamples : collection of str, optional
        Keep tracks of these biosamples and tracks without one.
    min_bound_genes : int
        Regulators with a site in fewer training genes are dropped with all their tracks.
    split : mapping of row id to part, optional
        A split made before, used as it is; rows that it lacks are left out.
    track_ids : sequence of str, optional
        Exactly these tracks in this order (of a trained model); switches the regulator filter off.

    Returns
    -------
    Dataset

    Raises
    ------
    ValueError
        If the ids do not match (matching rule), the split is impossible, or no track is left.
    KeyError
        If `track_ids` or `biosamples` are not in the features.
    """
    check_targets(targets)
    tasks = task_names(targets)
    matched = set(_match("targets", list(targets[GENE_ID]), features.ids))
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
    values = numeric_values(targets.set_index(GENE_ID).loc[ids], "targets").astype(np.float32)
    parts = (
        np.array([split[i] for i in ids], dtype=str)
        if split is not None
        else make_split(
            features.genes,
            test_chromosome=test_chromosome,
            validation_share=validation_share,
            seed=seed,
            groups=groups,
        )
    )
    if track_ids is None:
        features, dropped = drop_rare_regulators(features, parts == TRAIN, min_bound_genes)
        counts["dropped_regulators"] = dropped
    counts |= {str(part): int((parts == part).sum()) for part in np.unique(parts)}
    counts["tracks"] = len(features.tracks)
    counts["missing_values"] = int(np.isnan(values).sum())
    logger.info("dataset: %s", {k: len(v) if isinstance(v, list) else v for k, v in counts.items()})
    return Dataset(features, values, tasks, parts, counts)


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


def pooled_inputs(features: RegulatoryFeatures, n_first_bins: Mapping[str, int]) -> dict[str, np.ndarray]:
    """Per-gene sums that the pooled view of a network takes.

    Parameters
    ----------
    features : RegulatoryFeatures
    n_first_bins : mapping of region name to int
        How many first bins follow the total.

    Returns
    -------
    dict of region name to np.ndarray, shape (n_rows, 1 + n_first_bins, 1 + n_tracks of the region), float32
        Bases. Channel 0 is the occupancy.
    """
    inputs = {}
    for region in features.regions:
        total = features.totals(region)
        n_first = n_first_bins.get(region, 0)
        pooled = np.zeros((len(total), 1 + n_first, 1 + total.shape[1]), dtype=np.float32)
        pooled[:, 0, 0] = features.lengths(region)
        pooled[:, 0, 1:] = total
        if n_first:
            pooled[:, 1:, 0] = _first_lengths(features, region, n_first)
            pooled[:, 1:, 1:] = features.first_bins(region, n_first)
        inputs[region] = pooled
    return inputs


def _first_lengths(features: RegulatoryFeatures, region: str, n_first: int) -> np.ndarray:
    matrix = features.regions[region]
    rows = matrix.offsets[:-1, None] + np.arange(n_first)
    inside = rows < matrix.offsets[1:, None]
    return np.where(inside, matrix.bin_length_bp[np.where(inside, rows, 0)], 0).astype(np.float32)


def bins_inputs(
    features: RegulatoryFeatures, rows: np.ndarray, *, n_bins: Mapping[str, int] | None = None
) -> dict[str, np.ndarray]:
    """Raw bins of some genes, as the full view of a network takes them.

    Parameters
    ----------
    features : RegulatoryFeatures
    rows : np.ndarray of int
    n_bins : mapping of region name to int, optional
        Bins to pad to on the 3' end; the longest of `rows` where absent.

    Returns
    -------
    dict of region name to np.ndarray, shape (len(rows), n_bins, 1 + n_tracks of the region), float32
    """
    inputs = {}
    for region in features.regions:
        values, length_bp = features.dense(region, rows, n_bins=(n_bins or {}).get(region))
        inputs[region] = np.concatenate([length_bp[:, :, None], values], axis=2)
    return inputs


def read_groups(path: str | Path) -> dict[str, str]:
    """Read which genes belong together (a paralogue family), so that a split keeps them on one side.

    Parameters
    ----------
    path : str or Path
        Tab-separated text, plain or gzip: gene_id (version ignored) and group, without header or with one whose first
        column is gene_id. Further columns are ignored.

    Returns
    -------
    dict of gene_id to group name

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it holds no gene, a line lacks the gene or its group, or a gene is there twice.
    """
    with open_text(path, "group file") as handle:
        lines = [(number, line.rstrip("\r\n").split("\t")) for number, line in enumerate(handle, 1) if line.strip()]
    rows = [(number, [cell.strip() for cell in cells[:2]]) for number, cells in lines if not cells[0].startswith("#")]
    if rows and rows[0][1][0].lower() in {"gene_id", "gene"}:
        rows = rows[1:]
    short = [number for number, cells in rows if len(cells) < 2 or not all(cells)]
    if short:
        raise ValueError(
            f"group file {path} lacks a gene or its group in line {listed(short)}; write gene_id<TAB>group"
        )
    if not rows:
        raise ValueError(f"group file {path} holds no gene; write one line gene_id<TAB>group a gene")
    genes = strip_version(cells[0] for _, cells in rows)
    check_unique(f"genes of the group file {path}", genes)
    return dict(zip(genes, (cells[1] for _, cells in rows), strict=True))


def save_split(dataset: Dataset, path: str | Path) -> None:
    """Write the split as a two-column table, gene_id (or transcript_id) and split."""
    write_table(pd.DataFrame({dataset.features.id_column: dataset.features.ids, "split": dataset.split}), path)
