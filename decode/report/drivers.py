"""Files of `decode drivers`: tables, sites as BED, and two figures a contrast."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from decode.core.naming import file_names
from decode.drivers.find import DriversResult
from decode.drivers.targets import FDR_LIMIT
from decode.report.evidence import plot_evidence
from decode.report.files import write_run
from decode.report.style import BLACK, BLUE, GREY, LIGHT_GREY, VERMILION, new_figure

logger = logging.getLogger(__name__)

N_BARS = 20
N_NAMED = 12
N_DRAWN = 5  # contrasts with figures and text, where there are more than ten
MANY = 10
N_PROFILES = 6


def write_drivers(
    result: DriversResult, out: str | Path, *, record: dict[str, Any] | None = None, force: bool = False
) -> list[Path]:
    """Write drivers, targets, sites and figures into a folder, all of them or none.

    Parameters
    ----------
    result : DriversResult
        From `decode.drivers.find.find_drivers`.
    out : str or Path
        Folder; created if needed, its parent must exist. A finished run in it is replaced with `force` only.
    record : dict, optional
        What was run, see `decode.core.files.run_record`; written as run.json with the list of files.
    force : bool, default False
        Replace a finished run.

    Returns
    -------
    list of Path
        drivers.tsv, targets.tsv, where.tsv, positions.tsv, contrasts.tsv, sites.bed, counts.json; for each contrast (of
        more than ten the first five) drivers_CONTRAST, volcano_CONTRAST, positions_CONTRAST and, with lines of
        evidence, evidence_CONTRAST_KIND as .png and .svg; factors_without_sites.tsv where asked for; run.json.

    Raises
    ------
    FileNotFoundError, FileExistsError, PermissionError
        If the folder cannot be used.
    """
    figures: dict[str, Figure] = {}
    drawn = _shown(result)["contrast"].tolist()
    if len(drawn) < len(result.contrasts):
        logger.info("figures of the first %d of %d contrasts", len(drawn), len(result.contrasts))
    names = file_names(str(one) for one in result.contrasts["contrast"])
    for contrast, name in zip(drawn, names, strict=False):
        drivers = result.drivers[result.drivers["contrast"] == contrast]
        positions = result.positions[result.positions["contrast"] == contrast]
        figures[f"drivers_{name}"] = draw_drivers(drivers, title=str(contrast))
        figures[f"volcano_{name}"] = draw_volcano(drivers, title=str(contrast))
        figures[f"positions_{name}"] = draw_positions(drivers, positions, title=str(contrast))
        if result.evidence is not None:
            figures |= _evidence_figures(result.evidence, str(contrast), name)
    tables = {
        "drivers.tsv": result.drivers,
        "targets.tsv": result.targets,
        "where.tsv": result.where,
        "positions.tsv": result.positions,
        "contrasts.tsv": result.contrasts,
        "sites.bed": result.sites,
    }
    if result.missing is not None:
        tables["factors_without_sites.tsv"] = result.missing
    return write_run(
        out,
        "drivers",
        tables=tables,
        figures=figures,
        numbers={"counts.json": result.counts},
        record=record,
        force=force,
    )


def _shown(result: DriversResult) -> pd.DataFrame:
    """Contrasts with figures and text: all, or the first few of many."""
    return result.contrasts.head(N_DRAWN) if len(result.contrasts) > MANY else result.contrasts


def draw_drivers(drivers: pd.DataFrame, *, title: str = "", n: int = N_BARS) -> Figure:
    """Draw the first drivers: their effect with an interval, and their strength.

    Parameters
    ----------
    drivers : pd.DataFrame
        One contrast: kind, regulator, effect, sd, z, direction_fdr, strength, fdr, rank.
    title : str, optional
    n : int
        Rows.

    Returns
    -------
    matplotlib.figure.Figure
        Left: effect +- 2 sd, the SD that it has where nothing differs between the samples; right: strength as bars,
        filled at FDR < 5 %. The colour is the direction.
    """
    shown = drivers.nsmallest(n, "rank").iloc[::-1]
    figure = new_figure(figsize=(7.4, 0.27 * len(shown) + 1.6), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=(1, 1))
    is_significant = shown["fdr"].to_numpy() < FDR_LIMIT
    colours = np.where(shown["z"] > 0, VERMILION, BLUE)
    colours = np.where(shown["direction_fdr"] < FDR_LIMIT, colours, GREY)
    faces = [colour if filled else "white" for colour, filled in zip(colours, is_significant, strict=True)]
    place = np.arange(len(shown))
    effect, half = shown["effect"].to_numpy(dtype=float), 2 * shown["sd"].to_numpy(dtype=float)
    left.axvline(0, color=LIGHT_GREY, linewidth=0.8, zorder=0)
    left.hlines(place, effect - half, effect + half, color=colours, linewidth=1.2)
    left.scatter(effect, place, c=colours, s=18, zorder=3)
    right.barh(place, shown["strength"], color=faces, edgecolor=colours, linewidth=1.0, height=0.7)
    names = [f"{regulator} ({kind})" for kind, regulator in zip(shown["kind"], shown["regulator"], strict=True)]
    left.set_yticks(place, names, fontsize=9)
    left.set_ylim(-0.6, len(shown) - 0.4)
    left.set_xlabel("effect (SDs of the statistic) \u00b1 2 SD", fontsize=9)
    right.set_xlabel("strength (null SDs)", fontsize=9)
    for axes in (left, right):
        axes.tick_params(axis="y", length=0)
        axes.tick_params(axis="x", labelsize=8)
        axes.spines[["top", "right", "left"]].set_visible(False)
    handles = [
        Patch(facecolor=VERMILION, edgecolor=VERMILION, label="sites go with up-regulation"),
        Patch(facecolor=BLUE, edgecolor=BLUE, label="sites go with down-regulation"),
        Patch(facecolor=GREY, edgecolor=GREY, label="direction not significant"),
        Patch(facecolor="white", edgecolor=GREY, label=f"FDR {FDR_LIMIT:.0%} or more"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2, fontsize=8, frameon=False)
    if title:
        figure.suptitle(title, fontsize=10, x=0.01, ha="left")
    return figure


def draw_volcano(drivers: pd.DataFrame, *, title: str = "", n: int = N_NAMED) -> Figure:
    """Draw the effect of every regulator against its FDR, in the colours of the kinds.

    Parameters
    ----------
    drivers : pd.DataFrame
        One contrast: kind, regulator, effect, fdr, rank. An fdr that is missing (too few refits) is drawn as 1.
    title : str, optional
    n : int
        First drivers that are named.

    Returns
    -------
    matplotlib.figure.Figure
    """
    lacks_fdr = bool(drivers["fdr"].isna().any())
    drivers = drivers.assign(fdr=drivers["fdr"].astype(float).fillna(1.0))
    figure = new_figure(figsize=(5.6, 4.2), layout="constrained")
    axes = figure.add_subplot()
    height = -np.log10(np.maximum(drivers["fdr"].to_numpy(dtype=float), 1e-300))
    for kind, colour in zip(("TF", "RBP", "miRNA", "other"), (BLUE, VERMILION, GREY, BLACK), strict=True):
        of_kind = (drivers["kind"] == kind).to_numpy()
        if of_kind.any():
            axes.scatter(
                drivers["effect"][of_kind], height[of_kind], s=12, c=colour, alpha=0.7, linewidths=0, label=kind
            )
    axes.axhline(-np.log10(FDR_LIMIT), color=LIGHT_GREY, linewidth=0.8, zorder=0)
    axes.axvline(0, color=LIGHT_GREY, linewidth=0.8, zorder=0)
    first = drivers.nsmallest(n, "rank")
    order = np.argsort(height[drivers.index.get_indexer(first.index)])
    gap, last = 0.045 * max(float(height.max(initial=0.0)), -np.log10(FDR_LIMIT)), float("-inf")
    named = first.iloc[order]
    for name, at, fdr in zip(
        named["regulator"], named["effect"].astype(float), named["fdr"].astype(float), strict=True
    ):
        point = float(-np.log10(max(fdr, 1e-300)))
        last = max(point, last + gap)  # names of like FDR stand above each other, with a line to their point
        if last > point:
            axes.plot([at, at], [point, last], color=LIGHT_GREY, linewidth=0.6, zorder=0)
        axes.text(at, last, name, fontsize=7, ha="left" if at > 0 else "right", va="bottom")
    axes.set_ylim(-0.05 * max(last, 1.0), max(float(height.max(initial=0.0)), last) + 2 * gap)
    axes.set_xlabel("effect (SDs of the statistic); positive: sites go with up-regulation", fontsize=9)
    label = "-log10 FDR of the strength" + (" (0: none could be computed)" if lacks_fdr else "")
    axes.set_ylabel(label, fontsize=9)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(x=0.15)
    axes.legend(fontsize=8, frameon=False, loc="best")
    if title:
        axes.set_title(title, fontsize=10, loc="left")
    return figure


def _evidence_figures(evidence: pd.DataFrame, contrast: str, name: str) -> dict[str, Figure]:
    """One figure a kind whose regulators have a score."""
    figures = {}
    own = evidence[(evidence["contrast"] == contrast) & evidence["rank"].notna()]
    for kind in own["kind"].unique():
        figure, _ = plot_evidence(own[own["kind"] == kind], title=f"{contrast}: {kind}")
        figures[f"evidence_{name}_{kind}"] = figure
    return figures


def draw_positions(drivers: pd.DataFrame, positions: pd.DataFrame, *, title: str = "", n: int = N_PROFILES) -> Figure:
    """Draw where the first drivers' sites lie: in their leading targets, and in all genes that they bind.

    Parameters
    ----------
    drivers : pd.DataFrame
        One contrast: kind, regulator, rank.
    positions : pd.DataFrame
        Of that contrast, as `DriversResult.positions`.
    title : str, optional
    n : int
        Drivers with a panel.

    Returns
    -------
    matplotlib.figure.Figure
    """
    top = drivers.nsmallest(n, "rank")
    n_columns = 3
    n_rows = -(-len(top) // n_columns)
    figure = new_figure(figsize=(3.1 * n_columns, 2.1 * n_rows + 0.7), layout="constrained")
    panels = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    for panel in panels[len(top) :]:
        panel.set_visible(False)
    for axes, (kind, regulator) in zip(panels, zip(top["kind"], top["regulator"], strict=True), strict=False):
        own = positions[(positions["kind"] == kind) & (positions["regulator"] == regulator)]
        region = own["region"].iloc[0] if len(own) else ""  # a regulator's tracks nearly always share a region
        own = own[own["region"] == region]
        middle = (own["start"] + own["end"]).to_numpy() / 2
        axes.plot(middle, 100 * own["covered_bound"], color=GREY, linewidth=1.2)
        axes.plot(middle, 100 * own["covered_targets"], color=VERMILION, linewidth=1.6)
        if region == "promoter":
            axes.axvline(0, color=LIGHT_GREY, linewidth=0.8, zorder=0)
            axes.xaxis.set_major_locator(MaxNLocator(4))
            axes.set_xlabel("bases from transcription start", fontsize=8)
        else:
            axes.set_xticks([0, 0.5, 1], ["5'", "RNA", "3'"])
        axes.set_title(f"{regulator} ({kind})", fontsize=9, loc="left")
        axes.set_ylim(bottom=0)
        axes.tick_params(labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in panels[::n_columns][:n_rows]:
        axes.set_ylabel("covered (%)", fontsize=8)
    handles = [
        Line2D([], [], color=VERMILION, label="leading targets"),
        Line2D([], [], color=GREY, label="all genes with sites"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2, fontsize=8, frameon=False)
    if title:
        figure.suptitle(title, fontsize=10, x=0.01, ha="left")
    return figure


def drivers_text(result: DriversResult, n: int = 10) -> str:
    """The first drivers of every contrast, as text.

    Parameters
    ----------
    result : DriversResult
    n : int
        Lines a contrast.

    Returns
    -------
    str
    """
    lines = []
    for row in _shown(result).to_dict("records"):
        drivers = result.drivers[result.drivers["contrast"] == row["contrast"]].nsmallest(n, "rank")
        lines.append(
            f"{row['contrast']}: {row['n_significant']} of {row['n_regulators']} regulators with FDR < "
            f"{FDR_LIMIT:.0%}; {row['n_genes']:,} genes; {row['r2']:.1%} of the held-out variance explained"
        )
        if row["null"]:
            lines.append(f"  p-values: {row['null']}; spread of all regulators {row['inflation']:.2f} times the null's")
        if row.get("prior_auroc") is not None and np.isfinite(row["prior_auroc"]):
            generic = ": generic responders" if row["is_generic"] else ""
            lines.append(f"  AUROC of the DE prior for the genes that change most {row['prior_auroc']:.2f}{generic}")
        for driver in drivers.to_dict("records"):
            response = f", response z {driver['response_z']:6.2f}" if np.isfinite(driver["response_z"]) else ""
            lines.append(
                f"  {driver['rank']:3d} {driver['kind']:6}{driver['regulator']:16} strength {driver['strength']:6.2f}  "
                f"FDR {driver['fdr']:.2g}  z {driver['z']:6.2f}{response}  {driver['leading_targets']}"
            )
        lines += _evidence_lines(result, row["contrast"])
    if len(result.contrasts) > MANY:
        lines.append(f"... and {len(result.contrasts) - N_DRAWN} contrasts more: drivers.tsv")
    return "\n".join(lines)


def _evidence_lines(result: DriversResult, contrast: str, n: int = 8) -> list[str]:
    """First regulators of each kind by all lines of evidence; and factors that cannot be found by sites."""
    lines = []
    if result.evidence is not None:
        own = result.evidence[(result.evidence["contrast"] == contrast) & (result.evidence["n_lines"] > 1)]
        for kind in own["kind"].unique():
            first = own[own["kind"] == kind].nsmallest(n, "rank")
            lines.append(f"  by all lines of evidence, {kind}: {', '.join(first['regulator'])}")
    if result.missing is not None:
        names = result.missing.loc[result.missing["contrast"] == contrast, "factor"].head(n).tolist()
        if names:
            lines.append(f"  change most themselves, without sites in the features: {', '.join(names)}")
    return lines
