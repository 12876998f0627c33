"""Main effects of removals: regression on random draws, single removals, Shapley values."""

from __future__ import annotations

from collections.abc import Callable
from math import comb
from typing import NamedTuple

import numpy as np
import statsmodels.api as sm
from numpy.typing import NDArray

from decode.core.checks import check_count

Float = NDArray[np.float64]
Bool = NDArray[np.bool_]
Game = Callable[[Bool], Float]  # removals (n, n_units) -> value of each (n,)
N_BATCHES = 10  # of the draws, for the error of Shapley values


class Regression(NamedTuple):
    """Multiple linear regression of a value on what was removed.

    Attributes
    ----------
    coefficient, standard_error, p_value : float64 array, shape (n_units,)
        The coefficient is the mean change of the value when the unit is removed, over the other units' draws.
    r2 : float
    weights : float64 array, shape (n_units, n_draws)
        coefficient = weights @ values, for further values of the same draws.
    """

    coefficient: Float
    standard_error: Float
    p_value: Float
    r2: float
    weights: Float


class Shapley(NamedTuple):
    """Shapley values and their sampling errors, (n_units,); the error is 0 where all sets were enumerated."""

    value: Float
    error: Float


def bernoulli_draws(n_units: int, n_draws: int, rate: float, rng: np.random.Generator) -> Bool:
    """Random removals, each unit by itself with probability `rate`, shape (n_draws, n_units).

    Raises
    ------
    ValueError
        If the rate is not between 0 and 1, or the draws are too few for a regression.
    """
    check_count("n_draws", n_draws)
    if not 0 < rate < 1:
        raise ValueError(f"deletion_rate is {rate}; a number above 0 and below 1 is wanted (0.5 as published)")
    if n_draws < n_units + 10:
        raise ValueError(
            f"{n_draws} draws are too few for the {n_units} regulators or bins of the gene; {n_units + 10} or more are "
            "wanted (--draws)"
        )
    return rng.random((n_draws, n_units)) < rate


def regress(removed: Bool, value: Float) -> Regression:
    """Regress a value on what was removed, by ordinary least squares.

    With independent removals the coefficient of a unit estimates E[value with it removed - value with it kept] over
    random states of the others, whatever the value depends on: at a rate of one half it is the Banzhaf value.

    Parameters
    ----------
    removed : bool array, shape (n_draws, n_units)
    value : array, shape (n_draws,)

    Returns
    -------
    Regression

    Examples
    --------
    >>> removed = np.random.default_rng(0).random((200, 2)) < 0.5
    >>> regress(removed, 3.0 - 0.2 * removed[:, 0]).coefficient.round(6) + 0.0
    array([-0.2,  0. ])
    """
    design = sm.add_constant(removed.astype(np.float64), has_constant="add")
    varies = removed.any(axis=0) & ~removed.all(axis=0)
    if not varies.all():
        raise ValueError(
            f"{int((~varies).sum())} regulators or bins were removed in all draws or in none; give more draws or "
            "another deletion rate"
        )
    fit = sm.OLS(value, design).fit()
    weights = np.linalg.pinv(design)[1:]
    total = float(((value - value.mean()) ** 2).sum())
    is_flat = total <= 1e-24 * len(value)  # nothing changes: no draw says anything
    p_value = np.ones(removed.shape[1]) if is_flat else np.asarray(fit.pvalues)[1:]
    r2 = float("nan") if is_flat else float(fit.rsquared)
    return Regression(np.asarray(fit.params)[1:], np.asarray(fit.bse)[1:], p_value, r2, weights)


def shapley_values(game: Game, n_units: int, n_draws: int, rng: np.random.Generator) -> Shapley:
    """Shapley values: the mean change when a unit is removed, over all orders in which units can be removed.

    They sum to the value with all units removed minus that with none. Draws that remove each unit with one probability
    (the regression's) hold hardly any small or large set of many units, so they cannot be weighted into Shapley values;
    these are drawn for the purpose, by the kernel's own weights of sizes, each set with its complement.

    Parameters
    ----------
    game : function
        Value of many removals, (n, n_units) -> (n,).
    n_units : int
    n_draws : int
        Evaluations to spend; where 2^n_units are not more, all sets are taken and the values are exact.
    rng : numpy Generator

    Returns
    -------
    Shapley

    Raises
    ------
    ValueError
        If the draws are fewer than two a unit.

    References
    ----------
    Lundberg and Lee 2017 (kernel SHAP, theorem 2); Covert and Lee 2021 (paired sampling), AISTATS 130:3457.

    Examples
    --------
    >>> game = lambda removed: removed[:, 0] * 1.0 + 2.0 * removed[:, 0] * removed[:, 1]
    >>> shapley_values(game, 2, 100, np.random.default_rng(0)).value.round(6)
    array([2., 1.])
    """
    check_count("n_draws", n_draws)
    none, everything = game(np.array([[False] * n_units, [True] * n_units]))
    if n_units == 1:
        return Shapley(np.array([everything - none]), np.zeros(1))
    if 2**n_units - 2 <= n_draws:
        sets = ((np.arange(1, 2**n_units - 1)[:, None] >> np.arange(n_units)) & 1).astype(bool)
        sizes = sets.sum(axis=1)
        kernel = np.array([1.0 / (comb(n_units, s) * s * (n_units - s)) for s in range(1, n_units)])
        value = _constrained(sets, game(sets) - none, everything - none, kernel[sizes - 1])
        return Shapley(value, np.zeros(n_units))
    if n_draws // 2 < n_units:  # a set and its complement say the same of a sum of effects
        raise ValueError(
            f"{n_draws} draws are too few for Shapley values of {n_units} units; {2 * n_units} or more are wanted "
            "(--draws)"
        )
    sets = _paired_sets(n_units, n_draws // 2, rng)
    values = game(sets) - none
    gain = everything - none
    value = _constrained(sets, values, gain, np.ones(len(sets)))
    n_batches = min(N_BATCHES, len(sets) // (4 * n_units))
    if n_batches < 2:
        return Shapley(value, np.full(n_units, np.nan))
    parts = np.array_split(np.arange(len(sets) // 2), n_batches)
    rows = [np.concatenate([2 * part, 2 * part + 1]) for part in parts]  # a set stays with its complement
    each = [_constrained(sets[row], values[row], gain, np.ones(len(row))) for row in rows]
    return Shapley(value, np.std(each, axis=0, ddof=1) / np.sqrt(n_batches))


def _paired_sets(n_units: int, n_pairs: int, rng: np.random.Generator) -> Bool:
    """Sets whose sizes follow the Shapley kernel, every second one the complement of the one before."""
    size = np.arange(1, n_units)
    weight = 1.0 / (size * (n_units - size))
    drawn = rng.choice(size, n_pairs, p=weight / weight.sum())
    rank = np.argsort(np.argsort(rng.random((n_pairs, n_units)), axis=1), axis=1)
    chosen = rank < drawn[:, None]
    return np.stack([chosen, ~chosen], axis=1).reshape(-1, n_units)


def _constrained(sets: Bool, gain: Float, total: float, weight: Float) -> Float:
    """Weighted least squares of gains on sets, the coefficients adding up to the total."""
    last = sets[:, -1].astype(np.float64)
    root = np.sqrt(weight)
    design = (sets[:, :-1] - last[:, None]) * root[:, None]
    free = np.linalg.lstsq(design, (gain - last * total) * root, rcond=None)[0]
    return np.append(free, total - free.sum())
