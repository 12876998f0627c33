"""Untrained networks with real-looking weights, and ensembles of them, for tests of attributions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from planted import TINY, TINY_PAPER

from decode.dataset import Dataset
from decode.models.architectures import Network, build_network
from decode.models.bundle import ModelBundle, make_bundle
from decode.models.config import ConvolutionConfig, NetworkConfig
from decode.models.scales import fit_region_scales, fit_task_scale

WIDE = replace(
    TINY_PAPER,
    rna=ConvolutionConfig(kernel_size=4, filters=5, n_layers=3),
    promoter=ConvolutionConfig(kernel_size=3, filters=7, n_layers=2),
)
LONG = replace(TINY_PAPER, rna=ConvolutionConfig(kernel_size=6, filters=5, n_layers=2))  # longer than many RNAs
DROPPING = replace(TINY, dropout=0.4, input_dropout=0.4, n_dense=3)
SHALLOW = replace(TINY, n_dense=1)
CONFIGS = {
    "default": TINY,
    "paper": TINY_PAPER,
    "wide kernels": WIDE,
    "kernels past the end": LONG,
    "dropout": DROPPING,
    "one layer": SHALLOW,
}


def random_network(dataset: Dataset, config: NetworkConfig, seed: int = 0) -> Network:
    """An untrained network whose every weight, also of the batch normalisation, is random."""
    views = build_network(config, fit_region_scales(dataset, config), fit_task_scale(dataset, config), seed=seed)
    rng = np.random.default_rng(seed)
    for layer in views.bins.layers:
        if layer.name.startswith("normalise"):
            layer.set_weights([rng.uniform(0.5, 1.5, size=weight.shape) for weight in layer.get_weights()])
        elif layer.name.startswith(("dense", "tasks_scaled")):
            layer.set_weights([rng.normal(size=weight.shape) / 4 for weight in layer.get_weights()])
    return views


def random_bundle(dataset: Dataset, config: NetworkConfig, members: int = 2) -> ModelBundle:
    """An ensemble of such networks."""
    return make_bundle(
        dataset,
        [random_network(dataset, config, seed) for seed in range(members)],
        network=config,
        training={},
        seeds=list(range(members)),
        validation_loss=[0.0] * members,
        history=pd.DataFrame(),
    )
