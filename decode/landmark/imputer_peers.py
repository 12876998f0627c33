"""Imputers as peers: each of them on each panel, judged on the same targets."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from decode.core.checks import check_choice
from decode.core.choices import Imputation
from decode.landmark.dgex import check_published
from decode.landmark.evaluation import PanelScores, score_predictions
from decode.landmark.imputation import METHODS, Imputer, fit_arrays

logger = logging.getLogger(__name__)

Columns = NDArray[np.int64]

NUMBERS = ("penalty", "neighbours", "best_epochs")  # what an imputer chose


def check_imputers(imputers: Sequence[Imputation], n_train: int) -> None:
    """Raise ValueError for an unknown imputer, or one that needs more training samples."""
    for method in imputers:
        check_choice("imputer", method, METHODS)
    if "dgex_published" in imputers:
        check_published(n_train)


def imputer_peers(
    train: ArrayLike,
    validation: ArrayLike,
    test: ArrayLike,
    panels: Mapping[str, Sequence[Columns]],
    *,
    targets: Columns,
    imputers: Sequence[Imputation] = ("ridge", "knn", "sample_lasso", "network"),
    seed: int = 0,
) -> pd.DataFrame:
    """Fit every imputer on every panel and judge it on test samples.

    Parameters
    ----------
    train, validation, test : array, shape (n_samples, n_genes)
        Validation samples choose penalties and epochs; there may be none, see `fit_arrays`.
    panels : mapping of name to sequence of int array
        Panels; several of a name (random draws) are averaged.
    targets : int array
        Genes that no panel holds.
    imputers : sequence of str
    seed : int
        Of the networks.

    Returns
    -------
    pd.DataFrame
        panel, n_genes, n_draws, imputer, mean_mae, mean_pcc, share_passing, chosen (penalty, neighbours or epochs of
        the first draw).

    Raises
    ------
    ValueError
        If dgex_published is asked for with fewer than 20,000 training samples.
    """
    check_imputers(imputers, len(np.asarray(train)))
    rows = []
    for name, draws in panels.items():
        for method in imputers:
            logger.info("imputer %s on panel %s", method, name)
            fits = [_judged(train, validation, test, columns, targets, method, seed) for columns in draws]
            means = [(one.mae.mean(), np.nanmean(one.pcc), one.is_passing.mean()) for one, _ in fits]
            mae, pcc, share = np.mean(means, axis=0)
            rows.append(
                {
                    "panel": name, "n_genes": len(draws[0]), "n_draws": len(draws), "imputer": method, "mean_mae": mae,
                    "mean_pcc": pcc, "share_passing": share, "chosen": fits[0][1],
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def _judged(
    train: ArrayLike, validation: ArrayLike, test: ArrayLike, columns: Columns, targets: Columns, method: Imputation,
    seed: int,
) -> tuple[PanelScores, str]:  # fmt: skip
    arrays, settings = fit_arrays(train, validation, columns, method=method, seed=seed)
    measured = np.asarray(test, dtype=np.float64)
    others = np.setdiff1d(np.arange(measured.shape[1]), columns)
    names = np.arange(measured.shape[1]).astype(np.str_)
    imputer = Imputer(method, names[columns], names[others], arrays, settings, (0.0, 1.0))
    predicted = imputer.predict(measured[:, columns])[:, np.searchsorted(others, targets)]
    chosen = "; ".join(f"{name} {settings[name]}" for name in NUMBERS if name in settings)
    return score_predictions(measured[:, targets], predicted), chosen
