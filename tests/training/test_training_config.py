from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from decode.training.config import TrainingConfig


class TestConfig:
    def test_round_trip_and_defaults(self):
        config = TrainingConfig(members=3, seed=5)
        assert TrainingConfig.from_json(config.to_json()) == config
        published = TrainingConfig()
        assert (published.max_epochs, published.patience, published.batch_size) == (100, 10, 128)
        assert published.learning_rate == 1e-3
        with pytest.raises(ValueError, match="training configuration has unknown keys epochs"):
            TrainingConfig.from_json({"epochs": 3})
        with pytest.raises(FrozenInstanceError):
            config.seed = 3  # type: ignore[misc]

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"keep": "all"}, "keep is 'all'; choose one of: mean, best"),
            ({"members": 0}, "members is 0"),
            ({"members": 1.5}, "whole number"),
            ({"patience": 0}, "patience is 0"),
            ({"learning_rate": -1.0}, "learning_rate is -1.0"),
            ({"learning_rate": float("nan")}, "learning_rate is nan"),
            ({"seed": -1}, "seed is -1"),
        ],
    )
    def test_what_is_out_of_range_raises(self, options, message):
        with pytest.raises(ValueError, match=message):
            TrainingConfig(**options)
