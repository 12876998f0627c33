"""Who is at work: processes of this and of other machines, told apart also where a number is given anew."""

from __future__ import annotations

import hashlib
import os
import platform
from functools import cache
from pathlib import Path
from typing import NamedTuple


class Process(NamedTuple):
    """A process as a lock or a temporary name states it.

    Attributes
    ----------
    host : str
        Name of the machine.
    space : str
        Numbers of processes mean the same within it only: a container has a space of its own. Empty where unknown.
    pid : int
    start : int
        When it began, in clock ticks since the machine started; 0 where unknown. Numbers are given anew, times are not.
    """

    host: str
    space: str
    pid: int
    start: int

    @property
    def place(self) -> str:
        """Machine and number space as eight hex digits.

        Examples
        --------
        >>> Process("node1", "", 1, 0).place == Process("node1", "", 2, 0).place != Process("node2", "", 1, 0).place
        True
        """
        return hashlib.sha256(f"{self.host} {self.space}".encode()).hexdigest()[:8]


def this_process() -> Process:
    """The process that asks."""
    host, space = _place()
    return Process(host, space, os.getpid(), started(os.getpid()))


def is_here(process: Process) -> bool:
    """Whether a process is of this machine and number space, so that it can be known whether it still lives."""
    return (process.host, process.space) == _place()


def is_alive(pid: int, start: int) -> bool:
    """Whether a process of this machine still runs; another one that got its number later does not count.

    Examples
    --------
    >>> me = this_process()
    >>> is_alive(me.pid, me.start), is_alive(me.pid, me.start + 1 if me.start else 0)
    (True, False)
    """
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OverflowError:
        return False
    except PermissionError:  # it belongs to somebody else
        pass
    began = started(pid)
    return began != -1 and (0 in (start, began) or began == start)


def started(pid: int) -> int:
    """When a process began, in clock ticks since the machine started; 0 where unknown, -1 where it is over."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return 0
    return -1 if fields[0] in (b"Z", b"X") else int(fields[19])  # proc(5): the third field is the state


@cache
def _place() -> tuple[str, str]:
    try:
        space = os.readlink("/proc/self/ns/pid")
    except OSError:
        space = ""
    return platform.node(), space
