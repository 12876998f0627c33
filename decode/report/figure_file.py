"""Write a figure to a file, whole or not at all."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from decode.core.checks import check_choice
from decode.core.files import atomic_path

DPI = 150
FORMATS = (".png", ".pdf", ".svg")


def save_figure(figure: Figure, path: str | Path) -> None:
    """Write a figure as PNG (150 dpi), PDF or SVG by its suffix, atomically.

    Raises
    ------
    ValueError
        If the suffix is another.
    """
    path = Path(path)
    check_choice("figure suffix", path.suffix.lower(), FORMATS)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=DPI, format=path.suffix.lower()[1:], facecolor="white", bbox_inches="tight")
