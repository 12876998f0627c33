from __future__ import annotations

import errno
import json
import os
import signal
import stat
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from decode.core import swap
from decode.core.output_places import check_name, check_not_input
from decode.core.output_recovery import temporary_name
from decode.core.outputs import atomic_path, check_output, output_set, staged_folder
from decode.core.processes import this_process

# What a killed run looks like: every step of putting outputs in place is counted, and the process dies before one.
KILLED = """
import os, shutil, signal, sys
from pathlib import Path
from decode.core import outputs, swap
left = int(sys.argv[1])
def counted(function):
    def step(*arguments, **options):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **options)
    return step
if sys.argv[2] == "two steps":
    swap.exchange = lambda one, other: False
else:
    swap.exchange = counted(swap.exchange)
for module, name in ((os, "replace"), (os, "rename"), (os, "link"), (os, "unlink"), (os, "rmdir")):
    setattr(module, name, counted(getattr(module, name)))
swap.shutil.rmtree = counted(shutil.rmtree)
out = Path(sys.argv[3])
with outputs.output_set() as made:
    folder = made.folder(out / "figures", own={"old.png", "run.json"})
    for name in ("new.png", "run.json"):
        (folder / name).write_text("new")
    made.file(out / "ranking.tsv").write_text("new")
    made.file(out / "ranking.tsv.run.json").write_text("new")
    made.remove([out / "ranking_spread.tsv"])
print("whole")
"""
OLD = {
    "figures/old.png": "old", "figures/run.json": "old", "ranking.tsv": "old", "ranking_spread.tsv": "old",
    "ranking.tsv.run.json": "old",
}  # fmt: skip
NEW = {"figures/new.png": "new", "figures/run.json": "new", "ranking.tsv": "new", "ranking.tsv.run.json": "new"}
MINE = {"figures/mine.txt": "mine", "figures/sub/deep.txt": "deep", "other.txt": "other"}


def content(folder: Path) -> dict[str, str]:
    return {file.relative_to(folder).as_posix(): file.read_text() for file in folder.rglob("*") if file.is_file()}


def fill(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


@pytest.mark.parametrize("way", ["exchange", "two steps"])
def test_a_set_that_is_killed_at_any_step_is_the_old_or_the_new_one(tmp_path, way):
    code = textwrap.dedent(KILLED)
    ends = []
    for step in range(60):
        folder = tmp_path / str(step)
        fill(folder, OLD | MINE)
        done = subprocess.run(
            [sys.executable, "-c", code, str(step), way, str(folder)], capture_output=True, text=True, check=False
        )
        assert done.returncode in (0, -signal.SIGKILL), done.stderr
        if way == "exchange":  # a reader finds a whole folder at any time
            for name in ("figures/run.json", *[name for name in MINE if name.startswith("figures")]):
                assert (folder / name).exists(), (step, name)
        check_output(folder / "ranking.tsv")  # as the next run does
        check_output(folder / "figures")
        found = content(folder)
        assert found in (OLD | MINE, NEW | MINE), (step, found)
        assert not list(folder.rglob(".*"))
        ends.append("new" if found == NEW | MINE else "old")
        if done.returncode == 0:
            break
    assert done.stdout == "whole\n"
    assert ends == sorted(ends, reverse=True), ends  # old until it is decided, new from then on
    assert ends[0] == "old"
    assert len(ends) > 6


def test_what_living_processes_write_is_left_alone(tmp_path):
    mine = temporary_name(tmp_path / "a.tsv", "part")
    mine.write_text("half")
    elsewhere = mine.with_name(mine.name.replace(f"-{this_process().place}-", "-00000000-"))
    elsewhere.write_text("half")  # of another machine: who knows
    parts = mine.name.rsplit("-", 2)
    dead = mine.with_name("-".join([*parts[:1], "1", parts[2]]))
    dead.write_text("half")  # the number lives, but began at another time
    check_output(tmp_path / "b.tsv")
    assert {path.name for path in tmp_path.iterdir()} == {mine.name, elsewhere.name}


def test_a_folder_keeps_what_others_put_there_and_its_mode(tmp_path):
    fill(tmp_path, {"out/a.tsv": "old", "out/gone.png": "old", "out/mine.txt": "mine", "out/sub/b.txt": "b"})
    (tmp_path / "out" / "link").symlink_to("mine.txt")
    (tmp_path / "out").chmod(0o2775)
    with staged_folder(tmp_path / "out", own={"a.tsv", "gone.png"}) as folder:
        (folder / "a.tsv").write_text("new")
        (tmp_path / "out" / "late.txt").write_text("late")
    assert content(tmp_path / "out") == {
        "a.tsv": "new", "mine.txt": "mine", "sub/b.txt": "b", "link": "mine", "late.txt": "late",
    }  # fmt: skip
    assert (tmp_path / "out" / "link").is_symlink()
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o2775
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("where", ["working folder", "above it", "mounted"])
def test_a_folder_that_cannot_be_exchanged_is_filled(tmp_path, monkeypatch, where):
    out = tmp_path / "out"
    fill(out, {"a.tsv": "old", "gone.png": "old", "run.json": "old", "mine/b.txt": "mine"})
    if where == "mounted":
        monkeypatch.setattr(os.path, "ismount", lambda path: Path(path) == out)
    else:
        monkeypatch.chdir(out if where == "working folder" else out / "mine")
    inode = out.stat().st_ino
    with staged_folder("." if where == "working folder" else out, own={"gone.png", "run.json"}) as folder:
        fill(folder, {"a.tsv": "new", "run.json": "new"})
    assert out.stat().st_ino == inode
    assert content(out) == {"a.tsv": "new", "run.json": "new", "mine/b.txt": "mine"}
    assert not list(tmp_path.rglob(".*"))


def test_the_exchange_is_one_step_where_the_system_can(tmp_path):
    fill(tmp_path, {"one/a": "1", "two/b": "2"})
    if not swap.exchange(tmp_path / "one", tmp_path / "two"):
        pytest.skip("this file system cannot exchange two folders")
    assert content(tmp_path) == {"one/b": "2", "two/a": "1"}
    with pytest.raises(OSError, match="No such file"):
        swap.exchange(tmp_path / "one", tmp_path / "absent")


def test_links_are_followed(tmp_path):
    fill(tmp_path, {"far/a.tsv": "old", "far/out/x": "old"})
    for name in ("a.tsv", "out", "new.tsv"):
        (tmp_path / name).symlink_to(tmp_path / "far" / name)
    with atomic_path(tmp_path / "a.tsv") as temporary:
        assert temporary.parent == tmp_path / "far"
        temporary.write_text("new")
    with atomic_path(tmp_path / "new.tsv") as temporary:
        temporary.write_text("new")
    with staged_folder(tmp_path / "out") as folder:
        (folder / "y").write_text("new")
    assert all((tmp_path / name).is_symlink() for name in ("a.tsv", "out", "new.tsv"))
    assert content(tmp_path / "far") == {"a.tsv": "new", "new.tsv": "new", "out/x": "old", "out/y": "new"}
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(ValueError, match="leads to itself"):
        check_output(tmp_path / "loop")
    (tmp_path / "nowhere").symlink_to(tmp_path / "absent" / "a.tsv")
    with pytest.raises(FileNotFoundError, match="does not exist; create it first"):
        check_output(tmp_path / "nowhere")


def test_pipes_and_long_names(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="is a device or pipe"):
        check_output(tmp_path / "pipe")
    for name in ("n" * 255, "ü" * 127, f"a.{'b' * 250}", f"{'c' * 240}.tsv.gz"):
        with atomic_path(tmp_path / name) as temporary:
            assert len(os.fsencode(temporary.name)) <= 255
            temporary.write_text("x")
        assert (tmp_path / name).read_text() == "x"
    with pytest.raises(ValueError, match="1 bytes too long; choose a shorter"):
        check_output(tmp_path / ("n" * 256))
    with pytest.raises(ValueError, match=r"2 bytes too long for NAME\.work beside it"):
        check_name("n" * 252, ".work")


def test_threads_leave_the_umask_alone(tmp_path):
    before, wrong = os.umask(0o077), []
    try:

        def write(number: int) -> None:
            for repeat in range(20):
                with atomic_path(tmp_path / f"{number}_{repeat}") as temporary:
                    temporary.write_text("x")
                wrong.append(stat.S_IMODE((tmp_path / f"{number}_{repeat}").stat().st_mode) != 0o600)

        threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        assert os.umask(before) == 0o077
    assert len(wrong) == 160
    assert not any(wrong)


def test_a_set_that_fails_leaves_nothing(tmp_path):
    fill(tmp_path, {"out/a": "old", "b": "old"})

    def fail() -> None:
        with output_set() as made:
            (made.folder(tmp_path / "out") / "a").write_text("new")
            made.file(tmp_path / "b").write_text("new")
            raise OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "c"))

    with pytest.raises(OSError, match=r"c could not be written \(No space left on device\); make room"):
        fail()
    assert content(tmp_path) == {"out/a": "old", "b": "old"}


def test_a_list_that_finds_no_room_leaves_nothing(tmp_path, monkeypatch):
    write = Path.write_text

    def full(path: Path, text: str, **options: str) -> int:
        if path.name.endswith("~"):
            write(path, text[:3], **options)
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return write(path, text, **options)

    fill(tmp_path, {"a": "old", "b": "old"})
    monkeypatch.setattr(Path, "write_text", full)

    def both() -> None:
        with output_set(tmp_path / "a") as made:
            for name in ("a", "b"):
                made.file(tmp_path / name).write_text("new")

    with pytest.raises(OSError, match="could not be written"):
        both()
    assert content(tmp_path) == {"a": "old", "b": "old"}


def dead_name(path: Path, kind: str) -> Path:
    """A temporary name of a process of this machine that is over."""
    made = temporary_name(path, kind)
    return made.with_name(made.name.replace(f"-{os.getpid()}-", "-4194999-"))


def test_a_list_that_is_damaged_is_left(tmp_path):
    listed = dead_name(tmp_path / "a.tsv", "set")
    listed.write_text("[")
    check_output(tmp_path / "a.tsv")
    assert listed.exists()
    listed.write_text(json.dumps({"outputs": [], "gone": [], "inode": listed.stat().st_ino}))
    check_output(tmp_path / "a.tsv")
    assert not listed.exists()


@pytest.mark.parametrize("way", ["copied", "gone", "other place", "other name", "other process"])
def test_a_list_that_came_from_elsewhere_is_not_followed(tmp_path, way, caplog):
    """A folder that somebody sends must not have our next run move or remove files outside of it."""
    fill(tmp_path, {"sent/x": "x", "mine/key": "secret"})
    out, key = tmp_path / "sent" / "a.tsv", tmp_path / "mine" / "key"
    listed, part = dead_name(out, "set"), dead_name(out, "part")
    if way == "other process":
        part = part.with_name(part.name.replace("-4194999-", "-4194998-"))
    elif way == "other name":
        part = part.with_name("x")
    part.write_text("theirs")
    final = key if way == "other place" else out
    item = {"temporary": str(part), "final": str(final), "inode": None, "own": None}
    listed.touch()
    inode = listed.stat().st_ino + (way in ("copied", "gone"))  # where it lies now nobody can foresee
    listed.write_text(json.dumps({"outputs": [item], "gone": [str(key)] if way == "gone" else [], "inode": inode}))
    check_output(out)
    assert key.read_text() == "secret"
    assert not out.exists()
    assert "is no list of a run on this machine" in caplog.text


def test_inputs_are_known_by_what_they_are(tmp_path):
    fill(tmp_path, {"in/a": "x", "b": "x"})
    os.link(tmp_path / "b", tmp_path / "hard")
    check_not_input(tmp_path / "new", [("sites", tmp_path / "in"), ("table", tmp_path / "b")])
    check_not_input(tmp_path / "in2", [("sites", tmp_path / "in"), ("table", tmp_path / "absent")])
    for out, message in (
        (tmp_path / "hard", r"hard is the input table \(.*b\) itself"),
        (tmp_path / "in" / "new", "lies in the input folder sites"),
        (tmp_path / "in" / "sub" / ".." / "new", "lies in the input folder sites"),
        (tmp_path, "is a folder that holds the input sites"),
    ):
        with pytest.raises(ValueError, match=message):
            check_not_input(out, [("sites", tmp_path / "in"), ("table", tmp_path / "b")])
