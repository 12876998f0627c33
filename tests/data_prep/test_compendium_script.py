from __future__ import annotations

import gzip

import numpy as np
import pandas as pd

from data_prep.compendium import make_model
from decode.expression.compendium import read_correlation


def test_model_of_a_small_cohort(tmp_path):
    rng = np.random.default_rng(0)
    names = [f"GENE{i}|{i}" for i in range(50)] + ["GENE0|99", "NOBODY|7"]
    np.savez(
        tmp_path / "rsem.npz", X=rng.gamma(2, 100, size=(16, 52)).astype(np.float32), genes=np.array(names),
        samples=np.array([f"s{i}" for i in range(16)]),
    )  # fmt: skip
    pd.DataFrame({"sample": range(16), "cohort": ["A"] * 8 + ["B"] * 8}).to_csv(
        tmp_path / "s.tsv", sep="\t", index=False
    )
    lines = []
    for i in range(50):
        start = 1000 * (i + 1)
        attributes = f'gene_id "ENSG{i:011d}.1"; transcript_id "ENST{i:011d}.1"; gene_name "GENE{i}"; '
        attributes += 'gene_type "protein_coding";'
        for kind in ("gene", "transcript", "exon"):
            lines.append(f"chr1\tx\t{kind}\t{start}\t{start + 500}\t.\t+\t.\t{attributes}")
    with gzip.open(tmp_path / "a.gtf.gz", "wt") as file:
        file.write("\n".join(lines) + "\n")
    manifest = make_model(tmp_path / "rsem.npz", tmp_path / "s.tsv", tmp_path / "a.gtf.gz", tmp_path / "out.npz", 3)
    model = read_correlation(tmp_path / "out.npz")
    assert manifest["n_genes"] == len(model.gene_ids) == 50
    assert [(group.name, group.factors.shape, group.df) for group in model.groups] == [
        ("A", (50, 3), 7),
        ("B", (50, 3), 7),
    ]
    assert (tmp_path / "out.json").exists()
    assert len(manifest["inputs"]) == 3
