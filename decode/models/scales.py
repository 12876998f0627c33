"""Scaling constants of a network, fitted on training genes only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from decode.dataset import TRAIN, Dataset
from decode.expression.task_kinds import FOLD_CHANGE, LEVEL, tasks_by_kind
from decode.genome.structure import STRUCTURE
from decode.models.config import NetworkConfig

LEAST_VARIATION = 1e-3  # standard deviation of a log total over its mean


class RegionScale(NamedTuple):
    """Constants of one region, fitted on training genes only; channel 0 is the occupancy."""

    shift: np.ndarray  # (1 + n_tracks,)
    factor: np.ndarray  # (1 + n_tracks,)


class TaskScale(NamedTuple):
    """Constants that bring the network's scaled outputs back to log2 units."""

    mean: np.ndarray  # (n_tasks,)
    sd: np.ndarray  # (n_tasks,)


def fit_region_scales(
    dataset: Dataset, config: NetworkConfig, kind_weights: Mapping[str, float] | None = None
) -> dict[str, RegionScale]:
    """Constants of each region's channels.

    The paper network divides every channel by its largest bin over training genes. The default network standardises
    log(1 + total bases). A channel that never varies, or by less than a thousandth of its mean, gets factor 0: the
    promoter's occupancy is the same for all genes but the few at a chromosome's end, which would otherwise stand
    thousands of standard deviations out.

    Parameters
    ----------
    dataset : Dataset
    config : NetworkConfig
    kind_weights : mapping of "region|kind" to float, optional
        Multiplies the factor of the tracks of that kind (`decode.training.kind_weights`).

    Returns
    -------
    dict of region name to RegionScale
        Last, where the features have gene structure, "structure": mean and 1 / SD of its channels in both networks.
    """
    rows = dataset.rows(TRAIN)
    features = dataset.features
    scales = {}
    for region, matrix in features.regions.items():
        if config.architecture == "paper":
            bin_rows = np.concatenate([np.arange(matrix.offsets[i], matrix.offsets[i + 1]) for i in rows])
            largest = np.zeros(1 + matrix.n_tracks)
            largest[0] = matrix.bin_length_bp[bin_rows].max(initial=0)
            stored = matrix.data[bin_rows]
            np.maximum.at(largest, 1 + stored.indices, stored.data)
            shift, factor = np.zeros_like(largest), _inverse(largest)
        else:
            totals = np.concatenate([features.lengths(region)[:, None], features.totals(region)], axis=1)[rows]
            logs = np.log1p(totals.astype(np.float64))
            shift, spread = logs.mean(axis=0), logs.std(axis=0)
            factor = _inverse(np.where(spread < LEAST_VARIATION * np.abs(shift), 0.0, spread))
        if kind_weights:
            kinds = features.tracks.loc[features.tracks["region"] == region, "kind"].astype(str)
            factor[1:] *= [kind_weights.get(f"{region}|{kind}", 1.0) for kind in kinds]
        scales[region] = RegionScale(shift.astype(np.float32), factor.astype(np.float32))
    if features.structure_channels:
        values = features.structure[rows].astype(np.float64)
        mean, factor = values.mean(axis=0), _inverse(values.std(axis=0))
        scales[STRUCTURE] = RegionScale(mean.astype(np.float32), factor.astype(np.float32))
    return scales


def fit_task_scale(dataset: Dataset, config: NetworkConfig) -> TaskScale:
    """Mean and standard deviation that bring scaled outputs back to log2 units.

    The paper's rule: all fold changes share one standard deviation (as do all levels), the median level has its own,
    nothing is centred.
    The default standardises every task by itself.

    Parameters
    ----------
    dataset : Dataset
    config : NetworkConfig

    Returns
    -------
    TaskScale
        A task that is constant on the training genes gets standard deviation 0: it is predicted by its mean and has no
        weight in the loss.
    """
    values = dataset.targets[dataset.rows(TRAIN)].astype(np.float64)
    n_measured = np.isfinite(values).sum(axis=0)
    filled = np.where(np.isfinite(values), values, 0.0)
    mean = filled.sum(axis=0) / np.maximum(n_measured, 1)
    centred = np.where(np.isfinite(values), values - mean, 0.0)
    sd = np.sqrt((centred**2).sum(axis=0) / np.maximum(n_measured, 1))
    sd[sd < 1e-6] = 0.0
    if config.architecture == "paper":
        for kind, is_kind in tasks_by_kind(dataset.task_kinds):
            if kind in (FOLD_CHANGE, LEVEL):
                measured = values[:, is_kind][np.isfinite(values[:, is_kind])]
                common = float(measured.std()) if len(measured) else 0.0
                sd = np.where(is_kind & (sd > 0), common, sd)
        mean = np.where(sd > 0, 0.0, mean)
    return TaskScale(mean.astype(np.float32), sd.astype(np.float32))


def _inverse(values: np.ndarray) -> np.ndarray:
    return np.where(values > 1e-6, 1.0 / np.where(values > 1e-6, values, 1.0), 0.0)
