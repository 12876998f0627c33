"""Options of every command, and arguments that may be given by name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest
import typer

from decode.cli.app import app
from decode.cli.options import Features, Model, Targets, with_common_options
from decode.core import choices


def commands() -> dict[str, typer.models.CommandInfo]:
    found = {str(info.name): info for info in app.registered_commands}
    for group in app.registered_groups:
        assert group.typer_instance is not None
        for info in group.typer_instance.registered_commands:
            assert info.callback is not None
            found[f"{group.name} {info.name or info.callback.__name__.replace('_', '-')}"] = info
    return found


@pytest.fixture
def called() -> dict[str, Path]:
    return {}


@pytest.fixture
def command(called):
    def act(model: Model, features: Features, targets: Targets, out: Path = Path("out")) -> None:
        called.update(model=model, features=features, targets=targets)

    return with_common_options(act)


def call(command, *paths: str, **named: str) -> None:
    names = ("model", "features", "targets")
    given = dict(zip(names, [*map(Path, paths), None, None, None], strict=False))
    by_name = {f"named_{name}": Path(named[name]) if name in named else None for name in names}
    command(**given, **by_name, out=Path("out"), quiet=False, debug=False)


@pytest.mark.parametrize(
    ("paths", "named"),
    [
        (["m", "f", "t"], {}),
        (["m", "t"], {"features": "f"}),
        (["f", "t"], {"model": "m"}),
        (["t"], {"features": "f", "model": "m"}),
        ([], {"features": "f", "model": "m", "targets": "t"}),
    ],
)
def test_an_argument_may_be_named(command, called, paths, named):
    call(command, *paths, **named)
    assert called == {"model": Path("m"), "features": Path("f"), "targets": Path("t")}


def test_an_argument_given_twice_or_not_at_all(command):
    with pytest.raises(ValueError, match="t is one argument too many beside --features; give each of them once"):
        call(command, "m", "f", "t", features="other")
    with pytest.raises(ValueError, match="TARGETS is missing; give it as an argument or as --targets PATH"):
        call(command, "m", "f")


def test_features_by_name_on_the_command_line(run, features_file, tmp_path):
    by_place = run("features", "info", features_file)
    by_name = run("features", "info", "--features", features_file)
    assert by_name.status == 0, by_name.err
    assert by_name.out == by_place.out
    twice = run("features", "info", features_file, "--features", features_file)
    assert twice.status == 2
    assert "one argument too many" in twice.err
    nothing = run("features", "info")
    assert nothing.status == 2
    assert "FEATURES is missing" in nothing.err


@pytest.mark.parametrize("name", sorted(commands()))
def test_every_command_takes_the_common_options(run, name, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    shown = run(*name.split(), "--help").out
    assert "--quiet" in shown
    assert "--debug" in shown


def test_quiet_before_and_after_the_command(run, toy, tmp_path):
    arguments = ["expression", "tissue", toy.tissue_tpm, "--out"]
    loud = run(*arguments, tmp_path / "a.tsv").err
    assert re.fullmatch(r"(\d\d:\d\d:\d\d [^\n]+\n)+", loud)
    assert run("-q", *arguments, tmp_path / "b.tsv").err == ""
    assert run(*arguments, tmp_path / "c.tsv", "-q").err == ""
    assert run(*arguments, tmp_path / "d.tsv").err  # and the next call speaks again


def test_debug_after_the_command(run, tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist"):
        run("features", "info", tmp_path / "absent.h5", "--debug")
    assert run("features", "info", tmp_path / "absent.h5").status == 2


def test_choices_are_the_words_of_the_library(run):
    result = run("features", "build", "--annotation", "a", "--build", "b", "--out", "o", "--representative", "tallest")
    assert result.status == 2
    assert all(word in result.err for word in get_args(choices.Representative))


@pytest.mark.parametrize("arguments", [("features", "build"), ("expression", "tissue")], ids=" ".join)
def test_log_lines_are_sentences(run, toy, build_options, tmp_path, arguments):
    given = [*build_options, "--out", tmp_path / "f.h5"] if "build" in arguments else [toy.tissue_tpm]
    given += [] if "build" in arguments else ["--out", tmp_path / "t.tsv"]
    lines = run(*arguments, *given).err
    assert lines
    assert "{" not in lines
