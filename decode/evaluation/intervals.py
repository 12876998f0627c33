"""How far headline figures could be by the choice of test genes: a bootstrap over genes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from decode.core.checks import check_count
from decode.evaluation.evaluate import summarise
from decode.statistics.metrics import spearman_per_task


def bootstrap_headlines(
    actual: ArrayLike,
    predicted: Mapping[str, np.ndarray],
    kinds: Iterable[str],
    *,
    reference: str | None = None,
    n_draws: int = 300,
    seed: int = 0,
) -> pd.DataFrame:
    """95 % intervals of the mean Spearman correlation of several predictions, by drawing genes with replacement.

    Parameters
    ----------
    actual : array_like, shape (n_genes, n_tasks)
    predicted : mapping of name to np.ndarray, shape (n_genes, n_tasks)
        All are judged on the same draws.
    kinds : iterable of str, shape (n_tasks,)
    reference : str, optional
        Name of a prediction: intervals of its lead over each other one are given too.
    n_draws : int, default 300
    seed : int, default 0

    Returns
    -------
    pd.DataFrame
        name, figure (as `decode.evaluation.evaluate.summarise` names it), value, low, high, and with a reference lead,
        lead_low, lead_high. NaN where a prediction is constant.

    Raises
    ------
    ValueError
        If a shape differs or n_draws is below 1.

    Notes
    -----
    Percentile intervals. They hold for genes like these and for this model: neither another chromosome nor another
    training is in them, and genes are taken as independent.

    References
    ----------
    Efron & Tibshirani (1993), An Introduction to the Bootstrap, chapter 13.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> actual = rng.normal(size=(50, 2))
    >>> found = bootstrap_headlines(actual, {"model": actual}, ["fold_change", "fold_change"], n_draws=20)
    >>> found[["value", "low", "high"]].round(6).values.tolist()
    [[1.0, 1.0, 1.0]]
    """
    check_count("n_draws", n_draws)
    measured, names = np.asarray(actual, dtype=np.float64), list(kinds)
    rng = np.random.default_rng(seed)
    draws = rng.integers(len(measured), size=(n_draws, len(measured)))
    at = {name: summarise(spearman_per_task(measured, values), names) for name, values in predicted.items()}
    drawn = {
        name: pd.DataFrame([summarise(spearman_per_task(measured[rows], values[rows]), names) for rows in draws])
        for name, values in predicted.items()
    }
    result = []
    for name, figures in at.items():
        for figure, value in figures.items():
            row = {"name": name, "figure": figure, "value": value}
            row |= dict(zip(("low", "high"), _ends(drawn[name][figure]), strict=True))
            if reference is not None:
                row["lead"] = at[reference][figure] - value
                lead = drawn[reference][figure] - drawn[name][figure]
                row |= dict(zip(("lead_low", "lead_high"), _ends(lead), strict=True))
            result.append(row)
    return pd.DataFrame(result)


def _ends(values: pd.Series) -> tuple[float, float]:
    defined = values.dropna().to_numpy(dtype=np.float64)
    if not len(defined):
        return float("nan"), float("nan")
    low, high = np.quantile(defined, [0.025, 0.975])
    return float(low), float(high)
