from __future__ import annotations

import numpy as np
import pytest

from decode.persons.variance import variance_of_persons, variance_within_between


def test_the_planted_variances_are_found():
    rng = np.random.default_rng(0)
    tissues = np.repeat(["a", "b", "c", "d", "e"], 30)
    level = rng.normal(scale=2.0, size=(3000, 5)) @ np.repeat(np.eye(5), 30, axis=1)
    found = variance_within_between(level + rng.normal(scale=0.5, size=(3000, 150)), tissues.tolist())
    assert found.table["within"].mean() == pytest.approx(0.25, rel=0.02)
    assert found.table["between"].mean() == pytest.approx(4.0, rel=0.05)
    assert found.summary["ratio_of_means"] == pytest.approx(0.0625, rel=0.1)


def test_by_hand_with_unequal_groups_and_missing_values():
    levels = np.array([[0.0, 2.0, 10.0, 12.0, 14.0, np.nan]])
    found = variance_within_between(levels, ["a", "a", "b", "b", "b", "b"]).table.iloc[0]
    within = (2.0 + 8.0) / 3  # sums of squares 2 and 8, degrees of freedom 1 and 2
    assert found["within"] == pytest.approx(within)
    assert found["between"] == pytest.approx((12 - 1) ** 2 / 2 - within * (1 / 2 + 1 / 3) / 2)


def test_no_difference_between_tissues_gives_none():
    rng = np.random.default_rng(1)
    found = variance_within_between(rng.normal(size=(500, 40)), ["a", "b"] * 20)
    assert found.summary["median_between"] < 0.03


def test_persons_of_one_tissue_beside_a_table_of_tissues():
    rng = np.random.default_rng(2)
    persons, tissues = rng.normal(size=(50, 20)), rng.normal(scale=3, size=(50, 37))
    tissues[4] = np.nan
    found = variance_of_persons(persons, tissues)
    np.testing.assert_allclose(found.table["within"], persons.var(axis=1, ddof=1))
    assert np.isnan(found.table["between"][4])
    assert found.summary["n_genes"] == 49


def test_what_is_refused():
    with pytest.raises(ValueError, match="give the same genes"):
        variance_of_persons(np.zeros((2, 3)), np.zeros((3, 3)))
    with pytest.raises(ValueError, match="all samples are of one tissue"):
        variance_within_between(np.zeros((2, 3)), ["a"] * 3)
    with pytest.raises(ValueError, match="one a sample is wanted"):
        variance_within_between(np.zeros((2, 3)), ["a", "b"])
