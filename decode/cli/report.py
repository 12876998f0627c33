"""decode report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from decode.cli.options import Force
from decode.cli.outputs import stop_if_finished


def report(
    runs: Annotated[
        list[str],
        typer.Argument(help="Outputs of finished commands: folders, files or models, NAME=OUTPUT to give one a name."),
    ],
    out: Annotated[Path, typer.Option(help="Page to write (.html).")],
    title: Annotated[str | None, typer.Option(help="Title of the page.")] = None,
    xlsx: Annotated[bool, typer.Option("--xlsx", help="Also all tables as a workbook beside the page.")] = False,
    force: Force = False,
) -> None:
    """Put finished runs on one page: figures, tables, methods for a paper, and what limits each number.

    The page is one file that needs no network. Its tables are sorted and searched, its figures hovered and saved.
    """
    from decode.core.files import check_output, run_record
    from decode.report.page.runs import read_runs
    from decode.report.page.write import check_names, write_report

    check_names(out)
    check_output(out)
    found = read_runs(runs)
    record = run_record(inputs={run.name: run.record_file for run in found}, title=title, xlsx=xlsx)
    stop_if_finished(out, "report", record, force=force, beside=True)
    written = write_report(runs, out, title=title, xlsx=xlsx, record=record, force=force)
    size = out.stat().st_size / 2**20
    typer.echo(f"{out}: {len(found)} run(s), {size:.1f} MiB, opens in any browser without a network")
    for path in written[1:-1]:
        typer.echo(f"{path}: its tables")
