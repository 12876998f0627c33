"""What a command shows while it runs, on a terminal and elsewhere."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from decode.cli.progress import Sentence, epochs, set_up_logging, state
from decode.core.outputs import temporary_name


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr(state, "quiet", False)


def tell() -> None:
    with epochs(2) as on_epoch:
        on_epoch(0, 2, 0.25)
        on_epoch(1, 0, 0.5)


def test_every_member_has_a_line_on_a_terminal(terminal, capsys):
    tell()
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "member 1 of 2: epoch 3, validation loss 0.2500" in shown.err
    assert "member 2 of 2: epoch 1, validation loss 0.5000" in shown.err


def test_nothing_elsewhere_or_where_quiet_is_wanted(terminal, capsys, monkeypatch):
    monkeypatch.setattr(state, "quiet", True)
    tell()
    assert capsys.readouterr().err.strip() == ""
    monkeypatch.setattr(state, "quiet", False)
    monkeypatch.delenv("FORCE_COLOR")
    tell()
    assert capsys.readouterr().err.strip() == ""


def test_lines_name_outputs_as_they_will_be():
    hidden = temporary_name(Path("results/my de.tsv.gz"), "part")
    line = Sentence().format(
        logging.makeLogRecord({"msg": f"DE table {hidden}/a.tsv: 3 genes", "levelno": logging.INFO})
    )
    assert line.endswith("DE table results/my de.tsv.gz/a.tsv: 3 genes")


def test_a_line_is_said_once(capsys):
    set_up_logging(quiet=False, debug=False)
    logger = logging.getLogger("decode.x")
    for text in ("3 genes", "3 genes", "4 genes"):
        logger.info(text)
        logger.warning(text)
    assert [line.split(" ", 1)[1] for line in capsys.readouterr().err.splitlines()] == [
        "3 genes", "warning: 3 genes", "4 genes", "warning: 4 genes",
    ]  # fmt: skip
