"""Tables in memory go the way of files: a frame becomes the text that its file would hold, so that all rules apply."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pandas as pd

if TYPE_CHECKING:
    import polars as pl

TableSource: TypeAlias = "str | Path | pd.DataFrame | pl.DataFrame"
IN_MEMORY = "in memory"


def source_name(source: Any) -> str:
    """What a message calls a source: its path, or that it is a table in memory.

    Examples
    --------
    >>> source_name("de.tsv"), source_name(pd.DataFrame())
    ('de.tsv', 'in memory')
    """
    return str(source) if isinstance(source, str | Path) else IN_MEMORY


def is_frame(source: Any) -> bool:
    """Whether something is a pandas or polars DataFrame; polars is not loaded for it."""
    return isinstance(source, pd.DataFrame) or _is_polars(source)


def _is_polars(source: Any) -> bool:
    return type(source).__module__.startswith("polars") and type(source).__name__ == "DataFrame"


def pandas_frame(frame: Any) -> pd.DataFrame:
    """A polars DataFrame as a pandas one; a pandas one as it is."""
    return pd.DataFrame(frame.to_dict(as_series=False)) if _is_polars(frame) else frame


def check_source(source: Any, name: str) -> None:
    """Raise TypeError, with what came, for anything that is neither a path nor a frame: arguments are soon exchanged.

    Examples
    --------
    >>> check_source(3, "targets")
    Traceback (most recent call last):
        ...
    TypeError: targets is a int; a path or a DataFrame (pandas, polars) is wanted
    """
    if isinstance(source, str | Path) or is_frame(source):
        return
    advice = "; did you exchange two arguments?" if type(source).__module__.startswith("decode.") else ""
    lazy = "; collect() it first" if type(source).__name__ == "LazyFrame" else ""
    kind = type(source).__name__
    raise TypeError(f"{name} is a {kind}; a path or a DataFrame (pandas, polars) is wanted{advice}{lazy}")


def frame_text(frame: Any, name: str) -> bytes:
    """Tab-separated text of a frame, numbers at full precision, missing values as empty cells.

    Parameters
    ----------
    frame : pandas.DataFrame or polars.DataFrame
        Not changed. An index that holds ids becomes the first column: every named index, and an index without a name
        unless it holds row numbers (a RangeIndex, or whole numbers beside a column of text).
    name : str
        What it is, for messages.

    Returns
    -------
    bytes
        UTF-8. Tabs and line ends within cells are blanks.

    Raises
    ------
    TypeError
        If rows or columns have several levels.
    ValueError
        If there is no row or no column.

    Examples
    --------
    >>> frame_text(pd.DataFrame({"lfc": [1.5, None]}, index=["MYC", "JUN"]), "demo")
    b'\\tlfc\\nMYC\\t1.5\\nJUN\\t\\n'
    """
    table = pandas_frame(frame)
    if table.columns.nlevels > 1 or table.index.nlevels > 1:
        where = "columns" if table.columns.nlevels > 1 else "rows"
        raise TypeError(f"{name} {IN_MEMORY} has {where} of several levels; one level is wanted (reset_index, or join)")
    is_named = has_ids(table)
    if not len(table) or not (table.shape[1] or is_named):
        raise ValueError(
            f"{name} {IN_MEMORY} has {len(table)} rows and {table.shape[1]} columns; there is no table in it"
        )
    columns = [_one_line(table.iloc[:, number]) for number in range(table.shape[1])]
    header = [" ".join(str(column).split()) for column in table.columns]
    if is_named:
        columns.insert(0, _one_line(table.index.to_series()))
        header.insert(0, "" if table.index.name is None else " ".join(str(table.index.name).split()))
    # by position: names may repeat, which the reader says
    written = pd.concat([column.reset_index(drop=True) for column in columns], axis=1, ignore_index=True)
    text = io.StringIO()
    csv.writer(text, delimiter="\t", lineterminator="\n").writerow(header)
    written.to_csv(text, sep="\t", header=False, index=False, lineterminator="\n")
    return text.getvalue().encode()


def has_ids(table: pd.DataFrame) -> bool:
    """Whether the index names the rows; one that repeats a column of the same name does not."""
    index = table.index
    if index.name is not None and index.name in table.columns:
        own = table.loc[:, [index.name]].iloc[:, 0]
        return not (own.astype(str).to_numpy() == index.astype(str).to_numpy()).all()
    if index.name is not None:
        return True
    if isinstance(index, pd.RangeIndex):
        return False
    has_text = any(not pd.api.types.is_numeric_dtype(dtype) for dtype in table.dtypes)
    return not (pd.api.types.is_integer_dtype(index.dtype) and has_text)


def _one_line(column: pd.Series) -> pd.Series:
    """A column whose texts hold neither tabs nor line ends."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(object)
    if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        return column
    return column.map(lambda cell: " ".join(cell.split()) if isinstance(cell, str) and not cell.isprintable() else cell)
