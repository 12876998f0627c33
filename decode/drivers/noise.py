"""Would this score come out if nothing differed between the samples? Null targets, and p-values against them.

The score of a regulator is w'r, r the statistic of the genes. Where nothing differs the statistics of two genes are as
correlated as their expression is between like samples, so Var(w'r) = w'Cw, which is up to two hundred times what
independent genes give. The null targets drawn here have that correlation; each regulator's score of them is its null.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import t as student

from decode.core.checks import check_count
from decode.drivers.screen import Screen
from decode.expression.compendium import NoiseGroup
from decode.statistics.strata import quantile_groups, shuffled_within

Float = NDArray[np.float64]
Targets = NDArray[np.float32]
LEAST_DRAWS = 20
MEDIAN_NORMAL = 0.6745  # median of |z| of a standard normal z
A_POOL = 50_000  # null scores that a p-value is counted among, at least: 1 / 50,000 is the least
A_STRATUM = 50  # regulators whose null scores are pooled, at least


class NullTargets(NamedTuple):
    """Targets in which nothing differs, prepared as the data are.

    Attributes
    ----------
    signed, size : float32 array, shape (n_genes, n_draws)
        What covariates leave of the statistic, and of its size; SD 1.
    """

    signed: Targets
    size: Targets


class NullModel(Protocol):
    """How targets look where nothing differs."""

    source: str
    counts: dict[str, int]

    def df(self) -> Float:
        """Residual degrees of freedom of each group of samples behind it; infinite where none are."""

    def draw(self, y: Float, direction: Screen, response: Screen | None, *, by_rank: bool) -> NullTargets:
        """Null targets with the values of `y`."""


def residual_rows(basis: Float, values: Targets) -> Targets:
    """What an orthonormal basis of covariates, shape (n_genes, rank), leaves of each row of values, SD 1."""
    columns = basis.astype(np.float32)
    left = values - (values @ columns) @ columns.T
    spread = left.std(axis=1, keepdims=True)
    return np.asarray(left / np.where(spread > 0, spread, 1.0), dtype=np.float32)


def ordered_rows(order: NDArray[np.int32], ordered: NDArray[np.floating]) -> Targets:
    """Give each row the same values, the least to the gene that its order names first.

    Examples
    --------
    >>> ordered_rows(np.array([[2, 0, 1]], dtype=np.int32), np.array([-1.0, 0.0, 1.0])).tolist()
    [[0.0, 1.0, -1.0]]
    """
    found = np.empty(order.shape, dtype=np.float32)
    np.put_along_axis(found, order, np.asarray(ordered, dtype=np.float32)[None, :], axis=1)
    return found


def row_order(values: Targets) -> NDArray[np.int32]:
    """Genes of each row from the least to the largest value."""
    return np.argsort(values, axis=1).astype(np.int32)


class CorrelatedGenes:
    """Null model with the correlation of genes between like samples.

    Parameters
    ----------
    groups : sequence of NoiseGroup
        Factors of the genes of the screen, in their order (`decode.expression.compendium.take_genes`).
    source : str
        Which samples they come from, in words.
    n_draws : int
    seed : int

    Notes
    -----
    A draw takes one of the groups c: n = F_c g + sqrt(1 - diag(F_c F_c')) e with independent standard normal g and e,
    which is a random combination of the group's residual samples. Its genes then get the values of the statistic in
    the order of n, so that a draw has the distribution of the data (a signature stays one), and whatever is done to
    the data is done to it.
    """

    def __init__(self, groups: Sequence[NoiseGroup], source: str, *, n_draws: int = 1000, seed: int = 0) -> None:
        check_count("n_null", n_draws)
        self.source = source
        self._groups = list(groups)
        is_known = np.any([(group.factors != 0).any(axis=1) for group in self._groups], axis=0)
        self.counts = {"n_genes_with_correlation": int(is_known.sum())}
        rng = np.random.default_rng(seed)
        of_group = np.arange(n_draws) * len(self._groups) // n_draws
        orders = []
        for number, group in enumerate(self._groups):
            n = int((of_group == number).sum())
            own = np.sqrt(np.maximum(1.0 - (group.factors**2).sum(axis=1), 0.0))
            common = rng.standard_normal((n, group.factors.shape[1]), dtype=np.float32) @ group.factors.T
            orders.append(row_order(common + own * rng.standard_normal((n, len(own)), dtype=np.float32)))
        self._order = np.concatenate(orders)
        self._drawn: tuple[bytes, NullTargets] | None = None

    def values(self, y: Float) -> Targets:
        """The values of a statistic as noise orders them, shape (n_draws, n_genes)."""
        return ordered_rows(self._order, np.sort(y))

    def df(self) -> Float:
        """Residual degrees of freedom of each group of samples."""
        return np.array([group.df for group in self._groups], dtype=np.float64)

    def draw(self, y: Float, direction: Screen, response: Screen | None, *, by_rank: bool) -> NullTargets:
        """Null targets with the values of `y`; those of the last call where these values are the same."""
        ordered = np.sort(y)
        key = ordered.tobytes() + bytes([by_rank])
        drawn = self._drawn  # another thread may draw for other values meanwhile
        if drawn is None or drawn[0] != key:
            raw = ordered_rows(self._order, ordered)
            signed = residual_rows(direction.basis, raw)
            if by_rank:
                quantiles = ndtri((np.arange(len(y)) + 0.5) / len(y))
                size = ordered_rows(row_order(np.abs(signed)), quantiles)
            else:
                size = np.abs(raw)
            self._drawn = drawn = (key, NullTargets(signed.T, residual_rows(direction.basis, size).T))
        return drawn[1]


class IndependentGenes:
    """Null model in which genes of like length, site count and expression exchange their statistics.

    Parameters
    ----------
    strata : int array, shape (n_genes,)
    n_draws : int
    seed : int

    Notes
    -----
    Exchanging residual statistics against fixed sites is the same as exchanging sites (Freedman and Lane 1983, J Bus
    Econ Stat 1:292). It answers "does any site matter?" and takes genes as independent, which they are not: random
    halves of one cohort give drivers at FDR 5 % in nearly every case.
    """

    source = "genes taken as independent (sites exchanged between like genes)"

    def __init__(self, strata: NDArray[np.int64], *, n_draws: int = 1000, seed: int = 0) -> None:
        check_count("n_null", n_draws)
        self.counts: dict[str, int] = {}
        self._code = np.unique(strata, return_inverse=True)[1]
        self._moves = shuffled_within(self._code, n_draws, np.random.default_rng(seed)).astype(np.int32)

    def df(self) -> Float:
        """No sample stands behind it."""
        return np.array([np.inf])

    def draw(self, y: Float, direction: Screen, response: Screen | None, *, by_rank: bool) -> NullTargets:
        """The residuals of the data, moved."""
        screens = (direction, direction if response is None else response)
        signed, size = ((one.residual / one.residual.std()).astype(np.float32)[self._moves].T.copy() for one in screens)
        return NullTargets(signed, size)


class Significance(NamedTuple):
    """What the scores of one target mean against a null model; arrays of shape (n_regulators,).

    Attributes
    ----------
    sd : float64 array
        SD of the effect where nothing differs, in the effect's unit.
    vif : float64 array
        Variance of the score under the null model over that of independent genes; NaN where a score is not linear.
    z, direction_p : float64 array
        Of the signed effect; two-sided.
    response_z : float64 array
        Of the size of the statistic; NaN where it was not screened.
    strength, p_value : float64 array
        sqrt(z^2 + max(response_z, 0)^2); without a response |z|.
    null : float32 array, shape (n_draws, n_regulators)
        Signed scores of the null targets, in null SDs.
    inflation : float
        By how much the bulk of the regulators scores wider than under the null; z is divided by it.
    """

    sd: Float
    vif: Float
    z: Float
    direction_p: Float
    response_z: Float
    strength: Float
    p_value: Float
    null: NDArray[np.float32]
    inflation: float = 1.0


def significance(direction: Screen, response: Screen | None, targets: NullTargets, df: Float) -> Significance:
    """Compare the scores of a screen with those of null targets.

    Parameters
    ----------
    direction : Screen
        Of the signed statistic.
    response : Screen or None
        Of its size, on the same design.
    targets : NullTargets
    df : float64 array, shape (n_groups,)
        Residual degrees of freedom of the groups behind the null targets.

    Returns
    -------
    Significance

    Raises
    ------
    ValueError
        If there are fewer than 20 null targets.

    Notes
    -----
    z = score / s, with s^2 the variance of the null scores, at least that of independent genes; a response is centred
    by its null mean. The correlation of genes is that of the samples at hand or of others like them. With one group
    of d degrees of freedom s^2 is as uncertain as any variance of d: z is brought to the normal scale by Student's t.
    With G groups the null targets are a mixture of them, and s is widened by sqrt(1 + 1/G), as for the next group; the
    null scores are measured by the same s, so that this widens intervals and leaves p as it is. z of the data is
    divided by its `inflation`, the spread of the bulk of the regulators.

    The strength is the length of the vector (z, response z), a response below 0 counting as 0: a factor that is lost
    lets some targets fall and others rise, so that its sites say little about the sign and much about which genes
    change; sites that go with not changing make no driver. p = (1 + #) / (1 + n) over the null targets and the
    regulators of like null SD (50 regulators and 50,000 null scores or more).

    References
    ----------
    Wu and Smyth 2012, doi:10.1093/nar/gks461 (correlation of genes in set tests). Phipson and Smyth 2010, Stat Appl
    Genet Mol Biol 9:39.
    """
    n_draws = targets.signed.shape[1]
    if n_draws < LEAST_DRAWS:
        raise ValueError(f"{n_draws} null targets; at least {LEAST_DRAWS} are wanted for z and p-values")
    first = _in_null_sds(direction, targets.signed, df, centre=False)
    scores, null, spread = np.abs(first.z), np.abs(first.null), first.sd
    response_z = np.full(len(first.z), np.nan)
    if response is not None:
        second = _in_null_sds(response, targets.size, df, centre=True)
        response_z, spread = second.z, second.sd
        scores = np.hypot(scores, np.maximum(response_z, 0.0))
        null = np.hypot(null, np.maximum(second.null, 0.0))
    size = direction.residual.std() * (1.0 if direction.norm is None else direction.norm)
    n_strata = max(1, min(len(spread) // A_STRATUM, null.size // A_POOL))
    strata, own = quantile_groups(spread, n_strata), quantile_groups(first.sd, n_strata)
    return Significance(
        sd=first.sd * size,
        vif=np.full(len(first.z), np.nan) if direction.norm is None else first.ratio,
        z=first.z,
        direction_p=pooled_p_values(np.abs(first.z), np.abs(first.null), own),
        response_z=response_z,
        strength=scores,
        p_value=pooled_p_values(scores, null, strata),
        null=first.null,
        inflation=first.inflation,
    )


class _Scaled(NamedTuple):
    z: Float  # (n_regulators,), normal scale
    null: NDArray[np.float32]  # (n_draws, n_regulators)
    sd: Float  # of the null, in SDs of independent genes where the score is linear
    ratio: Float  # its square before the floor
    inflation: float


def _in_null_sds(screen: Screen, targets: Targets, df: Float, *, centre: bool) -> _Scaled:
    unit = np.ones(len(screen.effect)) if screen.norm is None else screen.norm
    unit = np.where(unit > 0, unit, np.inf)
    null = (screen.score(targets) / unit[:, None]).T
    mean = null.mean(axis=0) if centre else np.zeros(null.shape[1])
    ratio = ((null - mean) ** 2).mean(axis=0)
    sd = np.sqrt(ratio if screen.norm is None else np.maximum(ratio, 1.0)) * next_group(df)
    sd = np.where(sd > 0, sd, np.inf)
    z = (screen.effect / screen.residual.std() / unit - mean) / sd
    if len(df) == 1 and np.isfinite(df[0]):
        z = np.sign(z) * -ndtri(np.exp(np.maximum(student.logsf(np.abs(z), df[0]), -700.0)))
    scaled = ((null - mean) / sd).astype(np.float32)
    if not np.isfinite(df).all():  # no sample stands behind the null: nothing is known of common modes
        return _Scaled(z, scaled, np.where(np.isfinite(sd), sd, 0.0), ratio, 1.0)
    spread = inflation(z)
    sd = np.where(np.isfinite(sd), sd, 0.0) * spread
    return _Scaled(z / spread, scaled, sd, ratio, spread)


def inflation(z: NDArray[np.floating]) -> float:
    """How much wider the bulk of the regulators scores than under the null: their median |z| / 0.6745, at least 1.

    A common mode of the samples (tumour purity, RNA quality) moves all regulators of a contrast at once, and how strong
    it is differs from one set of samples to the next. Most regulators do not act in a contrast, so that their spread
    tells.

    Parameters
    ----------
    z : array, shape (n_regulators,)

    Returns
    -------
    float

    References
    ----------
    Devlin and Roeder 1999, Biometrics 55:997 (genomic control); Efron 2004, J Am Stat Assoc 99:96 (empirical null).

    Examples
    --------
    >>> round(inflation(np.array([-2.0, 2.0, 2.0])), 3), inflation(np.array([0.1, 0.1, 9.0]))
    (2.965, 1.0)
    """
    return max(float(np.median(np.abs(z))) / MEDIAN_NORMAL, 1.0)


def next_group(df: Float) -> float:
    """Factor of the null SD for samples of a group that is not among those behind it: sqrt(1 + 1/G).

    Examples
    --------
    >>> next_group(np.array([10.0])), round(next_group(np.array([10.0, 20.0])), 4)
    (1.0, 1.2247)
    """
    return float(np.sqrt(1 + 1 / len(df))) if len(df) > 1 else 1.0


def pooled_p_values(scores: Float, null: NDArray[np.floating], strata: NDArray[np.int64]) -> Float:
    """Share of null scores of a stratum that are as large.

    Parameters
    ----------
    scores : array, shape (n_regulators,)
    null : array, shape (n_draws, n_regulators)
    strata : int array, shape (n_regulators,)

    Returns
    -------
    float64 array, shape (n_regulators,)
        (1 + #) / (1 + n).

    Examples
    --------
    >>> null = np.array([[1.0, 2.0], [3.0, 4.0]])
    >>> pooled_p_values(np.array([3.5, 0.0]), null, np.array([0, 0])).tolist()
    [0.4, 1.0]
    """
    found = np.empty(len(scores))
    for stratum in np.unique(strata):
        rows = strata == stratum
        pool = np.sort(null[:, rows], axis=None)
        above = len(pool) - np.searchsorted(pool, scores[rows].astype(pool.dtype), side="left")
        found[rows] = (1 + above) / (1 + len(pool))
    return found
