"""The public names: one list, seen by Python, type checkers and the wheel."""

from __future__ import annotations

import ast
import inspect
import json
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import decode

ROOT = Path(__file__).resolve().parents[1]
STUB = ROOT / "decode" / "__init__.pyi"


def stub_names() -> list[tuple[str, str, str | None]]:
    """Module, name and alias of every line of the list."""
    tree = ast.parse(STUB.read_text(encoding="utf-8"))
    return [
        (str(node.module), alias.name, alias.asname)
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    ]


def test_every_name_stands_once_and_is_exported():
    names = [name for _, name, _ in stub_names()]
    assert len(set(names)) == len(names)
    assert all(alias == name for _, name, alias in stub_names())  # `as` is what type checkers take for an export
    assert sorted([*names, "__version__"]) == decode.__all__


@pytest.mark.parametrize(("module", "name"), [row[:2] for row in stub_names()], ids=lambda value: value)
def test_every_public_name_resolves_and_is_documented(module, name):
    found = getattr(decode, name)
    assert f"{found.__module__}.".startswith(
        f"{module}."
    )  # the list names the home itself, not a module that only imports it
    own = inspect.getdoc(found) or ""
    assert len(own.split()) >= 4, f"decode.{name} has no docstring"
    assert not own.startswith(f"{name}("), f"decode.{name} has only the docstring that dataclass makes"


def test_what_the_package_was_asked_for_is_there():
    wanted = {
        "randomise", "compare_single_task", "compare_expecto", "write_drivers", "read_de_prior", "frozen_body_engine",
        "full_network_engine",
    }  # fmt: skip
    assert wanted <= set(decode.__all__)


def test_dir_shows_only_public_names():
    assert dir(decode) == decode.__all__


def test_the_wheel_is_told_of_the_list():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert {"__init__.pyi", "py.typed", "expression/data/*.npz"} <= set(
        settings["tool"]["setuptools"]["package-data"]["decode"]
    )


LARGEST_WHEEL = 40e6  # bytes
LARGEST_MODEL = 10e6


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Names and sizes of the files of the wheel, and its own size."""
    pytest.importorskip("setuptools", minversion="77")
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    shutil.copytree(ROOT / "decode", source / "decode", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    code = f"from setuptools.build_meta import build_wheel; build_wheel({str(folder)!r})"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, cwd=source)
    (path,) = folder.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        return {entry.filename: entry.file_size for entry in archive.infolist()}, path.stat().st_size


def test_the_list_is_in_the_wheel(wheel):
    assert {"decode/__init__.pyi", "decode/py.typed"} <= set(wheel[0])


def test_the_wheel_is_small_and_holds_what_the_package_lists(wheel):
    sizes, whole = wheel
    assert whole < LARGEST_WHEEL
    for entry in json.loads((ROOT / "decode" / "registry" / "models.json").read_text(encoding="utf-8"))["models"]:
        own = {name: sizes[f"decode/registry/{entry['name']}/{name}"] for name in entry["files"]}
        assert own == {name: file["size"] for name, file in entry["files"].items()}
        assert entry["kind"] == "features" or sum(own.values()) < LARGEST_MODEL
    assert {"decode/core/data/human_gene_names.tsv.gz", "decode/expression/data/tumours.npz"} <= set(sizes)
    assert not any(name.startswith(("tests/", "data_prep/", "benchmarks/")) for name in sizes)
