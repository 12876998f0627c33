"""The learning rate of every step."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from decode.training.config import ResolvedTraining

WARM = 0.25  # share of the cycle in which the rate rises
START = 0.1  # of the highest rate


def step_rates(training: ResolvedTraining, n_steps: int) -> NDArray[np.float64]:
    """Learning rate of every step of a whole training.

    Parameters
    ----------
    training : ResolvedTraining
    n_steps : int
        Steps an epoch.

    Returns
    -------
    array, shape (max_epochs * n_steps,)
        Constant; or one cycle, from a tenth of the highest rate up along a half cosine for a quarter of the steps, then
        down to zero along another.

    References
    ----------
    Smith & Topin 2017, arXiv:1708.07120.

    Examples
    --------
    >>> from decode.training.config import TrainingConfig
    >>> training = TrainingConfig(max_epochs=4, learning_rate=1.0).resolved("default", 1000)
    >>> step_rates(training, 2).round(2)
    array([0.23, 0.87, 0.98, 0.85, 0.63, 0.37, 0.15, 0.02])
    """
    total = training.max_epochs * n_steps
    if training.schedule == "constant":
        return np.full(total, training.learning_rate)
    place = (np.arange(total) + 0.5) / total
    rise = START + (1 - START) * _half_cosine(1 - place / WARM)
    fall = _half_cosine((place - WARM) / (1 - WARM))
    rates: NDArray[np.float64] = training.learning_rate * np.where(place < WARM, rise, fall)
    return rates


def _half_cosine(place: NDArray[np.float64]) -> NDArray[np.float64]:
    """From 1 at place 0 to 0 at place 1."""
    found: NDArray[np.float64] = (1 + np.cos(np.pi * np.clip(place, 0, 1))) / 2
    return found
