"""Two rankings beside each other."""

from __future__ import annotations

import numpy as np
import pytest
from ranking_data import NAMES, TASKS, attributions

from decode.ranking.against import compare_rankings
from decode.ranking.rank import RegulatorScores, regulator_scores


@pytest.fixture(scope="module")
def scores() -> RegulatorScores:
    return regulator_scores(attributions()[0])


def with_means(scores: RegulatorScores, factor: np.ndarray) -> RegulatorScores:
    """Scores of a model in which each regulator counts so many times as much."""
    return scores._replace(mean=scores.mean * factor[:, None])


def test_by_hand(scores: RegulatorScores) -> None:
    other = with_means(scores, np.array([1.0, 1.0, 100.0, 0.0, 1.0]))  # RBP:A counts more there, RBP:C nothing
    found = compare_rankings(scores, other)
    assert list(dict.fromkeys(found.regulators["task"])) == ["overall", *TASKS]
    liver = found.regulators[found.regulators["task"] == "liver"].set_index(["kind", "regulator"])
    own = np.abs(scores.mean[:, 1])
    there = np.abs(other.mean[:, 1])
    for number, name in enumerate(NAMES):
        row = liver.loc[tuple(name.split(":"))]
        assert row["score"] == pytest.approx(own[number])
        assert row["score_against"] == pytest.approx(there[number])
        assert row["rank"] == 1 + (own > own[number]).sum()
        assert row["rank_against"] == 1 + (there > there[number]).sum()
        assert row["rank_change"] == row["rank"] - row["rank_against"]
    assert liver["rank"].is_monotonic_increasing
    kinds = found.kinds[found.kinds["task"] == "liver"].set_index("kind")
    assert kinds["n_regulators"].to_dict() == {"TF": 2, "RBP": 2, "miRNA": 1}
    assert kinds["share"].sum() == pytest.approx(1.0)
    assert kinds.loc["RBP", "share_against"] == pytest.approx((there[2] + there[3]) / there.sum())
    assert kinds.loc["RBP", "median_rank_against"] == np.median(liver.loc["RBP", "rank_against"])
    assert kinds["n_top"].tolist() == [2, 2, 1]
    assert np.isnan(kinds.loc["miRNA", "spearman"])


def test_the_same_model(scores: RegulatorScores) -> None:
    found = compare_rankings(scores, scores)
    assert (found.regulators["rank_change"] == 0).all()
    assert (found.kinds["share"] == found.kinds["share_against"]).all()
    assert found.kinds["spearman"].dropna().to_numpy() == pytest.approx(1.0)
    assert not found.only_here
    assert not found.only_against


def test_only_shared_regulators_are_ranked(scores: RegulatorScores) -> None:
    keep = [0, 2, 4]
    fewer = scores._replace(regulators=scores.regulators.iloc[keep], mean=scores.mean[keep])
    found = compare_rankings(scores, fewer)
    assert found.only_here == ["TF:B", "RBP:C"]
    assert found.regulators.groupby("task").size().eq(3).all()
    assert found.regulators["rank"].max() == 3
    assert compare_rankings(fewer, scores).only_against == ["TF:B", "RBP:C"]


def test_refused(scores: RegulatorScores) -> None:
    other = scores._replace(attributes=scores.attributes | {"reference": "mean_gene"})
    with pytest.raises(ValueError, match=r"stand on another reference \('mean_gene', these 'own_length'\)"):
        compare_rankings(scores, other)
    renamed = scores.regulators.set_axis([f"TF:X{i}" for i in range(len(NAMES))])
    with pytest.raises(ValueError, match="share no regulator: TF:A"):
        compare_rankings(scores, scores._replace(regulators=renamed))
    elsewhere = scores._replace(tasks=list("abcd"), task_kinds=["median_level"] * 4)
    with pytest.raises(ValueError, match="share no task"):
        compare_rankings(scores, elsewhere)
