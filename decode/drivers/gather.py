"""All lines of evidence that are at hand, and their scores beside those of the sites' regression."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decode.core.checks import check_unique
from decode.drivers.evidence import evidence_scores
from decode.drivers.evidence_noise import evidence_p_values
from decode.drivers.find import DriversResult
from decode.drivers.inputs import match_table
from decode.drivers.lines import Line, binding_line, coexpression_line, network_line, site_line
from decode.drivers.networks import read_network
from decode.expression.compendium import GeneCorrelation, take_genes
from decode.expression.de_table import DeTable
from decode.expression.readers import read_expression
from decode.regulators.genes import regulator_genes
from decode.statistics.multiple_testing import false_discovery_rate

if TYPE_CHECKING:
    from decode.features.matrix import RegulatoryFeatures

logger = logging.getLogger(__name__)

Float = NDArray[np.float64]
MOST_WITH_NULL = 10  # contrasts whose evidence is compared with null targets, a few seconds each


class EvidenceOptions(NamedTuple):
    """What the user names beside the features.

    Attributes
    ----------
    coexpression, tissues : tuple of path
        Expression matrices; in those of tissues (few and very different samples) positive correlations are cubed.
    groups : pd.Series or None
        Group by sample, for all matrices of `coexpression` whose samples it names.
    networks : tuple of path
        Edges, or gene sets (GMT).
    background : DeTable or None
        Contrasts in which other regulators were perturbed: p-values are against them.
    with_own_change : bool
        Count the regulator's own change; p-values need a background then.
    """

    coexpression: tuple[Path, ...] = ()
    tissues: tuple[Path, ...] = ()
    groups: pd.Series | None = None
    networks: tuple[Path, ...] = ()
    background: DeTable | None = None
    with_own_change: bool = False


def correlation_line(
    correlation: GeneCorrelation,
    genes: pd.DataFrame,
    regulators: pd.DataFrame,
    *,
    name: str = "coexpression",
    id_map: str | Path | None = None,
) -> Line | None:
    """Correlation of every gene with the regulator's own gene over residual samples, mean over their groups.

    Parameters
    ----------
    correlation : GeneCorrelation
    genes : pd.DataFrame
        gene_id and gene_name: the genes of the line, in this order.
    regulators : pd.DataFrame
        kind and regulator; miRNAs stay unknown.
    name : str
    id_map : str or Path, optional

    Returns
    -------
    Line or None
        None where the correlation knows no gene of a regulator.
    """
    groups, _ = take_genes(correlation, genes["gene_id"].astype(str))
    row = {gene: number for number, gene in enumerate(genes["gene_id"].astype(str))}
    is_measured = np.any([(group.factors != 0).any(axis=1) for group in groups], axis=0)
    own = regulator_genes(regulators, genes, id_map).genes
    known: list[tuple[str, str]] = []
    parts: list[Float] = []
    for pair, ids in own.items():
        rows = [row[gene] for gene in ids if is_measured[row[gene]]]
        if rows:
            known.append(pair)
            r = np.mean([group.factors @ group.factors[rows].mean(axis=0) for group in groups], axis=0)
            r[rows] = 0.0
            parts.append(r.astype(np.float64))
    if not known:
        return None
    counts = {"n_regulators": len(known), "n_regulators_unknown": len(own) - len(known)}
    rule = f"correlation with the regulator's own gene: {correlation.source}"
    frame = pd.DataFrame(known, columns=["kind", "regulator"])
    return Line(name, genes["gene_id"].to_numpy(dtype=str), frame, np.stack(parts, axis=1), rule, counts)


def gather_lines(
    features: RegulatoryFeatures,
    correlation: GeneCorrelation | None,
    files: EvidenceOptions,
    *,
    id_map: str | Path | None = None,
) -> list[Line]:
    """Lines from the features, from a correlation of genes, and from files.

    Parameters
    ----------
    features : RegulatoryFeatures
        Gene level.
    correlation : GeneCorrelation or None
        See `correlation_line`.
    files : EvidenceOptions
    id_map : str or Path, optional

    Returns
    -------
    list of Line

    Raises
    ------
    FileNotFoundError, ValueError
        If a file is absent, cannot be read or does not match the features, or two files give lines of one name.
    """
    genes = features.genes[["gene_id", "gene_name"]]
    regulators = features.tracks[["kind", "regulator"]].drop_duplicates().reset_index(drop=True)
    found = [binding_line(features), site_line(features)]
    if correlation is not None:
        found.append(correlation_line(correlation, genes, regulators, id_map=id_map))
    for paths, cube in ((files.coexpression, False), (files.tissues, True)):
        for path in paths:
            table = read_expression(path)
            groups = files.groups
            if groups is not None and not set(table.columns.astype(str)) <= set(groups.index.astype(str)):
                groups = None
            found.append(
                coexpression_line(
                    table,
                    genes,
                    regulators,
                    name=_stem(path),
                    groups=None if cube else groups,
                    cube=cube,
                    id_map=id_map,
                )
            )
    for path in files.networks:
        found.append(network_line(read_network(path), genes, regulators, name=_stem(path), id_map=id_map))
    lines = [line for line in found if line is not None]
    check_unique("names of lines of evidence (rename a file)", [line.name for line in lines])
    return lines


def _stem(path: Path) -> str:
    return Path(path).name.split(".")[0]


def add_evidence(
    result: DriversResult,
    table: DeTable,
    features: RegulatoryFeatures,
    lines: Sequence[Line],
    options: EvidenceOptions,
    *,
    id_map: str | Path | None = None,
    skip_ambiguous: bool = False,
    mean_expression: pd.Series | None = None,
    universe: Sequence[str] | None = None,
    correlation: GeneCorrelation | None = None,
    seed: int = 0,
) -> DriversResult:
    """Put the sum of the lines of evidence beside the drivers found by their sites.

    Parameters
    ----------
    result : DriversResult
        Of `find_drivers` on the same table and features.
    table : DeTable
    features : RegulatoryFeatures
    lines : sequence of Line
        See `gather_lines`.
    options : EvidenceOptions
    id_map, skip_ambiguous
        As in `find_drivers`.
    mean_expression : pd.Series, optional
        Covariate, log2 by gene id; default the table's own.
    universe : sequence of str, optional
        Gene ids that could have changed, for signatures. Default all genes of the features.
    correlation : GeneCorrelation, optional
        Without a background p-values are against null targets with this correlation, for up to ten contrasts; without
        both there are none.
    seed : int

    Returns
    -------
    DriversResult
        `drivers` gains n_lines, evidence (the sum), evidence_rank (within the kind), evidence_p, evidence_fdr and
        z_LINE; `evidence` is the whole table, and counts["evidence"] tells of the lines.
    """
    matched = match_table(table, features, id_map=id_map, skip_ambiguous=skip_ambiguous)
    contrasts = result.contrasts["contrast"].tolist()
    fill = 0.0 if table.is_signature else np.nan
    ids = features.ids.astype(str).tolist()
    queries = matched.table.statistic[contrasts].reindex(matched.genes, fill_value=fill).reindex(ids)
    level = matched.table.mean_expression if matched.table.mean_expression is not None else mean_expression
    known = features.tracks[["kind", "regulator"]].drop_duplicates()
    own = regulator_genes(known, features.genes[["gene_id", "gene_name"]], id_map).genes
    if universe is not None:
        queries = queries.loc[queries.index.isin(universe)].reindex(queries.index)
    others = None
    if options.background is not None:
        found = match_table(options.background, features, id_map=id_map, skip_ambiguous=True)
        missing = 0.0 if options.background.is_signature else np.nan
        others = found.table.statistic.reindex(ids, fill_value=missing)
    evidence = evidence_scores(
        queries,
        lines,
        is_signature=table.is_signature,
        expression=level,
        background=others,
        own_genes=own,
        with_own_change=options.with_own_change,
    )
    is_few = len(contrasts) <= MOST_WITH_NULL
    if others is None and correlation is not None and not options.with_own_change and is_few:
        p_value = evidence_p_values(
            evidence, queries, list(lines), correlation, is_signature=table.is_signature, expression=level, seed=seed
        )
        evidence = evidence._replace(table=evidence.table.assign(p_value=p_value))
    against = "null targets with correlated genes" if others is None else "background contrasts"
    told = {**evidence.counts, "p_values": against if evidence.table["p_value"].notna().any() else "none"}
    return result._replace(
        drivers=_beside(result.drivers, evidence.table),
        evidence=evidence.table,
        counts=result.counts | {"evidence": told},
    )


def _beside(drivers: pd.DataFrame, evidence: pd.DataFrame) -> pd.DataFrame:
    renamed = evidence.rename(columns={"combined": "evidence", "rank": "evidence_rank", "p_value": "evidence_p"})
    renamed["evidence_fdr"] = np.nan
    for name in renamed["contrast"].unique():
        rows = (renamed["contrast"] == name).to_numpy()
        renamed.loc[rows, "evidence_fdr"] = false_discovery_rate(renamed.loc[rows, "evidence_p"].to_numpy(float))
    key = ["contrast", "kind", "regulator"]
    lines = [column for column in renamed.columns if column.startswith("z_")]
    wanted = [*key, "n_lines", "evidence", "evidence_rank", "evidence_p", "evidence_fdr", *lines]
    return drivers.merge(renamed[wanted], on=key, how="left", validate="one_to_one")
