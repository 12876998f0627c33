"""What an engine of `find_drivers` is: given genes, tracks and options, it explains one statistic after the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from decode.core.checks import check_choice, check_count
from decode.core.choices import Scale, Score
from decode.drivers.design import make_design
from decode.drivers.inputs import MIN_BOUND_GENES, DriverInputs
from decode.drivers.noise import Significance
from decode.drivers.screen import SCORES, Screen, screener

Float = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class DriversConfig:
    """Options of `find_drivers`.

    Parameters
    ----------
    score : {"marginal", "joint", "attribution", "covariance"}
        See `decode.drivers.screen.screen`.
    scale : {"normal_scores", "as_given"}
        Whether the statistic is replaced by normal quantiles of its rank, so that a few extreme genes weigh no more
        than others. A signature stays as it is.
    n_null : int
        Null targets, see `decode.drivers.noise`.
    independent_genes : bool
        Take genes as independent: exchange sites between like genes, instead of null targets with the correlation of
        genes. It answers whether any site matters, not whether the samples differ.
    seed : int
    min_bound_genes : int
        Tracks with sites in fewer matched genes are dropped.
    n_top : int
        Drivers of each contrast whose targets, sites and positions are written (and those of FDR < 5 %, targets only).
    n_targets : int
        Leading targets of a driver.
    prior_covariate : bool
        Whether the DE prior is a covariate, where one is given.
    response : bool
        Whether the size of the statistic is screened beside its sign, and both rank the regulators.
    """

    score: Score = "marginal"
    scale: Scale = "normal_scores"
    n_null: int = 1000
    independent_genes: bool = False
    seed: int = 0
    min_bound_genes: int = MIN_BOUND_GENES
    n_top: int = 20
    n_targets: int = 50
    prior_covariate: bool = False
    response: bool = True

    def __post_init__(self) -> None:
        check_choice("score", self.score, SCORES)
        check_choice("scale", self.scale, ("normal_scores", "as_given"))
        for name in ("n_null", "min_bound_genes", "n_top", "n_targets"):
            check_count(name, getattr(self, name))
        check_count("seed", self.seed, zero=True)


class Explained(NamedTuple):
    """One statistic explained.

    Attributes
    ----------
    effect : float64 array, shape (n_regulators,)
    r2 : float
        Share of the statistic's variance (beyond the covariates) predicted in held-out genes.
    attribution : callable
        Number of a regulator -> attribution of each gene to it, shape (n_genes,).
    screen : Screen or None
        Of engines whose score is a function of the statistic; it is compared with null targets.
    significance : Significance or None
        Of engines that bring their own.
    """

    effect: Float
    r2: float
    attribution: Callable[[int], Float]
    screen: Screen | None = None
    significance: Significance | None = None


class Fit(Protocol):
    """Explains statistics of the same genes."""

    def __call__(self, y: Float) -> Explained:
        """Explain a statistic, shape (n_genes,)."""


class Engine(Protocol):
    """Prepares what the statistics of the same genes share."""

    def __call__(self, inputs: DriverInputs, config: DriversConfig) -> Fit:
        """Prepare genes and tracks."""


def ridge_engine(inputs: DriverInputs, config: DriversConfig) -> Fit:
    """Ridge regression on the log totals of all tracks; the products are shared by all statistics.

    Parameters
    ----------
    inputs : DriverInputs
    config : DriversConfig

    Returns
    -------
    callable
        Statistic of shape (n_genes,) -> Explained. Attribution of a gene to a regulator: sum over its tracks of
        coefficient times log(1 + bases), that is against the same gene without sites.
    """
    design = make_design(inputs.x, inputs.covariates, groups=inputs.features.genes["chrom"], seed=config.seed)
    code = inputs.regulators.code
    screen = screener(design, code, score=config.score)

    def fit(y: Float) -> Explained:
        found = screen(y)

        def attribution(number: int) -> Float:
            own = np.flatnonzero(code == number)
            return np.asarray(inputs.x[:, own] @ found.coefficients[own])

        return Explained(found.effect, found.r2, attribution, screen=found)

    return fit
