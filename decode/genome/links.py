"""Links of distal elements to genes: BEDPE files and tables of enhancer-gene pairs."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import polars as pl

from decode.core.checks import check_columns, check_matched, listed, shortened
from decode.core.delimited import whole_number
from decode.core.files import read_bytes
from decode.core.ids import IdResult, resolve_ids
from decode.genome.assembly import Assembly

logger = logging.getLogger(__name__)

# Other names of a column, in lower case; those of the ABC model (Fulco 2019) among them.
ALIASES = {
    "chrom": ("chrom", "chr", "chromosome", "seqnames"),
    "start": ("start", "chromstart"),
    "end": ("end", "stop", "chromend"),
    "gene": ("gene_id", "gene", "gene_name", "symbol", "targetgene", "target_gene", "ensembl_gene_id"),
    "score": ("score", "abc.score", "abc_score"),
}
BEDPE_COLUMNS = ["chrom", "start", "end", "chrom2", "start2", "end2", "gene", "score"]
BED_COLUMNS = ["chrom", "start", "end", "gene", "score"]
NOT_NAMED = ("", ".", "NA", "nan")


class Links(NamedTuple):
    """Elements and the genes that they are linked to.

    table : DataFrame
        gene_id, chrom, start, end (0-based half-open), score (NaN where not stated); one row a link, in the order of
        the file.
    counts : dict
        n_rows, n_below_score, n_skipped_chromosome and skipped_chromosomes (the assembly lacks them), n_without_gene
        (no name, or no TSS in the second interval), n_unknown_genes and n_ambiguous_genes (names that stand for
        no gene, or for several), n_unknown_rows (of both), n_links, n_genes, n_other_chromosome (element and gene on
        different chromosomes).
    """

    table: pd.DataFrame
    counts: dict[str, Any]


def read_links(
    path: str | Path,
    assembly: Assembly,
    genes: pd.DataFrame,
    *,
    min_score: float | None = None,
    id_map: str | Path | None = None,
) -> Links:
    """Read which distal elements (enhancers) are linked to which gene.

    Parameters
    ----------
    path : str or Path
        Plain or gzip text, one of:

        - BEDPE (10 columns, at least 6): the first interval is the element. The gene is named in column 7, by id or
          symbol; where that column names no gene at all, the second interval tells it: all genes whose TSS lies in it.
        - a table with a header that has chrom, start, end, a gene id or symbol (gene_id, gene_name, TargetGene, ...)
          and optionally a score;
        - BED with the gene in column 4 and optionally a score in column 5.
    assembly : Assembly
    genes : DataFrame
        gene_id, gene_name, chrom, tss; several rows of one gene (transcripts) are allowed.
    min_score : float, optional
        Links with a lower score are left out and counted.
    id_map : str or Path, optional
        As in `decode.core.ids.resolve_ids`.

    Returns
    -------
    Links

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is empty or of another form; coordinates are no numbers, negative, reversed or beyond the end of
        their chromosome; no link is left; or the named genes do not match (matching rule: the genes named against the
        genes of the models).

    Examples
    --------
    >>> import tempfile
    >>> from decode.genome.assembly import get_assembly
    >>> genes = pd.DataFrame({"gene_id": ["ENSG1"], "gene_name": ["MYC"], "chrom": ["chr8"], "tss": [500]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     links = Path(folder, "links.tsv")
    ...     _ = links.write_text("chr\\tstart\\tend\\tTargetGene\\nchr8\\t9000\\t9400\\tMYC\\n")
    ...     read_links(links, get_assembly("hg38"), genes).table.iloc[:, :4].values.tolist()
    [['ENSG1', 'chr8', 9000, 9400]]
    """
    check_columns("genes", genes, ["gene_id", "gene_name", "chrom", "tss"])
    label = f"links {path}"
    raw = _parse(Path(path), label)
    counts: dict[str, Any] = {"n_rows": len(raw)}
    raw = _with_scores(raw, min_score, counts, label)
    raw = _on_assembly(raw, assembly, counts, label)
    if "chrom2" in raw.columns and not _names_a_gene(raw, genes, id_map):
        table = _by_tss(raw, genes, assembly, counts, label)
    else:
        table = _by_name(raw, genes, counts, label, id_map)
    chrom_of = genes.drop_duplicates("gene_id").set_index("gene_id")["chrom"]
    counts["n_links"], counts["n_genes"] = len(table), int(table["gene_id"].nunique())
    counts["n_other_chromosome"] = int((table["chrom"].to_numpy() != chrom_of[table["gene_id"]].to_numpy()).sum())
    logger.info("%s: %s", label, ", ".join(f"{name} {value}" for name, value in counts.items()))
    return Links(table, counts)


def _parse(path: Path, label: str) -> pl.DataFrame:
    """Columns chrom, start, end, line and, where stated, gene, score and (BEDPE) chrom2, start2, end2."""
    lines = read_bytes(path, "links").decode("utf-8", "replace").split("\n")
    kept: list[tuple[int, str]] = []
    header: list[str] | None = None
    separator = "\t"
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith(("track ", "browser ")):
            continue
        if header is None and not kept:
            separator = "\t" if "\t" in line else "," if "," in line else " "
            names = [name.strip().lower() for name in line.lstrip("#").split(separator)]
            if set(names) & set(ALIASES["start"]) and set(names) & set(ALIASES["end"]):
                header = names
                continue
            if "start1" in names and "start2" in names:  # header of a BEDPE file
                continue
        if not line.startswith("#"):
            kept.append((number, line))
    if not kept:
        raise ValueError(f"{label} hold no row; give BEDPE, or a table of chrom, start, end, gene_id")
    rows = [line.split(separator) if separator != " " else line.split() for _, line in kept]
    columns = _header_columns(header, label) if header else _guessed_columns(rows[0], label)
    last = max(columns[name] for name in columns if name != "score" or header)
    short = [f"line {number}" for (number, _), row in zip(kept, rows, strict=True) if len(row) <= last]
    if short:
        raise ValueError(f"{label}: rows with fewer than {last + 1} columns: {listed(short)}; correct or remove them")
    data = {
        name: [row[column].strip() if column < len(row) else "" for row in rows] for name, column in columns.items()
    }
    data["line"] = [str(number) for number, _ in kept]
    frame = pl.DataFrame(data, schema=dict.fromkeys(data, pl.String))
    for name in ("start", "end", "start2", "end2"):
        if name in columns:
            frame = _as_numbers(frame, name, pl.Int64, label)
    return frame


def _header_columns(header: list[str], label: str) -> dict[str, int]:
    columns = {}
    for name, aliases in ALIASES.items():
        found = [alias for alias in aliases if alias in header]
        if found:
            columns[name] = header.index(found[0])
        elif name != "score":
            raise ValueError(
                f"{label} have no column {name} in the header ({listed(header, 8)}); "
                f"wanted is one of {', '.join(aliases)}"
            )
    return columns


def _guessed_columns(row: list[str], label: str) -> dict[str, int]:
    """Columns of a file without header, by its first row."""
    is_number = [whole_number(cell.strip()) is not None for cell in row]
    if len(row) >= 6 and all(is_number[i] for i in (1, 2, 4, 5)):
        return {name: i for i, name in enumerate(BEDPE_COLUMNS) if i < len(row)}
    if len(row) >= 4 and is_number[1] and is_number[2]:
        return {name: i for i, name in enumerate(BED_COLUMNS) if i < len(row)}
    raise ValueError(
        f"{label}: the first row is {' '.join(row)[:80]!r}; wanted is BEDPE (two intervals), or a table of chrom, "
        "start, end and gene_id"
    )


def _as_numbers(frame: pl.DataFrame, name: str, dtype: Any, label: str) -> pl.DataFrame:
    numbers = frame[name].cast(dtype, strict=False)
    bad = numbers.is_null().arg_true().to_list()
    if bad:
        shown = [f"line {frame['line'][row]} ({shortened(frame[name][row])!r})" for row in bad]
        raise ValueError(f"{label}: {name} is no {'whole ' if dtype == pl.Int64 else ''}number in {listed(shown)}")
    return frame.with_columns(numbers.alias(name))


def _with_scores(raw: pl.DataFrame, min_score: float | None, counts: dict[str, Any], label: str) -> pl.DataFrame:
    counts["n_below_score"] = 0
    if min_score is None:
        score = raw["score"].cast(pl.Float64, strict=False) if "score" in raw.columns else None
        return raw.with_columns((score if score is not None else pl.lit(None, pl.Float64)).alias("score"))
    if "score" not in raw.columns:
        raise ValueError(f"{label} have no score, and min_score is {min_score:g}; leave it out, or add a column score")
    raw = _as_numbers(raw, "score", pl.Float64, label)
    kept = raw.filter(pl.col("score") >= min_score)
    counts["n_below_score"] = len(raw) - len(kept)
    if kept.is_empty():
        raise ValueError(f"{label}: no link scores {min_score:g} or more; lower min_score")
    return kept


def _on_assembly(raw: pl.DataFrame, assembly: Assembly, counts: dict[str, Any], label: str) -> pl.DataFrame:
    """Known chromosomes by their name in the assembly, and coordinates checked."""
    pairs = [("chrom", "start", "end")] + ([("chrom2", "start2", "end2")] if "chrom2" in raw.columns else [])
    is_known = pl.lit(True)
    skipped: dict[str, int] = {}
    for chrom, _, _ in pairs:
        names = raw[chrom].unique(maintain_order=True).to_list()
        known = {name: found for name in names if (found := assembly.resolve(name)) is not None}
        if not known:
            raise ValueError(
                f"{label}: none of the {len(raw)} links lies on a chromosome of {assembly.name}; they have "
                f"{listed(names)}, the build has {listed(assembly.sizes, 3)}: check the build"
            )
        for name in names:
            if name not in known:
                skipped[name] = skipped.get(name, 0) + int((raw[chrom] == name).sum())
        raw = raw.with_columns(pl.col(chrom).replace_strict(known, default=None, return_dtype=pl.String))
        is_known = is_known & pl.col(chrom).is_not_null()
    kept = raw.filter(is_known)
    counts["n_skipped_chromosome"], counts["skipped_chromosomes"] = len(raw) - len(kept), skipped
    if skipped:
        logger.warning(
            "%s: %d of %d links lie on chromosomes that %s lacks and are skipped: %s",
            label, len(raw) - len(kept), len(raw), assembly.name, listed(skipped),
        )  # fmt: skip
    for chrom, start, end in pairs:
        size = pl.col(chrom).replace_strict(dict(assembly.sizes), default=None, return_dtype=pl.Int64)
        wrong = kept.filter((pl.col(start) < 0) | (pl.col(start) >= pl.col(end)) | (pl.col(end) > size))
        if not wrong.is_empty():
            shown = [
                f"line {row['line']} ({row[chrom]}:{row[start]}-{row[end]})" for row in wrong.iter_rows(named=True)
            ]
            raise ValueError(
                f"{label}: coordinates that are negative, empty, reversed or beyond the end of the chromosome of "
                f"{assembly.name}: {listed(shown)}; they are 0-based half-open: check the file and the build"
            )
    return kept


def _names_a_gene(raw: pl.DataFrame, genes: pd.DataFrame, id_map: str | Path | None) -> bool:
    if "gene" not in raw.columns:
        return False
    named = raw.filter(~pl.col("gene").is_in(NOT_NAMED))["gene"].unique(maintain_order=True).to_list()
    return any(gene is not None for gene in _resolved(named, genes, id_map).ids)


def _resolved(names: list[str], genes: pd.DataFrame, id_map: str | Path | None) -> IdResult:
    table = genes[["gene_id", "gene_name"]].drop_duplicates("gene_id")
    return resolve_ids(names, table, id_map, on_ambiguous="count")


def _by_name(
    raw: pl.DataFrame, genes: pd.DataFrame, counts: dict[str, Any], label: str, id_map: str | Path | None
) -> pd.DataFrame:
    named = raw.filter(~pl.col("gene").is_in(NOT_NAMED))
    counts["n_without_gene"] = len(raw) - len(named)
    if named.is_empty():
        raise ValueError(f"{label} name no gene; give its id or symbol, or BEDPE whose second interval holds the TSS")
    names = named["gene"].unique(maintain_order=True).to_list()
    result = _resolved(names, genes, id_map)
    gene_of = dict(zip(names, result.ids, strict=True))
    wanted = [gene or name for name, gene in gene_of.items()]
    _, warning = check_matched(f"{label}: genes named", list(dict.fromkeys(wanted)), set(genes["gene_id"]))
    if warning:
        logger.warning(warning)
    counts["n_unknown_genes"], counts["n_ambiguous_genes"] = result.counts["unresolved"], result.counts["ambiguous"]
    found = named.with_columns(pl.col("gene").replace_strict(gene_of, return_dtype=pl.String)).drop_nulls("gene")
    counts["n_unknown_rows"] = len(named) - len(found)
    return _frame(found)


def _by_tss(
    raw: pl.DataFrame, genes: pd.DataFrame, assembly: Assembly, counts: dict[str, Any], label: str
) -> pd.DataFrame:
    """Links to every gene with a TSS in the second interval."""
    starts = pd.DataFrame({"gene_id": genes["gene_id"], "at": genes["chrom"].map(assembly.offsets) + genes["tss"]})
    starts = starts.drop_duplicates().sort_values("at", kind="stable")
    at = starts["at"].to_numpy(np.int64)
    offset = np.array([assembly.offsets[chrom] for chrom in raw["chrom2"]], dtype=np.int64)
    low = np.searchsorted(at, offset + raw["start2"].to_numpy(), side="left")
    high = np.searchsorted(at, offset + raw["end2"].to_numpy(), side="left")
    n_found = high - low
    counts["n_without_gene"] = int((n_found == 0).sum())
    counts["n_unknown_genes"] = counts["n_ambiguous_genes"] = counts["n_unknown_rows"] = 0
    if not n_found.any():
        raise ValueError(
            f"{label}: no name is a gene, and no second interval holds the TSS of a gene; put the gene into column 7, "
            "or give intervals around the TSS"
        )
    row = np.repeat(np.arange(len(raw)), n_found)
    first = np.cumsum(n_found) - n_found
    gene = starts["gene_id"].to_numpy()[np.arange(len(row)) - np.repeat(first, n_found) + np.repeat(low, n_found)]
    return _frame(raw[row].with_columns(pl.Series("gene", gene.astype(str)))).drop_duplicates(ignore_index=True)


def _frame(found: pl.DataFrame) -> pd.DataFrame:
    columns = ["gene", "chrom", "start", "end", "score"]
    return found.select(columns).to_pandas().rename(columns={"gene": "gene_id"})
