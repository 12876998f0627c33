"""Our netCDF-4 files, written through one function and opened with one check of what they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5netcdf
import xarray as xr

from decode.core.files import check_input
from decode.core.hdf5 import READ_ERRORS, check_hdf5, short
from decode.core.hdf5_output import hdf5_output


def dump_netcdf(dataset: xr.Dataset, file: Any, encoding: dict[str, dict[str, Any]] | None = None) -> None:
    """Put a dataset into an open `h5netcdf.File` or one of its groups.

    Parameters
    ----------
    dataset : xr.Dataset
    file : h5netcdf.File or h5netcdf.Group
    encoding : dict of variable to dict, optional
        As in `xarray.Dataset.to_netcdf`.
    """
    dataset.dump_to_store(xr.backends.H5NetCDFStore(file), encoding=encoding or {})


def write_netcdf(dataset: xr.Dataset, path: str | Path) -> None:
    """Write one netCDF-4 file with a hash at its end, whole or not at all.

    Raises
    ------
    FileNotFoundError, PermissionError, IsADirectoryError, OSError
        If the file cannot be written.
    """
    with hdf5_output(path) as sink, h5netcdf.File(sink, "w") as file:
        dump_netcdf(dataset, file)


def open_netcdf(
    path: str | Path, name: str, *, what: str, file_format: str, schema_version: int, command: str
) -> xr.Dataset:
    """Open a netCDF-4 file that one of our commands wrote; nothing but its header is read yet.

    Parameters
    ----------
    path : str or Path
    name, what : str
        What the file is for, and what it has to be, for messages: "null", "null file".
    file_format : str
        Its attribute `format`.
    schema_version : int
    command : str
        That writes such files.

    Returns
    -------
    xr.Dataset
        Close it, or use it as a context manager.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no such file, damaged, of another schema version, or refers to other files.
    """
    path = check_input(path, name)
    advice = f"give the output of {command}"
    check_hdf5(path, what, advice)
    try:
        dataset = xr.open_dataset(path, engine="h5netcdf", phony_dims="sort")  # HDF5 of others: no warning
    except READ_ERRORS as error:
        raise ValueError(f"{path} is no netCDF-4 file or damaged ({short(error)}); {advice}") from error
    found, version = dataset.attrs.get("format"), dataset.attrs.get("schema_version")
    if found != file_format or version != schema_version:
        dataset.close()
        stated = f"of schema version {version}" if found == file_format else f"no {what}"
        raise ValueError(
            f"{path} is {stated}; this release reads schema version {schema_version}: give the output of {command}"
        )
    return dataset
