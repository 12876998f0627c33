from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from decode.core.processes import Process, is_alive, started, this_process
from decode.core.resume import MARK, FinishedRuns, at_work, finish_runs, make_work_folder, remove_work_folder
from decode.core.work_lock import LOCK, WorkFolderInUseError

HOLD = """
import sys, time
from decode.core.resume import at_work
with at_work(sys.argv[1]):
    print("at work", flush=True)
    time.sleep(600)
"""


def hold(folder: Path) -> subprocess.Popen[str]:
    """A process that is at work in a folder."""
    other = subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None
    assert other.stdout.readline() == "at work\n"
    return other


def test_a_second_process_is_told_who_is_at_work(tmp_path):
    folder = tmp_path / "out.work"
    other = hold(folder)
    try:
        for use in (
            lambda: at_work(folder).__enter__(),
            lambda: finish_runs({"a": 1}, lambda plan: {}, FinishedRuns(folder), "data"),
        ):
            with pytest.raises(WorkFolderInUseError, match=f"not over: process {other.pid} on .*; wait for it"):
                use()
        assert {path.name for path in folder.iterdir()} == {MARK, LOCK}
    finally:
        other.kill()
    for wait in (False, True):  # dead, first as a zombie
        if wait:
            other.wait()
        else:
            time.sleep(0.2)
        with at_work(folder):
            assert json.loads((folder / LOCK).read_text())["pid"] == this_process().pid
            (folder / "piece").write_text("x")
        assert {path.name for path in folder.iterdir()} == {MARK, "piece"}


def test_an_unused_folder_goes_and_one_with_pieces_stays(tmp_path):
    folder = tmp_path / "out.work"
    with at_work(folder) as work:
        assert work == folder
    assert not any(tmp_path.iterdir())

    def fail() -> None:
        with at_work(folder):
            (folder / "piece").touch()
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert {path.name for path in folder.iterdir()} == {MARK, "piece"}
    with at_work(folder):
        remove_work_folder(folder)
    assert not any(tmp_path.iterdir())
    with at_work(None) as nothing:
        assert nothing is None


def test_a_process_may_take_its_folder_again_and_folders_in_it(tmp_path):
    folder = tmp_path / "out.work"
    with at_work(folder):
        with at_work(folder), at_work(folder / "refit"):
            (folder / "refit" / "piece").touch()
        assert (folder / LOCK).exists()
        assert not (folder / "refit" / LOCK).exists()  # a worker on another machine may use it
    assert not (folder / LOCK).exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"host": "node7", "since": time.time() - 3 * 3600}, r"on node7, begun 3 hours ago \(decode null\), another m"),
        ({"space": "pid:[1]"}, "another machine or container"),
        ({"pid": "x"}, r"does not say who is at work in .*; if nobody is, remove .*owner\.json"),
    ],
)  # fmt: skip
def test_of_another_machine_nothing_can_be_known(tmp_path, changes, message):
    folder = make_work_folder(tmp_path / "out.work")
    owner = this_process()._replace(pid=999_999_999)._asdict() | {"since": time.time(), "command": "decode null"}
    (folder / LOCK).write_text(json.dumps(owner | changes))
    with pytest.raises(WorkFolderInUseError, match=message) as found, at_work(folder):
        pytest.fail("the body must not run")
    assert "remove" in str(found.value)
    (folder / LOCK).write_text(json.dumps(owner))  # of this machine, and over
    with at_work(folder):
        pass


def test_a_number_that_was_given_anew_is_another_process():
    me = this_process()
    assert is_alive(me.pid, me.start)
    assert not is_alive(999_999_999, 0)
    assert not is_alive(2**80, 0)
    if not started(me.pid):
        pytest.skip("this system does not tell when a process began")
    assert not is_alive(me.pid, me.start - 1)
    assert isinstance(me, Process)
