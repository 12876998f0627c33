"""Does a prediction fit its own person better than others? Own sample, other tissue, unrelated persons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from decode.core.checks import check_count

Float = NDArray[np.float64]
OWN, OTHER_TISSUE, UNRELATED, UNRELATED_TISSUE = (
    "own sample",
    "same person, other tissue",
    "other person, same tissue",
    "other person, other tissue",
)
SAME_TISSUE = "same person, same tissue, other sample"
N_PERMUTATIONS = 2000


class Concordance(NamedTuple):
    """How predictions fit persons.

    Attributes
    ----------
    by_relation : pd.DataFrame
        relation, n_pairs, mean_correlation; the relations that are there.
    per_sample : pd.DataFrame
        own, unrelated (mean over other persons of the tissue), rank_of_own (1: best) among n_compared.
    summary : dict
        n_samples, mean_own, mean_unrelated, n_own_highest, mean_rank_of_own, n_compared, p_value (persons permuted
        within tissues), mean_other_tissue and p_other_tissue where persons have several tissues.
    """

    by_relation: pd.DataFrame
    per_sample: pd.DataFrame
    summary: dict[str, float]


def concordance(
    correlation: ArrayLike,
    persons: Sequence[str],
    tissues: Sequence[str] | None = None,
    *,
    seed: int = 0,
    permutations: int = N_PERMUTATIONS,
) -> Concordance:
    """Compare the fit of every prediction to its own person with its fit to unrelated persons.

    Parameters
    ----------
    correlation : array_like, shape (n_samples, n_samples)
        Of predicted (rows) with measured (columns) samples over held-out genes.
    persons : sequence of str, shape (n_samples,)
    tissues : sequence of str, shape (n_samples,), optional
        Default: all of one.
    seed : int
    permutations : int
        Of persons, within tissues.

    Returns
    -------
    Concordance

    Raises
    ------
    ValueError
        If the correlation is not square, or names are of another number.

    Notes
    -----
    p = (1 + #{permutations with a mean of own at least as large}) / (1 + permutations): measured columns change places
    within tissues. It tells chance from a fit to persons; it does not tell a fit to the person's state at sampling
    (composition, quality) from one to the person.

    Examples
    --------
    >>> found = concordance([[0.9, 0.1, 0.0], [0.2, 0.8, 0.1], [0.0, 0.3, 0.2]], ["a", "b", "c"])
    >>> found.summary["n_own_highest"], found.by_relation["n_pairs"].tolist()
    (2, [3, 6])
    """
    matrix = np.asarray(correlation, dtype=np.float64)
    check_count("permutations", permutations)
    person, tissue = np.asarray(persons, dtype=object), np.asarray(tissues or ["all"] * len(persons), dtype=object)
    if matrix.ndim != 2 or not matrix.shape[0] == matrix.shape[1] == len(person) == len(tissue):
        raise ValueError(
            f"the correlation has shape {matrix.shape}, with {len(person)} persons and {len(tissue)} tissues; as many "
            "rows and columns as samples are wanted"
        )
    relation = _relations(person, tissue)
    by_relation = pd.DataFrame(
        [
            {"relation": name, "n_pairs": int(of.sum()), "mean_correlation": _mean(matrix[of])}
            for name, of in relation.items()
            if of.any()
        ]
    )
    per_sample = _per_sample(matrix, relation)
    own_defined = per_sample["own"].notna()
    ranked = per_sample[own_defined & (per_sample["n_compared"] > 1)]
    rng = np.random.default_rng(seed)
    summary: dict[str, float] = {
        "n_samples": int(own_defined.sum()),
        "mean_own": _mean(per_sample["own"].to_numpy()),
        "mean_unrelated": _mean(matrix[relation[UNRELATED]]),
        "n_own_highest": int((ranked["rank_of_own"] == 1).sum()),
        "mean_rank_of_own": _mean(ranked["rank_of_own"].to_numpy(dtype=np.float64)),
        "n_compared": _mean(ranked["n_compared"].to_numpy(dtype=np.float64)),
        "p_value": _permuted(matrix, np.eye(len(matrix), dtype=bool), tissue, rng, permutations),
    }
    if relation[OTHER_TISSUE].any():
        summary |= {
            "mean_other_tissue": _mean(matrix[relation[OTHER_TISSUE]]),
            "mean_unrelated_other_tissue": _mean(matrix[relation[UNRELATED_TISSUE]]),
            "p_other_tissue": _permuted(matrix, relation[OTHER_TISSUE], tissue, rng, permutations),
        }
    return Concordance(by_relation, per_sample, summary)


def _relations(person: NDArray[np.object_], tissue: NDArray[np.object_]) -> dict[str, NDArray[np.bool_]]:
    same_person, same_tissue = person[:, None] == person, tissue[:, None] == tissue
    own = np.eye(len(person), dtype=bool)
    return {
        OWN: own,
        SAME_TISSUE: same_person & same_tissue & ~own,
        OTHER_TISSUE: same_person & ~same_tissue,
        UNRELATED: ~same_person & same_tissue,
        UNRELATED_TISSUE: ~same_person & ~same_tissue,
    }


def _per_sample(matrix: Float, relation: dict[str, NDArray[np.bool_]]) -> pd.DataFrame:
    rows = []
    for row, values in enumerate(matrix):
        others = values[relation[UNRELATED][row]]
        others = others[np.isfinite(others)]
        own = values[row]
        is_defined = np.isfinite(own)
        rows.append(
            {
                "own": own,
                "unrelated": _mean(others),
                "rank_of_own": float(1 + (others > own).sum()) if is_defined else np.nan,
                "n_compared": int(1 + len(others)) if is_defined else 0,
            }
        )
    return pd.DataFrame(rows)


def _permuted(
    matrix: Float, pairs: NDArray[np.bool_], tissue: NDArray[np.object_], rng: np.random.Generator, permutations: int
) -> float:
    """P of the mean over the pairs where measured samples change places within tissues."""
    rows, columns = np.nonzero(pairs)
    found, n_larger = _mean(matrix[rows, columns]), 0
    if not np.isfinite(found):
        return float("nan")
    groups = [np.flatnonzero(tissue == name) for name in dict.fromkeys(tissue)]
    for _ in range(permutations):
        order = np.arange(len(matrix))
        for group in groups:
            order[group] = rng.permutation(group)
        n_larger += _mean(matrix[rows, order[columns]]) >= found - 1e-12
    return (1 + n_larger) / (1 + permutations)


def _mean(values: Float) -> float:
    defined = values[np.isfinite(values)]
    return float(defined.mean()) if len(defined) else float("nan")
