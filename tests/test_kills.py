"""kill -9 in small: three kills one after the other of one command of each way to write."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from benchmarks.bench_kills import (
    ANOTHER,
    FAULTS,
    HALF,
    NEW,
    NOTHING,
    OLD,
    UNDISTURBED,
    Moment,
    Trial,
    chosen_operations,
    kills_of,
    kills_of_command,
    table_of,
    trials,
    with_makers,
)
from benchmarks.kill_commands import COMMANDS, SHORT, Command
from benchmarks.kill_contents import content, differing, leftovers
from benchmarks.kill_process import Ending, Job, Runs


@pytest.fixture(scope="module")
def runs():
    with Runs() as warm:
        yield warm


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kills")


def test_every_command_leaves_the_old_or_the_new_result(runs, folder):
    (folder / "all").mkdir()
    kills, seen = [], []
    for trial in trials(runs, folder / "all", [command for command in COMMANDS if command.name in SHORT]):
        places = chosen_operations(trial.ending(ANOTHER), 2, 1)
        kills += kills_of(trial, ANOTHER, [Moment(at=place) for place in places], in_a_row=3)
        seen.append(trial.command.name)
    assert sorted(seen) == sorted(SHORT)
    assert [kill for kill in kills if kill.outcome in FAULTS] == []
    assert len(kills) == 3 * len(SHORT)
    assert {kill.outcome for kill in kills} >= {OLD, NEW}
    assert sum(kill.in_last_phase for kill in kills) >= 2 * len(SHORT)
    assert table_of(kills).row_count == len(SHORT) + 1


def careless(out: str, text: str = "new\n", *_force: str) -> None:
    """A writer as none of ours may be: the file under its final name, the record after it."""
    path = Path(out)
    with open(path, "w") as handle:
        handle.write(text[:1])
        handle.flush()
        with open(path.with_name("run.json"), "w") as record:
            record.write('{"files"')
            record.flush()
            os.replace(path.with_name("run.json"), path.with_name("a.run.json"))
            record.write(": {}}")
        handle.write(text[1:])


class Careless(Command):
    """Its arguments name a function instead of a command."""

    def arguments(self, inputs: dict[str, str], out: str, *, other: bool = False) -> list[str]:
        return [f"{__name__}:careless", f"{out}/a.txt", "old\n" if other else "new\n"]


def test_a_careless_writer_is_found(runs, folder):
    trial = Trial(runs, Careless("careless", "", "a.txt", ""), {}, folder / "careless")
    assert [step.split()[0] for step in trial.ending(ANOTHER).operations] == ["open", "open", "os.rename"]
    early, late = kills_of(trial, ANOTHER, [Moment(at=1), Moment(at=2)], in_a_row=1)
    assert (early.outcome, early.detail) == (HALF, "a.txt")
    assert (late.outcome, late.detail) == (HALF, "a.txt, run.json")  # of the record there is half a line


class Fickle(Command):
    """Another result where nothing lay there before."""

    def arguments(self, inputs: dict[str, str], out: str, *, other: bool = False) -> list[str]:
        return [f"{__name__}:fickle", f"{out}/a.txt", "old\n" if other else "new\n"]


def fickle(out: str, text: str, *force: str) -> None:
    """A writer whose result depends on what it is given for a second time."""
    Path(out).write_text(text * (2 if force else 1))


def test_a_command_that_cannot_be_tried_does_not_stop_the_others(runs, folder):
    trial = Trial(runs, Fickle("fickle", "", "a.txt", ""), {}, folder / "fickle")
    kills = list(kills_of_command(trial, 1, np.random.default_rng(0)))
    assert kills[0][4:] == (UNDISTURBED, f"fickle over {NOTHING} and over {ANOTHER} gives different files: a.txt")
    assert {kill.over for kill in kills[1:]} == {ANOTHER}


def test_makers_come_with_those_that_need_them():
    assert with_makers([]) == []
    names = [command.name for command in COMMANDS]
    assert with_makers(names) == list(COMMANDS)
    assert [command.name for command in with_makers(["network"])] == [
        "features build", "expression tissue", "train", "attribute", "network",
    ]  # fmt: skip


def test_a_run_that_fails_and_one_that_ends(runs, folder):
    (folder / "own").mkdir()
    failed = runs.run(Job(["sites", "liftover", "none.bed", "--chain", "none", "--out", "x.bed"], str(folder / "own")))
    assert (failed.status, "does not exist" in failed.text) == (2, True)
    shown = runs.run(Job(["--version"], str(folder / "own"), kill_at=0))
    assert (shown.status, shown.operations) == (0, [])


def test_operations_are_chosen_around_the_last_phase():
    steps = ["open .a.part", "commit .a.part/b", "commit a", "os.rename .a.part a", "os.remove .a.part"]
    ending = Ending(0, steps, 1.0, "")
    assert ending.last_phase == 2
    assert chosen_operations(ending, 9, 9) == [0, 1, 2, 3, 4]
    assert chosen_operations(ending, 1, 0) == [3]
    assert chosen_operations(ending, 0, 1) == [0]


def test_content_leaves_out_times_and_what_is_hidden(tmp_path):
    for name, text in (("a.run.json", '{"time_utc": 1, "n": 2}'), (".b", "x"), ("c.work/d", "x"), ("e.json", "[")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    before = content(tmp_path)
    assert set(before) == {"a.run.json", "e.json"}
    (tmp_path / "a.run.json").write_text('{"time_utc": 5, "n": 2}')
    assert content(tmp_path) == before
    (tmp_path / "a.run.json").write_text('{"time_utc": 5, "n": 3}')
    assert differing(content(tmp_path), before) == "a.run.json"
    assert sorted(leftovers(tmp_path)) == [".b", "c.work", "c.work/d"]
