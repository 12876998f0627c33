"""Regulators: the tracks of one kind and name, taken together."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

if TYPE_CHECKING:
    from decode.features.matrix import RegulatoryFeatures


class Regulators(NamedTuple):
    """The regulators of some tracks.

    Attributes
    ----------
    table : pd.DataFrame
        Index "KIND:NAME" in order of first appearance; columns kind, regulator, n_tracks, n_bound_genes (genes with a
        site in any of its tracks).
    code : int array, shape (n_tracks,)
        Row of the table that each track belongs to.
    """

    table: pd.DataFrame
    code: NDArray[np.int64]


def regulators_of(features: RegulatoryFeatures) -> Regulators:
    """Find the regulators of features; BCLAF1 the TF and BCLAF1 the RBP are two.

    Parameters
    ----------
    features : RegulatoryFeatures

    Returns
    -------
    Regulators
    """
    tracks = features.tracks
    kind, name = tracks["kind"].astype(str), tracks["regulator"].astype(str)
    code, index = pd.factorize(kind + ":" + name)
    first = np.unique(code, return_index=True)[1]
    n_bound = np.zeros(len(index), dtype=np.int64)
    is_bound = features.totals() > 0
    for number in range(len(index)):
        n_bound[number] = is_bound[:, code == number].any(axis=1).sum()
    table = pd.DataFrame(
        {
            "kind": kind.to_numpy(dtype=object)[first],
            "regulator": name.to_numpy(dtype=object)[first],
            "n_tracks": np.bincount(code, minlength=len(index)),
            "n_bound_genes": n_bound,
        },
        index=pd.Index(index, dtype=object),
    )
    return Regulators(table, code.astype(np.int64))


def sum_tracks(values: NDArray[np.floating], code: NDArray[np.int64], axis: int = 1) -> NDArray[np.floating]:
    """Sum values over the tracks of each regulator.

    Parameters
    ----------
    values : array
        Tracks along `axis`.
    code : int array, shape (n_tracks,)
        Regulator of each track, as `Regulators.code`; every number from 0 to the largest occurs.
    axis : int, default 1

    Returns
    -------
    array
        Of the dtype of `values`, with regulators along `axis`.

    Examples
    --------
    >>> sum_tracks(np.array([[1.0, 2.0, 4.0]]), np.array([0, 1, 0])).tolist()
    [[5.0, 2.0]]
    """
    if not len(code):
        return values
    order = np.argsort(code, kind="stable")
    starts = np.searchsorted(code[order], np.arange(code.max() + 1))
    grouped = values if (order == np.arange(len(order))).all() else np.take(values, order, axis=axis)
    summed: NDArray[np.floating] = np.add.reduceat(grouped, starts, axis=axis)
    return summed
