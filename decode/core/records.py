"""Stored JSON records of strangers: every field is checked by type and range before anything is built from it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, NoReturn

from decode.core.checks import check_known_keys, listed

Check = Callable[[str, Any], None]
MOST_BYTES = 64 * 2**20  # of a record
DEEPEST = 32  # levels of lists and objects
LONGEST_TEXT = 100_000
MOST_ITEMS = 10**7
SHOWN = 60  # letters of a wrong value


def read_json_record(path: str | Path, name: str, advice: str) -> dict[str, Any]:
    """An object from a JSON file of bounded size and depth, without NaN.

    Parameters
    ----------
    path : str or Path
        An existing file.
    name : str
        What it is, for messages.
    advice : str
        What to do where it is damaged.

    Raises
    ------
    ValueError
        If it is no such object.
    """
    size = Path(path).stat().st_size
    if size > MOST_BYTES:
        raise ValueError(f"{name} {path} has {size:,} bytes, more than such a file can have; {advice}")
    try:
        values = json.loads(Path(path).read_bytes(), parse_constant=_no_number)
        is_deep = not _is_shallow(values)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{name} {path} is damaged ({str(error)[:200]}); {advice}") from error
    if is_deep or not isinstance(values, dict):
        what = "nested too deeply" if is_deep else "no object with named values"
        raise ValueError(f"{name} {path} is damaged ({what}); {advice}")
    return values


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")


def _is_shallow(values: Any) -> bool:
    level = [values]
    for _ in range(DEEPEST):
        level = [
            item
            for value in level
            if isinstance(value, dict | list)
            for item in (value.values() if isinstance(value, dict) else value)
        ]
        if not level:
            return True
    return False


def _refuse(name: str, value: Any, wanted: str) -> NoReturn:
    if isinstance(value, dict | list):
        shown = f"a JSON {'object' if isinstance(value, dict) else 'list'} of {len(value):,}"
    else:
        shown = repr(value) if len(repr(value)) <= SHOWN else repr(value)[:SHOWN] + "..."
    raise ValueError(f"{name} is {shown}; {wanted} is wanted")


def text(pattern: str = r"(?s).*", wanted: str = "text", *, longest: int = LONGEST_TEXT) -> Check:
    """A text, as a whole like the pattern."""
    expression = re.compile(pattern)

    def check(name: str, value: Any) -> None:
        if not isinstance(value, str) or len(value) > longest or not expression.fullmatch(value):
            _refuse(name, value, wanted)

    return check


HASH = text("[0-9a-f]{64}", "a SHA-256 of 64 hex digits")
NAME = text(r"(?s).+", "a name", longest=10_000)


def whole(low: int, high: int) -> Check:
    """A whole number from `low` to `high`."""

    def check(name: str, value: Any) -> None:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            _refuse(name, value, f"a whole number from {low:,} to {high:,}")

    return check


def number(low: float = -math.inf, high: float = math.inf, *, open_low: bool = False, open_high: bool = False) -> Check:
    """A finite number from `low` to `high`; open: the end itself is refused."""
    wanted = "a finite number"
    if low > -math.inf:
        wanted += f" {'>' if open_low else '>='} {low:g}"
    if high < math.inf:
        wanted += f" {'and' if low > -math.inf else ''} {'<' if open_high else '<='} {high:g}".replace("  ", " ")

    def check(name: str, value: Any) -> None:
        is_number = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300
        if not is_number or not low <= value <= high or (open_low and value == low) or (open_high and value == high):
            _refuse(name, value, wanted)

    return check


def flag(name: str, value: Any) -> None:
    """True or false."""
    if not isinstance(value, bool):
        _refuse(name, value, "true or false")


def choice(allowed: Collection[str]) -> Check:
    """One of some words."""

    def check(name: str, value: Any) -> None:
        if not isinstance(value, str) or value not in allowed:
            _refuse(name, value, f"one of {', '.join(allowed)}")

    return check


def optional(inner: Check) -> Check:
    """Null, or what `inner` takes."""

    def check(name: str, value: Any) -> None:
        if value is not None:
            inner(name, value)

    return check


def items(inner: Check, *, least: int = 0, most: int = MOST_ITEMS, unique: bool = False) -> Check:
    """A list; `inner` checks each item."""

    def check(name: str, value: Any) -> None:
        if not isinstance(value, list) or not least <= len(value) <= most:
            _refuse(name, value, f"a list of {least:,} to {most:,}" if least else f"a list of at most {most:,}")
        for number_, item in enumerate(value):
            inner(f"{name}[{number_}]", item)
        if unique and len(set(value)) < len(value):
            raise ValueError(f"{name} names something twice; each is wanted once")

    return check


def mapping(inner: Check, *, most: int = MOST_ITEMS) -> Check:
    """An object with any names; `inner` checks each value."""

    def check(name: str, value: Any) -> None:
        if not isinstance(value, dict) or len(value) > most:
            _refuse(name, value, "an object with named values")
        for key, item in value.items():
            inner(f"{name}[{key[:SHOWN]!r}]", item)

    return check


def anything(_name: str, _value: Any) -> None:
    """Any plain value; `read_json_record` has bounded its depth."""


def fields(checks: Mapping[str, Check], *, may_lack: Collection[str] = (), may_add: bool = False) -> Check:
    """An object with the named fields.

    Parameters
    ----------
    checks : mapping of name to Check
    may_lack : collection of str
        Fields that need not be there.
    may_add : bool
        Other fields are let through unchecked.
    """

    def check(name: str, value: Any) -> None:
        if not isinstance(value, dict):
            _refuse(name, value, "an object with named values")
        missing = [key for key in checks if key not in value and key not in may_lack]
        if missing:
            raise ValueError(f"{name} lacks {listed(missing)}")
        if not may_add:
            check_known_keys(name, value, list(checks))
        for key, inner in checks.items():
            if key in value:
                inner(key if name == "" else f"{key} of {name}", value[key])

    return check
