"""Plain models that every table of results carries: what must be beaten before a network means anything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from sklearn.linear_model import Ridge
from sklearn.neighbors import NearestNeighbors

from decode.dataset import TRAIN, VALIDATION, Dataset
from decode.statistics.metrics import spearman_per_task
from decode.statistics.ranks import normal_scores

# From almost none to so much that only the mean is left; the best is chosen on validation genes.
RIDGE_PENALTIES = (1.0, 10.0, 100.0, 300.0, 1e3, 3e3, 1e4, 3e4)
KNN_SIZES = (5, 10, 20, 50)
N_COMPONENTS = (1, 2, 5, 10, 20, 50)
BASELINES = ("mean", "length_only", "ridge_totals", "ridge_ranks")
STRUCTURE_BASELINES = ("structure_only", "ridge_structure")  # where the features hold gene structure


def baseline_predictions(dataset: Dataset) -> dict[str, np.ndarray]:
    """Predictions of the mean, of the length alone and of a ridge regression on totals, for every row.

    Fitted on training genes; the penalty is chosen on validation genes; test genes play no part.

    Parameters
    ----------
    dataset : Dataset

    Returns
    -------
    dict of name to np.ndarray, shape (n_rows, n_tasks), float64, log2 units
        "mean", "length_only" (ridge on log length and its square), "ridge_totals" (ridge on the log of total bound
        bases of every track, and the same length terms) and "ridge_ranks" (the same design fitted to the normal scores
        of each task and mapped back: what a robust loss alone gives, without a network). With gene structure also
        "structure_only" (ridge on normal scores, on the structure, its squares and the length) and "ridge_structure"
        (as "ridge_ranks", with the structure and its squares).

    Raises
    ------
    ValueError
        If the dataset holds no training or no validation gene.
    """
    for part in (TRAIN, VALIDATION):
        if not len(dataset.rows(part)):
            raise ValueError(
                f"the features and targets hold none of the {part} genes, which the baselines need; give those that "
                "the model was trained on"
            )
    length = length_design(dataset)
    design = np.concatenate([log_totals(dataset), length], axis=1)
    found = {
        "mean": np.repeat(_task_means(dataset)[None], len(dataset.split), axis=0),
        "length_only": ridge_predictions(dataset, length),
        "ridge_totals": ridge_predictions(dataset, design),
        "ridge_ranks": ridge_predictions(dataset, design, on_ranks=True),
    }
    if dataset.features.structure_channels:
        structure = structure_design(dataset)
        for name, sites in zip(STRUCTURE_BASELINES, (length, design), strict=True):
            both = np.concatenate([sites, structure], axis=1)
            found[name] = ridge_predictions(dataset, both, on_ranks=True)
    return found


def length_design(dataset: Dataset) -> np.ndarray:
    """Log spliced length and its square, shape (n_rows, 2)."""
    log_length = np.log(np.maximum(dataset.features.genes["length_bp"].to_numpy(dtype=np.float64), 1.0))
    return np.stack([log_length, log_length**2], axis=1)


def structure_design(dataset: Dataset) -> np.ndarray:
    """Gene structure and its squares about the training genes' mean, shape (n_rows, 2 n_channels)."""
    structure = dataset.features.structure.astype(np.float64)
    structure = structure - structure[dataset.rows(TRAIN)].mean(axis=0)
    return np.concatenate([structure, structure**2], axis=1)


def log_totals(dataset: Dataset) -> np.ndarray:
    """log(1 + bases) of every track, summed over its region, shape (n_rows, n_tracks)."""
    return np.log1p(dataset.features.totals().astype(np.float64))


def standardise(design: np.ndarray, train: np.ndarray) -> np.ndarray:
    """Centre and scale columns by their mean and standard deviation over training rows; constant columns become 0."""
    mean, sd = design[train].mean(axis=0), design[train].std(axis=0)
    values: np.ndarray = (design - mean) / np.where(sd > 1e-12, sd, np.inf)
    return values


def ridge_predictions(dataset: Dataset, design: np.ndarray, *, on_ranks: bool = False) -> np.ndarray:
    """Ridge regression of every task on a design, the penalty of each group of tasks chosen on validation genes.

    Parameters
    ----------
    dataset : Dataset
    design : np.ndarray, shape (n_rows, n_columns)
    on_ranks : bool
        Fit the normal scores of the training values, so that a few extreme genes weigh no more than the others, and map
        the predictions back to the task's training values of the same quantile.

    Returns
    -------
    np.ndarray, shape (n_rows, n_tasks), log2 units
    """
    train, validation = dataset.rows(TRAIN), dataset.rows(VALIDATION)
    scaled = standardise(design, train)
    predicted = np.repeat(_task_means(dataset)[None], len(scaled), axis=0)
    for tasks in _task_groups(dataset.targets[train], dataset.task_kinds):
        measured = train[np.isfinite(dataset.targets[np.ix_(train, tasks[:1])]).ravel()]
        if len(measured) < 2:
            continue
        values = dataset.targets[np.ix_(measured, tasks)].astype(np.float64)
        fitted = normal_scores(values) if on_ranks else values
        fits = [Ridge(alpha=penalty).fit(scaled[measured], fitted) for penalty in RIDGE_PENALTIES]
        judged = dataset.targets[np.ix_(validation, tasks)]
        scores = [_score(judged, np.asarray(fit.predict(scaled[validation])).reshape(judged.shape)) for fit in fits]
        best = fits[int(np.argmax(scores))]
        chosen = np.asarray(best.predict(scaled)).reshape(len(scaled), len(tasks))
        if on_ranks:
            for column in range(len(tasks)):
                order = np.argsort(values[:, column])
                chosen[:, column] = np.interp(chosen[:, column], fitted[order, column], values[order, column])
        predicted[:, tasks] = chosen
    return predicted


def knn_predictions(dataset: Dataset) -> np.ndarray:
    """Mean of the k training genes with the most similar log totals, k chosen on validation genes.

    Parameters
    ----------
    dataset : Dataset

    Returns
    -------
    np.ndarray, shape (n_rows, n_tasks), log2 units
    """
    train, validation = dataset.rows(TRAIN), dataset.rows(VALIDATION)
    scaled = standardise(np.concatenate([log_totals(dataset), length_design(dataset)], axis=1), train)
    sizes = [k for k in KNN_SIZES if k <= len(train)] or [len(train)]
    neighbours = NearestNeighbors(n_neighbors=max(sizes)).fit(scaled[train]).kneighbors(scaled, return_distance=False)
    values = dataset.targets[train].astype(np.float64)
    means = _task_means(dataset)
    best_score, best = -np.inf, np.repeat(means[None], len(scaled), axis=0)
    for k in sizes:
        near = values[neighbours[:, :k]]
        n_measured = np.isfinite(near).sum(axis=1)
        total = np.where(np.isfinite(near), near, 0.0).sum(axis=1)
        candidate = np.where(n_measured > 0, total / np.maximum(n_measured, 1), means)
        score = _score(dataset.targets[validation], candidate[validation])
        if score > best_score:
            best_score, best = score, candidate
    return best


def component_predictions(dataset: Dataset) -> np.ndarray:
    """Ridge regression of the leading components of the training genes, their number chosen on validation genes.

    The training genes tell how tasks (persons) go together: their values are split into components, a component being a
    profile over tasks. What is predicted of a gene is how much of each component it has.

    Parameters
    ----------
    dataset : Dataset

    Returns
    -------
    np.ndarray, shape (n_rows, n_tasks), log2 units
    """
    train, validation = dataset.rows(TRAIN), dataset.rows(VALIDATION)
    design = standardise(np.concatenate([log_totals(dataset), length_design(dataset)], axis=1), train)
    means = _task_means(dataset)
    values = dataset.targets[train].astype(np.float64)
    centred = np.where(np.isfinite(values), values - means, 0.0)
    left, size, profiles = np.linalg.svd(centred, full_matrices=False)
    most = min(N_COMPONENTS[-1], int((size > 1e-9).sum()))
    counts = [count for count in N_COMPONENTS if count < most] + [most]
    best_score, best = -np.inf, np.repeat(means[None], len(design), axis=0)
    for penalty in RIDGE_PENALTIES:
        scores = Ridge(alpha=penalty).fit(design[train], left[:, :most] * size[:most]).predict(design)
        scores = np.asarray(scores).reshape(len(design), most)
        for count in counts:
            candidate = means + scores[:, :count] @ profiles[:count]
            score = _score(dataset.targets[validation], candidate[validation])
            if score > best_score:
                best_score, best = score, candidate
    return best


def _score(actual: np.ndarray, predicted: np.ndarray) -> float:
    spearman = spearman_per_task(actual.astype(np.float64), predicted)
    defined = spearman[np.isfinite(spearman)]
    return float(defined.mean()) if len(defined) else -np.inf


def _task_means(dataset: Dataset) -> np.ndarray:
    values = dataset.targets[dataset.rows(TRAIN)].astype(np.float64)
    n_measured = np.isfinite(values).sum(axis=0)
    result: np.ndarray = np.where(np.isfinite(values), values, 0.0).sum(axis=0) / np.maximum(n_measured, 1)
    return result


def _task_groups(values: np.ndarray, kinds: Sequence[str]) -> Iterator[np.ndarray]:
    """Groups of tasks of one kind that were measured in the same genes: they share a penalty."""
    packed = np.packbits(np.isfinite(values), axis=0)
    groups: dict[tuple[str, bytes], list[int]] = {}
    for task in range(values.shape[1]):
        groups.setdefault((kinds[task], packed[:, task].tobytes()), []).append(task)
    for tasks in groups.values():
        yield np.asarray(tasks)
