"""Reading finished runs: what is one, and what is said of what is none."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from made_runs import made_drivers, made_mediation

from decode.core.files import run_record
from decode.report.files import write_folder, write_run
from decode.report.page.runs import flat, read_run, read_runs


@pytest.fixture
def drivers(tmp_path) -> Path:
    return made_drivers(tmp_path / "drivers")


def change(path: Path, **entries: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | entries))


def test_a_run_is_found_by_its_output_or_its_record(tmp_path, drivers):
    mediation = made_mediation(tmp_path / "mediation.json")
    model = tmp_path / "model"
    write_folder(model, "train", lambda folder: (folder / "bundle.json").write_text("{}"), record=run_record(seed=3))
    for out, kind, record in (
        (drivers, "drivers", drivers / "run.json"),
        (mediation, "mediate", tmp_path / "mediation.json.run.json"),
        (model, "train", tmp_path / "model.run.json"),
    ):
        for given in (out, record):
            run = read_run(given)
            assert (run.name, run.kind, run.out, run.record_file) == (out.name, kind, out, record)
    assert read_run(model).files.keys() == {"model/bundle.json"}
    assert read_run(mediation).find(".draws.tsv.gz") == "mediation.draws.tsv.gz"
    assert read_run(drivers).find("nothing") == ""


def test_names_are_given_or_those_of_the_outputs(tmp_path, drivers):
    other = made_drivers(tmp_path / "other" / "drivers") if (tmp_path / "other").mkdir() is None else None
    with pytest.raises(ValueError, match=r"two runs are called 'drivers' \(.*\); give each a name of its own, such as"):
        read_runs([drivers, other])
    assert [run.name for run in read_runs([drivers, f"second={other}"])] == ["drivers", "second"]
    with pytest.raises(ValueError, match="is named twice; name each run once"):
        read_runs([drivers, f"again={drivers}"])
    with pytest.raises(ValueError, match="no run is named"):
        read_runs([])
    with pytest.raises(ValueError, match="is no NAME=RUN"):
        read_runs([f"={drivers}"])


def test_what_is_no_finished_run(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "null.nc.work").mkdir()
    (tmp_path / "a.tsv").write_text("x\n")
    for name, expected in (
        ("absent", "does not exist; name the --out of a finished command"),
        ("folder", "is no finished run: it has no run.json"),
        ("a.tsv", "it has no a.tsv.run.json beside it"),
        ("null.nc", r"is not finished \(.*null.nc.work holds its pieces\); give the same command again"),
    ):
        with pytest.raises((ValueError, FileNotFoundError), match=expected):
            read_run(tmp_path / name)


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ({"files": []}, "is no run record"),
        ({"kind": 3}, "is no run record"),
        ({"files": {"a.tsv": {"sha256": "x", "what": "file"}}}, "is no run record"),
        ({"versions": {"numpy": 1}}, "is no run record"),
        ({"options": [1]}, "is no run record"),
        ({"inputs": {"a": "b"}}, "is no run record"),
        ({"files": {"../../secret.tsv": {"sha256": "0" * 64, "what": "file"}}}, "lists files outside its run"),
        ({"files": {"/etc/hostname": {"sha256": "0" * 64, "what": "file"}}}, "lists files outside its run"),
    ],
)
def test_a_damaged_record_is_refused_in_a_sentence(drivers, entries, expected):
    change(drivers / "run.json", **entries)
    with pytest.raises(ValueError, match=expected):
        read_run(drivers)


def test_a_record_that_is_no_json(drivers):
    (drivers / "run.json").write_text("{")
    with pytest.raises(ValueError, match="is damaged"):
        read_run(drivers)


def test_files_are_held_against_their_hashes(drivers):
    run = read_run(drivers)
    assert run.table("absent.tsv") is None
    assert len(run.table("drivers.tsv")) == 12
    with (drivers / "drivers.tsv").open("a") as handle:
        handle.write("x\n")
    with pytest.raises(ValueError, match="was changed since the run"):
        run.table("drivers.tsv")
    (drivers / "contrasts.tsv").unlink()
    with pytest.raises(FileNotFoundError, match="is missing; run the command again"):
        run.table("contrasts.tsv")


def test_tables_come_back_as_they_were(tmp_path):
    table = pd.DataFrame({"name": ["NA", "nan", None], "x": [0.1, None, 2.0], "t": ["01", "1e5", "True"]})
    run = read_run(write_run(tmp_path / "r", "demo", tables={"t.tsv": table, "empty.tsv": table[[]].head(0)})[0].parent)
    found = run.table("t.tsv")
    assert found["name"].iloc[:2].tolist() == ["NA", "nan"]  # names of genes, not undefined numbers
    assert found["name"].isna().tolist() == [False, False, True]
    assert len(run.table("empty.tsv")) == 0


def test_an_input_is_found_again_only_if_it_is_the_same(tmp_path):
    given = tmp_path / "in.tsv"
    given.write_text("a\n1\n")
    write_run(tmp_path / "r", "demo", record=run_record(inputs={"targets": given}))
    run = read_run(tmp_path / "r")
    assert run.input_path("targets") == given
    assert run.input_path("other") is None
    given.write_text("a\n2\n")
    assert run.input_path("targets") is None
    given.unlink()
    assert run.input_path("targets") is None


def test_figures_must_be_figures(tmp_path):
    write_run(tmp_path / "r", "demo", texts={"a.png": "no picture", "b.svg": "<svg/>"})
    run = read_run(tmp_path / "r")
    assert run.figures() == ["a", "b"]
    assert run.figure("b") == (b"", b"<svg/>")
    with pytest.raises(ValueError, match="is no figure of that suffix"):
        run.figure("a")


def test_a_run_may_be_moved(tmp_path, drivers):
    moved = Path(shutil.move(drivers, tmp_path / "elsewhere"))
    assert len(read_run(moved).table("drivers.tsv")) == 12


def test_options_are_shown_flat():
    assert list(
        flat({"seed": 0, "network": {"width": 3, "gone": None}, "empty": [], "names": ["a", "b"], "on": True})
    ) == [
        ("seed", "0"),
        ("network.width", "3"),
        ("names", "a, b"),
        ("on", "true"),
    ]
