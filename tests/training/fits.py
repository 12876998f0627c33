"""What tests of fitted members share."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from planted import TINY

from decode.training.config import TrainingConfig
from decode.training.member import MemberFit

DROPPING = replace(TINY, dropout=0.3, input_dropout=0.2)  # what a resumed run draws must not repeat
QUICK = TrainingConfig(members=2, max_epochs=6, batch_size=64, learning_rate=3e-3)


def assert_same_fit(a: MemberFit, b: MemberFit, tolerance: float = 1e-6) -> None:
    assert (a.seed, a.best_epoch) == (b.seed, b.best_epoch)
    np.testing.assert_allclose(a.history.to_numpy(), b.history.to_numpy(), atol=tolerance)
    for mine, theirs in zip(a.weights, b.weights, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=tolerance)


class Killed(Exception):
    pass


def kill_after(n_epochs: int):
    def on_epoch(epoch: int, _loss: float) -> None:
        if epoch + 1 == n_epochs:
            raise Killed

    return on_epoch
