"""Samples or cells of an AnnData object: out as tables, and projections, activities and drivers into it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from decode.core.checks import check_unique, listed
from decode.core.ids import strip_version
from decode.drivers.find import DriversResult
from decode.persons.project import Projection

LAYER, COORDINATES, ACTIVITY, DRIVERS = "decode_fold_change", "X_decode", "decode_activity", "decode_drivers"


def samples_of_anndata(data: Any, *, layer: str | None = None) -> pd.DataFrame:
    """The expression in an AnnData object as `decode.project` takes it: genes in rows, samples (or cells) in columns.

    Parameters
    ----------
    data : anndata.AnnData
        Anything with X, layers, obs_names and var_names; var_names are gene ids.
    layer : str, optional
        Default: X.

    Returns
    -------
    pd.DataFrame, shape (n_vars, n_obs)
        Index: gene ids without version.

    Raises
    ------
    KeyError
        If there is no such layer.
    ValueError
        If genes or samples repeat.
    """
    if layer is not None and layer not in data.layers:
        raise KeyError(f"the AnnData object has no layer {layer!r}; it has {listed(list(data.layers)) or 'none'}")
    values = data.X if layer is None else data.layers[layer]
    dense = values.toarray() if hasattr(values, "toarray") else np.asarray(values)
    genes, samples = strip_version([str(name) for name in data.var_names]), [str(name) for name in data.obs_names]
    check_unique("genes of the AnnData object", genes)
    check_unique("samples of the AnnData object", samples)
    return pd.DataFrame(dense.T.astype(np.float64), index=pd.Index(genes, name="gene_id"), columns=samples)


def add_projection(data: Any, projection: Projection) -> None:
    """Put a projection into the AnnData object that its samples came from.

    Parameters
    ----------
    data : anndata.AnnData
        Changed: layers["decode_fold_change"] (predicted fold changes; NaN for genes that the features lack),
        obsm["X_decode"] (places on the model's components), obs["decode_spearman"] (accuracy in held-out genes).
    projection : Projection
        With every sample of the object; its order may differ.

    Raises
    ------
    ValueError
        If samples of the object have no projection.
    """
    samples = [str(name) for name in data.obs_names]
    table = projection.predictions.set_index(projection.predictions.columns[0])
    _check_samples(samples, [str(name) for name in table.columns], "projection")
    genes = strip_version([str(name) for name in data.var_names])
    data.layers[LAYER] = table[samples].reindex(genes).to_numpy(dtype=np.float64).T
    data.obsm[COORDINATES] = projection.coordinates.set_index("sample").loc[samples].to_numpy(dtype=np.float64)
    data.obs["decode_spearman"] = projection.accuracy.set_index("sample")["spearman"].loc[samples].to_numpy()


def add_activities(data: Any, activities: pd.DataFrame, *, key: str = ACTIVITY) -> None:
    """Put activities of regulators into obsm[key], a table with one row a sample.

    Parameters
    ----------
    data : anndata.AnnData
        Changed.
    activities : pd.DataFrame, shape (n_samples, n_regulators)
        Index: samples.
    key : str

    Raises
    ------
    ValueError
        If samples of the object have no activities.
    """
    samples = [str(name) for name in data.obs_names]
    known = activities.set_axis([str(name) for name in activities.index], axis=0)
    _check_samples(samples, list(known.index), "table of activities")
    data.obsm[key] = known.loc[samples].set_axis(data.obs_names, axis=0)


def activities_of_anndata(data: Any, *, key: str = ACTIVITY) -> pd.DataFrame:
    """Activities that `add_activities` put into an AnnData object, samples x regulators.

    Raises
    ------
    KeyError
        If obsm has no such key.
    """
    if key not in data.obsm:
        raise KeyError(f"the AnnData object has no obsm[{key!r}]; it has {listed(list(data.obsm)) or 'none'}")
    return pd.DataFrame(data.obsm[key]).copy()


def add_drivers(data: Any, result: DriversResult, *, key: str = DRIVERS) -> None:
    """Put ranked drivers into the AnnData object that the contrasts came from.

    Parameters
    ----------
    data : anndata.AnnData
        Changed: uns[key] holds the tables drivers, targets, contrasts and, where there are any, evidence and missing.
        Text that is missing is empty, as h5ad files have no missing text in tables.
    result : DriversResult
        From `decode.find_drivers`.
    key : str

    Raises
    ------
    TypeError
        If `result` is no result of `find_drivers`.

    Examples
    --------
    >>> add_drivers(adata, result)  # doctest: +SKIP
    >>> adata.uns["decode_drivers"]["drivers"].query("fdr < 0.05")  # doctest: +SKIP
    """
    if not isinstance(result, DriversResult):
        raise TypeError(f"result is a {type(result).__name__}; what decode.find_drivers returns is wanted")
    tables = {name: getattr(result, name) for name in ("drivers", "targets", "contrasts", "evidence", "missing")}
    data.uns[key] = {name: _writable(table) for name, table in tables.items() if table is not None}


def _writable(table: pd.DataFrame) -> pd.DataFrame:
    """A table that anndata can write: text index, no missing text, nothing but text in columns of objects."""
    columns = {
        str(name): column if pd.api.types.is_numeric_dtype(column) else column.fillna("").astype(str).astype(object)
        for name, column in table.items()
    }
    return pd.DataFrame(columns).set_axis([str(number) for number in range(len(table))], axis=0)


def _check_samples(wanted: list[str], known: list[str], what: str) -> None:
    lost = [name for name in wanted if name not in set(known)]
    if lost:
        raise ValueError(
            f"{len(lost)} of {len(wanted)} samples of the AnnData object are not in the {what}: {listed(lost)}"
        )
