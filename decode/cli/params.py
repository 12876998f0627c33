"""Options of a command from a YAML file: `--params FILE`; what the command line says itself goes first."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

MOST_BYTES = 2**20
MERGE = "<<"
HOME = "~/"  # begins a path below the user's folder, as in a shell
UNSAID = ("", "~", "null", "Null", "NULL")  # plain scalars that stand for an option not given
Value = str | list[str] | dict[str, str]


def read_params(path: Path) -> dict[str, Value]:
    """Options and their values, as text: `1e-3`, `no` and `MARCH1` stay what they are.

    Parameters
    ----------
    path : Path
        YAML or JSON: one mapping of option names to a value, a list of values, or a mapping of key to value (for
        options of the form KEY=VALUE). Names are written as on the command line, with or without the leading dashes, or
        with underscores. An option whose value is empty or null is not given. Paths start at the working folder, as on
        the command line, not at the file; ~/ is the user's folder.

    Raises
    ------
    ValueError
        If it is no such file, or names an option twice.
    """
    import yaml

    if path.stat().st_size > MOST_BYTES:
        raise ValueError(f"{path} has more than {MOST_BYTES:,} bytes; a file of --params holds options of one command")
    try:
        root = yaml.compose(path.read_text(encoding="utf-8-sig"), Loader=yaml.SafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{path} is no YAML file ({' '.join(str(error).split())[:200]})") from error
    if root is None:
        return {}
    if not isinstance(root, yaml.MappingNode):
        raise ValueError(f"{path} is no mapping of options to values; write lines such as 'members: 5'")
    found: dict[str, Value] = {}
    for key, node in root.value:
        if key.value == MERGE:
            raise ValueError(f"{path} has the merge key <<, which is not followed; write each option by itself")
        name = _text(path, "a name of an option", key).lstrip("-").replace("_", "-")
        if name in found:
            raise ValueError(f"{path} names {name} twice; give each option once, several values as a list")
        if isinstance(node, yaml.SequenceNode):
            found[name] = [_text(path, name, item) for item in node.value]
        elif isinstance(node, yaml.MappingNode):
            found[name] = {_text(path, name, part): _text(path, name, item) for part, item in node.value}
        elif node.style is not None or node.value not in UNSAID:
            found[name] = _text(path, name, node)
    return found


def _text(path: Path, name: str, node: Any) -> str:
    value = node.value
    if not isinstance(value, str):
        raise ValueError(f"{path}: {name} is nested; a value, a list of values or a mapping of them is wanted")
    return os.path.expanduser(value) if value.startswith(HOME) else value


def take_params(ctx: typer.Context, path: Path | None) -> Path | None:
    """Make the options of a file the defaults of this call.

    Raises
    ------
    ValueError
        If there is no such file, or it does not fit the command.
    """
    if path is None or ctx.resilient_parsing:
        return path
    if not path.is_file():
        raise ValueError(f"there is no file {path} for --params")
    options: dict[str, tuple[str, bool]] = {}
    for item in ctx.command.params:
        if item.name and item.name != "params" and not item.name.startswith("named_"):
            is_repeated = bool(getattr(item, "multiple", False)) or item.nargs == -1
            names = {item.name.replace("_", "-"), *(text.lstrip("-") for text in item.opts if text.startswith("--"))}
            options |= dict.fromkeys(names, (item.name, is_repeated))
    named = {item.name.removeprefix("named_") for item in ctx.command.params if (item.name or "").startswith("named_")}
    fitted = fit_params(path, read_params(path), options)
    arguments = {item.name for item in ctx.command.params if item.param_type_name == "argument"} if named else set()
    ctx.default_map = {name: value for name, value in fitted.items() if name not in arguments}
    return path


def fit_params(path: Path, values: Mapping[str, Value], options: Mapping[str, tuple[str, bool]]) -> dict[str, Any]:
    """The values by parameter, in the form that the command takes.

    Parameters
    ----------
    path : Path
        For messages.
    values : mapping of option name to value
        From `read_params`.
    options : mapping of option name to (parameter, bool)
        Names as on the command line without dashes; whether it may be repeated.

    Raises
    ------
    ValueError
        If an option is not one of the command's, or cannot take so many values.

    Examples
    --------
    >>> fit_params(Path("p.yaml"), {"tf-sites": {"TF": "a.bed"}, "part": ["test", "train"]},
    ...            {"tf-sites": ("tf_sites", True), "part": ("part", False)})
    {'tf_sites': ['TF=a.bed'], 'part': 'test,train'}
    """
    fitted: dict[str, Any] = {}
    for name, value in values.items():
        if name not in options:
            close = difflib.get_close_matches(name, options, 1)
            raise ValueError(f"{path} names {name}, which is no option of this command{_meant(close)}; see --help")
        parameter, is_repeated = options[name]
        if isinstance(value, dict):
            value = [f"{key}={item}" for key, item in value.items()]
        if is_repeated:
            fitted[parameter] = value if isinstance(value, list) else [value]
        elif isinstance(value, list):
            with_comma = next((item for item in value if "," in item), None)
            if with_comma is not None:
                raise ValueError(f"{path}: {name} is a list with commas in {with_comma!r}; write it as one text")
            fitted[parameter] = ",".join(value)
        else:
            fitted[parameter] = value
    return fitted


def _meant(close: list[str]) -> str:
    return f" (did you mean {close[0]}?)" if close else ""
