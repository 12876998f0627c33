"""Which regulators count most, in every task and overall: scores, ranks, and how sure they are."""

from __future__ import annotations

import json
import logging
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scipy.stats import rankdata

from decode.core.checks import check_known
from decode.core.shown import shown
from decode.expression.task_kinds import main_kind, main_tasks
from decode.ranking.table import OVERALL
from decode.statistics.multiple_testing import false_discovery_rate
from decode.statistics.significance import empirical_significance
from decode.statistics.strata import bound_gene_strata

logger = logging.getLogger(__name__)

Float = NDArray[np.float64]
# attributes that a null must share with the attributions
SAME_AS_NULL = {  # attribute of both files: what a difference means
    "reference": "was made against another reference",
    "n_matched": "was made with another number of matched genes",
    "level": "is of another level",
    "model_sha256": "is of another model",
    "features_sha256": "is of other features",
    "explained_sha256": "explains other genes; a null explains a whole part, so leave --genes out of decode attribute "
    "and give both the same --split",
}
COLUMNS = [
    "task", "task_kind", "kind", "regulator", "n_tracks", "n_bound_genes", "mean", "mean_abs", "sd_members", "rank",
    "rank_low", "rank_high", "z", "p_value", "fdr",
]  # fmt: skip


@shown()
class RegulatorScores(NamedTuple):
    """Scores of regulators over the explained genes.

    Attributes
    ----------
    regulators : pd.DataFrame
        Index "KIND:NAME"; kind, regulator, n_tracks, n_bound_genes.
    tasks : list of str
    task_kinds : list of str
    mean : float64 array, shape (n_regulators, n_tasks)
        Mean over genes of the regulator's attribution, its tracks summed; log2 units. For usage the variance over a
        gene's transcripts, mean over genes; log2 units squared.
    mean_abs : float64 array, shape (n_regulators, n_tasks)
        Mean over genes of the absolute value. For usage the same as `mean`.
    member_mean, member_mean_abs : float64 array, shape (n_members, n_regulators, n_tasks)
        The same in each member.
    length_mean, length_mean_abs : float64 array, shape (n_tasks,)
        Mean and mean absolute length effect over genes: what length alone does to the prediction.
    attributes : dict
        reference, level, engine, n_genes, model_sha256 and further attributes of the attributions; is_usage.
    structure_mean_abs : float64 array, shape (n_tasks,), optional
        Mean absolute structure effect over genes; None where the model takes no gene structure.
    """

    regulators: pd.DataFrame
    tasks: list[str]
    task_kinds: list[str]
    mean: Float
    mean_abs: Float
    member_mean: Float
    member_mean_abs: Float
    length_mean: Float
    length_mean_abs: Float
    attributes: dict[str, Any]
    structure_mean_abs: Float | None = None

    @property
    def is_main_task(self) -> NDArray[np.bool_]:
        """Which tasks the overall score is over: fold changes, without any levels, then others; no median level."""
        return main_tasks(self.task_kinds)

    def overall(self) -> Float:
        """Mean over the main tasks of |mean|, shape (n_regulators,); NaN without such a task."""
        return overall_score(self.mean, self.is_main_task)


def regulator_scores(dataset: xr.Dataset, *, usage: bool = False) -> RegulatorScores:
    """Take the scores of all regulators from attributions.

    Parameters
    ----------
    dataset : xr.Dataset
        From `attribute` or `read_attributions`.
    usage : bool, default False
        Score by transcript usage: the variance of a regulator's attribution over the transcripts of a gene, averaged
        over the genes of two transcripts or more.

    Returns
    -------
    RegulatorScores

    Raises
    ------
    ValueError
        If `usage` is asked of attributions of genes, or of transcripts of which no two belong to one gene.

    References
    ----------
    Tasaki et al. 2020, Methods: mean over test genes; usage is the variance over transcripts, averaged over genes.
    """
    if usage and "member_usage" not in dataset:
        level = dataset.attrs.get("level")
        found = "no gene has two explained transcripts" if level == "transcript" else f"these are of {level}s"
        raise ValueError(
            f"usage needs attributions of several transcripts a gene, and {found}; explain a model of them"
        )
    member_mean = dataset["member_usage" if usage else "member_mean"].to_numpy().astype(np.float64)
    member_mean_abs = member_mean if usage else dataset["member_mean_abs"].to_numpy().astype(np.float64)
    mean_abs = dataset["regulator_usage" if usage else "regulator_mean_abs"].to_numpy().astype(np.float64)
    columns = {"kind": "regulator_kind", "regulator": "regulator_name"}
    columns |= {name: f"regulator_{name}" for name in ("n_tracks", "n_bound_genes")}
    index = pd.Index(dataset["regulator"].to_numpy(), dtype=object)
    return RegulatorScores(
        regulators=pd.DataFrame({own: dataset[name].to_numpy() for own, name in columns.items()}, index=index),
        tasks=[str(task) for task in dataset["task"].to_numpy()],
        task_kinds=[str(kind) for kind in dataset["task_kind"].to_numpy()],
        mean=mean_abs if usage else member_mean.mean(axis=0),
        mean_abs=mean_abs,
        member_mean=member_mean,
        member_mean_abs=member_mean_abs,
        length_mean=dataset["member_length_mean"].to_numpy().astype(np.float64).mean(axis=0),
        length_mean_abs=np.abs(dataset["length_effect"].to_numpy()).mean(axis=0, dtype=np.float64),
        structure_mean_abs=(
            np.abs(dataset["structure_effect"].to_numpy()).mean(axis=0, dtype=np.float64)
            if json.loads(dataset.attrs.get("structure_channels", "[]"))
            else None
        ),
        attributes=dict(dataset.attrs) | {"is_usage": usage},
    )


def overall_score(mean: Float, is_main_task: NDArray[np.bool_]) -> Float:
    """Mean over the tasks of the main kind of the absolute score.

    Parameters
    ----------
    mean : float64 array, shape (..., n_regulators, n_tasks)
    is_main_task : bool array, shape (n_tasks,)

    Returns
    -------
    float64 array, shape (..., n_regulators)
        NaN where there is none.

    References
    ----------
    Tasaki et al. 2020, Methods: overall importance is the mean absolute score over tissues.
    """
    if not is_main_task.any():
        return np.full(mean.shape[:-1], np.nan)
    score: Float = np.abs(mean[..., is_main_task]).mean(axis=-1)
    return score


def rank_regulators(scores: RegulatorScores, null: xr.Dataset | None = None) -> pd.DataFrame:
    """Rank all regulators of all kinds, in every task and overall.

    Parameters
    ----------
    scores : RegulatorScores
    null : xr.Dataset, optional
        Scores of refits on shuffled sites, for z, p_value and fdr; without it they are undefined. Its refits must be
        of the same model, reference, level, regulators and tasks.

    Returns
    -------
    pd.DataFrame
        Sorted by task ("overall" first, where not all is median level) and rank. Columns: task, task_kind, kind,
        regulator, n_tracks, n_bound_genes; mean and mean_abs (in a task over genes; overall: mean over the tasks of the
        kind in task_kind, fold changes where there are any, of the signed mean, and of its absolute value);
        sd_members (standard deviation, n - 1, over members of what is ranked: mean in a task, mean_abs overall);
        rank (1 is the largest |mean|, overall the largest mean_abs; ties share the lowest);
        rank_low, rank_high (the lowest and highest rank over members ranked singly); z, p_value, fdr (of the
        signed mean, two-sided; overall of mean_abs, large ones). Spread and rank interval are undefined for one member.

    Raises
    ------
    ValueError
        If the null is of something else.
    KeyError
        If the null lacks regulators or tasks.

    Notes
    -----
    The scores stand on the reference of the attributions. Under a reference without sites (own_length, median_length) a
    positive mean says that the regulator's sites raise the prediction. Under one with sites (mean_gene, matched_genes)
    it says that the explained genes differ from the reference gene in that direction; the two signs cannot be compared,
    nor can their ranks by |mean|.
    """
    is_main = scores.is_main_task
    columns = dict(zip(scores.tasks, range(len(scores.tasks)), strict=True))
    tested = _tested(scores, null)
    tables = []
    if is_main.any():
        own = scores.mean[:, is_main].mean(axis=1), scores.overall()
        of_members = overall_score(scores.member_mean, is_main)
        tables.append(_ranked(scores, OVERALL, *own, own[1], of_members, tested.get(OVERALL)))
    for task, number in columns.items():
        mean, of_members = scores.mean[:, number], scores.member_mean[:, :, number]
        tables.append(_ranked(scores, task, mean, scores.mean_abs[:, number], mean, of_members, tested.get(task)))
    table = pd.concat(tables, ignore_index=True)
    kind_of = dict(zip(scores.tasks, scores.task_kinds, strict=True)) | {OVERALL: main_kind(scores.task_kinds)}
    return table.assign(task_kind=table["task"].map(kind_of))[COLUMNS]


def _ranked(
    scores: RegulatorScores, task: str, mean: Float, mean_abs: Float, ranked: Float, members: Float,
    tested: pd.DataFrame | None,
) -> pd.DataFrame:  # fmt: skip
    """Rows of one task; members are the ranked score in each, shape (n_members, n_regulators)."""
    table = scores.regulators.reset_index(drop=True).assign(task=task, mean=mean, mean_abs=mean_abs)
    table["rank"] = _ranks(ranked)
    if len(members) > 1:
        ranks = _ranks(members)
        table["sd_members"] = members.std(axis=0, ddof=1)
        low, high = ranks.min(axis=0), ranks.max(axis=0)
        table["rank_low"], table["rank_high"] = pd.array(low, dtype="Int64"), pd.array(high, dtype="Int64")
    else:
        table["sd_members"] = np.nan
        table["rank_low"] = table["rank_high"] = pd.array([pd.NA] * len(table), dtype="Int64")
    for name in ("z", "p_value", "fdr"):
        table[name] = np.nan if tested is None else tested[name].to_numpy()
    return table.sort_values("rank", kind="stable")


def _ranks(values: Float) -> NDArray[np.int64]:
    """1 for the largest absolute value along the last axis; ties share the lowest rank."""
    ranks: NDArray[np.int64] = rankdata(-np.abs(values), method="min", axis=-1).astype(np.int64)
    return ranks


def _tested(scores: RegulatorScores, null: xr.Dataset | None) -> dict[str, pd.DataFrame]:
    """z, p_value and fdr of every task and overall."""
    if null is None:
        return {}
    refits = _null_scores(scores, null)
    table = scores.regulators
    strata = bound_gene_strata(table["kind"].to_numpy(), table["n_bound_genes"].to_numpy())
    by_task = empirical_significance(scores.mean, refits, strata, two_sided=not scores.attributes["is_usage"])
    fdr = false_discovery_rate(by_task.p_value)
    found = {
        task: pd.DataFrame({"z": by_task.z[:, i], "p_value": by_task.p_value[:, i], "fdr": fdr[:, i]})
        for i, task in enumerate(scores.tasks)
    }
    if scores.is_main_task.any():
        null_overall = overall_score(refits, scores.is_main_task)
        overall = empirical_significance(scores.overall(), null_overall, strata, two_sided=False)
        fdr = false_discovery_rate(overall.p_value)
        found[OVERALL] = pd.DataFrame({"z": overall.z, "p_value": overall.p_value, "fdr": fdr})
    return found


def _null_scores(scores: RegulatorScores, null: xr.Dataset) -> Float:
    """Null scores (refit, regulator, task) in the order of the scores."""
    name = "usage" if scores.attributes["is_usage"] else "mean"
    if name not in null:
        raise ValueError(f"the null has no variable {name!r}; it tests {', '.join(map(str, null.data_vars))} only")
    for key, meaning in SAME_AS_NULL.items():
        own, other = scores.attributes.get(key), null.attrs.get(key)
        if own is not None and other is not None and own != other:
            shown = "" if key.endswith("sha256") else f" ({other!r}, the attributions {own!r})"
            raise ValueError(f"the null {meaning}{shown}; make the null as the attributions were made")
    check_known("regulators of the attributions are", scores.regulators.index, null["regulator"].to_numpy(), "the null")
    check_known("tasks of the attributions are", scores.tasks, null["task"].to_numpy(), "the null")
    chosen = null[name].sel(regulator=scores.regulators.index.to_numpy(), task=scores.tasks)
    refits: Float = chosen.transpose("refit", "regulator", "task").to_numpy().astype(np.float64)
    return refits
