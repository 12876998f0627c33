"""One signed statistic a gene from what a differential expression table holds, and what it leaves out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, spearmanr

from decode.core.checks import listed
from decode.core.choices import DeRole

Float = NDArray[np.float64]
LEAST_P = 1e-300  # p-values that underflow to 0 (scanpy, Seurat) stand for this one
MONOTONE = -0.999  # rank correlation of a chi-square with its p-value, up to rounding
CUT_AT = 0.05
LEAST_ROWS = 10  # of fewer genes it cannot be said that they are all up by a cut
WANTED = "stat, t, z or scores; or F, LR or a p-value with a log fold change; or a log fold change"


class Statistic(NamedTuple):
    """A signed statistic and how it came about.

    Attributes
    ----------
    signed : float array, shape (n_rows,)
        Positive is up; NaN where the tool gave none.
    rule : str
    n_without_p : int
        Rows whose statistic was taken away because the tool withheld their p-value.
    """

    signed: Float
    rule: str
    n_without_p: int


def signed_statistic(
    values: Mapping[DeRole, Float], named: Mapping[DeRole, str], table: str, header: Sequence[str] = ()
) -> Statistic:
    """The statistic of each row.

    Parameters
    ----------
    values : mapping of role to array, shape (n_rows,)
    named : mapping of role to str
        Names of their columns.
    table : str
        What the table is, for messages.
    header : sequence of str
        All columns that it has, for messages.

    Returns
    -------
    Statistic

    Raises
    ------
    ValueError
        If nothing tells the sign, or p-values lie outside 0 to 1.

    Notes
    -----
    A column of non-negative statistics beside fold changes of both signs is a chi-square where it falls monotonically
    with its p-value (DESeq2's likelihood ratio test): then its square root takes the sign of the fold change. Where it
    does not, it is a rank sum or a Mann-Whitney U, whose middle is no change: then the p-value tells the size. A row
    whose p-value the tool withheld (DESeq2: outliers by Cook's distance) has no statistic.

    Examples
    --------
    >>> signed_statistic(
    ...     {"p_value": np.array([0.05, 1.0]), "fold_change": np.array([-1.0, 2.0])},
    ...     {"p_value": "PValue", "fold_change": "logFC"}, "demo",
    ... ).signed.round(2).tolist()
    [-1.96, 0.0]
    """
    if "p_value" in values and ((values["p_value"] < 0) | (values["p_value"] > 1)).any():
        raise ValueError(f"{table} has p-values outside 0 to 1 in column {named['p_value']}; check the column")
    if "fold_change" not in values and "statistic" not in values:
        raise no_statistic(table, list(header or named.values()))
    found, rule = _signed(values, named)
    if "p_value" not in values or not np.isfinite(values["p_value"]).any():
        return Statistic(found, rule, 0)
    is_withheld = np.isnan(values["p_value"]) & np.isfinite(found)
    return Statistic(np.where(is_withheld, np.nan, found), rule, int(is_withheld.sum()))


def _signed(values: Mapping[DeRole, Float], named: Mapping[DeRole, str]) -> tuple[Float, str]:
    change, p_value = values.get("fold_change"), values.get("p_value")
    size = values.get("unsigned")
    size_name = named.get("unsigned", "")
    if "statistic" in values:
        statistic = values["statistic"]
        has_signs = change is not None and bool((change > 0).any() and (change < 0).any())
        is_flat = len(np.unique(statistic[np.isfinite(statistic)])) < 2
        if change is None or is_flat or not has_signs or (statistic < 0).any():
            return statistic, f"column {named['statistic']}"
        if size is None and _is_chi_square(statistic, p_value):
            size, size_name = statistic, named["statistic"]
    assert change is not None  # checked by the caller
    sign = np.sign(change)
    by = f"with the sign of {named['fold_change']}"
    if size is not None:
        return sign * np.sqrt(np.maximum(size, 0)), f"square root of {size_name} {by}"
    if p_value is not None:
        return sign * norm.isf(np.maximum(p_value, LEAST_P) / 2), f"normal quantile of {named['p_value']} / 2 {by}"
    return change, f"column {named['fold_change']}"


def _is_chi_square(statistic: Float, p_value: Float | None) -> bool:
    """Whether a non-negative statistic falls as its p-value rises; without p-values it cannot be told and is not."""
    if p_value is None:
        return False
    is_known = np.isfinite(statistic) & np.isfinite(p_value) & (p_value > LEAST_P)
    if len(np.unique(statistic[is_known])) < 2 or len(np.unique(p_value[is_known])) < 2:
        return False
    return bool(spearmanr(statistic[is_known], p_value[is_known]).statistic < MONOTONE)


def no_statistic(table: str, header: list[str]) -> ValueError:
    """The error of a table from which no statistic can be had."""
    return ValueError(
        f"{table} has no usable statistic: columns found are {listed(header, 12)}; wanted are {WANTED}; name the "
        "column yourself (--column statistic=NAME)"
    )


def one_sided(statistic: Float) -> str | None:
    """What is wrong with statistics of one sign only, or None.

    Examples
    --------
    >>> one_sided(np.arange(1.0, 20.0)), one_sided(np.array([1.0, -2.0]))
    ('all 19 genes are up: a table cut to one direction; signs mean nothing', None)
    """
    known = statistic[np.isfinite(statistic) & (statistic != 0)]
    if len(known) < LEAST_ROWS or ((known > 0).any() and (known < 0).any()):
        return None
    direction = "up" if known[0] > 0 else "down"
    return f"all {len(known)} genes are {direction}: a table cut to one direction; signs mean nothing"


def significant_only(adjusted_p: Float | None) -> str | None:
    """What is wrong with a table that holds no unchanged gene, or None.

    Examples
    --------
    >>> significant_only(np.full(12, 0.01))
    'all 12 genes have an adjusted p-value below 0.05: a table cut at significance, without unchanged genes'
    """
    known = np.empty(0) if adjusted_p is None else adjusted_p[np.isfinite(adjusted_p)]
    if len(known) < LEAST_ROWS or (known >= CUT_AT).any():
        return None
    return (
        f"all {len(known)} genes have an adjusted p-value below {CUT_AT}: a table cut at significance, without "
        "unchanged genes"
    )
