"""Drivers by a network trained anew on the table: slow, for a table that is worth it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decode.attribution.exact.engine import ExactEngine
from decode.attribution.job import make_job
from decode.core.resume import content_hash, make_work_folder
from decode.dataset.split import TEST
from decode.drivers.design import covariate_basis
from decode.drivers.engine import DriversConfig, Engine, Explained, Fit
from decode.drivers.frozen_body import regulator_attributions
from decode.drivers.inputs import DriverInputs
from decode.drivers.noise import Significance
from decode.evaluation.predict import predict
from decode.models.config import NetworkConfig
from decode.ranking.null import fit_null
from decode.statistics.significance import empirical_significance
from decode.statistics.strata import bound_gene_strata
from decode.training.config import TrainingConfig
from decode.training.ensemble import train

if TYPE_CHECKING:
    from decode.models.bundle import ModelBundle

logger = logging.getLogger(__name__)

Float = NDArray[np.float64]
TASK = "statistic"


@dataclass(frozen=True, kw_only=True)
class FullOptions:
    """How `full_network_engine` trains.

    Parameters
    ----------
    network : NetworkConfig or {"default", "paper"}
    training : TrainingConfig
    refits : int
        Refits on exchanged sites, each as costly as the training.
    folder : path, optional
        Keeps epochs of the members and finished refits; the same call goes on after a kill.
    executor : str, distributed.Client or Executor
        Where members and refits are fitted.
    on_run : callable, optional
        Called after each refit with its name and whether it was finished before.
    """

    network: NetworkConfig | Literal["default", "paper"] = "default"
    training: TrainingConfig = field(default_factory=lambda: TrainingConfig(members=3))
    refits: int = 20
    folder: str | Path | None = None
    executor: Any = "serial"
    on_run: Callable[[str, bool], None] | None = None


def full_network_engine(options: FullOptions) -> Engine:
    """Train a network on the statistic itself, attribute it, and refit it on exchanged sites.

    Parameters
    ----------
    options : FullOptions

    Returns
    -------
    callable
        For `decode.drivers.find.find_drivers(engine=...)`.

    Notes
    -----
    The target is the statistic in SDs without what the covariates explain. The effect of a regulator is the mean over
    all genes of its attribution against the gene without sites (own length), averaged over members; its sd is over
    members. z and p are against the same score of `options.refits` refits (`decode.ranking.null.fit_null`). r2 is of
    the genes of the held-out chromosome. Regulators with sites in fewer than 30 training genes score 0, without
    p-value. The size of the statistic is not screened, and genes are taken as independent: the question is whether
    any site matters.
    """

    def engine(inputs: DriverInputs, config: DriversConfig) -> Fit:
        basis = covariate_basis(inputs.covariates)
        ids = inputs.features.ids.tolist()

        def fit(y: Float) -> Explained:
            scaled = (y - y.mean()) / y.std()
            target = scaled - basis @ (basis.T @ scaled)
            targets = pd.DataFrame({"gene_id": ids, TASK: target})
            folder = None
            if options.folder is not None:
                folder = make_work_folder(options.folder) / content_hash([target])[:16]
            bundle = train(
                inputs.features, targets, network=options.network, training=options.training,
                checkpoint_folder=folder, executor=options.executor,
            )  # fmt: skip
            null = fit_null(
                bundle,
                inputs.features,
                targets,
                refits=options.refits,
                part="all",
                seed=config.seed,
                folder=folder,
                executor=options.executor,
                on_run=options.on_run,
            )
            return _explained(bundle, inputs, target, null["mean"].to_numpy()[:, :, 0])

        return fit

    return engine


def _explained(bundle: ModelBundle, inputs: DriverInputs, target: Float, null: Float) -> Explained:
    job = make_job(
        bundle,
        inputs.features,
        engine="exact",
        reference="own_length",
        genes=inputs.features.ids.tolist(),
        part="all",
    )
    members = np.stack(
        [regulator_attributions(job, [ExactEngine.from_model(member.pooled)]) for member in bundle.members]
    )
    table = inputs.regulators.table
    place = job.regulators.table.index.get_indexer(table.index)
    is_known = place >= 0
    by_member = members.mean(axis=1, dtype=np.float64)[:, place[is_known]]
    known = table[is_known]
    z, p_value = empirical_significance(
        by_member.mean(axis=0),
        null[:, place[is_known]],
        bound_gene_strata(known["kind"], known["n_bound_genes"]),
        two_sided=True,
    )

    def of_all(values: Float, missing: float) -> Float:
        found = np.full((*values.shape[:-1], len(table)), missing)
        found[..., is_known] = values
        return found

    sd = by_member.std(axis=0, ddof=1) if len(by_member) > 1 else np.full(len(known), np.nan)
    p_of_all = of_all(p_value, np.nan)
    unknown = np.full(len(table), np.nan)
    judged = Significance(
        sd=of_all(sd, np.nan),
        vif=unknown,
        z=of_all(z, 0.0),
        direction_p=p_of_all,
        response_z=unknown,
        strength=np.abs(of_all(z, 0.0)),
        p_value=p_of_all,
        null=of_all(null[:, place[is_known]], 0.0).astype(np.float32),
    )
    mean = members.mean(axis=0)

    def attribution(number: int) -> Float:
        return mean[:, place[number]].astype(np.float64) if place[number] >= 0 else np.zeros(len(target))

    effect = of_all(by_member.mean(axis=0), 0.0)
    return Explained(effect, _held_out_r2(bundle, inputs, target), attribution, significance=judged)


def _held_out_r2(bundle: ModelBundle, inputs: DriverInputs, target: Float) -> float:
    split = bundle.split_map
    rows = np.flatnonzero([split.get(str(gene)) == TEST for gene in inputs.features.ids])
    if len(rows) < 2:
        return float("nan")
    chosen = inputs.features.take(rows)
    predicted = predict(bundle, chosen)[TASK].to_numpy(dtype=np.float64)
    actual = target[rows]
    return float(1 - ((actual - predicted) ** 2).sum() / ((actual - actual.mean()) ** 2).sum())
