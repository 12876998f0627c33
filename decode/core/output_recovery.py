"""Putting outputs in place, and putting right what killed runs left beside them.

Temporary names say whose they are. A list of what is being put in place together is written first, so that the next run
can finish it; files of processes that are over are removed.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import secrets
import shutil
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from decode.core.processes import is_alive, this_process
from decode.core.swap import move_in, swap_in

logger = logging.getLogger(__name__)

RECORD = "run.json"  # says that all is there, so it is the last where files move one by one
TEMPORARY = re.compile(r"^\..*\.decode-([0-9a-f]{8})-([0-9a-f]{8})-(\d+)-(\d+)-[0-9a-f]{8}\.(part|old|set)")
_STEM, _SUFFIX = 80, 40  # bytes of an output's name that its temporary name keeps


class Output(NamedTuple):
    """A file or folder that is complete under a temporary name.

    Attributes
    ----------
    temporary, final : Path
    own : frozenset of str or None
        A folder: names of its earlier files that go; None where it is a file.
    """

    temporary: Path
    final: Path
    own: frozenset[str] | None


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


def put(output: Output) -> None:
    """Give an output its final name, in one step where the system can do so."""
    if output.own is None:
        os.replace(output.temporary, output.final)
    elif may_swap(output.final):
        swap_in(output.temporary, output.final, temporary_name(output.final, "old"), output.own)
    else:
        move_in(output.temporary, output.final, output.own, last=RECORD)


def may_swap(folder: Path) -> bool:
    """Whether a folder may be exchanged for another: nothing is mounted on it, and we do not stand in it."""
    return not os.path.ismount(folder) and not Path.cwd().resolve().is_relative_to(folder)


def listed_output(output: Output) -> dict[str, Any]:
    """An output as the list of a set names it."""
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
    left = [(entry.name, found) for entry in os.scandir(folder) if (found := TEMPORARY.match(entry.name))]
    dead = [(folder / name, found[1], found[5]) for name, found in left if _is_over(found)]
    dead = [one for one in dead if one[2] != "set" or one[0].name.endswith("~") or _finish(one[0])]
    for place, tag, kind in dead:
        if kind == "old" and tag == _tag(path.name) and not path.exists():
            os.rename(place, path)
        elif kind != "old" or tag == _tag(path.name):
            remove_output(place)


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
            remove_output(temporary)  # it was exchanged: this is the old folder
        elif temporary.exists():
            own = frozenset(item["own"] or ()) if not final.is_dir() or may_swap(final) else frozenset()
            put(Output(temporary, final, None if item["own"] is None else own))
    for path in entries["gone"]:
        Path(path).unlink(missing_ok=True)
    return True


def _is_of_list(listed: Path, item: dict[str, Any]) -> bool:
    """Whether a temporary name of a list is one that the same process made for that output."""
    temporary, final, whose = Path(item["temporary"]), Path(item["final"]), TEMPORARY.match(listed.name)
    found = TEMPORARY.match(temporary.name)
    is_same = found is not None and whose is not None and found.groups()[1:4] == whose.groups()[1:4]
    return is_same and temporary.parent in (final.parent, final)


def remove_output(path: Path) -> None:
    """Remove a temporary file or folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
