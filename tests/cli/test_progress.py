"""What a command shows while it runs, on a terminal and elsewhere."""

from __future__ import annotations

import pytest

from decode.cli.progress import epochs, state


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
