from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Lasso
from sklearn.neighbors import KNeighborsRegressor

from decode.core.files import sha256_of
from decode.landmark.dgex import check_networks, fit_networks, predict_networks
from decode.landmark.imputation import fit_imputer, impute, load_imputer, panel_columns, save_imputer
from decode.landmark.peers import nearest_mean, sample_lasso
from decode.landmark.prepare import prepare_expression
from decode.landmark.prepared import PreparedExpression


@pytest.fixture(scope="module")
def prepared() -> PreparedExpression:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(60, 4)) @ rng.normal(size=(4, 60)) + 0.4 * rng.normal(size=(60, 60)) + 7
    table = pd.DataFrame(values.T, index=[f"G{i}" for i in range(60)], columns=[f"s{i}" for i in range(60)])
    return prepare_expression(table, scale="log2", deduplicate=False)


PANEL = [f"G{i}" for i in range(0, 60, 5)]


@pytest.mark.parametrize("method", ["ridge", "knn", "sample_lasso", "network"])
def test_imputers_beat_the_mean_and_survive_saving(method, prepared, tmp_path):
    imputer = fit_imputer(prepared, PANEL, method=method)
    test = prepared.read(prepared.rows("test"))
    place = {gene: i for i, gene in enumerate(prepared.gene_ids.tolist())}
    panel, target = ([place[gene] for gene in ids.tolist()] for ids in (imputer.panel_ids, imputer.target_ids))
    predicted = imputer.predict(test[:, panel])
    assert predicted.shape == (len(test), 48)
    error = np.abs(predicted - test[:, target]).mean()
    assert error < 0.8 * np.abs(prepared.train_mean[target] - test[:, target]).mean()
    save_imputer(imputer, tmp_path / "imputer")
    assert sorted(file.name for file in (tmp_path / "imputer").iterdir()) == ["arrays.npz", "imputer.json"]
    again = load_imputer(tmp_path / "imputer")
    np.testing.assert_allclose(again.predict(test[:, panel]), predicted, atol=2e-3)
    assert again.settings == imputer.settings


def test_neighbours_and_sparse_mixtures_are_those_of_scikit_learn():
    rng = np.random.default_rng(1)
    train, targets, new = rng.normal(size=(20, 30)), rng.normal(size=(20, 7)), rng.normal(size=(4, 30))
    peer = KNeighborsRegressor(3, algorithm="brute").fit(train, targets)
    np.testing.assert_allclose(nearest_mean(new, train, targets, 3), peer.predict(new))
    mixed = np.stack([Lasso(0.05, fit_intercept=False, tol=1e-8).fit(train.T, one).coef_ @ targets for one in new])
    np.testing.assert_allclose(sample_lasso(new, train, targets, 0.05), mixed, atol=0.02)


def test_new_samples_are_given_the_reference_of_the_panel(prepared):
    imputer = fit_imputer(prepared, PANEL)
    place = {gene: i for i, gene in enumerate(prepared.gene_ids.tolist())}
    train = prepared.read(prepared.rows("train"))[:, [place[gene] for gene in PANEL]]
    reference = np.sort(train, axis=1).mean(axis=0)
    new = pd.DataFrame({"a": np.arange(12.0), "b": 2.0 ** np.arange(12)[::-1]}, index=PANEL)
    full = impute(imputer, new)
    assert full.shape == (60, 2)
    np.testing.assert_allclose(full.loc[PANEL, "a"], reference, atol=1e-5)
    np.testing.assert_allclose(full.loc[PANEL, "b"], reference[::-1], atol=1e-5)


def test_columns_by_id_and_by_name(prepared):
    table = pd.DataFrame({"gene_id": ["x1", "e2"], "gene_name": ["A", "Z"]})
    assert panel_columns(table, ["e1", "e2"], ["A", "B"]).tolist() == [0, 1]


def test_bad_input(prepared, tmp_path):
    imputer = fit_imputer(prepared, PANEL)
    with pytest.raises(ValueError, match=r"3 of 4 genes of the panel are not in the matrix: X, Y, Z; it holds G0"):
        fit_imputer(prepared, ["G1", "X", "Y", "Z"])
    with pytest.raises(ValueError, match="leaves no gene to predict"):
        fit_imputer(prepared, prepared.gene_ids)
    with pytest.raises(ValueError, match="occur more than once: G1"):
        fit_imputer(prepared, ["G1", "G1", "G2"])
    with pytest.raises(ValueError, match="12 panel genes each are wanted"):
        imputer.predict(np.ones((2, 5)))
    with pytest.raises(ValueError, match="1 of 12 panel genes are not in the samples: G55"):
        impute(imputer, pd.DataFrame({"a": np.arange(11.0)}, index=PANEL[:-1]))
    with pytest.raises(ValueError, match="needs 20,000 training samples and there are 5"):
        fit_networks(np.ones((5, 2)), np.ones((5, 3)), np.ones((2, 2)), np.ones((2, 3)), is_published=True)
    with pytest.raises(FileNotFoundError):
        load_imputer(tmp_path / "none")
    save_imputer(imputer, tmp_path / "i")
    file = tmp_path / "i" / "imputer.json"
    said = json.loads(file.read_text())
    (tmp_path / "i" / "arrays.npz").write_bytes(b"x")
    with pytest.raises(ValueError, match=r"arrays.npz was altered: its hash does not match"):
        load_imputer(tmp_path / "i")
    file.write_text(json.dumps(said | {"schema_version": 9}))
    with pytest.raises(ValueError, match="no imputer of schema version 1"):
        load_imputer(tmp_path / "i")


def harmed(folder, arrays=None, **changes):
    """Change an imputer as somebody would who also knows about its hash."""
    if arrays is not None:
        with np.load(folder / "arrays.npz") as stored:
            kept = {name: values for name, values in (dict(stored) | arrays).items() if values is not None}
        np.savez(folder / "arrays.npz", **kept)
    said = json.loads((folder / "imputer.json").read_text()) | changes
    said["files"] = changes.get("files", {"arrays.npz": sha256_of(folder / "arrays.npz")})
    (folder / "imputer.json").write_text(json.dumps(said))


@pytest.mark.parametrize(
    ("method", "arrays", "changes", "message"),
    [
        ("ridge", {"left": np.ones((11, 3), "f4")}, {}, r"left has shape \(11, 3\); \(12, 'any'\) is wanted"),
        ("ridge", {"right": None}, {}, "right is missing"),
        ("ridge", {"panel_sd": np.zeros(12, "f4")}, {}, "panel_sd is not above 0"),
        ("ridge", {"panel_mean": np.full(12, np.nan, "f4")}, {}, "panel_mean hold something else than finite"),
        ("ridge", {"target_mean": None}, {}, "target_mean is missing"),
        ("ridge", {"left": np.array([{}], object)}, {}, "holds objects of type object"),
        ("knn", {}, {"settings": {"neighbours": 10**9}}, "neighbours of settings is 1000000000; a whole number from 1"),
        ("knn", {}, {"settings": {}}, "settings lacks neighbours"),
        ("knn", {"train_targets": np.ones((2, 3), "f4")}, {}, "train_targets has shape"),
        ("ridge", None, {"method": ["ridge"]}, "method is a JSON list"),
        ("ridge", None, {"panel_ids": "G1"}, "panel_ids is 'G1'; a list"),
        ("ridge", None, {"raw_low": "x"}, "raw_low is 'x'"),
        ("ridge", None, {"files": {}}, "files lists , not arrays.npz alone"),
        ("ridge", None, {"files": {"../arrays.npz": "0" * 64}}, "files lists ../arrays.npz"),
        ("ridge", None, {"settings": 3}, "settings is 3"),
    ],
)
def test_imputers_of_strangers(prepared, tmp_path, method, arrays, changes, message):
    save_imputer(fit_imputer(prepared, PANEL, method=method), tmp_path / "i")
    harmed(tmp_path / "i", arrays, **changes)
    with pytest.raises(ValueError, match=rf"{message}.*train it again"):
        load_imputer(tmp_path / "i")


def test_networks_follow_on_one_another():
    good = {
        "network0_kernel0": np.ones((4, 3)), "network0_bias0": np.ones(3),
        "network0_kernel1": np.ones((3, 5)), "network0_bias1": np.ones(5),
        "network1_kernel0": np.ones((4, 2)), "network1_bias0": np.ones(2),
    }  # fmt: skip
    check_networks(good, 4, 7)
    assert predict_networks(np.ones((6, 4)), good).shape == (6, 7)
    for change, message in (
        ({"network0_kernel1": np.ones((4, 5))}, "network0_kernel1 has shape .4, 5., which does not take 3 inputs"),
        ({"network1_bias0": np.ones(9)}, "network1_kernel0 has shape"),
        (
            {"network1_kernel0": np.ones((4, 3)), "network1_bias0": np.ones(3)},
            "2 networks give 8 targets; 7 are wanted",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            check_networks(good | change, 4, 7)
    with pytest.raises(ValueError, match="0 networks give 0 targets"):
        check_networks({}, 4, 7)
