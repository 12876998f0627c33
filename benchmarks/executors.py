"""What every command with `--executor` sends to a Dask cluster, and whether results are those of a serial run.

Toy inputs, a cluster of two worker processes of one thread each; every command runs serially, on two threads, and on
the cluster. Outputs are compared as the reliability campaign compares them (times and paths left out); where they
differ, the largest difference of numbers is given.
"""

from __future__ import annotations

import argparse
import inspect
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from benchmarks.bench_kills import content, differing
from benchmarks.kill_commands import COMMANDS, Command
from benchmarks.kill_inputs import make_inputs
from benchmarks.kill_process import Job, Runs
from decode.core.files import check_output, write_json

SERIAL, THREADS, DASK = "serial", "threads:2", "dask"
REFUSES_THREADS = ("compare single-task",)  # it compares CPU times, which threads mix
MORE = (  # what the campaign of kills runs with one piece of work only
    Command("drivers, many contrasts", "{targets} --form matrix --features {features} --independent-genes "
            "--no-evidence --score joint --draws 50 --out {out}/d", "d", "", words="drivers"),
    Command("drivers --full", "{de} --features {features} --independent-genes --no-evidence --full --members 2 "
            "--full-refits 3 --out {out}/d", "d", "", trains=True, words="drivers"),
    Command("landmark evaluate, three splits", "{panel} {prepared} --random 2 --sizes 4,6 --methods variance "
            "--splits 3 --out {out}/e", "e", "", words="landmark evaluate"),
    Command("knockout, all genes", "{model} {features} --out {out}/k.nc", "k.nc", "", words="knockout"),
)  # fmt: skip
LEFT_OUT = ("drivers", "drivers with lines", "landmark evaluate", "knockout", "attribute bins")  # --bins takes none


@dataclass
class Checked:
    """One command.

    Attributes
    ----------
    command : str
    n_tasks : int
        Tasks that the cluster finished.
    threads, dask : str
        "equal", or what differs from the serial run; "refused" where threads are not taken.
    difference : float
        Largest difference of numbers between cluster and serial run, relative where the number is above 1.
    """

    command: str
    n_tasks: int
    threads: str
    dask: str
    difference: float


def with_executor() -> set[str]:
    """Names of the commands that have the option, as words of the command line."""
    from typer.main import get_command

    from decode.cli.app import app

    found: set[str] = set()

    def walk(command: Any, words: tuple[str, ...]) -> None:
        for name, inner in getattr(command, "commands", {}).items():
            walk(inner, (*words, name))
        if any(option.name == "executor" for option in command.params):
            found.add(" ".join(words))

    walk(get_command(app), ())
    return found


def needed(names: set[str], only: list[str] | None = None) -> Iterator[tuple[Command, bool]]:
    """Commands in order, with those whose outputs they take; and whether it is checked."""
    commands = [command for command in (*COMMANDS, *MORE) if command.name not in LEFT_OUT]
    checked = [
        command
        for command in commands
        if (command.words or command.name) in names and (only is None or command.name in only)
    ]
    wanted = {id(command) for command in checked}
    for command in reversed(commands):
        if command.gives and any(f"{{{command.gives}}}" in other.line for other in commands if id(other) in wanted):
            wanted.add(id(command))
    for command in commands:
        if id(command) in wanted:
            yield command, command in checked


@contextmanager
def two_workers(folder: Path) -> Iterator[tuple[str, Any]]:
    """Address of a cluster of two processes, and what counts its tasks."""
    import distributed
    from distributed.diagnostics.plugin import SchedulerPlugin

    class Finished(SchedulerPlugin):
        n = 0

        def transition(self, key: Any, start: str, finish: str, *others: Any, **more: Any) -> None:
            self.n += start == "processing" and finish == "memory"

    make: Any = distributed.LocalCluster  # its signature has no types
    with make(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, local_directory=str(folder)
    ) as cluster:
        plugin = Finished()
        cluster.scheduler.add_plugin(plugin, name="finished")
        yield cluster.scheduler_address, plugin


def numbers_of(path: Path) -> dict[str, np.ndarray]:
    """All numbers of a table, an HDF5 file or an archive of arrays, by name."""
    if path.suffix in (".nc", ".h5"):
        found: dict[str, np.ndarray] = {}

        def take(name: str, item: Any) -> None:
            if isinstance(item, h5py.Dataset) and item.dtype.kind in "fiu":
                found[name] = np.asarray(item[()], dtype=float)

        with h5py.File(path) as file:
            file.visititems(take)
        return found
    if path.suffix == ".npz":
        with np.load(path) as file:
            return {name: file[name].astype(float) for name in file.files if file[name].dtype.kind in "fiu"}
    if ".tsv" in path.suffixes:
        frame = pd.read_csv(path, sep="\t").select_dtypes("number")
        return {str(name): frame[name].to_numpy(dtype=float) for name in frame}
    return {}


def largest_difference(one: Path, other: Path) -> float:
    """Of all numbers in two folders of results; relative above 1; infinite where shapes differ."""
    worst = 0.0
    for path in sorted(path for path in one.rglob("*") if path.is_file()):
        theirs = other / path.relative_to(one)
        mine, others = numbers_of(path), numbers_of(theirs) if theirs.is_file() else {}
        for name, a in mine.items():
            b = others.get(name)
            if b is None or a.shape != b.shape or not np.array_equal(np.isnan(a), np.isnan(b)):
                return float("inf")
            with np.errstate(invalid="ignore"):
                gap = np.abs(a - b) / np.maximum(1.0, np.abs(a))
            worst = max(worst, float(np.nanmax(gap, initial=0.0)))
    return worst


def check(only: list[str] | None = None) -> Iterator[Checked]:
    """Run every command serially, on threads and on a cluster.

    Parameters
    ----------
    only : list of str, optional
        Names of the commands to check; those that make their inputs run too.

    Raises
    ------
    RuntimeError
        If a command fails.
    """
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        (folder / "inputs").mkdir()
        inputs = make_inputs(folder / "inputs")
        names = with_executor()
        with two_workers(folder / "cluster") as (address, finished), Runs() as runs:
            for command, is_checked in needed(names, only):
                place = folder / command.name.replace(" ", "_").replace(",", "")
                where = {SERIAL: SERIAL, THREADS: THREADS, DASK: address} if is_checked else {"": ""}
                ends, begun = {}, finished.n
                for name, executor in where.items():
                    out = place / "result"  # one path for all, since records name it
                    shutil.rmtree(out, ignore_errors=True)
                    out.mkdir(parents=True)
                    line = command.arguments(inputs, str(out)) + (["--executor", executor] if executor else [])
                    ending = runs.run(Job(line, str(out)))
                    if ending.status == 2 and name == THREADS and command.name in REFUSES_THREADS:
                        continue
                    if ending.status:
                        raise RuntimeError(f"{' '.join(line)}: {ending.text[-1000:]}")
                    ends[name] = shutil.move(out, place / (name.replace(":", "_") or SERIAL))
                if command.gives:
                    inputs[command.gives] = str(place / SERIAL / command.out)
                if is_checked:
                    seen = {name: content(Path(end), command.timed) for name, end in ends.items()}
                    far, near = Path(ends[DASK]), Path(ends[SERIAL])
                    yield Checked(
                        command.name,
                        finished.n - begun,
                        differing(seen[THREADS], seen[SERIAL]) or "equal" if THREADS in seen else "refused",
                        differing(seen[DASK], seen[SERIAL]) or "equal",
                        largest_difference(near, far) if not command.timed else float("nan"),
                    )


def table_of(found: list[Checked]) -> Table:
    """One row a command."""
    table = Table(title="--executor on toy data, against serial")
    for column in inspect.get_annotations(Checked):
        table.add_column(column, overflow="fold")
    for one in found:
        table.add_row(one.command, str(one.n_tasks), one.threads, one.dask, f"{one.difference:.2g}")
    return table


def main(arguments: list[str] | None = None) -> int:
    """Check all; exit status 1 where a command that has the option was not checked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.executors", description=__doc__)
    parser.add_argument("--only", nargs="+", metavar="COMMAND")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    check_output(options.out)
    found = []
    for one in check(options.only):
        found.append(one)
        write_json([asdict(item) for item in found], options.out)
        Console(stderr=True).print(one)
    Console(width=160).print(table_of(found))
    checked = {command.words or command.name for command in (*COMMANDS, *MORE)}
    if missing := sorted(with_executor() - checked):
        print(f"not checked: {', '.join(missing)}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
