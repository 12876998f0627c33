"""Files of sites: kinds, formats and names."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Protocol, get_args

from decode.core.opening import plain_name

Kind = Literal["TF", "RBP", "miRNA", "other"]
Format = Literal["auto", "bed", "gtrd", "postar", "targetscan"]
KINDS: tuple[str, ...] = get_args(Kind)
FORMATS: tuple[str, ...] = get_args(Format)
REGION_OF_KIND = {"TF": "promoter", "RBP": "rna", "miRNA": "rna"}

PEAK_SUFFIXES = (".narrowPeak", ".broadPeak")  # their column 4 names the peak, not the regulator
BED_SUFFIXES = (".bed", *PEAK_SUFFIXES)
FOLDER_SUFFIXES = {"gtrd": (".interval",), "postar": (".txt",)}  # all other formats: the BED suffixes


class SiteOptions(Protocol):
    """What a reader asks of a `SiteSource`, where the options are described."""

    @property
    def kind(self) -> Kind:
        """TF, RBP, miRNA or other."""

    @property
    def path(self) -> Path:
        """A file, or a folder of files."""

    @property
    def biosample_column(self) -> int | None:
        """Counted from 1."""

    @property
    def min_score(self) -> float | None:
        """Rows below are left out."""

    @property
    def score_column(self) -> int | None:
        """Counted from 1."""

    @property
    def format(self) -> Format:
        """ "auto" goes by the content."""


def regulator_name(path: str | Path) -> str:
    """Name of the regulator that a file stands for: its stem, whatever the compression.

    Examples
    --------
    >>> regulator_name("chip/CTCF.bed"), regulator_name("NKX2-5.v2.narrowPeak.gz")
    ('CTCF', 'NKX2-5.v2')
    """
    name = plain_name(path)
    return Path(name).stem if "." in name.lstrip(".") else name
