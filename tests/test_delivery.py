"""What goes with the package: versions, image, citation."""

from __future__ import annotations

import fnmatch
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PINS = {
    canonicalize_name(name): version
    for name, version in re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text("utf-8"), re.MULTILINE)
}
APART = {"h5ad"}  # caps pandas, so its tests have an environment of their own
DOCKER = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ").splitlines()


def requirements() -> list[Requirement]:
    extras = PROJECT["optional-dependencies"]
    lines = PROJECT["dependencies"] + [line for name, part in extras.items() if name not in APART for line in part]
    return [Requirement(line) for line in lines]


@pytest.mark.parametrize("requirement", requirements(), ids=lambda requirement: requirement.name)
def test_every_dependency_has_a_version_within_its_bounds(requirement):
    version = PINS.get(canonicalize_name(requirement.name))
    assert version, f"constraints.txt lacks {requirement.name}: WRITE_VERSIONS=1 bash .ci/run"
    assert requirement.specifier.contains(version), f"{requirement} excludes {version}"


def test_versions_name_no_place():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert all(re.fullmatch(r"[\w.-]+==[\w.!+-]+|#.*|", line) for line in lines)
    assert "://" not in "".join(lines + DOCKER)


def test_the_image_copies_what_is_there_and_let_through():
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    let_through = [line[1:] for line in ignored if line.startswith("!")]
    own = [line.split()[1:-1] for line in DOCKER if line.startswith("COPY ") and "--from" not in line]
    for name in (name for names in own for name in names):
        assert (ROOT / name).exists(), name
        assert any(fnmatch.fnmatch(name, pattern) for pattern in let_through), name
    assert "constraints.txt" in own[0]


def test_the_image_runs_the_command_as_nobody_special():
    users = [line.split()[1] for line in DOCKER if line.startswith("USER ")]
    assert users == ["decode"]
    text = "\n".join(DOCKER)
    assert 'ENTRYPOINT ["decode"]' in text
    assert text.index("USER decode") < text.index("ENTRYPOINT")
    (install,) = [line for line in DOCKER if " install " in line and "pip" in line]
    assert "-c constraints.txt" in install
    (extras,) = re.findall(r'"\.\[([\w,]+)\]"', install)
    assert set(extras.split(",")) <= set(PROJECT["optional-dependencies"])
    version = tuple(int(part) for part in re.findall(r"FROM python:(\d+)\.(\d+)", text)[-1])
    assert (3, 11) <= version < (3, 13)


def test_the_citation_is_of_this_version():
    yaml = pytest.importorskip("yaml", reason="PyYAML is absent: pip install '.[docs]'")
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert str(citation["version"]) == PROJECT["version"]
    assert citation["license"] == PROJECT["license"]
    assert [entry["year"] for entry in citation["references"]] == [2020, 2021, 2016]
    assert all(re.fullmatch(r"10\.\d{4,}/\S+", entry["doi"]) for entry in citation["references"])
