"""Text of gene annotations (GTF, genePred) -> rows of genes, transcripts and exons, as the file states them."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import polars as pl

GTF_COLUMNS = ["chrom", "source", "feature", "start", "end", "score", "strand", "frame", "attributes"]
# UCSC table descriptions genePred and genePredExt: https://genome.ucsc.edu/FAQ/FAQformat.html#format9
GENEPRED_COLUMNS = ["name", "chrom", "strand", "start", "end", "cds_start", "cds_end", "n_exons", "starts", "ends"]
GENEPRED_EXTENSION = ["score", "name2", "cds_start_state", "cds_end_state", "frames"]
STRANDS = ("+", "-", ".")


class RawAnnotation(NamedTuple):
    """What a file states, in polars frames: nothing resolved, checked or dropped yet.

    Coordinates are 0-based half-open. `place` numbers one mapping of one transcript to the genome.

    genes : gene_id, gene_name, gene_type, chrom, start, end, strand (only genes that have a line of their own)
    transcripts : place, transcript_id, gene_id, gene_name, gene_type, chrom, start, end, strand, is_mane, appris,
        is_canonical
    exons : place, start, end
    """

    genes: pl.DataFrame
    transcripts: pl.DataFrame
    exons: pl.DataFrame


def parse_annotation(content: bytes, path: Path) -> tuple[str, RawAnnotation]:
    """Recognise the format from the first line of data and read it.

    Parameters
    ----------
    content : bytes
        The whole text of the file.
    path : Path
        Where it came from, for messages.

    Returns
    -------
    tuple of str and RawAnnotation
        "gtf" or "genepred", and the rows.

    Raises
    ------
    ValueError
        If it is neither format, or a line breaks the format.
    """
    fields = _first_fields(content)
    is_strand = [field in STRANDS for field in fields]
    if len(fields) == 9 and is_strand[6]:
        if "gene_id" not in fields[8] and "ID=" in fields[8]:
            raise ValueError(f"annotation {path} is GFF3; convert it to GTF first (for example gffread -T)")
        return "gtf", parse_gtf(content, path)
    if len(fields) >= 10 and (is_strand[2] or (is_strand[3] and len(fields) >= 11)):
        return "genepred", parse_genepred(content, path, fields)
    shown = "\t".join(fields)[:60]
    raise ValueError(
        f"annotation {path} is neither GTF (9 tab-separated columns) nor genePred/refGene (10 to 16): "
        f"its first line is {shown!r}; check the file"
    )


def parse_gtf(content: bytes, path: Path) -> RawAnnotation:
    """Rows of a GTF: GENCODE, Ensembl, RefSeq and GTEx collapsed models; gene and transcript lines may be absent."""
    rows = _read_columns(content, path, GTF_COLUMNS).filter(pl.col("feature").is_in(["gene", "transcript", "exon"]))
    if rows.is_empty():
        raise ValueError(f"annotation {path} has no gene, transcript or exon line; give a complete GTF")
    rows = _numbers(rows, ["start", "end"], GTF_COLUMNS, content, path).with_columns(pl.col("start") - 1)
    gene_type = pl.coalesce(_attribute("gene_type"), _attribute("gene_biotype"), _attribute("transcript_biotype"))
    gene_id = _attribute("gene_id").alias("gene_id")
    gene_name = pl.coalesce(_attribute("gene_name"), _attribute("gene"), _attribute("gene_id")).alias("gene_name")
    place_key = ["transcript_id", "chrom", "strand"]

    genes = rows.filter(pl.col("feature") == "gene").with_columns(gene_id, gene_name, gene_type.alias("gene_type"))
    _check_present(genes, "gene_id", content, path)
    exons = rows.filter(pl.col("feature") == "exon").with_columns(_attribute("transcript_id").alias("transcript_id"))
    _check_present(exons, "transcript_id", content, path)
    if exons.is_empty():
        raise ValueError(f"annotation {path} has no exon line; promoters and RNA need exons: give a complete GTF")
    stated = rows.filter(pl.col("feature") == "transcript").with_columns(
        _attribute("transcript_id").alias("transcript_id")
    )
    _check_present(stated, "transcript_id", content, path)
    repeated = stated.filter(stated.select(place_key).is_duplicated())["transcript_id"].unique(maintain_order=True)
    if len(repeated):
        raise ValueError(
            f"annotation {path} has {len(repeated)} transcript id(s) with several transcript lines on one chromosome "
            f"and strand: {', '.join(repeated[:5])}; their exons cannot be told apart: keep one of each"
        )
    derived = (
        exons.join(stated.select(place_key), on=place_key, how="anti", maintain_order="left")
        .group_by(place_key, maintain_order=True)
        .agg(pl.col("start").min(), pl.col("end").max(), pl.col("attributes").first())
    )
    columns = [*place_key, "start", "end", "attributes"]
    transcripts = pl.concat([stated.select(columns), derived.select(columns)]).with_row_index("place")
    transcripts = transcripts.with_columns(gene_id, gene_name, gene_type.fill_null("").alias("gene_type"), *_tags())
    _check_present(transcripts, "gene_id", content, path)
    exons = exons.join(transcripts.select("place", *place_key), on=place_key, how="left", maintain_order="left")
    return RawAnnotation(
        genes.select("gene_id", "gene_name", pl.col("gene_type").fill_null(""), "chrom", "start", "end", "strand"),
        transcripts.drop("attributes"),
        exons.select("place", "start", "end"),
    )


def parse_genepred(content: bytes, path: Path, fields: list[str]) -> RawAnnotation:
    """Rows of genePred (10 columns), genePredExt (15), refGene with a leading bin (16), and refFlat (11)."""
    columns = list(GENEPRED_COLUMNS)
    has_leading = fields[2] not in STRANDS
    n_core = len(fields) - has_leading
    columns += GENEPRED_EXTENSION if n_core >= 15 else []
    columns += [f"unused_{index}" for index in range(n_core - len(columns))]
    if has_leading:  # the bin of a UCSC table, or the gene name of refFlat
        columns.insert(0, "bin" if fields[0].isdecimal() else "name2")
    rows = _read_columns(content, path, columns)
    rows = _numbers(rows, ["start", "end", "cds_start", "cds_end", "n_exons"], columns, content, path)
    symbol = pl.col("name2") if "name2" in rows.columns else pl.col("name")
    rows = rows.with_columns(
        pl.when(symbol.fill_null("") == "").then(pl.col("name")).otherwise(symbol).alias("gene_name"),
        pl.col("starts").str.strip_chars(",").str.split(","),
        pl.col("ends").str.strip_chars(",").str.split(","),
    ).with_row_index("place")
    n_starts, n_ends = pl.col("starts").list.len(), pl.col("ends").list.len()
    uneven = rows.filter((n_starts != n_ends) | (n_starts != pl.col("n_exons")))
    if not uneven.is_empty():
        raise ValueError(
            f"annotation {path}: {len(uneven)} transcript(s) whose exon starts, exon ends and exon count disagree, "
            f"such as {', '.join(uneven['name'][:5])}; the file is damaged or cut"
        )
    exons = rows.select("place", "name", "starts", "ends").explode("starts", "ends")
    exons = exons.with_columns(
        pl.col("starts").cast(pl.Int64, strict=False).alias("start"),
        pl.col("ends").cast(pl.Int64, strict=False).alias("end"),
    )
    wrong = exons.filter(pl.col("start").is_null() | pl.col("end").is_null())
    if not wrong.is_empty():
        raise ValueError(
            f"annotation {path}: exon block {wrong['starts'][0]!r} to {wrong['ends'][0]!r} of {wrong['name'][0]} "
            "is not a pair of numbers"
        )
    is_coding = (pl.col("cds_end") > pl.col("cds_start")).any().over("gene_name")
    transcripts = rows.select(
        "place",
        pl.col("name").alias("transcript_id"),
        pl.col("gene_name").alias("gene_id"),
        "gene_name",
        pl.when(is_coding).then(pl.lit("protein_coding")).otherwise(pl.lit("non_coding")).alias("gene_type"),
        "chrom",
        "start",
        "end",
        "strand",
        pl.lit(False).alias("is_mane"),
        pl.lit("").alias("appris"),
        pl.lit(False).alias("is_canonical"),
    )
    genes = transcripts.select("gene_id", "gene_name", "gene_type", "chrom", "start", "end", "strand").clear()
    return RawAnnotation(genes, transcripts, exons.select("place", "start", "end"))


def _first_fields(content: bytes) -> list[str]:
    start = 0
    while start < len(content):
        stop = content.find(b"\n", start)
        stop = len(content) if stop < 0 else stop
        line = content[start:stop].decode("utf-8", "replace").rstrip("\r")
        if line.strip() and not line.startswith(("#", "track", "browser")):
            return line.split("\t")
        start = stop + 1
    return []


def _read_columns(content: bytes, path: Path, columns: list[str]) -> pl.DataFrame:
    # The schema is explicit because polars 1.x and 2.x name the columns of a file without header differently.
    try:
        rows = pl.read_csv(
            content,
            separator="\t",
            has_header=False,
            quote_char=None,
            comment_prefix="#",
            schema=dict.fromkeys(columns, pl.String),
        )
    except pl.exceptions.PolarsError as error:
        reason = str(error).strip().splitlines()[0]
        raise ValueError(
            f"annotation {path} does not have {len(columns)} tab-separated columns in every line ({reason}); "
            "the file is damaged or of another format"
        ) from error
    rows = rows.filter(~pl.all_horizontal(pl.all().is_null()))
    short = rows.filter(pl.col(columns[-1]).is_null() & pl.col(columns[len(columns) // 2]).is_null())
    if not short.is_empty():
        raise ValueError(
            f"annotation {path} {_line_of(short.row(0), content)} has fewer than {len(columns)} columns; "
            "the file is damaged or cut"
        )
    return rows


def _numbers(rows: pl.DataFrame, names: list[str], columns: list[str], content: bytes, path: Path) -> pl.DataFrame:
    casts = [pl.col(name).cast(pl.Int64, strict=False).alias(f"{name}_number") for name in names]
    cast = rows.with_columns(casts)
    for name in names:
        wrong = cast.filter(pl.col(f"{name}_number").is_null())
        if not wrong.is_empty():
            raise ValueError(
                f"annotation {path} {_line_of(wrong.select(columns).row(0), content)}: {name} is "
                f"{wrong[name][0]!r}; a whole number is wanted"
            )
    return cast.with_columns(pl.col(f"{name}_number").alias(name) for name in names).drop(
        f"{name}_number" for name in names
    )


def _line_of(values: tuple[str | None, ...], content: bytes) -> str:
    """The words "line 12", found by searching the text; only for messages."""
    text = "\t".join(value for value in values if value is not None).encode()
    at = content.find(text)
    if at < 0:
        return f"line {text.decode()[:60]!r}"
    number = content.count(b"\n", 0, at) + 1
    return f"line {number}"


def _check_present(rows: pl.DataFrame, column: str, content: bytes, path: Path) -> None:
    missing = rows.filter(pl.col(column).is_null() | (pl.col(column) == ""))
    if not missing.is_empty():
        shown = missing["attributes"][0] or ""
        raise ValueError(
            f"annotation {path} {_line_of((shown,), content)} has no {column} (attributes {shown[:60]!r}); "
            "GTF needs it on every line"
        )


def _attribute(name: str) -> pl.Expr:
    return pl.col("attributes").str.extract(rf'(?:^|[; ]){name} "?([^";]*)"?', 1)


def _tags() -> list[pl.Expr]:
    tags = pl.col("attributes")
    return [
        tags.str.contains('tag "MANE_Select"', literal=True).alias("is_mane"),
        tags.str.extract(r'tag "appris_([^"]+)"', 1).fill_null("").alias("appris"),
        tags.str.contains('tag "Ensembl_canonical"', literal=True).alias("is_canonical"),
    ]
