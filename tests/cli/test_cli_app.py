"""What holds for every command: help, versions, exit status, and how errors look."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from pathlib import Path

import pytest

import decode
from decode.cli import app as app_module
from decode.cli.app import LONGEST, sentence
from decode.cli.inputs import load_tensorflow
from decode.cli.options import comma_list, pairs

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = [
    ["demo"], ["features"], ["features", "build"], ["features", "info"], ["features", "export"], ["sites"],
    ["sites", "liftover"], ["expression"], ["expression", "tissue"], ["expression", "table"], ["train"], ["evaluate"],
    ["predict"], ["cv"], ["tune"],
]  # fmt: skip
OPTIONS = {
    "demo": ["--out", "--seed"],
    "features build": [
        "--annotation", "--build", "--promoter-sites", "--rna-sites", "--biosample-column", "--tracks", "--level",
        "--bin-size", "--upstream", "--downstream", "--out",
    ],
    "features export": ["--genes", "--out"],
    "sites liftover": ["--chain", "--out"],
    "expression tissue": ["--out"],
    "expression table": ["--already-log2", "--no-centre", "--out"],
    "train": [
        "--out", "--config", "--architecture", "--members", "--keep", "--biosamples", "--test-chromosome", "--seed",
    ],
    "evaluate": ["--out"],
    "predict": ["--out", "--spread"],
    "cv": ["--out", "--folds", "--keep-test", "--members", "--architecture", "--group-file", "--executor"],
    "tune": ["--out", "--architecture", "--algorithm", "--objective", "--trials", "--space", "--worker-timeout"],
}  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_explains_itself(run, command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    result = run(*command, "--help")
    assert result.status == 0
    assert "Usage: decode" in result.out
    for option in OPTIONS.get(" ".join(command), []):
        assert option in result.out
    assert not result.err


def test_version(run):
    assert run("--version").out.strip() == f"decode {decode.__version__}"


@pytest.mark.parametrize(
    "arguments",
    [
        ["no-such-command"],
        ["train"],
        ["train", "a.h5", "b.tsv", "--out", "m", "--architecture", "transformer"],
        ["train", "a.h5", "b.tsv", "--out", "m", "--members", "many"],
        ["features", "build", "--annotation", "a.gtf"],
        ["predict", "model", "features.h5", "--out", "p.tsv", "--colour", "red"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_status_2(run, arguments):
    result = run(*arguments)
    assert result.status == 2
    assert result.err.strip()
    assert "Traceback" not in result.err


def test_an_interruption_is_status_130(run, monkeypatch):
    def interrupt(*_args: object, **_options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(app_module, "app", interrupt)
    result = run("demo")
    assert result.status == 130
    assert "interrupted" in result.err


def test_debug_shows_the_traceback(run, tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist"):
        run("--debug", "features", "info", tmp_path / "absent.h5")
    assert run("features", "info", tmp_path / "absent.h5").status == 2  # and the next call is quiet again


def test_a_fault_of_the_program_is_not_dressed_up(run, monkeypatch):
    def fail(*_args: object, **_options: object) -> None:
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr(app_module, "app", fail)
    with pytest.raises(ZeroDivisionError):
        run("demo")


def test_sentences():
    assert sentence(ValueError("two\n  lines")) == "two lines"
    assert sentence(KeyError("gene G1 is not there")) == "gene G1 is not there"  # no quotes around it
    assert sentence(ValueError()) == "ValueError"
    long = sentence(ValueError("word " * 200))
    assert len(long) <= LONGEST
    assert long.endswith("... (see --debug)")


def test_option_parsers():
    assert pairs("--rna-sites", None) == []
    assert pairs("--rna-sites", ["RBP=a=b.bed"]) == [("RBP", "a=b.bed")]
    for value in ("RBP", "=a", "RBP="):
        with pytest.raises(ValueError, match=r"--rna-sites is .*; write KIND=VALUE"):
            pairs("--rna-sites", [value])
    assert comma_list(None) is None
    assert comma_list(" a, b,,") == ["a", "b"]


def test_an_unknown_verb():
    with pytest.raises(AttributeError, match="module 'decode' has no attribute 'fly'"):
        _ = decode.fly


def quickest(code: list[str], n_tries: int = 3) -> float:
    """CPU seconds of the quickest of a few processes: other work on the machine plays no part."""
    import resource

    seconds = []
    for _ in range(n_tries):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *code], check=True, capture_output=True, cwd=ROOT)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        time.sleep(0.1)
    return min(seconds)


def test_start_is_quick():
    assert quickest(["-c", "import decode"]) < 0.5
    assert quickest(["-c", "from decode.cli import main; main(['--help'])"]) < 1.0


def test_help_loads_nothing_heavy():
    heavy = ["tensorflow", "keras", "pandas", "polars", "pyranges", "h5py", "numba", "sklearn", "matplotlib", "scipy"]
    code = (
        "import sys\nfrom decode.cli import main\n"
        "try:\n    main(['train', '--help'])\nexcept SystemExit:\n    pass\n"
        f"print(sorted(set({heavy}) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip().splitlines()[-1] == "[]"


def test_the_console_script(tmp_path):
    script = Path(sys.executable).with_name("decode")
    done = subprocess.run([script, "--version"], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.startswith("decode ")
    done = subprocess.run(
        [script, "features", "info", "absent.h5"], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 2
    assert done.stderr.splitlines() == ["decode: error: features file absent.h5 does not exist; check the path"]


def test_tensorflow_is_loaded_in_silence(capfd):
    load_tensorflow()
    logging.getLogger("tensorflow").warning("5 out of the last 9 calls triggered retracing")
    assert capfd.readouterr().err == ""
