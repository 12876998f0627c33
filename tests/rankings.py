"""Small rankings of regulators, as `decode rank` writes them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from kinds import kinds_of

TISSUES = [
    "liver",
    "lung",
    "spleen",
    "testis",
    "colon",
    "skin",
    "cerebral cortex",
    "cerebellum",
    "amygdala",
    "midbrain",
]


def ranking_of(
    means: np.ndarray,
    names: Sequence[str],
    tasks: Sequence[str],
    *,
    kinds: Sequence[str] | str = "TF",
    n_tracks: Sequence[int] | int = 1,
    n_bound_genes: Sequence[int] | int = 100,
) -> pd.DataFrame:
    """A ranking from signed means (n_regulators, n_tasks), with overall rows and a median level."""
    base = pd.DataFrame({"kind": kinds, "regulator": list(names), "n_tracks": n_tracks, "n_bound_genes": n_bound_genes})
    frames = [base.assign(task=task, mean=means[:, j], mean_abs=np.abs(means[:, j])) for j, task in enumerate(tasks)]
    frames.append(base.assign(task="median_level", mean=9.0, mean_abs=9.0))
    frames.append(base.assign(task="overall", mean=means.mean(axis=1), mean_abs=np.abs(means).mean(axis=1)))
    table = pd.concat(frames, ignore_index=True)
    table["task_kind"] = kinds_of(table["task"])  # the overall rows are over fold changes
    return table[["task", "task_kind", "kind", "regulator", "n_tracks", "n_bound_genes", "mean", "mean_abs"]]
