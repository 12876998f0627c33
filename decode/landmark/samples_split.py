"""Which samples train, which choose, and which are held out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from decode.core.checks import listed
from decode.landmark.prepared import TEST, TRAIN, VALIDATION

SHARE = 0.1  # Chen et al. 2016: 11,101 of 111,009 profiles choose, as many test
OVERSHOOT = 1.5  # a part made of whole groups may become so many times larger than asked for


def split_samples(
    n_samples: int,
    *,
    validation_share: float = SHARE,
    test_share: float = SHARE,
    seed: int = 0,
    groups: NDArray[np.str_] | None = None,
) -> NDArray[np.str_]:
    """Split samples at random, or whole groups of samples.

    Parameters
    ----------
    n_samples : int
    validation_share, test_share : float
        In [0, 1); a share above zero gets at least one sample.
    seed : int
    groups : array of str, shape (n_samples,), optional
        Samples of a group (a study) stay together. Groups are taken in random order as long as the part does not grow
        beyond 1.5 times its share; where none fits, the smallest is taken.

    Returns
    -------
    array of str, shape (n_samples,)
        "train", "validation" or "test".

    Raises
    ------
    ValueError
        If the shares are impossible, there are fewer groups than parts, or fewer than 2 samples are left to train on.

    Examples
    --------
    >>> split_samples(10, seed=0).tolist().count("train")
    8
    """
    for name, share in (("validation share", validation_share), ("test share", test_share)):
        if not 0 <= share < 1:
            raise ValueError(f"{name} is {share}; a number from 0 to below 1 is wanted")
    rng = np.random.default_rng(seed)
    wanted = {
        part: max(1, round(share * n_samples))
        for part, share in ((TEST, test_share), (VALIDATION, validation_share))
        if share > 0
    }
    split = np.full(n_samples, TRAIN, dtype="<U10")
    if groups is None:
        order = rng.permutation(n_samples)
        for part, size in wanted.items():
            split[order[:size]] = part
            order = order[size:]
    else:
        _split_groups(split, groups, wanted, rng)
    if (split == TRAIN).sum() < 2:
        raise ValueError(
            f"{int((split == TRAIN).sum())} of {n_samples} samples are left for training; at least 2 are wanted: give "
            "more samples or smaller shares"
        )
    return split


def _split_groups(
    split: NDArray[np.str_], groups: NDArray[np.str_], wanted: dict[str, int], rng: np.random.Generator
) -> None:
    names, sizes = np.unique(groups, return_counts=True)
    if len(names) <= len(wanted):
        raise ValueError(
            f"there are {len(names)} group(s) of samples ({listed(names)}) for {len(wanted) + 1} parts; choose another "
            "group column"
        )
    left = [(str(names[i]), int(sizes[i])) for i in rng.permutation(len(names))]
    for number, (part, size) in enumerate(wanted.items()):
        parts_after = len(wanted) - number
        taken: list[tuple[str, int]] = []
        for group in left:
            has = sum(n for _, n in taken)
            if has >= size or len(left) - len(taken) <= parts_after:
                break
            if has + group[1] <= OVERSHOOT * size:
                taken.append(group)
        taken = taken or [min(left, key=lambda group: group[1])]
        split[np.isin(groups, [name for name, _ in taken])] = part
        left = [group for group in left if group not in taken]
