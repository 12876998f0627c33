from __future__ import annotations

import pytest
from fits import DROPPING
from planted import planted_dataset

from decode.dataset import Dataset
from decode.training.data import TrainingData, training_data


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return planted_dataset(200)


@pytest.fixture(scope="module")
def data(dataset) -> TrainingData:
    return training_data(dataset, DROPPING)
