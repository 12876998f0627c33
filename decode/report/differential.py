"""Files of a differential analysis: the table of genes, agreement of predicted with actual t, and figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from decode.core.naming import file_names
from decode.persons.agreement import Agreement
from decode.persons.differential import FDR, DifferentialResult
from decode.report.figures import predicted_against_actual
from decode.report.files import Content, with_counts, write_files
from decode.report.style import BLUE, GREY, LIGHT_GREY, new_figure

MOST_PANELS = 8
N_BINS = 40


def beside(out: Path, what: str, suffix: str = "") -> Path:
    """Name of a file that belongs to another: de.tsv.gz and "agreement" give de_agreement.tsv.gz.

    Examples
    --------
    >>> beside(Path("de.tsv.gz"), "agreement").name, beside(Path("de.tsv"), "p_values", ".png").name
    ('de_agreement.tsv.gz', 'de_p_values.png')
    """
    stem = Path(out.name.removesuffix(".gz")).stem
    return out.with_name(f"{stem}_{what}{suffix or out.name.removeprefix(stem)}")


def with_both(out: Path, figures: dict[str, Figure]) -> dict[Path, Content]:
    """Each figure as PNG and SVG beside a file."""
    return {beside(out, name, suffix): figure for name, figure in figures.items() for suffix in (".png", ".svg")}


def write_differential(
    result: DifferentialResult,
    out: str | Path,
    *,
    agreement: Agreement | None = None,
    closest: pd.DataFrame | None = None,
    record: dict[str, Any] | None = None,
    force: bool = False,
) -> list[Path]:
    """Write a differential analysis: NAME.tsv and what belongs to it, all files or none.

    Parameters
    ----------
    result : DifferentialResult
    out : str or Path
        The table of genes (.tsv or .tsv.gz).
    agreement : Agreement, optional
        Adds NAME_predicted.tsv, NAME_agreement.tsv, NAME_t_of_genes.tsv and, for up to eight terms, a figure of
        predicted against actual t.
    closest : pd.DataFrame, optional
        From `decode.persons.agreement.agreement_matrix`: adds NAME_closest.tsv and a figure.
    record : dict, optional
        What was run; written as NAME.tsv.run.json.
    force : bool, default False
        Replace files that exist.

    Returns
    -------
    list of Path
        The files written, with NAME_p_values.png and .svg.

    Raises
    ------
    FileNotFoundError, FileExistsError, PermissionError
        If a file cannot be written.
    """
    out = Path(out)
    files: dict[Path, Content] = {out: result.table}
    figures = {"p_values": p_value_histograms(result.table)}
    counts = dict(result.counts)
    if agreement is not None:
        files[beside(out, "predicted")] = agreement.predicted.table
        files[beside(out, "agreement")] = agreement.table
        files[beside(out, "t_of_genes")] = agreement.statistics
        counts |= agreement.counts | {"predicted": agreement.predicted.counts}
        terms = agreement.table["term"][:MOST_PANELS].tolist()
        for term, name in zip(terms, file_names(terms), strict=True):
            figures[f"predicted_t_{name}"] = predicted_t(agreement, term)
    if closest is not None:
        files[beside(out, "closest")] = closest
        figures["closest"] = closest_heatmap(closest)
    return write_files("differential", files | with_both(out, figures), record=with_counts(record, counts), force=force)


def p_value_histograms(table: pd.DataFrame) -> Figure:
    """Draw the p-values of every term; flat where nothing differs, a peak at 0 where genes do.

    Parameters
    ----------
    table : pd.DataFrame
        Of `decode.persons.differential.differential`; up to eight terms are drawn.

    Returns
    -------
    matplotlib.figure.Figure
    """
    terms = list(dict.fromkeys(table["term"]))
    shown = terms[:MOST_PANELS]
    n_columns = min(4, len(shown))
    n_rows = -(-len(shown) // n_columns)
    figure = new_figure(figsize=(3.0 * n_columns + 0.4, 2.5 * n_rows + 0.3), layout="constrained")
    panels = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    for axes, term in zip(panels, shown, strict=False):
        own = table[table["term"] == term]
        p_value = own["p_value"].dropna().to_numpy()
        axes.hist(p_value, bins=N_BINS, range=(0, 1), color=BLUE, linewidth=0)
        axes.axhline(len(p_value) / N_BINS, color=GREY, linewidth=1, linestyle="--")
        axes.set_title(
            f"{term}\n{int((own['fdr'] < FDR).sum()):,} of {len(p_value):,} at FDR 5 %", fontsize=9, loc="left"
        )
        axes.set_xlabel("p-value", fontsize=9)
        axes.set_ylabel("genes", fontsize=9)
        axes.tick_params(labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in panels[len(shown) :]:
        axes.set_axis_off()
    if len(terms) > len(shown):
        figure.supxlabel(f"{len(terms) - len(shown)} more terms are in the table", fontsize=8)
    return figure


def predicted_t(agreement: Agreement, term: str) -> Figure:
    """Draw predicted against actual t over genes, with the correlation that permuted samples give.

    Parameters
    ----------
    agreement : Agreement
    term : str

    Returns
    -------
    matplotlib.figure.Figure
    """
    table = agreement.table.set_index("term")
    own = agreement.statistics[agreement.statistics["term"] == term]
    row = table.loc[term]
    null = f"permuted samples: {row['null_low']:.2f} to {row['null_high']:.2f}, p {row['p_permutation']:.2g}"
    return predicted_against_actual(
        own["t_actual"], own["t_predicted"], title=f"{term}\n{null}", unit="moderated t", what="genes"
    )


def closest_heatmap(closest: pd.DataFrame) -> Figure:
    """Draw the Spearman of t between predictions (rows) and data sets (columns), one panel a term.

    Parameters
    ----------
    closest : pd.DataFrame
        From `decode.persons.agreement.agreement_matrix`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    terms = list(dict.fromkeys(closest["term"]))[:MOST_PANELS]
    rows, columns = (list(dict.fromkeys(closest[name])) for name in ("predicted", "actual"))
    size = (len(terms) * (1.1 + 0.62 * len(columns)) + 1.2, 1.5 + 0.5 * len(rows))
    figure = new_figure(figsize=size, layout="constrained")
    limit = max(0.05, float(np.nanmax(closest["spearman"].abs(), initial=0.0)))
    for number, term in enumerate(terms):
        axes = figure.add_subplot(1, len(terms), number + 1)
        own = closest[closest["term"] == term].pivot_table(index="predicted", columns="actual", values="spearman")
        own = own.reindex(index=rows, columns=columns)
        image = axes.imshow(own, cmap="RdBu_r", vmin=-limit, vmax=limit, aspect="auto")
        best = own.to_numpy()
        for i, j in np.argwhere(np.isfinite(best)):
            is_best = best[i, j] == np.nanmax(best[i])
            colour = "white" if abs(best[i, j]) > 0.6 * limit else "black"
            weight = "bold" if is_best else "normal"
            axes.text(j, i, f"{best[i, j]:.2f}", ha="center", va="center", fontsize=8, color=colour, fontweight=weight)
        axes.set_xticks(range(len(columns)), columns, rotation=45, ha="right", fontsize=8)
        axes.set_yticks(range(len(rows)), rows if number == 0 else [], fontsize=8)
        axes.set_title(term, fontsize=9, loc="left")
        axes.set_xlabel("actual", fontsize=9)
        if number == 0:
            axes.set_ylabel("predicted", fontsize=9)
        axes.tick_params(length=0)
        axes.spines[:].set_color(LIGHT_GREY)
    bar = figure.colorbar(image, ax=figure.axes, shrink=0.8)
    bar.set_label("Spearman of t over genes", fontsize=8)
    bar.ax.tick_params(labelsize=8)
    return figure


def differential_text(
    result: DifferentialResult, agreement: Agreement | None = None, closest: pd.DataFrame | None = None
) -> str:
    """The headline figures, as text: genes by term, agreement of the prediction, closest data set."""
    counts = result.counts
    lines = [
        f"{counts['n_genes']} genes, {counts['n_samples']} samples, {counts['df']} degrees of freedom and "
        f"{counts['prior_df']:.3g} of the prior"
    ]
    for term, n_hits in counts["n_fdr_below_5_percent"].items():
        lines.append(f"{term}: {n_hits} genes at FDR 5 %")
    if agreement is not None:
        for row in agreement.table.to_dict("records"):
            lines.append(
                f"{row['term']}: Spearman of predicted with actual t {row['spearman']:.3f} over {row['n_genes']} "
                f"genes; permuted samples give {row['null_low']:.3f} to {row['null_high']:.3f} "
                f"(p {row['p_permutation']:.2g})"
            )
    if closest is not None:
        for row in closest[closest["rank"] == 1].to_dict("records"):
            lines.append(
                f"{row['term']}, predicted of {row['predicted']}: closest are the data of {row['actual']} "
                f"({row['spearman']:.3f})"
            )
    return "\n".join(lines)
