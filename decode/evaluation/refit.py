"""Fit a network and predict the genes that it is judged on: the step that controls and comparisons repeat."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np

from decode.core.resume import content_hash
from decode.dataset import Dataset
from decode.evaluation.predict import predict_members
from decode.models.config import NetworkConfig
from decode.training.config import TrainingConfig
from decode.training.ensemble import train_dataset

Judged = Literal["test", "validation"]


class Refit(NamedTuple):
    """Predictions of a network fitted for one comparison, and what the fit cost."""

    predicted: np.ndarray  # (genes of the judged part, n_tasks), float64, log2 units: mean over members
    n_epochs: int  # of all members together
    cpu_s: float  # CPU seconds of this process, all threads: pooling, scales, graph, epochs
    wall_s: float


def refit(dataset: Dataset, network: NetworkConfig, training: TrainingConfig, *, part: Judged = "test") -> Refit:
    """Fit an ensemble on the training genes of a dataset and predict one of its other parts.

    Parameters
    ----------
    dataset : Dataset
    network : NetworkConfig
    training : TrainingConfig
    part : {"test", "validation"}
        Genes to predict.

    Returns
    -------
    Refit

    Raises
    ------
    ValueError
        If there is nothing to learn, see `decode.training.ensemble.train_dataset`.
    """
    import keras  # noqa: F401  its import is not part of the time

    cpu, wall = time.process_time(), time.perf_counter()
    bundle = train_dataset(dataset, network, training)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    judged = dataset.features.take(dataset.rows(part))
    predicted = predict_members(bundle, judged).mean(axis=0, dtype=np.float64)
    return Refit(predicted, len(bundle.history), cpu, wall)


def dataset_hash(dataset: Dataset) -> str:
    """SHA-256 that two datasets share exactly when genes, tracks, bins, targets, their kinds and split are the same."""
    return content_hash(_contents(dataset))


def _contents(dataset: Dataset) -> Iterator[np.ndarray | str]:
    features = dataset.features
    yield features.ids
    yield np.array(features.track_ids)
    yield features.genes["length_bp"].to_numpy()
    if features.structure_channels:
        yield np.array(features.structure_channels)
        yield features.structure
    for name, matrix in features.regions.items():
        yield name
        yield from (matrix.data.data, matrix.data.indices, matrix.data.indptr, matrix.offsets, matrix.bin_length_bp)
    yield np.array(dataset.tasks)
    yield np.array(dataset.task_kinds)
    yield dataset.targets
    yield dataset.split
