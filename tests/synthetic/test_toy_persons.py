from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from decode.synthetic import make_toy_data, make_toy_persons


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    return make_toy_data(tmp_path_factory.mktemp("toy_persons"), n_genes=400)


@pytest.fixture(scope="module")
def persons(toy):
    return make_toy_persons(toy.folder, toy, n_persons=80)


def log2_tpm(persons) -> pd.DataFrame:
    tpm = pd.read_csv(persons.tpm, sep="\t", index_col=0)
    return np.log2(tpm.set_axis(tpm.index.str.partition(".").get_level_values(0)) + 0.25)


def test_files_agree_with_each_other(toy, persons):
    samples = pd.read_csv(persons.samples, sep="\t")
    assert samples["sample"].tolist() == log2_tpm(persons).columns.tolist() == persons.activity.index.tolist()
    assert samples.notna().all().all()
    named = persons.truth.query("own_gene_id != ''")
    assert set(named["own_gene_id"]) <= set(log2_tpm(persons).index)
    assert set(persons.truth.query("own_gene_id == ''")["kind"]) == {"miRNA"}


def test_doses_carry_the_activity(toy, persons):
    level = log2_tpm(persons)
    dose = pd.read_csv(toy.truth_dose, sep="\t", index_col=0)[persons.activity.columns]
    centred = level.sub(level.mean(axis=1), axis=0)
    found = np.linalg.lstsq(dose.to_numpy(), centred.to_numpy(), rcond=None)[0]
    for number, name in enumerate(persons.activity.columns):
        rho = stats.pearsonr(found[number], persons.activity[name])[0]
        assert rho > 0.6, (name, rho)


def test_age_and_sex_change_the_planted_regulators_alone(persons):
    samples = pd.read_csv(persons.samples, sep="\t", index_col=0)
    activity = persons.activity
    for row in persons.truth.itertuples():
        values = activity[f"{row.kind}:{row.regulator}"]
        age = stats.pearsonr(values, samples["age"])[0]
        sex = values[samples["sex"] == "male"].mean() - values[samples["sex"] == "female"].mean()
        assert (abs(age) > 0.5) == (row.age_effect != 0)
        assert (abs(sex) > 0.3) == (row.sex_effect != 0)


def test_a_regulators_own_gene_follows_its_activity(persons):
    level = log2_tpm(persons)
    named = persons.truth.query("own_gene_id != ''")
    rho = [
        stats.pearsonr(level.loc[row.own_gene_id], persons.activity[f"{row.kind}:{row.regulator}"])[0]
        for row in named.itertuples()
    ]
    assert np.median(rho) > 0.7


def test_the_pair_shares_regulators_and_goes_together(toy, persons):
    dose = pd.read_csv(toy.truth_dose, sep="\t", index_col=0)
    assert (dose.loc[list(persons.pair), persons.pair_regulators] > 0).all().all()
    assert len(persons.pair_regulators) >= 2
    level = log2_tpm(persons)
    assert stats.spearmanr(*(level.loc[gene] for gene in persons.pair))[0] > 0.4


def test_the_same_seed_gives_the_same_bytes(toy, tmp_path):
    first, second = (make_toy_persons(tmp_path / name, toy, n_persons=12, seed=3) for name in "ab")
    assert [path.read_bytes() for path in first[:4]] == [path.read_bytes() for path in second[:4]]
    other = make_toy_persons(tmp_path / "c", toy, n_persons=12, seed=4)
    assert other.tpm.read_bytes() != first.tpm.read_bytes()


def test_without_effects_nothing_differs(toy, tmp_path):
    persons = make_toy_persons(tmp_path, toy, n_persons=12, effect_scale=0.0)
    assert (persons.activity == 0).all().all()
    assert (make_toy_persons(tmp_path, toy, phenotype_scale=0.0).truth[["age_effect", "sex_effect"]] == 0).all().all()


@pytest.mark.parametrize(("option", "text"), [({"n_persons": 3}, "n_persons is 3"), ({"noise_log2": -1}, "noise_log2")])
def test_numbers_out_of_range(toy, tmp_path, option, text):
    with pytest.raises(ValueError, match=text):
        make_toy_persons(tmp_path, toy, **option)
