from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from kinds import kinds_of
from planted import TASKS, TINY, planted_dataset, planted_features, planted_targets
from toy_networks import random_bundle

from decode.features.regulators import regulators_of
from decode.ranking.decoys import MARK, decoy_q_values, decoy_table, decoy_test, paired_decoys, with_decoys
from decode.ranking.refit_scores import NetworkScorer

PARTS = np.where(np.arange(240) % 5 == 0, "test", "train")


class TestFeatures:
    def test_every_track_has_its_decoy(self):
        features = planted_features(240)
        both = with_decoys(features, PARTS, seed=0)
        assert len(both.tracks) == 2 * len(features.tracks)
        real = both.select(track_ids=features.track_ids)
        np.testing.assert_array_equal(real.totals(), features.totals())
        assert "promoter|TF:decoy:AAA@K562" in both.track_ids
        assert "rna|miRNA:decoy:miR-1" in both.track_ids
        decoys = both.select(track_ids=[name for name in both.track_ids if MARK in name])
        for name in features.regions:
            np.testing.assert_array_equal(both.lengths(name), features.lengths(name))
            own, other = features.totals(name), decoys.totals(name)
            assert (own != other).any(axis=0).all()
            for part in ("train", "test"):
                np.testing.assert_allclose(
                    (own[part == PARTS] > 0).mean(axis=0), (other[part == PARTS] > 0).mean(axis=0), atol=0.03
                )
        table = regulators_of(both).table
        assert table["n_tracks"].to_numpy().reshape(-1).sum() == len(both.tracks)
        assert table.loc["TF:decoy:AAA", "n_tracks"] == 2
        again = with_decoys(features, PARTS, seed=0)
        np.testing.assert_array_equal(again.totals(), both.totals())
        assert (with_decoys(features, PARTS, seed=1).totals() != both.totals()).any()

    def test_a_clash_is_refused(self):
        both = with_decoys(planted_features(240), PARTS, seed=0)
        with pytest.raises(ValueError, match="bear the mark of decoys, 'decoy:'; rename them"):
            with_decoys(both, PARTS, seed=0)

    def test_pairs(self):
        table = regulators_of(with_decoys(planted_features(240), PARTS, seed=0)).table
        real, decoys = paired_decoys(table)
        for own, other in zip(real, decoys, strict=True):
            assert table.index[other] == table["kind"].iloc[own] + ":decoy:" + table["regulator"].iloc[own]
        for alone in ("TF:decoy:BBB", "TF:BBB"):
            with pytest.raises(ValueError, match="1 regulators and decoys have no partner: TF:decoy:BBB"):
                paired_decoys(table.drop(index=alone))


class TestQValues:
    @pytest.mark.parametrize("level", [0.05, 0.1, 0.3])
    def test_selects_as_knockoff_plus(self, level):
        rng = np.random.default_rng(0)
        for _ in range(20):
            own, other = rng.normal(size=(2, 80)) * 1.0
            own[:35] += 4
            own[70] = other[70]  # a tie: W = 0
            w = np.abs(own) - np.abs(other)
            passing = [t for t in np.abs(w[w != 0]) if (1 + (w <= -t).sum()) / max((w >= t).sum(), 1) <= level]
            expected = w >= min(passing) if passing else np.zeros(80, dtype=bool)
            np.testing.assert_array_equal(decoy_q_values(own, other) <= level, expected)

    def test_edges(self):
        assert decoy_q_values([], []).tolist() == []
        assert decoy_q_values([1.0, -1.0, 0.0], [1.0, 2.0, 0.0]).tolist() == [1, 1, 1]
        twenty = decoy_q_values(-np.ones(20), np.zeros(20))
        np.testing.assert_allclose(twenty, 0.05)
        tasks = decoy_q_values(np.ones((20, 2)) * [1, 0], np.zeros((20, 2)))
        np.testing.assert_allclose(tasks, np.tile([0.05, 1.0], (20, 1)))
        with pytest.raises(ValueError, match="score has shape"):
            decoy_q_values([1.0], [1.0, 2.0])
        with pytest.raises(ValueError, match="undefined"):
            decoy_q_values([np.nan], [1.0])


def test_table_by_hand():
    names = [("TF", "A"), ("TF", "B"), ("TF", "decoy:A"), ("TF", "decoy:B")]
    regulators = pd.DataFrame(names, columns=["kind", "regulator"]).assign(n_tracks=1, n_bound_genes=[5, 6, 5, 6])
    mean = np.array([[9.0, 1.0, -3.0], [0.0, 2.0, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, -1.0]])
    table = decoy_table(
        regulators, mean, ["median_level", "liver", "lung"], kinds_of(["median_level", "liver", "lung"])
    )
    assert table["task"].tolist() == ["overall"] * 2 + ["median_level"] * 2 + ["liver"] * 2 + ["lung"] * 2
    first = table.iloc[0]
    assert (first["regulator"], first["score"], first["decoy_score"], first["w"]) == ("A", 2.0, 0.5, 1.5)
    lung = table[table["task"] == "lung"].set_index("regulator")
    assert lung.loc["A", ["score", "w"]].tolist() == [-3.0, 2.0]
    assert lung.loc["B", "q_value"] == 1
    alone = decoy_table(regulators, mean[:, :1], ["median_level"], ["median_level"])
    assert set(alone["task"]) == {"median_level"}


class TestDecoyTest:
    def test_trains_once_on_both(self, monkeypatch):
        features, bundle = planted_features(240), random_bundle(planted_dataset(240), TINY)
        seen = []

        def job(self, both, seed, **options):
            seen.append((both, seed, self.epochs, self.weights))
            return original(replace(self, epochs=(1,) * self.training.members), both, seed, **options)

        original = NetworkScorer.job
        monkeypatch.setattr(NetworkScorer, "job", job)
        monkeypatch.setattr("decode.ranking.decoys.NetworkScorer.of_model", quick)
        table = decoy_test(bundle, features, planted_targets(features))
        ((both, seed, epochs, weights),) = seen
        assert (seed, epochs, weights) == (3, None, None)
        assert len(both.tracks) == 2 * len(bundle.tracks)
        assert table["task"].unique().tolist() == ["overall", *TASKS]
        assert len(table) == 5 * (1 + len(TASKS))
        assert table["score"].abs().max() > 0
        assert not table["regulator"].str.startswith(MARK).any()

    def test_bad_input(self):
        features, bundle = planted_features(240), random_bundle(planted_dataset(240), TINY)
        targets = planted_targets(features)
        with pytest.raises(ValueError, match="lack 40 of the 240 genes of the model"):
            decoy_test(bundle, features, targets.iloc[:200])
        with pytest.raises(ValueError, match="seed is -1"):
            decoy_test(bundle, features, targets, seed=-1)


def quick(bundle, dataset, *, as_fitted=True, **options):
    from decode.training.config import TrainingConfig

    assert not as_fitted
    targets = planted_targets(planted_features(240))
    kinds = dict(zip(bundle.tasks, bundle.task_kinds, strict=True))
    return NetworkScorer(TINY, TrainingConfig(members=1, seed=3), targets, kinds, bundle.split_map, **options)
