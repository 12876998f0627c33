"""What measured persons alone say of a new sample: baselines that need persons measured in the wanted genes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import RidgeCV

from decode.statistics.metrics import cross_pearson

Float = NDArray[np.float64]
N_NEIGHBOURS = 10
N_COMPONENTS = 20
PENALTIES = np.logspace(-2, 6, 17)


def neighbour_projection(persons: Float, samples: Float, *, n_neighbours: int = N_NEIGHBOURS) -> Float:
    """Mean of the persons that correlate best with a sample over its measured genes, weighted by the correlation.

    Parameters
    ----------
    persons : float array, shape (n_genes, n_persons)
        Fold changes, NaN where not measured.
    samples : float array, shape (n_genes, n_samples)
        Fold changes of the genes that may be used, else NaN.
    n_neighbours : int

    Returns
    -------
    float array, shape (n_genes, n_samples)
        NaN in genes that no person has.
    """
    correlation = cross_pearson(persons, samples)  # (n_samples, n_persons)
    filled, has = np.where(np.isfinite(persons), persons, 0.0), np.isfinite(persons).astype(np.float64)
    found = np.full(samples.shape, np.nan)
    for column, values in enumerate(correlation):
        order = np.argsort(-np.where(np.isfinite(values), values, -np.inf), kind="stable")[:n_neighbours]
        weight = np.maximum(np.nan_to_num(values[order]), 1e-6)
        with np.errstate(invalid="ignore", divide="ignore"):
            found[:, column] = (filled[:, order] @ weight) / (has[:, order] @ weight)
    return found


def component_projection(persons: Float, samples: Float, *, n_components: int = N_COMPONENTS) -> Float:
    """Put a sample together from the leading components of the persons, by ridge regression over its measured genes.

    Parameters
    ----------
    persons, samples : as in `neighbour_projection`
    n_components : int

    Returns
    -------
    float array, shape (n_genes, n_samples)
        NaN in genes that no person has.
    """
    has = np.isfinite(persons).any(axis=1)
    filled = np.where(np.isfinite(persons), persons, 0.0)
    left, size, _ = np.linalg.svd(filled, full_matrices=False)
    basis = left[:, :n_components] * size[:n_components] / max(float(size[0]), 1e-12) * np.sqrt(len(persons))
    found = np.full(samples.shape, np.nan)
    for column in range(samples.shape[1]):
        use = np.isfinite(samples[:, column]) & has
        if use.sum() > 2:
            ridge = RidgeCV(alphas=PENALTIES).fit(basis[use], samples[use, column])
            found[has, column] = ridge.predict(basis[has])
    return found
