"""Options and calls that README and docs/ show are those of the commands and functions."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from pathlib import Path

import pytest
import typer.main

import decode
from decode.cli.app import app

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    *(ROOT / name / "README.md" for name in (".", "benchmarks", "data_prep")),
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").glob("*.md")),
]
OTHERS = {  # options of other programs and of the project's own scripts, as pages show them
    "pip", "pytest", "mkdocs", "docker", "bash", "python", "ruff", "mypy", "cffconvert", "git", "iconv", "coverage",
    "sbatch", "srun", "kubectl", "dask", "helm",
}  # fmt: skip
OPTION = re.compile(r"(?<![\w`-])(--[a-z][a-z0-9-]*)")
PARTS = re.compile(r"\s*(?:&&|\|\||;|(?<!\S)\|(?!\S))\s*")


def options_of_commands() -> dict[str, set[str]]:
    """`command` or `group command` -> its options; group names have those of all their commands."""
    root = typer.main.get_command(app)
    common = {"--help"}
    found: dict[str, set[str]] = {"": common | {"--version", "--quiet", "--debug", "--install-completion"}}
    for name, command in root.commands.items():
        inner = getattr(command, "commands", {"": command})
        for part, leaf in inner.items():
            own = {word for parameter in leaf.params for word in (*parameter.opts, *parameter.secondary_opts)}
            found[f"{name} {part}".strip()] = own | common
            found[name] = found.get(name, set()) | own | common
    return found


KNOWN = options_of_commands()
EVERY = set().union(*KNOWN.values())


def code_of(text: str) -> tuple[list[str], list[str]]:
    """Lines of shell of a page (continued ones joined), and pieces of code within sentences."""
    blocks = re.findall(r"^```(?:bash|sh)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    prose = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    blocks += ["\n".join(line.strip() for line in re.findall(r"^ {4}(?=\S).*", prose, re.MULTILINE))]
    lines = [line for block in blocks for line in re.sub(r"\\\n\s*", " ", block).splitlines()]
    return lines, re.findall(r"`([^`\n]+)`", re.sub(r"^ {4}.*", "", prose, flags=re.MULTILINE))


def wrong_options(text: str) -> list[str]:
    """Options that the command before them does not have, or, alone in a sentence, no command has."""
    lines, pieces = code_of(text)
    wrong = []
    for code in [*lines, *pieces]:
        for part in PARTS.split(code.partition("  #")[0]):
            words = part.split()
            while words and re.fullmatch(r"[A-Z_]+=\S*|\$", words[0]):  # settings of the environment
                words = words[1:]
            first = words[0] if words else ""
            if first in OTHERS:
                continue
            named = [word for word in words[1:3] if re.fullmatch("[a-z][a-z-]*", word)] if first == "decode" else []
            command = next((name for name in (" ".join(named), *named[:1]) if name in KNOWN), "")
            known = KNOWN[command] if command or (first == "decode" and not named) else EVERY
            wrong += [f"{command or 'decode'} {option}" for option in OPTION.findall(part) if option not in known]
    return sorted(set(wrong))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_options_that_a_page_names_are_there(page):
    text = page.read_text(encoding="utf-8")
    own = {option for script in scripts_of(page) for option in re.findall(r'"(--[a-z][a-z0-9-]*)"', script)}
    wrong = [entry for entry in wrong_options(text) if entry.split()[-1] not in own]
    assert not wrong, f"{page.relative_to(ROOT)} names options that are not there: {', '.join(wrong)}"


def scripts_of(page: Path) -> list[str]:
    """Texts of the scripts whose options a page may name without a command before them."""
    folders = ["benchmarks", "data_prep", "tests"] if page.parent != ROOT / "docs" else ["benchmarks", "data_prep"]
    return [path.read_text(encoding="utf-8") for folder in folders for path in (ROOT / folder).glob("*.py")]


def resolved(node: ast.expr, names: dict[str, object]) -> object | None:
    """The object of decode that a name or a dotted name of a page's code means."""
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if isinstance(node, ast.Attribute):
        owner = resolved(node.value, names)
        return getattr(owner, node.attr, None) if owner is decode or inspect.isclass(owner) else None
    return None


def wrong_calls(code: str) -> list[str]:
    """Calls of functions of decode with arguments that these do not take."""
    tree = ast.parse(textwrap.dedent(code))
    names: dict[str, object] = {"decode": decode}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "decode":
            module = __import__(node.module, fromlist=["_"])
            names |= {alias.asname or alias.name: getattr(module, alias.name) for alias in node.names}
    wrong = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = resolved(node.func, names)
        if called is None or not callable(called):
            continue
        given = [keyword.arg for keyword in node.keywords if keyword.arg]
        try:
            inspect.signature(called).bind_partial(*node.args, **dict.fromkeys(given))
        except TypeError as error:
            wrong.append(f"{ast.unparse(node.func)}: {error}")
    return wrong


def python_of(page: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("page", [page for page in PAGES if python_of(page)], ids=lambda page: page.name)
def test_python_that_a_page_shows_calls_what_is_there(page):
    wrong = [entry for code in python_of(page) for entry in wrong_calls(code)]
    assert not wrong, f"{page.relative_to(ROOT)}: {'; '.join(wrong)}"


def test_what_is_wrong_is_noticed():
    page = (
        "`decode drivers T --frobnicate 3`, `--frobs`, `--members 5`, `decode landmark select P --size 3`, `pip --x`"
        "\n\n"
        "```bash\nFOO=1 decode train a b --members 3 \\\n    --memberz 2 | decode null --refits 3  # --no\n```\n"
        "text\n\n    decode rank --nul x && decode --version\n"
    )
    assert wrong_options(page) == ["decode --frobs", "drivers --frobnicate", "rank --nul", "train --memberz"]
    assert wrong_calls("import decode\ndecode.train(f, t, trainin=1)\ndecode.predict(b, f)\n")
    assert not wrong_calls("decode.train(f, t, training=decode.TrainingConfig(members=2))")
