"""Two imputers that keep the training samples: nearest neighbours, and a sparse mixture of samples."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

Float = NDArray[np.float64]

NEIGHBOURS = (1, 2, 3, 5, 8, 12, 20)
LASSO_PENALTIES = (0.003, 0.01, 0.03, 0.1)
LASSO_STEPS, LASSO_TOLERANCE = 2000, 1e-3


def nearest_mean(scaled: Float, train: Float, targets: Float, neighbours: int) -> Float:
    """Mean targets of the nearest training samples, by Euclidean distance over standardised panel genes."""
    weights = _weights(cdist(scaled, train), neighbours)
    return weights @ targets


def choose_neighbours(train: Float, targets: Float) -> int:
    """The number of neighbours with the smallest leave-one-out squared error on the training samples."""
    distance = cdist(train, train)
    np.fill_diagonal(distance, np.inf)
    sums = targets @ targets.T
    errors = []
    allowed = [n for n in NEIGHBOURS if n < len(train)]
    for n in allowed:
        left = np.eye(len(train)) - _weights(distance, n)
        errors.append(float(np.einsum("ij,ij->", left @ sums, left)))
    return allowed[int(np.argmin(errors))]


def _weights(distance: Float, neighbours: int) -> Float:
    nearest = np.argpartition(distance, min(neighbours, distance.shape[1]) - 1, axis=1)[:, :neighbours]
    weights = np.zeros_like(distance)
    np.put_along_axis(weights, nearest, 1 / nearest.shape[1], axis=1)
    return weights


def sample_lasso(scaled: Float, train: Float, targets: Float, penalty: float) -> Float:
    """Each sample as a sparse mixture of training samples that fits its panel genes; its targets are mixed alike.

    Parameters
    ----------
    scaled : array, shape (n_samples, n_panel)
    train : array, shape (n_train, n_panel)
    targets : array, shape (n_train, n_targets)
        Centred.
    penalty : float
        Of the lasso, with the panel genes as its observations.

    References
    ----------
    Mancuso, Canfield, Singla & Krishnan 2020, Nucleic Acids Research 48:e125 (SampleLASSO).
    """
    from sklearn.linear_model import Lasso

    model = Lasso(alpha=penalty, fit_intercept=False, max_iter=LASSO_STEPS, tol=LASSO_TOLERANCE, precompute=True)
    weights = np.stack([model.fit(train.T, sample).coef_ for sample in scaled])
    return np.asarray(weights @ targets, dtype=np.float64)
