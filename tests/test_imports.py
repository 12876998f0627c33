"""Imports go one way: every direct import in decode/, data_prep/ and benchmarks/ points to the left."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]

# The order, from the ground up; a room may import the rooms to its left.
#   core -> statistics -> genome -> features
#                         expression
#                      -> dataset -> models -> registry -> training, attribution -> evaluation
#                      -> tuning, insilico, ranking, comparators -> regulators -> drivers -> persons -> report
#                      -> demo -> cli
GROUND = {"core", "statistics"}
DATASET = GROUND | {"genome", "features", "expression", "dataset"}
MODELS = DATASET | {"models", "registry"}
JUDGED = MODELS | {"training", "attribution", "evaluation"}
ANALYSED = JUDGED | {"tuning", "insilico", "ranking", "comparators", "regulators", "drivers", "persons"}
SIDE = {"landmark", "synthetic"}

ALLOWED: dict[str, set[str]] = {
    "core": set(),
    "statistics": {"core"},
    "genome": GROUND,
    "expression": GROUND,
    "features": GROUND | {"genome"},
    "dataset": GROUND | {"genome", "features", "expression"},
    "models": DATASET,
    "registry": DATASET | {"models"},
    "training": MODELS,
    "attribution": MODELS,
    "evaluation": MODELS | {"training", "attribution"},
    "tuning": JUDGED,
    "insilico": JUDGED,
    "ranking": JUDGED,
    "comparators": JUDGED,
    "regulators": JUDGED | {"ranking"},
    "drivers": JUDGED | {"insilico", "ranking", "regulators"},
    "persons": JUDGED | {"insilico", "ranking", "comparators", "regulators", "drivers"},
    "report": ANALYSED | SIDE,
    "demo": ANALYSED | SIDE | {"report"},
    "cli": ANALYSED | SIDE | {"report", "demo"},
    "landmark": GROUND | {"expression", "models", "training", "attribution.exact"},
    "synthetic": {"core", "genome", "expression"},
}
OUTSIDE = {"data_prep", "benchmarks"}
DOWNLOADERS = {"pooch", "requests", "httpx", "aiohttp", "urllib.request", "urllib3", "http.client", "ftplib"}


class Import(NamedTuple):
    """One direct import: the file and line, the unit it stands in and the dotted name it asks for."""

    place: str
    unit: str
    target: str


def imported_names(source: str, package: str) -> Iterator[tuple[int, str]]:
    """Line and dotted name of every import of a module, also inside functions and under TYPE_CHECKING."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*parents, *([base] if base else [])])
            for alias in node.names:
                yield node.lineno, f"{base}.{alias.name}"


def imports_of(folder: Path) -> Iterator[Import]:
    for path in sorted(folder.rglob("*.py")):
        relative = path.relative_to(folder.parent)
        package = ".".join(relative.parent.parts)
        unit = relative.parts[1].removesuffix(".py") if len(relative.parts) > 1 else ""
        for line, target in imported_names(path.read_text(encoding="utf-8"), package):
            yield Import(f"{relative}:{line}", unit, target)


def is_within(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


def is_allowed(found: Import) -> bool:
    """Whether an import of a module in decode/ points to the left."""
    if any(is_within(found.target, package) for package in OUTSIDE | {"tests"}):
        return False
    if not is_within(found.target, "decode") or found.unit in {"__init__", "__main__"}:
        return True
    inner = found.target.removeprefix("decode").removeprefix(".")
    if is_within(inner, found.unit):
        return True
    if inner.split(".")[0] not in ALLOWED:  # a public verb or __version__: only the two ends of the house use them
        return found.unit in {"cli", "demo"} or inner == "__version__"
    return any(is_within(inner, permitted) for permitted in ALLOWED[found.unit])


def test_every_module_has_its_place():
    units = {found.name.removesuffix(".py") for found in (ROOT / "decode").iterdir() if found.suffix in {".py", ""}}
    assert units - {"__init__", "__main__", "__pycache__", "py.typed"} <= ALLOWED.keys()


def test_the_order_has_no_cycle():
    done: set[str] = set()
    while len(done) < len(ALLOWED):
        ready = {
            unit
            for unit, permitted in ALLOWED.items()
            if unit not in done and {name.split(".")[0] for name in permitted} - {unit} <= done
        }
        assert ready, f"a cycle among {sorted(ALLOWED.keys() - done)}"
        done |= ready


def test_every_room_stays_behind_those_of_the_order():
    """The rows of the table against the order as it is drawn: a row may be narrower, never wider."""
    order = [
        {"core"}, {"statistics"}, {"genome"}, {"features", "expression"}, {"dataset"}, {"models"}, {"registry"},
        {"training", "attribution"}, {"evaluation"}, {"tuning", "insilico", "ranking", "comparators"}, {"regulators"},
        {"drivers"}, {"persons"}, {"report"}, {"demo"}, {"cli"},
    ]  # fmt: skip
    assert set().union(*order) | SIDE == ALLOWED.keys()
    for step, rooms in enumerate(order):
        left = set().union(*order[:step])
        for room in rooms:
            wider = {name.split(".")[0] for name in ALLOWED[room]} - left - SIDE
            assert not wider, f"{room} may import {sorted(wider)}, which do not stand to its left"
            assert step >= len(order) - 3 or not ALLOWED[room] & SIDE, f"{room} imports a room at the side"


def test_a_part_that_others_may_import_alone_stands_alone():
    """What a row names below a room (attribution.exact) brings nothing that the row does not allow."""
    wrong = []
    for unit, permitted in ALLOWED.items():
        for part in {name for name in permitted if "." in name}:
            for found in imports_of(ROOT / "decode"):
                if found.place.startswith(f"decode/{part.replace('.', '/')}/") and not is_allowed(
                    found._replace(unit=unit)
                ):
                    wrong.append(f"{found.place} imports {found.target}, which {unit} may not")
    assert not wrong, "\n".join(wrong)


def test_imports_point_to_the_left():
    wrong = [f"{found.place} imports {found.target}" for found in imports_of(ROOT / "decode") if not is_allowed(found)]
    assert not wrong, "\n".join(wrong)


def circle_in(room: Path) -> list[str]:
    """Files of a room that import each other in a circle, or import such files; imports of any kind count."""
    files = {
        ".".join(path.relative_to(room.parent.parent).with_suffix("").parts).removesuffix(".__init__"): path
        for path in room.rglob("*.py")
    }
    imported: dict[str, set[str]] = {}
    for name, path in files.items():
        package = ".".join(path.relative_to(room.parent.parent).parent.parts)
        found = imported[name] = set()
        for _, target in imported_names(path.read_text(encoding="utf-8"), package):
            while target and target not in files:
                target = target.rpartition(".")[0]
            found.add(target)
        found -= {"", name}
    done: set[str] = set()
    while ready := {name for name in imported.keys() - done if imported[name] <= done}:
        done |= ready
    return sorted(imported.keys() - done)


@pytest.mark.parametrize("room", sorted(path.parent.name for path in (ROOT / "decode").glob("*/__init__.py")))
def test_no_room_has_a_circle(room):
    assert circle_in(ROOT / "decode" / room) == []


def test_a_circle_is_found_through_lazy_and_type_checking_imports(tmp_path):
    room = tmp_path / "house" / "room"
    room.mkdir(parents=True)
    (room / "a.py").write_text("def f():\n    from house.room.b import g\n")
    (room / "b.py").write_text("if TYPE_CHECKING:\n    from house.room.a import f\n")
    (room / "c.py").write_text("import os\n")
    (room / "d.py").write_text("from house.room import c\n")
    (room / "__init__.py").write_text("from house.room.c import x\n")
    assert circle_in(room) == ["house.room.a", "house.room.b"]


@pytest.mark.parametrize("folder", sorted(OUTSIDE))
def test_data_prep_and_benchmarks_stand_apart(folder):
    other = next(iter(OUTSIDE - {folder}))
    wrong = [
        f"{found.place} imports {found.target}"
        for found in imports_of(ROOT / folder)
        if is_within(found.target, other) or is_within(found.target, "tests")
    ]
    assert not wrong, "\n".join(wrong)


def test_no_command_imports_another():
    shared = {"options", "params", "inputs", "progress", "outputs"}
    wrong = []
    for found in imports_of(ROOT / "decode" / "cli"):
        module = found.place.split("/")[-1].split(":")[0].removesuffix(".py")
        inner = found.target.removeprefix("decode.cli.").split(".")[0]
        takes_part = is_within(found.target, "decode.cli") and module not in {"app", "__init__"}
        own = {f"{module.removesuffix('s')}_{what}" for what in ("options", "files")}
        if takes_part and inner not in shared | own:
            wrong.append(f"{found.place} imports {found.target}")
    assert not wrong, "\n".join(wrong)


def test_only_the_registry_downloads_and_nobody_pickles():
    wrong = [
        f"{found.place} imports {found.target}"
        for found in imports_of(ROOT / "decode")
        if is_within(found.target, "pickle")
        or (found.unit != "registry" and any(is_within(found.target, name) for name in DOWNLOADERS))
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("unit", "target", "allowed"),
    [
        ("genome", "decode.core.files.open_text", True),
        ("genome", "decode.genome.assembly", True),
        ("genome", "decode.features.matrix", False),
        ("core", "decode.statistics.metrics", False),
        ("statistics", "decode.core.checks", True),
        ("statistics", "decode.genome.sites", False),
        ("expression", "decode.genome", False),
        ("evaluation", "decode.attribution.result", True),
        ("training", "decode.evaluation.evaluate", False),
        ("tuning", "decode.ranking", False),
        ("insilico", "decode.attribution", True),
        ("landmark", "decode.attribution.exact.engine.explain", True),
        ("landmark", "decode.attribution.result", False),
        ("landmark", "decode.attribution", False),
        ("landmark", "decode.expression.tables", True),
        ("landmark", "decode.genome.sites", False),
        ("landmark", "decode.dataset", False),
        ("report", "decode.landmark.selection", True),
        ("persons", "decode.landmark.selection", False),
        ("synthetic", "decode.features", False),
        ("synthetic", "decode.expression.targets", True),
        ("synthetic", "decode.statistics.ranks", False),
        ("demo", "decode.synthetic", True),
        ("drivers", "decode.synthetic", False),
        ("regulators", "decode.ranking.table", True),
        ("ranking", "decode.regulators.genes", False),
        ("drivers", "decode.regulators.genes", True),
        ("persons", "decode.drivers.find", True),
        ("report", "decode.demo", False),
        ("cli", "decode.train", True),
        ("training", "decode.train", False),
        ("training", "decode", False),
        ("training", "decode.__version__", True),
        ("core", "benchmarks.features", False),
        ("core", "tests.conftest", False),
        ("core", "decoder", True),
        ("__init__", "decode.training.ensemble", True),
    ],
)
def test_the_rule_itself(unit, target, allowed):
    assert is_allowed(Import("x.py:1", unit, target)) is allowed


def test_imports_are_found_wherever_they_stand():
    source = (
        "import decode.core.files as files, os\nfrom decode import train\nfrom ..genome import sites\nfrom . import a\n"
        "if TYPE_CHECKING:\n    from decode.features import b\ndef f():\n    from .c import d\n"
    )
    assert sorted(imported_names(source, "decode.models")) == [
        (1, "decode.core.files"),
        (1, "os"),
        (2, "decode.train"),
        (3, "decode.genome.sites"),
        (4, "decode.models.a"),
        (6, "decode.features.b"),
        (8, "decode.models.c.d"),
    ]


def test_import_decode_is_light():
    heavy = ["tensorflow", "keras", "shap", "pandas", "polars", "pyranges", "h5py"]
    heavy += ["scipy", "numba", "sklearn", "matplotlib", "distributed"]
    code = f"import sys, decode; print(sorted(set({heavy}) & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert result.stdout.strip() == "[]"
