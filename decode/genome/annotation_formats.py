"""Text of gene annotations (GTF, GFF3, genePred) -> rows of genes, transcripts and exons, as the file states them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import polars as pl

from decode.core.checks import listed, shortened
from decode.core.executor import get_executor
from decode.genome.annotation_text import (
    CDS_FEATURES,
    FEATURE_COLUMNS,
    SPAN,
    Y_CHROMOSOME,
    Chunk,
    RawAnnotation,
    chunks_of,
    first_fields,
    read_columns,
    whole_numbers,
)
from decode.genome.gff3 import is_gff3, parse_gff3

# UCSC table descriptions genePred and genePredExt: https://genome.ucsc.edu/FAQ/FAQformat.html#format9
GENEPRED_COLUMNS = ["name", "chrom", "strand", "start", "end", "cds_start", "cds_end", "n_exons", "starts", "ends"]
GENEPRED_EXTENSION = ["score", "name2", "cds_start_state", "cds_end_state", "frames"]
STRANDS = ("+", "-", ".")
PLACE_KEY = ["transcript_id", "chrom", "strand"]


def parse_annotation(path: Path) -> RawAnnotation:
    """Recognise the format from the first line of data and read it.

    Parameters
    ----------
    path : Path
        GTF, GFF3 or genePred, plain or gzip.

    Returns
    -------
    RawAnnotation

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is neither format, or a line breaks the format.
    """
    chunks = chunks_of(path)
    seen: list[Chunk] = []
    fields: list[str] = []
    while not fields and (chunk := next(chunks, None)):
        seen.append(chunk)
        fields = first_fields(chunk.content)
    is_strand = [field in STRANDS for field in fields]
    if len(fields) == 9 and is_strand[6]:
        if is_gff3(fields[8]):
            return parse_gff3(chain(seen, chunks), path)
        return _parse_gtf(chain(seen, chunks), path)
    if len(fields) >= 10 and (is_strand[2] or (is_strand[3] and len(fields) >= 11)):
        return _parse_genepred(chain(seen, chunks), path, fields)
    if not fields:
        raise ValueError(f"annotation {path} has comments only, no genes; give a complete GTF, GFF3 or genePred file")
    shown = "\t".join(fields)[:60]
    raise ValueError(
        f"annotation {path} is neither GTF or GFF3 (9 tab-separated columns) nor genePred/refGene (10 to 16): "
        f"its first line is {shown!r}; check the file"
    )


def _parse_gtf(chunks: Iterator[Chunk], path: Path) -> RawAnnotation:
    """Rows of a GTF: GENCODE, Ensembl, RefSeq and GTEx collapsed models; gene and transcript lines may be absent."""
    parts = list(get_executor("threads").map(_gtf_rows, chunks))
    genes, stated, exons, orphans, coding = (pl.concat(frames) for frames in zip(*parts, strict=True))
    if genes.is_empty() and stated.is_empty() and exons.is_empty():
        raise ValueError(f"annotation {path} has no gene, transcript or exon line; give a complete GTF")
    if exons.is_empty():
        raise ValueError(f"annotation {path} has no exon line; promoters and RNA need exons: give a complete GTF")
    repeated = stated.filter(stated.select(PLACE_KEY).is_duplicated())["transcript_id"].unique(maintain_order=True)
    if len(repeated):
        raise ValueError(
            f"annotation {path} has {len(repeated)} transcript id(s) with several transcript lines on one chromosome "
            f"and strand: {listed(repeated)}; their exons cannot be told apart: keep one of each"
        )
    orphans = orphans.unique(PLACE_KEY, keep="first", maintain_order=True).join(
        stated.select(PLACE_KEY), on=PLACE_KEY, how="anti", maintain_order="left"
    )
    transcripts = pl.concat([stated, orphans]).with_row_index("place")
    exons = exons.join(transcripts.select("place", *PLACE_KEY), on=PLACE_KEY, how="left", maintain_order="left")
    exons = exons.select("place", "start", "end")
    if not orphans.is_empty():  # from the first exon to the whole transcript
        spans = exons.group_by("place").agg(pl.col("start").min().alias("first"), pl.col("end").max().alias("last"))
        is_derived = pl.col("place") >= len(stated)
        transcripts = transcripts.join(spans, on="place", how="left", maintain_order="left").with_columns(
            pl.when(is_derived).then("first").otherwise("start").alias("start"),
            pl.when(is_derived).then("last").otherwise("end").alias("end"),
        )
        transcripts = transcripts.drop("first", "last")
    cds = coding.group_by(PLACE_KEY).agg(pl.col("start").min().alias("cds_start"), pl.col("end").max().alias("cds_end"))
    transcripts = transcripts.join(cds, on=PLACE_KEY, how="left", maintain_order="left").with_columns(
        pl.col("cds_start", "cds_end").fill_null(0)
    )
    return RawAnnotation(genes, transcripts, exons)


def _gtf_rows(chunk: Chunk) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Genes, transcripts and exons of one piece, the first exon of each transcript without a line in it, and CDS."""
    wanted = ["gene", "transcript", "exon", *CDS_FEATURES]
    rows = read_columns(chunk, FEATURE_COLUMNS).filter(pl.col("feature").is_in(wanted))
    rows = whole_numbers(rows, ["start", "end"], FEATURE_COLUMNS, chunk).with_columns(pl.col("start") - 1)
    transcript_id = _attribute("transcript_id").alias("transcript_id")
    genes = rows.filter(pl.col("feature") == "gene").with_columns(_gene_attributes())
    stated = rows.filter(pl.col("feature") == "transcript").with_columns(transcript_id, *_gene_attributes(), *_tags())
    exons = rows.filter(pl.col("feature") == "exon").with_columns(transcript_id)
    coding = rows.filter(pl.col("feature").is_in(CDS_FEATURES)).with_columns(transcript_id)
    orphans = (
        exons.unique(PLACE_KEY, keep="first", maintain_order=True)
        .join(stated.select(PLACE_KEY), on=PLACE_KEY, how="anti", maintain_order="left")
        .with_columns(*_gene_attributes(), *_tags())
    )
    for frame, column in (
        (genes, "gene_id"), (stated, "gene_id"), (stated, "transcript_id"), (exons, "transcript_id"),
        (orphans, "gene_id"),
    ):  # fmt: skip
        _check_present(frame, column, chunk)
    gene_columns = ["gene_id", "gene_name", "gene_type", *SPAN]
    transcript_columns = ["transcript_id", *gene_columns, "is_mane", "appris", "is_canonical"]
    return (
        genes.select(gene_columns),
        stated.select(transcript_columns),
        exons.select(*PLACE_KEY, "start", "end"),
        orphans.select(transcript_columns),
        coding.select(*PLACE_KEY, "start", "end"),
    )


def _parse_genepred(chunks: Iterator[Chunk], path: Path, fields: list[str]) -> RawAnnotation:
    """Rows of genePred (10 columns), genePredExt (15), refGene with a leading bin (16), and refFlat (11)."""
    columns = list(GENEPRED_COLUMNS)
    has_leading = fields[2] not in STRANDS
    n_core = len(fields) - has_leading
    columns += GENEPRED_EXTENSION if n_core >= 15 else []
    columns += [f"unused_{index}" for index in range(n_core - len(columns))]
    if has_leading:  # the bin of a UCSC table, or the gene name of refFlat
        columns.insert(0, "bin" if fields[0].isdecimal() else "name2")
    number_columns = ["start", "end", "cds_start", "cds_end", "n_exons"]
    rows = pl.concat([whole_numbers(read_columns(chunk, columns), number_columns, columns, chunk) for chunk in chunks])
    symbol = pl.col("name2") if "name2" in rows.columns else pl.col("name")
    rows = rows.with_columns(
        pl.when(symbol.fill_null("") == "").then(pl.col("name")).otherwise(symbol).alias("gene_name"),
        pl.col("starts").str.strip_chars(",").str.split(","),
        pl.col("ends").str.strip_chars(",").str.split(","),
    ).with_row_index("place")
    is_coding = (pl.col("cds_end") > pl.col("cds_start")).any().over("gene_name")
    transcripts = rows.select(
        "place",
        pl.col("name").alias("transcript_id"),
        pl.col("gene_name").alias("gene_id"),
        "gene_name",
        pl.when(is_coding).then(pl.lit("protein_coding")).otherwise(pl.lit("non_coding")).alias("gene_type"),
        *SPAN,
        pl.lit(False).alias("is_mane"),
        pl.lit("").alias("appris"),
        pl.lit(False).alias("is_canonical"),
        *(
            pl.when(pl.col("cds_end") > pl.col("cds_start")).then(pl.col(name)).otherwise(0).alias(name)
            for name in ("cds_start", "cds_end")
        ),
    )
    genes = transcripts.select("gene_id", "gene_name", "gene_type", *SPAN).clear()
    return RawAnnotation(genes, transcripts, _genepred_exons(rows, path))


def _genepred_exons(rows: pl.DataFrame, path: Path) -> pl.DataFrame:
    n_starts, n_ends = pl.col("starts").list.len(), pl.col("ends").list.len()
    uneven = rows.filter(((n_starts != n_ends) | (n_starts != pl.col("n_exons"))).fill_null(True))
    if not uneven.is_empty():
        raise ValueError(
            f"annotation {path}: {len(uneven)} transcript(s) whose exon starts, exon ends and exon count disagree: "
            f"{listed(uneven['name'])}; the file is damaged or cut"
        )
    exons = rows.select("place", "name", "starts", "ends").explode("starts", "ends")
    exons = exons.with_columns(
        pl.col("starts").cast(pl.Int64, strict=False).alias("start"),
        pl.col("ends").cast(pl.Int64, strict=False).alias("end"),
    )
    wrong = exons.filter(pl.col("start").is_null() | pl.col("end").is_null())
    if not wrong.is_empty():
        raise ValueError(
            f"annotation {path}: exon block {shortened(wrong['starts'][0])!r} to {shortened(wrong['ends'][0])!r} of "
            f"{shortened(wrong['name'][0])} "
            "is not a pair of numbers"
        )
    return exons.select("place", "start", "end")


def _check_present(rows: pl.DataFrame, column: str, chunk: Chunk) -> None:
    missing = rows.filter(pl.col(column).is_null() | (pl.col(column) == ""))
    if not missing.is_empty():
        shown = missing["attributes"][0] or ""
        raise ValueError(
            f"annotation {chunk.path} {chunk.line_of((shown,))} has no {column} (attributes {shown[:60]!r}); "
            "GTF needs it on every line"
        )


def _attribute(name: str) -> pl.Expr:
    # a key stands first or after a semicolon that no quotes enclose; "gene 7" inside a description is none
    return pl.col("attributes").str.extract(rf'^(?:(?:[^"]|"[^"]*")*?;)?\s*{name} "?([^";]*)"?', 1)


def _gene_attributes() -> list[pl.Expr]:
    gene_id = _attribute("gene_id")
    # Ensembl from 110 on gives the copies of pseudo-autosomal genes on Y ids of their own and a tag
    is_copy = pl.col("attributes").str.contains('tag "PAR"', literal=True) & pl.col("chrom").str.contains(Y_CHROMOSOME)
    gene_id = pl.when(is_copy).then(gene_id + "_PAR_Y").otherwise(gene_id)
    gene_type = pl.coalesce(_attribute("gene_type"), _attribute("gene_biotype"), pl.lit(""))
    return [
        gene_id.alias("gene_id"),
        pl.coalesce(_attribute("gene_name"), _attribute("gene"), gene_id).alias("gene_name"),
        gene_type.alias("gene_type"),
    ]


def _tags() -> list[pl.Expr]:
    tags = pl.col("attributes")
    return [
        tags.str.contains(r'tag "MANE[ _]Select"').fill_null(False).alias("is_mane"),
        tags.str.extract(r'tag "appris_([^"]+)"', 1).fill_null("").alias("appris"),
        tags.str.contains('tag "Ensembl_canonical"', literal=True).fill_null(False).alias("is_canonical"),
    ]
