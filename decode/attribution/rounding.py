"""How attributions are stored: rounded to what they can mean, so that they compress, and so that sums stay right."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

STEP_LOG2 = -14  # largest step, 2^-14 = 6.1e-5 log2 units: half of it is below the limit of additivity, 1e-4
RANGE_LOG2 = 9  # a step is at most 2^-9 of the largest contribution to a gene and task
SD_BITS = 5  # binary digits of a standard deviation after the leading one: at most 2^-6 (1.6 %) off


def round_with_carry(values: NDArray[np.float32], starts: NDArray[np.int64]) -> NDArray[np.float32]:
    """Round the contributions to each gene and task so that their sum, and that of any run of them, stays right.

    What rounding takes from one contribution is carried to the next: with S_k the sum of the first k, the k-th becomes
    round(S_k) - round(S_{k-1}), in steps that are powers of two. A contribution is then off by one step at most, the
    sum over all tracks by half a step, and what is 0 stays 0.

    Parameters
    ----------
    values : float32 array, shape (n_pairs, n_tasks)
        Contributions, the pairs of a gene one after the other.
    starts : int array, shape (n_genes + 1,)
        The pairs of gene g are starts[g] to starts[g + 1].

    Returns
    -------
    float32 array, shape (n_pairs, n_tasks)
        Off by at most 2^-14 log2 units and 2^-9 of the largest contribution to that gene and task.

    Examples
    --------
    >>> rounded = round_with_carry(np.float32([[0.1], [0.2], [0.3]]), np.array([0, 3]))
    >>> (rounded * 2**14).ravel().tolist(), round(float(rounded.sum()), 5)
    ([1638.0, 3277.0, 4915.0], 0.59998)
    """
    rounded = np.empty_like(values)
    for start, stop in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
        if start == stop:
            continue
        own = values[start:stop]
        largest = np.maximum(own.max(axis=0), -own.min(axis=0))
        step = np.ldexp(1.0, np.minimum(np.frexp(largest)[1] - 1 - RANGE_LOG2, STEP_LOG2))
        sums = np.cumsum(own, axis=0, dtype=np.float64)
        sums /= step
        np.rint(sums, out=sums)
        sums[1:] -= sums[:-1].copy()
        rounded[start:stop] = np.multiply(sums, step, out=sums)
    return rounded


def round_significant(values: NDArray[np.float32], bits: int = SD_BITS) -> NDArray[np.float32]:
    """Keep the leading binary digit and `bits` more: off by at most 2^-(bits + 1) of the number; NaN and 0 stay.

    Examples
    --------
    >>> round_significant(np.float32([0.0, 1.0, 1.1, -100.3])).tolist()
    [0.0, 1.0, 1.09375, -100.0]
    """
    shift = 23 - bits
    pattern = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)
    rounded = ((pattern + np.uint32(1 << (shift - 1))) >> np.uint32(shift)) << np.uint32(shift)
    return np.where(np.isfinite(values), rounded.view(np.float32), values)
