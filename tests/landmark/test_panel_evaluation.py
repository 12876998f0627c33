from __future__ import annotations

import numpy as np
import pytest

from decode.landmark.evaluation import panel_curves, permutation_share
from decode.landmark.panels import order_genes


def modules(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    hubs = rng.normal(size=(80, 8))
    return np.hstack([hubs, np.repeat(hubs, 20, axis=1) + 0.7 * rng.normal(size=(80, 160))])


def test_permutation_share_by_hand_and_under_no_relation():
    rng = np.random.default_rng(0)
    actual, predicted = rng.normal(size=(12, 30)), rng.normal(size=(12, 30))
    share = permutation_share(actual, predicted)
    for gene in (0, 17):
        all_r = [np.corrcoef(predicted[:, gene], actual[:, other])[0, 1] for other in range(30)]
        assert share[gene] == pytest.approx(np.mean(np.delete(all_r, gene) > all_r[gene]))
    share = permutation_share(rng.normal(size=(30, 2000)), rng.normal(size=(30, 2000)))
    assert (share < 0.01).mean() == pytest.approx(0.01, abs=0.008)  # chance predicts one in a hundred
    actual[:, 3] = 1.0
    assert np.isnan(permutation_share(actual, predicted)[3])


def test_curves_share_their_targets_and_the_hubs_win():
    values = modules(1)
    curves = panel_curves(
        [(values[:60], values[60:])], fixed={"hubs": np.arange(8)}, methods=["greedy", "variance"], sizes=(4, 8),
        n_random=5,
    )  # fmt: skip
    table = curves.panels
    assert table["n_targets"].nunique() == 1
    best = table[table["size"] == 8].groupby("method")["mean_mae"].mean()
    assert best["hubs"] < best["random"]
    assert best["greedy"] < table[(table["method"] == "random") & (table["size"] == 8)]["mean_mae"].min()
    chosen = order_genes(values[:60], 8).columns
    assert not set(curves.per_gene["column"]) & {*chosen.tolist(), *range(8)}


def test_bad_input():
    values = modules(1)
    with pytest.raises(ValueError, match="concrete has no nested panels"):
        panel_curves([(values[:60], values[60:])], methods=["concrete"], sizes=(4,))
    with pytest.raises(ValueError, match="no gene is outside all panels"):
        panel_curves([(values[:60], values[60:])], methods=["greedy"], sizes=(100,), n_random=20)
