from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pytest
from scipy.stats import false_discovery_control

from decode.statistics.multiple_testing import false_discovery_rate

RSCRIPT = shutil.which("Rscript")


def test_by_hand():
    # 4 tests: 0.01 * 4 / 1, 0.04 * 4 / 3 = 0.0533 twice (0.03 * 4 / 2 = 0.06 is cut to the next), 0.9
    np.testing.assert_allclose(false_discovery_rate([0.04, 0.9, 0.01, 0.03]), [4 / 75, 0.9, 0.04, 4 / 75])
    assert false_discovery_rate([]).tolist() == []


def test_undefined_tests_do_not_count():
    found = false_discovery_rate([0.04, np.nan, 0.9, 0.01, np.nan, 0.03])
    np.testing.assert_array_equal(found[[0, 2, 3, 5]], false_discovery_rate([0.04, 0.9, 0.01, 0.03]))
    assert np.isnan(found[[1, 4]]).all()
    assert np.isnan(false_discovery_rate([np.nan])).all()


def test_against_scipy_column_by_column():
    p_value = np.random.default_rng(0).random((40, 3)) ** 2
    np.testing.assert_allclose(false_discovery_rate(p_value), false_discovery_control(p_value, axis=0))
    p_value[5, 0] = np.nan
    found = false_discovery_rate(p_value)
    assert np.isnan(found[5, 0])
    np.testing.assert_allclose(np.delete(found[:, 0], 5), false_discovery_control(np.delete(p_value[:, 0], 5)))


@pytest.mark.skipif(RSCRIPT is None, reason="Rscript is absent")
def test_against_r():
    p_value = np.random.default_rng(2).random(25).round(3)
    code = f'cat(format(p.adjust(c({",".join(map(str, p_value))}), "BH"), digits=17))'
    found = subprocess.run([str(RSCRIPT), "-e", code], capture_output=True, text=True, check=True).stdout
    np.testing.assert_allclose(false_discovery_rate(p_value), [float(x) for x in found.split()], rtol=1e-12)
