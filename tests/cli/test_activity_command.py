from __future__ import annotations

import pandas as pd
import pytest


def test_activities_of_a_model(run, trained, features_file, toy, tmp_path):
    out = tmp_path / "act.tsv.gz"
    result = run("activity", trained, features_file, "--out", out)
    assert result.status == 0, result.err
    table = pd.read_csv(out, sep="\t")
    assert table.columns[0] == "sample"
    assert len(table) == 3  # tissues stand for samples; no median level
    for name in ("act_spread.tsv.gz", "act_regions.tsv.gz", "act_regulators.tsv.gz", "act_heatmap.png", "act_top.svg"):
        assert (tmp_path / name).exists()
    again = run("activity", trained, features_file, "--out", out)
    assert (again.status, "already holds this result" in again.out) == (0, True)
    samples = tmp_path / "samples.tsv"
    table[["sample"]].assign(age=[1, 2, 4]).to_csv(samples, sep="\t", index=False)
    options = ["--activity", "--samples", samples, "--design", "~ age", "--out", tmp_path / "reg.tsv"]
    result = run("differential", out, *options)
    assert (result.status, "3 samples have activities and a phenotype; 10 or more" in result.err) == (2, True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--tissue-signs", "x.tsv"], "--tissue-signs go with --expression"),
        (["--phenotype", "age"], "--samples and --phenotype go together"),
    ],
)
def test_options_that_need_others(run, trained, features_file, tmp_path, options, message):
    result = run("activity", trained, features_file, "--out", tmp_path / "act.tsv", *options)
    assert (result.status, message in result.err) == (2, True)
    assert not list(tmp_path.iterdir())
