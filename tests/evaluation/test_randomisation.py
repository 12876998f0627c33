from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from kinds import kinds_of
from planted import planted_features, planted_targets
from scipy.stats import ttest_rel
from toy_regulators import TASKS, toy_features, toy_targets

from decode.dataset import Dataset, prepare_dataset
from decode.evaluation.baselines import baseline_predictions
from decode.evaluation.randomisation import (
    compare_variants,
    length_strata,
    randomisation_variants,
    randomise,
    shuffle_regions,
    summarise_variants,
)
from decode.evaluation.refit import Refit
from decode.models.config import NetworkConfig
from decode.training.config import TrainingConfig

TINY = NetworkConfig(width=16, n_dense=1, dropout=0.0, input_dropout=0.0)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    features = toy_features()
    return prepare_dataset(features, toy_targets(features), min_bound_genes=5)


@pytest.fixture
def ridge(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Ridge on totals in place of the network; gives the seeds that it was called with."""
    seeds: list[int] = []

    def fit(dataset: Dataset, network: NetworkConfig, training: TrainingConfig, *, part: str = "test") -> Refit:
        seeds.append(training.seed)
        predicted = baseline_predictions(dataset)["ridge_totals"][dataset.rows(part)]
        return Refit(predicted, 1, 0.0, 0.0)

    monkeypatch.setattr("decode.evaluation.randomisation.refit", fit)
    return seeds


def test_genes_change_sites_within_their_part_only(dataset):
    shuffled = shuffle_regions(dataset, ["rna"], seed=0)
    before, after = dataset.features, shuffled.features
    np.testing.assert_array_equal(after.totals("promoter"), before.totals("promoter"))
    assert (after.lengths("rna") != before.lengths("rna")).mean() > 0.8  # the occupancy moves too
    for part in ("train", "validation", "test"):
        rows = dataset.rows(part)
        moved = np.column_stack([after.lengths("rna"), after.totals("rna")])[rows]
        stayed = np.column_stack([before.lengths("rna"), before.totals("rna")])[rows]
        np.testing.assert_array_equal(moved[np.lexsort(moved.T)], stayed[np.lexsort(stayed.T)])
    assert shuffled.features.genes is before.genes
    assert shuffled.targets is dataset.targets
    again = shuffle_regions(dataset, ["rna"], seed=0).features
    np.testing.assert_array_equal(again.totals("rna"), after.totals("rna"))
    other = shuffle_regions(dataset, ["rna"], seed=1).features
    assert (other.totals("rna") != after.totals("rna")).any()
    with pytest.raises(KeyError, match="utr"):
        shuffle_regions(dataset, ["utr"], seed=0)


def test_within_strata_the_length_stays_nearly(dataset):
    strata = length_strata(dataset, 5)
    length = dataset.features.genes["length_bp"].to_numpy()
    for part in ("train", "validation", "test"):
        rows = dataset.rows(part)
        sizes = np.unique(strata[rows], return_counts=True)[1]
        assert sizes.max() - sizes.min() <= 1
        order = rows[np.argsort(length[rows], kind="stable")]
        assert (np.diff(strata[order]) >= 0).all()
    assert len(np.unique(strata)) == 15
    plain, within = (shuffle_regions(dataset, ["rna"], seed=0, within_length=w).features for w in (False, True))
    correlation = [np.corrcoef(length, f.lengths("rna"))[0, 1] for f in (plain, within)]
    assert abs(correlation[0]) < 0.4
    assert correlation[1] > 0.9
    with pytest.raises(ValueError, match="n_strata is 0"):
        length_strata(dataset, 0)


def test_one_gene_in_a_part_has_a_stratum(dataset):
    few = replace(dataset, split=np.array(["train", "test", *["validation"] * (len(dataset.split) - 2)]))
    assert len(np.unique(length_strata(few))) == 12


def test_variants():
    names = [(v.name, v.stratified, v.seed) for v in randomisation_variants(["a"], [3, 4], within_length=True)]
    one = [("full", False), ("a_shuffled", False), ("a_shuffled", True)]
    assert names == [(*pair, 3) for pair in one] + [(*pair, 4) for pair in one]


def test_a_region_that_acts_is_missed(ridge):
    features = toy_features()
    result = randomise(
        features, toy_targets(features), seeds=(0, 1), within_length=True,
        tissue_groups={"cortex": "brain", "amygdala": "brain"},
    )  # fmt: skip
    assert ridge == [0] * 7 + [1] * 7
    table = result.table
    assert list(table.columns) == ["variant", "stratified", "seed", "task", "task_kind", "spearman"]
    assert len(table) == (2 * 7 + 1) * len(TASKS)
    accuracy = table.groupby(["variant", "stratified", "task"])["spearman"].mean().sort_index()
    assert accuracy["full", False, "liver"] > 0.8
    assert accuracy["promoter_shuffled", False, "liver"] < 0.4
    assert accuracy["promoter_shuffled", False, "cortex"] > 0.8
    assert accuracy["rna_shuffled", False, "cortex"] < 0.4
    assert accuracy["all_shuffled", False, "lung"] < 0.5
    assert accuracy["length_only", False, "median_level"] > 0.9
    comparison = result.comparison.set_index(["first", "second", "stratified"])
    lost = comparison.loc[("full", "all_shuffled", False)]
    assert lost["mean_difference"] > 0.5
    assert (lost["n_tasks"], lost["n_groups"]) == (4, 3)
    assert lost["p_value"] == 0.25  # three groups cannot say more
    rna_against_promoter = comparison.loc[("promoter_shuffled", "rna_shuffled", False), "mean_difference"]
    expected = accuracy["promoter_shuffled", False][TASKS[1:]] - accuracy["rna_shuffled", False][TASKS[1:]]
    assert rna_against_promoter == pytest.approx(expected.mean())
    assert len(comparison) == 3 + 3 + 1 + 2
    assert result.counts["smallest_stratum"] >= 1


def test_summary_by_hand():
    table = pd.DataFrame(
        {
            "variant": ["full"] * 6 + ["length_only"] * 3,
            "stratified": False,
            "seed": [0, 0, 0, 1, 1, 1, 0, 0, 0],
            "task": ["median_level", "a", "b"] * 3,
            "task_kind": ["median_level", "fold_change", "fold_change"] * 3,
            "spearman": [0.8, 0.4, 0.2, 0.6, 0.5, np.nan, 0.1, 0.1, 0.1],
        }
    )
    summary = summarise_variants(table).set_index("variant")
    full = summary.loc["full"]
    assert full["n_seeds"] == 2
    assert full["fold_change_mean_spearman"] == pytest.approx(0.4)  # mean of 0.3 and 0.5
    assert full["fold_change_sd_over_seeds"] == pytest.approx(np.std([0.3, 0.5], ddof=1))
    assert full["median_level_spearman"] == pytest.approx(0.7)
    length = summary.loc["length_only"]
    assert length["share_of_full"] == pytest.approx(0.25)
    assert np.isnan(length["fold_change_sd_over_seeds"])


def test_comparison_by_hand():
    rng = np.random.default_rng(0)
    tasks = ["median_level", *(f"t{i}" for i in range(6))]
    values = {"full": rng.random(7), "rna_shuffled": rng.random(7)}
    shared = {"stratified": False, "seed": 0, "task": tasks, "task_kind": kinds_of(tasks)}
    table = pd.concat([pd.DataFrame({"variant": name, **shared, "spearman": x}) for name, x in values.items()])
    row = compare_variants(table, tasks).iloc[0]
    assert row["mean_difference"] == pytest.approx((values["full"] - values["rna_shuffled"])[1:].mean())
    reference = ttest_rel(values["full"][1:], values["rna_shuffled"][1:]).pvalue
    assert row["p_value_paired_t"] == pytest.approx(reference)
    assert row["n_groups"] == 6
    same = table.assign(spearman=0.5)
    assert np.isnan(compare_variants(same, tasks).iloc[0]["p_value_paired_t"])


def test_finished_runs_are_reused_and_seeds_added(ridge, tmp_path):
    features = toy_features()
    targets = toy_targets(features)
    told: list[tuple[str, bool]] = []
    first = randomise(features, targets, seeds=(0,), folder=tmp_path / "out" / "runs")
    more = randomise(
        features, targets, seeds=(0, 1), folder=tmp_path / "out" / "runs", on_run=lambda *args: told.append(args)
    )
    assert ridge == [0] * 4 + [1] * 4
    assert told[0] == ("full_seed_0", True)
    assert told[-1] == ("all_shuffled_seed_1", False)
    pd.testing.assert_frame_equal(more.table[more.table["seed"] == 0].iloc[:20], first.table.iloc[:20])
    plain = randomise(features, targets, seeds=(0, 1))
    pd.testing.assert_frame_equal(more.table, plain.table)
    with pytest.raises(ValueError, match="other data or options"):
        randomise(features, targets, network="paper", seeds=(0,), folder=tmp_path / "out" / "runs")
    changed = targets.assign(liver=targets["liver"] + 1)
    with pytest.raises(ValueError, match="other data or options"):
        randomise(features, changed, seeds=(0,), folder=tmp_path / "out" / "runs")


def test_a_killed_run_loses_only_what_was_under_way(ridge, tmp_path, monkeypatch):
    features = toy_features()
    targets = toy_targets(features)

    def stop(name: str, was_finished: bool) -> None:
        if name.startswith("rna"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        randomise(features, targets, seeds=(0,), folder=tmp_path / "runs", on_run=stop)
    assert sorted(p.stem for p in (tmp_path / "runs").glob("*.json")) == [
        "full_seed_0",
        "promoter_shuffled_seed_0",
        "rna_shuffled_seed_0",
    ]
    ridge.clear()
    randomise(features, targets, seeds=(0,), folder=tmp_path / "runs")
    assert ridge == [0]


def test_the_published_split_of_transcripts(ridge, tmp_path):
    features = planted_features(300, level="transcript")
    targets = planted_targets(features).rename(columns={"gene_id": "transcript_id"})
    command = {"seeds": (0,), "folder": tmp_path / "runs"}
    leaking = randomise(features, targets, split_by="transcript", **command)
    assert leaking.counts["genes_in_train_and_validation"] > 0
    with pytest.raises(ValueError, match="other data or options"):
        randomise(features, targets, **command)
    by_gene = randomise(features, targets, seeds=(0,))
    assert "genes_in_train_and_validation" not in by_gene.counts
    assert leaking.counts["test"] == by_gene.counts["test"]
    assert ridge == [0] * 8


def test_bad_input():
    features = toy_features()
    targets = toy_targets(features)
    for seeds, message in (((), "seeds is empty"), ((1, 1), "seeds occur more than once"), ((-1,), "seed is -1")):
        with pytest.raises(ValueError, match=message):
            randomise(features, targets, seeds=seeds)
    with pytest.raises(ValueError, match="part is 'train'"):
        randomise(features, targets, part="train")
    with pytest.raises(ValueError, match="none of the tissue groups' tasks"):
        randomise(features, targets, tissue_groups={"spleen": "x"})
    with pytest.raises(ValueError, match="test chromosome chr9 holds no gene"):
        randomise(features, targets, test_chromosome="chr9")
    with pytest.raises(ValueError, match="split_by is 'transcript' but the rows are genes"):
        randomise(features, targets, split_by="transcript")


@pytest.mark.slow
def test_with_networks():
    features = toy_features(300)
    training = TrainingConfig(members=1, max_epochs=25, patience=25, batch_size=32, learning_rate=1e-2)
    result = randomise(features, toy_targets(features), network=TINY, training=training, seeds=(5,))
    accuracy = result.table.set_index(["variant", "task"])["spearman"]
    assert accuracy["full", "liver"] > 0.6
    assert accuracy["promoter_shuffled", "liver"] < accuracy["rna_shuffled", "liver"] - 0.3
    assert accuracy["rna_shuffled", "cortex"] < accuracy["promoter_shuffled", "cortex"] - 0.3
