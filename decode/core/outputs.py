"""Outputs that appear whole or not at all: single files, folders, and sets of both.

What is being written lies under a temporary name beside its output. Several outputs of one run are put in place
together: their list is written first, and where a run is killed meanwhile, the next one finishes the list. Temporary
names say whose they are; those of processes that are over are removed by the next run.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import NamedTuple

from decode.core.output_places import checked_place
from decode.core.output_recovery import (
    TEMPORARY,
    Output,
    listed_output,
    may_swap,
    put,
    remove_output,
    temporary_name,
    tidy,
)
from decode.core.swap import carry_over

_UNWRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO}


def check_output(path: str | Path) -> Path:
    """Say early, before hours of work, that an output path cannot be written.

    What a killed run left beside it is put right first: a set of outputs that was being put in place is finished, and
    half-written files are removed.

    Parameters
    ----------
    path : str or Path
        The file or folder that will be written. Its parent folder must exist. A link is followed.

    Returns
    -------
    Path

    Raises
    ------
    FileNotFoundError
        If the parent folder does not exist.
    NotADirectoryError
        If the parent is no folder.
    PermissionError
        If the parent folder cannot be written.
    ValueError
        If it is a device, a pipe or a socket, or its name is too long.
    """
    path = Path(path)
    final = checked_place(path)
    tidy(final)
    return path


def check_output_folder(path: str | Path) -> Path:
    """Say early that a folder cannot be written; it may exist or be created later (its parent must exist).

    Raises
    ------
    FileNotFoundError, FileExistsError, PermissionError, ValueError
        If the parent is absent, the name belongs to a file, or one of them cannot be written.
    """
    path = check_output(path)
    if path.exists() and not path.is_dir():
        raise FileExistsError(f"output {path} is a file, not a folder; choose another --out")
    if path.exists() and not os.access(path, os.W_OK):
        raise PermissionError(f"output folder {path} cannot be written; choose another --out")
    return path


def make_output_folder(path: str | Path) -> Path:
    """Create an output folder (its parent must exist); an existing folder is used as it is."""
    path = check_output_folder(path)
    path.mkdir(exist_ok=True)
    return path


class _Companion(NamedTuple):
    final: str
    path: Path
    text: Callable[[Path], str]


_companion: ContextVar[_Companion | None] = ContextVar("companion", default=None)


class OutputSet:
    """Outputs of one run that are put in place together; see `output_set`."""

    def __init__(self) -> None:
        self._outputs: list[Output] = []
        self._gone: list[Path] = []

    def file(self, path: str | Path) -> Path:
        """An empty temporary file that becomes `path`; with the suffixes of `path`."""
        path = Path(path)
        final = checked_place(path)
        if final.is_dir():
            raise IsADirectoryError(f"output {path} is a folder, not a file; choose another --out")
        temporary = temporary_name(final, "part", suffixes=True)
        with _says_what_is_full(path):
            os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))  # the system applies the umask
        self._outputs.append(Output(temporary, final, None))
        return temporary

    def folder(self, path: str | Path, own: Collection[str] = ()) -> Path:
        """An empty temporary folder that becomes `path`.

        Parameters
        ----------
        path : str or Path
        own : collection of str
            Names of earlier files in `path` that go. All others stay, but where the new folder has that name too.
        """
        path = Path(path)
        final = checked_place(path)
        if final.exists() and not final.is_dir():
            raise FileExistsError(f"output {path} is a file, not a folder; choose another --out")
        final = final.resolve()  # '.' has a name too
        inside = os.path.ismount(final)
        temporary = temporary_name(final / "set" if inside else final, "part")
        with _says_what_is_full(path):
            temporary.mkdir()
        self._outputs.append(Output(temporary, final, frozenset(own)))
        return temporary

    def remove(self, paths: Iterable[Path]) -> None:
        """Files of an earlier result that go when this one is in place."""
        self._gone += paths

    def commit(self) -> None:
        """Put all in place, in their order."""
        outputs = self._outputs
        asked = _companion.get()
        for output in outputs.copy() if asked is not None else []:
            if asked is not None and os.path.abspath(output.final) == asked.final:
                self.file(asked.path).write_text(asked.text(output.temporary), encoding="utf-8")
        for output in outputs:
            if output.own is not None and output.final.is_dir() and may_swap(output.final):
                carry_over(output.final, output.temporary, output.own)
        listed = None
        if len(outputs) > 1 or self._gone:
            listed = temporary_name(outputs[-1].final, "set")
            half = listed.with_name(listed.name + "~")
            gone = [os.path.abspath(path) for path in self._gone]
            try:
                half.touch(exist_ok=False)
                entries = {
                    "outputs": [listed_output(output) for output in outputs],
                    "gone": gone,
                    "inode": half.stat().st_ino,  # a list that came from elsewhere has another
                }
                half.write_text(json.dumps(entries), encoding="utf-8")
                os.replace(half, listed)
            except OSError:
                half.unlink(missing_ok=True)
                raise
        for output in outputs:
            put(output)
        for path in self._gone:
            path.unlink(missing_ok=True)
        if listed is not None:
            listed.unlink()

    def discard(self) -> None:
        """Remove whatever was not put in place."""
        for output in self._outputs:
            remove_output(output.temporary)


@contextmanager
def output_set(named: Path | None = None) -> Iterator[OutputSet]:
    """Write several outputs as one: all are put in place at the end, or none.

    Parameters
    ----------
    named : Path, optional
        What an error calls the result; default the file that could not be written.

    Raises
    ------
    FileNotFoundError, FileExistsError, IsADirectoryError, PermissionError, ValueError
        If a name cannot be used.
    OSError
        If the disk is full or can no longer be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, output_set() as outputs:
    ...     _ = outputs.file(Path(folder) / "a.txt").write_text("a")
    ...     _ = (outputs.folder(Path(folder) / "b") / "c.txt").write_text("c")
    """
    outputs = OutputSet()
    try:
        with _says_what_is_full(named):
            yield outputs
            outputs.commit()
    finally:
        outputs.discard()


@contextmanager
def accompanied(path: str | Path, companion: Path, text: Callable[[Path], str]) -> Iterator[None]:
    """Put a file in place together with an output, whoever writes that output inside the block.

    Parameters
    ----------
    path : str or Path
        The output.
    companion : Path
        The file that goes with it.
    text : callable
        Gets the temporary name under which the output lies complete, and gives the text of the companion.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     out, note = Path(folder) / "a.txt", Path(folder) / "a.note"
    ...     with accompanied(out, note, lambda temporary: f"{temporary.stat().st_size} bytes"):
    ...         with atomic_path(out) as temporary:
    ...             _ = temporary.write_text("abc")
    ...     note.read_text()
    '3 bytes'
    """
    token = _companion.set(_Companion(os.path.abspath(checked_place(Path(path))), companion, text))
    try:
        yield
    finally:
        _companion.reset(token)


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Give a temporary name beside `path`; rename it to `path` on success, remove it on any error.

    Parameters
    ----------
    path : str or Path
        The final name; a link is followed, and stays. A reader sees the old file or the new one, never a half-written
        one.

    Yields
    ------
    Path
        The temporary name, with the suffixes of `path`.

    Raises
    ------
    FileNotFoundError, PermissionError, IsADirectoryError, ValueError
        If the name cannot be used.
    OSError
        If the disk is full or can no longer be written.
    """
    with output_set(Path(path)) as outputs:
        yield outputs.file(path)


@contextmanager
def staged_folder(path: str | Path, own: Collection[str] = ()) -> Iterator[Path]:
    """Give a temporary folder beside `path`; put it in the place of `path` on success, remove it on any error.

    Parameters
    ----------
    path : str or Path
        The final folder; its parent must exist. Other files in it stay, files of the same names are replaced. A link
        is followed, and stays.
    own : collection of str
        Names of earlier files in it that go.

    Yields
    ------
    Path
        The temporary folder. It takes the place of the old one in one step where the system can do so; a folder
        that other file systems are mounted on, or that is the working folder, is filled file by file, run.json last.

    Raises
    ------
    FileNotFoundError, FileExistsError, PermissionError, ValueError
        If the folder cannot be used.
    OSError
        If the disk is full or can no longer be written.
    """
    with output_set(Path(path)) as outputs:
        yield outputs.folder(path, own)


@contextmanager
def _says_what_is_full(path: Path | None) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in _UNWRITABLE or (path and any(TEMPORARY.match(part) for part in path.parts)):
            raise  # inside a temporary folder: the output that this becomes is named further out
        what = path or error.filename2 or error.filename or "the result"
        raise OSError(f"{what} could not be written ({error.strerror}); make room or choose another --out") from error
