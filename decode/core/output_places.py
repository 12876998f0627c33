"""Where an output may lie: a file or folder that can be written, and no input of the run."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

LONGEST_NAME = 255  # bytes of a file name, on every usual file system


def check_name(path: str | Path, beside: str) -> None:
    """Say early that a name leaves no room for that of a file beside it, such as NAME.run.json; ValueError.

    Examples
    --------
    >>> check_name("ranking.tsv", ".run.json")
    """
    n_bytes = len(os.fsencode(Path(path).name + beside))
    if n_bytes > LONGEST_NAME:
        for_it = f" for NAME{beside} beside it" if beside else ""
        raise ValueError(
            f"the name of an output is {n_bytes - LONGEST_NAME} bytes too long{for_it}; choose a shorter --out than "
            f"{path}"
        )


def checked_place(path: Path) -> Path:
    """Where an output really lies: the target of a link, the path itself otherwise."""
    check_name(path, "")
    final = Path(os.path.realpath(path)) if path.is_symlink() else path
    if any(_is_special(place) for place in [*_links(path), final]):
        raise ValueError(f"output {path} is a device or pipe, not a file; name a file to write")
    if final.is_symlink():
        raise ValueError(f"output {path} is a link that leads to itself; remove it or choose another --out")
    check_name(final, "")
    parent = final.parent
    if parent.exists() and not parent.is_dir():
        raise NotADirectoryError(f"output folder {parent} is a file; choose another --out")
    if not parent.is_dir():
        raise FileNotFoundError(f"output folder {parent} does not exist; create it first (mkdir -p {parent})")
    if not os.access(parent, os.W_OK):
        raise PermissionError(f"output folder {parent} cannot be written; choose another --out")
    return final


def _links(path: Path) -> list[Path]:
    """A path and, where it is a link, the links that it leads to, one after the other."""
    found = [Path(os.path.abspath(path))]
    while found[-1].is_symlink() and len(found) < 40:
        found.append(Path(os.path.abspath(found[-1].parent / os.readlink(found[-1]))))
    return found


def _is_special(path: Path) -> bool:
    parts = path.parts[1:3] if path.is_absolute() else ()
    if parts[:1] == ("proc",) or (parts[:1] == ("dev",) and parts[1:2] != ("shm",)):
        return True  # /dev/stdout is a link to whatever it is connected with
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def same_file(one: Path, other: Path) -> bool:
    """Whether two names lead to one existing file or folder, through whatever links."""
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False


def check_not_input(out: Path, inputs: Iterable[tuple[str, Path]], name: str = "--out") -> None:
    """Refuse an output that is an input, lies in an input folder, or is a folder that holds an input.

    Parameters
    ----------
    out : Path
        Output file or folder.
    inputs : iterable of (str, Path)
        What the input is called and where it lies.
    name : str
        What the output is called.

    Raises
    ------
    ValueError
        If writing `out` would change an input. Files are told by what they are, not by their names.
    """
    for what, path in inputs:
        if same_file(out, path):
            raise ValueError(
                f"{name} {out} is the input {what} ({path}) itself, which would be destroyed; choose another {name}"
            )
        if path.is_dir() and any(same_file(parent, path) for parent in _parents(out)):
            raise ValueError(f"{name} {out} lies in the input folder {what} ({path}); choose another {name}")
        if out.is_dir() and any(same_file(parent, out) for parent in _parents(path)):
            raise ValueError(f"{name} {out} is a folder that holds the input {what} ({path}); choose another {name}")


def _parents(path: Path) -> list[Path]:
    """The folders above a path, as it is written and as its links lead."""
    return list(dict.fromkeys([*Path(os.path.abspath(path)).parents, *Path(os.path.realpath(path)).parents]))
