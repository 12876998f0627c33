from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fits import DROPPING, QUICK, Killed, assert_same_fit, kill_after
from planted import TINY

from decode.training.data import training_data
from decode.training.losses import masked_loss
from decode.training.member import assemble_network, data_signature, epoch_batches, fit_member


@pytest.fixture(scope="module")
def whole(data):
    """An uninterrupted run."""
    return fit_member(7, data=data, network=DROPPING, training=QUICK)


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
        model = assemble_network(fit, data, TINY).pooled
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
        with pytest.raises(ValueError, match=r"member_seed_7.npz is damaged .*; remove it to compute it again"):
            fit_member(7, **options)

    def test_of_another_layout_raises(self, options, tmp_path):
        path = tmp_path / "member_seed_7.npz"
        with np.load(path) as stored:
            arrays = dict(stored)
        del arrays["variable_0"]
        np.savez(path, **arrays)
        with pytest.raises(ValueError, match=r"is damaged .*not those of this network"):
            fit_member(7, **options)
        del arrays["signature"]
        np.savez(path, **arrays)
        with pytest.raises(ValueError, match="is damaged"):
            fit_member(7, **options)
