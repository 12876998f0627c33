from __future__ import annotations

import nbformat
import pytest
from nbclient import NotebookClient

from decode.core.watched import in_notebook, watched

CODE = """
from decode.core.watched import in_notebook, watched
assert in_notebook()
assert list(watched(iter([1, 2, 3]), "members", 3)) == [1, 2, 3]
"""


def test_nothing_outside_of_a_notebook(capsys):
    assert not in_notebook()
    assert list(watched(iter("ab"), "members", 2)) == ["a", "b"]
    assert capsys.readouterr() == ("", "")


@pytest.mark.slow
def test_a_bar_in_a_notebook():
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CODE)])
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    assert "members: 100%" in str(notebook.cells[0].outputs)
