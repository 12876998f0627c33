from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from toy_regulators import toy_features

from decode.comparators.linear_booster import (
    BoosterConfig,
    booster_design,
    fit_booster,
    read_feature_table,
    require_xgboost,
    totals_table,
)


def data(n_rows: int = 400, n_features: int = 6) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    design = rng.normal(size=(n_rows, n_features)).astype(np.float32)
    labels = 2 + design @ np.arange(n_features) + rng.normal(size=n_rows)
    split = np.array(["train", "train", "validation", "test"] * (n_rows // 4))
    return design, labels, split


def test_equations_of_ridge():
    """Many whole steps end at ridge regression whose penalty is multiplied by the number of training rows."""
    pytest.importorskip("xgboost")
    design, labels, split = data()
    config = BoosterConfig(l2=0.5, eta=1.0, n_rounds=500, patience=500)
    found = fit_booster(design, labels, split, config=config, seed=0).predicted
    train = split == "train"
    x, y = design[train].astype(float), labels[train]
    centred = x - x.mean(axis=0)
    weights = np.linalg.solve(x.T @ centred + 0.5 * train.sum() * np.eye(6), x.T @ (y - y.mean()))
    expected = y.mean() + (design - x.mean(axis=0)) @ weights
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_published_settings_shrink_towards_the_base_score():
    pytest.importorskip("xgboost")
    design, labels, split = data()
    config = BoosterConfig()
    assert (config.base_score, config.l1, config.l2, config.eta, config.n_rounds) == (2, 0, 100, 0.01, 100)
    assert (config.patience, config.pseudocount) == (10, 1e-4)
    fit = fit_booster(design, labels, split, config=config, seed=0)
    assert fit.n_rounds == 100
    assert np.abs(fit.predicted - 2).max() < 1  # labels spread over 20
    assert np.corrcoef(fit.predicted, labels)[0, 1] > 0.9


def test_the_best_round_on_validation_rows_is_kept():
    xgboost = pytest.importorskip("xgboost")
    design, _, split = data(80, 30)
    labels = 2 + np.random.default_rng(1).normal(size=80)  # nothing to learn: soon too much is learned
    config = BoosterConfig(l2=0.0, eta=0.3, n_rounds=200, patience=5)
    fit = fit_booster(design, labels, split, config=config, seed=3)
    assert fit.n_rounds < 200
    watched: dict[str, dict[str, list[float]]] = {}
    parts = [xgboost.DMatrix(design[split == part], labels[split == part]) for part in ("train", "validation")]
    options = {"booster": "gblinear", "updater": "coord_descent", "feature_selector": "shuffle", "base_score": 2.0}
    options |= {"lambda": 0.0, "eta": 0.3, "seed": 3, "nthread": 1}
    xgboost.train(options, parts[0], 200, evals=[(parts[1], "v")], evals_result=watched, verbose_eval=False)
    rmse = watched["v"]["rmse"]
    assert fit.n_rounds == int(np.argmin(rmse[: fit.n_rounds + 5])) + 1
    own = split == "validation"
    assert np.sqrt(np.mean((fit.predicted - labels)[own] ** 2)) == pytest.approx(rmse[fit.n_rounds - 1], rel=1e-4)


def test_test_rows_and_missing_labels_play_no_part():
    pytest.importorskip("xgboost")
    design, labels, split = data()
    config = BoosterConfig(l2=0.1, eta=0.5, n_rounds=30)
    plain = fit_booster(design, labels, split, config=config, seed=0)
    again = fit_booster(design, labels, split, config=config, seed=0)
    np.testing.assert_array_equal(plain.predicted, again.predicted)
    assert (fit_booster(design, labels, split, config=config, seed=1).predicted != plain.predicted).any()
    changed = np.where(split == "test", 1e6, labels)
    np.testing.assert_array_equal(fit_booster(design, changed, split, config=config, seed=0).predicted, plain.predicted)
    lost = labels.copy()
    lost[::5] = np.nan
    kept = np.isfinite(lost)
    np.testing.assert_array_equal(
        fit_booster(design, lost, split, config=config, seed=0).predicted[kept],
        fit_booster(design[kept], lost[kept], split[kept], config=config, seed=0).predicted,
    )
    empty = fit_booster(design, np.where(split == "validation", np.nan, labels), split, config=config, seed=0)
    assert np.isnan(empty.predicted).all()
    assert empty.n_rounds == 0


def test_zeros_left_out_change_nothing():
    pytest.importorskip("xgboost")
    design, labels, split = data()
    design[np.abs(design) < 1] = 0
    config = BoosterConfig(l2=0.1, eta=0.5, n_rounds=30)
    found = booster_design(design)
    assert sparse.issparse(found)
    np.testing.assert_array_equal(
        fit_booster(found, labels, split, config=config, seed=0).predicted,
        fit_booster(design, labels, split, config=config, seed=0).predicted,
    )
    full = booster_design(np.array([[1, np.nan], [2, 3]], dtype=np.float32))
    np.testing.assert_array_equal(full, [[1, 0], [2, 3]])


def test_base_score_can_be_the_mean():
    pytest.importorskip("xgboost")
    design, labels, split = data()
    weak = BoosterConfig(base_score=None, l2=1e9)
    fit = fit_booster(design, labels, split, config=weak, seed=0)
    np.testing.assert_allclose(fit.predicted, labels[split == "train"].mean(), atol=1e-3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"l2": -1}, "l2 is -1"),
        ({"eta": 0}, "eta is 0"),
        ({"n_rounds": 1.5}, "n_rounds is 1.5"),
        ({"base_score": float("nan")}, "base_score is nan"),
    ],
)
def test_bad_settings(options, message):
    with pytest.raises(ValueError, match=message):
        BoosterConfig(**options)


def test_threads_do_not_belong_to_the_signature():
    assert BoosterConfig(n_threads=2).signature == BoosterConfig().signature
    assert BoosterConfig(l2=1).signature != BoosterConfig().signature


def test_says_how_to_install_xgboost(monkeypatch):
    monkeypatch.setitem(sys.modules, "xgboost", None)
    with pytest.raises(ImportError, match=r"pip install 'decode-expression\[expecto\]'"):
        require_xgboost()


def test_totals():
    features = toy_features(20)
    table = totals_table(features)
    assert table.shape == (20, 8)
    assert table.columns[[0, -1]].tolist() == ["promoter|TF:TF0", "length|rna"]
    np.testing.assert_allclose(table["rna|RBP:RBP2"], np.log1p(features.totals("rna")[:, 2]), rtol=1e-6)
    np.testing.assert_allclose(table["length|rna"], np.log1p(features.genes["length_bp"]), rtol=1e-6)


def test_feature_tables_of_both_formats(tmp_path):
    expected = pd.DataFrame({"a": [1.0, 2.0], "b": [0.5, np.nan]}, index=["ENSG1", "ENSG2"], dtype=np.float32)
    (tmp_path / "table.tsv").write_text("gene\ta\tb\nENSG1.3\t1\t0.5\nENSG2.1\t2\tNA\n")
    values = expected.to_numpy()
    np.savez(tmp_path / "table.npz", X=values, gene_ids=np.array(["ENSG1.3", "ENSG2"]), names=np.array(["a", "b"]))
    for name in ("table.tsv", "table.npz"):
        pd.testing.assert_frame_equal(read_feature_table(tmp_path / name), expected, check_names=False)
    np.savez(tmp_path / "unnamed.npz", X=values, gene_ids=np.array(["G1", "G2"]))
    assert read_feature_table(tmp_path / "unnamed.npz").columns.tolist() == ["0", "1"]


def test_bad_feature_tables(tmp_path):
    ids = np.array(["G1", "G2"])
    cases = {
        "lacks the array": {"X": np.ones((2, 1))},
        r"X of shape \(1, 2\)": {"X": np.ones((1, 2)), "gene_ids": ids},
        "more than once": {"X": np.ones((2, 1)), "gene_ids": np.array(["G1", "G1"])},
        "1 infinite": {"X": np.array([[np.inf], [1.0]]), "gene_ids": ids},
        "cannot be read": {"X": np.ones((2, 1)), "gene_ids": np.array(["G1", None], dtype=object)},
    }
    path = tmp_path / "table.npz"
    for message, arrays in cases.items():
        np.savez(path, **arrays)
        with pytest.raises(ValueError, match=message):
            read_feature_table(path)
    path.write_bytes(b"no archive")
    with pytest.raises(ValueError, match="cannot be read"):
        read_feature_table(path)
    with pytest.raises(FileNotFoundError, match="does not exist"):
        read_feature_table(tmp_path / "no.npz")
