"""Lines of delimited text, and the double quotes in them: a quote that nobody closes never swallows a line."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decode.core.checks import check_unique, listed, shortened
from decode.core.files import read_bytes
from decode.core.frames import TableSource, is_frame, source_name

# Spellings of a missing value. Anything else that is no number raises where numbers are wanted.
MISSING = ("", "NA", "N/A", "#N/A", "NaN", "nan", "null", "NULL", "None")


def split_cells(line: str, separator: str) -> list[str]:
    """Cells of one line, unquoted and without surrounding blanks.

    Where the line holds an odd number of double quotes they are ordinary text, but for those around a whole cell.

    Examples
    --------
    >>> split_cells('"MYC, c-Myc",2', ","), split_cells('POL 5" end\\t"2"', "\\t"), split_cells('"MYC\\t2', "\\t")
    (['MYC, c-Myc', '2'], ['POL 5" end', '2'], ['MYC', '2'])
    """
    if '"' in line and line.count('"') % 2 == 0:
        try:
            return [cell.strip() for cell in next(csv.reader([line], delimiter=separator), [])]
        except csv.Error:  # a cell above 131,072 characters
            return [_bare(cell).replace('""', '"') for cell in _quoted_or_plain(separator).findall(line)]
    return [_bare(cell) for cell in line.split(separator)]


def _quoted_or_plain(separator: str) -> re.Pattern[str]:
    cut = re.escape(separator)
    return re.compile(rf'(?:^|(?<={cut}))(?:"(?:[^"]|"")*"(?={cut}|$)|[^{cut}]*)')


_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")


def whole_number(text: str) -> int | None:
    """A whole number as files write it, or None: no `1_0`, `0x10`, `1e3`, digits of other scripts, or beyond 10^18.

    Examples
    --------
    >>> whole_number("-12"), whole_number("1_0"), whole_number("1e3"), whole_number("9" * 30)
    (-12, None, None, None)
    """
    return int(text) if _WHOLE.fullmatch(text) else None


def _bare(cell: str) -> str:
    """A cell without blanks and without a double quote that opens or closes it alone or as a pair."""
    cell = cell.strip()
    if len(cell) > 1 and cell.startswith('"') and cell.endswith('"'):
        return cell[1:-1].strip()
    if cell.count('"') == 1:
        return cell.removeprefix('"').removesuffix('"').strip()
    return cell


def open_quote_lines(content: bytes) -> NDArray[np.int64]:
    """Numbers (0-based) of the lines with an odd count of double quotes.

    Examples
    --------
    >>> open_quote_lines(b'a\\n"b\\n"c"\\nd"\\n').tolist()
    [1, 3]
    """
    if b'"' not in content:
        return np.empty(0, dtype=np.int64)
    characters = np.frombuffer(content, dtype=np.uint8)
    ends = np.flatnonzero(characters == ord("\n"))
    lines, counts = np.unique(np.searchsorted(ends, np.flatnonzero(characters == ord('"'))), return_counts=True)
    values: NDArray[np.int64] = lines[counts % 2 == 1].astype(np.int64)
    return values


def close_quotes(content: bytes, separator: str, n_columns: int, name: str, *, first_line: int = 1) -> bytes:
    """A text in which every quote that is opened is closed in the same line: stray quotes are taken out.

    Readers of delimited text let a quoted cell run over line ends, so that two stray quotes (5" end) swallow all rows
    between them without a word.

    Parameters
    ----------
    content : bytes
        Rows, lines ending in LF.
    separator : str
    n_columns : int
        Cells of a row.
    name : str
        The file, for messages.
    first_line : int
        Number of the first row in the file, for messages.

    Returns
    -------
    bytes
        `content` itself where nothing is open.

    Raises
    ------
    ValueError
        If a line with an open quote has another number of cells, so that it cannot be told what the quote holds.

    Examples
    --------
    >>> close_quotes(b'A\\t5" end\\t1\\nB\\t"x"\\t2\\n', "\\t", 3, "demo")
    b'A\\t5 end\\t1\\nB\\t"x"\\t2\\n'
    """
    is_open = open_quote_lines(content)
    if not len(is_open):
        return content
    lines = content.split(b"\n")
    cut = separator.encode()
    wrong = [number for number in is_open.tolist() if lines[number].count(cut) != n_columns - 1]
    if wrong:
        shown = [f"line {first_line + number}" for number in wrong]
        raise ValueError(
            f"{name}: a double quote is left open in {listed(shown)}, where it cannot be told which cells it holds; "
            "close or remove it (a quoted cell must end in its own line)"
        )
    for number in is_open.tolist():
        lines[number] = lines[number].replace(b'"', b"")
    return b"\n".join(lines)


def n_rows_in(content: bytes) -> int:
    """Lines that are not blank.

    Examples
    --------
    >>> n_rows_in(b"a\\n\\n \\nb")
    2
    """
    if not content:
        return 0
    n_lines = content.count(b"\n") + (not content.endswith(b"\n"))
    if b"\n\n" not in content and b"\n " not in content and b"\n\t" not in content and not content[:1].isspace():
        return n_lines
    return sum(1 for line in content.split(b"\n") if line.strip())


class TextTable(NamedTuple):
    """A delimited file before its columns are understood.

    Attributes
    ----------
    header : list of str
        Names of the columns, as written.
    separator : str
        Tab where the header has one, else comma, else semicolon.
    body : bytes
        The rows.
    first_line : int
        Number of the first row in the file.
    name : str
        The file, for messages.
    """

    header: list[str]
    separator: str
    body: bytes
    first_line: int
    name: str

    def lines(self) -> list[str]:
        """The rows as text."""
        return self.body.decode("utf-8", "replace").removesuffix("\n").split("\n")

    def first_row(self) -> list[str]:
        """Cells of the first row; empty where there is none."""
        line = self.body[: self.body.find(b"\n") if b"\n" in self.body else None].decode("utf-8", "replace")
        return split_cells(line, self.separator) if line.strip() else []

    def strings(self, columns: Mapping[int, str] | None = None) -> pd.DataFrame:
        """Some columns as text, under new names; default all, as they are called.

        Raises
        ------
        ValueError
            If a row has another number of cells than the header, or a quote is left open.
        """
        chosen = dict(enumerate(self.header)) if columns is None else columns
        width = len(self.header)
        body = close_quotes(self.body, self.separator, width, self.name, first_line=self.first_line)
        rows = [
            (number, split_cells(line, self.separator))
            for number, line in enumerate(body.decode("utf-8", "replace").split("\n"), self.first_line)
            if line.strip()
        ]
        uneven = [f"line {number} has {len(cells)}" for number, cells in rows if len(cells) != width]
        if uneven:
            raise ValueError(
                f"{self.name}: rows with another number of cells than the header's {width}: {listed(uneven)}"
            )
        numbers = pd.Index([number for number, _ in rows], name="line")
        return pd.DataFrame({name: [cells[at] for _, cells in rows] for at, name in chosen.items()}, numbers, dtype=str)

    def typed(self) -> pd.DataFrame:
        """All columns: numbers where every cell is a number or missing, else text; missing cells are NaN and None.

        Raises
        ------
        ValueError
            As `strings`, or if a name of a column repeats.
        """
        check_unique(f"column names of {self.name}", self.header)
        table = self.strings().reset_index(drop=True)
        typed = {}
        for name in table.columns:
            known = table[name].where(~table[name].isin(MISSING), None)
            numbers = pd.to_numeric(known, errors="coerce")
            typed[name] = known if (numbers.isna() & known.notna()).any() else numbers
        return pd.DataFrame(typed)


def read_text_table(path: TableSource, name: str) -> TextTable:
    """Header and rows of a delimited file; lines above the header that begin with # are left out.

    Parameters
    ----------
    path : str, Path or DataFrame
        Tab-, comma- or semicolon-separated text with a header, plain or compressed; or a table in memory.
    name : str
        What it is, for messages.

    Returns
    -------
    TextTable

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it holds no text, or is an archive or document of another kind.
    """
    content = read_bytes(path, name)
    first_line = 1
    while not is_frame(path) and content.startswith((b"##", b"# ", b"\n")):
        content = content.partition(b"\n")[2]
        first_line += 1
    first, _, body = content.partition(b"\n")
    line = first.decode("utf-8", "replace").removeprefix("#")
    separator = "\t" if is_frame(path) else next((mark for mark in "\t,;" if mark in line), "\t")
    return TextTable(split_cells(line, separator), separator, body, first_line + 1, f"{name} {source_name(path)}")


def read_frame(
    path: str | Path, name: str, *, text: Sequence[str] = (), missing: Sequence[str] = MISSING
) -> pd.DataFrame:
    """A delimited file as a frame: numbers where a column holds numbers only, else text.

    Parameters
    ----------
    path : str or Path
        Tab-, comma- or semicolon-separated text with a header, plain or compressed.
    name : str
        What it is, for messages.
    text : sequence of str
        Columns that are text whatever they hold.
    missing : sequence of str
        Cells that are missing values.

    Returns
    -------
    pd.DataFrame
        Every row of the file; in the order of the file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it holds no table, a row has another number of cells than the header, a quote is left open or columns repeat.
    """
    written = read_text_table(path, name)
    header, width = written.header, len(written.header)
    check_unique(f"column names of {written.name}", header)
    body = close_quotes(written.body, written.separator, width, written.name, first_line=written.first_line)
    if not body.strip():
        return pd.DataFrame({column: pd.Series(dtype=str) for column in header})
    check_widths(body, written.separator, width, written.name, first_line=written.first_line)
    try:
        table = pd.read_csv(
            io.BytesIO(body), sep=written.separator, header=None, names=header, dtype=dict.fromkeys(text, str),
            keep_default_na=False, na_values=list(missing), index_col=False,
        )  # fmt: skip
    except (ValueError, OverflowError) as error:
        reason = shortened(" ".join(str(error).split()))
        raise ValueError(f"{written.name} cannot be read as a table ({reason}); mend it") from error
    if len(table) != n_rows_in(body):
        raise ValueError(
            f"{written.name} has {n_rows_in(body)} rows and {len(table)} of them could be read; look for odd characters"
        )
    return table


def check_widths(
    body: bytes, separator: str, n_columns: int, name: str, *, first_line: int = 1, is_quoted: bool = True
) -> None:
    """Raise ValueError naming the rows that have another number of cells than the header.

    Parameters
    ----------
    body : bytes
        Rows, lines ending in LF, no quote left open.
    separator : str
    n_columns : int
    name : str
        The file, for messages.
    first_line : int
        Number of the first row in the file.
    is_quoted : bool
        Whether double quotes enclose cells.
    """
    body = body.rstrip(b"\n")
    cut = separator.encode()
    if not (is_quoted and b'"' in body) and all(line.count(cut) == n_columns - 1 for line in body.split(b"\n")):
        return
    sentences = []
    for number, line in enumerate(body.decode("utf-8", "replace").split("\n"), first_line):
        n_cells = len(split_cells(line, separator)) if is_quoted and '"' in line else line.count(separator) + 1
        n_cells = n_cells if line else 0
        if n_cells != n_columns:
            sentences.append(f"line {number} has {n_cells}")
    if sentences:
        raise ValueError(
            f"{name}: rows with another number of cells than the header's {n_columns}: {listed(sentences)}; "
            "the file may be cut off or use two separators"
        )
