"""What a reader finds in a folder of results: contents without times, what is hidden, and what no record tells."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin  # noqa: F401  (chunks in blosc)
import numpy as np

from decode.core.opening import HDF5_MAGIC
from decode.report.finished import UNFINISHED

CHANGING = ("time_utc", "seconds", "command")  # entries of JSON files that differ from run to run

Content = dict[str, str]


def content(folder: Path, timed: Collection[str] = ()) -> Content:
    """What a reader sees in a folder of results: hash of every file, without times; nothing hidden, no work folders.

    Of the files in `timed` only the size tells whether they are whole: more than nothing.
    """
    found = {}
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.is_file() and not any(part.startswith(".") or part.endswith(".work") for part in parts):
            data = str(path.stat().st_size > 0).encode() if path.name in timed else _without_times(path)
            found["/".join(parts)] = hashlib.sha256(data).hexdigest()
    return found


def _without_times(path: Path) -> bytes:
    data = path.read_bytes()
    if data.startswith(HDF5_MAGIC):
        return _hdf5_values(path) or data
    if path.suffix == ".tsv":
        return _without_seconds(data)
    if path.suffix != ".json":
        return data
    try:
        value = json.loads(data)
        if path.name.endswith("run.json"):  # hashes of files are looked at by `untrue`
            value["files"] = sorted(value.get("files", {}))
        return json.dumps(_pruned(value), sort_keys=True).encode()
    except ValueError:
        return data


def _without_seconds(table: bytes) -> bytes:
    """A table without what it says of times."""
    rows = [line.split(b"\t") for line in table.split(b"\n")]
    times = {place for place, name in enumerate(rows[0]) if name in (b"seconds", b"cpu_seconds", b"cpu_s", b"wall_s")}
    return b"\n".join(b"\t".join(cell for i, cell in enumerate(row) if i not in times) for row in rows)


def _hdf5_values(path: Path) -> bytes:
    """Names, attributes and values: the library gives equal values other bytes; empty where it cannot be read whole."""
    found = hashlib.sha256()

    def add(name: str, item: h5py.HLObject) -> None:
        found.update(name.encode())
        for key in sorted(key for key in item.attrs if key not in ("DIMENSION_LIST", "REFERENCE_LIST")):
            found.update(f"{key} {np.asarray(item.attrs[key]).tolist()!r}".encode())
        if isinstance(item, h5py.Dataset):
            values = np.asarray(item[()])
            found.update(repr(values.tolist()).encode() if values.dtype.hasobject else values.tobytes())

    try:
        with h5py.File(path) as file:
            add("/", file)
            file.visititems(add)
    except (OSError, RuntimeError, KeyError, ValueError):
        return b""
    return found.digest()


def _pruned(value: object) -> object:
    if isinstance(value, dict):
        return {key: _pruned(item) for key, item in value.items() if key not in CHANGING}
    return [_pruned(item) for item in value] if isinstance(value, list) else value


def is_unfinished(path: Path) -> bool:
    """Whether a file is a record that says that its run was not over."""
    return path.name.endswith("run.json") and bool(_record(path).get(UNFINISHED))


def _record(path: Path) -> dict[str, Any]:
    """A record, or nothing where it is half-written."""
    try:
        value = json.loads(path.read_bytes())
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def untrue(folder: Path) -> list[str]:
    """Files that are not what a record beside them says."""
    wrong = []
    for record in folder.rglob("*run.json"):
        for name, entry in _record(record).get("files", {}).items():
            path = record.parent / name
            if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != entry["sha256"]:
                wrong.append(name)
    return wrong


def leftovers(folder: Path) -> list[str]:
    """Hidden files and work folders, which a finished command has removed."""
    found = [path.relative_to(folder).as_posix() for path in folder.rglob("*")]
    return [name for name in found if any(p.startswith(".") or p.endswith(".work") for p in name.split("/"))]


def differing(one: Content, other: Content) -> str:
    """Names of files that differ, or that only one of them has."""
    names = sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
    return ", ".join(names[:5]) + (f" (+{len(names) - 5} more)" if len(names) > 5 else "")
