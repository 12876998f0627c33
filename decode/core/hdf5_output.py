"""HDF5 files that are written whole or not at all, sealed by a hash, and that survive a full disk.

HDF5 ends the process where it cannot write what it holds. It therefore writes through a file object that keeps what no
longer fits on the disk and says so when HDF5 is done.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from decode.core.files import atomic_path
from decode.core.seal import append_seal


class PatientFile(io.RawIOBase):
    """A file that takes every write; `check` raises the first error of the disk.

    Parameters
    ----------
    path : Path
        Created, or emptied.
    """

    def __init__(self, path: Path) -> None:
        self._raw = open(path, "w+b", buffering=0)  # noqa: SIM115 (closed with this object)
        self._place = 0
        self._size = 0
        self._lost: list[tuple[int, bytes]] = []
        self.error: OSError | None = None

    def check(self) -> None:
        """Raise OSError where a write did not reach the disk; call it between large pieces."""
        if self.error is not None:
            raise self.error

    def readable(self) -> bool:
        """True."""
        return True

    def writable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def tell(self) -> int:
        """Where the next byte goes."""
        return self._place

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Move to a place."""
        self._place = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._size}[whence]
        return self._place

    def truncate(self, size: int | None = None, /) -> int:
        """Set the size."""
        self._size = self._place if size is None else size
        if self.error is None:
            try:
                self._raw.truncate(self._size)
            except OSError as error:
                self.error = error
        return self._size

    def readinto(self, buffer: Any, /) -> int:
        """Read what was written, whether or not it reached the disk."""
        view = memoryview(buffer).cast("B")
        n = max(0, min(len(view), self._size - self._place))
        view[:n] = bytes(n)
        self._raw.seek(self._place)
        done = 0
        while done < n and (n_read := self._raw.readinto(view[done:n])):
            done += n_read
        for start, content in self._lost:
            low, high = max(start, self._place), min(start + len(content), self._place + n)
            if low < high:
                view[low - self._place : high - self._place] = content[low - start : high - start]
        self._place += n
        return n

    def write(self, content: Any, /) -> int:
        """Write all of it; what the disk does not take is kept in memory."""
        view = memoryview(content).cast("B")
        done = 0
        if self.error is None:
            try:
                self._raw.seek(self._place)
                while done < len(view):
                    done += self._raw.write(view[done:]) or 0
            except OSError as error:
                self.error = error
        if done < len(view):
            self._lost.append((self._place + done, bytes(view[done:])))
        self._place += len(view)
        self._size = max(self._size, self._place)
        return len(view)

    def close(self) -> None:
        """Close the file on disk."""
        try:
            self._raw.close()
        except OSError as error:
            self.error = self.error or error
        super().close()


@contextmanager
def hdf5_output(path: str | Path) -> Iterator[PatientFile]:
    """Give a file object for `h5py.File` or `h5netcdf.File`; it becomes `path`, sealed, when all is written.

    Parameters
    ----------
    path : str or Path

    Yields
    ------
    PatientFile
        Close HDF5 before the block ends. Call its `check` between large pieces.

    Raises
    ------
    FileNotFoundError, PermissionError, IsADirectoryError
        If the name cannot be used.
    OSError
        If the disk is full; an older file of that name stays as it was.

    Examples
    --------
    >>> import tempfile, h5py
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with hdf5_output(Path(folder) / "a.h5") as sink, h5py.File(sink, "w") as file:
    ...         file.attrs["format"] = "demo"
    ...     with h5py.File(Path(folder) / "a.h5") as file:
    ...         str(file.attrs["format"])
    'demo'
    """
    with atomic_path(path) as temporary:
        sink = PatientFile(temporary)
        try:
            try:
                yield sink
            finally:
                sink.close()
        except Exception as error:
            if sink.error is not None and error is not sink.error:
                raise sink.error from error
            raise
        sink.check()
        append_seal(temporary)
