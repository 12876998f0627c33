"""Search for the hyper-parameters that predict validation genes best; the test chromosome plays no part."""

from __future__ import annotations

import decode.core.quiet_keras  # noqa: F401  before KerasTuner, which loads TensorFlow

# isort: split
import json
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import keras_tuner
import numpy as np
import pandas as pd
from keras_tuner.engine.trial import TrialStatus
from keras_tuner.errors import FatalError

from decode.core.checks import check_choice, check_count, check_known_keys, check_positive, listed
from decode.core.choices import Algorithm, Objective, Searched
from decode.core.files import make_output_folder
from decode.core.resume import FinishedRuns, at_work, content_hash, make_work_folder, remove_work_folder
from decode.core.shown import shown
from decode.dataset import TRAIN, VALIDATION, Dataset, prepare_dataset
from decode.evaluation.refit import dataset_hash
from decode.models.config import ARCHITECTURES, network_config
from decode.training.config import TrainingConfig
from decode.tuning.chief import WORKER_TIMEOUT_S, Post, post_of_process, serve_trials
from decode.tuning.config_file import Configuration
from decode.tuning.oracles import last_line, make_oracle
from decode.tuning.space import ARCHITECTURE, HUBER, SearchSpace, values_of
from decode.tuning.space import SIGNATURE as TRIAL_SIGNATURE
from decode.tuning.tuner import EPOCHS_OF_RUNG, LOSS, SPEARMAN, ChiefLostError, NetworkTuner, UnwritableError

if TYPE_CHECKING:
    from decode.features.matrix import RegulatoryFeatures

logger = logging.getLogger(__name__)

OnTrial = Callable[[str, float], None]
ORACLE_FILE = "oracle.json"  # of KerasTuner, in the chief's folder
SIGNATURE = "search"  # file beside those of KerasTuner that says whose search it is


@dataclass(frozen=True, kw_only=True)
class TuningConfig:
    """What is searched and how.

    Parameters
    ----------
    architecture : {"default", "paper", "both"}
    algorithm : {"random", "bayesian", "hyperband"}
        A Hyperband trial that is promoted is fitted anew from its first epoch: a fit repeats exactly, so the result is
        that of going on, at up to 1.5 times the epochs.
    objective : {"spearman", "loss"}
        "spearman": mean Spearman over the fold changes (where there is none levels, others, the median level) on
        validation genes.
        "loss": loss on validation genes; huber_delta then keeps its value, and "both" is refused, because losses with
        other deltas or scales do not compare.
    n_trials : int
        Of a random or Bayesian search; Hyperband derives its own number from `training.max_epochs`.
    choices : mapping of name to numbers, optional
        Values in place of the built-in ones, see `decode.tuning.space.SPACES`; one value fixes a hyper-parameter.
    members_per_trial : int
        Networks averaged in a trial.
    training : TrainingConfig
        Epochs, patience and seed (of split, networks and search) of the trials; members and keep of the result.
    worker_timeout_s : float
        A worker that is silent for longer is given up; see `decode.tuning.chief.serve_trials`.
    """

    architecture: Searched = "default"
    algorithm: Algorithm = "random"
    objective: Objective = "spearman"
    n_trials: int = 30
    choices: Mapping[str, Sequence[float | None]] | None = None
    members_per_trial: int = 1
    training: TrainingConfig = field(default_factory=TrainingConfig)
    worker_timeout_s: float = WORKER_TIMEOUT_S

    def __post_init__(self) -> None:
        check_choice("algorithm", self.algorithm, ("random", "bayesian", "hyperband"))
        check_choice("objective", self.objective, ("spearman", "loss"))
        for name in ("n_trials", "members_per_trial"):
            check_count(name, getattr(self, name))
        check_positive("worker_timeout_s", self.worker_timeout_s)
        if self.objective == "loss" and self.architecture == "both":
            raise ValueError("objective is 'loss' and architecture 'both': their losses do not compare; use spearman")
        _ = self.space  # checks architecture and choices

    def to_json(self) -> dict[str, Any]:
        """Plain dictionary, ready for JSON."""
        choices = {name: list(values) for name, values in self.choices.items()} if self.choices is not None else None
        return {item.name: getattr(self, item.name) for item in fields(self)} | {
            "choices": choices,
            "training": self.training.to_json(),
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Rebuild from `to_json`; an unknown key raises ValueError."""
        check_known_keys("tuning configuration", values, [item.name for item in fields(cls)])
        training = {"training": TrainingConfig.from_json(values["training"])} if "training" in values else {}
        return cls(**values | training)

    @property
    def space(self) -> SearchSpace:
        """Values of every hyper-parameter that is searched."""
        fixed = [HUBER] if self.objective == "loss" else []
        return SearchSpace.of(self.architecture, choices=self.choices, fixed=fixed)

    @property
    def training_of_trials(self) -> TrainingConfig:
        """What all trials share."""
        return replace(self.training, members=self.members_per_trial, keep="mean")


@shown()
class TuningResult(NamedTuple):
    """What a search found.

    Attributes
    ----------
    configuration : Configuration
        Network and training of the best trial, for `decode.train`.
    objective : str
        validation_spearman or validation_loss.
    score : float
        Of the best trial. The best of many, so it flatters.
    trials : pd.DataFrame
        trial, status, score, validation_spearman, validation_loss, n_epochs, wall_s, architecture, max_epochs, one
        column a hyper-parameter (undefined where the architecture has none of that name), and the reason of a failure.
        The first trial is the configuration that the architecture has without a search.
    counts : dict
        Of the dataset, and trials by status.
    """

    configuration: Configuration
    objective: str
    score: float
    trials: pd.DataFrame
    counts: dict[str, Any]


def tune(
    features: RegulatoryFeatures,
    targets: pd.DataFrame,
    *,
    folder: str | Path,
    config: TuningConfig | None = None,
    test_chromosome: str | Collection[str] = "chr1",
    biosamples: Collection[str] | None = None,
    groups: Mapping[str, str] | None = None,
    on_trial: OnTrial | None = None,
) -> TuningResult:
    """Search for the hyper-parameters that predict validation genes best.

    The genes of the test chromosome are taken out before anything else happens; training and validation genes are those
    of `decode.train` with the same seed. The first trial is the configuration that the architecture has now. A search
    that was killed goes on when it is called again, a random or Bayesian search also with more trials.

    Several processes: set KerasTuner's environment variables (see `decode.tuning.chief.post_of_process`), call `tune`
    in the chief and `tune_worker` in every worker. Results are read from the chief alone.

    Parameters
    ----------
    features : RegulatoryFeatures
    targets : pd.DataFrame
        gene_id and one column a task, log2 units.
    folder : path
        State of the search, of this one only; created with its parent. `remove_search` removes it.
    config : TuningConfig, optional
    test_chromosome, biosamples, groups
        As in `decode.train`.
    on_trial : callable, optional
        Called with name and score after each trial that this process fitted.

    Returns
    -------
    TuningResult

    Raises
    ------
    ValueError
        If the dataset cannot be made, `folder` belongs to another search or is damaged, the environment says that this
        is a worker, or trials could not be fitted.
    TimeoutError
        If a chief has no worker left.
    """
    config = config or TuningConfig()
    post = post_of_process()
    if post.role == "worker":
        raise ValueError(f"the environment says that this process is the worker {post.name}; call tune_worker")
    dataset = prepare_dataset(
        features, targets, test_chromosome=test_chromosome, seed=config.training.seed, biosamples=biosamples,
        groups=groups,
    )  # fmt: skip
    make_output_folder(Path(folder).parent)
    with at_work(folder):
        tuner = _open_search(dataset, Path(folder), config, post, on_trial)
        tuner.save()
        if post.role == "chief":
            serve_trials(tuner.oracle, post, worker_timeout_s=config.worker_timeout_s)
            tuner.save()
        else:
            try:
                tuner.search()
            except RuntimeError as error:
                if tuner.oracle.failure is None:
                    raise
                raise ValueError(f"too many trials in a row failed; the last one: {tuner.oracle.failure}") from error
        return _result(tuner, config, dataset.counts)


def tune_worker(
    features: RegulatoryFeatures,
    targets: pd.DataFrame,
    *,
    folder: str | Path,
    config: TuningConfig | None = None,
    test_chromosome: str | Collection[str] = "chr1",
    biosamples: Collection[str] | None = None,
    groups: Mapping[str, str] | None = None,
    on_trial: OnTrial | None = None,
) -> int:
    """Fit trials for the chief that the environment names, until it says stop.

    Parameters
    ----------
    features, targets, folder, config, test_chromosome, biosamples, groups, on_trial
        As in `tune`, the same as the chief's. The folder may be another one where machines share no disk.

    Returns
    -------
    int
        How many trials were fitted here. The results are the chief's.

    Raises
    ------
    ValueError
        If the environment names no chief, the chief searches on other data or options, or as in `tune`.
    TimeoutError
        If the chief does not answer for `config.worker_timeout_s`.
    """
    import grpc

    config = config or TuningConfig()
    post = post_of_process()
    if post.role != "worker":
        raise ValueError(f"the environment makes this process {post.role}, not a worker; call tune")
    dataset = prepare_dataset(
        features, targets, test_chromosome=test_chromosome, seed=config.training.seed, biosamples=biosamples,
        groups=groups,
    )  # fmt: skip
    tuner = _open_search(dataset, Path(folder), config, post, on_trial)
    try:
        tuner.search()
    except ChiefLostError as error:
        raise TimeoutError(str(error)) from error
    except UnwritableError:
        raise
    except FatalError as error:
        raise ValueError(str(error)) from error
    except grpc.RpcError as error:
        reason = error.details() if isinstance(error, grpc.Call) else error
        raise TimeoutError(
            f"the chief at {post.host}:{post.port} broke off after {tuner.n_fitted} trials of this worker ({reason}); "
            "see what it says"
        ) from error
    return tuner.n_fitted


def remove_search(folder: str | Path, *, is_worker: bool = False) -> None:
    """Remove the folder of a search once its result is written.

    Parameters
    ----------
    folder : path
    is_worker : bool
        A worker leaves a folder that it shares with the chief, which may still need it.
    """
    if not (is_worker and (Path(folder) / ORACLE_FILE).exists()):
        remove_work_folder(folder)


def _open_search(
    dataset: Dataset, folder: Path, config: TuningConfig, post: Post, on_trial: OnTrial | None
) -> NetworkTuner:
    """Begin a search in an empty folder, or go on with it where the folder holds this very one."""
    dataset = _without_test_genes(dataset)
    space, training = config.space, config.training_of_trials
    searched = {
        "data": dataset_hash(dataset),
        "search space": space.to_json(),
        "network": {name: network_config(name).to_json() for name in ARCHITECTURES if name in space.choices},
        "algorithm": config.algorithm,
        "objective": config.objective,
        "training": training.to_json(),
    }
    text = json.dumps(searched, sort_keys=True)
    signature = content_hash([text])
    make_output_folder(folder.parent)
    folder = make_work_folder(folder).resolve()
    runs = FinishedRuns(folder)
    if runs.load(SIGNATURE, text) is None:
        if (folder / ORACLE_FILE).exists():
            raise ValueError(f"tuner folder {folder} is damaged (no {SIGNATURE}.json); remove it to search again")
        runs.save(SIGNATURE, text, searched)  # chief and workers may all begin at once and write the same
    is_spearman = config.objective == "spearman"
    oracle = make_oracle(
        config.algorithm,
        objective=keras_tuner.Objective(SPEARMAN if is_spearman else LOSS, "max" if is_spearman else "min"),
        hyperparameters=space.hyperparameters(signature, training),
        n_trials=config.n_trials,
        max_epochs=max(training.resolved(name, 0).max_epochs for name in space.architectures),
        seed=training.seed,
    )
    try:
        tuner = NetworkTuner(
            oracle, folder=folder, dataset=dataset, space=space, training=training, signature=signature, post=post,
            worker_timeout_s=config.worker_timeout_s, on_trial=on_trial,
        )  # fmt: skip
    except (ValueError, KeyError, TypeError, RuntimeError) as error:
        raise ValueError(f"tuner folder {folder} is damaged ({error!r}); remove it to search again") from error
    for trial in oracle.trials.values():
        if values_of(trial).get(TRIAL_SIGNATURE) != signature:
            raise ValueError(
                f"trial {trial.trial_id} in {folder} belongs to a search with other data or options; remove {folder} "
                "or choose another --out"
            )
    return tuner


def _without_test_genes(dataset: Dataset) -> Dataset:
    rows = np.flatnonzero(np.isin(dataset.split, (TRAIN, VALIDATION)))
    features = dataset.features.take(rows)
    return replace(dataset, features=features, targets=dataset.targets[rows], split=dataset.split[rows])


def _result(tuner: NetworkTuner, config: TuningConfig, counts: dict[str, Any]) -> TuningResult:
    oracle = tuner.oracle
    ordered = [oracle.trials[name] for name in oracle.start_order]
    trials = pd.DataFrame([_row(trial, tuner) for trial in ordered])
    best = oracle.get_best_trials(1)
    if not best or best[0].status != TrialStatus.COMPLETED:
        reasons = [last_line(trial.message) for trial in ordered]
        raise ValueError(f"none of the {len(ordered)} trials could be fitted: {listed(filter(None, reasons), 1)}")
    configuration = tuner.space.configuration(values_of(best[0]), config.training)
    counts = counts | {"trials": trials["status"].value_counts().to_dict()}
    return TuningResult(configuration, oracle.objective.name, float(best[0].score), trials, counts)


def _row(trial: Any, tuner: NetworkTuner) -> dict[str, Any]:
    row: dict[str, Any] = {"trial": trial.trial_id, "status": trial.status.lower(), "score": trial.score}
    for name in (SPEARMAN, LOSS, "n_epochs", "wall_s"):
        row[name] = trial.metrics.get_best_value(name) if trial.metrics.exists(name) else None
    values = values_of(trial)
    row[ARCHITECTURE] = values[ARCHITECTURE]
    row["max_epochs"] = values.get(EPOCHS_OF_RUNG, tuner.training.resolved(values[ARCHITECTURE], 0).max_epochs)
    for architecture, parameters in tuner.space.choices.items():
        for parameter in parameters:
            if architecture == row[ARCHITECTURE]:
                row[parameter] = values[f"{architecture}.{parameter}"]
            else:
                row.setdefault(parameter, None)
    return row | {"failure": last_line(trial.message) or None}
