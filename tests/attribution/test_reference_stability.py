from __future__ import annotations

import numpy as np
import pytest
from planted import TASKS, TINY, planted_dataset
from toy_networks import random_bundle

from decode.attribution.attribute import attribute
from decode.attribution.stability import reference_stability
from decode.statistics.metrics import spearman_per_task


@pytest.fixture(scope="module")
def dataset():
    return planted_dataset(100)


def test_every_pair_and_task(dataset):
    bundle = random_bundle(dataset, TINY)
    found = reference_stability(bundle, dataset.features, n_top=2)
    assert len(found) == 6 * len(TASKS)
    assert found["task"].tolist() == TASKS * 6
    first = found[(found["reference_a"] == "own_length") & (found["reference_b"] == "mean_gene")]
    signed, size = [], []
    for reference in ("own_length", "mean_gene"):
        values = attribute(bundle, dataset.features, reference=reference, agreement_genes=0)
        by_regulator = (
            (values["attribution"].assign_coords(name=values["kind"] + ":" + values["track_regulator"]))
            .groupby("name")
            .sum()
        )
        signed.append(by_regulator.mean("gene").transpose("name", "task").to_numpy())
        size.append(np.abs(by_regulator).mean("gene").transpose("name", "task").to_numpy())
    np.testing.assert_allclose(first["spearman_mean"], spearman_per_task(*signed))
    np.testing.assert_allclose(first["spearman_mean_abs"], spearman_per_task(*size))
    tops = [[set(np.argsort(-column)[:2]) for column in values.T] for values in size]
    np.testing.assert_allclose(first["top_shared"], [len(a & b) / 2 for a, b in zip(*tops, strict=True)])


def test_some_references_and_genes(dataset):
    genes = ["G0000", "G0003", "G0004"]
    bundle = random_bundle(dataset, TINY, members=1)
    found = reference_stability(bundle, dataset.features, references=["own_length", "median_length"], genes=genes)
    assert len(found) == len(TASKS)
    assert (found["top_shared"] == 1).all()  # fewer regulators than n_top
    with pytest.raises(ValueError, match="at least two different ones"):
        reference_stability(bundle, dataset.features, references=["own_length", "own_length"])
