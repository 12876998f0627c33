"""One strength from two screens: do a regulator's sites go with the direction of a change, or with changing at all?"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from decode.drivers.screen import ScreenResult
from decode.statistics.significance import empirical_significance

Float = NDArray[np.float64]


class Strength(NamedTuple):
    """How far the sites of each regulator have to do with a change, in direction or in size.

    Attributes
    ----------
    strength : float64 array, shape (n_regulators,)
        Length of the vector (direction, response), each in SDs of its refits on shuffled sites; a response below 0
        counts as 0. About 1 where no site matters.
    p_value : float64 array, shape (n_regulators,)
        Against the strengths of the same refits; one-sided.
    """

    strength: Float
    p_value: Float


def combined_strength(direction: ScreenResult, response: ScreenResult, strata: ArrayLike) -> Strength:
    """Put the screen of a statistic and the screen of its size together.

    A factor that is lost lets some of its targets fall and others rise, directly or not. Its sites then say little
    about the sign of a change and much about which genes change at all; a screen of the sign alone misses it. Sites
    that go with not changing (of factors at promoters that are always on) make no driver: a negative response does not
    count.

    Parameters
    ----------
    direction : ScreenResult
        Of the signed statistic.
    response : ScreenResult
        Of its size, on the same genes with the same seed and strata: refit number k of both moved sites alike, so that
        what the two have in common is in the null too.
    strata : int array, shape (n_regulators,)
        Regulators whose nulls are pooled.

    Returns
    -------
    Strength

    Raises
    ------
    ValueError
        If the two screens do not have the same regulators and refits.

    Notes
    -----
    With effects e and r, and s_e and s_r the SDs of a regulator's effects over all refits:
    strength = sqrt((e / s_e)^2 + max(r / s_r, 0)^2), for the data and for each refit alike.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> null = rng.normal(size=(200, 30))
    >>> def screened(effect):
    ...     none = np.zeros(30)
    ...     return ScreenResult(effect, none, none, none, null, none, 1.0, 0.0)
    >>> found = combined_strength(screened(np.r_[5.0, np.zeros(29)]), screened(np.zeros(30)), np.zeros(30, dtype=int))
    >>> int(np.argmin(found.p_value)), round(float(found.strength[0]))
    (0, 5)
    """
    if direction.null.shape != response.null.shape:
        raise ValueError(
            f"the screens have refits x regulators {direction.null.shape} and {response.null.shape}; screen the same "
            "regulators with the same number of refits"
        )
    observed, null = _in_null_sds(direction)
    observed_size, null_size = (np.maximum(values, 0.0) for values in _in_null_sds(response))
    strength, of_refits = np.hypot(observed, observed_size), np.hypot(null, null_size)
    return Strength(strength, empirical_significance(strength, of_refits, strata, two_sided=False).p_value)


def _in_null_sds(found: ScreenResult) -> tuple[Float, Float]:
    spread = found.null.std(axis=0, ddof=1)
    scale = np.where(spread > 0, spread, np.inf)
    return found.effect / scale, found.null / scale
