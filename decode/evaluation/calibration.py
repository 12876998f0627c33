"""Does a wide spread over members mean a large error? From the spread of an ensemble to an interval that holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from decode.core.checks import check_count, listed
from decode.dataset import TEST, VALIDATION
from decode.evaluation.evaluate import dataset_of_model, mean_or_nan
from decode.evaluation.predict import predict_members
from decode.expression.task_kinds import HEADLINES, TaskKind, tasks_by_kind
from decode.models.bundle import ModelBundle
from decode.statistics.metrics import rmse_per_task, spearman_per_task

if TYPE_CHECKING:
    from decode.features.matrix import RegulatoryFeatures

LEVELS = (0.5, 0.8, 0.9, 0.95)
N_BINS = 10


class IntervalFactors(NamedTuple):
    """What turns a spread into an interval, fitted on validation genes.

    Attributes
    ----------
    spread : np.ndarray, shape (n_levels, n_tasks)
        The interval is prediction +- factor x spread; NaN where it cannot be fitted.
    plain : np.ndarray, shape (n_levels, n_tasks)
        Half-width in log2 units of an interval that is the same for every gene: the control.
    """

    spread: np.ndarray
    plain: np.ndarray


class Calibration(NamedTuple):
    """How far the spread over members can be trusted, judged on genes that the members never saw.

    Attributes
    ----------
    bins : pd.DataFrame
        task, bin (1 is the narrowest tenth of the genes), n_genes, spread (root mean square SD over members) and rmse,
        log2 units.
    per_task : pd.DataFrame
        task, n_genes, spearman (of spread and absolute error over genes), spread (root mean square), rmse.
    intervals : pd.DataFrame
        task, level (asked for), factor (median over folds), coverage (share of held-out values inside), half_width
        (mean, log2 units), and coverage and half-width of the control as plain_coverage and plain_half_width.
    metrics : dict
        Means over the tasks of every kind (`decode.expression.task_kinds`), ready for JSON.
    """

    bins: pd.DataFrame
    per_task: pd.DataFrame
    intervals: pd.DataFrame
    metrics: dict[str, Any]


def member_spread(members: ArrayLike) -> np.ndarray:
    """Standard deviation of a prediction over the members of an ensemble.

    Parameters
    ----------
    members : array_like, shape (n_members, n_genes, n_tasks)
        Log2 units, as `decode.predict_members` gives.

    Returns
    -------
    np.ndarray, shape (n_genes, n_tasks), float64
        With n - 1 in the denominator; NaN with one member.

    Raises
    ------
    ValueError
        If the array has another number of axes or no member.

    Examples
    --------
    >>> member_spread([[[1.0]], [[3.0]]])
    array([[1.41421356]])
    """
    values = np.asarray(members, dtype=np.float64)
    if values.ndim != 3 or not len(values):
        raise ValueError(f"members have shape {values.shape}; (n_members, n_genes, n_tasks) is wanted")
    return values.std(axis=0, ddof=1) if len(values) > 1 else np.full(values.shape[1:], np.nan)


def interval_factors(
    actual: ArrayLike, predicted: ArrayLike, spread: ArrayLike, levels: Sequence[float] = LEVELS
) -> IntervalFactors:
    """Fit, task by task, how many spreads an interval must reach to hold a given share of the genes.

    Parameters
    ----------
    actual, predicted, spread : array_like, shape (n_genes, n_tasks)
        Of genes that did not train: validation genes. NaN in `actual` is left out.
    levels : sequence of float
        Shares in (0, 1).

    Returns
    -------
    IntervalFactors
        NaN where a task has fewer than level / (1 - level) values, or where the members agree on so many genes that no
        factor reaches the level.

    Raises
    ------
    ValueError
        If the shapes differ or a level lies outside (0, 1).

    Notes
    -----
    With r_i = \\|y_i - f_i\\| / s_i on n validation genes, the factor is the ceil((n + 1) level)-th smallest r_i. For a
    further gene that is exchangeable with them, the interval f +- factor x s holds y with probability >= level,
    whatever the distribution. Validation genes chose when to stop training, so held-out coverage may be slightly lower.
    The control puts s_i = 1.

    References
    ----------
    Lei et al. 2018, Journal of the American Statistical Association 113:1094, section 5.2 (locally weighted conformal
    intervals), doi:10.1080/01621459.2017.1307116.

    Examples
    --------
    >>> actual, predicted = [[1.0], [2.0], [3.0]], [[0.0], [0.0], [0.0]]
    >>> interval_factors(actual, predicted, [[1.0], [1.0], [1.0]], levels=[0.5]).spread
    array([[2.]])
    """
    truth, guess, width = _matrices(actual, predicted, spread)
    for level in levels:
        if not 0 < level < 1:
            raise ValueError(f"level is {level}; a share between 0 and 1 is wanted, such as 0.9")
    error = np.abs(truth - guess)
    # members that agree exactly promise no error at all: a gene that breaks the promise is infinitely wrong
    ratio = np.where(width > 0, error / np.where(width > 0, width, 1.0), np.where(error > 0, np.inf, 0.0))
    ratio = np.where(np.isfinite(error) & np.isfinite(width), ratio, np.nan)
    return IntervalFactors(_quantiles(ratio, levels), _quantiles(error, levels))


def _quantiles(values: np.ndarray, levels: Sequence[float]) -> np.ndarray:
    """The ceil((n + 1) level)-th smallest value of each column; NaN where that is not finite or does not exist."""
    ordered = np.sort(values, axis=0)  # NaN last
    n_values = (~np.isnan(values)).sum(axis=0)
    found = np.full((len(levels), values.shape[1]), np.nan)
    for row, level in enumerate(levels):
        rank = np.ceil((n_values + 1) * level - 1e-9).astype(int)
        for task in np.flatnonzero(rank <= n_values):
            found[row, task] = ordered[rank[task] - 1, task]
    return np.where(np.isfinite(found), found, np.nan)


def spread_bins(actual: ArrayLike, predicted: ArrayLike, spread: ArrayLike, n_bins: int = N_BINS) -> pd.DataFrame:
    """Group the genes of each task by their spread and give the error of every group.

    Parameters
    ----------
    actual, predicted, spread : array_like, shape (n_genes, n_tasks)
        Log2 units; genes with NaN on any side are left out of that task.
    n_bins : int
        Groups of as equal size as possible, from the narrowest to the widest spread.

    Returns
    -------
    pd.DataFrame
        task (column number), bin (from 1), n_genes, spread (root mean square) and rmse. Empty groups have no row.

    Examples
    --------
    >>> spread_bins([[0.0], [2.0]], [[0.0], [0.0]], [[0.1], [1.0]], n_bins=2)
       task  bin  n_genes  spread  rmse
    0     0    1        1     0.1   0.0
    1     0    2        1     1.0   2.0
    """
    check_count("n_bins", n_bins)
    truth, guess, width = _matrices(actual, predicted, spread)
    squared = (truth - guess) ** 2
    rows = []
    for task in range(truth.shape[1]):
        genes = np.flatnonzero(np.isfinite(squared[:, task]) & np.isfinite(width[:, task]))
        ordered = genes[np.argsort(width[genes, task], kind="stable")]
        for number, group in enumerate(np.array_split(ordered, n_bins), start=1):
            if len(group):
                mean_square = [float(values[group, task].mean()) for values in (width**2, squared)]
                rows.append((task, number, len(group), *np.sqrt(mean_square).tolist()))
    return pd.DataFrame(rows, columns=["task", "bin", "n_genes", "spread", "rmse"])


def calibrate(
    actual: ArrayLike,
    predicted: ArrayLike,
    spread: ArrayLike,
    tasks: Sequence[str],
    kinds: Sequence[TaskKind],
    *,
    factors: Sequence[IntervalFactors],
    fold: ArrayLike | None = None,
    levels: Sequence[float] = LEVELS,
    n_bins: int = N_BINS,
) -> Calibration:
    """Compare the spread over members with the error on held-out genes.

    Parameters
    ----------
    actual, predicted, spread : array_like, shape (n_genes, n_tasks)
        Held-out genes, log2 units; NaN in `actual` where not measured.
    tasks : sequence of str
    kinds : sequence of str
        Kind of each task.
    factors : sequence of IntervalFactors
        One for each ensemble (fold of a cross-validation), for the same `levels`.
    fold : array_like of int, shape (n_genes,), optional
        Which of `factors` belongs to each gene; default: the first.
    levels : sequence of float
    n_bins : int

    Returns
    -------
    Calibration

    Raises
    ------
    ValueError
        If shapes or numbers of tasks differ, or no prediction has a spread (an ensemble of one).
    """
    truth, guess, width = _matrices(actual, predicted, spread)
    if truth.shape[1] != len(tasks) or len(kinds) != len(tasks):
        raise ValueError(f"values have {truth.shape[1]} tasks and {len(tasks)} are named: {listed(tasks)}")
    if not np.isfinite(width).any():
        raise ValueError("no prediction has a spread; average at least two members (--members 2 --keep mean)")
    error = np.abs(truth - guess)
    per_task = pd.DataFrame(
        {
            "task": list(tasks),
            "task_kind": list(kinds),
            "n_genes": np.isfinite(error).sum(axis=0),
            "spearman": spearman_per_task(error, width),
            "spread": rmse_per_task(np.zeros_like(width), np.where(np.isfinite(error), width, np.nan)),
            "rmse": rmse_per_task(truth, guess),
        }
    )
    bins = spread_bins(truth, guess, width, n_bins)
    bins.insert(1, "task_kind", [kinds[number] for number in bins["task"]])
    bins["task"] = [tasks[number] for number in bins["task"]]
    row_fold = np.zeros(len(truth), dtype=int) if fold is None else np.asarray(fold, dtype=int)
    intervals = _intervals(error, width, tasks, factors, row_fold, levels)
    intervals.insert(1, "task_kind", intervals["task"].map(dict(zip(tasks, kinds, strict=True))))
    return Calibration(bins, per_task, intervals, _metrics(bins, per_task, intervals))


def calibrate_model(
    bundle: ModelBundle, features: RegulatoryFeatures, targets: pd.DataFrame, *, levels: Sequence[float] = LEVELS
) -> Calibration:
    """Compare spread and error on the test genes of a model; the intervals are fitted on its validation genes.

    Parameters
    ----------
    bundle : ModelBundle
        At least two members.
    features : RegulatoryFeatures
    targets : pd.DataFrame
        The table that it was trained on.
    levels : sequence of float

    Returns
    -------
    Calibration

    Raises
    ------
    ValueError
        If the model has one member, or features or targets do not fit it.
    """
    if len(bundle.members) < 2:
        raise ValueError("the model has one member, so its predictions have no spread; train with --members 2 or more")
    dataset = dataset_of_model(bundle, features, targets)
    values = {}
    for part in (VALIDATION, TEST):
        rows = dataset.rows(part)
        genes = dataset.features.take(rows)
        members = predict_members(bundle, genes)
        values[part] = (dataset.targets[rows], members.mean(axis=0, dtype=np.float64), member_spread(members))
    factors = interval_factors(*values[VALIDATION], levels)
    return calibrate(*values[TEST], bundle.tasks, bundle.task_kinds, factors=[factors], levels=levels)


def spread_table(features: RegulatoryFeatures, members: np.ndarray, tasks: Sequence[str]) -> pd.DataFrame:
    """Mean and standard deviation over members of every prediction, side by side.

    Parameters
    ----------
    features : RegulatoryFeatures
        Its rows are those of `members`.
    members : np.ndarray, shape (n_members, n_genes, n_tasks)
        From `decode.predict_members`.
    tasks : sequence of str

    Returns
    -------
    pd.DataFrame
        gene_id (transcript_id at transcript level), then TASK_mean and TASK_sd for every task, log2 units; the SD is
        undefined (NaN) with one member.
    """
    mean, spread = members.mean(axis=0, dtype=np.float64), member_spread(members)
    columns: dict[str, Any] = {features.id_column: features.ids.astype(str)}
    for number, task in enumerate(tasks):
        columns |= {f"{task}_mean": mean[:, number], f"{task}_sd": spread[:, number]}
    return pd.DataFrame(columns)


def _matrices(*arrays: ArrayLike) -> list[np.ndarray]:
    matrices = [np.asarray(array, dtype=np.float64) for array in arrays]
    if matrices[0].ndim != 2 or len({matrix.shape for matrix in matrices}) > 1:
        raise ValueError(
            f"actual, predicted and spread have shapes {listed(m.shape for m in matrices)}; three equal (n_genes, "
            "n_tasks) arrays are wanted"
        )
    return matrices


def _intervals(
    error: np.ndarray,
    spread: np.ndarray,
    tasks: Sequence[str],
    factors: Sequence[IntervalFactors],
    fold: np.ndarray,
    levels: Sequence[float],
) -> pd.DataFrame:
    rows = []
    for number, level in enumerate(levels):
        by_fold = np.stack([one.spread[number] for one in factors])
        half = by_fold[fold] * spread
        plain = np.stack([one.plain[number] for one in factors])[fold]
        shares = [_coverage(error, width) for width in (half, plain)]
        for task, name in enumerate(tasks):
            defined = by_fold[np.isfinite(by_fold[:, task]), task]
            factor = float(np.median(defined)) if len(defined) else np.nan
            rows.append((name, level, factor, *(float(values[task]) for pair in shares for values in pair)))
    columns = ["task", "level", "factor", "coverage", "half_width", "plain_coverage", "plain_half_width"]
    return pd.DataFrame(rows, columns=columns)


def _coverage(error: np.ndarray, half_width: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Share of measured values inside the interval and its mean half-width, task by task."""
    counted = np.isfinite(error) & np.isfinite(half_width)
    n_values = np.where(counted.any(axis=0), counted.sum(axis=0), np.nan)
    inside = (counted & (np.where(counted, error, 0.0) <= np.where(counted, half_width, 0.0))).sum(axis=0)
    return inside / n_values, np.where(counted, half_width, 0.0).sum(axis=0) / n_values


def _metrics(bins: pd.DataFrame, per_task: pd.DataFrame, intervals: pd.DataFrame) -> dict[str, Any]:
    def by_kind(name: str, table: pd.DataFrame, column: str) -> dict[str, float]:
        values = table[column].to_numpy(dtype=np.float64)
        return {
            f"{HEADLINES[kind]}_{name}": mean_or_nan(values[is_kind])
            for kind, is_kind in tasks_by_kind(table["task_kind"].to_numpy())
        }

    ends = bins.groupby(["task", "task_kind"], sort=False)["rmse"].agg(["first", "last"]).reset_index()
    ends["ratio"] = ends["last"] / ends["first"].where(ends["first"] > 0)
    result: dict[str, Any] = by_kind("spearman", per_task, "spearman") | by_kind(
        "rmse_widest_over_narrowest", ends, "ratio"
    )
    result["intervals"] = []
    for level in intervals["level"].unique():
        record: dict[str, float] = {"level": float(level)}
        for name in ("coverage", "half_width", "plain_coverage", "plain_half_width"):
            record |= by_kind(name, intervals[intervals["level"] == level], name)
        result["intervals"].append(record)
    return result
