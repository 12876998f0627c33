"""A whole run of `decode drivers`: sites, lines of evidence beside them, and what the features cannot know."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from decode.core.checks import listed
from decode.drivers.factors import factors_without_sites, is_sequence_specific, read_sequence_specific
from decode.drivers.find import DriversResult, find_drivers
from decode.drivers.gather import EvidenceOptions, add_evidence, gather_lines
from decode.drivers.inputs import match_table, select_biosamples
from decode.drivers.universe import expressed_universe
from decode.expression.compendium import GeneCorrelation, shipped_correlation
from decode.expression.de_table import DeTable
from decode.expression.gene_ids import rows_by_gene
from decode.expression.readers import read_expression

if TYPE_CHECKING:
    from decode.drivers.engine import DriversConfig
    from decode.features.matrix import RegulatoryFeatures

logger = logging.getLogger(__name__)


def explain_table(
    table: DeTable,
    features: RegulatoryFeatures,
    *,
    config: DriversConfig,
    correlation: GeneCorrelation | None = None,
    evidence: EvidenceOptions | None = None,
    sequence_specific: Path | None = None,
    biosamples: Sequence[str] | None = None,
    id_map: Path | None = None,
    skip_ambiguous: bool = False,
    mean_expression: pd.Series | None = None,
    **options: Any,
) -> DriversResult:
    """Find drivers by their sites, and say what other evidence there is of them.

    Parameters
    ----------
    table : DeTable
    features : RegulatoryFeatures
    config : DriversConfig
    correlation : GeneCorrelation, optional
        As in `find_drivers`.
    evidence : EvidenceOptions, optional
        None: sites alone.
    sequence_specific : path, optional
        List of sequence-specific TFs.
    biosamples, id_map, skip_ambiguous, mean_expression
        As in `find_drivers`.
    **options
        Further ones of `find_drivers`: contrasts, prior, gene_models, engine.

    Returns
    -------
    DriversResult
        See `find_drivers` and `decode.drivers.gather.add_evidence`; with a list, `drivers` has the column
        sequence_specific, and `missing` names factors that change most themselves and have no sites.

    Raises
    ------
    FileNotFoundError, ValueError, KeyError
        As `find_drivers` and the readers of the files.
    """
    chosen = select_biosamples(features, biosamples)
    if correlation is None and not config.independent_genes:
        correlation = shipped_correlation()
    lines = [] if evidence is None else gather_lines(chosen, correlation, evidence, id_map=id_map)
    tissues = _tissues(evidence, features, id_map)
    if mean_expression is None and tissues is not None:
        mean_expression = tissues.mean(axis=1)
        mean_expression.attrs["expressed_from"] = 1.0  # log2(TPM + 1)
    common: dict[str, Any] = {"id_map": id_map, "skip_ambiguous": skip_ambiguous, "mean_expression": mean_expression}
    result = find_drivers(table, features, config=config, correlation=correlation, biosamples=biosamples, **common,
                          **options)  # fmt: skip
    if evidence is not None:
        universe = expressed_universe(chosen, tissues) if table.is_signature and tissues is not None else None
        result = add_evidence(
            result,
            table,
            chosen,
            lines,
            evidence,
            universe=universe,
            correlation=correlation,
            seed=config.seed,
            **common,
        )
    return result if sequence_specific is None else _with_factors(result, table, features, sequence_specific, common)


def _tissues(
    evidence: EvidenceOptions | None, features: RegulatoryFeatures, id_map: Path | None
) -> pd.DataFrame | None:
    """log2 expression of the first table of tissues, by gene id."""
    if evidence is None or not evidence.tissues:
        return None
    path, genes = evidence.tissues[0], features.genes[["gene_id", "gene_name"]]
    values, _ = rows_by_gene(read_expression(path), genes, id_map, name=path.name)
    largest = np.nanmax(values.to_numpy())
    return pd.DataFrame(np.log2(values + 1)) if largest > 64 else values


def _with_factors(
    result: DriversResult, table: DeTable, features: RegulatoryFeatures, path: Path, common: dict[str, Any]
) -> DriversResult:
    names = read_sequence_specific(path)
    genes = features.genes[["gene_id", "gene_name"]]
    known = result.drivers[["kind", "regulator"]].drop_duplicates().reset_index(drop=True)
    flags = known.assign(sequence_specific=is_sequence_specific(known, names, genes, common["id_map"]))
    drivers = result.drivers.merge(flags, on=["kind", "regulator"], how="left", validate="many_to_one")
    matched = match_table(table, features, id_map=common["id_map"], skip_ambiguous=common["skip_ambiguous"])
    contrasts = result.contrasts["contrast"].tolist()
    missing = factors_without_sites(matched.table.statistic[contrasts], names, genes, known, id_map=common["id_map"])
    for contrast, rows in missing.groupby("contrast", sort=False):
        logger.warning(
            "%s: sequence-specific factors that change most themselves and have no sites in the features: %s",
            contrast,
            listed(rows["factor"].tolist()),
        )
    return result._replace(drivers=drivers, missing=missing)
