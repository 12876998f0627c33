from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from limma import limma

from decode.core.files import write_table
from decode.synthetic import make_toy_persons


@pytest.fixture(scope="module")
def files(toy, tmp_path_factory) -> Path:
    """Toy persons as log2 values, a prediction that knows a part of them, and their samples."""
    folder = tmp_path_factory.mktemp("persons")
    persons = make_toy_persons(folder, toy, n_persons=40, seed=2)
    tpm = pd.read_csv(persons.tpm, sep="\t", index_col=0)
    actual = np.log2(tpm[tpm.min(axis=1) > 0.5] + 0.25)
    noise = np.random.default_rng(0).normal(0, 1, actual.shape)
    predicted = actual.sub(actual.mean(axis=1), axis=0) + noise
    write_table(actual, folder / "log2.tsv.gz", index=True)
    write_table(predicted.assign(median_level=1.0), folder / "predicted.tsv.gz", index=True)
    return folder


def test_genes_and_prediction(run, files, tmp_path):
    given = ["--samples", files / "persons.tsv", "--design", "~ age + sex + batch"]
    result = run("differential", files / "log2.tsv.gz", *given, "--out", tmp_path / "de.tsv")
    assert result.status == 0, result.err
    again = run("differential", files / "log2.tsv.gz", *given, "--out", tmp_path / "de.tsv")
    assert (again.status, "already holds this result" in again.out) == (0, True)
    genes = pd.read_csv(files / "log2.tsv.gz", sep="\t")["gene_id"]
    table = pd.read_csv(tmp_path / "de.tsv", sep="\t")
    assert table.columns.tolist()[:3] == ["gene_id", "term", "log2_fold_change"]
    assert table.loc[table["term"] == "age", "gene_id"].tolist() == genes.tolist()  # versions kept
    assert genes.str.contains(".", regex=False).all()
    (tmp_path / "genes.txt").write_text("\n".join(genes[:150]))
    result = run(
        "differential", files / "log2.tsv.gz", *given, "--out", tmp_path / "both.tsv.gz", "--predicted",
        files / "predicted.tsv.gz", "--against", f"other={tmp_path / 'de.tsv'}", "--permutations", 40,
    )  # fmt: skip
    assert result.status == 0, result.err
    agreement = pd.read_csv(tmp_path / "both_agreement.tsv.gz", sep="\t")
    assert agreement["term"].tolist() == ["age", "sex[T.male]", "batch[T.B]"]
    assert (agreement["spearman"] > 0.1).all()
    assert len(pd.read_csv(tmp_path / "both_closest.tsv.gz", sep="\t")) == 6
    for name in ("both_p_values.png", "both_closest.svg", "both_predicted_t_age.png", "both_predicted.tsv.gz"):
        assert (tmp_path / name).exists()
    counts = json.loads((tmp_path / "both.tsv.gz.run.json").read_text())["counts"]
    assert counts["n_genes_compared"] == len(genes)
    assert "permuted samples give" in result.out


@pytest.mark.real_data
def test_agrees_with_limma_on_tumours(run, shared, tmp_path):
    stored = np.load(shared / "data/individuals/tcga_rnaseq350_rsem.npz")
    path = shared / "data/individuals/tcga_rnaseq350_rsem_meta.tsv"
    meta = pd.read_csv(path, sep="\t")
    own = (meta["cohort"] == "UVM").to_numpy()
    counts = pd.DataFrame(stored["X"][own].T.astype(float), stored["genes"], stored["samples"][own])
    values = np.log2(counts[(counts > 1).mean(axis=1) >= 0.5] + 1)
    write_table(values.rename_axis("gene_id"), tmp_path / "uvm.tsv.gz", index=True)
    design = ["--design", "~ age_years + gender"]
    result = run("differential", tmp_path / "uvm.tsv.gz", "--samples", path, *design, "--out", tmp_path / "de.tsv")
    assert result.status == 0, result.err
    found = pd.read_csv(tmp_path / "de.tsv", sep="\t")
    golden = pd.read_csv(shared / "golden/limma_tcga_uvm_age_sex.tsv.gz", sep="\t")
    matrix = np.column_stack([np.ones(own.sum()), meta.loc[own, "age_years"], meta.loc[own, "gender"] == "male"])
    here = limma(values.to_numpy(), matrix.astype(float), tmp_path)
    for number, (term, name) in enumerate((("age_years", "age"), ("gender[T.male]", "male")), start=1):
        ours = found[found["term"] == term].reset_index()
        assert ours["gene_id"].tolist() == golden["gene"].tolist()
        np.testing.assert_allclose(ours["log2_fold_change"], golden[f"{name}_coef"], rtol=0, atol=1e-6)
        # the golden t were made from logarithms rounded to 6 decimals; limma here takes the very same numbers
        for column, theirs in (("t", here.t), ("p_value", here.p_value)):
            np.testing.assert_allclose(ours[column], golden[f"{name}_{column[0]}"], rtol=0, atol=1e-5)
            np.testing.assert_allclose(ours[column], theirs[:, number], rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--design", "~ nothing"], "unknown: nothing"),
        (["--design", "~ age + twice"], "collinear: twice is a function of age"),
        (["--design", "~ age + one"], "variable one is x in all 40 samples"),
        (["--design", "~ hole"], "variable hole is missing in 1 of 40 samples: person_1"),
        (["--design", "~ age", "--sample-column", "sex"], "samples of"),
        (["--design", "~ age", "--genes", "genes.txt"], "--genes goes with --predicted"),
        (["--design", "~ age", "--predicted", "few.tsv"], "samples have no prediction"),
        (["--design", "~ age", "--predicted", "other.tsv"], "share no gene"),
        (["--design", "~ age", "--predicted", "predicted.tsv.gz", "--against", "own=de.tsv"], "--name own"),
        (["--design", "~ age", "--predicted", "predicted.tsv.gz", "--genes", "none.txt"], "does not exist"),
    ],
)
def test_bad_input(run, files, tmp_path, options, message):
    samples = pd.read_csv(files / "persons.tsv", sep="\t")
    samples = samples.assign(twice=2 * samples["age"], one="x", hole=samples["age"].where(samples.index > 0))
    samples.to_csv(files / "more.csv", index=False)
    predicted = pd.read_csv(files / "predicted.tsv.gz", sep="\t", index_col=0)
    predicted.iloc[:, :5].to_csv(files / "few.tsv", sep="\t")
    predicted.set_axis([f"x{i}" for i in range(len(predicted))]).to_csv(files / "other.tsv", sep="\t")
    given = [files / option if (files / option).is_file() else option for option in options]
    result = run(
        "differential", files / "log2.tsv.gz", "--samples", files / "more.csv", *given, "--out", tmp_path / "o"
    )
    assert result.status == 2
    assert message in result.err
    assert not list(tmp_path.iterdir())
