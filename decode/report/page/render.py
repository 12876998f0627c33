"""From sections to a page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from decode.report.page.base import assemble_page
from decode.report.page.content import Chart, Part, Section, Table


class _Placed(NamedTuple):
    """A part with the name of its place on the page."""

    what: str
    key: str
    part: Part


class _Sheet(NamedTuple):
    """A section as the template takes it."""

    anchor: str
    section: Section
    parts: list[_Placed]
    inner: list[_Sheet]
    closing: list[_Placed]


def render_page(
    title: str, sections: Sequence[Section], *, lines: Sequence[str] = (), references: Sequence[str] = ()
) -> str:
    """A self-contained page of sections.

    Parameters
    ----------
    title : str
    sections : sequence of Section
    lines : sequence of str, optional
        Lines below the title.
    references : sequence of str, optional
        Works that the methods cite.

    Returns
    -------
    str
        HTML.
    """
    data: dict[str, Any] = {"tables": {}, "charts": {}}
    sheets = [_sheet(section, f"s{number}", data) for number, section in enumerate(sections, 1)]
    return assemble_page(
        "report.html.j2",
        title=title,
        data=data,
        scripts=["report.js"],
        lines=list(lines),
        sheets=sheets,
        references=list(references),
    )


def _sheet(section: Section, anchor: str, data: dict[str, Any]) -> _Sheet:
    parts = _placed(section.parts, anchor, data)
    inner = [_sheet(one, f"{anchor}-{number}s", data) for number, one in enumerate(section.sections, 1)]
    return _Sheet(anchor, section, parts, inner, _placed(section.closing, f"{anchor}-c", data))


def _placed(parts: Sequence[Part], anchor: str, data: dict[str, Any]) -> list[_Placed]:
    """Parts with the names of their places; what scripts draw goes into `data`."""
    placed = []
    for number, part in enumerate(parts, 1):
        key = f"{anchor}-{number}"
        if isinstance(part, Chart):
            data["charts"][key] = part.spec
        elif isinstance(part, Table):
            data["tables"][key] = part.spec
        placed.append(_Placed(type(part).__name__.lower(), key, part))
    return placed
