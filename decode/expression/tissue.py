"""From expression of tissues to training targets: a median level and fold changes against it, in log2 units."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd

from decode.core.checks import check_positive, check_unique, listed
from decode.core.frames import TableSource, check_source, has_ids
from decode.expression.readers import read_expression
from decode.expression.tables import check_finite_cells
from decode.expression.targets import GENE_ID, MEDIAN_LEVEL, TRANSCRIPT_ID, TargetResult, check_targets, numeric_values
from decode.expression.task_kinds import FOLD_CHANGE, LEVEL, TaskKind, with_task_kinds

logger = logging.getLogger(__name__)

MIN_TPM = 2.0  # Tasaki et al. 2020, Methods: genes above 2 TPM in at least one tissue
PSEUDOCOUNT = 0.25  # Tasaki et al. 2020, Methods: log2(TPM + 0.25)


def tissue_targets(
    tpm: TableSource, *, min_tpm: float = MIN_TPM, pseudocount: float = PSEUDOCOUNT, min_measured: float = 0.5
) -> TargetResult:
    """Turn a genes x tissues table of TPM into a median level and one fold-change column a tissue.

    For gene g and tissue t: x[g, t] = log2(TPM[g, t] + pseudocount); median_level[g] = median of x[g, t] over tissues;
    target[g, t] = x[g, t] - median_level[g].

    Missing values: a gene measured in fewer than `min_measured` of the tissues is dropped, since its median would be
    the median of a few tissues (or the value itself); in the genes kept a missing value stays missing, the median is
    taken over the tissues that have one, and training masks the cell. How many genes and cells this concerns is counted
    and logged.

    Parameters
    ----------
    tpm : DataFrame, str or Path, shape (n_genes, n_tissues)
        Linear TPM, index = unique gene ids (transcript ids where it is called transcript_id), columns = unique tissue
        names, as `read_expression` gives it. Not changed. A file, and a frame that has the ids in a column, is read by
        `read_expression`.
    min_tpm : float, default 2.0
        A gene is kept when it is above this in at least one tissue (strictly).
    pseudocount : float, default 0.25
        Added before the logarithm, in TPM.
    min_measured : float, default 0.5
        Smallest share of tissues with a value, 0 to 1.

    Returns
    -------
    TargetResult
        targets : pd.DataFrame with gene_id or transcript_id, median_level and one column a tissue (log2 units), genes
        in the order given. counts : dict with n_rows, n_dropped_few_measured, n_dropped_low (of those measured
        enough), n_genes, n_tasks (median_level included), n_missing (cells among the genes kept).

    Raises
    ------
    TypeError
        If `tpm` is neither a DataFrame nor a path.
    ValueError
        If there are fewer than two tissues; if ids or tissues repeat; if a cell is negative, infinite or text (row and
        column are named); if no gene is left; if an option is out of range.

    References
    ----------
    Tasaki et al. 2020 (Nat Mach Intell 2:376), Methods, gene-level tissue matrix. The filter on missing values is ours:
    GTEx medians have none.

    Examples
    --------
    >>> tpm = pd.DataFrame({"liver": [3.75, 1.0], "lung": [0.75, 1.0], "skin": [1.75, 1.0]}, index=["A", "B"])
    >>> result = tissue_targets(tpm)
    >>> result.targets.values.tolist()
    [['A', 1.0, 1.0, -1.0, 0.0]]
    >>> result.counts["n_dropped_low"]
    1
    """
    check_positive("min_tpm", min_tpm, zero=True)
    check_positive("pseudocount", pseudocount)
    check_positive("min_measured", min_measured, zero=True)
    if min_measured > 1:
        raise ValueError(f"min_measured is {min_measured}; a share of the tissues from 0 to 1 is wanted")
    tpm = expression_frame(tpm, "TPM table")
    values = checked_values(tpm, "TPM table", negative=False)
    _check_can_centre(tpm, "TPM table")
    if values.shape[0] >= 100 and np.nanmax(values, initial=0.0) < 25:
        logger.warning("the largest of %d values is below 25: is this TPM, or already a log table?", values.size)
    n_measured = (~np.isnan(values)).sum(axis=1)
    is_measured = (n_measured >= min_measured * values.shape[1]) & (n_measured > 0)
    is_expressed = np.fmax.reduce(values, axis=1) > min_tpm
    keep = is_measured & is_expressed
    counts = {
        "n_rows": len(values),
        "n_dropped_few_measured": int((~is_measured).sum()),
        "n_dropped_low": int((is_measured & ~is_expressed).sum()),
    }
    if not keep.any():
        raise ValueError(
            f"no gene is left of {len(values)}: {counts['n_dropped_few_measured']} measured in fewer than "
            f"{min_measured:.0%} of the tissues, {counts['n_dropped_low']} never above {min_tpm} TPM; "
            "is the table in TPM (a log2 table goes through `decode expression table --already-log2`)?"
        )
    targets = _centred_frame(np.log2(values[keep] + pseudocount), tpm.index[keep], tpm.columns)
    return _finish(targets, counts, FOLD_CHANGE)


def table_targets(
    values: TableSource,
    *,
    already_log2: bool,
    centre: bool = True,
    kind: TaskKind | None = None,
    pseudocount: float = PSEUDOCOUNT,
) -> TargetResult:
    """Turn a user's own table into targets, without any filter on expression.

    Missing values stay missing (training masks them). Genes without any value are dropped and counted; with `centre`
    also genes with a single value, whose fold change would be 0 by construction.

    Parameters
    ----------
    values : DataFrame, str or Path, shape (n_genes, n_tasks)
        As for `tissue_targets`: index = unique gene ids, columns = unique names (tissues, persons, contrasts). Not
        changed.
    already_log2 : bool
        True: the values are log2 expression or log2 fold changes and are used as they are. False: linear values >= 0,
        of which log2(value + pseudocount) is taken.
    centre : bool, default True
        True: column median_level = median over columns, every column minus it. False: columns as they are and no
        median_level is added (contrasts; tables centred before; person tables).
    kind : {"fold_change", "level", "other"}, optional
        With `centre` False, what the columns are. Default: levels where the logarithm is taken here; not said where
        `already_log2`, since only you know (`decode.expression.task_kinds` then takes them for fold changes).
    pseudocount : float, default 0.25
        Used only when `already_log2` is False.

    Returns
    -------
    TargetResult
        targets : pd.DataFrame with gene_id or transcript_id, [median_level,] and one column a task in log2 units, genes
        in the order given. counts : dict with n_rows, n_dropped_few_measured, n_genes, n_tasks, n_missing.

    Raises
    ------
    TypeError
        If `values` is no DataFrame.
    ValueError
        If `kind` is given with `centre` (centred columns are fold changes); if ids or names repeat; if a cell is
        infinite or text, or negative where `already_log2` is False (row and column
        are named); if there is nothing to centre against (one column, or a column called median_level); if no gene is
        left.

    Examples
    --------
    >>> log2_table = pd.DataFrame({"liver": [3.0, 5.0], "lung": [1.0, 5.0]}, index=["A", "B"])
    >>> table_targets(log2_table, already_log2=True).targets.values.tolist()
    [['A', 2.0, 1.0, -1.0], ['B', 5.0, 0.0, 0.0]]
    >>> list(table_targets(log2_table, already_log2=True, centre=False).targets)
    ['gene_id', 'liver', 'lung']
    """
    check_positive("pseudocount", pseudocount)
    values = expression_frame(values, "expression table")
    numbers = checked_values(values, "expression table", negative=already_log2)
    if centre:
        _check_can_centre(values, "expression table")
        if kind not in (None, FOLD_CHANGE):
            raise ValueError(f"kind is {kind!r} and centre True, which makes fold changes; leave one of them out")
    log2_values = numbers if already_log2 else np.log2(numbers + pseudocount)
    keep = (~np.isnan(numbers)).sum(axis=1) >= (2 if centre else 1)
    counts = {"n_rows": len(numbers), "n_dropped_few_measured": int((~keep).sum())}
    if not keep.any():
        raise ValueError(f"no gene of {len(numbers)} has {'two values' if centre else 'a value'}; check the table")
    if centre:
        targets = _centred_frame(log2_values[keep], values.index[keep], values.columns)
    else:
        targets = targets_frame(log2_values[keep], values.index[keep], values.columns)
    if centre:
        kind = FOLD_CHANGE
    elif kind is None and not already_log2:
        kind = LEVEL
    return _finish(targets, counts, kind)


def expression_frame(table: TableSource, name: str) -> pd.DataFrame:
    """A frame that has text as index as it is; files, and frames with the ids in a column, by `read_expression`."""
    check_source(table, name)
    if isinstance(table, pd.DataFrame) and (table.empty or has_ids(table)):
        return table
    return read_expression(table)


def checked_values(table: pd.DataFrame, name: str, *, negative: bool) -> np.ndarray:
    """Numbers of a genes x columns table with unique text ids and names; NaN is missing, `negative` allows them.

    Raises
    ------
    TypeError
        If it is no DataFrame.
    ValueError
        If it is empty, ids or names repeat, or a cell is infinite, text, or negative where that is not allowed.
    """
    if not isinstance(table, pd.DataFrame):
        raise TypeError(f"{name} is a {type(table).__name__}; a pandas DataFrame with gene ids as index is wanted")
    if table.empty:
        raise ValueError(f"{name} has shape {table.shape}; at least one gene and one column are wanted")
    check_unique(f"gene ids of the {name}", table.index)
    check_unique(f"column names of the {name}", table.columns)
    for column in (TRANSCRIPT_ID, GENE_ID):
        if column in table.columns:
            raise ValueError(f"{name} has a column {column}; make it the index (table.set_index('{column}'))")
    not_text = [repr(gene) for gene in table.index if not isinstance(gene, str) or not gene]
    if not_text:
        raise ValueError(f"gene ids of the {name} must be text and never empty; got {listed(not_text)}")
    numbers = numeric_values(table, name)
    columns = [str(column) for column in table.columns]
    check_finite_cells(numbers, list(table.index), columns, name, negative=negative)
    return numbers


def _check_can_centre(table: pd.DataFrame, name: str) -> None:
    if MEDIAN_LEVEL in table.columns:
        raise ValueError(f"{name} has a column median_level already; drop it, or do not centre (--no-centre)")
    if table.shape[1] < 2:
        raise ValueError(
            f"{name} has one column ({table.columns[0]}); a fold change against the median needs two or more, "
            "or do not centre (--no-centre)"
        )


def targets_frame(values: np.ndarray, ids: pd.Index, columns: pd.Index) -> pd.DataFrame:
    """Values with the id column of a targets table in front."""
    frame = pd.DataFrame(values, columns=[str(column) for column in columns])
    frame.insert(0, TRANSCRIPT_ID if ids.name == TRANSCRIPT_ID else GENE_ID, [str(gene) for gene in ids])
    return frame


def _centred_frame(log2_values: np.ndarray, ids: pd.Index, columns: pd.Index) -> pd.DataFrame:
    median = np.nanmedian(log2_values, axis=1)
    frame = targets_frame(log2_values - median[:, None], ids, columns)
    frame.insert(1, MEDIAN_LEVEL, median)
    return frame


def _finish(targets: pd.DataFrame, counts: dict[str, int], kind: TaskKind | None) -> TargetResult:
    check_targets(targets)
    if kind is not None:
        targets = with_task_kinds(targets, kind)
    counts |= {
        "n_genes": len(targets),
        "n_tasks": targets.shape[1] - 1,
        "n_missing": int(targets.isna().sum().sum()),
    }
    logger.info("targets: %s", ", ".join(f"{key} {value}" for key, value in counts.items()))
    return TargetResult(targets, counts)
