from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from kinds import kinds_of
from toy_regulators import TASKS, toy_features, toy_targets, toy_tpm

from decode.comparators.accuracy import METRICS
from decode.comparators.expecto import METHODS, compare_expecto, run_dataset, summarise_runs
from decode.comparators.linear_booster import BoosterConfig, totals_table
from decode.comparators.units import scales_of_log_tpm, scales_of_targets
from decode.dataset import Dataset
from decode.evaluation.baselines import baseline_predictions
from decode.evaluation.refit import Refit
from decode.expression.tissue import tissue_targets
from decode.models.config import NetworkConfig
from decode.training.config import TrainingConfig

pytest.importorskip("xgboost")
QUICK = BoosterConfig(l2=0.01, eta=0.5, n_rounds=20)
TISSUES = TASKS[1:]


@pytest.fixture
def ridge(monkeypatch: pytest.MonkeyPatch) -> list[Dataset]:
    """Ridge on totals in place of the network; gives the datasets that it was called with."""
    calls: list[Dataset] = []

    def fit(dataset: Dataset, network: NetworkConfig, training: TrainingConfig) -> Refit:
        calls.append(dataset)
        return Refit(baseline_predictions(dataset)["ridge_totals"][dataset.rows("test")], 1, 0.0, 0.0)

    monkeypatch.setattr("decode.comparators.expecto.refit", fit)
    return calls


def test_protocol(ridge):
    features = toy_features()
    result = compare_expecto(features, toy_tpm(features), booster=QUICK, runs=2)
    assert len(ridge) == 2
    for dataset in ridge:
        chromosome = dataset.features.genes["chrom"].to_numpy()
        assert set(chromosome) == {"chr1", "chr2", "chr3", "chr8"}
        assert set(chromosome[dataset.rows("test")]) == {"chr8"}
    assert (ridge[0].split != ridge[1].split).any()
    assert list(ridge[0].features.ids) == list(ridge[1].features.ids)
    assert result.counts["genes_of_left_out_chromosomes"] == 30
    assert result.counts["common_genes"] == len(ridge[0].split)
    table = result.table
    assert set(table["method"]) == set(METHODS)
    assert {"decode", "expecto", "mean", "length_only", "ridge_totals"} <= set(METHODS)
    assert set(table["scale"]) == {"log_tpm", "level", "fold_change", "median_level"}
    assert len(table) == 2 * len(METHODS) * (3 * len(TISSUES) + 1)
    change = table[table["scale"] == "fold_change"].set_index(["method", "run", "task"]).sort_index()
    assert change.loc[("expecto", 0, "liver"), "pearson"] > 0.5
    ours, ridge_rows = (change.loc[method][list(METRICS)] for method in ("decode", "ridge_totals"))
    pd.testing.assert_frame_equal(ours, ridge_rows)  # here the network is that ridge
    comparison = result.comparison.set_index(["scale", "metric"]).sort_index()
    row = comparison.loc[("fold_change", "rmse")]
    medians = result.per_task.set_index(["scale", "method", "task"]).sort_index()["rmse_median"]
    difference = medians["fold_change", "decode"] - medians["fold_change", "expecto"]
    assert row["mean_difference"] == pytest.approx(difference.mean())
    assert row["relative_change"] == pytest.approx(row["decode"] / row["expecto"] - 1)
    assert (row["n_tasks"], row["n_groups"]) == (4, 4)


def test_each_is_judged_in_every_unit(ridge):
    """A prediction that is right is right on all scales."""
    features = toy_features()
    tpm = toy_tpm(features)
    targets = tissue_targets(tpm).targets
    values = targets[TASKS].to_numpy()
    kept = tpm.loc[targets["gene_id"]].to_numpy()
    one = scales_of_targets(values, kinds_of(TASKS), pseudocount=1e-4)
    other = scales_of_log_tpm(np.log(kept + 1e-4), pseudocount=1e-4)
    assert one.keys() == other.keys()
    for scale, found in one.items():
        np.testing.assert_allclose(other[scale], found, atol=1e-6, err_msg=scale)
    below = scales_of_targets(np.array([[-9.0, 0.0]]), ["median_level", "fold_change"], pseudocount=1e-4)
    assert below["log_tpm"][0, 0] == pytest.approx(np.log(1e-4))
    partly = scales_of_log_tpm(np.array([[1.0, np.nan, 2.0, 3.0]]), pseudocount=1e-4)
    assert np.isfinite(partly["median_level"]).all()
    assert np.isnan(partly["fold_change"]).tolist() == [[False, True, False, False]]


def test_a_feature_table_of_ones_own(ridge):
    features = toy_features()
    tpm = toy_tpm(features)
    totals = totals_table(features)
    given = compare_expecto(features, tpm, table=totals.iloc[::-1], booster=QUICK, runs=1)
    usual = compare_expecto(features, tpm, booster=QUICK, runs=1)
    pd.testing.assert_frame_equal(given.table, usual.table)
    noise = pd.DataFrame(np.random.default_rng(0).normal(size=(150, 3)), index=features.ids)
    poor = compare_expecto(features, tpm, table=noise.iloc[:120], booster=QUICK, runs=1)
    assert poor.counts["table_matched"] == 120
    assert len(ridge[-1].split) < 120
    accuracy = poor.summary.set_index(["method", "scale"]).sort_index()["pearson_median"]
    assert accuracy["expecto", "fold_change"] < 0.4 < accuracy["decode", "fold_change"]


def test_targets_in_log2(ridge):
    features = toy_features()
    targets = toy_targets(features)
    targets.loc[::7, "liver"] = np.nan
    result = compare_expecto(features, targets=targets, runs=1, test_chromosome="chr1", left_out=())
    assert set(result.table["scale"]) == {"fold_change", "median_level"}
    accuracy = result.table.set_index(["method", "task"]).sort_index()
    assert accuracy.loc[("expecto", "liver"), "rmse"] < 2  # started at the mean, not at 2
    alone = compare_expecto(features, targets=targets.drop(columns="median_level"), runs=1, booster=QUICK)
    assert set(alone.table["scale"]) == {"fold_change"}


def test_runs_are_reused_and_added(ridge, tmp_path):
    features = toy_features()
    tpm = toy_tpm(features)
    first = compare_expecto(features, tpm, booster=QUICK, runs=1, folder=tmp_path / "runs")
    more = compare_expecto(features, tpm, booster=QUICK, runs=2, folder=tmp_path / "runs")
    assert len(ridge) == 2
    pd.testing.assert_frame_equal(more.table[more.table["run"] == 0], first.table)
    for changed in ({"booster": BoosterConfig()}, {"table": totals_table(features)}, {"test_chromosome": "chr1"}):
        with pytest.raises(ValueError, match="other data or options"):
            compare_expecto(features, tpm, **({"booster": QUICK, "folder": tmp_path / "runs"} | changed))


def test_medians_by_hand():
    table = pd.DataFrame(
        {
            "run": [0, 0, 1, 1, 2, 2],
            "method": "decode",
            "scale": "level",
            "task": ["a", "b"] * 3,
            "rmse": [1.0, 2.0, 2.0, 4.0, 6.0, 6.0],
            "pearson": [0.1, np.nan, 0.3, np.nan, 0.2, np.nan],
            "spearman": 0.5,
        }
    )
    per_task, summary = summarise_runs(table)
    a = per_task.set_index("task").loc["a"]
    assert (a["rmse_median"], a["rmse_mad"]) == (2.0, 1.0)
    assert np.isnan(per_task.set_index("task").loc["b", "pearson_median"])
    row = summary.iloc[0]
    assert (row["n_tasks"], row["n_runs"]) == (2, 3)
    assert (row["rmse_median"], row["rmse_mad"]) == (3.0, 1.5)  # means 1.5, 3, 6
    assert row["pearson_median"] == pytest.approx(0.2)
    assert row["pearson_mad"] == pytest.approx(0.1)
    assert row["spearman_mad"] == 0


def test_regulators_are_filtered_on_training_genes_of_the_run(ridge):
    features = toy_features()
    compare_expecto(features, toy_tpm(features), booster=QUICK, runs=1)
    whole = ridge[0]
    rare = run_dataset(whole, ["chr2"], 0)
    assert set(rare.features.genes["chrom"][rare.rows("test")]) == {"chr2"}
    assert len(rare.rows("validation")) == round(0.1 * (whole.features.genes["chrom"] != "chr2").sum())


def test_bad_input(ridge):
    features = toy_features()
    tpm = toy_tpm(features)
    with pytest.raises(ValueError, match=r"either tpm .* or targets"):
        compare_expecto(features)
    with pytest.raises(ValueError, match="not both"):
        compare_expecto(features, tpm, targets=toy_targets(features))
    with pytest.raises(ValueError, match="runs is 0"):
        compare_expecto(features, tpm, runs=0)
    with pytest.raises(ValueError, match="test chromosome chrX holds no gene"):
        compare_expecto(features, tpm, test_chromosome="chrX")
    table = totals_table(features)
    with pytest.raises(ValueError, match="feature table: 0 of 150 rows match"):
        compare_expecto(features, tpm, table=table.set_axis([f"x{i}" for i in range(150)]))
    with pytest.raises(ValueError, match="gene ids of the feature table occur more than once"):
        compare_expecto(features, tpm, table=pd.concat([table, table.iloc[:1]]))
    with pytest.raises(ValueError, match="columns without numbers: text"):
        compare_expecto(features, tpm, table=table.assign(text="a"))
    with pytest.raises(ValueError, match="infinite numbers in: length"):
        compare_expecto(features, tpm, table=table.assign(**{"length|rna": np.inf}))
    assert not ridge


@pytest.mark.slow
def test_with_a_network():
    features = toy_features(400)
    network = NetworkConfig(width=16, n_dense=1, dropout=0.0, input_dropout=0.0)
    training = TrainingConfig(members=1, max_epochs=30, batch_size=32, learning_rate=1e-2)
    result = compare_expecto(features, toy_tpm(features), network=network, training=training, runs=1)
    accuracy = result.summary.set_index(["method", "scale"]).sort_index()
    assert accuracy.loc[("decode", "fold_change"), "pearson_median"] > 0.6
    assert np.isfinite(accuracy.loc[("expecto", "log_tpm"), "rmse_median"])
