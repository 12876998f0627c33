"""Tables of other tools: which columns are contrasts, and which statistic of them is right."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm, rankdata

from decode.expression.de_table import DeTable
from decode.expression.de_tables import read_de_table
from decode.persons.differential import differential

N = 40


@pytest.fixture
def read(tmp_path):
    def call(table: pd.DataFrame | str, **options: object) -> DeTable:
        path = tmp_path / "contrast.csv"
        path.write_text(table if isinstance(table, str) else table.to_csv(index=False))
        return read_de_table(path, **options)

    return call


@pytest.fixture
def change() -> np.ndarray:
    return np.random.default_rng(0).normal(size=N)


def p_of(z: np.ndarray) -> np.ndarray:
    return 2 * norm.sf(np.abs(z))


def genes() -> list[str]:
    return [f"GENE{number}" for number in range(N)]


def test_prefixes_make_contrasts(read, change):
    other = -change[::-1]
    table = read(
        pd.DataFrame(
            {
                "": genes(), "CTRL_p_val": p_of(change), "CTRL_avg_log2FC": change / 3, "CTRL_pct.1": 0.5,
                "CTRL_p_val_adj": 1.0, "STIM_p_val": p_of(other), "STIM_avg_log2FC": other / 3, "STIM_p_val_adj": 1.0,
                "max_pval": 0.5, "minimump_p_val": 0.1,
            }
        )
    )  # fmt: skip
    assert table.contrasts == ["CTRL", "STIM"]
    np.testing.assert_allclose(table.statistic.to_numpy(), np.stack([change, other], axis=1))
    assert table.adjusted_p is not None
    assert table.log2_fold_change["STIM"].tolist() == pytest.approx((other / 3).tolist())


def test_suffixes_too_and_fold_changes_alone(read, change):
    frame = pd.DataFrame({"gene": genes(), "logFC.A": change, "t.A": 2 * change, "P.Value.A": p_of(2 * change)})
    table = read(frame)
    assert (table.contrasts, table.rule) == (["A"], "column t.A")
    frame = pd.DataFrame({"gene": genes(), "KO1_log2FC": change, "KO2_log2FC": -change})
    assert read(frame).contrasts == ["KO1", "KO2"]


@pytest.mark.parametrize(
    "columns",
    [
        {"ctrl_mean": 5.0, "treat_mean": 6.0, "M": None, "D": 3.0, "prob": 0.5},
        {"proba_de": 0.9, "scale1": 0.1, "lfc_mean": None, "lfc_std": 0.3},
        {"liver": None, "expression": 4.0},
    ],
)
def test_numbers_that_are_no_contrasts_are_named(read, change, columns):
    frame = pd.DataFrame({"gene": genes(), **{k: change if v is None else v for k, v in columns.items()}})
    wrong = [name for name, value in columns.items() if value is not None or name == "lfc_mean"]
    with pytest.raises(ValueError, match=r"are no contrasts .*--column statistic=NAME") as caught:
        read(frame)
    assert all(name in str(caught.value) for name in wrong[:5])
    assert set(read(frame, form="matrix").contrasts) == set(columns)
    chosen = next(name for name, value in columns.items() if value is None)
    table = read(frame, columns={"statistic": chosen})
    assert (table.contrasts, table.statistic["contrast"].tolist()) == (["contrast"], pytest.approx(change.tolist()))


def test_a_rank_sum_is_no_chi_square(read, change):
    u = 1000 + 300 * change  # its middle is no change, whatever the sign
    frame = pd.DataFrame(
        {"feature": genes(), "group": "A", "logFC": change / 5, "statistic": u, "auc": u / 2000, "pval": p_of(change)}
    )
    table = read(frame)
    assert table.rule == "normal quantile of pval / 2 with the sign of logFC"
    np.testing.assert_allclose(table.statistic["A"], change, rtol=1e-6)
    chi = frame.assign(statistic=change**2)
    assert read(chi).rule == "square root of statistic with the sign of logFC"
    np.testing.assert_allclose(read(chi).statistic["A"], change)
    assert read(frame.drop(columns="pval")).rule == "column logFC"


def test_a_withheld_p_value_means_no_statistic(read, change):
    p_value = pd.Series(p_of(change)).mask(np.arange(N) < 4)
    adjusted = p_value.mask(np.arange(N) < 9)
    frame = pd.DataFrame(
        {
            "gene": genes(),
            "baseMean": 10.0,
            "log2FoldChange": change,
            "stat": change.copy(),
            "pvalue": p_value,
            "padj": adjusted,
        }
    )
    frame.loc[:3, "stat"] = 28.5
    table = read(frame)
    assert table.counts["n_without_p"] == 4
    assert table.statistic["contrast"].isna().tolist() == [number < 4 for number in range(N)]


def test_cut_tables_are_warned_of(read, change, caplog):
    frame = pd.DataFrame({"gene": genes(), "stat": np.abs(change), "padj": 0.6})
    table = read(frame)
    assert table.one_sided == ("contrast",)
    assert f"all {N} genes are up" in table.caveats["contrast"]
    assert "give the whole table" in caplog.text
    table = read(frame.assign(stat=change, padj=0.01))
    assert table.one_sided == ()
    assert "cut at significance" in table.caveats["contrast"]
    assert not read(frame.assign(stat=change)).caveats


def test_rows_without_a_name_and_infinite_reports(read, change):
    names = ["" if number in (3, 5) else "NA" if number == 7 else name for number, name in enumerate(genes())]
    frame = pd.DataFrame(
        {"n": range(N), "names": names, "scores": change, "logfoldchanges": change, "pvals": p_of(change)}
    )
    frame.loc[[0, 1], "logfoldchanges"] = np.inf
    table = read(frame)
    assert len(table.statistic) == N - 3
    assert (table.counts["n_rows_without_a_name"], table.counts["n_infinite"]) == (3, 2)
    assert table.log2_fold_change["contrast"].isna().sum() == 2
    frame.loc[2, "scores"] = np.inf
    with pytest.raises(ValueError, match=r"infinite statistics \(column scores\) of GENE2"):
        read(frame)


@pytest.mark.parametrize(
    ("first", "named"), [("1", "row"), ("7", "Row.names"), ("200007_at", "Gene.symbol"), ("ILMN_1343291", "SYMBOL")]
)
def test_the_column_of_genes(read, change, first, named):
    frame = pd.DataFrame({"": [first] * N, "logFC": change, "t": change, named: genes()})
    assert read(frame).statistic.index.tolist() == genes()


def test_comment_lines_and_roles_by_name(read, change):
    text = "# made by someone\n# twice\n" + pd.DataFrame({"gene": genes(), "effect": change}).to_csv(index=False)
    assert read(text, columns={"statistic": "effect"}).statistic["contrast"].tolist() == pytest.approx(change.tolist())
    with pytest.raises(ValueError, match=r"role.* effect of columns are unknown"):
        read(text, columns={"effect": "effect"})
    with pytest.raises(ValueError, match="has no column other"):
        read(text, columns={"statistic": "other"})


def test_the_order_of_rows_does_not_matter(read, change):
    frame = pd.DataFrame({"gene": genes(), "logFC": change, "statistic": rankdata(change), "pval": p_of(change)})
    first, second = read(frame), read(frame.iloc[::-1])
    pd.testing.assert_series_equal(first.statistic["contrast"], second.statistic["contrast"].reindex(genes()))


def test_a_table_of_differential_goes_in_with_its_levels_term_by_term():
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(5, 1, (N, 12)), index=genes(), columns=[f"s{i}" for i in range(12)])
    samples = pd.DataFrame({"sex": ["f", "m"] * 6, "age": np.arange(12.0)}, index=table.columns)
    found = differential(table, samples, "~ age + sex")
    read = read_de_table(found.table)
    assert read.contrasts == ["age", "sex[T.m]"]
    pd.testing.assert_frame_equal(read.statistic[found.t.columns], found.t, check_names=False)
    assert read.mean_expression.reindex(genes()).tolist() == pytest.approx(table.mean(axis=1).tolist())
