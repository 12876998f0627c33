from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from decode.cli.app import main


def run(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 0


def test_from_a_matrix_to_imputed_genes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(60, 4)) @ rng.normal(size=(4, 60)) + 0.4 * rng.normal(size=(60, 60)) + 7
    genes = pd.Index([f"G{i}" for i in range(60)], name="gene_id")
    table = pd.DataFrame(values.T, index=genes, columns=[f"s{i}" for i in range(60)])
    table.to_csv(tmp_path / "matrix.tsv", sep="\t")
    (tmp_path / "other.txt").write_text("\n".join(f"G{i}" for i in range(0, 60, 6)) + "\n")
    path = {name: str(tmp_path / name) for name in ("p.h5", "panel.tsv", "scores", "imputer", "full.tsv", "other.txt")}
    run(["landmark", "prepare", str(tmp_path / "matrix.tsv"), "--out", path["p.h5"], "--scale", "log2"])
    run(["landmark", "select", "-", path["p.h5"], "--out", path["panel.tsv"], "--size", "8", "--method", "greedy"])
    run(["landmark", "evaluate", path["panel.tsv"], path["p.h5"], "--out", path["scores"], "--random", "3",
          "--sizes", "4,8", "--against", path["other.txt"]])  # fmt: skip
    panels = pd.read_csv(tmp_path / "scores" / "panels.tsv", sep="\t")
    assert {"panel", "against", "greedy", "variance", "random"} <= set(panels["method"])
    assert {"mean_mae", "mean_pcc", "share_passing"} <= set(panels)
    assert set(pd.read_csv(tmp_path / "scores" / "per_gene.tsv.gz", sep="\t")["gene_id"]) <= set(genes)
    run(["landmark", "train-imputer", path["panel.tsv"], path["p.h5"], "--out", path["imputer"]])
    chosen = pd.read_csv(path["panel.tsv"], sep="\t")["gene_id"]
    table.loc[chosen.tolist()].to_csv(tmp_path / "new.tsv", sep="\t")
    run(["landmark", "impute", path["imputer"], str(tmp_path / "new.tsv"), "--out", path["full.tsv"]])
    assert pd.read_csv(path["full.tsv"], sep="\t").shape == (60, 61)
    assert json.loads((tmp_path / "imputer.run.json").read_text())["kind"] == "landmark train-imputer"
    with pytest.raises(SystemExit) as caught:
        main(["landmark", "select", "-", path["p.h5"], "--out", str(tmp_path / "x.tsv"), "--size", "60", "--method",
              "pca"])  # fmt: skip
    assert caught.value.code == 2
    assert "leaves no gene to predict" in capsys.readouterr().err
