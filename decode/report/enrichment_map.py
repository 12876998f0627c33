"""Figure of enriched gene sets: circles joined where they share genes, so that one theme is seen as one."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from decode.core.checks import check_columns
from decode.report.regulator_plots import FDR
from decode.report.style import BLUE, LIGHT_GREY, VERMILION, new_figure
from decode.statistics.enrichment import gene_set_overlaps

Float = NDArray[np.float64]
GAP = 0.12  # between circles, in the unit of the radii
FIRST_WIDTH = 6.0  # of the map, before it is scaled to the panel


def enrichment_map(
    table: pd.DataFrame,
    gene_sets: Mapping[str, Collection[str]],
    *,
    max_fdr: float = FDR,
    n_shown: int = 30,
    title: str = "",
) -> Figure:
    """Draw enriched gene sets as circles, joined where they share many genes, so that one theme is seen as one.

    Parameters
    ----------
    table : pd.DataFrame
        Of `preranked_gsea` or `hypergeometric_enrichment`, smallest p-value first: gene_set, n_genes, fdr, and nes or
        fold.
    gene_sets : mapping of str to collection of str
        The sets cut down to the ranking (`sets_within`).
    max_fdr : float, default 0.05
        Sets above it are not drawn; where none is below, the ten best are, and the heading says so.
    n_shown : int, default 30
        Most sets.
    title : str, optional
        Line above the figure.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If a column is missing or the table is empty.
    """
    strength = "nes" if "nes" in getattr(table, "columns", []) else "fold"
    check_columns("table of gene sets", table, ["gene_set", "n_genes", "fdr", strength])
    if table.empty:
        raise ValueError("the table of gene sets is empty; nothing to draw")
    significant = table[table["fdr"] <= max_fdr]
    shown = significant.head(n_shown) if len(significant) else table.head(10)
    edges = gene_set_overlaps({name: gene_sets[name] for name in shown["gene_set"]})
    groups = _components(list(shown["gene_set"]), edges)
    names = [name for group in groups for name in group]
    radius = dict(zip(shown["gene_set"], 0.16 + 0.035 * np.sqrt(shown["n_genes"].clip(upper=100)), strict=True))
    place, side = _layout(groups, edges, radius)
    rows = shown.set_index("gene_set")
    height = max(3.0, 0.19 * len(names) + 1.2)
    figure = new_figure(figsize=(11.0, max(height, 4.0)), layout="constrained")
    axes, key = figure.subplots(1, 2, width_ratios=[5.6, 5.4])
    for edge in edges.to_dict("records"):
        ends = np.array([place[edge["source"]], place[edge["target"]]])
        axes.plot(*ends.T, "-", color=LIGHT_GREY, linewidth=0.6 + 3.5 * edge["similarity"], zorder=1)
    values = rows.loc[names, strength].to_numpy(dtype=np.float64)
    limit = max(float(np.abs(values).max()), 1e-9)
    norm = TwoSlopeNorm(0, -limit, limit) if strength == "nes" else TwoSlopeNorm(1, 0, max(limit, 1.1))
    image = axes.scatter(*np.array([place[n] for n in names]).T, s=0, c=values, cmap="RdBu_r", norm=norm)
    neutral = 0.0 if strength == "nes" else 1.0
    sizes, fdr = rows.loc[names, "n_genes"].tolist(), rows.loc[names, "fdr"].tolist()
    for number, name in enumerate(names, start=1):
        value = values[number - 1]
        colour = image.to_rgba(np.array([value]))[0]
        x, y = place[name]
        axes.add_patch(Circle((x, y), radius[name], facecolor=colour, edgecolor="#404040", linewidth=0.6, zorder=3))
        ink = "white" if float(np.dot(colour[:3], [0.3, 0.59, 0.11])) < 0.5 else "black"
        axes.text(x, y, str(number), ha="center", va="center", fontsize=7, color=ink, zorder=4)
        text = textwrap.shorten(name, 70, placeholder=" ...")
        line = f"{number}  {text} ({sizes[number - 1]}, FDR {fdr[number - 1]:.2g})"
        key.text(0, -number, line, fontsize=7.5, va="center", color=VERMILION if value >= neutral else BLUE)
    key.set_xlim(0, 1)
    key.set_ylim(-max(len(names), 16) - 0.5, -0.2)
    axes.set_aspect("equal")
    axes.set_xlim(-0.4, max(side[0], FIRST_WIDTH) + 0.4)  # few circles stay small
    axes.set_ylim(-max(side[1], FIRST_WIDTH / 2) - 0.4, 0.4)
    axes.set_anchor("N")
    bar = figure.colorbar(image, ax=axes, orientation="horizontal", fraction=0.03, pad=0.01, shrink=0.5)
    bar.set_label("normalised enrichment score" if strength == "nes" else "found / expected", fontsize=8)
    bar.ax.tick_params(labelsize=7)
    for panel in (axes, key):
        panel.set_axis_off()
    heading = f"{len(significant)} of {len(table)} gene sets with FDR <= {max_fdr:g}"
    heading += f", the first {len(shown)} drawn" if len(significant) != len(shown) else ""
    figure.suptitle(f"{title}\n{heading}" if title else heading, fontsize=9)
    return figure


def _components(names: Sequence[str], edges: pd.DataFrame) -> list[list[str]]:
    """Sets that are joined directly or through others; the largest group first, single sets last."""
    row = {name: position for position, name in enumerate(names)}
    ends = [[row[name] for name in edges[side]] for side in ("source", "target")]
    graph = coo_array((np.ones(len(edges)), (ends[0], ends[1])), shape=(len(names), len(names)))
    labels = connected_components(graph, directed=False)[1]
    groups = [[name for name, own in zip(names, labels, strict=True) if own == label] for label in set(labels.tolist())]
    return sorted(groups, key=lambda group: (-len(group), row[group[0]]))


def _layout(
    groups: Sequence[Sequence[str]], edges: pd.DataFrame, radius: Mapping[str, float]
) -> tuple[dict[str, tuple[float, float]], tuple[float, float]]:
    """Centre of every circle, groups one after another in rows; and the width and height of it all."""
    similarity = {(edge["source"], edge["target"]): edge["similarity"] for edge in edges.to_dict("records")}
    place: dict[str, tuple[float, float]] = {}
    x = y = row_height = width = 0.0
    for group in groups:
        sizes = np.array([radius[name] for name in group])
        points = _scaled(group, similarity, sizes)
        low, high = (points - sizes[:, None]).min(axis=0), (points + sizes[:, None]).max(axis=0)
        extent = high - low
        if x > 0 and x + extent[0] > FIRST_WIDTH:
            x, y, row_height = 0.0, y - row_height - 3 * GAP, 0.0
        for name, point in zip(group, points - [low[0], high[1]] + [x, y], strict=True):
            place[name] = (float(point[0]), float(point[1]))
        x += float(extent[0]) + 3 * GAP
        row_height, width = max(row_height, float(extent[1])), max(width, x)
    return place, (width, row_height - y)


def _scaled(group: Sequence[str], similarity: Mapping[tuple[str, str], float], radius: Float) -> Float:
    """Classical multidimensional scaling of 1 - similarity, then circles pushed apart until none touches."""
    n = len(group)
    if n == 1:
        return np.zeros((1, 2))
    distance = np.ones((n, n))
    for i in range(n):
        for j in range(n):
            pair = similarity.get((group[i], group[j]), similarity.get((group[j], group[i]), 0.0))
            distance[i, j] = 0.0 if i == j else 1 - pair
    centring = np.eye(n) - 1 / n
    values, vectors = np.linalg.eigh(-0.5 * centring @ distance**2 @ centring)
    points = vectors[:, ::-1][:, :2] * np.sqrt(np.maximum(values[::-1][:2], 0.0))
    if points.shape[1] < 2:
        points = np.column_stack([points, np.zeros(n)])
    angle = 2.4 * np.arange(n)  # a golden-angle spiral breaks ties between sets of the same members
    points = points * (0.9 + 0.25 * np.sqrt(n)) + 1e-3 * np.column_stack([np.cos(angle), np.sin(angle)])
    for _ in range(500):
        step = points[:, None, :] - points[None, :, :]
        length = np.sqrt((step**2).sum(axis=2)) + np.eye(n)
        lacking = np.maximum(radius[:, None] + radius[None, :] + GAP - length, 0.0) * (1 - np.eye(n))
        if lacking.max() < 1e-6:
            break
        points = points + 0.5 * (step / length[:, :, None] * lacking[:, :, None]).sum(axis=1)
    return np.asarray(points)
