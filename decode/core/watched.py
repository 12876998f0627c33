"""A progress bar where somebody works in a notebook; commands draw their own on a terminal (`decode.cli.progress`)."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from html import escape
from typing import Any, TypeVar

Item = TypeVar("Item")
EVERY_S = 0.1  # between two drawings


def in_notebook() -> bool:
    """Whether the code runs in the kernel of a notebook; loads nothing."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return type(shell).__name__ == "ZMQInteractiveShell"


def watched(items: Iterable[Item], what: str, total: int) -> Iterator[Item]:
    """The items as they come, with a bar in a notebook that goes when they end, and nothing elsewhere.

    Parameters
    ----------
    items : iterable
    what : str
        Written before the bar.
    total : int
        How many there will be.

    Notes
    -----
    The bar is an output of the cell, not text on standard error, so that a notebook that is kept holds no trace of it;
    it needs no widgets.

    Examples
    --------
    >>> list(watched([1, 2], "members", 2))
    [1, 2]
    """
    if not in_notebook():
        yield from items
        return
    from IPython.display import display  # whoever runs a notebook has it

    start = last = time.monotonic()
    place: Any = display(_bar(what, 0, total, 0.0), raw=True, display_id=True)  # type: ignore[no-untyped-call]
    try:
        for number, item in enumerate(items, start=1):
            now = time.monotonic()
            if now - last >= EVERY_S:
                place.update(_bar(what, number, total, now - start), raw=True)
                last = now
            yield item
    finally:
        place.update({"text/plain": "", "text/html": ""}, raw=True)


def _bar(what: str, number: int, total: int, seconds: float) -> dict[str, Any]:
    """The bar as HTML and as text, with the time that is left where it can be told.

    Examples
    --------
    >>> _bar("members", 1, 3, 10.0)["text/plain"]
    'members: 1 of 3, about 20 s left'
    """
    left = f", about {seconds / number * (total - number):.0f} s left" if 0 < number < total else ""
    text = f"{what}: {number} of {total}{left}"
    html = f'<progress value="{number}" max="{max(total, 1)}"></progress> {escape(text)}'
    return {"text/plain": text, "text/html": html}
