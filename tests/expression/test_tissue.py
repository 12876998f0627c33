from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from decode.expression import read_expression, table_targets, tissue_targets

NAN = np.nan


def frame(rows: dict[str, list], columns: list[str]) -> pd.DataFrame:
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)


TISSUES = ["liver", "lung", "skin", "brain"]


def test_tissue_targets_by_hand():
    # log2(TPM + 0.25): 3.75 -> 2, 0.75 -> 0, 1.75 -> 1, 7.75 -> 3; median of 0 1 2 3 is 1.5
    result = tissue_targets(frame({"A": [3.75, 0.75, 1.75, 7.75]}, TISSUES))
    expected = pd.DataFrame(
        [["A", 1.5, 0.5, -1.5, -0.5, 1.5]], columns=["gene_id", "median_level", "liver", "lung", "skin", "brain"]
    )
    pd.testing.assert_frame_equal(result.targets, expected)
    assert result.counts == {
        "n_rows": 1,
        "n_dropped_few_measured": 0,
        "n_dropped_low": 0,
        "n_genes": 1,
        "n_tasks": 5,
        "n_missing": 0,
    }


def test_filter_is_strictly_above_and_order_is_kept():
    tpm = frame({"B": [2.0, 2, 2, 2], "C": [0, 0, 0, 2.01], "A": [9, 9, 9, 9], "D": [0, 0, 0, 0]}, TISSUES)
    result = tissue_targets(tpm)
    assert result.targets["gene_id"].tolist() == ["C", "A"]
    assert result.counts["n_dropped_low"] == 2


def test_missing_values_follow_the_rule():
    tpm = frame(
        {
            "half": [3.75, 0.75, NAN, NAN],  # exactly half: kept, median over the two
            "full": [3.0, 3.0, 3.0, 3.0],
            "few": [100.0, NAN, NAN, NAN],
            "none": [NAN] * 4,
            "low": [NAN, 1.0, 1.0, 1.0],
        },
        TISSUES,
    )
    result = tissue_targets(tpm)
    assert result.targets["gene_id"].tolist() == ["half", "full"]
    np.testing.assert_array_equal(result.targets.iloc[0, 1:].astype(float), [1.0, 1.0, -1.0, NAN, NAN])
    assert result.counts == {
        "n_rows": 5,
        "n_dropped_few_measured": 2,
        "n_dropped_low": 1,
        "n_genes": 2,
        "n_tasks": 5,
        "n_missing": 2,
    }


def test_median_of_the_fold_changes_is_zero():
    rng = np.random.default_rng(0)
    tpm = pd.DataFrame(rng.gamma(1, 20, (50, 7)), index=[f"G{i}" for i in range(50)], columns=list("abcdefg"))
    targets = tissue_targets(tpm).targets
    np.testing.assert_allclose(targets[list("abcdefg")].median(axis=1), 0, atol=1e-12)
    kept = tpm.loc[targets["gene_id"]]
    back = 2 ** (targets[list("abcdefg")].to_numpy() + targets[["median_level"]].to_numpy()) - 0.25
    np.testing.assert_allclose(back, kept, rtol=1e-10)


def test_input_is_left_alone():
    tpm = frame({"A": [3, 0, 1, 7]}, TISSUES)
    before = tpm.copy()
    tissue_targets(tpm)
    table_targets(tpm, already_log2=True)
    pd.testing.assert_frame_equal(tpm, before)


def test_log_table_given_as_tpm_is_suspicious(caplog):
    rng = np.random.default_rng(0)
    log_table = pd.DataFrame(rng.uniform(0, 14, (200, 3)), index=[f"G{i}" for i in range(200)], columns=list("abc"))
    tissue_targets(log_table)
    assert "already a log table" in caplog.text


@pytest.mark.parametrize(
    ("rows", "columns", "message"),
    [
        ({"A": [1.0, -0.5]}, ["a", "b"], r"negative values.*already-log2.*row A, column b: -0.5"),
        ({"A": [1.0, np.inf]}, ["a", "b"], "infinite values: row A, column b: inf"),
        ({"A": [1.0, "x"], "B": [1.0, 2.0]}, ["a", "b"], "text where a number belongs: row A, column b: 'x'"),
        ({"A": [True, False]}, ["a", "b"], "text where a number belongs: row A, column a: True"),
        ({"A": [1.0, 2.0]}, ["a", "a"], "column names of the TPM table occur more than once: a"),
        ({"A": [1.0, 2.0]}, ["a", "median_level"], "has a column median_level already"),
        ({"A": [1.0, 2.0]}, ["a", "gene_id"], "set_index"),
        ({"A": [5.0]}, ["a"], r"one column \(a\)"),
        (
            {"A": [1.0, 1.0], "B": [NAN, NAN]},
            ["a", "b"],
            "no gene is left of 2: 1 measured in fewer than 50%.*1 never above",
        ),
        ({1: [5.0, 5.0]}, ["a", "b"], "must be text and never empty; got 1"),
        ({"": [5.0, 5.0]}, ["a", "b"], "must be text and never empty; got ''"),
    ],
)
def test_tissue_faults(rows, columns, message):
    with pytest.raises(ValueError, match=message):
        tissue_targets(frame(rows, columns))


def test_tissue_refuses_repeated_genes_no_genes_and_no_frame():
    with pytest.raises(ValueError, match="gene ids of the TPM table occur more than once: A"):
        tissue_targets(pd.DataFrame([[1.0, 9.0], [1.0, 9.0]], index=["A", "A"], columns=["a", "b"]))
    with pytest.raises(ValueError, match=r"shape \(0, 2\)"):
        tissue_targets(pd.DataFrame(columns=["a", "b"], dtype=float))
    with pytest.raises(TypeError, match="is a ndarray"):
        tissue_targets(np.ones((2, 2)))


@pytest.mark.parametrize(
    ("option", "value"), [("min_tpm", -1), ("pseudocount", 0), ("min_measured", 1.5), ("min_measured", -0.1)]
)
def test_tissue_options_out_of_range(option, value):
    with pytest.raises(ValueError, match=option):
        tissue_targets(frame({"A": [9, 9, 9, 9]}, TISSUES), **{option: value})


def test_log2_table_is_centred_against_the_row_median():
    result = table_targets(frame({"A": [3.0, 1.0, -5.0], "B": [NAN, 1.0, 2.0]}, ["a", "b", "c"]), already_log2=True)
    assert list(result.targets) == ["gene_id", "median_level", "a", "b", "c"]
    np.testing.assert_array_equal(
        result.targets.iloc[:, 1:].to_numpy(float), [[1.0, 2.0, 0.0, -6.0], [1.5, NAN, -0.5, 0.5]]
    )
    assert result.counts == {"n_rows": 2, "n_dropped_few_measured": 0, "n_genes": 2, "n_tasks": 4, "n_missing": 1}


def test_log2_table_without_centring_is_as_it_was():
    table = frame({"B": [3.0, NAN], "A": [-1.0, 2.0], "C": [NAN, NAN]}, ["x", "y"])
    result = table_targets(table, already_log2=True, centre=False)
    assert list(result.targets) == ["gene_id", "x", "y"]
    assert result.targets["gene_id"].tolist() == ["B", "A"]
    np.testing.assert_array_equal(result.targets[["x", "y"]], table.iloc[:2])
    assert result.counts["n_dropped_few_measured"] == 1


def test_linear_table_gets_its_logarithm_and_no_filter():
    result = table_targets(frame({"A": [0.0, 0.25]}, ["x", "y"]), already_log2=False, centre=False, pseudocount=0.25)
    np.testing.assert_allclose(result.targets[["x", "y"]].to_numpy(), [[-2.0, -1.0]])


def test_centring_needs_two_values():
    table = frame({"A": [1.0, 2.0], "B": [1.0, NAN]}, ["x", "y"])
    assert table_targets(table, already_log2=True).targets["gene_id"].tolist() == ["A"]
    assert table_targets(table, already_log2=True, centre=False).targets["gene_id"].tolist() == ["A", "B"]
    with pytest.raises(ValueError, match="no gene of 1 has two values"):
        table_targets(table.loc[["B"]], already_log2=True)


def test_one_column_trains_without_centring_only():
    table = frame({"A": [1.0], "B": [2.0]}, ["contrast"])
    assert list(table_targets(table, already_log2=True, centre=False).targets) == ["gene_id", "contrast"]
    with pytest.raises(ValueError, match=r"one column .contrast.*--no-centre"):
        table_targets(table, already_log2=True)


def test_own_median_level_stays_without_centring():
    table = frame({"A": [1.0, 0.5], "B": [2.0, 0.0]}, ["median_level", "x"])
    assert list(table_targets(table, already_log2=True, centre=False).targets) == ["gene_id", "median_level", "x"]
    with pytest.raises(ValueError, match="median_level already"):
        table_targets(table, already_log2=True)


def test_table_faults():
    with pytest.raises(ValueError, match=r"negative values.*row A, column x: -1.0"):
        table_targets(frame({"A": [-1.0, 1.0]}, ["x", "y"]), already_log2=False)
    with pytest.raises(ValueError, match="text where a number belongs"):
        table_targets(frame({"A": ["high", 1.0]}, ["x", "y"]), already_log2=True)
    with pytest.raises(ValueError, match="pseudocount"):
        table_targets(frame({"A": [1.0, 1.0]}, ["x", "y"]), already_log2=False, pseudocount=-1)


@pytest.mark.real_data
def test_hpa_targets(shared):
    tpm = read_expression(shared / "data/expression/hpa_gtex_tissue_tpm.tsv.gz")
    targets, counts = tissue_targets(tpm)
    assert counts == {
        "n_rows": 20090,
        "n_dropped_few_measured": 326,
        "n_dropped_low": 1734,
        "n_genes": 18030,
        "n_tasks": 38,
        "n_missing": 0,
    }
    row = targets.set_index("gene_id").loc["ENSG00000000003"]
    log2_tpm = np.log2(tpm.loc["ENSG00000000003"].to_numpy() + 0.25)
    assert row["median_level"] == pytest.approx(np.median(log2_tpm))
    assert row["liver"] == pytest.approx(log2_tpm[tpm.columns.get_loc("liver")] - np.median(log2_tpm))


@pytest.mark.real_data
def test_example_set_of_decode_trains_as_it_is(shared):
    log2_tpm = read_expression(shared / "data/expression/gtex_v7_53_tissues_log2tpm_2742_genes.tsv.gz")
    targets, counts = table_targets(log2_tpm, already_log2=True)
    assert targets.shape == (2742, 1 + 1 + 53)
    assert counts["n_dropped_few_measured"] == 0
    np.testing.assert_allclose(targets["median_level"], log2_tpm.median(axis=1).to_numpy())
    np.testing.assert_allclose(targets["Liver"] + targets["median_level"], log2_tpm["Liver"].to_numpy(), atol=1e-12)


def test_transcripts_stay_transcripts():
    tpm = pd.DataFrame({"liver": [3.75], "lung": [0.75]}, index=pd.Index(["NM_1"], name="transcript_id"))
    assert list(tissue_targets(tpm).targets) == ["transcript_id", "median_level", "liver", "lung"]
    assert table_targets(tpm, already_log2=True).targets.columns[0] == "transcript_id"
    assert list(tissue_targets(tpm.reset_index()).targets) == ["transcript_id", "median_level", "liver", "lung"]
