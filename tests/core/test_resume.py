from __future__ import annotations

import json
import os

import numpy as np
import pytest

from decode.core.resume import (
    MARK,
    FinishedRuns,
    check_work_folder,
    content_hash,
    finish_runs,
    load_piece,
    make_work_folder,
    remove_spent_pieces,
    remove_work_folder,
    work_folder,
)


def test_a_finished_run_is_reused_and_another_signature_refused(tmp_path):
    runs = FinishedRuns(tmp_path / "runs")
    assert runs.load("full", "a") is None
    runs.save("full", "a", {"spearman": [0.1, np.nan], "n": 3})
    assert runs.load("full", "a") == {"spearman": [0.1, None], "n": 3}
    assert "numpy" in json.loads((tmp_path / "runs" / "full.json").read_text())["versions"]
    with pytest.raises(ValueError, match="belongs to a run with other data or options; remove"):
        runs.load("full", "b")
    (tmp_path / "runs" / "full.json").write_text("{")
    with pytest.raises(ValueError, match="is damaged"):
        runs.load("full", "a")


def test_without_a_folder_nothing_is_kept(tmp_path):
    runs = FinishedRuns(None)
    runs.save("full", "a", {})
    assert runs.load("full", "a") is None


def test_folders_are_made_when_there_is_something_to_keep(tmp_path):
    runs = FinishedRuns(tmp_path / "out" / "runs")
    assert not any(tmp_path.iterdir())
    runs.save("full", "a", {})
    assert (tmp_path / "out" / "runs" / "full.json").is_file()
    with pytest.raises(FileNotFoundError, match="does not exist"):
        FinishedRuns(tmp_path / "no" / "out" / "runs")
    with pytest.raises(FileExistsError, match="is a file"):
        FinishedRuns(tmp_path / "out" / "runs" / "full.json")


def test_hash_tells_content_type_and_shape_apart():
    same = content_hash([np.array(["a", "b"]), "x"])
    assert content_hash([np.array(["a", "b"], dtype=object), "x"]) == same
    others = [[np.array(["ab"]), "x"], [np.arange(4)], [np.arange(4).reshape(2, 2)], [np.arange(4, dtype=np.int32)], []]
    assert len({same, *map(content_hash, others)}) == 6


def test_the_folder_lies_beside_the_output_and_goes(tmp_path):
    folder = work_folder(tmp_path / "null.nc")
    assert folder == tmp_path / "null.nc.work"
    assert not folder.exists()
    assert make_work_folder(folder) == make_work_folder(folder) == folder
    assert "not over" in (folder / MARK).read_text()
    (folder / "block_000000.h5").touch()
    remove_work_folder(folder)
    assert not any(tmp_path.iterdir())
    remove_work_folder(make_work_folder(folder))
    remove_work_folder(folder)
    assert not any(tmp_path.iterdir())
    with pytest.raises(FileNotFoundError, match="does not exist"):
        work_folder(tmp_path / "absent" / "null.nc")


def test_a_folder_of_others_is_neither_used_nor_removed(tmp_path):
    folder = tmp_path / "model.work"
    folder.mkdir()
    check_work_folder(folder)  # empty: nobody's
    (folder / "thesis.doc").touch()
    for use in (
        lambda: work_folder(tmp_path / "model"),
        lambda: make_work_folder(folder),
        lambda: FinishedRuns(folder),
    ):
        with pytest.raises(FileExistsError, match=r"model.work is where .* it holds files of others; move them"):
            use()
    remove_work_folder(folder)
    assert (folder / "thesis.doc").exists()


def test_every_piece_goes_through_one_door(tmp_path):
    path = tmp_path / "piece"
    assert load_piece(path, "a", lambda _: ("a", 1)) is None
    path.touch()
    assert load_piece(path, "a", lambda _: ("a", 1)) == 1
    with pytest.raises(ValueError, match=r"piece .* belongs to a run with other data or options; remove"):
        load_piece(path, "b", lambda _: ("a", 1))
    with pytest.raises(ValueError, match="belongs to a run with other seed; remove"):
        load_piece(path, '{"data": 1, "seed": 2}', lambda _: ('{"data": 1, "seed": 3}', 1))

    def damaged(_path):
        raise OSError("truncated")

    with pytest.raises(ValueError, match=r"piece .* is damaged .*truncated.*; remove it to compute it again"):
        load_piece(path, "a", damaged)


class Killed(Exception):
    pass


@pytest.mark.parametrize("n_done", [1, 2])
def test_a_killed_run_goes_on_and_every_piece_is_checked(tmp_path, n_done):
    plans, told = {f"run_{number}": number for number in range(3)}, []

    def kill(name: str, _was_finished: bool) -> None:
        told.append(name)
        if len(told) == n_done:
            raise Killed

    with pytest.raises(Killed):
        finish_runs(plans, lambda plan: {"square": plan**2}, FinishedRuns(tmp_path / "w"), "data", on_run=kill)
    done = sorted(path.stem for path in (tmp_path / "w").glob("*.json"))
    assert done == [f"run_{number}" for number in range(n_done)]
    for name in done:  # each of them alone
        stored = (tmp_path / "w" / f"{name}.json").read_text()
        (tmp_path / "w" / f"{name}.json").write_text(stored.replace('"data ', '"other '))
        with pytest.raises(ValueError, match=f"{name}.json belongs to a run with other data or options"):
            finish_runs(plans, lambda _plan: {}, FinishedRuns(tmp_path / "w"), "data")
        (tmp_path / "w" / f"{name}.json").write_text(stored)
    computed = []

    def run(plan: int) -> dict[str, int]:
        computed.append(plan)
        return {"square": plan**2}

    found = finish_runs(plans, run, FinishedRuns(tmp_path / "w"), "data")
    assert computed == list(range(n_done, 3))
    assert found == {f"run_{number}": {"square": number**2} for number in range(3)}


def test_pieces_of_a_finished_result_go_and_newer_ones_stay(tmp_path):
    out, record = tmp_path / "a.tsv", tmp_path / "a.tsv.run.json"
    remove_spent_pieces(out, record)  # nothing there
    piece = make_work_folder(work_folder(out)) / "piece.npz"
    piece.write_bytes(b"x")
    remove_spent_pieces(out, record)  # nothing is finished
    assert piece.exists()
    record.write_text("{}")
    os.utime(record, ns=(0, piece.stat().st_mtime_ns - 1))  # the piece is of a run that began later
    remove_spent_pieces(out, record)
    assert piece.exists()
    os.utime(record, ns=(0, piece.stat().st_mtime_ns))
    remove_spent_pieces(out, record)
    assert sorted(path.name for path in tmp_path.iterdir()) == [record.name]
    (tmp_path / "a.tsv.work").mkdir()
    (tmp_path / "a.tsv.work" / "mine").write_text("x")  # not ours
    remove_spent_pieces(out, record)
    assert (tmp_path / "a.tsv.work" / "mine").exists()
