"""Large text files in pieces of whole lines, so that memory stays bounded whatever the size of the file."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

from decode.core.files import check_input, is_gzip

CHUNK_BYTES = 16 * 2**20  # larger pieces cost more in fresh memory than they save in calls


def line_chunks(path: str | Path, name: str = "file", *, size: int = CHUNK_BYTES) -> Iterator[bytes]:
    """Pieces of a plain or gzip text file, each ending with a line end (the last as the file ends).

    Parameters
    ----------
    path : str or Path
    name : str
        What the file is, for messages.
    size : int
        Bytes of text read at a time; a piece can be longer where a line is.

    Yields
    ------
    bytes

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is empty or holds no text, or, where it breaks off, a truncated or damaged gzip file.
    """
    path = check_input(path, name)
    has_text = False
    rest = b""
    with open(path, "rb") as raw:
        handle = gzip.GzipFile(fileobj=raw) if is_gzip(path) else raw
        while True:
            try:
                piece = handle.read(size)
            except (EOFError, zlib.error, gzip.BadGzipFile) as error:
                raise ValueError(
                    f"{name} {path} is a truncated or damaged gzip file ({error}); fetch or compress it again"
                ) from error
            if not piece:
                break
            has_text = has_text or not piece.isspace()
            stop = piece.rfind(b"\n") + 1
            if stop:
                yield rest + piece[:stop]
                rest = piece[stop:]
            else:
                rest += piece
    if rest:
        yield rest
    if not has_text:
        raise ValueError(f"{name} {path} holds no text; fetch or write it again")
