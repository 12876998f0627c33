from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from decode.core.files import run_record, sha256_of
from decode.report import finished
from decode.report.files import write_files, write_record, write_run
from decode.report.finished import check_free, finished_already, record_path

TABLE = pd.DataFrame({"a": [1.5, np.nan], "b": ["x", "y"]})


def figure() -> Figure:
    drawn = Figure(figsize=(2, 2))
    drawn.add_subplot().plot([0, 1])
    return drawn


def fail(path: Path) -> None:
    raise OSError("no more")


def snapshot(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}


@pytest.fixture
def record(tmp_path: Path) -> dict[str, object]:
    (tmp_path / "input").write_text("content")
    return run_record(inputs={"table": tmp_path / "input"}, seed=3, top=np.int64(20))


def write(out: Path, record: object, *, force: bool = False, **further: object) -> list[Path]:
    contents: dict[str, object] = {
        "tables": {"a.tsv": TABLE, "z.tsv.gz": TABLE, "sites.bed": TABLE},
        "figures": {"drawn": figure()},
        "numbers": {"n.json": {"x": float("nan")}},
        "texts": {"note.txt": "hello\n"},
    }
    return write_run(out, "demo", **(contents | further), record=record, force=force)  # type: ignore[arg-type]


def test_all_forms_and_the_manifest(tmp_path, record):
    written = write(tmp_path / "out", record)
    names = ["a.tsv", "drawn.png", "drawn.svg", "n.json", "note.txt", "run.json", "sites.bed", "z.tsv.gz"]
    assert [path.name for path in written] == names
    assert sorted((tmp_path / "out").iterdir()) == written
    assert (tmp_path / "out" / "a.tsv").read_text() == "a\tb\n1.5\tx\n\ty\n"
    assert (tmp_path / "out" / "sites.bed").read_text() == "1.5\tx\n\ty\n"
    assert json.loads((tmp_path / "out" / "n.json").read_text()) == {"x": None}
    found = json.loads((tmp_path / "out" / "run.json").read_text())
    assert (found["kind"], found["seeds"]) == ("demo", {"seed": 3})
    assert found["inputs"]["table"]["sha256"] == sha256_of(tmp_path / "input")
    assert {name: entry["sha256"] for name, entry in found["files"].items()} == {
        name: sha256_of(tmp_path / "out" / name) for name in names if name != "run.json"
    }
    assert found["files"]["a.tsv"]["what"] == "table of 2 rows and 2 columns"
    assert [found["files"][name]["what"] for name in ("drawn.svg", "n.json", "note.txt")] == [
        *("figure", "numbers", "file")
    ]


def test_equal_results_give_equal_bytes(tmp_path, record):
    first, second = (write(tmp_path / name, record) for name in ("one", "two"))
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_all_files_or_none(tmp_path, record):
    with pytest.raises(OSError, match="no more"):
        write(tmp_path / "new", record, texts={"note.txt": fail})
    assert not (tmp_path / "new").exists()
    write(tmp_path / "out", record)
    before = snapshot(tmp_path / "out")
    with pytest.raises(OSError, match="no more"):
        write(tmp_path / "out", record, tables={"a.tsv": TABLE.head(1)}, texts={"note.txt": fail}, force=True)
    assert snapshot(tmp_path / "out") == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["input", "out"]


def test_record_is_the_last_file_to_move(tmp_path, record, monkeypatch):
    moved = []
    replace = os.replace
    monkeypatch.setattr(os, "replace", lambda a, b: (moved.append((Path(a).parent, Path(b).name)), replace(a, b)))
    write(tmp_path / "out", record)
    assert moved[-1][1] == "run.json"


def test_finished_run_is_replaced_with_force_only(tmp_path, record):
    write(tmp_path / "out", record)
    (tmp_path / "out" / "mine.txt").write_text("kept")
    with pytest.raises(FileExistsError, match=r"out holds a finished result; give --force"):
        write(tmp_path / "out", record)
    write(tmp_path / "out", record, tables={"other.tsv": TABLE}, force=True)
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"other.tsv", "mine.txt", "run.json"} <= names
    assert not names & {"a.tsv", "sites.bed", "z.tsv.gz"}  # of the run before


def test_name_given_twice(tmp_path):
    with pytest.raises(ValueError, match=r"more than once: n\.json"):
        write_run(tmp_path / "out", "demo", numbers={"n.json": 1}, texts={"n.json": "2"})
    with pytest.raises(ValueError, match=r"more than once: run\.json"):
        write_run(tmp_path / "out", "demo", numbers={"run.json": 1})


def test_finished_already(tmp_path, record):
    out = tmp_path / "out"
    assert not finished_already(out, "demo", record)
    out.mkdir()
    (out / "data").mkdir()  # a folder alone is no finished run
    assert not finished_already(out, "demo", record)
    write(out, record)
    assert finished_already(out, "demo", record | {"time_utc": "later", "command": ["other"]})
    assert not finished_already(out, "demo", record, force=True)
    (tmp_path / "moved").write_text("content")
    same = run_record(inputs={"table": tmp_path / "moved"}, seed=3, top=20)
    assert finished_already(out, "demo", same)  # content counts, not the name
    (tmp_path / "moved").write_text("other")
    changed = run_record(inputs={"table": tmp_path / "moved"}, seed=4, top=20)
    newer = record | {"versions": record["versions"] | {finished.PACKAGE: "99"}}
    for kind, asked, message in (
        ("other", record, r"another kind of run \(demo, not other\)"),
        ("demo", changed, r"other options \(seed 3, not 4\) and other inputs \(table\); give --force"),
        ("demo", newer, "another version of decode"),
    ):
        with pytest.raises(FileExistsError, match=message):
            finished_already(out, kind, asked)
    (out / "a.tsv").write_text("edited")
    with pytest.raises(FileExistsError, match=r"changed or removed since \(a\.tsv\)"):
        finished_already(out, "demo", record)


def test_single_files_have_their_record_beside_them(tmp_path, record):
    out, second = tmp_path / "a.tsv.gz", tmp_path / "sub" / "b.txt"
    second.parent.mkdir()
    written = write_files("predict", {out: TABLE, second: "text"}, record=record)
    assert written == [out, second, tmp_path / "a.tsv.gz.run.json"]
    found = json.loads(record_path(out, beside=True).read_text())
    assert found["files"] == {
        "a.tsv.gz": {"sha256": sha256_of(out), "what": "table of 2 rows and 2 columns"},
        "sub/b.txt": {"sha256": sha256_of(second), "what": "file"},
    }
    assert finished_already(out, "predict", record, beside=True)
    with pytest.raises(FileExistsError, match=r"a\.tsv\.gz exists; give --force"):
        write_files("predict", {out: TABLE}, record=record)
    before = out.read_bytes()
    with pytest.raises(OSError, match="no more"):
        write_files("predict", {out: TABLE.head(1), second: fail}, record=record, force=True)
    assert out.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tsv.gz", "a.tsv.gz.run.json", "input", "sub"]
    write_files("predict", {out: TABLE.head(1), second: "new"}, record=record, force=True)
    assert second.read_text() == "new"
    out.unlink()
    assert not finished_already(out, "predict", record, beside=True)  # the record alone is no result


def test_output_without_a_record(tmp_path, record):
    out = tmp_path / "a.tsv"
    out.write_text("mine")
    with pytest.raises(FileExistsError, match="without a record of what it is; give --force"):
        finished_already(out, "predict", record, beside=True)
    assert not finished_already(out, "predict", record, beside=True, force=True)
    with pytest.raises(FileExistsError, match="exists"):
        check_free(out)
    check_free(out, force=True)
    (tmp_path / "empty").mkdir()
    check_free(tmp_path / "empty")
    model = tmp_path / "model"
    model.mkdir()
    (model / "bundle.json").write_text("{}")
    assert write_record(model, "train", [model / "bundle.json"], record=record) == tmp_path / "model.run.json"
    assert finished_already(model, "train", record, beside=True)
