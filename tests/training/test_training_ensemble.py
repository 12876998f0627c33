from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fits import DROPPING, QUICK, assert_same_fit, kill_after
from planted import TINY, TINY_PAPER, planted_features, planted_targets, quick_bundle

from decode.core.resume import remove_work_folder
from decode.core.seeds import member_seeds
from decode.dataset import TEST, TRAIN, VALIDATION
from decode.evaluation.predict import predict_members
from decode.models.config import ConvolutionConfig
from decode.statistics.metrics import spearman_per_task
from decode.training.config import TrainingConfig
from decode.training.data import training_data
from decode.training.ensemble import fit_members, train, train_dataset
from decode.training.member import MemberFit


class TestMembers:
    def test_a_member_does_not_depend_on_how_many_there_are(self, data):
        assert member_seeds(0, 3)[:2] == member_seeds(0, 2)
        two = fit_members(data, TINY, QUICK)
        (one,) = fit_members(data, TINY, replace(QUICK, members=1))
        assert_same_fit(one, two[0])
        assert two[0].seed != two[1].seed

    def test_threads_give_the_same_members(self, data):
        """Members built at the same time must not mix their draws."""
        config = replace(QUICK, members=4, max_epochs=2)
        for a, b in zip(
            fit_members(data, DROPPING, config), fit_members(data, DROPPING, config, executor="threads:2"), strict=True
        ):
            assert_same_fit(a, b)

    def test_every_epoch_is_told_where_members_are_fitted_here(self, data):
        config = replace(QUICK, max_epochs=2)
        for executor in ("serial", "threads:2"):
            told: list[tuple[int, int, float]] = []
            tell = told.append
            fits = fit_members(data, TINY, config, executor=executor, on_epoch=lambda *each, tell=tell: tell(each))
            assert sorted(each[:2] for each in told) == [(0, 0), (0, 1), (1, 0), (1, 1)]
            for member, epoch, loss in told:
                assert loss == pytest.approx(fits[member].history["validation_loss"][epoch], abs=1e-6)

        class Elsewhere:
            """A map that does not say where it runs."""

            def map(self, function, items):
                return map(function, items)

        fit_members(data, TINY, config, executor=Elsewhere(), on_epoch=kill_after(1))

    def test_a_killed_ensemble_resumes(self, data, tmp_path):
        folder = tmp_path / "checkpoints"
        seen: list[int] = []

        def stop_after_first(fit: MemberFit) -> None:
            seen.append(fit.seed)
            if len(seen) == 1:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            fit_members(data, DROPPING, QUICK, checkpoint_folder=folder, on_member=stop_after_first)
        assert len(list(folder.glob("member_seed_*.npz"))) == 1
        resumed = fit_members(data, DROPPING, QUICK, checkpoint_folder=folder, on_member=stop_after_first)
        assert seen == [seen[0], *(fit.seed for fit in resumed)]
        for a, b in zip(fit_members(data, DROPPING, QUICK), resumed, strict=True):
            assert_same_fit(a, b)
        remove_work_folder(folder)
        assert not folder.exists()
        remove_work_folder(folder)

    def test_an_error_before_the_first_checkpoint_leaves_no_folder(self, data, tmp_path):
        with pytest.raises(ValueError, match="the loss"):
            fit_members(data, TINY, replace(QUICK, learning_rate=1e35), checkpoint_folder=tmp_path / "checkpoints")
        with pytest.raises(FileNotFoundError, match="does not exist"):
            fit_members(data, TINY, QUICK, checkpoint_folder=tmp_path / "absent" / "checkpoints")
        assert not list(tmp_path.iterdir())

    @pytest.mark.slow
    def test_a_dask_cluster_gives_the_same_members(self, data, tmp_path):
        distributed = pytest.importorskip("distributed")
        with (
            distributed.LocalCluster(
                n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, local_directory=str(tmp_path)
            ) as cluster,
            distributed.Client(cluster) as client,
        ):
            fits = fit_members(data, DROPPING, QUICK, executor=client, checkpoint_folder=tmp_path / "checkpoints")
            by_address = fit_members(data, DROPPING, QUICK, executor=cluster.scheduler_address)
        assert len(list((tmp_path / "checkpoints").glob("member_seed_*.npz"))) == 2
        for a, b, c in zip(fit_members(data, DROPPING, QUICK), fits, by_address, strict=True):
            assert_same_fit(a, b, 1e-5)
            assert_same_fit(a, c, 1e-5)


class TestEnsemble:
    def test_the_mean_of_all_or_the_best(self, dataset):
        config = replace(QUICK, members=3)
        mean = train_dataset(dataset, TINY, config)
        best = train_dataset(dataset, TINY, replace(config, keep="best"))
        assert len(mean.members) == 3
        assert mean.seeds == member_seeds(0, 3)
        assert mean.validation_loss == best.validation_loss
        number = int(np.argmin(mean.validation_loss))
        assert best.seeds == [mean.seeds[number]]
        np.testing.assert_allclose(
            predict_members(best, dataset.features)[0], predict_members(mean, dataset.features)[number], atol=1e-6
        )
        assert sorted(best.history["member"].unique()) == [0, 1, 2]
        assert best.training == replace(config, keep="best").resolved("default", len(dataset.rows(TRAIN))).to_json()

    def test_what_the_bundle_records(self, dataset):
        made = quick_bundle(dataset, TINY_PAPER)
        assert made.tasks == dataset.tasks
        assert made.track_ids == dataset.features.track_ids
        assert made.features["build"] == "hg19"
        assert made.split_map == dict(zip(dataset.features.ids, dataset.split, strict=True))
        assert made.n_first_bins() == {"promoter": 0, "rna": 2}
        assert set(made.split_map.values()) == {TRAIN, VALIDATION, TEST}

    def test_nothing_to_learn_raises(self, dataset):
        flat = replace(dataset, targets=np.ones_like(dataset.targets))
        with pytest.raises(ValueError, match="none of the 4 tasks varies over the"):
            training_data(flat, TINY)
        unjudged = replace(dataset, targets=dataset.targets.copy())
        unjudged.targets[dataset.rows(VALIDATION)] = np.nan
        with pytest.raises(ValueError, match=r"validation genes have no value in any task"):
            training_data(unjudged, TINY)


class TestLearning:
    @pytest.mark.parametrize("network", [TINY, "paper"], ids=["default", "paper"])
    def test_a_planted_linear_signal_is_found(self, network):
        if network == "paper":
            network = replace(TINY_PAPER, width=32, rna=ConvolutionConfig(kernel_size=2, filters=16, n_layers=2))
        features = planted_features(400, seed=2)
        targets = planted_targets(features, seed=2)
        seen = []
        made = train(
            features,
            targets,
            network=network,
            training=TrainingConfig(members=2, batch_size=32, learning_rate=5e-3, max_epochs=60),
            on_member=seen.append,
        )
        assert len(seen) == 2
        rows = np.flatnonzero(features.genes["chrom"] == "chr1")
        actual = targets[made.tasks].to_numpy()[rows]
        predicted = predict_members(made, features).mean(axis=0)[rows]
        assert spearman_per_task(actual, predicted).min() > 0.8
        mean = targets[made.tasks].to_numpy()[features.genes["chrom"] != "chr1"].mean(axis=0)
        assert (((predicted - actual) ** 2).mean(axis=0) < 0.5 * ((mean - actual) ** 2).mean(axis=0)).all()

    def test_the_verb_passes_its_options_on(self, tmp_path):
        features = planted_features(200)
        targets = planted_targets(features)
        made = train(
            features,
            targets,
            network=TINY,
            training=TrainingConfig(members=1, max_epochs=1, seed=4),
            test_chromosome="chr2",
            biosamples=["K562"],
            groups={gene: f"family{i // 2}" for i, gene in enumerate(features.ids)},
            checkpoint_folder=tmp_path / "checkpoints",
        )
        assert set(made.tracks["biosample"]) <= {"K562", ""}
        assert made.counts["excluded"] > 0
        assert all(made.split_map[gene] == TEST for gene in features.ids[1::5])
        assert (tmp_path / "checkpoints").is_dir()
        with pytest.raises(ValueError, match="choose one of: default, paper"):
            train(features, targets, network="published")  # type: ignore[arg-type]
