from __future__ import annotations

import json
import re

import h5py
import numpy as np
import pandas as pd
import pytest

from decode.expression.person import person_targets
from decode.expression.person_reference import new_sample_values, read_person_reference

N_GENES, N_SAMPLES = 60, 18
GENES = [f"ENSG{i:011d}" for i in range(N_GENES)]
HG19, COMPLETE = ("--build", "hg19"), "--leave-out-incomplete"
NAMES = [f"s{i}" for i in range(N_SAMPLES)]


@pytest.fixture
def files(tmp_path):
    """Counts (three non-coding rows beside the genes), an annotation with lengths, a table of samples."""
    random = np.random.default_rng(0)
    counts = pd.DataFrame(random.poisson(random.gamma(1, 300, size=(N_GENES + 3, 1)), size=(N_GENES + 3, N_SAMPLES)))
    counts.index = pd.Index([f"{gene}.4" for gene in GENES] + [f"ENSG9{i:010d}" for i in range(3)], name="gene_id")
    counts.columns = NAMES
    counts.to_csv(tmp_path / "counts.tsv", sep="\t")
    lengths = random.integers(500, 4000, N_GENES)
    lines = []
    for i, (gene, length) in enumerate(zip(GENES, lengths, strict=True)):
        names = f'gene_id "{gene}.1"; transcript_id "{gene}.1"; gene_type "protein_coding"; gene_name "SYM{i}";'
        start = 10_000 + 10_000 * i
        lines += [
            f"chr1\tx\t{kind}\t{start}\t{start + length - 1}\t.\t+\t.\t{names}"
            for kind in ("gene", "transcript", "exon")
        ]
    (tmp_path / "genes.gtf").write_text("\n".join(lines) + "\n")
    samples = pd.DataFrame(
        {
            "name": NAMES,
            "person": [f"P{i // 2}" for i in range(N_SAMPLES)],
            "batch": np.tile(["x", "y", "z"], 6),
            "site": np.tile(["p", "q", "q"], 6),
            "age": random.uniform(20, 70, N_SAMPLES),
            "tissue": np.repeat(["liver", "upper lung"], 9),
        }
    )
    samples.to_csv(tmp_path / "samples.tsv", sep="\t", index=False)
    tpm = counts.iloc[:N_GENES].set_axis(pd.Index(GENES, name="gene_id")).div(lengths, axis=0)
    return tmp_path, counts, samples.set_index("name"), tpm / tpm.sum() * 1e6


def read(path) -> pd.DataFrame:
    return pd.read_csv(path, sep="\t", index_col=0)


def test_counts(run, files):
    folder, _, samples, tpm = files
    out = folder / "persons.tsv.gz"
    call = [
        "expression", "person", folder / "counts.tsv", "--counts", "--annotation", folder / "genes.gtf", *HG19,
        "--samples", folder / "samples.tsv", "--covariates", "batch,age", "--median-level", "--out", out,
    ]  # fmt: skip
    result = run(*call)
    assert result.status == 0, result.err
    expected = person_targets(tpm, samples, covariates=["batch", "age"], median_level=True)
    pd.testing.assert_frame_equal(read(out), expected.targets.set_index("gene_id"), rtol=1e-12)
    assert "counts over gene length, per million" in result.out
    assert "n rows of no gene 3" in result.out
    assert "kinds of tasks: 18 fold change, 1 median level" in result.out
    reference = read_person_reference(folder / "persons_reference.npz")
    again = new_sample_values(reference, tpm)
    assert again.shape == (expected.counts["n_genes"], N_SAMPLES)
    steps = pd.read_csv(folder / "persons_steps.tsv", sep="\t")
    assert steps["step"].tolist() == expected.steps["step"].tolist()
    assert read(folder / "persons_samples.tsv").index.tolist() == NAMES
    record = json.loads((folder / "persons.tsv.gz.run.json").read_text())
    assert record["counts"]["n_rows_of_no_gene"] == 3
    assert set(record["files"]) == {
        "persons.tsv.gz", "persons_reference.npz", "persons_steps.tsv", "persons_samples.tsv"
    }  # fmt: skip
    assert "already holds this result" in run(*call).out
    other = run(*call, "--levels")
    assert other.status == 2
    assert "--force" in other.err


def test_log2_and_levels(run, files):
    folder, _, _, tpm = files
    np.log2(tpm + 0.25).to_csv(folder / "log2.csv")
    out = folder / "levels.tsv"
    result = run("expression", "person", folder / "log2.csv", "--already-log2", "--levels", "--out", out)
    assert result.status == 0, result.err
    pd.testing.assert_frame_equal(read(out), person_targets(tpm, levels=True).targets.set_index("gene_id"), rtol=1e-9)
    assert "says nothing of a person" in result.err
    assert not (folder / "levels_samples.tsv").exists()
    bad = run("expression", "person", folder / "log2.csv", "--out", folder / "bad.tsv")
    assert bad.status == 2
    assert "--already-log2" in bad.err


def test_one_sample_a_person(run, files):
    folder, counts, samples, tpm = files
    tpm.to_csv(folder / "tpm.tsv", sep="\t")
    out = folder / "persons.tsv"
    result = run(
        "expression", "person", folder / "counts.tsv", "--one-per", "person", "--samples", folder / "samples.tsv",
        "--out", out,
    )  # fmt: skip
    assert result.status == 0, result.err
    totals = counts.sum()
    expected = [totals[[a, b]].idxmax() for a, b in zip(NAMES[::2], NAMES[1::2], strict=True)]
    assert read(out).columns.tolist() == expected
    assert "n samples not deepest 9" in result.out
    assert samples.loc[expected, "person"].is_unique


def test_tissues_hidden_factors_and_unknown_covariates(run, files):
    folder, _, samples, tpm = files
    tpm.to_csv(folder / "tpm.tsv", sep="\t")
    samples.loc["s3", "age"] = np.nan
    samples.to_csv(folder / "samples.csv")
    call = [
        "expression", "person", folder / "tpm.tsv", "--samples", folder / "samples.csv", "--tissue-column", "tissue",
        "--keep", "age", "--hidden-factors", 1, "--out", folder / "persons.tsv",
    ]  # fmt: skip
    result = run(*call)
    assert result.status == 2
    assert "tissue liver (9 samples): covariate 'age' is unknown or infinite in 1 of 9 samples: s3" in result.err
    result = run(*call, "--leave-out-incomplete")
    assert result.status == 0, result.err
    assert "1 samples lack a covariate and are left out: s3" in result.err
    assert "protected (--keep): age" in result.err
    assert (folder / "persons_reference_upper_lung.npz").exists()
    assert "upper lung: hidden_factor_1:" in result.out
    assert read(folder / "persons.tsv").columns.tolist() == [name for name in NAMES if name != "s3"]


def test_tcga_preset(run, files):
    folder, counts, _, tpm = files
    named = counts.iloc[:N_GENES].set_axis([f"SYM{i}|{i + 100}" for i in range(N_GENES)])
    named.loc["?|9999"] = 7
    named.to_csv(folder / "rsem.tsv", sep="\t")
    out = folder / "persons.tsv"
    preset = ["expression", "person", folder / "rsem.tsv", "--preset", "tcga-rsem", "--out", out]
    result = run(*preset, "--annotation", folder / "genes.gtf", "--build", "hg19")
    assert result.status == 0, result.err
    pd.testing.assert_frame_equal(read(out), person_targets(tpm).targets.set_index("gene_id"), rtol=1e-12)
    assert "RSEM normalised counts over gene length" in result.out
    (folder / "map.tsv").write_text("".join(f"{i + 100}\t{gene}\n" for i, gene in enumerate(GENES)))
    result = run(*preset, "--id-map", folder / "map.tsv", "--force")
    assert result.status == 0, result.err
    raw = counts.iloc[:N_GENES].set_axis(GENES).astype(float)
    pd.testing.assert_frame_equal(
        read(out), person_targets(raw).targets.set_index("gene_id"), rtol=1e-12, check_names=False
    )
    assert "RSEM normalised counts as given, no lengths" in result.out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "either a genes x samples table or --samples-from"),
        (["counts.tsv", "--counts"], "--counts needs the lengths"),
        (["counts.tsv", "--annotation", "genes.gtf"], "needs the genome build"),
        (
            ["counts.tsv", "--counts", "--already-log2", "--annotation", "genes.gtf", *HG19],
            "goes with neither",
        ),
        (["counts.tsv", "--preset", "tcga-rsem"], "names genes SYMBOL"),
        (["counts.tsv", "--one-per", "person"], "name the table too"),
        (["counts.tsv", "--covariates", "age"], "no table of samples is given"),
        (["counts.tsv", "--tissue-column", "tissue"], "no table of samples is given"),
        (["counts.tsv", "--samples", "samples.tsv", "--one-per", "donor"], "lacks the column.s. donor"),
        (["counts.tsv", "--samples", "samples.tsv", "--sample-column", "person"], "occur more than once: P0"),
        (
            ["counts.tsv", "--samples", "samples.tsv", "--covariates", "batch,site"],
            "site.T.q. is determined by batch",
        ),
        (
            ["counts.tsv", "--samples", "samples.tsv", "--covariates", "none", COMPLETE],
            "lacks the column",
        ),
    ],
)
def test_bad_calls(run, files, options, message):
    folder = files[0]
    known = {"counts.tsv", "genes.gtf", "samples.tsv"}
    result = run(
        "expression",
        "person",
        *[folder / item if item in known else item for item in options],
        "--out",
        folder / "o.tsv",
    )
    assert result.status == 2
    assert re.search(message, result.err), result.err
    assert not (folder / "o.tsv").exists()


def test_files_of_samples(run, files):
    folder, _, _, tpm = files
    for name in NAMES:
        (folder / "salmon" / name).mkdir(parents=True)
        rows = pd.DataFrame({"Name": [f"{gene}.1" for gene in GENES], "TPM": tpm[name].to_numpy()})
        rows["Name"] = rows["Name"].str.replace("ENSG", "ENST")
        rows.to_csv(folder / "salmon" / name / "quant.sf", sep="\t", index=False)
    gtf = (folder / "genes.gtf").read_text().replace('transcript_id "ENSG', 'transcript_id "ENST')
    (folder / "transcripts.gtf").write_text(gtf)
    call = ["expression", "person", "--samples-from", folder / "salmon", "--out", folder / "o.tsv"]
    result = run(*call)
    assert result.status == 2
    assert "names transcripts" in result.err
    result = run(*call, "--annotation", folder / "transcripts.gtf", *HG19)
    assert result.status == 0, result.err
    expected = person_targets(tpm).targets.set_index("gene_id")
    pd.testing.assert_frame_equal(read(folder / "o.tsv")[NAMES], expected, rtol=1e-9)
    assert run(*call, "--counts", "--annotation", folder / "transcripts.gtf", *HG19).status == 2
    (folder / "list.txt").write_text("".join(f"{name}\tsalmon/{name}/quant.sf\n" for name in NAMES))
    pairs = "".join(f"{gene.replace('ENSG', 'ENST')}\t{gene}\n" for gene in GENES)
    (folder / "map.tsv").write_text(pairs)
    result = run(
        "expression", "person", "--samples-from", folder / "list.txt", "--id-map", folder / "map.tsv", "--out",
        folder / "p.tsv",
    )  # fmt: skip
    assert result.status == 0, result.err
    pd.testing.assert_frame_equal(read(folder / "p.tsv"), expected, rtol=1e-9)
    assert "sample:s0" in json.loads((folder / "p.tsv.run.json").read_text())["inputs"]


def test_pseudobulk_of_cells(run, files):
    folder, counts, samples, _ = files
    cells = np.repeat(counts.iloc[:N_GENES].to_numpy().T, 2, axis=0)  # two equal cells a donor
    with h5py.File(folder / "cells.h5ad", "w") as file:
        file["X"] = cells.astype(np.float32)
        for name, index, columns in (("obs", [f"c{i}" for i in range(len(cells))], ["donor"]), ("var", GENES, [])):
            group = file.create_group(name)
            group.attrs.update({"_index": "_index", "column-order": columns})
            group["_index"] = np.array(index, dtype=h5py.string_dtype())
        file["obs/donor"] = np.array(np.repeat(NAMES, 2), dtype=h5py.string_dtype())
    samples.to_csv(folder / "donors.csv")
    call = [
        "expression", "person", folder / "cells.h5ad", "--pseudobulk", "donor", "--samples", folder / "donors.csv",
        "--covariates", "age,n_cells", "--out", folder / "o.tsv",
    ]  # fmt: skip
    result = run(*call)
    assert result.status == 2
    assert "no pseudobulk has 20 cells" in result.err
    result = run(*call, "--min-cells", 2)
    assert result.status == 2
    assert "covariate 'n_cells' has one value only" in result.err
    call[-3] = "age"
    result = run(*call, "--min-cells", 2)
    assert result.status == 0, result.err
    cpm = counts.iloc[:N_GENES].set_axis(GENES)
    cpm = cpm / cpm.sum() * 1e6
    expected = person_targets(cpm, samples, covariates=["age"]).targets.set_index("gene_id")
    pd.testing.assert_frame_equal(read(folder / "o.tsv"), expected, rtol=1e-9)
    written = read(folder / "o_samples.tsv")
    assert written["n_cells"].tolist() == [2] * N_SAMPLES
    np.testing.assert_allclose(written["age"], samples["age"])
