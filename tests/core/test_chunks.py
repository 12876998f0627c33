from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from decode.core.chunks import line_chunks

TEXT = b"first line\nsecond\n\na much longer third line\nlast without end"


@pytest.mark.parametrize("size", [1, 5, 11, 1000])
@pytest.mark.parametrize("is_gzip", [True, False])
def test_pieces_are_whole_lines_and_add_up(tmp_path: Path, size: int, is_gzip: bool) -> None:
    path = tmp_path / "text"
    path.write_bytes(gzip.compress(TEXT) if is_gzip else TEXT)
    pieces = list(line_chunks(path, size=size))
    assert b"".join(pieces) == TEXT + b"\n"
    assert all(piece.endswith(b"\n") for piece in pieces)


def test_truncated_gzip_raises(tmp_path: Path) -> None:
    path = tmp_path / "cut.gz"
    path.write_bytes(gzip.compress(bytes(range(256)) * 100)[:-20])
    with pytest.raises(ValueError, match=r"cut.gz is a truncated or damaged gzip file"):
        list(line_chunks(path, "sites"))


@pytest.mark.parametrize("content", [b"", b" \n\n", gzip.compress(b"")])
def test_no_text_raises(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "empty"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"empty|no text"):
        list(line_chunks(path))
