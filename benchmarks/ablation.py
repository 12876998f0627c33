"""What each ingredient of the default network is worth, on validation genes of the real corpus.

    python -m benchmarks.ablation --seeds 5 --out ablation.json

Single members are compared: the same split, one ingredient changed at a time, several seeds; the gain is the mean of
the paired differences to the default. The held-out chromosome plays no part. The rows with positions add a branch of
convolutions with learned position weights over the promoter bins; the second one sees every gene's bins in a random
order, so that what is left of its gain has nothing to do with positions.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.accuracy import (
    DATA,
    EVERYTHING,
    FIGURES,
    MERGED,
    RECOMMENDED,
    SEPARATE,
    WITH_DOWNSTREAM,
    WITH_MIRNA,
    WITH_POTENTIAL,
    WITH_STRUCTURE,
    Evidence,
    corpus_features,
    corpus_targets,
)
from decode.core.files import check_output, write_json
from decode.core.seeds import member_seeds

BIN_BP = 100


def config_variants() -> dict[str, tuple[Evidence, dict[str, Any]]]:
    """Name -> features to use and the fields of the default configuration that change."""
    return {
        "default": (SEPARATE, {}),
        "squared error instead of Huber": (SEPARATE, {"huber_delta": None}),
        "median level weighs as one task": (SEPARATE, {"level_weight": 1.0}),
        "no input dropout": (SEPARATE, {"input_dropout": 0.0}),
        "no dropout at all": (SEPARATE, {"input_dropout": 0.0, "dropout": 0.0}),
        "dropout 0.4 between the layers": (SEPARATE, {"dropout": 0.4}),
        "half the width": (SEPARATE, {"width": 128}),
        "one dense layer": (SEPARATE, {"n_dense": 1}),
        "TF sites 1 to 10 kb downstream added": (WITH_DOWNSTREAM, {}),
        "gene structure added": (WITH_STRUCTURE, {}),
        "gene structure and downstream sites added": (RECOMMENDED, {}),
        "regulatory potential of TF peaks added": (WITH_POTENTIAL, {}),
        "gene structure, downstream sites and potential added": (EVERYTHING, {}),
        "tracks merged over cell lines": (MERGED, {}),
        "miRNAs added": (WITH_MIRNA, {}),
        "miRNAs added, kinds not weighed": (WITH_MIRNA, {"weigh_kinds": False}),
    }


def paper_variants() -> dict[str, dict[str, Any]]:
    """The paper network, and the paper network with the default's loss."""
    return {"paper network": {}, "paper network with Huber": {"huber_delta": 0.5}}


def position_branch(n_tracks: int, n_bins: int, channels: int = 48, kernel: int = 5, profiles: int = 8) -> Any:
    """Convolutions over promoter bins, then `profiles` learned weightings of the positions a channel."""
    import keras
    from keras import layers

    bins = keras.Input((n_bins, n_tracks), name="promoter_bins")
    x = layers.SpatialDropout1D(0.3, name="position_input_dropout")(bins)
    x = layers.Conv1D(channels, 1, activation="relu", name="position_mix")(x)
    x = layers.Conv1D(channels, kernel, padding="same", activation="relu", name="position_filters")(x)
    x = layers.Dense(profiles, use_bias=False, name="position_profiles")(
        layers.Permute((2, 1), name="position_last")(x)
    )
    return bins, layers.Dropout(0.4, name="position_dropout")(layers.Flatten(name="position_flat")(x))


def network_with_positions(data: Any, config: Any, n_bins: int) -> Any:
    """The default network with the position branch beside its totals."""
    import keras

    from decode.models.architectures import build_network

    base = build_network(config, data.scales, data.task_scale).pooled
    n_tracks = len(data.scales["promoter"].factor) - 1
    bins, branch = position_branch(n_tracks, n_bins)
    joined = base.get_layer("regions").output
    x = keras.layers.Concatenate(name="with_positions")([joined, branch])
    for layer in base.layers[base.layers.index(base.get_layer("regions")) + 1 :]:
        x = type(layer).from_config(layer.get_config())(x)
    return keras.Model([*base.inputs, bins], x)


def judge(data: Any, predicted: np.ndarray, kinds: list[str]) -> dict[str, float]:
    """The headline figures on validation genes."""
    from decode.evaluation.evaluate import summarise
    from decode.statistics.metrics import spearman_per_task

    return summarise(spearman_per_task(data.targets[data.validation].astype(float), predicted), kinds)


def fit_variant(config: Any, dataset: Any, seed: int) -> dict[str, float]:
    """One member of a configuration."""
    from decode.models.ensemble import predict_rows
    from decode.training.config import TrainingConfig
    from decode.training.data import training_data
    from decode.training.member import assemble_network, fit_member

    data = training_data(dataset, config)
    fit = fit_member(seed, data=data, network=config, training=TrainingConfig())
    arrays = list(data.inputs.values())
    model = assemble_network(fit, data, config).pooled
    return judge(data, predict_rows(model, lambda rows: [v[rows] for v in arrays], data.validation), dataset.task_kinds)


def fit_positions(config: Any, permuted: bool, dataset: Any, seed: int) -> dict[str, float]:
    """One member of the network with positions, the bins of every gene in order or permuted."""
    import keras

    from decode.models.ensemble import predict_rows
    from decode.training.config import TrainingConfig
    from decode.training.data import training_data
    from decode.training.member import fit_network

    data = training_data(dataset, config)
    region = dataset.features.regions["promoter"]
    n_bins = int(np.diff(region.offsets).max())
    order = np.tile(np.arange(n_bins), (len(dataset.targets), 1))
    if permuted:
        order = np.random.default_rng(0).permuted(order, axis=1)
    arrays = list(data.inputs.values())

    def batches(rows: np.ndarray) -> list[np.ndarray]:
        bins, _ = dataset.features.dense("promoter", rows, n_bins=n_bins)
        shuffled = np.take_along_axis(bins, order[rows][:, :, None], axis=1)
        return [*(values[rows] for values in arrays), np.log1p(shuffled) / np.log1p(BIN_BP)]

    keras.utils.set_random_seed(seed)
    model = network_with_positions(data, config, n_bins)
    training = TrainingConfig().resolved(config.architecture, len(data.train))
    everything = batches(np.arange(len(dataset.targets)))
    fit = fit_network(model, everything, data, training, seed=seed, huber_delta=config.huber_delta)
    model.set_weights(fit.weights)
    return judge(data, predict_rows(model, batches, data.validation), dataset.task_kinds)


Job = Callable[[Any, int], dict[str, float]]


def jobs() -> dict[str, tuple[Evidence, Job]]:
    """Name -> features to use, and what fits one member on a dataset with a seed."""
    from decode.models.config import DEFAULT, PAPER

    made: dict[str, tuple[Evidence, Job]] = {}
    for name, (features, changes) in config_variants().items():
        made[name] = (features, partial(fit_variant, replace(DEFAULT, **changes)))
    for name, changes in paper_variants().items():
        made[name] = (SEPARATE, partial(fit_variant, replace(PAPER, **changes)))
    for name, permuted in {"promoter positions": False, "promoter positions, bins permuted": True}.items():
        made[name] = (SEPARATE, partial(fit_positions, DEFAULT, permuted))
    return made


def summary(runs: dict[str, dict[str, dict[str, float]]]) -> Table:
    """Each variant with its paired gain over the default."""
    table = Table(title="validation genes, single members: mean, and gain over the default (SD over seeds)")
    for column in ("variant", "seeds", "fold change", "gain", "median level", "gain"):
        table.add_column(column)
    for name, results in runs.items():
        seeds = [seed for seed in results if seed in runs["default"]]
        row = [name, str(len(seeds))]
        for figure in FIGURES:
            own = np.array([results[seed][figure] for seed in seeds])
            gain = own - np.array([runs["default"][seed][figure] for seed in seeds])
            spread = f" ({gain.std(ddof=1):.3f})" if len(gain) > 1 else ""
            row += [f"{own.mean():.3f}", "" if name == "default" else f"{gain.mean():+.3f}{spread}"]
        table.add_row(*row)
    return table


def main(arguments: list[str] | None = None) -> int:
    """Run every variant for every seed; a killed run goes on where it stopped."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ablation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", nargs="+", metavar="NAME", help="variants to run; default all")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    if not DATA.is_dir():
        parser.error(f"the real corpus is absent: {DATA}")
    unknown = sorted(set(options.only or ()) - jobs().keys())
    if unknown:
        parser.error(f"no such variant: {unknown[0]}; known: {'; '.join(jobs())}")
    check_output(options.out)
    from decode.dataset import prepare_dataset

    runs: dict[str, dict[str, dict[str, float]]] = (
        json.loads(options.out.read_text()) if options.out.exists() else {"default": {}}
    )
    targets, datasets = corpus_targets(), {}
    for seed in map(str, member_seeds(0, options.seeds)):
        for name, (evidence, fit) in jobs().items():
            wanted = not options.only or name in options.only
            if seed in runs.get(name, {}) or not (wanted or name == "default"):
                continue
            if evidence not in datasets:
                datasets[evidence] = prepare_dataset(corpus_features(evidence), targets)
            runs.setdefault(name, {})[seed] = fit(datasets[evidence], int(seed))
            write_json(runs, options.out)
            Console(stderr=True).print(f"{name}, seed {seed}: {runs[name][seed]}")
    Console(width=120).print(summary(runs))
    return 0


if __name__ == "__main__":
    sys.exit(main())
