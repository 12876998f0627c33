"""Plain arrays from an .npz file of strangers: no objects, and no more memory than the file can fill."""

from __future__ import annotations

import io
import lzma
import math
import zipfile
import zlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from decode.core.checks import listed
from decode.core.limits import check_memory
from decode.core.outputs import atomic_path

READ_ERRORS = (
    ValueError, OSError, EOFError, LookupError, RuntimeError, TypeError, OverflowError, MemoryError, SyntaxError,
    NotImplementedError, zipfile.BadZipFile, zlib.error, lzma.LZMAError,
)  # fmt: skip
MOST_TIMES = 1100  # deflate reaches 1,032
KINDS = "biufUS"
NO_TIME = (1980, 1, 1, 0, 0, 0)


def array_header(handle: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and type of an array, of which nothing else is read."""
    version = npy.read_magic(handle)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = read(handle)
    return shape, dtype


def write_arrays(arrays: Mapping[str, NDArray[Any]], path: str | Path) -> None:
    """Write arrays of numbers as an .npz file packed by LZMA, smaller than by deflate; equal arrays give equal bytes.

    Parameters
    ----------
    arrays : mapping of str to array
    path : str or Path
        Replaced atomically.
    """
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_LZMA) as archive:
        for name, values in arrays.items():
            content = io.BytesIO()
            npy.write_array(content, values, version=(1, 0), allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy", NO_TIME)
            entry.compress_type = zipfile.ZIP_LZMA
            archive.writestr(entry, content.getvalue())


def read_arrays(path: str | Path, wanted: Collection[str], name: str, advice: str) -> dict[str, NDArray[Any]]:
    """All arrays of a file, by name.

    Parameters
    ----------
    path : str or Path
    wanted : collection of str
        Names that must be there; others are read too.
    name : str
        What it is, for messages.
    advice : str
        What to do where it cannot be used.

    Returns
    -------
    dict of str to array
        Of numbers or text; numbers may be undefined.

    Raises
    ------
    ValueError
        If the file is damaged, lacks an array, or holds objects, an array twice or less than it declares.
    """
    path = Path(path)
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            names = [entry.filename.removesuffix(".npy") for entry in entries]
            if len(set(names)) < len(names):
                raise ValueError("an array is there twice")
            if missing := [item for item in wanted if item not in names]:
                raise ValueError(f"{listed(missing)} is missing")
            n_bytes = sum(entry.file_size for entry in entries)
            if n_bytes > MOST_TIMES * path.stat().st_size:
                raise ValueError("it declares more than a file of its size can hold")
            check_memory(n_bytes, "what it declares")  # LZMA reaches 7,000 times
            return {item: _read(archive, entry) for item, entry in zip(names, entries, strict=True)}
    except READ_ERRORS as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise ValueError(f"{name} {path} is damaged or no array file ({reason}); {advice}") from error


def _read(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> NDArray[Any]:
    with archive.open(entry) as handle:
        shape, dtype = array_header(handle)
        if dtype.kind not in KINDS:
            raise ValueError(f"{entry.filename} holds objects of type {dtype}")
        if math.prod(shape) * dtype.itemsize != entry.file_size - handle.tell():
            raise ValueError(f"{entry.filename} has shape {shape} and not as many values")
    with archive.open(entry) as handle:
        array: NDArray[Any] = npy.read_array(handle, allow_pickle=False)
        return array
