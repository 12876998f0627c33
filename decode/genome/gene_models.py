"""Gene models: one row a gene or transcript, with its TSS and spliced exons."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from decode.core.checks import check_choice, listed
from decode.core.choices import Level, Representative
from decode.core.shown import shown
from decode.genome.annotation import Annotation, merge_blocks
from decode.genome.assembly import Assembly

logger = logging.getLogger(__name__)

REPRESENTATIVES = ("auto", "collapsed", "mane", "appris", "canonical", "longest")


@shown()
@dataclass(frozen=True)
class GeneModels:
    """One model a gene (or transcript): where it starts and which bases its RNA keeps.

    Parameters
    ----------
    level : {"gene", "transcript"}
    assembly : Assembly
    rule : str
        How the model of each gene was chosen, with counts.
    table : DataFrame
        RangeIndex. At transcript level transcript_id (unique), gene_id, gene_name; at gene level gene_id (unique),
        gene_name, representative (id of the chosen transcript, empty for a union). Then chrom, strand, tss (0-based
        position of the first transcribed base, as the transcript line states it, or the gene line for a union),
        length_bp (spliced), n_exons.
    exons : DataFrame
        model (row of `table`), chrom, start, end, strand, rna_start (RNA coordinate of the exon's 5' base); by model,
        then 5' to 3'.
    """

    level: Level
    assembly: Assembly
    rule: str
    table: pd.DataFrame
    exons: pd.DataFrame

    @property
    def ids(self) -> list[str]:
        """Gene ids at gene level, transcript ids at transcript level; unique, in the order of `table`."""
        column = "gene_id" if self.level == "gene" else "transcript_id"
        return [str(name) for name in self.table[column]]

    @cached_property
    def _row_of_id(self) -> dict[str, int]:
        return {name: row for row, name in enumerate(self.ids)}

    @cached_property
    def _first_exon(self) -> npt.NDArray[np.int64]:
        """Exons of model i are rows [first[i], first[i + 1])."""
        counts = self.table["n_exons"].to_numpy(dtype=np.int64)
        return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])

    def exons_of(self, model_id: str) -> pd.DataFrame:
        """Exons of one model, 5' to 3'.

        Raises
        ------
        KeyError
            If there is no such model.
        """
        row = self.row_of(model_id)
        return self.exons.iloc[self._first_exon[row] : self._first_exon[row + 1]]

    def row_of(self, model_id: str) -> int:
        """Row of `table` that holds a model; KeyError where there is none."""
        row = self._row_of_id.get(model_id)
        if row is None:
            raise KeyError(
                f"{self.level} {model_id!r} is not among the {len(self.table)} models: {listed(self.ids, 3)}"
            )
        return row


def gene_models(
    annotation: Annotation,
    *,
    level: Level = "gene",
    representative: Representative = "auto",
) -> GeneModels:
    """Choose the transcript that stands for each gene, or keep every transcript.

    Parameters
    ----------
    annotation : Annotation
    level : {"gene", "transcript"}
        "transcript" keeps every transcript as a model of its own; `representative` is then not used.
    representative : {"auto", "collapsed", "mane", "appris", "canonical", "longest"}
        "auto": the only transcript, where every gene has one (collapsed models are used as given); otherwise gene by
        gene MANE Select, else APPRIS principal (best class), else Ensembl canonical, else the longest spliced.
        "collapsed": the union of all exons of the gene. "mane", "appris", "canonical": only genes that have such a
        transcript; the others are left out, counted in `rule` and logged. "longest": the longest spliced transcript.
        Ties go to the longest spliced transcript, then to the first of the file.

    Returns
    -------
    GeneModels
        In the order of the annotation's genes (or transcripts).

    Raises
    ------
    ValueError
        If no gene has the tag that is asked for, or an option is unknown.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from decode.genome import genome_to_rna, read_annotation
    >>> folder = tempfile.TemporaryDirectory()
    >>> gtf = Path(folder.name, "one.gtf")
    >>> _ = gtf.write_text(
    ...     'chr1\\tX\\texon\\t1001\\t1010\\t.\\t-\\t.\\tgene_id "A"; transcript_id "A1";\\n'
    ...     'chr1\\tX\\texon\\t1101\\t1105\\t.\\t-\\t.\\tgene_id "A"; transcript_id "A1";\\n'
    ... )
    >>> genes = gene_models(read_annotation(gtf, build="hg38"))
    >>> genes.table[["gene_id", "tss", "length_bp", "n_exons"]].to_numpy().tolist()
    [['A', 1104, 15, 2]]
    >>> genome_to_rna(genes, "A", [1104, 1100, 1050, 1009]).tolist()
    [0, 4, -1, 5]
    >>> folder.cleanup()
    """
    check_choice("level", level, ("gene", "transcript"))
    check_choice("representative", representative, REPRESENTATIVES)
    transcripts, exons = _with_lengths(annotation)
    if level == "transcript":
        rule = f"every transcript: {len(transcripts):,}"
        return _models(level, annotation.assembly, rule, transcripts, exons, transcripts["transcript"].to_numpy())
    genes = annotation.genes.reset_index(drop=True)
    transcripts = _on_their_gene(transcripts, genes)
    if representative == "collapsed":
        chosen, rule = None, "collapsed: union of the exons of all transcripts"
    else:
        chosen, rule = _choose(transcripts, representative)
    has_model = np.unique((transcripts if chosen is None else chosen)["gene"])
    n_without = len(genes) - len(has_model)
    if n_without:
        rule += f"; genes left out without such a transcript: {n_without:,}"
        logger.warning("gene models: %s", rule)
    else:
        logger.info("gene models: %s", rule)
    table = genes.loc[has_model, ["gene_id", "gene_name", "chrom", "start", "end", "strand"]]
    if chosen is None:
        table["representative"] = ""
        exons = exons.merge(transcripts[["transcript", "gene"]], on="transcript")
        exons = merge_blocks(exons, "gene").rename(columns={"gene": "key"})
    else:
        chosen = chosen.sort_values("gene", ignore_index=True)
        table["representative"] = chosen["transcript_id"].to_numpy()
        table["start"], table["end"] = chosen["start"].to_numpy(), chosen["end"].to_numpy()
        exons = exons.merge(chosen[["transcript", "gene"]], on="transcript")[["gene", "start", "end"]]
        exons = exons.rename(columns={"gene": "key"})
    return _models(level, annotation.assembly, rule, table, exons, has_model)


def _with_lengths(annotation: Annotation) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Transcripts with their row number (`transcript`) and spliced length, and exons by that number."""
    transcripts = annotation.transcripts.reset_index(drop=True)
    transcripts["transcript"] = np.arange(len(transcripts))
    rows = pd.Index(transcripts["transcript_id"]).get_indexer(annotation.exons["transcript_id"])
    exons = annotation.exons[["chrom", "start", "end"]].assign(transcript=rows, key=rows)
    lengths = np.bincount(rows, weights=exons["end"] - exons["start"], minlength=len(transcripts))
    transcripts["length_bp"] = lengths.astype(np.int64)
    return transcripts, exons


def _on_their_gene(transcripts: pd.DataFrame, genes: pd.DataFrame) -> pd.DataFrame:
    """Transcripts that lie on the chromosome and strand of their gene, with the gene's row number."""
    gene = pd.Index(genes["gene_id"]).get_indexer(transcripts["gene_id"])
    known = transcripts[gene >= 0].assign(gene=gene[gene >= 0])
    own = genes.loc[known["gene"], ["chrom", "strand"]].to_numpy()
    at_gene = (known[["chrom", "strand"]].to_numpy() == own).all(axis=1)
    if not at_gene.all():
        elsewhere = known.loc[~at_gene, "transcript_id"]
        logger.info("gene models: %d transcripts lie elsewhere than their gene: %s", len(elsewhere), listed(elsewhere))
    table: pd.DataFrame = known[at_gene]
    return table


def _choose(transcripts: pd.DataFrame, representative: str) -> tuple[pd.DataFrame, str]:
    """The chosen transcript of each gene, and the rule with counts."""
    if representative == "auto" and transcripts["gene"].is_unique:
        return transcripts, f"auto: as given, one transcript a gene: {len(transcripts):,}"
    principal = transcripts["appris"].astype("string").str.startswith("principal").to_numpy(dtype=bool)
    tests = {
        "mane": transcripts["is_mane"].to_numpy(dtype=bool),
        "appris": principal,
        "canonical": transcripts["is_canonical"].to_numpy(dtype=bool),
        "longest": np.ones(len(transcripts), dtype=bool),
    }
    ways = list(tests) if representative == "auto" else [representative]
    way = np.full(len(transcripts), len(ways), dtype=np.int64)
    for rank, name in reversed(list(enumerate(ways))):
        way[tests[name]] = rank
    # Within APPRIS, principal_1 is before principal_2 and so on; a bare "principal" is the best class.
    appris_class = np.where(
        (way < len(ways)) & (np.array([*ways, ""])[way] == "appris"), transcripts["appris"].astype(str), ""
    )
    ranked = transcripts.assign(way=way, appris_class=appris_class)
    ranked = ranked[ranked["way"] < len(ways)]
    if ranked.empty:
        raise ValueError(
            f"representative is {representative!r} but no transcript of the annotation has that tag; "
            "choose auto, longest or collapsed"
        )
    ranked = ranked.sort_values(
        ["gene", "way", "appris_class", "length_bp", "transcript"], ascending=[True, True, True, False, True]
    ).drop_duplicates("gene")
    used = ", ".join(f"{name} {int((ranked['way'] == rank).sum()):,}" for rank, name in enumerate(ways))
    return ranked, f"{representative}: {used}"


def _models(
    level: Level,
    assembly: Assembly,
    rule: str,
    table: pd.DataFrame,
    exons: pd.DataFrame,
    keys: npt.NDArray[np.int64],
) -> GeneModels:
    """Put exons in 5' to 3' order and derive tss, length and RNA offsets; `keys[i]` is the exon key of table row i.

    The TSS is the 5' end of the transcript (of the gene, for a union) as the file states it. In collapsed models it can
    lie before the first exon, where the exons of non-coding transcripts were left out.
    """
    model = np.searchsorted(keys, exons["key"].to_numpy())
    start, end = exons["start"].to_numpy(dtype=np.int64), exons["end"].to_numpy(dtype=np.int64)
    strand = table["strand"].to_numpy()
    is_minus = (strand == "-")[model]
    order = np.lexsort((np.where(is_minus, -start, start), model))
    model, start, end, is_minus = model[order], start[order], end[order], is_minus[order]
    before = np.cumsum(end - start) - (end - start)
    n_models = len(table)
    first = np.searchsorted(model, np.arange(n_models))
    n_exons = np.bincount(model, minlength=n_models)
    length_bp = np.bincount(model, weights=end - start, minlength=n_models).astype(np.int64)
    chrom = table["chrom"].to_numpy()
    frame = pd.DataFrame(
        {
            "model": model,
            "chrom": chrom[model],
            "start": start,
            "end": end,
            "strand": strand[model],
            "rna_start": before - before[first][model],
        }
    )
    names = ["gene_id", "gene_name", "representative"] if level == "gene" else ["transcript_id", "gene_id", "gene_name"]
    result = table[[*names, "chrom", "strand"]].reset_index(drop=True)
    result["tss"] = np.where(strand == "-", table["end"].to_numpy() - 1, table["start"].to_numpy()).astype(np.int64)
    result["length_bp"] = length_bp
    result["n_exons"] = n_exons.astype(np.int64)
    return GeneModels(level, assembly, rule, result, frame)
