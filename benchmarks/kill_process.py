"""Runs of the command line that die by SIGKILL before a chosen file operation, or at a chosen moment.

A warm process imports the package once and forks: every run is a process of its own, and costs what the command costs.
In the fork an audit hook counts what changes the files of one folder; before the chosen one, the process kills itself.
What a C library writes between two such steps (HDF5) is met by kills at random moments.
"""

from __future__ import annotations

import faulthandler
import importlib
import multiprocessing
import os
import pkgutil
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

START_S = 600.0  # imports of the warm process
TIMEOUT_S = 300.0  # of one run
CRASHED = 70  # exit status of a run that ended in a traceback

COMMIT = "commit"  # what was written is complete and is now put in place
# Audit events that change files, and the places of their paths among the arguments.
_PATHS = {
    "os.rename": (0, 1), "os.remove": (0,), "os.rmdir": (0,), "os.mkdir": (0,), "os.link": (0, 1), "os.symlink": (0, 1),
    "os.truncate": (0,), "os.chmod": (0,), "exchange": (0, 1), COMMIT: (0,),
}  # fmt: skip


class Job(NamedTuple):
    """One run.

    Attributes
    ----------
    call : list of str
        Arguments of `decode`, or ["module:function", ...] of a function that takes them.
    folder : str
        Only operations in it count.
    kill_at : int or None
        The process dies before this file operation, counted from 0.
    kill_after_s : float or None
        The process is killed after so long.
    room_bytes : int or None
        No file may grow beyond it: writing fails as where the disk is full.
    environment : tuple of (str, str)
        Variables to set.
    """

    call: list[str]
    folder: str
    kill_at: int | None = None
    kill_after_s: float | None = None
    room_bytes: int | None = None
    environment: tuple[tuple[str, str], ...] = ()


class Ending(NamedTuple):
    """How a run ended.

    Attributes
    ----------
    status : int
        Exit status; negative: the number of the signal.
    operations : list of str
        What changed files in the folder, in order; of killed runs up to the kill.
    seconds : float
    text : str
        The last of what it printed.
    """

    status: int
    operations: list[str]
    seconds: float
    text: str

    @property
    def was_killed(self) -> bool:
        """Whether it died by the kill."""
        return self.status == -signal.SIGKILL

    @property
    def last_phase(self) -> int:
        """The operation from which on outputs are put in place; 0 where none is."""
        places = [i for i, step in enumerate(self.operations) if step.startswith(COMMIT) and _is_final(step)]
        return places[0] if places else 0

    @property
    def is_in_last_phase(self) -> bool:
        """Whether it had begun to put outputs in place when it ended."""
        return any(step.startswith(COMMIT) and _is_final(step) for step in self.operations)


def _is_final(step: str) -> bool:
    """Whether what is put in place is an output, not a finished piece and not a file in a folder that will be one."""
    parts = step.removeprefix(COMMIT).strip().split(os.sep)
    return not any(part.startswith(".") or part.endswith(".work") for part in parts)


def _counter(folder: str, kill_at: int | None, journal: int) -> Callable[[str, tuple[Any, ...]], None]:
    inside = (folder + os.sep).encode()
    count = 0

    def is_inside(path: Any) -> bool:
        try:
            return os.path.abspath(os.fsencode(path)).startswith(inside)
        except (TypeError, ValueError):
            return False

    def step(*words: Any) -> None:
        nonlocal count
        if count == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        count += 1
        text = " ".join([words[0], *(os.path.relpath(os.fsdecode(path), folder) for path in words[1:])])
        os.write(journal, text.encode("utf-8", "replace") + b"\n")

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            if isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) and is_inside(path):
                step("open", path)
        elif event in _PATHS:
            paths = [arguments[place] for place in _PATHS[event]]
            if any(map(is_inside, paths)):
                step(event, *paths)

    return hook


def _watch() -> None:
    """Have the hook told of what it cannot see: a call of the C library, and that outputs are to be put in place."""
    from decode.core import outputs, swap

    exchange, commit = swap.exchange, outputs.OutputSet.commit

    def audited(one: Path, other: Path) -> bool:
        sys.audit("exchange", str(one), str(other))
        return exchange(one, other)

    def told(self: Any) -> None:
        if self._outputs:
            sys.audit(COMMIT, *(str(output.final) for output in self._outputs[-1:]))
        commit(self)

    swap.exchange = audited
    outputs.OutputSet.commit = told  # type: ignore[method-assign]


def _run(job: Job, journal: int) -> int:
    """In the fork: the command, to its end."""
    from decode.cli import main

    os.environ.update(job.environment)
    if job.room_bytes is not None:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (job.room_bytes, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    faulthandler.dump_traceback_later(TIMEOUT_S - 5)
    _watch()
    sys.addaudithook(_counter(os.path.abspath(job.folder), job.kill_at, journal))
    try:
        module, _, function = job.call[0].partition(":")
        if function:
            getattr(importlib.import_module(module), function)(*job.call[1:])
        else:
            main(job.call)
    except SystemExit as end:
        return int(end.code or 0)
    except BaseException:
        traceback.print_exc()
        return CRASHED
    return 0


def _fork(job: Job) -> Ending:
    text, journal = _Pipe(), _Pipe()
    begun = time.monotonic()
    child = os.fork()
    if child == 0:
        status = CRASHED
        try:
            os.dup2(text.write, 1)
            os.dup2(text.write, 2)
            status = _run(job, journal.write)
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(status)
    until = begun + min(TIMEOUT_S, job.kill_after_s or TIMEOUT_S)
    while True:
        found, code = os.waitpid(child, os.WNOHANG)
        text.drain()
        journal.drain()
        if found:
            break
        if time.monotonic() > until:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.002)
    seconds = time.monotonic() - begun
    said = text.close()[-4000:]
    if job.kill_after_s is None and seconds >= TIMEOUT_S:
        said += f"\nmore than {TIMEOUT_S:g} s"
    return Ending(os.waitstatus_to_exitcode(code), journal.close().splitlines(), seconds, said)


class _Pipe:
    """What a run says, kept in memory: also where the disk is full."""

    def __init__(self) -> None:
        self.read, self.write = os.pipe()
        os.set_blocking(self.read, False)
        self._parts: list[bytes] = []

    def drain(self) -> None:
        with suppress(BlockingIOError):
            while part := os.read(self.read, 1 << 16):
                self._parts.append(part)

    def close(self) -> str:
        os.close(self.write)
        self.drain()
        os.close(self.read)
        return b"".join(self._parts).decode("utf-8", "replace")


def _serve(connection: Connection) -> None:
    import tensorflow  # noqa: F401  (before all others: loaded after them, its threads hang in a fork)

    import decode

    for module in pkgutil.walk_packages(decode.__path__, "decode."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    connection.send("ready")
    while (job := connection.recv()) is not None:
        connection.send(_fork(job))


class Runs:
    """The warm process; use it in a `with` block.

    Examples
    --------
    >>> with Runs() as runs:  # doctest: +SKIP
    ...     runs.run(Job(["predict", "model", "features.h5", "--out", "result/p.tsv"], "result", kill_at=3))
    """

    def __enter__(self) -> Runs:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=False)
        self._process.start()
        theirs.close()
        if not self._connection.poll(START_S) or self._connection.recv() != "ready":
            self._process.kill()
            raise RuntimeError("the warm process did not start")
        return self

    def run(self, job: Job) -> Ending:
        """One run, in a fork of the warm process."""
        self._connection.send(job)
        ending: Ending = self._connection.recv()
        return ending

    def __exit__(self, *error: object) -> None:
        self._connection.send(None)
        self._process.join(10)
        self._process.kill()
        self._connection.close()
