"""What gets lost: damaged files for every reader of text, and kills, full disks and second runs for every command.

    python -m benchmarks reliability [--only files kills room] [--files N] [--kills N] [--seed S] [--out FILE]

`benchmarks.bench_kills` and `benchmarks.bench_full_disk` say what is done to commands. Of damaged files each is read
wholly, refused in a sentence, or a fault of the reader.

Every file is a small valid one, damaged from a seed (`benchmarks.mutations`). A worker process with limits of time and
memory reads them one after another, so that a crash or a hang is seen and the next file is still read.
"""

from __future__ import annotations

import argparse
import gzip
import logging
import multiprocessing
import os
import resource
import sys
import tempfile
import warnings
import zlib
from collections import Counter
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks import bench_full_disk, bench_kills
from benchmarks.bench_kills import Kill
from benchmarks.kill_commands import COMMANDS
from benchmarks.kill_process import Runs
from benchmarks.mutations import mutated
from benchmarks.reliability_readers import READERS, Reader
from decode.core.files import write_json

N_FILES = 10_000
N_KILLS = 12
TIMEOUT_S = 20.0
START_S = 600.0  # imports and compiled kernels of a new worker
MEMORY = 6 << 30  # bytes of address space beyond what the imports hold
LONGEST = 2_000  # characters of a message that is still a sentence

READ, REFUSED, UNNAMED, TRACEBACK, CRASH, HANG, LOSS = (
    "read wholly", "refused in a sentence", "refused without the file", "traceback", "crash", "hang", "silent loss",
)  # fmt: skip
OUTCOMES = (READ, REFUSED, UNNAMED, TRACEBACK, CRASH, HANG, LOSS)
FAULTS = OUTCOMES[2:]


class Case(NamedTuple):
    """What became of one damaged file."""

    reader: str
    seed: int
    changes: list[str]
    outcome: str
    detail: str


def damaged_file(reader: Reader, seed: int) -> tuple[bytes, list[str]]:
    """Content of a damaged file and the names of what was done to it; seed 0 is the valid file itself."""
    content = reader.text().encode()
    if seed == 0:
        return content, []
    return mutated(content, np.random.default_rng([seed, zlib.crc32(reader.name.encode())]))


def lines_of(content: bytes) -> list[str] | None:
    """Lines of a file that are not blank, read without the package; None where it cannot be unpacked."""
    if content.startswith(b"\x1f\x8b"):
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error):
            return None
    if content.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")):
        text = content.decode("utf-32", "replace")
    elif content.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = content.decode("utf-16", "replace")
    else:
        text = content.decode("utf-8", "replace").removeprefix("\ufeff")
    return [line for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n") if line.strip()]


def outcome_of(reader: Reader, path: Path, content: bytes) -> tuple[str, str]:
    """Have one file read, and judge what comes.

    Returns
    -------
    outcome : str
        One of `OUTCOMES` but for a crash and a hang, which only the other process can see.
    detail : str
    """
    try:
        found = reader.read(path)
    except (ValueError, TypeError, KeyError, OSError) as error:
        text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
        is_ours = path.stem.split(".")[0] in text or str(path.parent) in text
        is_plain = is_ours and len(text) <= LONGEST and not isinstance(error, UnicodeError)
        return REFUSED if is_plain else UNNAMED, f"{type(error).__name__}: {text[:300]}"
    except MemoryError as error:
        return CRASH, f"MemoryError: {error}"
    except BaseException as error:  # a panic of a compiled library is none of Exception
        return TRACEBACK, f"{type(error).__name__}: {str(error)[:300]}"
    lines = lines_of(content)
    if lines is None:
        return LOSS, "a damaged archive was read"
    wanted = reader.rows(lines) if lines else 0
    if found is not None and wanted is not None and found != wanted:
        return LOSS, f"{found} of {wanted} rows"
    return READ, ""


def _work(connection: Connection, folder: str) -> None:
    warnings.simplefilter("ignore")
    logging.getLogger("decode").addHandler(logging.NullHandler())
    logging.getLogger("decode").propagate = False
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # panics of compiled libraries print there
    readers = {reader.name: reader for reader in READERS}
    for reader in READERS:  # imports and compiled kernels, before any clock runs
        path = Path(folder, reader.file)
        path.write_text(reader.text())
        outcome_of(reader, path, path.read_bytes())
        path.unlink()
    with open("/proc/self/statm") as handle:
        held = int(handle.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
    connection.send("ready")
    while (job := connection.recv()) is not None:
        reader, seed = readers[job[0]], job[1]
        content, _ = damaged_file(reader, seed)
        own = Path(folder, f"{os.getpid()}-{seed}")
        own.mkdir(exist_ok=True)
        path = own / reader.file
        path.write_bytes(content)
        connection.send(outcome_of(reader, path, content))
        for item in own.iterdir():
            item.unlink()
        own.rmdir()


class _Worker:
    def __init__(self, folder: str) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_work, args=(theirs, folder), daemon=True)
        self.process.start()
        theirs.close()
        if not self.connection.poll(START_S) or self.connection.recv() != "ready":
            raise RuntimeError("the worker did not start")

    def ask(self, reader: str, seed: int) -> tuple[str, str]:
        try:
            self.connection.send((reader, seed))
            if self.connection.poll(TIMEOUT_S):
                found: tuple[str, str] = self.connection.recv()
                return found
        except (EOFError, OSError):
            self.process.join(5)
            return CRASH, f"exit code {self.process.exitcode}"
        return HANG, f"more than {TIMEOUT_S:g} s"

    def stop(self) -> None:
        self.process.kill()
        self.process.join()
        self.connection.close()


def campaign(n_files: int = N_FILES, *, seed: int = 1, readers: tuple[Reader, ...] = READERS) -> Iterator[Case]:
    """Damage files and have them read.

    Parameters
    ----------
    n_files : int
        Damaged files, the readers in turn; one valid file a reader comes first.
    seed : int
        Of the first damaged file; the next ones follow.
    readers : tuple of Reader

    Yields
    ------
    Case
    """
    with tempfile.TemporaryDirectory() as folder:
        worker = _Worker(folder)
        try:
            for number in range(-len(readers), n_files):
                reader = readers[number % len(readers)]
                own_seed = 0 if number < 0 else seed + number // len(readers)
                outcome, detail = worker.ask(reader.name, own_seed)
                if outcome in (CRASH, HANG) and not detail.startswith("MemoryError"):
                    worker.stop()
                    worker = _Worker(folder)
                yield Case(reader.name, own_seed, damaged_file(reader, own_seed)[1], outcome, detail)
        finally:
            worker.stop()


def table_of(cases: list[Case]) -> Table:
    """Files by reader and outcome."""
    table = Table(title=f"{len(cases)} files")
    table.add_column("reader")
    for outcome in OUTCOMES:
        table.add_column(outcome, justify="right", overflow="fold")
    counts = Counter((case.reader, case.outcome) for case in cases)
    for reader in dict.fromkeys(case.reader for case in cases):
        table.add_row(reader, *(str(counts[reader, outcome] or "") for outcome in OUTCOMES))
    totals = Counter(case.outcome for case in cases)
    table.add_section()
    table.add_row("all", *(str(totals[outcome]) for outcome in OUTCOMES))
    return table


PARTS = ("files", "kills", "room")


def main(arguments: list[str] | None = None) -> int:
    """Run the campaign; exit status 1 where something is lost, 2 for a wrong argument."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks reliability", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), help="parts; default all")
    parser.add_argument("--files", type=int, default=N_FILES, help=f"damaged files; default {N_FILES}")
    parser.add_argument("--kills", type=int, default=N_KILLS, help=f"a command and start; default {N_KILLS}")
    names = [command.name for command in COMMANDS]
    helped = f"kill and fill the disk of these only: {', '.join(names)}"
    parser.add_argument("--commands", nargs="+", default=None, choices=names, metavar="NAME", help=helped)
    parser.add_argument("--seed", type=int, default=1, help="of the first file; default 1")
    parser.add_argument("--out", type=Path, default=None, help="JSON file of all faults")
    options = parser.parse_args(arguments)
    if min(options.files, options.seed, options.kills) < 1:
        parser.error("--files, --kills and --seed are whole numbers from 1 on")
    console, faults = Console(), []
    if "files" in options.only:
        cases = list(campaign(options.files, seed=options.seed))
        faults += [case._asdict() for case in cases if case.outcome in FAULTS]
        console.print(table_of(cases))
    if {"kills", "room"} & set(options.only):
        for title, kills in _of_commands(options.only, options.kills, options.seed, options.commands, console).items():
            faults += [kill._asdict() for kill in kills if kill.outcome in bench_full_disk.FAULTS]
            console.print(bench_kills.table_of(kills, title))
    for fault in faults[:40]:
        console.print(", ".join(f"{name} {str(value)[:160]}" for name, value in fault.items() if value), markup=False)
    if options.out is not None:
        write_json(faults, options.out)
    return int(bool(faults))


def _of_commands(
    parts: list[str], n_kills: int, seed: int, names: list[str] | None, console: Console
) -> dict[str, list[Kill]]:
    """Kills, full disks and second runs of all commands, or of some, each with its inputs made once."""
    rng = np.random.default_rng(seed)
    found: dict[str, list[Kill]] = {part: [] for part in ("kills", "full disks", "two runs at once")}
    with tempfile.TemporaryDirectory(prefix="decode-reliability-") as name, Runs() as runs, Runs() as other:
        (Path(name) / "small").mkdir()
        mounted = "room" in parts and bench_full_disk.may_mount(Path(name) / "small")
        commands = COMMANDS if names is None else bench_kills.with_makers(names)
        for trial in bench_kills.trials(runs, Path(name), commands):
            if isinstance(trial, Kill):
                found["kills"].append(trial)
                console.print(f"{trial.command}: {trial.outcome}", highlight=False)
                continue
            before = {part: len(kills) for part, kills in found.items()}
            if names is not None and trial.command.name not in names:
                continue
            if "kills" in parts:
                found["kills"] += bench_kills.kills_of_command(trial, n_kills, rng)
            if "room" in parts:
                found["full disks"] += bench_full_disk.full_disk(trial, mounted=mounted)
                found["two runs at once"].append(bench_full_disk.twice_at_once(trial, other))
            new = Counter(kill.outcome for part, kills in found.items() for kill in kills[before[part] :])
            text = ", ".join(f"{n} {outcome}" for outcome, n in new.items())
            console.print(f"{trial.command.name}: {text}", highlight=False, soft_wrap=True)
    return {title: kills for title, kills in found.items() if kills}


if __name__ == "__main__":
    sys.exit(main())
