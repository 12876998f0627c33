"""Two runs with the same output: the second says who is at work; killed runs leave the old result or the new one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from command_line import call

HOLD = """
import sys, time
from decode.core.resume import at_work
with at_work(sys.argv[1]):
    print("at work", flush=True)
    time.sleep(600)
"""
COMMANDS = {
    "train": ("features", "targets"),
    "tune": ("features", "targets"),
    "cv": ("features", "targets"),
    "randomise": ("features", "targets"),
    "compare single-task": ("features", "targets"),
    "null": ("model", "features", "targets"),
    "decoys": ("model", "features", "targets"),
    "attribute": ("model", "features"),
    "knockout": ("model", "features"),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_the_second_run_says_who_is_at_work(command, trained, features_file, targets_file, tmp_path):
    files = {"model": trained, "features": features_file, "targets": targets_file}
    out = tmp_path / "out"
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "out.work")], stdout=subprocess.PIPE, text=True
    )
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "at work\n"
        result = call(*command.split(), *(files[name] for name in COMMANDS[command]), "--out", out)
        assert result.status == 2
        assert f"is the work folder of a run that is not over: process {other.pid} on " in result.err, result.err
        assert not out.exists()
        assert sorted(path.name for path in (tmp_path / "out.work").iterdir()) == ["decode-work.txt", "owner.json"]
    finally:
        other.kill()
        other.wait()


@pytest.mark.slow
def test_two_trainings(features_file, targets_file, tmp_path):
    command = ["train", str(features_file), str(targets_file), "--out", str(tmp_path / "model"), "--members", "1"]
    command += ["--max-epochs", "5000", "--patience", "5000"]
    first = subprocess.Popen([sys.executable, "-m", "decode", *command], stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 120
        while not list((tmp_path / "model.work").glob("*.npz")) if (tmp_path / "model.work").exists() else True:
            assert time.monotonic() < deadline
            assert first.poll() is None
            time.sleep(0.2)
        second = call(*command)
        assert second.status == 2
        assert f"process {first.pid} on " in second.err
        assert "wait for it, end it, or choose another --out" in second.err
        assert first.poll() is None
    finally:
        first.kill()
        first.wait()
    after = call(*command[:-4], "--max-epochs", 3)  # of another run, but nobody is at work
    assert after.status == 2
    assert "belongs to a run with other" in after.err


# The process dies before the given step of putting its result in place, as a kill at that moment would end it.
KILLED = """
import os, signal, sys
from decode.core import outputs, swap
left, armed = int(sys.argv[1]), False
def counted(function):
    def step(*arguments, **options):
        global left
        left -= armed
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **options)
    return step
commit = outputs.OutputSet.commit
def armed_commit(self):
    global armed
    armed = True
    commit(self)
    armed = False
outputs.OutputSet.commit = armed_commit
swap.exchange = counted(swap.exchange)
for name in ("replace", "rename", "link", "unlink", "rmdir"):
    setattr(os, name, counted(getattr(os, name)))
from decode.cli import main
main(sys.argv[2:])
"""


def content(folder: Path) -> dict[str, bytes]:
    """Files of a folder but the time and versions in records."""
    return {
        path.relative_to(folder).as_posix(): b"" if path.name.endswith("run.json") else path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def killed(step: int, *command: object) -> int:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLED), str(step), *map(str, command)],
        capture_output=True, text=True, check=False, env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
    )  # fmt: skip
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode


def check_kills(folder: Path, old: list[object], new: list[object], steps: tuple[int, ...]) -> None:
    """Run `new` over the result of `old`, killed at one step after the other."""
    result = folder / "result"
    result.mkdir()
    assert call(*new).status == 0
    wanted = content(result)
    assert call(*old, "--force").status == 0
    before = content(result)
    assert before.keys() != wanted.keys() or before != wanted
    ends = []
    for step in steps:
        assert call(*old, "--force").status == 0
        status = killed(step, *new, "--force")
        again = call(*new)  # the next run puts right what was left, and looks at what is there
        found = content(result)
        assert found in (before, wanted), (step, found.keys())
        assert again.status == (0 if found == wanted else 2), again.err
        assert not list(result.rglob(".*"))
        ends.append(found == wanted)
        if status == 0:
            break
    assert not ends[0]
    assert ends[-1]


def test_a_killed_table_of_targets_is_the_old_or_the_new_one(tmp_path):
    table = tmp_path / "tpm.tsv"
    table.write_text("gene_id\tliver\tbrain\n" + "".join(f"ENSG{i:011d}\t{i + 3}\t{i + 5}\n" for i in range(30)))
    command = ["expression", "tissue", table, "--out", tmp_path / "result" / "t.tsv"]
    check_kills(tmp_path, command, [*command, "--min-tpm", 20], (0, 2, 8))


@pytest.mark.slow
def test_a_killed_ranking_with_figures_is_the_old_or_the_new_one(trained, features_file, tmp_path):
    names = [tmp_path / f"{reference}.nc" for reference in ("own_length", "median_length")]
    for path in names:
        assert call("attribute", trained, features_file, "--out", path, "--reference", path.stem).status == 0
    rest = ["--out", tmp_path / "result" / "r.tsv", "--figures", tmp_path / "result" / "figures"]
    check_kills(tmp_path, ["rank", names[0], *rest], ["rank", names[1], *rest], (0, 4, 9, 60))
