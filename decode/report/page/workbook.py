"""All tables of a page in one workbook; a text stays a text, whatever it begins with."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from decode.report.page.content import Section, Table
from decode.report.page.folder import parts_of
from decode.report.page.tables import plain_values

LONGEST_SHEET = 31  # letters of the name of a sheet
LONGEST_CELL = 32_767
MOST_ROWS = 2**20 - 1  # of a sheet below its heading
CREATED = datetime(1980, 1, 1)  # the record beside the page knows when; equal tables are equal files


def write_workbook(sections: Iterable[Section], path: str | Path) -> None:
    """Write every table of sections as a sheet with all its rows and digits, after a list of the sheets.

    Parameters
    ----------
    sections : iterable of Section
    path : str or Path
        Workbook (.xlsx). Texts are written as texts, so that none that begins with =, +, - or @ is a formula.

    Raises
    ------
    ImportError
        If XlsxWriter is not installed.
    """
    try:
        import xlsxwriter
    except ImportError as error:
        raise ImportError(
            "workbooks need XlsxWriter; install it with: pip install 'decode-expression[report]'"
        ) from error
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "in_memory": True}
    with xlsxwriter.Workbook(str(path), options) as book:
        book.set_properties({"created": CREATED})
        bold = book.add_format({"bold": True, "bottom": 1})
        contents = book.add_worksheet("contents")
        _write_rows(contents, ["sheet", "table", "rows here", "rows in all", "file"], [], bold)
        taken = {"contents"}
        tables = [(title, part) for title, part in parts_of(sections) if isinstance(part, Table)]
        for number, (section, table) in enumerate(tables, 1):
            spec, part = table.spec, table.frame.head(MOST_ROWS)
            name = _sheet_name(str(spec["name"]), taken)
            sheet = book.add_worksheet(name)
            _write_rows(sheet, [str(column) for column in part.columns], _rows(part), bold)
            caption = f"{section}: {spec['caption']}"
            for column, value in enumerate([name, caption, len(part), len(table.frame), spec["file"]]):
                _write(contents, number, column, value)


def _rows(frame: pd.DataFrame) -> Iterator[tuple[Any, ...]]:
    """Rows of plain values, numbers as they are, None where undefined."""
    return zip(*(plain_values(frame.iloc[:, at], digits=None) for at in range(frame.shape[1])), strict=True)


def _sheet_name(name: str, taken: set[str]) -> str:
    """A name that spreadsheets allow, and that no other sheet has."""
    plain = re.sub(r"[\[\]:*?/\\']", "_", name) or "table"
    found, number = plain[:LONGEST_SHEET], 1
    while found.lower() in taken or found.lower() == "history":
        number += 1
        ending = f"_{number}"
        found = f"{plain[: LONGEST_SHEET - len(ending)]}{ending}"
    taken.add(found.lower())
    return found


def _write_rows(sheet: Any, names: list[str], rows: Iterable[Sequence[Any]], bold: Any) -> None:
    for column, name in enumerate(names):
        sheet.write_string(0, column, name[:LONGEST_CELL], bold)
    for number, row in enumerate(rows, 1):
        for column, value in enumerate(row):
            _write(sheet, number, column, value)
    sheet.freeze_panes(1, 0)


def _write(sheet: Any, row: int, column: int, value: Any) -> None:
    if isinstance(value, bool):
        sheet.write_boolean(row, column, value)
    elif isinstance(value, int | float):
        sheet.write_number(row, column, value)
    elif value is not None and value != "":
        sheet.write_string(row, column, str(value)[:LONGEST_CELL])
