from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from limma import limma

from decode.persons.differential import differential
from decode.statistics.multiple_testing import false_discovery_rate

NAMES = [f"s{i}" for i in range(12)]


def table(n=60, seed=0):
    values = np.random.default_rng(seed).normal(5, 1, (n, 12))
    return pd.DataFrame(values, index=[f"{i}|{i + 7}.{i}" for i in range(n)], columns=NAMES)


def meta():
    return pd.DataFrame(
        {"sex": ["f", "m"] * 6, "age": np.arange(12.0) ** 2, "batch": list("xxxyyyzzzxyz")}, index=NAMES
    )


def test_every_term_is_limmas(tmp_path):
    values = table()
    values.iloc[5, 2] = np.nan
    found = differential(values, meta(), "~ age + sex + batch")
    theirs = limma(values.to_numpy(), found.design.matrix.to_numpy(), tmp_path)
    assert list(found.t.columns) == ["age", "sex[T.m]", "batch[T.y]", "batch[T.z]"]
    for number, term in enumerate(found.t.columns, start=1):
        own = found.table[found.table["term"] == term]
        assert own["gene_id"].tolist() == values.index.tolist()  # ids and order as given
        np.testing.assert_allclose(own["log2_fold_change"], theirs.coefficients[:, number], atol=1e-10)
        np.testing.assert_allclose(own["t"], theirs.t[:, number], atol=1e-9)
        np.testing.assert_allclose(own["p_value"], theirs.p_value[:, number], atol=1e-9)
        np.testing.assert_allclose(own["fdr"], false_discovery_rate(theirs.p_value[:, number]), atol=1e-9)
    assert own["n_samples"].tolist() == [11 if i == 5 else 12 for i in range(60)]
    assert found.counts["n_genes_with_missing"] == 1
    assert found.counts["df"] == 7


@pytest.mark.parametrize("trend", [False, True])
def test_genes_without_values_stay_and_are_empty(trend, caplog):
    values = table()
    values.iloc[3] = np.nan
    with caplog.at_level("WARNING", "decode"):
        found = differential(values, meta(), "~ age + sex", trend=trend)
    assert found.t.iloc[3].isna().all()
    assert found.table["p_value"].isna().sum() == 2
    assert found.counts["n_genes_untestable"] == 1
    assert "1 of 60 genes have a term" in caplog.text
    other = differential(values.drop(index=values.index[3]), meta(), "~ age + sex", trend=trend)
    np.testing.assert_allclose(found.t.drop(index=found.t.index[3]), other.t)


def test_order_of_samples_does_not_matter():
    found = differential(table(), meta(), "~ age + sex").table
    turned = differential(table()[NAMES[::-1]], meta().sample(frac=1, random_state=0), "~ age + sex").table
    pd.testing.assert_frame_equal(found, turned)


def test_false_hits_where_nothing_differs():
    rng, hits, small = np.random.default_rng(4), 0, []
    for _ in range(40):
        values = pd.DataFrame(rng.normal(size=(300, 12)), columns=NAMES)
        found = differential(values, meta(), "~ age + sex").table
        hits += (found["fdr"] < 0.05).any()
        small.append((found["p_value"] < 0.05).mean())
    assert hits <= 10  # 5 % a term in expectation: 4 of 40, and three standard errors
    assert np.mean(small) == pytest.approx(0.05, abs=0.006)


def test_linear_values_are_named_and_tested_as_they_are(caplog):
    with caplog.at_level("WARNING", "decode"):
        found = differential(2 ** (table() * 2), meta(), "~ sex")
    assert "look linear (TPM or counts) and are tested as they are; take logarithms first" in caplog.text
    difference = (2 ** (table() * 2)).T.groupby(meta()["sex"]).mean().T
    np.testing.assert_allclose(found.table["log2_fold_change"], difference["m"] - difference["f"])


def test_median_level_is_no_sample():
    values = table()
    found = differential(values.assign(median_level=1.0), meta(), "~ sex")
    pd.testing.assert_frame_equal(found.table, differential(values, meta(), "~ sex").table)


def test_complete_samples_only():
    known = meta().drop(index="s3")
    known.loc["s7", "age"] = np.nan
    with pytest.raises(ValueError, match="1 of 12 samples of the expression table have no row"):
        differential(table(), known, "~ age + sex")
    found = differential(table(), known, "~ age + sex", complete_only=True)
    kept = [name for name in NAMES if name not in ("s3", "s7")]
    pd.testing.assert_frame_equal(found.table, differential(table()[kept], meta(), "~ age + sex").table)


@pytest.mark.parametrize(
    ("values", "known", "design", "message"),
    [
        (table().set_axis(["a"] * 60, axis=0), meta(), "~ sex", "row ids of the expression table occur more than once"),
        (table().assign(s0="x"), meta(), "~ sex", "text where a number belongs"),
        (table() * np.nan, meta(), "~ sex", "no value"),
        (table().iloc[:, :3], meta(), "~ age + sex", "no degree of freedom"),
        (table(), meta().assign(twin=meta()["sex"]), "~ sex + twin", "collinear: twin"),
        (table()[NAMES[::2]], meta(), "~ age + sex", "variable sex is f in all 6 samples"),
        (table(), meta().assign(age=np.nan), "~ age", "variable age is missing in 12 of 12"),
        (table(), meta().iloc[:0], "~ age", "12 of 12 samples"),
        (table().replace(table().iloc[0, 0], np.inf), meta(), "~ age", "infinite"),
    ],
)
def test_bad_input(values, known, design, message):
    with pytest.raises(ValueError, match=message):
        differential(values, known, design)
    with pytest.raises(TypeError, match="DataFrames"):
        differential(values.to_numpy(), known, design)
