from __future__ import annotations

import numpy as np
import pandas as pd
import pytest


@pytest.fixture(scope="session")
def arrays() -> pd.DataFrame:
    """Linear values of 30 genes in 40 samples, without ties."""
    rng = np.random.default_rng(7)
    values = rng.lognormal(6, 2, size=(30, 40))
    return pd.DataFrame(values, index=[f"G{i}" for i in range(30)], columns=[f"s{i}" for i in range(40)])
