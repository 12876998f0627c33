from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from planted import TASKS, TINY, planted_features, planted_targets

from decode.core.files import to_json
from decode.dataset import Dataset
from decode.evaluation.baselines import baseline_predictions
from decode.evaluation.crossval import chromosome_folds, cross_validate
from decode.statistics.metrics import spearman_per_task
from decode.training.config import TrainingConfig

N_GENES = 200


@pytest.fixture(scope="module")
def features():
    return planted_features(N_GENES)


@pytest.fixture(scope="module")
def targets(features):
    return planted_targets(features)


@pytest.fixture
def ridge(monkeypatch: pytest.MonkeyPatch) -> list[Dataset]:
    """Ridge on totals with a little noise for each member, in place of networks; gives the datasets of the folds."""
    seen: list[Dataset] = []

    def fit(dataset, network, training):
        seen.append(dataset)
        return SimpleNamespace(dataset=dataset, history=[0] * 3, members=training.members)

    def members(bundle, genes):
        row_of = {str(name): row for row, name in enumerate(bundle.dataset.features.ids)}
        rows = [row_of[str(name)] for name in genes.ids]
        guess = baseline_predictions(bundle.dataset)["ridge_totals"][rows]
        noise = np.stack(
            [np.random.default_rng([m, len(rows)]).normal(size=guess.shape) for m in range(bundle.members)]
        )
        return guess + 0.1 * noise

    monkeypatch.setattr("decode.evaluation.crossval.train_dataset", fit)
    monkeypatch.setattr("decode.evaluation.crossval.predict_members", members)
    return seen


def genes_on(**n_genes: int) -> pd.DataFrame:
    chrom = [name for name, n in n_genes.items() for _ in range(n)]
    return pd.DataFrame({"gene_id": [f"G{i}" for i in range(len(chrom))], "chrom": chrom})


class TestFolds:
    def test_packing_by_hand(self):
        folds = chromosome_folds(genes_on(chr1=10, chr2=7, chr3=6, chrX=4, chrM=2), 2)
        # 10 | 7, then 6 to the second, 4 to the first (10 < 13), 2 to the second (13 < 14)
        assert [fold.chromosomes for fold in folds] == [("chr1", "chrX"), ("chr2", "chr3", "chrM")]
        assert [fold.name for fold in folds] == ["fold_1", "fold_2"]

    def test_order_of_rows_and_ties_play_no_part(self):
        genes = genes_on(chr1=5, chr2=5, chr3=5, chr4=3)
        shuffled = genes.sample(frac=1, random_state=3)
        assert chromosome_folds(genes, 3) == chromosome_folds(shuffled, 3)
        assert chromosome_folds(genes, 3)[2].chromosomes == ("chr3",)

    def test_a_gene_counts_once(self):
        genes = pd.concat([genes_on(chr1=4, chr2=5)] + [genes_on(chr1=4)] * 3)
        assert chromosome_folds(genes, 2)[0].chromosomes == ("chr2",)

    def test_every_chromosome_a_fold(self):
        folds = chromosome_folds(genes_on(chr1=9, chr2=8, chrY=3, chrM=2), "chr")
        assert [(fold.name, fold.chromosomes) for fold in folds] == [
            ("fold_chr1", ("chr1",)), ("fold_chr2", ("chr2",)), ("fold_chrY", ("chrY", "chrM")),
        ]  # fmt: skip

    @pytest.mark.parametrize("n_folds", [1, 4])
    def test_impossible_numbers(self, n_folds):
        with pytest.raises(ValueError, match=rf"folds is {n_folds} and the genes lie on 3 chromosomes"):
            chromosome_folds(genes_on(chr1=5, chr2=5, chr3=5), n_folds)

    def test_one_chromosome(self):
        with pytest.raises(ValueError, match="folds is 'chr' and the genes lie on 1 chromosomes"):
            chromosome_folds(genes_on(chr1=5), "chr")

    @pytest.mark.parametrize("n_folds", [0, 2.5, "all"])
    def test_no_number(self, n_folds):
        with pytest.raises(ValueError, match="whole number"):
            chromosome_folds(genes_on(chr1=5, chr2=5), n_folds)


class TestCrossValidation:
    def test_every_gene_is_predicted_by_models_that_never_saw_its_chromosome(self, features, targets, ridge):
        result = cross_validate(features, targets, n_folds=3)
        assert result.predictions["gene_id"].tolist() == features.ids.tolist()
        assert result.predictions[TASKS].notna().all().all()
        assert len(ridge) == 3
        for dataset, chromosomes in zip(ridge, result.folds["chromosomes"], strict=True):
            is_test = dataset.features.genes["chrom"].isin(chromosomes.split(",")).to_numpy()
            np.testing.assert_array_equal(dataset.split == "test", is_test)
        assert result.folds["n_test"].sum() == N_GENES
        assert (result.folds[["n_test", "n_train", "n_validation", "n_excluded"]].sum(axis=1) == N_GENES).all()
        # the rare regulator binds 12 genes
        assert (result.folds["n_dropped_regulators"] == 1).all()

    def test_accuracy_is_within_folds(self, features, targets, ridge):
        result = cross_validate(features, targets, n_folds=2)
        by_hand = []
        for fold in ("fold_1", "fold_2"):
            rows = (result.genes["fold"] == fold).to_numpy()
            by_hand.append(spearman_per_task(result.actual.loc[rows, TASKS], result.predictions.loc[rows, TASKS]))
        np.testing.assert_allclose(result.per_task["model"], np.mean(by_hand, axis=0))
        np.testing.assert_allclose(result.per_task["model_sd"], np.std(by_hand, axis=0, ddof=1))
        headline = result.metrics["model"]
        means = [values[1:].mean() for values in by_hand]
        assert headline["fold_change_mean_spearman"] == pytest.approx(np.mean(means))
        assert headline["fold_change_mean_spearman_sd_over_folds"] == pytest.approx(np.std(means, ddof=1))
        assert headline["median_level_spearman"] == pytest.approx(np.mean([values[0] for values in by_hand]))
        assert headline["fold_change_mean_spearman"] > 0.9
        assert result.metrics["single_member"]["fold_change_mean_spearman"] < headline["fold_change_mean_spearman"]
        assert {"mean", "length_only", "ridge_totals"} <= result.metrics["baselines"].keys()
        assert np.isnan(result.metrics["baselines"]["mean"]["fold_change_mean_spearman"])

    def test_spread_and_calibration(self, features, targets, ridge):
        result = cross_validate(features, targets, n_folds=2)
        assert (result.spread[TASKS] > 0).all().all()
        assert result.calibration is not None
        assert result.calibration.per_task["n_genes"].tolist() == [N_GENES] * len(TASKS)
        coverage = result.calibration.intervals.set_index("level")["coverage"]
        assert coverage[0.5].between(0.2, 0.8).all()
        assert coverage[0.95].isna().all()  # ten validation genes cannot fit that
        single = cross_validate(features, targets, n_folds=2, training=TrainingConfig(members=1))
        assert single.calibration is None
        assert single.spread[TASKS].isna().all().all()
        assert single.metrics["calibration"] is None

    def test_a_kept_chromosome_plays_no_part(self, features, targets, ridge):
        result = cross_validate(features, targets, n_folds=2, keep_test="chr1")
        assert "chr1" not in set(result.genes["chrom"])
        assert all("chr1" not in set(dataset.features.genes["chrom"]) for dataset in ridge)
        assert result.metrics["kept_out"] == ["chr1"]
        changed = targets.copy()
        changed.loc[features.genes["chrom"].to_numpy() == "chr1", TASKS] = 99.0
        again = cross_validate(features, changed, n_folds=2, keep_test=["chr1"])
        pd.testing.assert_frame_equal(again.predictions, result.predictions)
        with pytest.raises(ValueError, match="kept test chromosome chr9 holds no gene"):
            cross_validate(features, targets, keep_test="chr9")

    def test_families_do_not_train_while_a_member_is_held_out(self, features, targets, ridge):
        # neighbours in the table lie on different chromosomes
        groups = {gene: f"family{i // 2}" for i, gene in enumerate(features.genes["gene_id"][: N_GENES // 2])}
        result = cross_validate(features, targets, n_folds=2, groups=groups)
        assert (result.folds["n_excluded"] > 0).all()
        for dataset in ridge:
            family = dataset.features.genes["gene_id"].map(groups)
            held_out = set(family[dataset.split == "test"].dropna())
            assert not held_out & set(family[np.isin(dataset.split, ("train", "validation"))])
        assert result.predictions[TASKS].notna().all().all()

    def test_missing_values(self, features, targets, ridge):
        holes = targets.copy()
        holes.loc[::7, "liver"] = np.nan
        result = cross_validate(features, holes, n_folds=2)
        assert result.predictions["liver"].notna().all()
        n_genes = result.per_task.set_index("task")["n_genes"]
        assert n_genes["liver"] == holes["liver"].notna().sum()

    def test_finished_folds_are_reused(self, features, targets, ridge, tmp_path):
        told: list[tuple[str, bool]] = []

        def stop(name: str, was_finished: bool) -> None:
            raise KeyboardInterrupt

        folder = tmp_path / "cv" / "folds"
        with pytest.raises(KeyboardInterrupt):
            cross_validate(features, targets, n_folds=2, folder=folder, on_run=stop)
        ridge.clear()
        resumed = cross_validate(features, targets, n_folds=2, folder=folder, on_run=lambda *args: told.append(args))
        assert told == [("fold_1", True), ("fold_2", False)]
        assert len(ridge) == 1
        whole = cross_validate(features, targets, n_folds=2)
        pd.testing.assert_frame_equal(resumed.predictions, whole.predictions)
        pd.testing.assert_frame_equal(resumed.per_fold, whole.per_fold)
        assert to_json(resumed.metrics) == to_json(whole.metrics)
        for changed in ({"n_folds": 3}, {"n_folds": 2, "network": "paper"}, {"n_folds": 2, "keep_test": "chr1"}):
            with pytest.raises(ValueError, match="other data or options"):
                cross_validate(features, targets, folder=folder, **changed)
        with pytest.raises(ValueError, match="other data or options"):
            cross_validate(features, targets, n_folds=2, groups={"G0000": "a", "G0001": "a"}, folder=folder)

    def test_threads_give_the_same(self, features, targets, ridge):
        serial = cross_validate(features, targets, n_folds=2)
        threads = cross_validate(features, targets, n_folds=2, executor="threads:2")
        pd.testing.assert_frame_equal(serial.predictions, threads.predictions)

    def test_transcripts_stay_with_their_gene(self, ridge):
        transcripts = planted_features(N_GENES, level="transcript")
        table = planted_targets(transcripts)
        result = cross_validate(transcripts, table, n_folds=2)
        assert result.predictions.columns[0] == "transcript_id"
        assert result.genes.columns.tolist() == ["transcript_id", "gene_id", "chrom", "fold"]
        assert not result.genes.drop_duplicates(["gene_id", "fold"])["gene_id"].duplicated().any()

    def test_bad_input(self, features, targets):
        with pytest.raises(ValueError, match="0 of 200 rows match"):
            cross_validate(features, targets.assign(gene_id=[f"X{i}" for i in range(N_GENES)]))
        with pytest.raises(ValueError, match="folds is 9"):
            cross_validate(features, targets, n_folds=9)
        with pytest.raises(KeyError, match="liver_cell"):
            cross_validate(features, targets, biosamples=["liver_cell"])


@pytest.mark.slow
def test_with_networks(features, targets, tmp_path):
    training = TrainingConfig(members=2, max_epochs=25, batch_size=32, learning_rate=1e-2)
    result = cross_validate(features, targets, network=TINY, training=training, n_folds=2, folder=tmp_path / "folds")
    assert result.metrics["model"]["fold_change_mean_spearman"] > 0.8
    again = cross_validate(features, targets, network=TINY, training=training, n_folds=2)
    pd.testing.assert_frame_equal(result.predictions, again.predictions)


@pytest.mark.slow
def test_on_a_cluster(features, targets):
    distributed = pytest.importorskip("distributed")
    training = TrainingConfig(members=2, max_epochs=2, batch_size=64)
    options = {"network": TINY, "training": training, "n_folds": 2}
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        far = cross_validate(features, targets, executor=client, **options)
    near = cross_validate(features, targets, **options)
    np.testing.assert_allclose(far.predictions[TASKS], near.predictions[TASKS], atol=1e-5)
