"""Row ids of expression tables: Ensembl versions stripped, copies on the Y pseudo-autosomal region left out."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from decode.core.checks import check_matched, check_unique, listed
from decode.core.ids import genes_of_id_map, resolve_ids, strip_version, unresolved_warning

logger = logging.getLogger(__name__)


def clean_gene_ids(ids: Sequence[str], name: str) -> tuple[list[str], list[int], dict[str, int]]:
    """Strip versions, leave out `_PAR_Y` copies, refuse duplicates.

    GENCODE gives a gene of the pseudo-autosomal regions two rows, `ENSG..._PAR_Y` being the copy on Y; once the version
    is stripped both would have one id. The copies share one sequence, so short reads cannot tell them apart: the X row
    is kept.

    Parameters
    ----------
    ids : sequence of str
        Ids as written in the file.
    name : str
        The file, for messages.

    Returns
    -------
    cleaned : list of str
        Ids kept, without version.
    keep : list of int
        Their positions in `ids`.
    counts : dict
        n_rows, n_versions_stripped, n_par_y_dropped.

    Raises
    ------
    ValueError
        If an id occurs twice once versions are stripped.

    Examples
    --------
    >>> clean_gene_ids(["ENSG00000182378.8", "ENSG00000182378.8_PAR_Y", "AC005387.1"], "demo")[0]
    ['ENSG00000182378', 'AC005387.1']
    """
    keep = [position for position, gene in enumerate(ids) if not gene.partition("_PAR_Y")[1]]
    cleaned = strip_version(ids[position] for position in keep)
    counts = {
        "n_rows": len(ids),
        "n_versions_stripped": sum(new != ids[position] for new, position in zip(cleaned, keep, strict=True)),
        "n_par_y_dropped": len(ids) - len(keep),
    }
    repeated = [gene for gene, n_rows in Counter(cleaned).items() if n_rows > 1]
    if repeated:
        raise ValueError(
            f"{name}: gene ids occur more than once (after stripping versions): {listed(repeated)}; "
            "keep one row of each"
        )
    return cleaned, keep, counts


def rename_genes(table: pd.DataFrame, id_map: str | Path) -> pd.DataFrame:
    """Name the rows of an expression table by gene id instead of symbol, previous symbol or `SYMBOL|Entrez`.

    Parameters
    ----------
    table : pd.DataFrame
        Index: names; ids stay ids.
    id_map : str or Path
        Two columns, name and gene id, or the HGNC complete set.

    Returns
    -------
    pd.DataFrame
        A new table; names that are not found stay as they are, and their number is logged.

    Raises
    ------
    ValueError
        If a name stands for several genes, several rows name one gene, the id map names no row, or it cannot be read.
    """
    names = [str(name) for name in table.index]
    found = resolve_ids(names, genes_of_id_map(id_map), id_map)
    if names and not any(found.ids):
        raise ValueError(
            f"id map {id_map} names none of the {len(names)} rows of the table: {listed(names)}; check that it holds "
            "these names, or leave --id-map out"
        )
    ids = [name if gene is None else gene for name, gene in zip(names, found.ids, strict=True)]
    check_unique(f"genes named by the rows of the table, with id map {id_map},", ids)
    return table.set_axis(pd.Index(ids, name=table.index.name), axis=0)


def rows_by_gene(
    values: pd.DataFrame, genes: pd.DataFrame, id_map: str | Path | None = None, *, name: str
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Rows of a table under gene ids in place of the names that it uses.

    Parameters
    ----------
    values : pd.DataFrame, shape (n_rows, n_samples)
        Index: gene ids, symbols, previous symbols or `SYMBOL|Entrez`.
    genes : pd.DataFrame
        gene_id and gene_name.
    id_map : str or Path, optional
        As in `decode.core.ids.resolve_ids`.
    name : str
        What the table is, for messages.

    Returns
    -------
    values : pd.DataFrame
        Rows whose name stands for one gene, in their order; of rows that share a gene the one of the highest mean.
    counts : dict
        By the way names were found, and n_kept.

    Raises
    ------
    ValueError
        If fewer than half of the smaller side match, see `decode.core.checks.check_matched`.

    Examples
    --------
    >>> genes = pd.DataFrame({"gene_id": ["ENSG1", "ENSG2"], "gene_name": ["A", "B"]})
    >>> table = pd.DataFrame({"x": [1.0, 5.0, 2.0]}, index=["B", "ENSG2", "other"])
    >>> table, counts = rows_by_gene(table, genes, name="demo")
    >>> table["x"].to_dict(), counts["n_kept"]
    ({'ENSG2': 5.0}, 1)
    """
    names = [str(row) for row in values.index]
    found = resolve_ids(names, genes, id_map, on_ambiguous="count")
    ids = pd.Series(found.ids, dtype=object)
    named = [row if gene is None else gene for row, gene in zip(names, found.ids, strict=True)]
    _, warning = check_matched(name, named, genes["gene_id"].tolist(), found.outside)
    for sentence in filter(None, (warning, unresolved_warning(name, found))):
        logger.warning(sentence)
    order = np.argsort(-values.mean(axis=1).fillna(-np.inf).to_numpy(), kind="stable")
    order = order[ids.iloc[order].notna().to_numpy()]
    kept = np.sort(order[~ids.iloc[order].duplicated().to_numpy()])
    return values.iloc[kept].set_axis(ids.iloc[kept].tolist(), axis=0), found.counts | {"n_kept": len(kept)}
