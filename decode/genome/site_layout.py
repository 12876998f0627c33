"""Formats of site files: which column holds what."""

from __future__ import annotations

import logging
import re
from itertools import islice
from pathlib import Path
from typing import Literal, NamedTuple

from decode.core.checks import listed
from decode.core.opening import plain_name
from decode.genome import site_text
from decode.genome.site_files import PEAK_SUFFIXES, SiteOptions, regulator_name
from decode.genome.site_names import NAME_RULES
from decode.genome.site_text import BIOSAMPLE, CHROM, END, NAME, SCORE, START, STRAND

logger = logging.getLogger(__name__)

StrandUse = Literal["ignored", "wanted", "where given"]

POSTAR_COLUMNS = 11  # chrom, start, end, id, 0, strand, RBP, method, cell, accession, score
POSTAR3_COLUMNS = 10  # chrom, start, end, id, strand, RBP, method, cell, accession, score
STRANDS = (b"+", b"-", b".")
SEEN_ROWS = 1000  # of a file, to tell a column of cells
_NUMBERS = re.compile(rb"^[-+\d.,eE]*$")  # signal values, block sizes, colours


class Layout(NamedTuple):
    """How the rows of one file are read.

    format : str
        "bed", "gtrd", "postar", "postar3", "targetscan", or one whose names hold the cell (`site_names.NAME_RULES`).
    columns : dict of int to int
        Role (CHROM, START, ...) -> column, from 0.
    is_tab : bool
        Fields are separated by tabs, not by runs of blanks.
    regulator : str or None
        The file's only regulator; None where a column names it.
    """

    format: str
    columns: dict[int, int]
    is_tab: bool
    regulator: str | None


def _header_columns(source: SiteOptions, path: Path, header: bytes) -> dict[int, int]:
    """Columns of a GTRD meta-cluster file: #CHROM START END summit uniprotId tfTitle cell.set ..."""
    names = header.decode("utf-8", "replace").strip().lstrip("#").lower().split("\t")
    wanted = {CHROM: "chrom", START: "start", END: "end", NAME: "tftitle"}
    missing = [name for name in wanted.values() if name not in names]
    if missing:
        raise ValueError(
            f"{source.kind} sites {path} lack the column(s) {listed(missing)} in the header; a GTRD meta-cluster file "
            "starts with #CHROM, START, END, summit, uniprotId, tfTitle"
        )
    return {role: names.index(name) for role, name in wanted.items()}


def _sniff(source: SiteOptions, fields: list[bytes], text: bytes) -> str:
    """Format of a file by its header or first row."""
    if source.format != "auto":
        return source.format
    header = text[: text.find(b"\n")].lower()
    if header.lstrip(b"#").startswith(b"chrom\t") and b"tftitle" in header:
        return "gtrd"
    if source.path.is_dir():
        return "bed"
    has_strand = len(fields) > 5 and fields[5] in STRANDS
    if len(fields) == POSTAR_COLUMNS and has_strand and not fields[7].replace(b".", b"").isdigit():
        return "postar"
    is_number = len(fields) > 5 and fields[5].replace(b".", b"").isdigit()
    if len(fields) == POSTAR3_COLUMNS and fields[4] in STRANDS and not has_strand and not is_number:
        return "postar3"
    return "targetscan" if source.kind == "miRNA" and len(fields) > 3 and b":" in fields[3] else "bed"


def find_layout(source: SiteOptions, path: Path, text: bytes, strand: StrandUse, *, has_score: bool) -> Layout:
    """Columns of a file, from its header or first row and the options of the source.

    Parameters
    ----------
    source : SiteOptions
        A `SiteSource`.
    path : Path
    text : bytes
        First block of the file that has a row.
    strand : {"ignored", "wanted", "where given"}
    has_score : bool
        Whether scores are read.

    Returns
    -------
    Layout

    Raises
    ------
    ValueError
        If the format has no strand or score where one is wanted, or a header lacks columns.
    """
    _, line = next(site_text.data_lines(text))
    is_tab = b"\t" in line
    fields = line.split(b"\t") if is_tab else line.split()
    kind_of_file = _sniff(source, fields, text)
    columns = {CHROM: 0, START: 1, END: 2}
    regulator = None
    strand_column: int | None = 5
    score_column: int | None = 4
    if kind_of_file == "gtrd":
        columns = _header_columns(source, path, text[: text.find(b"\n")])
        strand_column = score_column = None
    elif kind_of_file == "postar":
        columns[NAME], score_column = 6, 10
    elif kind_of_file == "postar3":
        columns[NAME], strand_column, score_column = 5, 4, 9
        columns[BIOSAMPLE] = 7
    elif kind_of_file == "targetscan" or kind_of_file in NAME_RULES:
        columns[NAME] = 3
    elif source.path.is_dir() or plain_name(path).endswith(PEAK_SUFFIXES) or len(fields) < 4:
        regulator = regulator_name(path)
    else:
        columns[NAME] = 3
    if strand == "wanted" and strand_column is None:
        raise ValueError(
            f"{source.kind} sites {path} are of a format without strand ({kind_of_file}), and strand is needed here; "
            "count them in promoters, or give a BED6 file"
        )
    if strand != "ignored" and strand_column is not None and (strand == "wanted" or len(fields) > strand_column):
        columns[STRAND] = strand_column
    if source.biosample_column is not None:
        columns[BIOSAMPLE] = source.biosample_column - 1
    elif kind_of_file == "bed" and regulator is None:
        _hint_of_biosamples(source, path, text, is_tab=is_tab)
    if has_score:
        column = source.score_column - 1 if source.score_column is not None else score_column
        if column is None:
            raise ValueError(f"{source.kind} sites {path}: a min_score for {kind_of_file} needs score_column")
        columns[SCORE] = column
    return Layout(kind_of_file, columns, is_tab, regulator)


def _hint_of_biosamples(source: SiteOptions, path: Path, text: bytes, *, is_tab: bool) -> None:
    """Say that a column after the strand looks like cells or tissues that nobody named."""
    lines = [line for _, line in islice(site_text.data_lines(text), SEEN_ROWS)]
    rows = [line.split(b"\t") if is_tab else line.split() for line in lines]
    for column in range(6, min(len(row) for row in rows)):
        values = [row[column].strip() for row in rows]
        names = dict.fromkeys(values)
        if not any(_NUMBERS.match(name) for name in names) and 2 <= len(names) <= len(values) // 2:
            shown = listed(name.decode("utf-8", "replace") for name in names)
            logger.warning(
                "%s sites %s: column %d (%s) looks like cells or tissues, whose sites are merged here; keep them apart "
                "with --biosample-column %s=%d", source.kind, path, column + 1, shown, source.kind, column + 1,
            )  # fmt: skip
            return
