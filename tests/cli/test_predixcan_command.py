from __future__ import annotations

import json

import pandas as pd
import pytest
from toy_genotypes import simulate

from decode.core.files import write_table

pytest.importorskip("cyvcf2", reason="the extra genotypes is not installed")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("persons")
    persons = simulate(folder, n_genes=3, n_persons=80, n_variants=5)
    persons.features.write(folder / "features.h5")
    write_table(persons.expression, folder / "persons.tsv.gz")
    return folder


def test_predixcan(run, files, tmp_path):
    out = tmp_path / "out"
    inputs = [files / "features.h5", files / "persons.tsv.gz", "--genotypes", files / "persons.vcf"]
    command = ["compare", "predixcan", *inputs, "--permutations", 2, "--out", out]
    result = run(*command, "--predictions", files / "persons.tsv.gz")
    assert result.status == 0, result.err
    assert "held-out persons and held-out genes are different tasks" in result.out
    table = pd.read_csv(out / "genes.tsv", sep="\t")
    assert table["person_model_pearson"].round(6).tolist() == [1.0] * 3
    assert set(pd.read_csv(out / "summary.tsv", sep="\t")["method"]) == {"predixcan", "person_model"}
    assert (out / "predixcan.svg").exists()
    record = json.loads((out / "run.json").read_text())
    assert record["counts"]["variants"]["kept"] == 15
    assert record["counts"]["null_fits"] == 6
    assert not (tmp_path / "out.work").exists()
    assert run(*command).status == 2  # without the predictions it is another run


def test_bad_input(run, files, tmp_path):
    inputs = [files / "features.h5", files / "persons.tsv.gz"]
    result = run("compare", "predixcan", *inputs, "--genotypes", tmp_path / "none.vcf", "--out", tmp_path / "out")
    assert (result.status, "does not exist" in result.err) == (2, True)
    assert not (tmp_path / "out").exists()
