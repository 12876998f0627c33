"""No command writes over what it reads, whatever the command, the option and the way to name the file."""

from __future__ import annotations

import inspect
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import pytest
import typer
from command_line import Result, call

from decode.cli.app import COMMANDS
from decode.cli.outputs import OUTPUTS

NOT_READ = {*OUTPUTS, "registry"}  # the registry of `models add` is read and written on purpose


def commands() -> Iterator[tuple[tuple[str, ...], Any]]:
    for group in COMMANDS.values():
        for name, command in group.items():
            if not isinstance(command, typer.Typer):
                yield (name,), command
                continue
            for inner in command.registered_commands:
                yield (name, inner.name or inner.callback.__name__.replace("_", "-")), inner.callback


def is_of(hint: Any, wanted: type) -> bool:
    return hint is wanted or any(is_of(inner, wanted) for inner in get_args(hint))


def parameters(command: Any) -> dict[str, tuple[Any, Any, bool]]:
    """Annotation, typer's information and whether it must be given, of every parameter of the function itself."""
    function = inspect.unwrap(command)
    hints = get_type_hints(function, include_extras=True)
    found = {}
    for name, item in inspect.signature(function).parameters.items():
        if get_origin(hints[name]) is not None and hasattr(hints[name], "__metadata__"):
            kind, *extra = get_args(hints[name])
            found[name] = (kind, extra[0], item.default is item.empty)
    return found


def flags(name: str, information: Any) -> str:
    written = [text for text in getattr(information, "param_decls", None) or () if text.startswith("--")]
    return written[0] if written else f"--{name.replace('_', '-')}"


def line(command: Any, values: dict[str, str]) -> list[str]:
    """Arguments of a command: what is named, and something for all else that it needs."""
    arguments: list[str] = []
    for name, (kind, information, is_needed) in parameters(command).items():
        if name not in values and not is_needed:
            continue
        value = values.get(name, "1")
        if type(information).__name__ == "ArgumentInfo":
            arguments.append(value)
        else:
            arguments += [flags(name, information), value]
        assert kind is not None
    return arguments


CASES = [
    pytest.param(path, command, name, id=f"{'-'.join(path)}-{name}")
    for path, command in commands()
    if "out" in parameters(command)
    for name, (kind, _, _) in parameters(command).items()
    if name not in NOT_READ and is_of(kind, Path)
]


def test_every_command_that_writes_is_among_them():
    writing = {path for path, command in commands() if "out" in parameters(command)}
    tested = {case.values[0] for case in CASES}
    assert writing - tested == {("demo",), ("report",)}  # reads nothing; reads runs, see test_report_command.py
    assert len(writing) >= 35
    paths = [
        (name, str(information.help))
        for _, command in commands()
        for name, (kind, information, _) in parameters(command).items()
        if is_of(kind, Path)
    ]
    names = {name for name, _ in paths}
    written = {name for name, text in paths if text.startswith(("Folder for", "Figure", "Table to write"))}
    assert written <= set(OUTPUTS) <= names


@pytest.mark.parametrize(("path", "command", "name"), CASES)
def test_an_input_is_never_an_output(tmp_path, path, command, name):
    kinds = parameters(command)
    files = {}
    for other, (kind, _, is_needed) in kinds.items():
        if is_of(kind, Path) and other not in NOT_READ and (is_needed or other == name):
            files[other] = tmp_path / f"{other}.tsv"
            files[other].write_text("content")
    link = tmp_path / "link.tsv"
    os.link(files[name], link)  # another name of the same file
    values = {other: str(file) for other, file in files.items()} | {"out": str(link)}
    result = call(*path, *line(command, values))
    assert result.status == 2
    assert "itself, which would be destroyed; choose another --out" in result.err, result.err
    assert files[name].read_text() == "content"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "tpm.tsv"
    path.write_text("gene_id\tliver\tbrain\n" + "".join(f"ENSG{i:011d}\t{i + 3}\t{i + 5}\n" for i in range(30)))
    return path


def tissue(table: Path, out: object, *further: object) -> Result:
    return call("expression", "tissue", table, "--out", out, *further)


def test_links_on_either_side_are_seen_through(table, tmp_path):
    before = table.read_bytes()
    (tmp_path / "input.tsv").symlink_to(table)
    (tmp_path / "output.tsv").symlink_to("tpm.tsv")
    for read, written in ((table, table), (tmp_path / "input.tsv", table), (table, tmp_path / "output.tsv")):
        result = tissue(read, written, "--force")
        assert (result.status, "which would be destroyed" in result.err) == (2, True), result.err
    assert table.read_bytes() == before


def test_the_path_behind_an_equals_sign_is_an_input(tmp_path):
    (tmp_path / "a.bed").write_text("chr1\t1\t2\n")
    sites = tmp_path / "sites"
    sites.mkdir()
    shutil.copy(tmp_path / "a.bed", sites / "A.bed")
    (tmp_path / "genes.gtf").write_text("x")
    common = ("features", "build", "--annotation", tmp_path / "genes.gtf", "--build", "hg19", "--promoter-sites")
    result = call(*common, f"TF={tmp_path / 'a.bed'}", "--out", tmp_path / "a.bed")
    assert "--promoter-sites" in result.err
    assert result.status == 2
    result = call(*common, f"TF={sites}", "--out", sites / "features.h5")
    assert "lies in the input folder --promoter-sites" in result.err
    result = call(*common, f"TF={sites}", "--out", tmp_path / "genes.gtf")
    assert "is the input --annotation" in result.err


def test_a_folder_that_holds_an_input_is_no_output(tmp_path):
    out = tmp_path / "result"
    out.mkdir()
    for name in ("ranking.tsv", "sets.gmt"):
        (out / name).write_text("x")
    (tmp_path / "elsewhere.gmt").symlink_to(out / "sets.gmt")
    (tmp_path / "ranking.tsv").write_text("x")
    for ranking, sets in ((out / "ranking.tsv", "x"), (tmp_path / "ranking.tsv", tmp_path / "elsewhere.gmt")):
        result = call("regulators", "gene-sets", "--ranking", ranking, "--gene-sets", sets, "--out", out)
        assert result.status == 2
        assert "is a folder that holds the input" in result.err, result.err


def test_two_outputs_have_two_names(table, tmp_path):
    (tmp_path / "a.nc").write_text("x")
    result = call("rank", tmp_path / "a.nc", "--out", tmp_path / "r", "--figures", tmp_path / "r")
    assert result.status == 2
    assert "--figures and --out are the same" in result.err


@pytest.mark.parametrize("device", ["/dev/stdout", "/dev/null", "/proc/self/fd/1"])
def test_devices_are_no_outputs(table, tmp_path, device):
    (tmp_path / "link.tsv").symlink_to(device)
    before = os.stat("/dev/null")
    for out in (device, tmp_path / "link.tsv"):
        result = tissue(table, out, "--force")
        assert result.status == 2
        assert "is a device or pipe, not a file; name a file to write" in result.err
    assert (os.stat("/dev/null").st_mode, os.stat("/dev/null").st_ino) == (before.st_mode, before.st_ino)
    assert (tmp_path / "link.tsv").is_symlink()


def test_pipes_are_neither_outputs_nor_inputs(table, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    result = tissue(table, tmp_path / "pipe", "--force")
    assert (result.status, "is a device or pipe" in result.err) == (2, True)
    result = tissue(tmp_path / "pipe", tmp_path / "out.tsv")  # would wait for ever
    assert result.status == 2
    assert "is a pipe or device, and inputs are read more than once; write a file first" in result.err


def test_a_link_is_followed_and_stays(table, tmp_path):
    (tmp_path / "far").mkdir()
    target, link = tmp_path / "far" / "targets.tsv", tmp_path / "targets.tsv"
    link.symlink_to(target)
    assert tissue(table, link).status == 0
    assert link.is_symlink()
    assert target.read_text().startswith("gene_id\t")
    assert not list((tmp_path / "far").glob(".*"))
    again = tissue(table, link)
    assert (again.status, "already holds this result" in again.out) == (0, True), again.err


def test_a_long_name_is_written_or_named(table, tmp_path):
    name = "n" * 242 + ".tsv"  # 246 bytes, 255 with .run.json
    assert tissue(table, tmp_path / name).status == 0
    assert {path.name for path in tmp_path.iterdir()} == {"tpm.tsv", name, f"{name}.run.json"}
    result = tissue(table, tmp_path / f"nn{name}")
    assert result.status == 2
    assert "2 bytes too long for NAME.run.json beside it; choose a shorter --out" in result.err
    result = tissue(table, tmp_path / ("ü" * 130))
    assert result.status == 2
    assert "too long" in result.err
    assert len(list(tmp_path.iterdir())) == 3


def test_the_same_command_over_a_finished_output(table, tmp_path):
    out = tmp_path / "t.tsv"
    assert tissue(table, out).status == 0
    before = out.stat().st_mtime_ns
    same, other = tissue(table, out), tissue(table, out, "--min-tpm", 3)
    assert (same.status, other.status) == (0, 2)
    assert "already holds this result" in same.out
    assert "other options (min_tpm 2.0, not 3.0); give --force to replace it" in other.err
    assert out.stat().st_mtime_ns == before
    assert tissue(table, out, "--min-tpm", 3, "--force").status == 0
