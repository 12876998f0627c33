"""Files that say which gene a name stands for, and what programs make of names: 7157.0, 1-Mar."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from decode.core.delimited import split_cells
from decode.core.files import open_text

_NUMBER = re.compile(r"^(\d+)\.0+$")
# What spreadsheets make of MARCH1 and SEPT2: 1-Mar, 2-Sep, Mar-01, 2002-09-02
_DATE = re.compile(
    r"^\d{1,2}-(jan|feb|mar|apr|may|jun|jul|aug|sep|sept|oct|nov|dec)$|^(mar|sep|sept|dec|oct)-\d{1,2}$"
    r"|^(19|20)\d\d[-/]\d\d?[-/]\d\d?$",
    re.IGNORECASE,
)


def whole_number(name: str) -> str:
    """An Entrez number without the decimals that a table of floats gave it: 7157.0 is 7157."""
    found = _NUMBER.match(name)
    return found[1] if found else name


def spreadsheet_dates(names: Iterable[str]) -> list[str]:
    """Names that a spreadsheet has made from symbols such as MARCH1 and SEPT2.

    Examples
    --------
    >>> spreadsheet_dates(["1-Mar", "MYC", "2-Sep", "DEC1"])
    ['1-Mar', '2-Sep']
    """
    return [name for name in names if _DATE.match(name)]


def read_map(path: str | Path) -> dict[str, list[str]]:
    """Columns of an id map by name; a map without the HGNC header has the columns "0" and "1"."""
    with open_text(path, "id map") as handle:
        lines = [line.rstrip("\r\n") for line in handle if line.strip()]
    if not lines:
        raise ValueError(f"id map {path} is empty; give two columns or the HGNC complete set")
    delimiter = "\t" if "\t" in lines[0] else ","
    rows = [split_cells(line, delimiter) for line in lines]  # HGNC quotes cells that hold a '|'
    header = rows[0]
    if "symbol" in header and len(header) > 2:
        rows = [row + [""] * (len(header) - len(row)) for row in rows[1:]]
        return {name: [row[column] for row in rows] for column, name in enumerate(header)}
    uneven = [number for number, row in enumerate(rows, 1) if len(row) != 2]
    if uneven:
        raise ValueError(
            f"id map {path} line {uneven[0]} has {len(rows[uneven[0] - 1])} column(s); two are wanted "
            "(name and gene id), or the HGNC complete set with its header"
        )
    return {str(column): [row[column] for row in rows] for column in (0, 1)}
