from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from toy_drivers import driver_features, planted_statistic


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drivers")
    features = driver_features(400)
    features.write(folder / "features.h5")
    y = planted_statistic(features, noise=0.5)
    table = pd.DataFrame({"baseMean": 100.0, "log2FoldChange": y / 3, "stat": y, "padj": 0.1})
    table.index = features.genes["gene_name"]
    table.to_csv(folder / "kd.csv")
    table.assign(stat=0.0).to_csv(folder / "zero.csv")
    table.assign(stat=np.nan).to_csv(folder / "missing.csv")
    order = np.argsort(y)
    (folder / "up.txt").write_text("\n".join(features.ids[order[-80:]]))
    (folder / "down.txt").write_text("\n".join(features.ids[order[:80]]))
    level = pd.DataFrame({"gene_id": features.ids, "median_level": np.sin(np.arange(400)), "liver": 0.5})
    level.to_csv(folder / "targets.tsv", sep="\t", index=False)
    level.drop(columns="median_level").to_csv(folder / "changes.tsv", sep="\t", index=False)
    ranks = pd.DataFrame({"Gene_Name": table.index, "DE_Prior_Rank": np.linspace(0, 1, len(table))})
    ranks.to_csv(folder / "prior.txt", sep="\t", index=False)
    rng = np.random.default_rng(0)
    group = np.repeat([0.0, 1.0], 6)
    values = 6 + np.outer(y, group) + 0.5 * rng.normal(size=(len(y), 12))
    names = [f"s{number}" for number in range(12)]
    pd.DataFrame(values, index=table.index, columns=names).to_csv(folder / "samples.tsv", sep="\t")
    meta = pd.DataFrame({"sample": names, "group": np.where(group > 0, "treated", "control")})
    meta.to_csv(folder / "meta.tsv", sep="\t", index=False)
    meta.iloc[:5].to_csv(folder / "few.tsv", sep="\t", index=False)
    meta.iloc[:, [0, 1]].to_csv(folder / "groups.tsv", sep="\t", index=False, header=False)
    both = [("one", gene, "up") for gene in features.ids[order[-80:]]] + [
        ("one", g, "down") for g in features.ids[order[:80]]
    ]
    both += [("two", gene, "up") for gene in features.ids[order[100:220]]]
    pd.DataFrame(both, columns=["signature_id", "gene", "change"]).to_csv(folder / "both.tsv", sep="\t", index=False)
    edges = [("TF8", gene) for gene in table.index[order[:60]]] + [("TF1", gene) for gene in table.index[::7]]
    edges += [(f"TF{i}", gene) for i in (2, 4, 5, 6) for gene in table.index[i::9]]
    pd.DataFrame(edges, columns=["source", "target"]).to_csv(folder / "edges.tsv", sep="\t", index=False)
    (folder / "factors.txt").write_text("\n".join(["TF3", "TF8", "G7", "G11"]))
    pd.DataFrame({"T cells, CD4+": y, "NK": -y, "B": y[::-1]}, index=table.index).to_csv(folder / "matrix.csv")
    return folder


SITES = ["--independent-genes", "--no-evidence", "--score", "joint"]


def test_drivers_of_a_table(run, files, tmp_path):
    options = ["--features", files / "features.h5", "--out", tmp_path / "out", "--refits", 50, "--top", 7, *SITES]
    result = run("drivers", files / "kd.csv", *options, "--de-prior", files / "prior.txt")
    assert result.status == 0, result.err
    assert "TF8" in result.out
    assert "AUROC of the DE prior" in result.out
    drivers = pd.read_csv(tmp_path / "out" / "drivers.tsv", sep="\t")
    assert {"TF3", "TF8", "RBP5"} == set(drivers.loc[:2, "regulator"])
    assert "nan" not in (tmp_path / "out" / "drivers.tsv").read_text().lower()
    sites = pd.read_csv(tmp_path / "out" / "sites.bed", sep="\t", header=None)
    assert sites.shape[1] == 6
    assert sites[3].str.contains("TF:TF8|", regex=False).any()
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {
        *("drivers.tsv", "targets.tsv", "sites.bed", "where.tsv", "positions.tsv", "contrasts.tsv", "counts.json"),
        *("drivers_kd.png", "positions_kd.png", "volcano_kd.png", "run.json"),
        *("drivers_kd.svg", "positions_kd.svg", "volcano_kd.svg"),
    }
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert len(record["inputs"]["de_table"]["sha256"]) == 64
    assert record["options"]["n_null"] == 50
    counts = json.loads((tmp_path / "out" / "counts.json").read_text())
    assert (counts["source"], counts["rule"], counts["n_matched"]) == ("DESeq2", "column stat", 400)


def test_drivers_of_a_signature(run, files, tmp_path):
    options = [
        "--features",
        files / "features.h5",
        "--out",
        tmp_path / "out",
        "--refits",
        30,
        "--biosamples",
        "K562",
        *SITES,
    ]
    options += ["--mean-expression", files / "targets.tsv"]
    result = run("drivers", "--up", files / "up.txt", "--down", files / "down.txt", *options)
    assert result.status == 0, result.err
    assert "signature:" in result.out
    counts = json.loads((tmp_path / "out" / "counts.json").read_text())
    assert any("expression" in name for name in counts["inputs"]["signature"]["covariates"])


def test_samples_and_a_design(run, files, tmp_path):
    options = [
        "--features",
        files / "features.h5",
        "--out",
        tmp_path / "out",
        "--draws",
        200,
        "--network",
        files / "edges.tsv",
    ]
    options += ["--samples", files / "meta.tsv", "--design", "~ group"]
    result = run("drivers", "--expression", files / "samples.tsv", *options)
    assert result.status == 0, result.err
    drivers = pd.read_csv(tmp_path / "out" / "drivers.tsv", sep="\t")
    assert {"TF3", "TF8", "RBP5"} == set(drivers.loc[drivers["rank"] <= 3, "regulator"])
    contrast = pd.read_csv(tmp_path / "out" / "contrasts.tsv", sep="\t").iloc[0]
    assert contrast["contrast"] == "group[T.treated]"
    assert "12 samples of samples.tsv beside ~ group (10 degrees of freedom)" in contrast["null"]
    assert {"vif", "group", "evidence", "evidence_p", "n_lines", "z_edges"} <= set(drivers.columns)
    assert drivers.set_index("regulator").loc["TF8", "evidence_rank"] == 1
    assert (tmp_path / "out" / "evidence_group_T.treated__TF.png").exists()


def test_compendium_with_groups(run, files, tmp_path):
    options = ["--features", files / "features.h5", "--out", tmp_path / "out", "--draws", 200, "--no-evidence"]
    options += ["--compendium", files / "samples.tsv", "--compendium-groups", files / "groups.tsv"]
    result = run("drivers", files / "kd.csv", *options)
    assert result.status == 0, result.err
    assert "residuals of 12 samples of samples.tsv" in result.out
    lost = run("drivers", files / "kd.csv", *options[:-1], files / "few.tsv", "--force")
    assert (lost.status, "have no group" in lost.err) == (2, True)


def test_many_signatures(run, files, tmp_path):
    options = ["--features", files / "features.h5", "--out", tmp_path / "out", "--draws", 100, "--independent-genes"]
    result = run("drivers", "--signatures", files / "both.tsv", *options, "--sequence-specific", files / "factors.txt")
    assert result.status == 0, result.err
    contrasts = pd.read_csv(tmp_path / "out" / "contrasts.tsv", sep="\t")
    assert contrasts["contrast"].tolist() == ["one", "two"]
    drivers = pd.read_csv(tmp_path / "out" / "drivers.tsv", sep="\t")
    flags = drivers.drop_duplicates("regulator").set_index("regulator")["sequence_specific"]
    assert (str(flags["TF3"]), str(flags["TF4"])) == ("True", "False")
    assert (tmp_path / "out" / "factors_without_sites.tsv").exists()


def test_direction_only_shows_no_response(run, files, tmp_path):
    options = [
        "--features",
        files / "features.h5",
        "--out",
        tmp_path / "out",
        "--refits",
        30,
        "--direction-only",
        *SITES,
    ]
    result = run("drivers", files / "kd.csv", *options)
    assert result.status == 0, result.err
    assert " z " in result.out
    assert "response z" not in result.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "nothing to explain"),
        (["kd.csv", "--up", "up.txt"], "either DE_TABLE or the lists"),
        (["none.csv"], "does not exist"),
        (["kd.csv", "--biosamples", "HeLa"], "biosample(s) not in the features"),
        (["kd.csv", "--contrasts", "other"], "contrast(s) not in the DE table"),
        (["kd.csv", "--refits", "0"], "n_null is 0"),
        (["kd.csv", "--prior-covariate"], "name it with --de-prior FILE"),
        (["kd.csv", "--gene-column", "other"], "has no column 'other'"),
        (["prior.txt", "--form", "table"], "no usable statistic"),
        (["zero.csv"], "contrast zero: the statistic is 0 for every matched gene"),
        (["missing.csv"], "contrast missing: the statistic is missing for every matched gene"),
        (["kd.csv", "--min-genes", "100000"], "ask for fewer (--min-genes)"),
        (["kd.csv", "--signatures", "up.txt"], "not two of them"),
        (["kd.csv", "--expression", "samples.tsv"], "--expression needs --samples FILE and --design"),
        (["kd.csv", "--design", "~ group"], "describe the samples of --expression"),
        (["kd.csv", "--compendium", "samples.tsv", "--independent-genes"], "choose one of --expression"),
        (
            ["--expression", "samples.tsv", "--samples", "meta.tsv", "--design", "~ nothing"],
            "unknown: nothing",
        ),
        (["--expression", "samples.tsv", "--samples", "few.tsv", "--design", "~ group"], "--sample-column"),
    ],
)
def test_bad_input(run, files, tmp_path, arguments, message):
    given = [files / a if isinstance(a, str) and (files / a).exists() else a for a in arguments]
    options = ["--independent-genes"] if not {"--expression", "--compendium"} & set(arguments) else []
    result = run("drivers", *given, *options, "--features", files / "features.h5", "--out", tmp_path / "out")
    assert result.status == 2
    assert message in result.err
    assert result.err.strip().count("decode: error") == 1
    assert not (tmp_path / "out").exists()


def test_output_folder_is_checked_first(run, files, tmp_path):
    result = run("drivers", files / "kd.csv", "--features", files / "features.h5", "--out", tmp_path / "none" / "out")
    assert (result.status, "does not exist" in result.err) == (2, True)


def test_expression_without_a_level(run, files, tmp_path):
    options = [
        "--features",
        files / "features.h5",
        "--out",
        tmp_path / "out",
        "--mean-expression",
        files / "changes.tsv",
    ]
    result = run("drivers", files / "kd.csv", *options, "--independent-genes")
    assert result.status == 2
    assert "has no median_level" in result.err
    assert not (tmp_path / "out").exists()


def test_contrasts_whose_names_hold_commas(run, files, tmp_path):
    options = ["--features", files / "features.h5", "--refits", 20, "--top", 2, *SITES]
    chosen = ["--contrasts", "T cells, CD4+", "--contrasts", "NK"]
    result = run("drivers", files / "matrix.csv", *options, "--out", tmp_path / "out", *chosen)
    assert result.status == 0, result.err
    found = pd.read_csv(tmp_path / "out" / "contrasts.tsv", sep="\t")
    assert found["contrast"].tolist() == ["T cells, CD4+", "NK"]
    bad = run("drivers", files / "matrix.csv", *options, "--out", tmp_path / "no", "--contrasts", "NK,none")
    assert bad.status == 2
    assert "none" in bad.err


def test_results_are_named_after_the_table(run, files, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run("drivers", files / "kd.csv", "--features", files / "features.h5", "--independent-genes")
    assert result.status == 0, result.err
    assert (tmp_path / "kd_drivers" / "drivers.tsv").is_file()
    result = run("drivers", "--up", files / "up.txt", "--down", files / "down.txt", "--features", files / "features.h5")
    assert (result.status, "name their folder with --out" in result.err) == (2, True)
