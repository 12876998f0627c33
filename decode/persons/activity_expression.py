"""Does a regulator's activity follow its own expression from sample to sample, more than other regulators' genes do?"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata
from scipy.stats import t as student

from decode.core.checks import check_columns, check_count, listed
from decode.core.shown import shown
from decode.expression.samples import LARGEST_LOG2
from decode.regulators.genes import regulator_genes
from decode.statistics.multiple_testing import false_discovery_rate

logger = logging.getLogger(__name__)

LEAST_RHO, FDR = 0.3, 0.05  # Tasaki et al. 2020: |rho| > 0.3 and FDR < 5 %
N_MATCHED, N_DRAWS = 20, 200
LEAST_SAMPLES = 10
Float = NDArray[np.float64]


@shown()
class ActivityExpression(NamedTuple):
    """Correlations of activity with own expression, beside those with other regulators' genes.

    Attributes
    ----------
    table : pd.DataFrame
        One row a regulator with a measured gene, see `correlate_activity`.
    null : pd.DataFrame
        draw, n_hits, share_positive, median_abs_rho: the same analysis with each regulator's gene replaced by that of
        another regulator of like expression.
    summary : dict
        n_regulators, n_hits, n_hits_null (mean), n_hits_null_high (95 %), p_hits, median_abs_rho, and its null, and
        n_agree_with_tissue of n_with_tissue_sign.
    counts : dict
        Of `regulator_genes`, and n_samples, n_regulators_measured, n_regulators_not_measured.
    """

    table: pd.DataFrame
    null: pd.DataFrame
    summary: dict[str, Any]
    counts: dict[str, int]


def correlate_activity(
    activity: pd.DataFrame,
    expression: pd.DataFrame,
    *,
    genes: pd.DataFrame | None = None,
    id_map: str | Path | None = None,
    complexes: Mapping[str, Sequence[str]] | None = None,
    tissue: pd.DataFrame | None = None,
    n_matched: int = N_MATCHED,
    n_draws: int = N_DRAWS,
    seed: int = 0,
) -> ActivityExpression:
    """Correlate each regulator's activity with its own expression over samples.

    Parameters
    ----------
    activity : pd.DataFrame, shape (n_samples, n_regulators)
        Columns "kind:regulator".
    expression : pd.DataFrame, shape (n_genes, n_samples)
        Index: gene ids. TPM or log2: ranks are the same.
    genes, id_map, complexes
        How regulator names become gene ids, see `decode.regulators.genes.regulator_genes`.
    tissue : pd.DataFrame, optional
        Table of `decode regulators expression`: the sign of the same correlation over tissues.
    n_matched : int, default 20
        Other regulators whose gene is nearest in expression, for the null.
    n_draws : int, default 200
    seed : int

    Returns
    -------
    ActivityExpression
        Columns of `table`: kind, regulator, gene_ids, n_samples, average_level (log2), spearman, p_value, fdr, is_hit
        (|rho| > 0.3 and FDR < 5 %), p_matched ((1 + #) / (1 + n): share of matched other genes that correlate as
        strongly), tissue_spearman and agrees_with_tissue (same sign) where `tissue` is given.

    Raises
    ------
    ValueError
        If fewer than 10 samples are in both tables, or fewer than two regulators have a measured gene.

    Notes
    -----
    P-values take samples as independent, as published. They say little by themselves: activities are mixtures of few
    patterns, and so are genes, so many genes correlate with many activities. Whether it is the regulator's own gene
    that matters is told by the null: the number of hits with the genes of other regulators of like expression.

    References
    ----------
    Tasaki et al. 2020, Nature Machine Intelligence 2:376: Spearman, |rho| > 0.3, FDR 5 %, consistent over tissues.
    """
    check_count("n_matched", n_matched)
    check_count("n_draws", n_draws)
    own_activity, levels = _shared_samples(activity, expression)
    parts = [str(name).partition(":") for name in own_activity.columns]
    names = pd.DataFrame({"kind": [part[0] for part in parts], "regulator": [part[2] for part in parts]})
    found = regulator_genes(names, genes, id_map, complexes=complexes)
    known = levels.index[np.isfinite(levels.to_numpy()).all(axis=1)]
    measured = {key: [gene for gene in ids if gene in known] for key, ids in found.genes.items()}
    keys = [key for key in names.itertuples(index=False, name=None) if measured.get(key)]
    counts = found.counts | {
        "n_samples": levels.shape[1],
        "n_regulators_measured": len(keys),
        "n_regulators_not_measured": sum(bool(ids) and not measured[key] for key, ids in found.genes.items()),
    }
    if len(keys) < 2:
        raise ValueError(
            f"{len(keys)} of {len(names)} regulators are genes of the expression table ({listed(levels.index, 3)}); "
            "give --features or --id-map to find their gene ids"
        )
    logger.info("regulators with measured expression: %d of %d", len(keys), len(names))
    own_levels = np.array([levels.loc[measured[key]].mean().to_numpy() for key in keys])
    values = own_activity[[f"{kind}:{name}" for kind, name in keys]].to_numpy(dtype=np.float64).T
    rho = _unit_ranks(values) @ _unit_ranks(own_levels).T  # (regulator, gene of a regulator)
    mean_level = _mean_log2(own_levels)
    others = _matched(mean_level, [tuple(measured[key]) for key in keys], n_matched)
    table = pd.DataFrame(keys, columns=["kind", "regulator"])
    table["gene_ids"] = [";".join(measured[key]) for key in keys]
    table["n_samples"], table["average_level"] = levels.shape[1], mean_level
    own = np.diag(rho).copy()
    table["spearman"], table["p_value"] = own, _p_of_rho(own, levels.shape[1])
    table["fdr"] = false_discovery_rate(table["p_value"])
    table["is_hit"] = _hits(own, levels.shape[1])
    table["p_matched"] = [_share_as_strong(own[i], rho[i, others[i]]) for i in range(len(keys))]
    null = _null(rho, others, levels.shape[1], n_draws, seed)
    summary = _summary(table, null)
    if tissue is not None:
        table = _with_tissue(table, tissue)
        hits = table[table["is_hit"] & table["tissue_spearman"].notna()]
        summary["n_with_tissue_sign"], summary["n_agree_with_tissue"] = len(hits), int(hits["agrees_with_tissue"].sum())
    return ActivityExpression(table, null, summary, counts)


def consistent_regulators(tables: Mapping[str, pd.DataFrame], *, least: int = 5) -> pd.DataFrame:
    """Regulators whose activity follows their own expression with the same sign in several tissues or cohorts.

    Parameters
    ----------
    tables : mapping of name to pd.DataFrame
        Tables of `correlate_activity`, one a tissue.
    least : int, default 5
        Hits of one sign wanted ("in more than four tissues", Tasaki et al. 2020).

    Returns
    -------
    pd.DataFrame
        kind, regulator, n_tissues (measured), n_positive, n_negative (hits), sign (+1 or -1 of the majority, 0
        without any), is_consistent: at least `least` hits, all of one sign.

    Examples
    --------
    >>> one = pd.DataFrame({"kind": ["TF"], "regulator": ["A"], "spearman": [0.5], "is_hit": [True]})
    >>> consistent_regulators({"x": one, "y": one}, least=2)["is_consistent"].tolist()
    [True]
    """
    check_count("least", least)
    for name, table in tables.items():
        check_columns(f"table {name}", table, ["kind", "regulator", "spearman", "is_hit"])
    whole = pd.concat(tables.values(), ignore_index=True)
    whole["n_positive"] = whole["is_hit"] & (whole["spearman"] > 0)
    whole["n_negative"] = whole["is_hit"] & (whole["spearman"] < 0)
    grouped = whole.groupby(["kind", "regulator"], sort=False)
    found = grouped[["n_positive", "n_negative"]].sum().astype(int)
    found.insert(0, "n_tissues", grouped.size())
    found["sign"] = np.sign(found["n_positive"] - found["n_negative"])
    best = found[["n_positive", "n_negative"]].max(axis=1)
    found["is_consistent"] = (best >= least) & (found[["n_positive", "n_negative"]].min(axis=1) == 0)
    return found.reset_index()


def _shared_samples(activity: pd.DataFrame, expression: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    columns = {str(name) for name in expression.columns}
    shared = [str(name) for name in activity.index if str(name) in columns]
    if len(shared) < LEAST_SAMPLES:
        raise ValueError(
            f"{len(shared)} samples are in both the activities ({listed(activity.index, 3)}) and the expression table "
            f"({listed(expression.columns, 3)}); {LEAST_SAMPLES} or more are wanted"
        )
    lost = len(activity) - len(shared)
    if lost:
        logger.warning("%d of %d samples with activities have no expression and are left out", lost, len(activity))
    values = expression.set_axis(expression.columns.astype(str), axis=1).set_axis(expression.index.astype(str), axis=0)
    return activity.set_axis(activity.index.astype(str), axis=0).loc[shared], values[shared]


def _mean_log2(levels: Float) -> Float:
    if levels.max() > LARGEST_LOG2 and levels.min() >= 0:
        levels = np.log2(levels + 0.25)
    return np.asarray(levels.mean(axis=1))


def _unit_ranks(values: Float) -> Float:
    """Ranks of every row, centred and of length 1; 0 where a row is constant."""
    ranks = rankdata(values, axis=1)
    ranks -= ranks.mean(axis=1, keepdims=True)
    length = np.linalg.norm(ranks, axis=1, keepdims=True)
    return np.asarray(ranks / np.where(length > 0, length, np.inf))


def _matched(level: Float, gene_sets: Sequence[tuple[str, ...]], n_matched: int) -> list[NDArray[np.int64]]:
    """Other regulators with other genes, the nearest in expression."""
    sets = [set(genes) for genes in gene_sets]
    found = []
    for i, own in enumerate(level):
        order = np.argsort(np.abs(level - own), kind="stable")
        found.append(np.array([j for j in order if not sets[i] & sets[j]][:n_matched], dtype=np.int64))
    return found


def _p_of_rho(rho: Float, n: int) -> Float:
    """Two-sided p of Spearman's rho by its t approximation, as scipy's `spearmanr`."""
    with np.errstate(divide="ignore"):
        t = np.abs(rho) * np.sqrt((n - 2) / np.maximum(1 - rho**2, 0.0))
    return np.asarray(2 * student.sf(t, n - 2))


def _hits(rho: Float, n: int) -> NDArray[np.bool_]:
    return np.asarray((np.abs(rho) > LEAST_RHO) & (false_discovery_rate(_p_of_rho(rho, n)) < FDR))


def _share_as_strong(own: float, others: Float) -> float:
    return float((1 + (np.abs(others) >= abs(own) - 1e-12).sum()) / (1 + len(others))) if len(others) else float("nan")


def _null(rho: Float, others: list[NDArray[np.int64]], n: int, n_draws: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rows = np.array([i for i, found in enumerate(others) if len(found)])
    draws = []
    for number in range(n_draws):
        drawn = rho[rows, [others[i][rng.integers(len(others[i]))] for i in rows]]
        hits = _hits(drawn, n)
        positive = float((drawn[hits] > 0).mean()) if hits.any() else np.nan
        draws.append([number, int(hits.sum()), positive, float(np.median(np.abs(drawn)))])
    return pd.DataFrame(draws, columns=["draw", "n_hits", "share_positive", "median_abs_rho"])


def _summary(table: pd.DataFrame, null: pd.DataFrame) -> dict[str, Any]:
    n_hits = int(table["is_hit"].sum())
    return {
        "n_regulators": len(table),
        "n_hits": n_hits,
        "n_positive": int((table["is_hit"] & (table["spearman"] > 0)).sum()),
        "n_hits_null": float(null["n_hits"].mean()),
        "n_hits_null_high": float(null["n_hits"].quantile(0.95)),
        "p_hits": float((1 + (null["n_hits"] >= n_hits).sum()) / (1 + len(null))),
        "median_abs_rho": float(table["spearman"].abs().median()),
        "median_abs_rho_null": float(null["median_abs_rho"].mean()),
        "n_p_matched_below_5_percent": int((table["p_matched"] < FDR).sum()),
    }


def _with_tissue(table: pd.DataFrame, tissue: pd.DataFrame) -> pd.DataFrame:
    check_columns("table of regulators over tissues", tissue, ["tissues", "kind", "regulator", "spearman"])
    own = tissue[tissue["tissues"] == "all"].set_index(["kind", "regulator"])["spearman"]
    rho = own.reindex(pd.MultiIndex.from_frame(table[["kind", "regulator"]])).to_numpy()
    agrees = pd.array(np.sign(rho) == np.sign(table["spearman"]), dtype="boolean")
    agrees[np.isnan(rho)] = pd.NA
    return table.assign(tissue_spearman=rho, agrees_with_tissue=agrees)
