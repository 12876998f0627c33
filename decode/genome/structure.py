"""Gene structure: numbers of transcripts and exons, lengths of coding and untranslated parts, density of junctions.

Structure says much about expression that is no regulator's doing, and sites of RNA-binding proteins follow exons. As
channels beside the sites it lets a model tell the two apart.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decode.core.checks import counted, listed, matched_share
from decode.genome.annotation import Annotation
from decode.genome.gene_models import GeneModels

logger = logging.getLogger(__name__)

STRUCTURE = "structure"  # name of the network's input, and so of no region
LEAST_SHARE = 0.5  # of the genes that must be found: fewer are a mistake, another build or other ids
# Of each gene: natural log of 1 + transcripts, exons, bases, or junctions in the CDS per kb of CDS; and a 0/1 flag.
MISSING = "structure_missing"
NUMBERS = ("structure_transcripts", "structure_exons", "structure_span")
CODING = ("structure_cds", "structure_utr5", "structure_utr3", "structure_junctions")
STRUCTURE_CHANNELS = (*NUMBERS, *CODING, MISSING)


@dataclass(frozen=True)
class GeneStructure:
    """Structure of the genes (or transcripts) of some gene models.

    Parameters
    ----------
    table : DataFrame, shape (n_models, 8)
        The columns of `STRUCTURE_CHANNELS`, one row a model, in their order. structure_transcripts: transcripts of the
        gene; structure_exons: exons of the representative; structure_span: its bases from first to last exon;
        structure_cds, structure_utr5, structure_utr3: its spliced coding bases, stop codon included, and those before
        and after; structure_junctions: junctions between coding exons per 1,000 coding bases. All are log(1 + x).
        structure_missing: 1 where a gene was not found, or has no coding transcript; such values are the medians of
        the others.
    counts : dict of str to int
        Genes found by id, by symbol, not found, and found without coding transcript.
    """

    table: pd.DataFrame
    counts: dict[str, Any]


def has_coding(annotation: Annotation) -> bool:
    """Whether an annotation says which bases are coding."""
    return bool((annotation.transcripts["cds_end"] > annotation.transcripts["cds_start"]).any())


def with_structure(models: GeneModels, annotation: Annotation) -> GeneModels:
    """Gene models whose table has the structure channels as further columns, see `gene_structure`."""
    structure = gene_structure(models, annotation)
    kept = models.table.drop(columns=[name for name in STRUCTURE_CHANNELS if name in models.table.columns])
    rule = f"{models.rule}; structure from {annotation.source}: {counted(structure.counts)}"
    return replace(models, table=pd.concat([kept, structure.table], axis=1), rule=rule)


def gene_structure(models: GeneModels, annotation: Annotation) -> GeneStructure:
    """Measure the structure of every gene (or transcript) in an annotation with coding parts.

    Parameters
    ----------
    models : GeneModels
    annotation : Annotation
        Of the same genome build: the one that the models were made of, or another, whose genes are found by gene id,
        else by symbol; in both cases on the chromosome and strand of the model.

    Returns
    -------
    GeneStructure

    Raises
    ------
    ValueError
        If the annotation is of another build, says of no transcript which bases are coding, or has less than half of
        the genes.

    Notes
    -----
    A gene is represented by one coding transcript of the annotation: MANE Select, else the best class of APPRIS
    principal, else Ensembl canonical, else the longest coding sequence; ties go to the longest spliced transcript, then
    to the first of the file. At transcript level each transcript stands for itself, where the annotation has it.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from decode.genome import gene_models, read_annotation
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = Path(folder.name, "genes.txt")
    >>> _ = path.write_text("NM_1\\tchr1\\t+\\t100\\t900\\t150\\t850\\t2\\t100,800,\\t200,900,\\n")
    >>> genes = read_annotation(path, build="hg38")
    >>> found = gene_structure(gene_models(genes), genes).table
    >>> np.expm1(found[["structure_utr5", "structure_cds", "structure_utr3", "structure_junctions"]]).round(6).values
    array([[ 50., 100.,  50.,  10.]])
    >>> folder.cleanup()
    """
    if annotation.assembly.name != models.assembly.name:
        raise ValueError(
            f"the structure annotation {annotation.source} is of build {annotation.assembly.name} and the genes are of "
            f"{models.assembly.name}; give one of the same build"
        )
    if not has_coding(annotation):
        raise ValueError(
            f"annotation {annotation.source} does not say which bases are coding (no CDS lines); give a full GTF, or a "
            "genePred, by --structure"
        )
    measured = _measured(annotation)
    row, counts = _rows_of_models(models, measured)
    counts["without_coding_transcript"] = int((~measured["is_coding"].to_numpy()[row[row >= 0]]).sum())
    share = matched_share(int((row >= 0).sum()), len(measured), len(row))
    if share < LEAST_SHARE:
        lost = [name for name, found in zip(models.ids, row, strict=True) if found < 0]
        raise ValueError(
            f"structure annotation {annotation.source}: {counts['by_id'] + counts['by_symbol']} of {len(row)} "
            f"{models.level}s are found ({share:.1%} of the smaller side); not found: {listed(lost)}. Check that both "
            "name genes alike and are of one build (--id-map resolves symbols)"
        )
    table = _filled(measured, row)
    logger.info("gene structure from %s: %s", annotation.source, counted(counts))
    return GeneStructure(table, counts)


def _measured(annotation: Annotation) -> pd.DataFrame:
    """Every transcript's ids, place, tags and structure in bases; rows by preference, the best of a gene first."""
    table = annotation.transcripts.reset_index(drop=True)
    exons = annotation.exons
    row = pd.Index(table["transcript_id"]).get_indexer(exons["transcript_id"])
    start, end = exons["start"].to_numpy(np.int64), exons["end"].to_numpy(np.int64)
    first, last = (table[name].to_numpy(np.int64)[row] for name in ("cds_start", "cds_end"))
    is_coding = (table["cds_end"] > table["cds_start"]).to_numpy()

    def total(bases: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.bincount(row, weights=np.maximum(bases, 0), minlength=len(table)).astype(np.int64)

    coding = np.minimum(end, last) - np.maximum(start, first)
    before = total(np.minimum(end, first) - start) * is_coding
    after = total(end - np.maximum(start, last)) * is_coding
    is_minus = (table["strand"] == "-").to_numpy()
    cds, length = total(coding), total(end - start)
    n_coding_exons = np.bincount(row[coding > 0], minlength=len(table))
    place = ["gene_id", "chrom", "strand"]
    principal = table["appris"].astype(str).where(table["appris"].astype(str).str.startswith("principal"), "~")
    measured = table[["transcript_id", "gene_name", *place]].assign(
        is_coding=is_coding & (cds > 0),
        is_mane=table["is_mane"].to_numpy(bool),
        appris=np.where(is_coding, principal, "~"),  # "~" comes after every class
        is_canonical=table["is_canonical"].to_numpy(bool),
        length=length,
        number=np.arange(len(table)),
        structure_transcripts=table.groupby(place)["transcript_id"].transform("size").to_numpy(),
        structure_exons=np.bincount(row, minlength=len(table)),
        structure_span=(table["end"] - table["start"]).to_numpy(),
        structure_cds=cds,
        structure_utr5=np.where(is_minus, after, before),
        structure_utr3=np.where(is_minus, before, after),
        structure_junctions=1000.0 * np.maximum(n_coding_exons - 1, 0) / np.maximum(cds, 1),
    )
    return measured.sort_values(
        ["is_coding", "is_mane", "appris", "is_canonical", "structure_cds", "length", "number"],
        ascending=[False, False, True, False, False, False, True],
        ignore_index=True,
    )


def _rows_of_models(models: GeneModels, measured: pd.DataFrame) -> tuple[NDArray[np.int64], dict[str, int]]:
    """Row of `measured` that stands for each model, -1 where there is none."""
    place = ["chrom", "strand"]
    keys = ["transcript_id"] if models.level == "transcript" else ["gene_id", "gene_name"]
    row = np.full(len(models.table), -1, dtype=np.int64)
    counts = {}
    for way, key in zip(("by_id", "by_symbol"), keys, strict=False):
        known = measured[[*place, key]].drop_duplicates()  # the first is the gene's best
        found = pd.MultiIndex.from_frame(known).get_indexer(pd.MultiIndex.from_frame(models.table[[*place, key]]))
        found = np.where(found >= 0, known.index.to_numpy()[found], -1)
        found = np.where(models.table[key].astype(str).to_numpy() == "", -1, found)
        counts[way] = int(((row < 0) & (found >= 0)).sum())
        row = np.where(row < 0, found, row)
    counts.setdefault("by_symbol", 0)
    counts["not_found"] = int((row < 0).sum())
    return row, counts


def _filled(measured: pd.DataFrame, row: NDArray[np.int64]) -> pd.DataFrame:
    """Channels of each model; the median where a gene was not found or, of the coding parts, codes for nothing."""
    is_found = row >= 0
    is_coding = is_found & measured["is_coding"].to_numpy()[row]
    columns = {}
    for names, is_known in ((NUMBERS, is_found), (CODING, is_coding)):
        for name in names:
            values = np.log1p(measured[name].to_numpy(np.float64)[row])
            middle = float(np.median(values[is_known])) if is_known.any() else 0.0
            columns[name] = np.where(is_known, values, middle)
    return pd.DataFrame(columns | {MISSING: (~is_coding).astype(np.float64)})[list(STRUCTURE_CHANNELS)]
