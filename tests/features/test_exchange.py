from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from planted import planted_features
from scipy import sparse
from toy_regulators import toy_features

from decode.features.exchange import (
    donors_within,
    exchange_by_regulator,
    exchange_sites,
    exchange_strata,
    kept_share,
    receive_sites,
    strata_by_region,
)
from decode.features.region import RegionMatrix
from decode.features.regulators import regulators_of


def parts_of(n_genes: int) -> np.ndarray:
    return np.where(np.arange(n_genes) % 5 == 0, "test", "train")


def matrix(bases: list[list[int]], n_bins: list[int], size: int = 100) -> RegionMatrix:
    offsets = np.concatenate([[0], np.cumsum(n_bins)])
    values = np.array(bases, dtype=np.int16).reshape(offsets[-1], -1)
    return RegionMatrix("rna", sparse.csr_array(values), offsets, np.full(offsets[-1], size, dtype=np.int32))


class TestStrata:
    def test_like_length_and_count_within_parts(self):
        features, parts = toy_features(1200), parts_of(1200)
        strata = exchange_strata(features, parts, "rna")
        length = np.log(features.genes["length_bp"].to_numpy())
        count = features.totals("rna").sum(axis=1)
        sizes = np.bincount(strata)
        assert sizes.min() >= 20
        assert sizes.max() <= 40
        for stratum in range(len(sizes)):
            assert len(set(parts[strata == stratum])) == 1
        within = [np.mean([x[strata == s].var() for s in range(len(sizes))]) / x.var() for x in (length, count)]
        assert within[0] < 0.1
        assert within[1] < 0.15
        by_promoter = exchange_strata(features, parts, "promoter")
        assert (by_promoter != strata).any()

    def test_few_genes(self):
        features = toy_features(30)
        assert len(np.unique(exchange_strata(features, np.array(["train"] * 29 + ["test"])))) == 2
        assert set(exchange_strata(features, ["train"] * 30)) == {0}
        with pytest.raises(ValueError, match="parts has shape"):
            exchange_strata(features, ["train"] * 29)
        with pytest.raises(ValueError, match="genes_per_stratum is 0"):
            exchange_strata(features, ["train"] * 30, genes_per_stratum=0)

    def test_signals_do_not_count(self):
        features = toy_features(400)
        strata = exchange_strata(features, ["train"] * 400, "rna")
        tracks = features.tracks.assign(value_kind=["bases"] * 3 + ["signal"] + ["bases"] * 2)
        other = exchange_strata(replace(features, tracks=tracks), ["train"] * 400, "rna")
        assert (strata != other).any()
        every = features.tracks.assign(value_kind="signal")
        np.testing.assert_array_equal(exchange_strata(replace(features, tracks=every), ["train"] * 400, "rna"), strata)

    def test_permutation(self):
        strata = np.array([2, 0, 2, 0, 2, 1])
        seen = {tuple(donors_within(strata, [seed])) for seed in range(200)}
        assert len(seen) == 12  # 3! x 2!
        for order in seen:
            np.testing.assert_array_equal(strata[list(order)], strata)

    def test_the_numbers_of_before(self):
        strata = np.array([2, 0, 2, 0, 2, 1, 0, 2])
        assert donors_within(strata, [3, 1]).tolist() == [4, 1, 7, 6, 0, 5, 3, 2]
        length, count = [5, 3, 9, 1, 7, 2, 8, 8, 4, 6, 11, 10], [1, 0, 0, 4, 4, 2, 2, 1, 1, 0, 3, 9]
        features = toy_features(12)
        features = replace(features, genes=features.genes.assign(length_bp=length))
        region = matrix([[one] for one in count], [1] * 12)
        tracks = features.tracks.iloc[:1].assign(region="rna", value_kind="bases").reset_index(drop=True)
        features = replace(features, regions={"rna": region}, tracks=tracks)
        found = exchange_strata(features, ["train"] * 9 + ["test"] * 3, genes_per_stratum=2)
        assert found.tolist() == [1, 1, 3, 2, 4, 2, 4, 3, 1, 0, 0, 0]


class TestReceive:
    def test_same_bins(self):
        found = receive_sites(matrix([[1], [2], [3], [4]], [2, 2]), np.array([[1, 0]]))
        assert found.data.toarray().ravel().tolist() == [3, 4, 1, 2]
        assert found.data.dtype == np.int16

    def test_more_and_fewer_bins(self):
        short_and_long = matrix([[10], [20], [1], [2], [3], [60]], [2, 4])
        found = receive_sites(short_and_long, np.array([[1, 0]])).data.toarray().ravel()
        assert found.tolist() == [3, 63, 10, 0, 20, 0]
        full = matrix([[10], [20], [70], [70], [3], [60]], [2, 4])
        assert receive_sites(full, np.array([[1, 0]])).data.toarray().ravel()[:2].tolist() == [100, 63]

    def test_signal_is_averaged(self):
        values = matrix([[0, 0], [90, 90], [60, 60]], [1, 2])
        found = receive_sites(values, np.array([[1, 0]]), is_signal=np.array([False, True])).data.toarray()
        assert found.tolist() == [[100, 75], [0, 0], [0, 0]]

    def test_gene_without_bins(self):
        found = receive_sites(matrix([[5], [6]], [0, 2]), np.array([[1, 0]]))
        assert found.data.toarray().ravel().tolist() == [0, 0]

    def test_groups_move_apart(self):
        values = matrix([[1, 10], [2, 20], [3, 30]], [1, 1, 1])
        found = receive_sites(values, np.array([[1, 2, 0], [0, 2, 1]]), np.array([0, 1])).data.toarray()
        assert found.tolist() == [[2, 10], [3, 30], [1, 20]]


class TestExchange:
    def test_genes_keep_length_and_parts_their_sites(self):
        features, parts = toy_features(600), parts_of(600)
        moved = exchange_sites(features, strata_by_region(features, parts), seed=1)
        for name in features.regions:
            np.testing.assert_array_equal(moved.lengths(name), features.lengths(name))
            before, after = features.totals(name), moved.totals(name)
            assert (before != after).any(axis=1).mean() > 0.9
            for part in ("train", "test"):
                sums = [x[parts == part].sum() for x in (before, after)]
                assert 0.93 < sums[1] / sums[0] <= 1  # these toy tracks are dense, so some bases fall together
        promoter = [np.sort(x.totals("promoter"), axis=0) for x in (features, moved)]
        np.testing.assert_array_equal(*promoter)
        assert 0.95 < kept_share(features, moved) < 1
        again = exchange_sites(features, strata_by_region(features, parts), seed=1)
        np.testing.assert_array_equal(again.totals(), moved.totals())
        other = exchange_sites(features, strata_by_region(features, parts), seed=2)
        assert (other.totals() != moved.totals()).any()

    def test_what_is_bound_together_stays_together(self):
        features = toy_features(300)
        moved = exchange_sites(features, strata_by_region(features, ["train"] * 300), seed=0)
        rows = [{tuple(row) for row in x.totals("promoter")} for x in (features, moved)]
        assert rows[0] == rows[1]
        together = np.hstack([moved.totals("promoter"), moved.totals("rna")])
        before = np.hstack([features.totals("promoter"), features.totals("rna")])
        assert len({tuple(row) for row in together} & {tuple(row) for row in before}) < 30  # regions move apart

    def test_each_regulator_by_itself(self):
        features = planted_features(400)
        code = regulators_of(features).code
        parts = parts_of(400)
        moved = exchange_by_regulator(features, parts, code, seed=0)
        before, after = features.totals("promoter"), moved.totals("promoter")
        first = {tuple(row) for row in before[1:, :2]}  # two tracks of one regulator; a masked bin loses its sites
        assert len(first - {tuple(row) for row in after[:, :2]}) <= 2
        assert {tuple(row) for row in before[:, 1:3]} != {tuple(row) for row in after[:, 1:3]}
        bound = [(x.totals() > 0).sum(axis=0) for x in (features, moved)]
        np.testing.assert_allclose(*bound, rtol=0.03)
        assert moved.track_ids == features.track_ids

    def test_no_sites(self):
        features = toy_features(60)
        empty = {
            name: replace(region, data=sparse.csr_array(region.data.shape, dtype=np.int16))
            for name, region in features.regions.items()
        }
        blank = replace(features, regions=empty)
        moved = exchange_sites(blank, strata_by_region(blank, ["train"] * 60), seed=0)
        assert kept_share(blank, moved) == 1
        assert moved.totals().sum() == 0
