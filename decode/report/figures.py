"""Figures of an evaluation: specificity heatmap, accuracy per task, predicted against actual, training history.

Every function draws on a `Figure` of its own and returns it, without pyplot and without touching global settings, and
never changes its arguments; `decode.report.files` writes figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FormatStrFormatter, LogLocator, MaxNLocator
from numpy.typing import ArrayLike
from scipy.cluster.hierarchy import leaves_list, linkage, optimal_leaf_ordering
from scipy.spatial.distance import squareform

from decode.core.checks import check_columns, check_unique, listed
from decode.expression.targets import MEDIAN_LEVEL
from decode.expression.task_kinds import KIND_LABELS, main_kind
from decode.report.style import BLACK, BLUE, GREY, LIGHT_GREY, SERIES, SKY, VERMILION, new_figure
from decode.statistics.metrics import cross_spearman, spearman_per_task

SCATTER_LIMIT = 400  # more points than this are binned: single points would hide each other


def specificity_heatmap(correlation: pd.DataFrame, *, title: str = "", what: str = "fold change") -> Figure:
    """Draw how well each predicted column agrees with each actual one; a specific model has a dark diagonal.

    Parameters
    ----------
    correlation : pd.DataFrame, shape (n_tasks, n_tasks)
        Correlation of predicted (rows) with actual (columns) values over genes, as `metrics.cross_spearman` gives;
        row and column labels are the same tasks in the same order. NaN is drawn grey.
    title : str, optional
        Line above the figure.
    what : str, default "fold change"
        What the tasks are, for the axes.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If the table is not square, its labels differ or repeat, or it is empty.

    Notes
    -----
    A black dot marks a diagonal cell that is the highest of its row (the predicted tissue agrees best with its own
    actual column). In the other rows a white one marks the highest cell. The counts stand above the figure.
    """
    tasks = [str(task) for task in correlation.index]
    if not tasks or tasks != [str(task) for task in correlation.columns]:
        raise ValueError(
            f"correlation has rows {listed(tasks)} and columns {listed(correlation.columns)}; "
            "the same tasks in the same order are wanted"
        )
    check_unique("tasks of the correlation", tasks)
    values = correlation.to_numpy(dtype=np.float64)
    n_tasks = len(tasks)
    cell = float(np.clip(7.0 / n_tasks, 0.155, 0.6))  # inches
    label_size = float(np.clip(cell * 42, 6.5, 10))
    side = cell * n_tasks
    figure = new_figure(figsize=(side + 3, side + 3))  # what stays empty is cut off when it is saved
    axes = figure.add_axes((1.5 / (side + 3), 1.5 / (side + 3), side / (side + 3), side / (side + 3)))
    limit = max(float(np.nanmax(np.abs(values))) if np.isfinite(values).any() else 0.0, 0.05)
    axes.set_facecolor(LIGHT_GREY)
    image = axes.imshow(values, cmap="RdBu_r", norm=TwoSlopeNorm(0, -limit, limit), aspect="equal")
    bar = figure.colorbar(
        image, cax=axes.inset_axes((1 + 0.2 / side, 1 - min(1, 3 / side), 0.16 / side, min(1, 3 / side)))
    )
    bar.set_label("Spearman correlation over genes", fontsize=9)
    bar.ax.tick_params(labelsize=8)
    axes.set_xticks(range(n_tasks), tasks, rotation=90, fontsize=label_size)
    axes.set_yticks(range(n_tasks), tasks, fontsize=label_size)
    axes.tick_params(length=2)
    axes.set_xlabel(f"actual {what}", fontsize=10)
    axes.set_ylabel(f"predicted {what}", fontsize=10)
    n_own, n_other = _mark_highest(axes, values, marker_size=cell * 17)
    heading = f"\u25cf own column highest: {n_own} of {n_tasks} tasks\n\u25cb another column highest: {n_other}"
    axes.set_title(f"{title}\n{heading}" if title else heading, fontsize=9, loc="left")
    return figure


def clustered_order(values: pd.DataFrame) -> list[str]:
    """Order of tasks in which those that are alike stand beside each other, such as the regions of the brain.

    Parameters
    ----------
    values : pd.DataFrame, shape (n_genes, n_tasks)
        Measured values. Tasks whose correlation is undefined come last.

    Returns
    -------
    list of str
        The columns in the order of the leaves of average linkage by 1 - Spearman's correlation, neighbours as alike as
        the tree allows (Bar-Joseph et al. 2001, Bioinformatics 17:S22).

    Examples
    --------
    >>> values = pd.DataFrame({"brain_1": [1.0, 2, 3, 4], "liver": [4.0, 1, 3, 2], "brain_2": [1.0, 2, 4, 3]})
    >>> clustered_order(values)
    ['liver', 'brain_2', 'brain_1']
    """
    names = [str(column) for column in values.columns]
    similarity = cross_spearman(values.to_numpy(dtype=np.float64), values.to_numpy(dtype=np.float64))
    defined = np.isfinite(np.diag(similarity))
    kept = np.flatnonzero(defined)
    if len(kept) < 3:
        return names
    distance = 1 - np.nan_to_num(similarity[np.ix_(kept, kept)])
    distance = (distance + distance.T) / 2
    np.fill_diagonal(distance, 0.0)
    condensed = squareform(np.maximum(distance, 0.0), checks=False)
    leaves = leaves_list(optimal_leaf_ordering(linkage(condensed, "average"), condensed))
    return [names[kept[leaf]] for leaf in leaves] + [names[number] for number in np.flatnonzero(~defined)]


def _mark_highest(axes: Axes, values: np.ndarray, marker_size: float) -> tuple[int, int]:
    """Mark the highest cell of each row; returns how many lie on the diagonal and how many elsewhere."""
    rows = np.flatnonzero(np.isfinite(values).any(axis=1))
    highest = np.nanargmax(values[rows], axis=1)
    own = highest == rows
    for row, column, is_own in zip(rows, highest, own, strict=True):
        face, edge = (BLACK, "white") if is_own else ("white", BLACK)  # an edge, to be seen on dark and pale cells
        axes.plot(column, row, "o", markersize=marker_size, markerfacecolor=face, markeredgecolor=edge,
                  markeredgewidth=min(1.2, 0.2 * marker_size))  # fmt: skip
    return int(own.sum()), int((~own).sum())


def per_task_accuracy(table: pd.DataFrame, *, title: str = "", what: str = "genes") -> Figure:
    """Draw the accuracy of the model and of every baseline, one row of dots a task, the best predicted task on top.

    Parameters
    ----------
    table : pd.DataFrame
        Columns task, task_kind and model, then one column a baseline (such as mean, length_only, ridge_totals):
        Spearman correlation over held-out genes; NaN (undefined) is not drawn, and a baseline of
        nothing else (the mean) not named. The median level stands apart, on top.
    title : str, optional
        Line above the figure.
    what : str, default "genes"
        What the correlations are over.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If a column is missing, a task repeats, or there is no task.
    """
    check_columns("table of accuracies", table, ["task", "task_kind", "model"])
    check_unique("tasks of the table of accuracies", table["task"])
    if table.empty:
        raise ValueError("the table of accuracies has no task; evaluate a model first")
    baselines = [
        column
        for column in table.columns
        if column not in ("task", "task_kind", "model") and np.isfinite(table[column].to_numpy(dtype=np.float64)).any()
    ]
    is_level = (table["task_kind"] == MEDIAN_LEVEL).to_numpy()
    ordered = pd.concat(
        [table[is_level], table[~is_level].sort_values("model", ascending=False, na_position="last", kind="stable")]
    )
    n_tasks = len(ordered)
    row = float(np.clip(8.0 / n_tasks, 0.16, 0.3))  # inches
    tasks = ordered["task"].astype(str).tolist()
    kind = main_kind(ordered["task_kind"].to_numpy())
    is_main = (ordered["task_kind"] == kind).to_numpy()
    figure = new_figure(figsize=(6.2, row * n_tasks + 1.5), layout="constrained")
    axes = figure.add_subplot()
    y = np.arange(n_tasks) + 0.6 * (np.arange(n_tasks) >= is_level.sum()) * is_level.any()
    axes.hlines(y, 0, 1, transform=axes.get_yaxis_transform(), color=LIGHT_GREY, linewidth=0.6, zorder=0)
    axes.axvline(0, color=GREY, linewidth=0.8, zorder=1)
    labels = {name: name.replace("_", " ") for name in baselines}
    # baselines lie on top of the larger dot of the model, so that none is hidden where they agree
    edge: dict[str, Any] = {"markeredgecolor": "white", "markeredgewidth": 0.5}
    for number, name in enumerate(baselines):
        colour, marker = SERIES[number % len(SERIES)]
        values = ordered[name].to_numpy(dtype=np.float64)
        label = f"{labels[name]} ({_mean_text(values, is_main)})"
        axes.plot(values, y, marker, color=colour, markersize=5.5, label=label, zorder=3, **edge)
    values = ordered["model"].to_numpy(dtype=np.float64)
    label = f"model ({_mean_text(values, is_main)})"
    axes.plot(values, y, "o", color=BLUE, markersize=8 if n_tasks <= 20 else 7, label=label, zorder=2, **edge)
    axes.set_yticks(y, tasks, fontsize=7.5 if n_tasks > 20 else 9)
    axes.set_ylim(y[-1] + 0.7, -0.7)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(f"Spearman correlation over held-out {what}", fontsize=10)
    axes.spines[["top", "right", "left"]].set_visible(False)
    figure.legend(
        *_model_first(axes),
        loc="outside upper center",
        ncols=min(3, 1 + len(baselines)),
        fontsize=8,
        frameon=False,
        title=f"mean over {KIND_LABELS[kind]} tasks in brackets",
        title_fontsize=8,
    )
    if title:
        axes.set_title(title, fontsize=10, loc="left")
    return figure


def _model_first(axes: Axes) -> tuple[list[Any], list[str]]:
    handles, labels = axes.get_legend_handles_labels()
    return [handles[-1], *handles[:-1]], [labels[-1], *labels[:-1]]


def _mean_text(values: np.ndarray, is_main: np.ndarray) -> str:
    defined = values[is_main & np.isfinite(values)]
    return f"{defined.mean():.3f}" if len(defined) else "undefined"


def predicted_against_actual(
    actual: ArrayLike,
    predicted: ArrayLike,
    *,
    title: str = "",
    unit: str = "log2 fold change",
    what: str = "genes",
) -> Figure:
    """Draw predicted against actual values of one task over genes, with the identity line and the correlation.

    Parameters
    ----------
    actual, predicted : array_like, shape (n_genes,)
        Values in log2 units. Genes with NaN on either side are left out and not counted.
    title : str, optional
        Line above the figure, such as the name of the tissue.
    unit : str, default "log2 fold change"
        Unit of both axes; for the median level, say "median log2 TPM".
    what : str, default "genes"
        What the points are.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If the shapes differ or no gene is complete.
    """
    x, y = np.asarray(actual, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    if x.ndim != 1 or x.shape != y.shape:
        raise ValueError(f"actual has shape {x.shape} and predicted {y.shape}; two equal (n_genes,) arrays are wanted")
    complete = np.isfinite(x) & np.isfinite(y)
    if not complete.any():
        raise ValueError("no gene has both an actual and a predicted value; nothing to draw")
    x, y = x[complete], y[complete]
    figure = new_figure(figsize=(4.8, 4.4), layout="constrained")
    axes = figure.add_subplot()
    if len(x) > SCATTER_LIMIT:
        cells = axes.hexbin(x, y, gridsize=45, mincnt=1, cmap="viridis", linewidths=0.1)
        cells.set_norm(LogNorm(1, max(2, int(np.max(cells.get_array())))))  # type: ignore[arg-type]
        ticks, labels = LogLocator(subs=(1, 2, 5)), FormatStrFormatter("%d")
        bar = figure.colorbar(cells, ax=axes, shrink=0.7, ticks=ticks, format=labels)
        bar.ax.minorticks_off()
        bar.set_label(f"{what} per cell", fontsize=9)
        bar.ax.tick_params(labelsize=8)
    else:
        axes.plot(x, y, "o", color=BLUE, alpha=0.5, markersize=4, markeredgewidth=0)
    low, high = max(x.min(), y.min()), min(x.max(), y.max())
    if low < high:
        axes.plot([low, high], [low, high], "--", color=BLACK, linewidth=1, label="predicted = actual")
        axes.legend(loc="lower right", fontsize=8, frameon=False)
    spearman = spearman_per_task(x[:, None], y[:, None])[0]
    text = f"Spearman {spearman:.3f}" if np.isfinite(spearman) else "Spearman undefined"
    axes.text(0.03, 0.97, f"{text}\n{len(x):,} {what}", transform=axes.transAxes, va="top", fontsize=9)
    axes.set_ylim(top=y.max() + 0.18 * (np.ptp(y) or 1.0))  # room for the text
    axes.set_xlabel(f"actual {unit}", fontsize=10)
    axes.set_ylabel(f"predicted {unit}", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    if title:
        axes.set_title(title, fontsize=10, loc="left")
    return figure


def training_history(histories: Sequence[pd.DataFrame], *, title: str = "") -> Figure:
    """Draw training and validation loss per epoch of every member, with the epoch of the lowest validation loss.

    Parameters
    ----------
    histories : sequence of pd.DataFrame
        One table a member: columns epoch (the first is 0), train_loss and validation_loss.
    title : str, optional
        Line above the figure.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there is no history, one lacks a column or is empty.
    """
    if not histories:
        raise ValueError("there is no training history to draw; train at least one member")
    for number, history in enumerate(histories, start=1):
        check_columns(f"training history of member {number}", history, ["epoch", "train_loss", "validation_loss"])
        if history.empty:
            raise ValueError(f"the training history of member {number} has no epoch; train at least one")
    figure = new_figure(figsize=(6.2, 4.0), layout="constrained")
    axes = figure.add_subplot()
    for history in histories:
        epoch = history["epoch"].to_numpy(dtype=np.float64) + 1
        validation = history["validation_loss"].to_numpy(dtype=np.float64)
        axes.plot(epoch, history["train_loss"], "-", color=SKY, linewidth=1, alpha=0.8)
        axes.plot(epoch, validation, "-", color=VERMILION, linewidth=1.2, alpha=0.8)
        if np.isfinite(validation).any():
            best = int(np.nanargmin(validation))
            axes.plot(epoch[best], validation[best], "o", color=BLACK, markersize=5, zorder=3)
    members = f"{len(histories)} member{'s' if len(histories) > 1 else ''}"
    axes.legend(
        handles=[
            Line2D([], [], color=SKY, label="training genes"),
            Line2D([], [], color=VERMILION, label="validation genes"),
            Line2D([], [], color=BLACK, marker="o", linestyle="", label="lowest validation loss"),
        ],
        title=members,
        fontsize=8,
        title_fontsize=8,
        frameon=False,
    )
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("epoch", fontsize=10)
    axes.set_ylabel("loss (scaled tasks)", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    if title:
        axes.set_title(title, fontsize=10, loc="left")
    return figure


def recovered_effects(recovered: pd.DataFrame, *, title: str = "") -> Figure:
    """Draw how clearly the predictions contain each planted effect: 1 is fully recovered, 0 is missed.

    Parameters
    ----------
    recovered : pd.DataFrame, shape (n_mechanisms, n_models)
        Partial correlations. Rows: planted mechanisms; columns: models, the one of interest first. NaN is not drawn.
    title : str, optional
        Line above the figure.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If the table is empty.
    """
    if recovered.empty:
        raise ValueError("the table of recovered effects is empty; give one row a mechanism and one column a model")
    y = np.arange(len(recovered))
    figure = new_figure(figsize=(6.2, 0.3 * len(y) + 1.3), layout="constrained")
    axes = figure.add_subplot()
    axes.hlines(y, 0, 1, transform=axes.get_yaxis_transform(), color=LIGHT_GREY, linewidth=0.6, zorder=0)
    axes.axvline(0, color=GREY, linewidth=0.8, zorder=1)
    axes.axvline(1, color=GREY, linewidth=0.8, linestyle="--", zorder=1)
    for number, name in reversed(list(enumerate(recovered.columns))):
        colour, marker = ((BLUE, "o"), *SERIES)[number % (1 + len(SERIES))]
        shift = 0.18 * (number - (recovered.shape[1] - 1) / 2)  # side by side where models agree
        axes.plot(recovered[name], y + shift, marker, color=colour, markersize=5, label=str(name).replace("_", " "))
    axes.set_yticks(y, [str(name) for name in recovered.index], fontsize=9)
    axes.set_ylim(len(y) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("partial correlation of prediction and planted effect", fontsize=10)
    axes.spines[["top", "right", "left"]].set_visible(False)
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles[::-1], labels[::-1], loc="outside upper center", ncols=len(labels), fontsize=8, frameon=False)
    if title:
        axes.set_title(title, fontsize=10, loc="left")
    return figure
