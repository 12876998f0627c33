"""How much of the variance of a number each of several terms explains, though the terms go together."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from math import factorial

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

MOST_TERMS = 12  # 2^12 regressions


def relative_importance(y: ArrayLike, terms: Mapping[str, ArrayLike]) -> pd.DataFrame:
    """Share of the variance that each term explains, averaged over all orders in which the terms can be added (lmg).

    Parameters
    ----------
    y : array_like, shape (n,)
        NaN rows are left out, as are rows in which a term is NaN.
    terms : mapping of name to array_like, shape (n,) or (n, n_columns)
        At most 12; the columns of one term (classes, for instance) go in together.

    Returns
    -------
    pd.DataFrame
        term, share (of the variance of y; they sum to R2), alone (R2 of the term by itself), last (what it adds to all
        others), r2 (of all terms together), n. All NaN where y is constant.

    Raises
    ------
    ValueError
        If there is no term, there are more than 12, lengths differ, or there are no more rows than columns.

    Notes
    -----
    With S the terms before k in an order, share_k is the mean over all p! orders of R2(S + k) - R2(S); by sets,
    sum over S of |S|! (p - |S| - 1)! / p! (R2(S + k) - R2(S)).

    References
    ----------
    Lindeman, Merenda and Gold 1980; Groemping 2006, J Stat Softw 17:1 (R package relaimpo), as in Tasaki et al. 2020.

    Examples
    --------
    >>> x = np.array([[-1.0, -1], [-1, 1], [1, -1], [1, 1]])
    >>> found = relative_importance(3 * x[:, 0] + x[:, 1], {"a": x[:, 0], "b": x[:, 1]})
    >>> found["share"].round(6).tolist()
    [0.9, 0.1]
    """
    names = list(terms)
    if not 1 <= len(names) <= MOST_TERMS:
        raise ValueError(f"{len(names)} terms are given; 1 to {MOST_TERMS} are wanted")
    response = np.asarray(y, dtype=np.float64).ravel()
    blocks = [np.asarray(term, dtype=np.float64) for term in terms.values()]
    blocks = [block[:, None] if block.ndim == 1 else block for block in blocks]
    wrong = [name for name, block in zip(names, blocks, strict=True) if len(block) != len(response)]
    if wrong:
        raise ValueError(f"the terms {', '.join(wrong[:5])} have another length than the {len(response)} values of y")
    complete = np.isfinite(response) & np.all([np.isfinite(block).all(axis=1) for block in blocks], axis=0)
    response, blocks = response[complete], [block[complete] for block in blocks]
    n_columns = sum(block.shape[1] for block in blocks)
    if len(response) <= n_columns + 1:
        raise ValueError(f"{len(response)} complete rows are too few for {n_columns} columns; add rows")
    r2 = _r2_of_sets(response - response.mean(), [block - block.mean(axis=0) for block in blocks])
    everything, rows = frozenset(range(len(names))), []
    for number, name in enumerate(names):
        others = sorted(everything - {number})
        share = 0.0
        for size in range(len(names)):
            weight = factorial(size) * factorial(len(names) - size - 1) / factorial(len(names))
            share += weight * sum(
                r2[frozenset(chosen) | {number}] - r2[frozenset(chosen)] for chosen in combinations(others, size)
            )
        alone, last = r2[frozenset({number})], r2[everything] - r2[frozenset(others)]
        rows.append({"term": name, "share": share, "alone": alone, "last": last})
    return pd.DataFrame(rows).assign(r2=r2[everything], n=len(response))


def _r2_of_sets(y: NDArray[np.float64], blocks: list[NDArray[np.float64]]) -> dict[frozenset[int], float]:
    """R2 of every set of terms; y and blocks are centred."""
    total = float(y @ y)
    found: dict[frozenset[int], float] = {}
    for size in range(len(blocks) + 1):
        for chosen in combinations(range(len(blocks)), size):
            if not total > 0:
                found[frozenset(chosen)] = np.nan
                continue
            design = np.concatenate([np.zeros((len(y), 0)), *(blocks[number] for number in chosen)], axis=1)
            fitted = design @ np.linalg.lstsq(design, y, rcond=None)[0]
            found[frozenset(chosen)] = float(fitted @ fitted) / total
    return found
