"""What a page is made of, before it becomes HTML: numbers, figures, tables and the sections that hold them."""

from __future__ import annotations

import base64
from typing import Any, NamedTuple

import pandas as pd

LARGEST_SVG = 400_000  # bytes; a figure with more marks shows as PNG


class Number(NamedTuple):
    """A result that a section begins with.

    Attributes
    ----------
    label, value : str
    interval : str
        What the value could as well be.
    note : str
        What it is of.
    caveat : str
        What limits it; stands beside it.
    """

    label: str
    value: str
    interval: str = ""
    note: str = ""
    caveat: str = ""


class Chart(NamedTuple):
    """A figure that the page draws from data: `spec` as charts.js takes it, its caption, and what limits it."""

    spec: dict[str, Any]
    caption: str
    caveat: str = ""


class Picture(NamedTuple):
    """A figure as the run drew it.

    Attributes
    ----------
    name, caption : str
    png, svg : bytes
        Contents of the files; empty where there is none.
    """

    name: str
    caption: str
    png: bytes = b""
    svg: bytes = b""

    @property
    def is_vector(self) -> bool:
        """Whether the SVG is what is shown."""
        return bool(self.svg) and (len(self.svg) <= LARGEST_SVG or not self.png)

    @property
    def source(self) -> str:
        """What is shown, as data URI."""
        return self.svg_uri if self.is_vector else self.png_uri

    @property
    def png_uri(self) -> str:
        """The PNG as data URI."""
        return f"data:image/png;base64,{base64.b64encode(self.png).decode()}" if self.png else ""

    @property
    def svg_uri(self) -> str:
        """The SVG as data URI."""
        return f"data:image/svg+xml;base64,{base64.b64encode(self.svg).decode()}" if self.svg else ""


class Table(NamedTuple):
    """A table.

    Attributes
    ----------
    spec : dict
        As tables.js takes it: numbers rounded, the first rows of a long one.
    frame : pd.DataFrame
        All of it, in the same order of columns.
    text : str
        What to know of it.
    is_folded : bool
        Whether it is folded at first.
    """

    spec: dict[str, Any]
    frame: pd.DataFrame
    text: str = ""
    is_folded: bool = False


class Text(NamedTuple):
    """Lines as the run wrote them, folded at first."""

    title: str
    text: str


Part = Chart | Picture | Table | Text


class Section(NamedTuple):
    """A part of the page with a heading.

    Attributes
    ----------
    title : str
    kind : str
        What was run, in a word or two.
    lead : str
        What was asked and found, in a sentence or two.
    numbers : tuple of Number
    caveats : tuple of str
        What holds for the whole section.
    parts : tuple of Part
        Figures, tables and texts in the order of reading.
    sections : tuple of Section
        Such as one a contrast.
    closing : tuple of Part
        What comes after them.
    methods : tuple of str
        Paragraphs that a paper can use.
    record : tuple of (str, str)
        What was run: command, versions, inputs.
    """

    title: str
    kind: str = ""
    lead: str = ""
    numbers: tuple[Number, ...] = ()
    caveats: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()
    sections: tuple[Section, ...] = ()
    closing: tuple[Part, ...] = ()
    methods: tuple[str, ...] = ()
    record: tuple[tuple[str, str], ...] = ()
