from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fits import DROPPING
from planted import TINY, TINY_PAPER, planted_features, planted_targets, quick_bundle

from decode.attribution.attribute import attribute
from decode.core.seeds import member_seeds
from decode.dataset import pooled_inputs
from decode.evaluation.evaluate import evaluate
from decode.evaluation.predict import predict_members
from decode.models.architectures import hidden_view
from decode.models.bundle import load_bundle, model_hash, save_bundle
from decode.models.matching import select_for_model
from decode.models.member_arrays import named_variables
from decode.ranking.refit_scores import NetworkScorer
from decode.training.config import TrainingConfig
from decode.training.transfer import MODES, transfer

PERSONS = TrainingConfig(members=2, max_epochs=6, batch_size=64, learning_rate=3e-3)


@pytest.fixture(scope="module")
def features():
    return planted_features(200)


@pytest.fixture(scope="module")
def persons(features):
    """Eight persons: mixtures of the planted tasks."""
    table = planted_targets(features, seed=5)
    mix = np.random.default_rng(1).normal(size=(3, 8))
    values = table[["liver", "brain", "blood"]].to_numpy() @ mix
    return table[["gene_id"]].assign(**{f"person_{number}": values[:, number] for number in range(8)})


@pytest.fixture(scope="module")
def sources(dataset):
    return {"default": quick_bundle(dataset, DROPPING, max_epochs=4), "paper": quick_bundle(dataset, TINY_PAPER)}


def arrays(bundle, member: int = 0) -> dict[str, np.ndarray]:
    return {name: np.asarray(value) for name, value in named_variables(bundle.members[member].bins).items()}


class TestWhatIsKept:
    @pytest.mark.parametrize("architecture", ["default", "paper"])
    @pytest.mark.parametrize("mode", MODES)
    def test_the_layers_that_change(self, sources, features, persons, architecture, mode):
        source = sources[architecture]
        made = transfer(source, features, persons, mode=mode, training=PERSONS)
        assert made.tasks == [f"person_{number}" for number in range(8)]
        assert made.split_map == source.split_map
        assert made.track_ids == source.track_ids
        assert made.seeds == member_seeds(0, 2)
        for member in range(2):
            before, after = arrays(source, member), arrays(made, member)
            body = [name for name in before if not name.startswith("tasks")]
            same = {name for name in body if np.array_equal(before[name], after[name])}
            if mode == "head":
                assert same == set(body)
            elif mode == "fine_tune":
                assert {name.split("/")[0] for name in set(body) - same} <= {"dense_0", "dense_1", "dense_2"}
                assert {"dense_0/kernel", "dense_0/bias"} & (set(body) - same)
                assert any(name.startswith("normalise") for name in same)
            else:
                assert not {"dense_0/kernel", "normalise_0/moving_mean"} & same
        assert made.training["transfer"] == {"mode": mode, "source_sha256": model_hash(source), "source_tasks": 4}

    def test_the_source_is_not_changed(self, sources, features, persons):
        before = model_hash(sources["default"])
        transfer(sources["default"], features, persons, mode="fine_tune", training=PERSONS)
        assert model_hash(sources["default"]) == before

    def test_a_head_is_a_linear_function_of_the_hidden_units_of_its_source(self, sources, features, persons):
        source = sources["default"]
        made = transfer(source, features, persons, mode="head", training=PERSONS)
        selected = select_for_model(source, features)
        inputs = list(pooled_inputs(selected, source.n_first_bins()).values())
        hidden = np.asarray(hidden_view(source.members[0].pooled)(inputs, training=False), dtype=np.float64)
        predicted = predict_members(made, features)[0]
        fitted, *_ = np.linalg.lstsq(np.column_stack([hidden, np.ones(len(hidden))]), predicted, rcond=None)
        np.testing.assert_allclose(np.column_stack([hidden, np.ones(len(hidden))]) @ fitted, predicted, atol=1e-3)

    def test_test_genes_play_no_part(self, sources, features, persons):
        is_test = features.genes["chrom"].to_numpy() == "chr1"
        scrambled = persons.copy()
        scrambled.loc[is_test, "person_0"] = 1e3
        plain, other = (
            transfer(sources["default"], features, table, mode="fine_tune", training=PERSONS)
            for table in (persons, scrambled)
        )
        np.testing.assert_allclose(predict_members(plain, features), predict_members(other, features), atol=1e-6)

    def test_genes_that_the_source_does_not_know_are_left_out_and_counted(self, dataset, features, persons):
        small = quick_bundle(dataset, TINY, members=1, max_epochs=1)
        small = replace(small, split=small.split.iloc[:150].reset_index(drop=True))
        made = transfer(small, features, persons, mode="head", training=replace(PERSONS, members=1))
        assert made.counts["rows_outside_split"] == 50
        assert set(made.split["id"]) == set(small.split["id"])


class TestFits:
    def test_more_persons_than_units_and_the_signal_is_found(self, dataset, features, persons):
        source = quick_bundle(dataset, replace(TINY, width=32), members=1, max_epochs=40)
        training = TrainingConfig(members=1, max_epochs=60, batch_size=32, learning_rate=5e-3)
        for mode in MODES:
            made = transfer(source, features, persons, mode=mode, training=training)
            found = evaluate(made, features, persons)
            assert found.metrics["model"]["fold_change_mean_spearman"] > 0.75, mode
            assert found.metrics["specificity"]["n_own_highest"] >= 6, mode

    def test_a_killed_transfer_goes_on_to_the_same_weights(self, sources, features, persons, tmp_path):
        source = sources["default"]

        class Killed(Exception):
            pass

        told: list[tuple[int, int]] = []

        def kill(member: int, epoch: int, _loss: float) -> None:
            told.append((member, epoch))
            if len(told) == 9:  # in the second step of the first member
                raise Killed

        options = {"mode": "fine_tune", "training": PERSONS}
        with pytest.raises(Killed):
            transfer(source, features, persons, checkpoint_folder=tmp_path / "work", on_epoch=kill, **options)
        assert len(list((tmp_path / "work").glob("*.npz"))) == 2
        resumed = transfer(source, features, persons, checkpoint_folder=tmp_path / "work", **options)
        whole = transfer(source, features, persons, **options)
        np.testing.assert_allclose(predict_members(resumed, features), predict_members(whole, features), atol=1e-5)

    def test_a_bundle_survives_the_disk_and_is_explained(self, sources, features, persons, tmp_path):
        made = transfer(sources["paper"], features, persons, mode="fine_tune", training=PERSONS)
        save_bundle(made, tmp_path / "persons")
        loaded = load_bundle(tmp_path / "persons")
        assert loaded.training["transfer"]["mode"] == "fine_tune"
        np.testing.assert_allclose(predict_members(loaded, features), predict_members(made, features), atol=1e-6)
        with attribute(loaded, features, out=tmp_path / "persons.nc") as found:
            assert list(found["task"].values) == made.tasks

    def test_the_best_member_is_kept_where_asked_for(self, sources, features, persons):
        made = transfer(sources["default"], features, persons, mode="head", training=replace(PERSONS, keep="best"))
        assert len(made.members) == 1
        assert made.seeds == [member_seeds(0, 2)[int(np.argmin(made.validation_loss))]]


class TestRefusals:
    def test_tracks_that_the_features_lack(self, sources, features, persons):
        kept = [track for track in features.track_ids if "BBB" not in track]
        with pytest.raises(ValueError, match="the features lack 1 of the model's"):
            transfer(sources["default"], features.select(track_ids=kept), persons)

    def test_more_members_than_the_source_has(self, sources, features, persons):
        with pytest.raises(ValueError, match="3 members are asked for and the source has 2"):
            transfer(sources["default"], features, persons, training=replace(PERSONS, members=3))

    def test_an_unknown_mode(self, sources, features, persons):
        with pytest.raises(ValueError, match="transfer mode is 'body'"):
            transfer(sources["default"], features, persons, mode="body")

    def test_targets_of_test_genes_only(self, sources, features, persons):
        is_test = features.genes["chrom"].to_numpy() == "chr1"
        with pytest.raises(ValueError, match="no value for any train gene"):
            transfer(sources["default"], features, persons[is_test])

    def test_refits_of_a_transferred_model(self, sources, features, persons, dataset):
        made = transfer(sources["default"], features, persons, mode="head", training=PERSONS)
        with pytest.raises(ValueError, match="was transferred"):
            NetworkScorer.of_model(made, dataset)
