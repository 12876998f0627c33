"""Our netCDF-4 files, opened with one check of what they are."""

from __future__ import annotations

from pathlib import Path

import xarray as xr

from decode.core.files import check_input


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
        If it is no such file, damaged, or of another schema version.
    """
    path = check_input(path, name)
    try:
        dataset = xr.open_dataset(path, engine="h5netcdf", phony_dims="sort")  # HDF5 of others: no warning
    except (OSError, ValueError, KeyError, RuntimeError, TypeError) as error:
        raise ValueError(
            f"{path} is no netCDF-4 file or damaged ({str(error).splitlines()[0]}); give the output of {command}"
        ) from error
    found, version = dataset.attrs.get("format"), dataset.attrs.get("schema_version")
    if found != file_format or version != schema_version:
        dataset.close()
        stated = f"of schema version {version}" if found == file_format else f"no {what}"
        raise ValueError(
            f"{path} is {stated}; this release reads schema version {schema_version}: give the output of {command}"
        )
    return dataset
