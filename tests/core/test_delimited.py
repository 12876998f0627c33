from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decode.core.delimited import close_quotes, n_rows_in, open_quote_lines, read_text_table, split_cells


def test_two_stray_quotes_swallow_no_row() -> None:
    text = b'A\t5" end\t1\nB\tx\t2\nC\t3" end\t3\n'
    assert close_quotes(text, "\t", 3, "demo") == b"A\t5 end\t1\nB\tx\t2\nC\t3 end\t3\n"
    quoted = b'A,"5 end,1\nB,x,2\nC,3 end",3\n'
    assert len(list(csv.reader(quoted.decode().splitlines(keepends=True)))) == 1  # what readers do with it
    assert n_rows_in(close_quotes(quoted, ",", 3, "demo")) == 3


def test_a_quote_that_may_hold_separators_is_refused_with_its_lines() -> None:
    with pytest.raises(ValueError, match=r"demo: a double quote is left open in line 12, line 14"):
        close_quotes(b'A,"1,2\nB,1\nC,"3,4\n', ",", 2, "demo", first_line=12)
    with pytest.raises(ValueError, match="line 1"):  # a quoted cell over two lines
        close_quotes(b'A,"one\ntwo",1\n', ",", 3, "demo")


def test_closed_quotes_stay() -> None:
    text = b'"A, B",1\n"say ""x""",2\n'
    assert close_quotes(text, ",", 2, "demo") is text
    assert [split_cells(line, ",") for line in text.decode().split("\n")[:2]] == [["A, B", "1"], ['say "x"', "2"]]


@given(st.lists(st.text(alphabet='ab" ,', max_size=8), max_size=8))
def test_open_lines_by_counting(lines: list[str]) -> None:
    content = "\n".join(lines).encode()
    expected = [number for number, line in enumerate(lines) if line.count('"') % 2]
    assert open_quote_lines(content).tolist() == expected
    assert n_rows_in(content) == sum(bool(line.strip()) for line in lines)


@given(st.lists(st.text(alphabet="ab1 ", max_size=5), min_size=1, max_size=6))
def test_cells_written_by_csv_come_back(cells: list[str]) -> None:
    handle = io.StringIO()
    csv.writer(handle, quoting=csv.QUOTE_ALL, lineterminator="").writerow(cells)
    assert split_cells(handle.getvalue(), ",") == [cell.strip() for cell in cells]


def test_text_table(tmp_path: Path) -> None:
    path = tmp_path / "samples.tsv"
    path.write_bytes(b'\xef\xbb\xbf# made by hand\rsample\tage\tnote\rS1\t30\t5" end\rS2\tNA\tx\r')
    table = read_text_table(path, "table of samples")
    assert (table.header, table.first_line) == (["sample", "age", "note"], 3)
    strings = table.strings({0: "name", 2: "about"})
    assert strings.to_dict("list") == {"name": ["S1", "S2"], "about": ["5 end", "x"]}
    assert strings.index.tolist() == [3, 4]
    typed = table.typed()
    assert typed["age"].tolist()[0] == 30.0
    assert np.isnan(typed["age"].tolist()[1])
    path.write_text("a,b\n1,2\n3\n")
    with pytest.raises(ValueError, match="header's 2: line 3 has 1"):
        read_text_table(path, "table").strings()
    path.write_text("a,a\n1,2\n")
    with pytest.raises(ValueError, match="column names"):
        read_text_table(path, "table").typed()
