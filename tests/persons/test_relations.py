from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from decode.persons.relations import concordance

PERSONS, TISSUES = ["a", "b", "a", "b"], ["lung", "lung", "skin", "skin"]


def test_each_pair_counts_in_its_class():
    matrix = np.array([[10, 1, 5, 0], [2, 11, 0, 6], [7, 0, 12, 3], [0, 8, 4, 13.0]]) / 20
    found = concordance(matrix, PERSONS, TISSUES)
    means = found.by_relation.set_index("relation")["mean_correlation"] * 20
    assert means["own sample"] == pytest.approx(46 / 4)
    assert means["same person, other tissue"] == pytest.approx((5 + 6 + 7 + 8) / 4)
    assert means["other person, same tissue"] == pytest.approx((1 + 2 + 3 + 4) / 4)
    assert means["other person, other tissue"] == pytest.approx(0)
    assert found.summary["mean_other_tissue"] == pytest.approx(26 / 80)
    assert found.summary["n_own_highest"] == 4


def test_a_second_sample_of_a_person_is_not_unrelated():
    matrix = np.array([[0.5, 0.9, 0.1], [0.9, 0.5, 0.1], [0.0, 0.0, 0.5]])
    found = concordance(matrix, ["a", "a", "b"])
    assert found.per_sample["n_compared"].tolist() == [2, 2, 3]
    assert found.per_sample["rank_of_own"].tolist() == [1, 1, 1]
    assert "same person, same tissue, other sample" in set(found.by_relation["relation"])


def test_persons_that_are_not_told_apart_give_even_p_values():
    rng = np.random.default_rng(0)
    names = [str(number) for number in range(12)]
    p = [concordance(rng.normal(size=(12, 12)), names, permutations=99).summary["p_value"] for _ in range(200)]
    assert stats.kstest(p, "uniform").pvalue > 0.01
    told_apart = concordance(rng.normal(size=(12, 12)) + 3 * np.eye(12), names, permutations=99)
    assert told_apart.summary["p_value"] == pytest.approx(0.01)
    assert told_apart.summary["mean_rank_of_own"] < 1.5


def test_undefined_samples_are_left_out():
    matrix = np.array([[0.5, 0.1, np.nan], [0.1, 0.5, np.nan], [np.nan] * 3])
    found = concordance(matrix, ["a", "b", "c"], permutations=20)
    assert found.summary["n_samples"] == 2
    assert found.per_sample["n_compared"].tolist() == [2, 2, 0]


def test_what_is_refused():
    with pytest.raises(ValueError, match="as many rows and columns as samples"):
        concordance(np.zeros((2, 3)), ["a", "b"])
    with pytest.raises(ValueError, match="as many rows and columns as samples"):
        concordance(np.zeros((2, 2)), ["a", "b"], ["lung"])
