"""decode expression."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from decode.cli.inputs import open_expression
from decode.cli.options import Force, IdMap
from decode.cli.outputs import stop_if_finished

if TYPE_CHECKING:
    from decode.expression.targets import TargetResult

app = typer.Typer(no_args_is_help=True, help="Expression tables: turn them into targets.")
Out = Annotated[
    Path, typer.Option(help="Targets table: gene_id or transcript_id and one column a task, log2 (.tsv or .tsv.gz).")
]


def _write(result: TargetResult, out: Path, kind: str, record: dict[str, Any], force: bool) -> None:
    from decode.expression.task_kinds import kinds_sentence
    from decode.report.files import with_counts, write_files

    write_files(kind, {out: result.targets}, record=with_counts(record, result.counts), force=force)
    typer.echo(", ".join(f"{key}: {value}" for key, value in result.counts.items()))
    typer.echo(f"kinds of tasks: {kinds_sentence(result.targets)}")


@app.command()
def tissue(
    tpm: Annotated[Path, typer.Argument(help="Genes x tissues TPM: GCT, GCTX, TSV or CSV, plain or gzip.")],
    out: Out,
    min_tpm: Annotated[float, typer.Option(help="Keep genes above this TPM in at least one tissue.")] = 2.0,
    pseudocount: Annotated[float, typer.Option(help="Added to TPM before log2.")] = 0.25,
    id_map: IdMap = None,
    force: Force = False,
) -> None:
    """Median level and log2 fold-change of every tissue against it."""
    from decode.core.files import check_output, run_record
    from decode.expression.tissue import tissue_targets

    check_output(out)
    inputs: dict[str, str | Path] = {"tpm": tpm}
    inputs |= {"id_map": id_map} if id_map else {}
    record = run_record(inputs=inputs, min_tpm=min_tpm, pseudocount=pseudocount)
    stop_if_finished(out, "expression tissue", record, force=force, beside=True)
    result = tissue_targets(open_expression(tpm, id_map), min_tpm=min_tpm, pseudocount=pseudocount)
    _write(result, out, "expression tissue", record, force)


@app.command()
def table(
    file: Annotated[Path, typer.Argument(help="Genes x columns: GCT, GCTX, TSV or CSV, plain or gzip.")],
    out: Out,
    already_log2: Annotated[
        bool, typer.Option("--already-log2", help="Values are log2 already; else log2(x + 0.25) is taken.")
    ] = False,
    no_centre: Annotated[
        bool, typer.Option("--no-centre", help="Keep columns as they are (fold changes of contrasts, for example).")
    ] = False,
    id_map: IdMap = None,
    force: Force = False,
) -> None:
    """Turn your own table into targets, without a filter on expression."""
    from decode.core.files import check_output, run_record
    from decode.expression.tissue import table_targets

    check_output(out)
    inputs: dict[str, str | Path] = {"table": file}
    inputs |= {"id_map": id_map} if id_map else {}
    record = run_record(inputs=inputs, already_log2=already_log2, centre=not no_centre)
    stop_if_finished(out, "expression table", record, force=force, beside=True)
    result = table_targets(open_expression(file, id_map), already_log2=already_log2, centre=not no_centre)
    _write(result, out, "expression table", record, force)
