"""The features file: one HDF5 file with compressed, checksummed chunks, readable gene by gene."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h5py
import hdf5plugin
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from decode.core.files import check_input, check_output, to_json
from decode.core.hdf5 import READ_ERRORS, open_hdf5, short
from decode.core.hdf5_output import hdf5_output
from decode.features.content import SCHEMA_VERSION, FeatureContent, track_names
from decode.features.region import RegionMatrix, bin_grid, check_genes_and_bins, dense_grid, padded_lengths
from decode.features.stored import check_header, check_lengths, check_pointers, check_table, check_values

FORMAT = "decode-features"
CHUNK = 8192  # values; 128 random genes: 8k chunks 8 ms, 64k chunks 44 ms
ADVICE = "build it again (decode features build)"
HEADER = ("level", "build", "bin_size", "upstream", "downstream", "sources", "checks", "definitions")


def _put(group: h5py.Group, name: str, values: NDArray[Any]) -> None:
    """One array, compressed, with a checksum on every chunk."""
    options: dict[str, Any] = {}
    if len(values):
        options = {"chunks": (min(CHUNK, len(values)),), "fletcher32": True, **hdf5plugin.Blosc(cname="zstd")}
    group.create_dataset(name, data=values, **options)


def _put_table(group: h5py.Group, table: pd.DataFrame) -> None:
    """A table column by column; text as UTF-8 bytes of fixed width, missing text as empty."""
    group.attrs["columns"] = json.dumps(list(table.columns))
    for name in table.columns:
        column = table[name]
        if pd.api.types.is_numeric_dtype(column.dtype):
            _put(group, name, column.to_numpy())
        else:
            text = column.astype(object).where(column.notna(), "").astype(str)
            encoded = np.char.encode(text.to_numpy(dtype=object).astype(str), "utf-8")
            _put(group, name, encoded if encoded.dtype.itemsize else encoded.astype("S1"))


def _get_table(file: h5py.File, name: str) -> pd.DataFrame:
    """Table of genes or tracks; a column is read once all are known to be of one length."""
    group = file[name]
    names = json.loads(group.attrs["columns"])
    if not isinstance(names, list) or len(set(names)) < len(names):
        raise ValueError(f"columns of the table of {name} are no list of different names")
    check_lengths(f"table of {name}", {column: len(group[column]) for column in names})
    columns = {}
    for column in names:
        values = group[column][:]
        if values.ndim != 1 or values.dtype.kind not in "Siufb":
            raise ValueError(f"column {column} of the table of {name} is no row of numbers or text")
        columns[column] = np.char.decode(values, "utf-8").astype(object) if values.dtype.kind == "S" else values
    return check_table(f"table of {name}", pd.DataFrame(columns))


def write_features(features: FeatureContent, path: str | Path) -> None:
    """Write features to one HDF5 file, whole or not at all.

    Parameters
    ----------
    features : FeatureContent
        `RegulatoryFeatures`.
    path : str or Path
        Its folder must exist.

    Raises
    ------
    FileNotFoundError, PermissionError
        If the folder does not exist or cannot be written.
    OSError
        If writing fails, for instance on a full disk; an older file of that name stays as it was.
    """
    check_output(path)
    with hdf5_output(path) as sink, h5py.File(sink, "w") as file:
        _fill(file, features)


def _fill(file: h5py.File, features: FeatureContent) -> None:
    file.attrs["format"] = FORMAT
    file.attrs["schema_version"] = SCHEMA_VERSION
    header = {name: getattr(features, name) for name in HEADER}
    header["regions"] = list(features.regions)
    _put(file, "header", np.frombuffer(to_json(header).encode(), dtype=np.uint8))
    _put_table(file.create_group("genes"), features.genes)
    _put_table(file.create_group("tracks"), features.tracks)
    for name, region in features.regions.items():
        group = file.create_group(f"regions/{name}")
        group.attrs["n_tracks"] = region.n_tracks
        data = region.data
        if not data.has_canonical_format:
            data = data.copy()
            data.sum_duplicates()
        small = region.n_tracks <= np.iinfo(np.uint16).max  # half the bytes to read, checked and decompressed
        _put(group, "data", data.data)
        _put(group, "indices", data.indices.astype(np.uint16) if small else data.indices)
        _put(group, "indptr", data.indptr)
        _put(group, "offsets", region.offsets)
        _put(group, "bin_length_bp", region.bin_length_bp)


@contextmanager
def _readable(path: str | Path) -> Iterator[None]:
    """Turn whatever a damaged HDF5 file raises into one sentence."""
    try:
        yield
    except READ_ERRORS as error:
        raise ValueError(f"features file {path} is damaged ({short(error)}); {ADVICE}") from error


def _open(path: str | Path) -> h5py.File:
    """Open a file and check that it is a features file of this schema version."""
    path = check_input(path, "features file")
    if not h5py.is_hdf5(path):
        raise ValueError(f"{path} is not a features file (no HDF5); give the output of decode features build")
    file = open_hdf5(path, "features file", ADVICE)
    found, version = file.attrs.get("format"), file.attrs.get("schema_version")
    if found != FORMAT:
        file.close()
        raise ValueError(f"{path} is an HDF5 file but no features file; give the output of decode features build")
    if version != SCHEMA_VERSION:
        file.close()
        raise ValueError(
            f"features file {path} has schema version {version}; this version of decode reads {SCHEMA_VERSION}: "
            "build it again (decode features build)"
        )
    return file


def _header(file: h5py.File) -> dict[str, Any]:
    return check_header(json.loads(file["header"][:].tobytes()), HEADER)


def _value_kinds(tracks: pd.DataFrame, region: str) -> NDArray[Any]:
    return tracks.loc[tracks["region"] == region, "value_kind"].to_numpy(dtype=object)


def read_content(path: str | Path) -> dict[str, Any]:
    """Read a features file into memory: the fields of `FeatureContent` by name.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    dict

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no features file, of another schema version, or damaged.
    """
    with _open(path) as file, _readable(path):
        header = _header(file)
        tables = {name: _get_table(file, name) for name in ("genes", "tracks")}
        regions = {name: _region(file, name, **tables) for name in header.pop("regions")}
        return {**header, **tables, "regions": regions}


def _region(file: h5py.File, name: str, *, genes: pd.DataFrame, tracks: pd.DataFrame) -> RegionMatrix:
    """One region, once nothing in it leads outside of its arrays."""
    group = file[f"regions/{name}"]
    data, indices, pointer, offsets, lengths = (
        group[part][:] for part in ("data", "indices", "indptr", "offsets", "bin_length_bp")
    )
    value_kinds = _value_kinds(tracks, name)
    if group.attrs["n_tracks"] != len(value_kinds):
        raise ValueError(f"region {name} has {group.attrs['n_tracks']} tracks, the table {len(value_kinds)}")
    check_pointers(name, indptr=pointer, offsets=offsets, bin_length_bp=lengths, n_values=len(data), n_genes=len(genes))
    check_values(name, data, indices, value_kinds)
    parts = (data, indices.astype(pointer.dtype), pointer)
    return RegionMatrix(name, sparse.csr_array(parts, shape=(len(pointer) - 1, len(value_kinds))), offsets, lengths)


class FeaturesFile:
    """A features file that stays on disk: single genes are read when asked for.

    Use it in a `with` block, or call `close`. It is not safe to share between processes; each opens its own.

    Parameters
    ----------
    path : str or Path

    Attributes
    ----------
    level, build, bin_size, upstream, downstream, sources, checks, definitions
        As in RegulatoryFeatures.
    region_names : list of str

    Raises
    ------
    ValueError
        If it is no features file, of another schema version, or damaged.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._file = _open(path)
        with _readable(path):
            header = _header(self._file)
        self.level: str = header["level"]
        self.build: str = header["build"]
        self.bin_size: int = header["bin_size"]
        self.upstream: int = header["upstream"]
        self.downstream: int = header["downstream"]
        self.sources: list[dict[str, Any]] = header["sources"]
        self.checks: dict[str, Any] = header["checks"]
        self.definitions: dict[str, dict[str, Any]] = header["definitions"]
        self.region_names: list[str] = header["regions"]
        self._parts: dict[tuple[str, str], NDArray[Any]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @cached_property
    def genes(self) -> pd.DataFrame:
        """Gene table."""
        with _readable(self.path):
            return _get_table(self._file, "genes")

    @cached_property
    def tracks(self) -> pd.DataFrame:
        """Track table."""
        with _readable(self.path):
            return _get_table(self._file, "tracks")

    @cached_property
    def track_ids(self) -> list[str]:
        """Track ids as in RegulatoryFeatures."""
        return track_names(self.tracks)

    @cached_property
    def ids(self) -> NDArray[np.str_]:
        """Gene ids (transcript ids at transcript level)."""
        return self.genes[f"{self.level}_id"].to_numpy(dtype=object).astype(str)

    def _part(self, region: str, part: str) -> NDArray[Any]:
        """One of the small arrays of a region (row pointers, offsets, bin lengths), read once."""
        if (region, part) not in self._parts:
            group = self._file[f"regions/{region}"]
            small = {name: group[name][:] for name in ("indptr", "offsets", "bin_length_bp")}
            check_pointers(region, **small, n_values=len(group["data"]), n_genes=len(self.genes))
            self._parts |= {(region, name): values for name, values in small.items()}
        return self._parts[region, part]

    def dense(
        self, region: str, rows: ArrayLike, *, n_bins: int | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The bins of some genes, as `RegulatoryFeatures.dense`, reading only their chunks of the file."""
        if region not in self.region_names:
            raise KeyError(f"region {region!r} is not in {self.path}; it holds {', '.join(self.region_names)}")
        if not self._file:
            raise ValueError(f"features file {self.path} is closed; open it again")
        with _readable(self.path):
            offsets, pointer = self._part(region, "offsets"), self._part(region, "indptr")
            lengths = self._part(region, "bin_length_bp")
        genes, n_bins = check_genes_and_bins(region, offsets, rows, n_bins)
        grid = bin_grid(offsets, genes, n_bins)
        is_present = grid >= 0
        with _readable(self.path):
            group = self._file[f"regions/{region}"]
            low, high = pointer[offsets[genes]], pointer[offsets[genes + 1]]
            data, indices = (_slices(group[part], low, high) for part in ("data", "indices"))
            value_kinds = _value_kinds(self.tracks, region)
            check_values(region, data, indices, value_kinds)
        present = grid[is_present]
        row_pointer = np.concatenate([[0], np.cumsum(pointer[present + 1] - pointer[present])])
        shape = (len(present), len(value_kinds))
        picked = sparse.csr_array((data, indices.astype(pointer.dtype), row_pointer), shape=shape)
        return dense_grid(picked, is_present), padded_lengths(lengths, grid)


def _slices(dataset: h5py.Dataset, low: NDArray[Any], high: NDArray[Any]) -> NDArray[Any]:
    """The slices low[i]:high[i] of a dataset, one after the other; every chunk is decompressed once."""
    out = np.empty(int((high - low).sum()), dtype=dataset.dtype)
    first, last = low // CHUNK, (np.maximum(high, 1) - 1) // CHUNK
    target = np.cumsum(high - low) - (high - low)
    order = np.argsort(low, kind="stable")
    held, held_start = np.empty(0, dataset.dtype), -1
    for i in order.tolist():
        if high[i] == low[i]:
            continue
        start, end = int(first[i]) * CHUNK, min(int(last[i] + 1) * CHUNK, len(dataset))
        if start != held_start or end > held_start + len(held):
            held, held_start = dataset[start:end], start
        out[target[i] : target[i] + high[i] - low[i]] = held[low[i] - start : high[i] - start]
    return out
