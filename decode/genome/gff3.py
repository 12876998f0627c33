"""Gene annotations in GFF3, in the dialects of GENCODE, Ensembl and NCBI RefSeq, as a GTF of the same genes is read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import polars as pl

from decode.genome.annotation_text import (
    CDS_FEATURES,
    FEATURE_COLUMNS,
    SPAN,
    Y_CHROMOSOME,
    Chunk,
    RawAnnotation,
    read_columns,
    whole_numbers,
)

# Features that are neither genes nor transcripts nor exons, of which files hold most rows.
PARTS = (
    "CDS", "UTR", "five_prime_UTR", "three_prime_UTR", "start_codon", "stop_codon", "intron", "region", "chromosome",
    "stop_codon_redefined_as_selenocysteine", "scaffold", "supercontig", "biological_region", "cDNA_match", "match",
)  # fmt: skip
_PREFIX = r"^(?:gene|transcript|rna)[:-]"  # Ensembl: gene:ENSG..., NCBI: gene-MYC and rna-NM_002467.6
_FIRST = re.compile(r"^\s*[A-Za-z_][\w.-]*=")
_LEVELS = 4  # an NCBI miRNA: exon, miRNA, primary transcript, gene
_ROWS = ["id", "parent", "gene", "transcript_id", "gene_name", "gene_type", "entrez", "tag", *SPAN]


def is_gff3(attributes: str) -> bool:
    """Whether the last cell of a line is of GFF3 (`ID=x;Parent=y`) and not of GTF (`gene_id "x";`).

    Examples
    --------
    >>> is_gff3("ID=gene:ENSG1;biotype=protein_coding"), is_gff3('gene_id "A"; note "x=y";')
    (True, False)
    """
    return _FIRST.match(attributes) is not None


def parse_gff3(chunks: Iterator[Chunk], path: Path) -> RawAnnotation:
    """Genes, transcripts and exons by ID and Parent.

    A transcript is what exons have as Parent, a gene the last ancestor. Names come from `gene_id` and `transcript_id`
    where the file states them (GENCODE, Ensembl), else from ID without its prefix; the gene's name from `gene_name`,
    `gene` or `Name`, its type from `gene_type`, `gene_biotype` or `biotype`. A feature of several lines (one ID) is one
    feature; an exon of several parents belongs to each. On Y, a gene that carries the tag PAR or the Entrez number of
    another gene is the copy of a pseudo-autosomal gene.

    Parameters
    ----------
    chunks : iterator of Chunk
    path : Path
        For messages.

    Returns
    -------
    RawAnnotation

    Raises
    ------
    ValueError
        If there is no exon with a Parent, a Parent has no line, or a line breaks the format.
    """
    parts = []
    for chunk in chunks:
        content, mark, _ = chunk.content.partition(b"##FASTA")
        parts.append(_rows(chunk._replace(content=content)))
        if mark:
            break
    features, exons, coding = (pl.concat(frames) for frames in zip(*parts, strict=True))
    if exons.is_empty():
        raise ValueError(f"annotation {path} has no exon line; promoters and RNA need exons: give a complete GFF3")
    features = _whole_features(features)
    if len(lost := exons.join(features, left_on="parent", right_on="id", how="anti")):
        raise ValueError(
            f"annotation {path}: {len(lost)} exon(s) have a Parent without a line of its own, such as "
            f"{lost['parent'][0] or 'none'!r}; the file is damaged or cut: fetch it again"
        )
    transcripts = features.join(exons, left_on="id", right_on="parent", how="semi", maintain_order="left")
    transcripts = _with_root(transcripts, features)
    genes = _genes(features.join(transcripts, left_on="id", right_on="root", how="semi", maintain_order="left"))
    columns = ["gene_id", "gene_name", "gene_type"]
    transcripts = transcripts.drop("gene_name", "gene_type")
    transcripts = (
        transcripts.join(genes.select("id", *columns), left_on="root", right_on="id", how="left", maintain_order="left")
        .with_columns(_name("transcript_id"))
        .with_row_index("place")
    )
    of_place = transcripts.select("place", pl.col("id").alias("parent"), "chrom", "strand")
    key = ["parent", "chrom", "strand"]
    exons = exons.join(of_place, on=key, how="inner", maintain_order="left")
    cds = coding.join(of_place, on=key, how="inner").group_by("place")
    cds = cds.agg(pl.col("start").min().alias("cds_start"), pl.col("end").max().alias("cds_end"))
    transcripts = transcripts.select("place", "transcript_id", *columns, *SPAN, *_tags())
    transcripts = transcripts.join(cds, on="place", how="left", maintain_order="left")
    return RawAnnotation(
        genes.select(*columns, *SPAN),
        transcripts.with_columns(pl.col("cds_start", "cds_end").fill_null(0)),
        exons.select("place", "start", "end"),
    )


def _rows(chunk: Chunk) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Genes and transcripts, exons, and coding parts."""
    is_part = pl.col("feature").is_in([name for name in PARTS if name not in CDS_FEATURES])
    rows = read_columns(chunk, FEATURE_COLUMNS).filter(~is_part)
    rows = whole_numbers(rows, ["start", "end"], FEATURE_COLUMNS, chunk).with_columns(pl.col("start") - 1)
    parent = _attribute("Parent")
    of_parents = rows.with_columns(parent.str.split(",").alias("parent"))
    exons, coding = (
        of_parents.filter(pl.col("feature").is_in(names)).select("parent", *SPAN).explode("parent")
        for names in (["exon"], CDS_FEATURES)
    )
    rows = rows.filter(~pl.col("feature").is_in(["exon", *CDS_FEATURES]) & _attribute("ID").is_not_null())
    features = rows.select(
        _attribute("ID").alias("id"),
        parent.str.split(",").list.first().alias("parent"),
        _attribute("gene_id").alias("gene"),
        _attribute("transcript_id").alias("transcript_id"),
        pl.coalesce(_attribute("gene_name"), _attribute("gene"), _attribute("Name")).alias("gene_name"),
        pl.coalesce(_attribute("gene_type"), _attribute("gene_biotype"), _attribute("biotype"), pl.lit("")).alias(
            "gene_type"
        ),
        _attribute("Dbxref").str.extract(r"(?:^|,)GeneID:(\d+)", 1).alias("entrez"),
        pl.coalesce(_attribute("tag"), pl.lit("")).alias("tag"),
        *SPAN,
    )
    return _decoded(features), exons, coding


def _attribute(name: str) -> pl.Expr:
    return pl.col("attributes").str.extract(rf"(?:^|;)\s*{name}=([^;]+)", 1)


def _decoded(features: pl.DataFrame) -> pl.DataFrame:
    """Names without percent-encoding; IDs stay as they are, since Parents are encoded in the same way."""
    names = ["gene", "transcript_id", "gene_name", "gene_type", "tag"]
    encoded = [name for name in names if features[name].str.contains("%", literal=True).any()]
    return features.with_columns(pl.col(name).map_elements(unquote, return_dtype=pl.String) for name in encoded)


def _whole_features(features: pl.DataFrame) -> pl.DataFrame:
    """One row an ID: lines of one chromosome and strand are joined, others left out but for the first."""
    if not features["id"].is_duplicated().any():
        return features
    rest = [pl.col(name).first() for name in _ROWS if name not in ("id", *SPAN)]
    whole = features.group_by("id", "chrom", "strand", maintain_order=True).agg(
        pl.col("start").min(), pl.col("end").max(), *rest
    )
    return whole.unique("id", keep="first", maintain_order=True).select(_ROWS)


def _with_root(transcripts: pl.DataFrame, features: pl.DataFrame) -> pl.DataFrame:
    """Transcripts and the last of their ancestors, themselves where they have none."""
    up = features.select(pl.col("id").alias("root"), pl.col("parent").alias("above"))
    known = features["id"].unique()
    found = transcripts.with_columns(pl.col("id").alias("root"))
    for _ in range(_LEVELS):
        found = found.join(up, on="root", how="left", maintain_order="left")
        is_above = pl.col("above").is_in(known.implode())
        found = found.with_columns(pl.when(is_above).then("above").otherwise("root").alias("root")).drop("above")
    return found


def _genes(genes: pl.DataFrame) -> pl.DataFrame:
    is_y = pl.col("chrom").str.contains(Y_CHROMOSOME)
    twice = genes.filter(~is_y & pl.col("entrez").is_not_null())["entrez"].unique()
    is_copy = is_y & (pl.col("tag").str.contains(r"(?:^|,)PAR(?:,|$)") | pl.col("entrez").is_in(twice.implode()))
    gene_id = _name("gene")
    genes = genes.with_columns(
        pl.when(is_copy.fill_null(False)).then(gene_id + "_PAR_Y").otherwise(gene_id).alias("gene_id")
    )
    return genes.with_columns(pl.coalesce("gene_name", pl.col("gene_id")))


def _name(stated: str) -> pl.Expr:
    return pl.coalesce(pl.col(stated), pl.col("id").str.replace(_PREFIX, "")).alias(stated)


def _tags() -> list[pl.Expr]:
    tag = pl.col("tag")
    return [
        tag.str.contains(r"(?:^|,)MANE[ _]Select(?:,|$)").alias("is_mane"),
        tag.str.extract(r"(?:^|,)appris_([^,]+)", 1).fill_null("").alias("appris"),
        tag.str.contains(r"(?:^|,)Ensembl_canonical(?:,|$)").alias("is_canonical"),
    ]
