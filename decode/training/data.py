"""What a member needs of a dataset: pooled inputs, targets, scales, weights; computed once for all members."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from decode.dataset import TRAIN, VALIDATION, Dataset, pooled_inputs
from decode.expression.targets import MEDIAN_LEVEL
from decode.models.config import NetworkConfig
from decode.models.scales import RegionScale, TaskScale, fit_region_scales, fit_task_scale
from decode.training.kind_weights import kind_weights


class TrainingData(NamedTuple):
    """What one member needs, as plain arrays, so that it can travel to another process."""

    inputs: dict[str, np.ndarray]  # region (or structure) -> (gene, row, channel), pooled
    targets: np.ndarray  # (gene, task), log2 units
    train: np.ndarray  # row numbers
    validation: np.ndarray  # row numbers
    scales: dict[str, RegionScale]
    task_scale: TaskScale
    task_weight: np.ndarray  # (task,), in the loss
    kind_weights: dict[str, float]  # "region|kind" -> weight of its tracks


def dataset_for(dataset: Dataset, network: NetworkConfig) -> Dataset:
    """The dataset as a network takes it: without gene structure where the network does not want it."""
    if network.structure or not dataset.features.structure_channels:
        return dataset
    return replace(dataset, features=dataset.features.with_structure_channels([]))


def training_data(dataset: Dataset, network: NetworkConfig, weights: Mapping[str, float] | None = None) -> TrainingData:
    """Pool the features and fit the scales, once for all members.

    Parameters
    ----------
    dataset : Dataset
    network : NetworkConfig
    weights : mapping of "region|kind" to float, optional
        Weights of the kinds where they were chosen before; default: chosen anew.

    Raises
    ------
    ValueError
        If no task varies over training genes, or the varying tasks have no value in any validation gene.
    """
    dataset = dataset_for(dataset, network)
    task_scale = fit_task_scale(dataset, network)
    varies = task_scale.sd > 0
    if not varies.any():
        raise ValueError(
            f"none of the {len(varies)} tasks varies over the {len(dataset.rows(TRAIN))} training genes; there is "
            "nothing to learn from these targets"
        )
    if not np.isfinite(dataset.targets[dataset.rows(VALIDATION)][:, varies]).any():
        raise ValueError(
            f"the {len(dataset.rows(VALIDATION))} validation genes have no value in any task, so training would not "
            "know when to stop; give targets of more genes or another seed"
        )
    is_weighed = network.weigh_kinds and network.architecture == "default"
    chosen = dict(weights) if weights is not None else kind_weights(dataset) if is_weighed else {}
    return TrainingData(
        pooled_inputs(dataset.features, {region: network.n_first_bins(region) for region in dataset.features.regions}),
        dataset.targets,
        dataset.rows(TRAIN),
        dataset.rows(VALIDATION),
        fit_region_scales(dataset, network, chosen),
        task_scale,
        np.where(np.array(dataset.task_kinds) == MEDIAN_LEVEL, network.level_weight, 1.0).astype(np.float32),
        chosen,
    )
