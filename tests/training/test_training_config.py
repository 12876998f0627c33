from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from decode.training.config import TrainingConfig


class TestConfig:
    def test_round_trip_and_defaults(self):
        config = TrainingConfig(members=3, seed=5)
        assert TrainingConfig.from_json(config.to_json()) == config
        with pytest.raises(ValueError, match="training configuration has unknown keys epochs"):
            TrainingConfig.from_json({"epochs": 3})
        with pytest.raises(FrozenInstanceError):
            config.seed = 3  # type: ignore[misc]

    def test_what_is_left_open_follows_from_the_architecture(self):
        published = TrainingConfig().resolved("paper", 20_000)
        assert (published.schedule, published.max_epochs, published.patience) == ("constant", 100, 10)
        assert (published.batch_size, published.learning_rate) == (128, 1e-3)
        cycle = TrainingConfig().resolved("default", 20_000)
        assert (cycle.schedule, cycle.max_epochs, cycle.batch_size, cycle.learning_rate) == ("one_cycle", 20, 256, 0.02)
        small = TrainingConfig().resolved("default", 3_200)
        assert (small.batch_size, small.learning_rate) == (64, pytest.approx(0.01))
        assert TrainingConfig().resolved("default", 30).batch_size == 16
        given = TrainingConfig(members=2, max_epochs=7, batch_size=64, learning_rate=0.5, seed=3)
        resolved = given.resolved("default", 20_000)
        assert resolved.to_json() == given.to_json() | {"schedule": "one_cycle"}
        assert resolved.resolved("paper", 5) == resolved
        assert TrainingConfig.from_json(resolved.to_json()).to_json() == resolved.to_json()

    def test_what_was_written_before_there_were_schedules_is_constant(self):
        before = {"members": 2, "max_epochs": 100, "patience": 10, "batch_size": 128, "learning_rate": 1e-3, "seed": 1}
        assert TrainingConfig.from_json(before).schedule == "constant"
        assert TrainingConfig.from_json({"members": 2}).schedule is None

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"keep": "all"}, "keep is 'all'; choose one of: mean, best"),
            ({"schedule": "cosine"}, "schedule is 'cosine'; choose one of: one_cycle, constant"),
            ({"max_epochs": 0}, "max_epochs is 0"),
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
