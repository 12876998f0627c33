"""The site of docs/: its pages, its reference, and that it needs nothing from the network."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from test_docs import commands

import decode

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
LOADED = re.compile(
    r"<(?:script|link|img|iframe|source|video|audio|embed|object)\b[^>]*?(?:src|href|data)=[\"']?([^\"' >]+)"
)


def hooks() -> ModuleType:
    """docs/_site/hooks.py as a module."""
    pytest.importorskip("mkdocs", reason="mkdocs is absent: pip install '.[docs]'")
    spec = importlib.util.spec_from_file_location("site_hooks", DOCS / "_site" / "hooks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The built site: that of DECODE_SITE, else built here."""
    if os.environ.get("DECODE_SITE"):
        return Path(os.environ["DECODE_SITE"])
    for name in ("mkdocs", "material", "mkdocstrings", "nbconvert"):
        pytest.importorskip(name, reason=f"{name} is absent: pip install '.[docs]'")
    folder = tmp_path_factory.mktemp("built") / "site"
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_every_row_of_both_papers_has_its_line():
    rows = re.findall(r"^\| ([DK]\d+) \|(.*)\|$", (DOCS / "reproduction.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert [name for name, _ in rows] == [f"D{i}" for i in range(1, 38)] + [f"K{i}" for i in range(1, 12)]
    for name, line in rows:
        cells = [cell.strip() for cell in line.split("|")]
        assert len(cells) == 5, name
        assert all(cells[i] for i in (0, 2, 4)) or name == "D37", name
        assert cells[1] or name == "D37", name


def test_a_page_that_the_nav_lacks_is_shown_and_named(tmp_path, caplog):
    module = hooks()
    for name in ("index.md", "new.md"):
        (tmp_path / name).write_text(f"# {name}\n")
    nav = [{"Start": ["index.md"]}, "notebooks/"]
    config = SimpleNamespace(extra={}, docs_dir=str(tmp_path), nav=nav)
    module.made_pages = lambda: {"notebooks/a.md": "# A", "notebooks/a/figure.png": b""}
    with caplog.at_level("INFO"):
        module.on_config(config)
    assert config.nav == [{"Start": ["index.md"]}, "notebooks/a.md", {"More": ["new.md"]}]
    assert "new.md" in caplog.text


def test_sources_of_data_are_listed():
    tables = hooks().source_tables()
    page = (DOCS / "licences.md").read_text(encoding="utf-8")
    for marker, name in (("<!-- sources -->", "sources.json"), ("<!-- coexpression -->", "coexpression_sources.json")):
        assert page.count(marker) == 1
        for what in re.findall(r'"what": "(.*?)"', (ROOT / "data_prep" / name).read_text(encoding="utf-8")):
            assert what in tables[marker]


def test_shipped_entries_have_a_licence():
    page = (DOCS / "licences.md").read_text(encoding="utf-8")
    entries = json.loads((ROOT / "decode" / "registry" / "models.json").read_text(encoding="utf-8"))["models"]
    shown = [entry["name"] for entry in entries if entry["name"].removesuffix("-paper") in page]
    assert shown == [entry["name"] for entry in entries], "docs/licences.md lacks what ships by name"


@pytest.mark.slow
def test_nothing_is_loaded_from_elsewhere(site):
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 40
    for page in pages:
        text = page.read_text(encoding="utf-8")
        outside = [address for address in LOADED.findall(text) if re.match(r"(https?:)?//", address)]
        assert not outside, f"{page.relative_to(site)} loads {outside[:3]}"
        assert 'class="mermaid"' not in text, page  # its script would come from elsewhere
    for sheet in site.rglob("*.css"):
        assert not re.search(r"(url\([\"']?|@import [\"']?)(https?:)?//", sheet.read_text(encoding="utf-8")), sheet


@pytest.mark.slow
def test_every_file_that_a_page_loads_or_links_is_there(site):
    for page in sorted(site.rglob("*.html")):
        if page.name == "404.html":  # served at any address
            continue
        text = page.read_text(encoding="utf-8")
        linked = [*LOADED.findall(text), *re.findall(r"<a\b[^>]*?href=[\"']?([^\"' >]+)", text)]
        for address in {one.partition("#")[0].partition("?")[0] for one in linked}:
            if address and not re.match(r"[a-z]+:|//", address):
                assert (page.parent / address).exists(), f"{page.relative_to(site)} links {address}"


@pytest.mark.slow
def test_reference_has_every_public_name_and_command(site):
    shown = "".join(page.read_text(encoding="utf-8") for page in (site / "api").glob("*.html"))
    for name in set(decode.__all__) - {"__version__"}:
        assert re.search(rf"<h2[^>]*>(\s|<[^>]+>)*decode\.{name}\b", shown), name
    text = re.sub(r"<[^>]+>", "", (site / "commands.html").read_text(encoding="utf-8"))
    for command, parts in commands().items():
        for part in parts or {""}:
            assert f"decode {command} {part}".strip() in text


@pytest.mark.slow
def test_every_page_is_in_the_navigation(site):
    start = (site / "index.html").read_text(encoding="utf-8")
    for page in [*DOCS.glob("*.md"), *(ROOT / "notebooks").glob("*.ipynb")]:
        assert re.search(rf'href="[^"]*{page.stem}\.html"', start), page.name
