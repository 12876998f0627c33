"""Rows of an expression table that the drivers of a pair stand for, and those of regulators that could replace them."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from decode.core.ids import resolve_ids
from decode.core.shown import shown
from decode.features.regulators import regulators_of
from decode.insilico.rows import TableRows, table_rows

if TYPE_CHECKING:
    from decode.features.matrix import RegulatoryFeatures

logger = logging.getLogger(__name__)

MIRNA = "miRNA"
MIRNA_NAME = re.compile(r"^(miRNA:|(?:[a-z]{3}-)?(?:miR|let|mir|lin)-\w)")
OwnGenes = Mapping[tuple[str, str], Sequence[str]]  # (kind, regulator) -> ids of the genes that code for it


@shown()
class Mediators(NamedTuple):
    """Rows of the two genes, of the drivers, and of the candidates, as `decode.insilico.mediation.mediate` takes them.

    Attributes
    ----------
    pair : tuple of str
        Rows, in the user's order.
    drivers, candidates : dict of regulator to tuple of str
        Rows of each regulator's own genes; none for a miRNA. Candidates are None where none were given.
    source : str
        Where the candidates come from, in words.
    """

    pair: tuple[str, str]
    drivers: dict[str, tuple[str, ...]]
    candidates: dict[str, tuple[str, ...]] | None
    source: str


def find_mediators(
    rows: TableRows | pd.DataFrame,
    pair: Sequence[str],
    drivers: Sequence[str],
    *,
    features: RegulatoryFeatures | None = None,
    own_genes: OwnGenes | None = None,
    candidates: Sequence[str] | None = None,
) -> Mediators:
    """Find the rows of pair, drivers and candidates.

    Parameters
    ----------
    rows : TableRows or pd.DataFrame
        Of the expression table, or that table itself: names are then looked up in the genes of the features.
    pair : sequence of str
        Two genes by id, symbol or row.
    drivers : sequence of str
        Regulators, "SPI1" or "TF:SPI1"; without features also any row of the table.
    features : RegulatoryFeatures, optional
        Candidates are then the regulators with a site in either gene, in any region.
    own_genes : mapping of (kind, regulator) to gene ids, optional
        Genes of a regulator: several for a complex, none for a miRNA. Default: the row of the regulator's name.
    candidates : sequence of str, optional
        Regulators by name, in place of those with sites.

    Returns
    -------
    Mediators

    Raises
    ------
    KeyError
        If a gene or driver is unknown; the nearest names are suggested.
    ValueError
        If a name stands for several rows or genes, or a gene of the pair has no site.
    """
    if isinstance(rows, pd.DataFrame):
        rows = table_rows([str(row) for row in rows.index], None if features is None else features.genes)
    if len(pair) != 2:
        raise ValueError(f"the pair is {', '.join(pair)}; two genes are wanted, such as LAPTM5,CD53")
    known = (
        [] if features is None else [(str(k), str(r)) for k, r in regulators_of(features).table.iloc[:, :2].to_numpy()]
    )
    of_pair = rows.one(pair[0]), rows.one(pair[1])
    if of_pair[0] == of_pair[1]:
        raise ValueError(f"{pair[0]} and {pair[1]} are one row of the table ({of_pair[0]}); name two genes")
    lookup = _Lookup.of(rows, known, own_genes or {}, [*drivers, *(candidates or [])])
    found = {name: lookup.named(name) for name in dict.fromkeys(drivers)}
    if candidates is not None:
        chosen = {name: lookup.named(name, is_strict=False) for name in dict.fromkeys(candidates)}
        return Mediators(of_pair, found, chosen, "the candidates named")
    if features is None:
        return Mediators(of_pair, found, None, "no candidates were given")
    of_bound = {f"{kind}:{name}": lookup.regulators([(kind, name)]) for kind, name in _bound(features, pair)}
    return Mediators(of_pair, found, of_bound, f"regulators with a site in {pair[0]} or {pair[1]}")


class _Lookup(NamedTuple):
    """Rows of regulators, all looked up at once."""

    rows: TableRows
    known: list[tuple[str, str]]
    owned: OwnGenes
    found: dict[str, tuple[str, ...]]

    @classmethod
    def of(cls, rows: TableRows, known: list[tuple[str, str]], owned: OwnGenes, names: Sequence[str]) -> _Lookup:
        genes = [gene for ids in owned.values() for gene in ids]
        bare = [name.partition(":")[2] or name for name in names]
        return cls(rows, known, owned, rows.find([*genes, *bare, *(name for _, name in known)]))

    def named(self, name: str, *, is_strict: bool = True) -> tuple[str, ...]:
        """Rows of a regulator by name; a name of none is looked up among the rows."""
        meant = [(kind, regulator) for kind, regulator in self.known if name in (regulator, f"{kind}:{regulator}")]
        if meant:
            return self.regulators(meant)
        if MIRNA_NAME.match(name):
            return ()
        bare = name.partition(":")[2] or name
        return (self.rows.one(bare, "driver"),) if is_strict else self.found[bare][:1]

    def regulators(self, meant: Sequence[tuple[str, str]]) -> tuple[str, ...]:
        """Rows of the genes that code for them; without genes, the row of the name."""
        genes = [gene for key in meant for gene in self.owned.get(key, ())]
        own = tuple(dict.fromkeys(row for gene in genes for row in self.found[gene]))
        if own:
            return own
        return tuple(dict.fromkeys(row for kind, name in meant if kind != MIRNA for row in self.found[name][:1]))


def _bound(features: RegulatoryFeatures, pair: Sequence[str]) -> list[tuple[str, str]]:
    """Regulators with a site in either gene, in the order of the features."""
    ids = resolve_ids(pair, features.genes).ids
    lost = [name for name, gene in zip(pair, ids, strict=True) if gene is None]
    if lost:
        raise KeyError(f"{', '.join(lost)} not among the genes of the features; their sites name the candidates")
    is_of = features.genes["gene_id"].astype(str).isin([str(gene) for gene in ids]).to_numpy()
    chosen = features.take(np.flatnonzero(is_of))
    has_site = chosen.totals() > 0
    tracks = chosen.tracks[has_site.any(axis=0)]
    if tracks.empty:
        raise ValueError(f"no site of the features lies in {pair[0]} or {pair[1]}; there is no candidate to draw")
    of_gene = dict(zip(chosen.genes["gene_id"].astype(str), np.any(has_site, axis=1), strict=True))
    bare = [name for name, gene in zip(pair, ids, strict=True) if not of_gene[str(gene)]]
    if bare:
        logger.warning("%s has no site of the features; all candidates have theirs in the other gene", bare[0])
    return list(dict.fromkeys(zip(tracks["kind"].astype(str), tracks["regulator"].astype(str), strict=True)))
