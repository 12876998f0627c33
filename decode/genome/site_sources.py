"""Where sites come from: a folder with one file a regulator, or one file of many."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from decode.core.checks import check_choice, listed
from decode.core.files import check_input
from decode.core.opening import plain_name
from decode.genome.site_files import (
    BED_SUFFIXES,
    FOLDER_SUFFIXES,
    FORMATS,
    KINDS,
    REGION_OF_KIND,
    Format,
    Kind,
    regulator_name,
)
from decode.genome.site_readers import read_block
from decode.genome.sources import BASES, Counted, Counter, ValueKind, hashed

logger = logging.getLogger(__name__)


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

    value_kind: ClassVar[ValueKind] = BASES

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

    def jobs(self) -> list[Path]:
        """Its files, see `source_files`."""
        return source_files(self)

    def count(self, path: Path, counter: Counter[Counted]) -> Counted:
        """Read the sites of one file and have them counted."""
        return counter.sites(read_block(self, path, counter.assembly, stranded=counter.is_stranded))

    def files(self, path: Path) -> list[dict[str, str]]:
        """Name and hash of one file."""
        return hashed(path)

    def options(self) -> dict[str, Any]:
        """What else the record of the source says."""
        return {"biosample_column": self.biosample_column, "min_score": self.min_score}


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
    files = [entry for entry in entries if entry.is_file() and plain_name(entry).endswith(suffixes)]
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
