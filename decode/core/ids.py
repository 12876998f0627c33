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

from decode.core.checks import check_choice, check_columns, check_named, listed
from decode.core.id_maps import read_map, spreadsheet_dates, whole_number
from decode.core.known_names import NamesOfGenes

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
        names, and by way: id, symbol, id_map, previous_symbol, alias, known_name (the table of the package); then
        outside, unresolved, ambiguous, and sharing_a_gene (names beyond the first of a gene).
    ambiguous : dict of str to list of str
        Names that stand for several genes, with their candidates.
    outside : frozenset of str
        Names of human genes that are not among the genes to find: non-coding ones, for example.
    """

    ids: list[str | None]
    counts: dict[str, int]
    ambiguous: dict[str, list[str]]
    outside: frozenset[str] = frozenset()


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
    previous symbol; alias; for human genes, an older symbol, alias or Entrez number of the table in the package, unless
    another name stands for that gene more directly. Where several genes have one name, the current symbol of the HGNC
    table decides; where the table and the gene names disagree on a symbol, the name is ambiguous. Of `SYMBOL|Entrez`,
    either part is enough.

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
    counts: Counter[str] = Counter(dict.fromkeys(("names", *_WAYS, *_OUTCOMES), 0))
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
    unresolved = [at for at, name in enumerate(ids) if name is None and texts[at] not in ambiguous]
    outside = _find_in_package(texts, ids, unresolved, genes)
    counts["known_name"] = sum(ids[at] is not None for at in unresolved)
    counts["outside"] = sum(texts[at] in outside for at in unresolved)
    counts["unresolved"] -= counts["known_name"] + counts["outside"]
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
    if (
        id_map is not None
        and counts["unresolved"]
        and not sum(counts[way] for way in ("id_map", "previous_symbol", "alias"))
    ):
        lost = [name for name, found in zip(texts, ids, strict=True) if found is None]
        logger.warning(
            "id map %s names none of the %d names that are no gene id or symbol: %s; check that it holds such names",
            id_map, len(lost), listed(lost),
        )  # fmt: skip
    logger.info("gene names: %s", ", ".join(f"{way} {count:,}" for way, count in counts.items() if count))
    return IdResult(ids, dict(counts), ambiguous, outside)


def _find_in_package(
    texts: list[str], ids: list[str | None], unresolved: list[int], genes: pd.DataFrame
) -> frozenset[str]:
    """Fill in what the names of the package resolve; returns the other names of human genes."""
    if not unresolved:
        return frozenset()
    own = NamesOfGenes(
        {
            str(gene): name if isinstance(name, str) else ""
            for gene, name in zip(genes["gene_id"], genes["gene_name"], strict=True)
        }
    )
    if not own.are_human:
        return frozenset()
    taken, outside = {name for name in ids if name is not None}, set()
    for at in unresolved:
        name = _VERSION.sub(WITHOUT_VERSION, whole_number(texts[at].strip()))
        found = own.find(name)
        if found is not None and found not in taken:
            ids[at] = found
        elif own.names.is_gene(name):
            outside.add(texts[at])
    return frozenset(outside)


def unresolved_warning(name: str, found: IdResult) -> str | None:
    """The sentence to log where more than 5 % of names are no gene that is known.

    Parameters
    ----------
    name : str
        What the names are of.
    found : IdResult

    Returns
    -------
    str or None
    """
    n_names, n_unresolved = found.counts["names"], found.counts["unresolved"]
    if not n_names or n_unresolved / n_names <= UNRESOLVED_WARN_SHARE:
        return None
    return (
        f"{name}: {n_unresolved:,} of {n_names:,} names ({n_unresolved / n_names:.0%}) are no gene that is known; give "
        "HGNC's complete set, or two columns of names and gene ids (--id-map FILE)"
    )


def named_ids(
    names: Iterable[str],
    genes: pd.DataFrame,
    id_map: str | Path | None = None,
    *,
    id_column: str = "gene_id",
    where: str = "the features",
) -> list[str]:
    """Ids of genes that somebody named one by one: every name must stand for one gene.

    Parameters
    ----------
    names : iterable of str
        Ids, symbols, previous symbols or `SYMBOL|Entrez`, as in `resolve_ids`.
    genes : DataFrame
        `id_column` and gene_name: the genes to find.
    id_map : str or Path, optional
        As in `resolve_ids`.
    id_column : str
        "transcript_id" where the rows are transcripts: a symbol is then ambiguous unless its gene has one.
    where : str
        What the genes are of, for messages.

    Returns
    -------
    list of str
        In the order of the names.

    Raises
    ------
    KeyError
        If a name is unknown; the message gives the nearest names.
    ValueError
        If a name stands for several genes, or two names stand for the same one.

    Examples
    --------
    >>> genes = pd.DataFrame({"gene_id": ["ENSG00000141510", "ENSG00000136997"], "gene_name": ["TP53", "MYC"]})
    >>> named_ids(["MYC", "ENSG00000141510.17"], genes)
    ['ENSG00000136997', 'ENSG00000141510']
    >>> named_ids(["TP35"], genes)
    Traceback (most recent call last):
    KeyError: '1 gene(s) not in the features: TP35 (nearest: TP53); check the spelling, or leave them out'
    """
    wanted = [str(name) for name in names]
    check_columns("genes", genes, [id_column, "gene_name"])
    table = pd.DataFrame({"gene_id": genes[id_column].astype(str), "gene_name": genes["gene_name"]})
    ids = resolve_ids(wanted, table, id_map).ids
    unknown = [name for name, found in zip(wanted, ids, strict=True) if found is None]
    known = [*(str(name) for name in table["gene_name"] if isinstance(name, str) and name), *table["gene_id"]]
    check_named("gene(s)", unknown, known, where)
    found_ids = [found for found in ids if found is not None]
    repeated = {found for found, number in Counter(found_ids).items() if number > 1}
    if repeated:
        twice = [name for name, found in zip(wanted, ids, strict=True) if found in repeated]
        raise ValueError(f"genes are named twice: {listed(twice)}; name each gene once")
    return found_ids


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
    columns = read_map(id_map)
    if "ensembl_gene_id" in columns and "symbol" in columns:
        pairs = list(zip(columns["ensembl_gene_id"], columns["symbol"], strict=True))
    else:
        first, second = columns.values()
        pairs = [(b, a) if b.startswith("ENS") else (a, b) for a, b in zip(first, second, strict=True)]
    pairs = [(strip_version([gene])[0], name) for gene, name in pairs if gene.startswith("ENS") and name]
    if not pairs:
        raise ValueError(f"id map {id_map} names no Ensembl gene id; give the HGNC complete set or a two-column table")
    return pd.DataFrame(list(dict.fromkeys(pairs)), columns=["gene_id", "gene_name"])


_WAYS = ("id", "id_map", "symbol", "previous_symbol", "alias")
_OUTCOMES = ("known_name", "outside", "unresolved", "ambiguous", "sharing_a_gene")
UNRESOLVED_WARN_SHARE = 0.05
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
        stripped = _VERSION.sub(WITHOUT_VERSION, whole_number(name.strip()))
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
    columns = read_map(id_map)
    if "symbol" in columns:
        _add_hgnc(lookup, columns)
    else:
        first, second = columns.values()
        for a, b in zip(strip_version(first), strip_version(second), strict=True):
            _add_pair(lookup, whole_number(a), whole_number(b))
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
