from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from decode.statistics.strata import (
    bound_gene_strata,
    permuted_within,
    quantile_groups,
    quantile_strata,
    shuffled_within,
)

STRATA = np.array([2, 0, 2, 0, 2, 1, 0, 2])


class TestQuantiles:
    def test_groups_by_hand(self):
        assert quantile_groups([30, 10, 20, 40, 50], 2).tolist() == [0, 0, 0, 1, 1]
        assert quantile_groups([5, 5, 5, 5], 2).tolist() == [0, 0, 1, 1]  # equal values stay in their order
        assert quantile_groups([2, 1], 3).tolist() == [1, 0]
        assert quantile_groups([], 3).tolist() == []
        with pytest.raises(ValueError, match="n_groups is 0"):
            quantile_groups([1], 0)

    @pytest.mark.parametrize("n_groups", [1, 3, 7, 40])
    def test_against_numpy_and_pandas(self, n_groups):
        values = np.random.default_rng(0).permutation(33)
        found = quantile_groups(values, n_groups, is_larger_first=True)
        for number, expected in enumerate(np.array_split(np.argsort(values), n_groups)):
            np.testing.assert_array_equal(np.flatnonzero(found == number), np.sort(expected))
        if n_groups <= 33:
            # rank / n in (i/k, (i+1)/k], seen from the other end
            expected = n_groups - 1 - pd.cut((33 - values) / 33, np.arange(n_groups + 1) / n_groups, labels=False)
            np.testing.assert_array_equal(quantile_groups(values, n_groups), expected)

    def test_strata_by_hand(self):
        assert quantile_strata([[3, 1, 2]], [3]).tolist() == [2, 0, 1]
        within = ["train", "test", "train", "test"]
        assert quantile_strata([[1, 2, 3, 4], [1, 1, 1, 1]], [2, 1], within=within).tolist() == [2, 0, 3, 1]
        with pytest.raises(ValueError, match="n_quantiles is 0"):
            quantile_strata([[1.0]], [0])
        with pytest.raises(ValueError, match="zip"):
            quantile_strata([[1.0]], [1, 2])

    def test_the_numbers_of_before(self):
        columns = [[4, 4, 6, 8, 0, 1, 7, 8, 2, 2, 7, 3, 2], [7, 2, 3, 5, 4, 0, 0, 7, 6, 7, 4, 7, 2]]
        assert quantile_strata(columns, [3, 2]).tolist() == [3, 2, 2, 5, 0, 0, 4, 5, 1, 1, 4, 3, 0]


class TestBoundGenes:
    def test_by_hand(self):
        kind = ["TF"] * 5 + ["RBP"] * 3
        bound = [50, 10, 40, 20, 30, 7, 8, 9]
        assert bound_gene_strata(kind, bound, min_size=2).tolist() == [2, 1, 2, 1, 1, 0, 0, 0]
        assert bound_gene_strata(kind, bound).tolist() == [1] * 5 + [0] * 3
        sizes = np.bincount(bound_gene_strata(["miRNA"] * 694, np.arange(694)))
        assert sizes.tolist() == [139, 139, 139, 139, 138]
        assert bound_gene_strata([], []).tolist() == []

    def test_bad_input(self):
        with pytest.raises(ValueError, match=r"kind has shape \(2,\) and n_bound_genes \(1,\)"):
            bound_gene_strata(["TF", "TF"], [1])
        with pytest.raises(ValueError, match="min_size is 0"):
            bound_gene_strata(["TF"], [1], min_size=0)


class TestPermutation:
    def test_the_numbers_of_before(self):
        assert permuted_within(STRATA, np.random.default_rng([5, 1])).tolist() == [4, 1, 0, 6, 2, 5, 3, 7]
        found = shuffled_within(STRATA, 2, np.random.default_rng(5))
        assert found.tolist() == [[7, 3, 4, 6, 2, 5, 1, 0], [0, 3, 4, 6, 2, 5, 1, 7]]

    @pytest.mark.parametrize("draw", [permuted_within, lambda strata, rng: shuffled_within(strata, 1, rng)[0]])
    def test_every_order_within_strata_is_as_likely(self, draw):
        strata = np.array([2, 0, 2, 0, 2, 1])
        rng = np.random.default_rng(0)
        orders, counts = np.unique([draw(strata, rng) for _ in range(1200)], axis=0, return_counts=True)
        assert len(orders) == 12  # 3! x 2!
        assert counts.min() > 60  # 100 each, SD 9.6
        for order in orders:
            np.testing.assert_array_equal(strata[order], strata)
            np.testing.assert_array_equal(np.sort(order), np.arange(6))

    def test_no_row(self):
        assert permuted_within([], np.random.default_rng(0)).tolist() == []
        assert shuffled_within(np.array([], dtype=np.int64), 2, np.random.default_rng(0)).shape == (2, 0)
