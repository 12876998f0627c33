"""Pseudobulk: counts of single cells in an h5ad file, summed by sample (and cell group), per million.

A file is read by h5py, a part of the cells at a time, and AnnData itself is not needed; an object goes the same way.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import h5py
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from decode.core.checks import check_count, check_unique, listed
from decode.core.files import check_input
from decode.core.hdf5 import READ_ERRORS, open_hdf5, short
from decode.core.ids import strip_version
from decode.core.shown import shown
from decode.expression.anndata_tables import h5ad_in_memory, is_anndata
from decode.expression.counts import per_million

if TYPE_CHECKING:
    from anndata import AnnData

logger = logging.getLogger(__name__)

MIN_CELLS = 20  # of a pseudobulk; fewer hold too few counts of most genes to tell 0 from low
CHUNK = 8192  # cells (or genes) a step
MATRICES = ("layers/counts", "raw/X", "X")  # where raw counts are looked for, in this order
GENE_COLUMNS = ("gene_ids", "gene_id", "ensembl_id", "feature_id")  # of var, where its index holds symbols


@shown()
class Pseudobulk(NamedTuple):
    """Summed cells.

    Attributes
    ----------
    cpm : pd.DataFrame, shape (n_genes, n_pseudobulks)
        Counts per million; index gene_id.
    samples : pd.DataFrame
        Index: names of the pseudobulks (SAMPLE, or SAMPLE|GROUP); the sample and group columns, n_cells, total_counts,
        and every column of obs that is constant within each sample.
    counts : dict of str to int
        n_cells, n_cells_unnamed (no sample or group), n_pseudobulks, n_pseudobulks_small, n_cells_of_small.
    matrix : str
        Which matrix of the file was summed.
    """

    cpm: pd.DataFrame
    samples: pd.DataFrame
    counts: dict[str, int]
    matrix: str


def pseudobulk(
    path: str | Path | AnnData,
    sample_column: str,
    group_column: str | None = None,
    *,
    min_cells: int = MIN_CELLS,
    matrix: str | None = None,
) -> Pseudobulk:
    """Sum the raw counts of the cells of each sample, or of each cell group of each sample.

    Parameters
    ----------
    path : str, Path or AnnData
        h5ad as AnnData 0.8 or later writes it; dense, CSR or CSC. Or the object in memory, not changed.
    sample_column : str
        Column of obs that names the sample (person, donor) of a cell.
    group_column : str, optional
        Column of obs that names its group (cell type).
    min_cells : int, default 20
        Pseudobulks of fewer cells are left out and counted.
    matrix : str, optional
        Such as "X", "raw/X" or "layers/counts"; default: the first of layers/counts, raw/X and X that holds whole
        numbers.

    Returns
    -------
    Pseudobulk

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    TypeError
        If it is neither a path nor an AnnData object.
    ValueError
        If it is no h5ad file, lacks the columns or the matrix, holds no raw counts (negative numbers or fractions),
        gene ids repeat, or no pseudobulk is large enough.

    Notes
    -----
    Counts per million, not TPM: reads (or molecules) of tagged ends do not grow with the length of the transcript.
    """
    check_count("min_cells", min_cells)
    if is_anndata(path):
        with h5ad_in_memory(path, matrix, MATRICES) as file:
            return _summed(file, "the AnnData object", sample_column, group_column, min_cells, matrix)
    if not isinstance(path, str | Path):
        raise TypeError(
            f"pseudobulk of a {type(path).__name__}; the path of an h5ad file or an AnnData object is wanted"
        )
    path = check_input(path, "h5ad file")
    try:
        with open_hdf5(path, "h5ad file", "fetch or write it again", plain=False) as file:
            return _summed(file, str(path), sample_column, group_column, min_cells, matrix)
    except READ_ERRORS as error:
        if isinstance(error, ValueError) and str(path) in str(error):
            raise
        raise ValueError(f"{path} is no readable h5ad file ({short(error)}); fetch or write it again") from error


def _summed(
    file: h5py.File, name: str, sample_column: str, group_column: str | None, min_cells: int, matrix: str | None
) -> Pseudobulk:
    obs = _frame(file, "obs", name)
    wanted = [sample_column] if group_column is None else [sample_column, group_column]
    missing = [column for column in wanted if column not in obs]
    if missing:
        raise ValueError(f"obs of {name} lacks the column(s) {listed(missing)}; it has {listed(obs.columns, 12)}")
    is_named = obs[wanted].notna().all(axis=1).to_numpy()
    labels = obs[wanted[0]].astype(str)
    if group_column is not None:
        labels = labels + "|" + obs[group_column].astype(str)
    sizes = labels[is_named].value_counts()
    large = [label for label in dict.fromkeys(labels[is_named]) if sizes[label] >= min_cells]
    counts = {
        "n_cells": len(obs), "n_cells_unnamed": int((~is_named).sum()), "n_pseudobulks": len(large),
        "n_pseudobulks_small": len(sizes) - len(large), "n_cells_of_small": int(sizes[sizes < min_cells].sum()),
    }  # fmt: skip
    if not large:
        raise ValueError(
            f"{name}: no pseudobulk has {min_cells} cells (the largest has {sizes.max() if len(sizes) else 0}); lower "
            "--min-cells, or take a coarser group"
        )
    codes = pd.Index(large).get_indexer(pd.Index(labels))
    codes[~is_named] = -1
    where = _counts_matrix(file, name, matrix)
    genes = _gene_ids(file, "raw/var" if where == "raw/X" else "var", name)
    sums = _group_sums(file[where], codes, len(large), len(genes), f"matrix {where} of {name}")
    table = pd.DataFrame(sums.T, index=pd.Index(genes, name="gene_id"), columns=large)
    samples = _samples(obs, wanted, codes, large)
    samples["total_counts"] = table.sum(axis=0)
    logger.info("pseudobulk of %s (%s): %s", name, where, ", ".join(f"{key} {value}" for key, value in counts.items()))
    return Pseudobulk(per_million(table), samples, counts, where)


def _frame(file: h5py.File, group: str, name: str) -> pd.DataFrame:
    """A data frame of an h5ad file."""
    node = file.get(group)
    if not isinstance(node, h5py.Group) or "_index" not in node.attrs:
        raise ValueError(
            f"{name} has no {group} as AnnData 0.8 or later writes it; write it again with a newer anndata"
        )
    columns = {str(key): _column(node[str(key)]) for key in node.attrs.get("column-order", [])}
    index = pd.Index(_column(node[str(node.attrs["_index"])]).astype(str))
    return pd.DataFrame(columns).set_axis(index, axis=0) if columns else pd.DataFrame(index=index)


def _column(node: h5py.Group | h5py.Dataset) -> pd.Series:
    if isinstance(node, h5py.Dataset):
        values = node[()]
        return pd.Series(np.char.decode(values.astype("S")) if values.dtype.kind == "S" else _decoded(values))
    if "codes" in node:
        categories = _column(node["categories"]).to_numpy()
        codes = node["codes"][()]
        return pd.Series(np.where(codes >= 0, categories[codes], None) if len(categories) else [None] * len(codes))
    if "mask" in node:  # nullable integers, booleans and strings
        return _column(node["values"]).astype(object).where(~node["mask"][()], None)
    return pd.Series([None] * 0, dtype=object)


def _decoded(values: NDArray[Any]) -> NDArray[Any]:
    if values.dtype.kind != "O":
        return values
    return np.array([item.decode() if isinstance(item, bytes) else item for item in values], dtype=object)


def _counts_matrix(file: h5py.File, name: str, wanted: str | None) -> str:
    """Where the raw counts lie."""
    if wanted is not None:
        if wanted not in file:
            there = [place for place in MATRICES if place in file]
            raise ValueError(f"{name} has no matrix {wanted!r}; it has {listed(there)}")
        return wanted
    for where in MATRICES:
        if where in file and _looks_raw(file[where]):
            return where
    raise ValueError(
        f"{name} holds no raw counts: looked for whole numbers in {', '.join(MATRICES)}; keep them in "
        "layers['counts'], or name the matrix"
    )


def _looks_raw(node: h5py.Group | h5py.Dataset) -> bool:
    values = node["data"][:100_000] if isinstance(node, h5py.Group) else node[:100]
    return bool((values >= 0).all() and (values == np.floor(values)).all())


def _gene_ids(file: h5py.File, group: str, name: str) -> list[str]:
    var = _frame(file, group, name)
    ids = [str(gene) for gene in var.index]
    if not any(gene.startswith("ENS") for gene in ids):
        column = next((column for column in GENE_COLUMNS if column in var), None)
        ids = ids if column is None else [str(gene) for gene in var[column]]
    ids = strip_version(ids)
    check_unique(f"genes of {name}", ids)
    return ids


def _group_sums(
    node: h5py.Group | h5py.Dataset, codes: NDArray[np.int64], n_groups: int, n_genes: int, name: str
) -> NDArray[np.float64]:
    """Sums over the cells of each group, shape (n_groups, n_genes)."""
    sums = np.zeros((n_groups, n_genes))
    for cells, genes, part in _parts(node, len(codes), n_genes, name):
        values = part.data if sparse.issparse(part) else part
        if not ((values >= 0) & (values == np.floor(values))).all():
            raise ValueError(
                f"{name} holds negative numbers or fractions, no raw counts; name the matrix that holds them"
            )
        own = codes[cells]
        rows = np.flatnonzero(own >= 0)
        indicator = sparse.csr_matrix((np.ones(len(rows)), (own[rows], rows)), shape=(n_groups, len(own)))
        product = indicator @ part
        sums[:, genes] += product.toarray() if sparse.issparse(product) else product
    return sums


def _parts(
    node: h5py.Group | h5py.Dataset, n_cells: int, n_genes: int, name: str
) -> Iterator[tuple[slice, slice, Any]]:
    """Blocks of a matrix with their cells and genes."""
    is_sparse = isinstance(node, h5py.Group)
    shape = tuple(int(size) for size in (node.attrs.get("shape", ()) if is_sparse else node.shape))
    if shape != (n_cells, n_genes):
        raise ValueError(f"{name} has shape {shape}; {n_cells} cells x {n_genes} genes are wanted")
    by_gene = is_sparse and str(node.attrs.get("encoding-type", "csr_matrix")) == "csc_matrix"
    everything = slice(0, n_genes) if not by_gene else slice(0, n_cells)
    n_lines = n_genes if by_gene else n_cells
    for start in range(0, n_lines, CHUNK):
        stop = min(start + CHUNK, n_lines)
        if not is_sparse:
            yield slice(start, stop), everything, node[start:stop].astype(np.float64)
            continue
        pointers = node["indptr"][start : stop + 1].astype(np.int64)
        first, last = int(pointers[0]), int(pointers[-1])
        arrays = (node["data"][first:last].astype(np.float64), node["indices"][first:last], pointers - first)
        part: Any
        if by_gene:
            part, block = sparse.csc_matrix(arrays, shape=(n_cells, stop - start)), (everything, slice(start, stop))
        else:
            part, block = sparse.csr_matrix(arrays, shape=(stop - start, n_genes)), (slice(start, stop), everything)
        part.check_format(full_check=True)  # compiled code follows the indices without looking
        yield *block, part


def _samples(obs: pd.DataFrame, wanted: list[str], codes: NDArray[np.int64], names: list[str]) -> pd.DataFrame:
    """What is known of the pseudobulks: columns of obs that do not differ within a sample."""
    used = obs.loc[codes >= 0]
    by_sample = used.groupby(used[wanted[0]].astype(str), sort=False)
    first = used.groupby(codes[codes >= 0]).first()
    constant = [
        str(column)
        for column in used
        if column not in wanted and by_sample[str(column)].nunique(dropna=False).max() == 1
    ]
    table = first[[*wanted, *constant]].set_axis(pd.Index(names, name="sample"), axis=0)
    table["n_cells"] = np.bincount(codes[codes >= 0], minlength=len(names))
    return table


def join_samples(samples: pd.DataFrame, known: pd.DataFrame, sample_column: str) -> pd.DataFrame:
    """Add what a table of samples knows to each of their pseudobulks.

    Parameters
    ----------
    samples : pd.DataFrame
        Of pseudobulks, see `Pseudobulk`.
    known : pd.DataFrame
        Index: names of the samples, see `decode.expression.samples.read_samples`.
    sample_column : str
        Column of `samples` that holds those names.

    Returns
    -------
    pd.DataFrame
        Columns of both; where both have one, that of `known`.

    Examples
    --------
    >>> samples = pd.DataFrame({"donor": ["A", "A"], "n_cells": [30, 40]}, index=["A|T", "A|B"])
    >>> join_samples(samples, pd.DataFrame({"age": [50]}, index=["A"]), "donor")["age"].tolist()
    [50, 50]
    """
    added = known.loc[samples[sample_column].astype(str).tolist()].set_axis(samples.index, axis=0)
    added = added.drop(columns=sample_column, errors="ignore")
    return pd.concat([samples.drop(columns=added.columns, errors="ignore"), added], axis=1)
