from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import pytest

from decode.landmark.embedding import compare_spaces, embed_samples, normalise_samples
from decode.landmark.sources import frame_source


def test_samples_seen_before_come_out_as_they_were_prepared(prepared, autoencoder, toy):
    values, counts = normalise_samples(autoencoder, frame_source(toy.expression.sample(frac=1, random_state=0)))
    assert np.array_equal(values, prepared.read())
    assert counts == {"n_samples": 400, "n_genes_shared": 208, "n_genes_filled": 0}
    linear, _ = normalise_samples(autoencoder, frame_source(2.0**toy.expression))
    assert linear == pytest.approx(values, abs=1e-5)
    found = embed_samples(autoencoder, frame_source(toy.expression))
    assert found.table.columns.tolist() == ["sample", *(f"node_{i}" for i in range(1, 13))]
    assert found.table["sample"].tolist() == toy.expression.columns.tolist()
    assert np.array_equal(found.table.iloc[:, 1:].to_numpy(), autoencoder.encode(values))
    centred = values - prepared.train_mean
    components = found.spaces["principal components"]
    assert components.shape == (400, 12)
    assert components == pytest.approx(centred @ autoencoder.components.T, abs=1e-3)


def test_a_sample_does_not_depend_on_the_others(autoencoder, toy):
    alone = embed_samples(autoencoder, frame_source(toy.expression.iloc[:, [7]]))
    whole = embed_samples(autoencoder, frame_source(toy.expression))
    assert alone.table.iloc[0, 1:].to_numpy(float) == pytest.approx(whole.table.iloc[7, 1:].to_numpy(float), abs=1e-5)


def test_genes_that_the_samples_lack_get_the_training_mean_and_are_told(autoencoder, toy, caplog):
    table = toy.expression.drop(index=toy.expression.index[:30])
    with caplog.at_level(logging.WARNING, "decode"):
        values, counts = normalise_samples(autoencoder, frame_source(table))
    assert counts["n_genes_filled"] == 30
    assert values[:, :30] == pytest.approx(np.tile(autoencoder.train_mean[:30], (400, 1)), abs=1e-5)
    assert "30 of 208 genes of the autoencoder are not in expression" in caplog.text
    with pytest.raises(ValueError, match="match the 208 genes"):
        normalise_samples(autoencoder, frame_source(table.set_axis([f"x{i}" for i in range(len(table))], axis=0)))
    mixed = toy.expression.copy()
    mixed.iloc[:, 0] = 2.0 ** mixed.iloc[:, 0]
    with pytest.raises(ValueError, match="mixes linear and log2"):
        normalise_samples(autoencoder, frame_source(mixed))
    with pytest.raises(ValueError, match="member is 1; the autoencoder has members 0 to 0"):
        embed_samples(autoencoder, frame_source(toy.expression), member=1)


def test_groups_that_stand_apart_are_seen_and_random_ones_are_not():
    rng = np.random.default_rng(0)
    labels = np.repeat(["a", "b", "c", ""], 20)
    apart = rng.normal(size=(80, 5)) + 20 * np.repeat(np.arange(4), 20)[:, None]
    table = compare_spaces({"apart": apart, "noise": rng.normal(size=(80, 5))}, labels).set_index("space")
    assert table.loc["apart", "ari"] == 1
    assert table.loc["apart", "silhouette"] > 0.8
    assert abs(table.loc["noise", "ari"]) < 0.1
    assert table.loc["noise", ["n_samples", "n_groups"]].tolist() == [60, 3]
    with pytest.raises(ValueError, match=r"name 1 group\(s\) of at least two samples"):
        compare_spaces({"apart": apart[:21]}, np.array(["a"] * 20 + ["b"]))


def test_figures_hold_every_sample_and_the_numbers(prepared, autoencoder, toy):
    from decode.report.landmark import embedding_figure, training_figure, tree_figure

    found = embed_samples(autoencoder, frame_source(toy.expression))
    labels = toy.samples["group"].to_numpy(dtype=object)
    table = compare_spaces(found.spaces, labels)
    figure = embedding_figure(found.spaces, labels, table)
    for axes, row in zip(figure.axes, table.to_dict("records"), strict=False):
        assert sum(len(points.get_offsets()) for points in axes.collections) == 400
        assert f"ARI {row['ari']:.2f}" in axes.get_title()
    tree = tree_figure(found.spaces["bottleneck"], labels)
    assert len(tree.axes[1].patches) == 400
    curves = training_figure(pd.concat([autoencoder.history, autoencoder.history.assign(member=1)]))
    assert len(curves.axes[0].lines) == 4


def test_a_table_goes_in_as_it_is(autoencoder, toy):
    table = toy.expression.iloc[:, :5]
    pd.testing.assert_frame_equal(
        embed_samples(autoencoder, table).table, embed_samples(autoencoder, frame_source(table)).table
    )
