"""How well predictions agree with measurements: correlations, error and AUROC, each with its definition.

Every function takes plain arrays, never changes them, and gives NaN where a number is undefined (constant input, or
fewer than three complete pairs for a correlation). A missing value (NaN) on either side removes that pair only.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri
from scipy.stats import rankdata

Float = NDArray[np.float64]
Mask = NDArray[np.bool_]

MIN_PAIRS = 3  # two points always lie on a line: a correlation of them says nothing


class AurocResult(NamedTuple):
    """Area under the ROC curve with its DeLong confidence interval; NaN where undefined."""

    auc: float
    low: float
    high: float


def _matrix(name: str, values: ArrayLike) -> Float:
    matrix = np.asarray(values, dtype=np.float64)
    if matrix.ndim == 1:
        matrix = matrix[:, None]
    if matrix.ndim != 2:
        raise ValueError(f"{name} has {matrix.ndim} axes; a (gene, task) matrix is wanted")
    return matrix


def _pair(actual: ArrayLike, predicted: ArrayLike, *, same_tasks: bool = True) -> tuple[Float, Float]:
    left, right = _matrix("actual", actual), _matrix("predicted", predicted)
    if left.shape[0] != right.shape[0] or (same_tasks and left.shape[1] != right.shape[1]):
        raise ValueError(
            f"actual has shape {left.shape} and predicted {right.shape}; align both to the same "
            f"{'genes and tasks' if same_tasks else 'genes'} first"
        )
    return left, right


def _patterns(present: Mask) -> Iterator[tuple[NDArray[np.intp], Mask]]:
    """Columns that share one pattern of present rows, with that pattern: they are ranked in one call."""
    if present.all():
        yield np.arange(present.shape[1]), np.ones(present.shape[0], dtype=bool)
        return
    packed = np.packbits(present, axis=0).T
    _, first, inverse = np.unique(packed, axis=0, return_index=True, return_inverse=True)
    for pattern, column in enumerate(first):
        yield np.flatnonzero(inverse.reshape(-1) == pattern), present[:, column]


def _unit_columns(values: Float) -> Float:
    """Columns centred and scaled to length 1, so that a dot product is Pearson's r; constant columns become NaN."""
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        scale = np.abs(values).max(axis=0)
        scaled = values / np.where(scale > 0, scale, 1.0)  # very large or small numbers survive squaring
        centred = scaled - scaled.mean(axis=0)
        centred[:, values.max(axis=0) == values.min(axis=0)] = np.nan
        result: Float = centred / np.sqrt((centred**2).sum(axis=0))
        return result


def _correlation(actual: Float, predicted: Float, *, ranked: bool) -> Float:
    result = np.full(actual.shape[1], np.nan)
    for columns, rows in _patterns(~(np.isnan(actual) | np.isnan(predicted))):
        if rows.sum() < MIN_PAIRS:
            continue
        left, right = actual[np.ix_(rows, columns)], predicted[np.ix_(rows, columns)]
        if ranked:
            left, right = rankdata(left, axis=0), rankdata(right, axis=0)
        result[columns] = (_unit_columns(left) * _unit_columns(right)).sum(axis=0)
    values: Float = np.clip(result, -1.0, 1.0)
    return values


def spearman_per_task(actual: ArrayLike, predicted: ArrayLike) -> Float:
    """Spearman's rank correlation over genes, one number a task.

    Ties get their average rank. Genes missing on either side are left out of that task only.

    Parameters
    ----------
    actual, predicted : array_like, shape (n_genes, n_tasks)
        Measured and predicted values in any unit; a vector is one task.

    Returns
    -------
    np.ndarray, shape (n_tasks,), float64
        NaN where a side is constant or fewer than three complete pairs remain.

    Raises
    ------
    ValueError
        If the shapes differ.

    References
    ----------
    Spearman C. (1904) Am J Psychol 15:72, as Pearson's r of average ranks. Tasaki et al. 2020 report it over test
    genes.

    Examples
    --------
    >>> spearman_per_task([[1, 5], [2, 5], [3, 5]], [[10, 1], [30, 2], [20, 3]])
    array([0.5, nan])
    """
    return _correlation(*_pair(actual, predicted), ranked=True)


def pearson_per_task(actual: ArrayLike, predicted: ArrayLike) -> Float:
    """Pearson's correlation over genes, one number a task.

    Parameters
    ----------
    actual, predicted : array_like, shape (n_genes, n_tasks)

    Returns
    -------
    np.ndarray, shape (n_tasks,), float64
        NaN where a side is constant, infinite, or fewer than three complete pairs remain.

    Raises
    ------
    ValueError
        If the shapes differ.

    Examples
    --------
    >>> pearson_per_task([1, 2, 3], [2, 4, 6]).round(6)
    array([1.])
    """
    return _correlation(*_pair(actual, predicted), ranked=False)


def rmse_per_task(actual: ArrayLike, predicted: ArrayLike) -> Float:
    """Root mean squared error over genes, one number a task, in the unit of the task.

    Parameters
    ----------
    actual, predicted : array_like, shape (n_genes, n_tasks)

    Returns
    -------
    np.ndarray, shape (n_tasks,), float64
        sqrt(mean((actual - predicted)**2)) over complete pairs; NaN where there is none.

    Raises
    ------
    ValueError
        If the shapes differ.

    Examples
    --------
    >>> rmse_per_task([1, 2], [1, 4]).round(6)
    array([1.414214])
    """
    left, right = _pair(actual, predicted)
    with np.errstate(invalid="ignore", over="ignore"):
        squared = (left - right) ** 2
    present = ~(np.isnan(left) | np.isnan(right))
    n_pairs = present.sum(axis=0)
    total = np.where(present, squared, 0.0).sum(axis=0)
    return np.where(n_pairs > 0, np.sqrt(total / np.maximum(n_pairs, 1)), np.nan)


def spearman_per_gene(actual: ArrayLike, predicted: ArrayLike) -> Float:
    """Spearman's rank correlation over tasks, one number a gene: is the gene's profile predicted?

    Parameters
    ----------
    actual, predicted : array_like, shape (n_genes, n_tasks)

    Returns
    -------
    np.ndarray, shape (n_genes,), float64
        NaN where a side is constant or fewer than three complete pairs remain.

    Raises
    ------
    ValueError
        If the shapes differ.

    Examples
    --------
    >>> spearman_per_gene([[1, 2, 3]], [[3, 2, 1]]).round(6)
    array([-1.])
    """
    left, right = _pair(actual, predicted)
    return _correlation(left.T, right.T, ranked=True)


def pearson_per_gene(actual: ArrayLike, predicted: ArrayLike) -> Float:
    """Pearson's correlation over tasks (persons, tissues), one number a gene.

    Parameters
    ----------
    actual, predicted : array_like, shape (n_genes, n_tasks)

    Returns
    -------
    np.ndarray, shape (n_genes,), float64
        NaN where a side is constant, infinite, or fewer than three complete pairs remain.

    Raises
    ------
    ValueError
        If the shapes differ.

    Examples
    --------
    >>> pearson_per_gene([[1, 2, 3]], [[3, 2, 1]]).round(6)
    array([-1.])
    """
    left, right = _pair(actual, predicted)
    return _correlation(left.T, right.T, ranked=False)


def cross_spearman(actual: ArrayLike, predicted: ArrayLike) -> Float:
    """Spearman's correlation of every predicted task with every measured task, over genes.

    On a heatmap of this matrix a model that learned what is specific to a tissue has its highest value on the diagonal.

    Parameters
    ----------
    actual : array_like, shape (n_genes, n_actual)
    predicted : array_like, shape (n_genes, n_predicted)

    Returns
    -------
    np.ndarray, shape (n_predicted, n_actual), float64
        Row = predicted task, column = measured task; pairwise complete; NaN where undefined.

    Raises
    ------
    ValueError
        If the numbers of genes differ.

    References
    ----------
    Tasaki et al. 2020, predicted-by-actual tissue heatmap.

    Examples
    --------
    >>> cross_spearman([[1, 3], [2, 2], [3, 1]], [[1, 3], [2, 2], [3, 1]]).round(6)
    array([[ 1., -1.],
           [-1.,  1.]])
    """
    return _cross(*_pair(actual, predicted, same_tasks=False), ranked=True)


def cross_pearson(actual: ArrayLike, predicted: ArrayLike) -> Float:
    """Pearson's correlation of every predicted column with every measured column, over rows; as `cross_spearman`.

    Examples
    --------
    >>> cross_pearson([[1, 3], [2, 2], [3, 1]], [[1], [2], [3]]).round(6)
    array([[ 1., -1.]])
    """
    return _cross(*_pair(actual, predicted, same_tasks=False), ranked=False)


def _cross(left: Float, right: Float, *, ranked: bool) -> Float:
    """Correlation of every right with every left column, shape (n_right, n_left)."""
    result = np.full((right.shape[1], left.shape[1]), np.nan)
    for left_columns, left_rows in _patterns(~np.isnan(left)):
        for right_columns, right_rows in _patterns(~np.isnan(right)):
            rows = left_rows & right_rows
            if rows.sum() < MIN_PAIRS:
                continue
            own, other = left[np.ix_(rows, left_columns)], right[np.ix_(rows, right_columns)]
            if ranked:
                own, other = rankdata(own, axis=0), rankdata(other, axis=0)
            result[np.ix_(right_columns, left_columns)] = _unit_columns(other).T @ _unit_columns(own)
    values: Float = np.clip(result, -1.0, 1.0)
    return values


def auroc_delong(labels: ArrayLike, scores: ArrayLike, *, level: float = 0.95) -> AurocResult:
    """Area under the ROC curve with DeLong's confidence interval.

    A higher score means class 1. Ties count half. The interval is normal, AUC +- z * SD, cut to [0, 1]; at an AUC of
    exactly 0 or 1 it has no width and says nothing.

    Parameters
    ----------
    labels : array_like, shape (n,)
        1 or True for the class looked for, 0 or False for the other.
    scores : array_like, shape (n,)
        NaN scores are left out with their labels.
    level : float, default 0.95
        Coverage of the interval.

    Returns
    -------
    AurocResult
        auc, low, high. All NaN when a class is absent; the limits are NaN when a class has a single member.

    Raises
    ------
    ValueError
        If the lengths differ, a label is neither 0 nor 1, or the level lies outside (0, 1).

    References
    ----------
    DeLong et al. (1988) Biometrics 44:837, equations 4-6, computed by midranks after Sun & Xu (2014)
    IEEE Signal Process Lett 21:1389.

    Examples
    --------
    >>> [round(value, 6) for value in auroc_delong([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])]
    [0.75, 0.057048, 1.0]
    """
    truth, score = np.asarray(labels).reshape(-1), np.asarray(scores, dtype=np.float64).reshape(-1)
    if truth.shape != score.shape:
        raise ValueError(f"labels have {truth.size} values and scores {score.size}; one label a score is wanted")
    if not np.isin(truth, (0, 1)).all():
        raise ValueError("labels hold values other than 0 and 1; turn them into two classes first")
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; a number between 0 and 1 is wanted, such as 0.95")
    measured = ~np.isnan(score)
    positive = score[measured & (truth == 1)]
    negative = score[measured & (truth == 0)]
    if not positive.size or not negative.size:
        return AurocResult(np.nan, np.nan, np.nan)
    ranks = rankdata(np.concatenate([positive, negative]))
    # share of the other class that each member beats (ties half): the placement values V10 and V01 of DeLong
    placement_positive = (ranks[: positive.size] - rankdata(positive)) / negative.size
    placement_negative = 1 - (ranks[positive.size :] - rankdata(negative)) / positive.size
    auc = float(placement_positive.mean())
    if positive.size < 2 or negative.size < 2:
        return AurocResult(auc, np.nan, np.nan)
    variance = placement_positive.var(ddof=1) / positive.size + placement_negative.var(ddof=1) / negative.size
    margin = float(ndtri(0.5 + level / 2) * np.sqrt(variance))
    return AurocResult(auc, max(auc - margin, 0.0), min(auc + margin, 1.0))
