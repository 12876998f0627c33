from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from http_server import serve
from planted import planted_dataset, quick_bundle

import decode
from decode.cli.app import main
from decode.evaluation.predict import predict
from decode.models.bundle import save_bundle
from decode.registry.entries import parse_registry
from decode.registry.open import load_features, load_pretrained, load_summary, local_path
from decode.registry.publish import add_entry
from decode.registry.store import PACKAGED, damaged, find_entry, get, registered

CARD = {
    "description": "A toy",
    "predicts": "toy tasks",
    "licence": "CC0",
    "training_data": [{"name": "toy sites", "source": "made up", "licence": "CC0"}],
}
EVALUATION = {
    "split": "test",
    "n_genes": 20,
    "model": {"fold_change": 0.5, "level": None},
    "baselines": {"ridge": {"fold_change": 0.4, "level": None}},
    "others": {},
}


@pytest.fixture(scope="module")
def dataset():
    return planted_dataset(150)


@pytest.fixture(scope="module")
def lab(dataset, tmp_path_factory):
    """A lab's registry with a model and its features, as it would be published."""
    folder = tmp_path_factory.mktemp("lab")
    save_bundle(quick_bundle(dataset), folder / "trained")
    dataset.features.write(folder / "built.h5")
    registry = folder / "site" / "models.json"
    registry.parent.mkdir()
    add_entry(folder / "trained", registry, "toy-model", card=CARD, evaluation=EVALUATION)
    add_entry(folder / "built.h5", registry, "toy-features", card=CARD)
    return registry


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("DECODE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("DECODE_REGISTRY", raising=False)
    return tmp_path / "cache"


@pytest.fixture
def remote(lab, monkeypatch, tmp_path):
    shutil.copytree(lab.parent, tmp_path / "site")
    with serve(tmp_path / "site") as server:
        monkeypatch.setenv("DECODE_REGISTRY", f"{server.address}/models.json")
        yield server


def test_what_the_package_lists_is_there():
    for listed in registered().values():
        assert listed.entry.address is None
        assert damaged(listed.entry, PACKAGED.parent / listed.entry.name) == []


def test_entry_of_a_model(lab, dataset):
    entries = {entry.name: entry for entry in parse_registry(lab.read_bytes(), "lab")}
    model, features = entries["toy-model"], entries["toy-features"]
    assert (model.kind, model.build, model.tasks) == ("model", dataset.features.build, tuple(dataset.tasks))
    assert model.n_tracks == len(dataset.features.tracks)
    assert [(metric.measure, metric.value, metric.baselines) for metric in model.metrics] == [
        ("Spearman rho, fold change", 0.5, {"ridge": 0.4})
    ]
    assert "bundle.json" in model.files
    assert (features.kind, features.n_genes, list(features.files)) == (
        "features",
        len(dataset.features.genes),
        ["built.h5"],
    )


def test_a_registry_in_a_folder(lab, dataset, monkeypatch, cache):
    monkeypatch.setenv("DECODE_REGISTRY", str(lab))
    loaded = load_pretrained("toy-model")
    assert loaded.tasks == dataset.tasks
    assert get("toy-features") == lab.parent.resolve() / "toy-features" / "built.h5"
    assert not cache.exists()


def test_a_registry_by_address(remote, dataset, cache):
    bundle, features = decode.load_pretrained("toy-model"), decode.load_features("toy-features")
    wanted = predict(quick_bundle(dataset), dataset.features)
    np.testing.assert_array_equal(predict(bundle, features), wanted)
    asked = [path for path, _ in remote.asked if path != "/models.json"]
    get("toy-model"), get("toy-features")
    assert [path for path, _ in remote.asked if path != "/models.json"] == asked
    assert [path.name for path in (cache / "model" / "toy-model").iterdir() if not path.name.startswith(".")] == [
        get("toy-model").name
    ]


def test_without_a_network_once_fetched(remote, caplog):
    first = get("toy-model")
    remote.errors = [503] * 10
    assert get("toy-model") == first
    assert "the copy of last time is used" in caplog.text


def test_no_network_and_never_fetched(monkeypatch):
    monkeypatch.setenv("DECODE_REGISTRY", "http://127.0.0.1:9/models.json")
    with pytest.raises(OSError, match="refused"):
        registered()


def test_a_damaged_cache_is_mended(remote, caplog):
    folder = get("toy-model")
    weights = folder / "member_0.npz"
    content = weights.read_bytes()
    weights.write_bytes(content[:-10])
    (folder / "split.tsv.gz").unlink()
    remote.asked.clear()
    assert get("toy-model") == folder
    assert weights.read_bytes() == content
    assert sorted(path for path, _ in remote.asked) == [
        "/models.json",
        "/toy-model/member_0.npz",
        "/toy-model/split.tsv.gz",
    ]
    assert "damaged" in caplog.text


def test_a_tampered_server_is_refused(remote, cache):
    path = remote.folder / "toy-model" / "member_0.npz"
    path.write_bytes(bytes(path.stat().st_size))
    with pytest.raises(ValueError, match="not the file that is wanted"):
        load_pretrained("toy-model")
    home = cache / "model" / "toy-model"
    assert [entry.name for entry in home.iterdir() if not entry.name.startswith(".")] == []


def test_a_cut_entry_is_gone_on_with(remote):
    remote.cuts, remote.cut_only = 2, ".npz"
    assert damaged(find_entry("toy-model").entry, get("toy-model")) == []


def test_a_newer_version_lies_beside_the_older(remote, dataset, tmp_path):
    older = get("toy-model")
    save_bundle(_other(dataset), tmp_path / "m")
    add_entry(tmp_path / "m", remote.folder / "models.json", "toy-model", card=CARD, force=True)
    newer = get("toy-model")
    assert newer != older
    assert older.is_dir()


def _other(dataset):
    bundle = quick_bundle(dataset)
    bundle.training["note"] = "another"
    return bundle


@pytest.mark.parametrize("card", [{}, CARD | {"licence": ""}, CARD | {"colour": "red"}, CARD | {"training_data": [1]}])
def test_poor_cards(lab, card, tmp_path):
    with pytest.raises(ValueError, match="card"):
        add_entry(lab.parent.parent / "built.h5", tmp_path / "models.json", "x", card=card)
    assert list(tmp_path.iterdir()) == []


def test_names_are_not_taken_twice(lab):
    before = lab.read_bytes()
    with pytest.raises(FileExistsError, match="--force"):
        add_entry(lab.parent.parent / "built.h5", lab, "toy-features", card=CARD | {"description": "another"})
    assert lab.read_bytes() == before
    add_entry(lab.parent.parent / "built.h5", lab, "toy-features", card=CARD)  # the very same: nothing to do
    assert lab.read_bytes() == before


def test_unknown_names(lab, monkeypatch, tmp_path):
    monkeypatch.setenv("DECODE_REGISTRY", str(lab))
    with pytest.raises(KeyError, match="perhaps toy-model"):
        load_pretrained("toy-modle")
    with pytest.raises(TypeError, match="name of a features entry; a model entry is wanted"):
        load_pretrained("toy-features")
    with pytest.raises(KeyError, match="decode models list"):
        load_features(tmp_path / "none.h5")
    assert local_path("none.h5", "features") == Path("none.h5")


def test_a_registry_that_is_not_there(monkeypatch, tmp_path):
    monkeypatch.setenv("DECODE_REGISTRY", str(tmp_path / "none.json"))
    with pytest.raises(FileNotFoundError, match="which is no file"):
        registered()


def test_evaluation_of_another_kind(lab, tmp_path):
    with pytest.raises(ValueError, match=r"give metrics\.json"):
        add_entry(lab.parent.parent / "trained", tmp_path / "models.json", "x", card=CARD, evaluation={"a": 1})


def test_registry_text_is_json(lab):
    assert set(json.loads(lab.read_text())) == {"schema_version", "models"}


def test_a_summary_goes_with_its_model(lab, dataset, monkeypatch, tmp_path, capsys):
    trained, built = lab.parent.parent / "trained", lab.parent.parent / "built.h5"
    registry, path = tmp_path / "models.json", tmp_path / "made.npz"
    assert _run("models", "summarise", trained, built, "--out", path, "--n-leading", 4) == 0
    assert "150 genes, 4 tasks" in capsys.readouterr().out
    before = path.read_bytes()
    assert _run("models", "summarise", trained, built, "--out", path, "--n-leading", 4) == 0
    assert "is this very summary already" in capsys.readouterr().out
    assert _run("models", "summarise", trained, built, "--out", path, "--n-leading", 3) == 2
    assert "is another summary; replace it with --force" in capsys.readouterr().err
    assert path.read_bytes() == before
    add_entry(trained, registry, "with-summary", card=CARD, summary=path)
    add_entry(trained, registry, "without", card=CARD)
    monkeypatch.setenv("DECODE_REGISTRY", str(registry))
    gene = dataset.features.genes["gene_name"].iloc[7]
    assert load_summary("with-summary").leading_regulator.shape == (150, 4)
    with pytest.raises(FileNotFoundError, match="decode models summarise"):
        load_summary("without")
    assert _run("atlas", gene, "--model", "with-summary", "--top", 4) == 0
    looked_up = capsys.readouterr().out
    assert _run("atlas", gene, "--model", "with-summary", "--features", built, "--top", 4) == 0
    computed = capsys.readouterr().out
    held, all_found = (dict.fromkeys(re.findall(r"(?:TF|RBP|miRNA):\S+", text)) for text in (looked_up, computed))
    assert len(held) >= 2
    assert list(held) == [name for name in all_found if name in held]  # those without effect are left out
    assert _run("atlas", "--task", "liver", "--model", "with-summary") == 0
    assert "regulators of liver" in capsys.readouterr().out
    save_bundle(quick_bundle(dataset, members=1), tmp_path / "other")
    with pytest.raises(ValueError, match="is of another model"):
        add_entry(tmp_path / "other", registry, "other", card=CARD, summary=path)
    with pytest.raises(ValueError, match="a summary is of a model"):
        add_entry(built, registry, "other", card=CARD, summary=path)
    assert "other" not in registered()


def _run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    return int(stop.value.code or 0)
