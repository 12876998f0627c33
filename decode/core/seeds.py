"""One seed in, every source of randomness from it."""

from __future__ import annotations

import numpy as np


def member_seeds(seed: int, n_members: int) -> list[int]:
    """Independent seeds of the members of an ensemble, a pure function of `seed`.

    Parameters
    ----------
    seed : int
        The seed of the whole ensemble, >= 0.
    n_members : int
        Number of members. The first seeds do not change when more members are asked for.

    Returns
    -------
    list of int
        `n_members` seeds below 2**31.

    Examples
    --------
    >>> member_seeds(0, 3)[:2] == member_seeds(0, 2)
    True
    """
    return [int(np.random.SeedSequence([seed, index]).generate_state(1)[0] % 2**31) for index in range(n_members)]


def seed_keras(seed: int) -> None:
    """Seed Keras, TensorFlow, numpy and `random` in one call; the only place that touches global seeds."""
    import keras

    keras.utils.set_random_seed(seed)
