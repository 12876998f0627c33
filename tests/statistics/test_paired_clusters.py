from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import permutation_test

from decode.statistics.paired_clusters import paired_cluster_test


def test_few_groups_are_enumerated():
    found = paired_cluster_test([0.1, 0.2, 0.3, 0.2], ["brain", "brain", "liver", "lung"])
    assert found.mean == pytest.approx(0.2)
    assert found.p_value == 0.25  # 2 of 8 sign patterns
    assert (found.n, found.n_groups) == (4, 3)
    assert 0.1 < found.low <= 0.2 <= found.high < 0.31


def test_agrees_with_scipy_where_every_task_is_a_group():
    values = np.random.default_rng(0).normal(0.3, 1, 9)
    reference = permutation_test((values,), np.mean, permutation_type="samples", n_resamples=np.inf)
    assert paired_cluster_test(values, range(9)).p_value == pytest.approx(reference.pvalue)


def test_many_groups_are_drawn():
    values = np.random.default_rng(0).normal(0.3, 1, 40)
    reference = permutation_test((values,), np.mean, permutation_type="samples", n_resamples=9999, rng=1)
    found = paired_cluster_test(values, range(40))
    assert found.p_value == pytest.approx(reference.pvalue, abs=0.01)
    spread = values.std(ddof=1) / np.sqrt(40)
    assert found.low == pytest.approx(values.mean() - 1.96 * spread, abs=0.06)
    assert found == paired_cluster_test(values, range(40))


def test_copies_within_a_group_add_no_evidence():
    values = np.array([0.2, -0.1, 0.3, 0.25, 0.1, -0.05])
    once, often = (paired_cluster_test(np.repeat(values, k), np.repeat(np.arange(6), k)) for k in (1, 13))
    assert often.p_value == once.p_value
    assert often.low == pytest.approx(once.low)


def test_the_null_gives_uniform_p_values():
    rng = np.random.default_rng(3)
    groups = np.repeat(np.arange(8), [13, 1, 1, 2, 3, 1, 1, 1])
    p_values = []
    for _ in range(300):
        shared = rng.normal(size=8)[groups]  # tasks of a group vary together
        p_values.append(paired_cluster_test(shared + 0.3 * rng.normal(size=23), groups, n_draws=300).p_value)
    assert 0.02 < np.mean(np.array(p_values) <= 0.05) < 0.085


def test_edges():
    undefined = paired_cluster_test([np.nan], ["a"])
    assert np.isnan(undefined.mean)
    assert undefined.n == 0
    one = paired_cluster_test([0.1, np.nan, 0.3], ["a", "b", "a"])
    assert one.mean == pytest.approx(0.2)
    assert np.isnan([one.low, one.high, one.p_value]).all()
    with pytest.raises(ValueError, match="2 groups were given for 1 differences"):
        paired_cluster_test([1.0], ["a", "b"])
    with pytest.raises(ValueError, match="level is 95"):
        paired_cluster_test([1.0], ["a"], level=95)
