from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from decode.core.checks import (
    check_choice,
    check_columns,
    check_count,
    check_known,
    check_known_keys,
    check_matched,
    check_positive,
    check_unique,
    listed,
    matched_share,
)


@pytest.mark.parametrize(
    ("values", "limit", "text"),
    [
        ([], 5, ""),
        (["a"], 5, "a"),
        ("abcde", 5, "a, b, c, d, e"),
        (range(8), 5, "0, 1, 2, 3, 4 (+3 more)"),
        ((value for value in "abc"), 1, "a (+2 more)"),
    ],
)
def test_listed(values, limit, text):
    assert listed(values, limit) == text


def test_choice():
    check_choice("keep", "best", ("best", "mean"))
    with pytest.raises(ValueError, match=r"keep is 'last'; choose one of: best, mean"):
        check_choice("keep", "last", ("best", "mean"))


@pytest.mark.parametrize("value", [1, 0.5, np.int32(2), np.float32(0.1)])
def test_positive_numbers(value):
    check_positive("bin_size", value)


@pytest.mark.parametrize("value", [0, -1, np.nan, np.inf, True, "3", None, [1]])
def test_not_positive(value):
    with pytest.raises(ValueError, match=r"bin_size is .*; it must be a number > 0"):
        check_positive("bin_size", value)


def test_zero_where_allowed():
    check_positive("upstream", 0, zero=True)
    with pytest.raises(ValueError, match="number >= 0"):
        check_positive("upstream", -1, zero=True)


def test_columns():
    frame = pd.DataFrame({"a": [1], "b": [2]})
    check_columns("sites", frame, ["b", "a"])
    with pytest.raises(ValueError, match=r"sites lacks the column.s. c, d; it has a, b"):
        check_columns("sites", frame, ["a", "c", "d"])
    with pytest.raises(TypeError, match="sites is a list; a pandas DataFrame is wanted"):
        check_columns("sites", [], [])


def test_unique():
    check_unique("ids", ["a", "b"])
    check_unique("ids", [])
    with pytest.raises(ValueError, match="ids occur more than once: b, a; keep one"):
        check_unique("ids", ["a", "b", "b", "a", "b"])


def test_known():
    check_known("regulator(s)", ["CTCF"], ["CTCF", "REST"], "the features")
    with pytest.raises(KeyError, match="2 regulators not in the features: X, Y; it holds CTCF, REST"):
        check_known("regulators", ["X", "REST", "Y"], ["CTCF", "REST"], "the features")


def test_matched_share_is_of_the_smaller_side():
    assert matched_share(5, 10, 100) == 0.5
    assert matched_share(5, 100, 10) == 0.5
    assert matched_share(0, 0, 10) == 0.0


GENES = [f"G{i}" for i in range(10)]


@pytest.mark.parametrize(
    ("wanted", "n_matched", "warns"),
    [
        (GENES, 10, False),
        (GENES[::-1], 10, False),
        (GENES[:1], 1, False),
        (GENES + [f"lnc{i}" for i in range(90)], 10, False),  # rows of a full table outside the features
        ([*GENES[:8], "x", "y"], 8, False),  # exactly 80 %
        ([*GENES[:7], "x", "y", "z"], 7, True),
        (GENES[:5] + list("uvwxy"), 5, True),  # exactly 50 %
    ],
)
def test_matching_rule(wanted, n_matched, warns):
    matched, warning = check_matched("targets", wanted, GENES)
    assert matched == [gene for gene in wanted if gene in GENES]
    assert len(matched) == n_matched
    assert (warning is not None) == warns


def test_warning_names_five_of_the_smaller_side():
    _, warning = check_matched("targets", [*GENES[:5], *"uvwxy"], GENES)
    assert warning == (
        "targets: 5 of 10 rows match the 10 genes of the features (50.0% of the smaller side); unmatched: u, v, w, x, y"
    )
    _, warning = check_matched("targets", [*GENES[:6], *(f"lnc{i}" for i in range(90))], GENES)
    assert warning is not None
    assert warning.endswith("unmatched: G6, G7, G8, G9")


@pytest.mark.parametrize("wanted", [[], ["x"], [*GENES[:4], *"uvwxyz"]])
def test_too_few_matches_raise(wanted):
    with pytest.raises(ValueError, match=r"targets: . of .* rows match the 10 genes.*same kind of gene id"):
        check_matched("targets", wanted, GENES)


def test_no_gene_in_the_features_raises():
    with pytest.raises(ValueError, match="0 of 10 rows match the 0 genes"):
        check_matched("targets", GENES, [])


def test_counts_are_whole_numbers():
    check_count("members", 5)
    check_count("seed", 0, zero=True)
    for value in (0, -1, 2.0, True, "3", None):
        with pytest.raises(ValueError, match=r"members is .*; it must be a whole number > 0"):
            check_count("members", value)
    with pytest.raises(ValueError, match=">= 0"):
        check_count("seed", -1, zero=True)


def test_unknown_keys_of_a_configuration():
    check_known_keys("configuration", {"a": 1}, ["a", "b"])
    with pytest.raises(ValueError, match=r"configuration has unknown keys c; known are a, b"):
        check_known_keys("configuration", {"a": 1, "c": 2}, ["a", "b"])
