"""Files that are written whole or not at all, read with clear errors, and can be recognised by their hash."""

from __future__ import annotations

import errno
import gzip
import hashlib
import io
import json
import math
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd

from decode.core.frames import TableSource, check_source, frame_text
from decode.core.opening import open_bytes, text_encoding, unix_text

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO}


def check_output(path: str | Path) -> Path:
    """Say early, before hours of work, that an output path cannot be written.

    Parameters
    ----------
    path : str or Path
        The file or folder that will be written. Its parent folder must exist.

    Returns
    -------
    Path

    Raises
    ------
    FileNotFoundError
        If the parent folder does not exist.
    NotADirectoryError
        If the parent is no folder.
    PermissionError
        If the parent folder cannot be written.
    """
    path = Path(path)
    parent = path.parent
    if parent.exists() and not parent.is_dir():
        raise NotADirectoryError(f"output folder {parent} is a file; choose another --out")
    if not parent.is_dir():
        raise FileNotFoundError(f"output folder {parent} does not exist; create it first (mkdir -p {parent})")
    if not os.access(parent, os.W_OK):
        raise PermissionError(f"output folder {parent} cannot be written; choose another --out")
    return path


def make_output_folder(path: str | Path) -> Path:
    """Create an output folder (its parent must exist); an existing folder is used as it is."""
    path = check_output_folder(path)
    path.mkdir(exist_ok=True)
    return path


def check_output_folder(path: str | Path) -> Path:
    """Say early that a folder cannot be written; it may exist or be created later (its parent must exist).

    Raises
    ------
    FileNotFoundError, FileExistsError, PermissionError
        If the parent is absent, the name belongs to a file, or one of them cannot be written.
    """
    path = check_output(path)
    if path.exists() and not path.is_dir():
        raise FileExistsError(f"output {path} is a file, not a folder; choose another --out")
    if path.exists() and not os.access(path, os.W_OK):
        raise PermissionError(f"output folder {path} cannot be written; choose another --out")
    return path


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Give a temporary name beside `path`; rename it to `path` on success, remove it on any error.

    Parameters
    ----------
    path : str or Path
        The final name. A reader sees the old file or the new one, never a half-written one.

    Yields
    ------
    Path
        The temporary name, with the suffixes of `path`.

    Raises
    ------
    FileNotFoundError, PermissionError, IsADirectoryError
        If the name cannot be used.
    OSError
        If the disk is full or can no longer be written.
    """
    path = check_output(path)
    if path.is_dir():
        raise IsADirectoryError(f"output {path} is a folder, not a file; choose another --out")
    with _says_what_is_full(path):
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix="".join(path.suffixes[-2:]), dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            temporary.chmod(0o666 & ~_umask())
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def staged_folder(path: str | Path) -> Iterator[Path]:
    """Give a temporary folder beside `path`; move its files into `path` on success, remove it on any error.

    Parameters
    ----------
    path : str or Path
        The final folder; its parent must exist. It is created if needed; other files in it stay, files of the same
        names are replaced.

    Yields
    ------
    Path
        The temporary folder. Only files directly in it are moved; run.json, which says that all is there, is the last.

    Raises
    ------
    FileNotFoundError, FileExistsError, PermissionError
        If the folder cannot be used.
    OSError
        If the disk is full or can no longer be written.
    """
    path = check_output_folder(path)
    with _says_what_is_full(path):
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
        try:
            yield temporary
            path.mkdir(exist_ok=True)
            for item in sorted(temporary.iterdir(), key=lambda item: (item.name == "run.json", item.name)):
                os.replace(item, path / item.name)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def _says_what_is_full(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        raise OSError(f"{path} could not be written ({error.strerror}); make room or choose another --out") from error


def _umask() -> int:
    umask = os.umask(0)
    os.umask(umask)
    return umask


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
        If it is a folder or empty.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{name} {path} does not exist; check the path")
    if path.is_dir():
        raise ValueError(f"{name} {path} is a folder; name a file")
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
        If it is empty, a damaged archive, or an archive or document of another kind than gzip, bzip2 and xz.
    """
    check_source(path, name)
    if not isinstance(path, str | Path):
        return frame_text(path, name)
    path = check_input(path, name)
    with open_bytes(path, name) as handle:
        content = unix_text(handle.read())
    if not content or content.isspace():  # isspace stops at the first letter, strip() would copy gigabytes
        raise ValueError(f"{name} {path} holds no text; fetch or write it again")
    return content


@contextmanager
def open_text(path: str | Path, name: str = "file") -> Iterator[IO[str]]:
    """Open a text file for streaming, plain or compressed; a damaged archive raises ValueError where it breaks off."""
    path = check_input(path, name)
    with open_bytes(path, name) as raw:
        encoding = text_encoding(raw.peek(4)[:4]) if hasattr(raw, "peek") else "utf-8-sig"
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
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{name} {path} is no JSON ({error}); mend it") from error
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
        Keys: command, time_utc, versions, inputs, options.
    """
    files = {name: {"path": str(path), "sha256": _sha256_of_input(Path(path))} for name, path in (inputs or {}).items()}
    return {
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
        "time_utc": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions(),
        "inputs": files,
        "options": _plain(options),
    }


def _sha256_of_input(path: Path) -> str | None:
    if path.is_dir():
        return sha256_of_folder(path)
    return sha256_of(path) if path.is_file() else None
