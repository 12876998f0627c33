"""Damage to text files, as transfers, editors, spreadsheets and malice do it: one seed, one damaged file."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable

import numpy as np

Rng = np.random.Generator

# Cells that readers have stumbled over: numbers out of range or in disguise, missing values, quotes, odd characters.
CELLS = (
    "1e308", "-1e308", "1e309", "inf", "-inf", "nan", "NA", "", " ", "-1", "-0", "0", "1_0", "0x10", "1,5", "1.5",
    "1e3", "9223372036854775807", "9223372036854775808", "99999999999999999999999", "2147483648", "9" * 5000,
    "-9223372036854775809", "+5", "\u0663", "\u00b2", "TRUE", '"', '""', '"a', 'a"b', "'", "#", "#N/A", "=1+1", "+A1",
    "-A1", "@SUM(A1)", "\\", "%s", "{}", "[]", "\u00e4\u00f6", "\ufeff", "a b", "a;b", "a,b", "a|b", "a:b", "..", "/",
    "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\x7f", "<script>", "1-Mar", "null", "None", "x" * 300,
)  # fmt: skip
LONG_FIELD = 140_000  # characters; Python's csv module stops at 131,072


def _lines(content: bytes) -> list[bytes]:
    return content.split(b"\n")


def _separator(line: bytes) -> bytes:
    return next((mark for mark in (b"\t", b",", b" ") if mark in line), b"\t")


def _some_line(lines: list[bytes], rng: Rng) -> int:
    return int(rng.integers(max(len(lines) - 1, 1)))


def flip_bits(content: bytes, rng: Rng) -> bytes:
    """One to eight bits turned over."""
    changed = bytearray(content)
    for _ in range(int(rng.integers(1, 9))):
        changed[int(rng.integers(len(changed)))] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def truncate(content: bytes, rng: Rng) -> bytes:
    """The end cut off anywhere."""
    return content[: int(rng.integers(len(content)))]


def splice(content: bytes, rng: Rng) -> bytes:
    """A piece copied to another place."""
    at, to = (int(place) for place in rng.integers(len(content), size=2))
    piece = content[at : at + int(rng.integers(1, 200))]
    return content[:to] + piece + content[to:]


def cut_out(content: bytes, rng: Rng) -> bytes:
    """A piece taken out."""
    at = int(rng.integers(len(content)))
    return content[:at] + content[at + int(rng.integers(1, 60)) :]


def repeat_line(content: bytes, rng: Rng) -> bytes:
    """A line twice."""
    lines = _lines(content)
    at = _some_line(lines, rng)
    return b"\n".join([*lines[: at + 1], *lines[at:]])


def remove_line(content: bytes, rng: Rng) -> bytes:
    """A line gone, often the first."""
    lines = _lines(content)
    at = 0 if rng.random() < 0.3 else _some_line(lines, rng)
    return b"\n".join(lines[:at] + lines[at + 1 :])


def swap_lines(content: bytes, rng: Rng) -> bytes:
    """Two lines exchanged."""
    lines = _lines(content)
    a, b = _some_line(lines, rng), _some_line(lines, rng)
    lines[a], lines[b] = lines[b], lines[a]
    return b"\n".join(lines)


def swap_columns(content: bytes, rng: Rng) -> bytes:
    """Two columns exchanged in all lines that have both."""
    lines = _lines(content)
    cut = _separator(lines[_some_line(lines, rng)])
    rows = [line.split(cut) for line in lines]
    width = max(len(row) for row in rows)
    a, b = (int(place) for place in rng.integers(width, size=2))
    for row in rows:
        if len(row) > max(a, b):
            row[a], row[b] = row[b], row[a]
    return b"\n".join(cut.join(row) for row in rows)


def _in_cell(content: bytes, rng: Rng, text: bytes) -> bytes:
    lines = _lines(content)
    at = _some_line(lines, rng)
    cut = _separator(lines[at])
    row = lines[at].split(cut)
    row[int(rng.integers(len(row)))] = text
    lines[at] = cut.join(row)
    return b"\n".join(lines)


def odd_cell(content: bytes, rng: Rng) -> bytes:
    """One to three cells replaced by odd ones."""
    for _ in range(int(rng.integers(1, 4))):
        content = _in_cell(content, rng, CELLS[int(rng.integers(len(CELLS)))].encode())
    return content


def odd_word(content: bytes, rng: Rng) -> bytes:
    """One to three words or numbers, wherever they stand, replaced by odd cells."""
    for _ in range(int(rng.integers(1, 4))):
        words = list(re.finditer(rb"[\w.+-]+", content))
        if not words:
            break
        found = words[int(rng.integers(len(words)))]
        text = CELLS[int(rng.integers(len(CELLS)))].encode()
        content = content[: found.start()] + text + content[found.end() :]
    return content


def nested(content: bytes, rng: Rng) -> bytes:
    """A word replaced by brackets in brackets, 100,000 deep."""
    words = list(re.finditer(rb"[\w.+-]+", content)) or list(re.finditer(rb"^", content))
    found = words[int(rng.integers(len(words)))]
    deep = b"[" * 100_000 + (b"]" * 100_000 if rng.random() < 0.5 else b"")
    return content[: found.start()] + deep + content[found.end() :]


def odd_column(content: bytes, rng: Rng) -> bytes:
    """One column of all lines but the first replaced by an odd cell."""
    lines = _lines(content)
    cut = _separator(lines[_some_line(lines, rng)])
    text = CELLS[int(rng.integers(len(CELLS)))].encode()
    column = int(rng.integers(max(line.count(cut) for line in lines) + 1))
    for number, line in enumerate(lines[1:], 1):
        row = line.split(cut)
        if len(row) > column:
            row[column] = text
            lines[number] = cut.join(row)
    return b"\n".join(lines)


def drop_cell(content: bytes, rng: Rng) -> bytes:
    """A cell too few or too many in one line."""
    lines = _lines(content)
    at = _some_line(lines, rng)
    cut = _separator(lines[at])
    row = lines[at].split(cut)
    place = int(rng.integers(len(row)))
    lines[at] = cut.join(row[:place] + row[place + 1 :] if rng.random() < 0.5 else [*row[:place], b"x", *row[place:]])
    return b"\n".join(lines)


def long_field(content: bytes, rng: Rng) -> bytes:
    """A cell of 140,000 characters, quoted or not."""
    text = b"A" * LONG_FIELD
    return _in_cell(content, rng, b'"' + text + b'"' if rng.random() < 0.5 else text)


def nul_bytes(content: bytes, rng: Rng) -> bytes:
    """NUL bytes somewhere, as a sparse copy leaves them."""
    at = int(rng.integers(len(content)))
    return content[:at] + bytes(int(rng.integers(1, 30))) + content[at:]


def quotes(content: bytes, rng: Rng) -> bytes:
    """One to three double quotes anywhere."""
    for _ in range(int(rng.integers(1, 4))):
        at = int(rng.integers(len(content)))
        content = content[:at] + b'"' + content[at:]
    return content


def line_ends(content: bytes, rng: Rng) -> bytes:
    """CR only, CRLF, a mixture, or one CR inside a line."""
    way = int(rng.integers(4))
    if way == 0:
        return content.replace(b"\n", b"\r")
    if way == 1:
        return content.replace(b"\n", b"\r\n")
    if way == 2:
        lines = _lines(content)
        ends = [(b"\n", b"\r", b"\r\n")[int(end)] for end in rng.integers(3, size=len(lines))]
        return b"".join(line + end for line, end in zip(lines, ends, strict=True))
    at = int(rng.integers(len(content)))
    return content[:at] + b"\r" + content[at:]


def encoding(content: bytes, rng: Rng) -> bytes:
    """Another encoding: UTF-16 with and without mark, UTF-8 with mark, Latin-1, UTF-32, or bytes that are no text."""
    text = content.decode("utf-8", "replace")
    way = int(rng.integers(6))
    if way == 5:
        at = int(rng.integers(len(content)))
        return content[:at] + b"\xff\xfe\x80" + content[at:]
    if way == 4:
        return text.replace("e", "\u00e9", 3).encode("latin-1", "replace")
    return text.encode(("utf-16", "utf-16-le", "utf-8-sig", "utf-32")[way])


def blank_lines(content: bytes, rng: Rng) -> bytes:
    """Blank lines, comments and blanks at the ends of lines."""
    lines = _lines(content)
    for _ in range(int(rng.integers(1, 4))):
        lines.insert(_some_line(lines, rng), (b"", b"   ", b"\t", b"# a comment", b"#")[int(rng.integers(5))])
    return b"\n".join(lines)


def no_rows(content: bytes, rng: Rng) -> bytes:
    """Nothing but the first line, or nothing but blanks."""
    return _lines(content)[0] + b"\n" if rng.random() < 0.7 else b" \n\n"


def damaged_gzip(content: bytes, rng: Rng) -> bytes:
    """Compressed, then cut, with flipped bits, with bytes after its end, or whole."""
    packed = gzip.compress(content, mtime=0)
    way = int(rng.integers(4))
    if way == 0:
        return truncate(packed, rng)
    if way == 1:
        return flip_bits(packed, rng)
    return packed + b"garbage" if way == 2 else packed


MUTATIONS: tuple[Callable[[bytes, Rng], bytes], ...] = (
    flip_bits, truncate, splice, cut_out, repeat_line, remove_line, swap_lines, swap_columns, odd_cell, odd_cell,
    odd_column, drop_cell, long_field, nul_bytes, quotes, line_ends, encoding, blank_lines, no_rows,
    damaged_gzip, odd_word, nested,
)  # fmt: skip


def mutated(content: bytes, rng: Rng) -> tuple[bytes, list[str]]:
    """A damaged copy of a file and the names of what was done to it: one kind of damage, sometimes two."""
    names = []
    for _ in range(1 + int(rng.random() < 0.2)):
        if len(content) < 2 or content.startswith(b"\x1f\x8b"):
            break
        change = MUTATIONS[int(rng.integers(len(MUTATIONS)))]
        content = change(content, rng)
        names.append(change.__name__)
    return content, names
