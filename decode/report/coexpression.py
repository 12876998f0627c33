"""Files and figure of co-expression drivers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from decode.insilico.coexpression import CoexpressionDrivers
from decode.report.files import RunFiles, with_counts, write_run
from decode.report.style import BLACK, BLUE, GREY, LIGHT_GREY, ORANGE, VERMILION, new_figure

N_SHOWN = 15
MARKS = (("coefficient", BLUE, "o", "mean over random removals"), ("single_effect", VERMILION, "D", "this one alone"))


def coexpression_sentence(result: CoexpressionDrivers, n_shown: int = 5) -> str:
    """What was found, a few lines for each altered gene and model."""
    lines = []
    for row in result.correlations.itertuples():
        own = result.effects[(result.effects["model"] == row.model) & (result.effects["gene"] == row.gene)]
        top = own.iloc[np.argsort(-own["shapley"].abs().to_numpy(), kind="stable")].head(n_shown)
        named = ", ".join(f"{u} {s:+.3f}" for u, s in zip(top["unit"], top["shapley"], strict=True))
        lines.append(
            f"{row.model}, {row.gene} altered: correlation with {row.partner} {row.correlation:.3f}, without any site "
            f"{row.without_any:.3f}; largest Shapley values of {row.n_units}: {named}"
        )
    n_key = int(result.key["is_key"].sum())
    lines.append(f"significant in all {result.counts['models']} model(s): {n_key} of {len(result.key)}")
    if result.correlations["position_blind"].any():
        lines.append("position_blind: the network tells bins of a region apart by their bases alone")
    return "\n".join(lines)


def coexpression_figure(result: CoexpressionDrivers, *, model: str | None = None, n_shown: int = N_SHOWN) -> Figure:
    """Draw the effects of removals on the correlation, both genes of the pair side by side.

    Parameters
    ----------
    result : CoexpressionDrivers
    model : str, optional
        Which model; default the first.
    n_shown : int, default 15
        Units of each gene, by the size of their Shapley value.

    Returns
    -------
    matplotlib.figure.Figure
        Bars: Shapley values. Dots with lines of two standard deviations over resampled tasks: the coefficient.
        Diamonds: the effect of removing this one alone.

    Raises
    ------
    KeyError
        If the result has no such model.
    """
    names = list(dict.fromkeys(result.effects["model"]))
    chosen = names[0] if model is None else model
    if chosen not in names:
        raise KeyError(f"model {chosen!r} is not among {', '.join(names)}")
    effects = result.effects[result.effects["model"] == chosen]
    heads = result.correlations[result.correlations["model"] == chosen]
    longest = min(n_shown, int(effects.groupby("gene").size().max()))
    figure = new_figure(figsize=(8.6, 1.7 + 0.27 * longest), layout="constrained")
    for axes, row in zip(figure.subplots(1, len(heads), squeeze=False)[0], heads.itertuples(), strict=True):
        own = effects[effects["gene"] == row.gene]
        order = np.argsort(-own["shapley"].abs().to_numpy(), kind="stable")[:n_shown]
        _panel(axes, own.iloc[order], longest)
        axes.set_title(
            f"{row.gene} altered, {row.partner} as it is\n"
            f"\u03c1 {row.correlation:.2f}; without any of {row.n_units}: {row.without_any:.2f}",
            fontsize=9.5, loc="left",
        )  # fmt: skip
    figure.supxlabel("change of the correlation when the sites are removed", fontsize=10)
    handles: list[Any] = [Line2D([], [], color=ORANGE, linewidth=6, label="mean over all orders (Shapley)")]
    handles += [Line2D([], [], color=c, marker=m, linestyle="", markersize=5, label=text) for _, c, m, text in MARKS]
    figure.legend(handles=handles, loc="outside upper center", ncols=3, fontsize=8, frameon=False)
    return figure


def _panel(axes: Axes, own: pd.DataFrame, longest: int) -> None:
    y = np.arange(len(own))
    axes.barh(y, own["shapley"], height=0.62, color=ORANGE, alpha=0.75, zorder=1)
    axes.axvline(0, color=GREY, linewidth=0.8, zorder=2)
    spread = 2 * own["sd_tasks"].fillna(0.0).to_numpy()
    axes.hlines(y, own["coefficient"] - spread, own["coefficient"] + spread, color=BLUE, linewidth=1.2, zorder=3)
    for column, colour, marker, _ in MARKS:
        edge: dict[str, Any] = {"markeredgecolor": "white", "markeredgewidth": 0.5}
        axes.plot(own[column], y, marker, color=colour, markersize=4.5, zorder=4, **edge)
    labels = [f"{unit} *" if key else str(unit) for unit, key in zip(own["unit"], own["is_significant"], strict=True)]
    axes.set_yticks(y, labels, fontsize=8)
    axes.set_ylim(longest - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.tick_params(axis="x", labelsize=8)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.grid(axis="x", color=LIGHT_GREY, linewidth=0.5, zorder=0)
    if not len(own):
        axes.text(0.5, 0.5, "no unit", transform=axes.transAxes, ha="center", color=BLACK)


def coexpression_files(result: CoexpressionDrivers) -> RunFiles:
    """effects.tsv, key.tsv, correlations.json and one figure a model."""
    names = list(dict.fromkeys(result.effects["model"]))
    figures = {
        "effects" if len(names) == 1 else f"effects_{name}": coexpression_figure(result, model=name) for name in names
    }
    tables = {"effects.tsv": result.effects, "key.tsv": result.key}
    numbers = {"correlations.json": result.correlations.to_dict("records")}
    return RunFiles(tables, figures, numbers)


def write_coexpression(
    result: CoexpressionDrivers, out: str | Path, *, record: Mapping[str, Any] | None = None, force: bool = False
) -> list[Path]:
    """Write tables, numbers, figures and run.json of co-expression drivers into a folder.

    Raises
    ------
    FileExistsError
        If the folder holds a finished run and `force` is false.
    """
    files = coexpression_files(result)
    return write_run(out, "coexpression", **files._asdict(), record=with_counts(record, result.counts), force=force)
