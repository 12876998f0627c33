"""A hash at the end of a binary file that we write, so that damage is noticed before a library parses it.

The last bytes of a sealed file are the SHA-256 of all before them. HDF5 reads up to the end that its own first block
names, so h5py, xarray and other readers see the same file with or without these bytes, and a moved file keeps them.
They tell of damage, not of the author: whoever alters a file on purpose can seal it again.
"""

from __future__ import annotations

import hashlib
import os
import struct
import time
from pathlib import Path
from typing import Any

MARK = b"decode-sha256"
_START, _END = b"\n" + MARK + b" ", b" " + MARK + b"\n"
LENGTH = len(_START) + 64 + len(_END)
PIECE = 2**20
SETTLED_NS = 2 * 10**9  # a file changed more recently may change again within one tick of its time stamp
_EOF_AT = {0: 40, 1: 44, 2: 28, 3: 28}  # of an HDF5 superblock, by its version: where the end of the file is named
_verified: set[tuple[int, ...]] = set()


def append_seal(path: str | Path) -> None:
    """Append the hash of a file to it; raises OSError where there is no room."""
    with open(path, "r+b") as handle:
        digest = hashlib.file_digest(handle, "sha256").hexdigest()
        handle.seek(0, os.SEEK_END)
        handle.write(_START + digest.encode() + _END)


def check_seal(path: str | Path, name: str, advice: str) -> bool:
    """Compare a file with the hash at its end; the file is streamed once a process, as long as it does not change.

    Parameters
    ----------
    path : str or Path
    name : str
        What it is, for messages.
    advice : str
        What to do with a damaged file.

    Returns
    -------
    bool
        False where it holds no hash: the file of another program, or of an older release.

    Raises
    ------
    ValueError
        If its bytes are not those that were written.
    """
    with open(path, "rb") as handle:
        status = os.fstat(handle.fileno())
        key = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        if key in _verified:
            return True
        first = handle.read(64)
        handle.seek(-min(2 * LENGTH, status.st_size), os.SEEK_END)
        tail = handle.read()
        if MARK not in tail and _hdf5_end(first) != status.st_size - LENGTH:
            return False
        seal = tail[-LENGTH:]
        if not (seal.startswith(_START) and seal.endswith(_END)) or _digest(handle, status.st_size - LENGTH) != seal[
            len(_START) : -len(_END)
        ].decode("latin-1"):
            raise ValueError(
                f"{name} {path} is damaged or was changed: its bytes do not have the hash at its end; {advice}"
            )
    if time.time_ns() - status.st_mtime_ns > SETTLED_NS:
        _verified.add(key)
    return True


def _hdf5_end(first: bytes) -> int | None:
    """Size of an HDF5 file as its first block has it."""
    place = _EOF_AT.get(first[8]) if len(first) == 64 else None
    if place is None:
        return None
    return int(struct.unpack_from("<Q", first, place)[0])


def _digest(handle: Any, n_bytes: int) -> str:
    digest, buffer = hashlib.sha256(), memoryview(bytearray(PIECE))
    handle.seek(0)
    while n_bytes > 0 and (n_read := handle.readinto(buffer[: min(PIECE, n_bytes)])):
        digest.update(buffer[:n_read])
        n_bytes -= n_read
    return digest.hexdigest()
