"""Do the changes that a model predicts agree with those in the data, and with those of which tissue or cohort?"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from decode.core.checks import check_columns, check_count, listed
from decode.core.shown import shown
from decode.persons.differential import DifferentialResult, differential
from decode.statistics.freedman_lane import fit_term, freedman_lane, permutations
from decode.statistics.shrinkage import squeeze_variance

logger = logging.getLogger(__name__)

LEAST_GENES = 10  # of a correlation between two lists of t
N_PERMUTATIONS = 200


@shown()
class Agreement(NamedTuple):
    """How the predicted t statistics agree with the actual ones.

    Attributes
    ----------
    table : pd.DataFrame
        One row a term, see `agreement_of_t`.
    statistics : pd.DataFrame
        gene_id, term, t_actual, t_predicted of the compared genes.
    counts : dict of str to int
        n_genes_compared, n_genes_only_actual, n_genes_only_predicted, n_genes_with_missing.
    predicted : DifferentialResult
        The test of the prediction, all its genes.
    """

    table: pd.DataFrame
    statistics: pd.DataFrame
    counts: dict[str, int]
    predicted: DifferentialResult


def agreement_of_t(
    actual: pd.DataFrame,
    predicted: pd.DataFrame,
    samples: pd.DataFrame,
    design: str,
    *,
    genes: Sequence[str] | None = None,
    trend: bool = False,
    complete_only: bool = False,
    n_permutations: int = N_PERMUTATIONS,
    seed: int = 0,
) -> Agreement:
    """Compare what changes in the prediction with what changes in the data, over genes.

    Parameters
    ----------
    actual, predicted : pd.DataFrame, shape (n_genes, n_samples)
        log2 values of the same samples; rows are matched by id.
    samples : pd.DataFrame
    design : str
    genes : sequence of str, optional
        Genes that the model was not trained on; default all that both tables have, which flatters the model.
    trend, complete_only : bool
        As in `differential`.
    n_permutations : int, default 200
    seed : int

    Returns
    -------
    Agreement
        Columns of `table`: term, n_genes, spearman (of t over genes), null_median, null_low, null_high (2.5 and
        97.5 %), p_permutation (one-sided), n_permutations.

    Raises
    ------
    ValueError
        If fewer than 10 genes are in both tables without missing values, a gene is unknown, or as `differential`.

    Notes
    -----
    Genes are not independent, and a model that follows each person also follows the differences between any two groups
    of persons. The null tells how much: the residuals of whole samples are permuted (Freedman-Lane), in both tables
    alike, so that predictions stay as close to their persons as they are and only the term is lost. A rho inside the
    null's interval says nothing of the term.

    References
    ----------
    Tasaki et al. 2020: Spearman of limma's t over test genes. Freedman & Lane 1983, J Bus Econ Stat 1:292.
    """
    check_count("n_permutations", n_permutations)
    options: dict[str, Any] = {"trend": trend, "complete_only": complete_only}
    own = differential(actual, samples, design, **options)
    names = own.design.matrix.index
    lost = [name for name in names if name not in set(predicted.columns.astype(str))]
    if lost:
        raise ValueError(f"{len(lost)} samples have no prediction: {listed(lost)}; predict them or leave them out")
    theirs = differential(predicted.set_axis(predicted.columns.astype(str), axis=1)[names], samples, design, **options)
    chosen, counts = _shared_genes(own.t, theirs.t, genes)
    both = [_complete_rows(table, names, chosen) for table in (actual, predicted)]
    is_complete = np.all([np.isfinite(values).all(axis=1) for values in both], axis=0)
    counts["n_genes_with_missing"] = int((~is_complete).sum())
    chosen, both = [gene for gene, ok in zip(chosen, is_complete, strict=True) if ok], [v[is_complete] for v in both]
    if len(chosen) < LEAST_GENES:
        raise ValueError(
            f"{len(chosen)} genes are complete in both tables; {LEAST_GENES} or more are wanted, with the same row ids "
            "in both (--id-map renames them)"
        )
    counts["n_genes_compared"] = len(chosen)
    matrix = own.design.matrix.to_numpy()
    orders = permutations(len(names), n_permutations, seed=seed)
    rows, statistics = [], []
    for term in own.t.columns:
        first, second = own.t.loc[chosen, term].to_numpy(), theirs.t.loc[chosen, term].to_numpy()
        column = list(own.design.matrix.columns).index(term)
        null = _null_spearman(both, matrix, column, orders, trend=trend)
        rho = _spearman_rows(first[None], second[None])[0]
        low, middle, high = np.quantile(null, [0.025, 0.5, 0.975])
        p_value = (1 + (null >= rho).sum()) / (1 + len(null))
        rows.append([term, len(chosen), rho, middle, low, high, p_value, n_permutations])
        statistics.append(pd.DataFrame({"gene_id": chosen, "term": term, "t_actual": first, "t_predicted": second}))
    columns = ["term", "n_genes", "spearman", "null_median", "null_low", "null_high", "p_permutation"]
    table = pd.DataFrame(rows, columns=[*columns, "n_permutations"])
    return Agreement(table, pd.concat(statistics, ignore_index=True), counts, theirs)


def agreement_matrix(
    predicted: Mapping[str, pd.DataFrame], actual: Mapping[str, pd.DataFrame], *, genes: Sequence[str] | None = None
) -> pd.DataFrame:
    """Spearman of the t statistics of one term between several predictions and several data sets: which is closest?

    Parameters
    ----------
    predicted, actual : mapping of name to pd.DataFrame
        Tables of `differential`, of one or more terms. A prediction and the data of the same name belong together.
    genes : sequence of str, optional
        Default: the genes that both tables have.

    Returns
    -------
    pd.DataFrame
        term, predicted, actual, n_genes, spearman, rank (1: the data set closest to this prediction), is_own. Terms
        that only one side has are left out and logged.

    Raises
    ------
    ValueError
        If no term or fewer than 10 genes are shared.
    """
    wide = [{name: _wide_t(table, name) for name, table in tables.items()} for tables in (predicted, actual)]
    rows = []
    for name, first in wide[0].items():
        for other, second in wide[1].items():
            terms = [term for term in first.columns if term in second.columns]
            if not terms:
                logger.warning("%s and %s share no term (%s; %s)", name, other, *map(listed, (first, second)))
                continue
            chosen, _ = _shared_genes(first, second, genes)
            for term in terms:
                pair = np.array([first.loc[chosen, term], second.loc[chosen, term]])
                pair = pair[:, np.isfinite(pair).all(axis=0)]
                if pair.shape[1] < LEAST_GENES:
                    shared = f"{name} and {other} share {pair.shape[1]} genes"
                    raise ValueError(f"{shared}; {LEAST_GENES} or more are wanted")
                rows.append([term, name, other, pair.shape[1], _spearman_rows(pair[:1], pair[1:])[0]])
    if not rows:
        raise ValueError("the tables share no term; write the designs with the same variables and levels")
    table = pd.DataFrame(rows, columns=["term", "predicted", "actual", "n_genes", "spearman"])
    table["rank"] = table.groupby(["term", "predicted"])["spearman"].rank(ascending=False, method="min").astype(int)
    table["is_own"] = table["predicted"] == table["actual"]
    return table.sort_values(["term", "predicted", "rank"], kind="stable", ignore_index=True)


def _wide_t(table: pd.DataFrame, name: str) -> pd.DataFrame:
    check_columns(f"differential table {name}", table, ["gene_id", "term", "t"])
    return table.assign(gene_id=table["gene_id"].astype(str)).pivot_table(
        index="gene_id", columns="term", values="t", sort=False
    )


def _shared_genes(
    first: pd.DataFrame, second: pd.DataFrame, genes: Sequence[str] | None
) -> tuple[list[str], dict[str, int]]:
    """Genes of both tables, of a list if there is one, in the order of the first table."""
    wanted = None if genes is None else set(genes)
    shared = [gene for gene in first.index if gene in second.index and (wanted is None or gene in wanted)]
    if not shared:
        raise ValueError(
            f"the tables share no {'gene' if wanted is None else 'gene of the list'}: {listed(first.index, 2)} against "
            f"{listed(second.index, 2)}; use the same row ids (--id-map renames them)"
        )
    counts = {"n_genes_only_actual": len(first) - len(shared), "n_genes_only_predicted": len(second) - len(shared)}
    return shared, counts


def _complete_rows(table: pd.DataFrame, names: pd.Index, genes: Sequence[str]) -> np.ndarray:
    rows = table.set_axis(table.index.astype(str), axis=0).set_axis(table.columns.astype(str), axis=1)
    return rows.loc[list(genes), names].to_numpy(dtype=np.float64)


def _null_spearman(
    both: Sequence[np.ndarray], design: np.ndarray, column: int, orders: np.ndarray, *, trend: bool
) -> np.ndarray:
    """Spearman of t between two tables over permutations of their samples."""
    fits = [fit_term(values.T, design, column) for values in both]
    levels = [values.mean(axis=1) if trend else None for values in both]
    null = []
    for pair in zip(*(freedman_lane(fit, orders) for fit in fits), strict=True):
        t = [
            drawn.coefficients / np.sqrt(squeeze_variance(drawn.variance.T, fit.df, trend=level).variance.T)
            for drawn, fit, level in zip(pair, fits, levels, strict=True)
        ]  # but for a factor
        null.append(_spearman_rows(*t))
    return np.concatenate(null)


def _spearman_rows(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Spearman of each row of one array with the same row of another; NaN where a row is constant."""
    ranks = [rankdata(values, axis=1) for values in (first, second)]
    x, y = (values - values.mean(axis=1, keepdims=True) for values in ranks)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((x * y).sum(axis=1) / np.sqrt((x**2).sum(axis=1) * (y**2).sum(axis=1)))
