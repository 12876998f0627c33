"""What README and docs/ name is there: modules, functions, commands, files."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest
import typer

from decode.cli.app import COMMANDS

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "benchmarks" / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
]
NAME = re.compile(r"(?<![\w./-])decode(?:\.[A-Za-z_]\w*)+")
FILE = re.compile(r"`((?:decode|tests|docs|benchmarks|data_prep)/[\w./*-]*)`")
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")
MADE = (
    "api/",
    "notebooks/",
    "commands.md",
    "changelog.md",
    "contributing.md",
)  # pages that the site makes: mkdocs checks them
WORDS = r"decode ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?"
IN_CODE = re.compile(rf"(?:^|&& |\| ){WORDS}", re.MULTILINE)


def is_page(page: Path, name: str) -> bool:
    """Whether a linked file is there, or a page that is made with the site."""
    return (page.parent / name).exists() or (page.parent == ROOT / "docs" and name.startswith(MADE))


def commands() -> dict[str, set[str]]:
    """Names of all commands, with those of their parts where a command is a group."""
    found: dict[str, set[str]] = {}
    for group in COMMANDS.values():
        for name, command in group.items():
            parts = command.registered_commands if isinstance(command, typer.Typer) else []
            found[name] = {part.name or part.callback.__name__.replace("_", "-") for part in parts if part.callback}
    return found


def is_there(name: str) -> bool:
    """Whether a dotted name is a module, or something that a module holds."""
    parts = name.split(".")
    for n_module in range(len(parts), 0, -1):
        try:
            found = import_module(".".join(parts[:n_module]))
        except ModuleNotFoundError:
            continue
        for part in parts[n_module:]:
            if not hasattr(found, part):
                return False
            found = getattr(found, part)
        return True
    return False


def named_commands(text: str) -> list[tuple[str, str]]:
    """Command and following word of every `decode ...` in code, inline or in a block of shell."""
    blocks = re.findall(r"```(?:bash|sh)\n(.*?)```", text, re.DOTALL)
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    return [pair for block in blocks for pair in IN_CODE.findall(block)] + re.findall(rf"`{WORDS}", prose)


def is_command(command: str, word: str) -> bool:
    known = commands()
    return command in known and (not word or not known[command] or word in known[command])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_names_is_there(page):
    text = page.read_text(encoding="utf-8")
    lost = sorted({name for name in NAME.findall(text) if not is_there(name)})
    lost += sorted({f"decode {a} {b}".strip() for a, b in named_commands(text) if not is_command(a, b)})
    lost += sorted({name for name in FILE.findall(text) if not list(ROOT.glob(name))})
    lost += sorted({name for name in LINK.findall(text) if not is_page(page, name)})
    assert not lost, f"{page.relative_to(ROOT)} names what is not there: {', '.join(lost)}"


def test_readme_names_every_command_and_page():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    named = named_commands(text)
    for command, parts in commands().items():
        for part in parts or {""}:
            assert any(command == one and part in ("", word) for one, word in named), f"decode {command} {part}".strip()
    for page in (ROOT / "docs").glob("*.md"):
        assert f"docs/{page.name}" in text


def test_the_map_has_every_room():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for room in (ROOT / "decode").glob("*/__init__.py"):
        assert f"**{room.parent.name}**" in text, room.parent.name


def test_what_is_not_there_is_noticed():
    assert is_there("decode.ranking.rank.rank_regulators")
    assert is_there("decode.train")
    assert not is_there("decode.ranking.classes")
    assert not is_there("decode.trane")
    assert named_commands("decode counts. `decode rank x`\n```bash\npip x && decode demo\ndecode train a\n```") == [
        ("demo", ""),
        ("train", "a"),
        ("rank", "x"),
    ]
    assert is_command("regulators", "gene-lists")
    assert not is_command("regulators", "lists")
    assert not is_command("neural", "")
