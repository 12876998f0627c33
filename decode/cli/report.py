"""decode report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from decode.cli.options import Force
from decode.cli.outputs import stop_if_finished
from decode.cli.progress import bar


def report(
    runs: Annotated[
        list[str],
        typer.Argument(help="Outputs of finished commands: folders, files or models, NAME=OUTPUT to give one a name."),
    ],
    out: Annotated[Path, typer.Option(help="Page to write (.html).")],
    title: Annotated[str | None, typer.Option(help="Title of the page.")] = None,
    xlsx: Annotated[bool, typer.Option("--xlsx", help="Also all tables as a workbook beside the page.")] = False,
    files: Annotated[
        Path | None,
        typer.Option(help="Also a folder with every figure as PNG and SVG and every table, whole, as TSV."),
    ] = None,
    force: Force = False,
) -> None:
    """Put finished runs on one page: figures, tables, methods for a paper, and what limits each number.

    The page is one file that needs no network. Its tables are sorted and searched, its figures hovered and saved.
    """
    from decode.core.files import check_output, check_output_folder
    from decode.report.finished import finished_already
    from decode.report.page.folder import KIND
    from decode.report.page.runs import read_runs
    from decode.report.page.write import check_names, report_record, write_report

    check_names(out, files)
    check_output(out)
    if files is not None:
        check_output_folder(files)
    found = read_runs(runs)
    record = report_record(found, title=title, xlsx=xlsx, files=files)
    if files is None or finished_already(files, KIND, record, force=force):
        stop_if_finished(out, "report", record, force=force, beside=True)
    with bar("figures") as advance:
        written = write_report(
            runs, out, title=title, xlsx=xlsx, files=files, record=record, force=force, on_figure=advance
        )
    size = out.stat().st_size / 2**20
    typer.echo(f"{out}: {len(found)} run(s), {size:.1f} MiB, opens in any browser without a network")
    if xlsx:
        typer.echo(f"{out.with_suffix('.xlsx')}: its tables")
    if files is not None:
        below = [path.suffix for path in written if path.parent == files]
        n_tables = below.count(".tsv") - 1  # without the list of files
        typer.echo(
            f"{files}: {below.count('.png')} figures as PNG and SVG, {n_tables} tables as TSV, listed in contents.tsv"
        )
