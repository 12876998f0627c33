"""Samples quantified one by one: files of Salmon, RSEM, kallisto, StringTie or featureCounts, to TPM of genes."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from decode.core.checks import check_matched, check_unique, listed
from decode.core.delimited import read_text_table
from decode.core.files import check_input, open_text
from decode.core.ids import par_y_ids, strip_version
from decode.core.opening import plain_name
from decode.core.shown import shown
from decode.expression.tables import TableLayout, check_finite_cells, parse_numeric

logger = logging.getLogger(__name__)

# File names, in the order in which a sub-folder is searched: gene level before transcript level.
SUFFIXES = (
    ".genes.results", "quant.genes.sf", "gene_abund.tab", "gene_abundance.tab", "gene_abundances.tsv",
    "featurecounts.txt", "featureCounts.txt", "counts.txt", ".isoforms.results", "quant.sf", "abundance.tsv",
)  # fmt: skip
GENE_COLUMNS = ("gene_id", "Gene ID", "Geneid")  # RSEM, StringTie, featureCounts
ID_COLUMNS = (*GENE_COLUMNS, "transcript_id", "Name", "target_id")
TPM_COLUMNS = ("TPM", "tpm")
READ_COLUMNS = ("NumReads", "est_counts", "expected_count")
LENGTH_COLUMNS = ("EffectiveLength", "eff_length", "effective_length")
FEATURE_COUNTS = ("Geneid", "Length")
GENE = re.compile(r"ENS[A-Z]*G\d+")


class SampleFile(NamedTuple):
    """One sample's file.

    Attributes
    ----------
    name : str
    path : Path
    """

    name: str
    path: Path


@shown()
class SampleTpm(NamedTuple):
    """TPM, reads and lengths of genes of all samples, and what was counted.

    Attributes
    ----------
    tpm : pd.DataFrame, shape (n_genes, n_samples)
        Index gene_id, version stripped.
    counts : dict of str to int
        n_files, n_rows (of the first file), n_genes, n_rows_without_gene (most in a file), n_rows_without_a_name
        (rows of all files that have no id and are left out).
    reads : pd.DataFrame, shape (n_genes, n_samples)
        Estimated reads; NaN where a file does not state them (StringTie).
    length_bp : pd.DataFrame, shape (n_genes, n_samples)
        Effective length: of transcripts the mean weighted by their TPM. Where a gene has no TPM in a sample, the
        geometric mean of the other samples, else the mean over its transcripts. NaN where files do not state it.
    """

    tpm: pd.DataFrame
    counts: dict[str, int]
    reads: pd.DataFrame
    length_bp: pd.DataFrame


def find_sample_files(where: str | Path) -> list[SampleFile]:
    """Find the files of samples: in a folder, or as a list names them.

    Parameters
    ----------
    where : str or Path
        A folder: each sub-folder with a quant.sf, quant.genes.sf, NAME.genes.results, NAME.isoforms.results,
        abundance.tsv, gene_abund.tab or NAME.counts.txt (plain or .gz) is one sample, called as the sub-folder; so is
        each such file that lies in the folder itself, called as the file without that ending. Or a list: path of a
        file, or name and path separated by a tab, one a line; relative paths start at the list.

    Returns
    -------
    list of SampleFile
        By name where a folder is given, in the order of the list otherwise.

    Raises
    ------
    FileNotFoundError
        If the folder, the list or a listed file does not exist.
    ValueError
        If there is no such file, several of one kind lie in a sub-folder, or two samples have one name.
    """
    where = Path(where)
    found = _in_folder(where) if where.is_dir() else _in_list(where)
    check_unique(f"names of the samples in {where}", [sample.name for sample in found])
    return found


def _in_folder(folder: Path) -> list[SampleFile]:
    found = []
    for item in sorted(folder.iterdir()):
        if item.is_dir():
            path = _file_of_sample(item)
            found += [SampleFile(item.name, path)] if path is not None else []
    for suffix in SUFFIXES:
        paths = [path for path in sorted(folder.iterdir()) if path.is_file() and plain_name(path).endswith(suffix)]
        if paths and not found:  # genes.results beside isoforms.results are the same samples
            found = [SampleFile(_name_of(path, suffix) or folder.name, path) for path in paths]
    if not found:
        raise ValueError(
            f"{folder} holds no quantified sample: neither it nor its sub-folders have a file that ends in "
            f"{', '.join(SUFFIXES)}; name the folder above the samples, or a list of files"
        )
    return found


def _name_of(path: Path, suffix: str) -> str:
    return plain_name(path).removesuffix(suffix).rstrip("._-")


def _file_of_sample(folder: Path) -> Path | None:
    for suffix in SUFFIXES:
        paths = [path for path in sorted(folder.iterdir()) if path.is_file() and plain_name(path).endswith(suffix)]
        if len(paths) > 1:
            names = listed(path.name for path in paths)
            raise ValueError(
                f"sample {folder} has several files that end in {suffix}: {names}; keep one, or give a list"
            )
        if paths:
            return paths[0]
    return None


def _in_list(path: Path) -> list[SampleFile]:
    with open_text(path, "list of samples") as handle:
        lines = [line.rstrip("\r\n") for line in handle if line.strip() and not line.startswith("#")]
    found = []
    for line in lines:
        name, tab, file = line.rpartition("\t")
        item = path.parent / file.strip()  # an absolute path stays as it is
        if item.is_dir():
            inside = _file_of_sample(item)
            if inside is None:
                raise ValueError(f"{item}, which {path} lists, holds no file that ends in {', '.join(SUFFIXES)}")
            found.append(SampleFile(name.strip() if tab else item.name, inside))
            continue
        check_input(item, f"sample file, which {path} lists,")
        suffix = next((suffix for suffix in SUFFIXES if plain_name(item).endswith(suffix)), "")
        own = _name_of(item, suffix) or item.parent.name
        found.append(SampleFile(name.strip() if tab else own, item))
    if not found:
        raise ValueError(f"list of samples {path} names no file; write one path a line")
    return found


def read_sample_files(where: str | Path, genes_of_transcripts: Mapping[str, str] | None = None) -> SampleTpm:
    """TPM of genes from files of single samples; TPM and reads of transcripts are summed by gene.

    This is the rule of tximport (countsFromAbundance="no"): TPM and reads are sums, the length is the mean of the
    transcripts' effective lengths weighted by TPM. Files of featureCounts have no TPM: reads over length, per million.
    Where a transcript belongs comes, in this order, from the file's own gene_id (RSEM), from its name
    (`ENST...|ENSG...|`, as GENCODE writes it), or from `genes_of_transcripts`.

    Parameters
    ----------
    where : str or Path
        See `find_sample_files`.
    genes_of_transcripts : mapping of transcript id to gene id, optional
        Without versions.

    Returns
    -------
    SampleTpm
        A gene that a file lacks is missing (NaN) in that sample.

    Raises
    ------
    FileNotFoundError, ValueError
        As `find_sample_files`; if a file has no id or TPM column, text or negative numbers as TPM, or repeated ids; if
        names are transcripts and no gene is known of them, or of fewer than half.

    References
    ----------
    Soneson, Love and Robinson 2015, doi:10.12688/f1000research.7563.2 (tximport).

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     (Path(folder) / "A").mkdir()
    ...     _ = (Path(folder) / "A" / "quant.sf").write_text("Name\\tTPM\\nENST1.1\\t600000\\nENST2.1\\t400000\\n")
    ...     read_sample_files(folder, {"ENST1": "ENSG1", "ENST2": "ENSG1"}).tpm.to_dict()
    {'A': {'ENSG1': 1000000.0}}
    """
    samples: dict[str, pd.DataFrame] = {}
    n_rows, lost, n_unnamed = [], [], 0
    for sample in find_sample_files(where):
        table, without_name = _read_file(sample.path)
        n_unnamed += without_name
        genes, n_lost = _genes(table, genes_of_transcripts, sample.path)
        samples[sample.name] = _by_gene(table, genes)
        n_rows.append(len(table))
        lost.append(n_lost)
    order = pd.Index(list(dict.fromkeys(gene for table in samples.values() for gene in table.index)), name="gene_id")
    tpm, reads, length, plain = (
        pd.DataFrame({name: table[column].reindex(order) for name, table in samples.items()}, index=order)
        for column in ("tpm", "reads", "length", "plain_length")
    )
    counts = {
        "n_files": len(samples), "n_file_rows": max(n_rows), "n_file_genes": len(tpm), "n_rows_without_gene": max(lost),
        "n_rows_without_a_name": n_unnamed,
    }  # fmt: skip
    logger.info("files of samples: %s", ", ".join(f"{name} {count}" for name, count in counts.items()))
    n_missing = int(tpm.isna().sum().sum())
    if n_missing:
        logger.warning("files of samples: %d values are missing, as files hold other genes than the rest", n_missing)
    return SampleTpm(tpm, counts, reads, _with_unseen_lengths(length, plain))


def _by_gene(table: pd.DataFrame, genes: pd.Series) -> pd.DataFrame:
    """Columns tpm, reads, length (weighted by TPM, NaN without any) and plain_length, by gene."""
    summed = table[["tpm", "reads"]].groupby(genes, sort=False).sum(min_count=1)
    weighted = (table["tpm"] * table["length"]).groupby(genes, sort=False).sum(min_count=1)
    summed["length"] = weighted / summed["tpm"].where(summed["tpm"] > 0)
    summed["plain_length"] = table["length"].groupby(genes, sort=False).mean()
    return summed


def _with_unseen_lengths(length: pd.DataFrame, plain: pd.DataFrame) -> pd.DataFrame:
    """Lengths of genes without TPM in a sample: the geometric mean of the other samples, else over transcripts."""
    others = np.exp(np.log(length).mean(axis=1)).fillna(plain.mean(axis=1))
    table: pd.DataFrame = length.apply(lambda column: column.fillna(others))
    return table


def _read_file(path: Path) -> tuple[pd.DataFrame, int]:
    """Columns id, tpm, reads, length (NaN where not stated), is_gene and, beside ids of transcripts, gene.

    Also how many rows have no id.
    """
    text = read_text_table(path, "sample file")
    header = text.header
    ids = [column for column in ID_COLUMNS if column in header]
    is_counts = set(FEATURE_COUNTS) <= set(header)
    found = {
        "tpm": _one_of(TPM_COLUMNS, header),
        "reads": _reads_of_feature_counts(header, text.name) if is_counts else _one_of(READ_COLUMNS, header),
        "length": "Length" if is_counts else _one_of(LENGTH_COLUMNS, header),
    }
    if not ids or (found["tpm"] is None and not is_counts):
        raise ValueError(
            f"{text.name} has the columns {listed(header)}; TPM (or tpm) and one of {', '.join(ID_COLUMNS)} are wanted"
        )
    is_isoforms = "transcript_id" in ids and "gene_id" in ids and plain_name(path).endswith(".isoforms.results")
    id_column = "transcript_id" if is_isoforms else ids[0]
    wanted = [id_column, *filter(None, found.values())]
    skipped = [place for place, column in enumerate(header) if column not in wanted]
    layout = TableLayout(header, text.separator, header.index(id_column), skipped, text.first_line)
    table = parse_numeric(text.body, layout, text.name)
    check_finite_cells(table.numbers, table.ids, table.columns, text.name, negative=False)
    missing = np.flatnonzero(np.isnan(table.numbers).any(axis=1))
    if len(missing):
        what = "TPM" if found["tpm"] else "count"
        raise ValueError(f"{text.name} has no {what} of {listed(table.ids[row] for row in missing)}; write it again")
    if id_column != "Gene ID":  # StringTie writes a line for each of several loci
        check_unique(f"ids of {text.name}", table.ids)
    frame = pd.DataFrame({"id": table.ids, "is_gene": id_column in GENE_COLUMNS})
    for role, column in found.items():
        frame[role] = np.nan if column is None else table.numbers[:, table.columns.index(column)]
    if is_counts:
        rate = frame["reads"] / frame["length"].where(frame["length"] > 0)
        frame["tpm"] = rate.fillna(0.0) * (1e6 / max(float(rate.sum()), np.finfo(float).tiny))
    if is_isoforms:
        own = text.strings({header.index(id_column): "id", header.index("gene_id"): "gene"})
        frame["gene"] = own.loc[own["id"] != "", "gene"].to_numpy()
    return frame, table.n_unnamed


def _one_of(names: Sequence[str], header: Sequence[str]) -> str | None:
    return next((name for name in names if name in header), None)


def _reads_of_feature_counts(header: Sequence[str], name: str) -> str:
    """The column of reads: the only one after the places of genes."""
    samples = list(header[header.index("Length") + 1 :])
    if len(samples) != 1:
        raise ValueError(
            f"{name} holds the counts of {len(samples)} samples ({listed(samples)}); a file of one sample is wanted "
            "here, or give the table itself (decode expression person --counts)"
        )
    return samples[0]


def _genes(table: pd.DataFrame, known: Mapping[str, str] | None, path: Path) -> tuple[pd.Series, int]:
    """The gene of every row, None where it has none; copies of genes on Y count as without."""
    names = [str(name) for name in (table["gene"] if "gene" in table else table["id"])]
    parts = [name.split("|") for name in names]
    ids = strip_version(own[0] for own in parts)
    genes: list[str | None]
    if any(len(own) > 1 and own[1].startswith("ENS") for own in parts):  # ENST...|ENSG...|..., as GENCODE writes it
        named = strip_version(own[1] if len(own) > 1 else "" for own in parts)
        genes = [gene or None for gene in named]
    elif "gene" in table or table["is_gene"].all() or not _are_transcripts(path, ids):
        genes = list(ids)
    elif known is None:
        raise ValueError(
            f"sample file {path} names transcripts ({listed(ids, 3)}); give what says their genes: --annotation with "
            "--build, or --id-map with two columns, transcript and gene"
        )
    else:
        _, warning = check_matched(f"sample file {path} (transcripts)", ids, known)
        if warning:
            logger.warning(warning)
        genes = [known.get(name) for name in ids]
    copies = set(par_y_ids(part for own in parts for part in own[:2]))
    genes = [None if copies.intersection(own[:2]) else gene for gene, own in zip(genes, parts, strict=True)]
    return pd.Series(genes, index=table.index, dtype=object), sum(gene is None for gene in genes)


def _are_transcripts(path: Path, ids: list[str]) -> bool:
    if plain_name(path).endswith((".genes.results", "quant.genes.sf")):
        return False
    return 2 * sum(GENE.match(name) is not None for name in ids) <= len(ids)
