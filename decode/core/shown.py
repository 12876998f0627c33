"""How objects show themselves: one line in a terminal, one line and a small table in a notebook."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd

Shown = TypeVar("Shown")
LIMIT = 900  # characters of a repr
FEW = 60  # characters of one field
ROWS, COLUMNS = 8, 10  # of a table in a notebook


def outline(value: Any) -> str:
    """What a field holds, in a few words.

    Examples
    --------
    >>> outline(pd.DataFrame({"a": [1]})), outline([1.0] * 500), outline("liver"), outline(np.zeros((2, 3)))
    ('table of 1 x 1', '500 items', "'liver'", 'array of 2 x 3')
    """
    if isinstance(value, pd.DataFrame | pd.Series):
        return "table of " + " x ".join(f"{size:,}" for size in value.shape)
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple) and shape:
        return "array of " + " x ".join(f"{size}" for size in shape)
    if isinstance(value, Mapping):
        return f"{len(value):,} entries"
    if isinstance(value, str | Path):
        value = str(value)
        return repr(value if len(value) <= FEW else f"{value[:FEW]}...")
    if isinstance(value, list | tuple | set | frozenset) and not hasattr(value, "_fields"):
        text = repr(value) if len(value) <= 3 else ""
        return text if 0 < len(text) <= FEW else f"{len(value):,} items"
    if value is None or isinstance(value, bool | int | float | np.generic):
        return str(value)
    text = repr(value)
    return text if len(text) <= FEW else type(value).__name__


def _fields(thing: Any) -> list[str]:
    return list(getattr(thing, "_fields", None) or getattr(thing, "__dataclass_fields__", {}))


def one_line(thing: Any) -> str:
    """Name of an object and what its fields hold."""
    parts = [f"{name}: {outline(getattr(thing, name))}" for name in _fields(thing)]
    return f"{type(thing).__name__}({', '.join(parts)})"


def cut(text: str) -> str:
    """A line, at most 900 characters of it."""
    return text if len(text) <= LIMIT else f"{text[:LIMIT]}...)"


def html_of(line: str, table: pd.DataFrame | None) -> str:
    """A line and the first rows and columns of a table, everything that is text escaped.

    Examples
    --------
    >>> html_of("a < b", None)
    '<p>a &lt; b</p>'
    """
    head = f"<p>{escape(line)}</p>"
    if table is None:
        return head
    part = table.iloc[:ROWS, :COLUMNS]
    body = part.to_html(
        index=not isinstance(part.index, pd.RangeIndex), escape=True, border=0, float_format="{:.4g}".format
    )
    n_more = len(table) - len(part)
    return head + body + (f"<p>{n_more:,} more rows</p>" if n_more > 0 else "")


def tracks_of(tracks: pd.DataFrame) -> pd.DataFrame:
    """How many tracks and regulators of each kind a table of tracks has in each region."""
    groups = tracks.groupby(["region", "kind"], sort=False, as_index=False, observed=True)
    return groups.agg(n_tracks=("regulator", "size"), n_regulators=("regulator", "nunique"))


def _fields_table(thing: Any) -> pd.DataFrame:
    rows = [(name, outline(getattr(thing, name))) for name in _fields(thing)]
    return pd.DataFrame(rows, columns=["field", "holds"]).set_index("field")


def shown(
    line: Callable[[Any], str] | None = None, table: Callable[[Any], pd.DataFrame] | None = None
) -> Callable[[Shown], Shown]:
    """Give a class a short `repr` and a table for notebooks.

    Parameters
    ----------
    line : callable, optional
        The line for an object; default: its fields and what they hold.
    table : callable, optional
        The table for notebooks; default: the fields.

    Examples
    --------
    >>> from typing import NamedTuple
    >>> @shown()
    ... class Result(NamedTuple):
    ...     numbers: list[float]
    >>> Result([0.5] * 1000)
    Result(numbers: 1,000 items)
    """
    make_line, make_table = line or one_line, table or _fields_table

    def own_line(self: Any) -> str:
        return cut(make_line(self))

    def _repr_html_(self: Any) -> str:
        return html_of(own_line(self), make_table(self))

    def decorate(cls: Shown) -> Shown:
        setattr(cls, "__repr__", own_line)  # noqa: B010  a method of any class, which type checkers cannot follow
        setattr(cls, "_repr_html_", _repr_html_)  # noqa: B010
        return cls

    return decorate
