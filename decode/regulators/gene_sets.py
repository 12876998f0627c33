"""Gene sets among the regulators of a ranking: from regulators to genes, then the tests of `enrichment`."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from decode.core.checks import listed
from decode.core.shown import shown
from decode.ranking.table import OVERALL, scores_of_task
from decode.regulators.genes import genes_of_names, regulator_genes
from decode.statistics.enrichment import (
    MAX_SIZE,
    MIN_SIZE,
    N_PERMUTATIONS,
    gene_scores,
    hypergeometric_enrichment,
    preranked_gsea,
    sets_within,
    standardised_log,
)

logger = logging.getLogger(__name__)


@shown()
class RegulatorSetResult(NamedTuple):
    """Tests of gene sets among regulators.

    Attributes
    ----------
    tables : dict of str to pd.DataFrame
        "gsea" and, where regulators were selected, "hypergeometric".
    gene_sets : dict of str to list of str
        The tested sets, cut down to the genes of the ranking, named as the ranking names its regulators.
    counts : dict of str to int
        Of `regulator_genes` and `gene_scores`, and gene_sets, gene_sets_tested, selected.
    """

    tables: dict[str, pd.DataFrame]
    gene_sets: dict[str, list[str]]
    counts: dict[str, int]


def enrich_regulators(
    ranking: pd.DataFrame,
    gene_sets: Mapping[str, Sequence[str]],
    *,
    task: str = OVERALL,
    kinds: Collection[str] | None = None,
    within_kind: bool = False,
    max_fdr: float | None = None,
    top_share: float | None = None,
    genes: pd.DataFrame | None = None,
    id_map: str | Path | None = None,
    complexes: Mapping[str, Sequence[str]] | None = None,
    n_permutations: int = N_PERMUTATIONS,
    min_size: int = MIN_SIZE,
    max_size: int = MAX_SIZE,
    threads: int = 1,
    seed: int = 0,
) -> RegulatorSetResult:
    """Find gene sets whose members rank high among the regulators.

    Parameters
    ----------
    ranking : pd.DataFrame
        From `decode rank`.
    gene_sets : mapping of str to sequence of str
        From `read_gmt`; symbols or gene ids.
    task : str, default "overall"
        Whose scores.
    kinds : collection of str, optional
        Only these kinds of regulators.
    within_kind : bool, default False
        Standardise scores kind by kind. Without it (as published) a class with higher scores all round, such as RBPs,
        makes all its functions enriched.
    max_fdr, top_share : float, optional
        At most one: also a hypergeometric test of the regulators at this FDR of the ranking, or of this share of the
        genes with the highest scores.
    genes : pd.DataFrame, optional
        gene_id and gene_name: names of regulators and sets are compared as gene ids. Without it, as they stand.
    id_map : str or Path, optional
        Previous symbols and aliases; needs `genes`.
    complexes : mapping of regulator to gene names, optional
    n_permutations, min_size, max_size, threads, seed
        As in `preranked_gsea`.

    Returns
    -------
    RegulatorSetResult

    Raises
    ------
    ValueError
        If no regulator has a gene, no set can be tested, the ranking has no FDR, none or all regulators are selected,
        or both `max_fdr` and `top_share` are given.

    Notes
    -----
    Only genes of ranked regulators are the background: against all genes of the genome, transcription itself would be
    the most enriched function of any list of TFs.

    References
    ----------
    Tasaki et al. 2020: pre-ranked GSEA of regulators, hypergeometric test of the DE prior's TFs.
    """
    if max_fdr is not None and top_share is not None:
        raise ValueError("max_fdr and top_share are both given; choose one of them")
    if top_share is not None and not 0 < top_share < 1:
        raise ValueError(f"top_share is {top_share}; a number between 0 and 1 is wanted, such as 0.1")
    scores = scores_of_task(ranking, task, kinds)
    if max_fdr is not None and ("fdr" not in scores.columns or scores["fdr"].isna().all()):
        raise ValueError(
            f"the ranking has no FDR for task {task}; rank with a null (decode rank --null), or use top_share"
        )
    found = regulator_genes(scores, genes, id_map, complexes=complexes)
    ids = [found.genes[pair] for pair in zip(scores["kind"], scores["regulator"], strict=True)]
    is_coded = np.array([bool(one) for one in ids])
    if not is_coded.any():
        raise ValueError(
            f"none of {len(scores)} regulators ({listed(scores['regulator'], 3)}) has a gene; see --features"
        )
    coded = scores[is_coded].reset_index(drop=True)
    shown = _labels(found.genes, genes)
    labels = [[shown[gene] for gene in one] for one in ids if one]
    scale = standardised_log(coded["score"], within=coded["kind"].tolist() if within_kind else None)
    of_gene, counts = gene_scores(scale, labels)
    named = _named_sets(gene_sets, shown, genes, id_map)
    tested = sets_within(named, of_gene.index, min_size=min_size, max_size=max_size)
    tables = {
        "gsea": preranked_gsea(
            of_gene, tested, n_permutations=n_permutations, min_size=min_size, max_size=max_size, seed=seed,
            threads=threads,
        )
    }  # fmt: skip
    selected: set[str] = set()
    if max_fdr is not None:
        chosen = (coded["fdr"] <= max_fdr).to_numpy()
        selected = {label for names, is_in in zip(labels, chosen, strict=True) if is_in for label in names}
    elif top_share is not None:
        best = of_gene.sort_index().sort_values(ascending=False, kind="stable")
        selected = set(best.index[: max(1, round(top_share * len(best)))])
    if max_fdr is not None or top_share is not None:
        tables["hypergeometric"] = hypergeometric_enrichment(
            selected, list(of_gene.index), tested, min_size=min_size, max_size=max_size
        )
    counts = found.counts | counts | {"gene_sets": len(gene_sets), "gene_sets_tested": len(tested)}
    return RegulatorSetResult(tables, tested, counts | {"selected": len(selected)})


def _labels(found: Mapping[tuple[str, str], Sequence[str]], genes: pd.DataFrame | None) -> dict[str, str]:
    """What each gene of a regulator is called in results: its symbol, or its id where two genes share a symbol."""
    ids = list(dict.fromkeys(gene for one in found.values() for gene in one))
    if genes is None:
        return {gene: gene for gene in ids}
    symbol = dict(zip(genes["gene_id"], genes["gene_name"], strict=True))
    names = pd.Series([symbol[gene] if isinstance(symbol.get(gene), str) else gene for gene in ids], dtype=object)
    is_shared = names.duplicated(keep=False)
    return {gene: gene if shared else name for gene, name, shared in zip(ids, names, is_shared, strict=True)}


def _named_sets(
    gene_sets: Mapping[str, Sequence[str]],
    shown: Mapping[str, str],
    genes: pd.DataFrame | None,
    id_map: str | Path | None,
) -> dict[str, list[str]]:
    """Gene sets as the labels of regulators' genes; other genes are left out."""
    of_name = genes_of_names((name for names in gene_sets.values() for name in names), genes, id_map)
    return {
        name: [shown[gene] for member in members for gene in of_name[member] if gene in shown]
        for name, members in gene_sets.items()
    }
