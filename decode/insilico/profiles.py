"""Correlation of many altered profiles of one gene with the profile of its partner, over tasks."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from decode.core.checks import check_choice
from decode.core.choices import Correlation

Float = NDArray[np.float64]
METHODS = ("spearman", "pearson")


def profile_correlations(profiles: ArrayLike, partner: ArrayLike, *, method: Correlation = "spearman") -> Float:
    """Correlation of each profile with the partner's.

    Parameters
    ----------
    profiles : array, shape (n, n_tasks)
    partner : array, shape (n_tasks,)
    method : {"spearman", "pearson"}

    Returns
    -------
    float64 array, shape (n,)
        NaN where a profile or the partner is constant.

    Examples
    --------
    >>> profile_correlations([[1, 2, 3], [3, 2, 1], [5, 5, 5]], [1, 4, 9])
    array([ 1., -1., nan])
    """
    check_choice("method", method, METHODS)
    rows, other = np.asarray(profiles), np.asarray(partner)
    left = _ranks(rows) if method == "spearman" else rows.astype(np.float64)
    right = rankdata(other) if method == "spearman" else other.astype(np.float64)
    centred = left - left.mean(axis=1, keepdims=True)
    along = right - right.mean()
    size = np.sqrt(np.einsum("nt,nt->n", centred, centred) * (along @ along))
    is_constant = (rows.max(axis=1) == rows.min(axis=1)) | (other.max() == other.min())
    result: Float = np.where(is_constant, np.nan, (centred @ along) / np.where(size > 0, size, 1.0))
    return np.clip(result, -1.0, 1.0)


def _ranks(rows: NDArray[np.floating]) -> Float:
    """Ranks along each row; ties, which are rare in predictions, get their average."""
    order = np.argsort(rows, axis=1)
    ranks = np.empty(rows.shape)
    np.put_along_axis(ranks, order, np.broadcast_to(np.arange(1.0, rows.shape[1] + 1), rows.shape), axis=1)
    ordered = np.take_along_axis(rows, order, axis=1)
    tied = np.flatnonzero((ordered[:, 1:] == ordered[:, :-1]).any(axis=1))
    if len(tied):
        ranks[tied] = rankdata(rows[tied], axis=1)
    return ranks


def resampled_correlations(
    profiles: ArrayLike, partner: ArrayLike, weights: ArrayLike, *, method: Correlation = "spearman"
) -> Float:
    """Correlations over tasks that were drawn with replacement, ranked anew in every resample.

    Parameters
    ----------
    profiles : array, shape (n, n_tasks)
    partner : array, shape (n_tasks,)
    weights : int array, shape (n_resamples, n_tasks)
        How often each task was drawn.
    method : {"spearman", "pearson"}

    Returns
    -------
    float64 array, shape (n_resamples, n)

    Notes
    -----
    A task drawn w times is w tied values: the mid-rank of a sorted profile is the sum of the weights before it and half
    of its own, so that one sort serves all resamples.

    Examples
    --------
    >>> resampled_correlations([[1.0, 2, 3]], [1.0, 4, 2], [[1, 1, 1], [2, 1, 0]]).round(3).ravel().tolist()
    [0.5, 1.0]
    """
    check_choice("method", method, METHODS)
    rows, other = np.asarray(profiles, dtype=np.float64), np.asarray(partner, dtype=np.float64)
    drawn = np.asarray(weights, dtype=np.float64)
    order = np.argsort(rows, axis=1, kind="stable")
    partner_order = np.argsort(other, kind="stable")
    result = np.empty((len(drawn), len(rows)))
    for number, weight in enumerate(drawn):
        total, along = weight.sum(), other
        if method == "spearman":
            along = np.empty(len(other))
            along[partner_order] = _mid_ranks(weight[partner_order])
            left, chosen = _mid_ranks(weight[order]), order
        else:
            left, chosen = np.take_along_axis(rows, order, axis=1), order
        weight_of, right = weight[chosen], along[chosen]
        left = left - (weight_of * left).sum(axis=1, keepdims=True) / total
        right = right - weight @ along / total
        product, left_square = ((weight_of * left * part).sum(axis=1) for part in (right, left))
        size = np.sqrt(left_square * (weight_of * right * right).sum(axis=1))
        result[number] = np.where(size > 0, product / np.where(size > 0, size, 1.0), np.nan)
    return np.clip(result, -1.0, 1.0)


def _mid_ranks(weight: Float) -> Float:
    ranks: Float = np.cumsum(weight, axis=-1) - weight / 2
    return ranks
