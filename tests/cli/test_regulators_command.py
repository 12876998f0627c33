from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from decode.core.files import write_table

TISSUES = ["liver", "lung", "spleen", "testis", "colon", "skin", "cerebral cortex", "amygdala"]
NAMES = [f"GENE{i}" for i in range(40)]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ranking of 40 TFs, the first half of which follow their own expression; expression, lists, sets, id map."""
    folder = tmp_path_factory.mktemp("regulators")
    rng = np.random.default_rng(0)
    own = rng.normal(size=(40, len(TISSUES)))
    mean = np.where(np.arange(40)[:, None] < 20, own, rng.normal(size=own.shape)) * np.linspace(3, 1, 40)[:, None]
    base = pd.DataFrame({"kind": "TF", "regulator": NAMES, "n_tracks": 1, "n_bound_genes": rng.integers(50, 500, 40)})
    base["task_kind"] = "fold_change"
    base["fdr"] = np.linspace(0.001, 0.2, 40)
    parts = [base.assign(task=task, mean=mean[:, j], mean_abs=abs(mean[:, j])) for j, task in enumerate(TISSUES)]
    parts.append(base.assign(task="overall", mean=mean.mean(axis=1), mean_abs=abs(mean).mean(axis=1)))
    write_table(pd.concat(parts), folder / "ranking.tsv")
    ids = [f"ENSG{i:011d}" for i in range(40)]
    write_table(pd.DataFrame(own, columns=TISSUES).assign(gene_id=ids)[["gene_id", *TISSUES]], folder / "targets.tsv")
    write_table(pd.DataFrame({"name": NAMES, "id": ids}), folder / "ids.tsv", header=False)
    (folder / "list.txt").write_text("\n".join(NAMES[:12]) + "\n")
    (folder / "sets.gmt").write_text(
        "\n".join("\t".join([f"set{i}", "", *NAMES[i * 4 : i * 4 + 10]]) for i in range(8)) + "\n"
    )
    (folder / "edges.tsv").write_text("".join(f"GENE{i % 7}\tGENE{i}\n" for i in range(40)))
    (folder / "pli.tsv").write_text("gene\tpLI\n" + "".join(f"{name}\t{1 - i / 400}\n" for i, name in enumerate(NAMES)))
    return folder


def test_expression(run, files, tmp_path):
    inputs = ["--ranking", files / "ranking.tsv", "--expression", files / "targets.tsv", "--id-map", files / "ids.tsv"]
    result = run("regulators", "expression", *inputs, "--out", tmp_path / "out", "--draws", 100)
    assert result.status == 0, result.err
    assert "8 tissues in 7 groups, 40 regulators" in result.out
    table = pd.read_csv(tmp_path / "out" / "regulator_expression.tsv", sep="\t")
    of_first = table[(table["tissues"] == "all") & table["regulator"].isin(NAMES[:20])]
    assert (of_first["sign"] == "activator").all()
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["counts"]["n_regulators_measured"] == 40
    assert record["inputs"]["id_map"]["sha256"]
    assert (tmp_path / "out" / "activators_repressors.png").exists()


def test_gene_lists(run, files, tmp_path):
    levels = ["--ranking", f"gene={files / 'ranking.tsv'}", "--ranking", f"usage={files / 'ranking.tsv'}"]
    lists = ["--gene-list", f"key={files / 'list.txt'}", "--pli", files / "pli.tsv", "--pli-threshold", 0.97]
    lists += ["--interactions", files / "edges.tsv", "--hub-quantile", 0.8]
    result = run("regulators", "gene-lists", *levels, *lists, "--out", tmp_path / "out")
    assert result.status == 0, result.err
    table = pd.read_csv(tmp_path / "out" / "gene_lists.tsv", sep="\t")
    assert table["level"].unique().tolist() == ["gene", "usage"]
    assert table["gene_list"].unique().tolist() == ["key", "pLI>0.97", "interaction_hubs"]
    assert (table.loc[table["gene_list"] == "key", "fdr"] < 0.05).all()
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "gene_lists.tsv", "gene_lists.png", "gene_lists.svg", "study_bias.tsv", "run.json",
    }  # fmt: skip
    single = run("regulators", "gene-lists", "--ranking", files / "ranking.tsv", *lists[:2], "--out", tmp_path / "one")
    assert single.status == 0, single.err
    assert "key" in single.out


@pytest.mark.parametrize("choice", [["--fdr", 0.05], ["--top", 0.25]])
def test_gene_sets(run, files, tmp_path, choice):
    inputs = ["--ranking", files / "ranking.tsv", "--gene-sets", files / "sets.gmt", "--id-map", files / "ids.tsv"]
    result = run("regulators", "gene-sets", *inputs, *choice, "--permutations", 200, "--out", tmp_path / "out")
    assert result.status == 0, result.err
    table = pd.read_csv(tmp_path / "out" / "hypergeometric.tsv", sep="\t")
    assert table["gene_set"][0] in {"set0", "set1"}
    assert table["n_selected"].unique().tolist() == [10]
    gsea = pd.read_csv(tmp_path / "out" / "gsea.tsv", sep="\t")
    assert len(gsea) == 8
    assert gsea["nes"][0] > 0 or gsea["gene_set"][0] in {"set6", "set7"}
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["counts"] | {"selected": 10, "gene_sets_tested": 8} == record["counts"]
    assert (tmp_path / "out" / "gsea_map.png").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["expression", "--expression", "targets.tsv"], "none of 40 regulators"),
        (["expression", "--expression", "none.tsv"], "does not exist"),
        (["gene-lists"], "no gene list is given"),
        (["gene-lists", "--gene-list", "list.txt"], "NAME=FILE"),
        (["gene-lists", "--gene-list", "a=empty.txt"], "is empty"),
        (["gene-lists", "--gene-list", "a=ids.tsv"], "several columns"),
        (["gene-sets", "--gene-sets", "sets.gmt", "--task", "heart"], "not in the ranking: heart"),
        (["gene-sets", "--gene-sets", "sets.gmt", "--top", "0.1", "--fdr", "0.1"], "choose one"),
        (["gene-sets", "--gene-sets", "sets.gmt", "--top", "2"], "between 0 and 1"),
        (["gene-sets", "--gene-sets", "sets.gmt", "--fdr", "0.00001"], "some, not all"),
        (["gene-sets", "--gene-sets", "list.txt"], "give a GMT file"),
    ],
)
def test_bad_input(run, files, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(files)
    (files / "empty.txt").touch()
    result = run(
        "regulators", *arguments, "--ranking", "ranking.tsv", "--out", tmp_path / "out",
        *(["--permutations", 10] if arguments[0] == "gene-sets" else []),
    )  # fmt: skip
    assert (result.status, message in result.err) == (2, True), result.err
    assert len(result.err.splitlines()[-1]) < 420
    assert not (tmp_path / "out").exists()
