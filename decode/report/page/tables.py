"""Tables for a page: what tables.js draws, from a frame."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

ROWS = 25_000  # of a table within a page, so that all genes of a genome fit; the rest is in its file
CELLS = 400_000  # of a table within a page
DIGITS = 6  # significant, of a number within a page; its file has all


def table_spec(
    table: pd.DataFrame,
    *,
    name: str,
    caption: str,
    first: Sequence[str] = (),
    hidden: Collection[str] = (),
    labels: Mapping[str, str] | None = None,
    help_texts: Mapping[str, str] | None = None,
    file: str = "",
    n_rows: int | None = None,
    rows: int | None = None,
) -> dict[str, Any]:
    """A frame as `decodePage.table` takes it.

    Parameters
    ----------
    table : pd.DataFrame
        The index is left out.
    name : str
        Of the file that a reader saves, without suffix.
    caption : str
        What the rows are.
    first : sequence of str, optional
        Columns that stand first; those that the table lacks are passed over.
    hidden : collection of str, optional
        Columns that show on demand.
    labels, help_texts : mapping of column to str, optional
        Its heading, and what it means.
    file : str, optional
        Where the whole table is.
    n_rows : int, optional
        Rows of the whole table, where `table` is a part of it.
    rows : int, optional
        The first rows are taken; default 25,000, or fewer where the table is wide.

    Examples
    --------
    >>> table_spec(pd.DataFrame({"gene": ["A"], "p": [np.nan]}), name="t", caption="Genes")["rows"]
    [['A', None]]
    """
    labels, help_texts = labels or {}, help_texts or {}
    order = [column for column in first if column in table.columns]
    order += [column for column in table.columns if column not in order]
    part = table[order].head(min(ROWS, max(1000, CELLS // max(len(order), 1))) if rows is None else rows)
    columns = [
        {
            "name": str(column),
            "label": labels.get(str(column), ""),
            "help": help_texts.get(str(column), ""),
            "hidden": column in hidden,
        }
        for column in order
    ]
    values = [plain_values(part.iloc[:, at]) for at in range(part.shape[1])]
    return {
        "name": name,
        "caption": caption,
        "columns": columns,
        "rows": [list(row) for row in zip(*values, strict=True)],
        "total": len(table) if n_rows is None else n_rows,
        "file": file,
    }


def plain_values(column: pd.Series, *, digits: int | None = DIGITS) -> list[Any]:
    """Values of a column for JSON: numbers of `digits` significant digits, booleans, text, None where undefined.

    Parameters
    ----------
    column : pd.Series
    digits : int or None, default 6
        None: numbers as they are.

    Examples
    --------
    >>> plain_values(pd.Series([1.0, 0.123456789, np.inf]))
    [1, 0.123457, None]
    """
    if pd.api.types.is_bool_dtype(column):
        return [None if value is pd.NA or value is None else bool(value) for value in column]
    if pd.api.types.is_integer_dtype(column):
        return [None if value is pd.NA else int(value) for value in column]
    if pd.api.types.is_float_dtype(column):
        return [rounded(value, digits) for value in column.to_numpy(dtype=float, na_value=np.nan)]
    return [None if value is None or value is pd.NA or value != value else _plain(value, digits) for value in column]


def rounded(value: float, digits: int | None = DIGITS) -> float | int | None:
    """A number of so many significant digits, whole where it is whole; None where it is undefined."""
    if not np.isfinite(value):
        return None
    short = float(value if digits is None else f"{value:.{digits}g}")
    return int(short) if short == int(short) and abs(short) < 2**53 else short


def _plain(value: Any, digits: int | None) -> Any:
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | float | np.number):
        return rounded(float(value), digits)
    return str(value)
