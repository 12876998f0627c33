from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from decode.synthetic import make_toy_persons


@pytest.fixture(scope="module")
def persons(toy):
    return make_toy_persons(toy.folder.parent, toy, n_persons=80, noise_log2=0.3)


@pytest.fixture(scope="module")
def log2_table(toy, persons):
    """log2 TPM under the genes' stable ids."""
    tpm = pd.read_csv(persons.tpm, sep="\t", index_col=0)
    path = toy.folder.parent / "log2.tsv.gz"
    np.log2(tpm.clip(lower=0) + 0.25).to_csv(path, sep="\t")
    return path


@pytest.fixture(scope="module")
def drivers(toy, persons):
    path = toy.folder.parent / "pair_regulators.txt"
    path.write_text("# planted\n" + "\n".join(persons.pair_regulators) + "\n")
    return path


def test_the_planted_pair_is_mediated_by_its_planted_regulators(
    run, log2_table, persons, drivers, features_file, tmp_path
):
    out = tmp_path / "mediation.json"
    options = ["--regulators", drivers, "--features", features_file, "--match-on", "expression,fractions"]
    options += ["--samples", persons.samples, "--covariates", "sex,batch", "--fractions", "fraction", "--out", out]
    command = ("mediate", log2_table, "--pair", ",".join(persons.pair), *options)
    result = run(*command)
    assert result.status == 0, result.err
    numbers = json.loads(out.read_text())
    assert numbers["share"] > 0.4
    assert numbers["draws"]["none"]["p_value"] < 0.05
    assert set(numbers["draws"]) == {"none", "expression", "fractions"}
    assert set(numbers["drivers"]) | set(numbers["drivers_not_used"]) == set(persons.pair_regulators)
    for name in ("mediation.draws.tsv.gz", "mediation.drivers.tsv", "mediation.png", "mediation.svg"):
        assert (tmp_path / name).exists(), name
    draws = pd.read_csv(tmp_path / "mediation.draws.tsv.gz", sep="\t")
    assert draws.groupby("match_on").size().to_dict() == {"none": 1000, "expression": 1000, "fractions": 1000}
    record = json.loads((tmp_path / "mediation.json.run.json").read_text())
    assert "a site in" in record["candidates"]
    again = run(*command)
    assert (again.status, "already holds" in again.out) == (0, True)
    other = run(*command, "--seed", 1)
    assert (other.status, "--force" in other.err) == (2, True)


def test_without_features_there_are_no_draws(run, log2_table, persons, tmp_path):
    rows = pd.read_csv(log2_table, sep="\t")["gene_id"].str.partition(".")[0].tolist()
    (tmp_path / "names.txt").write_text("\n".join([rows[4], "hsa-miR-21-5p"]))
    out = tmp_path / "alone.json"
    result = run(
        "mediate", log2_table, "--pair", f"{rows[0]},{rows[1]}", "--regulators", tmp_path / "names.txt", "--out", out
    )
    assert result.status == 0, result.err
    numbers = json.loads(out.read_text())
    assert numbers["draws"] == {}
    assert numbers["drivers_not_used"] == {"hsa-miR-21-5p": "has no expression in the table"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--pair", "ENSG1,ENSG2"], "is not in the expression table"),
        (["--match-on", "age"], "match_on is 'age'"),
        (["--covariates", "sex"], "--samples FILE"),
        (["--match-on", "fractions"], "--fractions"),
    ],
)
def test_bad_input(run, log2_table, persons, drivers, features_file, tmp_path, options, words):
    pair = [] if "--pair" in options else ["--pair", ",".join(persons.pair)]
    more = ["--regulators", drivers, "--features", features_file, "--out", tmp_path / "x.json"]
    result = run("mediate", log2_table, *pair, *more, *options)
    assert result.status == 2
    assert words in result.err
    assert not (tmp_path / "x.json").exists()
