"""The lymphoblastoid samples, the tumours and the blood donors."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from decode.expression.counts import deepest_samples
from decode.expression.covariates import covariate_columns
from decode.expression.person import person_targets
from decode.expression.person_reference import new_sample_values

pytestmark = pytest.mark.real_data


def cohort(folder, name: str, by_sample: bool) -> tuple[pd.DataFrame, pd.DataFrame]:
    with np.load(folder / f"{name}.npz") as stored:
        values = stored["X"].T if by_sample else stored["X"]
        table = pd.DataFrame(values.astype(float), index=stored["genes"], columns=stored["samples"])
    samples = pd.read_csv(folder / f"{name.removesuffix('_counts')}_meta.tsv", sep="\t", index_col=0)
    return table, samples.loc[table.columns]


def test_lymphoblastoid_samples(shared):
    counts, samples = cohort(shared / "data" / "individuals", "lcl170_counts", by_sample=False)
    chosen = deepest_samples(counts.sum(), samples["individual"])
    assert len(chosen) == 141 == samples["individual"].nunique()
    counts, samples = counts[chosen].iloc[::5], samples.loc[chosen]
    with pytest.raises(ValueError, match=r"population.T.YRI. is determined by study.T.Pickrell"):
        covariate_columns(samples, ["study", "population"])
    found = person_targets(counts / counts.sum() * 1e6, samples, covariates=["study"], keep=["gender"])
    values = found.targets.set_index("gene_id")
    by_study = values.T.groupby(samples["study"]).mean()
    assert 0.05 < found.steps.set_index("step").loc["covariate study", "share_alone"] < 0.3
    assert by_study.abs().to_numpy().mean() < 0.05  # before: several times as much
    raw = person_targets(counts / counts.sum() * 1e6).targets.set_index("gene_id")
    assert raw.T.groupby(samples["study"]).mean().abs().to_numpy().mean() > 0.15


def test_a_cohort_of_tumours(shared):
    table, samples = cohort(shared / "data" / "individuals", "tcga_rnaseq350_rsem", by_sample=True)
    own = samples.index[samples["cohort"] == "UVM"]
    table = table[own].iloc[::4]
    found = person_targets(table, samples, covariates=["gender"], keep=["age_years"])
    assert found.counts["n_genes"] == int(((table > 1).mean(axis=1) >= 0.5).sum())
    whole = new_sample_values(found.reference, table)
    raw = person_targets(table).targets.set_index("gene_id")
    agreement = np.corrcoef(whole.to_numpy().ravel(), raw.to_numpy().ravel())[0, 1]
    assert 0.97 < agreement < 1  # but for the sex that was taken out


def test_blood_donors_with_cell_fractions(shared):
    folder = shared / "data" / "individuals"
    table = pd.read_csv(folder / "gtex_blood389_norm.tsv.gz", sep="\t", index_col=0)
    samples = pd.read_csv(folder / "gtex_blood389_meta.tsv", sep="\t", index_col=0)
    fractions = ["Granulocytes", "CD4..T.cells", "NK.cells..CD3..CD56.."]
    found = person_targets(table, samples, covariates=fractions, keep=["sexF"])
    values = found.targets.set_index("gene_id")
    assert values.shape[1] == 389
    names = found.steps["step"].tolist()
    assert [f"covariate {name}" in names for name in fractions] == [True] * 3
    left = np.corrcoef(samples.loc[values.columns, "Granulocytes"], values)[0, 1:]
    raw = np.corrcoef(samples.loc[values.columns, "Granulocytes"], person_targets(table).targets.set_index("gene_id"))[
        0, 1:
    ]
    assert np.abs(left).mean() < 0.1 < np.abs(raw).mean()
