from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from ranking_data import attributions as transcripts

from decode.attribution.result import read_attributions
from decode.features.matrix import RegulatoryFeatures
from decode.ranking.null_file import Scores, null_dataset, write_null
from decode.ranking.rank import regulator_scores


@pytest.fixture(scope="module")
def attributions(run, trained, features_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("attributions")
    (folder / "genes.txt").write_text("\n".join(RegulatoryFeatures.read(features_file).ids[:30]))
    options = ("--genes", folder / "genes.txt", "--stability", folder / "stability.tsv")
    result = run("attribute", trained, features_file, "--out", folder / "attributions.nc", *options)
    assert result.status == 0, result.err
    assert "own_length, mean_gene" in result.out
    stability = pd.read_csv(folder / "stability.tsv", sep="\t")
    assert len(stability) == 6 * stability["task"].nunique()
    return folder / "attributions.nc"


def test_rank(run, attributions, tmp_path):
    out, figures = tmp_path / "ranking.tsv", tmp_path / "figures"
    result = run("rank", attributions, "--out", out, "--figures", figures)
    assert result.status == 0, result.err
    assert "reference own_length, 30 genes" in result.out
    assert "length alone, no regulator: |mean| 0.0000, mean absolute in a gene 0.0000 log2 units (0 by" in result.out
    table = pd.read_csv(out, sep="\t")
    assert table["task"].iloc[0] == "overall"
    assert table[["z", "p_value", "fdr"]].isna().all(axis=None)
    assert set(pd.read_csv(tmp_path / "ranking.classes.tsv", sep="\t")["kind_a"]) <= {"TF", "RBP", "miRNA"}
    record = json.loads((tmp_path / "ranking.tsv.run.json").read_text())
    assert record["scores_of"]["reference"] == "own_length"
    assert "null_asks" not in record
    assert record["sign"].startswith("without sites")
    assert "overall" not in record["length_effect"]["mean_abs"]
    assert len(list(figures.iterdir())) == 7  # three figures as PNG and SVG, run.json


def test_rank_with_a_null(run, attributions, tmp_path):
    with read_attributions(attributions) as dataset:
        scores = regulator_scores(dataset)
    values = 1e-3 * np.random.default_rng(0).normal(size=(20, *scores.mean.shape))
    names = ("model_sha256", "reference", "level")
    null = null_dataset(
        Scores(values, np.abs(values)),
        scores.regulators,
        scores.tasks,
        scores.task_kinds,
        {n: scores.attributes[n] for n in names},
    )  # fmt: skip
    write_null(null, tmp_path / "null.nc")
    result = run("rank", attributions, "--null", tmp_path / "null.nc", "--out", tmp_path / "r.tsv")
    assert result.status == 0, result.err
    assert "They do not say whether samples differ" in result.out
    assert "whether any site matters" in json.loads((tmp_path / "r.tsv.run.json").read_text())["null_asks"]
    table = pd.read_csv(tmp_path / "r.tsv", sep="\t")
    assert table["fdr"].between(0, 1).all()
    assert np.isfinite(table["z"]).all()
    write_null(null.assign_attrs(reference="mean_gene"), tmp_path / "null.nc")
    result = run("rank", attributions, "--null", tmp_path / "null.nc", "--out", tmp_path / "r.tsv", "--force")
    assert result.status == 2
    assert "the null was made against another reference ('mean_gene', the attributions 'own_length')" in result.err


def test_rank_against_another_model(run, attributions, tmp_path):
    with read_attributions(attributions) as dataset:
        other = dataset.load()
    is_rbp = (other["regulator_kind"] == "RBP").to_numpy()
    other["member_mean"].to_numpy()[:, is_rbp] *= 10
    other.to_netcdf(tmp_path / "other.nc", engine="h5netcdf")
    result = run("rank", attributions, "--against", tmp_path / "other.nc", "--out", tmp_path / "r.tsv")
    assert result.status == 0, result.err
    assert "overall, against " in result.out
    assert "share of scores" in result.out
    kinds = pd.read_csv(tmp_path / "r.against_kinds.tsv", sep="\t")
    rbp = kinds[(kinds["kind"] == "RBP") & (kinds["task"] == "overall")].iloc[0]
    assert rbp["share"] < rbp["share_against"]
    table = pd.read_csv(tmp_path / "r.against.tsv", sep="\t")
    assert (table.loc[table["kind"] == "RBP", "rank_change"] >= 0).all()
    record = json.loads((tmp_path / "r.tsv.run.json").read_text())
    assert {"r.against.tsv", "r.against_kinds.tsv"} <= {Path(name).name for name in record["files"]}
    other.attrs["reference"] = "mean_gene"
    other.to_netcdf(tmp_path / "further.nc", engine="h5netcdf")
    result = run("rank", attributions, "--against", tmp_path / "further.nc", "--out", tmp_path / "n.tsv")
    assert result.status == 2
    assert "stand on another reference" in result.err
    assert not (tmp_path / "n.tsv").exists()


def test_usage(run, tmp_path):
    dataset = transcripts(gene_ids=["G0", "G0", "G1", "G1", "G2"])[0]
    dataset.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    out = tmp_path / "usage.tsv"
    result = run("rank", tmp_path / "a.nc", "--usage", "--out", out, "--figures", tmp_path / "figures")
    assert result.status == 0, result.err
    assert "usage, 2 genes of several transcripts" in result.out
    table = pd.read_csv(out, sep="\t")
    assert (table["mean"] == table["mean_abs"]).all()
    assert table["rank_low"].notna().all()
    assert json.loads((tmp_path / "usage.tsv.run.json").read_text())["sign"] == "none: a variance"


def test_network(run, attributions, tmp_path):
    out = tmp_path / "network.tsv.gz"
    result = run(
        "network", attributions, "--out", out, "--task", "overall", "--top", 4, "--kinds", "TF,RBP", "--symbols"
    )
    assert result.status == 0, result.err
    table = pd.read_csv(out, sep="\t")
    assert table.columns.tolist() == ["source", "target", "weight", "fdr", "split"]
    assert table.groupby("source").size().max() == 4
    assert not table.duplicated(["source", "target"]).any()
    record = json.loads((tmp_path / "network.tsv.gz.run.json").read_text())
    assert record["counts"]["edges_kept"] == len(table)
    assert record["task"] == record["options"]["task"] == "overall"
    sizes = [record["counts"][f"genes_{part}"] for part in ("train", "validation", "test", "outside")]
    assert sum(sizes) == 30
    assert f"explained genes: {sizes[2]} test (held out), {sizes[3]} outside the split (never seen)" in result.out
    assert "decode attribute --split all" in result.err  # no training gene


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("rank", "{nc}", "--out", "{tmp}/r.tsv", "--usage"), "usage needs attributions of several transcripts"),
        (("rank", "{nc}", "--out", "{tmp}/no/r.tsv"), "does not exist"),
        (("rank", "{nc}", "--out", "{tmp}/r.tsv", "--null", "{nc}"), "is no null file"),
        (("rank", "absent.nc", "--out", "{tmp}/r.tsv"), "attributions absent.nc does not exist"),
        (("network", "{nc}", "--out", "{tmp}/n.tsv"), "tasks: median_level, "),
        (("network", "{nc}", "--out", "{tmp}/n.tsv", "--task", "skin"), "1 tasks not in the attributions: skin"),
        (
            ("network", "{nc}", "--out", "{tmp}/n.tsv", "--task", "overall", "--kinds", "DNA"),
            "1 kinds not in the attributions: DNA",
        ),
        (("network", "{nc}", "--out", "{tmp}/n.tsv", "--task", "overall", "--max-fdr", "7"), "max_fdr is 7.0"),
    ],
)
def test_bad_input(run, attributions, tmp_path, options, message):
    result = run(*(option.format(nc=attributions, tmp=tmp_path) for option in options))
    assert result.status == 2
    assert message in result.err
    assert not list(tmp_path.iterdir())


def test_stability_of_bins(run, trained, features_file, tmp_path):
    options = ("--out", tmp_path / "a.nc", "--bins", "--stability", tmp_path / "s.tsv")
    result = run("attribute", trained, features_file, *options)
    assert result.status == 2
    assert "leave out --bins or --stability" in result.err


def test_executor_of_bins(run, trained, features_file, tmp_path):
    result = run("attribute", trained, features_file, "--out", tmp_path / "a.nc", "--bins", "--executor", "threads")
    assert result.status == 2
    assert "leave out --bins or --executor" in result.err
