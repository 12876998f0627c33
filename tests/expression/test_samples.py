from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_ind

from decode.expression.samples import complete_samples, design_matrix, log_expression, read_samples, sample_contrasts

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
    with pytest.raises(ValueError, match="variable age is missing in 1 of 8 samples: s2; complete it"):
        design_matrix(table, "~ age")


def test_all_terms_are_known():
    design = design_matrix(meta(), "~ batch * age + group")
    assert design.terms == {
        "1": ["Intercept"], "batch": ["batch[T.y]"], "age": ["age"], "group": ["group[T.b]"],
        "batch:age": ["batch[T.y]:age"],
    }  # fmt: skip
    assert [column for columns in design.terms.values() for column in columns] == design.matrix.columns.tolist()


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("~ group + twin", r"collinear: twin\[T.b\] is a function of group\[T.b\]"),
        ("~ age + batch + sum_of", r"collinear: sum_of is a function of age, batch\[T.y\]"),
        ("~ age + one", "variable one is k in all 8 samples"),
        ("~ flat + age", "variable flat is 3.0 in all 8 samples"),
        ("~ years", "years is text with 8 levels in 8 samples, such as 0y, 1y, 2y"),
        ("~ hole + age", "variable hole is missing in 8 of 8"),
        ("~ endless", "infinite"),
        ("age ~ group", "nothing left of ~"),
        ("~ bs(holed, df=3)", "variable holed is missing in 1"),
    ],
)
def test_terms_that_say_nothing_are_named(formula, message):
    table = meta().assign(
        twin=meta()["group"], sum_of=2 * meta()["age"] + (meta()["batch"] == "y"), one="k", flat=3.0, hole=np.nan,
        years=[f"{i}y" for i in range(8)], endless=[np.inf, *range(7)], holed=[np.nan, *range(7)],
    )  # fmt: skip
    with pytest.raises(ValueError, match=message):
        design_matrix(table, formula)


def test_incomplete_samples_are_left_out_on_demand(tmp_path, caplog):
    table = meta().rename_axis("id").reset_index()
    table.loc[[2, 5], "age"] = np.nan
    table.drop(index=[0]).to_csv(tmp_path / "meta.tsv", sep="\t", index=False)
    with pytest.raises(ValueError, match="1 of 8 samples"):
        read_samples(tmp_path / "meta.tsv", NAMES)
    with caplog.at_level("WARNING", "decode"):
        found = complete_samples(read_samples(tmp_path / "meta.tsv", NAMES, complete_only=True), "~ group + age")
    assert found.index.tolist() == ["s1", "s3", "s4", "s6", "s7"]
    assert "1 of 8 samples are not in" in caplog.text
    assert "2 of 7 samples lack a variable" in caplog.text
    with pytest.raises(ValueError, match="no sample has all variables"):
        complete_samples(found.assign(age=np.nan), "~ age")


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
