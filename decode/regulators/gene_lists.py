"""Gene lists: do regulators that matter to the model also matter to the organism, beyond being well studied?"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import mannwhitneyu, spearmanr
from statsmodels.regression.linear_model import OLS

from decode.core.checks import check_count, check_share, check_unique, listed
from decode.core.files import open_text
from decode.core.shown import shown
from decode.ranking.table import OVERALL, scores_of_task
from decode.regulators.genes import genes_of_names, regulator_genes
from decode.statistics.metrics import auroc_delong
from decode.statistics.multiple_testing import false_discovery_rate
from decode.statistics.ranks import normal_scores

logger = logging.getLogger(__name__)

MIN_MEMBERS = 5  # members and non-members each: below, a rank test cannot reach p = 0.01
PLI_THRESHOLD = 0.99  # [D] ExAC r0.3.1: pLI > 0.99, for loss of one and of both copies separately
HUB_QUANTILE = 0.9  # ours: [D] names no cut for hubs
ALL_KINDS = "all"
Float = NDArray[np.float64]


@shown()
class GeneListResult(NamedTuple):
    """Tests of gene lists.

    Attributes
    ----------
    table : pd.DataFrame
        One row a level, kind and gene list, see `validate_gene_lists`.
    bias : pd.DataFrame
        level, kind, covariate (n_bound_genes, n_tracks), spearman and p_value of the score with it: how far the score
        itself follows the number of sites and of experiments.
    counts : dict
        Per level the counts of `regulator_genes`; per list its names and how many of them are regulators.
    """

    table: pd.DataFrame
    bias: pd.DataFrame
    counts: dict[str, dict[str, int]]


class AdjustedEffect(NamedTuple):
    """Difference of members and non-members in SDs of the normal score; NaN where undefined."""

    effect: float
    low: float
    high: float
    p_value: float


def validate_gene_lists(
    rankings: Mapping[str, pd.DataFrame],
    gene_lists: Mapping[str, Sequence[str]],
    *,
    task: str = OVERALL,
    genes: pd.DataFrame | None = None,
    id_map: str | Path | None = None,
    complexes: Mapping[str, Sequence[str]] | None = None,
    min_members: int = MIN_MEMBERS,
) -> GeneListResult:
    """Test whether regulators in a gene list score higher than the others, with and without study bias removed.

    Parameters
    ----------
    rankings : mapping of level to pd.DataFrame
        Rankings by name, such as gene, transcript and usage.
    gene_lists : mapping of name to sequence of str
        Symbols or gene ids.
    task : str, default "overall"
        Whose scores.
    genes : pd.DataFrame, optional
        gene_id and gene_name: names of regulators and lists are compared as gene ids. Without it, as they stand.
    id_map : str or Path, optional
        Previous symbols and aliases; needs `genes`.
    complexes : mapping of regulator to gene names, optional
        A complex is a member where any of its genes is.
    min_members : int, default 5
        Members and non-members that a test needs; with fewer its numbers are undefined.

    Returns
    -------
    GeneListResult
        Columns of `table`: level, kind ("all", and every kind with coded regulators where there are several),
        gene_list, n_members, n_others, auroc with its DeLong interval auroc_low and auroc_high, auroc_sites (of the
        number of bound genes alone: study bias), p_value and fdr (one-sided Wilcoxon); effect, effect_low, effect_high
        (members minus others, SDs of the normal score); the same with covariates: adjusted_effect, adjusted_low,
        adjusted_high, adjusted_p_value, adjusted_fdr. Benjamini-Hochberg: one family a level and kind of test.

    Raises
    ------
    ValueError
        If no ranking or list is given, a list is empty, or no regulator is in any list.
    KeyError
        If a ranking lacks the task.

    Notes
    -----
    Well-studied proteins have more experiments and more sites, hence larger scores, and are more often in disease
    lists. So beside the rank test, with r the rank of the score among n regulators and u = Phi^-1((r - 0.5) / n):
    u = a + b member + c log2(1 + bound genes) + d log2(1 + tracks) + kind, by least squares with HC3 errors; p is
    one-sided for b > 0. A list that holds only by study bias has b near 0. The score may follow the number of sites
    for a good reason too (a regulator of many genes counts more), so the adjusted test is the stricter one.

    References
    ----------
    Tasaki et al. 2020, validation of key regulators. MacKinnon & White 1985 (J Econom 29:305), HC3.
    """
    if not rankings or not gene_lists:
        raise ValueError("at least one ranking and one gene list are wanted")
    hollow = [name for name, names in gene_lists.items() if not len(names)]
    if hollow:
        raise ValueError(f"gene lists without a gene: {listed(hollow)}; leave them out")
    check_count("min_members", min_members)
    every_name = dict.fromkeys(name for names in gene_lists.values() for name in names)
    of_name = genes_of_names(every_name, genes, id_map)
    lists = {name: {gene for one in names for gene in of_name[one]} for name, names in gene_lists.items()}
    counts: dict[str, dict[str, int]] = {
        f"list:{name}": {"names": len(set(names))} for name, names in gene_lists.items()
    }
    rows, biases = [], []
    for level, ranking in rankings.items():
        scores = scores_of_task(ranking, task, name=f"ranking {level}")
        found = regulator_genes(scores, genes, id_map, complexes=complexes)
        counts[f"level:{level}"] = found.counts
        of_one = [found.genes[pair] for pair in zip(scores["kind"], scores["regulator"], strict=True)]
        is_coded = np.array([bool(ids) for ids in of_one])
        coded, coded_genes = scores[is_coded].reset_index(drop=True), [ids for ids in of_one if ids]
        members = pd.DataFrame({name: [bool(ids & set(one)) for one in coded_genes] for name, ids in lists.items()})
        for name in lists:
            counts[f"list:{name}"][f"members_{level}"] = int(members[name].sum()) if len(members) else 0
        if members.empty or not members.to_numpy().any():
            raise ValueError(
                f"ranking {level}: none of {len(coded)} regulators with a gene ({listed(coded['regulator'], 3)}) is in "
                f"any gene list ({listed(every_name, 3)}); check that both use symbols, or give --features or --id-map"
            )
        rows += _tests_of_level(level, coded, members, min_members)
        biases += _biases(level, coded)
    table = pd.DataFrame(rows)
    for p_value, fdr in (("p_value", "fdr"), ("adjusted_p_value", "adjusted_fdr")):
        of_level = table.groupby("level")[p_value].transform(false_discovery_rate)
        table.insert(list(table.columns).index(p_value) + 1, fdr, of_level)
    return GeneListResult(table, pd.DataFrame(biases), counts)


def adjusted_effect(scores: ArrayLike, is_member: ArrayLike, covariates: ArrayLike | None = None) -> AdjustedEffect:
    """How much higher members score than others, given covariates.

    Parameters
    ----------
    scores : array_like, shape (n,)
        Any scale: ranks decide.
    is_member : array_like of bool, shape (n,)
    covariates : array_like, shape (n, n_covariates), optional
        Constant columns, and columns that follow from the others, are left out.

    Returns
    -------
    AdjustedEffect
        Coefficient of membership for the normal score, its 95 % interval (two-sided, HC3 errors, t distribution) and
        the one-sided p-value for a positive coefficient. NaN where membership follows from the covariates, fewer than
        two degrees of freedom are left, or (all but the effect) a single point decides a coefficient.
    """
    member = np.asarray(is_member, dtype=np.float64)
    columns = [np.ones_like(member)]
    further = np.empty((len(member), 0)) if covariates is None else np.asarray(covariates, dtype=np.float64)
    for column in further.T:
        centred = column - column.mean()
        candidate = np.column_stack([*columns, centred / (np.abs(centred).max() or 1.0)])
        if np.linalg.matrix_rank(candidate) == candidate.shape[1]:
            columns.append(candidate[:, -1])
    design = np.column_stack([*columns, member])
    if np.linalg.matrix_rank(design) < design.shape[1] or len(member) - design.shape[1] < 2:
        return AdjustedEffect(np.nan, np.nan, np.nan, np.nan)
    fit = OLS(normal_scores(scores), design).fit(cov_type="HC3", use_t=True)
    leverage = (np.linalg.qr(design)[0] ** 2).sum(axis=1)
    if leverage.max() > 1 - 1e-9:  # a point that the fit runs through, such as a single member, has no HC3 error
        return AdjustedEffect(float(fit.params[-1]), np.nan, np.nan, np.nan)
    low, high = fit.conf_int()[-1]
    two_sided = float(fit.pvalues[-1])
    p_value = two_sided / 2 if fit.tvalues[-1] > 0 else 1 - two_sided / 2
    return AdjustedEffect(float(fit.params[-1]), float(low), float(high), p_value)


def read_gene_list(path: str | Path) -> list[str]:
    """Read a gene list: one symbol or gene id a line; lines that start with # are comments.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it has no gene, or a line has several columns.
    """
    with open_text(path, "gene list") as handle:
        names = [line.strip() for line in handle if line.strip() and not line.startswith("#")]
    if not names:
        raise ValueError(f"gene list {path} has no gene; write one symbol or gene id a line")
    wide = [name for name in names if "\t" in name or "," in name]
    if wide:
        raise ValueError(f"gene list {path} has several columns ({wide[0][:60]!r}); write one gene a line")
    return list(dict.fromkeys(names))


def read_pli(path: str | Path, *, threshold: float = PLI_THRESHOLD) -> dict[str, list[str]]:
    """Read genes that do not tolerate the loss of one copy (pLI) or, where given, of both (pRec).

    Parameters
    ----------
    path : str or Path
        Tab-separated with a header: gene and pLI, optionally pRec, among any other columns (ExAC and gnomAD tables).
    threshold : float, default 0.99
        A gene counts above it.

    Returns
    -------
    dict of str to list of str
        "pLI>0.99" and, where there is a pRec column, "pRec>0.99".

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If a column is missing, holds text, no gene is above the threshold, or the threshold is not between 0 and 1.
    """
    if not 0 < threshold < 1:
        raise ValueError(f"pLI threshold is {threshold}; a number between 0 and 1 is wanted, such as 0.99")
    with open_text(path, "pLI table") as handle:
        lines = [line.rstrip("\r\n").split("\t") for line in handle if line.strip()]
    header = [cell.strip().lower() for cell in lines[0]] if lines else []
    if "gene" not in header or "pli" not in header:
        raise ValueError(f"pLI table {path} has no columns gene and pLI; its first line is {listed(header)}")
    uneven = [number for number, line in enumerate(lines, 1) if len(line) != len(header)]
    if uneven:
        raise ValueError(
            f"pLI table {path}: {len(uneven)} rows have another number of columns than the header "
            f"({len(header)}), row {uneven[0]} first; mend them"
        )
    lists = {}
    for name in ("pLI", "pRec"):
        if name.lower() not in header:
            continue
        cells = pd.Series([line[header.index(name.lower())] for line in lines[1:]], dtype=object)
        values = pd.to_numeric(cells.where(~cells.isin(["", "NA", "NaN"])), errors="coerce")
        wrong = cells[values.isna() & ~cells.isin(["", "NA", "NaN"])]
        if len(wrong):
            raise ValueError(f"pLI table {path} has text where {name} belongs: {listed(wrong)}")
        check_share(values, f"{name} of pLI table {path}")
        chosen = np.flatnonzero((values > threshold).to_numpy())
        if not len(chosen):
            raise ValueError(f"pLI table {path} has no gene with {name} > {threshold:g}")
        lists[f"{name}>{threshold:g}"] = list(dict.fromkeys(lines[1 + row][header.index("gene")] for row in chosen))
    return lists


def read_hubs(path: str | Path, *, quantile: float = HUB_QUANTILE) -> list[str]:
    """Read a protein interaction network and return its hubs.

    Parameters
    ----------
    path : str or Path
        One interaction a line, two names separated by a tab or space (further columns are ignored), no header; lines
        that start with # are comments. Repeated and self interactions count once and not at all.
    quantile : float, default 0.9
        A hub has more partners than this quantile of all proteins of the network.

    Returns
    -------
    list of str

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If a line has one name, there is no interaction, all proteins have as many partners, or the quantile is not
        between 0 and 1.
    """
    if not 0 < quantile < 1:
        raise ValueError(f"hub quantile is {quantile}; a number between 0 and 1 is wanted, such as 0.9")
    with open_text(path, "interactions") as handle:
        lines = [line for line in handle if line.strip() and not line.startswith("#")]
    rows = [line.split("\t") if "\t" in line else line.split() for line in lines]
    short = [row[0] for row in rows if len(row) < 2]
    if short:
        raise ValueError(f"interactions {path}: {len(short)} lines have one name: {listed(short)}; write A<TAB>B")
    pairs = {frozenset((row[0].strip(), row[1].strip())) for row in rows}
    names = [name for pair in pairs if len(pair) == 2 for name in pair]
    degree = pd.Series(names, dtype=object).value_counts()
    hubs = sorted(degree.index[degree > degree.quantile(quantile)]) if len(degree) else []
    if not hubs:
        raise ValueError(f"interactions {path}: no protein has more partners than the others; give a larger network")
    logger.info("interactions %s: %d pairs, %d proteins, %d hubs", path, len(pairs), len(degree), len(hubs))
    return hubs


def read_gene_lists(paths: Mapping[str, str | Path]) -> dict[str, list[str]]:
    """Read several gene lists by name; see `read_gene_list`."""
    check_unique("names of gene lists", paths)
    return {name: read_gene_list(path) for name, path in paths.items()}


def _covariates(scores: pd.DataFrame) -> Float:
    """log2 of sites and experiments, and one column a kind."""
    amounts = [np.log2(1 + scores[name].to_numpy(dtype=np.float64)) for name in ("n_bound_genes", "n_tracks")]
    kinds = [(scores["kind"] == kind).to_numpy(dtype=np.float64) for kind in dict.fromkeys(scores["kind"])]
    return np.column_stack([*amounts, *kinds])


def _by_kind(scores: pd.DataFrame) -> dict[str, NDArray[np.bool_]]:
    kinds = list(dict.fromkeys(scores["kind"]))
    parts = {ALL_KINDS: np.ones(len(scores), dtype=bool)} if len(kinds) > 1 else {}
    return parts | {kind: (scores["kind"] == kind).to_numpy() for kind in kinds}


def _tests_of_level(
    level: str, scores: pd.DataFrame, members: pd.DataFrame, min_members: int
) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for kind, chosen in _by_kind(scores).items():
        part = scores[chosen]
        values, sites = part["score"].to_numpy(), part["n_bound_genes"].to_numpy(dtype=np.float64)
        covariates = _covariates(part)
        for name in members.columns:
            is_member = members.loc[chosen, name].to_numpy(dtype=bool)
            n_members = int(is_member.sum())
            is_enough = min(n_members, len(part) - n_members) >= min_members
            undefined = AdjustedEffect(np.nan, np.nan, np.nan, np.nan)
            auroc = auroc_delong(is_member, values) if is_enough else (np.nan, np.nan, np.nan)
            plain = adjusted_effect(values, is_member) if is_enough else undefined
            adjusted = adjusted_effect(values, is_member, covariates) if is_enough else undefined
            rows.append(
                {
                    "level": level, "kind": kind, "gene_list": name,
                    "n_members": n_members, "n_others": len(part) - n_members,
                    "auroc": auroc[0], "auroc_low": auroc[1], "auroc_high": auroc[2],
                    "auroc_sites": auroc_delong(is_member, sites).auc if is_enough else np.nan,
                    "p_value": _wilcoxon(values, is_member) if is_enough else np.nan,
                    "effect": plain.effect, "effect_low": plain.low, "effect_high": plain.high,
                    "adjusted_effect": adjusted.effect, "adjusted_low": adjusted.low, "adjusted_high": adjusted.high,
                    "adjusted_p_value": adjusted.p_value,
                }
            )  # fmt: skip
    n_few = sum(1 for row in rows if row["auroc"] != row["auroc"])
    if n_few:
        logger.warning("level %s: %d tests have fewer than %d members or others", level, n_few, min_members)
    return rows


def _wilcoxon(values: Float, is_member: NDArray[np.bool_]) -> float:
    return float(mannwhitneyu(values[is_member], values[~is_member], alternative="greater").pvalue)


def _biases(level: str, scores: pd.DataFrame) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for kind, chosen in _by_kind(scores).items():
        part = scores[chosen]
        for name in ("n_bound_genes", "n_tracks"):
            is_defined = len(part) > 2 and np.ptp(part[name]) > 0 and np.ptp(part["score"]) > 0
            found = spearmanr(part["score"], part[name]) if is_defined else (np.nan, np.nan)
            rows.append(
                {
                    "level": level,
                    "kind": kind,
                    "covariate": name,
                    "spearman": float(found[0]),
                    "p_value": float(found[1]),
                }
            )
    return rows
