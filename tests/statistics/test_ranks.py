from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pytest
from scipy.stats import norm, rankdata

from decode.statistics.ranks import normal_scores

RSCRIPT = shutil.which("Rscript")


def test_by_hand():
    # ranks 2, 1, 3.5, 3.5 of 4: quantiles 0.375, 0.125, 0.75, 0.75
    np.testing.assert_allclose(
        normal_scores([3.0, -9.0, 1e6, 1e6]), [-0.31863936, -1.15034938, 0.67448975, 0.67448975], rtol=1e-7
    )
    assert normal_scores([7.0]).tolist() == [0.0]
    assert normal_scores([]).tolist() == []


def test_missing_values_take_no_rank():
    values = np.array([[2.0, np.nan], [np.nan, np.nan], [1.0, np.nan], [5.0, np.nan]])
    found = normal_scores(values)
    np.testing.assert_array_equal(found[[0, 2, 3], 0], normal_scores([2.0, 1.0, 5.0]))
    assert np.isnan(found[1, 0])
    assert np.isnan(found[:, 1]).all()


def test_columns_are_ranked_by_themselves_and_only_the_order_counts():
    values = np.random.default_rng(0).normal(size=(50, 3)).round(1)
    found = normal_scores(values)
    for column in range(3):
        expected = norm.ppf((rankdata(values[:, column]) - 0.5) / 50)
        np.testing.assert_array_equal(found[:, column], expected)
    np.testing.assert_array_equal(normal_scores(np.exp(values)), found)


@pytest.mark.skipif(RSCRIPT is None, reason="Rscript is absent")
def test_against_r():
    values = np.random.default_rng(1).integers(0, 20, 30)
    code = f"x <- c({','.join(map(str, values))}); cat(format(qnorm((rank(x) - 0.5) / length(x)), digits=17))"
    found = subprocess.run([str(RSCRIPT), "-e", code], capture_output=True, text=True, check=True).stdout
    np.testing.assert_allclose(normal_scores(values), [float(x) for x in found.split()], rtol=1e-9, atol=1e-12)
