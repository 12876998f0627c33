"""What a page shows as files of a folder: every figure as PNG and SVG, every table whole, a list of them all."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from matplotlib.figure import Figure

from decode.core.naming import file_names
from decode.core.outputs import OutputSet
from decode.report.files import BOTH, save_figure, write_run
from decode.report.page.content import Chart, Part, Picture, Section, Table
from decode.report.page.drawn import draw_chart

KIND = "report files"
CONTENTS = "contents.tsv"


class PageFiles(NamedTuple):
    """Files by name, as `write_run` takes them.

    Attributes
    ----------
    tables : dict of file name to pd.DataFrame
        contents.tsv lists the others.
    figures : dict of file name to function of a path
        Draws the figure and writes it there.
    """

    tables: dict[str, pd.DataFrame]
    figures: dict[str, Callable[[Path], object]]


def page_files(sections: Iterable[Section]) -> PageFiles:
    """All figures and tables of sections.

    Parameters
    ----------
    sections : iterable of Section

    Returns
    -------
    PageFiles
        Names are those that a reader saves from the page, made fit for any file system. Tables have all their rows,
        and numbers as the run wrote them.
    """
    tables: dict[str, pd.DataFrame] = {}
    figures: dict[str, Callable[[Path], object]] = {}
    rows: list[dict[str, str]] = []
    taken: dict[str, set[str]] = {"table": {CONTENTS.removesuffix(".tsv")}, "figure": set()}
    for title, part in parts_of(sections):
        if isinstance(part, Table):
            name, about = f"{_free(str(part.spec['name']), taken['table'])}.tsv", part.spec["caption"]
            tables[name] = part.frame
            rows.append({"file": name, "section": title, "what": "table", "caption": about})
        elif isinstance(part, Chart | Picture):
            stem = _free(str(part.spec["name"] if isinstance(part, Chart) else part.name), taken["figure"])
            made = _drawn(part)
            figures |= {f"{stem}{suffix}": write for suffix, write in made.items()}
            about = f"{part.caption} {part.caveat}".rstrip() if isinstance(part, Chart) else part.caption
            rows += [
                {"file": f"{stem}{suffix}", "section": title, "what": "figure", "caption": about} for suffix in made
            ]
    listed = pd.DataFrame(rows, columns=["file", "section", "what", "caption"])
    return PageFiles({CONTENTS: listed} | tables, figures)


def write_page_files(
    sections: Iterable[Section],
    folder: Path,
    *,
    record: Mapping[str, Any],
    force: bool,
    outputs: OutputSet,
    on_figure: Callable[[int, int], None] | None = None,
) -> list[Path]:
    """Write the files of a page into a folder, put in place with the other outputs of the run.

    Parameters
    ----------
    sections : iterable of Section
    folder : Path
    record, force, outputs
        As `decode.report.files.write_run`.
    on_figure : callable, optional
        Told how many files of figures are written, and of how many.
    """
    files = page_files(sections)
    n_done = 0

    def told(write: Callable[[Path], object], path: Path) -> None:
        nonlocal n_done
        write(path)
        n_done += 1
        if on_figure is not None:
            on_figure(n_done, len(files.figures))

    texts = {name: partial(told, write) for name, write in files.figures.items()}
    return write_run(folder, KIND, tables=files.tables, texts=texts, record=record, force=force, outputs=outputs)


def parts_of(sections: Iterable[Section], above: str = "") -> Iterator[tuple[str, Part]]:
    """All parts in the order of the page, each with the titles of the sections that it stands in."""
    for section in sections:
        title = f"{above}, {section.title}" if above else section.title
        yield from ((title, part) for part in section.parts)
        yield from parts_of(section.sections, title)
        yield from ((title, part) for part in section.closing)


def _drawn(part: Chart | Picture) -> dict[str, Callable[[Path], object]]:
    """What writes a figure, by suffix."""
    if isinstance(part, Chart):
        return dict.fromkeys(BOTH, _Drawing(part.spec))
    kept = {".png": part.png, ".svg": part.svg}
    return {suffix: partial(_copy, content) for suffix, content in kept.items() if content}


class _Drawing:
    """Draws a figure once for its two files, and lets it go after the second."""

    def __init__(self, spec: Mapping[str, Any]) -> None:
        self.spec = spec
        self.kept: Figure | None = None

    def __call__(self, path: Path) -> None:
        figure = self.kept or draw_chart(self.spec)
        self.kept = figure if self.kept is None else None
        save_figure(figure, path)


def _copy(content: bytes, path: Path) -> None:
    path.write_bytes(content)


def _free(name: str, taken: set[str]) -> str:
    """A name that no other file has, and that neither hides it nor looks like an option."""
    (found,) = file_names([re.sub(r"^[.-]+", "_", name)], taken)
    taken.add(found)
    return found
