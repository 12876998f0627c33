from __future__ import annotations

import errno
import gzip
import json
import os
import stat
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from decode.core import files
from decode.core.files import (
    atomic_path,
    check_input,
    check_output,
    make_output_folder,
    open_text,
    read_bytes,
    read_json_object,
    run_record,
    sha256_of,
    sha256_of_folder,
    staged_folder,
    to_json,
    versions,
    write_json,
    write_table,
)


def test_output_paths(tmp_path, monkeypatch):
    assert check_output(tmp_path / "new.tsv") == tmp_path / "new.tsv"
    with pytest.raises(FileNotFoundError, match=r"output folder .*absent does not exist; create it first"):
        check_output(tmp_path / "absent" / "new.tsv")
    (tmp_path / "file").write_text("x")
    with pytest.raises(NotADirectoryError, match=r"output folder .*file is a file; choose another --out"):
        check_output(tmp_path / "file" / "new.tsv")
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # tests may run as root, who may write anywhere
    with pytest.raises(PermissionError, match="cannot be written"):
        check_output(tmp_path / "new.tsv")


def test_output_folder(tmp_path, monkeypatch):
    made = make_output_folder(tmp_path / "out")
    assert made.is_dir()
    (made / "kept").write_text("x")
    assert make_output_folder(made) == made
    assert (made / "kept").exists()
    with pytest.raises(FileExistsError, match="is a file, not a folder"):
        make_output_folder(made / "kept")
    with pytest.raises(FileNotFoundError):
        make_output_folder(tmp_path / "a" / "b")
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) == tmp_path)
    with pytest.raises(PermissionError, match="cannot be written"):
        make_output_folder(made)


def test_atomic_path_replaces_only_on_success(tmp_path):
    path = tmp_path / "a.tsv.gz"
    path.write_text("old")

    def fail_half_way() -> None:
        with atomic_path(path) as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail_half_way()
    assert path.read_text() == "old"
    with atomic_path(path) as temporary:
        assert temporary.parent == tmp_path
        assert temporary.name.endswith(".tsv.gz")
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert [item.name for item in tmp_path.iterdir()] == ["a.tsv.gz"]


def test_atomic_path_gives_the_usual_permissions(tmp_path):
    before = os.umask(0o027)
    try:
        with atomic_path(tmp_path / "a") as temporary:
            temporary.write_text("x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


def test_atomic_path_refuses_a_folder_before_the_work(tmp_path):
    with pytest.raises(IsADirectoryError, match="is a folder, not a file"), atomic_path(tmp_path):
        pytest.fail("the body must not run")


def test_hash(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    # FIPS 180-2 test vector
    assert sha256_of(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_input_paths(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"sites .*x.bed does not exist"):
        check_input(tmp_path / "x.bed", "sites")
    with pytest.raises(ValueError, match=r"sites .* is a folder; name a file"):
        check_input(tmp_path, "sites")
    (tmp_path / "x.bed").touch()
    with pytest.raises(ValueError, match=r"sites .*x.bed is empty"):
        check_input(tmp_path / "x.bed", "sites")
    (tmp_path / "x.bed").write_text("x")
    assert check_input(str(tmp_path / "x.bed")) == tmp_path / "x.bed"


def test_reading_plain_gzip_and_several_members(tmp_path):
    (tmp_path / "plain").write_bytes(b"a\nb\n")
    (tmp_path / "packed").write_bytes(gzip.compress(b"a\n") + gzip.compress(b"b\n"))  # as bgzip writes
    for name in ("plain", "packed"):
        assert read_bytes(tmp_path / name) == b"a\nb\n"
        with open_text(tmp_path / name) as handle:
            assert list(handle) == ["a\n", "b\n"]


def test_damaged_and_blank_files(tmp_path):
    whole = gzip.compress(b"chr1\t1\t2\n" * 1000)
    for content in (whole[: len(whole) // 2], whole[:-1], whole[:40] + b"\xff" * 20 + whole[60:]):
        (tmp_path / "cut.gz").write_bytes(content)
        with pytest.raises(ValueError, match="truncated or damaged gzip"):
            read_bytes(tmp_path / "cut.gz", "sites")
        with pytest.raises(ValueError, match="truncated or damaged gzip"), open_text(tmp_path / "cut.gz") as handle:
            list(handle)
    (tmp_path / "blank.gz").write_bytes(gzip.compress(b" \n\n"))
    with pytest.raises(ValueError, match="holds no text"):
        read_bytes(tmp_path / "blank.gz")
    (tmp_path / "nothing.gz").write_bytes(gzip.compress(b""))
    with pytest.raises(ValueError, match="holds no text"):
        read_bytes(tmp_path / "nothing.gz")
    (tmp_path / "latin").write_bytes(b"caf\xe9\n")
    with pytest.raises(ValueError, match="not UTF-8 text"), open_text(tmp_path / "latin") as handle:
        list(handle)


def test_table_at_full_precision_without_nan_text(tmp_path):
    table = pd.DataFrame({"name": ["a", None], "x": [0.1 + 0.2, np.nan], "n": [1, 2]})
    write_table(table, tmp_path / "t.tsv")
    assert (tmp_path / "t.tsv").read_text() == "name\tx\tn\na\t0.30000000000000004\t1\n\t\t2\n"
    write_table(table.set_index("n"), tmp_path / "i.tsv", index=True)
    assert (tmp_path / "i.tsv").read_text().startswith("n\tname\tx\n1\ta\t")


def test_packed_tables_are_equal_byte_by_byte(tmp_path):
    table = pd.DataFrame({"x": np.arange(5.0)})
    write_table(table, tmp_path / "a.tsv.gz")
    write_table(table, tmp_path / "b.tsv.gz")
    assert (tmp_path / "a.tsv.gz").read_bytes() == (tmp_path / "b.tsv.gz").read_bytes()
    assert gzip.decompress((tmp_path / "a.tsv.gz").read_bytes()) == b"x\n0.0\n1.0\n2.0\n3.0\n4.0\n"


def test_empty_table_keeps_its_header(tmp_path):
    write_table(pd.DataFrame(columns=["a", "b"]), tmp_path / "t.tsv")
    assert (tmp_path / "t.tsv").read_text() == "a\tb\n"


def test_json_has_null_for_the_undefined(tmp_path):
    value = {
        "nan": float("nan"),
        "inf": np.float32("inf"),
        "array": np.array([[1.0, np.nan]]),
        "int": np.int64(3),
        "bool": np.bool_(True),
        "path": Path("a/b"),
        "tuple": (1, None),
        7: "µ",
    }
    write_json(value, tmp_path / "a.json")
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == {
        "nan": None,
        "inf": None,
        "array": [[1.0, None]],
        "int": 3,
        "bool": True,
        "path": "a/b",
        "tuple": [1, None],
        "7": "µ",
    }
    assert list(json.loads(to_json({"b": 1, "a": 2}))) == ["b", "a"]


def test_json_that_cannot_be_written_leaves_the_old_file(tmp_path):
    (tmp_path / "a.json").write_text("old")
    with pytest.raises(TypeError):
        write_json({"x": object()}, tmp_path / "a.json")
    assert (tmp_path / "a.json").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_full_disk_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pd.DataFrame, "to_csv", full)
    for name in ("t.tsv", "t.tsv.gz"):
        with pytest.raises(OSError, match="No space left"):
            write_table(pd.DataFrame({"x": [1]}), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_versions_leave_absent_packages_out():
    found = versions(("numpy", "no-such-package"))
    assert found["numpy"] == np.__version__
    assert "python" in found
    assert "no-such-package" not in found


def test_run_record(tmp_path, monkeypatch):
    monkeypatch.setattr(files.sys, "argv", ["/usr/bin/decode", "train", "x"])
    (tmp_path / "a").write_bytes(b"abc")
    inputs = {"a": tmp_path / "a", "folder": tmp_path, "absent": tmp_path / "no"}
    record = run_record(inputs=inputs, seed=np.int64(3), rate=np.nan)
    assert record["command"] == ["decode", "train", "x"]
    assert record["inputs"]["a"]["sha256"].startswith("ba7816bf")
    assert record["inputs"]["folder"] == {"path": str(tmp_path), "sha256": sha256_of_folder(tmp_path)}
    assert record["inputs"]["absent"]["sha256"] is None
    before = sha256_of_folder(tmp_path)
    (tmp_path / "a").rename(tmp_path / "b")
    assert sha256_of_folder(tmp_path) != before
    assert record["options"] == {"seed": 3, "rate": None}
    assert record["time_utc"].endswith("+00:00")
    json.loads(to_json(record))


def test_staged_folder_moves_all_files_or_none(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.txt").write_text("old")
    (out / "mine.txt").write_text("kept")

    def fail_half_way() -> None:
        with staged_folder(out) as folder:
            (folder / "a.txt").write_text("new")
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fail_half_way()
    assert (out / "a.txt").read_text() == "old"
    with staged_folder(out) as folder:
        (folder / "a.txt").write_text("new")
    assert {item.name: item.read_text() for item in out.iterdir()} == {"a.txt": "new", "mine.txt": "kept"}
    with staged_folder(tmp_path / "made") as folder:
        (folder / "b.txt").write_text("b")
    assert (tmp_path / "made" / "b.txt").read_text() == "b"
    assert sorted(item.name for item in tmp_path.iterdir()) == ["made", "out"]
    with pytest.raises(FileExistsError, match="is a file"), staged_folder(out / "a.txt"):
        pass


@pytest.mark.parametrize("writer", [atomic_path, staged_folder])
def test_a_full_disk_is_named(tmp_path, writer):
    def fill_the_disk() -> None:
        with writer(tmp_path / "out"):
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match=r"out could not be written \(No space left on device\); make room"):
        fill_the_disk()
    assert not list(tmp_path.iterdir())


def test_json_of_a_user(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"width": [1, null]}')
    assert read_json_object(path) == {"width": [1, None]}
    for text, message in (("", "is empty"), ("{", r"space .*a\.json is no JSON"), ("[1]", "is a JSON list; an object")):
        path.write_text(text)
        with pytest.raises(ValueError, match=message):
            read_json_object(path, "space")
    path.write_bytes(b'{"a": "\xff"}')
    with pytest.raises(ValueError, match="is no JSON"):
        read_json_object(path)
    with pytest.raises(FileNotFoundError, match=r"space .* does not exist"):
        read_json_object(tmp_path / "b.json", "space")
