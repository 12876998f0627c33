from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_ind

from decode.expression.samples import design_matrix, log_expression, read_samples, sample_contrasts

NAMES = [f"s{i}" for i in range(8)]


def frame(seed=0):
    values = np.random.default_rng(seed).gamma(2.0, 200.0, size=(300, 8))
    return pd.DataFrame(values, index=[f"G{i}" for i in range(300)], columns=NAMES)


def meta():
    return pd.DataFrame({"group": ["a"] * 4 + ["b"] * 4, "batch": list("xyxyxyxy"), "age": np.arange(8.0)}, index=NAMES)


def test_linear_values_are_scaled_and_logged():
    table = frame()
    table.iloc[0] = 0.0
    found = log_expression(table)
    expected = np.log2(table / table.sum() * 1e6 + 1).iloc[1:]
    pd.testing.assert_frame_equal(found.log2, expected)
    assert found.expressed_from == 1.0
    pd.testing.assert_frame_equal(log_expression(table * np.arange(1, 9)).log2, expected)


def test_log_values_stay(caplog):
    table = np.log2(frame() + 1)
    table.iloc[3, 2] = np.nan
    found = log_expression(table)
    pd.testing.assert_frame_equal(found.log2, table.drop(index="G3"))
    assert found.expressed_from is None


def test_t_of_samples():
    values = log_expression(np.log2(frame() + 1))
    found = sample_contrasts(values, meta(), "~ group", source="x")
    assert found.table.contrasts == ["group[T.b]"]
    plain = ttest_ind(values.log2.iloc[:, 4:], values.log2.iloc[:, :4], axis=1).statistic
    assert np.corrcoef(found.table.statistic["group[T.b]"], plain)[0, 1] > 0.9
    np.testing.assert_allclose(
        found.table.log2_fold_change["group[T.b]"],
        values.log2.iloc[:, 4:].mean(axis=1) - values.log2.iloc[:, :4].mean(axis=1),
    )
    assert found.correlation.groups[0].df == 6
    assert "6 degrees of freedom" in found.correlation.source


def test_last_term_is_the_contrast():
    assert design_matrix(meta(), "~ batch + group")[1] == ["group[T.b]"]
    assert design_matrix(meta(), "~ group + age")[1] == ["age"]
    assert len(design_matrix(meta().assign(kind=list("abcabcab")), "~ kind")[1]) == 2


@pytest.mark.parametrize("formula", ["~ nothing", "~ (", "~ 1"])
def test_designs_that_do_not_fit(formula):
    with pytest.raises(ValueError, match="design"):
        design_matrix(meta(), formula)


def test_missing_variables_are_refused():
    table = meta()
    table.loc["s2", "age"] = np.nan
    with pytest.raises(ValueError, match="each known for every sample"):
        design_matrix(table, "~ age")


def test_repeated_terms_are_refused():
    with pytest.raises(ValueError, match="functions of the others"):
        sample_contrasts(log_expression(frame()), meta().assign(twin=meta()["group"]), "~ group + twin", source="x")


def test_table_of_samples(tmp_path):
    table = meta().rename_axis("id").reset_index()
    table.iloc[::-1].to_csv(tmp_path / "meta.csv", index=False)
    found = read_samples(tmp_path / "meta.csv", NAMES[:5])
    assert found.index.tolist() == NAMES[:5]
    assert found["age"].tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]
    with pytest.raises(ValueError, match=r"1 of 1 samples .*--sample-column"):
        read_samples(tmp_path / "meta.csv", ["other"])
    with pytest.raises(ValueError, match="more than once"):
        read_samples(tmp_path / "meta.csv", ["x"], sample_column="batch")
    with pytest.raises(FileNotFoundError):
        read_samples(tmp_path / "none.csv", NAMES)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (frame() - 150, "negative values"),
        (frame().assign(s0=0.0), "samples without any expression: s0"),
        (pd.DataFrame(1.0, index=["a", "b"], columns=NAMES), "varies"),
    ],
)
def test_bad_expression(table, message):
    with pytest.raises(ValueError, match=message):
        log_expression(table)
