"""Figures of landmark genes: training curves, the bottleneck beside principal components, trees of samples."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from decode.landmark.embedding import BOTTLENECK, COMPONENTS, sample_tree
from decode.report.style import BLACK, BLUE, GREEN, GREY, LIGHT_GREY, ORANGE, PURPLE, SKY, VERMILION, new_figure

COLOURS = (BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY, BLACK)
OTHERS = "other"


def training_figure(history: pd.DataFrame) -> Figure:
    """Error of training and validation samples by epoch, a line a member.

    Parameters
    ----------
    history : pd.DataFrame
        member, epoch, train_loss, validation_loss.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = new_figure(figsize=(5.2, 3.4), layout="constrained")
    axes = figure.subplots()
    for number, (_, part) in enumerate(history.groupby("member")):
        for column, colour, name in (("train_loss", GREY, "training"), ("validation_loss", BLUE, "validation")):
            axes.plot(part["epoch"] + 1, part[column], color=colour, lw=1.3, label=None if number else name)
    axes.set(xlabel="epoch", ylabel="mean absolute error, scale 0 to 1")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    return figure


def _groups(labels: NDArray[Any]) -> dict[str, str]:
    """A colour for each of the largest groups; the rest is grey."""
    names = pd.Series(labels.astype(str)).value_counts(sort=True)
    shown = [str(name) for name in names.index if name][: len(COLOURS)]
    return dict(zip(shown, COLOURS, strict=False))


def _two_axes(values: NDArray[np.floating]) -> NDArray[np.float64]:
    centred = np.asarray(values, dtype=np.float64) - np.mean(values, axis=0)
    u, s, _ = np.linalg.svd(centred, full_matrices=False)
    plane: NDArray[np.float64] = u[:, :2] * s[:2]
    return plane


def embedding_figure(spaces: dict[str, NDArray[np.float32]], labels: NDArray[Any], table: pd.DataFrame) -> Figure:
    """The bottleneck beside principal components, each on its two leading axes, coloured by label.

    Parameters
    ----------
    spaces : dict of str to array
        As of `decode.landmark.embedding.Embedding`.
    labels : array of str, shape (n_samples,)
    table : pd.DataFrame
        Of `compare_spaces`: its numbers stand above the panels.

    Returns
    -------
    matplotlib.figure.Figure
    """
    colours = _groups(labels)
    figure = new_figure(figsize=(9.2, 4.4), layout="constrained")
    by_space = {str(row["space"]): row for row in table.to_dict("records")}
    for axes, space in zip(figure.subplots(1, 2), (BOTTLENECK, COMPONENTS), strict=True):
        plane = _two_axes(spaces[space])
        rest = ~np.isin(labels.astype(str), list(colours))
        if rest.any():
            axes.scatter(*plane[rest].T, s=16, color=LIGHT_GREY, linewidths=0, label=OTHERS)
        for name, colour in colours.items():
            axes.scatter(*plane[labels.astype(str) == name].T, s=16, color=colour, linewidths=0, label=name, alpha=0.85)
        row = by_space[space]
        axes.set_title(
            f"{space} ({int(row['n_dimensions'])})\nARI {row['ari']:.2f}, silhouette {row['silhouette']:.2f}",
            fontsize=10,
        )
        axes.set(xlabel="first axis", ylabel="second axis", xticks=[], yticks=[])
        axes.spines[["top", "right"]].set_visible(False)
        handles, names = axes.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=min(4, len(names)), frameon=False, fontsize=8)
    return figure


def tree_figure(values: NDArray[np.floating], labels: NDArray[Any], *, title: str = BOTTLENECK) -> Figure:
    """Tree of samples (Ward), with a strip of their labels below.

    Parameters
    ----------
    values : array, shape (n_samples, n_dimensions)
    labels : array of str, shape (n_samples,)
    title : str

    Returns
    -------
    matplotlib.figure.Figure
    """
    from matplotlib.patches import Patch
    from scipy.cluster.hierarchy import dendrogram

    colours = _groups(labels)
    figure = new_figure(figsize=(9.2, 4.2), layout="constrained")
    top, strip = figure.subplots(2, 1, height_ratios=(9, 1))
    drawn = dendrogram(
        sample_tree(values), ax=top, no_labels=True, color_threshold=0, above_threshold_color=GREY,
    )  # fmt: skip
    for line in top.collections:
        line.set_linewidth(0.8)
    top.set_title(f"{title}, Ward's linkage of {len(values)} samples", fontsize=10)
    top.set_ylabel("distance")
    top.spines[["top", "right", "bottom"]].set_visible(False)
    for place, leaf in enumerate(drawn["leaves"]):
        colour = colours.get(str(labels[leaf]), LIGHT_GREY)
        strip.axvspan(place * 10, place * 10 + 10, color=colour, linewidth=0)
    strip.set(xlim=top.get_xlim(), xticks=[], yticks=[])
    strip.spines[:].set_visible(False)
    patches = [Patch(color=colour, label=name) for name, colour in colours.items()]
    if not np.isin(labels.astype(str), list(colours)).all():
        patches.append(Patch(color=LIGHT_GREY, label=OTHERS))
    figure.legend(handles=patches, loc="outside lower center", ncols=4, frameon=False, fontsize=8)
    return figure
