from __future__ import annotations

import shutil
import subprocess
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from decode.expression.person import LEVELS_WARNING, person_targets
from decode.expression.person_tissues import person_targets_by_tissue
from decode.expression.task_kinds import kinds_of_tasks

RSCRIPT = shutil.which("Rscript")
NAN = np.nan


def cohort(n_genes=120, n_samples=16, seed=0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Lognormal TPM with a batch effect and sex, some genes silent."""
    random = np.random.default_rng(seed)
    names = [f"s{i}" for i in range(n_samples)]
    batch, sex = np.tile(["x", "y"], n_samples // 2), np.repeat(["f", "m"], n_samples // 2)
    log2 = random.normal(4, 3, size=(n_genes, 1)) + random.normal(0, 0.5, size=(n_genes, n_samples))
    log2 += np.where(batch == "y", 1.0, 0.0) * random.normal(size=(n_genes, 1))
    tpm = pd.DataFrame(2**log2, index=[f"G{i}" for i in range(n_genes)], columns=names)
    tpm.iloc[:10] = random.uniform(0, 0.9, size=(10, n_samples))
    samples = pd.DataFrame({"batch": batch, "sex": sex, "age": random.uniform(20, 70, n_samples)}, index=names)
    return tpm, samples


def test_without_covariates_by_hand():
    # log2(x + 0.25): s1 2 7, s2 9 3; sorted 2 7 | 3 9; quantiles 2.5 8; means 5.25
    tpm = pd.DataFrame({"s1": [3.75, 127.75], "s2": [511.75, 7.75]}, index=["A", "B"])
    found = person_targets(tpm, median_level=True)
    assert found.targets.to_numpy().tolist() == [["A", 5.25, -2.75, 2.75], ["B", 5.25, 2.75, -2.75]]
    assert found.reference.gene_mean.tolist() == [5.25, 5.25]
    assert found.reference.quantiles.tolist() == [[2.5, 8.0]] * 2
    assert found.counts == {
        "n_rows": 2, "n_dropped_low": 0, "n_dropped_few_measured": 0, "n_genes": 2, "n_samples": 2, "n_tasks": 3,
        "n_missing": 0,
    }  # fmt: skip


def test_the_filter_is_strictly_above_in_at_least_half():
    rows = {"half": [1.1, 1.1, 0, 0], "at": [1, 1, 1, 900], "less": [5, 0, 0, 0], "all": [500.5, 2, 2, 2]}
    tpm = pd.DataFrame.from_dict(rows, orient="index", columns=list("abcd")).astype(float)
    assert person_targets(tpm).targets["gene_id"].tolist() == ["half", "all"]
    assert person_targets(tpm).counts["n_dropped_low"] == 2
    assert len(person_targets(tpm, min_share=0).targets) == 4
    assert person_targets(tpm, min_tpm=0.5, min_share=1).targets["gene_id"].tolist() == ["at", "all"]


@pytest.mark.skipif(RSCRIPT is None, reason="Rscript is absent")
def test_the_whole_chain_against_limma(tmp_path):
    call = [str(RSCRIPT), "-e", 'quit(status = !requireNamespace("limma", quietly = TRUE))']
    if subprocess.run(call, capture_output=True, check=False).returncode:
        pytest.skip("R limma is absent")
    tpm, samples = cohort()
    tpm.round(1).to_csv(tmp_path / "tpm.tsv", sep="\t")  # rounded: ties
    samples.to_csv(tmp_path / "samples.tsv", sep="\t")
    code = f"""
        x <- as.matrix(read.table("{tmp_path}/tpm.tsv", header = TRUE, row.names = 1))
        m <- read.table("{tmp_path}/samples.tsv", header = TRUE, row.names = 1, stringsAsFactors = TRUE)
        x <- log2(x[rowMeans(x > 1) >= 0.5, ] + 0.25)
        x <- limma::normalizeQuantiles(x)
        fit <- lm(t(x) ~ batch + age, data = m)
        x <- limma::normalizeQuantiles(t(residuals(fit)) + rowMeans(x))
        write.table(format(x - rowMeans(x), digits = 17), "{tmp_path}/out.tsv", sep = "\\t", quote = FALSE)
    """
    subprocess.run([str(RSCRIPT), "-e", code], capture_output=True, check=True)
    expected = pd.read_csv(Path(tmp_path) / "out.tsv", sep="\t", index_col=0)
    found = person_targets(tpm.round(1), samples, covariates=["batch", "age"]).targets.set_index("gene_id")
    pd.testing.assert_frame_equal(found, expected, check_names=False, rtol=0, atol=1e-10)


def test_steps_and_kinds(caplog):
    tpm, samples = cohort()
    before = tpm.copy()
    found = person_targets(tpm, samples.iloc[::-1], covariates=["batch"], keep=["sex"])
    pd.testing.assert_frame_equal(tpm, before)
    assert found.steps["step"].tolist() == [
        "input", "expressed, log2", "quantile normalised", "covariate batch", "covariate sex", "covariates out",
        "quantile normalised again",
    ]  # fmt: skip
    assert found.steps["n_genes"].tolist() == [120] + [found.counts["n_genes"]] * 6
    batch, sex = found.steps["share_alone"].iloc[3:5]
    assert batch > 0.2 > sex > 0
    sd = found.steps["mean_sd"]
    assert sd.iloc[5] < sd.iloc[2]
    assert set(kinds_of_tasks(found.targets)) == {"fold_change"}
    assert not caplog.records


def test_fold_changes_have_no_mean_and_levels_keep_it(caplog):
    tpm, samples = cohort()
    changes = person_targets(tpm, samples, covariates=["batch"], median_level=True)
    levels = person_targets(tpm, samples, covariates=["batch"], levels=True)
    assert LEVELS_WARNING in caplog.messages
    numbers = changes.targets.drop(columns=["gene_id", "median_level"]).to_numpy()
    np.testing.assert_allclose(numbers.mean(axis=1), 0, atol=1e-12)
    np.testing.assert_allclose(
        levels.targets.drop(columns="gene_id").to_numpy(), numbers + changes.targets[["median_level"]].to_numpy()
    )
    assert set(kinds_of_tasks(levels.targets)) == {"level"}
    assert kinds_of_tasks(changes.targets)[0] == "median_level"
    np.testing.assert_array_equal(changes.targets["median_level"], changes.reference.gene_mean)


def test_log2_values_give_the_same():
    tpm, samples = cohort()
    linear = person_targets(tpm, samples, covariates=["age"])
    log2 = person_targets(np.log2(tpm + 0.25), samples, covariates=["age"], already_log2=True)
    pd.testing.assert_frame_equal(log2.targets, linear.targets)


def test_order_of_samples_does_not_matter():
    tpm, samples = cohort()
    order = tpm.columns[::-1]
    found = person_targets(tpm[order], samples, covariates=["batch", "age"]).targets
    expected = person_targets(tpm, samples, covariates=["batch", "age"]).targets
    pd.testing.assert_frame_equal(found[expected.columns], expected)


def test_missing_values():
    tpm, samples = cohort()
    tpm.iloc[20, :3] = NAN
    tpm.iloc[21, 4:] = NAN  # four of 16
    tpm.iloc[22, 8:] = NAN  # one half of the samples; the other sex only
    tpm.iloc[22, :8] = 7.5
    found = person_targets(tpm, samples, covariates=["batch", "sex"])
    assert found.counts["n_dropped_few_measured"] == 1
    assert not {"G21", "G22"} & set(found.targets["gene_id"])
    row = found.targets.set_index("gene_id").loc["G20"]
    assert row.isna().tolist() == [True] * 3 + [False] * 13
    assert row.mean() == pytest.approx(0)
    assert found.counts["n_missing"] == 3


def test_hidden_factors_warn(caplog):
    tpm, samples = cohort()
    found = person_targets(tpm, samples, hidden_factors=1, keep=["sex"])
    assert "1 hidden factors are taken out" in caplog.text
    assert "protected (--keep): sex" in caplog.text
    assert "hidden_factor_1" in found.steps["step"].tolist()
    assert person_targets(tpm, hidden_factors=1).counts["n_genes"] == found.counts["n_genes"]
    assert "protected (--keep): none" in caplog.text


def with_cell(tpm: pd.DataFrame, value: object) -> pd.DataFrame:
    changed = tpm.astype(object if isinstance(value, str) else float)
    changed.iloc[3, 2] = value
    return changed


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (lambda t: with_cell(t, -1.0), {}, r"row G3, column s2: -1.0.*; correct|already-log2"),
        (lambda t: with_cell(t, np.inf), {}, "row G3, column s2: inf"),
        (lambda t: with_cell(t, "x"), {}, "row G3, column s2: 'x'"),
        (lambda t: np.log2(t + 1), {}, "looks like logarithms.*--already-log2"),
        (lambda t: t, {"already_log2": True}, "no log2 of an expression; leave out --already-log2"),
        (lambda t: t.set_axis(["s0", *t.columns[:-1]], axis=1), {}, "column names .* occur more than once: s0"),
        (lambda t: t.set_axis(["G0", *t.index[:-1]], axis=0), {}, "gene ids .* occur more than once: G0"),
        (lambda t: t.rename(columns={"s0": "median_level"}), {}, "reserved name"),
        (lambda t: t[["s0"]], {}, "has one sample"),
        (lambda t: t.rename(columns={"s0": "other"}), {"covariates": ["sex"]}, "1 of 16 samples have no row.*: other"),
        (lambda t: t / 1e6, {"already_log2": True}, "no gene is left of 120"),
        (lambda t: t, {"covariates": ["lung"]}, "'lung' is no column"),
        (lambda t: t, {"min_share": 2}, "share of the samples from 0 to 1"),
        (lambda t: t, {"levels": True, "median_level": True}, "belongs to fold changes"),
        (lambda t: t, {"covariates": ["sex"], "keep": ["sex"]}, "sex.T.m. is determined by sex.T.m."),
    ],
)
def test_bad_input(change, options, message):
    tpm, samples = cohort()
    with pytest.raises(ValueError, match=message):
        person_targets(change(tpm), samples, **options)


def test_samples_that_repeat_or_are_not_given():
    tpm, samples = cohort()
    with pytest.raises(ValueError, match=r"several rows in the table of samples: s0; keep"):
        person_targets(tpm, pd.concat([samples, samples.iloc[:1]]))
    with pytest.raises(ValueError, match=r"age: no table of samples is given"):
        person_targets(tpm, covariates=["age"])
    with pytest.raises(TypeError, match=r"DataFrame"):
        person_targets(tpm.to_numpy())


def test_counts_of_few_are_no_logarithms():
    tpm = pd.DataFrame({"a": [5, 0, 3], "b": [2, 9, 1]}, index=list("ABC"))
    assert person_targets(tpm, min_tpm=0).counts["n_genes"] == 3


def two_tissues() -> tuple[pd.DataFrame, pd.DataFrame]:
    first, samples = cohort(seed=0)
    second, _ = cohort(seed=1)
    second.columns = [f"t{i}" for i in range(16)]
    table = pd.concat([samples.assign(tissue="liver"), samples.set_axis(second.columns).assign(tissue="lung")])
    joined = pd.concat([first, second], axis=1)
    return joined[[name for pair in zip(first, second, strict=True) for name in pair]], table


def test_tissues_are_prepared_apart():
    tpm, samples = two_tissues()
    tpm.loc["G50", samples.index[samples["tissue"] == "lung"]] = 0.0
    prepare = partial(person_targets, covariates=["batch"], median_level=True)
    found = person_targets_by_tissue(tpm, samples, "tissue", prepare=prepare)
    assert list(found.references) == ["liver", "lung"]
    assert found.targets.columns.tolist() == ["gene_id", "median_level", *tpm.columns]
    whole = found.targets.set_index("gene_id")
    assert whole.index.tolist() == [gene for gene in tpm.index if gene in set(whole.index)]
    parts = {}
    for tissue in ("liver", "lung"):
        own = samples.index[samples["tissue"] == tissue]
        parts[tissue] = prepare(tpm[own], samples).targets.set_index("gene_id")
        pd.testing.assert_frame_equal(
            whole.loc[parts[tissue].index, own], parts[tissue].drop(columns="median_level"), check_like=True
        )
    assert whole.loc["G50", samples.index[samples["tissue"] == "lung"]].isna().all()
    assert whole.loc["G50", "median_level"] == parts["liver"].loc["G50", "median_level"]
    both = parts["lung"].index.intersection(parts["liver"].index)
    means = (parts["liver"].loc[both, "median_level"] + parts["lung"].loc[both, "median_level"]) / 2
    np.testing.assert_allclose(whole.loc[both, "median_level"], means)
    assert found.steps["tissue"].unique().tolist() == ["liver", "lung"]
    assert found.counts["n_tissues"] == 2
    assert kinds_of_tasks(found.targets) == ["median_level", *["fold_change"] * 32]


def test_bad_tissues():
    tpm, samples = two_tissues()
    with pytest.raises(ValueError, match=r"tissue column 'organ' is no column"):
        person_targets_by_tissue(tpm, samples, "organ")
    with pytest.raises(ValueError, match=r"samples without a tissue in column 'tissue': s0"):
        person_targets_by_tissue(tpm, samples.assign(tissue=[None, *samples["tissue"][1:]]), "tissue")
    with pytest.raises(ValueError, match=r"tissue skin .1 samples.: the table of persons has one sample"):
        person_targets_by_tissue(tpm, samples.assign(tissue=["skin", *samples["tissue"][1:]]), "tissue")
    with pytest.raises(ValueError, match=r"no table of samples is given"):
        person_targets_by_tissue(tpm, None, "tissue")
