"""One trial of a search: the network that a set of values stands for, fitted and judged on validation genes."""

from __future__ import annotations

import io
import logging
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from keras_tuner.engine.base_tuner import BaseTuner
from keras_tuner.errors import FailedTrialError, FatalError

from decode.core.resume import make_work_folder, remove_work_folder
from decode.core.seeds import member_seeds
from decode.dataset import Dataset
from decode.evaluation.evaluate import summarise
from decode.models.config import NetworkConfig
from decode.models.ensemble import predict_rows
from decode.statistics.metrics import spearman_per_task
from decode.training.config import TrainingConfig
from decode.training.data import TrainingData, training_data
from decode.training.losses import masked_loss
from decode.training.member import assemble_network, fit_member
from decode.tuning.chief import Post, is_listening, wait_for_chief
from decode.tuning.oracles import WatchedOracle
from decode.tuning.space import SIGNATURE, SearchSpace, values_of

logger = logging.getLogger(__name__)

SPEARMAN, LOSS = "validation_spearman", "validation_loss"
EPOCHS_OF_RUNG = "tuner/epochs"  # Hyperband's name
MAX_PAUSE_S = 10.0  # between two signs of life
# Options of a network that do not change what it is fed; of the convolutions only the number of first bins does.
NOT_OF_DATA = {"width", "n_dense", "dropout", "input_dropout", "huber_delta", "rna", "promoter"}


class UnwritableError(FatalError, OSError):
    """The disk is full, or another fault of the machine: it ends the search, and is no failure of a trial's values."""


class ChiefLostError(FatalError):
    """No chief answers; KerasTuner lets this error through instead of noting a failed trial."""


class NetworkTuner(BaseTuner):
    """Fits the networks of trials with the machinery of `decode.training.ensemble`.

    Parameters
    ----------
    oracle : WatchedOracle
    folder : Path
        State of the search; absolute.
    dataset : Dataset
        Training and validation genes.
    space : SearchSpace
    training : TrainingConfig
        What the search leaves as it is.
    signature : str
        Of data and options; the trials of a chief carry it.
    post : Post
    worker_timeout_s : float
        How long a worker waits for the chief.
    on_trial : callable, optional
        Called with name and score after each trial.
    """

    def __init__(
        self,
        oracle: WatchedOracle,
        *,
        folder: Path,
        dataset: Dataset,
        space: SearchSpace,
        training: TrainingConfig,
        signature: str,
        post: Post,
        worker_timeout_s: float,
        on_trial: Callable[[str, float], None] | None,
    ) -> None:
        self.dataset, self.space, self.training, self.signature = dataset, space, training, signature
        self.post, self.worker_timeout_s, self.on_trial = post, worker_timeout_s, on_trial
        self.n_fitted = 0
        self._data: tuple[Any, TrainingData] | None = None
        self._has_trial = True
        self._last_sign = time.monotonic()
        with redirect_stdout(io.StringIO()):  # KerasTuner prints when it finds an earlier search
            super().__init__(oracle, directory=str(folder.parent), project_name=folder.name)
        if post.role != "worker" and Path(oracle._get_oracle_fname()).exists():
            oracle.reload()

    def reload(self) -> None:
        """Nothing: the state is the oracle's, whichever process searched before."""

    def pre_create_trial(self) -> None:
        """Wait for the chief, and a little where it had no trial the last time."""
        if self.post.role == "worker":
            if not self._has_trial:
                time.sleep(min(1.0, self.worker_timeout_s / 5))
            self._check_chief()
        self._has_trial = False

    def on_trial_begin(self, trial: Any) -> None:
        """Note that there is work."""
        self._has_trial = True

    def run_trial(self, trial: Any, *_args: Any, **_options: Any) -> dict[str, float]:
        """Fit the members of a trial and judge their mean on validation genes."""
        start = time.perf_counter()
        values = values_of(trial)
        if values.get(SIGNATURE) != self.signature:
            raise FatalError(
                f"the chief at {self.post.host}:{self.post.port} searches on other data or options than this worker; "
                "start all processes with the same command and files"
            )
        network, training = self.space.configuration(values, self.training)
        if EPOCHS_OF_RUNG in values:
            training = replace(training, max_epochs=int(values[EPOCHS_OF_RUNG]))
        checkpoints = make_work_folder(Path(self.get_trial_dir(trial.trial_id)) / "checkpoints").resolve()
        try:
            found = self._fit(network, training, checkpoints, trial.trial_id)
        except ValueError as error:
            logger.warning("trial %s failed: %s", trial.trial_id, error)
            raise FailedTrialError(str(error)) from error
        except OSError as error:
            raise UnwritableError(str(error)) from error
        remove_work_folder(checkpoints)
        self._check_chief()
        self.n_fitted += 1
        if self.on_trial is not None:
            self.on_trial(trial.trial_id, found[self.oracle.objective.name])
        return found | {"wall_s": time.perf_counter() - start}

    def _fit(self, network: NetworkConfig, training: TrainingConfig, folder: Path, trial_id: str) -> dict[str, float]:
        data = self._training_data(network)
        arrays = list(data.inputs.values())
        predicted = np.zeros((len(data.validation), data.targets.shape[1]))
        n_epochs = 0
        for seed in member_seeds(training.seed, training.members):
            fit = fit_member(
                seed, data=data, network=network, training=training, checkpoint_folder=folder,
                on_epoch=lambda _epoch, _loss: self._sign_of_life(trial_id),
            )  # fmt: skip
            pooled = assemble_network(fit, data, network).pooled
            predicted += predict_rows(pooled, lambda rows: [values[rows] for values in arrays], data.validation)
            n_epochs += len(fit.history)
        predicted /= training.members
        actual = data.targets[data.validation].astype(np.float64)
        headlines = summarise(spearman_per_task(actual, predicted), self.dataset.task_kinds)
        score = next(iter(headlines.values()))  # of the fold changes, or what stands for the model without any
        if not np.isfinite(score):
            raise ValueError("the Spearman correlation on validation genes is undefined: all predictions are the same")
        loss = masked_loss(actual, predicted, data.task_scale.sd, network.huber_delta, data.task_weight)
        return {SPEARMAN: score, LOSS: loss, "n_epochs": float(n_epochs)}

    def _training_data(self, network: NetworkConfig) -> TrainingData:
        """Pooled features, scales and weights; kept until a trial needs others."""
        options = {name: value for name, value in network.to_json().items() if name not in NOT_OF_DATA}
        key = (options, {region: network.n_first_bins(region) for region in self.dataset.features.regions})
        if self._data is None or self._data[0] != key:
            self._data = None  # free the old ones first
            self._data = (key, training_data(self.dataset, network))
        return self._data[1]

    def _sign_of_life(self, trial_id: str) -> None:
        """Tell the chief now and then that this worker is alive; a chief that is away for a moment is no fault."""
        if self.post.role != "worker":
            return
        import grpc

        now = time.monotonic()
        if now - self._last_sign < min(MAX_PAUSE_S, self.worker_timeout_s / 5) or not is_listening(self.post):
            return
        try:
            self.oracle.get_trial(trial_id)
        except grpc.RpcError as error:
            logger.debug("no sign of life was taken: %s", error)
        self._last_sign = now

    def _check_chief(self) -> None:
        if self.post.role == "worker" and not wait_for_chief(self.post, self.worker_timeout_s):
            raise ChiefLostError(
                f"no chief answered at {self.post.host}:{self.post.port} for {self.worker_timeout_s:g} s; start it "
                "(or start it again) and then this worker"
            )
