"""Panels of genes that stand for all: greedy, projection, correlation, leverage, variance, random, concrete."""

from __future__ import annotations

import heapq
import logging
from collections.abc import Callable
from typing import NamedTuple, cast, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from decode.core.checks import check_choice, check_count, listed
from decode.core.choices import PanelMethod
from decode.core.shown import shown
from decode.landmark.gene_scores import GeneScores, SelectionRequest
from decode.landmark.greedy import greedy_projection, greedy_ridge
from decode.landmark.prepared import PreparedExpression
from decode.landmark.ridge import scale_of

logger = logging.getLogger(__name__)

Float = NDArray[np.float64]

METHODS: tuple[PanelMethod, ...] = get_args(PanelMethod)
NESTED = (
    "greedy",
    "projection",
    "correlation",
    "pca",
    "variance",
    "random",
)  # a smaller panel is the start of a larger
LEVERAGE_SHARE = 0.9  # of the variance, in the components that leverage scores are taken from
CANDIDATES = 32  # genes whose gain is computed at once


@shown()
class PanelOrder(NamedTuple):
    """Genes in the order in which a method takes them.

    Attributes
    ----------
    columns : int array, shape (size,)
        Columns of the training matrix; the first k are the panel of size k (not of the concrete autoencoder).
    score : float64 array, shape (size,)
        What the method went by, see `order_genes`.
    """

    columns: NDArray[np.int64]
    score: Float


def order_genes(train: ArrayLike, size: int, *, method: PanelMethod = "greedy", seed: int = 0) -> PanelOrder:
    """Choose a panel of genes from training samples.

    Parameters
    ----------
    train : array, shape (n_samples, n_genes)
        Prepared expression of training samples only.
    size : int
        Genes of the panel.
    method : {"greedy", "projection", "correlation", "pca", "variance", "random", "concrete"}
        greedy: forward selection under leave-one-out ridge regression (score: error left). projection: column subset
        selection by exact projection (score: variance explained). correlation: every gene is to have a gene in the
        panel that it correlates with (score: gain in the sum of squared correlations). pca: statistical leverage, as
        in CUR decomposition (score: leverage). variance (score: SD). random (score: 0). concrete: concrete autoencoder
        (score: probability of the gene in its selector).
    seed : int
        Of random and concrete; the others have no chance in them.

    Returns
    -------
    PanelOrder

    Raises
    ------
    ValueError
        If the panel is larger than the genes, there are fewer than three samples, or a value is missing.

    References
    ----------
    Leverage: Mahoney & Drineas 2009, PNAS 106:697. Concrete autoencoder: Abid, Balin & Zou 2019, ICML 97:444.

    Examples
    --------
    >>> train = np.random.default_rng(0).normal(size=(20, 6)) * [1, 5, 1, 1, 9, 1]
    >>> order_genes(train, 2, method="variance").columns.tolist()
    [4, 1]
    """
    check_choice("method", method, METHODS)
    values = check_training(train)
    check_size(size, values.shape[1])
    sd = values.std(axis=0)
    scaled = (values - values.mean(axis=0)) / scale_of(sd, values)
    is_constant = scale_of(sd, values) != sd
    scaled[:, is_constant] = 0.0
    n_constant = int(is_constant.sum())
    if n_constant:
        logger.info("panel: %d of %d genes are constant and come last", n_constant, len(is_constant))
    if method == "random":
        return PanelOrder(np.random.default_rng(seed).permutation(len(sd))[:size], np.zeros(size))
    if method == "concrete":
        from decode.landmark.concrete import concrete_panel

        return PanelOrder(*concrete_panel(scaled, size, seed=seed))
    if method == "greedy":
        return PanelOrder(*greedy_ridge(scaled, size, weights=np.sqrt(sd)))  # between SDs and expression, see the docs
    chosen: Callable[[], PanelOrder] = {
        "projection": lambda: PanelOrder(*greedy_projection(scaled, size)),
        "correlation": lambda: _cover(scaled, size),
        "pca": lambda: _highest(leverage(scaled), size),
        "variance": lambda: _highest(np.where(is_constant, 0.0, sd), size),
    }[cast(str, method)]
    return chosen()


def select_by(method: PanelMethod) -> Callable[[PreparedExpression, SelectionRequest], GeneScores]:
    """A method as `decode.landmark.selection.select_panel` calls it; repeats choose on bootstrap samples."""

    def select(prepared: PreparedExpression, request: SelectionRequest) -> GeneScores:
        train = prepared.read(request.training_rows(prepared))
        check_size(request.size, prepared.n_genes)
        found = order_genes(train, request.size, method=method, seed=request.seed)
        rng, repeated = np.random.default_rng([request.seed, 1]), []
        for number in range(request.repeats):
            drawn = train[rng.integers(len(train), size=len(train))]
            repeated.append(order_genes(drawn, request.size, method=method, seed=request.seed + number + 1).columns)
            if request.on_progress is not None:
                request.on_progress(number + 1, request.repeats)
        score = np.full(prepared.n_genes, np.nan)
        score[found.columns] = found.score
        return GeneScores(found.columns, score, None, np.array(repeated) if repeated else None)

    return select


def check_training(train: ArrayLike) -> Float:
    """The training matrix in float64.

    Raises
    ------
    ValueError
        If it has fewer than three samples, or a value is missing.
    """
    values = np.asarray(train, dtype=np.float64)
    if values.ndim != 2 or len(values) < 3:
        raise ValueError(f"the training matrix has shape {values.shape}; at least 3 samples in rows are wanted")
    bad = np.flatnonzero(~np.isfinite(values).all(axis=0))
    if len(bad):
        raise ValueError(f"gene(s) in column {listed(bad)} hold missing or infinite values; prepare the matrix first")
    return values


def check_size(size: int, n_genes: int) -> None:
    """Raise ValueError unless a panel of this size can be taken and leaves a gene to predict."""
    check_count("size", size)
    if size >= n_genes:
        raise ValueError(
            f"a panel of {size} genes of {n_genes} leaves no gene to predict; give a --size below {n_genes}"
        )


def leverage(scaled: Float, *, share: float = LEVERAGE_SHARE) -> Float:
    """Statistical leverage of genes: sum of squared loadings on the components that hold `share` of the variance.

    Parameters
    ----------
    scaled : array, shape (n_samples, n_genes)
        Standardised samples.
    share : float, default 0.9

    Returns
    -------
    float64 array, shape (n_genes,)
        Sums to the number of components.
    """
    values, vectors = np.linalg.eigh(scaled @ scaled.T if len(scaled) <= scaled.shape[1] else scaled.T @ scaled)
    values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1]
    n = int(np.searchsorted(np.cumsum(values), share * values.sum())) + 1
    loadings = vectors[:, :n]
    if len(scaled) <= scaled.shape[1]:
        loadings = scaled.T @ loadings / np.sqrt(np.maximum(values[:n], 1e-300))
    result: Float = (loadings**2).sum(axis=1)
    return result


def _highest(score: Float, size: int) -> PanelOrder:
    columns = np.argsort(-score, kind="stable")[:size]
    return PanelOrder(columns, score[columns])


def _cover(scaled: Float, size: int) -> PanelOrder:
    """Greedy maximum of sum_t max_{s in panel} r_st^2 (facility location), with lazy gains.

    A gene's gain can only shrink as the panel grows (the sum is submodular), so an old gain is an upper bound: genes
    are taken from a heap and computed anew until the best of them beats the next bound (Minoux 1978).
    """
    n_samples = len(scaled)
    genes = np.ascontiguousarray(scaled.T) / np.sqrt(n_samples)
    best = np.zeros(len(genes))
    heap = [(-gain, gene) for gene, gain in enumerate(((genes @ (genes.T @ genes)) * genes).sum(axis=1).tolist())]
    heapq.heapify(heap)
    columns, gains = np.zeros(size, np.int64), np.zeros(size)
    fresh: list[tuple[float, int]] = []  # computed against the present panel
    for step in range(size):
        while heap and (not fresh or -heap[0][0] > -fresh[0][0]):
            some = [heapq.heappop(heap)[1] for _ in range(min(CANDIDATES, len(heap)))]
            shared = (genes[some] @ genes.T) ** 2
            found = np.maximum(shared - best, 0.0).sum(axis=1)
            for gene, gain in zip(some, found.tolist(), strict=True):
                heapq.heappush(fresh, (-gain, gene))
        gain, gene = heapq.heappop(fresh)
        columns[step], gains[step] = gene, -gain
        best = np.maximum(best, (genes @ genes[gene]) ** 2)
        for item in fresh:
            heapq.heappush(heap, item)
        fresh = []
    return PanelOrder(columns, gains)
