"""Files of what a ranking means: tables and figures of own expression, gene lists and gene sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from decode.regulators.gene_lists import GeneListResult
from decode.regulators.own_expression import ACTIVATOR, ALL_TISSUES, REPRESSOR, RegulatorExpressionResult
from decode.report.enrichment_map import enrichment_map
from decode.report.files import with_counts, write_run
from decode.report.regulator_plots import FDR, activator_plot, gene_list_plot


def write_regulator_expression(
    result: RegulatorExpressionResult,
    out: str | Path,
    *,
    record: dict[str, Any] | None = None,
    title: str = "",
    force: bool = False,
) -> list[Path]:
    """Write the correlations of attribution and own expression into a folder, all files or none.

    Parameters
    ----------
    result : RegulatorExpressionResult
        From `decode.regulators.own_expression.correlate_expression`.
    out : str or Path
        Folder; created if needed, its parent must exist. A finished run in it is replaced with `force` only.
    record : dict, optional
        What was run, see `decode.core.files.run_record`; written as run.json.
    title : str, optional
        Line above the figure.
    force : bool, default False
        Replace a finished run.

    Returns
    -------
    list of Path
        regulator_expression.tsv, activators_repressors.png and .svg where a correlation is defined, run.json.

    Raises
    ------
    FileNotFoundError, FileExistsError, PermissionError
        If the folder cannot be used.
    """
    figures = {}
    if result.table["spearman"].notna().any():
        figures["activators_repressors"] = activator_plot(
            result.table, result.attribution, result.expression, title=title
        )
    return write_run(
        out,
        "regulators expression",
        tables={"regulator_expression.tsv": result.table},
        figures=figures,
        record=with_counts(record, result.counts),
        force=force,
    )


def write_gene_lists(
    result: GeneListResult,
    out: str | Path,
    *,
    record: dict[str, Any] | None = None,
    title: str = "",
    force: bool = False,
) -> list[Path]:
    """Write the tests of gene lists into a folder, all files or none.

    Parameters
    ----------
    result : GeneListResult
        From `decode.regulators.gene_lists.validate_gene_lists`.
    out : str or Path
        Folder; created if needed, its parent must exist. A finished run in it is replaced with `force` only.
    record : dict, optional
        Written as run.json.
    title : str, optional
        Line above the figure.
    force : bool, default False
        Replace a finished run.

    Returns
    -------
    list of Path
        gene_lists.tsv, study_bias.tsv, gene_lists.png and .svg where a list has enough members, run.json.

    Raises
    ------
    FileNotFoundError, FileExistsError, PermissionError
        If the folder cannot be used.
    """
    is_drawn = result.table["effect"].notna().any()
    return write_run(
        out,
        "regulators gene-lists",
        tables={"gene_lists.tsv": result.table, "study_bias.tsv": result.bias},
        figures={"gene_lists": gene_list_plot(result.table, title=title)} if is_drawn else {},
        record=with_counts(record, result.counts),
        force=force,
    )


def write_gene_sets(
    tables: Mapping[str, pd.DataFrame],
    gene_sets: Mapping[str, Sequence[str]],
    out: str | Path,
    *,
    record: dict[str, Any] | None = None,
    title: str = "",
    force: bool = False,
) -> list[Path]:
    """Write the tests of gene sets into a folder, all files or none.

    Parameters
    ----------
    tables : mapping of name to pd.DataFrame
        "gsea" from `decode.statistics.enrichment.preranked_gsea`, "hypergeometric" from `hypergeometric_enrichment`.
    gene_sets : mapping of str to sequence of str
        The tested sets cut down to the ranking (`sets_within`).
    out : str or Path
        Folder; created if needed, its parent must exist. A finished run in it is replaced with `force` only.
    record : dict, optional
        Written as run.json.
    title : str, optional
        Line above the figures.
    force : bool, default False
        Replace a finished run.

    Returns
    -------
    list of Path
        NAME.tsv, NAME_map.png and .svg for each table, run.json.

    Raises
    ------
    FileNotFoundError, FileExistsError, PermissionError
        If the folder cannot be used.
    """
    return write_run(
        out,
        "regulators gene-sets",
        tables={f"{name}.tsv": table for name, table in tables.items()},
        figures={f"{name}_map": enrichment_map(table, gene_sets, title=title) for name, table in tables.items()},
        record=record,
        force=force,
    )


def expression_summary(result: RegulatorExpressionResult) -> str:
    """How many regulators follow their own expression, as text, one line a set of tissues."""
    lines = []
    for name in dict.fromkeys(result.table["tissues"]):
        part = result.table[result.table["tissues"] == name]
        n_signs = part["sign"].value_counts()
        label = "all tissues" if name == ALL_TISSUES else str(name).replace("_", " ")
        lines.append(
            f"{label}: {part['n_tissues'].max()} tissues in {part['n_groups'].max()} groups, {len(part)} regulators; "
            f"{n_signs.get(ACTIVATOR, 0)} activators, {n_signs.get(REPRESSOR, 0)} repressors; FDR < 5 %: "
            f"{int((part['fdr'] < FDR).sum())} (each group once: {int((part['fdr_groups'] < FDR).sum())})"
        )
    return "\n".join(lines)


def gene_list_summary(result: GeneListResult) -> str:
    """AUROC of every list, with and without covariates, as text."""
    lines = [f"{'level':12}{'kind':6}{'gene list':28}{'n':>5}{'AUROC':>8}{'sites':>8}{'FDR':>10}{'adjusted':>10}"]
    for row in result.table.to_dict("records"):
        cells = [_shown(row["auroc"], ".3f"), _shown(row["auroc_sites"], ".3f")]
        cells += [_shown(row["fdr"], ".2g"), _shown(row["adjusted_fdr"], ".2g")]
        lines.append(
            f"{row['level']:12}{row['kind']:6}{row['gene_list']:28}{row['n_members']:>5}"
            f"{cells[0]:>8}{cells[1]:>8}{cells[2]:>10}{cells[3]:>10}"
        )
    return "\n".join(lines)


def gene_set_summary(tables: Mapping[str, pd.DataFrame]) -> str:
    """The best gene sets of every test, as text."""
    lines = []
    for name, table in tables.items():
        strength = "nes" if "nes" in table.columns else "fold"
        lines.append(f"{name}: {int((table['fdr'] < FDR).sum())} of {len(table)} gene sets with FDR < 5 %")
        for row in table.head(5).to_dict("records"):
            lines.append(f"  {row['gene_set'][:60]:60}{row['n_genes']:>5}{row[strength]:>8.2f}{row['fdr']:>10.2g}")
    return "\n".join(lines)


def _shown(value: float, form: str) -> str:
    return format(value, form) if value == value else "-"
