from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from planted import TINY, planted_dataset, planted_features, planted_targets, quick_bundle
from toy_networks import random_bundle

from decode.attribution.attribute import attribute
from decode.attribution.job import make_job
from decode.dataset import prepare_dataset
from decode.features.regulators import regulators_of
from decode.ranking.null import fit_null, refit_seeds, shuffled_scores
from decode.ranking.null_file import Scores, read_null, write_null
from decode.ranking.rank import rank_regulators, regulator_scores
from decode.ranking.refit_scores import NetworkScorer, fitted_epochs, score_regulators
from decode.training.config import TrainingConfig
from decode.training.data import training_data
from decode.training.member import fit_member

N_GENES = 240


@pytest.fixture(scope="module")
def bundle():
    return random_bundle(planted_dataset(N_GENES), TINY)


@pytest.fixture
def stand_in(monkeypatch):
    """A stand-in for network and attributions: mean log totals and noise; gives the seeds that it was called with."""
    seeds: list[int] = []

    def score(self, features, seed):
        seeds.append(seed)
        n = len(regulators_of(features).table)
        noise = np.random.default_rng(seed).normal(size=(n, len(self.targets.columns) - 1))
        return Scores(noise, np.abs(noise))

    monkeypatch.setattr(NetworkScorer, "__call__", score)
    return seeds


class CountingScorer:
    """Sites of each regulator in the first gene."""

    def __init__(self) -> None:
        self.n_calls = 0

    def __call__(self, features, seed):
        self.n_calls += 1
        values = features.totals()[0, :3, None].astype(np.float64)
        return Scores(values, np.abs(values))


class TestShuffledScores:
    def test_every_refit_sees_other_sites(self):
        features, parts = planted_features(N_GENES), np.full(N_GENES, "train")
        scores, kept = shuffled_scores(CountingScorer(), features, parts, refits=5)
        assert scores.mean.shape == (5, 3, 1)
        assert scores.usage is None
        assert len(np.unique(scores.mean[:, :, 0], axis=0)) > 2
        assert all(0.9 < share <= 1 for share in kept)
        again, _ = shuffled_scores(CountingScorer(), features, parts, refits=4, executor="threads:2")
        np.testing.assert_array_equal(again.mean, scores.mean[:4])
        other, _ = shuffled_scores(CountingScorer(), features, parts, refits=5, seed=1)
        assert (other.mean != scores.mean).any()

    def test_a_killed_run_goes_on(self, tmp_path):
        features, parts = planted_features(N_GENES), np.full(N_GENES, "train")
        scorer, options = CountingScorer(), {"folder": tmp_path / "refits", "signature": "a"}

        def stop(name: str, was_finished: bool) -> None:
            if name == "refit_0001":
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            shuffled_scores(scorer, features, parts, refits=4, on_run=stop, **options)
        assert scorer.n_calls == 2
        resumed, _ = shuffled_scores(scorer, features, parts, refits=5, **options)
        assert scorer.n_calls == 5
        plain, _ = shuffled_scores(CountingScorer(), features, parts, refits=5)
        np.testing.assert_array_equal(resumed.mean, plain.mean)
        with pytest.raises(ValueError, match="other data or options"):
            shuffled_scores(scorer, features, parts, refits=4, folder=tmp_path / "refits", signature="b")

    def test_few_refits(self, caplog):
        features, parts = planted_features(N_GENES), np.full(N_GENES, "train")
        with pytest.raises(ValueError, match="refits is 2; at least 3 are needed and 20 are wanted"):
            shuffled_scores(CountingScorer(), features, parts, refits=2)
        with pytest.raises(ValueError, match="refits is 0"):
            shuffled_scores(CountingScorer(), features, parts, refits=0)
        with caplog.at_level(logging.WARNING):
            shuffled_scores(CountingScorer(), features, parts, refits=3)
        assert "3 refits; z and p-values are coarse below 20" in caplog.text

    def test_undefined_scores(self):
        features, parts = planted_features(N_GENES), np.full(N_GENES, "train")
        with pytest.raises(ValueError, match="has an undefined mean"):
            shuffled_scores(lambda *_: Scores(np.full((3, 1), np.nan), np.zeros((3, 1))), features, parts, refits=3)

    def test_seeds(self):
        assert len(set(refit_seeds(0, 50)) | set(refit_seeds(1, 50))) == 100


class TestScores:
    @pytest.mark.parametrize("reference", ["own_length", "matched_genes"])
    def test_as_in_a_file_of_attributions(self, bundle, reference):
        features = planted_features(N_GENES)
        job = make_job(bundle, features, engine="exact", reference=reference, genes=None, part="test")
        found = score_regulators(job)
        expected = regulator_scores(attribute(bundle, features, reference=reference, agreement_genes=0))
        assert job.regulators.table.index.tolist() == expected.regulators.index.tolist()
        np.testing.assert_allclose(found.mean, expected.mean, rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(found.mean_abs, expected.mean_abs, rtol=1e-6, atol=1e-9)
        assert found.usage is None

    def test_usage_of_transcripts(self):
        features = planted_features(N_GENES, level="transcript")
        targets = planted_targets(planted_features(N_GENES)).drop(columns="gene_id")
        targets.insert(0, "transcript_id", features.ids)
        bundle = random_bundle(prepare_dataset(features, targets, min_bound_genes=20), TINY)
        job = make_job(bundle, features, engine="exact", reference="own_length", genes=None, part="test")
        expected = regulator_scores(attribute(bundle, features, agreement_genes=0), usage=True)
        np.testing.assert_allclose(score_regulators(job).usage, expected.mean, rtol=1e-6, atol=1e-9)


class TestRecipe:
    def test_epochs_of_a_model(self, bundle):
        history = pd.DataFrame({"member": [0, 0, 0, 1, 1], "epoch": [0, 1, 2, 0, 1]})
        history["validation_loss"] = [3.0, 1.0, 2.0, 5.0, 4.0]
        assert fitted_epochs(replace(bundle, history=history)) == (2, 2)
        assert fitted_epochs(bundle) is None

    def test_what_the_model_chose_stays(self, bundle):
        dataset = planted_dataset(N_GENES)
        chosen = replace(bundle, counts={"kind_weights": {"rna|RBP": 0.3}})
        scorer = NetworkScorer.of_model(chosen, dataset)
        assert scorer.weights == {"rna|RBP": 0.3}
        anew = NetworkScorer.of_model(chosen, dataset, as_fitted=False)
        assert (anew.weights, anew.epochs) == (None, None)

    def test_a_fixed_number_of_epochs(self):
        data = training_data(planted_dataset(N_GENES), TINY, {"rna|RBP": 1.0})
        training = TrainingConfig(max_epochs=3, patience=1, batch_size=64, learning_rate=1e-2)
        fits = [fit_member(5, data=data, network=TINY, training=training, epochs=n) for n in (2, 3, 4)]
        assert [len(fit.history) for fit in fits] == [2, 3, 4]  # also beyond the most
        assert fits[1].best_epoch == 2
        assert fits[1].validation_loss == fits[1].history["validation_loss"].iloc[-1]
        pd.testing.assert_frame_equal(fits[0].history, fits[1].history.iloc[:2])
        assert any((a != b).any() for a, b in zip(fits[0].weights, fits[1].weights, strict=True))


class TestFitNull:
    def test_file_and_ranking(self, bundle, stand_in, tmp_path):
        features = planted_features(N_GENES)
        null = fit_null(bundle, features, planted_targets(features), refits=20)
        assert stand_in == refit_seeds(0, 20)
        write_null(null, tmp_path / "null.nc")
        found = read_null(tmp_path / "null.nc")
        np.testing.assert_array_equal(found["mean"], null["mean"])
        assert dict(found.sizes) == {"refit": 20, "regulator": 5, "task": 4}
        assert found["regulator"].to_numpy().tolist() == ["TF:AAA", "TF:BBB", "RBP:CCC", "RBP:AAA", "miRNA:miR-1"]
        assert found["regulator_n_tracks"].to_numpy().tolist() == [2, 1, 1, 1, 1]
        assert found.attrs["kept_share"] > 0.9
        with attribute(bundle, features, out=tmp_path / "a.nc", agreement_genes=0) as attributions:
            scores = regulator_scores(attributions)
        table = rank_regulators(scores, found)
        assert table["p_value"].between(1 / 41, 1).all()
        mine = found.attrs["explained_sha256"]
        assert mine == scores.attributes["explained_sha256"]
        other = regulator_scores(attribute(bundle, features, part="validation", agreement_genes=0))
        with pytest.raises(ValueError, match="the null explains other genes"):
            rank_regulators(other, found)

    def test_order_of_genes_plays_no_part_for_the_split(self, bundle, stand_in, monkeypatch):
        features = planted_features(N_GENES)
        seen = []

        def score(self, exchanged, seed):
            dataset = prepare_dataset(exchanged, self.targets, split=self.split, track_ids=exchanged.track_ids)
            seen.append(dataset)
            return Scores(np.zeros((5, 4)), np.zeros((5, 4)))

        monkeypatch.setattr(NetworkScorer, "__call__", score)
        fit_null(bundle, features, planted_targets(features), refits=3)
        split = bundle.split_map
        targets = planted_targets(features).set_index("gene_id")
        for dataset in seen:
            assert dataset.split.tolist() == [split[name] for name in dataset.features.ids]
            np.testing.assert_allclose(
                dataset.targets, targets.loc[dataset.features.ids, dataset.tasks].to_numpy(), rtol=1e-6
            )
            own = features.select(genes=dataset.features.ids.tolist(), track_ids=dataset.features.track_ids)
            assert (own.totals() != dataset.features.totals()).any(axis=1).mean() > 0.9
            np.testing.assert_array_equal(own.lengths("rna"), dataset.features.lengths("rna"))

    def test_resumes_and_refuses_other_data(self, bundle, stand_in, tmp_path):
        features = planted_features(N_GENES)
        targets, folder = planted_targets(features), tmp_path / "refits"
        first = fit_null(bundle, features, targets, refits=3, folder=folder)
        more = fit_null(bundle, features, targets, refits=4, folder=folder)
        assert len(stand_in) == 4
        np.testing.assert_array_equal(more["mean"][:3], first["mean"])
        for options in ({"reference": "median_length"}, {"part": "validation"}):
            with pytest.raises(ValueError, match="other data or options"):
                fit_null(bundle, features, targets, refits=3, folder=folder, **options)
        with pytest.raises(ValueError, match="other data or options"):
            fit_null(bundle, features, targets.assign(liver=targets["liver"] + 1), refits=3, folder=folder)

    def test_bad_input(self, bundle, stand_in):
        features = planted_features(N_GENES)
        targets = planted_targets(features)
        few = features.select(genes=features.ids[:200].tolist())
        with pytest.raises(ValueError, match="lack 40 of the 240 genes of the model: G0200"):
            fit_null(bundle, few, targets, refits=3)
        with pytest.raises(ValueError, match="targets lack 1 of the model's tasks: liver"):
            fit_null(bundle, features, targets.drop(columns="liver"), refits=3)
        with pytest.raises(ValueError, match="the features lack 1 of the model's"):
            fit_null(bundle, features.select(kinds=["TF", "RBP"]), targets, refits=3)
        with pytest.raises(ValueError, match="reference is 'x'"):
            fit_null(bundle, features, targets, refits=3, reference="x")
        with pytest.raises(ValueError, match="refits is 2"):
            fit_null(bundle, features, targets, refits=2)
        assert not stand_in

    @pytest.mark.slow
    def test_with_networks(self, tmp_path):
        dataset = planted_dataset(N_GENES)
        bundle = quick_bundle(dataset, members=2, max_epochs=3)
        features = planted_features(N_GENES)
        null = fit_null(bundle, features, planted_targets(features), refits=3)
        again = fit_null(bundle, features, planted_targets(features), refits=3, executor="threads:2")
        np.testing.assert_allclose(null["mean"], again["mean"], atol=1e-5)
        assert (null["mean"].std("refit") > 0).any()


class TestFile:
    def test_not_a_null(self, tmp_path):
        with pytest.raises(FileNotFoundError, match=r"no\.nc does not exist"):
            read_null(tmp_path / "no.nc")
        (tmp_path / "text.nc").write_text("text")
        with pytest.raises(ValueError, match="give the output of decode null"):
            read_null(tmp_path / "text.nc")

    def test_another_kind_or_version(self, bundle, stand_in, tmp_path):
        features = planted_features(N_GENES)
        null = fit_null(bundle, features, planted_targets(features), refits=3)
        write_null(null.assign_attrs(format="decode-attributions"), tmp_path / "a.nc")
        with pytest.raises(ValueError, match="is no null file"):
            read_null(tmp_path / "a.nc")
        write_null(null.assign_attrs(schema_version=99), tmp_path / "b.nc")
        with pytest.raises(ValueError, match="of schema version 99"):
            read_null(tmp_path / "b.nc")
        whole = (tmp_path / "b.nc").read_bytes()
        (tmp_path / "c.nc").write_bytes(whole[: len(whole) // 2])
        with pytest.raises(ValueError, match="damaged"):
            read_null(tmp_path / "c.nc")


def test_transcripts_are_warned_of(stand_in, caplog):
    features = planted_features(N_GENES, level="transcript")
    targets = pd.DataFrame(planted_targets(planted_features(N_GENES)).drop(columns="gene_id"))
    targets.insert(0, "transcript_id", features.ids)
    bundle = random_bundle(prepare_dataset(features, targets, min_bound_genes=20), TINY)
    with caplog.at_level(logging.WARNING):
        fit_null(replace(bundle), features, targets, refits=3)
    assert "transcripts of one gene exchange sites one by one" in caplog.text
