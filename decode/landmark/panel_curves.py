"""Panels of many sizes on the same targets: given panels, methods that choose anew, and random panels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from decode.core.choices import PanelMethod
from decode.landmark.evaluation import PanelScores, score_panel
from decode.landmark.panel_genes import PanelGenes
from decode.landmark.panels import NESTED, check_training, order_genes
from decode.landmark.ridge import shared_ridge

Float = NDArray[np.float64]
Columns = NDArray[np.int64]

SIZES = (50, 100, 200, 400, 943)
CHOSEN_ANEW: tuple[PanelMethod, ...] = ("greedy", "projection", "correlation", "pca", "variance")
RANDOM, COMMON = "random", "common"
ACCURACY = ["mean_mae", "mean_pcc", "share_passing"]
N_PARTS = 3  # random parts of a panel without an order, for each smaller size


class JudgedPanel(NamedTuple):
    """One panel of one size on one split.

    Attributes
    ----------
    split : int
    panel : str
        Name of a given panel, of a method, or "random".
    method : str
        How it was chosen.
    draw : int
        Which random panel, or which random part of a panel without an order.
    size : int
        The size asked for.
    columns : int array, shape (n_genes,)
        The panel; shorter than `size` where the given panel is.
    targets : int array, shape (n_targets,)
        Columns that no panel of the split holds: the same for all of them.
    scores : PanelScores
        On the targets.
    """

    split: int
    panel: str
    method: str
    draw: int
    size: int
    columns: Columns
    targets: Columns
    scores: PanelScores


def judge_panels(
    train: ArrayLike,
    test: ArrayLike,
    *,
    fixed: Mapping[str, PanelGenes] | None = None,
    methods: Sequence[PanelMethod] = CHOSEN_ANEW,
    sizes: Sequence[int] = SIZES,
    n_random: int = 20,
    split: int = 0,
    seed: int = 0,
) -> list[JudgedPanel]:
    """Ridge regression on panels of every size, on targets that none of them holds.

    Parameters
    ----------
    train, test : array, shape (n_samples, n_genes)
        Methods choose and ridge regression is fitted on `train` alone.
    fixed : mapping of name to PanelGenes, optional
        Given panels. A smaller one is the head of an ordered panel; of a panel without an order three random parts.
        A panel smaller than the sizes is judged whole, once.
    methods : sequence of str
        Nested methods of `order_genes`; they choose anew.
    sizes : sequence of int
    n_random : int, default 20
        Random panels.
    split : int
        Number of the split, for the result and the random panels.
    seed : int

    Returns
    -------
    list of JudgedPanel

    Raises
    ------
    ValueError
        If a method has no order, a name stands for two panels, or the panels leave no common target.
    """
    given = dict(fixed or {})
    _check_names(given, methods)
    values, rng, largest = check_training(train), np.random.default_rng([seed, split]), max(sizes)
    orders = {
        (name, panel.method, draw): (panel.columns if panel.is_ordered else rng.permutation(panel.columns))[:largest]
        for name, panel in given.items()
        for draw in range(1 if panel.is_ordered else N_PARTS)
    }
    orders |= {(name, name, 0): order_genes(values, largest, method=name).columns for name in methods}
    orders |= {(RANDOM, RANDOM, draw): rng.permutation(values.shape[1])[:largest] for draw in range(n_random)}
    targets = np.setdiff1d(np.flatnonzero(values.std(axis=0) > 0), np.concatenate(list(orders.values())))
    if not len(targets):
        raise ValueError("no gene is outside all panels; give smaller sizes or fewer random panels")
    shared = shared_ridge(values, targets=targets)
    judged = []
    for (name, method, draw), order in orders.items():
        for size, length in _lengths(sizes, len(order)).items():
            is_same_again = draw > 0 and name in given and length == len(given[name].columns)
            if not is_same_again:
                scores = score_panel(shared, test, order[:length])
                judged.append(JudgedPanel(split, name, method, draw, size, order[:length], targets, scores))
    return judged


def _check_names(given: Mapping[str, PanelGenes], methods: Sequence[PanelMethod]) -> None:
    unordered = [name for name in methods if name not in NESTED]
    if unordered:
        raise ValueError(f"{unordered[0]} has no nested panels; choose from {', '.join(NESTED)}")
    taken = sorted(set(given) & {*methods, RANDOM})
    if taken:
        raise ValueError(f"the panel {taken[0]!r} bears the name of a method that is judged beside it; rename it")


def _lengths(sizes: Sequence[int], n_genes: int) -> dict[int, int]:
    """Genes to take for each size; where the panel is smaller, the first size that it does not fill is the last."""
    lengths: dict[int, int] = {}
    for size in sorted(set(sizes)):
        if min(size, n_genes) not in lengths.values():
            lengths[size] = min(size, n_genes)
    return lengths


def panels_table(
    judged: Sequence[JudgedPanel], *, n_genes: int, against: Columns | None = None, against_name: str = ""
) -> pd.DataFrame:
    """One row a split, panel, draw and size.

    Parameters
    ----------
    judged : sequence of JudgedPanel
    n_genes : int
        Of the matrix.
    against : int array, optional
        Genes of a reference panel, to count shared genes with.
    against_name : str

    Returns
    -------
    pd.DataFrame
        split, panel, method, draw, size, n_genes, n_targets, mean_mae, mean_pcc, share_passing and, with `against`,
        n_shared and n_shared_by_chance (the mean of random panels of that size).
    """
    rows = []
    for one in judged:
        row = {
            "split": one.split, "panel": one.panel, "method": one.method, "draw": one.draw, "size": one.size,
            "n_genes": len(one.columns), "n_targets": len(one.targets), "mean_mae": one.scores.mae.mean(),
            "mean_pcc": mean_of_defined(one.scores.pcc), "share_passing": one.scores.is_passing.mean(),
        }  # fmt: skip
        if against is not None:
            row["shared_with"] = against_name
            row["n_shared"] = len(np.intersect1d(one.columns, against))
            row["n_shared_by_chance"] = round(len(one.columns) * len(against) / n_genes, 1)
        rows.append(row)
    return pd.DataFrame(rows)


def curves_table(panels: pd.DataFrame) -> pd.DataFrame:
    """Accuracy by size: means over draws, then over splits.

    Parameters
    ----------
    panels : pd.DataFrame
        Of `panels_table`.

    Returns
    -------
    pd.DataFrame
        over, panel, method, size, n_genes, n_splits, mean_mae, mean_pcc, share_passing. over is "all" (every split of
        the panel) and, where some panel is not judged on every split, also "common": means over the splits that all
        panels share, which alone can be compared.
    """
    by_panel = [set(rows["split"]) for _, rows in panels.groupby("panel")]
    common = set.intersection(*by_panel)
    tables = [_means(panels).assign(over="all")]
    if common and common != set.union(*by_panel):
        tables.append(_means(panels[panels["split"].isin(common)]).assign(over=COMMON))
    table = pd.concat(tables, ignore_index=True)
    return table[["over", "panel", "method", "size", "n_genes", "n_splits", *ACCURACY]]


def comparable(curves: pd.DataFrame) -> pd.DataFrame:
    """Rows of `curves_table` that can be compared with each other."""
    return curves[curves["over"] == COMMON] if (curves["over"] == COMMON).any() else curves


def _means(panels: pd.DataFrame) -> pd.DataFrame:
    numbers = ["n_genes", *ACCURACY]
    by_split = panels.groupby(["panel", "method", "size", "split"], sort=False)[numbers].mean().reset_index()
    found = by_split.groupby(["panel", "method", "size"], sort=False)
    return found[numbers].mean().assign(n_splits=found.size()).reset_index()


def gene_table(judged: Sequence[JudgedPanel]) -> pd.DataFrame:
    """Of the first split, the first draw of each panel at its largest size: column, panel, size, mae, pcc, passing."""
    largest: dict[str, JudgedPanel] = {}
    for one in judged:
        if one.split == judged[0].split and one.draw == 0:
            largest[one.panel] = max(largest.get(one.panel, one), one, key=lambda item: item.size)
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "column": one.targets, "panel": name, "size": len(one.columns), "mae": one.scores.mae,
                    "pcc": one.scores.pcc, "is_passing": one.scores.is_passing,
                }
            )
            for name, one in largest.items()
        ],
        ignore_index=True,
    )  # fmt: skip


def mean_of_defined(values: Float) -> float:
    """Mean of the defined values, NaN where there is none."""
    defined = values[np.isfinite(values)]
    return float(defined.mean()) if len(defined) else float("nan")
