"""Where sites come from: a folder with one file a regulator, or one file of many."""

from __future__ import annotations

import gzip
import logging
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal, get_args

import numpy as np

from decode.core.checks import check_choice, listed
from decode.core.files import GZIP_MAGIC, check_input

logger = logging.getLogger(__name__)

Kind = Literal["TF", "RBP", "miRNA", "other"]
Format = Literal["auto", "bed", "gtrd", "postar", "targetscan"]
KINDS: tuple[str, ...] = get_args(Kind)
FORMATS: tuple[str, ...] = get_args(Format)
REGION_OF_KIND = {"TF": "promoter", "RBP": "rna", "miRNA": "rna"}

PEAK_SUFFIXES = (".narrowPeak", ".broadPeak")  # their column 4 names the peak, not the regulator
BED_SUFFIXES = (".bed", *PEAK_SUFFIXES)
FOLDER_SUFFIXES = {"gtrd": (".interval",), "postar": (".txt",)}  # all other formats: the BED suffixes
BLOCK_BYTES = 1 << 25  # text that is held at a time


@dataclass(frozen=True)
class SiteSource:
    """Where the sites of one kind of regulator come from.

    Parameters
    ----------
    kind : {"TF", "RBP", "miRNA", "other"}
    path : str or Path
        A folder with one file a regulator (the name is the file stem without any suffix), or one file. One BED file
        names the regulator in column 4; a BED3, narrowPeak or broadPeak file, or a BED file with nothing but '.' in
        column 4, is one regulator, named like the file.
    region : str, optional
        Named region in which the sites are counted; default "promoter" for TF, "rna" for RBP and miRNA.
    biosample_column : int, optional
        Column of the cell type or tissue, counted from 1. Blank or '.' means not stated. Default: none is stated.
    min_score : float, optional
        Sites with a lower score are left out and counted.
    score_column : int, optional
        Column of the score, counted from 1. Default: 5 (BED), 11 (POSTAR), none (GTRD).
    format : {"auto", "bed", "gtrd", "postar", "targetscan"}
        "auto" goes by the content: the header of a GTRD meta-cluster file, the 11 columns of a POSTAR table, the
        `GENE:family` names of TargetScan (for miRNA), else BED with 3 or more columns.

    Raises
    ------
    ValueError
        If an option is none of these.

    Examples
    --------
    >>> SiteSource("TF", "chip.bed.gz", biosample_column=7).region
    'promoter'
    """

    kind: Kind
    path: Path
    region: str = ""
    biosample_column: int | None = None
    min_score: float | None = None
    score_column: int | None = None
    format: Format = "auto"

    def __post_init__(self) -> None:
        check_choice("kind", self.kind, KINDS)
        check_choice("format", self.format, FORMATS)
        for name in ("biosample_column", "score_column"):
            column = getattr(self, name)
            if column is not None and (not isinstance(column, int) or isinstance(column, bool) or column < 4):
                raise ValueError(f"{name} is {column!r}; give a column after the third, counted from 1")
        if self.min_score is not None and not np.isfinite(self.min_score):
            raise ValueError(f"min_score is {self.min_score!r}; a number is wanted")
        object.__setattr__(self, "path", Path(self.path))
        object.__setattr__(self, "region", self.region or REGION_OF_KIND.get(self.kind, ""))


def regulator_name(path: str | Path) -> str:
    """Name of the regulator that a file stands for: its stem, whatever the compression.

    Examples
    --------
    >>> regulator_name("chip/CTCF.bed"), regulator_name("NKX2-5.v2.narrowPeak.gz")
    ('CTCF', 'NKX2-5.v2')
    """
    name = Path(path).name.removesuffix(".gz")
    return Path(name).stem if "." in name.lstrip(".") else name


def source_files(source: SiteSource) -> list[Path]:
    """Files of a source, in order of their names.

    Parameters
    ----------
    source : SiteSource
        In a folder, files that end in .bed, .narrowPeak or .broadPeak count (.interval for the format "gtrd", .txt for
        "postar"), plain or .gz. All others are ignored, counted and logged.

    Returns
    -------
    list of Path

    Raises
    ------
    FileNotFoundError
        If the path does not exist.
    ValueError
        If a file is empty, a folder has no file of sites, or two files of it stand for one regulator.
    """
    path = source.path
    if not path.is_dir():
        return [check_input(path, f"{source.kind} sites")]
    suffixes = FOLDER_SUFFIXES.get(source.format, BED_SUFFIXES)
    entries = sorted(entry for entry in path.iterdir() if not entry.name.startswith("."))
    files = [entry for entry in entries if entry.is_file() and entry.name.removesuffix(".gz").endswith(suffixes)]
    taken = set(files)
    ignored = [entry.name for entry in entries if entry not in taken]
    if not files:
        raise ValueError(
            f"folder {path} has no file of {source.kind} sites: wanted {', '.join(suffixes)} (or .gz), "
            f"found {listed(ignored) or 'nothing'}; name another folder or one file"
        )
    if ignored:
        message = "folder %s: %d files of sites; %d others ignored: %s"
        logger.warning(message, path, len(files), len(ignored), listed(ignored))
    by_name: dict[str, list[str]] = {}
    for file in files:
        by_name.setdefault(regulator_name(file), []).append(file.name)
    repeated = [" and ".join(names) for names in by_name.values() if len(names) > 1]
    if repeated:
        raise ValueError(
            f"folder {path} has several files of one regulator: {listed(repeated)}; keep one of each, or join them"
        )
    return files


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
