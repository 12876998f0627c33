"""One seed in, every source of randomness from it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

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


def seed_stream(seed: int) -> Iterator[int]:
    """Endless independent seeds for the layers of one network, a pure function of `seed`.

    Keras draws the weights and dropout of a layer without its own seed from Python's global generator, from which any
    other thread (of a cluster client, of another member) may draw in between; a seed for each layer is safe from that.

    Parameters
    ----------
    seed : int
        Seed of the network, >= 0.

    Yields
    ------
    int
        Seeds below 2**31.

    Examples
    --------
    >>> from itertools import islice
    >>> list(islice(seed_stream(3), 2)) == list(islice(seed_stream(3), 2))
    True
    """
    for index in count():
        yield int(np.random.SeedSequence([seed, index, 1]).generate_state(1)[0] % 2**31)
