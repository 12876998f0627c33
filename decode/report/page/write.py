"""The report: runs in, one page out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from decode.core.checks import listed
from decode.core.files import run_record
from decode.core.outputs import check_not_input
from decode.report.files import Content, write_files
from decode.report.page.content import Section
from decode.report.page.methods import cited
from decode.report.page.render import render_page
from decode.report.page.runs import Run, read_runs
from decode.report.page.sections import section_of
from decode.report.page.workbook import write_workbook

TITLE = "Regulators of expression: results of decode"


def write_report(
    runs: Iterable[str | Path],
    out: str | Path,
    *,
    title: str | None = None,
    xlsx: bool = False,
    record: Mapping[str, Any] | None = None,
    force: bool = False,
) -> list[Path]:
    """One self-contained page of finished runs: figures, tables, methods, and what limits each number.

    Parameters
    ----------
    runs : iterable of str or Path
        Output of each run (a folder with run.json, a file or model with NAME.run.json beside it); NAME=OUTPUT gives it
        a name. In this order they stand on the page.
    out : str or Path
        Page to write (.html).
    title : str, optional
    xlsx : bool, default False
        Also all tables in one workbook beside the page, a sheet each.
    record : mapping, optional
        What was run, see `decode.core.files.run_record`; written as OUT.run.json.
    force : bool, default False
        Replace files that exist.

    Returns
    -------
    list of Path
        The files written: the page, the workbook, the record.

    Raises
    ------
    FileNotFoundError, ValueError
        If one is no finished run, was changed since, or two have one name.
    FileExistsError
        If a file exists and `force` is false.
    ImportError
        If jinja2, or XlsxWriter for a workbook, is not installed.

    Examples
    --------
    >>> import decode
    >>> decode.write_report(["results", "drivers"], "report.html")  # doctest: +SKIP
    """
    out = Path(out)
    check_names(out)
    found = read_runs(runs)
    check_not_input(out, [(run.name, run.out) for run in found])
    if record is None:
        record = run_record(inputs={run.name: run.record_file for run in found}, title=title, xlsx=xlsx)
    sections = [section_of(run) for run in found]
    page = render_page(title or TITLE, sections, lines=_lines(found), references=cited(_methods(sections)))
    files: dict[Path, Content] = {out: page}
    if xlsx:
        files[out.with_suffix(".xlsx")] = lambda path: write_workbook(sections, path)
    return write_files("report", files, record=record, force=force)


def check_names(out: str | Path) -> None:
    """Refuse a page whose name does not say that it is one.

    Raises
    ------
    ValueError
        If the name does not end in .html or .htm.
    """
    if Path(out).suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"--out {out} is a page of HTML; let its name end in .html")


def _lines(runs: list[Run]) -> list[str]:
    days = sorted({str(run.record.get("time_utc") or "")[:10] for run in runs} - {""})
    when = f", finished {days[0]}" + (f" to {days[-1]}" if len(days) > 1 else "") + " (UTC)" if days else ""
    return [f"{len(runs)} run{'s' if len(runs) > 1 else ''}{when}: {listed([run.name for run in runs])}"]


def _methods(sections: Iterable[Section]) -> list[str]:
    return [text for section in sections for text in (*section.methods, *_methods(section.sections))]
