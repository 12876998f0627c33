"""The numerical core of `decode drivers`: one ridge regression on all tracks, and a score a regulator.

Arrays in, arrays out. A score is a linear function of the target, so that its value for hundreds of targets in which
nothing differs is one matrix product (`decode.drivers.noise`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import cho_factor, cho_solve, eigh, inv

from decode.core.checks import check_choice, listed
from decode.core.choices import Score
from decode.core.threads import one_blas_thread
from decode.drivers.design import LEAST_SPREAD, Design, check_finite, make_design
from decode.features.regulators import sum_tracks

Float = NDArray[np.float64]
Targets = NDArray[np.float32]  # (n_genes, n_targets)
SCORES: tuple[Score, ...] = ("joint", "attribution", "covariance", "marginal")
# Of ridge, as multiples of the number of genes. A weak statistic is predicted best with far larger ones, but there the
# joint regression turns into the marginal correlation, which takes what regulators share for what each does
# (`python -m benchmarks planted`).
PENALTIES = np.logspace(-3.0, -0.5, 11)


class Screen(NamedTuple):
    """Scores of the regulators for one target, and the regression behind them.

    Attributes
    ----------
    effect : float64 array, shape (n_regulators,)
        Positive: sites go with up-regulation. Unit: SDs of the target (for "joint": per SD of the regulator's sites).
    coefficients : float64 array, shape (n_columns,)
        SDs of the target per unit of each column of x.
    penalty : float
        Chosen by cross-validation, as a multiple of the number of genes; NaN for "marginal".
    r2 : float
        Share of the target's variance (beyond the covariates) that ridge predicts in held-out folds; can be negative.
    residual : float64 array, shape (n_genes,)
        The target in SDs, without what the covariates explain.
    basis : float64 array, shape (n_genes, n_covariates + 1)
        Orthonormal; spans the constant and the covariates.
    score : callable
        Residual targets, shape (n_genes, n_targets) -> effects, shape (n_regulators, n_targets), same regression.
    norm : float64 array, shape (n_regulators,), or None
        SD of the effect of a residual target whose genes are independent with variance 1; None where the score is not
        linear.
    """

    effect: Float
    coefficients: Float
    penalty: float
    r2: float
    residual: Float
    basis: Float
    score: Callable[[NDArray[np.floating]], Float]
    norm: Float | None


def screen(
    x: ArrayLike,
    y: ArrayLike,
    track_regulator: ArrayLike,
    covariates: ArrayLike,
    *,
    seed: int = 0,
    score: Score = "joint",
    groups: ArrayLike | None = None,
    readout: ArrayLike | None = None,
    penalties: ArrayLike = PENALTIES,
) -> Screen:
    """Score regulators by how their sites go with a statistic of the genes.

    Parameters
    ----------
    x : array, shape (n_genes, n_columns)
        A number for every gene and track, such as the log of bound bases.
    y : array, shape (n_genes,)
        The statistic; positive means up. It is scaled to SD 1.
    track_regulator : int array, shape (n_columns,)
        Regulator of each column, 0 to n_regulators - 1. Without meaning where `readout` is given.
    covariates : array, shape (n_genes, n_covariates)
        Projected out of both sides, with the mean. There may be none.
    seed : int
        Of the folds, where genes are held out at random.
    score : {"joint", "attribution", "covariance", "marginal"}
        See Notes.
    groups : array, shape (n_genes,), optional
        Chromosome of each gene; whole groups are held out together. Default: genes are held out at random.
    readout : array, shape (n_regulators, n_columns), optional
        effect = readout @ coefficients, in place of `score`: where columns are not tracks but a network's hidden
        units.
    penalties : array
        Penalties to choose from, as multiples of the number of genes.

    Returns
    -------
    Screen

    Raises
    ------
    ValueError
        If shapes disagree, a number is undefined, the target is constant or explained by the covariates alone.

    Notes
    -----
    Z are the columns of x and r the target y / SD(y), both after projection on the complement of [1, covariates]; each
    column of Z is scaled to SD 1. With n genes and a penalty c n, coefficients are b = (Z'Z + c n I)^-1 Z'r. The
    penalty is chosen once, by the squared error in held-out folds (at most 5, of whole groups), from 0.001 to 0.32.
    For regulator R with the k tracks t in R, its site index is s_R = (1/k) sum_t Z_t. The scores, positive where
    sites go with up:

    - "joint": cov(sum_t b_t Z_t, s_R) / SD(s_R), how far the regulator's part of the prediction rises with each SD of
      its site index. For one track it is b_t. Opposite coefficients of two tracks alike (two cell lines) cancel, as
      they must: the sum of b_t SD(x_t) would count them whatever the tracks share.
    - "attribution": mean over genes of sum_t b_t (x_gt - 0) / SD_t, the mean attribution against a gene without sites.
    - "covariance": |sum_t b_t cov(Z_t, r)|, the share of the target's variance that the regulator's part stands for
      (Pratt's measure), with the sign of "joint".
    - "marginal": correlation of s_R with r, without the other regulators.

    All but "covariance" are w_R' r with weights w_R that do not depend on r but through the penalty.

    References
    ----------
    Hoerl and Kennard 1970, Technometrics 12:55 (ridge). Pratt 1987, Proc 2nd Tampere Conf Statist 245.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> sites = rng.normal(size=(500, 40))
    >>> up = sites[:, 3] - sites[:, 7] + rng.normal(size=500)
    >>> found = screen(sites, up, np.arange(40), np.ones((500, 0)))
    >>> np.argsort(-np.abs(found.effect))[:2].tolist(), np.sign(found.effect[[3, 7]]).tolist()
    ([3, 7], [1.0, -1.0])
    """
    design = make_design(x, covariates, groups=groups, seed=seed)
    return screener(design, track_regulator, score=score, readout=readout, penalties=penalties)(y)


def screener(
    design: Design,
    track_regulator: ArrayLike,
    *,
    score: Score = "joint",
    readout: ArrayLike | None = None,
    penalties: ArrayLike = PENALTIES,
) -> Callable[[ArrayLike], Screen]:
    """`screen` for several targets of the same genes: the costly products are made once.

    Parameters
    ----------
    design : Design
        From `decode.drivers.design.make_design`.
    track_regulator, score, readout, penalties : as in `screen`

    Returns
    -------
    callable
        Target, shape (n_genes,) -> Screen.
    """
    check_choice("score", score, SCORES)
    choices = np.asarray(penalties, dtype=np.float64)
    if choices.ndim != 1 or not len(choices) or not (choices > 0).all():
        raise ValueError(f"penalties are {listed(np.ravel(choices))}; numbers above 0 are wanted")
    scorer = _scorer(score, design, track_regulator, readout)
    rows = [design.folds == number for number in range(len(design.grams))]
    n_genes = len(design.columns)
    weights: dict[float, NDArray[np.float32]] = {}
    scored: dict[float, tuple[NDArray[np.floating], Float]] = {}  # the last null targets of each regression

    if scorer.is_marginal:  # one regression beside it, for the share of variance
        choices = choices[-1:]
    whole = design.gram
    solvers = [
        _fold_solver(whole - own, int((~part).sum()), choices) for part, own in zip(rows, design.grams, strict=True)
    ]

    inverses: dict[float, Float] = {}  # no functools.cache: what it makes cannot be sent to another process

    def inverse(penalty: float) -> Float:
        """(Z'Z + c n I)^-1, symmetric; I / n for "marginal"."""
        if penalty not in inverses:
            unit = np.eye(len(whole))
            shrunk = whole + penalty * n_genes * unit
            inverses[penalty] = unit / n_genes if scorer.is_marginal else np.asarray(inv(shrunk, assume_a="pos"))
        return inverses[penalty]

    @one_blas_thread()
    def fit(y: ArrayLike) -> Screen:
        target = residual_target(design, y)
        products = np.stack([design.columns[part].T @ target[part] for part in rows])
        squares = np.array([target[part] @ target[part] for part in rows])
        penalty, r2 = _choose_penalty(design, products, squares, choices, solvers)
        solve = inverse(penalty)
        coefficients = solve @ products.sum(axis=0)
        effect = scorer.effect(coefficients[:, None], products.sum(axis=0)[:, None] / n_genes)[:, 0]

        def linear() -> NDArray[np.float32]:
            key = -1.0 if scorer.is_marginal else penalty
            if key not in weights:
                weights[key] = ((scorer.readout @ solve) @ design.columns.T).astype(np.float32)
            return weights[key]

        @one_blas_thread()
        def score_of(targets: NDArray[np.floating]) -> Float:
            if penalty in scored and scored[penalty][0] is targets:
                return scored[penalty][1]
            if scorer.covariance_of is None:
                found = np.asarray(linear() @ targets.astype(np.float32, copy=False), dtype=np.float64)
            else:
                product = design.columns.T @ targets
                found = scorer.effect(solve @ product, product / n_genes)
            scored[penalty] = (targets, found)
            return found

        norm = None if scorer.covariance_of is not None else np.sqrt((linear().astype(np.float64) ** 2).sum(axis=1))
        own_penalty = float("nan") if scorer.is_marginal else penalty
        return Screen(effect, coefficients / design.scale, own_penalty, r2, target, design.basis, score_of, norm)

    return fit


class _Scorer(NamedTuple):
    """Effects from coefficients: a matrix, and for "covariance" the regulator of each column."""

    readout: Float  # (regulator, column)
    covariance_of: NDArray[np.int64] | None = None
    is_marginal: bool = False

    def effect(self, coefficients: Float, covariance: Float) -> Float:
        """Effects, shape (regulator, target), of coefficients (column, target) and covariances with the target."""
        linear: Float = self.readout @ coefficients
        if self.covariance_of is None:
            return linear
        values: Float = np.sign(linear) * np.abs(sum_tracks(coefficients * covariance, self.covariance_of, axis=0))
        return values


def _scorer(score: Score, design: Design, track_regulator: ArrayLike, readout: ArrayLike | None) -> _Scorer:
    n_genes, n_columns = design.columns.shape
    if readout is not None:
        given = np.asarray(readout, dtype=np.float64)
        if given.ndim != 2 or given.shape[1] != n_columns or not np.isfinite(given).all():
            raise ValueError(f"readout has shape {given.shape}; finite numbers, regulators x {n_columns}, are wanted")
        return _Scorer(given / design.scale)
    code = _regulator_of(track_regulator, n_columns)
    member = np.zeros((int(code.max()) + 1, n_columns))
    member[code, np.arange(n_columns)] = 1.0
    if score == "attribution":
        return _Scorer(member * (design.mean / design.scale))
    mean_of = member / member.sum(axis=1, keepdims=True)
    covariance = mean_of @ design.gram / n_genes  # (regulator, column): cov(s_R, Z_t)
    spread = np.sqrt(np.maximum((covariance * mean_of).sum(axis=1), 0.0))
    spread = np.where(spread > LEAST_SPREAD, spread, np.inf)[:, None]
    if score == "marginal":
        return _Scorer(mean_of / spread, is_marginal=True)
    return _Scorer(covariance * member / spread, code if score == "covariance" else None)


def _regulator_of(track_regulator: ArrayLike, n_columns: int) -> NDArray[np.int64]:
    code = np.asarray(track_regulator)
    if code.shape != (n_columns,) or not np.array_equal(np.unique(code), np.arange(code.max(initial=-1) + 1)):
        raise ValueError(
            f"track_regulator has shape {code.shape}; a number from 0 to n_regulators - 1, each at least once, "
            f"for each of the {n_columns} columns is wanted"
        )
    return code.astype(np.int64)


def residual_target(design: Design, y: ArrayLike) -> Float:
    """The target in SDs, without what the covariates explain.

    Parameters
    ----------
    design : Design
    y : array, shape (n_genes,)

    Returns
    -------
    float64 array, shape (n_genes,)

    Raises
    ------
    ValueError
        If the target is undefined, constant, or a function of the covariates.
    """
    values = np.asarray(y, dtype=np.float64)
    if values.shape != (len(design.columns),):
        raise ValueError(
            f"y has shape {values.shape}; one number for each of the {len(design.columns)} genes is wanted"
        )
    check_finite(y=values)
    spread = values.std()
    if not spread > 0:
        raise ValueError("y is the same for every gene; a statistic that differs between genes is wanted")
    scaled = (values - values.mean()) / spread
    left: Float = scaled - design.basis @ (design.basis.T @ scaled)
    if left.std() < LEAST_SPREAD:
        raise ValueError("y is a function of the covariates; nothing is left for the sites to explain")
    return left


def _fold_solver(gram: Float, n_genes: int, penalties: Float) -> Callable[[Float], Float]:
    """Coefficients (column, penalty) of ridge on the genes behind a Gram matrix, given the columns' products."""
    if len(penalties) == 1:
        factor = cho_factor(gram + penalties[0] * n_genes * np.eye(len(gram)))
        return lambda products: np.asarray(cho_solve(factor, products))[:, None]
    roots, vectors = eigh(gram)
    divisor = np.maximum(roots, 0)[:, None] + penalties * n_genes
    return lambda products: np.asarray(vectors @ ((vectors.T @ products)[:, None] / divisor))


def _choose_penalty(
    design: Design, products: Float, squares: Float, penalties: Float, solvers: Sequence[Callable[[Float], Float]]
) -> tuple[float, float]:
    """Penalty of the least squared error in held-out folds, and the share of variance predicted there."""
    total, error = products.sum(axis=0), np.zeros(len(penalties))
    for number, (part, solve) in enumerate(zip(design.grams, solvers, strict=True)):
        coefficients = solve(total - products[number])
        fitted = (coefficients * (part @ coefficients)).sum(axis=0)
        error += squares[number] - 2 * products[number] @ coefficients + fitted
    best = int(np.argmin(error))
    return float(penalties[best]), float(1 - error[best] / squares.sum())
