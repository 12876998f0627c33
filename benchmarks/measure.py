"""Run one side of a comparison in a fresh process and read its CPU seconds and peak memory."""

from __future__ import annotations

import importlib
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
GIB = 2**30


@dataclass(frozen=True)
class Row:
    """One line of a benchmark table.

    Parameters
    ----------
    case : str
        What was done, and how much of it.
    peer : str or None
        Who else did it.
    ours_s, peer_s : float or None
        CPU seconds, children included; None where a side did not run.
    ratio : float or None
        peer_s / ours_s.
    largest_difference : float or None
        Largest absolute difference between the two results.
    peak_gib : float or None
        Peak resident memory of our process.
    note : str
        Why a side did not run, or what else was measured.
    numbers : dict
        What else was measured, by name.
    """

    case: str
    peer: str | None
    ours_s: float | None = None
    peer_s: float | None = None
    ratio: float | None = None
    largest_difference: float | None = None
    peak_gib: float | None = None
    note: str = ""
    numbers: dict[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


class Measured(NamedTuple):
    """CPU seconds of the measured call (children included), peak memory of its process, and what it returned."""

    cpu_s: float
    peak_gib: float
    result: dict[str, Any]


def peak_gib() -> float:
    """Peak resident memory of this process in GiB.

    Where there is /proc, its VmHWM: `ru_maxrss` of a process starts at the size its parent had when it forked.
    """
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024 / GIB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / GIB


def ratio(peer_s: float | None, ours_s: float | None) -> float | None:
    """Peer's CPU seconds over ours."""
    return peer_s / ours_s if peer_s is not None and ours_s else None


def cpu_seconds() -> float:
    """CPU seconds used so far by this process and its finished children."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


Finish = Callable[[], dict[str, Any]]
Work = Callable[[], Finish]


def measured(function: Callable[..., Work], environment: dict[str, str] | None = None, **options: Any) -> Measured:
    """Prepare a call in a fresh process, run it there, and measure the call alone.

    Parameters
    ----------
    function : callable
        A function of a module: it takes the options, does what is not to be measured (imports, compiling, inputs), and
        returns a function without arguments that does the work, which is measured. That one returns a last function,
        not measured again, which stores the result and returns JSON-ready values.
    environment : dict, optional
        Variables to set in that process.
    **options
        JSON-ready.

    Returns
    -------
    Measured
        The peak is that of the whole process, imports included.
    """
    request = json.dumps({"module": function.__module__, "function": function.__name__, "options": options})
    command = [sys.executable, "-m", "benchmarks.measure", request]
    variables = {**os.environ, **(environment or {})}
    answer = subprocess.run(command, cwd=ROOT, env=variables, stdout=subprocess.PIPE, text=True, check=False)
    if answer.returncode:
        raise RuntimeError(f"{function.__name__} failed in its own process (status {answer.returncode}); see above")
    return Measured(**json.loads(answer.stdout.splitlines()[-1]))


def example_work(n: int) -> Work:
    """The smallest function that `measured` takes: adds up the numbers below `n`."""

    def work() -> Finish:
        total = sum(range(n))
        return lambda: {"total": total}

    return work


def _main() -> None:
    request = json.loads(sys.argv[1])
    work = getattr(importlib.import_module(request["module"]), request["function"])(**request["options"])
    before = cpu_seconds()
    finish = work()
    spent = cpu_seconds() - before
    peak = peak_gib()
    sys.stdout.write(json.dumps({"cpu_s": spent, "peak_gib": peak, "result": finish()}) + "\n")


if __name__ == "__main__":
    _main()
