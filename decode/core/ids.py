"""One way to name a gene: version suffixes, symbols, previous symbols and `SYMBOL|Entrez` to gene ids."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

import pandas as pd

from decode.core.checks import check_choice, check_columns, listed
from decode.core.delimited import split_cells
from decode.core.files import open_text

logger = logging.getLogger(__name__)

# Ensembl (any species) and RefSeq accessions carry ".version"; symbols such as RP11-34P13.7 must keep their dot.
# GENCODE's releases that were lifted to hg19 add the number of the mapping: ENSG00000167393.17_8, ..._PAR_Y_8.
VERSION_PATTERN = r"^(ENS[A-Z]*\d+|[NX][MR]_\d+)(?:\.\d+)?(_PAR_Y)?(?:_\d+)?"
WITHOUT_VERSION = r"\1\2"
_VERSION = re.compile(VERSION_PATTERN)
PAR_Y_PATTERN = r"^ENS[A-Z]*[GT]R\d+|_PAR_Y(?:_\d+)?$"
_PAR_Y = re.compile(PAR_Y_PATTERN)


class IdResult(NamedTuple):
    """Gene ids of names, and how each was found.

    ids : list of str or None
        Gene id of each name, in the order given; None where it was not found or is ambiguous.
    counts : dict of str to int
        names, and by way: id, symbol, id_map, previous_symbol, alias; then unresolved, ambiguous, and
        sharing_a_gene (names beyond the first of a gene).
    ambiguous : dict of str to list of str
        Names that stand for several genes, with their candidates.
    """

    ids: list[str | None]
    counts: dict[str, int]
    ambiguous: dict[str, list[str]]


def strip_version(ids: Iterable[str]) -> list[str]:
    """Gene or transcript ids without their version.

    The copies of pseudo-autosomal genes on Y stay apart (`ENSG00000182378_PAR_Y`, `ENSGR0000182378`), so that a table
    that holds both copies has no repeated id; `par_y_ids` names them.

    Parameters
    ----------
    ids : iterable of str

    Returns
    -------
    list of str

    Examples
    --------
    >>> strip_version(["ENSG00000182378.8", "ENSG00000182378.15_PAR_Y_8", "ENSG00000167393.17_8", "RP11-34P13.7"])
    ['ENSG00000182378', 'ENSG00000182378_PAR_Y', 'ENSG00000167393', 'RP11-34P13.7']
    """
    return [_VERSION.sub(WITHOUT_VERSION, str(name)) for name in ids]


def par_y_ids(ids: Iterable[str]) -> list[str]:
    """Ids that name the Y copy of a pseudo-autosomal gene.

    Examples
    --------
    >>> par_y_ids(["ENSG00000182378.8", "ENSG00000182378.8_PAR_Y", "ENSGR0000182378.8"])
    ['ENSG00000182378.8_PAR_Y', 'ENSGR0000182378.8']
    """
    return [str(name) for name in ids if _PAR_Y.search(str(name))]


def resolve_ids(
    names: Iterable[str],
    genes: pd.DataFrame,
    id_map: str | Path | None = None,
    *,
    on_ambiguous: Literal["raise", "count"] = "raise",
) -> IdResult:
    """Find the gene id of every name: an id, a symbol, a previous symbol or `SYMBOL|Entrez`.

    The first way that finds a gene is taken: gene id (version ignored); a two-column id map or Entrez number; symbol;
    previous symbol; alias. Where several genes have one name, the current symbol of the HGNC table decides; where the
    table and the gene names disagree on a symbol, the name is ambiguous. Of `SYMBOL|Entrez`, either part is enough.

    Parameters
    ----------
    names : iterable of str
    genes : DataFrame
        gene_id and gene_name: the genes to find.
    id_map : str or Path, optional
        Tab- or comma-separated, plain or gzip: two columns (name and gene id, or name and gene name, in either order),
        or the HGNC complete set (symbol, prev_symbol, alias_symbol, ensembl_gene_id, entrez_id; lists joined by '|').
    on_ambiguous : {"raise", "count"}
        What happens when a name stands for several genes.

    Returns
    -------
    IdResult
        Names that are not found have None and are counted; nothing is dropped.

    Raises
    ------
    ValueError
        If a name is ambiguous (with its candidates) and `on_ambiguous` is "raise", or the id map cannot be read.

    Examples
    --------
    >>> genes = pd.DataFrame({"gene_id": ["ENSG00000141510", "ENSG00000136997"], "gene_name": ["TP53", "MYC"]})
    >>> resolve_ids(["MYC", "ENSG00000141510.17", "TP53|7157", "nothing"], genes).ids
    ['ENSG00000136997', 'ENSG00000141510', 'ENSG00000141510', None]
    """
    check_columns("genes", genes, ["gene_id", "gene_name"])
    check_choice("on_ambiguous", on_ambiguous, ("raise", "count"))
    lookup = _lookup(genes, id_map)
    counts: Counter[str] = Counter(dict.fromkeys(("names", *_WAYS, "unresolved", "ambiguous", "sharing_a_gene"), 0))
    ambiguous: dict[str, list[str]] = {}
    ids: list[str | None] = []
    texts = [str(name) for name in names]
    for name in texts:
        way, found = lookup.find(name)
        counts["names"] += 1
        counts[way if len(found) == 1 else "ambiguous" if found else "unresolved"] += 1
        if len(found) > 1:
            ambiguous[name] = found
        ids.append(found[0] if len(found) == 1 else None)
    resolved = [name for name in ids if name is not None]
    counts["sharing_a_gene"] = len(resolved) - len(set(resolved))
    if ambiguous and on_ambiguous == "raise":
        shown = [f"{name} ({', '.join(found)})" for name, found in ambiguous.items()]
        raise ValueError(
            f"{len(ambiguous)} name(s) stand for several genes: {listed(shown)}; "
            "name the gene id, or give an id map that decides (--id-map)"
        )
    if dates := spreadsheet_dates(name for name, found in zip(texts, ids, strict=True) if found is None):
        logger.warning(
            "%d names are dates that a spreadsheet made from symbols such as MARCH1 and SEPT2: %s; take the names from "
            "the table as it was before", len(dates), listed(dates),
        )  # fmt: skip
    logger.info("gene names: %s", ", ".join(f"{way} {count:,}" for way, count in counts.items()))
    return IdResult(ids, dict(counts), ambiguous)


def genes_of_id_map(id_map: str | Path) -> pd.DataFrame:
    """The genes that an id map itself names, for inputs whose only gene names are symbols.

    Parameters
    ----------
    id_map : str or Path
        HGNC complete set, or two columns one of which holds Ensembl gene ids.

    Returns
    -------
    DataFrame
        gene_id (version stripped), gene_name; one row a pair.

    Raises
    ------
    ValueError
        If the map has no Ensembl gene id.
    """
    columns = _read_map(id_map)
    if "ensembl_gene_id" in columns and "symbol" in columns:
        pairs = list(zip(columns["ensembl_gene_id"], columns["symbol"], strict=True))
    else:
        first, second = columns.values()
        pairs = [(b, a) if b.startswith("ENS") else (a, b) for a, b in zip(first, second, strict=True)]
    pairs = [(strip_version([gene])[0], name) for gene, name in pairs if gene.startswith("ENS") and name]
    if not pairs:
        raise ValueError(f"id map {id_map} names no Ensembl gene id; give the HGNC complete set or a two-column table")
    return pd.DataFrame(list(dict.fromkeys(pairs)), columns=["gene_id", "gene_name"])


_NUMBER = re.compile(r"^(\d+)\.0+$")
# What spreadsheets make of MARCH1 and SEPT2: 1-Mar, 2-Sep, Mar-01, 2002-09-02
_DATE = re.compile(
    r"^\d{1,2}-(jan|feb|mar|apr|may|jun|jul|aug|sep|sept|oct|nov|dec)$|^(mar|sep|sept|dec|oct)-\d{1,2}$"
    r"|^(19|20)\d\d[-/]\d\d?[-/]\d\d?$",
    re.IGNORECASE,
)


def _whole_number(name: str) -> str:
    """An Entrez number without the decimals that a table of floats gave it: 7157.0 is 7157."""
    found = _NUMBER.match(name)
    return found[1] if found else name


def spreadsheet_dates(names: Iterable[str]) -> list[str]:
    """Names that a spreadsheet has made from symbols such as MARCH1 and SEPT2.

    Examples
    --------
    >>> spreadsheet_dates(["1-Mar", "MYC", "2-Sep", "DEC1"])
    ['1-Mar', '2-Sep']
    """
    return [name for name in names if _DATE.match(name)]


_WAYS = ("id", "id_map", "symbol", "previous_symbol", "alias")
_Names = dict[str, dict[str, None]]  # name -> its candidates, in order, each once


@dataclass
class _Lookup:
    gene_ids: set[str]
    by_way: dict[str, _Names] = field(default_factory=lambda: {way: {} for way in _WAYS[1:]})
    approved: dict[str, str] = field(default_factory=dict)  # symbol -> gene id, as HGNC states it
    entrez: dict[str, str] = field(default_factory=dict)

    def add(self, way: str, name: str, gene_id: str) -> None:
        self.by_way[way].setdefault(name, {})[gene_id] = None

    def find(self, name: str) -> tuple[str, list[str]]:
        stripped = _VERSION.sub(WITHOUT_VERSION, _whole_number(name.strip()))
        if stripped in self.gene_ids:
            return "id", [stripped]
        symbol, _, entrez = stripped.partition("|")
        if symbol in self.gene_ids:
            return "id", [symbol]
        for key in filter(None, (stripped, entrez, symbol)):
            if key in self.by_way["id_map"]:
                return "id_map", list(self.by_way["id_map"][key])
            if key in self.entrez:
                return "id_map", [self.entrez[key]]
        named, approved = list(self.by_way["symbol"].get(symbol, {})), self.approved.get(symbol)
        if approved in named or (approved and not named):
            return "symbol", [approved]
        if named:  # the genes' own names and the HGNC table can disagree: then both are candidates
            return "symbol", [*named, approved] if approved else named
        for way in ("previous_symbol", "alias"):
            if symbol in self.by_way[way]:
                return way, list(self.by_way[way][symbol])
        return "unresolved", []


def _lookup(genes: pd.DataFrame, id_map: str | Path | None) -> _Lookup:
    gene_ids = [str(gene) for gene in genes["gene_id"]]
    lookup = _Lookup(set(gene_ids))
    for gene_id, name in zip(gene_ids, genes["gene_name"], strict=True):
        if isinstance(name, str) and name:
            lookup.add("symbol", name, gene_id)
    if id_map is None:
        return lookup
    columns = _read_map(id_map)
    if "symbol" in columns:
        _add_hgnc(lookup, columns)
    else:
        first, second = columns.values()
        for a, b in zip(strip_version(first), strip_version(second), strict=True):
            _add_pair(lookup, _whole_number(a), _whole_number(b))
    return lookup


def _add_pair(lookup: _Lookup, a: str, b: str) -> None:
    symbols = lookup.by_way["symbol"]
    if b in lookup.gene_ids:
        lookup.add("id_map", a, b)
    elif a in lookup.gene_ids:
        lookup.add("id_map", b, a)
    else:
        name, known = (a, b) if b in symbols else (b, a)
        for gene_id in symbols.get(known, {}):
            lookup.add("id_map", name, gene_id)


def _add_hgnc(lookup: _Lookup, columns: dict[str, list[str]]) -> None:
    n_rows = len(columns["symbol"])
    nothing = [""] * n_rows
    stated = strip_version(columns.get("ensembl_gene_id", nothing))
    symbols = dict(lookup.by_way["symbol"])  # names in `genes`, before the table adds to them
    for row, symbol in enumerate(columns["symbol"]):
        previous = [name for name in columns.get("prev_symbol", nothing)[row].split("|") if name]
        aliases = [name for name in columns.get("alias_symbol", nothing)[row].split("|") if name]
        if stated[row] in lookup.gene_ids:
            found = [stated[row]]
            lookup.approved[symbol] = stated[row]
        else:  # an older annotation may know the gene by a name that it had before
            found = list(next((symbols[name] for name in (symbol, *previous) if name in symbols), {}))
            for gene_id in found:
                lookup.add("symbol", symbol, gene_id)
        for gene_id in found:
            for name in previous:
                lookup.add("previous_symbol", name, gene_id)
            for name in aliases:
                lookup.add("alias", name, gene_id)
        entrez = columns.get("entrez_id", nothing)[row]
        if entrez and len(found) == 1:
            lookup.entrez[entrez] = found[0]


def _read_map(path: str | Path) -> dict[str, list[str]]:
    """Columns of an id map by name; a map without the HGNC header has the columns "0" and "1"."""
    with open_text(path, "id map") as handle:
        lines = [line.rstrip("\r\n") for line in handle if line.strip()]
    if not lines:
        raise ValueError(f"id map {path} is empty; give two columns or the HGNC complete set")
    delimiter = "\t" if "\t" in lines[0] else ","
    rows = [split_cells(line, delimiter) for line in lines]  # HGNC quotes cells that hold a '|'
    header = rows[0]
    if "symbol" in header and len(header) > 2:
        rows = [row + [""] * (len(header) - len(row)) for row in rows[1:]]
        return {name: [row[column] for row in rows] for column, name in enumerate(header)}
    uneven = [number for number, row in enumerate(rows, 1) if len(row) != 2]
    if uneven:
        raise ValueError(
            f"id map {path} line {uneven[0]} has {len(rows[uneven[0] - 1])} column(s); two are wanted "
            "(name and gene id), or the HGNC complete set with its header"
        )
    return {str(column): [row[column] for row in rows] for column in (0, 1)}
