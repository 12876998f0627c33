from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from decode.drivers.networks import read_network


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("source\ttarget\tweight\nA\tx\t-1\n", [["A", "x", -1.0]]),  # decoupler
        ("source,target,sign\nA,x,1\nA,y,-1\n", [["A", "x", 1.0], ["A", "y", -1.0]]),  # CollecTRI
        ("tf\tconfidence\ttarget\tmor\nA\tC\tx\t1.0\n", [["A", "x", 1.0]]),  # DoRothEA
        ("gene\tregulator\nx\tA\n", [["A", "x", 1.0]]),  # columns in another order
        ("A\tabout\tx\ty\nB\t\tx\n", [["A", "x", 1.0], ["A", "y", 1.0], ["B", "x", 1.0]]),  # GMT
        ("\ufeffSource\tTarget\r\nA\tx\r\n", [["A", "x", 1.0]]),
    ],
)
@pytest.mark.parametrize("is_gzip", [False, True])
def test_networks_as_they_are_written(tmp_path: Path, text: str, expected: list, is_gzip: bool) -> None:
    path = tmp_path / "net"
    path.write_bytes(gzip.compress(text.encode()) if is_gzip else text.encode())
    assert read_network(path).to_numpy().tolist() == expected


def test_repeated_pairs_and_nameless_rows_are_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "net").write_text("source\ttarget\tweight\nA\tx\t2\nA\tx\t3\n\ty\t1\n")
    with caplog.at_level("INFO", logger="decode"):
        assert read_network(tmp_path / "net").to_numpy().tolist() == [["A", "x", 2.0]]
    assert "1 rows without a name, 1 repeated pairs" in caplog.text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", r"has the columns a, b; a column source \(tf, regulator\)"),
        ("source\ttarget\tweight\nA\tx\tstrong\n", "line 2: the weight is 'strong'"),
        ("source\ttarget\n", "holds no pair"),
        ("a\tb\tc\nshort\n", "as a GMT file it fails too"),
    ],
)
def test_what_is_no_network_raises(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "net").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_network(tmp_path / "net")
