from __future__ import annotations

import numpy as np
import pytest
from planted import TINY
from toy_drivers import PLANTED, driver_features, planted_table

from decode.drivers.engine import DriversConfig
from decode.drivers.find import find_drivers
from decode.drivers.full_network import FullOptions, full_network_engine
from decode.training.config import TrainingConfig


@pytest.mark.slow
def test_network_trained_on_the_table(tmp_path):
    features = driver_features(500)
    training = TrainingConfig(members=2, max_epochs=12, batch_size=64)
    runs = []
    options = FullOptions(
        network=TINY,
        training=training,
        refits=3,
        folder=tmp_path / "refits",
        on_run=lambda name, done: runs.append(done),
    )
    table, config = planted_table(features, noise=0.5), DriversConfig(n_top=5)
    result = find_drivers(table, features, config=config, engine=full_network_engine(options))
    rows = result.drivers.set_index(result.drivers["kind"] + ":" + result.drivers["regulator"])
    others = rows["effect"].drop(list(PLANTED)).abs()
    for name, effect in PLANTED.items():
        assert np.sign(rows.loc[name, "effect"]) == np.sign(effect)
        assert abs(rows.loc[name, "effect"]) > others.median()
    assert rows["sd"].notna().all()
    assert result.contrasts.loc[0, "r2"] > 0
    assert runs == [False] * 3
    assert not result.targets.empty
