"""Which TFs a model leans on most, and which pathways hold more of them than of the other TFs."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from decode.attribution.attribute import attribute
from decode.core.checks import counted
from decode.core.choices import Part
from decode.core.shown import shown
from decode.models.bundle import ModelBundle
from decode.ranking.rank import rank_regulators, regulator_scores
from decode.regulators.genes import genes_of_names, regulator_genes
from decode.statistics.enrichment import MIN_SIZE, hypergeometric_enrichment

if TYPE_CHECKING:
    from decode.features.matrix import RegulatoryFeatures

logger = logging.getLogger(__name__)

CRITICAL_QUANTILE = 0.9  # [D] TFs above the 90th percentile
KIND = "TF"
MAX_FDR = 0.05  # [D]
COLUMNS = [
    "kind", "regulator", "n_tracks", "n_bound_genes", "mean", "mean_abs", "sd_members", "rank", "rank_low",
    "rank_high", "score", "is_critical",
]  # fmt: skip


@shown()
class CriticalResult(NamedTuple):
    """Regulators by what they do to the prediction, and the pathways of the critical ones.

    Attributes
    ----------
    regulators : pd.DataFrame
        All regulators of all kinds: kind, regulator, n_tracks, n_bound_genes, mean and mean_abs (over the explained
        genes, of the regulator's attribution, its tracks summed), sd_members, rank, rank_low, rank_high (over members),
        score (|mean|), is_critical (score above the 90th percentile of its kind; only of the kind asked for).
    gene_sets : pd.DataFrame
        As `hypergeometric_enrichment`; empty where no gene set was given.
    counts : dict
    """

    regulators: pd.DataFrame
    gene_sets: pd.DataFrame
    counts: dict[str, Any]


def critical_regulators(
    bundle: ModelBundle,
    features: RegulatoryFeatures,
    gene_sets: Mapping[str, Sequence[str]] | None = None,
    *,
    task: str | None = None,
    kind: str = KIND,
    quantile: float = CRITICAL_QUANTILE,
    part: Part = "test",
    min_size: int = MIN_SIZE,
    id_map: str | Path | None = None,
    executor: Any = None,
) -> CriticalResult:
    """Rank the regulators of one task and test in which gene sets the most important TFs gather.

    Parameters
    ----------
    bundle : ModelBundle
    features : RegulatoryFeatures
    gene_sets : mapping of str to sequence of str, optional
        Symbols or gene ids, from `decode.statistics.enrichment.read_gmt`.
    task : str, optional
        Needed where the model has several.
    kind : str, default "TF"
        Kind of regulators that can be critical.
    quantile : float, default 0.9
        Critical regulators have a score above this quantile of the scores of their kind.
    part : {"test", "validation", "train", "all"}
        Genes to explain; as published the test genes.
    min_size : int, default 5
        Least members of a gene set among the TFs of the model.
    id_map : str or Path, optional
        Previous symbols and aliases of regulators and of gene sets.
    executor : str, distributed.Client or Executor, optional
        Where genes are explained; default two threads.

    Returns
    -------
    CriticalResult

    Raises
    ------
    ValueError
        If the quantile is not between 0 and 1, the model has several tasks and none is named, it has no regulator of
        the kind, none is critical, or no gene set has enough members among them.
    KeyError
        If there is no such task.

    Notes
    -----
    score = |mean over genes of the attribution|, DeepLIFT against a gene of the same length without sites. The
    background of the test are the genes of the model's TFs, not the genome: of all genes, TFs are in cancer and
    signalling pathways more often than others are. The test takes TFs as independent; those that bind together have
    like scores, so that its p-values are on the small side.

    References
    ----------
    Tasaki et al. 2020, Nature Machine Intelligence 2:376: critical TFs of the DE prior (> 90th percentile), KEGG of
    MSigDB v6.1, 757 TFs as background, sets of 5 members or more, FDR 5 %.
    """
    if not 0 < quantile < 1:
        raise ValueError(f"quantile is {quantile}; a number between 0 and 1 is wanted, such as 0.9")
    if task is None and len(bundle.tasks) > 1:
        raise ValueError(f"the model has {len(bundle.tasks)} tasks; say which one is meant")
    task = bundle.tasks[0] if task is None else task
    if task not in bundle.tasks:
        raise KeyError(f"task {task!r} is not in the model; it has {', '.join(bundle.tasks[:5])}")
    ranking = rank_regulators(regulator_scores(attribute(bundle, features, part=part, executor=executor)))
    table = ranking[ranking["task"] == task].reset_index(drop=True)
    table["score"] = table["mean"].abs()
    own = table.loc[table["kind"] == kind, "score"]
    if own.empty:
        raise ValueError(f"the model has no regulator of kind {kind}; build features with sites of some")
    table["is_critical"] = (table["kind"] == kind) & (table["score"] > np.quantile(own, quantile))
    if not table["is_critical"].any():
        raise ValueError(f"no {kind} has a score above quantile {quantile:g} of all: the scores are equal")
    counts: dict[str, Any] = {"regulators": len(own), "critical": int(table["is_critical"].sum())}
    found = pd.DataFrame()
    if gene_sets is not None:
        found, tested = _enriched(table[table["kind"] == kind], gene_sets, features.genes, id_map, min_size)
        counts |= tested
    logger.info("critical %ss: %s", kind, counted(counts))
    return CriticalResult(table[COLUMNS], found, counts)


def _enriched(
    table: pd.DataFrame,
    gene_sets: Mapping[str, Sequence[str]],
    genes: pd.DataFrame,
    id_map: str | Path | None,
    min_size: int,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    named = genes[["gene_id", "gene_name"]].drop_duplicates("gene_id")
    of_regulator = regulator_genes(table, named, id_map).genes
    ids = [of_regulator[pair] for pair in zip(table["kind"], table["regulator"], strict=True)]
    background = {gene for one in ids for gene in one}
    selected = {gene for one, chosen in zip(ids, table["is_critical"], strict=True) if chosen for gene in one}
    of_name = genes_of_names((name for names in gene_sets.values() for name in names), named, id_map)
    by_id = {name: [gene for member in names for gene in of_name[member]] for name, names in gene_sets.items()}
    found = hypergeometric_enrichment(
        selected, background, by_id, min_size=min_size, max_size=max(len(background), min_size)
    )
    symbol = dict(zip(named["gene_id"], named["gene_name"], strict=True))
    found["found_genes"] = [
        ";".join(sorted(str(symbol[gene]) for gene in cell.split(";"))) if cell else "" for cell in found["found_genes"]
    ]
    counts = {
        "background_genes": len(background), "critical_genes": len(selected), "gene_sets": len(gene_sets),
        "gene_sets_tested": len(found), "gene_sets_at_fdr_5_percent": int((found["fdr"] <= MAX_FDR).sum()),
    }  # fmt: skip
    return found, counts
