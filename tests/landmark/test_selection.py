from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from decode.landmark.autoencoder import AutoencoderConfig
from decode.landmark.autoencoder_fit import train_autoencoder
from decode.landmark.prepare import prepare_expression
from decode.landmark.selection import COLUMNS, mean_overlap, select_panel


def test_planted_hubs_are_chosen(prepared, autoencoder, toy):
    panel = select_panel(prepared, size=16, autoencoder=autoencoder, repeats=4)
    chosen = panel.table
    assert list(chosen.columns) == [*COLUMNS, "stability"]
    assert chosen["rank"].tolist() == list(range(1, 17))
    assert chosen["score"].is_monotonic_decreasing
    assert len(set(chosen["gene_id"]) & set(toy.hubs)) >= 5  # 16 random genes of 208 hold 0.6 of the 8
    stability = chosen.set_index("gene_id")["stability"]
    assert stability.max() == 1
    assert stability.iloc[:5].mean() >= stability.iloc[-5:].mean()
    assert panel.counts["mean_overlap"] > 5 * panel.counts["overlap_by_chance"]


def test_a_small_panel_is_the_head_of_a_large_one(prepared, autoencoder):
    small, large = (select_panel(prepared, size=size, autoencoder=autoencoder, max_samples=30) for size in (5, 40))
    assert small.table.equals(large.table.head(5))
    assert small.counts["n_training_samples"] == 30
    assert "stability" not in small.table


def test_members_are_averaged_and_are_repeats_of_each_other(prepared):
    tiny = AutoencoderConfig(hidden=6, bottleneck=3, epochs=3, min_updates=0, members=3)
    several = train_autoencoder(prepared, tiny)
    panel = select_panel(prepared, size=20, autoencoder=several)
    assert panel.counts["n_repeats"] == 3
    scores = [
        select_panel(prepared, size=20, autoencoder=replace(several, members=[member])).scores["score"]
        for member in several.members
    ]
    assert panel.scores["score"].to_numpy() == pytest.approx(np.mean(scores, axis=0))


def test_bad_input(prepared, autoencoder, toy):
    with pytest.raises(ValueError, match="a panel of 209 genes is larger than the 208 genes"):
        select_panel(prepared, size=209, autoencoder=autoencoder)
    with pytest.raises(ValueError, match="size is 0"):
        select_panel(prepared, size=0, autoencoder=autoencoder)
    with pytest.raises(ValueError, match="'deeplift' explains an autoencoder"):
        select_panel(prepared, size=5)
    with pytest.raises(ValueError, match="method is 'lasso'"):
        select_panel(prepared, size=5, method="lasso")
    other = prepare_expression(toy.expression.iloc[1:], deduplicate=False)
    with pytest.raises(ValueError, match=r"208 genes, the prepared matrix 207, and 207 names match"):
        select_panel(other, size=5, autoencoder=autoencoder)
    turned = prepare_expression(toy.expression.iloc[::-1], deduplicate=False)
    with pytest.raises(ValueError, match="their order differs"):
        select_panel(turned, size=5, autoencoder=autoencoder)


def test_overlap_by_hand():
    repeated = np.array([[0, 1, 2], [0, 1, 3], [0, 4, 5]])
    assert mean_overlap(repeated) == pytest.approx((2 + 1 + 1) / 3 / 3)
    assert np.isnan(mean_overlap(repeated[:1]))
