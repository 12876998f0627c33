from __future__ import annotations

import numpy as np
import pytest

from decode.landmark.quantiles import Quantiles, apply_quantiles, fit_quantiles


def plain(profile, reference):
    """The rule of the docstring, gene by gene."""
    out = []
    for value in profile:
        below, tied = int((profile < value).sum()), int((profile == value).sum())
        out.append(reference[below : below + tied].mean())
    return np.array(out)


def test_the_reference_is_the_mean_sorted_profile_whatever_the_blocks():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(11, 50))
    mean = np.sort(values, axis=1).mean(axis=0)
    expected = 4 + 11 * (mean - mean[0]) / (mean[-1] - mean[0])
    for size in (1, 4, 11):
        found = fit_quantiles(values[i : i + size] for i in range(0, 11, size))
        assert found.reference == pytest.approx(expected, abs=1e-12)
        assert found.to_raw(found.reference) == pytest.approx(mean, abs=1e-12)


def test_without_ties_it_is_quantile_normalisation():
    rng = np.random.default_rng(1)
    values = rng.normal(size=(6, 40))
    quantiles = fit_quantiles([values])
    ranks = values.argsort(axis=1).argsort(axis=1)
    assert apply_quantiles(values, quantiles) == pytest.approx(quantiles.reference[ranks], abs=1e-5)


def test_ties_share_the_mean_of_their_quantiles():
    rng = np.random.default_rng(2)
    counts = rng.poisson(1.0, size=(5, 60)).astype(float)
    quantiles = fit_quantiles([rng.normal(size=(4, 60))])
    found = apply_quantiles(counts, quantiles)
    for row, profile in zip(found, counts, strict=True):
        assert row == pytest.approx(plain(profile, quantiles.reference), abs=1e-5)
    assert found.mean(axis=1) == pytest.approx(np.full(5, quantiles.reference.mean()), abs=1e-5)


def test_only_ranks_count_and_samples_do_not_see_each_other():
    rng = np.random.default_rng(3)
    values = rng.lognormal(size=(4, 30))
    quantiles = fit_quantiles([np.log2(values + 1)])
    whole = apply_quantiles(values, quantiles)
    assert np.array_equal(whole, apply_quantiles(np.log2(values + 1), quantiles))
    assert np.array_equal(whole[2:3], apply_quantiles(values[2:3], quantiles))
    order = rng.permutation(30)
    assert np.array_equal(whole[:, order], apply_quantiles(values[:, order], quantiles))


def test_other_numbers_of_genes_take_the_interpolated_reference():
    quantiles = Quantiles(np.linspace(4, 15, 12), 0.0, 1.0)
    assert apply_quantiles([[3.0, 1.0, 2.0]], quantiles).tolist() == [[15.0, 4.0, 9.5]]


def test_bad_input():
    quantiles = Quantiles(np.linspace(4, 15, 3), 0.0, 1.0)
    with pytest.raises(ValueError, match=r"sample\(s\) 2 hold missing"):
        apply_quantiles([[1, 2, 3], [1, np.nan, 3]], quantiles)
    with pytest.raises(ValueError, match="no training profile"):
        fit_quantiles([])
    with pytest.raises(ValueError, match="all values of the training profiles are 2"):
        fit_quantiles([np.full((3, 4), 2.0)])
