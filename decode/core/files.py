"""Files that are written whole or not at all, read with clear errors, and can be recognised by their hash."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import math
import platform
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd

from decode.core.frames import TableSource, check_source, frame_text
from decode.core.limits import CheckedStream, check_no_nul, read_whole
from decode.core.opening import HDF5_MAGIC, open_bytes, text_encoding, unix_text
from decode.core.outputs import atomic_path, check_output, check_output_folder, make_output_folder, staged_folder

__all__ = [
    "atomic_path",
    "check_input",
    "check_output",
    "check_output_folder",
    "make_output_folder",
    "open_text",
    "options_from",
    "read_bytes",
    "read_json_object",
    "run_record",
    "sha256_of",
    "sha256_of_folder",
    "staged_folder",
    "to_json",
    "versions",
    "write_json",
    "write_table",
]

PIECE_OF_STREAM = 1 << 18  # bytes
_options_file: ContextVar[Path | None] = ContextVar("options_file", default=None)


def sha256_of(path: str | Path) -> str:
    """SHA-256 of a file's bytes, as 64 hex digits."""
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def sha256_of_folder(path: str | Path) -> str:
    """SHA-256 over the names and hashes of all files of a folder, hidden ones left out."""
    files = sorted(file for file in Path(path).rglob("*") if file.is_file() and not file.name.startswith("."))
    lines = [f"{file.relative_to(path).as_posix()}\t{sha256_of(file)}\n" for file in files]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def check_input(path: str | Path, name: str = "file") -> Path:
    """Return the path of an existing, readable, non-empty file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is a folder, a pipe or empty.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{name} {path} does not exist; check the path")
    if path.is_dir():
        raise ValueError(f"{name} {path} is a folder; name a file")
    if not path.is_file():
        raise ValueError(f"{name} {path} is a pipe or device, and inputs are read more than once; write a file first")
    if path.stat().st_size == 0:
        raise ValueError(f"{name} {path} is empty; fetch or write it again")
    return path


def read_bytes(path: TableSource, name: str = "file") -> bytes:
    """The whole content of a file, decompressed; a text comes in UTF-8 without byte order mark, lines ending in LF.

    A table in memory (pandas, polars) gives the text of the file that it would be, see `decode.core.frames`.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is empty, a damaged archive, or an archive or document of another kind than gzip, bzip2 and xz; if a line
        has more than 64 MiB, or it unpacks to more than 200 times its size or than fits into memory.
    """
    check_source(path, name)
    if not isinstance(path, str | Path):
        return frame_text(path, name)
    path = check_input(path, name)
    with open_bytes(path, name) as handle:
        content = unix_text(read_whole(handle, path, name))
    if not content.startswith(HDF5_MAGIC):
        check_no_nul(content, path, name)
    if not content or content.isspace():  # isspace stops at the first letter, strip() would copy gigabytes
        raise ValueError(f"{name} {path} holds no text; fetch or write it again")
    return content


@contextmanager
def open_text(path: str | Path, name: str = "file") -> Iterator[IO[str]]:
    """Open a text file for streaming, plain or compressed; a damaged archive raises ValueError where it breaks off."""
    path = check_input(path, name)
    with open_bytes(path, name) as unpacked:
        raw = io.BufferedReader(CheckedStream(unpacked, path, name), PIECE_OF_STREAM)
        encoding = text_encoding(raw.peek(4)[:4])
        try:
            with io.TextIOWrapper(raw, encoding=encoding) as handle:
                yield handle
        except UnicodeDecodeError as error:
            raise ValueError(f"{name} {path} is not UTF-8 text ({error.reason} at byte {error.start})") from error


def write_table(table: pd.DataFrame, path: str | Path, *, index: bool = False, header: bool = True) -> None:
    """Write a tab-separated table at full float precision, gzip where the name ends in .gz.

    Parameters
    ----------
    table : pd.DataFrame
    path : str or Path
        Written atomically. The gzip stream carries no time stamp, so equal tables give equal bytes.
    index : bool
        Whether the row index is written as first column.
    header : bool
        Whether the column names are written as first line.
    """
    path = Path(path)
    with atomic_path(path) as temporary:
        if path.suffix == ".gz":
            with open(temporary, "wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as handle:
                table.to_csv(handle, sep="\t", index=index, header=header, na_rep="")
        else:
            table.to_csv(temporary, sep="\t", index=index, header=header, na_rep="")


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Path):
        return str(value)
    return value


def to_json(value: Any) -> str:
    """JSON text in which an undefined number (NaN, infinity) is null; keys keep their order."""
    return json.dumps(_plain(value), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def write_json(value: Any, path: str | Path) -> None:
    """Write a JSON file atomically; NaN and infinity become null."""
    with atomic_path(path) as temporary:
        temporary.write_text(to_json(value), encoding="utf-8")


def read_json_object(path: str | Path, name: str = "file") -> dict[str, Any]:
    """Read a JSON file that a user may have written: an object with named values.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is empty, no JSON, or another kind of JSON value.
    """
    content = read_bytes(path, name)
    try:
        values = json.loads(content)
    except RecursionError as error:
        raise ValueError(f"{name} {path} is JSON nested too deeply to be read; mend it") from error
    except ValueError as error:  # also numbers of thousands of digits
        raise ValueError(f"{name} {path} is no JSON that can be read ({error}); mend it") from error
    if not isinstance(values, dict):
        raise ValueError(f"{name} {path} is a JSON {type(values).__name__}; an object with named values is wanted")
    return values


def versions(packages: Sequence[str] = ("numpy", "pandas", "tensorflow", "keras", "shap")) -> dict[str, str]:
    """Versions of Python, of this package and of the packages that results depend on."""
    found = {"python": platform.python_version()}
    for package in ("decode-expression", *packages):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


@contextmanager
def options_from(path: Path | None) -> Iterator[None]:
    """Within the block, records name the file that options were read from; None: there is none."""
    token = _options_file.set(path)
    try:
        yield
    finally:
        _options_file.reset(token)


def run_record(*, inputs: dict[str, str | Path] | None = None, **options: Any) -> dict[str, Any]:
    """What was run, on what, with which versions: stored beside every result.

    Parameters
    ----------
    inputs : dict of str to path, optional
        Each existing file is recorded with its SHA-256; a folder with that of its files' names and hashes.
    **options
        Options of the call, JSON-ready.

    Returns
    -------
    dict
        Keys: command, time_utc, versions, inputs, options; params where options were read from a file (its path and
        SHA-256; what was in force stands under options either way).
    """
    params = _options_file.get()
    files = {name: {"path": str(path), "sha256": _sha256_of_input(Path(path))} for name, path in (inputs or {}).items()}
    return {
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
        "time_utc": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions(),
        "inputs": files,
        "options": _plain(options),
        **({} if params is None else {"params": {"path": str(params), "sha256": sha256_of(params)}}),
    }


def _sha256_of_input(path: Path) -> str | None:
    if path.is_dir():
        return sha256_of_folder(path)
    return sha256_of(path) if path.is_file() else None
