"""Figures of knockouts and of disrupted binding sites."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure

from decode.core.checks import check_known
from decode.core.files import make_output_folder
from decode.core.naming import file_names
from decode.report.files import BOTH, save_figure
from decode.report.style import BLACK, BLUE, GREEN, GREY, LIGHT_GREY, ORANGE, new_figure

if TYPE_CHECKING:
    import xarray as xr

    from decode.insilico.disruption import Disruption

KIND_COLOUR = {"TF": BLUE, "RBP": ORANGE, "miRNA": GREEN}
N_REGULATORS = 10


def knockout_heatmap(found: xr.Dataset, gene: str, *, n_regulators: int = 30) -> Figure:
    """Knockouts of one gene: regulators x tasks.

    Parameters
    ----------
    found : xr.Dataset
        From `knock_out` or `read_knockout`.
    gene : str
        Its gene_id.
    n_regulators : int
        The most that are shown, by their largest effect on any task but the median level, strongest first; the title
        says of how many.

    Returns
    -------
    Figure

    Raises
    ------
    KeyError
        If the gene is not there.
    ValueError
        If no regulator has a site in it.
    """
    ids = found["gene_id"].to_numpy().tolist()
    check_known("gene(s)", [gene], ids, "the knockouts")
    one = found.isel(gene_id=ids.index(gene)).load()
    bound = np.flatnonzero(one["is_bound"].to_numpy() == 1)
    if not len(bound):
        raise ValueError(f"no regulator has a site in gene {gene}; there is no knockout to draw")
    effect = one["effect"].to_numpy()[bound]
    is_main = one["task_kind"].to_numpy() != "median_level"
    size = np.abs(effect[:, is_main] if is_main.any() else effect).max(axis=1)
    shown = np.argsort(-size, kind="stable")[:n_regulators]
    names, tasks = one["regulator"].to_numpy()[bound[shown]], one["task"].to_numpy()
    figure = new_figure(figsize=(2.6 + 0.19 * len(tasks), 2.2 + 0.19 * len(shown)), layout="constrained")
    axes = figure.subplots()
    limit = float(np.abs(effect[shown]).max()) or 1.0
    norm = TwoSlopeNorm(0, -limit, limit)
    axes.imshow(effect[shown], cmap="RdBu_r", norm=norm, aspect="auto", interpolation="nearest")
    axes.set_xticks(range(len(tasks)), tasks, rotation=90, fontsize=7)
    axes.set_yticks(range(len(shown)), names, fontsize=7)
    axes.tick_params(length=0)
    bar = figure.colorbar(ScalarMappable(norm, "RdBu_r"), ax=axes, fraction=0.03, pad=0.01)
    bar.set_label("change without the sites, log2", fontsize=8)
    bar.ax.tick_params(labelsize=7)
    title = f"{one['gene_name'].item()}: knockout of {len(shown)} of {len(bound)} bound regulators"
    axes.set_title(title, fontsize=9)
    return figure


def write_heatmaps(found: xr.Dataset, folder: str | Path) -> list[Path]:
    """Write the heatmap of every gene with a site as GENE.png and GENE.svg; the folder is created if needed."""
    folder = make_output_folder(folder)
    files = []
    genes = found["gene_id"].to_numpy().tolist()
    for gene, name, n_regulators in zip(genes, file_names(genes), found["n_regulators"].to_numpy(), strict=True):
        if n_regulators:
            figure = knockout_heatmap(found, gene)
            for suffix in BOTH:
                files.append(folder / f"{name}{suffix}")
                save_figure(figure, files[-1])
    return files


def disruption_tracks(found: Disruption, *, task: str | None = None, n_regulators: int = N_REGULATORS) -> Figure:
    """Effect of every removed window along each gene, with the sites of its strongest regulators below.

    Parameters
    ----------
    found : Disruption
    task : str, optional
        Default the one with the largest effect of a window.
    n_regulators : int
        Regulators of each gene whose sites are drawn: those whose knockout changes the task most.

    Returns
    -------
    Figure
        One row of panels a gene, one column a region; all bars share one scale.

    Raises
    ------
    KeyError
        If the task is not there.
    """
    windows = found.windows
    tasks = list(dict.fromkeys(windows["task"]))
    if task is None:
        task = str(windows["task"].iloc[int(windows["effect"].abs().to_numpy().argmax())])
    check_known("task(s)", [task], tasks, "the model")
    windows = windows[windows["task"] == task]
    genes, regions = list(dict.fromkeys(windows["gene_id"])), list(dict.fromkeys(windows["region"]))
    figure = new_figure(figsize=(1.5 + 4.2 * len(regions), 3.6 * len(genes) + 0.7), layout="constrained")
    ratios = [1.4, max(1.0, 0.16 * n_regulators)] * len(genes)
    grid = figure.subplots(2 * len(genes), len(regions), squeeze=False, height_ratios=ratios)
    limit = float(windows["effect"].abs().max()) or 1.0
    norm = TwoSlopeNorm(0, -limit, limit)
    for number, gene in enumerate(genes):
        own = windows[windows["gene_id"] == gene]
        top = _top(found.regulators, gene, task, n_regulators)
        for column, region in enumerate(regions):
            upper, lower = grid[2 * number, column], grid[2 * number + 1, column]
            here = own[own["region"] == region]
            _draw_effects(upper, here, norm, limit)
            sites = found.sites[(found.sites["gene_id"] == gene) & (found.sites["region"] == region)]
            _draw_sites(lower, sites, top["regulator"].tolist(), labels=column == 0)
            lower.set_xlim(upper.get_xlim())
            is_tss = len(here) > 0 and int(here["from_bp"].min()) < 0
            origin = "TSS" if is_tss else "5' end"
            lower.set_xlabel(f"{region}, bp from the {origin}", fontsize=8)
            blind = bool(len(here)) and bool(here["position_blind"].all())
            note = "\nthe network does not see places within this region" if blind else ""
            upper.set_title(f"{own['gene_name'].iloc[0]}, {region}{note}", fontsize=8)
    bar = figure.colorbar(ScalarMappable(norm, "RdBu_r"), ax=grid[:, -1], fraction=0.04, pad=0.02)
    bar.set_label("change without the window's sites, log2", fontsize=8)
    bar.ax.tick_params(labelsize=7)
    figure.suptitle(f"{task}: effect of removed sites, and the sites of the strongest regulators", fontsize=9)
    return figure


def _top(regulators: pd.DataFrame, gene: str, task: str, n: int) -> pd.DataFrame:
    own = regulators[(regulators["gene_id"] == gene) & (regulators["task"] == task)]
    return own.loc[own["effect"].abs().sort_values(ascending=False, kind="stable").index[:n]]


def _draw_effects(axes: Axes, windows: pd.DataFrame, norm: TwoSlopeNorm, limit: float) -> None:
    near, far = (windows[name].to_numpy(dtype=np.float64) for name in ("from_bp", "to_bp"))
    effect, sd = windows["effect"].to_numpy(), windows["sd_members"].to_numpy()
    colours = ScalarMappable(norm, "RdBu_r").to_rgba(effect)
    axes.bar(near, effect, width=far - near, align="edge", color=colours, edgecolor=GREY, linewidth=0.3)
    if np.isfinite(sd).any():
        axes.errorbar((near + far) / 2, effect, yerr=sd, fmt="none", ecolor=GREY, elinewidth=0.6)
    axes.axhline(0, color=BLACK, linewidth=0.6)
    axes.set_ylim(-1.15 * limit, 1.15 * limit)
    axes.set_ylabel("log2", fontsize=8)
    axes.tick_params(labelsize=7)
    if len(near):
        axes.set_xlim(near.min(), far.max())
    if len(near) and near.min() < 0 < far.max():
        axes.axvline(0, color=GREY, linewidth=0.8, linestyle=":")


def _draw_sites(axes: Axes, sites: pd.DataFrame, names: Sequence[str], *, labels: bool) -> None:
    for row, name in enumerate(names):
        own = sites[sites["regulator"] == name]
        spans = list(zip(own["from_bp"], own["to_bp"] - own["from_bp"], strict=True))
        axes.broken_barh(spans, (row - 0.35, 0.7), color=KIND_COLOUR.get(name.partition(":")[0], BLACK))
        axes.axhline(row, color=LIGHT_GREY, linewidth=0.5, zorder=0)
    axes.set_yticks(range(len(names)), names if labels else [""] * len(names), fontsize=7)
    axes.set_ylim(max(len(names), 1) - 0.5, -0.5)
    axes.tick_params(labelsize=7)
