"""The configuration file that `decode tune` writes and `decode train --config` reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from decode.core.checks import check_known_keys, naming
from decode.core.files import read_json_object, write_json
from decode.models.config import NetworkConfig, network_config
from decode.training.config import TrainingConfig


class Configuration(NamedTuple):
    """What a network is made of and how it is fitted."""

    network: NetworkConfig
    training: TrainingConfig


def write_config(configuration: Configuration, path: str | Path) -> None:
    """Write a configuration as JSON with the sections network and training, atomically."""
    network, training = configuration
    write_json({"network": network.to_json(), "training": training.to_json()}, path)


def read_config(path: str | Path) -> Configuration:
    """Read a configuration; what it leaves out keeps the value of its architecture.

    Parameters
    ----------
    path : str or Path
        JSON with the sections network and training (see `NetworkConfig` and `TrainingConfig`), both optional.

    Returns
    -------
    Configuration

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no JSON object, or a key is unknown or has a value that is out of range.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "small.json"
    ...     _ = path.write_text('{"network": {"width": 64}, "training": {"members": 3}}')
    ...     small = read_config(path)
    >>> small.network.width, small.training.members
    (64, 3)
    """
    values = read_json_object(path, "configuration")
    check_known_keys(f"configuration {path}", values, ("network", "training"))
    given, training = (_check_object(f"{name} of {path}", values.get(name, {})) for name in ("network", "training"))
    with naming(f"configuration {path}"):
        return _configuration(given, training, path)


def _configuration(given: dict[str, Any], training: dict[str, Any], path: str | Path) -> Configuration:
    network = network_config(given.get("architecture", "default")).to_json() | given
    for region in ("rna", "promoter"):
        if region in given:
            of_region = _check_object(f"network.{region} of {path}", given[region])
            network[region] = network_config(network["architecture"]).to_json()[region] | of_region
    return Configuration(NetworkConfig.from_json(network), TrainingConfig.from_json(training))


def _check_object(name: str, values: Any) -> dict[str, Any]:
    if not isinstance(values, dict):
        raise ValueError(f"{name} is a {type(values).__name__}; an object with named values is wanted")
    return values
