"""The targets table: gene_id (or transcript_id) and one column a task, in log2 units. What training reads."""

from __future__ import annotations

import logging
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from decode.core.checks import check_columns, check_unique, listed, naming
from decode.core.files import read_bytes
from decode.core.frames import TableSource, check_source, is_frame, source_name
from decode.core.shown import shown
from decode.expression.gene_ids import clean_gene_ids
from decode.expression.tables import (
    TableLayout,
    cell_sentences,
    check_finite_cells,
    check_is_text,
    find_separator,
    first_lines,
    parse_numeric,
    split_line,
)

logger = logging.getLogger(__name__)

GENE_ID, TRANSCRIPT_ID = "gene_id", "transcript_id"
RESERVED = frozenset({"overall"})  # what rankings call the list over all tasks
LARGEST = 1e6  # of a task; log2 of any double is below 1,075, and other units leave some room
MEDIAN_LEVEL = "median_level"  # reserved column: the level that fold changes refer to


@shown()
class TargetResult(NamedTuple):
    """A targets table and what was counted while it was made."""

    targets: pd.DataFrame
    counts: dict[str, int]


def id_column(targets: pd.DataFrame) -> str:
    """Column that names the rows of a targets table: `transcript_id` where there is one, else `gene_id`.

    Raises
    ------
    TypeError
        If it is no DataFrame.
    ValueError
        If it has neither column.

    Examples
    --------
    >>> id_column(pd.DataFrame({"transcript_id": ["NM_1"], "gene_id": ["A"], "liver": [0.2]}))
    'transcript_id'
    """
    if isinstance(targets, pd.DataFrame) and TRANSCRIPT_ID in targets.columns:
        return TRANSCRIPT_ID
    check_columns("targets", targets, [GENE_ID])
    return GENE_ID


def task_names(targets: pd.DataFrame) -> list[str]:
    """Names of the task columns, `median_level` included, in the order of the table; the ids are no task.

    Examples
    --------
    >>> task_names(pd.DataFrame({"gene_id": ["A"], "median_level": [1.0], "liver": [0.2]}))
    ['median_level', 'liver']
    """
    return [str(column) for column in targets.columns if column not in (GENE_ID, TRANSCRIPT_ID)]


def numeric_values(table: pd.DataFrame, name: str, rows: list[str] | None = None) -> np.ndarray:
    """Numbers of a table as float64, or a ValueError naming the cells that hold something else.

    Parameters
    ----------
    table : pd.DataFrame, shape (n_rows, n_columns)
        Every column must be numeric; None and NaN are missing values.
    name : str
        What the table is, for the message.
    rows : list of str, optional
        Names of the rows; default: the index.

    Returns
    -------
    np.ndarray, shape (n_rows, n_columns), float64
    """
    rows = [str(row) for row in table.index] if rows is None else rows
    values = np.empty(table.shape, dtype=np.float64)
    for position, column in enumerate(table.columns):
        series = table.iloc[:, position]
        if not pd.api.types.is_numeric_dtype(series) or pd.api.types.is_bool_dtype(series):
            bad = [(row, cell) for row, cell in zip(rows, series, strict=True) if not _is_number_or_missing(cell)]
            if bad:
                shown = bad[:5]
                sentences = cell_sentences(
                    [row for row, _ in shown], [column] * len(shown), [cell for _, cell in shown]
                )
                rest = f" (+{len(bad) - 5} more)" if len(bad) > 5 else ""
                raise ValueError(f"{name} has text where a number belongs: {'; '.join(sentences)}{rest}")
        values[:, position] = pd.to_numeric(series).to_numpy(dtype=np.float64, na_value=np.nan)
    check_finite_cells(values, rows, [str(column) for column in table.columns], name)
    return values


def _is_number_or_missing(cell: Any) -> bool:
    is_number = isinstance(cell, int | float | np.integer | np.floating) and not isinstance(cell, bool)
    return is_number or cell is None or cell is pd.NA


def check_targets(targets: pd.DataFrame) -> None:
    """Raise unless a frame is a targets table that can be trained on.

    Constant tasks are allowed (their correlation is undefined, their loss is not) but logged, as are genes without any
    value. Missing values are allowed: they are masked in the loss and in the metrics.

    Parameters
    ----------
    targets : pd.DataFrame, shape (n_genes, 1 + n_tasks)
        Column `gene_id`, or `transcript_id` (then a `gene_id` beside it is left alone), and one column a task, log2
        units.

    Raises
    ------
    TypeError
        If it is no DataFrame.
    ValueError
        If the id column is missing, empty, repeated or no text; if there is no gene or no task; if a task name repeats
        or is empty; if a cell holds text, an infinite number or one beyond +-1,000,000 (row and column are named); if a
        task has no value.

    Examples
    --------
    >>> check_targets(pd.DataFrame({"gene_id": ["A", "B"], "liver": [0.2, -0.1]}))
    """
    name = id_column(targets)
    check_unique("column names of targets", targets.columns)
    tasks = task_names(targets)
    if not tasks:
        raise ValueError(f"targets have a {name} column but no task; add one column of log2 values a task")
    if taken := [task for task in tasks if task in RESERVED]:
        raise ValueError(
            f"targets have a task called {listed(taken)}, the name of the list over all tasks; rename this column"
        )
    if "" in [task.strip() for task in tasks]:
        raise ValueError("targets have a column without a name; name or remove it")
    if targets.empty:
        raise ValueError("targets have no gene; check the step that wrote them")
    ids = list(targets[name])
    wrong = [repr(gene) for gene in ids if not isinstance(gene, str) or not gene]
    if wrong:
        raise ValueError(f"{name} of targets must be text and never empty; got {listed(wrong)}")
    check_unique(f"{name.removesuffix('_id')} ids of targets", ids)
    values = numeric_values(targets.drop(columns=[GENE_ID, TRANSCRIPT_ID], errors="ignore"), "targets", ids)
    too_large = np.argwhere(np.abs(np.nan_to_num(values)) > LARGEST)
    if len(too_large):
        shown = [f"{ids[row]}, {tasks[column]}: {values[row, column]:g}" for row, column in too_large]
        raise ValueError(
            f"targets beyond +-{LARGEST:,.0f}, which no value in log2 units is: {listed(shown)}; take logarithms, or "
            "correct these cells"
        )
    present = ~np.isnan(values)
    hollow = [task for task, has_any in zip(tasks, present.any(axis=0), strict=True) if not has_any]
    if hollow:
        raise ValueError(f"tasks without a single value: {listed(hollow)}; remove these columns")
    is_constant = np.fmax.reduce(values, axis=0) == np.fmin.reduce(values, axis=0)
    constant = [task for task, flat in zip(tasks, is_constant, strict=True) if flat]
    if constant:
        logger.warning("%d tasks are constant, their correlations are undefined: %s", len(constant), listed(constant))
    n_empty = int((~present.any(axis=1)).sum())
    if n_empty:
        logger.warning("%d of %d genes have no value in any task", n_empty, len(ids))


def read_targets(path: TableSource) -> pd.DataFrame:
    """Read a targets table: what `decode expression` writes, or any table of log2 values made elsewhere.

    Parameters
    ----------
    path : str, Path or DataFrame
        Tab- or comma-separated text, plain or gzip; or a pandas or polars frame. The first column is called `gene_id`
        or `transcript_id` (in a frame it may be the index, with or without that name); every other column is a task (a
        `gene_id` after `transcript_id` is left out and logged). Empty, NA and NaN cells are missing values. Numbers
        keep their full precision.

    Returns
    -------
    pd.DataFrame, shape (n_genes, 1 + n_tasks)
        gene_id or transcript_id (Ensembl or RefSeq version stripped, `_PAR_Y` rows left out and logged), then float64
        tasks in the order of the file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is empty, damaged or ragged, its first column is neither, or `check_targets` finds a fault.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "targets.tsv"
    ...     _ = path.write_text("gene_id\\tliver\\nENSG00000000003.14\\t0.5\\n")
    ...     read_targets(path).values.tolist()
    [['ENSG00000000003', 0.5]]
    """
    name = f"targets {source_name(path)}"
    content = read_bytes(path, "targets")
    if is_frame(path) and content.startswith(b"\t"):  # an index without a name
        content = GENE_ID.encode() + content
    check_is_text(content, name)
    (line,), start = first_lines(content, 1, name)
    separator = find_separator(line, name)
    header = split_line(line, separator)
    if header[0] not in (GENE_ID, TRANSCRIPT_ID):
        raise ValueError(
            f"{name} starts with the column {header[0]!r}; gene_id is wanted, or transcript_id "
            "(decode expression tissue or table makes a targets table from an expression table)"
        )
    skipped = [i for i, column in enumerate(header) if i and header[0] == TRANSCRIPT_ID and column == GENE_ID]
    if skipped:
        logger.info("%s: the column gene_id beside transcript_id is left out", name)
    table = parse_numeric(content[start:], TableLayout(header, separator, skipped=skipped), name)
    ids, keep, counts = clean_gene_ids(table.ids, name)
    if counts["n_par_y_dropped"]:
        logger.warning("%s: %d rows of PAR_Y gene copies left out", name, counts["n_par_y_dropped"])
    numbers = table.numbers[keep]
    targets = pd.DataFrame(numbers, columns=table.columns)
    targets.insert(0, header[0], ids)
    with naming(name):
        check_targets(targets)
    logger.info("%s: %d rows, %d tasks, %d missing values", name, *numbers.shape, np.isnan(numbers).sum())
    return targets


def targets_frame(targets: TableSource) -> pd.DataFrame:
    """A targets table from whatever holds it: a frame with a column of ids as it is, all else by `read_targets`.

    Parameters
    ----------
    targets : str, Path or DataFrame
        A frame may have the ids as its index.

    Raises
    ------
    TypeError
        If it is neither.
    FileNotFoundError, ValueError
        As `read_targets`.

    Examples
    --------
    >>> targets_frame(pd.DataFrame({"liver": [0.5]}, index=["ENSG00000000003"])).values.tolist()
    [['ENSG00000000003', 0.5]]
    """
    check_source(targets, "targets")
    if isinstance(targets, pd.DataFrame) and not {GENE_ID, TRANSCRIPT_ID}.isdisjoint(targets.columns):
        return targets
    return read_targets(targets)
