"""What another model changes in the ranking: do regulators keep their place once gene structure is known, say?"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata, spearmanr

from decode.core.checks import listed
from decode.core.shown import shown
from decode.genome.site_files import KINDS
from decode.ranking.kinds import kind_scores
from decode.ranking.rank import RegulatorScores

N_TOP = 30  # first ranks that are counted
SAME = {
    "reference": "stand on another reference",
    "level": "are of another level",
    "is_usage": "are scored otherwise",
    "explained_sha256": "explain other genes",
}  # attribute: what a difference means


@shown()
class RankingComparison(NamedTuple):
    """Two rankings of the same regulators beside each other.

    Attributes
    ----------
    regulators : pd.DataFrame
        task ("overall" first), kind, regulator, n_bound_genes, score, score_against (log2 units: |mean|, overall its
        mean over tasks), rank, rank_against (among the shared regulators), rank_change (rank - rank_against: positive
        where the regulator stands lower than in the other model); sorted by task and rank.
    kinds : pd.DataFrame
        One row a task and kind: task, kind, n_regulators, share, share_against (of the sum of scores), median_rank,
        median_rank_against, n_top, n_top_against (among the first 30), spearman (of the two scores within the kind).
    only_here, only_against : list of str
        Regulators that one of the two lacks; they are left out.
    """

    regulators: pd.DataFrame
    kinds: pd.DataFrame
    only_here: list[str]
    only_against: list[str]


def compare_rankings(scores: RegulatorScores, against: RegulatorScores) -> RankingComparison:
    """Hold the scores of one model against those of another with the same regulators.

    A model that is trained with gene structure credits to structure what a model without it credits to sites that go
    with it: eCLIP sites follow exons. The difference of the two is what a regulator's score owes to that.

    Parameters
    ----------
    scores, against : RegulatorScores
        Of the same genes against the same reference; tasks and regulators that both have are compared.

    Returns
    -------
    RankingComparison

    Raises
    ------
    ValueError
        If references, levels or explained genes differ, or no task or regulator is shared.
    """
    for name, meaning in SAME.items():
        own, other = scores.attributes.get(name), against.attributes.get(name)
        if own is not None and other is not None and own != other:
            values = "" if name.endswith("sha256") else f" ({other!r}, these {own!r})"
            raise ValueError(
                f"the attributions compared with {meaning}{values}; explain both models with the same options"
            )
    here, there = kind_scores(scores), kind_scores(against)
    tasks = [task for task in here if task in there]
    own_names, other_names = scores.regulators.index, against.regulators.index
    shared = [name for name in own_names if name in set(other_names)]
    if not tasks or not shared:
        what = "regulator" if tasks else "task"
        raise ValueError(
            f"the two attributions share no {what}: {listed(list(own_names if tasks else here))} and "
            f"{listed(list(other_names if tasks else there))}; compare models of the same features and targets"
        )
    rows, other_rows = (names.get_indexer(pd.Index(shared, dtype=object)) for names in (own_names, other_names))
    table = scores.regulators.iloc[rows]
    by_task = [_of_task(task, table, here[task][rows], there[task][other_rows]) for task in tasks]
    return RankingComparison(
        pd.concat(by_task, ignore_index=True),
        pd.DataFrame([row for found in by_task for row in _by_kind(found)]),
        [str(name) for name in own_names if name not in set(shared)],
        [str(name) for name in other_names if name not in set(shared)],
    )


def _of_task(
    task: str, regulators: pd.DataFrame, score: NDArray[np.float64], against: NDArray[np.float64]
) -> pd.DataFrame:
    rank, other = (rankdata(-values, method="min").astype(int) for values in (score, against))
    table = regulators[["kind", "regulator", "n_bound_genes"]].reset_index(drop=True)
    table.insert(0, "task", task)
    table = table.assign(score=score, score_against=against, rank=rank, rank_against=other, rank_change=rank - other)
    return table.sort_values("rank", kind="stable")


def _by_kind(table: pd.DataFrame) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for kind in KINDS:
        own = table[table["kind"] == kind]
        if own.empty:
            continue
        row: dict[str, object] = {"task": table["task"].iloc[0], "kind": kind, "n_regulators": len(own)}
        for suffix in ("", "_against"):
            score, total = own[f"score{suffix}"], table[f"score{suffix}"].sum()
            row[f"share{suffix}"] = float(score.sum() / total) if total > 0 else np.nan
            row[f"median_rank{suffix}"] = float(own[f"rank{suffix}"].median())
            row[f"n_top{suffix}"] = int((own[f"rank{suffix}"] <= N_TOP).sum())
        varies = len(own) > 1 and min(own["score"].nunique(), own["score_against"].nunique()) > 1
        row["spearman"] = float(spearmanr(own["score"], own["score_against"]).statistic) if varies else np.nan
        rows.append(row)
    return rows
