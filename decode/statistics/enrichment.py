"""Gene sets: do the genes at the top of a ranking share a function?"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import hypergeom

from decode.core.checks import check_count, check_unique, listed
from decode.core.files import open_text
from decode.statistics.multiple_testing import false_discovery_rate

logger = logging.getLogger(__name__)

MIN_SIZE, MAX_SIZE = 5, 500  # [D] KEGG test of the DE prior: at least 5 members; 500 is the default of GSEA
N_PERMUTATIONS = 10_000  # [D] pre-ranked GSEA of regulators
# Cytoscape's EnrichmentMap draws an edge from a combined coefficient of 0.375 on (Merico et al. 2010)
MIN_SIMILARITY = 0.375
GSEA_COLUMNS = ("gene_set", "n_genes", "es", "nes", "p_value", "fdr", "leading_genes")


def read_gmt(path: str | Path) -> dict[str, list[str]]:
    """Read gene sets: one a line, name, description and genes separated by tabs, plain or gzip.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    dict of str to list of str
        Genes of each set, each once, in the order of the file. A weight after a comma ("TP53,1.0", Enrichr) is cut
        off. Sets without a gene are left out and logged.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is empty, a line has fewer than two tabs, or a name repeats.
    """
    with open_text(path, "gene sets") as handle:
        rows = [line.rstrip("\r\n").split("\t") for line in handle if line.strip()]
    short = [row[0] for row in rows if len(row) < 3]
    if short or not rows:
        raise ValueError(
            f"gene sets {path}: {len(short)} lines are no name, description and genes: {listed(short)}; give a GMT file"
            if rows
            else f"gene sets {path} holds no set; give a GMT file"
        )
    check_unique(f"names of the gene sets in {path}", [row[0].strip() for row in rows])
    sets = {row[0].strip(): list(dict.fromkeys(filter(None, map(_gene, row[2:])))) for row in rows}
    hollow = [name for name, genes in sets.items() if not genes]
    if hollow:
        logger.warning("%d gene sets have no gene and are left out: %s", len(hollow), listed(hollow))
    logger.info("gene sets %s: %d sets of %d genes", path, len(sets) - len(hollow), len(set().union(*sets.values())))
    return {name: genes for name, genes in sets.items() if genes}


def sets_within(
    gene_sets: Mapping[str, Iterable[str]],
    background: Collection[str],
    *,
    min_size: int = MIN_SIZE,
    max_size: int = MAX_SIZE,
) -> dict[str, list[str]]:
    """Gene sets cut down to the genes that could be found at all, and of them those of a size that can be tested.

    Parameters
    ----------
    gene_sets : mapping of str to iterable of str
    background : collection of str
        All genes of the ranking. A set that holds all of them says nothing and is left out.
    min_size, max_size : int, default 5 and 500
        Genes of a set after the cut.

    Returns
    -------
    dict of str to list of str

    Raises
    ------
    ValueError
        If no set is left.

    Examples
    --------
    >>> sets_within({"a": ["X", "Y", "Z"], "b": ["X"]}, {"X", "Y", "W"}, min_size=2)
    {'a': ['X', 'Y']}
    """
    check_count("min_size", min_size)
    check_count("max_size", max_size)
    known = set(background)
    cut = {name: [gene for gene in dict.fromkeys(genes) if gene in known] for name, genes in gene_sets.items()}
    limit = min(max_size, len(known) - 1)
    kept = {name: genes for name, genes in cut.items() if min_size <= len(genes) <= limit}
    logger.info(
        "gene sets with %d to %d of the %d genes of the ranking: %d of %d",
        min_size, max_size, len(known), len(kept), len(cut),
    )  # fmt: skip
    if not kept:
        raise ValueError(
            f"none of {len(cut)} gene sets has {min_size} to {limit} of the {len(known)} genes of the ranking "
            f"({listed(sorted(known), 3)}); check that both use symbols, or lower min_size"
        )
    return kept


def standardised_log(scores: pd.Series, *, within: Sequence[str] | None = None) -> pd.Series:
    """Scores on the scale that gene set analysis ranks them by: logarithm, then mean 0 and SD 1.

    Parameters
    ----------
    scores : pd.Series, shape (n,)
        Absolute scores, >= 0. A zero, which has no logarithm, counts as half the smallest score above zero.
    within : sequence of str, shape (n,), optional
        Class of each (such as TF or RBP): standardised class by class, so that a class with higher scores all round
        does not make all its functions enriched.

    Returns
    -------
    pd.Series, shape (n,)

    Raises
    ------
    ValueError
        If a score is negative or undefined, or all (of a class) are equal.

    References
    ----------
    Tasaki et al. 2020, gene set analysis of DeepLIFT scores: absolute, logged, standardised.

    Examples
    --------
    >>> standardised_log(pd.Series([1.0, 2.0, 4.0], index=["A", "B", "C"])).round(3).tolist()
    [-1.0, 0.0, 1.0]
    """
    values = scores.to_numpy(dtype=np.float64)
    if not np.isfinite(values).all() or (values < 0).any() or not (values > 0).any():
        raise ValueError("scores must be defined, >= 0 and not all 0 to be logged; give absolute scores")
    n_zero = int((values == 0).sum())
    if n_zero:
        logger.warning("%d of %d scores are 0 and count as half the smallest score above 0", n_zero, len(values))
    logged = pd.Series(np.log2(np.where(values > 0, values, values[values > 0].min() / 2)), index=scores.index)
    classes = np.zeros(len(values)) if within is None else np.asarray(within, dtype=object)
    grouped = logged.groupby(classes)
    spread = grouped.transform("std")
    if not (spread > 0).all():
        raise ValueError("all scores (of a class) are equal, or a class has one; nothing to rank")
    return ((logged - grouped.transform("mean")) / spread).rename("score")


def preranked_gsea(
    scores: pd.Series,
    gene_sets: Mapping[str, Iterable[str]],
    *,
    n_permutations: int = N_PERMUTATIONS,
    min_size: int = MIN_SIZE,
    max_size: int = MAX_SIZE,
    seed: int = 0,
    threads: int = 1,
) -> pd.DataFrame:
    """Find gene sets whose genes gather at the top or at the bottom of a ranking.

    Parameters
    ----------
    scores : pd.Series, shape (n_genes,)
        Index: genes, each once. Large = top. Ties are broken by name, so that the result does not depend on the order.
    gene_sets : mapping of str to iterable of str
    n_permutations : int, default 10,000
        Random sets of the same size.
    min_size, max_size : int, default 5 and 500
        Genes of a set that are in the ranking.
    seed : int
        The result does not depend on the number of threads.
    threads : int, default 1

    Returns
    -------
    pd.DataFrame
        gene_set, n_genes, es, nes, p_value, fdr (Benjamini-Hochberg over the sets), leading_genes (those before the
        extreme of the running sum, joined by ";"); smallest p-value first.

    Raises
    ------
    ValueError
        If a gene repeats, a score is undefined, fewer than three genes are given, or no set can be tested.

    Notes
    -----
    Running sum over genes j by falling score s_j: + |s_j| / sum of |s| over the set, for members; - 1 / (number of
    non-members) for the others. ES is its largest deviation from 0; NES = ES / mean of the null ES of the same sign;
    p_value = share of the null of the same sign that is as extreme, never below 1 / (1 + n_permutations).

    References
    ----------
    Subramanian et al. 2005 (PNAS 102:15545), with weight 1; gseapy, Fang et al. 2023 (doi:10.1093/bioinformatics/
    btac757). Tasaki et al. 2020 used fgsea with 10,000 permutations and, as here, Benjamini-Hochberg.
    """
    import gseapy  # loads its web client and plots: only here

    check_count("n_permutations", n_permutations)
    check_count("threads", threads)
    check_unique("genes of the ranking", scores.index)
    if len(scores) < 3 or not np.isfinite(scores.to_numpy(dtype=np.float64)).all():
        raise ValueError(f"{len(scores)} genes were given; three or more with defined scores are wanted")
    named = scores.rename(lambda gene: str(gene))
    ordered = named.sort_index().sort_values(ascending=False, kind="stable")
    tested = sets_within(gene_sets, ordered.index, min_size=min_size, max_size=max_size)
    # gseapy changes the case of genes and splits lists of names at ";": it gets codes, in the order of the ranking
    codes = {gene: f"G{position}" for position, gene in enumerate(ordered.index)}
    genes = {code: gene for gene, code in codes.items()}
    keys = {f"S{number}": name for number, name in enumerate(tested)}
    found = gseapy.prerank(
        rnk=pd.Series(ordered.to_numpy(dtype=np.float64), index=list(genes)),
        gene_sets={key: [codes[gene] for gene in tested[name]] for key, name in keys.items()},
        outdir=None, no_plot=True, permutation_num=n_permutations, weight=1.0, ascending=None,
        min_size=min_size, max_size=max_size, seed=seed, threads=threads,
    ).results  # fmt: skip
    rows = [
        {
            "gene_set": keys[key],
            "n_genes": len(tested[keys[key]]),
            "es": float(row["es"]),
            "nes": float(row["nes"]),
            "p_value": max(float(row["pval"]), 1 / (1 + n_permutations)),
            "leading_genes": ";".join(genes[code] for code in str(row["lead_genes"]).split(";") if code),
        }
        for key, row in found.items()
    ]
    return _with_fdr(pd.DataFrame(rows), ["p_value", "nes"], GSEA_COLUMNS)


def hypergeometric_enrichment(
    selected: Collection[str],
    background: Collection[str],
    gene_sets: Mapping[str, Iterable[str]],
    *,
    min_size: int = MIN_SIZE,
    max_size: int = MAX_SIZE,
) -> pd.DataFrame:
    """Test whether selected genes hold more members of a gene set than a random choice from the background would.

    Parameters
    ----------
    selected : collection of str
        For example the regulators at an FDR of 5 %. All must be in the background.
    background : collection of str
        Every gene that could have been selected: the genes of the ranked regulators, not all genes of the genome.
    gene_sets : mapping of str to iterable of str
    min_size, max_size : int, default 5 and 500
        Genes of a set within the background.

    Returns
    -------
    pd.DataFrame
        gene_set, n_genes (of the set in the background), n_selected, n_found, expected, fold, p_value (one-sided), fdr
        (Benjamini-Hochberg over the sets), found_genes; smallest p-value first.

    Raises
    ------
    ValueError
        If none or all genes are selected, one is outside the background, or no set can be tested.

    Notes
    -----
    With N genes in the background, K of them in the set, n selected and x found: p = P(X >= x) for X hypergeometric
    (N, K, n); fold = x / (n K / N). It is Fisher's one-sided exact test.

    Examples
    --------
    >>> table = hypergeometric_enrichment("AB", "ABCDEF", {"s": "ABC"}, min_size=2)
    >>> table[["n_found", "fold", "p_value"]].round(3).to_numpy().tolist()
    [[2.0, 2.0, 0.2]]
    """
    known, chosen = set(map(str, background)), set(map(str, selected))
    outside = sorted(chosen - known)
    if outside:
        raise ValueError(f"{len(outside)} selected genes are not in the background: {listed(outside)}")
    if not chosen or chosen == known:
        raise ValueError(
            f"{len(chosen)} of {len(known)} genes of the background are selected; some, not all, are wanted. "
            "Choose another threshold"
        )
    tested = sets_within(gene_sets, known, min_size=min_size, max_size=max_size)
    rows = []
    for name, genes in tested.items():
        hits = [gene for gene in genes if gene in chosen]
        expected = len(chosen) * len(genes) / len(known)
        p_value = float(hypergeom.sf(len(hits) - 1, len(known), len(genes), len(chosen)))
        rows.append([name, len(genes), len(chosen), len(hits), expected, len(hits) / expected, p_value, ";".join(hits)])
    columns = ["gene_set", "n_genes", "n_selected", "n_found", "expected", "fold", "p_value", "found_genes"]
    table = pd.DataFrame(rows, columns=columns)
    return _with_fdr(table, ["p_value", "fold"], [*columns[:-1], "fdr", "found_genes"])


def gene_set_overlaps(
    gene_sets: Mapping[str, Collection[str]], *, min_similarity: float = MIN_SIMILARITY
) -> pd.DataFrame:
    """Pairs of gene sets that share many genes: the edges of an enrichment map.

    Parameters
    ----------
    gene_sets : mapping of str to collection of str
        Give them cut down to the background (`sets_within`).
    min_similarity : float, default 0.375
        Least similarity of a pair, 0 to 1.

    Returns
    -------
    pd.DataFrame
        source, target, n_shared, jaccard (shared / union), overlap (shared / smaller set), similarity (mean of both).

    Raises
    ------
    ValueError
        If min_similarity is not between 0 and 1.

    References
    ----------
    Merico et al. 2010 (PLoS ONE 5:e13984), EnrichmentMap: combined coefficient with weight 0.5.

    Examples
    --------
    >>> gene_set_overlaps({"a": "XYZ", "b": "XY", "c": "W"})["jaccard"].round(3).tolist()
    [0.667]
    """
    if not 0 <= min_similarity <= 1:
        raise ValueError(f"min_similarity is {min_similarity}; a number from 0 to 1 is wanted")
    names = list(gene_sets)
    members = [set(gene_sets[name]) for name in names]
    rows = []
    for first in range(len(names)):
        for second in range(first + 1, len(names)):
            n_shared = len(members[first] & members[second])
            if not n_shared:
                continue
            jaccard = n_shared / len(members[first] | members[second])
            overlap = n_shared / min(len(members[first]), len(members[second]))
            if (jaccard + overlap) / 2 >= min_similarity:
                rows.append([names[first], names[second], n_shared, jaccard, overlap, (jaccard + overlap) / 2])
    return pd.DataFrame(rows, columns=["source", "target", "n_shared", "jaccard", "overlap", "similarity"])


def gene_scores(scores: pd.Series, genes: Sequence[Sequence[str]]) -> tuple[pd.Series, dict[str, int]]:
    """Scores of regulators as scores of their genes.

    Parameters
    ----------
    scores : pd.Series, shape (n_regulators,)
    genes : sequence of sequence of str, shape (n_regulators,)
        Genes of each regulator: several of a complex, none of a miRNA.

    Returns
    -------
    scores : pd.Series, shape (n_genes,)
        Index: genes. A gene of several regulators (a protein that is TF and RBP) has the largest of their scores.
    counts : dict of str to int
        regulators, without_gene, genes, shared_genes.

    Raises
    ------
    ValueError
        If no regulator has a gene.

    Examples
    --------
    >>> gene_scores(pd.Series([1.0, 3.0]), [["A"], ["A", "B"]])[0].to_dict()
    {'A': 3.0, 'B': 3.0}
    """
    pairs = [(gene, score) for score, of_one in zip(scores, genes, strict=True) for gene in of_one]
    if not pairs:
        raise ValueError(
            f"none of {len(scores)} regulators has a gene; gene sets hold protein-coding genes, not miRNAs"
        )
    grouped = pd.DataFrame(pairs, columns=["gene", "score"]).groupby("gene", sort=False)["score"]
    result = grouped.max()
    counts = {
        "regulators": len(scores),
        "without_gene": sum(not of_one for of_one in genes),
        "genes": len(result),
        "shared_genes": int((grouped.size() > 1).sum()),
    }
    logger.info("regulators to genes: %s", ", ".join(f"{name} {n:,}" for name, n in counts.items()))
    return result.rename_axis(None), counts


def _gene(cell: str) -> str:
    return cell.partition(",")[0].strip()


def _with_fdr(table: pd.DataFrame, by: list[str], columns: Sequence[str]) -> pd.DataFrame:
    table["fdr"] = false_discovery_rate(table["p_value"])
    strength = table[by[1]].abs()
    order = np.lexsort((table["gene_set"].to_numpy(dtype=str), -strength.to_numpy(), table["p_value"].to_numpy()))
    return table.loc[order, list(columns)].reset_index(drop=True)
