from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from decode.synthetic import ToyContrast, ToyData, judge_drivers, make_toy_contrast, make_toy_data


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> ToyData:
    return make_toy_data(tmp_path_factory.mktemp("toy"), n_genes=300)


@pytest.fixture(scope="module")
def contrast(toy: ToyData, tmp_path_factory: pytest.TempPathFactory) -> ToyContrast:
    return make_toy_contrast(tmp_path_factory.mktemp("contrast"), toy, n_samples=4)


def log2_change(contrast: ToyContrast) -> pd.Series:
    tpm = pd.read_csv(contrast.tpm, sep="\t", index_col="gene_id")
    treated = tpm.columns.str.startswith("treated")
    level = np.log2(tpm + 0.25)
    return level.loc[:, treated].mean(axis=1) - level.loc[:, ~treated].mean(axis=1)


def test_samples_and_conditions_agree(contrast: ToyContrast) -> None:
    samples = pd.read_csv(contrast.samples, sep="\t")
    assert samples["sample"].tolist() == list(pd.read_csv(contrast.tpm, sep="\t", nrows=1).columns[1:])
    assert samples["condition"].tolist() == ["control"] * 4 + ["treated"] * 4
    pd.testing.assert_frame_equal(
        pd.read_csv(contrast.truth_path, sep="\t", keep_default_na=False), contrast.truth, check_dtype=False
    )


def test_only_regulators_that_act_are_drivers(toy: ToyData, contrast: ToyContrast) -> None:
    drivers = contrast.truth[contrast.truth["change"] != 0]
    assert drivers["role"].isin(["activator", "repressor"]).all()
    assert set(drivers["kind"]) == {"TF", "RBP", "miRNA"}
    assert len(drivers) == 6


def test_the_planted_change_is_in_the_samples(toy: ToyData, contrast: ToyContrast) -> None:
    dose = pd.read_csv(toy.truth_dose, sep="\t", index_col=0).to_numpy()
    planted = dose @ contrast.truth["change"].to_numpy()
    found = log2_change(contrast).to_numpy()
    assert np.corrcoef(planted, found)[0, 1] > 0.3
    others = dose[:, (contrast.truth["role"] == "null").to_numpy()]
    assert abs(np.corrcoef(others.sum(axis=1), found)[0, 1]) < 0.2


def test_same_seed_same_bytes_and_another_seed_another_table(toy: ToyData, tmp_path: Path) -> None:
    made = [make_toy_contrast(tmp_path / str(i), toy, n_samples=3, seed=seed).tpm for i, seed in enumerate((0, 0, 1))]
    first, again, other = (path.read_bytes() for path in made)
    assert first == again
    assert first != other


def test_scale_zero_plants_nothing(toy: ToyData, tmp_path: Path) -> None:
    truth = make_toy_contrast(tmp_path / "none", toy, n_samples=3, scale=0).truth
    assert (truth["change"] == 0).all()


@pytest.mark.parametrize(("options", "message"), [({"n_samples": 2}, "n_samples is 2"), ({"seed": -1}, "seed")])
def test_bad_options_of_a_contrast(toy: ToyData, tmp_path: Path, options: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_toy_contrast(tmp_path / "out", toy, **options)  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()


def test_every_verdict() -> None:
    truth = pd.DataFrame(
        {
            "kind": "TF",
            "regulator": list("ABCDE"),
            "role": "activator",
            "partner": "",
            "change": [0.5, 0.5, -0.5, 0.0, 0.0],
        }
    )
    drivers = pd.DataFrame(
        {
            "kind": "TF",
            "regulator": list("ABCDE"),
            "effect": [1.0, -1.0, -0.1, 0.4, 0.1],
            "strength": [5.0, 4.0, 1.0, 3.0, 0.5],
            "fdr": [0.001, 0.01, 0.4, 0.02, 0.9],
            "rank": [1, 2, 4, 3, 5],
            "group": "",
        }
    )
    judged = judge_drivers(drivers, truth)
    assert judged["regulator"].tolist() == list("ABDCE")
    assert judged["verdict"].tolist() == ["found", "wrong sign", "false", "missed", "left out"]
    assert judge_drivers(drivers, truth, fdr=0.005)["verdict"].tolist()[1:3] == ["missed", "left out"]


def test_a_ranking_of_other_regulators_is_refused() -> None:
    truth = pd.DataFrame({"kind": ["TF"], "regulator": ["A"], "role": ["null"], "partner": [""], "change": [0.0]})
    drivers = pd.DataFrame({"kind": ["TF"], "regulator": ["Z"], "effect": [0.0], "strength": [0.0], "fdr": [1.0],
                            "rank": [1], "group": [""]})  # fmt: skip
    with pytest.raises(ValueError, match="does not know"):
        judge_drivers(drivers, truth)
