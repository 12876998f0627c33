"""Random regulators in the place of the drivers of a mediation: any, or those that are like them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from decode.core.checks import check_count, listed

Float = NDArray[np.float64]
Int = NDArray[np.int64]
MATCHES = ("none", "expression", "fractions")
UNMATCHED: str = MATCHES[0]
CONSTANT = 1e-10  # standard deviation beside the largest value, below which numbers do not vary
BLOCK_VALUES = 4_000_000  # random numbers held at a time


def varies(numbers: Float) -> bool:
    """Whether numbers differ by more than rounding."""
    return bool(numbers.std() > CONSTANT * max(1.0, float(np.abs(numbers).max())))


def replacements(
    match_on: str,
    drivers: Float,
    columns: Float,
    fractions: pd.DataFrame | None,
    n_draws: int,
    n_nearest: int,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Which candidates each draw takes."""
    n_candidates, k = columns.shape[1], drivers.shape[1]
    if match_on == UNMATCHED:
        return random_draws(n_candidates, k, n_draws, rng)
    if match_on == "expression":
        distance = np.abs(drivers.mean(axis=0)[:, None] - columns.mean(axis=0))
    else:
        distance = _distance(*(_with_fractions(values, fractions) for values in (drivers, columns)))
    return matched_draws(distance, n_draws, min(n_candidates, max(n_nearest, 2 * k)), rng)


def random_draws(n_candidates: int, k: int, n_draws: int, rng: np.random.Generator) -> Int:
    """Random sets of `k` of the candidates, every set equally likely, shape (n_draws, k).

    Examples
    --------
    >>> sorted(random_draws(3, 3, 1, np.random.default_rng(0))[0].tolist())
    [0, 1, 2]
    """
    check_count("n_draws", n_draws)
    if not 0 < k <= n_candidates:
        raise ValueError(f"{k} of {n_candidates} candidates cannot be drawn; give fewer drivers or more candidates")
    draws = np.empty((n_draws, k), dtype=np.int64)
    size = max(1, BLOCK_VALUES // n_candidates)
    for start in range(0, n_draws, size):
        keys = rng.random((min(size, n_draws - start), n_candidates))
        draws[start : start + size] = np.argpartition(keys, k - 1, axis=1)[:, :k]
    return draws


def matched_draws(distance: ArrayLike, n_draws: int, n_nearest: int, rng: np.random.Generator) -> Int:
    """Random sets of candidates each of which stands for one driver, drawn among the nearest of it.

    Parameters
    ----------
    distance : array, shape (k, n_candidates)
        Of each driver to each candidate.
    n_draws : int
    n_nearest : int
        How many candidates stand for a driver; at least k, so that no draw runs out of them.
    rng : numpy Generator

    Returns
    -------
    int64 array, shape (n_draws, k)
        Column j is drawn among the nearest of driver j; no candidate twice in a draw. Drivers choose in a new
        random order in every draw.

    Examples
    --------
    >>> matched_draws([[0.0, 5.0, 9.0]], 4, 1, np.random.default_rng(0)).ravel().tolist()
    [0, 0, 0, 0]
    """
    far = np.asarray(distance, dtype=np.float64)
    k, n_candidates = far.shape
    check_count("n_draws", n_draws)
    if not k <= n_nearest <= n_candidates:
        raise ValueError(
            f"{n_nearest} nearest of {n_candidates} candidates for {k} drivers; {k} to {n_candidates} are wanted"
        )
    near = np.argsort(far, axis=1, kind="stable")[:, :n_nearest]
    draws = np.empty((n_draws, k), dtype=np.int64)
    is_taken = np.zeros((n_draws, n_candidates), dtype=bool)
    turn = np.argsort(rng.random((n_draws, k)), axis=1)
    rows = np.arange(n_draws)
    for step in range(k):
        driver = turn[:, step]
        offered = near[driver]
        keys = rng.random(offered.shape)
        keys[is_taken[rows[:, None], offered]] = np.inf
        draws[rows, driver] = offered[rows, keys.argmin(axis=1)]
        is_taken[rows, draws[rows, driver]] = True
    return draws


def _with_fractions(values: Float, fractions: pd.DataFrame | None) -> Float:
    """Correlation of each column with each cell fraction, (n_columns, n_fractions)."""
    table = pd.DataFrame() if fractions is None else fractions
    known = table.to_numpy(dtype=np.float64)
    if len(known) != len(values) or not np.isfinite(known).all() or not all(varies(column) for column in known.T):
        raise ValueError(
            f"cell fractions {listed(table.columns)} are missing in a sample or constant; give complete columns that "
            "vary, one row a sample"
        )
    left, right = (part - part.mean(axis=0) for part in (values, known))
    correlation: Float = (left / left.std(axis=0)).T @ (right / right.std(axis=0)) / len(known)
    return correlation


def _distance(drivers: Float, candidates: Float) -> Float:
    """Of each driver to each candidate, up to a sign that all correlations share: regression does not see it."""
    gaps = [((drivers[:, None] - sign * candidates[None]) ** 2).sum(axis=2) for sign in (1, -1)]
    values: Float = np.sqrt(np.minimum(*gaps))
    return values
