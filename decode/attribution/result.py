"""Attributions as xarray, in memory or in a netCDF4 file that is written gene block by gene block and resumes."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import h5netcdf
import h5py
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from decode.attribution.packing import FILTERS, packed_chunks
from decode.attribution.regulator_sums import VARIABLES, RegulatorSums, add_up, means
from decode.attribution.rounding import round_significant, round_with_carry
from decode.core.files import check_output
from decode.core.hdf5 import open_hdf5
from decode.core.hdf5_output import PatientFile, hdf5_output
from decode.core.netcdf import dump_netcdf, open_netcdf
from decode.core.resume import load_piece, make_work_folder, remove_work_folder, work_folder

logger = logging.getLogger(__name__)

FORMAT = "decode-attributions"
PIECES = "pairs, rounded"  # what a finished block holds; blocks of other releases are not taken
SCHEMA_VERSION = 3  # 1 had no sums by regulator and member, 2 no kinds of tasks
CHUNK_BYTES = 2**20  # of one gene chunk in the file, uncompressed: what HDF5 keeps in its cache
BLOCK_GENES = 64  # about as many genes are computed, and kept in memory, at a time
SUMS = "sums"  # group of a block's file
FULL = ("attribution", "sd")  # variables with a number for every gene, track and task
DIMS: dict[str, tuple[str, ...]] = {
    "attribution": ("gene", "track", "task"),
    "sd": ("gene", "track", "task"),
    "overall": ("gene", "regulator"),
    "overall_sd": ("gene", "regulator"),
    "length_effect": ("gene", "task"),
    "length_effect_sd": ("gene", "task"),
    "structure_effect": ("gene", "task"),
    "structure_effect_sd": ("gene", "task"),
    "prediction": ("gene", "task"),
    "reference_prediction": ("gene", "task"),
    "additivity_error": ("gene",),
    "float32_error": ("gene",),
}
MEANING = {
    "attribution": "contribution of a track's sites to prediction - reference_prediction, mean over members",
    "sd": "standard deviation of the attribution over members (n - 1); NaN for one member",
    "overall": "attribution of a regulator (its tracks summed), mean over fold changes (see main_tasks) and members",
    "overall_sd": "standard deviation over members (n - 1) of that mean over tasks; NaN for one member",
    "length_effect": "contribution of the occupancy (length) of the regions, which is not a regulator",
    "length_effect_sd": "standard deviation of the length effect over members (n - 1); NaN for one member",
    "structure_effect": "contribution of the gene structure, which is not a regulator; 0 where the model takes none",
    "structure_effect_sd": "standard deviation of the structure effect over members (n - 1); NaN for one member",
    "prediction": "prediction of the ensemble; in float64 with the exact engine, as Keras gives it with shap",
    "reference_prediction": "the same for the reference",
    "additivity_error": "largest |attributions + length and structure effect - difference| over members and tasks",
    "float32_error": "largest difference between Keras' predictions and the engine's, over members and tasks",
}
ROUNDED = {
    "attribution": "to steps of at most 2^-14 log2 units and 2^-9 of the largest contribution to that gene and task; "
    "their sum over all tracks is off by half a step",
    "sd": "to 6 binary digits (1.6 %)",
}  # in a file; see decode.attribution.rounding
PACKED: dict[str, Any] = {"zlib": True, "complevel": 1, "shuffle": True}  # other large variables


class BlockResult(NamedTuple):
    """Attributions of some genes, mean and spread over the members of an ensemble; axes as in `DIMS`.

    `attribution` and `sd` have one row for each pair of `gene` (in the block) and `track`, sorted by gene and track,
    shape (n_pairs, n_tasks); all other pairs are 0.
    """

    attribution: NDArray[np.float32]
    sd: NDArray[np.float32] | None
    gene: NDArray[np.int64]
    track: NDArray[np.int64]
    overall: NDArray[np.float32]
    overall_sd: NDArray[np.float32]
    length_effect: NDArray[np.float32]
    length_effect_sd: NDArray[np.float32]
    structure_effect: NDArray[np.float32]
    structure_effect_sd: NDArray[np.float32]
    prediction: NDArray[np.float32]
    reference_prediction: NDArray[np.float32]
    additivity_error: NDArray[np.float32]
    float32_error: NDArray[np.float32]
    sums: RegulatorSums

    def dense(self, values: NDArray[np.float32], n_tracks: int) -> NDArray[np.float32]:
        """`attribution` or `sd` written out, shape (n_genes, n_tracks, n_tasks)."""
        out = np.zeros((len(self.prediction), n_tracks, values.shape[1]), dtype=np.float32)
        out[self.gene, self.track] = values
        return out

    def as_stored(self) -> BlockResult:
        """Rounded as files keep it, with the additivity error of the rounded numbers where that is larger."""
        starts = np.searchsorted(self.gene, np.arange(len(self.prediction) + 1)).astype(np.int64)
        attribution = round_with_carry(self.attribution, starts)
        lost = np.zeros(len(self.prediction), dtype=np.float64)
        has_any = np.flatnonzero(np.diff(starts))
        if len(has_any):
            rest = np.add.reduceat(attribution - self.attribution, starts[has_any], axis=0, dtype=np.float64)
            lost[has_any] = np.abs(rest).max(axis=1, initial=0.0)
        return self._replace(
            attribution=attribution,
            sd=None if self.sd is None else round_significant(self.sd),
            additivity_error=(self.additivity_error + lost).astype(np.float32),
        )


class Layout(NamedTuple):
    """How many genes one chunk of the file holds, and how many are computed at a time (a multiple)."""

    chunk_genes: int
    block_genes: int


def make_layout(n_genes: int, n_tracks: int, n_tasks: int, block_genes: int | None = None) -> Layout:
    """Chunks of about 1 MiB, blocks of about 64 genes or as many as asked for.

    Examples
    --------
    >>> make_layout(2705, 1100, 54)
    Layout(chunk_genes=4, block_genes=64)
    """
    block = max(1, min(BLOCK_GENES if block_genes is None else block_genes, n_genes))
    chunk = int(np.clip(CHUNK_BYTES // max(4 * n_tracks * n_tasks, 1), 1, block))
    return Layout(chunk, block - block % chunk)


class AttributionFile:
    """A netCDF file of attributions that comes into being block by block.

    Finished blocks lie in the work folder of the file (`decode.core.resume`), each written whole or not at all; a
    killed run finds them again. At the end they are put together, without compressing them anew, and the folder goes.

    Parameters
    ----------
    path : path
        The file; its folder must exist.
    signature : str
        Text that two runs share exactly when they compute the same thing.
    layout : Layout

    Raises
    ------
    FileNotFoundError, PermissionError
        If the folder does not exist or cannot be written.
    ValueError
        If a finished block is damaged or belongs to a run with other data or options.
    """

    def __init__(self, path: str | Path, signature: str, layout: Layout) -> None:
        self.path = check_output(path)
        self.parts = work_folder(self.path)
        self.signature = signature
        self.layout = layout
        finished = sorted(self.parts.glob("block_*.h5"))
        for part in finished:
            load_piece(part, signature, _read_signature)
        if finished:
            logger.info("%d blocks of attributions were finished before, reused", len(finished))

    def part(self, number: int) -> Path:
        """File of one block."""
        return self.parts / f"block_{number:06d}.h5"

    def has(self, number: int) -> bool:
        """Whether a block is finished."""
        return self.part(number).exists()

    def add(self, number: int, block: BlockResult, n_tracks: int) -> None:
        """Keep a finished block."""
        make_work_folder(self.parts)
        stored = block.as_stored()
        with hdf5_output(self.part(number)) as sink, h5py.File(sink, "w") as file:
            file.attrs["signature"] = self.signature
            for name, values in stored.sums._asdict().items():
                if values is not None:
                    file.create_dataset(f"{SUMS}/{name}", data=values)
            for name in DIMS:
                values = getattr(stored, name)
                if values is None:
                    continue
                if name not in FULL:
                    file.create_dataset(name, data=values)
                    continue
                shape = (len(stored.prediction), n_tracks, values.shape[1])
                options: dict[str, Any] = {"maxshape": (None, *shape[1:]), "dtype": "<f4"}
                if all(shape):
                    options |= {"chunks": (self.layout.chunk_genes, *shape[1:]), **FILTERS}
                dataset = file.create_dataset(name, shape, **options)
                if all(shape):
                    for first, content in packed_chunks(
                        values, stored.gene, stored.track, shape[:2], self.layout.chunk_genes
                    ):
                        dataset.id.write_direct_chunk((first, 0, 0), content)

    def finish(self, header: xr.Dataset, n_blocks: int) -> None:
        """Put all blocks together into the file, which appears whole or not at all.

        Parameters
        ----------
        header : xr.Dataset
            Coordinates, attributes and whatever else the result holds besides the blocks.
        n_blocks : int
        """
        paths = [self.part(number) for number in range(n_blocks)]
        found = [_read_small(path) for path in paths]
        small = {name: np.concatenate([values[name] for values, _ in found]) for name in DIMS if name not in FULL}
        dataset = with_variables(header, small, add_up(sums for _, sums in found))
        with hdf5_output(self.path) as sink:
            self._write_small(sink, dataset)
            with h5py.File(sink, "r+") as file:
                for number, path in enumerate(paths):
                    _copy_chunks(path, file, number * self.layout.block_genes)
                    sink.check()
        remove_work_folder(self.parts)

    def _write_small(self, sink: PatientFile, dataset: xr.Dataset) -> None:
        """All but the two large variables, which are left empty."""
        shape = tuple(dataset.sizes[name] for name in DIMS["attribution"])
        chunks = (self.layout.chunk_genes, *shape[1:])
        large = {
            str(name): PACKED for name, values in dataset.data_vars.items() if values.size and values.dims[0] == "gene"
        }
        with h5netcdf.File(sink, "w") as file:
            dump_netcdf(dataset, file, large)
            for name in FULL:
                options: dict[str, Any] = {"chunks": chunks, **FILTERS} if all(shape) else {}
                variable = file.create_variable(name, DIMS[name], np.float32, fillvalue=np.float32(np.nan), **options)
                variable.attrs["long_name"] = MEANING[name]
                variable.attrs["units"] = "log2"
                variable.attrs["rounded"] = ROUNDED[name]


def _open_part(path: Path) -> h5py.File:
    return open_hdf5(path, "finished piece", "remove it to compute it again")


def _read_signature(path: Path) -> tuple[str, None]:
    with _open_part(path) as file:
        return str(file.attrs["signature"]), None


def _read_small(path: Path) -> tuple[dict[str, NDArray[np.float32]], RegulatorSums]:
    with _open_part(path) as file:
        stored = file[SUMS]
        sums: dict[str, Any] = {name: stored[name][:] if name in stored else None for name in RegulatorSums._fields}
        return {name: file[name][:] for name in DIMS if name not in FULL}, RegulatorSums(**sums)


def _copy_chunks(part: Path, target: h5py.File, first_gene: int) -> None:
    """Copy compressed chunks as they are."""
    with _open_part(part) as source:
        for name in FULL:
            if name not in source:
                continue
            stored = source[name].id
            if source[name].chunks is None:
                continue
            for number in range(stored.get_num_chunks()):
                offset = stored.get_chunk_info(number).chunk_offset
                mask, content = stored.read_direct_chunk(offset)
                target[name].id.write_direct_chunk((first_gene + offset[0], *offset[1:]), content, filter_mask=mask)


def with_variables(header: xr.Dataset, values: dict[str, NDArray[np.float32]], sums: RegulatorSums) -> xr.Dataset:
    """The header with variables, described as in `DIMS`, `MEANING` and `VARIABLES`, and their largest errors."""
    variables: dict[str, Any] = {
        name: (DIMS[name], array, {"long_name": MEANING[name], "units": "log2"}) for name, array in values.items()
    }
    found = means(sums, header.attrs["n_genes"], header.attrs["n_usage_genes"])
    for name, dims, meaning in VARIABLES.values():
        if name in found:
            units = "log2 squared" if "usage" in name else "log2"
            variables[name] = (dims, found[name], {"long_name": meaning, "units": units})
    errors = {f"{name}_max": float(values[name].max(initial=0.0)) for name in ("additivity_error", "float32_error")}
    return header.assign(variables).assign_attrs(errors)


def in_memory(header: xr.Dataset, blocks: list[BlockResult]) -> xr.Dataset:
    """A dataset of all blocks; the same variables as the file has."""
    values: dict[str, NDArray[np.float32]] = {}
    n_tracks = header.sizes["track"]
    for name in DIMS:
        arrays = [getattr(block, name) for block in blocks]
        if any(array is None for array in arrays):
            values[name] = np.full_like(values["attribution"], np.nan)
        elif name in FULL:
            values[name] = np.concatenate([b.dense(a, n_tracks) for b, a in zip(blocks, arrays, strict=True)])
        else:
            values[name] = np.concatenate(arrays)
    return with_variables(header, values, add_up(block.sums for block in blocks))


def read_attributions(path: str | Path) -> xr.Dataset:
    """Open a file of attributions; numbers are read when they are used.

    Parameters
    ----------
    path : path
        Written by `decode attribute` or `attribute(..., out=...)`.

    Returns
    -------
    xr.Dataset
        Dimensions gene, track, task, regulator, member. Variables attribution and sd (gene, track, task),
        overall and overall_sd (gene, regulator; over the fold changes, see
        `decode.expression.task_kinds.main_tasks`), length_effect, length_effect_sd,
        structure_effect, structure_effect_sd (from files of older releases they are absent),
        prediction and reference_prediction (gene, task), additivity_error and float32_error (gene), bases (gene,
        track), all in log2 units but for the last. Over all genes: member_mean and
        member_mean_abs (member, regulator, task), regulator_mean_abs (regulator, task), member_length_mean and
        member_length_mean_abs (member, task); with transcripts also member_usage and regulator_usage. Coordinates of
        task: task_kind; of gene: gene_id, gene_name, chrom, strand, tss, length_bp, split; of track: region, kind,
        track_regulator, biosample, value_kind, n_bound_genes; of regulator ("KIND:NAME"): regulator_kind,
        regulator_name, regulator_n_tracks, regulator_n_bound_genes. Use it in a `with` block, or close it.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no file of attributions, damaged, or of another schema version.
    """
    return open_netcdf(
        path, "attributions", what="file of attributions", file_format=FORMAT, schema_version=SCHEMA_VERSION,
        command="decode attribute",
    )  # fmt: skip


def gene_blocks(dataset: xr.Dataset, n_genes: int = BLOCK_GENES) -> Iterator[xr.Dataset]:
    """Go through attributions block by block, so that a large file needs little memory.

    Parameters
    ----------
    dataset : xr.Dataset
    n_genes : int
        Genes at a time.

    Yields
    ------
    xr.Dataset
        In memory.
    """
    for start in range(0, dataset.sizes["gene"], n_genes):
        yield dataset.isel(gene=slice(start, start + n_genes)).load()
