from __future__ import annotations

import gzip
import json
import shutil
import stat
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from planted import TINY, TINY_PAPER, planted_dataset, quick_bundle

from decode.core import record_files
from decode.evaluation.predict import predict, predict_members
from decode.models import bundle as bundle_module
from decode.models.architectures import build_network
from decode.models.bundle import (
    BUNDLE_FILE,
    check_bundle_output,
    load_bundle,
    read_record,
    save_bundle,
)
from decode.models.bundle_record import own_hash
from decode.models.member_arrays import named_variables
from decode.models.member_shapes import member_shapes
from decode.models.scales import RegionScale, TaskScale


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
    record["own_sha256"] = own_hash(record)
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
        (lambda hashes: hashes.update({"../../secret": "0" * 64}), r"other files .* \.\./\.\./secret"),
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
    with pytest.raises(ValueError, match=r"n_members is .*; a whole number from 1 to 10,000 is wanted"):
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
    with pytest.raises(ValueError, match="network has unknown keys depth"):
        load_bundle(folder)


def test_weights_that_do_not_fit_their_record(folder):
    network = read_record(folder)["network"]
    rewrite(folder, network={**network, "width": 24})
    with pytest.raises(ValueError, match=r"array dense_0/kernel of .*member_0.npz has shape \(.*16\), .* has \(.*24\)"):
        load_bundle(folder)
    rewrite(folder, network=network, tasks=["liver"], task_kinds=["fold_change"])
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


def nested(depth: int) -> list:
    value: list = []
    for _ in range(depth):
        value = [value]
    return value


HOSTILE = [
    ({"sha256": {}}, "gives hashes of other files"),
    ({"sha256": []}, "sha256 is a JSON list of 0; an object"),
    ({"sha256": None}, "sha256 is None"),
    ({"sha256": {"tracks.tsv": 5}}, r"sha256\['tracks.tsv'\] is 5; a SHA-256"),
    ({"n_members": True}, "n_members is True"),
    ({"n_members": 10**9}, "n_members is 1000000000; a whole number from 1 to 10,000"),
    ({"n_members": 5000}, "seeds holds 2 entries, not 5000"),
    ({"network": None}, "network is None; an object"),
    ({"network": {"width": 10**12}}, "width of network is 1000000000000; a whole number from 1 to 1,000,000"),
    ({"network": {"width": 10**6}}, r"dense_0/kernel of .* has shape .*, the network .* has \(8, 1000000\)"),
    ({"network": {"n_dense": 1000}}, r"lacks the array\(s\) dense_10/bias"),
    ({"network": {"n_dense": 10**9}}, "n_dense of network is 1000000000"),
    ({"network": {"width": 256.0}}, "width of network is 256.0"),
    ({"network": {"width": "16"}}, "width of network is '16'"),
    ({"network": {"dropout": 1}}, "dropout of network is 1; a finite number >= 0 and < 1"),
    ({"network": {"huber_delta": -1}}, "huber_delta of network is -1; a finite number > 0"),
    ({"network": {"weigh_kinds": "no"}}, "weigh_kinds of network is 'no'; true or false"),
    ({"network": {"architecture": "keras"}}, "architecture of network is 'keras'; one of default, paper"),
    ({"network": {"architecture": ["paper"]}}, "architecture of network is a JSON list"),
    ({"network": {"rna": 5}}, "rna of network is 5; an object"),
    ({"network": {"rna": {"filters": 2}}}, "rna of network lacks kernel_size, n_layers"),
    (
        {"network": {"architecture": "paper", "rna": {"kernel_size": 1, "filters": 10**6, "n_layers": 1000}}},
        r"lacks the array\(s\) promoter_convolution_0/kernel",
    ),
    ({"tasks": "liver"}, "tasks is 'liver'; a list of 1"),
    ({"tasks": [1, 2, 3, 4]}, r"tasks\[0\] is 1; a name"),
    ({"tasks": ["a"] * 4}, "tasks names something twice"),
    ({"tasks": ["a", "b"]}, "task_kinds holds 4 entries, not 2"),
    ({"tasks": []}, "tasks is a JSON list of 0"),
    ({"task_kinds": ["other"] * 3 + ["x"]}, r"task_kinds\[3\] is 'x'; one of fold_change"),
    ({"regions": ["promoter"]}, "tracks.tsv names the regions promoter, rna, the record promoter"),
    ({"regions": ["rna", "promoter"]}, "names the regions"),
    ({"regions": ["promoter", "a/b"]}, r"regions\[1\] is 'a/b'; a name without '/'"),
    ({"regions": {}}, "regions is a JSON object of 0"),
    ({"features": {"level": "gene"}}, "features lacks build"),
    ({"seeds": [1.5, 2]}, r"seeds\[0\] is 1.5"),
    ({"seeds": [1]}, "seeds holds 1 entries, not 2"),
    ({"validation_loss": ["low"]}, r"validation_loss\[0\] is 'low'"),
    ({"training": {"members": -1}}, "members of training is -1"),
    ({"training": []}, "training is a JSON list"),
    ({"counts": {"kind_weights": 3}}, "kind_weights of counts is 3"),
    ({"versions": {"keras": 3}}, r"versions\['keras'\] is 3; text"),
    ({"lambda": "code"}, "unknown keys lambda"),
    ({"counts": {"x": nested(500)}}, "is damaged .nested too deeply"),
    ({"schema_version": True}, "has schema version True"),
    ({"schema_version": [2]}, r"has schema version \[2\]"),
]


@pytest.mark.parametrize(("changes", "message"), HOSTILE)
def test_every_field_is_checked_before_anything_is_built(folder, monkeypatch, changes, message):
    monkeypatch.setattr(bundle_module, "build_network", lambda *_args, **_options: pytest.fail("built"))
    rewrite(folder, **changes)
    with pytest.raises(ValueError, match=f"(?s).*{message}"):
        load_bundle(folder)


@pytest.mark.parametrize(
    "text",
    ["[" * 200_000, '{"a":' * 200_000, '{"schema_version": NaN}', '{"schema_version": 2' + "0" * 5000 + "}", "\xff"],
)
def test_a_record_that_no_parser_survives(folder, text):
    (folder / BUNDLE_FILE).write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError, match=r"record .*bundle.json is damaged .*; train or download the model again"):
        load_bundle(folder)


@pytest.mark.parametrize("where", ["absolute", "link"])
def test_files_outside_of_the_folder_are_refused(folder, where):
    outside = folder.parent / "tracks.tsv"
    shutil.move(folder / "tracks.tsv", outside)
    if where == "link":
        (folder / "tracks.tsv").symlink_to(outside)
        with pytest.raises(ValueError, match=r"tracks.tsv is a link; a model bundle holds its files itself"):
            load_bundle(folder)
        return
    hashes = json.loads((folder / BUNDLE_FILE).read_text())["sha256"]
    hashes[str(outside)] = hashes.pop("tracks.tsv")
    rewrite(folder, sha256=hashes)
    with pytest.raises(ValueError, match=r"gives hashes of other files .*tracks.tsv"):
        load_bundle(folder)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("tracks.tsv", b"region\tkind\nrna\tRBP\n", "has the columns region, kind; region, kind, regulator"),
        ("tracks.tsv", b"\x00\xff\xfe", r"tracks.tsv (is no table or damaged|has the columns)"),
        ("tracks.tsv", b"", "tracks.tsv is no table or damaged"),
        ("split.tsv.gz", b"no gzip", "split.tsv.gz is no table or damaged"),
        ("split.tsv.gz", gzip.compress(b"id\tsplit\nA\ttrain\nB\tmine\n"), "names the parts mine"),
        ("split.tsv.gz", gzip.compress(b"id\tsplit\nA\ttrain\nA\ttest\n"), "occur more than once: A"),
        ("split.tsv.gz", gzip.compress(bytes(10**6)), "more than 100,000 bytes"),
        ("history.tsv", b"member\tepoch\ttrain_loss\tvalidation_loss\n0\t0\ta\tb\n", "something else than numbers"),
    ],
)
def test_tables_of_strangers(folder, monkeypatch, name, content, message):
    monkeypatch.setattr(record_files, "MOST_TABLE_BYTES", 100_000)
    (folder / name).write_bytes(content)
    rewrite(folder, sha256=read_hashes(folder))
    with pytest.raises(ValueError, match=message):
        load_bundle(folder)


def test_a_compressed_member_is_refused(folder):
    np.savez_compressed(folder / "member_0.npz", **arrays_of(folder / "member_0.npz"))
    rewrite(folder, sha256=read_hashes(folder))
    with pytest.raises(ValueError, match=r"member_0.npz is compressed; plain arrays are wanted"):
        load_bundle(folder)


@pytest.mark.parametrize("config", [TINY, TINY_PAPER], ids=["default", "paper"])
def test_shapes_are_known_without_the_network(config):
    widths = {"promoter": 4, "rna": 7, "exon": 2}
    scales = {region: RegionScale(np.zeros(width), np.ones(width)) for region, width in widths.items()}
    views = build_network(config, scales, TaskScale(np.zeros(3), np.ones(3)))
    built = {name: tuple(variable.shape) for name, variable in named_variables(views.bins).items()}
    assert member_shapes(config, widths, 3) == built
