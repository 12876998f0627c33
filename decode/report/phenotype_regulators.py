"""Files of regulators that change with a phenotype: tables, and a figure of what is left of a list by other tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from decode.persons.phenotype_regulators import PhenotypeRegulators
from decode.report.differential import MOST_PANELS, beside, with_both
from decode.report.files import Content, with_counts, write_files
from decode.report.style import BLUE, GREY, LIGHT_GREY, ORANGE, VERMILION, new_figure

N_SHOWN = 20


def write_phenotype_regulators(
    result: PhenotypeRegulators, out: str | Path, *, record: dict[str, Any] | None = None, force: bool = False
) -> list[Path]:
    """Write the regulators that change with a phenotype: NAME.tsv and what belongs to it, all files or none.

    Parameters
    ----------
    result : PhenotypeRegulators
    out : str or Path
        The table of regulators (.tsv or .tsv.gz).
    record : dict, optional
    force : bool, default False

    Returns
    -------
    list of Path
        Also NAME_joint, NAME_summary, and NAME_regulators as PNG and SVG.

    Raises
    ------
    FileNotFoundError, FileExistsError, PermissionError
        If a file cannot be written.
    """
    out = Path(out)
    files: dict[Path, Content] = {
        out: result.table,
        beside(out, "joint"): result.joint,
        beside(out, "summary"): result.summary,
    }
    figures = {"regulators": regulator_t(result)}
    record = with_counts(record, result.counts)
    return write_files("differential activity", files | with_both(out, figures), record=record, force=force)


def regulator_t(result: PhenotypeRegulators) -> Figure:
    """Draw the regulators that change most, by each of the tests.

    Parameters
    ----------
    result : PhenotypeRegulators

    Returns
    -------
    matplotlib.figure.Figure
        One panel a term (up to eight), the 20 regulators of the largest |t|; filled: family-wise p < 5 %.
    """
    terms = result.summary["term"].tolist()[:MOST_PANELS]
    tests = [
        ("t", "p_family", "alone", BLUE, "o"),
        ("t_adjusted", "p_family_adjusted", f"beside {result.counts['n_components']} component(s)", ORANGE, "s"),
        ("z_conditional", "p_family_conditional", "given all others", VERMILION, "D"),
    ]
    figure = new_figure(figsize=(3.4 * len(terms) + 0.4, 5.4), layout="constrained")
    for number, term in enumerate(terms):
        axes = figure.add_subplot(1, len(terms), number + 1)
        own = result.table[result.table["term"] == term]
        own = own.loc[own["t"].abs().sort_values(ascending=False, kind="stable").index[:N_SHOWN]]
        y = np.arange(len(own))
        axes.axvline(0, color=GREY, linewidth=0.8)
        axes.hlines(y, *axes.get_xlim(), color=LIGHT_GREY, linewidth=0)
        for name, p_name, label, colour, marker in tests:
            if name not in own:
                continue
            is_found = (own[p_name] < 0.05).to_numpy()
            for mask, face in ((is_found, colour), (~is_found, "white")):
                axes.plot(own[name].to_numpy()[mask], y[mask], marker, color=colour, markerfacecolor=face, markersize=5)
            axes.plot([], [], marker, color=colour, label=label, markersize=5)
        axes.set_yticks(y, own["regulator"].tolist(), fontsize=8)
        axes.set_ylim(len(own) - 0.4, -0.6)
        axes.grid(axis="y", color=LIGHT_GREY, linewidth=0.5)
        axes.set_axisbelow(True)
        axes.set_title(term, fontsize=9, loc="left")
        axes.set_xlabel("t, or z given all others", fontsize=9)
        axes.tick_params(axis="x", labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
        if number == 0:
            handles, labels = axes.get_legend_handles_labels()
            figure.legend(handles, labels, loc="outside upper left", ncols=3, fontsize=8, frameon=False,
                          title="filled: family-wise p < 5 %", title_fontsize=8, alignment="left")  # fmt: skip
    return figure


def phenotype_text(result: PhenotypeRegulators) -> str:
    """How many regulators each test finds, as text, one line a term."""
    lines = [f"{result.counts['n_samples']} samples x {result.counts['n_regulators']} regulators"]
    for row in result.summary.to_dict("records"):
        line = (
            f"{row['term']}: FDR 5 % {row['n_fdr']} alone, {row.get('n_fdr_adjusted', '-')} beside the leading "
            f"component(s), {row['n_fdr_conditional']} given all others; family-wise {row['n_family']}, "
            f"{row.get('n_family_adjusted', '-')}, {row['n_family_conditional']}; about "
            f"{row['n_tests_by_permutation']:.0f} independent tests"
        )
        names = [str(name) for name in row if str(name).startswith("share_") and not str(name).endswith("_found")]
        shares = [f"{name.removeprefix('share_')} {row[name]:.0%}" for name in names if row[name] == row[name]]
        lines.append(line + (f"; share of the change: {', '.join(shares)}" if shares else ""))
    for row in result.joint.to_dict("records"):
        lines.append(
            f"{row['term']}: the leading {row['n_components']} component(s) of all activities explain "
            f"{row['r_squared']:.1%} of it (permutation p {row['p_value']:.2g})"
        )
    return "\n".join(lines)
