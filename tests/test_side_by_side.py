"""All benchmarks in one go: pages of several machines, repeats and failures."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from benchmarks import side_by_side
from benchmarks.__main__ import main
from benchmarks.measure import Row
from benchmarks.side_by_side import Measured, page, read_measured, run_all


@pytest.fixture
def cases(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[float]]:
    """Two cases: `fast`, whose peer takes 10 and then 20 seconds, and `broken`, whose peer fails."""
    scales: dict[str, list[float]] = {"fast": [], "broken": []}

    def fast(scale: float) -> list[Row]:
        scales["fast"].append(scale)
        peer_s = 10.0 * len(scales["fast"])
        return [
            Row("count a|b", "bedtools", 0.5, peer_s, peer_s / 0.5, 0.0, 0.25, f"run {len(scales['fast'])}"),
            Row("alone", None, 1.0),
        ]

    def broken(scale: float) -> list[Row]:
        scales["broken"].append(scale)
        raise RuntimeError("the peer is of another version")

    for name, function in (("fast", fast), ("broken", broken)):
        module = ModuleType(f"toy_{name}")
        module.run = function
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(side_by_side, "CASES", {"fast": ("toy_fast", 0.1), "broken": ("toy_broken", 1.0)})
    return scales


def test_repeats_are_ranges_and_a_failure_is_told(cases, tmp_path: Path) -> None:
    found = run_all(tmp_path / "b.md", scale=0.5, repeats=2, cases=["fast", "broken"])
    assert cases == {"fast": [0.05, 0.05], "broken": [0.5]}
    text = (tmp_path / "b.md").read_text()
    assert "| count a\\|b | bedtools | 2 | 0.5 | 10 to 20 | 20 to 40 | 0 | 0.25 | run 2 |" in text
    assert "| alone |  | 2 | 1 |  |  |  |  |  |" in text
    assert "Did not run to its end: RuntimeError: the peer is of another version" in text
    assert read_measured(tmp_path / "b.json") == found


def test_a_run_replaces_its_like_and_keeps_other_machines(cases, monkeypatch, tmp_path: Path) -> None:
    out = tmp_path / "b.md"
    run_all(out, cases=["fast", "broken"])
    run_all(out, cases=["fast"])
    assert [(one.case, len(one.repeats)) for one in read_measured(out.with_suffix(".json"))] == [
        ("fast", 1),
        ("broken", 0),
    ]
    assert "| count a\\|b | bedtools | 1 | 0.5 | 20 | 40 |" in out.read_text()
    monkeypatch.setattr(side_by_side, "machine", lambda: "another one")
    run_all(out, cases=["fast"])
    text = out.read_text()
    assert "| count a\\|b | bedtools | 2 | 0.5 | 20 to 30 | 40 to 60 |" in text
    assert "- Machine 2: another one." in text
    assert text.index("## fast") < text.index("## broken")


def test_columns_of_every_row_and_large_ratios() -> None:
    row = Row("a", "shap", 0.01, 27.0, 2700.0)
    one = Measured("knockout", "m", 1.0, "2026-01-01 00:00", 0.5, "Python", 1.0, 1.0, "", [[row]])
    (line,) = (line for line in page([one]).splitlines() if line.startswith("| a "))
    assert " 2700 " in line
    widths = {line.count("|") for line in page([one]).splitlines() if line.startswith("|")}
    assert len(widths) == 1


def test_the_command_line_names_every_case() -> None:
    assert set(side_by_side.CASES) <= set(main.__globals__["REGISTRY"])
    for module, share in side_by_side.CASES.values():
        assert (Path(__file__).parents[1] / f"{module.replace('.', '/')}.py").exists()
        assert 0 < share <= 1
