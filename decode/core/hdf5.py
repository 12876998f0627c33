"""The one way into an HDF5 file, whoever wrote it: its hash, what it refers to, and how much it declares."""

from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import Any

import h5py

from decode.core.seal import check_seal

logger = logging.getLogger(__name__)

MOST_TIMES = 1100  # uncompressed over compressed: deflate reaches 1,032, small chunks of blosc-zstd about 800
SLACK_BYTES = 64 * 2**20  # declared and never written, in a small file
MOST_DEEP = 32  # groups in groups; finding a name takes time with each
READ_ERRORS = (
    OSError, RuntimeError, LookupError, ValueError, TypeError, AttributeError, RecursionError, OverflowError,
)  # fmt: skip
_PLAIN = {h5py.h5t.INTEGER, h5py.h5t.FLOAT, h5py.h5t.STRING, h5py.h5t.ENUM}
_CLASSES = {
    h5py.h5t.COMPOUND: "compound or complex", h5py.h5t.REFERENCE: "reference", h5py.h5t.OPAQUE: "opaque",
    h5py.h5t.VLEN: "variable-length", h5py.h5t.ARRAY: "array", h5py.h5t.BITFIELD: "bit field", h5py.h5t.TIME: "time",
}  # fmt: skip


def open_hdf5(path: str | Path, name: str, advice: str, *, plain: bool = True) -> h5py.File:
    """Open an HDF5 file for reading after `check_hdf5`; close it, or use it as a context manager.

    Parameters
    ----------
    path : str or Path
    name : str
        What it is, for messages: "features file".
    advice : str
        What to do where it cannot be used: "build it again".
    plain : bool, default True
        Refuse data sets of anything but numbers and text, wherever in the file.

    Returns
    -------
    h5py.File

    Raises
    ------
    ValueError
        If it is no HDF5 file, damaged, refers to other files or declares more data than a file of its size can hold.
    OSError
        If it cannot be opened for a reason of the system.
    """
    is_sealed = check_seal(path, name, advice)
    try:
        file = h5py.File(path, "r")
    except (PermissionError, FileNotFoundError, BlockingIOError):
        raise
    except READ_ERRORS as error:
        raise ValueError(f"{name} {path} is damaged or no HDF5 file ({short(error)}); {advice}") from error
    try:
        check_contents(file, f"{name} {path}", Path(path).stat().st_size, advice, plain=plain)
        if not is_sealed and str(file.attrs.get("format", "")).startswith("decode-"):
            logger.warning(
                "%s %s has no hash at its end (an older release, or changed since): damage would go unnoticed",
                name,
                path,
            )
    except READ_ERRORS as error:
        file.close()
        if isinstance(error, ValueError) and str(error).startswith(name):
            raise
        raise ValueError(f"{name} {path} is damaged ({short(error)}); {advice}") from error
    return file


def check_hdf5(path: str | Path, name: str, advice: str) -> None:
    """The checks of `open_hdf5` alone, before another library opens the file; raises the same."""
    open_hdf5(path, name, advice).close()


def check_contents(file: h5py.File, name: str, n_bytes: int, advice: str, *, plain: bool = True) -> None:
    """Refuse an opened file that refers to other files, holds odd types or declares too much.

    Nothing but descriptions of data sets is read.

    Parameters
    ----------
    file : h5py.File
    name : str
        For messages.
    n_bytes : int
        Size of the file. What all its data sets declare may be 1,100 times as much, and 64 MiB.
    advice : str
    plain : bool, default True
        Refuse data sets of anything but numbers and text.

    Raises
    ------
    ValueError
        If a link leads to another file, groups lie too deep in each other, a data set lies in another file or is
        assembled from others, or its type or size is refused.
    """
    seen: set[int] = set()
    left = MOST_TIMES * n_bytes + SLACK_BYTES
    groups: list[tuple[Any, bytes, int]] = [(file.id, b"", 0)]
    faults: list[str] = []

    def fault(link: bytes, info: Any) -> str | None:
        nonlocal left
        shown = (inside + link).decode("utf-8", "replace")[:200]
        if info.type not in (h5py.h5l.TYPE_HARD, h5py.h5l.TYPE_SOFT):
            return f"{shown} is a link to another file"
        if info.type == h5py.h5l.TYPE_SOFT:
            return None  # what it leads to has a hard link or an external one
        item = h5py.h5o.open(group, link)
        address = h5py.h5o.get_info(item).addr
        if address in seen:
            return None
        seen.add(address)
        if isinstance(item, h5py.h5g.GroupID):
            groups.append((item, inside + link + b"/", depth + 1))
            return f"{shown} is a group in {depth} others" if depth >= MOST_DEEP else None
        if not isinstance(item, h5py.h5d.DatasetID):
            return None
        found = _fault_of(item, plain)
        if found is not None:
            return f"data set {shown} {found}"
        n_values = math.prod(item.shape or (0,))
        left -= n_values * item.get_type().get_size()
        if left < 0:
            return f"data set {shown} of shape {item.shape} is larger than a file of {n_bytes:,} bytes can hold"
        return None

    def noted(link: bytes, info: Any) -> bool | None:
        if found := fault(link, info):
            faults.append(found)
        return bool(faults) or None  # True ends the walk

    try:
        seen.add(h5py.h5o.get_info(file.id).addr)
        while groups and not faults:  # not by HDF5's own walk, which takes the square of the depth
            group, inside, depth = groups.pop()
            group.links.iterate(noted, info=True)
    except READ_ERRORS as error:
        raise ValueError(f"{name} is damaged ({short(error)}); {advice}") from error
    if faults:
        raise ValueError(f"{name} is refused: {faults[0]}; {advice}")


def _fault_of(item: Any, plain: bool) -> str | None:
    properties = item.get_create_plist()
    if properties.get_external_count():
        return "lies in another file"
    if properties.get_layout() == h5py.h5d.VIRTUAL:
        return "is put together from other files (virtual)"
    kind = item.get_type().get_class()
    if plain and kind not in _PLAIN:
        return f"is of type {_CLASSES.get(kind, 'unknown')}, not numbers or text"
    return None


def short(error: BaseException) -> str:
    """The first line of an error, without quotes."""
    return (str(error).strip("'\"").splitlines() or [type(error).__name__])[0]
