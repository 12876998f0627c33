from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from decode.expression.counts import counts_to_tpm, deepest_samples, per_million


def table() -> tuple[pd.DataFrame, pd.Series]:
    counts = pd.DataFrame({"a": [30, 10, 0, 70], "b": [0, 5, 5, 0]}, index=["A", "B", "C", "other"])
    return counts, pd.Series({"C": 500, "B": 1000, "A": 3000, "D": 10})


def test_by_hand():
    counts, lengths = table()
    tpm, numbers = counts_to_tpm(counts, lengths)
    assert tpm.to_dict("list") == {"a": [5e5, 5e5, 0.0], "b": pytest.approx([0, 1e6 / 3, 2e6 / 3])}
    assert tpm.index.tolist() == ["A", "B", "C"]
    assert numbers == {"n_rows": 4, "n_without_length": 1}


def test_depth_does_not_matter_and_missing_counts_stay_missing():
    counts, lengths = table()
    pd.testing.assert_frame_equal(counts_to_tpm(counts * [7, 3], lengths)[0], counts_to_tpm(counts, lengths)[0])
    holed = counts.astype(float)
    holed.loc["A", "a"] = np.nan
    assert counts_to_tpm(holed, lengths)[0]["a"].tolist()[1:] == [1e6, 0.0]


@pytest.mark.parametrize(
    ("change", "lengths", "message"),
    [
        (lambda c: c * -1, {}, "negative values"),
        (lambda c: np.log2(c + 1.5), {}, "looks like logarithms.*--already-log2"),
        (lambda c: c * 0, {}, "samples without any expression: a, b"),
        (lambda c: c, {"A": 0}, "lengths must be above 0 bases; got A"),
        (lambda c: c.set_axis(list("wxyz")), {}, "0 of 4 rows match"),
    ],
)
def test_bad_counts(change, lengths, message):
    counts, known = table()
    for gene, length in lengths.items():
        known[gene] = length
    with pytest.raises(ValueError, match=message):
        counts_to_tpm(change(counts), known)


def test_per_million():
    assert per_million(pd.DataFrame({"s": [1.0, np.nan, 3.0]}))["s"].sum() == 1e6


def test_deepest_samples():
    totals = pd.Series({"a": 5, "b": 5, "c": 9, "d": 1})
    persons = pd.Series({"d": "Q", "c": "R", "b": "P", "a": "P"}, name="person")
    assert deepest_samples(totals, persons) == ["a", "c", "d"]
    with pytest.raises(ValueError, match=r"without a person in column 'person': c"):
        deepest_samples(totals, persons.replace("R", None))
