"""Chunks of a netCDF-4 file from pairs of gene and track; the zeros between them are never handled as numbers."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Plain netCDF-4 filters, so that any reader of netCDF or HDF5 understands them. What shuffled float32 with long runs of
# zeros needs is runs and Huffman codes: a search for other repeats (any level of zlib) gives larger files, more slowly.
# Every chunk carries zlib's checksum of its content, which is tested when it is read.
FILTERS: dict[str, Any] = {"compression": "gzip", "compression_opts": 1, "shuffle": True}


def packed_chunks(
    values: NDArray[np.float32],
    gene: NDArray[np.int64],
    track: NDArray[np.int64],
    shape: tuple[int, int],
    chunk_genes: int,
) -> Iterator[tuple[int, bytes]]:
    """Compressed chunks of the dense array that these values stand for.

    Parameters
    ----------
    values : float32 array, shape (n_pairs, n_tasks)
    gene, track : int array, shape (n_pairs,)
        Sorted by gene; everything else is 0.
    shape : (int, int)
        Genes and tracks of the dense array, (gene, track, task).
    chunk_genes : int

    Yields
    ------
    first_gene : int
    content : bytes
        As HDF5 stores it with `FILTERS`; the last chunk is filled up with zeros.
    """
    n_genes, n_tracks = shape
    n_tasks = values.shape[1]
    planes = np.ascontiguousarray(values, dtype="<f4").view(np.uint8).reshape(len(values), n_tasks, 4)
    for first in range(0, n_genes, chunk_genes):
        start, stop = np.searchsorted(gene, (first, first + chunk_genes))
        chunk = np.zeros((4, chunk_genes, n_tracks, n_tasks), dtype=np.uint8)  # byte by byte, as shuffled
        chunk[:, gene[start:stop] - first, track[start:stop]] = planes[start:stop].transpose(2, 0, 1)
        packer = zlib.compressobj(1, zlib.DEFLATED, zlib.MAX_WBITS, 9, zlib.Z_RLE)
        yield first, packer.compress(chunk.data) + packer.flush()
