"""Every form in which the same text can come gives the same text, whole or in pieces."""

from __future__ import annotations

import bz2
import gzip
import lzma
from pathlib import Path

import pytest

from decode.core.chunks import line_chunks
from decode.core.files import open_text, read_bytes

TEXT = "gene\tliver\nÄ1\t2.5\n\nB\t3\n"
ENCODED = {
    "plain": TEXT.encode(),
    "byte order mark": b"\xef\xbb\xbf" + TEXT.encode(),
    "Windows": TEXT.replace("\n", "\r\n").encode(),
    "old Mac": TEXT.replace("\n", "\r").encode(),
    "mixed": "gene\tliver\r\nÄ1\t2.5\r\nB\t3\n".replace("5\r\n", "5\r\r\n").encode(),
    "UTF-16 little": b"\xff\xfe" + TEXT.encode("utf-16-le"),
    "UTF-16 big, Windows": b"\xfe\xff" + TEXT.replace("\n", "\r\n").encode("utf-16-be"),
}
PACKED = {"": bytes, ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}


@pytest.mark.parametrize("content", ENCODED.values(), ids=ENCODED.keys())
@pytest.mark.parametrize("suffix", PACKED)
def test_every_form_gives_the_same_text(tmp_path: Path, content: bytes, suffix: str) -> None:
    path = tmp_path / "table.tsv"  # told by the content, so the name says nothing
    path.write_bytes(PACKED[suffix](content))
    assert read_bytes(path).decode() == TEXT
    with open_text(path) as handle:
        assert handle.read() == TEXT
    for size in (1, 3, 1000):
        assert b"".join(line_chunks(path, size=size)).decode() == TEXT


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz"])
def test_an_archive_that_breaks_off_is_said_by_every_reader(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / "cut"
    path.write_bytes(PACKED[suffix](bytes(range(1, 256)) * 4000)[:-40])

    def stream() -> None:
        with open_text(path, "sites") as handle:
            for _ in handle:
                pass

    for read in (lambda: read_bytes(path, "sites"), lambda: list(line_chunks(path, "sites")), stream):
        with pytest.raises(ValueError, match=r"sites .*cut (is a truncated or damaged|is not UTF-8)"):
            read()


def test_damage_inside_bzip2(tmp_path: Path) -> None:
    content = bytearray(bz2.compress(TEXT.encode() * 1000))
    content[40:60] = bytes(20)
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(ValueError, match="damaged bzip2 file"):
        read_bytes(tmp_path / "x")


@pytest.mark.parametrize(
    ("start", "words"),
    [
        (b"PK\x03\x04", "zip archive or a spreadsheet; unpack it"),
        (b"\x28\xb5\x2f\xfd", r"compressed by zstd; decompress it first \(zstd -d\)"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "is a spreadsheet; export"),
        (b"%PDF-1.7", "is a PDF"),
    ],
)
def test_other_archives_are_named(tmp_path: Path, start: bytes, words: str) -> None:
    path = tmp_path / "table.tsv"
    path.write_bytes(start + b"rest")
    with pytest.raises(ValueError, match=words):
        read_bytes(path)
    with pytest.raises(ValueError, match=words), open_text(path):
        pass
    with pytest.raises(ValueError, match=words):
        list(line_chunks(path))
