"""Names of human genes that ship with the package: today's symbols, older ones and aliases, with their gene ids."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from decode.core.files import open_text

SHIPPED = Path(__file__).parent / "data" / "human_gene_names.tsv.gz"
COLUMNS = ("symbol", "prev_symbol", "alias_symbol", "ensembl_gene_id", "entrez_id")  # lists joined by '|', as in HGNC
HUMAN_ID = re.compile(r"^ENSG\d{11}$")
# Names that Ensembl and GENCODE give after a clone to genes without a symbol: RP11-34P13.7, CTD-2501B8.4, AC005387.1
_CLONE = re.compile(
    r"^(RP\d+|CT[ABCD]|XX\w*|XXbac|LL\w*|KB|GS\d*|hsa)-\S+\.\d+$|^(A[CDFLPJ]|BX|CR|CU|FO|FP|Z|U)\d{5,6}\.\d+$"
)


class KnownNames(NamedTuple):
    """A table of gene names, by each kind of name; a gene is known by its row number.

    Attributes
    ----------
    ids : list of tuple of str
        Ensembl ids of every gene.
    symbols, others, entrez : mapping of str to list of int
        Genes of today's symbols, of older symbols and aliases, and of Entrez numbers.
    """

    ids: list[tuple[str, ...]]
    symbols: Mapping[str, list[int]]
    others: Mapping[str, list[int]]
    entrez: Mapping[str, list[int]]

    def rows(self, name: str) -> list[int]:
        """Genes that a name may stand for; a symbol of today goes before an Entrez number, that before an alias."""
        for names in (self.symbols, self.entrez, self.others):
            if name in names:
                return names[name]
        return []

    def is_gene(self, name: str) -> bool:
        """Whether a name is that of some human gene: an Ensembl id, a name in the table, or one after a clone."""
        symbol, _, entrez = name.partition("|")
        return bool(HUMAN_ID.match(name) or self.rows(symbol) or (entrez and self.rows(entrez)) or _CLONE.match(symbol))


@lru_cache(maxsize=1)
def shipped_names() -> KnownNames:
    """The table of the package (data_prep/gene_names.py says where it comes from).

    Examples
    --------
    >>> names = shipped_names()
    >>> [names.ids[row] for row in names.rows("MARCH1")]
    [('ENSG00000145416',)]
    >>> names.is_gene("RP11-34P13.7"), names.is_gene("no gene")
    (True, False)
    """
    with open_text(SHIPPED, "gene names of the package") as handle:
        return names_of(line.rstrip("\n").split("\t") for line in list(handle)[1:])


def names_of(rows: Iterable[list[str]]) -> KnownNames:
    """Index rows of the five `COLUMNS`."""
    ids: list[tuple[str, ...]] = []
    symbols: dict[str, list[int]] = defaultdict(list)
    others: dict[str, list[int]] = defaultdict(list)
    entrez: dict[str, list[int]] = defaultdict(list)
    for row, (symbol, previous, aliases, ensembl, number) in enumerate(rows):
        ids.append(tuple(ensembl.split("|")))
        symbols[symbol].append(row)
        for name in filter(None, dict.fromkeys([*previous.split("|"), *aliases.split("|")])):
            others[name].append(row)
        if number:
            entrez[number].append(row)
    return KnownNames(ids, dict(symbols), dict(others), dict(entrez))


class NamesOfGenes:
    """The names of the table that stand for genes of one's own.

    Parameters
    ----------
    genes : mapping of str to str
        Gene id to gene name. A gene is found in the table by its id, else by its name.
    names : KnownNames, optional
        Default: the table of the package.
    """

    def __init__(self, genes: Mapping[str, str], names: KnownNames | None = None) -> None:
        self.names = shipped_names() if names is None else names
        row_of_id = {gene_id: row for row, ids in enumerate(self.names.ids) for gene_id in ids}
        self._genes: dict[int, list[str]] = defaultdict(list)
        for gene_id, name in genes.items():
            own = [row_of_id[gene_id]] if gene_id in row_of_id else self.names.rows(name) if name else []
            if len(own) == 1:
                self._genes[own[0]].append(gene_id)
        n_human = sum(HUMAN_ID.match(gene_id) is not None for gene_id in genes)
        self.are_human = 2 * max(n_human, len(self._genes)) > len(genes)

    def other_names(self) -> dict[str, list[str]]:
        """Names that the table has for each gene of one's own: symbol of today, older ones, aliases; gene id to list.

        Examples
        --------
        >>> NamesOfGenes({"ENSG00000066336": "SPI1"}).other_names()["ENSG00000066336"][:2]
        ['SPI1', 'OF']
        """
        found: dict[str, list[str]] = defaultdict(list)
        for by_name in (self.names.symbols, self.names.others):
            for name, rows in by_name.items():
                for row in rows:
                    for gene_id in self._genes.get(row, []):
                        found[gene_id].append(name)
        return dict(found)

    def find(self, name: str) -> str | None:
        """The one gene of one's own that a name stands for; None where it stands for another or for several."""
        symbol, _, number = name.partition("|")
        for part in filter(None, (symbol, number)):
            rows = self.names.rows(part)
            if len(rows) == 1 and len(found := self._genes.get(rows[0], [])) == 1:
                return found[0]
        return None
