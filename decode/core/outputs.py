"""Outputs that appear whole or not at all: single files, folders, and sets of both.

What is being written lies under a temporary name beside its output. Several outputs of one run are put in place
together: their list is written first, and where a run is killed meanwhile, the next one finishes the list. Temporary
names say whose they are; those of processes that are over are removed by the next run.
"""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import os
import re
import secrets
import shutil
import stat
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from decode.core.processes import is_alive, this_process
from decode.core.swap import carry_over, move_in, swap_in

logger = logging.getLogger(__name__)

_UNWRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO}
LONGEST_NAME = 255  # bytes of a file name, on every usual file system
RECORD = "run.json"  # says that all is there, so it is the last where files move one by one
_STEM, _SUFFIX = 80, 40  # bytes of an output's name that its temporary name keeps
_PATTERN = re.compile(r"^\..*\.decode-([0-9a-f]{8})-([0-9a-f]{8})-(\d+)-(\d+)-[0-9a-f]{8}\.(part|old|set)")


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
    final = _checked(path)
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


def _checked(path: Path) -> Path:
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


class _Output(NamedTuple):
    temporary: Path
    final: Path
    own: frozenset[str] | None  # a folder: names of its earlier files that go; None where it is a file


class _Companion(NamedTuple):
    final: str
    path: Path
    text: Callable[[Path], str]


_companion: ContextVar[_Companion | None] = ContextVar("companion", default=None)


class OutputSet:
    """Outputs of one run that are put in place together; see `output_set`."""

    def __init__(self) -> None:
        self._outputs: list[_Output] = []
        self._gone: list[Path] = []

    def file(self, path: str | Path) -> Path:
        """An empty temporary file that becomes `path`; with the suffixes of `path`."""
        path = Path(path)
        final = _checked(path)
        if final.is_dir():
            raise IsADirectoryError(f"output {path} is a folder, not a file; choose another --out")
        temporary = temporary_name(final, "part", suffixes=True)
        with _says_what_is_full(path):
            os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))  # the system applies the umask
        self._outputs.append(_Output(temporary, final, None))
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
        final = _checked(path)
        if final.exists() and not final.is_dir():
            raise FileExistsError(f"output {path} is a file, not a folder; choose another --out")
        final = final.resolve()  # '.' has a name too
        inside = os.path.ismount(final)
        temporary = temporary_name(final / "set" if inside else final, "part")
        with _says_what_is_full(path):
            temporary.mkdir()
        self._outputs.append(_Output(temporary, final, frozenset(own)))
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
            if output.own is not None and output.final.is_dir() and _may_swap(output.final):
                carry_over(output.final, output.temporary, output.own)
        listed = None
        if len(outputs) > 1 or self._gone:
            listed = temporary_name(outputs[-1].final, "set")
            half = listed.with_name(listed.name + "~")
            gone = [os.path.abspath(path) for path in self._gone]
            try:
                half.touch(exist_ok=False)
                entries = {
                    "outputs": [_to_json(output) for output in outputs],
                    "gone": gone,
                    "inode": half.stat().st_ino,  # a list that came from elsewhere has another
                }
                half.write_text(json.dumps(entries), encoding="utf-8")
                os.replace(half, listed)
            except OSError:
                half.unlink(missing_ok=True)
                raise
        for output in outputs:
            _put(output)
        for path in self._gone:
            path.unlink(missing_ok=True)
        if listed is not None:
            listed.unlink()

    def discard(self) -> None:
        """Remove whatever was not put in place."""
        for output in self._outputs:
            _remove(output.temporary)


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
    token = _companion.set(_Companion(os.path.abspath(_checked(Path(path))), companion, text))
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
        if error.errno not in _UNWRITABLE or (path and any(_PATTERN.match(part) for part in path.parts)):
            raise  # inside a temporary folder: the output that this becomes is named further out
        what = path or error.filename2 or error.filename or "the result"
        raise OSError(f"{what} could not be written ({error.strerror}); make room or choose another --out") from error


def temporary_name(path: Path, kind: str, *, suffixes: bool = False) -> Path:
    """A new hidden name beside `path` that says whose it is; never longer than a name may be."""
    me = this_process()
    ending = "".join(path.suffixes[-2:]) if suffixes else ""
    if len(os.fsencode(ending)) > _SUFFIX:
        ending = ""
    stem = os.fsencode(path.name)[:_STEM].decode("utf-8", "ignore")
    owner = f"{_tag(path.name)}-{me.place}-{me.pid}-{me.start}-{secrets.token_hex(4)}"
    return path.with_name(f".{stem}.decode-{owner}.{kind}{ending}")


def _tag(name: str) -> str:
    return hashlib.sha256(os.fsencode(name)).hexdigest()[:8]


def _put(output: _Output) -> None:
    if output.own is None:
        os.replace(output.temporary, output.final)
    elif _may_swap(output.final):
        swap_in(output.temporary, output.final, temporary_name(output.final, "old"), output.own)
    else:
        move_in(output.temporary, output.final, output.own, last=RECORD)


def _may_swap(folder: Path) -> bool:
    """Whether a folder may be exchanged for another: nothing is mounted on it, and we do not stand in it."""
    return not os.path.ismount(folder) and not Path.cwd().resolve().is_relative_to(folder)


def _to_json(output: _Output) -> dict[str, Any]:
    is_folder = output.own is not None
    return {
        "temporary": os.path.abspath(output.temporary),
        "final": os.path.abspath(output.final),
        "inode": output.temporary.stat().st_ino if is_folder else None,
        "own": sorted(output.own or ()) if is_folder else None,
    }


def tidy(path: Path) -> None:
    """Put right what killed runs left beside an output: finish sets, bring old folders back, remove what is half."""
    path = Path(os.path.abspath(path))
    for folder in (path.parent, path):
        with suppress(OSError, ValueError):
            _tidy(folder, path)


def _tidy(folder: Path, path: Path) -> None:
    if not folder.is_dir():
        return
    left = [(entry.name, found) for entry in os.scandir(folder) if (found := _PATTERN.match(entry.name))]
    dead = [(folder / name, found[1], found[5]) for name, found in left if _is_over(found)]
    dead = [one for one in dead if one[2] != "set" or one[0].name.endswith("~") or _finish(one[0])]
    for place, tag, kind in dead:
        if kind == "old" and tag == _tag(path.name) and not path.exists():
            os.rename(place, path)
        elif kind != "old" or tag == _tag(path.name):
            _remove(place)


def _is_over(found: re.Match[str]) -> bool:
    return found[2] == this_process().place and not is_alive(int(found[3]), int(found[4]))


def _finish(listed: Path) -> bool:
    """Put the rest of a set in place whose run was killed meanwhile; False where the list is damaged or foreign."""
    try:
        entries = json.loads(listed.read_text(encoding="utf-8"))
        is_own = entries["inode"] == listed.lstat().st_ino and all(
            map(partial(_is_of_list, listed), entries["outputs"])
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        is_own = False
    if not is_own:
        logger.warning("%s is no list of a run on this machine; what it names stays as it is: remove it", listed)
        return False
    for item in entries["outputs"]:
        temporary, final = Path(item["temporary"]), Path(item["final"])
        is_there = item["inode"] is not None and final.exists() and final.stat().st_ino == item["inode"]
        if is_there:
            _remove(temporary)  # it was exchanged: this is the old folder
        elif temporary.exists():
            own = frozenset(item["own"] or ()) if not final.is_dir() or _may_swap(final) else frozenset()
            _put(_Output(temporary, final, None if item["own"] is None else own))
    for path in entries["gone"]:
        Path(path).unlink(missing_ok=True)
    return True


def _is_of_list(listed: Path, item: dict[str, Any]) -> bool:
    """Whether a temporary name of a list is one that the same process made for that output."""
    temporary, final, whose = Path(item["temporary"]), Path(item["final"]), _PATTERN.match(listed.name)
    found = _PATTERN.match(temporary.name)
    is_same = found is not None and whose is not None and found.groups()[1:4] == whose.groups()[1:4]
    return is_same and temporary.parent in (final.parent, final)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


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
