from __future__ import annotations

import numpy as np
import pytest

from decode.evaluation.intervals import bootstrap_headlines

KINDS = ["median_level", "fold_change", "fold_change"]


def planted(n_genes: int = 120) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    rng = np.random.default_rng(0)
    actual = rng.normal(size=(n_genes, 3))
    noise = rng.normal(size=(2, n_genes, 3))
    return actual, {"good": actual + 0.7 * noise[0], "poor": actual + 3 * noise[1], "mean": np.ones_like(actual)}


def test_intervals_hold_the_value_and_narrow_with_genes() -> None:
    width = []
    for n_genes in (60, 600):
        table = bootstrap_headlines(*planted(n_genes), KINDS, reference="good", n_draws=100)
        row = table.set_index(["name", "figure"]).loc[("good", "fold_change_mean_spearman")]
        assert row["low"] < row["value"] < row["high"]
        assert row["lead"] == row["lead_low"] == row["lead_high"] == 0
        width.append(row["high"] - row["low"])
    assert width[1] < 0.5 * width[0]


def test_the_lead_over_a_poorer_prediction_and_over_a_constant() -> None:
    table = bootstrap_headlines(*planted(), KINDS, reference="good", n_draws=100).set_index(["name", "figure"])
    poor = table.loc[("poor", "fold_change_mean_spearman")]
    assert 0 < poor["lead_low"] < poor["lead"] < poor["lead_high"]
    assert table.loc["mean"].isna().all().all()


def test_the_interval_has_the_width_of_the_sampling_distribution() -> None:
    rng = np.random.default_rng(4)
    estimates, widths = [], []
    for _ in range(60):
        x = rng.normal(size=(100, 1))
        y = 0.5 * x + rng.normal(size=x.shape)
        row = bootstrap_headlines(x, {"y": y}, ["fold_change"], n_draws=100).iloc[0]
        estimates.append(row["value"])
        widths.append(row["high"] - row["low"])
    assert np.mean(widths) == pytest.approx(2 * 1.96 * np.std(estimates), rel=0.3)


def test_draws_are_counted_and_seeded() -> None:
    actual, predicted = planted()
    first, again, other = (bootstrap_headlines(actual, predicted, KINDS, n_draws=20, seed=seed) for seed in (1, 1, 2))
    assert first.equals(again)
    assert not first.equals(other)
    with pytest.raises(ValueError, match="n_draws"):
        bootstrap_headlines(actual, predicted, KINDS, n_draws=0)
