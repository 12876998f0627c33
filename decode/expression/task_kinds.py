"""What a task column holds: fold changes, levels, the median level or something else. Labels and figures follow it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decode.core.checks import check_choice, check_known, listed
from decode.expression.targets import MEDIAN_LEVEL, id_column, task_names

logger = logging.getLogger(__name__)

TaskKind = Literal["fold_change", "level", "other", "median_level"]
TASK_KINDS: tuple[TaskKind, ...] = get_args(TaskKind)
FOLD_CHANGE: TaskKind = "fold_change"
LEVEL: TaskKind = "level"
OTHER: TaskKind = "other"
KIND_LABELS: dict[str, str] = {
    FOLD_CHANGE: "fold change", LEVEL: "level", OTHER: "other value", MEDIAN_LEVEL: "median level",
}  # fmt: skip
KIND_UNITS: dict[str, str] = {
    FOLD_CHANGE: "log2 fold change", LEVEL: "log2 level", OTHER: "value", MEDIAN_LEVEL: "median level (log2)",
}  # fmt: skip
# How a figure that is taken over the tasks of a kind is called, before the name of what is measured.
HEADLINES: dict[str, str] = {
    FOLD_CHANGE: "fold_change_mean", LEVEL: "level_mean", OTHER: "other_mean", MEDIAN_LEVEL: "median_level",
}  # fmt: skip
ATTRIBUTE = "task_kinds"  # of a targets table in memory: a dict of task to kind
LARGE_MEDIAN = 1.0  # log2 units: half of the genes more than two-fold up is no fold change


def kinds_of_tasks(
    targets: pd.DataFrame, task_kinds: TaskKind | Mapping[str, TaskKind] | None = None
) -> list[TaskKind]:
    """Kind of every task column of a targets table.

    `median_level` is known by its reserved name. The others are what `task_kinds` says, else what the table carries
    (`with_task_kinds`; the functions that make targets set it), else fold changes; a warning names columns that are
    taken for fold changes without being called so and do not look like any.

    Parameters
    ----------
    targets : pd.DataFrame
        Targets table. A file has no place for kinds, so a table that was read has none unless they were named.
    task_kinds : {"fold_change", "level", "other"} or mapping of task to kind, optional
        One for all tasks, or one each; tasks that a mapping lacks are as if it were not given.

    Returns
    -------
    list of {"fold_change", "level", "other", "median_level"}
        In the order of the tasks.

    Raises
    ------
    KeyError
        If a mapping names a task that the table lacks.
    ValueError
        If a kind is unknown, or the kind median_level is given to another column than median_level or the reverse.

    Examples
    --------
    >>> table = pd.DataFrame({"gene_id": ["A"], "median_level": [1.0], "liver": [0.2]})
    >>> kinds_of_tasks(table), kinds_of_tasks(table, "level")
    (['median_level', 'fold_change'], ['median_level', 'level'])
    """
    tasks = task_names(targets)
    said: dict[str, TaskKind] = {task: kind for task, kind in targets.attrs.get(ATTRIBUTE, {}).items() if task in tasks}
    if isinstance(task_kinds, str):
        said |= {task: task_kinds for task in tasks if task != MEDIAN_LEVEL}
    elif task_kinds is not None:
        check_known("tasks with a kind", list(task_kinds), tasks, "the targets")
        said |= task_kinds
    for task, kind in said.items():
        check_choice(f"kind of task {task}", kind, TASK_KINDS)
        if (kind == MEDIAN_LEVEL) != (task == MEDIAN_LEVEL):
            raise ValueError(f"task {task!r} has kind {kind!r}; the column median_level, and no other, has that kind")
    unsaid = [task for task in tasks if task not in said and task != MEDIAN_LEVEL]
    _warn_of_levels(targets, unsaid)
    return [said.get(task, "median_level" if task == MEDIAN_LEVEL else FOLD_CHANGE) for task in tasks]


def _warn_of_levels(targets: pd.DataFrame, tasks: Sequence[str]) -> None:
    values = targets[list(tasks)].to_numpy(dtype=np.float64, na_value=np.nan)
    measured = ~np.isnan(values).all(axis=0)
    odd = [
        task
        for task, column, has_any in zip(tasks, values.T, measured, strict=True)
        if has_any and (np.nanmedian(column) > LARGE_MEDIAN or (np.nanmin(column) >= 0 and np.nanmax(column) > 0))
    ]
    if odd:
        logger.warning(
            "%d of %d tasks are taken for log2 fold changes but hardly fall below 0: %s; say what they are (task_kinds "
            "or --task-kind: level, other; fold_change ends this warning)",
            len(odd), len(tasks), listed(odd),
        )  # fmt: skip


def kinds_sentence(targets: pd.DataFrame) -> str:
    """How many tasks of each kind a table holds, and what to tell the command that trains on its file.

    Examples
    --------
    >>> kinds_sentence(with_task_kinds(pd.DataFrame({"gene_id": ["A"], "liver": [5.1]}), "level"))
    '1 level (train with --task-kind level)'
    """
    kinds = kinds_of_tasks(targets)
    counts = [f"{int(mask.sum())} {KIND_LABELS[kind]}" for kind, mask in tasks_by_kind(kinds)]
    kind = main_kind(kinds)
    said = "" if kind in (FOLD_CHANGE, MEDIAN_LEVEL) else f" (train with --task-kind {kind})"
    return ", ".join(counts) + said


def headline_label(figure: str) -> str:
    """Kind of tasks that a headline figure is over, in words.

    Examples
    --------
    >>> headline_label("fold_change_mean_spearman"), headline_label("median_level_spearman")
    ('fold change', 'median level')
    """
    return next(KIND_LABELS[kind] for kind, stem in HEADLINES.items() if figure.startswith(stem))


def with_task_kinds(targets: pd.DataFrame, task_kinds: TaskKind | Mapping[str, TaskKind] | None = None) -> pd.DataFrame:
    """The same table carrying the kinds of its tasks (in `attrs`); columns chosen from it carry theirs.

    Parameters
    ----------
    targets : pd.DataFrame
        Not changed.
    task_kinds : {"fold_change", "level", "other"} or mapping of task to kind, optional
        As in `kinds_of_tasks`.

    Returns
    -------
    pd.DataFrame

    Raises
    ------
    KeyError, ValueError
        As `kinds_of_tasks`.

    Examples
    --------
    >>> table = with_task_kinds(pd.DataFrame({"gene_id": ["A"], "liver": [5.1]}), "level")
    >>> kinds_of_tasks(table)
    ['level']
    """
    id_column(targets)
    marked = targets.copy()
    marked.attrs[ATTRIBUTE] = dict(zip(task_names(targets), kinds_of_tasks(targets, task_kinds), strict=True))
    return marked


def tasks_by_kind(kinds: Sequence[str] | NDArray[np.object_]) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Every kind that is there with the mask of its tasks: fold changes, levels, others, and last the median level.

    Examples
    --------
    >>> [(kind, mask.tolist()) for kind, mask in tasks_by_kind(["median_level", "level"])]
    [('level', [False, True]), ('median_level', [True, False])]
    """
    names = np.asarray(kinds, dtype=object)
    for kind in TASK_KINDS:
        mask: NDArray[np.bool_] = names == kind
        if mask.any():
            yield kind, mask


def main_tasks(kinds: Sequence[str] | NDArray[np.object_]) -> NDArray[np.bool_]:
    """Tasks that an overall figure is over: the fold changes; without any the levels; without these the others.

    The median level is never among them: a model of nothing else has no overall figure.

    Parameters
    ----------
    kinds : sequence of str, shape (n_tasks,)

    Returns
    -------
    bool array, shape (n_tasks,)

    Examples
    --------
    >>> main_tasks(["median_level", "fold_change", "level"]).tolist(), main_tasks(["level", "median_level"]).tolist()
    ([False, True, False], [True, False])
    """
    kind, mask = next(tasks_by_kind(kinds), (MEDIAN_LEVEL, np.zeros(len(kinds), dtype=bool)))
    return mask if kind != MEDIAN_LEVEL else np.zeros(len(kinds), dtype=bool)


def main_kind(kinds: Sequence[str] | NDArray[np.object_]) -> str:
    """Kind of the tasks that `main_tasks` chooses; median_level where it chooses none.

    Examples
    --------
    >>> main_kind(["median_level", "level"]), main_kind(["median_level"])
    ('level', 'median_level')
    """
    return next(tasks_by_kind(kinds), (MEDIAN_LEVEL, None))[0]
