"""A regulator's attribution against its own expression: does it act where it is expressed, and with which sign?"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata, spearmanr

from decode.core.checks import check_columns, check_count, check_unique, listed
from decode.core.shown import shown
from decode.expression.targets import GENE_ID, numeric_values
from decode.expression.tissue_groups import group_of_tasks, known_tissue_groups
from decode.ranking.table import signed_means
from decode.regulators.genes import regulator_genes
from decode.statistics.multiple_testing import false_discovery_rate

logger = logging.getLogger(__name__)

MIN_TISSUES = 5  # tissues, and groups for an interval: below, no rank correlation is significant at 5 %
N_DRAWS = 2_000
BRAIN = "brain"
ALL_TISSUES, WITHOUT_BRAIN = "all", "without_brain"
ACTIVATOR, REPRESSOR = "activator", "repressor"
Float = NDArray[np.float64]


@shown()
class RegulatorExpressionResult(NamedTuple):
    """Correlations and the profiles behind them.

    Attributes
    ----------
    table : pd.DataFrame
        One row a set of tissues and regulator, see `correlate_expression`.
    attribution, expression : pd.DataFrame, shape (n_regulators, n_tissues)
        log2 units; index (kind, regulator); NaN where not measured.
    counts : dict of str to int
        Of `regulator_genes`, and n_tissues, n_regulators_measured, n_regulators_not_measured.
    """

    table: pd.DataFrame
    attribution: pd.DataFrame
    expression: pd.DataFrame
    counts: dict[str, int]


def correlate_expression(
    ranking: pd.DataFrame,
    expression: pd.DataFrame,
    *,
    genes: pd.DataFrame | None = None,
    id_map: str | Path | None = None,
    complexes: Mapping[str, Sequence[str]] | None = None,
    tissue_groups: Mapping[str, str] | None = None,
    n_draws: int = N_DRAWS,
    seed: int = 0,
) -> RegulatorExpressionResult:
    """Correlate each regulator's signed attribution with the regulator's own expression over tissues.

    Parameters
    ----------
    ranking : pd.DataFrame
        task, kind, regulator, mean, ...: signed mean attribution in every tissue (`decode rank`).
    expression : pd.DataFrame
        gene_id and one column a tissue, log2 units, such as the targets table. Level or fold change give the same
        result, since a gene's median is one number for all tissues.
    genes : pd.DataFrame, optional
        gene_id and gene_name: how regulator names become gene ids. Without it, names are gene ids as they stand.
    id_map : str or Path, optional
        Previous symbols and aliases.
    complexes : mapping of regulator to gene names, optional
        A complex has the mean log2 expression of its genes.
    tissue_groups : mapping of tissue to group, optional
        Tissues that are not independent; default: the known groups of GTEx tissues. The group "brain" is left out in
        the rows `without_brain`.
    n_draws : int, default 2,000
        Bootstrap draws.
    seed : int

    Returns
    -------
    RegulatorExpressionResult
        Columns of `table`: tissues ("all", "without_brain"), kind, regulator, gene_ids (joined by ";"), n_tissues,
        n_groups, spearman, low, high (95 % interval, bootstrap of tissue groups), p_value and fdr (tissues as
        independent, as published), p_groups and fdr_groups (group means: each group counts once), p_background (share
        of all other genes whose expression correlates at least as strongly with this attribution), sign: "activator"
        or "repressor" where the interval excludes 0, else empty. Without regulators that have no measured gene.

    Raises
    ------
    ValueError
        If fewer than five tissues are in both tables, no regulator is measured, every attribution is constant over
        tissues, or a regulator's name stands for several genes.

    Notes
    -----
    Spearman's rho of attribution a_t and expression e_t over tissues t. Thirteen brain regions are not thirteen
    tissues: the interval draws whole groups, and p_groups correlates group means. Attributions of different regulators
    share a few axes of variation (brain or testis against the rest), so a rho can be far from 0 without being specific
    to the regulator; p_background shows how many other genes do as well. Benjamini-Hochberg over regulators, once for
    each set of tissues.

    References
    ----------
    Tasaki et al. 2020: Spearman, FDR 5 %, with and without brain tissues.
    """
    check_columns("expression", expression, [GENE_ID])
    check_unique("gene ids of the expression table", expression[GENE_ID])
    check_count("n_draws", n_draws)
    attribution = signed_means(ranking)
    tissues = [task for task in attribution.columns if task in expression.columns]
    lost = [task for task in attribution.columns if task not in tissues]
    if len(tissues) < MIN_TISSUES:
        raise ValueError(
            f"{len(tissues)} tissues are in both the ranking ({listed(attribution.columns, 3)}) and the expression "
            f"table ({listed(expression.columns[1:], 3)}); {MIN_TISSUES} or more are wanted"
        )
    if lost:
        logger.warning("%d tasks of the ranking have no expression and are left out: %s", len(lost), listed(lost))
    attribution = attribution[tissues]
    if not (attribution.max(axis=1) > attribution.min(axis=1)).any():
        raise ValueError("the attribution of every regulator is the same in all tissues; there is nothing to correlate")
    if not (attribution < 0).to_numpy().any():
        logger.warning("no attribution is negative: scores of transcript usage, for example, have no sign to be read")
    levels = pd.DataFrame(
        numeric_values(expression[tissues], "expression", list(expression[GENE_ID].astype(str))),
        index=expression[GENE_ID].astype(str), columns=tissues,
    )  # fmt: skip
    found = regulator_genes(attribution.index.to_frame(index=False), genes, id_map, complexes=complexes)
    measured = {key: [gene for gene in found.genes[key] if gene in levels.index] for key in attribution.index}
    kept = [key for key in attribution.index if measured[key]]
    counts = found.counts | {
        "n_tissues": len(tissues),
        "n_regulators_measured": len(kept),
        "n_regulators_not_measured": sum(bool(ids) and not measured[key] for key, ids in found.genes.items()),
    }
    if not kept:
        raise ValueError(
            f"none of {len(attribution)} regulators ({listed([name for _, name in attribution.index], 3)}) is a gene "
            f"of the expression table ({listed(levels.index, 3)}); give --features or --id-map to find their gene ids"
        )
    logger.info("regulators with measured expression: %d of %d", len(kept), len(attribution))
    own = pd.DataFrame([levels.loc[measured[key]].mean(skipna=False) for key in kept], columns=tissues)
    own.index = pd.MultiIndex.from_tuples(kept, names=["kind", "regulator"])
    groups = dict(zip(tissues, group_of_tasks(tissues, tissue_groups or known_tissue_groups(tissues)), strict=True))
    parts = {ALL_TISSUES: tissues}
    outside = [task for task in tissues if groups[task] != BRAIN]
    if MIN_TISSUES <= len(outside) < len(tissues):
        parts[WITHOUT_BRAIN] = outside
    else:
        logger.info("no rows without brain: %d of %d tissues are not of the brain", len(outside), len(tissues))
    tables = [
        _correlations(name, attribution.loc[kept, part], own[part], levels[part], measured, groups, n_draws, seed)
        for name, part in parts.items()
    ]
    return RegulatorExpressionResult(pd.concat(tables, ignore_index=True), attribution.loc[kept], own, counts)


def cluster_bootstrap_spearman(
    first: Float, second: Float, groups: Sequence[str], *, n_draws: int = N_DRAWS, level: float = 0.95, seed: int = 0
) -> tuple[float, float]:
    """Interval of Spearman's correlation when the points come in groups that vary together.

    Parameters
    ----------
    first, second : np.ndarray, shape (n,)
        No NaN.
    groups : sequence of str, shape (n,)
    n_draws : int, default 2,000
    level : float, default 0.95
    seed : int

    Returns
    -------
    low, high : float
        Percentile interval; NaN with fewer than five groups or where a side is constant.

    Notes
    -----
    Whole groups are drawn with replacement and ranks are taken anew in each draw. A point drawn w times has the rank
    sum_j w_j ([x_j < x] + [x_j = x] / 2) + 1/2, its average rank among its copies, so no draw is written out.

    References
    ----------
    Cameron, Gelbach & Miller (2008) Rev Econ Stat 90:414, clusters in the bootstrap.

    Examples
    --------
    >>> x = np.arange(8.0)
    >>> cluster_bootstrap_spearman(x, x**2, list("abcdefgh"), n_draws=100)
    (1.0, 1.0)
    """
    codes, names = pd.factorize(np.asarray(groups, dtype=object))
    if len(names) < MIN_TISSUES or np.ptp(first) == 0 or np.ptp(second) == 0:
        return np.nan, np.nan
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=n_draws)
    weights = drawn[:, codes].T.astype(np.float64)
    left, right = (_weighted_ranks(values, weights) for values in (first, second))
    total = weights.sum(axis=0)
    left, right = (ranks - (weights * ranks).sum(axis=0) / total for ranks in (left, right))
    product = (weights * left**2).sum(axis=0) * (weights * right**2).sum(axis=0)
    is_defined = product > 1e-9  # a draw in which all copies are tied has no correlation
    rho = (weights * left * right).sum(axis=0)[is_defined] / np.sqrt(product[is_defined])
    low, high = np.quantile(np.clip(rho, -1, 1), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _weighted_ranks(values: Float, weights: Float) -> Float:
    """Average rank of each value where value j stands weights[j] times; one column a draw."""
    below = (values[None, :] < values[:, None]) + 0.5 * (values[None, :] == values[:, None])
    return np.asarray(below @ weights + 0.5)


def _correlations(
    name: str,
    attribution: pd.DataFrame,
    own: pd.DataFrame,
    levels: pd.DataFrame,
    measured: Mapping[tuple[str, str], Sequence[str]],
    groups: Mapping[str, str],
    n_draws: int,
    seed: int,
) -> pd.DataFrame:
    rows = []
    background = _Background(levels)
    group = np.array([groups[task] for task in attribution.columns], dtype=object)
    for key in own.index:
        first, second = attribution.loc[key].to_numpy(dtype=np.float64), own.loc[key].to_numpy(dtype=np.float64)
        present = np.isfinite(first) & np.isfinite(second)
        x, y, of = first[present], second[present], group[present]
        rho, p_value = _spearman(x, y)
        low, high = cluster_bootstrap_spearman(x, y, of, n_draws=n_draws, seed=seed)
        means = pd.DataFrame({"x": x, "y": y}).groupby(of).mean()
        row = [name, *key, ";".join(measured[key]), int(present.sum()), len(means), rho, low, high, p_value]
        rows.append([*row, _spearman(means["x"].to_numpy(), means["y"].to_numpy())[1],
                     background.share(first, present, rho, measured[key])])  # fmt: skip
    columns = ["tissues", "kind", "regulator", "gene_ids", "n_tissues", "n_groups", "spearman", "low", "high"]
    columns += ["p_value", "p_groups", "p_background"]
    table = pd.DataFrame(rows, columns=columns)
    for p_name, fdr in (("p_value", "fdr"), ("p_groups", "fdr_groups")):
        table.insert(list(table.columns).index(p_name) + 1, fdr, false_discovery_rate(table[p_name]))
    table["sign"] = np.select([table["low"] > 0, table["high"] < 0], [ACTIVATOR, REPRESSOR], "")
    table["sign"] = table["sign"].where(table["sign"] != "")
    return table


class _Background:
    """Ranks of all genes over the tissues, computed once for each pattern of measured tissues."""

    def __init__(self, levels: pd.DataFrame) -> None:
        self.values = levels.to_numpy(dtype=np.float64)
        self.row = {gene: position for position, gene in enumerate(levels.index)}
        self.units: dict[bytes, Float] = {}

    def share(self, first: Float, present: NDArray[np.bool_], rho: float, own: Sequence[str]) -> float:
        """Share of other genes that correlate at least as strongly with a profile: (1 + #) / (1 + n)."""
        if not np.isfinite(rho):
            return np.nan
        key = present.tobytes()
        if key not in self.units:
            self.units[key] = _unit(rankdata(self.values[:, present], axis=1, nan_policy="propagate"))
        profile = _unit(rankdata(first[present])[None, :])[0]
        rhos = np.abs(self.units[key] @ profile)
        rhos[[self.row[gene] for gene in own]] = np.nan
        rhos = rhos[np.isfinite(rhos)]
        return float((1 + (rhos >= abs(rho) - 1e-12).sum()) / (1 + len(rhos)))


def _unit(ranks: Float) -> Float:
    centred = ranks - ranks.mean(axis=1, keepdims=True)
    length = np.sqrt((centred**2).sum(axis=1, keepdims=True))
    return np.asarray(centred / np.where(length > 0, length, np.nan))


def _spearman(x: Float, y: Float) -> tuple[float, float]:
    if len(x) < MIN_TISSUES or np.ptp(x) == 0 or np.ptp(y) == 0:
        return np.nan, np.nan
    found = spearmanr(x, y)
    return float(found.statistic), float(found.pvalue)
