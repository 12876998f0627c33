"""How members are fitted."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Self

from decode.core.checks import check_choice, check_count, check_known_keys, check_positive
from decode.core.choices import Architecture, Keep, Schedule

SCHEDULES: tuple[Schedule, ...] = ("one_cycle", "constant")
SCHEDULE_OF: dict[Architecture, Schedule] = {"default": "one_cycle", "paper": "constant"}
PATIENCE = 10
# Chosen on validation genes of the real corpus, see docs/default-network.md
CYCLE_EPOCHS, CYCLE_BATCH, CYCLE_RATE = 20, 256, 2e-2
LEAST_BATCH, BATCHES_PER_EPOCH = 16, 50  # with fewer genes smaller batches, so that an epoch still has some 50 steps
# Tasaki 2020
CONSTANT_EPOCHS, CONSTANT_BATCH, CONSTANT_RATE = 100, 128, 1e-3


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """How members are fitted. What is None follows from the architecture, the schedule and the number of genes.

    Parameters
    ----------
    members : int
        Networks fitted from different seeds.
    keep : {"mean", "best"}
        "mean" averages all members; "best" keeps the one with the least validation loss (the published rule, of 10).
    schedule : {"one_cycle", "constant"} or None
        How the learning rate runs over the steps, see `decode.training.schedule`. None: one cycle for the default
        network, constant (Tasaki 2020) for the paper's.
    max_epochs : int or None
        The length of the one cycle (20), or the most epochs at a constant rate (100).
    patience : int
        Stop after so many epochs without a lower validation loss; the best weights are kept.
    batch_size : int or None
        Genes a step. One cycle: 256, less where an epoch would have fewer than 50 steps, at least 16. Constant: 128.
    learning_rate : float or None
        Of Adam; the highest of the one cycle (0.02 at 256 genes a step, and in proportion to the square root of their
        number) or the constant one (0.001).
    seed : int
        Every member's seed derives from it.

    Examples
    --------
    >>> TrainingConfig().resolved("default", 14_000).batch_size, TrainingConfig().resolved("paper", 14_000).batch_size
    (256, 128)
    """

    members: int = 5
    keep: Keep = "mean"
    schedule: Schedule | None = None
    max_epochs: int | None = None
    patience: int = PATIENCE
    batch_size: int | None = None
    learning_rate: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        check_choice("keep", self.keep, ("mean", "best"))
        if self.schedule is not None:
            check_choice("schedule", self.schedule, SCHEDULES)
        for name in ("members", "max_epochs", "patience", "batch_size"):
            if getattr(self, name) is not None:
                check_count(name, getattr(self, name))
        if self.learning_rate is not None:
            check_positive("learning_rate", self.learning_rate)
        check_count("seed", self.seed, zero=True)

    def resolved(self, architecture: Architecture, n_genes: int) -> ResolvedTraining:
        """The same with a value for everything.

        Parameters
        ----------
        architecture : {"default", "paper"}
        n_genes : int
            Training genes.
        """
        schedule = self.schedule or SCHEDULE_OF[architecture]
        if schedule == "one_cycle":
            batch = self.batch_size or int(min(CYCLE_BATCH, max(LEAST_BATCH, n_genes // BATCHES_PER_EPOCH)))
            epochs, rate = CYCLE_EPOCHS, CYCLE_RATE * (batch / CYCLE_BATCH) ** 0.5
        else:
            batch, epochs, rate = self.batch_size or CONSTANT_BATCH, CONSTANT_EPOCHS, CONSTANT_RATE
        return ResolvedTraining(
            members=self.members, keep=self.keep, schedule=schedule, max_epochs=self.max_epochs or epochs,
            patience=self.patience, batch_size=batch, learning_rate=self.learning_rate or rate, seed=self.seed,
        )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """Plain dictionary, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Rebuild from `to_json`; an unknown key raises ValueError.

        What was written before there were schedules holds all other options and was fitted at a constant rate.
        """
        check_known_keys("training configuration", values, [field.name for field in fields(cls)])
        if "schedule" not in values and {"max_epochs", "batch_size", "learning_rate"} <= values.keys():
            values = values | {"schedule": "constant"}
        return cls(**values)


@dataclass(frozen=True, kw_only=True)
class ResolvedTraining(TrainingConfig):
    """A `TrainingConfig` in which everything has a value."""

    schedule: Schedule
    max_epochs: int
    batch_size: int
    learning_rate: float

    def slower(self, factor: float) -> ResolvedTraining:
        """The same at a fraction of the learning rate."""
        return replace(self, learning_rate=factor * self.learning_rate)
