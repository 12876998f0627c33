from __future__ import annotations

import json
from dataclasses import FrozenInstanceError

import pytest

from decode.models.config import DEFAULT, PAPER, ConvolutionConfig, NetworkConfig, network_config


@pytest.mark.parametrize(
    "config", [DEFAULT, PAPER, NetworkConfig(width=3, rna=ConvolutionConfig(kernel_size=4, filters=2, n_layers=3))]
)
def test_round_trip_through_json(config):
    assert NetworkConfig.from_json(json.loads(json.dumps(config.to_json()))) == config


def test_the_paper_network_is_the_published_one():
    paper = network_config("paper")
    assert (paper.rna.kernel_size, paper.rna.filters, paper.rna.n_layers) == (2, 160, 2)
    assert (paper.promoter.kernel_size, paper.promoter.filters, paper.promoter.n_layers) == (1, 120, 5)
    assert (paper.width, paper.n_dense, paper.dropout, paper.input_dropout) == (160, 2, 0.0, 0.0)
    assert network_config("default") == DEFAULT


def test_first_bins_that_the_pooled_view_needs():
    assert PAPER.n_first_bins("rna") == 2
    assert PAPER.n_first_bins("promoter") == PAPER.n_first_bins("enhancer") == 0
    assert ConvolutionConfig(kernel_size=5, filters=1, n_layers=3).n_first_bins == 12


def test_it_is_frozen():
    with pytest.raises(FrozenInstanceError):
        DEFAULT.width = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"architecture": "transformer"}, "choose one of: default, paper"),
        ({"width": 0}, "width is 0"),
        ({"width": 2.5}, "whole number"),
        ({"n_dense": -1}, "n_dense is -1"),
        ({"dropout": 1.0}, "dropout is 1.0; a share below 1"),
        ({"input_dropout": -0.1}, "input_dropout is -0.1"),
    ],
)
def test_what_is_out_of_range_raises(options, message):
    with pytest.raises(ValueError, match=message):
        NetworkConfig(**options)


def test_convolutions_are_checked():
    with pytest.raises(ValueError, match="kernel_size is 0"):
        ConvolutionConfig(kernel_size=0, filters=1, n_layers=1)
    with pytest.raises(ValueError, match="choose one of"):
        network_config("published")  # type: ignore[arg-type]


def test_unknown_keys_raise():
    with pytest.raises(ValueError, match=r"network configuration has unknown keys depth; known are architecture"):
        NetworkConfig.from_json({**DEFAULT.to_json(), "depth": 3})
    stored = DEFAULT.to_json()
    stored["rna"]["strides"] = 2
    with pytest.raises(ValueError, match="convolution configuration has unknown keys strides"):
        NetworkConfig.from_json(stored)
