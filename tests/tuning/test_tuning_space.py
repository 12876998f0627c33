from __future__ import annotations

import json
from dataclasses import replace

import pytest

from decode.models.config import DEFAULT, PAPER
from decode.training.config import TrainingConfig
from decode.tuning.space import SPACES, SearchSpace


def start(architecture: str) -> dict[str, object]:
    return dict(SearchSpace.of(architecture).hyperparameters("s", TrainingConfig()).values)


def test_the_start_is_the_configuration_of_today():
    for name, config in (("default", DEFAULT), ("paper", PAPER)):
        found = SearchSpace.of(name).configuration(start(name), TrainingConfig(members=3))
        default = TrainingConfig(members=3).resolved(name, 20_000)  # type: ignore[arg-type]
        assert (found.training.batch_size, found.training.learning_rate) == (default.batch_size, default.learning_rate)
        assert replace(found.training, batch_size=None, learning_rate=None) == TrainingConfig(members=3)
        # values between two choices are moved to the nearer one
        changed = {key for key, value in found.network.to_json().items() if value != config.to_json()[key]}
        assert all(getattr(config, key) not in SPACES[name].get(key, ()) for key in changed)
        assert found.network.rna == config.rna
        assert found.network.promoter == config.promoter


def test_values_become_configurations():
    values = {
        "architecture": "paper", "paper.width": 80, "paper.rna.filters": 40, "paper.promoter.n_layers": 2,
        "paper.huber_delta": 0.0, "paper.learning_rate": 3e-4, "default.width": 64, "signature": "s",
    }  # fmt: skip
    network, training = SearchSpace.of("both").configuration(values, TrainingConfig(seed=4))
    expected = replace(
        PAPER, width=80, rna=replace(PAPER.rna, filters=40), promoter=replace(PAPER.promoter, n_layers=2)
    )
    assert network == expected
    assert network.huber_delta is None
    assert training == TrainingConfig(seed=4, learning_rate=3e-4)


def test_both_architectures_have_their_own_values():
    assert set(start("both")) == {"signature", "architecture"} | {f"default.{name}" for name in SPACES["default"]}
    assert set(start("paper")) == {"signature", "architecture"} | {f"paper.{name}" for name in SPACES["paper"]}


def test_choices_replace_the_built_in_values():
    space = SearchSpace.of("both", choices={"width": [32, 16], "huber_delta": [None, 1], "rna.filters": [8]})
    assert space.choices["default"]["width"] == (16, 32)
    assert space.choices["paper"]["huber_delta"] == (0.0, 1.0)
    assert space.choices["paper"]["rna.filters"] == (8,)
    assert "rna.filters" not in space.choices["default"]
    assert json.loads(json.dumps(space.to_json())) == space.to_json()
    assert "huber_delta" not in SearchSpace.of("default", fixed=["huber_delta"]).choices["default"]


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"depth": [3]}, "search space has unknown keys depth"),
        ({"rna.filters": [3]}, "unknown keys rna.filters"),  # not of the default network
        ({"width": []}, "a list of numbers is wanted"),
        ({"width": 64}, "a list of numbers is wanted"),
        ({"width": "64"}, "a list of numbers is wanted"),
        ({"width": [64.5]}, "holds 64.5; numbers of type int are wanted"),
        ({"width": [True]}, "holds True"),
        ({"width": [None]}, "holds None"),
        ({"width": [0]}, "width is 0"),
        ({"dropout": [0.1, 1.0]}, "dropout is 1.0"),
        ({"learning_rate": [-1.0]}, "learning_rate is -1.0"),
    ],
)
def test_bad_choices(choices, message):
    with pytest.raises(ValueError, match=message):
        SearchSpace.of("default", choices=choices)


def test_unknown_architecture():
    with pytest.raises(ValueError, match="architecture is 'transformer'"):
        SearchSpace.of("transformer")
