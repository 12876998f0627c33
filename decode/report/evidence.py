"""Figure of the lines of evidence: which of them speak for the first regulators, and which do not know them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from decode.core.checks import check_columns, check_count
from decode.report.style import new_figure

N_REGULATORS = 20
LIMIT = 4.0  # SDs at which the colours end
MARK = 2.0  # SDs from which on the number is written


def plot_evidence(
    table: pd.DataFrame, *, n: int = N_REGULATORS, title: str = "", axes: Axes | None = None
) -> tuple[Figure, Axes]:
    """Draw the standardised score of every line for the first regulators of one contrast and kind, side by side.

    Parameters
    ----------
    table : pd.DataFrame
        Rows of one contrast and kind of `EvidenceResult.table`: regulator, rank, combined, z_LINE columns.
    n : int
        Regulators, the best at the top.
    title : str
    axes : Axes, optional
        Where to draw; default a new figure of fitting size.

    Returns
    -------
    figure, axes
        Colour: SDs over the regulators of the kind, numbers from 2 SDs on. Empty, with a dot: the line does not know
        the regulator. The last column is their sum, the combined score, which has no scale of its own.

    Raises
    ------
    ValueError
        If the table holds several contrasts or kinds, or no ranked regulator.
    """
    check_columns("evidence", table, ["contrast", "kind", "regulator", "rank", "combined"])
    check_count("n", n)
    groups = table[["contrast", "kind"]].drop_duplicates()
    shown = table[table["rank"].notna()].nsmallest(n, "rank")
    if len(groups) != 1 or shown.empty:
        raise ValueError(
            f"evidence holds {len(groups)} contrasts and kinds and {len(shown)} ranked regulators; give the rows of "
            "one contrast and kind"
        )
    columns = [name for name in table.columns if name.startswith("z_") and shown[name].notna().any()]
    values = shown[columns].to_numpy(dtype=np.float64)
    if axes is None:
        size = (0.42 * len(columns) + 3.0, 0.24 * len(shown) + 2.1)
        axes = new_figure(figsize=size, layout="constrained").add_subplot()
    image = axes.imshow(
        np.ma.masked_invalid(values), cmap="RdBu_r", norm=Normalize(-LIMIT, LIMIT), aspect="auto", interpolation="none"
    )
    for row, column in zip(*np.nonzero(np.isnan(values)), strict=True):
        axes.plot(column, row, ".", color="0.75", markersize=3)
    for row, column in zip(*np.nonzero(np.abs(np.nan_to_num(values)) >= MARK), strict=True):
        value = values[row, column]
        colour = "white" if abs(value) > 0.6 * LIMIT else "black"
        axes.text(column, row, f"{value:.1f}", ha="center", va="center", fontsize=6.5, color=colour)
    for row, total in enumerate(shown["combined"]):
        axes.text(len(columns), row, f"{total:.1f}", ha="center", va="center", fontsize=8, fontweight="bold")
    labels = [name.removeprefix("z_").replace("_", " ") for name in columns]
    axes.set_xlim(-0.5, len(columns) + 0.5)
    axes.set_xticks(
        range(len(columns) + 1), [*labels, "sum"], rotation=45, ha="left", rotation_mode="anchor", fontsize=8
    )
    axes.xaxis.tick_top()
    axes.set_yticks(range(len(shown)), shown["regulator"].astype(str).tolist(), fontsize=8)
    axes.tick_params(length=0)
    axes.axvline(len(columns) - 0.5, color="black", linewidth=1.0)
    axes.spines[:].set_visible(False)
    figure = axes.get_figure()
    assert isinstance(figure, Figure)
    bar = figure.colorbar(image, ax=axes, orientation="horizontal", shrink=0.6, aspect=30, pad=0.02, extend="both")
    bar.set_label(f"SDs over all regulators of this kind ({groups['kind'].iloc[0]})", fontsize=8)
    bar.ax.tick_params(labelsize=7)
    if title:
        axes.set_title(title, fontsize=10, loc="left")
    return figure, axes
