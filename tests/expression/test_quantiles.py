from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from decode.expression.quantiles import map_to_quantiles, quantile_normalise, sorted_profile

RSCRIPT = shutil.which("Rscript")
NAN = np.nan


def has_limma() -> bool:
    if RSCRIPT is None:
        return False
    call = [RSCRIPT, "-e", 'quit(status = !requireNamespace("limma", quietly = TRUE))']
    return subprocess.run(call, capture_output=True, check=False).returncode == 0


def tables() -> dict[str, np.ndarray]:
    """Continuous values, many ties, missing values, both."""
    random = np.random.default_rng(5)
    plain = random.normal(5, 2, size=(60, 7))
    tied = np.round(random.gamma(1.0, 2.0, size=(60, 7)))
    missing = plain.copy()
    missing[random.random(plain.shape) < 0.15] = NAN
    both = tied.copy()
    both[random.random(tied.shape) < 0.2] = NAN
    return {"plain": plain, "tied": tied, "missing": missing, "both": both}


def test_by_hand():
    # sorted columns: 2 3 4 5 | 1 2 4 4 | 3 4 6 8 -> means 2, 3, 14/3, 17/3; the two 4s share rank 3.5
    values = np.array([[5, 4, 3], [2, 1, 4], [3, 4, 6], [4, 2, 8.0]])
    normalised, quantiles = quantile_normalise(values)
    np.testing.assert_allclose(quantiles, [2, 3, 14 / 3, 17 / 3])
    middle = (14 / 3 + 17 / 3) / 2
    np.testing.assert_allclose(normalised, [[17 / 3, middle, 2], [2, 2, 3], [3, middle, 14 / 3], [14 / 3, 3, 17 / 3]])


def test_missing_by_hand():
    # the second sample has ranks 1, 2 of two: places 0 and 2 of three; its profile is stretched to 1 3 5
    normalised, quantiles = quantile_normalise([[1.0, NAN], [3.0, 5.0], [9.0, 1.0]])
    np.testing.assert_allclose(quantiles, [1, 3, 7])
    np.testing.assert_allclose(normalised, [[1, NAN], [3, 7], [7, 1]])


@pytest.mark.skipif(not has_limma(), reason="R limma is absent")
@pytest.mark.parametrize("name", ["plain", "tied", "missing", "both"])
def test_equal_to_limma(name, tmp_path):
    values = tables()[name]
    np.savetxt(tmp_path / "in.tsv", values, fmt="%.17g", delimiter="\t")
    code = (
        f'x <- as.matrix(read.table("{tmp_path / "in.tsv"}", na.strings = c("NaN", "nan"))); '
        f'write.table(format(limma::normalizeQuantiles(x), digits = 17), "{tmp_path / "out.tsv"}", sep = "\\t", '
        "row.names = FALSE, col.names = FALSE, quote = FALSE)"
    )
    subprocess.run([str(RSCRIPT), "-e", code], capture_output=True, check=True)
    text = Path(tmp_path / "out.tsv").read_text().replace("NA", "nan")
    expected = np.array([[float(cell) for cell in line.split("\t")] for line in text.splitlines()])
    np.testing.assert_allclose(quantile_normalise(values)[0], expected, rtol=0, atol=1e-12)


def test_all_samples_have_the_same_distribution_and_keep_their_order():
    values = tables()["plain"]
    before = values.copy()
    normalised, quantiles = quantile_normalise(values)
    np.testing.assert_array_equal(values, before)
    np.testing.assert_allclose(np.sort(normalised, axis=0), np.repeat(quantiles[:, None], 7, axis=1))
    np.testing.assert_array_equal(np.argsort(normalised, axis=0), np.argsort(values, axis=0))
    np.testing.assert_allclose(quantile_normalise(np.exp(values))[0][:, 0].argsort(), values[:, 0].argsort())


def test_samples_do_not_depend_on_their_order():
    values = tables()["both"]
    order = [3, 1, 6, 0, 2, 5, 4]
    np.testing.assert_allclose(quantile_normalise(values[:, order])[0], quantile_normalise(values)[0][:, order])


def test_mapping_to_stored_quantiles_is_the_normalisation():
    values = tables()["both"]
    normalised, quantiles = quantile_normalise(values)
    np.testing.assert_allclose(map_to_quantiles(values[:, 2:3], quantiles), normalised[:, 2:3])
    np.testing.assert_allclose(sorted_profile(values), quantiles)


def test_other_numbers_of_quantiles():
    np.testing.assert_allclose(map_to_quantiles([[1.0], [2.0], [3.0]], [0.0, 10.0]), [[0], [5], [10]])


@pytest.mark.parametrize("values", [[[NAN], [1.0]], [[1.0]]])
def test_a_sample_without_a_distribution(values):
    with pytest.raises(ValueError, match="fewer than 2 measured genes"):
        quantile_normalise(values)
