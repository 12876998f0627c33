"""A progress bar where somebody works in a notebook; commands draw their own on a terminal (`decode.cli.progress`)."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")


def in_notebook() -> bool:
    """Whether the code runs in the kernel of a notebook; loads nothing."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return type(shell).__name__ == "ZMQInteractiveShell"


def watched(items: Iterable[Item], what: str, total: int) -> Iterator[Item]:
    """The items as they come, with a bar in a notebook and nothing elsewhere.

    Parameters
    ----------
    items : iterable
    what : str
        Written before the bar.
    total : int
        How many there will be.

    Examples
    --------
    >>> list(watched([1, 2], "members", 2))
    [1, 2]
    """
    if not in_notebook():
        yield from items
        return
    from tqdm import tqdm  # rich draws in a notebook only where ipywidgets are installed

    yield from tqdm(items, desc=what, total=total)
