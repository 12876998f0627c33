"""The figures of a page as files: what charts.js draws from a `spec`, drawn by matplotlib from the same one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter
from numpy.typing import NDArray

from decode.report.style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION, new_figure

PALETTE = (BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY, BLACK)  # in the order of charts.js
MARKERS = {"circle": "o", "square": "s", "triangle": "^", "diamond": "D"}
WIDTH = 7.2  # inches
PIXELS = 96  # an inch of a page
ROW_HEIGHT = 0.21  # inches of a row with a name
LONGEST_NAME = 48  # letters of a row's or column's name
DASHED: dict[str, Any] = {"color": GREY, "linestyle": "--", "linewidth": 0.9, "zorder": 1.5}
Floats = NDArray[np.float64]


def draw_chart(spec: Mapping[str, Any]) -> Figure:
    """Draw a figure of a page, for a file.

    Parameters
    ----------
    spec : mapping
        As `decode.report.page.charts` makes it; charts.js says what its entries mean.

    Returns
    -------
    matplotlib.figure.Figure
        18 cm wide.

    Examples
    --------
    >>> from decode.report.page.charts import scatter, series
    >>> points = series([1, 2], [3, None], name="genes")
    >>> draw_chart(scatter([points], name="f", title="Two genes.", x_label="x", y_label="y")).axes[0].get_xlabel()
    'x'
    """
    figure = new_figure((WIDTH, _height(spec)), layout="constrained")
    axes = figure.add_subplot()
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for number, one in enumerate(spec["series"]):
        _draw_series(axes, spec, one, 2.0 + number)
    _draw_lines(axes, spec)  # before limits are set, so that they are in sight
    _set_axis(axes, "x", spec["x"])
    _set_axis(axes, "y", spec["y"])
    if spec.get("diagonal"):
        _draw_diagonal(axes)
    if len(spec["series"]) > 1:
        figure.legend(loc="outside lower left", ncols=3, frameon=False, fontsize=8)
    axes.set_title("\n".join(wrap(plain_text(spec["title"]), 95)), loc="left", fontsize=9)
    _name_points(figure, axes, spec)
    return figure


def plain_text(text: Any) -> str:
    """A text that matplotlib draws as it stands, without taking dollars for mathematics.

    Examples
    --------
    >>> plain_text("$A$")
    '\\\\$A\\\\$'
    """
    return str(text).replace("$", r"\$")


def _height(spec: Mapping[str, Any]) -> float:
    if spec["y"].get("categories"):
        return 1.3 + ROW_HEIGHT * max(3, len(spec["y"]["categories"]))
    room = 1.4 if spec["x"].get("categories") else 0.4
    return float(spec.get("height", 440)) / PIXELS + room


def _floats(values: Sequence[Any]) -> Floats:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def _draw_series(axes: Axes, spec: Mapping[str, Any], one: Mapping[str, Any], above: float) -> None:
    is_along_x = bool(spec["y"].get("categories"))
    colour = GREY if one["colour"] == "grey" else PALETTE[int(one["colour"]) % len(PALETTE)]
    x, y = _floats(one["x"]), _floats(one["y"])
    low, high = (_floats(one[key]) if key in one else np.full(len(x), np.nan) for key in ("low", "high"))
    middle = x if is_along_x else y
    known = np.isfinite(x) & np.isfinite(y)
    has_interval = known & np.isfinite(low) & np.isfinite(high)
    label = plain_text(one["name"]) or None
    if "cells" in one:
        _draw_cells(axes, spec, one)
        return
    if one.get("line"):
        order = np.flatnonzero(known)
        inside = np.flatnonzero(has_interval)
        axes.fill_between(x[inside], low[inside], high[inside], color=colour, alpha=0.16, linewidth=0, zorder=above)
        axes.plot(
            x[order], y[order], color=colour, marker=MARKERS[one["marker"]], markersize=4, label=label, zorder=above
        )
        return
    if has_interval.any():
        reach = np.abs(np.stack([middle - low, high - middle]))[:, has_interval]
        axes.errorbar(
            x[has_interval],
            y[has_interval],
            xerr=reach if is_along_x else None,
            yerr=None if is_along_x else reach,
            fmt="none",
            ecolor=BLACK if one.get("bars") else colour,
            elinewidth=1,
            zorder=above + 0.3,
        )
    if one.get("bars"):
        draw, places, lengths = (axes.barh, y, x) if is_along_x else (axes.bar, x, y)
        width = 0.7 if is_along_x else 0.92 * one.get("width", 0.75)
        draw(places[known], lengths[known], width, color=colour, alpha=0.75, label=label, zorder=above)
        return
    faint, many = bool(one.get("faint")), int(known.sum()) > 300
    axes.scatter(
        x[known],
        y[known],
        s=4 if faint else 10 if many else 28,
        color=colour,
        marker=MARKERS[one["marker"]],
        alpha=0.45 if faint else 0.9,
        linewidths=0,
        label=label,
        zorder=above,
        rasterized=known.sum() > 2000,
    )


def _draw_cells(axes: Axes, spec: Mapping[str, Any], one: Mapping[str, Any]) -> None:
    values = np.full((len(spec["y"]["categories"]), len(spec["x"]["categories"])), np.nan)
    values[np.array(one["y"], dtype=int), np.array(one["x"], dtype=int)] = one["cells"]
    image = axes.imshow(values, cmap="RdBu_r", vmin=-one["limit"], vmax=one["limit"], aspect="auto", zorder=2)
    bar = axes.figure.colorbar(image, ax=axes, fraction=0.03, pad=0.02)
    bar.set_label(plain_text(next(iter(one["more"]))), fontsize=8)


def _set_axis(axes: Axes, which: str, axis: Mapping[str, Any]) -> None:
    names = axis.get("categories")
    set_limits = axes.set_xlim if which == "x" else axes.set_ylim
    own = axes.xaxis if which == "x" else axes.yaxis
    own.set_label_text(plain_text(axis.get("label") or ""))
    axes.grid(which="major", axis="x" if which == "x" else "y", color="#E4E4E4", linewidth=0.6)
    axes.set_axisbelow(True)
    if names:
        own.set_ticks(range(len(names)), [_short(name) for name in names])
        axes.tick_params(axis="x" if which == "x" else "y", labelsize=8, labelrotation=60 if which == "x" else 0)
        ends = (-0.5, len(names) - 0.5)
        set_limits(*(ends if which == "x" else ends[::-1]))
        return
    if axis.get("log"):
        (axes.set_xscale if which == "x" else axes.set_yscale)("log")
        own.set_major_locator(LogLocator(subs=(1, 2, 5)))
        own.set_major_formatter(StrMethodFormatter("{x:g}"))
        own.set_minor_locator(NullLocator())
    set_limits(axis.get("low"), axis.get("high"))
    if axis.get("reverse"):
        own.set_inverted(True)


def _short(name: Any) -> str:
    text = str(name)
    return plain_text(text if len(text) <= LONGEST_NAME else f"{text[: LONGEST_NAME - 1]}\u2026")


def _draw_lines(axes: Axes, spec: Mapping[str, Any]) -> None:
    for line in spec.get("lines") or ():
        along_x = line["axis"] == "x"
        (axes.axvline if along_x else axes.axhline)(line["at"], **DASHED)
        if line.get("label"):
            axes.annotate(
                plain_text(line["label"]),
                (line["at"], 1.0) if along_x else (1.0, line["at"]),
                xycoords=axes.get_xaxis_transform() if along_x else axes.get_yaxis_transform(),
                xytext=(3, -9) if along_x else (-2, 3),
                textcoords="offset points",
                ha="left" if along_x else "right",
                fontsize=7.5,
                color=GREY,
            )


def _draw_diagonal(axes: Axes) -> None:
    low = max(axes.get_xlim()[0], axes.get_ylim()[0])
    high = min(axes.get_xlim()[1], axes.get_ylim()[1])
    if high > low:
        axes.plot([low, high], [low, high], **DASHED)


def _name_points(figure: Figure, axes: Axes, spec: Mapping[str, Any]) -> None:
    """Names at points; those that would lie over another, or leave the figure, are left out, as on the page."""
    figure.draw_without_rendering()  # settles the layout, which text extents follow
    room = axes.get_window_extent()
    taken: list[Any] = []
    for one in spec["series"]:
        for at in one.get("labels") or ():
            x, y, text = one["x"][at], one["y"][at], str((one.get("text") or {at: ""})[at])
            if x is None or y is None or not text:
                continue
            for offset, side in (((4, 3), "left"), ((-4, 3), "right"), ((4, -8), "left"), ((-4, -8), "right")):
                name = axes.annotate(
                    _short(text), (x, y), xytext=offset, textcoords="offset points", ha=side, fontsize=7, zorder=9
                )
                name.set_in_layout(False)
                box = name.get_window_extent()
                if room.x0 <= box.x0 and box.x1 <= figure.bbox.x1 and not any(box.overlaps(other) for other in taken):
                    taken.append(box)
                    break
                name.remove()
