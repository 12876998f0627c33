"""The numerical core of `decode drivers`: one ridge regression on all tracks, a score a regulator, hundreds of refits.

Arrays in, arrays out. Everything is linear in the target, so that a refit on shuffled sites costs two matrix products.
They take seconds on one thread; more threads wait for each other as soon as the machine has other work.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from decode.core.checks import check_choice, check_count, listed
from decode.core.choices import Score
from decode.core.threads import one_blas_thread
from decode.drivers.design import LEAST_SPREAD, Design, check_finite, make_design
from decode.features.regulators import sum_tracks
from decode.statistics.significance import empirical_significance
from decode.statistics.strata import shuffled_within

Float = NDArray[np.float64]
SCORES: tuple[Score, ...] = ("joint", "attribution", "covariance", "marginal")
# Of ridge, as multiples of the number of genes. A weak statistic is predicted best with far larger ones, but there the
# joint regression turns into the marginal correlation, which takes what regulators share for what each does
# (`python -m benchmarks recovery`, planted regulators).
PENALTIES = np.logspace(-3.0, -0.5, 11)
REFITS_AT_ONCE = 128


class ScreenResult(NamedTuple):
    """Scores of the regulators, and the regression behind them.

    Attributes
    ----------
    effect : float64 array, shape (n_regulators,)
        Positive: sites go with up-regulation. Unit: SDs of the target (for "joint": per SD of the regulator's sites).
    sd : float64 array, shape (n_regulators,)
        Standard error of the effect: jackknife over the folds (groups of chromosomes).
    z, p_value : float64 array, shape (n_regulators,)
        Against refits on shuffled sites; two-sided.
    null : float64 array, shape (n_null, n_regulators)
        The effect in each refit.
    coefficients : float64 array, shape (n_columns,)
        SDs of the target per unit of each column of x.
    penalty : float
        Chosen by cross-validation, as a multiple of the number of genes.
    r2 : float
        Share of the target's variance (beyond the covariates) that is predicted in held-out folds; can be negative.
    """

    effect: Float
    sd: Float
    z: Float
    p_value: Float
    null: Float
    coefficients: Float
    penalty: float
    r2: float


def screen(
    x: ArrayLike,
    y: ArrayLike,
    track_regulator: ArrayLike,
    covariates: ArrayLike,
    strata: ArrayLike,
    *,
    n_null: int = 500,
    seed: int = 0,
    score: Score = "joint",
    groups: ArrayLike | None = None,
    regulator_strata: ArrayLike | None = None,
    readout: ArrayLike | None = None,
    penalties: ArrayLike = PENALTIES,
) -> ScreenResult:
    """Score regulators by how their sites go with a statistic of the genes, and compare with shuffled sites.

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
    strata : int array, shape (n_genes,)
        Genes of like length, site count and expression. In the null, genes exchange sites within a stratum.
    n_null : int, default 500
        Refits on shuffled sites.
    seed : int
    score : {"joint", "attribution", "covariance", "marginal"}
        See Notes.
    groups : array, shape (n_genes,), optional
        Chromosome of each gene; whole groups are held out together. Default: genes are held out at random.
    regulator_strata : int array, shape (n_regulators,), optional
        Regulators whose null z are pooled (`decode.statistics.strata.bound_gene_strata`). Default: all.
    readout : array, shape (n_regulators, n_columns), optional
        effect = readout @ coefficients, in place of `score`: where columns are not tracks but a network's hidden
        units.
    penalties : array
        Penalties to choose from, as multiples of the number of genes.

    Returns
    -------
    ScreenResult

    Raises
    ------
    ValueError
        If shapes disagree, a number is undefined, the target is constant or explained by the covariates alone.

    Notes
    -----
    Z are the columns of x and r the target y / SD(y), both after projection on the complement of [1, covariates]; each
    column of Z is scaled to SD 1. With n genes and a penalty c n, coefficients are b = (Z'Z + c n I)^-1 Z'r. The
    penalty is chosen once, by the squared error in held-out folds (at most 10, of whole groups), from 0.001 to 0.32.
    For regulator R with the k tracks t in R, its site index is s_R = (1/k) sum_t Z_t. The scores, positive where
    sites go with up:

    - "joint": cov(sum_t b_t Z_t, s_R) / SD(s_R), how far the regulator's part of the prediction rises with each SD of
      its site index. For one track it is b_t. Opposite coefficients of two tracks alike (two cell lines) cancel, as
      they must: the sum of b_t SD(x_t) would count them whatever the tracks share.
    - "attribution": mean over genes of sum_t b_t (x_gt - 0) / SD_t, the mean attribution against a gene without sites.
    - "covariance": |sum_t b_t cov(Z_t, r)|, the share of the target's variance that the regulator's part stands for
      (Pratt's measure), with the sign of "joint".
    - "marginal": correlation of s_R with r, without the other regulators.

    Null: sites move between genes of a stratum, which is the same as r moving between them against fixed sites. A refit
    is b* = (Z'Z + c n I)^-1 Z'r*: two products. The penalty stays that of the data: a refit that chose its own would
    shrink all coefficients of a null to nothing, and make each score look significant.

    References
    ----------
    Hoerl and Kennard 1970, Technometrics 12:55 (ridge). Pratt 1987, Proc 2nd Tampere Conf Statist 245. Freedman and
    Lane 1983, J Bus Econ Stat 1:292 (permuting residuals beside covariates). Efron and Stein 1981, Ann Statist 9:586
    (jackknife).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> sites = rng.normal(size=(500, 40))
    >>> up = sites[:, 3] - sites[:, 7] + rng.normal(size=500)
    >>> found = screen(sites, up, np.arange(40), np.ones((500, 0)), np.zeros(500, dtype=int), n_null=50)
    >>> np.argsort(found.p_value, kind="stable")[:2].tolist(), np.sign(found.effect[[3, 7]]).tolist()
    ([3, 7], [1.0, -1.0])
    """
    design = make_design(x, covariates, groups=groups, seed=seed)
    return screen_design(
        design,
        y,
        track_regulator,
        strata,
        n_null=n_null,
        seed=seed,
        score=score,
        regulator_strata=regulator_strata,
        readout=readout,
        penalties=penalties,
    )


@one_blas_thread()
def screen_design(
    design: Design,
    y: ArrayLike,
    track_regulator: ArrayLike,
    strata: ArrayLike,
    *,
    n_null: int = 500,
    seed: int = 0,
    score: Score = "joint",
    regulator_strata: ArrayLike | None = None,
    readout: ArrayLike | None = None,
    penalties: ArrayLike = PENALTIES,
) -> ScreenResult:
    """`screen` for one of several targets of the same genes: the costly products are made once, in `make_design`."""
    check_choice("score", score, SCORES)
    check_count("n_null", n_null)
    n_genes = len(design.columns)
    target, code = _target(design, y), np.unique(strata, return_inverse=True)[1]
    if code.shape != (n_genes,):
        raise ValueError(f"strata has shape {code.shape}; one number for each of the {n_genes} genes is wanted")
    scorer = _scorer(score, design, track_regulator, readout)
    rows = [design.folds == number for number in range(len(design.grams))]
    products = np.stack([design.columns[part].T @ target[part] for part in rows])
    squares = np.array([target[part] @ target[part] for part in rows])
    choices = np.asarray(penalties, dtype=np.float64)
    penalty, r2 = _choose_penalty(design, products, squares, choices)

    def effects(product: Float, spectrum: tuple[Float, Float], n: int) -> tuple[Float, Float]:
        """Coefficients (column, target) and effects (regulator, target) of targets given by their products."""
        if scorer.is_marginal:
            return product / n, scorer.readout @ (product / n)
        roots, vectors = spectrum
        coefficients = vectors @ ((vectors.T @ product) / (np.maximum(roots, 0) + penalty * n)[:, None])
        return coefficients, scorer.effect(coefficients, product / n)

    total = products.sum(axis=0)
    coefficients, effect = effects(total[:, None], design.spectra[-1], n_genes)
    left_out = [
        effects((total - product)[:, None], spectrum, n_genes - int(part.sum()))[1][:, 0]
        for product, spectrum, part in zip(products, design.spectra[:-1], rows, strict=True)
    ]
    null = np.empty((n_null, len(effect)))
    rng = np.random.default_rng(seed)
    for start in range(0, n_null, REFITS_AT_ONCE):
        moved = target[shuffled_within(code, min(REFITS_AT_ONCE, n_null - start), rng)]
        null[start : start + len(moved)] = effects(design.columns.T @ moved.T, design.spectra[-1], n_genes)[1].T
    pooled = np.zeros(len(effect), dtype=np.int64) if regulator_strata is None else np.asarray(regulator_strata)
    z, p_value = empirical_significance(effect[:, 0], null, pooled, two_sided=True)
    sd = _jackknife_sd(np.stack(left_out))
    return ScreenResult(effect[:, 0], sd, z, p_value, null, coefficients[:, 0] / design.scale, penalty, r2)


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
        return np.sign(linear) * np.abs(sum_tracks(coefficients * covariance, self.covariance_of, axis=0))


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


def _target(design: Design, y: ArrayLike) -> Float:
    """The target in SDs, without what the covariates explain."""
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


def _choose_penalty(design: Design, products: Float, squares: Float, penalties: Float) -> tuple[float, float]:
    """Penalty of the least squared error in held-out folds, and the share of variance predicted there."""
    if penalties.ndim != 1 or not len(penalties) or not (penalties > 0).all():
        raise ValueError(f"penalties are {listed(np.ravel(penalties))}; numbers above 0 are wanted")
    total, error = products.sum(axis=0), np.zeros(len(penalties))
    for number, part in enumerate(design.grams):
        roots, vectors = design.spectra[number]
        n_kept = int((design.folds != number).sum())
        along = (vectors.T @ (total - products[number]))[:, None]
        coefficients = vectors @ (along / (np.maximum(roots, 0)[:, None] + penalties * n_kept))
        fitted = (coefficients * (part @ coefficients)).sum(axis=0)
        error += squares[number] - 2 * products[number] @ coefficients + fitted
    best = int(np.argmin(error))
    return float(penalties[best]), float(1 - error[best] / squares.sum())


def _jackknife_sd(left_out: Float) -> Float:
    """Standard error from the effects without each fold."""
    n = len(left_out)
    return np.asarray(np.sqrt((n - 1) / n * ((left_out - left_out.mean(axis=0)) ** 2).sum(axis=0)))
