"""The report: runs in, one page out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from decode.core.checks import listed
from decode.core.files import run_record
from decode.core.output_places import check_not_input
from decode.core.outputs import output_set
from decode.report.files import Content, write_files
from decode.report.finished import check_free
from decode.report.page.content import Section
from decode.report.page.folder import write_page_files
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
    files: str | Path | None = None,
    record: Mapping[str, Any] | None = None,
    force: bool = False,
    on_figure: Callable[[int, int], None] | None = None,
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
    files : str or Path, optional
        Folder that takes every figure as PNG and SVG and every table as TSV, with contents.tsv and a record of its own.
        Other files in it stay. Page, workbook and folder are put in place together.
    record : mapping, optional
        What was run, see `decode.core.files.run_record`; written as OUT.run.json.
    force : bool, default False
        Replace files that exist.
    on_figure : callable, optional
        Told how many files of figures are in the folder, and of how many.

    Returns
    -------
    list of Path
        The files written: the page, the workbook, the record; then those of the folder.

    Raises
    ------
    FileNotFoundError, ValueError
        If one is no finished run, was changed since, or two have one name; or the page lies in the folder.
    FileExistsError
        If a file exists and `force` is false.
    ImportError
        If a workbook is asked for and XlsxWriter is not installed.

    Examples
    --------
    >>> import decode
    >>> decode.write_report(["results", "drivers"], "report.html")  # doctest: +SKIP
    """
    out, folder = Path(out), None if files is None else Path(files)
    check_names(out, folder)
    found = read_runs(runs)
    for place, option in ((out, "--out"), (folder, "--files")):
        if place is not None:
            check_not_input(place, [(run.name, run.out) for run in found], option)
    if record is None:
        record = report_record(found, title=title, xlsx=xlsx, files=folder)
    sections = [section_of(run) for run in found]
    page = render_page(title or TITLE, sections, lines=_lines(found), references=cited(_methods(sections)))
    contents: dict[Path, Content] = {out: page}
    if xlsx:
        contents[out.with_suffix(".xlsx")] = lambda path: write_workbook(sections, path)
    for path in contents:
        check_free(path, force=force)
    with output_set(out) as outputs:
        below = []
        if folder is not None:
            below = write_page_files(sections, folder, record=record, force=force, outputs=outputs, on_figure=on_figure)
        return [*write_files("report", contents, record=record, force=force, outputs=outputs), *below]


def report_record(runs: Iterable[Run], *, title: str | None, xlsx: bool, files: Path | None) -> dict[str, Any]:
    """The record of a report of these runs, see `decode.core.files.run_record`."""
    inputs: dict[str, str | Path] = {run.name: run.record_file for run in runs}
    return run_record(inputs=inputs, title=title, xlsx=xlsx, files=None if files is None else str(files))


def check_names(out: str | Path, files: str | Path | None = None) -> None:
    """Refuse a page whose name does not say that it is one, and a folder that would replace it.

    Raises
    ------
    ValueError
        If the name does not end in .html or .htm, or the page is the folder or lies in it.
    """
    if Path(out).suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"--out {out} is a page of HTML; let its name end in .html")
    if files is not None and Path(out).resolve().is_relative_to(Path(files).resolve()):
        raise ValueError(f"--out {out} lies in the folder --files {files}; put the page beside the folder")


def _lines(runs: list[Run]) -> list[str]:
    days = sorted({str(run.record.get("time_utc") or "")[:10] for run in runs} - {""})
    when = f", finished {days[0]}" + (f" to {days[-1]}" if len(days) > 1 else "") + " (UTC)" if days else ""
    return [f"{len(runs)} run{'s' if len(runs) > 1 else ''}{when}: {listed([run.name for run in runs])}"]


def _methods(sections: Iterable[Section]) -> list[str]:
    return [text for section in sections for text in (*section.methods, *_methods(section.sections))]
