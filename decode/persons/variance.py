"""How much genes vary between persons of one tissue, and how much between tissues."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

Float = NDArray[np.float64]


class VarianceShares(NamedTuple):
    """Variance of each gene within and between tissues.

    Attributes
    ----------
    table : pd.DataFrame
        within, between, ratio (within / between): log2 units squared; rows as the genes given.
    summary : dict
        n_genes, median_within, median_between, ratio_of_means, median_ratio.
    """

    table: pd.DataFrame
    summary: dict[str, float]


def variance_of_persons(fold_changes: ArrayLike, tissue_profiles: ArrayLike) -> VarianceShares:
    """Variance over the persons of one tissue beside the variance of the same genes over tissues.

    Parameters
    ----------
    fold_changes : array_like, shape (n_genes, n_persons)
        log2 units, of one tissue.
    tissue_profiles : array_like, shape (n_genes, n_tissues)
        Level or fold change of the genes in every tissue, log2 units (the targets of a tissue model).

    Returns
    -------
    VarianceShares

    Raises
    ------
    ValueError
        If the numbers of genes differ.

    Notes
    -----
    Means over persons measure a tissue with less noise than one person is measured, so noise of measurement counts
    within tissues only.

    Examples
    --------
    >>> variance_of_persons([[0.0, 2.0]], [[0.0, 4.0, 8.0]]).table.values.tolist()
    [[2.0, 16.0, 0.125]]
    """
    persons, tissues = np.asarray(fold_changes, dtype=np.float64), np.asarray(tissue_profiles, dtype=np.float64)
    if len(persons) != len(tissues):
        raise ValueError(f"fold changes are of {len(persons)} genes and tissues of {len(tissues)}; give the same genes")
    return _shares(_variance(persons), _variance(tissues))


def variance_within_between(levels: ArrayLike, tissues: Sequence[str]) -> VarianceShares:
    """Variance between persons within tissues, and between the means of tissues, from levels in several tissues.

    Parameters
    ----------
    levels : array_like, shape (n_genes, n_samples)
        log2 units; levels, not fold changes within a tissue, which have no difference between tissues left.
    tissues : sequence of str, shape (n_samples,)
        At least two.

    Returns
    -------
    VarianceShares

    Raises
    ------
    ValueError
        If there is one tissue only, or the numbers of samples differ.

    Notes
    -----
    within: pooled over tissues, sum of squares / sum of (n - 1). between: variance of the tissues' means minus what the
    persons' scatter adds to it, mean of within / n; not below 0. (One-way analysis of variance by the method of
    moments, Searle, Casella and McCulloch 1992.)
    """
    values, names = np.asarray(levels, dtype=np.float64), np.asarray(tissues, dtype=object)
    groups = [np.flatnonzero(names == name) for name in dict.fromkeys(names)]
    if values.shape[1] != len(names):
        raise ValueError(f"{len(names)} tissues are named for {values.shape[1]} samples; one a sample is wanted")
    if len(groups) < 2:
        raise ValueError("all samples are of one tissue; variance between tissues needs two or more")
    counts = np.stack([np.isfinite(values[:, group]).sum(axis=1) for group in groups], axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        sums = np.stack([np.nansum(values[:, group], axis=1) for group in groups], axis=1)
        means = np.where(counts > 0, sums / counts, np.nan)
        squares = np.stack(
            [np.nansum((values[:, group] - means[:, [k]]) ** 2, axis=1) for k, group in enumerate(groups)], axis=1
        )
        within = squares.sum(axis=1) / np.where(counts > 1, counts - 1, 0).sum(axis=1)
        inverse = np.where(counts > 0, 1 / counts, np.nan)
        scatter = within * np.nansum(inverse, axis=1) / np.isfinite(inverse).sum(axis=1)
    return _shares(within, np.maximum(_variance(means) - scatter, 0.0))


def _variance(values: Float) -> Float:
    n = np.isfinite(values).sum(axis=1)
    filled = np.where(np.isfinite(values), values, 0.0)
    mean = filled.sum(axis=1) / np.maximum(n, 1)
    squares = np.where(np.isfinite(values), (values - mean[:, None]) ** 2, 0.0).sum(axis=1)
    return np.where(n > 1, squares / np.maximum(n - 1, 1), np.nan)


def _shares(within: Float, between: Float) -> VarianceShares:
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.where(between > 0, within / between, np.nan)
    table = pd.DataFrame({"within": within, "between": between, "ratio": ratio})
    both = table[["within", "between"]].dropna()
    defined = len(both) > 0
    mean_between = float(both["between"].mean()) if defined else 0.0
    summary = {
        "n_genes": len(both),
        "median_within": float(both["within"].median()) if defined else np.nan,
        "median_between": float(both["between"].median()) if defined else np.nan,
        "ratio_of_means": float(both["within"].mean()) / mean_between if mean_between > 0 else np.nan,
        "median_ratio": float(table["ratio"].median()) if table["ratio"].notna().any() else np.nan,
    }
    return VarianceShares(table, summary)
