"""Files of a PrediXcan comparison: the table of genes, the shares with what was predicted, weights, and a figure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from decode.comparators.predixcan import PredixcanResult
from decode.comparators.predixcan_table import MAX_FDR, PERSON_MODEL, PREDIXCAN, PREFIX
from decode.core.checks import check_columns
from decode.report.files import with_counts, write_run
from decode.report.style import BLUE, GREY, ORANGE, new_figure

NAMES = {PREDIXCAN: "PrediXcan (held-out persons)", PERSON_MODEL: "model of persons (held-out genes)"}
COLOURS = {PREDIXCAN: ORANGE, PERSON_MODEL: BLUE}
CAUTION = "held-out persons and held-out genes are different tasks: the shares do not rank the methods"


def write_predixcan(
    result: PredixcanResult,
    out: str | Path,
    *,
    record: dict[str, Any] | None = None,
    title: str = "",
    force: bool = False,
) -> list[Path]:
    """Write the tables and the figure of a PrediXcan comparison into a folder, all of them or none.

    Parameters
    ----------
    result : PredixcanResult
        From `decode.comparators.predixcan.compare_predixcan`.
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
        genes.tsv, summary.tsv, weights.tsv.gz, predictions.tsv.gz, predixcan.png and .svg, run.json.

    Raises
    ------
    FileNotFoundError, FileExistsError, PermissionError
        If the folder cannot be used.
    """
    return write_run(
        out,
        "compare predixcan",
        tables={
            "genes.tsv": result.table,
            "summary.tsv": result.summary,
            "weights.tsv.gz": result.weights,
            "predictions.tsv.gz": result.predictions,
        },
        figures={"predixcan": predixcan_plot(result.table, title=title)},
        record=with_counts(record, result.counts),
        force=force,
    )


def predixcan_plot(table: pd.DataFrame, *, title: str = "") -> Figure:
    """Draw how the correlations over persons are spread over genes, for each method.

    Parameters
    ----------
    table : pd.DataFrame
        pearson, p_value, fdr, and with a model of persons the same with its prefix. A gene that was tried without a
        correlation stands at 0.
    title : str, optional
        Line above the figure.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If a column is missing.
    """
    check_columns("table of a PrediXcan comparison", table, ["pearson", "p_value", "fdr"])
    methods = [name for name, prefix in PREFIX.items() if f"{prefix}pearson" in table.columns]
    figure = new_figure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.add_subplot()
    for name in methods:
        own = table[table[f"{PREFIX[name]}p_value"].notna()]
        values = np.sort(own[f"{PREFIX[name]}pearson"].fillna(0.0).to_numpy(dtype=np.float64))
        n_found = int((own[f"{PREFIX[name]}fdr"] <= MAX_FDR).sum())
        label = f"{NAMES[name]}: {n_found} of {len(own)} genes at FDR 5 %"
        axes.step(values, np.arange(1, len(values) + 1) / max(len(values), 1), color=COLOURS[name], label=label)
    axes.axvline(0, color=GREY, linewidth=0.8, linestyle="--")
    axes.set_xlabel("Pearson over persons", fontsize=10)
    axes.set_ylabel("share of genes up to it", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    heading = f"{title}\n{CAUTION}" if title else CAUTION
    figure.legend(loc="outside upper center", fontsize=8, frameon=False, title=heading, title_fontsize=8)
    return figure


def predixcan_text(result: PredixcanResult) -> str:
    """Share of genes of each method, with what its predictions were made without, as text."""
    lines = []
    for row in result.summary.to_dict("records"):
        lines.append(
            f"{row['method']}, {row['genes']} genes: {row['n_at_fdr_5_percent']} of {row['n_genes']} at FDR 5 %, "
            f"median Pearson {row['median_pearson']:.3f}; held out are {row['held_out']}"
        )
    return "\n".join([*lines, CAUTION])
