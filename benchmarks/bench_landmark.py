"""Landmark genes: DeepLIFT of the bottleneck against shap.DeepExplainer, and the memory of a training epoch.

The autoencoder has the published sizes (22,268 genes, 500, 100 nodes) and random weights; samples are simulated. Both
engines explain the same samples against the same mean profile, after a sample that is not timed (shap builds a graph a
node then). At a small scale shap explains fewer samples and its time is scaled up. An epoch reads simulated profiles
from a prepared file, batch by batch.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd

from benchmarks.measure import Finish, Measured, Row, Work, measured, ratio
from decode.landmark.autoencoder import AutoencoderConfig, build_autoencoder
from decode.landmark.prepared import PreparedExpression, open_prepared, values_dataset, write_description
from decode.landmark.quantiles import Quantiles

DEFAULT_SCALE = 0.25
N_GENES, N_SAMPLES = 22_268, 64
EPOCH_ROWS = (1000, 2000, 4000)
FULL_ROWS = 130_000
SEED = 0


def simulated_profiles(n_samples: int, seed: int = SEED) -> np.ndarray:
    """Profiles on the scale 4 to 15 with 20 hidden factors, float32."""
    rng = np.random.default_rng(SEED)
    loadings = rng.normal(size=(20, N_GENES)).astype(np.float32)
    level = rng.uniform(6, 13, N_GENES).astype(np.float32)
    rng = np.random.default_rng([SEED, seed])
    factors = rng.normal(size=(n_samples, 20)).astype(np.float32)
    noise = rng.normal(size=(n_samples, N_GENES)).astype(np.float32)
    return np.clip(level + 0.3 * (factors @ loadings) + 0.5 * noise, 4, 15)


def encoder_and_samples() -> tuple[Any, np.ndarray, np.ndarray]:
    """An untrained encoder of the published size, samples and their mean profile."""
    import keras

    low, high = np.full(N_GENES, 4.0), np.full(N_GENES, 15.0)
    model = build_autoencoder(AutoencoderConfig(), low, high, seed=SEED)
    values = simulated_profiles(N_SAMPLES)
    encoder = keras.Model(model.inputs[0], model.get_layer("bottleneck").output)
    return encoder, values, values.mean(axis=0, dtype=np.float64)


def exact_side(is_summed: bool, n_shap: int, out: str) -> Work:
    """Scores of all samples by the exact engine; those that shap explains too are kept for the comparison."""
    from decode.attribution.exact.engine import ExactEngine
    from decode.landmark.deeplift import node_scores, signed_scores

    encoder, values, reference = encoder_and_samples()
    engine = ExactEngine.from_model(encoder)

    def explain(part: np.ndarray) -> list[np.ndarray]:
        if is_summed:
            return [signed_scores(engine, part, reference, 100)]
        return list(node_scores(engine, part, reference))

    explain(values[:1])

    def work() -> Finish:
        explain(values)

        def finish() -> dict[str, Any]:
            np.savez(out, *explain(values[:n_shap]))
            return {}

        return finish

    return work


def shap_side(is_summed: bool, has_one_output: bool, n_shap: int, out: str) -> Work:
    """shap on every node, then the same means; or on a network whose only output is the mean of the nodes."""
    import keras
    import shap

    encoder, values, reference = encoder_and_samples()
    if has_one_output:
        mean = keras.layers.Dense(1, use_bias=False, name="mean")
        encoder = keras.Model(encoder.inputs[0], mean(encoder.output))
        mean.set_weights([np.full((100, 1), 0.01)])
    explainer = shap.DeepExplainer(encoder, reference[None].astype(np.float32))
    explainer.shap_values(values[:1], check_additivity=False)

    def work() -> Finish:
        found = np.asarray(explainer.shap_values(values[:n_shap], check_additivity=False))
        result = [found.mean(axis=2)]
        if not is_summed:
            result = [found.mean(axis=0), np.abs(found).mean(axis=0)]

        def finish() -> dict[str, Any]:
            np.savez(out, *result)
            return {}

        return finish

    return work


def compare(case: str, n_shap: int, *, is_summed: bool, has_one_output: bool = False) -> Row:
    """One kind of score, both engines."""
    with tempfile.TemporaryDirectory(prefix="decode-bench-") as folder:
        mine = measured(exact_side, is_summed=is_summed, n_shap=n_shap, out=f"{folder}/a.npz")
        theirs = measured(
            shap_side, is_summed=is_summed, has_one_output=has_one_output, n_shap=n_shap, out=f"{folder}/b.npz"
        )
        with np.load(f"{folder}/a.npz") as a, np.load(f"{folder}/b.npz") as b:
            difference = max(float(np.abs(a[name] - b[name]).max()) for name in a.files)
    factor = N_SAMPLES / n_shap
    scaled = f"shap on {n_shap} samples, times {factor:.3g}; " if factor != 1 else ""
    peer_s = theirs.cpu_s * factor
    note = f"{scaled}peer's peak {theirs.peak_gib:.2f} GiB"
    return Row(case, "shap", mine.cpu_s, peer_s, ratio(peer_s, mine.cpu_s), difference, mine.peak_gib, note)


def write_simulated(path: str, n_rows: int) -> None:
    """A prepared file of simulated profiles, written block by block."""
    quantiles = Quantiles(np.linspace(4, 15, N_GENES), 0.0, 11.0)
    genes = np.array([f"G{i}" for i in range(N_GENES)])
    samples = np.array([f"s{i}" for i in range(n_rows)])
    split = np.where(np.arange(n_rows) < max(2, n_rows // 100), "validation", "train")
    sizes = {"train_mean": 9.5, "train_sd": 1.0, "train_min": 4.0, "train_max": 15.0}
    with h5py.File(path, "w") as file:
        matrix = values_dataset(file, n_rows, N_GENES)
        for start in range(0, n_rows, 500):
            matrix[start : start + 500] = simulated_profiles(min(500, n_rows - start), seed=start)
        content = PreparedExpression(
            matrix, genes, np.full(N_GENES, ""), samples, split, pd.DataFrame(index=samples), quantiles,
            **{name: np.full(N_GENES, value) for name, value in sizes.items()},
            duplicates=pd.DataFrame(), counts={}, options={},
        )  # fmt: skip
        write_description(file, content)


def epoch(path: str) -> Work:
    """One pass over the training samples of a prepared file."""
    import keras
    import tensorflow as tf

    from decode.landmark.autoencoder_fit import make_update
    from decode.training.member import epoch_batches

    config = AutoencoderConfig()
    prepared = open_prepared(path)
    model = build_autoencoder(config, prepared.train_min, prepared.train_max, seed=SEED)
    optimizer = keras.optimizers.Adam(config.learning_rate)
    optimizer.build(model.trainable_variables)
    update = make_update(model, optimizer, config.l2)
    rows = prepared.rows("train")
    update(tf.constant(prepared.read(rows[: config.batch_size])))

    def work() -> Finish:
        start = time.perf_counter()
        for batch in epoch_batches(rows, config.batch_size, SEED, 0):
            update(tf.constant(prepared.read(batch)))
        wall_s = time.perf_counter() - start
        return lambda: {"wall_s": wall_s, "n_updates": len(rows) // config.batch_size}

    return work


def epoch_row(n_rows: int, first: Measured | None) -> tuple[Row, Measured]:
    """Time and memory of an epoch of so many rows; growth against the first."""
    with tempfile.TemporaryDirectory(prefix="decode-bench-") as folder:
        path = str(Path(folder) / "prepared.h5")
        write_simulated(path, n_rows)
        found = measured(epoch, path=path)
    per_update = found.cpu_s / found.result["n_updates"]
    full_h = per_update * (FULL_ROWS // 128) / 3600
    growth = 0.0 if first is None else found.peak_gib - first.peak_gib
    note = (
        f"wall {found.result['wall_s']:.3g} s, {per_update:.3g} CPU s an update; memory {growth:+.2f} GiB against the "
        f"first; an epoch of {FULL_ROWS:,} rows: {full_h:.2g} CPU h"
    )
    numbers = {"wall_s": found.result["wall_s"], "n_rows": float(n_rows), "cpu_s_per_update": per_update}
    return Row(f"epoch of {n_rows} x {N_GENES} from disk", None, found.cpu_s, peak_gib=found.peak_gib, note=note,
               numbers=numbers), found  # fmt: skip


def run(scale: float | None = None) -> list[Row]:
    """Scores against shap, then epochs; `scale` 1 lets shap explain all 64 samples."""
    n_shap = max(2, round(N_SAMPLES * (scale or DEFAULT_SCALE)))
    rows = [
        compare("100 nodes x 22,268 genes, 64 samples: signed and absolute per node", n_shap, is_summed=False),
        compare("the same: signed, mean over nodes, every sample", n_shap, is_summed=True),
        compare("the same, shap on one output that is the mean", N_SAMPLES, is_summed=True, has_one_output=True),
    ]
    first: Measured | None = None
    for n_rows in EPOCH_ROWS:
        row, found = epoch_row(n_rows, first)
        first = first or found
        rows.append(row)
    return rows
