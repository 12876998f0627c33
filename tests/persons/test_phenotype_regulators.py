from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from limma import limma
from sklearn.linear_model import Ridge

from decode.persons.phenotype_regulators import phenotype_regulators
from decode.report.phenotype_regulators import phenotype_text, write_phenotype_regulators

N, P = 90, 40


def made(seed=0, effect=0.0, shift=0.0):
    """Activities in four patterns; R5 goes with sex beyond them, and sex may move the first pattern."""
    rng = np.random.default_rng(seed)
    samples = pd.DataFrame(
        {"age": rng.normal(size=N), "sex": rng.permutation(["f", "m"] * (N // 2)), "cohort": list("xyz") * (N // 3)},
        index=[f"s{i}" for i in range(N)],
    )
    is_male = (samples["sex"] == "m").to_numpy(float)
    patterns = rng.normal(size=(N, 4))
    patterns[:, 0] += shift * is_male
    values = patterns @ rng.normal(size=(4, P)) + 0.3 * rng.normal(size=(N, P))
    values[:, 5] += effect * is_male
    columns = [f"{'TF' if i < 20 else 'RBP'}:R{i}" for i in range(P)]
    return pd.DataFrame(values * rng.lognormal(size=P), index=samples.index, columns=columns), samples


def test_t_of_each_alone_is_limmas(tmp_path):
    activity, samples = made(effect=1.0)
    found = phenotype_regulators(activity, samples, "~ age + sex", n_permutations=20)
    design = np.column_stack([np.ones(N), samples["age"], samples["sex"] == "m"]).astype(float)
    theirs = limma(activity.to_numpy().T, design, tmp_path)
    own = found.table[found.table["term"] == "sex[T.m]"]
    np.testing.assert_allclose(own["t"], theirs.t[:, 2], atol=1e-9)
    np.testing.assert_allclose(own["effect"], theirs.coefficients[:, 2], atol=1e-9)
    assert own["kind"].tolist() == ["TF"] * 20 + ["RBP"] * 20


def test_one_regulator_beyond_the_patterns_is_found_given_the_others():
    found = phenotype_regulators(*made(effect=1.2), "~ age + sex", n_permutations=400)
    own = found.table[found.table["term"] == "sex[T.m]"].set_index("regulator")
    assert own.index[own["p_family_conditional"] < 0.05].tolist() == ["R5"]
    assert own["z_conditional"].abs().idxmax() == "R5"


def test_a_shift_of_everything_is_said_to_be_one():
    found = phenotype_regulators(*made(seed=3, shift=1.5), "~ age + sex", n_permutations=400, n_components=4)
    row = found.summary.set_index("term").loc["sex[T.m]"]
    assert row["n_fdr"] > 15  # many regulators, one factor
    assert row["n_family_adjusted"] + row["n_family_conditional"] < row["n_family"] / 2
    assert row["n_tests_effective"] < 15
    joint = found.joint[found.joint["term"] == "sex[T.m]"]
    assert joint["p_value"].min() < 0.01


def test_false_hits_where_nothing_differs():
    """Family-wise 5 % each; the joint test is uniform; BH of correlated regulators comes in heaps."""
    family, conditional, adjusted, joint = [], [], [], []
    for seed in range(60):
        found = phenotype_regulators(*made(seed=100 + seed), "~ age + sex", n_permutations=99, seed=seed)
        family += (found.summary["n_family"] > 0).tolist()
        conditional += (found.summary["n_family_conditional"] > 0).tolist()
        adjusted += (found.summary["n_family_adjusted"] > 0).tolist()
        joint += (found.joint.loc[found.joint["n_components"] == 5, "p_value"] <= 0.05).tolist()
    for hits in (family, conditional, adjusted, joint):  # 120 terms: 5 %, and three standard errors
        assert np.mean(hits) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 120)


def test_ridge_is_scikit_learns():
    from decode.persons import phenotype_regulators as module

    rng = np.random.default_rng(0)
    scaled, own = rng.normal(size=(30, 12)), rng.normal(size=30)
    size = np.linalg.svd(scaled, compute_uv=False)
    penalty = module._penalty(size, 4.0)
    assert (size**2 / (size**2 + penalty)).sum() == pytest.approx(4.0)
    wanted = 0.2 * 30
    theirs = Ridge(alpha=module._penalty(size, wanted), fit_intercept=False).fit(scaled, own).coef_
    orders = np.array([rng.permutation(30) for _ in range(300)])
    found = module._conditional(scaled, own, orders)
    null = np.array([Ridge(alpha=module._penalty(size, wanted), fit_intercept=False).fit(scaled[o], own).coef_
                     for o in orders])  # fmt: skip
    np.testing.assert_allclose(found.statistic, theirs / null.std(axis=0), rtol=1e-6)


def test_regions_and_blocks():
    activity, samples = made(effect=2.0)
    half = {"promoter": activity * 0.25, "rna": activity * 0.75}
    found = phenotype_regulators(
        activity, samples, "~ cohort + sex", by_region=half, within="cohort", n_permutations=50, n_components=0
    )
    row = found.summary.set_index("term").loc["sex[T.m]"]
    assert (row["share_promoter"], row["share_rna"]) == (pytest.approx(0.25), pytest.approx(0.75))
    np.testing.assert_allclose(found.table["effect_promoter"] + found.table["effect_rna"], found.table["effect"])
    assert "t_adjusted" not in found.table
    with pytest.raises(ValueError, match="do not add up"):
        phenotype_regulators(activity, samples, "~ sex", by_region={"promoter": activity * 0.5}, n_permutations=5)


def test_files(tmp_path):
    found = phenotype_regulators(*made(effect=1.2), "~ age + sex", n_permutations=20)
    files = write_phenotype_regulators(found, tmp_path / "reg.tsv")
    assert {file.name for file in files} == {
        "reg.tsv", "reg_joint.tsv", "reg_summary.tsv", "reg_regulators.png", "reg_regulators.svg", "reg.tsv.run.json",
    }  # fmt: skip
    assert "given all others" in phenotype_text(found)


def test_constant_regulators_are_counted(caplog):
    activity, samples = made()
    found = phenotype_regulators(activity.assign(**{"TF:flat": 2.0}), samples, "~ age", n_permutations=5)
    assert found.counts["n_constant"] == 1
    assert len(found.table) == P


@pytest.mark.parametrize(
    ("change", "design", "options", "message"),
    [
        (lambda a: a.iloc[:8], "~ age", {}, "8 samples have activities"),
        (lambda a: a * np.nan, "~ age", {}, "undefined"),
        (lambda a: a * 0, "~ age", {}, "same activity in all samples"),
        (lambda a: a.rename(index={"s0": "other"}), "~ age", {}, "have no row"),
        (lambda a: a, "~ age + cohort + cohort", {"within": "batch"}, "no variable of the samples"),
        (lambda a: a, "~ age", {"n_permutations": 0}, "n_permutations"),
    ],
)
def test_bad_input(change, design, options, message):
    activity, samples = made()
    with pytest.raises(ValueError, match=message):
        phenotype_regulators(change(activity), samples, design, **options)
