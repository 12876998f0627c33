"""From an expression matrix to normalised profiles with a split: scale, probes, copies, split, quantiles."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decode.core.checks import check_choice, check_columns, counted, listed
from decode.core.choices import ExpressionScale
from decode.core.hdf5_output import PatientFile, hdf5_output
from decode.core.output_recovery import temporary_name
from decode.landmark.deduplicate import MAX_DISTANCE, Duplicates, find_duplicates
from decode.landmark.prepared import (
    TRAIN,
    PreparedExpression,
    open_prepared,
    training_statistics,
    values_dataset,
    write_description,
)
from decode.landmark.probes import group_probes, read_probe_map
from decode.landmark.profiles import LogProfiles, scan_profiles
from decode.landmark.quantiles import Quantiles, apply_quantiles, fit_quantiles
from decode.landmark.samples_split import SHARE, split_samples
from decode.landmark.sources import BLOCK_ROWS, SampleMatrix, frame_source, open_samples

logger = logging.getLogger(__name__)

SCALES = ("auto", "linear", "log2")


def prepare_expression(
    expression: pd.DataFrame | SampleMatrix | str | Path,
    *,
    out: str | Path | None = None,
    scale: ExpressionScale = "auto",
    probe_map: pd.DataFrame | str | Path | list[Path] | None = None,
    labels: pd.DataFrame | None = None,
    group_column: str | None = None,
    deduplicate: bool = True,
    max_distance: float = MAX_DISTANCE,
    validation_share: float = SHARE,
    test_share: float = SHARE,
    seed: int = 0,
) -> PreparedExpression:
    """Make profiles of many samples comparable, and split the samples.

    The steps, each with its counts: log2(x + 1) of linear values; the mean over the probes of a gene, with a probe map;
    genes with missing or constant values left out; copies of samples left out (`find_duplicates`); split; quantile
    normalisation against the mean sorted TRAINING profile, on the scale 4 to 15. Copies are looked for in profiles
    normalised against all samples, before there is a split.

    Parameters
    ----------
    expression : pd.DataFrame, SampleMatrix or path
        Genes x samples in memory, or a file (`decode.landmark.sources.open_samples`), read block by block.
    out : path, optional
        HDF5 file to write; without it all stays in memory.
    scale : {"auto", "linear", "log2"}
        Unit of the values. Auto: a sample with a value above 64 is linear (MAS5, TPM, counts).
    probe_map : pd.DataFrame or path(s), optional
        probe, gene_id and gene_name, see `read_probe_map`. Without it rows stay as they are.
    labels : pd.DataFrame, optional
        What is known of the samples. Index: sample names, all of the matrix among them.
    group_column : str, optional
        Column of `labels` whose groups (studies) stay on one side of the split.
    deduplicate : bool, default True
    max_distance : float, default 1.0
    validation_share, test_share : float, default 0.1
        Of the samples (Chen et al. 2016); at least one sample each, none where 0.
    seed : int

    Returns
    -------
    PreparedExpression

    Raises
    ------
    ValueError
        If linear and log2 values are mixed, a sample is constant or mostly missing, no gene is left, names do not
        match, or a file is damaged.
    FileNotFoundError, PermissionError, OSError
        If a file cannot be read or written.

    Examples
    --------
    >>> table = pd.DataFrame(np.random.default_rng(0).lognormal(5, 2, (8, 30)), index=[f"G{i}" for i in range(8)])
    >>> prepared = prepare_expression(table, seed=1)
    >>> prepared.counts["n_train"], prepared.values.shape, float(prepared.values.min())
    (24, (30, 8), 4.0)
    """
    check_choice("scale", scale, SCALES)
    with ExitStack() as stack:
        source = _open(expression, stack)
        known = _labels_of(source, labels, group_column)
        groups = None if probe_map is None else group_probes(source.gene_ids, _probe_table(probe_map), name=source.name)
        profiles, counts = scan_profiles(source, groups, scale)
        copies = _no_copies(source.n_samples)
        if deduplicate:
            copies = _find_copies(profiles, max_distance, seed, out)
        kept = np.isin(np.arange(source.n_samples), copies.keep)
        group = None if group_column is None else known[group_column].to_numpy(dtype=object)[kept].astype(str)
        split = split_samples(
            int(kept.sum()), validation_share=validation_share, test_share=test_share, seed=seed, groups=group
        )
        is_training = kept.copy()
        is_training[kept] = split == TRAIN
        quantiles = fit_quantiles(values for _, values in profiles.blocks(is_training))
        counts |= {"n_duplicates": len(copies.dropped), "n_clusters": copies.n_clusters if deduplicate else 0}
        counts |= {"n_samples": len(split)} | {f"n_{part}": int((split == part).sum()) for part in _PARTS}
        options = {
            "scale": scale, "raw_unit": "log2(x + 1)" if profiles.is_linear else "log2, as given", "seed": seed,
            "has_probe_map": groups is not None, "group_column": group_column, "deduplicate": deduplicate,
            "max_distance": max_distance, "validation_share": validation_share, "test_share": test_share,
        }  # fmt: skip
        description = _Description(profiles, known, copies, kept, split, quantiles, counts, options)
        logger.info("prepared: %s", counted(counts))
        return _in_memory(description) if out is None else _on_disk(description, Path(out))


_PARTS = ("train", "validation", "test")


@dataclass(frozen=True, eq=False)
class _Description:
    """All that is decided before the matrix is written."""

    profiles: LogProfiles
    labels: pd.DataFrame
    copies: Duplicates
    kept: NDArray[np.bool_]
    split: NDArray[np.str_]
    quantiles: Quantiles
    counts: dict[str, Any]
    options: dict[str, Any]

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.split), len(self.profiles.genes)

    def fill(self, matrix: Any, after_block: Callable[[], None] | None = None) -> dict[str, NDArray[np.float64]]:
        """Write the normalised profiles into a matrix; statistics of the training samples."""
        n_done = 0

        def blocks() -> Iterator[tuple[NDArray[np.bool_], NDArray[np.float32]]]:
            nonlocal n_done
            for rows, values in self.profiles.blocks(self.kept):
                normalised = apply_quantiles(values, self.quantiles)
                matrix[n_done : n_done + len(rows)] = normalised
                if after_block is not None:
                    after_block()
                yield self.split[n_done : n_done + len(rows)] == TRAIN, normalised
                n_done += len(rows)

        return training_statistics(blocks(), self.shape[1])

    def content(self, values: Any, statistics: dict[str, NDArray[np.float64]]) -> PreparedExpression:
        source, groups, genes = self.profiles.source, self.profiles.groups, self.profiles.genes
        ids = source.gene_ids if groups is None else groups.gene_ids
        names = [_symbol(gene) for gene in ids] if groups is None else groups.gene_names
        samples = np.asarray(source.sample_ids, dtype=object)
        duplicates = pd.DataFrame(
            {
                "sample_id": samples[self.copies.dropped],
                "duplicate_of": samples[self.copies.duplicate_of],
                "distance": self.copies.distance,
            }
        )
        return PreparedExpression(
            values, np.asarray(ids, dtype=np.str_)[genes], np.asarray(names, dtype=np.str_)[genes],
            samples[self.kept].astype(np.str_), self.split, self.labels.loc[self.kept], self.quantiles,
            **statistics, duplicates=duplicates, counts=self.counts, options=self.options,
        )  # fmt: skip


def _in_memory(description: _Description) -> PreparedExpression:
    values = np.empty(description.shape, dtype=np.float32)
    return description.content(values, description.fill(values))


def _on_disk(description: _Description, out: Path) -> PreparedExpression:
    _check_room(out, description.shape)
    with hdf5_output(out) as sink, h5py.File(sink, "w") as file:
        matrix = values_dataset(file, *description.shape)
        write_description(file, description.content(matrix, description.fill(matrix, sink.check)))
    return open_prepared(out)


def _check_room(out: Path, shape: tuple[int, int]) -> None:
    needed = shape[0] * shape[1] * 4
    free = shutil.disk_usage(out.parent).free
    if free < needed:
        raise OSError(
            f"{out} may need {needed / 2**30:.1f} GiB and {out.parent} has {free / 2**30:.1f} GiB free; make room or "
            "choose another --out"
        )


def _open(expression: pd.DataFrame | SampleMatrix | str | Path, stack: ExitStack) -> SampleMatrix:
    if isinstance(expression, SampleMatrix):
        return expression
    if isinstance(expression, str | Path):
        return stack.enter_context(open_samples(expression))
    return frame_source(expression)


def _probe_table(probe_map: pd.DataFrame | str | Path | list[Path]) -> pd.DataFrame:
    return probe_map if isinstance(probe_map, pd.DataFrame) else read_probe_map(probe_map)


def _symbol(gene_id: str) -> str:
    """The symbol in `SYMBOL|Entrez`, else nothing."""
    symbol, bar, _ = gene_id.partition("|")
    return symbol if bar and symbol != "?" else ""


def _labels_of(source: SampleMatrix, labels: pd.DataFrame | None, group_column: str | None) -> pd.DataFrame:
    index = pd.Index(np.asarray(source.sample_ids, dtype=object), name="sample")
    if labels is None:
        if group_column is not None:
            raise ValueError(f"group column {group_column!r} needs a table of samples; give labels (--labels FILE)")
        return pd.DataFrame(index=index)
    names = labels.set_axis(labels.index.astype(str), axis=0)
    lost = [name for name in source.sample_ids if name not in names.index]
    if lost:
        raise ValueError(
            f"{len(lost)} of {source.n_samples} samples of {source.name} have no row in the table of labels: "
            f"{listed(lost)}; it names {listed(names.index, 3)}"
        )
    if group_column is not None:
        check_columns("table of labels", names, [group_column])
    chosen = names.loc[source.sample_ids]
    text = chosen.astype(object).where(chosen.notna(), "").astype(str)
    return text.set_axis(index, axis=0)


def _no_copies(n_samples: int) -> Duplicates:
    none = np.zeros(0, dtype=np.int64)
    return Duplicates(np.arange(n_samples), none, none, np.zeros(0), 0)


def _find_copies(profiles: LogProfiles, max_distance: float, seed: int, out: str | Path | None) -> Duplicates:
    """Copies among all samples, normalised against the mean profile of all; in a scratch file beside `out`."""
    n_samples = profiles.source.n_samples
    everyone = np.ones(n_samples, dtype=bool)
    quantiles = fit_quantiles(values for _, values in profiles.blocks(everyone))
    shape = (n_samples, len(profiles.genes))
    with ExitStack() as stack:
        matrix: Any = None
        sink: PatientFile | None = None
        if out is None:
            matrix = np.empty(shape, dtype=np.float32)
        else:
            _check_room(Path(out), (2 * shape[0], shape[1]))
            folder = temporary_name(Path(out), "part")  # of a killed run the next one removes it
            folder.mkdir()
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            sink = stack.enter_context(PatientFile(folder / "scratch.h5"))
            file = stack.enter_context(h5py.File(sink, "w"))
            matrix = file.create_dataset("values", shape, np.float32, chunks=(1, shape[1]))
        for rows, values in profiles.blocks(everyone):
            matrix[rows[0] : rows[-1] + 1] = apply_quantiles(values, quantiles)
            if sink is not None and sink.error is not None:
                raise OSError(
                    f"scratch file beside {out} could not be written ({sink.error.strerror}); make room or choose "
                    "another --out"
                ) from sink.error

        def read(rows: NDArray[np.int64]) -> NDArray[np.float32]:
            if isinstance(matrix, np.ndarray):
                return matrix[rows]
            return np.stack([matrix[row] for row in rows])

        return find_duplicates(read, n_samples, max_distance=max_distance, seed=seed, batch=min(1000, 4 * BLOCK_ROWS))
