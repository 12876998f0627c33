"""Files that ask too much are refused early, in a sentence; long lines cost linear time."""

from __future__ import annotations

import gzip
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

from decode.core import limits
from decode.core.chunks import line_chunks
from decode.core.files import open_text, read_bytes, read_json_object


def streamed(path: Path) -> None:
    with open_text(path, "table") as handle:
        for _ in handle:
            pass


WAYS = {
    "whole": lambda path: read_bytes(path, "table"),
    "pieces": lambda path: list(line_chunks(path, "table")),
    "stream": streamed,
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_a_line_without_an_end(tmp_path, monkeypatch, way, pack):
    monkeypatch.setattr(limits, "MAX_LINE_BYTES", 1 << 20)
    monkeypatch.setattr(limits, "PIECE_BYTES", 1 << 16)
    path = tmp_path / "long.tsv"
    path.write_bytes(pack(b"gene\tliver\n" + b"1" * (3 << 20)))
    with pytest.raises(ValueError, match=r"table .*long\.tsv has a line of more than 1 MiB"):
        way(path)
    path.write_bytes(pack(b"gene\tliver\n" + b"1\n" * (1 << 20)))
    way(path)


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_an_archive_that_unpacks_too_far(tmp_path, monkeypatch, way):
    monkeypatch.setattr(limits, "FREE_BYTES", 1 << 20)
    monkeypatch.setattr(limits, "PIECE_BYTES", 1 << 16)
    path = tmp_path / "bomb.tsv.gz"
    path.write_bytes(gzip.compress(b"0\n" * (2 << 20)))
    with pytest.raises(ValueError, match=r"bomb\.tsv\.gz unpacks to more than 200 times its [0-9,]+ bytes.*unpack it"):
        way(path)
    path.write_bytes(b"0\n" * (2 << 20))  # what is already unpacked is fine
    way(path)


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_nul_bytes_are_no_text(tmp_path, way):
    path = tmp_path / "sparse.tsv"
    for content in (b"a\tb\n\0\0\n", b"a\n" * 5000 + b"\0\n", "a\tb\n".encode("utf-32"), "a\tb\n".encode("utf-16-le")):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"sparse\.tsv is a binary file or a damaged text"):
            way(path)
    path.write_bytes("a\tb\n".encode("utf-16"))
    way(path)


def test_long_lines_cost_linear_time(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"A" * (60 << 20))
    start = time.process_time()
    assert sum(map(len, line_chunks(path, size=1 << 14))) == (60 << 20) + 1
    assert time.process_time() - start < 5  # joined anew at every piece, it copies 115 GB


def test_memory_that_is_not_there_is_said_before(tmp_path):
    # in a process of its own, whose address space is limited: there the parser would end the process
    path = tmp_path / "big.tsv.gz"
    rows = b"".join(b"G%d" % i + b"\t%d" % (i % 7) * 1000 + b"\n" for i in range(12_000))
    path.write_bytes(gzip.compress(b"gene" + b"".join(b"\ts%d" % i for i in range(1000)) + b"\n" + rows, 1))
    code = (
        "import sys, resource, decode\n"
        "from decode.expression.readers import read_expression\n"
        "from decode.core.limits import _in_kib\n"
        "from pathlib import Path\n"
        "held = _in_kib(Path('/proc/self/status'), 'VmSize:')\n"
        "resource.setrlimit(resource.RLIMIT_AS, (held + (300 << 20),) * 2)\n"
        "try:\n    read_expression(sys.argv[1])\n"
        "except ValueError as error:\n    print(error)\n"
    )
    found = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert "big.tsv.gz needs about 0.4 GiB of memory" in found.stdout, found.stdout + found.stderr


def test_what_is_left_of_the_own_limit(monkeypatch):
    before = limits.available_bytes()
    assert before is None or before > 1 << 20
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1000, 1000))
    assert limits.available_bytes() == 0
    with pytest.raises(ValueError, match=r"the table needs about 2.0 GiB of memory and 0.0 GiB are left; split it"):
        limits.check_memory(2 << 30, "the table")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": ' + "[" * 100_000 + "}", "nested too deeply"),
        ('{"a": ' + "9" * 5000 + "}", "no JSON that can be read"),
        (json.dumps({"a": 1})[:-1], "no JSON that can be read"),
    ],
)
def test_json_of_no_measure(tmp_path, text, message):
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=rf"a\.json is {'JSON ' if 'deep' in message else ''}{message}"):
        read_json_object(path)
