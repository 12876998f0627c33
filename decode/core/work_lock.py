"""One owner of a work folder: a run that finds another at work there says so and stops."""

from __future__ import annotations

import json
import os
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from decode.core.processes import Process, is_alive, is_here, this_process

if sys.platform != "win32":
    import fcntl

LOCK = "owner.json"
_held: dict[str, int] = {}  # how often this process has taken each folder


class WorkFolderInUseError(OSError):
    """Somebody else is at work in a work folder."""


@contextmanager
def own(folder: Path) -> Iterator[None]:
    """Be the owner of an existing work folder; a process may take its own folders, and those in them, again.

    Parameters
    ----------
    folder : Path

    Raises
    ------
    WorkFolderInUseError
        If another process is at work there: one that lives on this machine, or one of another machine, of which
        nothing can be known. The lock of a process that is over is taken.
    """
    key = os.path.realpath(folder)
    if _is_within_owned(Path(key)) and key not in _held:
        yield
        return
    if not _held.get(key):
        _take(folder / LOCK, folder)
    _held[key] = _held.get(key, 0) + 1
    try:
        yield
    finally:
        _held[key] -= 1
        if not _held[key]:
            del _held[key]
            (folder / LOCK).unlink(missing_ok=True)


def _is_within_owned(folder: Path) -> bool:
    """Whether a folder lies in one that has an owner, whose workers (of whatever machine) use it."""
    return any((parent / LOCK).exists() for parent in folder.parents)


def _take(lock: Path, folder: Path) -> None:
    with _alone(folder):
        try:
            owner = _read(lock)
        except FileNotFoundError:
            owner = None
        if owner is not None and not _is_over(owner):
            raise WorkFolderInUseError(_sentence(folder, lock, owner))
        me = this_process()
        words = [Path(sys.argv[0]).name, *sys.argv[1:3]]
        text = json.dumps({**me._asdict(), "since": time.time(), "command": " ".join(words)}) + "\n"
        half = lock.with_name(f".{LOCK}.{secrets.token_hex(4)}")
        half.write_text(text, encoding="utf-8")
        try:
            if owner is not None:
                os.replace(half, lock)
            else:
                _link(half, lock)
        except FileExistsError:
            raise WorkFolderInUseError(_sentence(folder, lock, _read(lock))) from None
        finally:
            half.unlink(missing_ok=True)


def _link(half: Path, lock: Path) -> None:
    """Give the whole text its name, unless another machine did so a moment ago."""
    try:
        os.link(half, lock)
    except FileExistsError:
        raise
    except OSError:  # no hard links here
        with open(lock, "x", encoding="utf-8") as handle:
            handle.write(half.read_text(encoding="utf-8"))


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """No other process of this machine looks at the lock meanwhile, so that one only takes that of a dead process."""
    if sys.platform == "win32":
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # a file system without locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _read(lock: Path) -> dict[str, object]:
    try:
        found = json.loads(lock.read_text(encoding="utf-8"))
        return found if isinstance(found, dict) else {}
    except ValueError:
        return {}


def _process(owner: dict[str, object]) -> Process | None:
    host, space, pid, start = (owner.get(name) for name in Process._fields)
    if isinstance(host, str) and isinstance(space, str) and isinstance(pid, int) and isinstance(start, int):
        return Process(host, space, pid, start)
    return None


def _is_over(owner: dict[str, object]) -> bool:
    process = _process(owner)
    return process is not None and is_here(process) and not is_alive(process.pid, process.start)


def _sentence(folder: Path, lock: Path, owner: dict[str, object]) -> str:
    process = _process(owner)
    if process is None:
        return f"{lock} does not say who is at work in {folder}; if nobody is, remove {lock} and give the command again"
    since = owner.get("since")
    age = _age(time.time() - since) if isinstance(since, int | float) else "at an unknown time"
    who = f"{folder} is the work folder of a run that is not over: process {process.pid} on {process.host}"
    what = f"begun {age} ({owner.get('command')})"
    if is_here(process):
        return f"{who}, {what}; wait for it, end it, or choose another --out"
    return (
        f"{who}, {what}, another machine or container than this one ({this_process().host}); if that process is "
        f"over, remove {lock} and give the command again"
    )


def _age(seconds: float) -> str:
    """How long ago, in one unit.

    Examples
    --------
    >>> _age(7300), _age(30)
    ('2 hours ago', '30 seconds ago')
    """
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length:.0f} {unit} ago"
    return f"{max(seconds, 0):.0f} seconds ago"
