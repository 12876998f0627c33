from __future__ import annotations

import json
import logging
from dataclasses import replace

import numpy as np
import pytest

from decode.core.files import sha256_of
from decode.landmark import autoencoder as autoencoder_module
from decode.landmark import autoencoder_fit
from decode.landmark.autoencoder import AutoencoderConfig, build_autoencoder, load_autoencoder, save_autoencoder
from decode.landmark.autoencoder_fit import train_autoencoder, training_components
from decode.landmark.prepare import prepare_expression
from decode.landmark.reconstruction import reconstruction_accuracy

TINY = AutoencoderConfig(hidden=6, bottleneck=3, epochs=4, min_updates=0)


def test_the_published_network():
    config = AutoencoderConfig()
    model = build_autoencoder(config, np.zeros(30), np.ones(30))
    dense = [layer for layer in model.layers if hasattr(layer, "kernel")]
    assert [layer.units for layer in dense] == [500, 100, 500, 30]
    assert {layer.activation.__name__ for layer in dense} == {"sigmoid"}
    assert [layer.rate for layer in model.layers if "dropout" in layer.name] == [0.1, 0.1]
    assert (config.epochs, config.batch_size, config.l2) == (100, 128, 1e-6)


def test_the_first_layer_brings_training_values_to_0_and_1(prepared, autoencoder):
    scaled = np.asarray(autoencoder.members[0].get_layer("scale")(prepared.read(prepared.rows("train"))))
    assert scaled.min(axis=0) == pytest.approx(0, abs=1e-5)
    assert scaled.max(axis=0) == pytest.approx(1, abs=1e-5)
    blank = build_autoencoder(TINY, np.full(4, 7.0), np.full(4, 7.0))  # no range: no division by zero
    assert np.isfinite(np.asarray(blank(np.full((1, 4), 7.0)))).all()


def test_one_step_is_that_of_the_stated_loss(prepared):
    """Mean absolute error on the scale (0, 1), plus L2 of all kernels, by hand for plain gradient descent."""
    import keras
    import tensorflow as tf

    config = replace(TINY, dropout=0.0, l2=0.01)
    values = prepared.read(prepared.rows("train")[:5])
    model, other = (build_autoencoder(config, prepared.train_min, prepared.train_max, seed=1) for _ in range(2))
    optimizer = keras.optimizers.SGD(1.0)
    optimizer.build(model.trainable_variables)
    error = autoencoder_fit.make_update(model, optimizer, config.l2)(tf.constant(values))
    span = (prepared.train_max - prepared.train_min).astype(np.float32)
    scaled = (values - prepared.train_min.astype(np.float32)) / span
    assert float(error) == pytest.approx(np.abs(np.asarray(other(values)) - scaled).mean(), rel=1e-4)
    bias = other.get_layer("genes").bias  # of the last layer: d mean|s - x| / d b_g = mean over samples of sign * s'
    out = np.asarray(other(values))
    gradient = (np.sign(out - scaled) * out * (1 - out)).sum(axis=0) / out.size
    assert np.asarray(bias) - np.asarray(model.get_layer("genes").bias) == pytest.approx(gradient, abs=1e-6)


def test_it_learns_more_than_the_mean_and_says_so(prepared, autoencoder):
    found = autoencoder.metrics["test"]
    rows = prepared.rows("test")
    values = prepared.read(rows).astype(float)
    mean_error = np.abs(values - prepared.train_mean).mean()
    assert found["mean_mae"] < 0.95 * mean_error
    assert found["mean_pcc"] > 0.3
    again = autoencoder.reconstruct(values)
    assert found["mean_mae"] == pytest.approx(np.abs(again - values).mean(), abs=1e-5)
    accuracy = reconstruction_accuracy(autoencoder, prepared, "test")
    exact = [np.corrcoef(values[:, gene], again[:, gene])[0, 1] for gene in range(prepared.n_genes)]
    assert accuracy.pcc == pytest.approx(exact, abs=1e-5)


def test_few_samples_get_a_least_number_of_updates(prepared, autoencoder, caplog):
    counts = autoencoder.counts
    assert counts["is_few_samples"]
    assert counts["n_updates"] >= 2000
    assert counts["batch_size"] == 320 // 8
    with caplog.at_level(logging.INFO, "decode"):
        train_autoencoder(prepared, replace(TINY, min_updates=50))
    assert "few samples: 7 epochs of batches of 40, so that 56 steps are done" in caplog.text


def test_seeds_decide_everything_and_samples_held_out_teach_nothing(prepared, toy):
    first, again = (train_autoencoder(prepared, TINY).members[0].get_weights() for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    other = train_autoencoder(prepared, replace(TINY, seed=1)).members[0].get_weights()
    assert not np.allclose(first[2], other[2])
    changed = toy.expression.copy()
    changed.iloc[:, prepared.rows("test")] += np.random.default_rng(0).normal(
        size=(len(changed), len(prepared.rows("test")))
    )
    same = train_autoencoder(prepare_expression(changed, deduplicate=False), TINY).members[0].get_weights()
    assert all(np.array_equal(a, b) for a, b in zip(first, same, strict=True))


def test_from_disk_as_from_memory_and_resumed_as_in_one_go(prepared, toy, tmp_path, monkeypatch):
    whole = train_autoencoder(prepared, replace(TINY, members=2))
    monkeypatch.setattr(autoencoder_fit, "CHECKPOINT_S", 0.0)

    def stop(member, epoch, loss):
        if (member, epoch) == (1, 1):
            raise KeyboardInterrupt

    with prepare_expression(toy.expression, deduplicate=False, out=tmp_path / "p.h5") as disk:
        with pytest.raises(KeyboardInterrupt):
            train_autoencoder(disk, replace(TINY, members=2), out=tmp_path / "AE", on_epoch=stop)
        epochs = []
        resumed = train_autoencoder(
            disk,
            replace(TINY, members=2),
            out=tmp_path / "AE",
            on_epoch=lambda member, epoch, _: epochs.append((member, epoch)),
        )
        assert epochs == [(1, 2), (1, 3)]
        with pytest.raises(ValueError, match="belongs to a run with other"):
            train_autoencoder(disk, replace(TINY, l2=0.1), out=tmp_path / "AE")
    for a, b in zip(whole.members, resumed.members, strict=True):
        assert all(np.array_equal(x, y) for x, y in zip(a.get_weights(), b.get_weights(), strict=True))


def test_a_bottleneck_that_could_learn_by_heart_is_refused(prepared):
    with pytest.raises(ValueError, match="bottleneck of 320 nodes is not smaller than the 320 training samples"):
        train_autoencoder(prepared, replace(TINY, bottleneck=320))
    with pytest.raises(ValueError, match="dropout is 1"):
        AutoencoderConfig(dropout=1)
    with pytest.raises(ValueError, match="unknown keys"):
        AutoencoderConfig.from_json({"depth": 3})


def test_the_folder_gives_the_same_back_and_notices_changes(prepared, tmp_path):
    made = train_autoencoder(prepared, replace(TINY, members=2))
    save_autoencoder(made, tmp_path / "AE")
    loaded = load_autoencoder(tmp_path / "AE")
    values = prepared.read([0, 5])
    assert np.array_equal(loaded.reconstruct(values), made.reconstruct(values))
    assert np.array_equal(loaded.encode(values, member=1), made.encode(values, member=1))
    assert np.array_equal(loaded.principal_components(values), made.principal_components(values))
    assert loaded.counts == json.loads(json.dumps(made.counts))
    assert loaded.metrics == made.metrics
    assert np.array_equal(loaded.gene_ids, made.gene_ids)
    path = tmp_path / "AE" / "member_1.npz"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(ValueError, match=r"member_1.npz was altered"):
        load_autoencoder(tmp_path / "AE")
    path.unlink()
    with pytest.raises(ValueError, match=r"lacks member_1.npz"):
        load_autoencoder(tmp_path / "AE")
    with pytest.raises(FileNotFoundError, match="is no autoencoder"):
        load_autoencoder(tmp_path)


def harmed(folder, scales=None, **changes):
    """Change an autoencoder as somebody would who also knows about its hashes."""
    if scales is not None:
        with np.load(folder / "scales.npz") as stored:
            np.savez(folder / "scales.npz", **(dict(stored) | scales))
    record = json.loads((folder / "autoencoder.json").read_text())
    if "config" in changes and isinstance(changes["config"], dict):
        changes["config"] = record["config"] | changes["config"]
    record |= changes
    if isinstance(record["sha256"], dict) and "sha256" not in changes:
        record["sha256"] = {name: sha256_of(folder / name) for name in record["sha256"]}
    (folder / "autoencoder.json").write_text(json.dumps(record))


@pytest.mark.parametrize(
    ("scales", "changes", "message"),
    [
        (None, {"config": {"hidden": 10**5}}, r"array encoder/kernel of .* has shape .*, 64\), the .*, 100000\)"),
        (None, {"config": {"hidden": 10**12}}, "hidden of config is 1000000000000; a whole number from 1"),
        (None, {"config": {"members": 0}}, "members of config is 0"),
        (None, {"config": {"members": 9}}, "does not list the files of an autoencoder"),
        (None, {"config": {"dropout": "x"}}, "dropout of config is 'x'"),
        (None, {"config": 3}, "config is 3; an object"),
        (None, {"sha256": {}}, "does not list the files of an autoencoder"),
        (None, {"sha256": ["member_0.npz"]}, "sha256 is a JSON list"),
        (None, {"sha256": {"../member_0.npz": "0" * 64}}, "does not list the files"),
        (None, {"counts": []}, "counts is a JSON list"),
        (None, {"lambda": "code"}, "unknown keys lambda"),
        ({"low": np.zeros(3)}, {}, r"low of .* has shape \(3,\) for \d+ genes"),
        ({"mean": np.array([{}], object)}, {}, "holds objects of type object"),
        ({"raw": np.array([np.nan, 1.0])}, {}, "raw of .* holds undefined numbers"),
    ],
)
def test_autoencoders_of_strangers(autoencoder, tmp_path, monkeypatch, scales, changes, message):
    save_autoencoder(autoencoder, tmp_path / "AE")
    harmed(tmp_path / "AE", scales, **changes)
    monkeypatch.setattr(autoencoder_module, "build_autoencoder", lambda *_args, **_options: pytest.fail("built"))
    with pytest.raises(ValueError, match=rf"{message}.*again"):
        load_autoencoder(tmp_path / "AE")


def test_components_are_those_of_scikit_learn(prepared):
    from sklearn.decomposition import PCA

    values = prepared.read(prepared.rows("train")).astype(float)
    found = training_components(prepared, 4)
    expected = PCA(4, svd_solver="full").fit(values).components_
    assert np.abs((found * expected).sum(axis=1)) == pytest.approx(np.ones(4), abs=1e-4)
