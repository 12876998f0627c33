"""Colours and markers that all figures share, and the figure that they are drawn on."""

from __future__ import annotations

from io import BytesIO
from typing import Literal

from matplotlib.figure import Figure

# Okabe and Ito 2008: distinguishable with every common form of colour blindness
BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY, BLACK = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#CC79A7",
    "#56B4E9",
    "#000000",
)
GREY, LIGHT_GREY = "#6E6E6E", "#D9D9D9"
SERIES = ((ORANGE, "s"), (GREEN, "^"), (VERMILION, "D"), (PURPLE, "v"), (SKY, "P"), (BLACK, "X"))
NOTEBOOK_DPI = 100


class NotebookFigure(Figure):
    """A figure that a notebook draws where it is the last line of a cell, without pyplot or a magic command."""

    def _repr_png_(self) -> bytes:
        drawn = BytesIO()
        self.savefig(drawn, format="png", dpi=NOTEBOOK_DPI, facecolor="white", bbox_inches="tight")
        return drawn.getvalue()


def new_figure(figsize: tuple[float, float], layout: Literal["constrained", "tight"] | None = None) -> Figure:
    """An empty figure: not known to pyplot, drawn by notebooks, left to whoever holds it.

    Parameters
    ----------
    figsize : tuple of float
        Width and height, inches.
    layout : {"constrained", "tight"}, optional
        As in `matplotlib.figure.Figure`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    return NotebookFigure(figsize=figsize, layout=layout)
