"""How well does a panel stand for other genes? Ridge regression on it, judged gene by gene on test samples."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from decode.core.threads import one_blas_thread
from decode.landmark.ridge import SharedRidge
from decode.statistics.metrics import pearson_per_task

Float = NDArray[np.float64]
Columns = NDArray[np.int64]

PASSING = 0.01  # Kong et al. 2021: fewer than 1 % of the other genes may agree better with the prediction
N_OTHERS = 1000  # other genes that the permutation test draws


class PanelScores(NamedTuple):
    """Accuracy of a panel on its targets.

    Attributes
    ----------
    mae, pcc : float64 array, shape (n_targets,)
        Mean absolute error and Pearson correlation over test samples; the latter NaN where it is undefined.
    is_passing : bool array, shape (n_targets,)
        Fewer than 1 % of other genes agree better with the prediction.
    sample_mae : float64 array, shape (n_test,)
        Mean absolute error over targets.
    """

    mae: Float
    pcc: Float
    is_passing: NDArray[np.bool_]
    sample_mae: Float


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
    return score_predictions(values[:, shared.targets], shared.fit(panel).predict(values[:, panel]))


def score_predictions(actual: ArrayLike, predicted: ArrayLike) -> PanelScores:
    """Accuracy of predicted genes, from whichever imputer.

    Parameters
    ----------
    actual, predicted : array, shape (n_test, n_targets)

    Returns
    -------
    PanelScores
    """
    measured, guess = np.asarray(actual, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    error = np.abs(measured - guess)
    with np.errstate(invalid="ignore"):
        is_passing = permutation_share(measured, guess) < PASSING
    return PanelScores(error.mean(axis=0), pearson_per_task(measured, guess), is_passing, error.mean(axis=1))
