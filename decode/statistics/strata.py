"""Strata: groups of like genes or regulators, cut by quantiles, and random orders that stay within them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from decode.core.checks import check_count

Int = NDArray[np.int64]
MAX_STRATA = 5  # a kind
MIN_STRATUM = 50  # regulators: 20 refits of 50 reach p = 1/1001


def quantile_groups(values: ArrayLike, n_groups: int, *, is_larger_first: bool = False) -> Int:
    """Cut rows into groups of like size by the order of their values; equal values are ordered as they stand.

    Parameters
    ----------
    values : array, shape (n_rows,)
    n_groups : int
        Some groups are empty where there are fewer rows.
    is_larger_first : bool, default False
        Group sizes differ by one where `n_groups` does not divide the rows. False: the larger groups are spread evenly
        (group of the i-th row = floor(i n_groups / n_rows)). True: they come first, as `numpy.array_split` cuts.

    Returns
    -------
    int64 array, shape (n_rows,)
        0 for the smallest values, up to `n_groups` - 1.

    Raises
    ------
    ValueError
        If `n_groups` is below 1.

    Examples
    --------
    >>> quantile_groups([7, 1, 9, 3], 2).tolist()
    [1, 0, 1, 0]
    >>> quantile_groups(range(7), 5).tolist(), quantile_groups(range(7), 5, is_larger_first=True).tolist()
    ([0, 0, 1, 2, 2, 3, 4], [0, 0, 1, 1, 2, 3, 4])
    """
    check_count("n_groups", n_groups)
    order = np.argsort(np.asarray(values), kind="stable")
    n_rows = len(order)
    groups = np.empty(n_rows, dtype=np.int64)
    if is_larger_first:
        groups[order] = np.repeat(np.arange(n_groups), [len(rows) for rows in np.array_split(order, n_groups)])
    else:
        groups[order] = np.arange(n_rows) * n_groups // max(n_rows, 1)
    return groups


def quantile_strata(
    columns: Sequence[ArrayLike],
    n_quantiles: Sequence[int],
    *,
    within: ArrayLike | None = None,
    is_larger_first: bool = False,
) -> Int:
    """Strata of like genes: quantiles of the first column, within each quantiles of the second, and so on.

    Parameters
    ----------
    columns : sequence of array, shape (n_genes,)
    n_quantiles : sequence of int
        One a column.
    within : array, shape (n_genes,), optional
        Groups that are kept apart (parts of a split, kinds): the first column is cut within each.
    is_larger_first : bool, default False
        As in `quantile_groups`.

    Returns
    -------
    int64 array, shape (n_genes,)

    Raises
    ------
    ValueError
        If there is not one number a column, or a number is below 1.

    Examples
    --------
    >>> quantile_strata([[1, 2, 3, 4], [9, 1, 5, 7]], [2, 2]).tolist()
    [1, 0, 2, 3]
    >>> quantile_strata([[1, 2, 3, 4]], [2], within=["b", "a", "b", "a"]).tolist()
    [2, 0, 3, 1]
    """
    first = np.zeros(len(np.asarray(columns[0])), dtype=np.int64) if within is None else np.asarray(within)
    strata = np.unique(first, return_inverse=True)[1].astype(np.int64)
    for values, n in zip(columns, n_quantiles, strict=True):
        check_count("n_quantiles", n)
        finer = np.empty_like(strata)
        for stratum in np.unique(strata):
            rows = np.flatnonzero(strata == stratum)
            finer[rows] = stratum * n + quantile_groups(np.asarray(values)[rows], n, is_larger_first=is_larger_first)
        strata = finer
    return strata


def bound_gene_strata(
    kind: ArrayLike, n_bound_genes: ArrayLike, *, max_strata: int = MAX_STRATA, min_size: int = MIN_STRATUM
) -> Int:
    """Group regulators of one kind that are bound to like numbers of genes: their null scores are pooled.

    Parameters
    ----------
    kind : array of str, shape (n_regulators,)
        TF, RBP, miRNA or other.
    n_bound_genes : array of int, shape (n_regulators,)
    max_strata : int, default 5
        Most strata of one kind.
    min_size : int, default 50
        A kind is cut into quantiles of the bound genes only as far as each keeps so many regulators. The fewer in a
        stratum, the larger the least p-value, 1 / (1 + n_refits * size).

    Returns
    -------
    int64 array, shape (n_regulators,)
        Number of the stratum. Regulators bound to equally many genes may fall into neighbouring strata.

    Examples
    --------
    >>> bound_gene_strata(["TF", "TF", "RBP", "TF", "TF"], [10, 900, 30, 800, 20], min_size=2).tolist()
    [1, 2, 0, 2, 1]
    """
    check_count("max_strata", max_strata)
    check_count("min_size", min_size)
    kinds = np.asarray(kind, dtype=object).astype(str)
    bound = np.asarray(n_bound_genes)
    if kinds.ndim != 1 or kinds.shape != bound.shape:
        raise ValueError(f"kind has shape {kinds.shape} and n_bound_genes {bound.shape}; one of each a regulator")
    strata = np.zeros(len(kinds), dtype=np.int64)
    first = 0
    for name in np.unique(kinds):
        members = np.flatnonzero(kinds == name)
        n_strata = int(np.clip(len(members) // min_size, 1, max_strata))
        strata[members] = first + quantile_groups(bound[members], n_strata)
        first += n_strata
    return strata


def permuted_within(strata: ArrayLike, rng: np.random.Generator) -> Int:
    """Row numbers in one random order, shape (n_rows,); rows change places within their stratum only.

    Strata are permuted one after the other, in their sorted order. `shuffled_within` draws many orders faster.

    Examples
    --------
    >>> permuted_within(["b", "a", "b"], np.random.default_rng(0)).tolist()
    [0, 1, 2]
    """
    code = np.asarray(strata)
    order = np.arange(len(code))
    for stratum in np.unique(code):
        rows = np.flatnonzero(code == stratum)
        order[rows] = rng.permutation(rows)
    return order


def shuffled_within(strata: Int, n: int, rng: np.random.Generator) -> Int:
    """Row numbers in `n` random orders, shape (n, n_rows); rows change places within their stratum only.

    Every order is equally likely, also the given one: a row may keep its place.

    Examples
    --------
    >>> shuffled_within(np.array([0, 0, 1]), 4, np.random.default_rng(0))[:, 2].tolist()
    [2, 2, 2, 2]
    """
    order = np.argsort(strata, kind="stable")
    moved = np.empty((n, len(strata)), dtype=np.int64)
    for number in range(n):
        # sorted by stratum, and at random within it: the k-th place of a stratum receives its k-th row in this order
        moved[number, order] = np.lexsort((rng.random(len(strata)), strata))
    return moved
