"""Files of `decode drivers`: tables, sites as BED, and two figures a contrast."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from decode.core.resume import file_name
from decode.drivers.find import DriversResult
from decode.drivers.targets import FDR_LIMIT
from decode.report.files import write_run
from decode.report.style import BLUE, GREY, LIGHT_GREY, VERMILION

N_BARS = 20
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
        drivers.tsv, targets.tsv, where.tsv, positions.tsv, contrasts.tsv, sites.bed, counts.json; for each contrast
        drivers_CONTRAST and positions_CONTRAST as .png and .svg; run.json.

    Raises
    ------
    FileNotFoundError, FileExistsError, PermissionError
        If the folder cannot be used.
    """
    figures = {}
    for contrast in result.contrasts["contrast"]:
        drivers = result.drivers[result.drivers["contrast"] == contrast]
        positions = result.positions[result.positions["contrast"] == contrast]
        name = file_name(str(contrast))
        figures[f"drivers_{name}"] = draw_drivers(drivers, title=str(contrast))
        figures[f"positions_{name}"] = draw_positions(drivers, positions, title=str(contrast))
    return write_run(
        out,
        "drivers",
        tables={
            "drivers.tsv": result.drivers,
            "targets.tsv": result.targets,
            "where.tsv": result.where,
            "positions.tsv": result.positions,
            "contrasts.tsv": result.contrasts,
            "sites.bed": result.sites,
        },
        figures=figures,
        numbers={"counts.json": result.counts},
        record=record,
        force=force,
    )


def draw_drivers(drivers: pd.DataFrame, *, title: str = "", n: int = N_BARS) -> Figure:
    """Draw the strength of the first drivers as bars; the colour is the direction, those of FDR < 5 % are filled.

    Parameters
    ----------
    drivers : pd.DataFrame
        One contrast: kind, regulator, z, direction_fdr, strength, fdr, rank.
    title : str, optional
    n : int
        Bars.

    Returns
    -------
    matplotlib.figure.Figure
    """
    shown = drivers.nsmallest(n, "rank").iloc[::-1]
    figure = Figure(figsize=(6.4, 0.27 * len(shown) + 1.5), layout="constrained")
    axes = figure.add_subplot()
    is_significant = shown["fdr"].to_numpy() < FDR_LIMIT
    colours = np.where(shown["z"] > 0, VERMILION, BLUE)
    colours = np.where(shown["direction_fdr"] < FDR_LIMIT, colours, GREY)
    faces = [colour if filled else "white" for colour, filled in zip(colours, is_significant, strict=True)]
    place = np.arange(len(shown))
    axes.barh(place, shown["strength"], color=faces, edgecolor=colours, linewidth=1.0, height=0.7)
    names = [f"{regulator} ({kind})" for kind, regulator in zip(shown["kind"], shown["regulator"], strict=True)]
    axes.set_yticks(place, names, fontsize=9)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(-0.6, len(shown) - 0.4)
    axes.set_xlabel("strength (SDs of refits on exchanged sites)", fontsize=10)
    axes.spines[["top", "right", "left"]].set_visible(False)
    handles = [
        Patch(facecolor=VERMILION, edgecolor=VERMILION, label="sites go with up-regulation"),
        Patch(facecolor=BLUE, edgecolor=BLUE, label="sites go with down-regulation"),
        Patch(facecolor=GREY, edgecolor=GREY, label="with changes of either sign"),
        Patch(facecolor="white", edgecolor=GREY, label=f"FDR {FDR_LIMIT:.0%} or more"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2, fontsize=8, frameon=False)
    if title:
        axes.set_title(title, fontsize=10, loc="left")
    return figure


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
    figure = Figure(figsize=(3.1 * n_columns, 2.1 * n_rows + 0.7), layout="constrained")
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
    for row in result.contrasts.to_dict("records"):
        drivers = result.drivers[result.drivers["contrast"] == row["contrast"]].nsmallest(n, "rank")
        lines.append(
            f"{row['contrast']}: {row['n_significant']} of {row['n_regulators']} regulators with FDR < "
            f"{FDR_LIMIT:.0%}; {row['n_genes']:,} genes; {row['r2']:.1%} of the held-out variance explained"
        )
        if row.get("prior_auroc") is not None and np.isfinite(row["prior_auroc"]):
            generic = ": generic responders" if row["is_generic"] else ""
            lines.append(f"  AUROC of the DE prior for the genes that change most {row['prior_auroc']:.2f}{generic}")
        for driver in drivers.to_dict("records"):
            response = f", response z {driver['response_z']:6.2f}" if np.isfinite(driver["response_z"]) else ""
            lines.append(
                f"  {driver['rank']:3d} {driver['kind']:6}{driver['regulator']:16} strength {driver['strength']:6.2f}  "
                f"FDR {driver['fdr']:.2g}  z {driver['z']:6.2f}{response}  {driver['leading_targets']}"
            )
    return "\n".join(lines)
