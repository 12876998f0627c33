from __future__ import annotations

import numpy as np
import pytest

from benchmarks import landmark_transfer
from benchmarks.landmark_transfer import Transfer, rows_of, scores, symbols_of
from decode.landmark.prepare import prepare_expression
from decode.landmark.quantiles import apply_quantiles
from decode.synthetic.profiles import make_toy_profiles


def test_scores_of_a_hand_example():
    actual = np.array([[1.0, 5.0], [2.0, 6.0], [7.0, 5.0], [8.0, 6.0]])
    cohorts = np.array(["a", "a", "b", "b"])
    shifted = scores(actual, actual + 2.0, cohorts)
    assert shifted == pytest.approx({"mae": 2.0, "mae_unshifted": 0.0, "pcc": 1.0, "pcc_within": 1.0})
    # knows the cohort of the first gene only: right over all, nothing within
    cohort_only = np.array([[1.5, 6.0], [1.5, 5.0], [7.5, 6.0], [7.5, 5.0]])
    found = scores(actual, cohort_only, cohorts)
    assert found["pcc"] == pytest.approx((np.corrcoef(actual[:, 0], cohort_only[:, 0])[0, 1] - 1) / 2)
    assert found["pcc_within"] == pytest.approx(-1.0)  # of the second gene, the only one that is defined
    assert found["mae"] == pytest.approx(0.75)
    flat = scores(actual, np.full((4, 2), 1 / 3), np.array(["a", "a", "a", "b"]))
    assert np.isnan([flat["pcc"], flat["pcc_within"]]).all()


def test_symbols_that_name_one_row():
    assert symbols_of(["TP53|7157", "?|100", "A|1", "A|2", "MYC|4609"]).tolist() == ["TP53", "", "", "", "MYC"]


def test_rows_on_two_platforms(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(landmark_transfer, "METHODS", ("ridge", "knn"))
    monkeypatch.setattr(landmark_transfer, "N_RANDOM", 3)
    toy = make_toy_profiles(140, n_factors=4, followers=15, n_noise_genes=20, seed=1)
    table = toy.expression
    prepared = prepare_expression(
        table.iloc[:, :80], scale="log2", deduplicate=False, validation_share=0.0, test_share=0.0
    )
    tumours = apply_quantiles(table.iloc[:, 80:].to_numpy().T, prepared.quantiles).astype(np.float64)
    lost = next(i for i, gene in enumerate(prepared.gene_ids) if gene not in toy.hubs)
    tumours[:, lost] = np.nan
    data = Transfer(prepared, tumours, np.repeat(["a", "b"], 30))
    listed = rows_of(data, toy.hubs)
    rows = {row["row"]: row for row in listed}
    assert len(rows) == len(listed)
    assert rows["L1000, ridge"]["targets"] == prepared.n_genes - 1 - len(toy.hubs)
    ours, draws = rows["L1000, ridge, common targets"], "3 random panels, ridge, common targets"
    assert ours["targets"] < rows["L1000, ridge"]["targets"]
    assert ours["pcc"] > rows[f"{draws}, highest"]["pcc"]  # hubs tell more
    assert rows["L1000, ridge"]["mae"] < rows["mean of the arrays"]["mae"]
    assert rows["L1000, ridge on other tumours"]["pcc"] == pytest.approx(rows["L1000, ridge"]["pcc"], abs=0.1)
    assert all(np.isfinite(row["mae"]) for row in rows.values())
    low, mean, high = (rows[f"{draws}, {name}"]["mae"] for name in ("lowest", "mean", "highest"))
    assert low <= mean <= high
