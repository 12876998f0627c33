"""Delimited text with one id column and numbers: parsed fast, and every cell that is no number is named."""

from __future__ import annotations

import io
import logging
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from decode.core.checks import check_unique, listed, shortened
from decode.core.delimited import MISSING, check_widths, close_quotes, n_rows_in, split_cells
from decode.core.limits import check_memory

logger = logging.getLogger(__name__)

LARGEST = float(np.finfo(np.float32).max)
MANY_CELLS = 10_000_000  # of a table that is asked whether it fits into memory
LOG_TABLE = "`decode expression table --already-log2`, or `decode expression person --already-log2` for samples"
SEEN_BYTES, SEEN_LINES = 1 << 22, 50  # of a file, to tell how its rows are made


class NumericTable(NamedTuple):
    """What a file holds.

    Attributes
    ----------
    ids : list of str
        As written.
    columns : list of str
    numbers : float64 array, shape (n_rows, n_columns)
        NaN where a value is missing.
    id_name : str
        Name of the column of ids.
    n_unnamed : int
        Rows without an id, which are left out.
    """

    ids: list[str]
    columns: list[str]
    numbers: NDArray[np.float64]
    id_name: str = ""
    n_unnamed: int = 0


class TableLayout(NamedTuple):
    """Where things are in a delimited file.

    Attributes
    ----------
    header : list of str
        Names of all columns.
    separator : str
        The character between two cells.
    id_column : int
        Which column holds the row ids (0-based).
    skipped : collection of int
        Columns that hold neither ids nor numbers (descriptions).
    first_line : int
        Line number of the first data row in the file, for messages.
    quote : str or None
        Quote character; None where quotes are ordinary text (GCT).
    """

    header: list[str]
    separator: str
    id_column: int = 0
    skipped: Collection[int] = ()
    first_line: int = 2
    quote: str | None = '"'


def check_is_text(content: bytes, name: str) -> None:
    """Raise ValueError for a workbook or another binary file."""
    if content.startswith(b"PK\x03\x04") or content.startswith(b"\xd0\xcf\x11\xe0"):
        raise ValueError(f"{name} is a spreadsheet or zip archive; export the table as tab-separated text")
    if b"\0" in content[:4096]:
        raise ValueError(f"{name} is a binary file; tab- or comma-separated text, GCT or GCTX is wanted")


def find_separator(line: str, name: str) -> str:
    """The separator of a header line: tab, else comma, else semicolon."""
    for separator in ("\t", ",", ";"):
        if separator in line:
            return separator
    raise ValueError(
        f"{name} has a header of one column ({line[:60]!r}); an id column and at least one column of numbers, "
        "separated by tabs or commas, are wanted"
    )


def split_line(line: str, separator: str, quote: str | None = '"') -> list[str]:
    """Cells of one line, unquoted (where `quote` is none, as they are) and without surrounding blanks."""
    return split_cells(line, separator) if quote else [cell.strip() for cell in line.split(separator)]


def fit_header(header: list[str], body: bytes, separator: str) -> tuple[list[str], bytes]:
    """Header and rows of equal width where every row has one cell more than the header.

    R's `write.table` gives the column of row names no header: one is added, empty. Where the last cell of every row is
    empty and the header has no name for it, the rows end in a separator too many: it is taken away, as is one that only
    the header ends in.

    Parameters
    ----------
    header : list of str
    body : bytes
        Rows, lines ending in LF.
    separator : str

    Returns
    -------
    header : list of str
    body : bytes

    Examples
    --------
    >>> fit_header(["a", "b"], b"x\\t1\\t2\\n", "\\t")[0], fit_header(["id", "a"], b"x\\t1\\t\\n", "\\t")[1]
    (['', 'a', 'b'], b'x\\t1\\n')
    """
    first = [line.decode("utf-8", "replace") for line in body[:SEEN_BYTES].split(b"\n")[:SEEN_LINES]]
    if len(body) > SEEN_BYTES:
        first = first[:-1] or first  # the last may be cut
    widths = {len(split_line(line, separator)) for line in first if line.strip()}
    is_blank = len(header) > 1 and not header[-1]
    if is_blank and widths == {len(header) - 1}:
        return header[:-1], body
    if widths != {len(header) + (not is_blank)}:
        return header, body
    cut = separator.encode()
    lines = body.rstrip(b"\n").split(b"\n")
    if all(line.endswith(cut) or not line.strip() for line in lines):
        logger.info("every row ends in a separator that closes no named column; it is left out")
        return header[:-1] if is_blank else header, b"\n".join(line[: -len(cut)] for line in lines) + b"\n"
    return (header if is_blank else ["", *header]), body


def first_lines(content: bytes, n_lines: int, name: str) -> tuple[list[str], int]:
    """The first lines of a file as text, without line ends, and the byte where the next line starts."""
    lines: list[str] = []
    start = 0
    for _ in range(n_lines):
        if start >= len(content):
            break
        stop = content.find(b"\n", start)
        stop = len(content) if stop < 0 else stop
        try:
            lines.append(content[start:stop].decode("utf-8").rstrip("\r"))
        except UnicodeDecodeError as error:
            raise ValueError(
                f"{name} is not UTF-8 text (line {len(lines) + 1}); convert it (iconv -t utf-8)"
            ) from error
        start = stop + 1
    return lines, start


def cell_sentences(rows: Iterable[str], columns: Iterable[str], texts: Iterable[object]) -> list[str]:
    """One phrase a cell: row, column and what stands there."""
    cells = zip(rows, columns, texts, strict=True)
    return [f"row {shortened(row)}, column {shortened(column)}: {shortened(repr(text))}" for row, column, text in cells]


def check_finite_cells(
    values: NDArray[np.float64], rows: Sequence[str], columns: Sequence[str], name: str, *, negative: bool = True
) -> None:
    """Raise ValueError naming the infinite cells and, unless `negative` numbers are fine, those below zero.

    Parameters
    ----------
    values : np.ndarray, shape (n_rows, n_columns)
        NaN is a missing value and passes.
    rows, columns : sequence of str
        Names of the rows and columns.
    name : str
        What the table is.
    negative : bool
        Whether negative numbers are allowed.
    """
    bad, what = np.zeros(values.shape[:1], dtype=bool), ""
    top = max(np.fmax.reduce(values, axis=None, initial=0), -np.fmin.reduce(values, axis=None, initial=0))
    if np.isinf(top):
        bad, what = np.isinf(values), "infinite values"
    elif top > LARGEST:
        bad, what = np.abs(values) > LARGEST, f"numbers beyond {LARGEST:.1g}, the largest that networks compute with"
    elif not negative:
        with np.errstate(invalid="ignore"):
            bad, what = values < 0, f"negative values, which no TPM or count can have (a log table? then {LOG_TABLE})"
    if bad.any():
        cells = np.argwhere(bad)
        shown = cells[:5]
        sentences = cell_sentences(
            [str(rows[row]) for row, _ in shown],
            [str(columns[column]) for _, column in shown],
            [float(values[row, column]) for row, column in shown],
        )
        rest = f" (+{len(cells) - len(shown)} more)" if len(cells) > len(shown) else ""
        raise ValueError(f"{name} holds {what}: {'; '.join(sentences)}{rest}; correct these cells")


def parse_numeric(content: bytes, layout: TableLayout, name: str, *, is_finite: bool = True) -> NumericTable:
    """Parse the data rows of a delimited text.

    Parameters
    ----------
    content : bytes
        The data rows only (no header), uncompressed.
    layout : TableLayout
        Header, separator, id column and skipped columns.
    name : str
        The file, for messages.
    is_finite : bool
        Whether an infinite number is an error.

    Returns
    -------
    NumericTable
        Rows without an id are left out, counted and named in a warning. `numbers` has shape (n_rows, n_number_columns),
        float64, NaN where a cell is one of `MISSING`.

    Raises
    ------
    ValueError
        If a row has more or fewer cells than the header, a cell holds text where a number belongs or an infinite
        number, no row has an id, a column name is missing or repeated, or no row or no column of numbers is there.
    """
    numeric = [i for i in range(len(layout.header)) if i != layout.id_column and i not in layout.skipped]
    columns = [layout.header[i] for i in numeric]
    if not numeric:
        raise ValueError(f"{name} has no column of numbers; its header is {listed(layout.header)}")
    unnamed = [f"column {i + 1}" for i in numeric if not layout.header[i]]
    if unnamed:
        raise ValueError(f"{name} has columns without a name: {listed(unnamed)}; name or remove them")
    check_unique(f"column names of {name}", columns)
    content = content.rstrip(b"\n")
    n_cells = (content.count(b"\n") + 1) * len(numeric)
    if n_cells > MANY_CELLS:
        check_memory(2 * len(content) + 4 * 8 * n_cells, name)
    if not content.strip():
        raise ValueError(f"{name} has a header but no row; fetch or write it again")
    if layout.quote:
        content = close_quotes(content, layout.separator, len(layout.header), name, first_line=layout.first_line)
    # polars fills short rows with nulls without a word; a count of separators finds them at the speed of memory
    n_separators = (content.count(b"\n") + 1) * (len(layout.header) - 1)
    if content.count(layout.separator.encode()) != n_separators:
        _check_widths(content, layout, name)
    try:
        frame = _read(content, layout, dict.fromkeys(numeric, pl.Float64))
    except pl.exceptions.PolarsError:
        frame = _read_or_explain(content, layout, numeric, name)
    n_rows = n_rows_in(content)
    if len(frame) != n_rows:
        raise ValueError(
            f"{name} has {n_rows} rows and {len(frame)} of them could be read; "
            "look for a double quote that is left open"
        )
    id_series = frame[f"c{layout.id_column}"].str.strip_chars()
    is_named = ~(id_series.is_null() | (id_series == ""))
    n_unnamed = len(frame) - int(is_named.sum())
    if n_unnamed:
        lines = [f"line {layout.first_line + row}" for row in (~is_named).arg_true().to_list()]
        if n_unnamed == len(frame):
            column = layout.header[layout.id_column] or f"column {layout.id_column + 1}"
            raise ValueError(f"{name} has no id in column {column!r}; fill it, or name the column that holds the ids")
        logger.warning("%s: %d rows without an id are left out: %s", name, n_unnamed, listed(lines))
        frame, id_series = frame.filter(is_named), id_series.filter(is_named)
    ids = id_series.to_list()
    # polars may hand out read-only memory; the caller's frame must be its own
    values = np.require(frame.select([f"c{i}" for i in numeric]).to_numpy(), np.float64, "W")
    if is_finite:
        check_finite_cells(values, ids, columns, name)
    return NumericTable(ids, columns, values, layout.header[layout.id_column], n_unnamed)


def _read(content: bytes, layout: TableLayout, types: dict[int, type[pl.DataType]]) -> pl.DataFrame:
    # the schema is given in full: polars renamed headerless columns between versions
    schema = {f"c{i}": types.get(i, pl.String) for i in range(len(layout.header))}
    return pl.read_csv(
        io.BytesIO(content),
        has_header=False,
        separator=layout.separator,
        quote_char=layout.quote,
        schema=schema,
        null_values=list(MISSING),
    )


def _check_widths(content: bytes, layout: TableLayout, name: str) -> None:
    check_widths(
        content, layout.separator, len(layout.header), name, first_line=layout.first_line,
        is_quoted=layout.quote is not None,
    )  # fmt: skip


def _read_or_explain(content: bytes, layout: TableLayout, numeric: list[int], name: str) -> pl.DataFrame:
    """Second look at a table that did not parse: blanks around numbers are fine, text is named."""
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = layout.first_line + content.count(b"\n", 0, error.start)
        raise ValueError(f"{name} is not UTF-8 text (line {line}); convert it (iconv -t utf-8)") from error
    _check_widths(content, layout, name)
    try:
        texts = _read(content, layout, {})
    except pl.exceptions.PolarsError as error:
        raise ValueError(f"{name} cannot be read as a table: {str(error).splitlines()[0]}") from error
    ids = texts[f"c{layout.id_column}"]
    parsed: dict[str, pl.Series] = {}
    sentences: list[str] = []
    n_bad = 0
    for i in numeric:
        text = texts[f"c{i}"].str.strip_chars()
        text = text.set(text.is_in(MISSING).fill_null(True), None)
        number = text.cast(pl.Float64, strict=False)
        bad = (text.is_not_null() & number.is_null()).arg_true()
        n_bad += len(bad)
        shown = bad.head(max(0, 5 - len(sentences))).to_list()
        rows = [f"{ids[row]} (line {layout.first_line + row})" for row in shown]
        sentences += cell_sentences(rows, [layout.header[i]] * len(shown), [text[row] for row in shown])
        parsed[f"c{i}"] = number
    if n_bad:
        rest = f" (+{n_bad - len(sentences)} more)" if n_bad > len(sentences) else ""
        raise ValueError(f"{name} has text where a number belongs: {'; '.join(sentences)}{rest}")
    return texts.with_columns(**parsed)
