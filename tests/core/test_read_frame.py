"""Tables whose columns are not known beforehand, whole numbers, and shares: read exactly, or refused by name."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decode.core.checks import check_share, listed, naming, shortened
from decode.core.delimited import read_frame, split_cells, whole_number

LONG = "x" * 140_000  # above the limit of Python's csv module


def test_cells_of_any_length():
    assert split_cells(f'a,"{LONG}",,"b, ""c"""', ",") == ["a", LONG, "", 'b, "c"']
    assert split_cells(f'"{LONG},"\t1', "\t") == [f"{LONG},", "1"]


@settings(deadline=None, max_examples=30)
@given(st.lists(st.text(alphabet='ab" ,', max_size=6), min_size=1, max_size=6))
def test_long_lines_are_split_as_short_ones(cells):
    line = ",".join('"' + cell.replace('"', '""') + '"' for cell in cells)
    assert split_cells(f'{line},"{LONG}"', ",") == [*split_cells(line, ","), LONG]


@pytest.mark.parametrize("text", ["0", "12", "-3", "+5", "9" * 18])
def test_whole_numbers(text):
    assert whole_number(text) == int(text)


@pytest.mark.parametrize(
    "text", ["", "1_0", "0x10", "1e3", "1.0", " 1", "\u0663", "\u00b2", "9" * 19, "9" * 5000, "nan", "--1"]
)
def test_no_whole_numbers(text):
    assert whole_number(text) is None


def test_a_frame_has_every_row(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('sample,"x, y",note\nNA,1.5,"5"" end"\n01,,a\n')
    table = read_frame(path, "demo", text=["sample"], missing=[""])
    expected = pd.DataFrame({"sample": ["NA", "01"], "x, y": [1.5, np.nan], "note": ['5" end', "a"]})
    pd.testing.assert_frame_equal(table, expected, check_dtype=False)
    path.write_text("a\tb\n")
    assert read_frame(path, "demo").shape == (0, 2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a\tb\n1\t2\t3\n1\n", "other|another number of cells than the header's 2: line 2 has 3, line 3 has 1"),
        ("a\tb\n1\t2\n3\t4\t5\n6\n", "line 3 has 3, line 4 has 1"),  # the same number of separators as whole rows
        ("a\ta\n1\t2\n", "a.tsv occur more than once: a"),
        ('a\tb\n"1\t2\t3\n', "double quote is left open in line 2"),
        ("a\tb\n\n1\t2\n", "line 2 has 0"),
    ],
)
def test_bad_frames_are_named(tmp_path, text, message):
    path = tmp_path / "a.tsv"
    path.write_text(text)
    with pytest.raises(ValueError, match=message) as found:
        read_frame(path, "demo")
    assert "a.tsv" in str(found.value)


def test_shares():
    check_share(pd.Series([0, 1, 0.5, np.nan, 1 + 1e-9]), "p-values of demo")
    check_share(pd.Series(["0.5", None], dtype=object), "p-values of demo")
    with pytest.raises(ValueError, match=r"p-values of demo lie outside 0 to 1 in 2 row\(s\): a: -0.1, c: 1.5"):
        check_share(pd.Series({"a": -0.1, "b": 0.2, "c": 1.5}), "p-values of demo")
    for odd in (["0.1", "high"], [True, False], [np.inf, 0.1]):
        with pytest.raises(ValueError, match="p-values of demo"):
            check_share(pd.Series(odd), "p-values of demo")


def test_messages_stay_short_and_name_the_file():
    assert len(listed([LONG] * 9)) < 700
    assert shortened("abc") == "abc"
    with pytest.raises(TypeError, match=r"^demo: wrong$"), naming("demo"):
        raise TypeError("wrong")
    with pytest.raises(ValueError, match=r"^wrong demo$"), naming("demo"):
        raise ValueError("wrong demo")
