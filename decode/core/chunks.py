"""Large text files in pieces of whole lines, so that memory stays bounded whatever the size of the file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from decode.core.files import check_input
from decode.core.limits import check_line, check_no_nul, checked_pieces
from decode.core.opening import open_bytes, unix_pieces

SMALLEST_BYTES = 1 << 16
CHUNK_BYTES = 16 * 2**20  # larger pieces cost more in fresh memory than they save in calls


def line_chunks(path: str | Path, name: str = "file", *, size: int = CHUNK_BYTES) -> Iterator[bytes]:
    """Pieces of a text file, plain or compressed, each ending with LF whatever ends the lines of the file.

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
        If it is empty or holds no text, or, where it breaks off, a damaged archive, or one of another kind; or if a
        line has more than 64 MiB or it unpacks to more than 200 times its size.
    """
    path = check_input(path, name)
    has_text = False
    rest: list[bytes] = []  # of a line that has not ended; joined once, so that long lines cost no square
    n_rest = 0
    with open_bytes(path, name) as handle:
        size = min(size, max(path.stat().st_size, SMALLEST_BYTES))  # a large buffer costs time
        for piece in unix_pieces(checked_pieces(handle, size, path, name)):
            check_no_nul(piece, path, name)
            has_text = has_text or not piece.isspace()
            stop = piece.rfind(b"\n") + 1
            if stop:
                yield b"".join([*rest, piece[:stop]]) if rest or stop < len(piece) else piece
                rest, n_rest = [], 0
            rest.append(piece[stop:])
            n_rest += len(piece) - stop
            check_line(n_rest, path, name)
    if n_rest:
        yield b"".join([*rest, b"\n"])
    if not has_text:
        raise ValueError(f"{name} {path} holds no text; fetch or write it again")
