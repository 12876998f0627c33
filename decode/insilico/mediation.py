"""Mediation: do two genes still go together once the expression of their regulators is taken into account?"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decode.core.checks import check_choice, check_count, counted, listed
from decode.core.choices import MatchOn
from decode.core.shown import shown
from decode.insilico.conditional import conditional_correlation, drawn_correlations
from decode.insilico.replacements import MATCHES, UNMATCHED, replacements, varies

logger = logging.getLogger(__name__)

Float = NDArray[np.float64]
LEAST_R2 = 0.01  # below, there is nothing to mediate and the share has no meaning
N_DRAWS = 1_000
N_NEAREST = 20


class DrawnNull(NamedTuple):
    """What random regulators in the place of the drivers leave.

    Attributes
    ----------
    match_on : str
        "none", "expression" or "fractions".
    n_candidates : int
        Regulators that were drawn from.
    correlation : float64 array, shape (n_draws,)
        Pearson's r of the two genes beside each draw.
    share : float64 array, shape (n_draws,)
        1 - R2_after / R2_before; NaN where R2_before < 0.01.
    p_value : float
        (1 + draws that leave no more than the drivers do) / (1 + draws); NaN where the share is.
    """

    match_on: str
    n_candidates: int
    correlation: Float
    share: Float
    p_value: float


@shown()
class Mediation(NamedTuple):
    """How much of what two genes share goes with the expression of their regulators.

    Attributes
    ----------
    pair : tuple of str
        As named, in the user's order.
    rows : tuple of str
        Rows of the table.
    n_samples : int
    correlation_before, correlation_after : float
        Pearson's r of the two genes (beside the covariates), and beside the drivers too.
    r2_before, r2_after : float
    share : float
        1 - r2_after / r2_before; negative where the drivers hid some of it; NaN where r2_before < 0.01.
    p_after : float
        t test of the partner beside drivers and covariates: a small one says that something is left.
    drivers : pd.DataFrame
        regulator, rows (joined by ";"), is_used, why_not.
    covariates : list of str
        Columns regressed out before and after.
    draws : dict of str to DrawnNull
        By what they are matched on; "none" is there where candidates were given.
    counts : dict
    """

    pair: tuple[str, str]
    rows: tuple[str, str]
    n_samples: int
    correlation_before: float
    correlation_after: float
    r2_before: float
    r2_after: float
    share: float
    p_after: float
    drivers: pd.DataFrame
    covariates: list[str]
    draws: dict[str, DrawnNull]
    counts: dict[str, int]


def mediate(
    expression: pd.DataFrame,
    pair: tuple[str, str],
    drivers: Mapping[str, Sequence[str]],
    candidates: Mapping[str, Sequence[str]] | None = None,
    *,
    names: tuple[str, str] | None = None,
    n_draws: int = N_DRAWS,
    match_on: Sequence[MatchOn] = (),
    fractions: pd.DataFrame | None = None,
    covariates: pd.DataFrame | None = None,
    n_nearest: int = N_NEAREST,
    with_drivers: bool = False,
    seed: int = 0,
) -> Mediation:
    """Regress the drivers' expression out of two genes and compare what is left with random regulators' work.

    Parameters
    ----------
    expression : pd.DataFrame, shape (n_rows, n_samples)
        Values are taken as they are and never logged: give log2 values. Index: row ids.
    pair : tuple of str
        Two rows.
    drivers : mapping of regulator to rows
        Rows of each regulator's own genes: several for a complex (their mean is taken), none for a miRNA.
    candidates : mapping of regulator to rows, optional
        What random draws are made from: regulators with a site in either gene; without it there are none. Drivers,
        genes of the pair, regulators without a row, and rows that do not vary are left out and counted; regulators with
        the same rows count once.
    names : tuple of str, optional
        What the two genes are called; default the rows.
    n_draws : int, default 1,000
    match_on : sequence of {"expression", "fractions"}
        Draws beside the plain ones, in which each driver is replaced by one of the candidates nearest to it in mean
        expression, or in its correlations with the fractions.
    fractions : pd.DataFrame, shape (n_samples, n_fractions), optional
        Cell fractions, for `match_on`.
    covariates : pd.DataFrame, shape (n_samples, n_covariates), optional
        Regressed out before and after, in the draws too. Text becomes one column a value.
    n_nearest : int, default 20
        Candidates that can replace a driver in matched draws; at least twice as many as drivers are taken.
    with_drivers : bool, default False
        Whether the drivers can be drawn too. Without them a set that holds the one regulator that matters is compared
        with sets that cannot hold it: random sets then have p < 0.05 too often where the candidates are few.
    seed : int, default 0

    Returns
    -------
    Mediation

    Raises
    ------
    KeyError
        If a row is not in the table.
    ValueError
        If a gene of the pair is constant, a value of pair, drivers or covariates is missing, no driver has expression,
        drivers are collinear, there are too few samples for the drivers, or fewer candidates than drivers.

    Notes
    -----
    R2 is the squared correlation of the two genes, after: of their residuals beside the drivers. k drivers take k
    degrees of freedom from both genes, as k random regulators do, so a share is to be read beside the draws. Over
    tissues, tumour types or mixtures of cells any regulator of the same cells "mediates": use matched draws, cell
    fractions or cohorts as covariates, or one kind of sample.

    References
    ----------
    Tasaki et al. 2020, conditional independence of LAPTM5 and CD53 given ten regulators; 1,000 random draws.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> table = pd.DataFrame(rng.normal(size=(40, 60)), index=[f"R{i}" for i in range(40)])
    >>> table.loc["A"], table.loc["B"] = (table.loc["R0"] + 0.4 * rng.normal(size=60) for _ in range(2))
    >>> found = mediate(table, ("A", "B"), {"R0": ["R0"]}, {f"R{i}": [f"R{i}"] for i in range(40)})
    >>> found.share > 0.9, round(found.draws["none"].p_value, 3)
    (True, 0.001)
    """
    check_count("n_draws", n_draws)
    for choice in match_on:
        check_choice("match_on", choice, MATCHES[1:])
    if "fractions" in match_on and fractions is None:
        raise ValueError("match_on is 'fractions' and no cell fractions are given; name their columns (--fractions)")
    table = expression.set_axis(expression.index.astype(str), axis=0)
    genes = _rows_of(table, pair, "gene", constant="raise")
    base, covariate_names = _covariates(covariates, table)
    used, described = _drivers(table, drivers, pair)
    matrix = np.column_stack(list(used.values()))
    _check_columns(matrix, base, list(used))
    found = conditional_correlation(genes[0], genes[1], matrix, base)
    draws: dict[str, DrawnNull] = {}
    counts = {"drivers": len(described), "drivers_used": len(used)}
    if candidates is not None:
        pool, left_out = _candidates(table, candidates, set(drivers), used, pair)
        counts |= left_out
        pool = (used if with_drivers else {}) | pool
        columns = _enough(pool, len(used), counts)
        asked: list[str] = [UNMATCHED, *match_on]
        for drawn in dict.fromkeys(asked):
            rng = np.random.default_rng([seed, MATCHES.index(drawn)])
            sets = replacements(drawn, matrix, columns, fractions, n_draws, n_nearest, rng)
            after = drawn_correlations(genes.T, columns, sets, base)
            draws[drawn] = _null(drawn, len(pool), after, found.before**2, found.after**2)
    logger.info("mediation of %s and %s: %s", *(names or pair), counted(counts))
    lost = described.loc[~described["is_used"]]
    if len(lost):
        reasons = listed(lost["regulator"] + " (" + lost["why_not"] + ")")
        logger.warning("%d drivers are not used: %s", len(lost), reasons)
    return Mediation(
        pair=names or pair,
        rows=pair,
        n_samples=genes.shape[1],
        correlation_before=found.before,
        correlation_after=found.after,
        r2_before=found.before**2,
        r2_after=found.after**2,
        share=_share(found.before**2, found.after**2),
        p_after=found.p_after,
        drivers=described,
        covariates=covariate_names,
        draws=draws,
        counts=counts,
    )


def _share(before: float, after: float) -> float:
    return 1.0 - after / before if before >= LEAST_R2 else float("nan")


def _null(match_on: str, n_candidates: int, after: Float, before: float, observed: float) -> DrawnNull:
    """A draw that leaves nothing of a gene (NaN) counts against the drivers."""
    is_defined = before >= LEAST_R2 and np.isfinite(observed)
    r2 = np.nan_to_num(after**2, nan=0.0)
    p_value = (1 + int((r2 <= observed).sum())) / (1 + len(r2)) if is_defined else float("nan")
    share = 1.0 - after**2 / before if before >= LEAST_R2 else np.full(len(after), np.nan)
    return DrawnNull(match_on, n_candidates, after, share, p_value)


def _rows_of(table: pd.DataFrame, rows: Sequence[str], what: str, *, constant: str) -> Float:
    """Values of some rows; complete ones, or an error that names the row."""
    missing = [row for row in rows if row not in table.index]
    if missing:
        raise KeyError(f"{what} {listed(missing)} not in the expression table; its rows are {listed(table.index, 3)}")
    if len(set(rows)) < len(rows):
        raise ValueError(f"{what}s are {listed(rows)}; name different ones")
    values = table.loc[list(rows)].to_numpy(dtype=np.float64)
    for row, numbers in zip(rows, values, strict=True):
        n_missing = int((~np.isfinite(numbers)).sum())
        if n_missing:
            raise ValueError(
                f"{what} {row} has no value in {n_missing} of {len(numbers)} samples; leave these samples out or impute"
            )
        if constant == "raise" and not varies(numbers):
            raise ValueError(f"{what} {row} has the same value in all {len(numbers)} samples; choose another gene")
    return values


def _covariates(covariates: pd.DataFrame | None, table: pd.DataFrame) -> tuple[Float, list[str]]:
    """Covariates as columns that do not depend on each other, centred."""
    n_samples = table.shape[1]
    if covariates is None or not covariates.shape[1]:
        return np.empty((n_samples, 0)), []
    if len(covariates) != n_samples:
        raise ValueError(f"covariates are of {len(covariates)} samples, the table of {n_samples}; give the same ones")
    lacking = [str(name) for name in covariates if covariates[name].isna().any()]
    if lacking:
        raise ValueError(f"covariates with missing values: {listed(lacking)}; complete them or leave samples out")
    wide = pd.get_dummies(covariates, drop_first=True, dtype=float).to_numpy(dtype=np.float64)
    centred = wide - wide.mean(axis=0)
    scale = centred.std(axis=0)
    left, size, _ = np.linalg.svd(centred[:, scale > 0] / scale[scale > 0], full_matrices=False)
    if not size.size:
        raise ValueError(f"covariates {listed(covariates.columns)} are the same in all samples; leave them out")
    return left[:, size > size[0] * 1e-10], [str(name) for name in covariates]


def _own_expression(table: pd.DataFrame, rows: Sequence[str], name: str) -> Float:
    """Mean of a regulator's rows."""
    mean: Float = _rows_of(table, list(dict.fromkeys(rows)), f"row of {name}", constant="keep").mean(axis=0)
    return mean


def _drivers(
    table: pd.DataFrame, drivers: Mapping[str, Sequence[str]], pair: Sequence[str]
) -> tuple[dict[str, Float], pd.DataFrame]:
    used: dict[str, Float] = {}
    seen: dict[frozenset[str], str] = {}
    rows = []
    for name, own in drivers.items():
        key, why = frozenset(own), ""
        if not own:
            why = "has no expression in the table"
        elif key & set(pair):
            why = "is a gene of the pair"
        elif key in seen:
            why = f"has the same gene as {seen[key]}"
        else:
            values = _own_expression(table, own, name)
            if varies(values):
                used[name], seen[key] = values, name
            else:
                why = "has the same expression in all samples"
        rows.append((name, ";".join(own), not why, why))
    described = pd.DataFrame(rows, columns=["regulator", "rows", "is_used", "why_not"])
    if not used:
        reasons = listed(described["regulator"] + " " + described["why_not"]) if rows else "no driver is named"
        raise ValueError(f"no driver can be used: {reasons}; name regulators whose genes are in the table")
    return used, described


def _candidates(
    table: pd.DataFrame,
    candidates: Mapping[str, Sequence[str]],
    drivers: set[str],
    used: Mapping[str, Float],
    pair: Sequence[str],
) -> tuple[dict[str, Float], dict[str, int]]:
    """Expression of the candidates that can be drawn, and why others cannot."""
    counts = dict.fromkeys(("drivers", "of_the_pair", "without_expression", "not_complete", "constant", "same_gene"), 0)
    driver_values = [values.tobytes() for values in used.values()]
    pool: dict[str, Float] = {}
    seen: set[frozenset[str]] = set()
    for name, own in candidates.items():
        rows = [row for row in dict.fromkeys(own) if row in table.index]
        key = frozenset(rows)
        values = table.loc[rows].to_numpy(dtype=np.float64).mean(axis=0) if rows else np.empty(0)
        if name in drivers or (rows and values.tobytes() in driver_values):
            reason = "drivers"
        elif key & set(pair):
            reason = "of_the_pair"
        elif not rows:
            reason = "without_expression"
        elif not np.isfinite(values).all():
            reason = "not_complete"
        elif not varies(values):
            reason = "constant"
        elif key in seen:
            reason = "same_gene"
        else:
            seen.add(key)
            pool[name] = values
            continue
        counts[reason] += 1
    left_out = {f"left_out_{name}": n for name, n in counts.items()}
    return pool, {"candidates": len(candidates), "candidates_used": len(pool), **left_out}


def _enough(pool: Mapping[str, Float], k: int, counts: Mapping[str, int]) -> Float:
    """The candidates' expression, (n_samples, n_candidates)."""
    if len(pool) < k:
        raise ValueError(
            f"{len(pool)} candidates are fewer than the {k} drivers that they are to replace ({counted(counts)}); give "
            "fewer drivers or further candidates"
        )
    return np.column_stack(list(pool.values()))


def _check_columns(matrix: Float, base: Float, names: list[str]) -> None:
    """Refuse too few samples, and a driver that is a combination of others and of the covariates."""
    n_samples, k = matrix.shape
    least = k + base.shape[1] + 3
    if n_samples < least:
        raise ValueError(
            f"{n_samples} samples are too few for {k} drivers and {base.shape[1]} covariates; {least} or more are "
            "wanted: give fewer drivers or more samples"
        )
    centred = matrix - matrix.mean(axis=0)
    columns = np.column_stack([base, centred / centred.std(axis=0)])
    left = np.abs(np.diag(np.linalg.qr(columns, mode="r")))[base.shape[1] :]
    lost = [name for name, size in zip(names, left, strict=True) if size < 1e-7 * np.sqrt(n_samples)]
    if lost:
        raise ValueError(
            f"drivers whose expression is a combination of other drivers and covariates: {listed(lost)}; leave them out"
        )
