"""Damaged files for all readers of text, in small; `python -m benchmarks reliability` is the full campaign."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from benchmarks.bench_reliability import (
    FAULTS,
    LOSS,
    READ,
    REFUSED,
    TRACEBACK,
    UNNAMED,
    Case,
    campaign,
    damaged_file,
    lines_of,
    outcome_of,
    table_of,
)
from benchmarks.mutations import MUTATIONS
from benchmarks.reliability_readers import READERS, Reader, no_comments

SEED = 20_001


def test_no_damaged_file_gives_a_traceback_or_loses_rows():
    cases = list(campaign(6 * len(READERS), seed=SEED))
    valid = [case for case in cases if case.seed == 0]
    assert [case.outcome for case in valid] == [READ] * len(READERS)
    assert [case for case in cases if case.outcome in FAULTS] == []
    assert sum(case.outcome == READ for case in cases) > len(cases) / 4
    assert sum(case.outcome == REFUSED for case in cases) > len(cases) / 4
    assert {change for case in cases for change in case.changes} == {change.__name__ for change in MUTATIONS}


def test_a_seed_is_a_file():
    reader = READERS[0]
    assert damaged_file(reader, 7) == damaged_file(reader, 7)
    assert len({damaged_file(reader, seed)[0] for seed in range(20)}) > 15


def judged(path: Path, read, content: bytes = b"a\nb\n") -> str:
    path.write_bytes(content)
    return outcome_of(Reader("demo", path.name, lambda: "a\nb\n", read, no_comments), path, content)[0]


def test_faults_are_told_from_refusals(tmp_path):
    def fail(error: BaseException):
        def read(path: Path) -> int:
            raise error

        return read

    path = tmp_path / "table.tsv"
    assert judged(path, lambda path: 2) == READ
    assert judged(path, lambda path: 1) == LOSS
    assert judged(path, fail(ValueError("table.tsv has no gene"))) == REFUSED
    assert judged(path, fail(ValueError("could not convert string to float: 'x'"))) == UNNAMED
    assert judged(path, fail(UnicodeDecodeError("utf-8", b"\xff", 0, 1, "table.tsv"))) == UNNAMED
    assert judged(path, fail(ValueError("table.tsv: " + "x" * 3000))) == UNNAMED
    assert judged(path, fail(RecursionError())) == TRACEBACK
    assert judged(path, lambda path: 0, gzip.compress(b"a\nb\n")[:-9]) == LOSS


def test_lines_are_counted_without_the_package():
    text = "a\r\nb\rc\n\n  \nd"
    for content in (text.encode(), text.encode("utf-16"), text.encode("utf-8-sig"), gzip.compress(text.encode())):
        assert lines_of(content) == ["a", "b", "c", "d"]
    assert lines_of(gzip.compress(text.encode())[:-9]) is None


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_rows_of_valid_files(reader):
    rows = reader.rows(lines_of(reader.text().encode()))
    assert rows is None or rows >= (4 if reader.name == "configuration" else 12)


def test_the_table_counts_all_files():
    table = table_of([Case("a", 0, [], READ, ""), Case("a", 1, ["truncate"], LOSS, "1 of 2 rows")])
    assert table.row_count == 2
