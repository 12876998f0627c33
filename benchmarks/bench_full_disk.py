"""Every command that writes, on a disk that fills up, and twice at once into one place.

The disk is a tmpfs of a few pages where this user may mount one, otherwise a limit on the size of files
(RLIMIT_FSIZE); which one it was stands in the result. Afterwards the old output must be there whole, the message must
be one sentence, and with room the same command must give what an undisturbed run gives.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from benchmarks.bench_kills import (
    ANOTHER,
    FAILED,
    HALF,
    LEFT,
    NOTHING,
    OTHER,
    REST,
    Kill,
    Trial,
)
from benchmarks.bench_kills import FAULTS as KILL_FAULTS
from benchmarks.kill_contents import leftovers
from benchmarks.kill_process import CRASHED, Ending, Job, Runs

REFUSED, FITS = "said so, old output kept", "had room"
UNSAID = "no plain sentence"
FAULTS = (*KILL_FAULTS, UNSAID)
BOTH, ONE = "both ended well", "one ended well, one said why not"
SHARES = (0.0, 0.4, 0.8)  # of the room that the result needs
PAGE = 4096


def may_mount(folder: Path) -> bool:
    """Whether a tmpfs can be mounted here."""
    try:
        with _small_disk(folder, 1):
            return True
    except (OSError, subprocess.CalledProcessError):
        return False


@contextmanager
def _small_disk(folder: Path, n_pages: int) -> Iterator[None]:
    size = f"size={max(n_pages, 1) * PAGE}"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(folder)], check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True, capture_output=True)


def _grow(folder: Path) -> None:
    command = ["mount", "-o", "remount,size=1g", str(folder)]
    subprocess.run(command, check=True, capture_output=True)


def _is_sentence(ending: Ending) -> bool:
    return "Traceback" not in ending.text and "decode: error: " in ending.text and ending.status == 2


def full_disk(trial: Trial, *, mounted: bool) -> Iterator[Kill]:
    """Run a command over nothing with room for a part of its result, and then with room for all.

    Parameters
    ----------
    trial : Trial
    mounted : bool
        Fill a tmpfs; otherwise limit the size of files.
    """
    sizes = [path.stat().st_size for path in trial.new_files.rglob("*") if path.is_file()]
    n_pages = sum(-(-size // PAGE) for size in sizes)
    for share in SHARES:
        trial.put(NOTHING)
        moment = f"{share:.0%} of the room, {'tmpfs' if mounted else 'RLIMIT_FSIZE'}"
        kill = Kill(trial.command.name, NOTHING, moment, True, "", "")
        if mounted:
            with _small_disk(trial.result, int(share * n_pages) + 1):
                found = _judged(trial, kill, None)
                _grow(trial.result)
                yield trial.again(NOTHING, found) if found.outcome in (REFUSED, REST) else found
        else:
            found = _judged(trial, kill, int(share * max(sizes)) + 1)
            yield trial.again(NOTHING, found) if found.outcome in (REFUSED, REST) else found


def _judged(trial: Trial, kill: Kill, room_bytes: int | None) -> Kill:
    """A run where there is little room."""
    ending = trial.runs.run(Job(trial.lines[NOTHING], str(trial.result), room_bytes=room_bytes))
    found, left = trial.seen(trial.result), leftovers(trial.result)
    if ending.status == 0:
        return kill._replace(outcome=FITS if found == trial.new else OTHER)
    if ending.status == CRASHED or not _is_sentence(ending):
        return kill._replace(outcome=UNSAID, detail=ending.text[-300:])
    if found:
        kill = trial.settled(NOTHING, trial.left(NOTHING, kill))
        return kill if kill.outcome in (REST, *FAULTS) else kill._replace(outcome=HALF, detail=", ".join(found))
    if rest := [name for name in left if ".work" not in name]:  # finished pieces may stay: the next run goes on
        return kill._replace(outcome=LEFT, detail=", ".join(rest[:5]))
    return kill._replace(outcome=REFUSED)


def twice_at_once(trial: Trial, other: Runs) -> Kill:
    """The same command twice at the same time, over another result.

    Parameters
    ----------
    trial : Trial
    other : Runs
        A second warm process.
    """
    trial.put(ANOTHER)
    job = Job(trial.lines[ANOTHER], str(trial.result))
    with ThreadPoolExecutor(2) as pool:
        endings = list(pool.map(lambda runs: runs.run(job), (trial.runs, other)))
    kill = Kill(trial.command.name, ANOTHER, "twice at once", True, BOTH, "")
    failed = [ending for ending in endings if ending.status]
    if len(failed) == 2 or any(not _is_sentence(ending) for ending in failed):
        return kill._replace(outcome=FAILED, detail=" || ".join(ending.text[-200:] for ending in failed))
    if trial.seen(trial.result) != trial.new:
        return kill._replace(outcome=OTHER)
    if left := leftovers(trial.result):
        return kill._replace(outcome=LEFT, detail=", ".join(left[:5]))
    return kill._replace(outcome=ONE if failed else BOTH)
