"""Files of sites: kinds, formats and names, and their text in blocks."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Literal, Protocol, get_args

from decode.core.files import GZIP_MAGIC, check_input

Kind = Literal["TF", "RBP", "miRNA", "other"]
Format = Literal["auto", "bed", "gtrd", "postar", "targetscan"]
KINDS: tuple[str, ...] = get_args(Kind)
FORMATS: tuple[str, ...] = get_args(Format)
REGION_OF_KIND = {"TF": "promoter", "RBP": "rna", "miRNA": "rna"}

PEAK_SUFFIXES = (".narrowPeak", ".broadPeak")  # their column 4 names the peak, not the regulator
BED_SUFFIXES = (".bed", *PEAK_SUFFIXES)
FOLDER_SUFFIXES = {"gtrd": (".interval",), "postar": (".txt",)}  # all other formats: the BED suffixes
BLOCK_BYTES = 1 << 25  # text that is held at a time


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
    name = Path(path).name.removesuffix(".gz")
    return Path(name).stem if "." in name.lstrip(".") else name


def line_blocks(path: Path, name: str = "file") -> Iterator[bytes]:
    """Text of a plain or gzip file in blocks of whole lines; the last line always ends with a newline."""
    check_input(path, name)
    rest = b""
    try:
        with open(path, "rb") as raw:
            magic = raw.read(4)
            raw.seek(0)
            if magic == b"PK\x03\x04":
                raise ValueError(f"{name} {path} is a zip archive; unpack it and name the file in it")
            is_gzip = magic.startswith(GZIP_MAGIC)
            handle: IO[bytes] = gzip.GzipFile(fileobj=raw) if is_gzip else raw  # type: ignore[assignment, unused-ignore]
            size = BLOCK_BYTES if is_gzip else min(BLOCK_BYTES, path.stat().st_size)  # a large buffer costs time
            while piece := handle.read(size):
                cut = piece.rfind(b"\n") + 1
                if cut:
                    yield rest + piece[:cut] if rest or cut < len(piece) else piece
                    rest = piece[cut:]
                else:
                    rest += piece
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(
            f"{name} {path} is a truncated or damaged gzip file ({error}); fetch or compress it again"
        ) from error
    if rest:
        yield rest + b"\n"
