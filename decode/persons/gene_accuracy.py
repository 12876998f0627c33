"""How well the differences between persons are predicted, a number a gene, beside pairs of genes that are none."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import t as student

from decode.core.checks import check_count
from decode.statistics.metrics import cross_pearson, pearson_per_gene, spearman_per_gene
from decode.statistics.multiple_testing import false_discovery_rate

Float = NDArray[np.float64]
LEVEL = 0.05
N_SHUFFLES = 20
LEAST_PERSONS = 4


class GeneAccuracy(NamedTuple):
    """Accuracy of each gene over persons, and what it is worth.

    Attributes
    ----------
    table : pd.DataFrame
        n_persons, pearson, spearman, p_value (one-sided), fdr, p_own (share of all predictions that fit the gene as
        well as its own), fdr_own. Rows as the genes given.
    summary : dict
        n_genes, mean_pearson, mean_spearman, share_fdr5, share_fdr5_random_pairs, mean_pearson_random_pairs,
        share_p_own_below_5_percent (by chance: 5 %), share_fdr5_own (with few genes p_own is coarse: at least 1 / n).
    """

    table: pd.DataFrame
    summary: dict[str, float]


def gene_accuracy(
    actual: ArrayLike, predicted: ArrayLike, *, seed: int = 0, shuffles: int = N_SHUFFLES
) -> GeneAccuracy:
    """Correlation of predicted with measured fold changes over persons, a number a gene, against pairs of other genes.

    Genes go together: most follow a few states that persons differ in (cell composition, growth, quality of the RNA).
    The prediction for one gene therefore fits many others too, and a p-value against no correlation says little. Two
    figures stand beside it: the same share where every gene is paired with the prediction of a random other gene, and
    the share of genes that their own prediction fits better than nearly all predictions of other genes do.

    Parameters
    ----------
    actual, predicted : array_like, shape (n_genes, n_persons)
        Fold changes of held-out genes; NaN where not measured.
    seed : int
        Of the random pairs.
    shuffles : int
        How often genes are paired anew.

    Returns
    -------
    GeneAccuracy

    Raises
    ------
    ValueError
        If there are fewer than two genes or four persons, or shapes differ.

    Notes
    -----
    t = r sqrt((n - 2) / (1 - r^2)) with n - 2 degrees of freedom, larger r only; Benjamini-Hochberg over genes. p_own
    of gene g is (1 + #{h != g: r(predicted h, measured g) >= r(predicted g, measured g)}) / n_genes.

    References
    ----------
    Tasaki et al. 2020: Pearson over persons on chr1, FDR 5 %. The random pairs are ours.

    Examples
    --------
    >>> persons = np.random.default_rng(0).normal(size=(30, 8))
    >>> gene_accuracy(persons, persons).summary["share_fdr5"]
    1.0
    """
    measured, guessed = np.asarray(actual, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    check_count("shuffles", shuffles)
    if measured.shape != guessed.shape or measured.ndim != 2:
        raise ValueError(f"actual has shape {measured.shape} and predicted {guessed.shape}; genes x persons are wanted")
    if len(measured) < 2 or measured.shape[1] < LEAST_PERSONS:
        raise ValueError(
            f"{len(measured)} genes in {measured.shape[1]} persons; accuracy over persons needs two genes or more and "
            f"{LEAST_PERSONS} persons or more"
        )
    n_persons = (np.isfinite(measured) & np.isfinite(guessed)).sum(axis=1)
    pearson = pearson_per_gene(measured, guessed)
    p_value = one_sided_p(pearson, n_persons)
    p_own = _p_own(measured, guessed)
    table = pd.DataFrame(
        {
            "n_persons": n_persons,
            "pearson": pearson,
            "spearman": spearman_per_gene(measured, guessed),
            "p_value": p_value,
            "fdr": false_discovery_rate(p_value),
            "p_own": p_own,
            "fdr_own": false_discovery_rate(p_own),
        }
    )
    random_r, random_share = _random_pairs(measured, guessed, n_persons, seed, shuffles)
    summary = {
        "n_genes": int(np.isfinite(pearson).sum()),
        "mean_pearson": _mean(pearson),
        "mean_spearman": _mean(table["spearman"].to_numpy()),
        "share_fdr5": _share(table["fdr"].to_numpy()),
        "share_fdr5_random_pairs": random_share,
        "mean_pearson_random_pairs": random_r,
        "share_p_own_below_5_percent": _share(p_own),
        "share_fdr5_own": _share(table["fdr_own"].to_numpy()),
    }
    return GeneAccuracy(table, summary)


def one_sided_p(pearson: ArrayLike, n: ArrayLike) -> Float:
    """P of a correlation at least as large where there is none; NaN where undefined.

    Examples
    --------
    >>> one_sided_p([0.0, 1.0], [10, 10]).round(6).tolist()
    [0.5, 0.0]
    """
    r, count = np.asarray(pearson, dtype=np.float64), np.asarray(n, dtype=np.float64)
    freedom = np.maximum(count - 2, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = r * np.sqrt(freedom / np.maximum(1 - r**2, 1e-300))
    return np.where(np.isfinite(r) & (count > 2), student.sf(statistic, freedom), np.nan)


def _p_own(measured: Float, guessed: Float) -> Float:
    crossed = cross_pearson(measured.T, guessed.T)  # row: prediction of a gene; column: measured gene
    own = np.diag(crossed)
    n_predictions = np.isfinite(crossed).sum(axis=0)
    with np.errstate(invalid="ignore"):
        n_as_good = (crossed >= own - 1e-12).sum(axis=0)  # with the gene itself
    return np.where(np.isfinite(own), n_as_good / np.maximum(n_predictions, 1), np.nan)


def _random_pairs(
    measured: Float, guessed: Float, n_persons: NDArray[np.int64], seed: int, shuffles: int
) -> tuple[float, float]:
    """Mean correlation, and mean share with FDR < 5 %, of genes paired with the prediction of another gene."""
    rng, means, shares = np.random.default_rng(seed), [], []
    for _ in range(shuffles):
        order = rng.permutation(len(measured))
        partner = np.empty_like(order)
        partner[order] = np.roll(order, 1)  # one circle: nobody is its own partner
        r = pearson_per_gene(measured, guessed[partner])
        means.append(_mean(r))
        shares.append(_share(false_discovery_rate(one_sided_p(r, n_persons))))
    return float(np.mean(means)), float(np.mean(shares))


def _mean(values: Float) -> float:
    defined = values[np.isfinite(values)]
    return float(defined.mean()) if len(defined) else float("nan")


def _share(p_or_fdr: Float) -> float:
    defined = p_or_fdr[np.isfinite(p_or_fdr)]
    return float((defined < LEVEL).mean()) if len(defined) else float("nan")
