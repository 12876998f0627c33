"""What every way to choose landmark genes takes and gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from decode.core.checks import check_count

if TYPE_CHECKING:
    from decode.landmark.autoencoder import Autoencoder
    from decode.landmark.prepared import PreparedExpression


@dataclass(frozen=True, eq=False)
class SelectionRequest:
    """What is asked of a way to choose genes.

    Parameters
    ----------
    size : int
        Genes wanted.
    seed : int, default 0
    repeats : int, default 0
        Further choices on bootstrap samples of the training samples, for the stability.
    autoencoder : Autoencoder, optional
        Of methods that explain one.
    max_samples : int, optional
        So many training samples at most, drawn by the seed.
    work : Path, optional
        Folder for finished pieces, so that a killed run goes on.
    on_progress : callable, optional
        Called with (done, total).
    """

    size: int
    seed: int = 0
    repeats: int = 0
    autoencoder: Autoencoder | None = None
    max_samples: int | None = None
    work: Path | None = None
    on_progress: Callable[[int, int], None] | None = None

    def __post_init__(self) -> None:
        check_count("size", self.size)
        check_count("seed", self.seed, zero=True)
        check_count("repeats", self.repeats, zero=True)
        if self.max_samples is not None:
            check_count("max_samples", self.max_samples)

    def training_rows(self, prepared: PreparedExpression) -> NDArray[np.int64]:
        """Training samples to use, ascending."""
        rows = prepared.rows("train")
        if self.max_samples is None or self.max_samples >= len(rows):
            return rows
        return np.sort(np.random.default_rng(self.seed).choice(rows, self.max_samples, replace=False))


class GeneScores(NamedTuple):
    """Genes in the order in which they are chosen.

    Attributes
    ----------
    order : int array, shape (>= size,)
        Gene numbers, best first.
    score : float64 array, shape (n_genes,)
        What they are chosen by; NaN where a gene has none.
    score_signed : float64 array, shape (n_genes,), or None
        The same with its sign, where the method has one.
    repeated : int array, shape (n_repeats, size), or None
        Genes chosen in each repeat.
    """

    order: NDArray[np.int64]
    score: NDArray[np.float64]
    score_signed: NDArray[np.float64] | None = None
    repeated: NDArray[np.int64] | None = None


Method = Callable[["PreparedExpression", SelectionRequest], GeneScores]


def best_first(score: NDArray[np.float64]) -> NDArray[np.int64]:
    """Gene numbers from the highest score to the lowest; ties in the order of the genes, NaN last.

    Examples
    --------
    >>> best_first(np.array([1.0, np.nan, 3.0, 3.0])).tolist()
    [2, 3, 0, 1]
    """
    return np.argsort(-np.nan_to_num(score, nan=-np.inf), kind="stable")


def bootstrap_counts(n_samples: int, repeats: int, seed: int) -> NDArray[np.int64]:
    """How often each sample is drawn in each repeat, with replacement; shape (repeats, n_samples).

    Examples
    --------
    >>> bootstrap_counts(4, 2, 0).sum(axis=1).tolist()
    [4, 4]
    """
    counts = np.zeros((repeats, n_samples), dtype=np.int64)
    for repeat in range(repeats):
        drawn = np.random.default_rng([seed, repeat]).integers(n_samples, size=n_samples)
        counts[repeat] = np.bincount(drawn, minlength=n_samples)
    return counts
