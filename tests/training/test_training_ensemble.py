from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
from planted import TINY, TINY_PAPER, planted_dataset, planted_features, planted_targets, quick_bundle

import decode.training.ensemble as training_module
from decode.core.seeds import member_seeds
from decode.dataset import TEST, TRAIN, VALIDATION
from decode.evaluation.predict import predict_members
from decode.models.config import ConvolutionConfig
from decode.statistics.metrics import spearman_per_task
from decode.training.config import TrainingConfig
from decode.training.data import training_data
from decode.training.ensemble import fit_members, remove_checkpoints, train, train_dataset
from decode.training.losses import masked_loss
from decode.training.member import MemberFit, data_signature, epoch_batches, fit_member

DROPPING = replace(TINY, dropout=0.3, input_dropout=0.2)  # what a resumed run draws must not repeat
QUICK = TrainingConfig(members=2, max_epochs=6, batch_size=64, learning_rate=3e-3)


@pytest.fixture(scope="module")
def dataset():
    return planted_dataset(200)


@pytest.fixture(scope="module")
def data(dataset):
    return training_data(dataset, DROPPING)


@pytest.fixture(scope="module")
def whole(data):
    """An uninterrupted run."""
    return fit_member(7, data=data, network=DROPPING, training=QUICK)


def assert_same_fit(a: MemberFit, b: MemberFit, tolerance: float = 1e-6) -> None:
    assert (a.seed, a.best_epoch) == (b.seed, b.best_epoch)
    np.testing.assert_allclose(a.history.to_numpy(), b.history.to_numpy(), atol=tolerance)
    for mine, theirs in zip(a.weights, b.weights, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=tolerance)


class Killed(Exception):
    pass


def kill_after(n_epochs: int):
    def on_epoch(epoch: int, _loss: float) -> None:
        if epoch + 1 == n_epochs:
            raise Killed

    return on_epoch


class TestConfig:
    def test_round_trip_and_defaults(self):
        config = TrainingConfig(members=3, seed=5)
        assert TrainingConfig.from_json(config.to_json()) == config
        published = TrainingConfig()
        assert (published.max_epochs, published.patience, published.batch_size) == (100, 10, 128)
        assert published.learning_rate == 1e-3
        with pytest.raises(ValueError, match="training configuration has unknown keys epochs"):
            TrainingConfig.from_json({"epochs": 3})
        with pytest.raises(FrozenInstanceError):
            config.seed = 3  # type: ignore[misc]

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"keep": "all"}, "keep is 'all'; choose one of: mean, best"),
            ({"members": 0}, "members is 0"),
            ({"members": 1.5}, "whole number"),
            ({"patience": 0}, "patience is 0"),
            ({"learning_rate": -1.0}, "learning_rate is -1.0"),
            ({"learning_rate": float("nan")}, "learning_rate is nan"),
            ({"seed": -1}, "seed is -1"),
        ],
    )
    def test_what_is_out_of_range_raises(self, options, message):
        with pytest.raises(ValueError, match=message):
            TrainingConfig(**options)


class TestBatches:
    def test_each_epoch_shuffles_anew_and_by_its_number_alone(self):
        rows = np.arange(100, 150)
        first = list(epoch_batches(rows, 16, seed=1, epoch=0))
        assert [len(batch) for batch in first] == [16, 16, 16]  # the odd two sit out
        assert len(np.unique(np.concatenate(first))) == 48
        again = list(epoch_batches(rows, 16, seed=1, epoch=0))
        np.testing.assert_array_equal(first, again)
        for other in (epoch_batches(rows, 16, seed=1, epoch=1), epoch_batches(rows, 16, seed=2, epoch=0)):
            assert (np.concatenate(list(other)) != np.concatenate(first)).any()

    def test_fewer_rows_than_a_batch_make_one(self):
        (only,) = epoch_batches(np.arange(5), 128, seed=0, epoch=0)
        assert sorted(only) == [0, 1, 2, 3, 4]


class TestMember:
    def test_same_seed_same_weights(self, data, whole):
        assert_same_fit(whole, fit_member(7, data=data, network=DROPPING, training=QUICK))
        other = fit_member(8, data=data, network=DROPPING, training=QUICK)
        assert np.abs(other.weights[-1] - whole.weights[-1]).max() >= 0
        assert any(np.abs(a - b).max() > 1e-3 for a, b in zip(other.weights, whole.weights, strict=True))

    @pytest.mark.parametrize("n_epochs", [1, 3, 5])
    def test_a_killed_run_ends_with_the_same_weights(self, data, whole, tmp_path, n_epochs):
        options = {"data": data, "network": DROPPING, "training": QUICK, "checkpoint_folder": tmp_path}
        with pytest.raises(Killed):
            fit_member(7, **options, on_epoch=kill_after(n_epochs))
        epochs = []
        resumed = fit_member(7, **options, on_epoch=lambda epoch, _loss: epochs.append(epoch))
        assert epochs == list(range(n_epochs, QUICK.max_epochs))
        assert_same_fit(whole, resumed)

    def test_a_finished_run_is_not_repeated(self, data, whole, tmp_path):
        options = {"data": data, "network": DROPPING, "training": QUICK, "checkpoint_folder": tmp_path}
        fit_member(7, **options)
        assert_same_fit(whole, fit_member(7, **options, on_epoch=kill_after(QUICK.max_epochs)))

    def test_early_stopping_keeps_the_best_epoch(self, data):
        config = replace(QUICK, max_epochs=100, patience=2, learning_rate=0.05)
        fit = fit_member(3, data=data, network=TINY, training=config)
        losses = fit.history["validation_loss"]
        assert len(losses) == fit.best_epoch + 1 + 2
        assert fit.best_epoch == losses.idxmin()
        assert fit.validation_loss == losses.min()
        model = training_module.assemble_network(fit, data, TINY).pooled
        predicted = model([values[data.validation] for values in data.inputs.values()], training=False)
        actual = data.targets[data.validation]
        by_hand = masked_loss(actual, predicted, data.task_scale.sd, TINY.huber_delta, data.task_weight)
        assert by_hand == pytest.approx(fit.validation_loss, rel=1e-5)

    def test_a_loss_that_explodes_raises(self, data):
        steep = replace(QUICK, learning_rate=1e30, max_epochs=20)
        with pytest.raises(ValueError, match=r"the loss of the member with seed 1 is (nan|inf) in epoch \d+; lower"):
            fit_member(1, data=data, network=TINY, training=steep)

    def test_missing_values_are_masked(self, dataset):
        rng = np.random.default_rng(0)
        targets = dataset.targets.copy()
        hidden = rng.random(targets.shape) < 0.3
        targets[hidden] = np.nan
        fits = []
        for filler in (np.nan, np.nan):
            filled = np.where(hidden, filler, dataset.targets).astype(np.float32)
            fits.append(
                fit_member(1, data=training_data(replace(dataset, targets=filled), TINY), network=TINY, training=QUICK)
            )
        assert np.isfinite(fits[0].history.to_numpy()).all()
        assert all(np.isfinite(weight).all() for weight in fits[0].weights)
        assert_same_fit(*fits)


class TestCheckpoint:
    @pytest.fixture
    def options(self, data, tmp_path):
        options = {"data": data, "network": DROPPING, "training": QUICK, "checkpoint_folder": tmp_path}
        with pytest.raises(Killed):
            fit_member(7, **options, on_epoch=kill_after(1))
        assert [path.name for path in tmp_path.iterdir()] == ["member_seed_7.npz"]
        return options

    @pytest.mark.parametrize(
        "change",
        [
            {"training": replace(QUICK, learning_rate=1e-4)},
            {"training": replace(QUICK, seed=1)},
            {"network": replace(DROPPING, width=8)},
            {"network": replace(DROPPING, dropout=0.1)},
        ],
    )
    def test_of_other_options_raises(self, options, change):
        with pytest.raises(ValueError, match=r"member_seed_7.npz belongs to a run with other data or options; remove"):
            fit_member(7, **(options | change))

    def test_of_other_data_raises(self, options, data):
        swapped = {name: values.copy() for name, values in data.inputs.items()}
        swapped["promoter"][..., [1, 2]] = swapped["promoter"][..., [2, 1]]  # the same sums, other tracks
        for other in (
            data._replace(inputs=swapped),
            data._replace(targets=data.targets + 1),
            data._replace(train=data.train[1:]),
        ):
            with pytest.raises(ValueError, match="other data or options"):
                fit_member(7, **(options | {"data": other}))

    def test_members_and_how_they_are_combined_do_not_matter(self, data):
        signature = data_signature(data, DROPPING, QUICK)
        assert data_signature(data, DROPPING, replace(QUICK, members=9, keep="best")) == signature
        assert data_signature(data, TINY, QUICK) != signature

    @pytest.mark.parametrize("content", [b"", b"PK\x03\x04nothing", b"text"])
    def test_a_damaged_one_raises(self, options, tmp_path, content):
        (tmp_path / "member_seed_7.npz").write_bytes(content)
        with pytest.raises(ValueError, match=r"member_seed_7.npz is damaged .*; remove it to start again"):
            fit_member(7, **options)

    def test_of_another_layout_raises(self, options, tmp_path):
        path = tmp_path / "member_seed_7.npz"
        with np.load(path) as stored:
            arrays = dict(stored)
        del arrays["variable_0"]
        np.savez(path, **arrays)
        with pytest.raises(ValueError, match="other data or options"):
            fit_member(7, **options)
        del arrays["signature"]
        np.savez(path, **arrays)
        with pytest.raises(ValueError, match="is damaged"):
            fit_member(7, **options)


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

    def test_a_killed_ensemble_resumes(self, data, tmp_path):
        folder = tmp_path / "checkpoints"
        seen: list[int] = []

        def stop_after_first(fit: MemberFit) -> None:
            seen.append(fit.seed)
            if len(seen) == 1:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            fit_members(data, DROPPING, QUICK, checkpoint_folder=folder, on_member=stop_after_first)
        assert len(list(folder.iterdir())) == 1
        resumed = fit_members(data, DROPPING, QUICK, checkpoint_folder=folder, on_member=stop_after_first)
        assert seen == [seen[0], *(fit.seed for fit in resumed)]
        for a, b in zip(fit_members(data, DROPPING, QUICK), resumed, strict=True):
            assert_same_fit(a, b)
        remove_checkpoints(folder)
        assert not folder.exists()
        remove_checkpoints(folder)

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
        assert len(list((tmp_path / "checkpoints").iterdir())) == 2
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
        assert best.training == replace(config, keep="best").to_json()

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
