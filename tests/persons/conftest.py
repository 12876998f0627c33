"""A model of planted persons in two tissues, and persons that it never saw."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from planted import TINY, planted_dataset, planted_features, planted_targets, quick_bundle

from decode.expression.person_reference import PersonReference
from decode.features.matrix import RegulatoryFeatures
from decode.models.bundle import ModelBundle
from decode.training.config import TrainingConfig
from decode.training.transfer import transfer


class Persons(NamedTuple):
    features: RegulatoryFeatures
    model: ModelBundle
    targets: pd.DataFrame
    samples: pd.DataFrame  # person, tissue
    new: pd.DataFrame  # fold changes of persons that the model never saw, by gene id


@pytest.fixture(scope="session")
def persons() -> Persons:
    features = planted_features(600, seed=1)
    planted = planted_targets(features, seed=1, noise_log2=0.05)
    ways = planted[["liver", "brain", "blood"]].to_numpy()
    rng = np.random.default_rng(0)
    own = rng.normal(size=(3, 16))
    columns, values, rows = [], [], []
    for tissue in ("lung", "skin"):
        mix = own[:, :10] + 0.4 * rng.normal(size=(3, 10))
        mix -= mix.mean(axis=1, keepdims=True)
        columns += [f"person_{number}:{tissue}" for number in range(10)]
        values.append(ways @ mix + 0.3 * rng.normal(size=(len(ways), 10)))
        rows += [(f"person_{number}", tissue) for number in range(10)]
    targets = pd.DataFrame(np.concatenate(values, axis=1), columns=columns)
    targets.insert(0, "gene_id", features.ids)
    samples = pd.DataFrame(rows, columns=["person", "tissue"], index=columns)
    new = pd.DataFrame(
        ways @ own[:, 10:] + 0.3 * rng.normal(size=(len(ways), 6)),
        index=pd.Index(features.ids, name="gene_id"),
        columns=[f"new_{number}" for number in range(6)],
    )
    source = quick_bundle(planted_dataset(600, seed=1), replace(TINY, width=24), members=2, max_epochs=25)
    model = transfer(
        source, features, targets, mode="head",
        training=TrainingConfig(members=2, max_epochs=40, batch_size=64, learning_rate=5e-3),
    )  # fmt: skip
    genes = [str(gene) for gene in features.ids]
    level = np.linspace(1, 9, len(genes))
    reference = PersonReference(genes, level, np.stack([level, level]), 0.25, 20)
    return Persons(features, replace(model, person_reference=reference), targets, samples, new)
