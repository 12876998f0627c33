"""How members are fitted."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from decode.core.checks import check_choice, check_count, check_known_keys, check_positive
from decode.core.choices import Keep


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """How members are fitted. The defaults are Tasaki 2020's.

    Parameters
    ----------
    members : int
        Networks fitted from different seeds.
    keep : {"mean", "best"}
        "mean" averages all members; "best" keeps the one with the least validation loss (the published rule, of 10).
    max_epochs : int
    patience : int
        Stop after so many epochs without a lower validation loss; the best weights are kept.
    batch_size : int
        Genes a step.
    learning_rate : float
        Of Adam.
    seed : int
        Every member's seed derives from it.
    """

    members: int = 5
    keep: Keep = "mean"
    max_epochs: int = 100
    patience: int = 10
    batch_size: int = 128
    learning_rate: float = 1e-3
    seed: int = 0

    def __post_init__(self) -> None:
        check_choice("keep", self.keep, ("mean", "best"))
        for name in ("members", "max_epochs", "patience", "batch_size"):
            check_count(name, getattr(self, name))
        check_positive("learning_rate", self.learning_rate)
        check_count("seed", self.seed, zero=True)

    def to_json(self) -> dict[str, Any]:
        """Plain dictionary, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Rebuild from `to_json`; an unknown key raises ValueError."""
        check_known_keys("training configuration", values, [field.name for field in fields(cls)])
        return cls(**values)
