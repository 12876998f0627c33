from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from decode.landmark.autoencoder import Autoencoder, AutoencoderConfig
from decode.landmark.autoencoder_fit import train_autoencoder
from decode.landmark.prepare import prepare_expression
from decode.landmark.prepared import PreparedExpression
from decode.synthetic.profiles import ToyProfiles, make_toy_profiles


@pytest.fixture(scope="session")
def arrays() -> pd.DataFrame:
    """Linear values of 30 genes in 40 samples, without ties."""
    rng = np.random.default_rng(7)
    values = rng.lognormal(6, 2, size=(30, 40))
    return pd.DataFrame(values, index=[f"G{i}" for i in range(30)], columns=[f"s{i}" for i in range(40)])


@pytest.fixture(scope="session")
def toy() -> ToyProfiles:
    """Profiles with 8 planted hubs among 208 genes."""
    return make_toy_profiles(400, n_factors=8, followers=15, n_noise_genes=80, seed=1)


@pytest.fixture(scope="session")
def prepared(toy) -> PreparedExpression:
    return prepare_expression(toy.expression, labels=toy.samples, deduplicate=False)


@pytest.fixture(scope="session")
def config() -> AutoencoderConfig:
    return AutoencoderConfig(hidden=64, bottleneck=12, epochs=60, learning_rate=5e-3, min_updates=2000, seed=3)


@pytest.fixture(scope="session")
def autoencoder(prepared, config) -> Autoencoder:
    return train_autoencoder(prepared, config)
