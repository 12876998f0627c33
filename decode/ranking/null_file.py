"""Scores of fitted models, and the netCDF-4 file with those of refits on shuffled sites."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from decode.core.netcdf import open_netcdf, write_netcdf

FORMAT = "decode-null"
SCHEMA_VERSION = 2  # 1 had no kinds of tasks
DIMS = ("refit", "regulator", "task")
MEANING = {
    "mean": ("log2", "mean over genes of the regulator's attribution (its tracks summed, mean over members)"),
    "mean_abs": ("log2", "mean over genes of the absolute value of the same"),
    "usage": ("log2 squared", "variance (n - 1) of the same over a gene's transcripts, mean over genes of two or more"),
}


class Scores(NamedTuple):
    """Scores of the regulators of a fitted model, (n_regulators, n_tasks); of refits with their number in front.

    Attributes
    ----------
    mean, mean_abs : float64 array
        Mean over genes of the attribution, and of its absolute value; log2 units.
    usage : float64 array or None
        Variance over a gene's transcripts, mean over genes; None where no gene has two.
    """

    mean: NDArray[np.float64]
    mean_abs: NDArray[np.float64]
    usage: NDArray[np.float64] | None = None


def null_dataset(
    scores: Scores, regulators: pd.DataFrame, tasks: Sequence[str], kinds: Sequence[str], attributes: dict[str, Any]
) -> xr.Dataset:
    """Put null scores and what they are of together.

    Parameters
    ----------
    scores : Scores
        Each (n_refits, n_regulators, n_tasks).
    regulators : pd.DataFrame
        Index "KIND:NAME"; kind, regulator, n_tracks, n_bound_genes.
    tasks, kinds : sequence of str
        Names of the tasks, and their kinds.
    attributes : dict
        Of the model, its data and the seeds.

    Returns
    -------
    xr.Dataset
        As `read_null` describes it.
    """
    coords: dict[str, Any] = {
        "regulator": regulators.index.to_numpy(dtype=object),
        "task": np.array(tasks, dtype=object),
        "task_kind": ("task", np.array(kinds, dtype=object)),
    }
    for name in ("kind", "regulator", "n_tracks", "n_bound_genes"):
        own = "regulator_name" if name == "regulator" else f"regulator_{name}"
        coords[own] = ("regulator", regulators[name].to_numpy())
    variables = {
        name: (DIMS, values, {"long_name": MEANING[name][1], "units": MEANING[name][0]})
        for name, values in scores._asdict().items()
        if values is not None
    }
    return xr.Dataset(variables, coords, {"format": FORMAT, "schema_version": SCHEMA_VERSION, **attributes})


def write_null(null: xr.Dataset, path: str | Path) -> None:
    """Write the scores of a null as netCDF-4, whole or not at all.

    Raises
    ------
    FileNotFoundError, PermissionError, IsADirectoryError, OSError
        If the file cannot be written, for instance on a full disk.
    """
    write_netcdf(null, path)


def read_null(path: str | Path) -> xr.Dataset:
    """Read the scores of a null into memory.

    Parameters
    ----------
    path : path
        Written by `decode null`.

    Returns
    -------
    xr.Dataset
        Dimensions refit, regulator ("KIND:NAME"), task. Variables mean, mean_abs and, of transcripts, usage.
        Coordinates of regulator: regulator_kind, regulator_name, regulator_n_tracks, regulator_n_bound_genes.
        Coordinate of task: task_kind. Attributes: what the refits are of (model_sha256, features_sha256,
        explained_sha256, reference, part) and their seeds.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no null file, damaged, or of another schema version.
    """
    with open_netcdf(
        path, "null", what="null file", file_format=FORMAT, schema_version=SCHEMA_VERSION, command="decode null"
    ) as dataset:
        return dataset.load()
