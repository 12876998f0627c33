"""decode demo."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from decode.cli.inputs import load_tensorflow
from decode.cli.options import Force
from decode.cli.outputs import stop_if_finished


def demo(
    out: Annotated[Path, typer.Option(help="Folder for data, model, tables and figures.")] = Path("./decode-demo"),
    seed: Annotated[int, typer.Option(help="Seed of the toy data and of the training.")] = 0,
    force: Force = False,
) -> None:
    """Run the whole main job on a toy genome with planted regulators (a minute or two)."""
    load_tensorflow()
    from decode.demo import NEXT_STEPS, demo_record, run_demo

    stop_if_finished(out, "demo", demo_record(seed=seed), force=force)
    result = run_demo(out, seed=seed, force=force)
    typer.echo(result.summary)
    typer.echo(f"\n{NEXT_STEPS}\n")
    typer.echo(
        f"Written to {result.folder} in {result.seconds:.0f} s: metrics.json, tables, figures (*.png, *.svg), model."
    )
