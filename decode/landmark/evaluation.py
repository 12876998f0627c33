"""How well do panels stand for all genes? Errors on targets that no panel holds, over panel sizes and splits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from decode.core.choices import PanelMethod
from decode.core.threads import one_blas_thread
from decode.landmark.imputation import panel_columns
from decode.landmark.panels import NESTED, check_training, order_genes
from decode.landmark.prepared import TEST, TRAIN, PreparedExpression
from decode.landmark.ridge import SharedRidge, shared_ridge
from decode.statistics.metrics import pearson_per_task

Float = NDArray[np.float64]
Columns = NDArray[np.int64]

SIZES = (50, 100, 200, 400, 943)
PASSING = 0.01  # Kong et al. 2021: fewer than 1 % of the other genes may agree better with the prediction
N_OTHERS = 1000  # other genes that the permutation test draws


class PanelScores(NamedTuple):
    """Scores of one panel over its targets: MAE, PCC over test samples, and whether the gene passes."""

    mae: Float
    pcc: Float
    is_passing: NDArray[np.bool_]


class PanelCurves(NamedTuple):
    """Scores of panels.

    Attributes
    ----------
    panels : pd.DataFrame
        One row a split, method, draw and size: split, method, draw, size, n_targets, mean_mae, mean_pcc, share_passing.
    per_gene : pd.DataFrame
        Of the first split at the largest size, the first draw of each method: column, method, mae, pcc, is_passing.
    """

    panels: pd.DataFrame
    per_gene: pd.DataFrame


def permutation_share(actual: ArrayLike, predicted: ArrayLike, *, n_others: int = N_OTHERS, seed: int = 0) -> Float:
    """Share of other genes whose measured values agree better with a gene's prediction than its own do.

    Parameters
    ----------
    actual, predicted : array, shape (n_samples, n_genes)
    n_others : int, default 1000
        Genes drawn to compare with, the same for all; all where there are fewer.
    seed : int

    Returns
    -------
    float64 array, shape (n_genes,)
        NaN where the gene's own correlation is undefined.

    References
    ----------
    Kong et al. 2021, BMC Bioinformatics 22:27: a gene is predicted if the share is below 1 %.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> actual = rng.normal(size=(20, 50))
    >>> float(permutation_share(actual, actual + 0.01 * rng.normal(size=(20, 50))).max())
    0.0
    """
    measured, guess = _unit(np.asarray(actual, dtype=np.float64)), _unit(np.asarray(predicted, dtype=np.float64))
    own = (measured * guess).sum(axis=0)
    n_genes = measured.shape[1]
    others = np.sort(np.random.default_rng(seed).permutation(n_genes)[:n_others])
    share = np.full(n_genes, np.nan)
    for start in range(0, n_genes, 4096):
        stop = min(start + 4096, n_genes)
        above = guess[:, start:stop].T @ measured[:, others] > own[start:stop, None] + 1e-12
        is_self = np.arange(start, stop)[:, None] == others
        above &= ~is_self
        share[start:stop] = above.sum(axis=1) / np.maximum(len(others) - is_self.sum(axis=1), 1)
    share[np.isnan(own)] = np.nan
    return share


def _unit(values: Float) -> Float:
    centred = values - values.mean(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        centred[:, np.ptp(values, axis=0) == 0] = np.nan
        unit: Float = centred / np.sqrt((centred**2).sum(axis=0))
    return unit


@one_blas_thread()
def score_panel(shared: SharedRidge, test: ArrayLike, panel: Columns) -> PanelScores:
    """Ridge regression on a panel, judged on the targets of `shared` in test samples."""
    values = np.asarray(test, dtype=np.float64)
    actual, predicted = values[:, shared.targets], shared.fit(panel).predict(values[:, panel])
    with np.errstate(invalid="ignore"):
        is_passing = permutation_share(actual, predicted) < PASSING
    return PanelScores(np.abs(actual - predicted).mean(axis=0), pearson_per_task(actual, predicted), is_passing)


def panel_curves(
    splits: Sequence[tuple[ArrayLike, ArrayLike]],
    *,
    fixed: Mapping[str, Columns] | None = None,
    methods: Sequence[PanelMethod] = ("greedy", "projection", "correlation", "pca", "variance"),
    sizes: Sequence[int] = SIZES,
    n_random: int = 20,
    n_subsets: int = 3,
    seed: int = 0,
) -> PanelCurves:
    """Error and correlation of panels by size, on targets that no panel of the split holds.

    Parameters
    ----------
    splits : sequence of (train, test), each of shape (n_samples, n_genes)
        Methods choose and ridge regression is fitted on `train` alone.
    fixed : mapping of name to int array, optional
        Panels from elsewhere, such as the L1000 landmarks. They have no order: a smaller one is a random part, and
        `n_subsets` of them are drawn.
    methods : sequence of str
        Nested methods of `order_genes`; chosen anew on each split.
    sizes : sequence of int
        Panels of these sizes; a fixed panel also counts at its own size where it is smaller than a size.
    n_random : int, default 20
        Random panels.
    seed : int

    Returns
    -------
    PanelCurves

    Raises
    ------
    ValueError
        If a method has no order, or a panel leaves no common target.
    """
    unordered = [name for name in methods if name not in NESTED]
    if unordered:
        raise ValueError(f"{unordered[0]} has no nested panels; choose from {', '.join(NESTED)}")
    rows: list[dict[str, object]] = []
    genes: list[pd.DataFrame] = []
    largest = max(sizes)
    for number, (train, test) in enumerate(splits):
        values = check_training(train)
        rng = np.random.default_rng([seed, number])
        orders = {(name, draw): rng.permutation(panel)[:largest] for name, panel in (fixed or {}).items()
                  for draw in range(n_subsets)}  # fmt: skip
        orders |= {(name, 0): order_genes(values, largest, method=name).columns for name in methods}
        orders |= {("random", draw): rng.permutation(values.shape[1])[:largest] for draw in range(n_random)}
        targets = np.setdiff1d(np.flatnonzero(values.std(axis=0) > 0), np.concatenate(list(orders.values())))
        if not len(targets):
            raise ValueError("no gene is outside all panels; give smaller sizes or fewer random panels")
        shared = shared_ridge(values, targets=targets)
        for (name, draw), order in orders.items():
            for size in dict.fromkeys(min(size, len(order)) for size in sizes):
                scores = score_panel(shared, test, order[:size])
                rows.append(
                    {
                        "split": number, "method": name, "draw": draw, "size": size, "n_targets": len(targets),
                        "mean_mae": scores.mae.mean(), "mean_pcc": np.nanmean(scores.pcc),
                        "share_passing": scores.is_passing.mean(),
                    }
                )  # fmt: skip
                if number == 0 and draw == 0 and size == min(largest, len(order)):
                    genes.append(pd.DataFrame({"column": targets, "method": name} | scores._asdict()))
    return PanelCurves(pd.DataFrame(rows), pd.concat(genes, ignore_index=True))


def evaluate_panel(
    prepared: PreparedExpression,
    panel: Sequence[str],
    *,
    others: Mapping[str, Sequence[str]] | None = None,
    sizes: Sequence[int] = SIZES,
    n_random: int = 20,
    seed: int = 0,
) -> PanelCurves:
    """Judge a panel on the test samples of a prepared matrix, beside other panels, methods and random panels.

    Parameters
    ----------
    prepared : PreparedExpression
        Methods choose on its training samples, as the panel should have been.
    panel : sequence of str
        Gene ids, or names.
    others : mapping of name to sequence of str, optional
        Further panels.
    sizes, n_random, seed
        As in `panel_curves`; a size that leaves no gene is cut to the size of the panel.

    Returns
    -------
    PanelCurves
        `per_gene` with gene_id instead of column.
    """
    fixed = {
        name: panel_columns(list(genes), prepared.gene_ids, prepared.gene_names)
        for name, genes in {"panel": panel, **(others or {})}.items()
    }
    cut = sorted({min(size, len(fixed["panel"])) for size in sizes})
    train, test = prepared.read(prepared.rows(TRAIN)), prepared.read(prepared.rows(TEST))
    found = panel_curves([(train, test)], fixed=fixed, sizes=cut, n_random=n_random, seed=seed)
    genes = found.per_gene.assign(column=prepared.gene_ids[found.per_gene["column"].to_numpy()])
    return PanelCurves(found.panels, genes.rename(columns={"column": "gene_id"}))
