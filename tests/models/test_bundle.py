from __future__ import annotations

import json
import shutil
import stat
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from planted import TINY, TINY_PAPER, planted_dataset, quick_bundle

from decode.evaluation.predict import predict, predict_members
from decode.models import bundle as bundle_module
from decode.models.bundle import (
    BUNDLE_FILE,
    _own_hash,
    check_bundle_output,
    load_bundle,
    read_record,
    save_bundle,
)


@pytest.fixture(scope="module")
def dataset():
    return planted_dataset(150)


@pytest.fixture(scope="module", params=[TINY, TINY_PAPER], ids=["default", "paper"])
def made(request, dataset):
    return quick_bundle(dataset, request.param)


@pytest.fixture(scope="module")
def written(dataset, tmp_path_factory):
    """A bundle on disk that tests copy before they harm it."""
    folder = tmp_path_factory.mktemp("bundle") / "model"
    save_bundle(quick_bundle(dataset), folder)
    return folder


@pytest.fixture
def folder(written, tmp_path):
    return Path(shutil.copytree(written, tmp_path / "model"))


def rewrite(folder: Path, **changes: object) -> None:
    """Change the record as somebody would who also knows about its hash."""
    record = json.loads((folder / BUNDLE_FILE).read_text()) | changes
    record["own_sha256"] = _own_hash(record)
    (folder / BUNDLE_FILE).write_text(json.dumps(record))


def test_round_trip(made, dataset, tmp_path):
    save_bundle(made, tmp_path / "model")
    loaded = load_bundle(tmp_path / "model")
    np.testing.assert_array_equal(predict_members(loaded, dataset.features), predict_members(made, dataset.features))
    for name in ("network", "training", "tasks", "regions", "seeds", "validation_loss", "versions", "track_ids"):
        assert getattr(loaded, name) == getattr(made, name), name
    assert loaded.features == made.features
    assert loaded.counts == made.counts
    assert loaded.split_map == made.split_map
    pd.testing.assert_frame_equal(loaded.history, made.history)
    pd.testing.assert_frame_equal(loaded.tracks, made.tracks, check_dtype=False)
    # the bins view, too, carries the weights
    for mine, theirs in zip(made.members, loaded.members, strict=True):
        for a, b in zip(mine.bins.get_weights(), theirs.bins.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)


def test_what_lies_in_the_folder(written):
    record = read_record(written)
    assert sorted(path.name for path in written.iterdir()) == sorted([BUNDLE_FILE, *record["sha256"]])
    assert sorted(record["sha256"]) == ["history.tsv", "member_0.npz", "member_1.npz", "split.tsv.gz", "tracks.tsv"]
    assert record["features"]["build"] == "hg19"
    assert record["versions"]["keras"]
    assert len(record["seeds"]) == 2
    assert record["counts"]["dropped_regulators"] == ["TF:RARE"]
    assert not [path for path in written.parent.iterdir() if path != written]


def test_an_old_bundle_is_replaced_and_anything_else_refused(dataset, folder):
    (folder / "notes.txt").write_text("mine")
    save_bundle(quick_bundle(dataset, members=1), folder)
    assert load_bundle(folder).seeds == read_record(folder)["seeds"]
    assert len(load_bundle(folder).members) == 1
    assert not (folder / "member_1.npz").exists()
    assert (folder / "notes.txt").read_text() == "mine"
    assert [path.name for path in folder.parent.iterdir()] == ["model"]
    assert stat.S_IMODE(folder.stat().st_mode) & 0o500 == 0o500
    other = folder.parent / "mine"
    other.mkdir()
    assert check_bundle_output(other) == other  # empty: nobody's
    (other / "thesis.doc").touch()
    with pytest.raises(FileExistsError, match="exists and is not a model bundle"):
        check_bundle_output(other)
    with pytest.raises(FileExistsError, match="mine"):
        save_bundle(load_bundle(folder), other)
    with pytest.raises(FileNotFoundError, match=r"output folder .*absent does not exist"):
        save_bundle(load_bundle(folder), folder.parent / "absent" / "model")


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("Unable to write to file")])
def test_a_failed_write_leaves_the_old_bundle(folder, monkeypatch, error):
    loaded = load_bundle(folder)
    before = read_record(folder)

    def fail(*_args: object, **_options: object) -> None:
        raise error

    monkeypatch.setattr(bundle_module, "write_table", fail)
    with pytest.raises(OSError, match=r"model could not be written .*is the disk full"):
        save_bundle(loaded, folder)
    assert read_record(folder) == before
    assert [path.name for path in folder.parent.iterdir()] == ["model"]


def test_a_regulator_called_na_keeps_its_name(dataset, tmp_path):
    made = quick_bundle(dataset, members=1)
    made.tracks.loc[0, "regulator"] = "NA"
    made.split.loc[0, "id"] = "NA"
    save_bundle(made, tmp_path / "model")
    loaded = load_bundle(tmp_path / "model")
    assert loaded.track_ids[0] == "promoter|TF:NA@K562"
    assert "NA" in loaded.split_map


def arrays_of(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as stored:
        return dict(stored)


def test_altered_weights_are_noticed(folder):
    arrays = arrays_of(folder / "member_1.npz")
    arrays["tasks_scaled/bias"][0] += 1.0
    np.savez(folder / "member_1.npz", **arrays)
    with pytest.raises(ValueError, match=r"member_1.npz was altered: its hash does not match; train or download"):
        load_bundle(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda hashes: hashes.pop("member_1.npz"), "gives hashes of other files than a bundle of 2 member.* member_1"),
        (lambda hashes: hashes.pop("split.tsv.gz"), r"other files .* split.tsv.gz"),
        (lambda hashes: hashes.update({"../../secret": "0"}), r"other files .* \.\./\.\./secret"),
    ],
)
def test_the_list_of_hashes_names_every_file_and_no_other(folder, change, message):
    hashes = read_hashes(folder)
    change(hashes)
    rewrite(folder, sha256=hashes)
    with pytest.raises(ValueError, match=message):
        load_bundle(folder)


def test_other_files_of_the_folder_are_named_and_not_opened(folder, caplog):
    (folder / "member_2.npz").write_bytes(b"no archive")
    (folder / "config.json").write_text("{")
    assert len(load_bundle(folder).members) == 2
    assert "config.json, member_2.npz are no part of it and were not opened" in caplog.text


@pytest.mark.parametrize("n_members", [0, -1, 1.0, "2", None])
def test_a_number_of_members_that_is_none(folder, n_members):
    rewrite(folder, n_members=n_members)
    with pytest.raises(ValueError, match="members; at least 1 is wanted"):
        load_bundle(folder)


def test_an_altered_record_is_noticed(folder):
    text = (folder / BUNDLE_FILE).read_text()
    (folder / BUNDLE_FILE).write_text(text.replace("hg19", "hg38"))
    with pytest.raises(ValueError, match=r"bundle.json was altered: its own hash does not match"):
        load_bundle(folder)


@pytest.mark.parametrize("name", ["member_0.npz", "tracks.tsv", "split.tsv.gz", "history.tsv"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(ValueError, match=f"model lacks {name}; train or download"):
        load_bundle(folder)


@pytest.mark.parametrize("name", ["tracks.tsv", "split.tsv.gz", "history.tsv"])
def test_an_altered_table_is_noticed(folder, name):
    with open(folder / name, "ab") as handle:
        handle.write(b"\n")
    with pytest.raises(ValueError, match=f"{name} was altered"):
        load_bundle(folder)


def test_another_schema_version(folder):
    rewrite(folder, schema_version=3)
    with pytest.raises(ValueError, match=r"model has schema version 3; this release reads 2: use the release that"):
        load_bundle(folder)


def test_a_bundle_of_keras_files_is_refused(folder):
    rewrite(folder, schema_version=1)
    with pytest.raises(ValueError, match=r"an older release \(schema version 1: .* train it again with `decode train`"):
        load_bundle(folder)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "3"])
def test_a_record_that_is_none(folder, text):
    (folder / BUNDLE_FILE).write_text(text)
    with pytest.raises(ValueError, match=r"is damaged|has schema version None"):
        load_bundle(folder)


def test_not_a_bundle(tmp_path):
    for path in (tmp_path, tmp_path / "absent"):
        with pytest.raises(FileNotFoundError, match=r"is no model bundle: it holds no bundle.json"):
            load_bundle(path)


def test_an_unknown_key_of_the_configuration(folder):
    network = read_record(folder)["network"]
    rewrite(folder, network={**network, "depth": 2})
    with pytest.raises(ValueError, match="network configuration has unknown keys depth"):
        load_bundle(folder)


def test_weights_that_do_not_fit_their_record(folder):
    network = read_record(folder)["network"]
    rewrite(folder, network={**network, "width": 24})
    with pytest.raises(ValueError, match=r"array dense_0/kernel of .*member_0.npz has shape \(.*16\), .* has \(.*24\)"):
        load_bundle(folder)
    rewrite(folder, network=network, tasks=["liver"])
    with pytest.raises(ValueError, match=r"array tasks_scaled/kernel of .*member_0.npz has shape \(16, 4\)"):
        load_bundle(folder)


def test_a_damaged_member_with_the_right_hash(folder):
    (folder / "member_0.npz").write_bytes(b"PK\x03\x04 nothing")
    rewrite(folder, sha256=read_hashes(folder))
    with pytest.raises(ValueError, match=r"member_0.npz is damaged"):
        load_bundle(folder)


def read_hashes(folder: Path) -> dict[str, str]:
    names = json.loads((folder / BUNDLE_FILE).read_text())["sha256"]
    return {name: bundle_module.sha256_of(folder / name) for name in names}


def test_prediction_from_a_loaded_bundle(folder, dataset):
    table = predict(load_bundle(folder), dataset.features)
    assert table.columns.tolist() == ["gene_id", *dataset.tasks]
    assert np.isfinite(table[dataset.tasks].to_numpy()).all()
