"""decode sites."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from decode.cli.options import Force
from decode.cli.outputs import stop_if_finished

app = typer.Typer(no_args_is_help=True, help="Binding sites: convert between genome builds.")


@app.command()
def liftover(
    sites: Annotated[Path, typer.Argument(help="BED file of sites, plain or gzip.")],
    chain: Annotated[Path, typer.Option(help="Chain file, for example hg38ToHg19.over.chain.gz.")],
    out: Annotated[Path, typer.Option(help="Lifted BED file (.bed or .bed.gz); every further column is kept.")],
    force: Force = False,
) -> None:
    """Lift sites to another genome build and count what is lost."""
    from decode.core.files import check_output, run_record
    from decode.genome.lift_files import lift_file
    from decode.report.files import recorded, with_counts, write_record

    check_output(out)
    record = run_record(inputs={"sites": sites, "chain": chain})
    stop_if_finished(out, "sites liftover", record, force=force, beside=True)
    with recorded(out, "sites liftover", record=record, finished=False):  # the counts follow
        result = lift_file(sites, chain, out)
    counts = {"in": result.n_in, "lifted": result.n_lifted, "lost": result.n_lost} | result.lost_by_reason
    write_record(out, "sites liftover", [out], record=with_counts(record, counts))
    typer.echo(
        f"{result.n_lifted} of {result.n_in} sites lifted, {result.n_lost} lost "
        f"({', '.join(f'{reason}: {count}' for reason, count in result.lost_by_reason.items()) or 'none'})"
    )
