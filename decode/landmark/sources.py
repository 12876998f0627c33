"""Expression matrices of any size, read sample by sample: GCTX and HDF5 from disk, the other formats from memory."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h5py
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decode.core.arrays import read_arrays
from decode.core.checks import check_unique, listed
from decode.core.files import check_input
from decode.core.hdf5 import open_hdf5
from decode.core.opening import HDF5_MAGIC
from decode.expression.gene_ids import clean_gene_ids
from decode.expression.readers import read_expression_with_counts

logger = logging.getLogger(__name__)

BLOCK_ROWS = 256  # 256 x 22,268 values of float64: 44 MiB
SAMPLE_NAMES = ("sample_ids", "samples", "sample", "barcodes", "columns")
GENE_NAMES = ("gene_ids", "genes", "gene", "probes", "probe_ids", "features", "rows")
MATRIX_NAMES = ("values", "matrix", "X", "expression", "data")
READ_ERRORS = (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError)


@dataclass(frozen=True, eq=False)
class SampleMatrix:
    """An expression matrix that gives its samples in blocks.

    Attributes
    ----------
    name : str
        What it is, for messages.
    matrix : array or HDF5 dataset
        Samples in rows, or in columns where `is_gene_first`.
    sample_ids, gene_ids : list of str
    is_gene_first : bool
    keep : int array or None
        Columns (of samples x genes) that are genes to keep; None keeps all.
    counts : dict
        Rows read, versions stripped, and so on.
    file : h5py.File or None
    """

    name: str
    matrix: Any
    sample_ids: list[str]
    gene_ids: list[str]
    is_gene_first: bool = False
    keep: NDArray[np.int64] | None = None
    counts: dict[str, Any] | None = None
    file: h5py.File | None = None

    @property
    def n_samples(self) -> int:
        """Number of samples."""
        return len(self.sample_ids)

    def read(self, start: int, stop: int) -> NDArray[np.float64]:
        """Samples start to stop, shape (stop - start, n_genes), float64.

        Raises
        ------
        ValueError
            If the file is damaged there, or holds infinite values.
        """
        try:
            block = self.matrix[:, start:stop].T if self.is_gene_first else self.matrix[start:stop]
        except READ_ERRORS as error:
            raise ValueError(
                f"{self.name} cannot be read at samples {start + 1} to {stop} ({error}); it may be cut off: fetch it "
                "again"
            ) from error
        values = np.asarray(block, dtype=np.float64)
        if self.keep is not None:
            values = values[:, self.keep]
        if np.isinf(values).any():
            row, column = np.argwhere(np.isinf(values))[0]
            raise ValueError(
                f"{self.name} holds infinite values, first at sample {self.sample_ids[start + row]}, gene "
                f"{self.gene_ids[column]}; correct these cells"
            )
        return values

    def blocks(self, size: int = BLOCK_ROWS) -> Iterator[tuple[int, NDArray[np.float64]]]:
        """First sample and values of each block."""
        for start in range(0, self.n_samples, size):
            yield start, self.read(start, min(start + size, self.n_samples))

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


def frame_source(expression: pd.DataFrame, name: str = "expression") -> SampleMatrix:
    """A table of genes x samples in memory.

    Raises
    ------
    TypeError
        If it is no table of numbers.
    ValueError
        If genes or samples repeat, or one of them is absent.
    """
    if not isinstance(expression, pd.DataFrame):
        raise TypeError(f"{name} is a {type(expression).__name__}; a pandas DataFrame, genes x samples, is wanted")
    try:
        values = expression.to_numpy(dtype=np.float64)
    except (ValueError, TypeError) as error:
        raise TypeError(f"{name} holds something else than numbers ({error}); genes x samples are wanted") from error
    samples, genes = [str(item) for item in expression.columns], [str(item) for item in expression.index]
    return _checked(SampleMatrix(name, values, samples, genes, is_gene_first=True))


def open_samples(path: str | Path) -> SampleMatrix:
    """Open an expression matrix by its content: GCTX, HDF5, npz, GCT, TSV or CSV.

    GCTX and HDF5 stay on disk and are read block by block; the others are read whole. In HDF5 and npz files the matrix
    is one of `MATRIX_NAMES`, the names are one of `SAMPLE_NAMES` and `GENE_NAMES`; the lengths say which axis is which.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    SampleMatrix
        Close it, or use it as a context manager. Ensembl versions are stripped.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is empty, cut off, damaged, of unknown content, or names repeat.
    """
    path = check_input(path, "expression matrix")
    with open(path, "rb") as handle:
        magic = handle.read(8)
    if magic == HDF5_MAGIC:
        return _open_hdf5(path)
    if magic.startswith(b"PK\x03\x04") and path.suffix == ".npz":
        return _open_npz(path)
    table = read_expression_with_counts(path)
    found = frame_source(table.expression, f"expression matrix {path}")
    return replace(found, counts=dict(table.counts))


def _open_hdf5(path: Path) -> SampleMatrix:
    name = f"expression matrix {path}"
    file = open_hdf5(path, "expression matrix", "fetch or write it again")
    try:
        if "format" in file.attrs and str(file.attrs["format"]).startswith("decode-"):
            raise ValueError(f"{name} is a {file.attrs['format']} file already; give the matrix that it was made from")
        if "/0/DATA/0/matrix" in file:
            matrix, genes, samples = (file[f"/0/{part}"] for part in ("DATA/0/matrix", "META/ROW/id", "META/COL/id"))
        else:
            matrix, genes, samples = (
                file[_chosen(file, names, name)] for names in (MATRIX_NAMES, GENE_NAMES, SAMPLE_NAMES)
            )
        found = _oriented(name, matrix, _texts(samples[:]), _texts(genes[:]))
        return replace(found, file=file)
    except (OSError, RuntimeError, KeyError, TypeError, AttributeError) as error:
        file.close()
        raise ValueError(
            f"{name} is no readable GCTX or HDF5 matrix ({_short(error)}); a matrix with names of genes and samples is "
            "wanted"
        ) from error
    except BaseException:
        file.close()
        raise


def _open_npz(path: Path) -> SampleMatrix:
    name = f"expression matrix {path}"
    stored = read_arrays(path, (), "expression matrix", "write it again")
    matrix, genes, samples = (
        stored[_chosen(stored, names, name)] for names in (MATRIX_NAMES, GENE_NAMES, SAMPLE_NAMES)
    )
    return _oriented(name, matrix, _texts(samples), _texts(genes))


def _short(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _chosen(held: Any, names: Sequence[str], name: str) -> str:
    for wanted in names:
        if wanted in held:
            return wanted
    raise ValueError(f"{name} holds none of {listed(names, 8)}; it holds {listed(held, 8)}")


def _texts(values: Any) -> list[str]:
    return [item.decode() if isinstance(item, bytes) else str(item) for item in np.asarray(values).ravel()]


def _oriented(name: str, matrix: Any, samples: list[str], genes: list[str]) -> SampleMatrix:
    """Which axis holds the samples, by the lengths of the names; samples first where both fit."""
    shape = tuple(matrix.shape)
    if shape == (len(samples), len(genes)):
        return _checked(SampleMatrix(name, matrix, samples, genes))
    if shape == (len(genes), len(samples)):
        return _checked(SampleMatrix(name, matrix, samples, genes, is_gene_first=True))
    raise ValueError(
        f"{name}: the matrix has shape {shape}, the file names {len(genes)} genes and {len(samples)} samples"
    )


def _checked(source: SampleMatrix) -> SampleMatrix:
    if not source.sample_ids or not source.gene_ids:
        raise ValueError(
            f"{source.name} has {len(source.gene_ids)} genes and {len(source.sample_ids)} samples; at least one of "
            "each is wanted"
        )
    check_unique(f"sample names of {source.name}", source.sample_ids)
    ids, keep, counts = clean_gene_ids(source.gene_ids, source.name)
    kept = None if len(keep) == len(source.gene_ids) else np.asarray(keep)
    return replace(source, gene_ids=ids, keep=kept, counts=counts)
