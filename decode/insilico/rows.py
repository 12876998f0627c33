"""Which rows of an expression table a gene name stands for, the row ids left as they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from decode.core.checks import check_unique, listed, nearest
from decode.core.ids import genes_of_id_map, resolve_ids


@dataclass(frozen=True)
class TableRows:
    """Rows of a table by every name that they go by; `table_rows` makes it.

    Parameters
    ----------
    rows : dict of str
        Row ids, in their order.
    by_symbol : mapping of str to list of str
        Rows of the form SYMBOL|Entrez by symbol.
    by_gene : mapping of str to list of str
        Rows by gene id, where a gene table or an id map tells it.
    genes : pd.DataFrame or None
        gene_id and gene_name of the genes that names are looked up in.
    id_map : path or None
        As in `decode.core.ids.resolve_ids`.
    """

    rows: Mapping[str, None]
    by_symbol: Mapping[str, list[str]]
    by_gene: Mapping[str, list[str]] = field(default_factory=dict)
    genes: pd.DataFrame | None = None
    id_map: str | Path | None = None

    def find(self, names: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """Rows of each name: none where it is unknown, several where it is ambiguous."""
        wanted = list(dict.fromkeys(names))
        found: dict[str, tuple[str, ...]] = {name: (name,) if name in self.rows else () for name in wanted}
        left = [name for name in wanted if not found[name]]
        if self.genes is not None and left:
            result = resolve_ids(left, self.genes, self.id_map, on_ambiguous="count")
            for name, gene in zip(left, result.ids, strict=True):
                candidates = result.ambiguous.get(name, [gene] if gene else [])
                found[name] = tuple(dict.fromkeys(row for one in candidates for row in self.by_gene.get(one, [])))
        return {name: rows or tuple(self.by_symbol.get(name, ())) for name, rows in found.items()}

    def one(self, name: str, what: str = "gene") -> str:
        """The row of a name.

        Raises
        ------
        KeyError
            If no row bears the name; the nearest names are suggested.
        ValueError
            If several rows do.
        """
        rows = self.find([name])[name]
        if not rows:
            raise KeyError(f"{what} {name!r} is not in the expression table; {self.suggestion(name)}")
        if len(rows) > 1:
            raise ValueError(f"{what} {name!r} stands for several rows: {listed(rows)}; name the row id")
        return rows[0]

    def suggestion(self, name: str) -> str:
        """What to try in place of an unknown name."""
        known = [*self.rows, *self.by_symbol]
        if self.genes is not None:
            has_row = self.genes["gene_id"].astype(str).isin(list(self.by_gene))
            known += self.genes.loc[has_row, "gene_name"].dropna().astype(str).tolist()
        near = nearest(name, known)
        if near:
            return f"did you mean {', '.join(near)}?"
        how = "" if self.genes is not None else " (symbols for gene ids: give --features or --id-map)"
        return f"its rows are named like {listed(self.rows, 3)}{how}"


def table_rows(rows: Sequence[str], genes: pd.DataFrame | None = None, id_map: str | Path | None = None) -> TableRows:
    """Prepare to find genes among the rows of a table.

    Parameters
    ----------
    rows : sequence of str
        Row ids: gene ids, symbols or SYMBOL|Entrez. They stay as they are.
    genes : pd.DataFrame, optional
        gene_id and gene_name, such as the gene table of features: then symbols find gene ids and gene ids symbols.
    id_map : path, optional
        Previous symbols and aliases; alone, it is also the gene table.

    Returns
    -------
    TableRows

    Raises
    ------
    ValueError
        If a row id occurs twice, or the id map cannot be read.

    Examples
    --------
    >>> genes = pd.DataFrame({"gene_id": ["ENSG01", "ENSG02"], "gene_name": ["CD53", "SPI1"]})
    >>> table_rows(["ENSG01", "ENSG02"], genes).find(["CD53", "nothing"])
    {'CD53': ('ENSG01',), 'nothing': ()}
    >>> table_rows(["CD53|963", "SPI1|6688"]).one("SPI1")
    'SPI1|6688'
    """
    names = [str(row) for row in rows]
    check_unique("row ids of the expression table", names)
    by_symbol: dict[str, list[str]] = {}
    for name in names:
        symbol, bar, _ = name.partition("|")
        if bar:
            by_symbol.setdefault(symbol, []).append(name)
    if genes is None and id_map is not None:
        genes = genes_of_id_map(id_map)
    by_gene: dict[str, list[str]] = {}
    if genes is not None:
        genes = genes[["gene_id", "gene_name"]].drop_duplicates()
        for name, gene in zip(names, resolve_ids(names, genes, id_map, on_ambiguous="count").ids, strict=True):
            if gene is not None:
                by_gene.setdefault(gene, []).append(name)
    return TableRows(dict.fromkeys(names), by_symbol, by_gene, genes, id_map)
