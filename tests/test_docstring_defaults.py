"""Defaults that docstrings of public functions and classes name are those of their signatures."""

from __future__ import annotations

import ast
import inspect
import re
from typing import Any

import pytest

import decode

LINE = re.compile(r"^(\w+(?:, \w+)*) : [^\n]*?\bdefault:? ((?:\d{1,3}(?:,\d{3})+)|[^\n,;)]+)", re.MULTILINE)
CHOICES = re.compile(r"^(\w+(?:, \w+)*) : \{([^,}\n]+)[^}\n]*\}(?![^\n]*default)", re.MULTILINE)  # first: default
PUBLIC = [name for name in decode.__all__ if callable(getattr(decode, name))]


def literal(text: str) -> Any:
    """The value that a docstring's words mean, or None where they are no plain value."""
    try:
        return ast.literal_eval(re.sub(r"(?<=\d),(?=\d{3})", "", text.strip().rstrip(".")))
    except (ValueError, SyntaxError):
        return None


def wrong_defaults(thing: Any) -> list[str]:
    """Parameters whose documented default is another than that of the signature."""
    parameters, text = inspect.signature(thing).parameters, inspect.getdoc(thing) or ""
    wrong = []
    for names, words in LINE.findall(text) + CHOICES.findall(text):
        said = literal(words)
        for name in names.split(", "):
            own = parameters[name].default if name in parameters else None
            if said is not None and isinstance(own, bool | int | float | str) and own != said:
                wrong.append(f"{name} (said {said!r}, is {own!r})")
    return wrong


@pytest.mark.parametrize("name", PUBLIC)
def test_defaults_are_as_documented(name):
    wrong = wrong_defaults(getattr(decode, name))
    assert not wrong, f"decode.{name}: {', '.join(wrong)}"


def test_another_default_is_noticed():
    def function(a: int = 3, *, b: str = "x", c: bool = False) -> None:
        """Do nothing.

        Parameters
        ----------
        a : int, default 4
        b : {"y", "x"}
        c : bool, default True
        """

    assert wrong_defaults(function) == ["a (said 4, is 3)", "c (said True, is False)", "b (said 'y', is 'x')"]
