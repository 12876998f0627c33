"""Transcript usage: does the model know which transcripts of one gene are expressed more than the others?"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from decode.core.checks import check_choice, check_matched, listed
from decode.core.choices import Part
from decode.core.files import versions
from decode.core.shown import shown
from decode.dataset import EXCLUDED, TEST, TRAIN, VALIDATION
from decode.evaluation.baselines import baseline_predictions
from decode.evaluation.evaluate import check_comparable, dataset_of_model, mean_or_nan
from decode.evaluation.predict import predict, predict_members
from decode.expression.targets import GENE_ID, MEDIAN_LEVEL, TRANSCRIPT_ID, check_targets, id_column, task_names
from decode.expression.task_kinds import FOLD_CHANGE, LEVEL, OTHER, kinds_of_tasks
from decode.models.bundle import ModelBundle
from decode.statistics.metrics import spearman_per_task

if TYPE_CHECKING:
    from decode.features.matrix import RegulatoryFeatures

logger = logging.getLogger(__name__)

RESOLUTION = 5  # decimals of log2 units: two transcripts with the same sites differ by rounding only
Float = NDArray[np.float64]


@shown()
class UsageResult(NamedTuple):
    """How well usage is predicted, and the usage itself.

    Attributes
    ----------
    table : pd.DataFrame
        One row a predictor ("model", the baselines, further models), task, task_kind and value ("level": log2 level in
        the task, also median level plus fold change, or the median level; "fold_change", "other": as they are):
        n_transcripts and n_genes with usage, spearman_pooled, spearman_within (mean over genes) and n_genes_within.
    actual, predicted : pd.DataFrame
        transcript_id, gene_id, and the usage of every column of the targets table, log2 units; NaN where a gene has
        fewer than two measured transcripts. Usage of a level is that of median_level plus that of the fold change.
    metrics : dict
        Counts, versions and, under "predictors", the headline figures of each (`summarise_usage`).
    """

    table: pd.DataFrame
    actual: pd.DataFrame
    predicted: pd.DataFrame
    metrics: dict[str, Any]


def usage(values: ArrayLike, gene_ids: Sequence[str]) -> Float:
    """Usage of each transcript: its log2 value minus the mean over its gene's transcripts.

    Parameters
    ----------
    values : array_like, shape (n_transcripts, n_columns)
        log2 units. NaN (not measured) takes no part in the mean.
    gene_ids : sequence of str, shape (n_transcripts,)

    Returns
    -------
    np.ndarray, shape (n_transcripts, n_columns), float64
        log2 units; NaN where not measured or where it is the gene's only measured transcript.

    References
    ----------
    Tasaki et al. 2020 (Nat Mach Intell 2:376), transcript usage on test genes of more than one transcript.

    Examples
    --------
    >>> usage([[5.0], [3.0], [1.0], [7.0]], ["A", "A", "A", "B"]).ravel().tolist()
    [2.0, 0.0, -2.0, nan]
    """
    matrix = np.asarray(values, dtype=np.float64)
    is_measured = np.isfinite(matrix)
    of_gene = _gene_matrix(gene_ids)
    n_measured = of_gene.T @ (of_gene @ is_measured.astype(np.float64))
    total = of_gene.T @ (of_gene @ np.where(is_measured, matrix, 0.0))
    return np.where(is_measured & (n_measured > 1), matrix - total / np.maximum(n_measured, 1), np.nan)


def within_gene_spearman(actual: ArrayLike, predicted: ArrayLike, gene_ids: Sequence[str]) -> tuple[Float, Float]:
    """Mean over genes of the Spearman correlation over a gene's transcripts.

    With two transcripts it is 1 (right order) or -1 (wrong order). A gene whose transcripts are all predicted alike
    counts 0: the model says nothing about it. A gene whose measured values are all equal has no order and is left out.

    Parameters
    ----------
    actual, predicted : array_like, shape (n_transcripts, n_columns)
        Levels or usage, which have the same order within a gene. NaN on either side removes that transcript.
    gene_ids : sequence of str, shape (n_transcripts,)

    Returns
    -------
    mean : np.ndarray, shape (n_columns,), float64
        NaN where no gene has an order.
    n_genes : np.ndarray, shape (n_columns,), float64
        Genes in the mean.

    Examples
    --------
    >>> mean, n_genes = within_gene_spearman([[3], [1], [2], [9]], [[6], [4], [5], [0]], ["A", "A", "A", "B"])
    >>> mean.tolist(), n_genes.tolist()
    ([1.0], [1.0])
    """
    left, right = np.asarray(actual, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    is_complete = np.isfinite(left) & np.isfinite(right)
    of_gene = _gene_matrix(gene_ids)
    codes = pd.factorize(np.asarray(gene_ids, dtype=object))[0]
    n = np.maximum(of_gene @ is_complete.astype(np.float64), 1)
    ranks = []
    for values in (left, np.round(right, RESOLUTION)):
        rank = pd.DataFrame(np.where(is_complete, values, np.nan)).groupby(codes).rank().to_numpy()
        rank = np.where(is_complete, rank, 0.0)
        ranks.append(np.where(is_complete, rank - of_gene.T @ ((of_gene @ rank) / n), 0.0))
    first, second = ranks
    has_order = of_gene @ first**2 > 0
    product = (of_gene @ first**2) * (of_gene @ second**2)
    correlation = np.where(product > 0, of_gene @ (first * second) / np.sqrt(np.where(product > 0, product, 1.0)), 0.0)
    n_genes = has_order.sum(axis=0).astype(np.float64)
    total = np.where(has_order, correlation, 0.0).sum(axis=0)
    return np.where(n_genes > 0, total / np.maximum(n_genes, 1), np.nan), n_genes


def usage_accuracy(actual: pd.DataFrame, predicted: pd.DataFrame, gene_ids: Mapping[str, str]) -> pd.DataFrame:
    """Compare the usage in two tables of transcripts.

    Use it for predictions made elsewhere, or for the planted truth of simulated transcripts: the accuracy of the truth
    against the noisy table is the most that any model can reach.

    Parameters
    ----------
    actual : pd.DataFrame
        Targets table: transcript_id and one column a task, log2 units.
    predicted : pd.DataFrame
        Likewise, with all transcripts and tasks of `actual`; others are left out.
    gene_ids : mapping of transcript_id to gene_id
        The matching rule holds.

    Returns
    -------
    pd.DataFrame
        task, task_kind, value ("level", "fold_change", "other"), n_transcripts, n_genes, spearman_pooled,
        spearman_within, n_genes_within.

    Raises
    ------
    ValueError
        If a table is no targets table, transcripts do not match, tasks or transcripts are missing in `predicted`, or
        no gene has two transcripts.
    """
    check_targets(actual)
    tasks = task_names(actual)
    ids, warning = check_matched("transcripts of the table", list(actual[id_column(actual)]), gene_ids)
    if warning:
        logger.warning(warning)
    other = predicted.set_index(id_column(predicted))
    lacking = [name for name in tasks if name not in other.columns] + [name for name in ids if name not in other.index]
    if lacking:
        raise ValueError(
            f"predictions lack {len(lacking)} tasks or transcripts of the actual table: {listed(lacking)}; predict "
            "the same transcripts and tasks"
        )
    values = actual.set_index(id_column(actual)).loc[ids, tasks].to_numpy(dtype=np.float64)
    genes = [gene_ids[name] for name in ids]
    _check_genes(genes)
    return _accuracy(values, other.loc[ids, tasks].to_numpy(dtype=np.float64), genes, tasks, kinds_of_tasks(actual))


def evaluate_usage(
    bundle: ModelBundle,
    features: RegulatoryFeatures,
    targets: pd.DataFrame,
    *,
    part: Part = "test",
    others: Mapping[str, ModelBundle] | None = None,
) -> UsageResult:
    """Judge how well a transcript model tells the transcripts of one gene apart, on genes that it never saw.

    Parameters
    ----------
    bundle : ModelBundle
        Trained at transcript level.
    features : RegulatoryFeatures
    targets : pd.DataFrame
        The table that it was trained on.
    part : {"test", "validation", "train", "all"}
        Which transcripts to judge. "test" is the held-out chromosome.
    others : mapping of name to ModelBundle, optional
        Further models for the same table.

    Returns
    -------
    UsageResult

    Raises
    ------
    ValueError
        If the model is of genes, features or targets do not fit it, or no gene of the part has two transcripts.

    Notes
    -----
    With y_ij the log2 value of transcript i in task j, usage u_ij = y_ij - mean over the transcripts k of i's gene of
    y_kj, for measured and predicted values alike, over the transcripts that are in both tables ("kept"). Values are
    log2 levels (median level; median level plus fold change in a task) and, apart, the fold changes alone. Levels of
    all tasks share the usage of the median level, so their accuracy is close to its; how usage changes between
    tissues is the accuracy of the fold changes.

    References
    ----------
    Tasaki et al. 2020 (Nat Mach Intell 2:376): 1,485 test genes; pooled Spearman 0.44 for the median level, mean 0.16
    over 53 tissues.
    """
    check_choice("part", part, ("test", "validation", "train", "all"))
    if bundle.features["level"] != "transcript":
        raise ValueError("the model predicts genes, which have no usage; train on features built with level transcript")
    dataset = dataset_of_model(bundle, features, targets)
    rows = np.flatnonzero(np.isin(dataset.split, (TRAIN, VALIDATION, TEST, EXCLUDED) if part == "all" else (part,)))
    genes = [str(gene) for gene in dataset.features.genes[GENE_ID].to_numpy()[rows]]
    if not len(rows):
        raise ValueError(f"no transcript of the {part} part is in both features and targets")
    _check_genes(genes)
    ids = [str(name) for name in dataset.features.ids[rows]]
    actual = dataset.targets[rows].astype(np.float64)
    judged = dataset.features.take(rows)
    predictions = {"model": predict_members(bundle, judged).mean(axis=0, dtype=np.float64)}
    predictions |= {name: values[rows] for name, values in baseline_predictions(dataset).items()}
    for name, other in (others or {}).items():
        check_comparable(name, other, bundle, ids, part)
        predictions[name] = predict(other, features.select(genes=ids))[bundle.tasks].to_numpy()
    parts = [
        _accuracy(actual, values, genes, bundle.tasks, bundle.task_kinds).assign(predictor=name)
        for name, values in predictions.items()
    ]
    table = pd.concat(parts, ignore_index=True)
    table.insert(0, "predictor", table.pop("predictor"))
    n_of_gene = pd.Series(genes).value_counts()
    metrics = {
        "split": part,
        "n_transcripts": len(rows),
        "n_genes": len(n_of_gene),
        "n_genes_with_usage": int((n_of_gene > 1).sum()),
        "n_transcripts_with_usage": int(n_of_gene[n_of_gene > 1].sum()),
        "predictors": {name: summarise_usage(table[table["predictor"] == name]) for name in predictions},
        "architecture": bundle.network.architecture,
        "seeds": bundle.seeds,
        "versions": versions(),
    }
    logger.info(
        "usage of %d transcripts of %d genes", metrics["n_transcripts_with_usage"], metrics["n_genes_with_usage"]
    )
    frames = [_frame(usage(np.where(np.isfinite(actual), values, np.nan), genes), ids, genes, bundle.tasks)
              for values in (actual, predictions["model"])]  # fmt: skip
    return UsageResult(table, frames[0], frames[1], metrics)


def summarise_usage(table: pd.DataFrame) -> dict[str, float]:
    """Headline figures of one predictor: usage of the median level, and means over tasks of levels and fold changes.

    Parameters
    ----------
    table : pd.DataFrame
        task, value, spearman_pooled, spearman_within, as `usage_accuracy` gives it.

    Returns
    -------
    dict
        median_level, level_mean, fold_change_mean and other_mean, where there are such values, each with the suffix
        _pooled or _within; NaN where undefined.
    """
    is_median = table["task"] == MEDIAN_LEVEL
    groups = {
        "median_level": is_median,
        "level_mean": ~is_median & (table["value"] == LEVEL),
        "fold_change_mean": table["value"] == FOLD_CHANGE,
        "other_mean": table["value"] == OTHER,
    }
    return {
        f"{name}_{kind}": mean_or_nan(table.loc[chosen, f"spearman_{kind}"].to_numpy(dtype=np.float64))
        for name, chosen in groups.items()
        if chosen.any()
        for kind in ("pooled", "within")
    }


def _gene_matrix(gene_ids: Sequence[str]) -> sparse.csr_array:
    """1 where a transcript (column) belongs to a gene (row)."""
    codes, names = pd.factorize(np.asarray(gene_ids, dtype=object))
    ones = np.ones(len(codes))
    return sparse.csr_array((ones, (codes, np.arange(len(codes)))), shape=(len(names), len(codes)))


def _check_genes(genes: Iterable[str]) -> None:
    n_of_gene = pd.Series(list(genes), dtype=object).value_counts()
    if not (n_of_gene > 1).any():
        raise ValueError(
            f"none of the {len(n_of_gene)} genes has two transcripts or more, so there is no usage; keep more "
            "transcripts (min_tpm), or judge another part"
        )


def _values(matrix: Float, tasks: Sequence[str], kinds: Sequence[str]) -> dict[tuple[str, str, str], Float]:
    """Columns to judge, by task, its kind and the kind of value."""
    columns = dict(zip(tasks, matrix.T, strict=True))
    found: dict[tuple[str, str, str], Float] = {}
    if MEDIAN_LEVEL in columns:
        found[MEDIAN_LEVEL, MEDIAN_LEVEL, LEVEL] = columns[MEDIAN_LEVEL]
        for task, kind in zip(tasks, kinds, strict=True):
            if kind == FOLD_CHANGE:
                found[task, kind, LEVEL] = columns[MEDIAN_LEVEL] + columns[task]
    for task, kind in zip(tasks, kinds, strict=True):
        if kind != MEDIAN_LEVEL:
            found[task, kind, kind] = columns[task]
    return found


def _accuracy(
    actual: Float, predicted: Float, genes: Sequence[str], tasks: Sequence[str], kinds: Sequence[str]
) -> pd.DataFrame:
    of_value = _values(actual, tasks, kinds)
    measured = np.stack(list(of_value.values()), axis=1)
    guessed = np.stack(list(_values(predicted, tasks, kinds).values()), axis=1)
    guessed = np.where(np.isfinite(measured), guessed, np.nan)  # both means are over the same transcripts
    used, used_guess = usage(measured, genes), usage(guessed, genes)
    within, n_within = within_gene_spearman(used, used_guess, genes)
    has_usage = np.isfinite(used)
    n_genes = (_gene_matrix(genes) @ has_usage.astype(np.float64) > 0).sum(axis=0)
    return pd.DataFrame(
        {
            "task": [task for task, _, _ in of_value],
            "task_kind": [kind for _, kind, _ in of_value],
            "value": [value for _, _, value in of_value],
            "n_transcripts": has_usage.sum(axis=0),
            "n_genes": n_genes,
            "spearman_pooled": spearman_per_task(used, np.round(used_guess, RESOLUTION)),
            "spearman_within": within,
            "n_genes_within": n_within.astype(np.int64),
        }
    )


def _frame(values: Float, ids: Sequence[str], genes: Sequence[str], tasks: Sequence[str]) -> pd.DataFrame:
    frame = pd.DataFrame(values, columns=list(tasks))
    frame.insert(0, TRANSCRIPT_ID, list(ids))
    frame.insert(1, GENE_ID, list(genes))
    return frame
