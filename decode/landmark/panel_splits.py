"""On which samples are panels judged: the split of the prepared matrix, further random ones, or groups held out."""

from __future__ import annotations

import logging

import numpy as np
from numpy.typing import ArrayLike, NDArray

from decode.core.checks import check_count, listed
from decode.landmark.prepared import TEST, TRAIN, VALIDATION, PreparedExpression
from decode.landmark.samples_split import split_samples

logger = logging.getLogger(__name__)

Split = NDArray[np.str_]
LEAST_TEST = 3  # a correlation over two samples is 1 or -1
TRIES = 20  # splits drawn for one that is new


def evaluation_splits(
    prepared: PreparedExpression, n_splits: int = 1, *, groups: ArrayLike | None = None, seed: int = 0
) -> list[Split]:
    """Parts of the samples, once for each split.

    Parameters
    ----------
    prepared : PreparedExpression
    n_splits : int, default 1
        Without groups, the first split is that of the prepared matrix and the others are drawn with its shares (whole
        groups where it was prepared with a group column). With groups, their number of folds.
    groups : array of str, shape (n_samples,), optional
        Every group (a study) is held out in one fold, and trains in the others.
    seed : int

    Returns
    -------
    list of array of str, each of shape (n_samples,)
        "train", "validation" or "test". Fewer than asked for where no further split is new, with a warning.

    Raises
    ------
    ValueError
        If a split has fewer than 3 test samples, a sample has no group, or groups cannot be held out so often.
    """
    check_count("splits", n_splits)
    splits = _folds(groups, n_splits, prepared.n_samples, seed) if groups is not None else [prepared.split]
    if groups is None:
        splits += _further(prepared, n_splits - 1, seed)
    n_test = min(int((split == TEST).sum()) for split in splits)
    if n_test < LEAST_TEST:
        raise ValueError(
            f"{n_test} test sample(s) are too few to judge a panel by; at least {LEAST_TEST} are wanted: prepare the "
            "matrix with a larger --test-share"
        )
    return splits


def _further(prepared: PreparedExpression, n_wanted: int, seed: int) -> list[Split]:
    shares = [float((prepared.split == part).mean()) for part in (VALIDATION, TEST)]
    column = prepared.options.get("group_column")
    groups = None if column is None else prepared.labels[str(column)].astype(str).to_numpy(dtype=np.str_)
    found: list[Split] = [prepared.split]
    for number in range(1, n_wanted * TRIES + 1):
        if len(found) > n_wanted:
            break
        split = split_samples(
            prepared.n_samples, validation_share=shares[0], test_share=shares[1], seed=seed + number, groups=groups
        )
        if not any(((split == TEST) == (other == TEST)).all() for other in found):
            found.append(split)
    if len(found) <= n_wanted:
        logger.warning(
            "%d of %d splits are judged: with groups kept together there are no others", len(found), n_wanted + 1
        )
    return found[1:]


def _folds(groups: ArrayLike, n_folds: int, n_samples: int, seed: int) -> list[Split]:
    from sklearn.model_selection import GroupKFold

    names = np.asarray(groups).astype(str)
    if len(names) != n_samples:
        raise ValueError(f"there are {len(names)} groups for {n_samples} samples; give one for each sample")
    if (names == "").any():
        raise ValueError(f"{int((names == '').sum())} of {n_samples} samples have no group; name one for each")
    known = np.unique(names)
    if not 2 <= n_folds <= len(known):
        raise ValueError(
            f"{len(known)} group(s) of samples ({listed(known)}) cannot be held out in {n_folds} split(s); give "
            f"--splits from 2 to {len(known)}"
        )
    folds = []
    for _, test in GroupKFold(n_folds, shuffle=True, random_state=seed).split(names, groups=names):
        split = np.full(n_samples, TRAIN, dtype="<U10")
        split[test] = TEST
        folds.append(split)
    return folds
