"""Every notebook runs from its first cell to its last in a fresh kernel."""

from __future__ import annotations

from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat", reason="nbformat is absent: pip install '.[test]'")
nbclient = pytest.importorskip("nbclient", reason="nbclient is absent: pip install '.[test]'")
pytest.importorskip("ipykernel", reason="ipykernel is absent: pip install '.[test]'")

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"


@pytest.mark.slow
@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.ipynb")), ids=lambda path: path.stem)
def test_notebook_runs(path, tmp_path):
    notebook = nbformat.read(path, as_version=4)
    assert all(
        cell.get("outputs") or cell.get("execution_count") for cell in notebook.cells if cell.cell_type == "code"
    )
    client = nbclient.NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
