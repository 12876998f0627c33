"""Pages of the site that are made when it is built: API and command reference, notebooks, changelog, contributing."""

from __future__ import annotations

import ast
import json
import logging
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[2]
ROOMS = {
    "demo": "Demo", "genome": "Genome", "features": "Features", "expression": "Expression", "dataset": "Dataset",
    "models": "Models", "registry": "Models by name", "training": "Training", "evaluation": "Evaluation",
    "tuning": "Tuning", "attribution": "Attribution", "ranking": "Ranking", "regulators": "Regulators",
    "drivers": "Drivers", "insilico": "In silico", "persons": "Persons", "comparators": "Comparators",
    "landmark": "Landmark genes", "statistics": "Statistics", "report": "Report", "synthetic": "Toy data",
}  # fmt: skip
NOTEBOOK_LINKS = {  # of a notebook in the checkout -> of its page; the first that fits
    "../docs/": "../", "../README.md#how-well-it-predicts": "../default-network.md", "../README.md": "../index.md",
}  # fmt: skip
log = logging.getLogger("mkdocs.hooks.decode")


def public_names() -> dict[str, list[tuple[str, str]]]:
    """Room -> (public name, full path) of every name of decode/__init__.pyi, in its order."""
    found: dict[str, list[tuple[str, str]]] = {}
    for node in ast.parse((ROOT / "decode" / "__init__.pyi").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                found.setdefault(node.module.split(".")[1], []).append((alias.name, f"{node.module}.{alias.name}"))
    return found


def api_pages() -> dict[str, str]:
    """One page a room, and an index of all names."""
    names = public_names()
    order = [room for room in ROOMS if room in names] + sorted(set(names) - set(ROOMS))
    index = ["# Python API", "", "Every name below is reached as `decode.NAME` and loaded when it is first used.", ""]
    pages = {}
    for room in order:
        title = ROOMS.get(room, room.capitalize())
        blocks = [
            f"::: {path}\n    options:\n      heading: decode.{name}\n      toc_label: {name}\n"
            for name, path in names[room]
        ]
        pages[f"api/{room}.md"] = "\n".join([f"# {title}", "", *blocks])
        links = ", ".join(f"[`{name}`]({room}.md#{path})" for name, path in names[room])
        index += [f"**[{title}]({room}.md)**: {links}", ""]
    return {"api/index.md": "\n".join(index), **pages}


def command_page() -> str:
    """What `decode --help` says, of every command, as typer writes it."""
    import typer.main
    from typer.cli import get_docs_for_click

    from decode.cli.app import app

    command = typer.main.get_command(app)
    text = get_docs_for_click(obj=command, ctx=typer.Context(command), name="decode", title="Commands")
    groups = [command, *(one for one in command.commands.values() if hasattr(one, "commands"))]
    for name, inner in (pair for group in groups for pair in group.commands.items()):  # summaries are cut to 45 letters
        text = text.replace(f"* `{name}`: {inner.get_short_help_str()}", f"* `{name}`: {inner.get_short_help_str(300)}")
    return re.sub(r"\n{3,}", "\n\n", text)


def notebook_pages() -> dict[str, str | bytes]:
    """The notebooks with the outputs that they hold, and their figures."""
    from nbconvert import MarkdownExporter

    pages: dict[str, str | bytes] = {}
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        exporter = MarkdownExporter()
        text, extras = exporter.from_filename(str(path))
        for name, content in extras["outputs"].items():
            pages[f"notebooks/{path.stem}/{name}"] = content
            text = text.replace(f"]({name})", f"]({path.stem}/{name})")
        for link, page in NOTEBOOK_LINKS.items():
            text = text.replace(f"]({link}", f"]({page}")
        text = re.sub(r"\]\((\w+)\.ipynb", r"](\1.md", text)
        pages[f"notebooks/{path.stem}.md"] = f"{text}\n\nThe notebook itself: `notebooks/{path.name}` of a checkout.\n"
    return pages


def made_pages() -> dict[str, str | bytes]:
    """All pages that are not files of docs/, by their place in the site."""
    pages: dict[str, str | bytes] = {**api_pages(), **notebook_pages(), "commands.md": command_page()}
    for name in ("CHANGELOG", "CONTRIBUTING"):
        pages[f"{name.lower()}.md"] = (ROOT / f"{name}.md").read_text(encoding="utf-8").replace("](docs/", "](")
    return pages


def rows(entries: list[dict[str, Any]]) -> str:
    """A Markdown table of sources: what, build, licence."""
    lines = ["| what | build | licence |", "|---|---|---|"]
    lines += [f"| {one['what']} | {one.get('build') or ''} | {one['licence']} |" for one in entries]
    return "\n".join(lines)


def source_tables() -> dict[str, str]:
    """Marker in a page -> table of the sources that the scripts of data_prep fetch."""
    folder = ROOT / "data_prep"
    sources = json.loads((folder / "sources.json").read_text(encoding="utf-8"))
    tables = json.loads((folder / "coexpression_sources.json").read_text(encoding="utf-8"))
    every = [entry for group in sources.values() for entry in group.values()]
    return {"<!-- sources -->": rows(every), "<!-- coexpression -->": rows(list(tables.values()))}


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put the tables of sources where a page asks for them; links to notebooks lead to their pages."""
    markdown = re.sub(r"\]\(\.\./notebooks/(\w+)\.ipynb", r"](notebooks/\1.md", markdown)
    if "<!-- sources -->" in markdown:
        for marker, table in source_tables().items():
            markdown = markdown.replace(marker, table)
    return markdown


def named(nav: list[Any]) -> set[str]:
    """Every page that a nav names."""
    found: set[str] = set()
    for entry in nav:
        for value in entry.values() if isinstance(entry, dict) else [entry]:
            found |= named(value) if isinstance(value, list) else {value}
    return found


def filled(nav: list[Any], made: list[str]) -> list[Any]:
    """The nav with `folder/` replaced by the pages made there, the index first."""
    full: list[Any] = []
    for entry in nav:
        title, value = next(iter(entry.items())) if isinstance(entry, dict) else ("", entry)
        if isinstance(value, list):
            full.append({title: filled(value, made)})
        elif value.endswith("/"):
            inside = [page for page in made if page.startswith(value)]
            full += [{title: inside}] if title else inside
        else:
            full.append(entry)
    return full


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Fill the nav; pages of docs/ that it lacks stand under «More», so that none is lost."""
    config.extra["made_pages"] = made_pages()
    made = [page for page in config.extra["made_pages"] if page.endswith(".md")]
    nav = filled(config.nav or [], made)
    lacking = sorted({page.name for page in Path(config.docs_dir).glob("*.md")} - named(nav))
    if lacking:
        log.info("under «More», as the nav of mkdocs.yml does not name them: %s", ", ".join(lacking))
        nav.append({"More": lacking})
    config.nav = nav
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made."""
    for place, content in config.extra.pop("made_pages").items():
        files.append(File.generated(config, place, content=content))
    return files
