"""What is searched: the values that each hyper-parameter of an architecture may take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any, Self

import keras_tuner

from decode.core.checks import check_choice, check_known_keys
from decode.core.choices import Architecture, Searched
from decode.models.config import ARCHITECTURES, NetworkConfig, network_config
from decode.training.config import TrainingConfig
from decode.tuning.config_file import Configuration

Value = int | float

ARCHITECTURE, SIGNATURE = "architecture", "signature"
HUBER = "huber_delta"  # 0.0 stands for None, a squared error: a KerasTuner choice holds values of one type
TRAINING = ("learning_rate", "batch_size")
MANY_GENES = 20_000  # the defaults of a whole genome are where a search starts

# Values lie about evenly on a logarithmic scale where a quantity acts by its ratio.
_BOTH: dict[str, tuple[Value, ...]] = {
    "n_dense": (1, 2, 3),
    HUBER: (0.0, 0.25, 0.5, 1.0, 2.0),
    "learning_rate": (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 2e-2, 4e-2),
    "batch_size": (32, 64, 128, 256, 512),
}
SPACES: dict[str, dict[str, tuple[Value, ...]]] = {
    "default": {
        "width": (64, 128, 256, 512, 1024),
        "dropout": (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7),
        "input_dropout": (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7),
        **_BOTH,
    },
    # around the published sizes (Tasaki 2020 searched with hyperopt; its space was not published)
    "paper": {
        "width": (40, 80, 160, 320, 640),
        "dropout": (0.0, 0.1, 0.2, 0.3, 0.4, 0.5),
        **_BOTH,
        "rna.kernel_size": (1, 2, 3, 4),
        "rna.filters": (40, 80, 160, 320),
        "rna.n_layers": (1, 2, 3),
        "promoter.kernel_size": (1, 2, 3, 4),
        "promoter.filters": (30, 60, 120, 240),
        "promoter.n_layers": (1, 2, 3, 5),
    },
}


@dataclass(frozen=True)
class SearchSpace:
    """Values of every hyper-parameter, by architecture.

    Attributes
    ----------
    choices : dict of architecture to dict of name to tuple of numbers
        `rna.filters` is a part of the convolutions of a region; learning_rate and batch_size belong to the training,
        all others to the network. huber_delta 0 is the squared error.
    """

    choices: dict[str, dict[str, tuple[Value, ...]]]

    @classmethod
    def of(
        cls,
        architecture: Searched = "default",
        *,
        choices: Mapping[str, Sequence[Value | None]] | None = None,
        fixed: Sequence[str] = (),
    ) -> Self:
        """The space of one architecture or of both.

        Parameters
        ----------
        architecture : {"default", "paper", "both"}
        choices : mapping of name to numbers, optional
            In place of the built-in values; a single value fixes a hyper-parameter.
        fixed : sequence of str
            Hyper-parameters that keep the value of the architecture.

        Raises
        ------
        ValueError
            If a name is unknown, or a value is no number or out of range.
        """
        check_choice("architecture", architecture, (*SPACES, "both"))
        names = list(SPACES) if architecture == "both" else [architecture]
        known = {parameter for name in names for parameter in SPACES[name]}
        check_known_keys("search space", choices or {}, sorted(known))
        found = {}
        for name in names:
            values = {key: tuple(value) for key, value in SPACES[name].items() if key not in fixed}
            values |= {key: _numbers(key, given) for key, given in (choices or {}).items() if key in values}
            found[name] = values
        space = cls(found)
        for name, parameters in found.items():
            for parameter, numbers in parameters.items():
                for number in numbers:
                    space.configuration({ARCHITECTURE: name, f"{name}.{parameter}": number}, TrainingConfig())
        return space

    @property
    def architectures(self) -> list[Architecture]:
        """Those that are searched."""
        return [name for name in ARCHITECTURES if name in self.choices]

    def to_json(self) -> dict[str, Any]:
        """Plain dictionary, ready for JSON."""
        return {name: {key: list(values) for key, values in part.items()} for name, part in self.choices.items()}

    def hyperparameters(self, signature: str, training: TrainingConfig) -> keras_tuner.HyperParameters:
        """The space as KerasTuner takes it; its default is the configuration that the architecture has now.

        Parameters
        ----------
        signature : str
            Travels along, so that a worker with other data is found out.
        training : TrainingConfig
        """
        space = keras_tuner.HyperParameters()
        space.Fixed(SIGNATURE, signature)
        space.Choice(ARCHITECTURE, list(self.choices))
        for name, parameters in self.choices.items():
            network = network_config(name)  # type: ignore[arg-type]
            is_one_of_several = len(self.choices) > 1
            with space.conditional_scope(ARCHITECTURE, [name]) if is_one_of_several else nullcontext():
                for parameter, values in parameters.items():
                    if len(values) == 1:  # no dimension for the Gaussian process of a Bayesian search
                        space.Fixed(f"{name}.{parameter}", values[0])
                        continue
                    start = _value(network, training, parameter)
                    nearest = min(values, key=lambda value: abs(value - start))
                    space.Choice(f"{name}.{parameter}", list(values), default=nearest)
        return space

    def configuration(self, values: Mapping[str, Any], training: TrainingConfig) -> Configuration:
        """The network and training that a set of values stands for.

        Parameters
        ----------
        values : mapping
            As KerasTuner gives them; what they lack keeps the value of the architecture.
        training : TrainingConfig

        Returns
        -------
        Configuration
        """
        name = values[ARCHITECTURE]
        network = network_config(name)
        for parameter in self.choices[name]:
            value = values.get(f"{name}.{parameter}")
            if value is None:
                continue
            region, dot, field = parameter.partition(".")
            changed: dict[str, Any] = {parameter: None if parameter == HUBER and not value else value}
            if parameter in TRAINING:
                training = replace(training, **changed)
            else:
                changed = {region: replace(getattr(network, region), **{field: value})} if dot else changed
                network = replace(network, **changed)
        return Configuration(network, training)


def values_of(trial: Any) -> dict[str, Any]:
    """What KerasTuner chose for a trial: name and value of every active hyper-parameter."""
    return dict(trial.hyperparameters.values)


def _value(network: NetworkConfig, training: TrainingConfig, parameter: str) -> Value:
    region, dot, field = parameter.partition(".")
    if parameter in TRAINING:
        values: Value = getattr(training.resolved(network.architecture, MANY_GENES), parameter)
        return values
    return getattr(getattr(network, region), field) if dot else getattr(network, parameter) or 0


def _numbers(parameter: str, given: Sequence[Value | None]) -> tuple[Value, ...]:
    """Distinct values of the type that the built-in ones have, in ascending order."""
    kind = type(next(values[parameter][0] for values in SPACES.values() if parameter in values))
    if isinstance(given, str) or not isinstance(given, Sequence) or not given:
        raise ValueError(f"{parameter} of the search space is {given!r}; a list of numbers is wanted")
    numbers = []
    for value in given:
        value = 0.0 if value is None and parameter == HUBER else value
        if isinstance(value, bool) or not isinstance(value, int | float) or kind(value) != value:
            raise ValueError(
                f"{parameter} of the search space holds {value!r}; numbers of type {kind.__name__} are wanted"
            )
        numbers.append(kind(value))
    return tuple(sorted(set(numbers)))
