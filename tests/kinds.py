"""Kinds of the tasks of toy tables: a median level and fold changes."""

from __future__ import annotations

from collections.abc import Iterable


def kinds_of(tasks: Iterable[str]) -> list:
    """Kind of each task by its name, as a table that says nothing has them."""
    return ["median_level" if task == "median_level" else "fold_change" for task in tasks]
