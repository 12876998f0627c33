"""Leave out copies of samples: an array that was deposited twice would stand in two parts of the split."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from decode.core.checks import check_positive

logger = logging.getLogger(__name__)

MAX_CLUSTERS, SAMPLES_PER_CLUSTER = 100, 20
MAX_DISTANCE = 1.0  # Chen et al. 2016 (D-GEX): profiles on the scale 4 to 15 of 22,268 probes
BATCH, MAX_ITER = 1000, 10  # D-GEX, kmeans.py
BLOCK = 1024  # samples compared with a block of others at a time

Read = Callable[[NDArray[np.int64]], NDArray[np.float32]]


class Duplicates(NamedTuple):
    """Samples that are copies of another.

    Attributes
    ----------
    keep : int array
        Samples to keep, ascending.
    dropped, duplicate_of : int array, shape (n_dropped,)
        Sample left out, and the kept one that it is a copy of.
    distance : float64 array, shape (n_dropped,)
        Euclidean distance of the two.
    n_clusters : int
    """

    keep: NDArray[np.int64]
    dropped: NDArray[np.int64]
    duplicate_of: NDArray[np.int64]
    distance: NDArray[np.float64]
    n_clusters: int


def find_duplicates(
    read: Read, n_samples: int, *, max_distance: float = MAX_DISTANCE, seed: int = 0, batch: int = BATCH
) -> Duplicates:
    """Find samples within a distance of an earlier sample of their cluster.

    Mini-batch k-means with k = min(100, n // 20) puts like samples together, so that not all pairs need comparing;
    within a cluster, a sample closer than `max_distance` to a kept sample that comes before it is a copy.

    Parameters
    ----------
    read : callable
        Row numbers in, normalised profiles (len(rows), n_genes) out; no more than a batch or block is asked for.
    n_samples : int
    max_distance : float, default 1.0
        Euclidean distance over all genes, below which two profiles are one.
    seed : int
    batch : int
        Samples of a mini-batch.

    Returns
    -------
    Duplicates

    Raises
    ------
    ValueError
        If the distance is not above zero.

    References
    ----------
    Chen et al. 2016, Bioinformatics 32:1832 (D-GEX), kmeans.py: k = 100, 10 iterations, batches of 1,000, distance 1.0.

    Examples
    --------
    >>> profiles = np.array([[4.0, 15.0], [9.0, 9.0], [4.1, 15.0]], dtype=np.float32)
    >>> found = find_duplicates(lambda rows: profiles[rows], 3)
    >>> found.keep.tolist(), found.dropped.tolist(), found.duplicate_of.tolist()
    ([0, 1], [2], [0])
    """
    check_positive("max_distance", max_distance)
    n_clusters = min(MAX_CLUSTERS, n_samples // SAMPLES_PER_CLUSTER)
    cluster = _clusters(read, n_samples, n_clusters, seed, batch) if n_clusters > 1 else np.zeros(n_samples, dtype=int)
    copies: list[tuple[int, int, float]] = []
    for number in np.unique(cluster):
        copies += _copies_within(read, np.flatnonzero(cluster == number), max_distance)
    copies.sort()
    dropped = np.array([copy[0] for copy in copies], dtype=np.int64)
    logger.info("de-duplication: %d of %d samples are copies (%d clusters)", len(copies), n_samples, max(1, n_clusters))
    return Duplicates(
        np.setdiff1d(np.arange(n_samples), dropped), dropped, np.array([copy[1] for copy in copies], dtype=np.int64),
        np.array([copy[2] for copy in copies], dtype=np.float64), max(1, n_clusters),
    )  # fmt: skip


def _clusters(read: Read, n_samples: int, n_clusters: int, seed: int, batch: int) -> NDArray[np.int64]:
    from sklearn.cluster import MiniBatchKMeans
    from threadpoolctl import threadpool_limits

    rng = np.random.default_rng(seed)
    model: Any = MiniBatchKMeans(n_clusters, batch_size=batch, n_init=1, random_state=seed)
    size = max(batch, n_clusters)
    with threadpool_limits(1, "openmp"):  # threads that wait for a busy core take minutes for what takes a second
        for _ in range(MAX_ITER):
            order = rng.permutation(n_samples)
            for start in range(0, n_samples, size):
                rows = np.sort(order[start : start + size])
                if start == 0 or len(rows) >= n_clusters:  # the odd rest is too small to be a batch
                    model.partial_fit(read(rows))
        parts = [model.predict(read(np.arange(i, min(i + size, n_samples)))) for i in range(0, n_samples, size)]
    return np.concatenate(parts).astype(np.int64)


def _copies_within(read: Read, rows: NDArray[np.int64], max_distance: float) -> list[tuple[int, int, float]]:
    """(copy, original, distance) of a cluster; a sample is compared with those before it that are kept."""
    found: dict[int, tuple[int, float]] = {}
    for start in range(0, len(rows), BLOCK):
        later_rows = rows[start : start + BLOCK]
        later = read(later_rows)
        close: list[tuple[int, int, float]] = []
        for first in range(0, start + 1, BLOCK):
            earlier_rows = rows[first : first + BLOCK]
            earlier = later if first == start else read(earlier_rows)
            close += _close_pairs(later, earlier, later_rows, earlier_rows, max_distance)
        for copy, original, distance in sorted(close):
            if copy not in found and original not in found:
                found[copy] = (original, distance)
    return [(copy, original, distance) for copy, (original, distance) in found.items()]


def _close_pairs(
    later: NDArray[np.float32],
    earlier: NDArray[np.float32],
    later_rows: NDArray[np.int64],
    earlier_rows: NDArray[np.int64],
    max_distance: float,
) -> list[tuple[int, int, float]]:
    """Candidates by products of float32, then their distance exactly."""
    centre = earlier.mean(axis=0)
    a, b = later - centre, earlier - centre
    squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)[None]
    apart = squares - 2 * (a @ b.T)
    slack = 1e-4 * squares  # what float32 can be wrong by
    pairs = []
    for i, j in np.argwhere(apart < max_distance**2 + slack):
        if earlier_rows[j] < later_rows[i]:
            distance = float(np.linalg.norm(later[i].astype(np.float64) - earlier[j]))
            if distance < max_distance:
                pairs.append((int(later_rows[i]), int(earlier_rows[j]), distance))
    return pairs
