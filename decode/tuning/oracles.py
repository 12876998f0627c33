"""KerasTuner's search algorithms, made to survive a killed process and to notice a dead worker."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path
from typing import Any

import keras_tuner
import numpy as np
from keras_tuner.engine.trial import TrialStatus
from keras_tuner.oracles import BayesianOptimizationOracle, HyperbandOracle, RandomSearchOracle
from threadpoolctl import threadpool_limits

from decode.core.checks import check_choice, listed
from decode.core.choices import Algorithm
from decode.core.files import write_json

logger = logging.getLogger(__name__)

OPEN = {TrialStatus.RUNNING, TrialStatus.INVALID}


class WatchedOracle(keras_tuner.Oracle):
    """What all three algorithms share.

    The first trial is the configuration that the architecture has now, so that every search says what it gained.
    Nothing is printed. Files are written whole or not at all, and a trial that was under way when the process ended
    is done again. Every request of a worker counts as a sign of life; the trial of a worker that is silent for too
    long goes to another one, and workers are kept until the last trial is done, so that one is there to take it.

    Methods that KerasTuner calls on a thread of its server and methods that the chief calls share one lock.
    """

    def __init__(self, **options: Any) -> None:
        self._guard = threading.RLock()
        self._seen: dict[str, float] = {}
        self._last_sign = time.monotonic()
        self._is_exhausted = False
        self.failure: str | None = None
        super().__init__(allow_new_entries=False, tune_new_entries=False, **options)
        self.verbose = 0

    def create_trial(self, tuner_id: str) -> Any:
        """Give a worker its next trial, or tell it to wait (IDLE) or to stop (STOPPED)."""
        with self._guard:
            self._sign_of_life(tuner_id)
            trial = super().create_trial(tuner_id)
            if trial.status == TrialStatus.STOPPED:
                if self.ongoing_trials:
                    trial.status = TrialStatus.IDLE
                    self.tuner_ids.add(tuner_id)
                else:
                    self._is_exhausted = True
            return trial

    def get_trial(self, trial_id: str) -> Any:
        """The trial of that name; a worker asks for its own now and then to say that it is alive."""
        with self._guard:
            for tuner_id, trial in self.ongoing_trials.items():
                if trial.trial_id == trial_id:
                    self._sign_of_life(tuner_id)
            return super().get_trial(trial_id)

    def end_trial(self, trial: Any) -> None:
        """Take the result of a trial, also from a worker that was believed dead."""
        with self._guard:
            self._last_sign = time.monotonic()
            if trial.trial_id in self._retry_queue:
                self._retry_queue.remove(trial.trial_id)
            try:
                super().end_trial(trial)
            except RuntimeError as error:  # too many failed trials in a row
                self.failure = last_line(trial.message) or last_line(str(error))
                raise

    def is_finished(self) -> bool:
        """Whether every trial is done and every worker has been told to stop."""
        with self._guard:
            return self._is_exhausted and not (self.ongoing_trials or self.tuner_ids or self._retry_queue)

    def n_ended(self) -> int:
        """Number of trials that need no more work."""
        return sum(trial.status in (TrialStatus.COMPLETED, TrialStatus.FAILED) for trial in self.trials.values())

    def drop_silent_workers(self, timeout_s: float) -> None:
        """Give up workers without a sign of life and queue their trials again.

        Raises
        ------
        TimeoutError
            If no other worker is left.
        """
        with self._guard:
            now = time.monotonic()
            silent = sorted(tuner for tuner in self.tuner_ids if now - self._seen.get(tuner, 0.0) > timeout_s)
            for tuner_id in silent:
                self.tuner_ids.discard(tuner_id)
                trial = self.ongoing_trials.pop(tuner_id, None)
                if trial is not None:
                    self._retry_queue.append(trial.trial_id)
                logger.warning(
                    "worker %s gave no sign of life for %g s; %s", tuner_id, timeout_s,
                    f"trial {trial.trial_id} goes to another one" if trial is not None else "it had no trial",
                )  # fmt: skip
            if silent:
                self.save()
            if not self.tuner_ids and now - self._last_sign > timeout_s:
                who = f"worker {listed(silent)} gave no sign of life" if silent else "no worker asked for a trial"
                raise TimeoutError(
                    f"{who} for {timeout_s:g} s and no other is left; {self.n_ended()} trials are finished. Start "
                    "chief and workers again with the same commands to go on, and a longer --worker-timeout if they "
                    "are slow"
                )

    def save(self) -> None:
        """Write the state, whole or not at all."""
        write_json(self.get_state(), self._get_oracle_fname())

    def reload(self) -> None:
        """Read the state of an earlier process; what it left unfinished is queued."""
        super().reload()
        unfinished = [name for name, trial in sorted(self.trials.items()) if trial.status in OPEN]
        self._retry_queue = unfinished[::-1]  # taken from its end

    def _save_trial(self, trial: Any) -> None:
        write_json(trial.get_state(), Path(self._get_trial_dir(trial.trial_id)) / "trial.json")

    def _random_values(self) -> dict[str, Any] | None:
        if not self.trials:
            return dict(self.hyperparameters.values)
        values: dict[str, Any] | None = super()._random_values()
        return values

    def _sign_of_life(self, tuner_id: str) -> None:
        self._seen[tuner_id] = self._last_sign = time.monotonic()


class RandomOracle(WatchedOracle, RandomSearchOracle):
    """Random search: values drawn independently, none twice."""


class BayesianOracle(WatchedOracle, BayesianOptimizationOracle):
    """Bayesian optimisation: a Gaussian process of the score chooses the next values."""

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Choose values, as a function of the trials so far alone: KerasTuner's own generator is lost at a restart."""
        self._random_state = np.random.RandomState(self.seed + len(self.trials))
        with threadpool_limits(limits=1):  # tiny matrices: threads only wait for each other
            values: dict[str, Any] = super().populate_space(trial_id)
            return values


class HyperbandRungs(WatchedOracle, HyperbandOracle):
    """Hyperband: many configurations for few epochs, the best of them for more."""


def make_oracle(
    algorithm: Algorithm,
    *,
    objective: keras_tuner.Objective,
    hyperparameters: keras_tuner.HyperParameters,
    n_trials: int,
    max_epochs: int,
    seed: int,
) -> WatchedOracle:
    """The search algorithm of that name.

    Parameters
    ----------
    algorithm : {"random", "bayesian", "hyperband"}
    objective : keras_tuner.Objective
    hyperparameters : keras_tuner.HyperParameters
        The whole space.
    n_trials : int
        Of a random or Bayesian search; Hyperband derives its own number from `max_epochs`.
    max_epochs : int
        Of the longest Hyperband trial.
    seed : int

    References
    ----------
    Li et al. 2018, Journal of Machine Learning Research 18(185):1 (Hyperband, here with its factor of 3).
    """
    check_choice("algorithm", algorithm, ("random", "bayesian", "hyperband"))
    # KerasTuner takes seed 0 for none
    shared = {"objective": objective, "hyperparameters": hyperparameters, "seed": seed + 1}
    if algorithm == "hyperband":
        return HyperbandRungs(max_epochs=max_epochs, **shared)
    if algorithm == "bayesian":
        # KerasTuner's default, three times the number of hyper-parameters, is more than most searches have trials
        return BayesianOracle(max_trials=n_trials, num_initial_points=min(10, max(2, n_trials // 3)), **shared)
    return RandomOracle(max_trials=n_trials, **shared)


def last_line(text: str | None) -> str:
    """The last line of an error's text, without the class that it begins with.

    Examples
    --------
    >>> last_line("Traceback ...\\nkeras_tuner.errors.FailedTrialError: the loss is nan\\n")
    'the loss is nan'
    """
    lines = [line for line in (text or "").splitlines() if line.strip()]
    if not lines:
        return ""
    head, colon, rest = lines[-1].partition(": ")
    return rest if colon and head.split(".")[-1].endswith(("Error", "Exception")) else lines[-1]
