"""A model of levels alone: no fold change, no median level, and yet every figure is defined and rightly called."""

from __future__ import annotations

import numpy as np
import pytest
from planted import TASKS, TINY, planted_features, planted_targets, quick_bundle

from decode.attribution.attribute import attribute
from decode.dataset import prepare_dataset
from decode.evaluation.calibration import calibrate_model
from decode.evaluation.crossval import cross_validate
from decode.evaluation.evaluate import evaluate
from decode.expression.task_kinds import with_task_kinds
from decode.models.bundle import load_bundle, save_bundle
from decode.ranking.rank import rank_regulators, regulator_scores
from decode.ranking.table import signed_means
from decode.ranking.target_network import regulator_network
from decode.training.config import TrainingConfig


@pytest.fixture(scope="module")
def features():
    return planted_features(300)


@pytest.fixture(scope="module")
def levels(features):
    table = planted_targets(features)
    for task in TASKS[1:]:
        table[task] += table["median_level"]
    return with_task_kinds(table.drop(columns="median_level"), "level")


@pytest.fixture(scope="module")
def bundle(features, levels, tmp_path_factory):
    made = quick_bundle(prepare_dataset(features, levels, min_bound_genes=20), members=2)
    folder = tmp_path_factory.mktemp("levels") / "model"
    save_bundle(made, folder)
    return load_bundle(folder)


def test_kinds_are_stored_with_the_model(bundle):
    assert bundle.task_kinds == ["level"] * 3
    assert bundle.is_main_task.all()


def test_evaluation_and_calibration(bundle, features, levels):
    levels = levels.copy()
    levels.attrs.clear()  # as read from a file: the model knows
    metrics = evaluate(bundle, features, levels).metrics
    assert list(metrics["model"]) == ["level_mean_spearman"]
    assert np.isfinite(metrics["model"]["level_mean_spearman"])
    assert metrics["specificity"]["n_tasks"] == 3
    calibration = calibrate_model(bundle, features, levels)
    assert np.isfinite(calibration.metrics["level_mean_spearman"])
    assert not any("fold_change" in name for name in calibration.metrics)


def test_ranking_and_network(bundle, features):
    found = attribute(bundle, features, agreement_genes=0)
    assert found["task_kind"].to_numpy().tolist() == ["level"] * 3
    assert np.isfinite(found["overall"].to_numpy()).all()
    ranking = rank_regulators(regulator_scores(found))
    overall = ranking[ranking["task"] == "overall"]
    assert (overall["task_kind"] == "level").all()
    assert np.isfinite(overall["mean_abs"]).all()
    assert list(signed_means(ranking)) == TASKS[1:]
    assert np.isfinite(regulator_network(found, task="overall").table["weight"]).all()


def test_cross_validation(features, levels):
    result = cross_validate(
        features, levels, network=TINY, training=TrainingConfig(members=2, max_epochs=2), n_folds=2
    )  # fmt: skip
    assert set(result.per_fold["task_kind"]) == {"level"}
    figures = result.metrics["model"]
    assert list(figures) == ["level_mean_spearman", "level_mean_spearman_sd_over_folds"]
    assert np.isfinite(list(figures.values())).all()
