"""Co-expression drivers: which regulators or bins of a gene make its prediction go with its partner's over tasks?"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decode.core.checks import check_choice, check_count, listed
from decode.core.choices import Correlation, RemovalMode
from decode.core.shown import shown
from decode.insilico.profiles import METHODS, profile_correlations, resampled_correlations
from decode.insilico.removal import GeneInputs, gene_inputs
from decode.insilico.removal_model import RemovalModel
from decode.insilico.shapley import bernoulli_draws, regress, shapley_values

if TYPE_CHECKING:
    from decode.features.matrix import RegulatoryFeatures
    from decode.models.bundle import ModelBundle

logger = logging.getLogger(__name__)

Float = NDArray[np.float64]
Bool = NDArray[np.bool_]
MODES = ("knockout", "disruption")
N_DRAWS = 10_000
N_RESAMPLES = 100
RESAMPLED_DRAWS = 2_000  # draws whose correlations are computed again in every resample of tasks
LEVEL = 0.05
LEAST_TASKS = 5
BLOCK_DRAWS = 2_048


@shown()
class CoexpressionDrivers(NamedTuple):
    """Effects of removals on the correlation of two genes.

    Attributes
    ----------
    effects : pd.DataFrame
        One row a model, altered gene and unit; see `coexpression_drivers`.
    key : pd.DataFrame
        One row an altered gene and unit, over all models: n_models, n_significant, is_key, mean_coefficient,
        mean_single_effect, is_same_sign.
    correlations : pd.DataFrame
        One row a model and altered gene: correlation with all sites, without any, n_units, n_tasks, r2 of the
        regression, position_blind.
    counts : dict
    """

    effects: pd.DataFrame
    key: pd.DataFrame
    correlations: pd.DataFrame
    counts: dict[str, int]


def draw_correlations(
    model: RemovalModel,
    altered: GeneInputs,
    partner: GeneInputs,
    removed: Bool,
    *,
    mode: RemovalMode = "knockout",
    method: Correlation = "spearman",
    tasks: Bool | None = None,
    block_draws: int = BLOCK_DRAWS,
) -> Float:
    """Correlation over tasks of the altered gene's prediction under each removal with the partner's with all sites.

    Parameters
    ----------
    model : RemovalModel
    altered, partner : GeneInputs
    removed : bool array, shape (n_draws, n_bound_regulators) or (n_draws, n_bins)
        As `RemovalModel.without_regulators` and `without_bins` take them.
    mode : {"knockout", "disruption"}
        Whether columns are regulators or bins.
    method : {"spearman", "pearson"}
    tasks : bool array, shape (n_tasks,), optional
        Which tasks count; default all.
    block_draws : int
        Draws at a time; the result does not depend on it.

    Returns
    -------
    float64 array, shape (1 + n_members, n_draws)
        First of the ensemble's mean, then of each member.
    """
    chosen = np.ones(model.shape[1], dtype=bool) if tasks is None else tasks
    other = _with_mean(model.predict(partner)[:, chosen])
    result = np.empty((1 + model.shape[0], len(removed)))
    for start in range(0, len(removed), block_draws):
        block = slice(start, start + block_draws)
        predicted = _with_mean(_predict(model, altered, removed[block], mode)[..., chosen])
        for number, (profiles, profile) in enumerate(zip(predicted, other, strict=True)):
            result[number, block] = profile_correlations(profiles, profile, method=method)
    return result


def _predict(model: RemovalModel, gene: GeneInputs, removed: Bool, mode: RemovalMode) -> NDArray[np.float32]:
    predict = model.without_regulators if mode == "knockout" else model.without_bins
    return predict(gene, removed)


def _with_mean(members: NDArray[np.float32]) -> NDArray[np.float64]:
    """The mean over members, then each of them."""
    values = members.astype(np.float64)
    return np.concatenate([values.mean(axis=0, keepdims=True), values])


def coexpression_drivers(
    models: Mapping[str, ModelBundle],
    features: RegulatoryFeatures,
    pair: Sequence[str],
    *,
    mode: RemovalMode = "knockout",
    n_draws: int = N_DRAWS,
    deletion_rate: float = 0.5,
    method: Correlation = "spearman",
    n_resamples: int = N_RESAMPLES,
    id_map: str | Path | None = None,
    seed: int = 0,
) -> CoexpressionDrivers:
    """Find which regulators, or bins, of each gene of a pair carry the correlation of their predictions over tasks.

    Parameters
    ----------
    models : mapping of name to ModelBundle
        Models whose tasks are samples: one a tissue or cohort.
    features : RegulatoryFeatures
    pair : sequence of two str
        Gene ids or symbols. Each is altered in turn, in this order, while the other keeps all its sites.
    mode : {"knockout", "disruption"}
        Remove bound regulators (all their tracks), or the sites of real bins that hold any.
    n_draws : int, default 10,000
        Random removals for the regression, and as many evaluations for Shapley values.
    deletion_rate : float, default 0.5
        Probability that a draw removes a regulator or bin; small rates stay near the gene as it is.
    method : {"spearman", "pearson"}
    n_resamples : int, default 100
        Bootstrap resamples of the tasks; 0 leaves the spread over tasks out.
    id_map : path, optional
    seed : int, default 0

    Returns
    -------
    CoexpressionDrivers
        Columns of `effects`: model, gene, partner, unit, and kind and regulator, or region and bin; coefficient (mean
        change of the correlation when the unit is removed, the others at random), standard_error, p_value, p_bonferroni
        (over the units of this gene and model), is_significant; single_effect (exact: this unit alone removed); shapley
        (mean over all orders of removal), shapley_error; sd_members (SD of the coefficient over members),
        sd_tasks (over resampled tasks), single_sd_members, single_sd_tasks. An effect below 0 means that the unit's
        sites make the genes go together.

    Raises
    ------
    KeyError, ValueError
        If the pair is not two different genes with sites, a model has fewer than five tasks of samples, a prediction is
        the same in all tasks, or the draws are too few.

    Notes
    -----
    The prediction is a deterministic function: p-values answer whether the draws suffice to see an effect, so they fall
    with the number of draws however small the effect. Read coefficients beside their spread over members and tasks.
    Significant in all models is the published rule for a key regulator.

    References
    ----------
    Tasaki et al. 2020: 10,000 synthetic inputs, each regulator or interval dropped with p = 0.5, multiple linear
    regression, Bonferroni, significant in all tissues.
    """
    check_choice("mode", mode, MODES)
    check_choice("method", method, METHODS)
    check_count("n_resamples", n_resamples, zero=True)
    if n_resamples == 1:
        raise ValueError("n_resamples is 1; a spread needs 2 or more, 0 leaves it out")
    if len(pair) != 2:
        raise ValueError(f"the pair is {listed(pair)}; two genes are wanted, such as LAPTM5,CD53")
    if not models:
        raise ValueError("no model is given; name at least one")
    tables, rows = [], []
    for name, bundle in models.items():
        _check_tasks(name, bundle)
        genes = gene_inputs(bundle, features, pair, id_map=id_map)
        model = RemovalModel.of(bundle)
        for number, (altered, partner) in enumerate((genes, genes[::-1])):
            job = _Job(name, model, altered, partner, mode, method, bundle.is_main_task)
            rng = np.random.default_rng([seed, number])
            table, row = _effects(job, n_draws, deletion_rate, n_resamples, rng)
            tables.append(table)
            rows.append(row)
            logger.info(
                "%s, %s altered: correlation with %s %.3f, %.3f without any site; %d units, %d draws",
                *(name, row["gene"], row["partner"], row["correlation"], row["without_any"], row["n_units"], n_draws),
            )
    effects = pd.concat(tables, ignore_index=True)
    counts = {"models": len(models), "effects": len(effects), "significant": int(effects["is_significant"].sum())}
    return CoexpressionDrivers(effects, _key(effects, len(models)), pd.DataFrame(rows), counts)


class _Job(NamedTuple):
    """One altered gene of one model."""

    name: str
    model: RemovalModel
    altered: GeneInputs
    partner: GeneInputs
    mode: RemovalMode
    method: Correlation
    tasks: Bool

    @property
    def labels(self) -> tuple[str, str]:
        """What the altered gene and its partner are called: by id where names are missing or the same."""
        names = [gene.gene_name or gene.gene_id for gene in (self.altered, self.partner)]
        return (names[0], names[1]) if names[0] != names[1] else (self.altered.gene_id, self.partner.gene_id)

    def units(self) -> tuple[pd.DataFrame, NDArray[np.int64]]:
        """What can be removed, and its columns in the model's removals."""
        if self.mode == "knockout":
            kind, regulator = (
                list(part) for part in zip(*(n.split(":", 1) for n in self.altered.regulators), strict=True)
            )
            table = pd.DataFrame({"unit": self.altered.regulators, "kind": kind, "regulator": regulator})
            return table, np.arange(len(table))
        bins = self.altered.bins
        columns = np.flatnonzero(bins["n_tracks"].to_numpy() > 0)
        table = bins.iloc[columns][["region", "bin", "length_bp", "n_tracks"]].reset_index(drop=True)
        table.insert(0, "unit", table["region"] + ":" + table["bin"].astype(str))
        return table, columns

    def widened(self, removed: Bool, columns: NDArray[np.int64]) -> Bool:
        """Removals of units as removals of regulators or bins."""
        n = len(self.altered.regulators) if self.mode == "knockout" else len(self.altered.bins)
        if n == removed.shape[1]:
            return removed
        wide = np.zeros((len(removed), n), dtype=bool)
        wide[:, columns] = removed
        return wide

    def correlations(self, removed: Bool) -> Float:
        return draw_correlations(
            self.model, self.altered, self.partner, removed, mode=self.mode, method=self.method, tasks=self.tasks
        )

    def profiles(self, removed: Bool) -> tuple[Float, Float]:
        """Mean predictions of the altered gene under removals, and the partner's."""
        own = _predict(self.model, self.altered, removed, self.mode)[..., self.tasks].mean(axis=0, dtype=np.float64)
        return own, self.model.predict(self.partner)[:, self.tasks].mean(axis=0, dtype=np.float64)


def _effects(
    job: _Job, n_draws: int, rate: float, n_resamples: int, rng: np.random.Generator
) -> tuple[pd.DataFrame, dict[str, object]]:
    table, columns = job.units()
    n_units = len(table)
    removed = bernoulli_draws(n_units, n_draws, rate, rng)
    ends = job.correlations(job.widened(np.array([[False] * n_units, [True] * n_units]), columns))
    if not np.isfinite(ends[0, 0]):
        raise ValueError(
            f"model {job.name} predicts the same value in all tasks for {' or '.join(job.labels)}; their correlation "
            "is undefined: choose another pair or model"
        )
    drawn = np.nan_to_num(job.correlations(job.widened(removed, columns)))  # no profile left: no correlation
    fit = regress(removed, drawn[0])
    one = np.eye(n_units, dtype=bool)
    single = np.nan_to_num(job.correlations(job.widened(one, columns))) - ends[:, :1]
    shapley = shapley_values(
        lambda sets: np.nan_to_num(job.correlations(job.widened(sets, columns))[0]), n_units, n_draws, rng
    )
    bonferroni = np.minimum(fit.p_value * n_units, 1.0)
    spread = _spread_over_tasks(job, removed[:RESAMPLED_DRAWS], columns, n_resamples, rng)
    table = table.assign(
        coefficient=fit.coefficient,
        standard_error=fit.standard_error,
        p_value=fit.p_value,
        p_bonferroni=bonferroni,
        is_significant=bonferroni < LEVEL,
        single_effect=single[0],
        shapley=shapley.value,
        shapley_error=shapley.error,
        sd_members=_sd(drawn[1:] @ fit.weights.T),
        sd_tasks=spread[0],
        single_sd_members=_sd(single[1:]),
        single_sd_tasks=spread[1],
    )
    names = {"model": job.name, "gene": job.labels[0], "partner": job.labels[1]}
    for place, (key, value) in enumerate(names.items()):
        table.insert(place, key, value)
    network = job.model.bundle.network
    row = names | {
        "gene_id": job.altered.gene_id,
        "partner_id": job.partner.gene_id,
        "correlation": float(ends[0, 0]),
        "correlation_sd_members": float(_sd(ends[1:, :1])[0]),
        "without_any": float(ends[0, 1]),
        "n_units": n_units,
        "n_tasks": int(job.tasks.sum()),
        "n_draws": n_draws,
        "regression_r2": fit.r2,
        "position_blind": job.mode == "disruption"
        and all(network.n_first_bins(r) == 0 for r in job.model.bundle.regions),
    }
    return table, row


def _sd(members: Float) -> Float:
    """SD over members; undefined for one."""
    if len(members) < 2:
        return np.full(members.shape[1], np.nan)
    return np.asarray(members.std(axis=0, ddof=1))


def _spread_over_tasks(
    job: _Job, removed: Bool, columns: NDArray[np.int64], n_resamples: int, rng: np.random.Generator
) -> tuple[Float, Float]:
    """SD of coefficients and of single effects over resampled tasks."""
    n_units = removed.shape[1]
    if not n_resamples or len(removed) < n_units + 10:
        return np.full(n_units, np.nan), np.full(n_units, np.nan)
    n_tasks = int(job.tasks.sum())
    weights = rng.multinomial(n_tasks, np.full(n_tasks, 1.0 / n_tasks), size=n_resamples)
    sets = np.concatenate([removed, np.eye(n_units, dtype=bool), np.zeros((1, n_units), dtype=bool)])
    own, partner = job.profiles(job.widened(sets, columns))
    found = np.nan_to_num(resampled_correlations(own, partner, weights, method=job.method))
    design = np.linalg.pinv(np.column_stack([np.ones(len(removed)), removed]))[1:]
    coefficient = found[:, : len(removed)] @ design.T
    single = found[:, len(removed) : -1] - found[:, -1:]
    return coefficient.std(axis=0, ddof=1), single.std(axis=0, ddof=1)


def _check_tasks(name: str, bundle: ModelBundle) -> None:
    n_tasks = int(bundle.is_main_task.sum())
    if n_tasks < LEAST_TASKS:
        raise ValueError(
            f"model {name} has {n_tasks} tasks; a correlation over samples needs {LEAST_TASKS} or more: give a model "
            "whose tasks are persons or samples"
        )


def _key(effects: pd.DataFrame, n_models: int) -> pd.DataFrame:
    """Units over all models; key: significant in each of them."""
    groups = effects.groupby(["gene", "partner", "unit"], sort=False)
    table = groups.agg(
        n_models=("model", "size"),
        n_significant=("is_significant", "sum"),
        mean_coefficient=("coefficient", "mean"),
        mean_single_effect=("single_effect", "mean"),
        mean_shapley=("shapley", "mean"),
        lowest=("coefficient", "min"),
        highest=("coefficient", "max"),
    ).reset_index()
    table["is_same_sign"] = (table["lowest"] > 0) | (table["highest"] < 0)
    table["is_key"] = table["n_significant"] == n_models
    order = np.lexsort((-table["mean_coefficient"].abs(), ~table["is_key"]))
    return table.iloc[order].reset_index(drop=True)
