from __future__ import annotations

import nbformat
import pytest
from nbclient import NotebookClient

from decode.core.watched import in_notebook, watched

SETUP = """
import time
from decode.core.watched import in_notebook, watched
assert in_notebook()
print("before")
"""
WHOLE = """
found = []
for item in watched(iter([1, 2, 3]), "<members>", 3):
    time.sleep(0.12)
    found.append(item)
assert found == [1, 2, 3]
"""
BROKEN = """
def items():
    yield 1
    raise KeyError("second")
try:
    list(watched(items(), "members", 2))
except KeyError:
    print("told")
"""


class Recorder(NotebookClient):
    """Keeps every drawing, as a browser would show one after the other."""

    def process_message(self, msg, cell, cell_index):
        if msg["msg_type"] in ("display_data", "update_display_data"):
            self.drawn.append(msg["content"]["data"])
        return super().process_message(msg, cell, cell_index)


def run(code: str):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(part) for part in (SETUP, code)])
    client = Recorder(notebook, timeout=120, kernel_name="python3")
    client.drawn = []
    client.execute()
    return client.drawn, notebook.cells[1].outputs


def test_nothing_outside_of_a_notebook(capsys):
    assert not in_notebook()
    assert list(watched(iter("ab"), "members", 2)) == ["a", "b"]
    assert capsys.readouterr() == ("", "")


@pytest.mark.slow
def test_a_bar_in_a_notebook_that_leaves_no_trace():
    drawn, outputs = run(WHOLE)
    texts = [data["text/plain"] for data in drawn]
    assert texts[0] == "<members>: 0 of 3"
    assert any("of 3, about" in text for text in texts)
    assert texts[-1] == ""
    assert '<progress value="0" max="3"></progress> &lt;members&gt;' in drawn[0]["text/html"]
    [left] = outputs
    assert left["data"] == {"text/plain": "", "text/html": ""}


@pytest.mark.slow
def test_an_error_takes_the_bar_along():
    drawn, outputs = run(BROKEN)
    assert drawn[-1]["text/plain"] == ""
    assert [output["text"] for output in outputs if output["output_type"] == "stream"] == ["told\n"]
