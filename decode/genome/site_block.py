"""Sites of one file as numbers, and how they are gathered row by row."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class SiteBlock(NamedTuple):
    """Sites of one file, as numbers.

    Sites are in the order of the file: they need be sorted neither by track nor by position.

    regulators, biosamples : list of str, shape (n_tracks,)
        Names of each track; biosample "" where none is stated. The pairs are unique.
    track : int32 array, shape (n_sites,)
        Number of each site's track in these two lists.
    position : int64 array, shape (n_sites,)
        Start on the assembly axis (`Assembly.offsets` + 0-based start), whatever the strand.
    length : int32 array, shape (n_sites,)
        Bases.
    strand : int8 array, shape (n_sites,)
        1, -1, or 0 for not stated or not read.
    counts : dict
        n_rows (in the file), n_skipped_chromosome and skipped_chromosomes (name -> rows; the assembly lacks them),
        n_below_score, n_clipped_at_chromosome_end, n_regulators_left_out (none of their rows was kept) and, where
        strand matters, n_without_strand.
    """

    regulators: list[str]
    biosamples: list[str]
    track: NDArray[np.int32]
    position: NDArray[np.int64]
    length: NDArray[np.int32]
    strand: NDArray[np.int8]
    counts: dict[str, Any]


@dataclass
class Names:
    """Names seen so far, numbered in order of appearance."""

    number: dict[str, int] = field(default_factory=dict)

    def of(self, tokens: list[str], codes: NDArray[np.int32]) -> NDArray[np.int32]:
        """Number of each row's name, given the row's token."""
        is_used = np.zeros(len(tokens), dtype=bool)
        is_used[codes] = True
        numbers = np.zeros(len(tokens), dtype=np.int32)
        for token in np.flatnonzero(is_used):
            numbers[token] = self.number.setdefault(tokens[token], len(self.number))
        return numbers[codes]


class Rows(NamedTuple):
    """Kept rows of one block of text."""

    name: NDArray[np.int32]
    biosample: NDArray[np.int32]
    position: NDArray[np.int64]
    length: NDArray[np.int32]
    strand: NDArray[np.int8]
    score: NDArray[np.float64]


def joined(parts: list[Rows]) -> Rows:
    """Rows of all blocks of a file."""
    columns: list[Any] = [np.concatenate(column) for column in zip(*parts, strict=True)]
    return Rows(*columns)


def is_score(written: str) -> bool:
    """Whether a text is a number."""
    try:
        return "_" not in written and not np.isnan(float(written))
    except ValueError:
        return False
