"""The state of a training run on disk, so that a killed run goes on where it stood."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any

import numpy as np

from decode.core.files import atomic_path
from decode.core.resume import load_piece

logger = logging.getLogger(__name__)


class Progress:
    """The best epoch so far, with everything that a resumed run needs; written after each epoch.

    Parameters
    ----------
    model : keras.Model
    optimizer : keras.optimizers.Optimizer or Descent
        With all of its variables in `variables`.
    checkpoint : Path or None
        File to keep the state in (.npz, no pickle); None keeps none.
    signature : str
        Text that two runs share exactly when they fit the same thing.
    seconds_between : float, default 0
        Least time between two writes of the state, where it is large and epochs are short.
    """

    def __init__(
        self, model: Any, optimizer: Any, checkpoint: Path | None, signature: str, *, seconds_between: float = 0.0
    ) -> None:
        self.model, self.optimizer = model, optimizer
        self.seconds_between, self._last_save = seconds_between, time.monotonic()
        self.checkpoint, self.signature = checkpoint, signature
        self.best_weights: list[np.ndarray] = model.get_weights()
        self.best_loss, self.best_epoch = np.inf, -1
        self.history: list[tuple[int, float, float]] = []

    @property
    def _variables(self) -> list[Any]:
        return [*self.model.variables, *self.optimizer.variables]

    def record(self, epoch: int, train_loss: float, validation_loss: float) -> None:
        """Note the losses of an epoch, keep its weights if they are the best, and write the state if it is time."""
        self.history.append((epoch, train_loss, validation_loss))
        if validation_loss < self.best_loss:
            self.best_loss, self.best_epoch = validation_loss, epoch
            self.best_weights = self.model.get_weights()
        if self.checkpoint is not None and time.monotonic() - self._last_save >= self.seconds_between:
            self._save(self.checkpoint)
            self._last_save = time.monotonic()

    def _save(self, path: Path) -> None:
        arrays = {f"variable_{i}": np.asarray(value) for i, value in enumerate(self._variables)}
        arrays |= {f"best_{i}": value for i, value in enumerate(self.best_weights)}
        arrays["history"] = np.asarray(self.history)
        arrays["best"] = np.asarray([self.best_loss, self.best_epoch])
        arrays["signature"] = np.frombuffer(self.signature.encode(), dtype=np.uint8)
        with atomic_path(path) as temporary, open(temporary, "wb") as handle:
            np.savez(handle, allow_pickle=False, **arrays)

    def restore(self) -> None:
        """Continue where the checkpoint stands, if there is one of this very run.

        Raises
        ------
        ValueError
            If the checkpoint is damaged or of another run.
        """
        arrays = None if self.checkpoint is None else load_piece(self.checkpoint, self.signature, self._read)
        if arrays is None:
            return
        for i, variable in enumerate(self._variables):
            variable.assign(arrays[f"variable_{i}"])
        self.best_weights = [arrays[f"best_{i}"] for i in range(len(self.best_weights))]
        self.best_loss, self.best_epoch = float(arrays["best"][0]), int(arrays["best"][1])
        self.history = [(int(epoch), float(train), float(val)) for epoch, train, val in arrays["history"]]
        logger.info("resumed %s after epoch %d", self.checkpoint, self.history[-1][0] + 1)

    def _read(self, path: Path) -> tuple[str, dict[str, np.ndarray]]:
        with np.load(path, allow_pickle=False) as stored:
            arrays = dict(stored)
        signature = arrays["signature"].tobytes().decode()
        found = [arrays[name].shape for name in arrays if name.startswith("variable_")]
        if signature == self.signature and found != [variable.shape for variable in self._variables]:
            raise ValueError("its arrays are not those of this network")
        return signature, arrays
