"""Figures of what a ranking means: activators and repressors, and gene lists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from decode.core.checks import check_columns, check_count
from decode.expression.tissue_groups import known_tissue_groups
from decode.regulators.own_expression import ACTIVATOR, ALL_TISSUES, REPRESSOR, WITHOUT_BRAIN
from decode.report.style import BLUE, GREY, LIGHT_GREY, ORANGE, VERMILION, new_figure

FDR = 0.05
COLOUR_OF_SIGN = {ACTIVATOR: VERMILION, REPRESSOR: BLUE}


def activator_plot(
    table: pd.DataFrame,
    attribution: pd.DataFrame,
    expression: pd.DataFrame,
    *,
    n_shown: int = 15,
    title: str = "",
) -> Figure:
    """Draw the clearest activators and repressors, with the profiles over tissues behind each correlation.

    Parameters
    ----------
    table : pd.DataFrame
        Of `decode.regulators.own_expression.correlate_expression`.
    attribution, expression : pd.DataFrame, shape (n_regulators, n_tissues)
        Likewise; each row is drawn as its z over tissues.
    n_shown : int, default 15
        Most activators, and most repressors. Where no interval excludes 0, the strongest correlations in grey.
    title : str, optional
        Line above the figure.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If a column is missing or no correlation is defined.
    """
    check_columns("table of correlations", table, ["tissues", "kind", "regulator", "spearman", "low", "high", "sign"])
    check_count("n_shown", n_shown)
    everywhere = table[(table["tissues"] == ALL_TISSUES) & table["spearman"].notna()]
    if everywhere.empty:
        raise ValueError("no regulator has a defined correlation with its own expression; nothing to draw")
    ordered = everywhere.sort_values("spearman", ascending=False, kind="stable")
    shown = pd.concat(
        [ordered[ordered["sign"] == ACTIVATOR].head(n_shown), ordered[ordered["sign"] == REPRESSOR].tail(n_shown)]
    )
    if shown.empty:
        strongest = everywhere["spearman"].abs().sort_values(ascending=False, kind="stable").index[:n_shown]
        shown = ordered[ordered.index.isin(strongest)]
    keys = list(zip(shown["kind"], shown["regulator"], strict=True))
    groups = known_tissue_groups(attribution.columns)
    tissues = sorted(attribution.columns, key=lambda task: (groups.get(task, task), task))
    width = 0.125 * len(tissues)
    figure = new_figure(figsize=(5.2 + 2 * width, 0.19 * len(keys) + 2.6), layout="constrained")
    left, middle, right = figure.subplots(1, 3, sharey=True, width_ratios=[2.6, width, width])
    _draw_correlations(left, shown, table[table["tissues"] == WITHOUT_BRAIN].set_index(["kind", "regulator"]))
    left.set_yticks(range(len(keys)), [f"{name} ({kind})" for kind, name in keys], fontsize=8)
    left.set_ylim(len(keys) - 0.5, -0.5)
    norm = TwoSlopeNorm(0, -2.5, 2.5)
    for axes, values, label in ((middle, attribution, "attribution"), (right, expression, "own expression")):
        profile = values[tissues].loc[pd.MultiIndex.from_tuples(keys)].to_numpy(dtype=np.float64)
        centred = profile - np.nanmean(profile, axis=1, keepdims=True)
        spread = np.nanstd(profile, axis=1, keepdims=True)
        z = np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 0)
        axes.set_facecolor(LIGHT_GREY)
        axes.imshow(z, cmap="RdBu_r", norm=norm, aspect="auto", interpolation="nearest")
        axes.set_xticks(range(len(tissues)), tissues, rotation=90, fontsize=7)
        axes.tick_params(length=0)
        axes.set_title(label, fontsize=9)
    bar = figure.colorbar(
        ScalarMappable(norm, "RdBu_r"), ax=right, fraction=0.03, pad=0.01, shrink=min(1.0, 9 / len(keys))
    )
    bar.set_label("z over tissues", fontsize=8)
    bar.ax.tick_params(labelsize=7)
    n_signs = everywhere["sign"].value_counts()
    heading = (
        f"{len(everywhere)} regulators: {n_signs.get(ACTIVATOR, 0)} activators, {n_signs.get(REPRESSOR, 0)} repressors "
        "(95 % interval over tissue groups excludes 0)"
    )
    figure.suptitle(f"{title}\n{heading}" if title else heading, fontsize=9)
    return figure


def _draw_correlations(axes: Axes, shown: pd.DataFrame, without_brain: pd.DataFrame) -> None:
    for position, row in enumerate(shown.to_dict("records")):
        colour = COLOUR_OF_SIGN.get(row["sign"], GREY)
        axes.plot([row["low"], row["high"]], [position, position], "-", color=colour, linewidth=1.3, zorder=2)
        axes.plot(row["spearman"], position, "o", color=colour, markersize=5, zorder=3)
        key = (row["kind"], row["regulator"])
        if key in without_brain.index:
            other = without_brain.loc[key, "spearman"]
            axes.plot(other, position, "o", markersize=7, markerfacecolor="none", markeredgecolor="black", zorder=4)
    axes.axvline(0, color=GREY, linewidth=0.8, zorder=1)
    axes.set_xlim(-1.05, 1.05)
    axes.set_xlabel("Spearman with own expression", fontsize=9)
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", labelsize=8)
    axes.spines[["top", "right", "left"]].set_visible(False)
    handles = [Line2D([], [], color=GREY, marker="o", markersize=5, label="all tissues, 95 % interval")]
    if len(without_brain):
        hollow: dict[str, Any] = {
            "marker": "o",
            "linestyle": "",
            "markersize": 7,
            "markerfacecolor": "none",
            "color": "black",
        }
        handles.append(Line2D([], [], label="without brain", **hollow))
    axes.legend(handles=handles, fontsize=7, frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0))


def gene_list_plot(table: pd.DataFrame, *, title: str = "") -> Figure:
    """Draw by how much regulators of each gene list score higher, with and without study bias.

    Parameters
    ----------
    table : pd.DataFrame
        Of `decode.regulators.gene_lists.validate_gene_lists`: one panel a level, rows of lists by kind.
    title : str, optional
        Line above the figure.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If a column is missing or no effect is defined.
    """
    check_columns("table of gene lists", table, ["level", "kind", "gene_list", "effect", "fdr", "adjusted_effect"])
    drawn = table[table["effect"].notna()]
    if drawn.empty:
        raise ValueError("no gene list has enough members among the regulators; nothing to draw")
    kinds = list(dict.fromkeys(drawn["kind"]))
    pairs = dict.fromkeys(zip(drawn["kind"], drawn["gene_list"], strict=True))
    keys = sorted(pairs, key=lambda key: kinds.index(key[0]))
    levels = list(dict.fromkeys(drawn["level"]))
    y, kind_before, position = {}, keys[0][0], 0.0
    for key in keys:
        position += 0.7 if key[0] != kind_before else 0.0
        y[key], kind_before = position, key[0]
        position += 1
    figure = new_figure(figsize=(2.9 + 3.4 * len(levels), 0.36 * position + 1.5), layout="constrained")
    panels = np.atleast_1d(figure.subplots(1, len(levels), sharey=True, sharex=True))
    for axes, level in zip(panels, levels, strict=True):
        for row in drawn[drawn["level"] == level].to_dict("records"):
            _draw_effects(axes, row, y[row["kind"], row["gene_list"]])
        axes.axvline(0, color=GREY, linewidth=0.8, zorder=1)
        lines = {"transform": axes.get_yaxis_transform(), "color": LIGHT_GREY, "linewidth": 0.6, "zorder": 0}
        axes.hlines(list(y.values()), 0, 1, **lines)
        axes.set_title(level, fontsize=10)
        axes.set_xlabel("members - others (SD of the score's rank)", fontsize=9)
        axes.tick_params(axis="y", length=0)
        axes.spines[["top", "right", "left"]].set_visible(False)
    n_members = {(row["kind"], row["gene_list"]): row["n_members"] for row in drawn.to_dict("records")}
    labels = [f"{name.replace('_', ' ')}, {kind} ({n_members[kind, name]})" for kind, name in keys]
    panels[0].set_yticks(list(y.values()), labels, fontsize=8)
    panels[0].set_ylim(position - 0.3, -0.7)
    styles = ((BLUE, "o", "as it is"), (ORANGE, "s", "given number of sites, experiments and kind"))
    handles = [Line2D([], [], color=colour, marker=marker, markersize=6, label=text) for colour, marker, text in styles]
    filled: dict[str, Any] = {"color": GREY, "linestyle": "", "marker": "o", "markersize": 6}
    handles.append(Line2D([], [], label="filled: one-sided FDR < 5 %", **filled))
    figure.legend(handles=handles, loc="outside upper center", ncols=3, fontsize=8, frameon=False, title=title or None)
    return figure


def _draw_effects(axes: Axes, row: Mapping[str, float], y: float) -> None:
    styles = (
        ("effect", "effect", "fdr", BLUE, "o", -0.15),
        ("adjusted_effect", "adjusted", "adjusted_fdr", ORANGE, "s", 0.15),
    )
    for name, prefix, fdr, colour, marker, shift in styles:
        if row[name] != row[name]:
            continue
        axes.plot([row[f"{prefix}_low"], row[f"{prefix}_high"]], [y + shift] * 2, "-", color=colour, zorder=2)
        face = colour if row[fdr] < FDR else "white"
        axes.plot(row[name], y + shift, marker, markersize=6, color=colour, markerfacecolor=face, zorder=3)
