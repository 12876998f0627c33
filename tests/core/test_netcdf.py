from __future__ import annotations

from pathlib import Path

import pytest
import xarray as xr

from decode.core.netcdf import open_netcdf

KNOWN = {"what": "demo file", "file_format": "demo", "schema_version": 2, "command": "decode demo"}


def write(path: Path, **attrs: str | int) -> Path:
    xr.Dataset({"x": ("gene", [1.0, 2.0])}, attrs=attrs).to_netcdf(path, engine="h5netcdf")
    return path


def test_a_file_of_ours_is_opened(tmp_path: Path) -> None:
    path = write(tmp_path / "a.nc", format="demo", schema_version=2)
    with open_netcdf(path, "demo", **KNOWN) as dataset:
        assert dataset["x"].to_numpy().tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("attrs", "message"),
    [
        ({"format": "demo", "schema_version": 1}, "of schema version 1; this release reads schema version 2: give the"),
        ({"format": "other", "schema_version": 2}, "a.nc is no demo file; .* give the output of decode demo"),
        ({}, "a.nc is no demo file"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, attrs: dict[str, str | int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        open_netcdf(write(tmp_path / "a.nc", **attrs), "demo", **KNOWN)


def test_text_and_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.nc").write_text("no HDF5")
    with pytest.raises(ValueError, match=r"a\.nc is damaged or no HDF5 file .*; give the output of decode demo"):
        open_netcdf(tmp_path / "a.nc", "demo", **KNOWN)
    with pytest.raises(FileNotFoundError, match=r"demo .*b\.nc"):
        open_netcdf(tmp_path / "b.nc", "demo", **KNOWN)
