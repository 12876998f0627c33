"""Knockouts as xarray, in memory or in a netCDF-4 file that is written gene block by gene block and resumes."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import h5netcdf
import h5py
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from decode.core.files import check_output
from decode.core.hdf5 import open_hdf5
from decode.core.hdf5_output import PatientFile, hdf5_output
from decode.core.netcdf import dump_netcdf, open_netcdf
from decode.core.resume import load_piece, make_work_folder, remove_work_folder, work_folder

logger = logging.getLogger(__name__)

FORMAT = "decode-knockouts"
SCHEMA_VERSION = 1
CHUNK_GENES = 64
CHUNK_BYTES = 2**20  # uncompressed; chunks span some genes and some regulators, so that either is quick to read
FULL = ("effect", "sd_members")
DIMS = ("gene_id", "regulator", "task")
FILTERS: dict[str, Any] = {"compression": "gzip", "compression_opts": 1, "shuffle": True, "fletcher32": True}
MEANING = {
    "effect": "prediction without the regulator's sites minus with them, mean over members; NaN where it has none",
    "sd_members": "standard deviation of the effect over members (n - 1); NaN for one member",
    "prediction": "prediction with all sites, mean over members",
    "prediction_sd": "standard deviation of the prediction over members (n - 1); NaN for one member",
    "mean_effect": "mean effect over the genes that the regulator binds, mean over members",
    "mean_effect_sd": "standard deviation of that mean over members (n - 1)",
    "mean_abs_effect": "mean absolute effect over the genes that the regulator binds, mean over members",
    "mean_abs_effect_sd": "standard deviation of that mean over members (n - 1)",
}


class Sums(NamedTuple):
    """Sums over the bound genes of a block.

    effect, abs_effect : float64 array, shape (n_members, n_regulators, n_tasks)
    n_genes : int array, shape (n_regulators,)
    """

    effect: NDArray[np.float64]
    abs_effect: NDArray[np.float64]
    n_genes: NDArray[np.int64]

    def plus(self, other: Sums) -> Sums:
        """Of both blocks."""
        return Sums(self.effect + other.effect, self.abs_effect + other.abs_effect, self.n_genes + other.n_genes)


class BlockResult(NamedTuple):
    """Knockouts of the bound pairs of a block of genes.

    gene, regulator : int32 array, shape (n_pairs,)
        Gene within the block; by gene, then by regulator.
    effect, sd_members : float32 array, shape (n_pairs, n_tasks)
    prediction, prediction_sd : float32 array, shape (n_genes, n_tasks)
    sums : Sums
    """

    gene: NDArray[np.int32]
    regulator: NDArray[np.int32]
    effect: NDArray[np.float32]
    sd_members: NDArray[np.float32]
    prediction: NDArray[np.float32]
    prediction_sd: NDArray[np.float32]
    sums: Sums


class KnockoutFile:
    """A netCDF file of knockouts that comes into being block by block, see `decode.core.resume`.

    Parameters
    ----------
    path : path
        The file; its folder must exist.
    signature : str
        Text that two runs share exactly when they compute the same thing.
    block_genes : int

    Raises
    ------
    FileNotFoundError, PermissionError
        If the folder does not exist or cannot be written.
    ValueError
        If a finished block is damaged or belongs to a run with other data or options.
    """

    def __init__(self, path: str | Path, signature: str, block_genes: int) -> None:
        self.path = check_output(path)
        self.parts = work_folder(self.path)
        self.signature = signature
        self.block_genes = block_genes
        finished = sorted(self.parts.glob("block_*.h5"))
        for part in finished:
            load_piece(part, signature, _read_signature)
        if finished:
            logger.info("%d blocks of knockouts were finished before, reused", len(finished))

    def part(self, number: int) -> Path:
        """File of one block."""
        return self.parts / f"block_{number:06d}.h5"

    def has(self, number: int) -> bool:
        """Whether a block is finished."""
        return self.part(number).exists()

    def add(self, number: int, block: BlockResult) -> None:
        """Keep a finished block: bound pairs only."""
        make_work_folder(self.parts)
        with hdf5_output(self.part(number)) as sink, h5py.File(sink, "w") as file:
            file.attrs["signature"] = self.signature
            for name, values in block._asdict().items():
                if name != "sums":
                    file.create_dataset(name, data=values)
            for name, values in block.sums._asdict().items():
                file.create_dataset(f"sums/{name}", data=values)

    def finish(self, header: xr.Dataset, n_blocks: int) -> xr.Dataset:
        """Put all blocks together into the file, which appears whole or not at all, and open it."""
        paths = [self.part(number) for number in range(n_blocks)]
        small = _small(header, (_read_block(path) for path in paths))
        with hdf5_output(self.path) as sink, h5netcdf.File(sink, "w") as file:
            dump_netcdf(small, file)
            _write_full(file, header, paths, self.block_genes, sink)
        remove_work_folder(self.parts)
        return read_knockout(self.path)


def _write_full(file: Any, header: xr.Dataset, paths: list[Path], block_genes: int, sink: PatientFile) -> None:
    shape = tuple(header.sizes[name] for name in DIMS)
    n_regulators = int(np.clip(CHUNK_BYTES // (4 * CHUNK_GENES * shape[2]), 1, shape[1]))
    chunks = (min(CHUNK_GENES, shape[0]), n_regulators, shape[2])
    for name in FULL:
        variable = file.create_variable(name, DIMS, np.float32, fillvalue=np.float32(np.nan), chunks=chunks, **FILTERS)
        variable.attrs["long_name"] = MEANING[name]
        variable.attrs["units"] = "log2"
    for number, path in enumerate(paths):
        block = _read_block(path)
        first, n_genes = number * block_genes, len(block.prediction)
        for name in FULL:
            file[name][first : first + n_genes] = _dense(block, getattr(block, name), shape[1])
        sink.check()


def _dense(block: BlockResult, values: NDArray[np.float32], n_regulators: int) -> NDArray[np.float32]:
    dense = np.full((len(block.prediction), n_regulators, values.shape[1]), np.nan, dtype=np.float32)
    dense[block.gene, block.regulator] = values
    return dense


def _small(header: xr.Dataset, blocks: Iterable[BlockResult]) -> xr.Dataset:
    """The header with everything but the two large variables."""
    prediction, prediction_sd, bound = [], [], []
    sums: Sums | None = None
    n_regulators = header.sizes["regulator"]
    for block in blocks:
        is_bound = np.zeros((len(block.prediction), n_regulators), dtype=np.int8)
        is_bound[block.gene, block.regulator] = 1
        bound.append(is_bound)
        prediction.append(block.prediction)
        prediction_sd.append(block.prediction_sd)
        sums = block.sums if sums is None else sums.plus(block.sums)
    assert sums is not None
    is_bound = np.concatenate(bound)
    with np.errstate(invalid="ignore"):
        means = {
            name: values / sums.n_genes[:, None]
            for name, values in (("mean_effect", sums.effect), ("mean_abs_effect", sums.abs_effect))
        }
    variables: dict[str, Any] = {
        "is_bound": (DIMS[:2], is_bound, {"long_name": "1 where the regulator has a site in the gene"}),
        "n_regulators": (
            "gene_id",
            is_bound.sum(axis=1, dtype=np.int64),
            {"long_name": "regulators bound to the gene"},
        ),
        "n_genes": ("regulator", sums.n_genes, {"long_name": "genes that the regulator binds"}),
    }
    arrays = {"prediction": (("gene_id", "task"), np.concatenate(prediction))}
    arrays["prediction_sd"] = (("gene_id", "task"), np.concatenate(prediction_sd))
    for name, values in means.items():
        spread = values.std(axis=0, ddof=1) if len(values) > 1 else np.full(values.shape[1:], np.nan)
        arrays[name] = (("regulator", "task"), values.mean(axis=0))
        arrays[f"{name}_sd"] = (("regulator", "task"), spread)
    for name, (dims, array) in arrays.items():
        variables[name] = (dims, array.astype(np.float32), {"long_name": MEANING[name], "units": "log2"})
    return header.assign(variables).assign_attrs(n_pairs=int(is_bound.sum()))


def in_memory(header: xr.Dataset, blocks: list[BlockResult]) -> xr.Dataset:
    """A dataset of all blocks; the same variables as the file has."""
    small = _small(header, blocks)
    full: dict[str, Any] = {}
    for name in FULL:
        dense = [_dense(block, getattr(block, name), header.sizes["regulator"]) for block in blocks]
        full[name] = (DIMS, np.concatenate(dense), {"long_name": MEANING[name], "units": "log2"})
    return small.assign(full)


def _open_part(path: Path) -> h5py.File:
    return open_hdf5(path, "finished piece", "remove it to compute it again")


def _read_signature(path: Path) -> tuple[str, None]:
    with _open_part(path) as file:
        return str(file.attrs["signature"]), None


def _read_block(path: Path) -> BlockResult:
    with _open_part(path) as file:
        values = {name: file[name][:] for name in BlockResult._fields if name != "sums"}
        sums = Sums(*(file[f"sums/{name}"][:] for name in Sums._fields))
    return BlockResult(**values, sums=sums)


def read_knockout(path: str | Path) -> xr.Dataset:
    """Open a file of knockouts; numbers are read when they are used.

    Parameters
    ----------
    path : path
        Written by `decode knockout` or `knock_out(..., out=...)`.

    Returns
    -------
    xr.Dataset
        Dimensions gene_id (transcript ids at transcript level), regulator ("KIND:NAME"), task. Variables effect and
        sd_members (gene_id, regulator, task; NaN where the regulator has no site), is_bound (gene_id, regulator),
        n_regulators (gene_id), n_genes (regulator), prediction and prediction_sd (gene_id, task), mean_effect,
        mean_abs_effect and their spread over members (regulator, task). Coordinates: gene_name, chrom, strand, split,
        regulator_kind, regulator_name, task_kind. Use it in a `with` block, or close it.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no file of knockouts, damaged, or of another schema version.
    """
    return open_netcdf(
        path, "knockouts", what="file of knockouts", file_format=FORMAT, schema_version=SCHEMA_VERSION,
        command="decode knockout",
    )  # fmt: skip
