"""What a command says while it runs: log lines with a time, finished runs, and bars on a terminal."""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import TaskID


@dataclass
class State:
    """How the command that runs was called."""

    debug: bool = False
    quiet: bool = False


state = State()
_HIDDEN = re.compile(r"\.([^/]+)\.decode-[0-9a-f]{8}-[0-9a-f]{8}-\d+-\d+-[0-9a-f]{8}\.(?:part|old)")  # while it is made


class Sentence(logging.Formatter):
    """A log line: the time, `warning:` where it is one, and the message, outputs named as they will be.

    Examples
    --------
    >>> line = Sentence().format(logging.makeLogRecord({"msg": "3 genes", "levelno": logging.WARNING}))
    >>> line[9:]
    'warning: 3 genes'
    """

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(word)s%(message)s", datefmt="%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        record.word = "warning: " if record.levelno >= logging.WARNING else ""
        return _HIDDEN.sub(r"\1", super().format(record))


class Once(logging.Filter):
    """Lets a line through once: what reads the same table for several ends says the same of it.

    Examples
    --------
    >>> said = Once()
    >>> line = logging.makeLogRecord({"msg": "3 genes", "levelno": logging.INFO})
    >>> said.filter(line), said.filter(line)
    (True, False)
    """

    def __init__(self) -> None:
        super().__init__()
        self._said: set[tuple[int, str]] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line was not said before."""
        line = (record.levelno, record.getMessage())
        is_new = line not in self._said
        self._said.add(line)
        return is_new


def set_up_logging(*, quiet: bool, debug: bool) -> None:
    """Write log lines to standard error; what was asked before the command's name holds too."""
    state.quiet, state.debug = state.quiet or quiet, state.debug or debug
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Sentence())
    handler.addFilter(Once())
    logger = logging.getLogger("decode")
    logger.handlers = [handler]
    logger.setLevel(logging.WARNING if state.quiet else logging.INFO)
    logger.propagate = False


def report_run(name: str, was_finished: bool) -> None:
    """Say on standard error that a run is done."""
    if not state.quiet:
        print(f"{name}: {'finished before' if was_finished else 'done'}", file=sys.stderr)


@contextmanager
def bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on a terminal, nothing elsewhere; it takes (done, total).

    Examples
    --------
    >>> with bar("attributions") as advance:
    ...     advance(1, 2)
    """
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, disable=state.quiet or not console.is_terminal, transient=True) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


@contextmanager
def epochs(n_members: int) -> Iterator[Callable[[int, int, float], None]]:
    """What every member is at, on a terminal, nothing elsewhere; it takes (member, epoch, validation loss).

    Examples
    --------
    >>> with epochs(2) as on_epoch:
    ...     on_epoch(0, 0, 0.5)
    """
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    is_off = state.quiet or not console.is_terminal
    with Progress(*columns, console=console, disable=is_off, transient=True) as progress:
        lines: dict[int, TaskID] = {}

        def on_epoch(member: int, epoch: int, validation_loss: float) -> None:
            text = f"member {member + 1} of {n_members}: epoch {epoch + 1}, validation loss {validation_loss:.4f}"
            if member not in lines:
                lines[member] = progress.add_task(text, total=None)
            progress.update(lines[member], description=text)

        yield on_epoch
