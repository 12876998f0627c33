"""What commands do before they write: end early where the output is finished."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer


def stop_if_finished(out: Path, kind: str, record: Mapping[str, Any], *, force: bool, beside: bool = False) -> None:
    """End the command with exit status 0 where `out` holds this very result; see `finished_already`.

    Raises
    ------
    typer.Exit
        If the output is finished and the same.
    FileExistsError
        If it holds another result and `force` is false.
    """
    from decode.report.files import finished_already

    if finished_already(out, kind, record, force=force, beside=beside):
        typer.echo(f"{out} already holds this result; --force computes it again")
        raise typer.Exit
