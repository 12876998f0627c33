"""What the command modules share: state, the form KIND=VALUE, and progress."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass
class State:
    """Options given before the command."""

    debug: bool = False


state = State()


def pairs(option: str, values: Iterable[str] | None) -> list[tuple[str, str]]:
    """Split KIND=VALUE arguments.

    Examples
    --------
    >>> pairs("--promoter-sites", ["TF=peaks.bed"])
    [('TF', 'peaks.bed')]
    """
    split = []
    for value in values or []:
        key, sign, rest = value.partition("=")
        if not sign or not key or not rest:
            raise ValueError(f"{option} is {value!r}; write KIND=VALUE, for example TF=peaks.bed.gz")
        split.append((key, rest))
    return split


def comma_list(text: str | None) -> list[str] | None:
    """Split a comma-separated option; None stays None.

    Examples
    --------
    >>> comma_list("K562, HepG2")
    ['K562', 'HepG2']
    """
    return None if text is None else [part.strip() for part in text.split(",") if part.strip()]
