"""Elastic net with the penalty chosen by cross-validation, fast where columns outnumber rows by far."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray

from decode.core.checks import check_count, check_positive

L1_RATIO = 0.5  # PrediXcan's mixing of lasso and ridge
N_PENALTIES = 100  # glmnet's number of penalties
PENALTY_RATIO = 0.01  # glmnet's least penalty over its largest, where columns outnumber rows
PATIENCE = 20  # ours: penalties without a better error before the path ends
TOLERANCE = 1e-5  # of a coefficient, times the SD of its column, in standard deviations of the outcome
MAX_SWEEPS = 10_000
ZERO = 1e-12  # relative: rounding

Float = NDArray[np.float64]


class ElasticNetFit(NamedTuple):
    """A linear model and how its penalty was chosen.

    Attributes
    ----------
    coefficients : float64 array, shape (n_columns,)
    intercept : float
    penalty : float
    penalties : float64 array, shape (n_tried,)
        Largest first; the path ends where the error has not fallen for a while.
    error : float64 array, shape (n_tried,)
        Mean over folds of the mean squared error of the fold's rows.
    """

    coefficients: Float
    intercept: float
    penalty: float
    penalties: Float
    error: Float


def elastic_net_cv(
    x: ArrayLike,
    y: ArrayLike,
    folds: Sequence[NDArray[np.int64]],
    *,
    l1_ratio: float = L1_RATIO,
    n_penalties: int = N_PENALTIES,
    penalty_ratio: float = PENALTY_RATIO,
    patience: int = PATIENCE,
) -> ElasticNetFit:
    """Fit an elastic net; the penalty with the least error over folds is taken.

    Parameters
    ----------
    x : array_like, shape (n_rows, n_columns)
        Standardised columns (a column of zeros gets no coefficient); no missing value.
    y : array_like, shape (n_rows,)
    folds : sequence of int arrays
        Rows left out in each fold; every fold leaves two rows or more to fit on.
    l1_ratio : float, default 0.5
        Share of the lasso in the penalty, above 0 up to 1.
    n_penalties : int, default 100
        Penalties on a log scale, from the least that leaves no coefficient.
    penalty_ratio : float, default 0.01
        The smallest penalty over the largest.
    patience : int, default 20
        The path ends after so many penalties without a smaller error: models beyond it are ever denser and slower,
        and only overfit more.

    Returns
    -------
    ElasticNetFit

    Raises
    ------
    ValueError
        If shapes do not fit, a value is undefined or an option is out of range.

    Notes
    -----
    Minimises 1 / (2 n) |y - b0 - x b|^2 + penalty (l1_ratio |b|_1 + (1 - l1_ratio) / 2 |b|_2^2) by coordinate descent
    along the path with warm starts. Only columns that the strong rule of Tibshirani et al. 2012 lets through, or that
    violate the optimality condition, are visited; the condition is checked for all columns of all folds at once, which
    is one matrix product.

    References
    ----------
    Zou and Hastie 2005, J R Stat Soc B 67:301; Friedman et al. 2010, J Stat Softw 33:1 (glmnet). The same solution as
    scikit-learn's ElasticNetCV with these folds and penalties.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(60, 5))
    >>> fit = elastic_net_cv(x, x[:, 2], np.array_split(np.arange(60), 5))
    >>> int(np.abs(fit.coefficients).argmax())
    2
    """
    design, outcome = np.asfortranarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if design.ndim != 2 or outcome.shape != design.shape[:1]:
        raise ValueError(f"x has shape {design.shape} and y {outcome.shape}; one value of y a row of x is wanted")
    if not (np.isfinite(design).all() and np.isfinite(outcome).all()):
        raise ValueError("x or y holds undefined values; impute or drop them first")
    check_count("n_penalties", n_penalties)
    check_count("patience", patience)
    check_positive("penalty_ratio", penalty_ratio)
    if not 0 < l1_ratio <= 1:
        raise ValueError(f"l1_ratio is {l1_ratio}; a number above 0 and up to 1 is wanted")
    paths = _Paths(design, outcome, folds, l1_ratio)
    highest = float(np.abs(paths.gradient[:, 0]).max(initial=0.0)) / l1_ratio
    if highest <= ZERO * float(np.abs(outcome).max(initial=0.0)):  # a constant outcome, or no column
        return ElasticNetFit(np.zeros(design.shape[1]), float(outcome.mean()), 0.0, np.zeros(0), np.zeros(0))
    penalties = highest * np.geomspace(1.0, penalty_ratio, n_penalties)
    errors: list[float] = []
    best = np.inf
    chosen, number_chosen = (np.zeros(design.shape[1]), 0.0), 0
    for number, penalty in enumerate(penalties):
        paths.step(penalty, penalties[max(number - 1, 0)])
        errors.append(paths.error())
        if errors[-1] < best:
            best, number_chosen = errors[-1], number
            chosen = paths.coefficients[0].copy(), paths.intercept()
        elif number - number_chosen >= patience:
            break
    return ElasticNetFit(*chosen, float(penalties[number_chosen]), penalties[: len(errors)], np.array(errors))


class _Paths:
    """The models of all rows (first) and of each fold's training rows, at the same penalty.

    Rows that a model does not see have a residual of 0, so that one product of x with all residuals gives every
    gradient. Columns are centred by their mean over the model's own rows.
    """

    def __init__(self, x: Float, y: Float, folds: Sequence[NDArray[np.int64]], l1_ratio: float) -> None:
        n = len(y)
        self.x, self.y, self.l1_ratio, self.folds = x, y, l1_ratio, list(folds)
        everything = np.arange(n)
        self.rows = [everything, *(np.setdiff1d(everything, fold) for fold in self.folds)]
        fewest = min((len(rows) for rows in self.rows), default=0)
        if fewest < 2:
            raise ValueError(f"a fold leaves {fewest} rows to fit on; two or more are wanted")
        seen = np.zeros((n, len(self.rows)))
        for model, rows in enumerate(self.rows):
            seen[rows, model] = 1.0 / len(rows)
        self.means = x.T @ seen
        self.y_mean = y @ seen
        self.norms = np.maximum((x**2).T @ seen - self.means**2, 0.0)  # mean square of a centred column
        self.is_active = np.zeros((x.shape[1], len(self.rows)), dtype=bool)
        self.coefficients = np.zeros((len(self.rows), x.shape[1]))
        self.residual = np.asfortranarray(np.where(seen > 0, y[:, None] - self.y_mean, 0.0))
        self.tolerance = TOLERANCE * float(y.std())
        self._set_gradient()

    def _set_gradient(self) -> None:
        """x' r / n of every model; the residuals of a model sum to 0, so that centring x changes nothing."""
        self.gradient = (self.x.T @ self.residual) / np.array([len(rows) for rows in self.rows])

    def step(self, penalty: float, previous: float) -> None:
        """Go from the models of the previous penalty to those of this one."""
        limit = self.l1_ratio * penalty
        # strong rule: a column whose gradient is below this stays at 0, almost always
        self.is_active |= np.abs(self.gradient) >= self.l1_ratio * (2 * penalty - previous)
        while True:
            for model, rows in enumerate(self.rows):
                columns = np.flatnonzero(self.is_active[:, model])
                _descend(
                    self.x, rows, columns, self.means[:, model], self.norms[:, model], self.coefficients[model],
                    self.residual[:, model], limit, penalty * (1 - self.l1_ratio), self.tolerance,
                )  # fmt: skip
            self._set_gradient()
            violated = (np.abs(self.gradient) > limit * (1 + 1e-6)) & ~self.is_active
            if not violated.any():
                break
            self.is_active |= violated
        self.is_active &= self.coefficients.T != 0

    def intercept(self, model: int = 0) -> float:
        """Of a model on columns that are not centred."""
        return float(self.y_mean[model] - self.means[:, model] @ self.coefficients[model])

    def error(self) -> float:
        """Mean over folds of the mean squared error of the rows left out."""
        found = []
        for model, fold in enumerate(self.folds, 1):
            used = np.flatnonzero(self.coefficients[model])
            predicted = self.x[np.ix_(fold, used)] @ self.coefficients[model, used] + self.intercept(model)
            found.append(float(np.mean((self.y[fold] - predicted) ** 2)))
        return float(np.mean(found))


@numba.njit(cache=True, nogil=True)
def _descend(
    x: Float, rows: NDArray[np.int64], columns: NDArray[np.int64], means: Float, norms: Float, coefficients: Float,
    residual: Float, l1: float, l2: float, tolerance: float,
) -> None:  # fmt: skip
    """Coordinate descent over some columns until no coefficient moves; coefficients and residual change in place."""
    n = len(rows)
    for _ in range(MAX_SWEEPS):
        largest = 0.0
        for column in columns:
            norm = norms[column]
            if norm <= 0.0:
                continue
            old = coefficients[column]
            gradient = 0.0
            for row in rows:
                gradient += x[row, column] * residual[row]
            pull = gradient / n + norm * old
            new = 0.0
            if pull > l1:
                new = (pull - l1) / (norm + l2)
            elif pull < -l1:
                new = (pull + l1) / (norm + l2)
            change = new - old
            if change != 0.0:
                coefficients[column] = new
                mean = means[column]
                for row in rows:
                    residual[row] -= change * (x[row, column] - mean)
                largest = max(largest, abs(change) * norm**0.5)
        if largest < tolerance:
            return
