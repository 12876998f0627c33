"""Gene annotations: genes, transcripts and exons of GTF, GFF3 and genePred files, checked against a genome build."""

from __future__ import annotations

import logging
import warnings
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import polars as pl

from decode.core.checks import listed
from decode.core.ids import PAR_Y_PATTERN, VERSION_PATTERN, genes_of_id_map, resolve_ids
from decode.core.shown import shown
from decode.genome.annotation_formats import parse_annotation
from decode.genome.annotation_text import RawAnnotation
from decode.genome.assembly import Assembly, get_assembly

logger = logging.getLogger(__name__)

GENE_COLUMNS = ["gene_id", "gene_name", "gene_type", "chrom", "start", "end", "strand"]
TRANSCRIPT_COLUMNS = [
    "transcript_id", "gene_id", "gene_name", "chrom", "start", "end", "strand", "is_mane", "appris", "is_canonical",
    "cds_start", "cds_end",
]  # fmt: skip
TRANSCRIPT_PATTERN = r"^(ENS[A-Z]*T\d|[NX][MR]_\d|uc\d{3}[a-z]{3})"  # ids that only transcripts have
EXON_COLUMNS = ["transcript_id", "chrom", "start", "end", "strand"]


@shown()
@dataclass(frozen=True)
class Annotation:
    """Genes, transcripts and exons of one genome build; coordinates 0-based half-open, ids without version.

    Parameters
    ----------
    assembly : Assembly
        The build that all coordinates belong to.
    genes : DataFrame
        gene_id (unique), gene_name, gene_type, chrom, start, end, strand; in the order of the file.
    transcripts : DataFrame
        transcript_id (unique), gene_id, gene_name, chrom, start, end, strand, is_mane, appris (such as "principal_1";
        empty where the file has no such tag), is_canonical, cds_start, cds_end (first to last coding base on the
        genome, stop codon included; both 0 where nothing is coding or the file has no CDS lines).
    exons : DataFrame
        transcript_id, chrom, start, end, strand; by transcript, then by start; blocks of a transcript do not touch.
    counts : dict of str to int
        What was read, and what was dropped or merged and why.
    source : str
        The path that was read.
    """

    assembly: Assembly
    genes: pd.DataFrame
    transcripts: pd.DataFrame
    exons: pd.DataFrame
    counts: dict[str, int]
    source: str


def read_annotation(
    path: str | Path, *, build: str, sizes: str | Path | None = None, id_map: str | Path | None = None
) -> Annotation:
    """Read a gene annotation, GTF, GFF3 or genePred, plain or gzip; the format is recognised from the content.

    Genes and transcripts without a line of their own are put together from their exons. Dropped and counted: rows on
    chromosomes that the build does not have, the copies of pseudo-autosomal genes on Y (`_PAR_Y`, `ENSGR`), genes and
    transcripts without a strand, transcripts without exons, and the further places of a transcript that maps to several
    (kept: the first on a main chromosome, X before Y). In genePred files the gene symbol is the gene id.

    Parameters
    ----------
    path : str or Path
        GTF or GFF3 of GENCODE, Ensembl or RefSeq, GTF of GTEx (collapsed), or a UCSC genePred, genePredExt, refGene or
        refFlat table.
    build : str
        Genome build of the file, for example "hg19" or "GRCh38".
    sizes : str or Path, optional
        Two-column file of chromosome sizes, for a build that the package does not know.
    id_map : str or Path, optional
        Symbols to Ensembl gene ids (HGNC complete set, or two columns), for files whose gene ids are symbols. Symbols
        that it does not resolve, or not to one gene, stay as they are and are counted.

    Returns
    -------
    Annotation

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    ValueError
        If the file is empty, damaged or of another format, has no genes, repeats a gene id, or has coordinates that
        are no numbers, negative, reversed or beyond the end of their chromosome; or if the build is unknown.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> gtf = Path(folder.name, "one.gtf")
    >>> _ = gtf.write_text('chr1\\tX\\texon\\t11\\t20\\t.\\t+\\t.\\tgene_id "A"; transcript_id "A1";\\n')
    >>> read_annotation(gtf, build="hg38").exons.to_numpy().tolist()
    [['A1', 'chr1', 10, 20, '+']]
    >>> folder.cleanup()
    """
    path = Path(path)
    assembly = get_assembly(build, sizes)
    raw = parse_annotation(path)
    counts: dict[str, int] = {}
    raw = _on_assembly(raw, assembly, path, counts)
    raw = _without_versions(raw, counts)
    if id_map is not None:
        raw = _with_gene_ids(raw, id_map, counts)
    raw = _with_strand(raw, path, counts)
    _warn_of_transcripts_as_genes(raw, path)
    _check_coordinates(raw, assembly, path)
    transcripts = _one_place_each(raw.transcripts, assembly, counts)
    exons = _merged_blocks(raw.exons.join(transcripts.select("place"), on="place", how="semi"), counts)
    with_exons = transcripts.join(exons.select("place"), on="place", how="semi", maintain_order="left")
    counts["transcripts_without_exons"] = len(transcripts) - len(with_exons)
    genes = _all_genes(raw.genes, with_exons, assembly, path, counts)
    if genes.is_empty() or with_exons.is_empty():
        raise ValueError(f"annotation {path} has no gene with exons left on build {assembly.name}; counts: {counts}")
    exons = exons.join(with_exons.select("place", "transcript_id", "chrom", "strand"), on="place", how="inner").sort(
        "place", "start"
    )
    counts.update(genes=len(genes), transcripts=len(with_exons), exons=len(exons))
    logger.info("annotation %s: %s", path, ", ".join(f"{name} {count:,}" for name, count in counts.items()))
    return Annotation(
        assembly,
        genes.select(GENE_COLUMNS).to_pandas(),
        with_exons.select(TRANSCRIPT_COLUMNS).to_pandas(),
        exons.select(EXON_COLUMNS).to_pandas(),
        counts,
        str(path),
    )


def merge_blocks(blocks: pd.DataFrame, by: str) -> pd.DataFrame:
    """Union of overlapping or touching blocks within each group (pyranges).

    Parameters
    ----------
    blocks : DataFrame
        chrom, start, end and the integer column `by`.
    by : str
        Column of the groups; blocks of different groups are never merged.

    Returns
    -------
    DataFrame
        `by`, start, end; one row a merged block, sorted by group and start.
    """
    import pyranges

    frame = blocks.rename(columns={"chrom": "Chromosome", "start": "Start", "end": "End"})
    with warnings.catch_warnings():
        # pyranges 0.1.x uses calls that pandas 3 marks for removal (Pandas4Warning); the results are right.
        warnings.simplefilter("ignore")
        merged = pyranges.PyRanges(frame[["Chromosome", "Start", "End", by]]).merge(by=by, strand=False).df
    merged = merged.rename(columns={"Start": "start", "End": "end"})[[by, "start", "end"]].astype("int64")
    table: pd.DataFrame = merged.sort_values([by, "start"], ignore_index=True)
    return table


def _on_assembly(raw: RawAnnotation, assembly: Assembly, path: Path, counts: dict[str, int]) -> RawAnnotation:
    names = pl.concat([raw.genes["chrom"], raw.transcripts["chrom"]]).unique(maintain_order=True).to_list()
    known = {name: chrom for name in names if (chrom := assembly.resolve(name)) is not None}
    unknown = [name for name in names if name not in known]
    if not known:
        raise ValueError(
            f"annotation {path} has no chromosome of build {assembly.name}: it names {listed(unknown)}, the build "
            f"{listed(assembly.sizes, 3)}; check the build"
        )
    genes, transcripts = (
        table.with_columns(pl.col("chrom").replace_strict(known, default=None, return_dtype=pl.String)).filter(
            pl.col("chrom").is_not_null()
        )
        for table in (raw.genes, raw.transcripts)
    )
    counts["genes_on_unknown_chromosomes"] = len(raw.genes) - len(genes)
    counts["transcripts_on_unknown_chromosomes"] = len(raw.transcripts) - len(transcripts)
    if unknown:
        logger.warning(
            "annotation %s: dropped %d transcripts on %d chromosomes that build %s does not have: %s",
            path, counts["transcripts_on_unknown_chromosomes"], len(unknown), assembly.name, listed(unknown),
        )  # fmt: skip
    return RawAnnotation(genes, transcripts, raw.exons.join(transcripts.select("place"), on="place", how="semi"))


def _without_versions(raw: RawAnnotation, counts: dict[str, int]) -> RawAnnotation:
    is_par_y = pl.col("gene_id").str.contains(PAR_Y_PATTERN)
    counts["par_y_genes_dropped"] = (
        pl.concat([raw.genes["gene_id"], raw.transcripts["gene_id"]]).to_frame().filter(is_par_y)["gene_id"].n_unique()
    )
    genes, transcripts = (
        table.filter(~is_par_y).with_columns(
            pl.col(column).str.replace(VERSION_PATTERN, "${1}${2}")
            for column in ("gene_id", "transcript_id")
            if column in table.columns
        )
        for table in (raw.genes, raw.transcripts)
    )
    return RawAnnotation(genes, transcripts, raw.exons.join(transcripts.select("place"), on="place", how="semi"))


def _with_gene_ids(raw: RawAnnotation, id_map: str | Path, counts: dict[str, int]) -> RawAnnotation:
    names = pl.concat([raw.genes["gene_id"], raw.transcripts["gene_id"]]).unique(maintain_order=True).to_list()
    found = resolve_ids(names, genes_of_id_map(id_map), id_map, on_ambiguous="count")
    if not any(found.ids):
        raise ValueError(
            f"id map {id_map} names none of the {len(names)} genes of the annotation: {listed(names)}; check that it "
            "holds these names, or leave --id-map out"
        )
    new = {name: gene_id for name, gene_id in zip(names, found.ids, strict=True) if gene_id is not None}
    counts["gene_ids_from_id_map"] = sum(name != gene_id for name, gene_id in new.items())
    counts["gene_ids_not_in_id_map"] = found.counts["unresolved"]
    counts["gene_ids_ambiguous_in_id_map"] = found.counts["ambiguous"]
    is_no_name = pl.col("gene_name").str.contains(TRANSCRIPT_PATTERN) & pl.col("gene_id").is_in(list(new))
    genes, transcripts = (
        table.with_columns(
            pl.col("gene_id").replace(new),
            pl.when(is_no_name).then(pl.lit("")).otherwise(pl.col("gene_name")).alias("gene_name"),
        )
        for table in (raw.genes, raw.transcripts)
    )
    return RawAnnotation(genes, transcripts, raw.exons)


def _warn_of_transcripts_as_genes(raw: RawAnnotation, path: Path) -> None:
    """The GTF of UCSC's table browser gives every transcript its own id as gene id."""
    same = raw.transcripts.filter(
        (pl.col("gene_id") == pl.col("transcript_id")) & pl.col("gene_id").str.contains(TRANSCRIPT_PATTERN)
    )
    if len(same) and len(same) == len(raw.transcripts):
        logger.warning(
            "annotation %s: gene_id is the transcript's id in all %d transcripts (%s), so every transcript counts as a "
            "gene; give an id map of transcripts to genes (--id-map), or the table as genePred", path, len(same),
            listed(same["gene_id"].head(3).to_list()),
        )  # fmt: skip


def _with_strand(raw: RawAnnotation, path: Path, counts: dict[str, int]) -> RawAnnotation:
    """Genes and transcripts whose strand is known: TSS and RNA direction need it."""
    is_known = pl.col("strand").is_in(["+", "-"])
    lost = raw.transcripts.filter(~is_known)["transcript_id"]
    genes, transcripts = (table.filter(is_known) for table in (raw.genes, raw.transcripts))
    counts["genes_without_strand"] = len(raw.genes) - len(genes)
    counts["transcripts_without_strand"] = len(lost)
    if len(raw.transcripts) and transcripts.is_empty():
        raise ValueError(
            f"annotation {path}: all {len(lost)} transcripts are without strand + or -: {listed(lost)}; "
            "TSS and RNA direction need it: give an annotation that states it"
        )
    if len(lost) or counts["genes_without_strand"]:
        logger.warning(
            "annotation %s: left out %d genes and %d transcripts without strand + or -, as TSS and RNA direction need "
            "it: %s", path, counts["genes_without_strand"], len(lost),
            listed([*raw.genes.filter(~is_known)["gene_id"], *lost]),
        )  # fmt: skip
    return RawAnnotation(genes, transcripts, raw.exons.join(transcripts.select("place"), on="place", how="semi"))


def _check_coordinates(raw: RawAnnotation, assembly: Assembly, path: Path) -> None:
    sizes = pl.DataFrame({"chrom": list(assembly.sizes), "length_bp": list(assembly.sizes.values())})
    genes, transcripts = (
        table.join(sizes, on="chrom", how="left", maintain_order="left") for table in (raw.genes, raw.transcripts)
    )
    of_transcript = transcripts.select("place", "transcript_id", "chrom", "length_bp")
    exons = raw.exons.join(of_transcript.select("place", "length_bp"), on="place", how="left")
    for kind, name, table in (
        ("gene", "gene_id", genes),
        ("transcript", "transcript_id", transcripts),
        ("exon", "transcript_id", exons),
    ):
        wrong = table.filter(
            (pl.col("start") < 0) | (pl.col("start") >= pl.col("end")) | (pl.col("end") > pl.col("length_bp"))
        )
        if not wrong.is_empty():
            rows = wrong if name in wrong.columns else wrong.join(of_transcript.drop("length_bp"), on="place")
            shown = [f"{row[name]} {row['chrom']}:{row['start']}-{row['end']}" for row in rows.iter_rows(named=True)]
            raise ValueError(
                f"annotation {path}: {kind} coordinates (0-based) that are negative, empty, reversed or beyond the end "
                f"of the chromosome in build {assembly.name}: {listed(shown)}; check the file and the build"
            )


def _one_place_each(transcripts: pl.DataFrame, assembly: Assembly, counts: dict[str, int]) -> pl.DataFrame:
    minor = [chrom for chrom in assembly.sizes if not assembly.is_main(chrom)]
    rank = pl.when(pl.col("chrom").is_in(minor)).then(2).when(pl.col("chrom").is_in(["chrY", "Y"])).then(1).otherwise(0)
    kept = transcripts.sort(rank, "place").unique("transcript_id", keep="first", maintain_order=True).sort("place")
    counts["further_places_of_transcripts_dropped"] = len(transcripts) - len(kept)
    return kept


def _merged_blocks(exons: pl.DataFrame, counts: dict[str, int]) -> pl.DataFrame:
    exons = exons.sort("place", "start", "end")
    touches = (pl.col("start") <= pl.col("end").cum_max().shift(1).over("place")).fill_null(False)
    places = exons.filter(touches).select(pl.col("place").unique())
    counts["exon_blocks_merged"] = 0
    if places.is_empty():
        return exons
    to_merge = exons.join(places, on="place", how="semi").with_columns(pl.lit("any").alias("chrom"))
    merged = pl.from_pandas(merge_blocks(to_merge.cast({"place": pl.Int64}).to_pandas(), "place"))
    counts["exon_blocks_merged"] = len(to_merge) - len(merged)
    rest = exons.join(places, on="place", how="anti")
    return pl.concat([rest, merged.cast({"place": rest.schema["place"]}).select(rest.columns)])


def _all_genes(
    stated: pl.DataFrame, transcripts: pl.DataFrame, assembly: Assembly, path: Path, counts: dict[str, int]
) -> pl.DataFrame:
    repeated = stated.filter(pl.col("gene_id").is_duplicated())["gene_id"].unique(maintain_order=True)
    if len(repeated):
        raise ValueError(
            f"annotation {path} has {len(repeated)} gene id(s) with several gene lines (versions stripped): "
            f"{listed(repeated)}; keep one of each"
        )
    minor = [chrom for chrom in assembly.sizes if not assembly.is_main(chrom)]
    loci = (
        transcripts.join(stated.select("gene_id"), on="gene_id", how="anti", maintain_order="left")
        .group_by("gene_id", "chrom", "strand", maintain_order=True)
        .agg(
            pl.col("gene_name").first(), pl.col("gene_type").first(), pl.col("start").min(), pl.col("end").max(),
            pl.len().alias("n_transcripts"), pl.col("place").first(),
        )
    )  # fmt: skip
    derived = (
        loci.sort(pl.col("chrom").is_in(minor), -pl.col("n_transcripts").cast(pl.Int64), "place")
        .unique("gene_id", keep="first", maintain_order=True)
        .sort("place")
    )
    counts["genes_put_together_from_exons"] = len(derived)
    counts["further_loci_of_genes"] = len(loci) - len(derived)
    return pl.concat([stated.select(GENE_COLUMNS), derived.select(GENE_COLUMNS)])
