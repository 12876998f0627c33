"""Put a new folder in the place of an old one in a single step; what others keep in the old one stays."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import stat
import sys
from collections.abc import Collection
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

_EXCHANGE, _HERE = 2, -100  # RENAME_EXCHANGE of linux/fs.h, AT_FDCWD of fcntl.h
_CANNOT = {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EPERM}


def exchange(one: Path, other: Path) -> bool:
    """Exchange two names in one step (Linux, most file systems); False where the system cannot."""
    rename = _renameat2()
    if rename is None:
        return False
    if rename(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in _CANNOT:
        return False
    raise OSError(number, os.strerror(number), str(one), None, str(other))


@cache
def _renameat2() -> Any:
    if not sys.platform.startswith("linux"):
        return None
    function = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)  # glibc 2.28 and later, musl
    if function is not None:
        function.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint]
    return function


def swap_in(new: Path, final: Path, aside: Path, own: Collection[str]) -> None:
    """Put the folder `new` in the place of `final`.

    Parameters
    ----------
    new, final : Path
        On one file system. `final` may be absent.
    aside : Path
        Where the old folder waits meanwhile if the system cannot exchange two folders in one step.
    own : collection of str
        Names in the old folder that go; others were carried over before, see `carry_over`.
    """
    if not final.exists():
        os.rename(new, final)
        return
    with suppress(OSError):
        new.chmod(stat.S_IMODE(final.stat().st_mode))
    if exchange(new, final):
        old = new
    else:
        os.rename(final, aside)
        try:
            os.rename(new, final)
        except OSError:
            os.rename(aside, final)
            raise
        old = aside
    carry_over(old, final, own)  # what came in since
    shutil.rmtree(old, ignore_errors=True)


def move_in(new: Path, final: Path, own: Collection[str], *, last: str) -> None:
    """Fill a folder that cannot be exchanged, file by file; the file `last`, which says that all is there, is the last.

    Parameters
    ----------
    new, final : Path
        On one file system.
    own : collection of str
        Names in `final` that go.
    last : str
    """
    (final / last).unlink(missing_ok=True)
    for name in own:
        _drop(final / name)
    for item in sorted(new.iterdir(), key=lambda item: (item.name == last, item.name)):
        place = final / item.name
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        os.replace(item, place)
    shutil.rmtree(new, ignore_errors=True)


def carry_over(old: Path, new: Path, own: Collection[str]) -> None:
    """Give a new folder what others keep in the old one: by hard links, copies where there are none.

    Parameters
    ----------
    old, new : Path
    own : collection of str
        Names in the old folder that are not carried over; neither are names that the new folder has.
    """
    for entry in os.scandir(old):
        place = new / entry.name
        if entry.name in own or os.path.lexists(place):
            continue
        if entry.is_dir(follow_symlinks=False):
            shutil.copytree(entry.path, place, symlinks=True, copy_function=_link)
        else:
            _link(entry.path, place)


def _link(source: str | Path, place: str | Path) -> None:
    try:
        os.link(source, place, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, place, follow_symlinks=False)


def _drop(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
