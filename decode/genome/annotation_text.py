"""Text of gene annotations: pieces of a file, their columns and numbers; what every format gives in the end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import polars as pl

from decode.core.checks import shortened
from decode.core.chunks import line_chunks

FEATURE_COLUMNS = ["chrom", "source", "feature", "start", "end", "score", "strand", "frame", "attributes"]  # GTF, GFF3
CDS_FEATURES = ("CDS", "stop_codon")  # a GTF counts the stop codon apart, a genePred within
SPAN = ["chrom", "start", "end", "strand"]
Y_CHROMOSOME = r"^(chr)?Y$|^NC_000024\."  # names of the Y chromosome


class RawAnnotation(NamedTuple):
    """What a file states, in polars frames: nothing resolved, checked or dropped yet.

    Coordinates are 0-based half-open. `place` numbers one mapping of one transcript to the genome.

    genes : gene_id, gene_name, gene_type, chrom, start, end, strand (only genes that have a line of their own)
    transcripts : place, transcript_id, gene_id, gene_name, gene_type, chrom, start, end, strand, is_mane, appris,
        is_canonical, cds_start, cds_end (from the first to the last coding base on the genome, stop codon included;
        both 0 where nothing is coding)
    exons : place, start, end
    """

    genes: pl.DataFrame
    transcripts: pl.DataFrame
    exons: pl.DataFrame


class Chunk(NamedTuple):
    """A piece of the file and the number of lines before it."""

    content: bytes
    lines_before: int
    path: Path

    def line_of(self, values: tuple[str | None, ...]) -> str:
        """Words such as "line 12", found by searching the text for the cells that end a line; only for messages."""
        text = "\t".join(value or "" for value in values).rstrip("\t").encode()
        found = re.search(rb"(?m)(?:^|\t)" + re.escape(text) + rb"\t*\r?$", self.content)
        if found is None:
            return f"a line after {self.lines_before}"
        number = self.lines_before + self.content.count(b"\n", 0, found.end()) + 1
        return f"line {number}"


def chunks_of(path: Path) -> Iterator[Chunk]:
    """Pieces of whole lines."""
    lines = 0
    for content in line_chunks(path, "annotation"):
        yield Chunk(content, lines, path)
        lines += content.count(b"\n")


def first_fields(content: bytes) -> list[str]:
    """Cells of the first line that is neither blank nor a comment; empty where there is none."""
    start = 0
    while start < len(content):
        stop = content.find(b"\n", start)
        stop = len(content) if stop < 0 else stop
        line = content[start:stop].decode("utf-8", "replace").rstrip("\r")
        if line.strip() and not line.startswith("#"):
            return line.split("\t")
        start = stop + 1
    return []


def read_columns(chunk: Chunk, columns: list[str]) -> pl.DataFrame:
    """Rows of a piece as text; ValueError where a line has another number of columns."""
    # The schema is explicit because polars 1.x and 2.x name the columns of a file without header differently.
    schema = pl.Schema(dict.fromkeys(columns, pl.String))
    if not first_fields(chunk.content):
        return pl.DataFrame(schema=schema)
    try:
        rows = pl.read_csv(
            chunk.content, separator="\t", has_header=False, quote_char=None, comment_prefix="#", schema=schema
        )
    except pl.exceptions.PolarsError as error:
        reason = str(error).strip().splitlines()[0]
        raise ValueError(
            f"annotation {chunk.path} does not have {len(columns)} tab-separated columns in every line ({reason}); "
            "the file is damaged or of another format"
        ) from error
    rows = rows.filter(~pl.all_horizontal(pl.all().is_null()))
    # A line that breaks off lacks the last columns; an empty cell inside a line is no such case.
    short = rows.filter(pl.col(columns[-1]).is_null() & pl.col(columns[len(columns) // 2]).is_null())
    if not short.is_empty():
        raise ValueError(
            f"annotation {chunk.path} {chunk.line_of(short.row(0))} has fewer than {len(columns)} columns; "
            "the file is damaged or cut"
        )
    return rows


def whole_numbers(rows: pl.DataFrame, names: list[str], columns: list[str], chunk: Chunk) -> pl.DataFrame:
    """Columns as whole numbers; ValueError names the line of what is none."""
    cast = rows.with_columns(pl.col(name).cast(pl.Int64, strict=False) for name in names)
    for name in names:
        is_wrong = cast[name].is_null()
        if is_wrong.any():
            wrong = rows.filter(is_wrong).select(columns)
            raise ValueError(
                f"annotation {chunk.path} {chunk.line_of(wrong.row(0))}: {name} is "
                f"{shortened(wrong[name][0] or '')!r}; a whole number is wanted"
            )
    return cast
