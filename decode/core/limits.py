"""What a file may ask of the machine: how long a line is, how far an archive unpacks, and what fits into memory."""

from __future__ import annotations

import io
import resource
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import IO

from decode.core.opening import HDF5_MAGIC, text_encoding

PIECE_BYTES = 16 * 2**20  # unpacked at a time
MAX_LINE_BYTES = 64 * 2**20  # a row of 5 million numbers; without line ends a file is no text
# Text of this field unpacks to 3 to 30 times its size, a matrix of counts that are nearly all 0 to 100 times.
MAX_RATIO = 200
FREE_BYTES = 256 * 2**20  # unpacked text up to this size is never asked for its ratio
GIB = 2**30


def check_unpacked(n_bytes: int, path: Path, name: str) -> None:
    """Raise ValueError where an archive has unpacked to more than any table does, with the way out.

    Parameters
    ----------
    n_bytes : int
        Unpacked so far.
    path : Path
    name : str
        What the file is, for messages.
    """
    if n_bytes <= FREE_BYTES:
        return
    size = path.stat().st_size
    if n_bytes > MAX_RATIO * size:
        raise ValueError(
            f"{name} {path} unpacks to more than {MAX_RATIO} times its {size:,} bytes, as no table of measurements "
            "does; look into it, and if it is right, unpack it first and name the unpacked file"
        )


def check_line(n_bytes: int, path: Path, name: str) -> None:
    """Raise ValueError where a line is longer than any row can be."""
    if n_bytes > MAX_LINE_BYTES:
        raise ValueError(
            f"{name} {path} has a line of more than {MAX_LINE_BYTES >> 20} MiB; that is no table of rows: check what "
            "the file holds"
        )


def check_no_nul(text: bytes, path: Path, name: str) -> None:
    """Raise ValueError where a text holds NUL bytes, which cut or join its cells in every parser another way."""
    if b"\0" in text:
        raise ValueError(
            f"{name} {path} is a binary file or a damaged text (it holds NUL bytes); text in UTF-8 is wanted: fetch it "
            "again, or convert it (iconv -t utf-8)"
        )


def check_memory(n_bytes: int, what: str) -> None:
    """Raise ValueError where something needs more memory than is left: libraries below would end the process instead.

    Parameters
    ----------
    n_bytes : int
        What it needs.
    what : str
        What it is, for the message.

    Examples
    --------
    >>> check_memory(1000, "the table")
    """
    left = available_bytes()
    if left is not None and n_bytes > left:
        raise ValueError(
            f"{what} needs about {n_bytes / GIB:.1f} GiB of memory and {left / GIB:.1f} GiB are left; split it, or "
            "take a machine with more"
        )


def available_bytes() -> int | None:
    """Memory that this process may still take: of the machine, its control group and its own limit; None if unknown."""
    found = [_in_kib(Path("/proc/meminfo"), "MemAvailable:"), _of_group()]
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit != resource.RLIM_INFINITY:
        held = _in_kib(Path("/proc/self/status"), "VmSize:")
        found.append(None if held is None else max(limit - held, 0))
    known = [number for number in found if number is not None]
    return min(known) if known else None


def _in_kib(path: Path, key: str) -> int | None:
    try:
        lines = path.read_text().splitlines()
    except OSError:  # another system than Linux
        return None
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith(key)), None)


def _of_group() -> int | None:
    folder = Path("/sys/fs/cgroup")
    try:
        limit = (folder / "memory.max").read_text().strip()
        used = int((folder / "memory.current").read_text())
        cached = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
    except (OSError, ValueError):
        return None
    return None if limit == "max" else max(int(limit) - used + int(cached.get("inactive_file", 0)), 0)


def read_whole(handle: IO[bytes], path: Path, name: str) -> bytes:
    """All bytes of an open file, plain or unpacked in pieces that are checked on the way.

    Parameters
    ----------
    handle : binary file
    path : Path
        The file as it lies on disk.
    name : str

    Raises
    ------
    ValueError
        If it unpacks too far, does not fit into memory, or a line is too long (HDF5 has none).
    """
    if isinstance(handle, io.BufferedReader):  # as it lies on disk: one read, no copy
        _check_room(path.stat().st_size, path, name)
        content = handle.read()
        if not content.startswith(HDF5_MAGIC) and len(content) > MAX_LINE_BYTES:
            in_line = 0
            for at in range(0, len(content), PIECE_BYTES):
                in_line = _run_on(in_line, content, at, min(at + PIECE_BYTES, len(content)))
                check_line(in_line, path, name)
        return content
    pieces: list[bytes] = []
    n_bytes = in_line = 0
    for piece in checked_pieces(handle, PIECE_BYTES, path, name):
        pieces.append(piece)
        n_bytes += len(piece)
        _check_room(2 * n_bytes, path, name)  # the pieces and their sum
        if not pieces[0].startswith(HDF5_MAGIC):
            in_line = _run_on(in_line, piece, 0, len(piece))
            check_line(in_line, path, name)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _check_room(n_bytes: int, path: Path, name: str) -> None:
    if n_bytes > FREE_BYTES:
        check_memory(n_bytes, f"{name} {path}")


def _run_on(before: int, text: bytes, start: int, stop: int) -> int:
    """Bytes since the last line end, CR or LF, after one more piece of text."""
    last = max(text.rfind(b"\n", start, stop), text.rfind(b"\r", start, stop))
    return before + stop - start if last < 0 else stop - last - 1


class CheckedStream(io.RawIOBase):
    """An open file that says, while it is read, where it unpacks too far or a line does not end."""

    def __init__(self, handle: IO[bytes], path: Path, name: str) -> None:
        super().__init__()
        self._handle, self._path, self._name = handle, path, name
        self._n_bytes = self._in_line = 0
        self._is_wide = False  # UTF-16, of whose bytes half are NUL

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Bytes read into a buffer."""
        piece = self._handle.read(len(buffer))
        buffer[: len(piece)] = piece
        if not self._n_bytes:
            self._is_wide = text_encoding(piece[:4]) == "utf-16"
        self._n_bytes += len(piece)
        self._in_line = _run_on(self._in_line, piece, 0, len(piece))
        check_unpacked(self._n_bytes, self._path, self._name)
        check_line(self._in_line, self._path, self._name)
        if not self._is_wide:
            check_no_nul(piece, self._path, self._name)
        return len(piece)


def checked_pieces(handle: IO[bytes], size: int, path: Path, name: str) -> Iterator[bytes]:
    """Pieces of an open file, checked as `read_whole` does but for memory."""
    n_bytes = 0
    for piece in iter(partial(handle.read, size), b""):
        n_bytes += len(piece)
        check_unpacked(n_bytes, path, name)
        yield piece
