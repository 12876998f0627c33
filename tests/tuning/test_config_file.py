from __future__ import annotations

import json

import pytest

from decode.models.config import DEFAULT, PAPER, ConvolutionConfig, NetworkConfig
from decode.training.config import TrainingConfig
from decode.tuning.config_file import Configuration, read_config, write_config


def test_round_trip(tmp_path):
    wanted = Configuration(
        NetworkConfig(width=64, huber_delta=None, rna=ConvolutionConfig(kernel_size=3, filters=8, n_layers=1)),
        TrainingConfig(members=3, learning_rate=3e-4, batch_size=32),
    )
    write_config(wanted, tmp_path / "best.json")
    assert read_config(tmp_path / "best.json") == wanted


@pytest.mark.parametrize(
    ("values", "network", "training"),
    [
        ({}, DEFAULT, TrainingConfig()),
        ({"network": {"architecture": "paper"}}, PAPER, TrainingConfig()),
        ({"training": {"members": 2}}, DEFAULT, TrainingConfig(members=2)),
    ],
)
def test_what_is_left_out_keeps_its_value(tmp_path, values, network, training):
    (tmp_path / "a.json").write_text(json.dumps(values))
    assert read_config(tmp_path / "a.json") == (network, training)


def test_a_part_of_a_convolution(tmp_path):
    (tmp_path / "a.json").write_text('{"network": {"architecture": "paper", "rna": {"filters": 40}}}')
    assert read_config(tmp_path / "a.json").network.rna == ConvolutionConfig(kernel_size=2, filters=40, n_layers=2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("{", "is no JSON"),
        ("[1]", "an object with named values"),
        ('{"networks": {}}', "unknown keys networks"),
        ('{"network": {"size": 3}}', "network configuration has unknown keys size"),
        ('{"training": {"epochs": 3}}', "training configuration has unknown keys epochs"),
        ('{"network": {"rna": {"stride": 3}}}', "convolution configuration has unknown keys stride"),
        ('{"network": {"rna": 3}}', "network.rna of"),
        ('{"network": []}', "network of .* is a list"),
        ('{"network": {"width": 0}}', "width is 0"),
        ('{"network": {"architecture": "big"}}', "architecture is 'big'"),
        ('{"training": {"learning_rate": "fast"}}', "learning_rate is 'fast'"),
    ],
)
def test_bad_input(tmp_path, text, message):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_config(tmp_path / "a.json")


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"configuration .* does not exist"):
        read_config(tmp_path / "a.json")
