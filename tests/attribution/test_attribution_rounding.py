from __future__ import annotations

from itertools import pairwise

import h5py
import numpy as np
import pytest

from decode.attribution.bound import Bound
from decode.attribution.packing import FILTERS, packed_chunks
from decode.attribution.rounding import RANGE_LOG2, SD_BITS, STEP_LOG2, round_significant, round_with_carry


def contributions(scale: float, seed: int = 0):
    rng = np.random.default_rng(seed)
    n_pairs = np.array([0, 300, 1, 0, 57, 0])
    values = (scale * rng.standard_t(2, size=(n_pairs.sum(), 4))).astype(np.float32)
    values[rng.random(len(values)) < 0.3] = 0
    return values, np.concatenate([[0], np.cumsum(n_pairs)])


@pytest.mark.parametrize("scale", [1e-8, 1e-4, 0.01, 1.0, 50.0])
def test_contributions_are_off_by_a_step_and_their_sums_by_half(scale):
    values, starts = contributions(scale)
    rounded = round_with_carry(values, starts)
    for start, stop in pairwise(starts):
        if start == stop:
            continue
        exact, found = (array[start:stop].astype(np.float64) for array in (values, rounded))
        step = np.minimum(2.0**STEP_LOG2, np.abs(exact).max(axis=0) / 2**RANGE_LOG2)
        assert (np.abs(found - exact) <= step).all()
        assert (np.abs(found.cumsum(axis=0) - exact.cumsum(axis=0)) <= step / 2 + 1e-12).all()
        assert (found[exact == 0] == 0).all()


def test_a_column_of_zeros_stays():
    np.testing.assert_array_equal(round_with_carry(np.zeros((3, 2), dtype=np.float32), np.array([0, 3])), 0)


def test_without_the_carry_sums_would_drift():
    values = np.full((1000, 1), 0.4 * 2.0**STEP_LOG2, dtype=np.float32)
    values[0] = 1.0
    rounded = round_with_carry(values, np.array([0, 1000]))
    alone = np.rint(values / 2.0**STEP_LOG2) * 2.0**STEP_LOG2
    assert abs(alone.sum(dtype=np.float64) - values.sum(dtype=np.float64)) > 0.02
    assert abs(rounded.sum(dtype=np.float64) - values.sum(dtype=np.float64)) <= 2.0 ** (STEP_LOG2 - 1)


def test_significant_digits():
    values = np.abs(contributions(0.01)[0])
    rounded = round_significant(values)
    np.testing.assert_allclose(rounded, values, rtol=2.0 ** -(SD_BITS + 1))
    assert len(np.unique(rounded)) < len(np.unique(values)) / 2
    special = np.float32([np.nan, 0.0, np.inf, 1e-45])
    np.testing.assert_array_equal(round_significant(special)[:3], special[:3])


@pytest.mark.parametrize("chunk_genes", [1, 2, 4])
def test_packed_chunks_are_what_h5py_reads(tmp_path, chunk_genes):
    rng = np.random.default_rng(1)
    is_bound = rng.random((7, 5)) < 0.4
    is_bound[3] = False
    gene, track = np.nonzero(is_bound)
    values = rng.normal(size=(len(gene), 3)).astype(np.float32)
    wanted = np.zeros((7, 5, 3), dtype=np.float32)
    wanted[gene, track] = values
    with h5py.File(tmp_path / "a.h5", "w") as file:
        dataset = file.create_dataset("x", (7, 5, 3), "<f4", chunks=(chunk_genes, 5, 3), **FILTERS)
        for first, content in packed_chunks(values, gene, track, (7, 5), chunk_genes):
            dataset.id.write_direct_chunk((first, 0, 0), content)
    with h5py.File(tmp_path / "a.h5") as file:
        np.testing.assert_array_equal(file["x"][:], wanted)
    content = bytearray((tmp_path / "a.h5").read_bytes())
    with h5py.File(tmp_path / "a.h5") as file:
        info = file["x"].id.get_chunk_info(0)
    content[info.byte_offset + info.size // 2] ^= 1
    (tmp_path / "b.h5").write_bytes(content)
    with h5py.File(tmp_path / "b.h5") as file, pytest.raises(OSError, match="filter returned failure"):
        file["x"][:]


def test_pairs_of_two_regions_and_a_structure():
    promoter = np.array([[[10.0, 1, 0]], [[10, 0, 0]]])
    rna = np.array([[[5.0, 0, 2, 3], [1, 0, 0, 0]], [[5.0, 4, 0, 0], [0, 0, 0, 0]]])
    structure = np.array([[[1.0], [2.0]], [[3.0], [4.0]]])
    inputs = [promoter, rna, structure]
    bound = Bound.of(inputs, [np.zeros_like(x) for x in inputs], True)
    assert bound.shape == (2, 5)
    assert list(zip(bound.gene.tolist(), bound.track.tolist(), strict=True)) == [(0, 0), (0, 3), (0, 4), (1, 2)]
    assert bound.starts.tolist() == [0, 3, 4]
    values = np.float32([[1], [2], [4], [8]])
    assert bound.sum_by_gene(values).tolist() == [[7], [8]]
    assert bound.dense(values)[:, :, 0].tolist() == [[1, 0, 0, 2, 4], [0, 0, 8, 0, 0]]
