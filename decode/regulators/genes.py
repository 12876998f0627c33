"""Which genes code for a regulator: a complex has several, a miRNA none."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from decode.core.checks import check_columns, check_known, listed
from decode.core.files import open_text
from decode.core.ids import resolve_ids

logger = logging.getLogger(__name__)

MIRNA = "miRNA"
# How site collections join the parts of a complex: JASPAR "MAX::MYC", others "NFYA+NFYB" or "NFYA/NFYB". A hyphen or
# an underscore also stands inside symbols, so they join nothing.
_JOINED = re.compile(r"::|\+|/")
Regulator = tuple[str, str]


class RegulatorGenes(NamedTuple):
    """Genes of every regulator.

    Attributes
    ----------
    genes : dict of (kind, regulator) to tuple of str
        Gene ids, or symbols where no gene table was given; empty for miRNAs and names that were not found.
    counts : dict of str to int
        regulators, one_gene, several_genes, no_gene_mirna, not_found.
    """

    genes: dict[Regulator, tuple[str, ...]]
    counts: dict[str, int]


def regulator_genes(
    regulators: pd.DataFrame,
    genes: pd.DataFrame | None = None,
    id_map: str | Path | None = None,
    *,
    complexes: Mapping[str, Sequence[str]] | None = None,
) -> RegulatorGenes:
    """Find the genes that code for each regulator.

    Parameters
    ----------
    regulators : pd.DataFrame
        kind and regulator.
    genes : pd.DataFrame, optional
        gene_id and gene_name of the genes to find, such as the gene table of a features file. Without it, a name is
        taken as the symbol of its gene as it stands.
    id_map : str or Path, optional
        As in `decode.core.ids.resolve_ids`; needs `genes`.
    complexes : mapping of regulator to gene names, optional
        Regulators made of several genes. A name that is not in it and not found is split at "::", "+" and "/".

    Returns
    -------
    RegulatorGenes

    Raises
    ------
    ValueError
        If a name stands for several genes (name the gene id or give an id map).
    KeyError
        If a complex is no regulator of the table.

    Examples
    --------
    >>> found = regulator_genes(pd.DataFrame({"kind": ["TF", "miRNA"], "regulator": ["MAX::MYC", "miR-1"]}))
    >>> found.genes
    {('TF', 'MAX::MYC'): ('MAX', 'MYC'), ('miRNA', 'miR-1'): ()}
    """
    check_columns("regulators", regulators, ["kind", "regulator"])
    pairs: list[Regulator] = [
        (str(k), str(r)) for k, r in zip(regulators["kind"], regulators["regulator"], strict=True)
    ]
    stated = complexes or {}
    check_known("complexes", stated, list(dict.fromkeys(name for _, name in pairs)), "the ranking")
    coded = [name for kind, name in dict.fromkeys(pairs) if kind != MIRNA]
    parts = {name: list(stated.get(name, [name])) for name in coded}
    if genes is None:
        found = {name: [part for piece in parts[name] for part in _JOINED.split(piece) if part] for name in coded}
    else:
        found = _resolved(parts, genes, id_map)
    result = {pair: tuple(dict.fromkeys(found[pair[1]])) if pair[0] != MIRNA else () for pair in pairs}
    lost = [name for kind, name in result if kind != MIRNA and not result[kind, name]]
    n_genes = Counter(len(ids) for ids in result.values())
    counts = {
        "regulators": len(result),
        "one_gene": n_genes[1],
        "several_genes": sum(n for size, n in n_genes.items() if size > 1),
        "no_gene_mirna": sum(kind == MIRNA for kind, _ in result),
        "not_found": len(lost),
    }
    logger.info("genes of regulators: %s", ", ".join(f"{name} {n:,}" for name, n in counts.items()))
    if lost:
        logger.warning("%d regulators have no gene of that name and are left out: %s", len(lost), listed(lost))
    return RegulatorGenes(result, counts)


def _resolved(
    parts: Mapping[str, Sequence[str]], genes: pd.DataFrame, id_map: str | Path | None
) -> dict[str, list[str]]:
    names = list(dict.fromkeys(name for pieces in parts.values() for name in pieces))
    ids = dict(zip(names, resolve_ids(names, genes, id_map).ids, strict=True))
    pieces = {name: [part for part in _JOINED.split(name) if part] for name in names if ids[name] is None}
    pieces = {name: split for name, split in pieces.items() if len(split) > 1}
    split_names = list(dict.fromkeys(part for split in pieces.values() for part in split))
    split_ids = dict(zip(split_names, resolve_ids(split_names, genes, id_map).ids, strict=True)) if pieces else {}
    of_name = {
        name: [gene for gene in ([split_ids[part] for part in pieces[name]] if name in pieces else [ids[name]]) if gene]
        for name in names
    }
    return {regulator: [gene for name in named for gene in of_name[name]] for regulator, named in parts.items()}


def genes_of_names(
    names: Iterable[str], genes: pd.DataFrame | None = None, id_map: str | Path | None = None
) -> dict[str, tuple[str, ...]]:
    """Genes of the names in a gene list or gene set: all candidates of an ambiguous name, none of an unknown one.

    Parameters
    ----------
    names : iterable of str
    genes : pd.DataFrame, optional
        gene_id and gene_name. Without it a name is its own gene.
    id_map : str or Path, optional

    Returns
    -------
    dict of name to tuple of str

    Examples
    --------
    >>> genes_of_names(["MYC"])
    {'MYC': ('MYC',)}
    """
    wanted = list(dict.fromkeys(names))
    if genes is None:
        return {name: (name,) for name in wanted}
    result = resolve_ids(wanted, genes, id_map, on_ambiguous="count")
    return {
        name: tuple(result.ambiguous.get(name, [gene] if gene else []))
        for name, gene in zip(wanted, result.ids, strict=True)
    }


def read_complexes(path: str | Path) -> dict[str, list[str]]:
    """Read which genes make up a complex: regulator<TAB>gene, one line a gene.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is empty or a line has not two columns.
    """
    with open_text(path, "complexes") as handle:
        rows = [line.rstrip("\r\n").split("\t") for line in handle if line.strip() and not line.startswith("#")]
    if rows and [cell.strip().lower() for cell in rows[0]] == ["regulator", "gene"]:
        rows = rows[1:]
    short = ["\t".join(row) for row in rows if len(row) != 2 or not all(cell.strip() for cell in row)]
    if short or not rows:
        raise ValueError(f"complexes {path}: {listed(short) or 'no line'}; write regulator<TAB>gene, one line a gene")
    complexes: dict[str, list[str]] = {}
    for regulator, gene in rows:
        complexes.setdefault(regulator.strip(), []).append(gene.strip())
    return complexes
