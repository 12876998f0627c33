"""Is the score of a regulator more than the same model finds where sites say nothing? z, p and FDR from refits.

What is tested is the global null: no site matters. Refits on shuffled sites say what scores look like then
(`decode.ranking.null`, `decode.ranking.null_file`); here they are turned into z and p-values.
"""

from __future__ import annotations

import logging
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm
from scipy.stats import t as student

from decode.core.shown import shown
from decode.statistics.shrinkage import squeeze_variance

logger = logging.getLogger(__name__)

Float = NDArray[np.float64]
LEAST_REFITS = 3  # one is left out, and a variance needs two
ENOUGH_REFITS = 20  # DESIGN section 6


@shown()
class Significance(NamedTuple):
    """z and p-value of each score, in the shape of the observed scores."""

    z: Float
    p_value: Float


def empirical_significance(observed: ArrayLike, null: ArrayLike, strata: ArrayLike, *, two_sided: bool) -> Significance:
    """Compare scores with those of refits on shuffled sites.

    Parameters
    ----------
    observed : array, shape (n_regulators,) or (n_regulators, n_tasks)
    null : array, shape (n_refits, n_regulators) or (n_refits, n_regulators, n_tasks)
        The same scores of each refit. At least 3; below 20 a warning.
    strata : int array, shape (n_regulators,)
        Regulators whose null z are pooled, see `decode.statistics.strata.bound_gene_strata`.
    two_sided : bool
        True: small and large scores count. False: only large ones (scores that cannot be negative).

    Returns
    -------
    Significance
        The p-value is for the global null (no site matters).

    Raises
    ------
    ValueError
        If shapes do not agree, a score is undefined, or there are fewer than 3 refits.

    Notes
    -----
    z = (score - mean of the regulator's B null scores) / its null SD, shrunken within strata (`squeeze_variance`). Each
    null score is treated alike against the other B - 1: mean, SD and shrinkage without it. p = (1 + number of null
    scores of the stratum, all refits, at least as extreme) / (1 + number of all).

    Two adjustments make both sides comparable, since a mean and a variance of B - 1 refits are less certain than of B:
    scores are measured in predictive units z / sqrt(1 + 1/B) (1 + 1/(B - 1) for null scores), and "as extreme" compares
    the tail of Student's t with d0 + B - 1 (d0 + B - 2) degrees of freedom, d0 being the prior's. No distribution is
    assumed by that: a common transformation of both sides leaves the p-value what it is.

    References
    ----------
    Smyth 2004, Stat Appl Genet Mol Biol 3:3 (shrinkage, moderated t). Phipson and Smyth 2010, Stat Appl Genet Mol Biol
    9:39 (1 + # over 1 + n).

    Examples
    --------
    >>> null = np.random.default_rng(0).normal(size=(20, 40))
    >>> found = empirical_significance(np.r_[9.0, np.zeros(39)], null, np.zeros(40, dtype=int), two_sided=True)
    >>> round(float(found.p_value[0]), 6) == round(1 / 801, 6), bool(found.p_value[1:].min() > 0.3)
    (True, True)
    """
    scores, refits, code = _checked(observed, null, strata)
    if len(refits) < ENOUGH_REFITS:
        logger.warning("null holds %d refits; z and p-values are coarse below %d", len(refits), ENOUGH_REFITS)
    found = _compare(scores, refits, code, two_sided=two_sided)
    shape = np.shape(observed)
    return Significance(found.z.reshape(shape), found.p_value.reshape(shape))


def _compare(scores: Float, refits: Float, strata: NDArray[np.int64], *, two_sided: bool) -> Significance:
    n_refits = len(refits)
    z, tail = _standardise(scores, refits, strata, two_sided=two_sided)
    null_tail = np.stack(
        [
            _standardise(refits[number], np.delete(refits, number, axis=0), strata, two_sided=two_sided)[1]
            for number in range(n_refits)
        ]
    )
    p_value = np.empty_like(scores)
    for stratum in np.unique(strata):
        rows = np.flatnonzero(strata == stratum)
        for column in range(scores.shape[1]):
            pooled = np.sort(null_tail[:, rows, column].ravel())
            n_extreme = np.searchsorted(pooled, tail[rows, column], side="right")
            p_value[rows, column] = (1 + n_extreme) / (1 + len(pooled))
    return Significance(z, p_value)


def _checked(observed: ArrayLike, null: ArrayLike, strata: ArrayLike) -> tuple[Float, Float, NDArray[np.int64]]:
    """Scores (regulator, task), null scores (refit, regulator, task) and strata."""
    scores, refits = np.asarray(observed, dtype=np.float64), np.asarray(null, dtype=np.float64)
    if scores.ndim not in (1, 2) or refits.shape[1:] != scores.shape:
        raise ValueError(
            f"observed has shape {scores.shape} and null {refits.shape}; null has one axis more, the refits, in front"
        )
    if len(refits) < LEAST_REFITS:
        raise ValueError(f"null holds {len(refits)} refits; at least {LEAST_REFITS} are needed, 20 or more are wanted")
    code = np.asarray(strata)
    if code.shape != scores.shape[:1]:
        raise ValueError(f"strata has shape {code.shape}; one number for each of {len(scores)} regulators is wanted")
    for name, values in (("observed", scores), ("null", refits)):
        if not np.isfinite(values).all():
            raise ValueError(f"{name} holds {int((~np.isfinite(values)).sum())} undefined scores; compute them anew")
    columns = 1 if scores.ndim == 1 else scores.shape[1]
    return scores.reshape(len(scores), columns), refits.reshape(len(refits), len(scores), columns), code


def _standardise(scores: Float, refits: Float, strata: NDArray[np.int64], *, two_sided: bool) -> tuple[Float, Float]:
    """z, and the log of the tail probability that ranks it (the smaller, the more extreme)."""
    n_refits = len(refits)
    squeezed = squeeze_variance(refits.var(axis=0, ddof=1), n_refits - 1, strata)
    deviation = scores - refits.mean(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = deviation / np.sqrt(squeezed.variance)
    z[deviation == 0] = 0.0  # also where no refit ever gave anything else
    sided = (np.abs(z) if two_sided else z) / np.sqrt(1 + 1 / n_refits)
    df = np.broadcast_to(squeezed.prior_df + n_refits - 1, z.shape)
    is_normal = ~np.isfinite(df)
    tail = np.where(is_normal, norm.logsf(sided), student.logsf(sided, np.where(is_normal, 1.0, df)))
    return z, np.round(tail, 10)  # equal scores stay equal whatever the degrees of freedom


def leave_one_out_p_values(null: ArrayLike, strata: ArrayLike, *, two_sided: bool) -> Float:
    """p-values of every refit against the others: uniform where the test is calibrated.

    Parameters
    ----------
    null, strata, two_sided : as in `empirical_significance`
        At least 4 refits.

    Returns
    -------
    float64 array, in the shape of `null`

    Raises
    ------
    ValueError
        As `empirical_significance`.
    """
    shape = np.shape(null)
    if not shape or shape[0] <= LEAST_REFITS:
        raise ValueError(
            f"null holds {shape[0] if shape else 0} refits; at least {LEAST_REFITS + 1} are needed to leave one out"
        )
    _, refits, code = _checked(np.asarray(null)[0], null, strata)
    p_value = [
        _compare(refit, np.delete(refits, number, axis=0), code, two_sided=two_sided).p_value
        for number, refit in enumerate(refits)
    ]
    return np.stack(p_value).reshape(shape)
