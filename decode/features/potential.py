"""Regulatory potential: how much peaks around a gene count, the nearer to its TSS the more."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from decode.features.kernel import add_potentials
from decode.features.pieces import Pieces

HALF_DISTANCE_BP = 10_000  # at which a peak counts half
REACH = 10  # half-distances; a peak farther away would count less than 2^-10 and counts nothing


def reach_bp(half_distance_bp: int) -> int:
    """Bases from the TSS up to which a peak counts."""
    return REACH * half_distance_bp


def potentials(
    pieces: Pieces,
    half_distance_bp: int,
    track: NDArray[np.int32],
    position: NDArray[np.int64],
    length: NDArray[np.int32],
    n_tracks: int,
) -> list[tuple[NDArray[np.int32], NDArray[np.float64]]]:
    """Regulatory potential of the peaks of several tracks at every gene.

    Parameters
    ----------
    pieces : Pieces
        Windows of `reach_bp` to both sides of each TSS, one bin a gene, without regard to strand.
    half_distance_bp : int
    track : int32 array, shape (n_sites,)
        Track of each peak, 0 to n_tracks - 1.
    position : int64 array, shape (n_sites,)
        Start on the assembly axis.
    length : int32 array, shape (n_sites,)
        Bases.
    n_tracks : int

    Returns
    -------
    list of (rows, values)
        Per track the genes whose potential is not 0, ascending, and their potential.

    Notes
    -----
    Potential = sum over peaks of 2^(-|middle - TSS| / half-distance), where middle = floor((start + end) / 2) of the
    0-based half-open peak. Peaks are not united: two that overlap count twice. Exponential decay with the distance is
    that of Wang et al. 2013 (BETA, Nat Protoc 8:2502), with other constants.
    """
    reach = reach_bp(half_distance_bp)
    weight = np.exp2(-np.arange(reach + 1) / half_distance_bp)
    tss = np.where(
        pieces.is_minus, pieces.end - 1 - reach + pieces.region_start, pieces.start + reach - pieces.region_start
    )
    order = np.argsort(track, kind="stable")
    middle = (position + length // 2)[order]
    edges = np.searchsorted(track[order], np.arange(n_tracks + 1))
    found = []
    for one in range(n_tracks):
        total = np.zeros(pieces.n_rows)
        add_potentials(
            pieces.start, pieces.end, pieces.reach, tss, pieces.row, weight, middle[edges[one] : edges[one + 1]], total
        )
        rows = np.flatnonzero(total)
        found.append((rows.astype(np.int32), total[rows]))
    return found
