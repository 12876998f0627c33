"""What commands do before they write: spare their inputs, be alone at work, end early where the output is finished."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import typer

OUTPUTS = (  # options of all commands
    "out",
    "figure",
    "figures",
    "files",
    "summary",
    "stability",
    "bedgraph",
    "all_scores",
)
PATHS_IN_TEXT = ("ranking", "tissue_groups")  # options of text that may be the path of an input; others as NAME=PATH
OTHER_FORMATS = {".txt", ".tsv", ".csv", ".json", ".gz", ".zip", ".xlsx", ".html", ".bed", ".pdf", ".png", ".npz"}
_until_the_end: ContextVar[ExitStack] = ContextVar("until_the_end")


@contextmanager
def careful(options: Mapping[str, Any]) -> Iterator[None]:
    """What holds around every command: no output is an input, and what is taken for the run is given back.

    Parameters
    ----------
    options : mapping of name to value
        Of the command, as they were given.

    Raises
    ------
    ValueError
        If an output is an input, another output, a device or a pipe, or an input is a pipe.
    """
    check_paths(options)
    with ExitStack() as stack:
        token = _until_the_end.set(stack)
        try:
            yield
        finally:
            _until_the_end.reset(token)


def check_paths(options: Mapping[str, Any]) -> None:
    """Refuse outputs that are inputs or each other, and inputs that can be read only once; see `careful`."""
    from decode.core.output_places import check_name, check_not_input, same_file
    from decode.core.outputs import check_output

    outputs = {name: Path(options[name]) for name in OUTPUTS if options.get(name) is not None}
    inputs = [(_flag(name), path) for name, value in options.items() for path in _paths(name, value)]
    for what, path in inputs:
        if path.exists() and not path.is_file() and not path.is_dir():
            raise ValueError(
                f"input {what} ({path}) is a pipe or device, and inputs are read more than once; write a file first"
            )
    seen: dict[str, Path] = {}
    for name, out in outputs.items():
        check_name(out, "")
        check_not_input(out, inputs, _flag(name))
        for other, path in seen.items():
            if out.absolute() == path.absolute() or same_file(out, path):
                raise ValueError(f"{_flag(name)} and {_flag(other)} are the same, {out}; give each its own name")
        check_output(out)
        seen[name] = out


def _flag(name: str) -> str:
    """The name of an option as it is written."""
    return f"--{name.rstrip('_').replace('_', '-')}"


def _paths(name: str, value: Any) -> list[Path]:
    """Inputs among the values of an option: paths, and the paths of KEY=PATH."""
    if name in OUTPUTS or value is None:
        return []
    if isinstance(value, list | tuple):
        return [path for item in value for path in _paths(name, item)]
    if isinstance(value, Path):
        return [value]
    if not isinstance(value, str):
        return []
    _, sign, rest = value.partition("=")
    found = Path(rest) if sign and rest else Path(value) if value and name in PATHS_IN_TEXT else None
    return [found] if found is not None and found.exists() else []


def check_netcdf_name(out: Path) -> None:
    """Refuse a name for a netCDF file that says it is a table, text or archive.

    Raises
    ------
    ValueError
    """
    if out.suffix.lower() in OTHER_FORMATS:
        raise ValueError(f"--out {out} is a name for another format; the result is netCDF-4: write {out.stem}.nc")


def take_work_folder(out: Path) -> Path:
    """The folder that keeps the finished pieces of a run with this output, which is ours until the command ends.

    Raises
    ------
    WorkFolderInUseError
        If another run is at work in it.
    FileNotFoundError, FileExistsError, PermissionError, ValueError
        As `decode.core.resume.work_folder`.
    """
    from decode.core.resume import at_work, work_folder

    work = work_folder(out)
    _until_the_end.get().enter_context(at_work(work))
    return work


def stop_if_finished(out: Path, kind: str, record: Mapping[str, Any], *, force: bool, beside: bool = False) -> None:
    """End the command with exit status 0 where `out` holds this very result; see `finished_already`.

    Raises
    ------
    typer.Exit
        If the output is finished and the same.
    FileExistsError
        If it holds another result and `force` is false.
    """
    from decode.core.resume import remove_spent_pieces
    from decode.report.finished import finished_already, record_path

    if finished_already(out, kind, record, force=force, beside=beside):
        remove_spent_pieces(out, record_path(out, beside=beside))
        typer.echo(f"{out} already holds this result; --force computes it again")
        raise typer.Exit
