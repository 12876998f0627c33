from __future__ import annotations

import json

import pytest
from http_server import serve
from planted import planted_dataset, quick_bundle

from decode.cli.app import main
from decode.models.bundle import save_bundle

CARD = {
    "description": "A toy",
    "predicts": "toy tasks",
    "licence": "CC0",
    "training_data": [{"name": "toy sites", "source": "made up", "licence": "CC BY 4.0"}],
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    dataset = planted_dataset(150)
    save_bundle(quick_bundle(dataset), folder / "model")
    dataset.features.write(folder / "features.h5")
    (folder / "card.json").write_text(json.dumps(CARD))
    return folder


@pytest.fixture(autouse=True)
def _own_place(tmp_path, monkeypatch):
    monkeypatch.setenv("DECODE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("DECODE_REGISTRY", raising=False)


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    return int(stop.value.code or 0)


def publish(made, registry) -> None:
    for path, name in ((made / "model", "toy-model"), (made / "features.h5", "toy-features")):
        assert run("models", "add", path, "--name", name, "--card", made / "card.json", "--registry", registry) == 0


def test_publish_and_use_by_name(made, tmp_path, monkeypatch, capsys):
    site = tmp_path / "site"
    site.mkdir()
    publish(made, site / "models.json")
    with serve(site) as server:
        monkeypatch.setenv("DECODE_REGISTRY", f"{server.address}/models.json")
        capsys.readouterr()
        assert run("models", "list") == 0
        assert "toy-model " in capsys.readouterr().out
        assert run("models", "info", "toy-model") == 0
        card = capsys.readouterr().out
        assert "toy sites; made up; CC BY 4.0" in card
        assert run("models", "get", "toy-features") == 0
        assert capsys.readouterr().out.strip().endswith("features.h5")
        assert run("models", "verify", "toy-model") == 0
        by_name, by_path = tmp_path / "by_name.tsv", tmp_path / "by_path.tsv"
        assert run("predict", "toy-model", "toy-features", "--out", by_name) == 0
        assert run("predict", made / "model", "--features", made / "features.h5", "--out", by_path) == 0
    assert by_name.read_bytes() == by_path.read_bytes()


def test_unknown_name(made, tmp_path, capsys):
    assert run("predict", "no-such-model", made / "features.h5", "--out", tmp_path / "p.tsv") == 2
    assert "no-such-model" in capsys.readouterr().err
    assert run("models", "info", "no-such-model") == 2
    assert "decode models list" in capsys.readouterr().err


def test_add_refuses(made, tmp_path, capsys):
    registry = tmp_path / "models.json"
    publish(made, registry)
    before = registry.read_bytes()
    again = ("models", "add", made / "model", "--name", "toy-model", "--card", made / "card.json")
    assert run(*again, "--registry", registry) == 0  # the very same
    assert registry.read_bytes() == before
    (made / "other.json").write_text(json.dumps(CARD | {"description": "Another toy"}))
    assert run(*again[:-1], made / "other.json", "--registry", registry) == 2
    assert "--force" in capsys.readouterr().err
    assert registry.read_bytes() == before
    (tmp_path / "toy-model" / "bundle.json").write_text("{}")
    assert run(*again, "--registry", registry) == 2
    assert run(*again, "--registry", registry, "--force") == 0
    assert run(*again[:4], "bad/name", *again[5:], "--registry", registry) == 2
    assert "no name for a registry" in capsys.readouterr().err


def test_an_entry_is_listed_together_with_its_files(made, tmp_path, monkeypatch):
    registry = tmp_path / "models.json"

    def die(*_arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("decode.core.outputs.OutputSet.commit", die)
        command = ("models", "add", made / "features.h5", "--name", "toy", "--card", made / "card.json")
        assert run(*command, "--registry", registry) == 130
    assert not list(tmp_path.iterdir())
    assert run(*command, "--registry", registry) == 0
    assert (tmp_path / "toy" / "features.h5").exists()
