from __future__ import annotations

import errno
import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from full_disk import room_for
from http_server import serve

from decode.registry import download as module
from decode.registry.download import Resuming, download

CONTENT = np.random.default_rng(0).bytes(600_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def server(tmp_path):
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "a.bin").write_bytes(CONTENT)
    with serve(folder) as running:
        yield running


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr(module.time, "sleep", lambda seconds: None)


@pytest.fixture
def target(tmp_path):
    return tmp_path / "cache" / "a.bin"


def leftovers(target: Path) -> list[str]:
    return sorted(path.name for path in target.parent.iterdir() if not path.name.endswith(".lock"))


def test_fetched_once(server, target):
    seen = []
    for _ in range(2):
        path = download(
            f"{server.address}/a.bin", target, sha256=SHA256, progress=lambda done, total: seen.append((done, total))
        )
    assert path.read_bytes() == CONTENT
    assert server.asked == [("/a.bin", "")]
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert leftovers(target) == ["a.bin"]


def test_redirects_are_followed(server, target):
    assert download(f"{server.address}/moved/a.bin", target, sha256=SHA256).read_bytes() == CONTENT


@pytest.mark.parametrize("known", [{"size": len(CONTENT)}, {"sha256": SHA256, "size": len(CONTENT)}, {}])
def test_goes_on_after_cuts(server, target, known):
    server.cuts = 3
    assert download(f"{server.address}/a.bin", target, **known).read_bytes() == CONTENT
    starts = [int(wanted.removeprefix("bytes=").rstrip("-") or 0) for _, wanted in server.asked]
    assert len(set(starts)) == 4
    assert starts == sorted(starts)
    assert leftovers(target) == ["a.bin"]


def test_starts_anew_where_the_server_serves_no_parts(server, target):
    server.cuts, server.ranges = 2, False
    assert download(f"{server.address}/a.bin", target, sha256=SHA256).read_bytes() == CONTENT


def test_parts_of_two_versions_are_not_joined(server, target):
    server.cuts = 1
    with pytest.raises(OSError, match="was cut; the same command goes on"):
        download(f"{server.address}/a.bin", target, retries=0)
    assert not target.exists()
    newer = CONTENT[::-1]
    (server.folder / "a.bin").write_bytes(newer)
    assert download(f"{server.address}/a.bin", target).read_bytes() == newer


def test_parts_without_version_or_size_are_not_joined(server, target):
    server.cuts, server.tags = 1, False
    assert download(f"{server.address}/a.bin", target).read_bytes() == CONTENT
    assert [wanted for _, wanted in server.asked] == ["", ""]


def test_a_part_longer_than_the_file_is_dropped(server, target):
    target.parent.mkdir()
    target.with_name(".a.bin.part").write_bytes(b"x" * 700_000)
    assert download(f"{server.address}/a.bin", target, size=len(CONTENT), sha256=SHA256).read_bytes() == CONTENT


def test_a_damaged_file_is_fetched_again(server, target, caplog):
    target.parent.mkdir()
    target.write_bytes(CONTENT[:-1] + b"?")
    assert download(f"{server.address}/a.bin", target, sha256=SHA256).read_bytes() == CONTENT
    assert "damaged" in caplog.text


@pytest.mark.parametrize("codes", [[503], [500, 502, 429], [408]])
def test_errors_of_a_server_pass(server, target, codes):
    server.errors = list(codes)
    assert download(f"{server.address}/a.bin", target, sha256=SHA256).read_bytes() == CONTENT


def test_a_file_that_is_not_there_is_asked_for_once(server, target):
    with pytest.raises(OSError, match=r"none\.bin could not be fetched: the server answers 404"):
        download(f"{server.address}/none.bin", target)
    assert len(server.asked) == 1
    assert leftovers(target) == []


def test_a_wrong_file_is_not_kept(server, target):
    with pytest.raises(ValueError, match="is not the file that is wanted"):
        download(f"{server.address}/a.bin", target, sha256="0" * 64)
    assert leftovers(target) == []


def test_more_bytes_than_announced_are_not_stored(server, target):
    with pytest.raises(ValueError, match="more than the 1,000 bytes"):
        download(f"{server.address}/a.bin", target, size=1000)
    assert leftovers(target) == []


def test_a_silent_server(server, target):
    server.pause = 2.0
    with pytest.raises(OSError, match="could not be fetched"):
        download(f"{server.address}/a.bin", target, retries=0, silence=0.2)
    server.pause = 0.0
    assert download(f"{server.address}/a.bin", target, sha256=SHA256, size=len(CONTENT)).read_bytes() == CONTENT
    assert int(server.asked[-1][1].removeprefix("bytes=").rstrip("-")) > 200_000


def test_nobody_listens(target):
    with pytest.raises(OSError, match="refused"):
        download("http://127.0.0.1:9/a.bin", target, retries=0)


@pytest.mark.parametrize("address", ["ftp://127.0.0.1/a", "file:///etc/passwd", "a.bin"])
def test_other_addresses(address, target):
    with pytest.raises(ValueError, match="no http or https address"):
        download(address, target)


def test_a_full_disk_leaves_nothing(server, target, monkeypatch):
    def full(self, answer, have, total):
        self.part.write_bytes(b"some")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Resuming, "_store", full)
    with pytest.raises(OSError, match=r"could not be stored as .*No space left on device.*make room"):
        download(f"{server.address}/a.bin", target, sha256=SHA256)
    assert leftovers(target) == []


RUN = "import sys; from decode.registry.download import download; download(*sys.argv[1:3], sha256=sys.argv[3])"


def start(server, target) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", RUN, f"{server.address}/a.bin", str(target), SHA256])


def test_two_processes_fetch_one_file_once(server, target):
    server.pause = 0.5
    runs = [start(server, target) for _ in range(2)]
    assert [run.wait(60) for run in runs] == [0, 0]
    assert target.read_bytes() == CONTENT
    assert len(server.asked) == 1


def test_a_killed_download_is_gone_on_with(server, target):
    server.pause = 30
    run = start(server, target)
    part = target.with_name(".a.bin.part")
    deadline = time.monotonic() + 60
    while not (part.exists() and part.stat().st_size > 100_000):
        assert time.monotonic() < deadline
        os.sched_yield()
    run.send_signal(signal.SIGKILL)
    run.wait(10)
    assert not target.exists()
    server.pause = 0
    kept = part.stat().st_size
    assert download(f"{server.address}/a.bin", target, sha256=SHA256).read_bytes() == CONTENT
    assert server.asked[-1][1] == f"bytes={kept}-"


def test_a_disk_that_runs_full(server, target):
    with room_for(200_000), pytest.raises(OSError, match=r"could not be stored as .*make room"):
        download(f"{server.address}/a.bin", target, sha256=SHA256)
    assert leftovers(target) == []
    assert download(f"{server.address}/a.bin", target, sha256=SHA256).read_bytes() == CONTENT
