"""Run notebooks from first cell to last and write their outputs into them: python notebooks/renew.py [NAME ...].

Outputs are written only where a notebook keeps its form (`problems`), so that what is committed is what a reader gets.
"""

from __future__ import annotations

import copy
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbclient
import nbformat

FOLDER = Path(__file__).resolve().parent
MOST_BYTES = 1_000_000
LAST = ("What this does not show", "Where to go next")
FIRST = ("**You will learn**", "**It takes**")
# folders of a machine, which say nothing to a reader; /usr and the like are common words of manuals
PATH = re.compile(r"(?<![\w.:/])(?:/(?:tmp|home|root|work|Users|opt|private|var/folders)/|[A-Z]:\\Users)[\w.-]*")
UNDRAWN = re.compile(r"<\w*Figure size")  # all that is left of a figure where nobody drew it
LANGUAGE = {"name": "python", "file_extension": ".py", "mimetype": "text/x-python", "pygments_lexer": "ipython3"}
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def run(notebook: Any, *, timeout: int = 300) -> Any:
    """A copy of a notebook with the outputs of a fresh kernel, in an empty folder; the first error is raised."""
    done = copy.deepcopy(notebook)
    for cell in done.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    with tempfile.TemporaryDirectory() as folder:
        nbclient.NotebookClient(
            done, timeout=timeout, kernel_name="python3", resources={"metadata": {"path": folder}}
        ).execute()
    return done


def cleaned(notebook: Any) -> Any:
    """Without what differs from run to run: times, versions, names of cells."""
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNEL, "language_info": LANGUAGE})
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for number, cell in enumerate(notebook.cells):
        cell.id, cell.metadata = f"cell-{number:02d}", nbformat.from_dict({})
        if cell.cell_type == "code":  # a bar that has gone leaves an empty place
            cell.outputs = [output for output in cell.outputs if output.output_type != "display_data" or _shows(output)]
    return notebook


def _shows(output: Any) -> bool:
    return any(value != "" for value in output.data.values())


def text_of(output: Any) -> str:
    """What an output shows as text: streams, tables, pictures left out."""
    parts = [output.get("text", ""), *(value for kind, value in output.get("data", {}).items() if "image" not in kind)]
    return "\n".join("".join(part) if isinstance(part, list) else str(part) for part in parts)


def problems(notebook: Any) -> list[str]:
    """What keeps a notebook from the common form, one sentence each; none where all is well."""
    found = []
    cells = notebook.cells
    first, text = "".join(cells[0].source), "\n".join(c.source for c in cells if c.cell_type == "markdown")
    found += ["it does not begin with a title"] * (not first.startswith("# "))
    found += [f"the first cell does not say {wanted}" for wanted in FIRST if wanted not in first]
    found += [f"it has no section {wanted!r}" for wanted in LAST if f"## {wanted}" not in text]
    found += ["it names no page of docs/ to go on with"] * ("../docs/" not in text.rpartition("## ")[2])
    counts = []
    for number, cell in enumerate(cells):
        if cell.cell_type != "code":
            continue
        counts.append(cell.execution_count)
        beside = [cells[place].cell_type for place in (number - 1, number + 1) if 0 <= place < len(cells)]
        if beside != ["markdown", "markdown"]:
            found.append(f"cell {number} has no sentence before and after it")
        if not cell.outputs:
            found.append(f"cell {number} shows nothing")
        for output in cell.outputs:
            if output.output_type == "error":
                found.append(f"cell {number} ended with {output.ename}")
            if output.get("name") == "stderr":
                found.append(f"cell {number} writes to stderr: {text_of(output)[:80]!r}")
            if UNDRAWN.search(text_of(output)) and "image/png" not in output.get("data", {}):
                found.append(f"cell {number} has a figure that is not drawn")
            found += [f"cell {number} shows the path {path}" for path in PATH.findall(text_of(output))]
    if counts != list(range(1, len(counts) + 1)):
        found.append(f"its cells were not run in order: {counts}")
    if len(nbformat.writes(notebook)) > MOST_BYTES:
        found.append(f"it is larger than {MOST_BYTES:,} bytes")
    return found


def main(names: list[str]) -> int:
    """Renew the notebooks whose names begin so, or all; 1 where one has problems and was left as it is."""
    chosen = [path for path in sorted(FOLDER.glob("*.ipynb")) if not names or path.stem.startswith(tuple(names))]
    n_left = 0
    for path in chosen:
        done = cleaned(run(nbformat.read(path, as_version=4)))
        lost = problems(done)
        if lost:
            n_left += 1
            print(f"{path.name} left as it is: " + "; ".join(lost), file=sys.stderr)
        else:
            nbformat.write(done, path)
            print(f"{path.name}: {path.stat().st_size:,} bytes")
    return int(n_left > 0 or not chosen)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
