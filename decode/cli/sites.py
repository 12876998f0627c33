"""decode sites."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Binding sites: convert between genome builds.")


@app.command()
def liftover(
    sites: Annotated[Path, typer.Argument(help="BED file of sites, plain or gzip.")],
    chain: Annotated[Path, typer.Option(help="Chain file, for example hg38ToHg19.over.chain.gz.")],
    out: Annotated[Path, typer.Option(help="Lifted BED file (.bed or .bed.gz); every further column is kept.")],
) -> None:
    """Lift sites to another genome build and count what is lost."""
    from decode.genome.liftover import lift_file

    result = lift_file(sites, chain, out)
    typer.echo(
        f"{result.n_lifted} of {result.n_in} sites lifted, {result.n_lost} lost "
        f"({', '.join(f'{reason}: {count}' for reason, count in result.lost_by_reason.items()) or 'none'})"
    )
