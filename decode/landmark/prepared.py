"""Prepared expression: normalised profiles with their split, in memory or in one HDF5 file that is read by rows."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import h5py
import hdf5plugin
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decode.core.checks import check_choice, check_unique, listed
from decode.core.files import check_input, to_json
from decode.core.hdf5 import READ_ERRORS, open_hdf5, short
from decode.core.shown import shown
from decode.landmark.quantiles import Quantiles

FORMAT = "decode-landmark-prepared"
SCHEMA_VERSION = 1
TRAIN, VALIDATION, TEST = "train", "validation", "test"
PARTS = (TRAIN, VALIDATION, TEST)
BLOCK_ROWS = 256
ADVICE = "give the output of decode landmark prepare"
STATISTICS = ("train_mean", "train_sd", "train_min", "train_max")


@shown()
@dataclass(frozen=True, eq=False)
class PreparedExpression:
    """Normalised expression, samples in rows, and what was done to get there.

    Open a file with `open_prepared`, or make one in memory with `decode.landmark.prepare.prepare_expression`.

    Attributes
    ----------
    values : float32 array or HDF5 dataset, shape (n_samples, n_genes)
        Quantile-normalised, on the scale 4 to 15. Read it through `read` and `blocks`.
    gene_ids, gene_names : array of str, shape (n_genes,)
        Genes or probes; a name is empty where none is known.
    sample_ids, split : array of str, shape (n_samples,)
        The split is "train", "validation" or "test".
    labels : pd.DataFrame, shape (n_samples, n_labels)
        What is known of the samples, as text; no columns where nothing was given. Index: the samples.
    quantiles : Quantiles
        Of the training profiles; new samples are given them too.
    train_mean, train_sd, train_min, train_max : float64 array, shape (n_genes,)
        Of every gene over training samples, on the scale 4 to 15. The SD divides by the number of samples.
    duplicates : pd.DataFrame
        sample_id, duplicate_of, distance of the samples that were left out as copies of another.
    counts : dict
        Samples and genes after each step.
    options : dict
        What was asked for, the seed among it.
    """

    values: Any
    gene_ids: NDArray[np.str_]
    gene_names: NDArray[np.str_]
    sample_ids: NDArray[np.str_]
    split: NDArray[np.str_]
    labels: pd.DataFrame
    quantiles: Quantiles
    train_mean: NDArray[np.float64]
    train_sd: NDArray[np.float64]
    train_min: NDArray[np.float64]
    train_max: NDArray[np.float64]
    duplicates: pd.DataFrame
    counts: dict[str, Any]
    options: dict[str, Any]
    file: h5py.File | None = None

    @property
    def n_samples(self) -> int:
        """Samples of all parts."""
        return len(self.sample_ids)

    @property
    def n_genes(self) -> int:
        """Genes or probes."""
        return len(self.gene_ids)

    def rows(self, part: str = "all") -> NDArray[np.int64]:
        """Row numbers of a part, ascending.

        Parameters
        ----------
        part : {"train", "validation", "test", "all"}

        Returns
        -------
        int array
        """
        check_choice("part", part, (*PARTS, "all"))
        return np.arange(self.n_samples) if part == "all" else np.flatnonzero(self.split == part)

    def __reduce__(self) -> Any:
        """For a worker of a cluster: profiles in a file are opened there, not sent; it must see the same path."""
        if self.file is None:
            return super().__reduce__()
        return open_prepared, (os.path.abspath(self.file.filename),)

    def read(self, rows: Sequence[int] | NDArray[np.integer] | None = None) -> NDArray[np.float32]:
        """Profiles of some samples, in the order asked for; all where no rows are named.

        Parameters
        ----------
        rows : sequence of int, optional

        Returns
        -------
        float32 array, shape (len(rows), n_genes)

        Raises
        ------
        ValueError
            If the file is damaged there.
        """
        wanted = np.arange(self.n_samples) if rows is None else np.asarray(rows, dtype=np.int64)
        if not isinstance(self.values, h5py.Dataset):
            return np.asarray(self.values)[wanted]
        out = np.empty((len(wanted), self.n_genes), dtype=np.float32)
        try:  # one run of rows at a time: HDF5's own selection of single rows takes many times longer
            for start, stop in _runs(wanted):
                first = int(wanted[start])
                self.values.read_direct(out, np.s_[first : first + stop - start], np.s_[start:stop])
        except READ_ERRORS as error:
            raise ValueError(f"{self.values.file.filename} is damaged ({error}); prepare it again") from error
        return out

    def blocks(
        self, rows: Sequence[int] | NDArray[np.integer] | None = None, *, size: int = BLOCK_ROWS
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """Profiles block by block, so that only one block is in memory.

        Parameters
        ----------
        rows : sequence of int, optional
            Default all.
        size : int
            Samples in a block.

        Yields
        ------
        rows : int array
        values : float32 array, shape (len(rows), n_genes)
        """
        wanted = np.arange(self.n_samples) if rows is None else np.asarray(rows, dtype=np.int64)
        for start in range(0, len(wanted), size):
            part = wanted[start : start + size]
            yield part, self.read(part)

    def gene_table(self) -> pd.DataFrame:
        """gene_id and gene_name of every gene."""
        return pd.DataFrame({"gene_id": self.gene_ids, "gene_name": self.gene_names})

    def close(self) -> None:
        """Close the file, where there is one."""
        if self.file is not None:
            self.file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _runs(rows: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Stretches of positions whose rows follow one another."""
    breaks = np.flatnonzero(np.diff(rows) != 1) + 1
    edges = np.concatenate([[0], breaks, [len(rows)]]) if len(rows) else np.zeros(1, dtype=np.int64)
    yield from zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)


def values_dataset(file: h5py.File, n_samples: int, n_genes: int) -> h5py.Dataset:
    """The empty matrix of a prepared file: a chunk a sample, compressed, with checksums."""
    return file.create_dataset(
        "values", (n_samples, n_genes), np.float32, chunks=(1, n_genes), fletcher32=True,
        **hdf5plugin.Blosc(cname="zstd", clevel=1),
    )  # fmt: skip


def write_description(file: h5py.File, content: PreparedExpression) -> None:
    """Everything but the matrix; the format is named last, so that a file without it is not finished."""
    text = h5py.string_dtype("utf-8")
    for name in ("gene_ids", "gene_names", "sample_ids", "split"):
        file.create_dataset(name, data=np.asarray(getattr(content, name), dtype=object), dtype=text)
    file.create_dataset("reference_quantiles", data=content.quantiles.reference)
    for name in STATISTICS:
        file.create_dataset(name, data=getattr(content, name))
    for group, table in (("labels", content.labels), ("duplicates", content.duplicates)):
        made = file.create_group(group)
        made.attrs["columns"] = json.dumps([str(name) for name in table.columns])
        for number, name in enumerate(table.columns):
            column = table[name]
            if pd.api.types.is_float_dtype(column.dtype):
                made.create_dataset(str(number), data=column.to_numpy())
            else:
                made.create_dataset(str(number), data=column.astype(object).to_numpy(), dtype=text)
    low, high = content.quantiles.raw_low, content.quantiles.raw_high
    file.attrs.update({"raw_low": low, "raw_high": high})
    file.attrs.update({"counts": to_json(content.counts), "options": to_json(content.options)})
    file.attrs.update({"schema_version": SCHEMA_VERSION, "format": FORMAT})


def open_prepared(path: str | Path) -> PreparedExpression:
    """Open a file of `decode landmark prepare`; profiles are read when they are asked for.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    PreparedExpression
        Close it, or use it as a context manager.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is damaged, cut off, of another kind or of another schema version.
    """
    path = check_input(path, "prepared expression")
    file = open_hdf5(path, "prepared expression", ADVICE)
    with _says_what_is_wrong(path):
        try:
            found, version = file.attrs.get("format"), file.attrs.get("schema_version")
            if found == FORMAT and version == SCHEMA_VERSION:
                return _read_description(file)
        except BaseException:
            file.close()
            raise
    file.close()
    stated = f"of schema version {version}" if found == FORMAT else "no prepared expression"
    raise ValueError(
        f"{path} is {stated}; this release reads schema version {SCHEMA_VERSION}: give the output of decode landmark "
        "prepare"
    )


@contextmanager
def _says_what_is_wrong(path: Path) -> Iterator[None]:
    try:
        yield
    except READ_ERRORS as error:
        raise ValueError(f"prepared expression {path} is damaged ({short(error)}); {ADVICE}") from error


def _read_description(file: h5py.File) -> PreparedExpression:
    def strings(name: str) -> NDArray[np.str_]:
        return np.asarray(file[name].asstr()[:], dtype=np.str_)

    def table(name: str, index: pd.Index | None) -> pd.DataFrame:
        group, columns = file[name], json.loads(file[name].attrs["columns"])
        read = [
            group[str(i)].asstr()[:] if group[str(i)].dtype.kind == "O" else group[str(i)][:]
            for i in range(len(columns))
        ]
        return pd.DataFrame(dict(zip(columns, read, strict=True)), index=index)

    sample_ids, gene_ids, split = strings("sample_ids"), strings("gene_ids"), strings("split")
    values = file["values"]
    if values.shape != (len(sample_ids), len(gene_ids)) or len(split) != len(sample_ids):
        raise ValueError(f"the matrix has shape {values.shape}, the lists {len(sample_ids)} and {len(gene_ids)} names")
    if values.dtype != np.float32 or set(split.tolist()) - set(PARTS):
        raise ValueError(f"values are of type {values.dtype}, parts of the split {listed(sorted(set(split.tolist())))}")
    for name, ids in (("genes", gene_ids), ("samples", sample_ids)):
        check_unique(name, ids.tolist())
    rows = {name: file[name] for name in ("reference_quantiles", *STATISTICS)}
    for name, row in rows.items():
        if row.shape != gene_ids.shape or row.dtype.kind != "f" or not np.isfinite(row[:]).all():
            raise ValueError(f"{name} is no row of finite numbers, one for each of the {len(gene_ids):,} genes")
    raw_low, raw_high = float(file.attrs["raw_low"]), float(file.attrs["raw_high"])
    if not np.isfinite([raw_low, raw_high]).all():
        raise ValueError("raw_low or raw_high is undefined")
    counts, options = (json.loads(file.attrs[name]) for name in ("counts", "options"))
    if not isinstance(counts, dict) or not isinstance(options, dict):
        raise ValueError("counts or options are no objects with named values")
    quantiles = Quantiles(rows["reference_quantiles"][:], raw_low, raw_high)
    mean, sd, low, high = (rows[name][:] for name in STATISTICS)
    return PreparedExpression(
        values, gene_ids, strings("gene_names"), sample_ids, split,
        table("labels", pd.Index(sample_ids.astype(object), name="sample")), quantiles, mean, sd, low, high,
        table("duplicates", None), counts, options, file,
    )  # fmt: skip


def training_statistics(
    blocks: Iterator[tuple[NDArray[np.bool_], NDArray[np.float32]]], n_genes: int
) -> dict[str, NDArray[np.float64]]:
    """Mean, SD, smallest and largest value of every gene over training samples, from blocks (is_training, values)."""
    n = 0
    total, square = np.zeros(n_genes), np.zeros(n_genes)
    low, high = np.full(n_genes, np.inf), np.full(n_genes, -np.inf)
    centre = None
    for is_training, values in blocks:
        part = cast(NDArray[np.float64], values[is_training].astype(np.float64))
        if not len(part):
            continue
        centre = part[0] if centre is None else centre  # sums of differences lose no digits
        n += len(part)
        total += (part - centre).sum(axis=0)
        square += ((part - centre) ** 2).sum(axis=0)
        low, high = np.minimum(low, part.min(axis=0)), np.maximum(high, part.max(axis=0))
    if centre is None:
        raise ValueError("no training sample is left; give more samples, or smaller shares for the other parts")
    mean = total / n
    sd = np.sqrt(np.maximum(square / n - mean**2, 0.0))
    return {"train_mean": centre + mean, "train_sd": sd, "train_min": low, "train_max": high}
