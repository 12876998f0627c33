from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import fisher_exact

from benchmarks.bench_recovery import Panel, chance_row, interval, rank_shares, row_of, static_scores
from benchmarks.recovery_data import HALF_DISTANCE_BP, REACH, Signatures, potential
from benchmarks.recovery_peers import ceiling_scores, fisher_scores


def table(regulators: list[str], sources: list[str] | None = None) -> pd.DataFrame:
    names = [f"s{i}" for i in range(len(regulators))]
    return pd.DataFrame({"signature_id": names, "regulator": regulators, "source": sources or names})


def test_ranks_with_ties_and_unknown_tfs_last() -> None:
    scores = pd.DataFrame(
        [[3.0, 1.0, np.nan, np.nan], [1.0, 1.0, 5.0, np.nan]], index=["s0", "s1"], columns=list("ABCD")
    )
    assert rank_shares(scores, table(["C", "A"])).tolist() == [3.5 / 4, 2.5 / 4]
    assert rank_shares(scores, table(["A", "D"])).tolist() == [0.25, 1.0]


def test_one_score_a_tf_and_paired_differences() -> None:
    which = table(["A", "A", "A", "B"])
    ours = pd.DataFrame(np.tile([4.0, 3.0, 2.0, 1.0], (4, 1)), index=which["signature_id"], columns=list("ABCD"))
    panel = Panel("x", Signatures(which, ours), list("ABCD"), ours)
    row = row_of("ours", ours, panel, is_ours=True)
    assert row.numbers["mean_rank_share"] == pytest.approx((0.25 + 0.5) / 2)
    assert row.numbers["mean_rank_share_by_signature"] == pytest.approx((3 * 0.25 + 0.5) / 4)
    peer = row_of("peer", -ours[["A", "B"]], panel)  # knows two TFs, in the wrong order
    assert peer.numbers["difference"] == pytest.approx((0.25 - 0.5 + 0.5 - 0.25) / 2)
    assert peer.numbers["difference_scored"] == pytest.approx((0.5 - 1.0 + 1.0 - 0.5) / 2)
    assert chance_row(panel).numbers["mean_rank_share"] == pytest.approx(0.625)
    low, high = interval(np.array([0.0, 0.0, 0.0, 1.0]), which)
    assert low <= 0.5 <= high


def test_the_static_ranking_leaves_the_tf_out() -> None:
    combined = pd.DataFrame({"A": [9.0, 9.0, 1.0], "B": [0.0, 0.0, 2.0]}, index=["s0", "s1", "s2"])
    found = static_scores(combined, table(["A", "A", "B"]), table(["A", "A", "B"]))
    assert found.loc[["s0", "s1", "s2"], ["A", "B"]].to_numpy().tolist() == [[1, 2], [1, 2], [9, 0]]


def test_potential_by_hand() -> None:
    genes = pd.DataFrame({"chrom": ["chr1", "chr2"], "tss": [100_000, 500]})
    near, far = 100_000 + HALF_DISTANCE_BP, 100_000 + (REACH + 1) * HALF_DISTANCE_BP
    middles = [100_000, near, far, near]
    sites = pd.DataFrame({"chrom": "chr1", "start": [m - 5 for m in middles], "end": [m + 5 for m in middles]})
    assert potential(genes, sites, np.array([0, 0, 0, 1]), 2).tolist() == [[1.5, 0.5], [0.0, 0.0]]


def test_fisher_is_that_of_scipy() -> None:
    rng = np.random.default_rng(0)
    ids = [f"G{i}" for i in range(200)]
    target = pd.DataFrame(rng.random((200, 3)) < 0.2, index=ids, columns=list("ABC"))
    changes = pd.DataFrame((rng.random((200, 2)) < 0.3).astype(float), index=ids, columns=["s0", "s1"])
    found = fisher_scores(target, changes)
    for tf in target:
        counts = pd.crosstab(target[tf], changes["s1"] != 0).reindex(index=[True, False], columns=[True, False])
        expected = fisher_exact(counts, alternative="greater").pvalue
        assert found.loc["s1", tf] == pytest.approx(-np.log(expected))


def test_the_ceiling_comes_from_other_series() -> None:
    rng = np.random.default_rng(0)
    base = rng.random((300, 2)) < 0.2
    same = np.column_stack([base[:, 0], base[:, 0], base[:, 1], base[:, 1]])
    which = table(["A", "A", "B", "B"], ["g1", "g2", "g3", "g3"])
    changes = pd.DataFrame(same.astype(float), index=[f"G{i}" for i in range(300)], columns=which["signature_id"])
    level = pd.Series(rng.normal(size=300), index=changes.index)
    scores = ceiling_scores(changes, which, level)
    assert scores.loc["s0", "A"] == pytest.approx(1.0)
    assert np.isnan(scores.loc["s2", "B"])  # both signatures of B are of one series
    assert scores.loc["s2", "A"] < 0.3
