"""Differential expression that scanpy left in an AnnData object, as one long table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeGuard

import h5py
import numpy as np
import pandas as pd

from decode.core.checks import listed

if TYPE_CHECKING:
    from anndata import AnnData

RANKED_GENES = "rank_genes_groups"  # where scanpy puts it unless told otherwise
FIELDS = ("names", "scores", "logfoldchanges", "pvals", "pvals_adj")
NEEDED = FIELDS[:2]


def is_anndata(data: Any) -> TypeGuard[AnnData]:
    """Whether something is an AnnData object, by what it holds; anndata is not loaded for it."""
    return type(data).__name__ == "AnnData" and all(hasattr(data, part) for part in ("uns", "obs", "var", "X"))


def ranked_genes(data: Any, key: str = RANKED_GENES) -> pd.DataFrame:
    """Results of `scanpy.tl.rank_genes_groups`, all groups in one long table.

    Parameters
    ----------
    data : anndata.AnnData
        Not changed.
    key : str
        Of `data.uns`.

    Returns
    -------
    pd.DataFrame
        names, group, scores and, where the test gave them, logfoldchanges, pvals, pvals_adj. Names are those of var;
        where var_names are symbols and var has a column of Ensembl ids (gene_ids, gene_id), these.

    Raises
    ------
    KeyError
        If there is no such key.
    ValueError
        If it holds something else than ranked genes.

    References
    ----------
    Wolf et al. 2018, Genome Biol 19:15 (scanpy).
    """
    if key not in data.uns:
        raise KeyError(
            f"the AnnData object has no uns[{key!r}]; it has {listed(list(data.uns), 12) or 'none'}. Run "
            "scanpy.tl.rank_genes_groups first, with n_genes=None, or name its key_added"
        )
    found = data.uns[key]
    is_ranked = hasattr(found, "keys") and all(
        name in found and getattr(found[name], "dtype", None) is not None and found[name].dtype.names for name in NEEDED
    )
    if not is_ranked:
        raise ValueError(
            f"uns[{key!r}] of the AnnData object is no result of scanpy.tl.rank_genes_groups, which holds names and "
            "scores of each group (a result of method 'logreg' or of another tool is none); name another key"
        )
    groups = found["names"].dtype.names
    parts = []
    for group in groups:
        columns = {name: np.asarray(found[name][group]) for name in FIELDS if name in found}
        parts.append(pd.DataFrame(columns).assign(group=group))
    table = pd.concat(parts, ignore_index=True)
    table["names"] = table["names"].astype(str).map(_ids(data)).fillna(table["names"])
    return table[["names", "group", *(name for name in FIELDS[1:] if name in table)]]


def _ids(data: Any) -> dict[str, str]:
    """Ensembl ids of the names that results bear, where var knows them."""
    column = next((name for name in ("gene_ids", "gene_id", "ensembl_id") if name in data.var), None)
    if column is None:
        return {}
    known = data.var[column].astype(str)
    return dict(zip(data.var_names.astype(str), known, strict=True)) if known.is_unique else {}


@contextmanager
def h5ad_in_memory(data: AnnData, matrix: str | None, places: Sequence[str]) -> Iterator[h5py.File]:
    """The counts of an AnnData object as the h5ad file that anndata would write, without touching the disk.

    Parameters
    ----------
    data : anndata.AnnData
        Not changed; obs, var and one or more matrices are copied.
    matrix : str, optional
        As "X", "raw/X" or "layers/counts": the only one that is wanted.
    places : sequence of str
        The matrices to take where none is named, those that are there.

    Yields
    ------
    h5py.File
    """
    from anndata.io import write_elem  # whoever has an object has the package

    with h5py.File("anndata.h5ad", "w", driver="core", backing_store=False) as file:
        write_elem(file, "obs", data.obs)
        write_elem(file, "var", data.var)
        for place in places if matrix is None else (matrix,):
            values = _matrix(data, place)
            if values is None:
                continue
            if place == "raw/X":
                write_elem(file, "raw/var", data.raw.var)
            write_elem(file, place, values)
        yield file


def _matrix(data: AnnData, place: str) -> Any:
    """A matrix of an object by its place in the file, None where there is none."""
    if place == "X":
        return data.X
    if place == "raw/X":
        return None if data.raw is None else data.raw.X
    return data.layers.get(place.removeprefix("layers/"))
