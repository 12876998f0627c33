"""The ranking of regulators as a table: what `decode rank` writes and the steps after it read."""

from __future__ import annotations

import logging
from collections.abc import Collection
from pathlib import Path

import numpy as np
import pandas as pd

from decode.core.checks import check_columns, check_known, check_share, listed
from decode.core.delimited import read_frame
from decode.expression.task_kinds import main_tasks

logger = logging.getLogger(__name__)

OVERALL = "overall"  # rows of the score over all fold changes
OUTSIDE = "outside"  # part of genes that the model's split does not know
TEXT = ("task", "kind", "regulator")
SHARES = ("p_value", "fdr")
NUMBERS = ("n_tracks", "n_bound_genes", "mean", "mean_abs")


def read_ranking(path: str | Path) -> pd.DataFrame:
    """Read a ranking of regulators.

    Parameters
    ----------
    path : str or Path
        Tab-separated, plain or gzip, with the columns task, kind, regulator, n_tracks, n_bound_genes, mean, mean_abs;
        further columns (z, p_value, fdr, ...) are kept. Empty cells are undefined.

    Returns
    -------
    pd.DataFrame
        One row a task and regulator.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no table, lacks a column, holds text where numbers belong, or a regulator repeats within a task.
    """
    table = read_frame(path, "ranking", text=TEXT, missing=[""])
    check_ranking(table, f"ranking {path}")
    return table


def check_ranking(ranking: pd.DataFrame, name: str = "ranking") -> None:
    """Raise unless a frame is a ranking of regulators.

    Parameters
    ----------
    ranking : pd.DataFrame
        task, kind, regulator, n_tracks, n_bound_genes, mean, mean_abs; further columns are ignored.
    name : str
        What it is, for the message.

    Raises
    ------
    TypeError
        If it is no DataFrame.
    ValueError
        If a column is missing, there is no row, a name is empty, a number is text, a p-value or FDR is outside 0 to 1,
        or a regulator repeats in a task.
    """
    check_columns(name, ranking, [*TEXT, *NUMBERS])
    if ranking.empty:
        raise ValueError(f"{name} has no row; rank at least one regulator (decode rank)")
    unnamed = [column for column in TEXT if ranking[column].isna().any()]
    if unnamed:
        raise ValueError(f"{name} has empty cells in {listed(unnamed)}; every row needs its task, kind and regulator")
    text = [column for column in NUMBERS if not pd.api.types.is_numeric_dtype(ranking[column])]
    if text:
        raise ValueError(f"{name} has text where numbers belong, in the column(s) {listed(text)}")
    for column in SHARES:
        if column in ranking.columns:
            check_share(ranking[column], f"{column} of {name}")
    repeated = ranking[ranking.duplicated(list(TEXT))]
    if len(repeated):
        rows = [" ".join(row) for row in repeated[list(TEXT)].astype(str).to_numpy()]
        raise ValueError(f"{name} holds a regulator more than once in a task: {listed(rows)}; keep one row of each")


def scores_of_task(
    ranking: pd.DataFrame, task: str = OVERALL, kinds: Collection[str] | None = None, name: str = "ranking"
) -> pd.DataFrame:
    """How strongly each regulator counts in one task, or overall.

    Parameters
    ----------
    ranking : pd.DataFrame
    task : str, default "overall"
    kinds : collection of str, optional
        Only these kinds of regulators (TF, RBP, miRNA, other).
    name : str
        What the table is, for messages.

    Returns
    -------
    pd.DataFrame
        kind, regulator, n_tracks, n_bound_genes, score (log2 units, >= 0: mean_abs overall, |mean| in a task), and fdr
        where the ranking has it. Regulators whose score is undefined are left out and logged.

    Raises
    ------
    KeyError
        If the ranking lacks the task or a kind.
    ValueError
        If it is no ranking, or no score is defined.

    Examples
    --------
    >>> ranking = pd.DataFrame({"task": ["liver"], "kind": ["TF"], "regulator": ["SPI1"], "n_tracks": [2],
    ...                         "n_bound_genes": [900], "mean": [-0.02], "mean_abs": [0.03]})
    >>> scores_of_task(ranking, "liver")["score"].tolist()
    [0.02]
    """
    check_ranking(ranking, name)
    check_known("tasks", [task], list(dict.fromkeys(ranking["task"])), f"the {name}")
    if kinds is not None:
        check_known("kinds", kinds, list(dict.fromkeys(ranking["kind"])), f"the {name}")
    chosen = ranking[(ranking["task"] == task) & (True if kinds is None else ranking["kind"].isin(list(kinds)))]
    column = "mean_abs" if task == OVERALL else "mean"
    columns = ["kind", "regulator", "n_tracks", "n_bound_genes", *(["fdr"] if "fdr" in ranking.columns else [])]
    scores = chosen[columns].assign(score=chosen[column].abs().astype(np.float64))
    is_defined = np.isfinite(scores["score"])
    if not is_defined.all():
        lost = scores.loc[~is_defined, "regulator"]
        logger.warning("%d regulators have no score in %s and are left out: %s", len(lost), task, listed(lost))
    if not is_defined.any():
        raise ValueError(f"{name} has no regulator with a defined score in task {task}")
    table: pd.DataFrame = scores[is_defined].reset_index(drop=True)
    return table


def signed_means(ranking: pd.DataFrame, name: str = "ranking") -> pd.DataFrame:
    """Signed mean attribution of every regulator in every fold change (without any, every level, then other task).

    Parameters
    ----------
    ranking : pd.DataFrame
    name : str
        What the table is, for messages.

    Returns
    -------
    pd.DataFrame, shape (n_regulators, n_tasks)
        log2 units. Index: (kind, regulator); columns: tasks of the main kind in the order of the table.

    Raises
    ------
    ValueError
        If it is no ranking, lacks the column task_kind, or has no task but the median level.
    """
    check_ranking(ranking, name)
    check_columns(name, ranking, ["task_kind"])
    rows = ranking[ranking["task"] != OVERALL]
    rows = rows[main_tasks(rows["task_kind"].to_numpy())]
    if rows.empty:
        raise ValueError(f"{name} has no task beside the median level, only {listed(ranking['task'].unique())}")
    wide = rows.pivot(index=["kind", "regulator"], columns="task", values="mean").astype(np.float64)  # noqa: PD010
    order = pd.MultiIndex.from_frame(rows[["kind", "regulator"]].drop_duplicates())
    return wide.loc[order, list(dict.fromkeys(rows["task"]))].rename_axis(columns=None)
