"""Every notebook has the common form, holds its outputs, and runs from its first cell to its last in a fresh kernel."""

from __future__ import annotations

import copy
import importlib.util
import resource
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat", reason="nbformat is absent: pip install '.[test]'")
pytest.importorskip("nbclient", reason="nbclient is absent: pip install '.[test]'")
pytest.importorskip("ipykernel", reason="ipykernel is absent: pip install '.[test]'")

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "notebooks"
PATHS = sorted(FOLDER.glob("*.ipynb"))
MOST_CPU_S = 60

_spec = importlib.util.spec_from_file_location("renew", FOLDER / "renew.py")
renew = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(renew)


def test_there_are_six_in_order_and_the_readme_names_them():
    assert [path.name[:3] for path in PATHS] == ["01_", "02_", "03_", "04_", "05_", "06_"]
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for number, path in enumerate(PATHS, start=1):
        assert f"notebooks/{path.name}" in text
        assert nbformat.read(path, as_version=4).cells[0].source.startswith(f"# {number}. ")


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_what_is_committed_has_the_form_and_its_outputs(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert renew.problems(notebook) == []
    assert path.stat().st_size < renew.MOST_BYTES
    assert any("image/png" in output.get("data", {}) for cell in notebook.cells for output in cell.get("outputs", []))


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_its_links_lead_somewhere(path):
    text = "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "markdown")
    links = [part.partition(")")[0].partition("#")[0] for part in text.split("](")[1:]]
    assert links
    assert [link for link in links if not (FOLDER / link).exists()] == []


@pytest.mark.slow
@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_notebook_runs(path):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = renew.cleaned(renew.run(nbformat.read(path, as_version=4)))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert renew.problems(done) == []
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert 0 < cpu_s < MOST_CPU_S


def spoiled(change):
    notebook = copy.deepcopy(nbformat.read(PATHS[0], as_version=4))
    change(notebook, [cell for cell in notebook.cells if cell.cell_type == "code"])
    return renew.problems(notebook)


def _twice(notebook, cells):
    notebook.cells.insert(2, nbformat.from_dict(cells[0] | {"id": "another"}))


def _stream(cells, name, text):
    cells[1].outputs.append(nbformat.v4.new_output("stream", name=name, text=text))


def _error(_, cells):
    cells[1].outputs = [nbformat.v4.new_output("error", ename="KeyError", evalue="x", traceback=[])]


def _without_drawing(_, cells):
    for output in cells[3].outputs:
        output.data.pop("image/png")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda nb, cells: cells[2].update(execution_count=9), "were not run in order"),
        (lambda nb, cells: cells[2].update(outputs=[]), "shows nothing"),
        (_error, "ended with KeyError"),
        (lambda nb, cells: _stream(cells, "stderr", "a warning"), "writes to stderr: 'a warning'"),
        (lambda nb, cells: _stream(cells, "stdout", "in /tmp/abc/x and /home/me"), "shows the path /tmp/abc"),
        (_without_drawing, "has a figure that is not drawn"),
        (_twice, "has no sentence before and after it"),
        (lambda nb, cells: nb.cells[0].update(source="hello"), "does not begin with a title"),
        (lambda nb, cells: nb.cells[0].update(source="# 1. T\n**It takes** long"), "does not say **You will learn**"),
        (lambda nb, cells: nb.cells[-1].update(source="The end."), "no section 'Where to go next'"),
        (lambda nb, cells: _stream(cells, "stdout", "x" * 1_100_000), "is larger than 1,000,000 bytes"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told(change, expected):
    assert any(expected in sentence for sentence in spoiled(change))


@pytest.mark.slow
def test_outputs_are_written_only_where_all_is_well(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(renew, "FOLDER", tmp_path)
    good = nbformat.read(PATHS[0], as_version=4)
    code = [cell for cell in good.cells if cell.cell_type == "code"]
    for number, cell in enumerate(code):
        cell.source, cell.outputs = f"{number}", []
    nbformat.write(good, tmp_path / "01_good.ipynb")
    code[1].source = "import sys; print('loud', file=sys.stderr)"
    nbformat.write(good, tmp_path / "02_loud.ipynb")
    before = (tmp_path / "02_loud.ipynb").read_bytes()
    assert renew.main([]) == 1
    assert (tmp_path / "02_loud.ipynb").read_bytes() == before
    assert "02_loud.ipynb left as it is: cell 4 writes to stderr: 'loud" in capsys.readouterr().err
    renewed = nbformat.read(tmp_path / "01_good.ipynb", as_version=4)
    shown = [cell.outputs[0]["data"]["text/plain"] for cell in renewed.cells if cell.cell_type == "code"]
    assert shown == [str(number) for number in range(len(code))]
    assert renew.main(["03"]) == 1
