"""Figure: are p-values uniform where no site matters?"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray
from scipy.stats import beta, kstest

from decode.expression.task_kinds import main_tasks
from decode.ranking.rank import overall_score
from decode.report.style import BLACK, BLUE, GREY, LIGHT_GREY, SERIES, new_figure
from decode.statistics.significance import leave_one_out_p_values
from decode.statistics.strata import bound_gene_strata

SMALL = 0.05
MOST_POINTS = 2000  # of a series; the smallest p-values are all drawn


def null_calibration(null: xr.Dataset) -> dict[str, NDArray[np.float64]]:
    """p-values of every refit of a null against the other refits: uniform where the test is calibrated.

    Parameters
    ----------
    null : xr.Dataset
        From `fit_null` or `read_null`; at least 4 refits.

    Returns
    -------
    dict of str to float64 array
        "by task" (all tasks together) and "overall" (where not all is median level), flat.
    """
    mean = null["mean"].to_numpy()
    strata = bound_gene_strata(null["regulator_kind"].to_numpy(), null["regulator_n_bound_genes"].to_numpy())
    found = {"by task": leave_one_out_p_values(mean, strata, two_sided=True).ravel()}
    is_main = main_tasks(null["task_kind"].to_numpy().astype(str))
    if is_main.any():
        found["overall"] = leave_one_out_p_values(overall_score(mean, is_main), strata, two_sided=False).ravel()
    return found


def p_value_plot(p_values: Mapping[str, ArrayLike], *, title: str = "") -> Figure:
    """Draw p-values from where no site matters against the uniform distribution.

    Parameters
    ----------
    p_values : mapping of str to array
        One series a name; NaN is left out. At most seven series.
    title : str, optional
        Line above the figure.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If a series holds no p-value or one outside 0 to 1.

    Notes
    -----
    Left: share of p-values up to each value. Right: the same on a logarithmic scale, for the small ones that decide.
    Points on the diagonal are uniform; above it there are too many small p-values, below it too few. The band holds 95
    % of independent uniform p-values, point by point, for the smallest series; regulators of one data set are not
    independent, so points may leave it together. Points end in a row where p-values cannot be smaller, at
    1 / (1 + number of null scores of a stratum). D is the largest distance to the diagonal on the left (Kolmogorov and
    Smirnov).
    """
    series = {name: _checked(name, values) for name, values in p_values.items()}
    if not series:
        raise ValueError("there are no p-values to draw; give at least one series")
    figure = new_figure(figsize=(9.6, 4.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    sizes = [len(values) for values in series.values()]
    _draw_band(left, right, min(sizes), max(sizes))
    for (name, values), (colour, marker) in zip(series.items(), ((BLUE, "o"), *SERIES), strict=False):
        share = np.arange(1, len(values) + 1) / len(values)
        drawn = _chosen(len(values))
        left.step(values, share, where="post", color=colour, linewidth=1.4, zorder=3)
        expected = -np.log10((np.arange(1, len(values) + 1) - 0.5) / len(values))
        label = f"{name}: {np.mean(values <= SMALL):.3f} below {SMALL}, D = {kstest(values, 'uniform').statistic:.3f}"
        style = {"markersize": 3.5, "linestyle": "", "zorder": 3}
        right.plot(expected[drawn], -np.log10(values[drawn]), marker, color=colour, label=label, **style)
    left.set_xlabel("p-value", fontsize=10)
    left.set_ylabel("share of p-values up to it", fontsize=10)
    left.set_xlim(0, 1)
    left.set_ylim(0, 1)
    right.set_xlabel("expected, -log10 p", fontsize=10)
    right.set_ylabel("observed, -log10 p", fontsize=10)
    right.set_xlim(left=0)
    right.set_ylim(bottom=0)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower center", ncols=min(2, len(series)), fontsize=9, frameon=False)
    if title:
        figure.suptitle(title, fontsize=10, x=0.01, ha="left")
    return figure


def _checked(name: str, values: ArrayLike) -> NDArray[np.float64]:
    """The defined p-values of a series, sorted."""
    found = np.asarray(values, dtype=np.float64).ravel()
    found = np.sort(found[np.isfinite(found)])
    if not len(found) or found[0] <= 0 or found[-1] > 1:
        raise ValueError(f"series {name!r} holds {len(found)} p-values; numbers above 0 and up to 1 are wanted")
    return found


def _chosen(n: int) -> NDArray[np.int64]:
    """All of the smallest p-values, and some of the rest."""
    if n <= MOST_POINTS:
        return np.arange(n)
    return np.unique(np.geomspace(1, n, MOST_POINTS).astype(np.int64)) - 1


def _draw_band(left: Axes, right: Axes, n: int, most: int) -> None:
    order = 1 + _chosen(n)
    low, high = (beta.ppf(edge, order, n - order + 1) for edge in (0.025, 0.975))
    expected = (order - 0.5) / n
    left.fill_betweenx(expected, low, high, color=LIGHT_GREY, linewidth=0, zorder=1)
    right.fill_between(-np.log10(expected), -np.log10(high), -np.log10(low), color=LIGHT_GREY, linewidth=0, zorder=1)
    left.plot([0, 1], [0, 1], "--", color=GREY, linewidth=1, zorder=2)
    limit = -np.log10(0.5 / most)
    right.plot([0, limit], [0, limit], "--", color=BLACK, linewidth=1, zorder=2)
