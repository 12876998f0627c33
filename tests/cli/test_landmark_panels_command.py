from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from command_line import call

from decode.cli.inputs import read_panel

SMALL = ("--random", 3, "--sizes", "4,8", "--methods", "variance")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Prepared profiles with groups, a ranked panel, a plain list of other genes and one that is in no matrix."""
    folder = tmp_path_factory.mktemp("panels")
    rng = np.random.default_rng(0)
    values = rng.normal(size=(60, 4)) @ rng.normal(size=(4, 60)) + 0.4 * rng.normal(size=(60, 60)) + 7
    genes, samples = pd.Index([f"G{i}" for i in range(60)], name="gene_id"), [f"s{i}" for i in range(60)]
    pd.DataFrame(values.T, index=genes, columns=samples).to_csv(folder / "matrix.tsv", sep="\t")
    groups = pd.DataFrame({"sample": samples, "study": np.repeat(["a", "b", "c"], 20)})
    groups.to_csv(folder / "studies.tsv", sep="\t", index=False)
    (folder / "other.txt").write_text("\n".join(f"G{i}" for i in range(0, 60, 6)) + "\n")
    found = call("landmark", "prepare", folder / "matrix.tsv", "--out", folder / "p.h5", "--scale", "log2",
                 "--labels", folder / "studies.tsv")  # fmt: skip
    assert found.status == 0, found.err
    found = call(
        "landmark", "select", folder / "p.h5", "--out", folder / "panel.tsv", "--size", 8, "--method", "greedy"
    )
    assert found.status == 0, found.err
    return folder


def test_select_needs_no_autoencoder_but_for_deeplift(folder, tmp_path):
    record = json.loads((folder / "panel.tsv.run.json").read_text())
    assert set(record["inputs"]) == {"prepared"}
    found = call("landmark", "select", "-", folder / "p.h5", "--out", tmp_path / "same.tsv", "--size", 8, "--method",
                 "greedy")  # fmt: skip
    assert found.status == 0, found.err
    assert (tmp_path / "same.tsv").read_text() == (folder / "panel.tsv").read_text()
    for arguments, expected in (
        ((folder / "p.h5",), "deeplift explains an autoencoder; give its folder before the prepared profiles"),
        (("a", "b", folder / "p.h5"), "is one argument too many"),
        ((folder / "p.h5", "--size", 60, "--method", "pca"), "leaves no gene to predict"),
    ):
        found = call("landmark", "select", *arguments, "--out", tmp_path / "x.tsv")
        assert found.status == 2
        assert expected in found.err
        assert "Traceback" not in found.err
    assert not (tmp_path / "x.tsv").exists()


def test_evaluate_writes_tables_figures_and_sentences(folder, tmp_path):
    out = tmp_path / "scores"
    found = call(
        "landmark", "evaluate", folder / "panel.tsv", folder / "p.h5", "--out", out, *SMALL, "--against",
        f"other={folder / 'other.txt'}", "--also", f"again={folder / 'panel.tsv'}", "--splits", 2, "--imputers",
        "ridge,knn",
    )  # fmt: skip
    assert found.status == 0, found.err
    tables = {
        name: pd.read_csv(out / name, sep="\t")
        for name in ("panels.tsv", "curves.tsv", "comparisons.tsv", "band.tsv", "per_gene.tsv.gz", "imputers.tsv")
    }
    panels = tables["panels.tsv"]
    assert {"panel", "method", "mean_mae", "mean_pcc", "share_passing", "n_shared"} <= set(panels)
    assert set(panels["panel"]) == {"panel", "other", "again", "variance", "random"}
    assert set(panels.loc[panels["panel"] == "panel", "method"]) == {"greedy"}
    again = panels.set_index(["panel", "size"])["mean_mae"]
    np.testing.assert_allclose(again.loc["again"], again.loc["panel"])
    assert set(tables["comparisons.tsv"]["reference"]) == {"other", "random"}
    assert (tables["comparisons.tsv"]["low"] <= tables["comparisons.tsv"]["difference"]).all()
    assert (tables["band.tsv"]["n_random"] == 3).all()
    assert set(tables["imputers.tsv"]["imputer"]) == {"ridge", "knn"}
    summary = (out / "summary.txt").read_text()
    assert "panel: not judged on 1 of 2 splits" in summary
    assert summary in found.out
    record = json.loads((out / "run.json").read_text())
    assert {"curves.png", "curves.svg", "genes.png", "genes.svg", "summary.txt"} <= set(record["files"])
    assert set(record["inputs"]) == {"panel", "prepared", "other", "again"}


def test_evaluate_holds_out_groups_of_a_table_or_of_the_prepared_file(folder, tmp_path):
    results = []
    for name, options in (
        ("file", ("--groups", folder / "studies.tsv")), ("column", ("--group-column", "study")),
    ):  # fmt: skip
        found = call("landmark", "evaluate", folder / "other.txt", folder / "p.h5", "--out", tmp_path / name, *SMALL,
                     "--splits", 3, *options)  # fmt: skip
        assert found.status == 0, found.err
        results.append((tmp_path / name / "panels.tsv").read_text())
    assert results[0] == results[1]
    table = pd.read_csv(tmp_path / "file" / "comparisons.tsv", sep="\t", dtype={"split": str})
    assert set(table["split"]) == {"0", "1", "2", "all"}
    assert (table.loc[table["split"] == "all", "n_test"] == 60).all()


def test_evaluate_says_what_is_wrong(folder, tmp_path):
    panel = folder / "panel.tsv"
    for options, expected in (
        (("--sizes", "4,many"), "write whole numbers above zero"),
        (("--also", "other.txt"), "write NAME=PANEL"),
        (("--against", folder / "other.txt", "--also", f"against={panel}"), "'against' names two inputs"),
        (("--methods", "best"), "best has no nested panels"),
        (("--imputers", "dgex_published"), "dgex_published needs 20,000 training samples and there are 48"),
        (("--imputers", "best"), "imputer is 'best'"),
        (("--groups", folder / "studies.tsv", "--splits", 2), "was chosen on samples that these groups hold out"),
        (("--group-column", "sample_type"), "sample_type"),
        (("--splits", 0), "splits is 0"),
        (("--against", tmp_path / "absent.txt"), "does not exist"),
    ):
        found = call("landmark", "evaluate", panel, folder / "p.h5", "--out", tmp_path / "x", *options)
        assert found.status == 2, options
        assert expected in found.err
        assert "Traceback" not in found.err
        assert not (tmp_path / "x").exists()


def test_imputer_from_panel_to_all_genes(folder, tmp_path):
    imputer, full = tmp_path / "imputer", tmp_path / "full.tsv"
    found = call("landmark", "train-imputer", folder / "panel.tsv", folder / "p.h5", "--out", imputer)
    assert found.status == 0, found.err
    chosen = pd.read_csv(folder / "panel.tsv", sep="\t")["gene_id"]
    table = pd.read_csv(folder / "matrix.tsv", sep="\t", index_col=0)
    table.loc[chosen.tolist()].to_csv(tmp_path / "new.tsv", sep="\t")
    found = call("landmark", "impute", imputer, tmp_path / "new.tsv", "--out", full)
    assert found.status == 0, found.err
    assert pd.read_csv(full, sep="\t").shape == (60, 61)
    assert json.loads((tmp_path / "imputer.run.json").read_text())["kind"] == "landmark train-imputer"


def test_a_panel_that_names_genes_by_symbol_keeps_its_names_in_every_command(folder, tmp_path):
    """Ids of another build, with the names that the matrix goes by."""
    table = pd.DataFrame({"gene_id": [f"X{i}" for i in range(8)], "gene_name": [f"G{i}" for i in range(8)]})
    table.to_csv(tmp_path / "named.tsv", sep="\t", index=False)
    read = read_panel(tmp_path / "named.tsv")
    assert isinstance(read, pd.DataFrame)
    assert read["gene_name"].tolist() == table["gene_name"].tolist()
    for command in ("evaluate", "train-imputer"):
        options = SMALL if command == "evaluate" else ()
        found = call(
            "landmark", command, tmp_path / "named.tsv", folder / "p.h5", "--out", tmp_path / command, *options
        )
        assert found.status == 0, found.err
    described = json.loads((tmp_path / "train-imputer" / "imputer.json").read_text())
    assert described["panel_ids"] == table["gene_name"].tolist()
