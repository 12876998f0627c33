"""kill -9 at file operations and at random moments of every command that writes: the old output, or the new one?

Each command runs on toy inputs over nothing and over another result, dies by SIGKILL before the n-th operation that
changes a file (all of the phase in which outputs are put in place, some before it) or at a random moment, and is then
given again. No half-written file may stand under a final name, the result must be the old one or the new one, the
command must succeed and give what an undisturbed run gives, and nothing may be left over.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from string import Formatter
from typing import NamedTuple

import numpy as np
from rich.table import Table

from benchmarks.kill_commands import COMMANDS, Command
from benchmarks.kill_contents import Content, content, differing, is_unfinished, leftovers, untrue
from benchmarks.kill_inputs import make_inputs
from benchmarks.kill_process import Ending, Job, Runs
from decode.core.outputs import check_output

NOTHING, ANOTHER = "nothing", "another result"
BASES = (NOTHING, ANOTHER)
OLD, NEW, REST = "old output kept", "new output whole", "first file whole, its record says that the rest follows"
EARLY = "ended before the kill"
HALF, MIXED, FAILED, OTHER, LEFT = (
    "half-written file", "neither old nor new", "same command fails", "other result than undisturbed", "leftovers",
)  # fmt: skip
UNDISTURBED = "cannot be tried"
FAULTS = (HALF, MIXED, FAILED, OTHER, LEFT, UNDISTURBED)
OUTCOMES = (OLD, NEW, REST, EARLY, *FAULTS)


class Moment(NamedTuple):
    """When a run dies: before a file operation, counted from 0, or after seconds."""

    at: int | None = None
    after_s: float | None = None


class Kill(NamedTuple):
    """What a kill left, and what the same command made of it.

    Attributes
    ----------
    command : str
    over : str
        What lay there before.
    moment : str
    in_last_phase : bool
    outcome : str
        One of `OUTCOMES`.
    detail : str
    """

    command: str
    over: str
    moment: str
    in_last_phase: bool
    outcome: str
    detail: str


def chosen_operations(ending: Ending, n_last: int, n_before: int) -> list[int]:
    """Operations to die before: of the phase in which outputs are put in place, and evenly of the time before.

    Parameters
    ----------
    ending : Ending
        Of an undisturbed run.
    n_last, n_before : int
        How many at most.

    Returns
    -------
    list of int
        In order, each once.
    """
    n, first = len(ending.operations), ending.last_phase
    last, before = range(first, n), range(first)
    return sorted({*_evenly(before, n_before), *_evenly(last, n_last)})


def _evenly(numbers: range, n: int) -> list[int]:
    if not len(numbers) or not n:
        return []
    places = np.arange(len(numbers)) if n >= len(numbers) else np.linspace(0, len(numbers) - 1, n + 2)[1:-1].round()
    return [numbers[int(place)] for place in np.unique(places)]


class Untried(RuntimeError):
    """A command that fails undisturbed, or does not give the same twice: no kill of it can be judged."""


class Trial:
    """One command with its undisturbed result, and the result that lies there before.

    Parameters
    ----------
    runs : Runs
    command : Command
    inputs : dict of str to str
    folder : Path
        Its own; made here.
    """

    def __init__(self, runs: Runs, command: Command, inputs: dict[str, str], folder: Path) -> None:
        self.runs, self.command = runs, command
        self.result, self.old_files, self.new_files = (folder / name for name in ("result", "old", "new"))
        folder.mkdir()
        line = command.arguments(inputs, str(self.result))
        other = command.arguments(inputs, str(self.result), other=True)
        self.lines = {NOTHING: line, ANOTHER: [*line, "--force"]}
        self._undisturbed(NOTHING, other, self.old_files)
        self._endings = {ANOTHER: self._undisturbed(ANOTHER, self.lines[ANOTHER], self.new_files)}
        self.old, self.new = self.seen(self.old_files), self.seen(self.new_files)
        if self.old == self.new:
            raise Untried(f"{command.name} gives the same with other options, so nothing can be told")

    def ending(self, base: str) -> Ending:
        """Of an undisturbed run over what lies there."""
        if base not in self._endings:
            self._endings[base] = self._undisturbed(base, self.lines[base])
            if found := differing(self.seen(self.result), self.new):
                raise Untried(f"{self.command.name} over {base} and over {ANOTHER} gives different files: {found}")
        return self._endings[base]

    def _undisturbed(self, base: str, line: list[str], kept: Path | None = None) -> Ending:
        self.put(base)
        ending = self.run(line)
        if ending.status:
            raise Untried(f"{self.command.name} fails undisturbed: {ending.text[-500:]}")
        if kept is not None:
            shutil.copytree(self.result, kept, symlinks=True)
        return ending

    def seen(self, folder: Path) -> Content:
        """Content of a folder of its results."""
        return content(folder, self.command.timed)

    def put(self, base: str) -> None:
        """Put there what lay there before."""
        shutil.rmtree(self.result, ignore_errors=True)
        if base == ANOTHER:
            shutil.copytree(self.old_files, self.result, symlinks=True)
        else:
            self.result.mkdir()

    def run(self, line: list[str]) -> Ending:
        """Run it undisturbed."""
        return self.runs.run(Job(line, str(self.result)))

    def killed(self, base: str, moment: Moment) -> Kill:
        """One kill over what lies there, and what is left of it before anything is done about it."""
        job = Job(self.lines[base], str(self.result), kill_at=moment.at, kill_after_s=moment.after_s)
        ending, reference = self.runs.run(job), self.ending(base)
        n = len(ending.operations)
        if moment.at is None:
            text = f"after {moment.after_s:.2f} s, {n} operations"
        else:
            text = f"operation {moment.at} of {len(reference.operations)}: {reference.operations[moment.at]}"
        is_last = ending.is_in_last_phase or n >= reference.last_phase  # a run that goes on has fewer operations
        kill = Kill(self.command.name, base, text, is_last, EARLY, "")
        if ending.was_killed:
            return self.left(base, kill)
        return kill._replace(outcome=FAILED, detail=ending.text[-300:]) if ending.status else kill

    def left(self, base: str, kill: Kill) -> Kill:
        """What a reader finds at once: every file is whole, the old or the new one."""
        before = self.old if base == ANOTHER else {}
        found = self.seen(self.result)
        half = [
            name
            for name, value in found.items()
            if value not in (before.get(name), self.new.get(name)) and not is_unfinished(self.result / name)
        ]
        if half:
            return kill._replace(outcome=HALF, detail=", ".join(half[:5]))
        return kill._replace(outcome=NEW if found == self.new else OLD)

    def settled(self, base: str, kill: Kill) -> Kill:
        """What is there once the next run has put right what was left, which it does before anything else."""
        if kill.outcome not in (OLD, NEW):
            return kill
        check_output(self.result / self.command.out)
        found = self.seen(self.result)
        before = self.old if base == ANOTHER else {}
        if any(is_unfinished(self.result / name) for name in found):
            return kill._replace(outcome=REST)
        if found not in (before, self.new):
            return kill._replace(outcome=MIXED, detail=f"{differing(found, self.new)} is not new")
        return kill._replace(outcome=NEW if found == self.new else OLD)

    def again(self, base: str, kill: Kill) -> Kill:
        """Give the command again, and judge what it makes of what the kills left."""
        if kill.outcome in FAULTS:
            return kill
        ending = self.run(self.lines[base])
        if ending.status:
            return kill._replace(outcome=FAILED, detail=ending.text[-300:])
        if self.seen(self.result) != self.new:
            return kill._replace(outcome=OTHER, detail=differing(self.seen(self.result), self.new))
        if wrong := untrue(self.result):
            return kill._replace(outcome=OTHER, detail=f"not as the record says: {', '.join(wrong)}")
        if left := leftovers(self.result):
            return kill._replace(outcome=LEFT, detail=", ".join(left[:5]))
        return kill


def kills_of(trial: Trial, base: str, moments: Iterable[Moment], *, in_a_row: int) -> Iterator[Kill]:
    """Kill a command, and the repetition of it, and so on; let it end after so many kills, and at last.

    Parameters
    ----------
    trial : Trial
    base : str
        What lies there before; laid there anew where the result is already whole.
    moments : iterable of Moment
    in_a_row : int
        1: every kill is followed by an undisturbed run.
    """
    trial.put(base)
    moments = list(moments)
    for number, moment in enumerate(moments, start=1):
        kill = trial.settled(base, trial.killed(base, moment))
        if (
            number % in_a_row == 0
            or number == len(moments)
            or kill.outcome == REST
            or (base == NOTHING and kill.outcome == NEW)
        ):
            kill = trial.again(base, kill)
            trial.put(base)
        elif kill.outcome != OLD:
            trial.put(base)
        yield kill


def moments_of(ending: Ending, n: int, rng: np.random.Generator) -> list[Moment]:
    """When to kill a run like `ending`: at operations of the last phase, at one before it, and at a random moment."""
    places = chosen_operations(ending, max(n - 2, 1), int(n > 2))
    random = [Moment(after_s=float(rng.uniform(0.02, ending.seconds)))] if n > 1 else []
    return [*(Moment(at=at) for at in places), *random]


def with_makers(names: Collection[str]) -> list[Command]:
    """Commands of these names, and those whose outputs they take, in the order of `COMMANDS`.

    Examples
    --------
    >>> [command.name for command in with_makers(["models summarise"])]
    ['features build', 'expression tissue', 'train', 'models summarise']
    """
    wanted: set[str] = set()
    found = []
    for command in reversed(COMMANDS):  # a maker stands before those who take what it gives
        if command.name in names or command.gives in wanted:
            found.append(command)
            wanted |= {field for _, field, _, _ in Formatter().parse(command.line) if field}
            wanted |= {part.removeprefix("swap:") for part in command.other.split() if part.startswith("swap:")}
    return found[::-1]


def trials(runs: Runs, folder: Path, commands: Iterable[Command] = COMMANDS) -> Iterator[Trial | Kill]:
    """Every command, with the inputs that those before it make.

    Parameters
    ----------
    runs : Runs
    folder : Path
        Empty; for all that is written.
    commands : iterable of Command
        In the order of `COMMANDS`; with those whose output they need.

    Yields
    ------
    Trial, or Kill where the command cannot be tried
    """
    (folder / "inputs").mkdir()
    inputs = make_inputs(folder / "inputs")
    for command in commands:
        try:
            trial = Trial(runs, command, inputs, folder / command.name.replace(" ", "_"))
        except Untried as error:
            yield Kill(command.name, NOTHING, "undisturbed", False, UNDISTURBED, str(error)[-300:])
            continue
        if command.gives:
            inputs[command.gives] = str(trial.new_files / command.out)
            inputs[f"other_{command.gives}"] = str(trial.old_files / command.out)
        yield trial


def table_of(kills: Sequence[Kill], title: str = "kills") -> Table:
    """Kills by command and outcome."""
    in_last_phase = sum(kill.in_last_phase for kill in kills)
    table = Table(title=f"{len(kills)} {title}, {in_last_phase} while outputs are put in place")
    table.add_column("command")
    shown = list(dict.fromkeys(kill.outcome for kill in kills))
    for outcome in shown:
        table.add_column(outcome, justify="right", overflow="fold")
    counts = Counter((kill.command, kill.outcome) for kill in kills)
    for command in dict.fromkeys(kill.command for kill in kills):
        table.add_row(command, *(str(counts[command, outcome] or "") for outcome in shown))
    totals = Counter(kill.outcome for kill in kills)
    table.add_section()
    table.add_row("all", *(str(totals[outcome]) for outcome in shown))
    return table


def kills_of_command(trial: Trial, n_kills: int, rng: np.random.Generator, *, in_a_row: int = 3) -> Iterator[Kill]:
    """Kill a command over nothing and over another result.

    Parameters
    ----------
    trial : Trial
    n_kills : int
        Over each start; those that train networks get a third.
    rng : numpy.random.Generator
        For the random moments.
    in_a_row : int
        Kills before a command may end.
    """
    n = max(n_kills // 3, min(n_kills, 3)) if trial.command.trains else n_kills
    n = n if trial.command.n_kills is None else min(n, trial.command.n_kills)
    for base in BASES:
        try:
            moments = moments_of(trial.ending(base), n, rng)
        except Untried as error:
            yield Kill(trial.command.name, base, "undisturbed", False, UNDISTURBED, str(error)[-300:])
            continue
        yield from kills_of(trial, base, moments, in_a_row=in_a_row)
