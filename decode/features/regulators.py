"""Regulators: the tracks of one kind and name, taken together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decode.core.checks import check_named, check_unique

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


class NamedRegulators(NamedTuple):
    """Regulators as somebody named them, with the tracks that each name means.

    Attributes
    ----------
    table : pd.DataFrame
        Index: "KIND:NAME", or "NAME" where the name is meant with several kinds; columns kind ("RBP+TF" where several),
        regulator, n_tracks.
    is_track : bool array, shape (n_regulators, n_tracks)
        Which tracks are the regulator's. A track may belong to two of them (BCLAF1 and RBP:BCLAF1).
    """

    table: pd.DataFrame
    is_track: NDArray[np.bool_]


def named_regulators(tracks: pd.DataFrame, names: Sequence[str] | None = None) -> NamedRegulators:
    """The tracks that names of regulators mean: "SPI1" all kinds of that name together, "RBP:BCLAF1" one kind.

    Parameters
    ----------
    tracks : pd.DataFrame
        kind and regulator of each track, as `RegulatoryFeatures.tracks` or `ModelBundle.tracks`.
    names : sequence of str, optional
        Default: every regulator "KIND:NAME" in order of first appearance, as `regulators_of` has them.

    Returns
    -------
    NamedRegulators
        In the order of the names.

    Raises
    ------
    KeyError
        If a name is unknown; the message gives the nearest names.
    ValueError
        If a regulator is named twice, or no regulator is named.

    Examples
    --------
    >>> tracks = pd.DataFrame({"kind": ["TF", "RBP", "TF"], "regulator": ["BCLAF1", "BCLAF1", "SPI1"]})
    >>> named_regulators(tracks, ["BCLAF1", "RBP:BCLAF1", "SPI1"]).table.index.tolist()
    ['BCLAF1', 'RBP:BCLAF1', 'TF:SPI1']
    >>> named_regulators(tracks, ["BCLAF1"]).is_track.tolist()
    [[True, True, False]]
    """
    kind, bare = (tracks[name].astype(str).to_numpy(dtype=object) for name in ("kind", "regulator"))
    full = kind + ":" + bare
    wanted = list(dict.fromkeys(full)) if names is None else [str(name) for name in names]
    if not wanted:
        raise ValueError("no regulator is named; give at least one, or leave the names out for all")
    check_named("regulator(s)", wanted, dict.fromkeys([*bare, *full]), "the tracks")
    rows, labels = [], []
    for name in wanted:
        is_own = full == name
        is_own = is_own if is_own.any() else bare == name
        kinds = sorted(set(kind[is_own]))
        label = f"{kinds[0]}:{bare[is_own][0]}" if len(kinds) == 1 else name
        rows.append(("+".join(kinds), bare[is_own][0], int(is_own.sum()), is_own))
        labels.append(label)
    check_unique("regulators asked for", labels)
    table = pd.DataFrame([row[:3] for row in rows], columns=["kind", "regulator", "n_tracks"])
    return NamedRegulators(table.set_index(pd.Index(labels, dtype=object)), np.stack([row[3] for row in rows]))


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
