"""The one way into a file that somebody brings: compression by content, encodings, byte order marks and line ends."""

from __future__ import annotations

import bz2
import codecs
import gzip
import lzma
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import IO, Any, cast

GZIP_MAGIC = b"\x1f\x8b"
HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
_OPENERS: dict[bytes, Callable[[IO[bytes]], Any]] = {
    GZIP_MAGIC: gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\x00": lzma.open,
}
_ADVICE = {
    b"PK\x03\x04": "is a zip archive or a spreadsheet; unpack it and name the file in it, or export the table as "
    "tab-separated text",
    b"\xd0\xcf\x11\xe0": "is a spreadsheet; export the table as tab-separated text",
    b"\x28\xb5\x2f\xfd": "is compressed by zstd; decompress it first (zstd -d)",
    b"%PDF": "is a PDF; tab-separated text is wanted",
}
COMPRESSED_SUFFIXES = (".gz", ".bgz", ".bz2", ".xz")
_DAMAGED = (EOFError, zlib.error, gzip.BadGzipFile, lzma.LZMAError)
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def plain_name(path: str | Path) -> str:
    """Name of a file without the suffix of its compression.

    Examples
    --------
    >>> plain_name("chip/CTCF.bed.gz"), plain_name("CTCF.bed")
    ('CTCF.bed', 'CTCF.bed')
    """
    name = Path(path).name
    return next((name.removesuffix(suffix) for suffix in COMPRESSED_SUFFIXES if name.endswith(suffix)), name)


@contextmanager
def open_bytes(path: Path, name: str) -> Iterator[IO[bytes]]:
    """The bytes of a file, decompressed (gzip, bzip2 and xz by their first bytes, whatever the name says).

    Parameters
    ----------
    path : Path
        An existing file.
    name : str
        What it is, for messages.

    Yields
    ------
    binary file

    Raises
    ------
    ValueError
        If it is an archive or a document of another kind, or, where it breaks off, a truncated or damaged archive.
    """
    with open(path, "rb") as raw:
        start = raw.read(8)
        raw.seek(0)
        for magic, advice in _ADVICE.items():
            if start.startswith(magic):
                raise ValueError(f"{name} {path} {advice}")
        opener = next((opener for magic, opener in _OPENERS.items() if start.startswith(magic)), None)
        try:
            yield cast(IO[bytes], raw if opener is None else opener(raw))
        except _DAMAGED as error:
            raise damaged(path, name, start, error) from error
        except OSError as error:
            if opener is bz2.open and error.errno is None:  # how bz2 says that its data are wrong
                raise damaged(path, name, start, error) from error
            raise


def damaged(path: Path, name: str, start: bytes, error: Exception) -> ValueError:
    """The error of an archive that breaks off or does not hold what its first bytes promise."""
    kind = "gzip" if start.startswith(GZIP_MAGIC) else "bzip2" if start.startswith(b"BZh") else "xz"
    return ValueError(f"{name} {path} is a truncated or damaged {kind} file ({error}); fetch or compress it again")


def text_encoding(start: bytes) -> str:
    """Name of the encoding that the first bytes of a text show: UTF-16 by its mark, else UTF-8 with or without one.

    Examples
    --------
    >>> text_encoding(b"gene"), text_encoding(codecs.BOM_UTF16_LE + b"g\\0")
    ('utf-8-sig', 'utf-16')
    """
    return "utf-16" if start.startswith(_UTF16) and not start.startswith(codecs.BOM_UTF32_LE) else "utf-8-sig"


def unix_text(content: bytes) -> bytes:
    """A text in UTF-8 without byte order mark and with LF at the end of lines; binary content as it is.

    Examples
    --------
    >>> unix_text(codecs.BOM_UTF8 + b"a\\tb\\r1\\t2\\r\\n")
    b'a\\tb\\n1\\t2\\n'
    """
    if text_encoding(content[:4]) == "utf-16":
        content = content.decode("utf-16", "replace").encode()
    elif content.startswith(HDF5_MAGIC):
        return content
    content = content.removeprefix(codecs.BOM_UTF8)
    if b"\r" not in content:
        return content
    return content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def unix_pieces(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """`unix_text` of a stream: pieces of any size in, the same text in pieces out.

    Examples
    --------
    >>> b"".join(unix_pieces(iter([b"a\\r", b"\\nb\\rc", b"\\r\\n"])))
    b'a\\nb\\nc\\n'
    """
    pieces, decoder, held = iter(pieces), None, b""
    first = b""
    while len(first) < len(codecs.BOM_UTF32_LE) and (piece := next(pieces, b"")):
        first += piece
    if text_encoding(first) == "utf-16":
        decoder = codecs.getincrementaldecoder("utf-16")("replace")
    for piece in chain([first if decoder else first.removeprefix(codecs.BOM_UTF8)], pieces):
        text = piece if decoder is None else decoder.decode(piece).encode()
        text, held = held + text if held else text, b""
        if text.endswith(b"\r"):  # the LF of a CRLF may open the next piece
            text, held = text[:-1], b"\r"
        if b"\r" in text:
            text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if text:
            yield text
    if held:
        yield b"\n"
