"""Figures for a page: what charts.js draws, from columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from decode.report.page.tables import plain_values, rounded

KIND_LOOKS: dict[str, tuple[int | str, str]] = {
    "TF": (0, "circle"),
    "RBP": (3, "square"),
    "miRNA": (2, "triangle"),
    "other": (6, "diamond"),
}
MARKERS = ("circle", "square", "triangle", "diamond")
LOOKS = [(colour, MARKERS[colour % 4]) for colour in (0, 1, 2, 3, 4, 5, 6)]
MANY = 300  # points of which those without a call stand back
NAMED = 12  # points that bear their name from the start
SMALLEST_P = 1e-300


def series(
    x: pd.Series | Sequence[Any],
    y: pd.Series | Sequence[Any],
    *,
    name: str = "",
    look: tuple[int | str, str] = LOOKS[0],
    low: pd.Series | None = None,
    high: pd.Series | None = None,
    text: Sequence[Any] | None = None,
    more: Mapping[str, pd.Series] | None = None,
    labels: Sequence[int] = (),
    **flags: Any,
) -> dict[str, Any]:
    """Points of one look.

    Parameters
    ----------
    x, y : sequence of numbers
    name : str
        In the key.
    look : (colour, marker)
    low, high : pd.Series, optional
        Ends of an interval.
    text : sequence, optional
        Name of each point.
    more : mapping of label to pd.Series, optional
        Further values for the tooltip.
    labels : sequence of int
        Points that bear their name from the start.
    **flags
        faint, line, bars, width, as charts.js takes them.
    """
    made: dict[str, Any] = {"name": name, "colour": look[0], "marker": look[1], "x": _numbers(x), "y": _numbers(y)}
    if low is not None and high is not None:
        made |= {"low": _numbers(low), "high": _numbers(high)}
    if text is not None:
        made["text"] = [str(one) for one in text]
    if more:
        made["more"] = {label: plain_values(values) for label, values in more.items()}
    if len(labels):
        made["labels"] = [int(one) for one in labels]
    return made | flags


def _numbers(values: pd.Series | Sequence[Any]) -> list[Any]:
    return [rounded(float(value)) for value in pd.to_numeric(pd.Series(values), errors="coerce")]


def volcano(
    table: pd.DataFrame,
    *,
    name: str,
    title: str,
    effect: str,
    fdr: str,
    text: str,
    x_label: str,
    group: str | None = None,
    rank: str | None = None,
    more: Mapping[str, str] | None = None,
    limit: float = 0.05,
) -> dict[str, Any]:
    """Effect against -log10 FDR, the smallest FDRs named; the title says where none passes the limit.

    Parameters
    ----------
    table : pd.DataFrame
    name, title : str
        Of the figure.
    effect, fdr, text : str
        Columns: x, y, and what a point is called.
    x_label : str
    group : str, optional
        Column of kinds, each with its own look; default: significant points against others.
    rank : str, optional
        Column whose smallest values are named; default: fdr.
    more : mapping of label to column, optional
    limit : float
        FDR of the line.
    """
    known = table[table[fdr].notna() & table[effect].notna()].reset_index(drop=True)
    height = pd.Series(-np.log10(np.maximum(known[fdr].to_numpy(dtype=float), SMALLEST_P)))
    named = known.nsmallest(NAMED, rank or fdr).index
    parts: list[tuple[str, pd.Series, tuple[int | str, str], dict[str, Any]]]
    if group is not None:
        of_kind = known[group].astype(str)
        parts = [(kind, of_kind == kind, KIND_LOOKS.get(kind, (6, "diamond")), {}) for kind in dict.fromkeys(of_kind)]
    else:
        is_called = known[fdr] < limit
        parts = [
            ("FDR not below the line", ~is_called, ("grey", "circle"), {"faint": len(known) > MANY}),
            (f"FDR < {limit:.0%}", is_called, (3, "circle"), {}),
        ]
    shown = []
    for label, chosen, look, flags in parts:
        if chosen.any():
            own = known[chosen]
            extra = {"FDR": own[fdr]} | {one: own[column] for one, column in (more or {}).items() if column in own}
            shown.append(
                series(
                    own[effect],
                    height[chosen],
                    name=label,
                    look=look,
                    text=own[text].tolist(),
                    more=extra,
                    labels=[place for place, row in enumerate(own.index) if row in named],
                    **flags,
                )
            )
    nothing = "" if (known[fdr] < limit).any() else " None is significant."
    return {
        "name": name,
        "title": f"{title}{nothing}",
        "x": {"label": x_label},
        "y": {"label": "\u2212log10 FDR", "low": 0},
        "series": shown,
        "lines": [
            {"axis": "y", "at": rounded(-np.log10(limit)), "label": f"FDR {limit:.0%}"},
            {"axis": "x", "at": 0},
        ],
    }


def ranked(
    names: Sequence[Any],
    shown: Sequence[dict[str, Any]],
    *,
    name: str,
    title: str,
    x_label: str,
    zero: bool = True,
    **axis: Any,
) -> dict[str, Any]:
    """Rows by rank, each with its values and their intervals; `shown` are series whose y is the number of the row."""
    return {
        "name": name,
        "title": title,
        "x": {"label": x_label, **axis},
        "y": {"categories": [str(one) for one in names]},
        "series": list(shown),
        "lines": [{"axis": "x", "at": 0}] if zero else [],
    }


def grid(table: pd.DataFrame, *, name: str, title: str, x_label: str, y_label: str, what: str) -> dict[str, Any]:
    """A heat map: one cell for each row and column of numbers, blue below 0 and red above.

    Parameters
    ----------
    table : pd.DataFrame
        Row and column labels are the names; a cell without a number stays empty.
    name, title : str
    x_label, y_label : str
        What columns and rows are.
    what : str
        What the numbers are.
    """
    values = table.to_numpy(dtype=np.float64)
    at_row, at_column = np.nonzero(np.isfinite(values))
    shown = pd.Series(values[at_row, at_column])
    cells = series(
        pd.Series(at_column),
        pd.Series(at_row),
        look=(0, "square"),
        more={what: shown},
        cells=[rounded(value) for value in shown],
        limit=rounded(float(shown.abs().max())) or 1 if len(shown) else 1,
    )
    return {
        "name": name,
        "title": title,
        "x": {"label": x_label, "categories": [str(one) for one in table.columns]},
        "y": {"label": y_label, "categories": [str(one) for one in table.index]},
        "series": [cells],
        "lines": [],
        "height": 156 + 18 * max(3, len(table)),
    }


def scatter(
    shown: Sequence[dict[str, Any]],
    *,
    name: str,
    title: str,
    x_label: str,
    y_label: str,
    diagonal: bool = False,
    **rest: Any,
) -> dict[str, Any]:
    """Points of two numbers."""
    return {
        "name": name,
        "title": title,
        "x": {"label": x_label},
        "y": {"label": y_label},
        "series": list(shown),
        "diagonal": diagonal,
        **rest,
    }


def histogram(
    values: pd.Series,
    *,
    name: str,
    title: str,
    x_label: str,
    y_label: str,
    bins: int = 40,
    ends: tuple[float, float] | None = None,
    lines: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:
    """How often values come, as bars; values beyond `ends` are counted in the outermost bars."""
    finite = values[np.isfinite(values)].to_numpy(dtype=float)
    at = [line["at"] for line in lines if line["axis"] == "x"]
    low, high = ends or (min([*finite, *at], default=0.0), max([*finite, *at], default=1.0))
    high = high if high > low else low + 1.0
    counts, edges = np.histogram(np.clip(finite, low, high), bins=bins, range=(low, high))
    middle = pd.Series((edges[:-1] + edges[1:]) / 2)
    bars = series(
        middle, pd.Series(counts), name=y_label, look=(5, "square"), bars=True, width=rounded(edges[1] - edges[0])
    )
    return {
        "name": name,
        "title": title,
        "x": {"label": x_label, "low": rounded(low), "high": rounded(high)},
        "y": {"label": y_label, "low": 0},
        "series": [bars],
        "lines": list(lines),
        "height": 300,
    }
