"""Landmark panels: greedy and projection selection, ridge regression of all genes, and panels that share their sums.

Samples are simulated from 40 hidden factors. Twenty random panels share what does not depend on the panel
(standardised samples, and the sums over targets); the peer computes it anew for each. One thread of BLAS.
"""

from __future__ import annotations

import tempfile
from typing import Any, Literal

import numpy as np

from benchmarks.measure import Finish, Row, Work, measured, ratio
from decode.core.threads import one_blas_thread
from decode.landmark.panels import order_genes
from decode.landmark.ridge import shared_ridge

N_SAMPLES, N_GENES, SIZE, N_PANELS = 240, 22_268, 943, 20
SEED = 0


def simulated_samples(n_genes: int) -> np.ndarray:
    """Samples x genes from 40 hidden factors, with noise of the SD of one factor."""
    rng = np.random.default_rng(SEED)
    factors = rng.normal(size=(N_SAMPLES, 40)) @ rng.normal(size=(40, n_genes))
    return np.asarray(factors + rng.normal(size=(N_SAMPLES, n_genes)))


def random_panels(n_genes: int, size: int) -> list[np.ndarray]:
    """Random panels of a size."""
    rng = np.random.default_rng([SEED, 1])
    return [rng.permutation(n_genes)[:size] for _ in range(N_PANELS)]


def selection_side(n_genes: int, size: int, method: Literal["greedy", "projection"]) -> Work:
    """A panel chosen by a method, after a small one, which compiles."""
    values = simulated_samples(n_genes)
    order_genes(values[:30, :60], 12, method=method)

    def work() -> Finish:
        found = order_genes(values, size, method=method)
        return lambda: {"n_chosen": len(set(found.columns.tolist()))}

    return one_blas_thread()(work)


def ridge_side(n_genes: int, size: int, n_panels: int, is_shared: bool, out: str) -> Work:
    """Ridge regression of all genes on each panel; predictions of the first ten samples are kept for the comparison."""
    values, panels = simulated_samples(n_genes), random_panels(n_genes, size)[:n_panels]

    def work() -> Finish:
        shared, predicted = shared_ridge(values), []
        for number, panel in enumerate(panels):
            if number and not is_shared:
                shared = shared_ridge(values)
            fit = shared.fit(panel)
            predicted.append(fit.predict(values[:10, panel]))

        def finish() -> dict[str, Any]:
            np.save(out, np.array(predicted))
            return {}

        return finish

    return one_blas_thread()(work)


def run(scale: float | None = None) -> list[Row]:
    """All cases; a scale below 1 takes that share of the genes and of the panel (default 1, about a minute)."""
    share = 1.0 if scale is None else scale
    n_genes, size = max(100, round(N_GENES * share)), max(10, round(SIZE * share))
    what, rows = f"{size} of {n_genes:,} genes, {N_SAMPLES} samples", []
    for method in ("greedy", "projection"):
        found = measured(selection_side, n_genes=n_genes, size=size, method=method)
        rows.append(Row(f"{method}: {what}", None, found.cpu_s, peak_gib=found.peak_gib))
    with tempfile.TemporaryDirectory(prefix="decode-bench-") as folder:
        one = measured(ridge_side, n_genes=n_genes, size=size, n_panels=1, is_shared=True, out=f"{folder}/one.npy")
        rows.append(Row(f"ridge of all genes on a panel: {what}", None, one.cpu_s, peak_gib=one.peak_gib))
        mine = measured(
            ridge_side, n_genes=n_genes, size=size, n_panels=N_PANELS, is_shared=True, out=f"{folder}/a.npy"
        )
        alone = measured(
            ridge_side, n_genes=n_genes, size=size, n_panels=N_PANELS, is_shared=False, out=f"{folder}/b.npy"
        )
        difference = float(np.abs(np.load(f"{folder}/a.npy") - np.load(f"{folder}/b.npy")).max())
    rows.append(
        Row(
            f"the same, {N_PANELS} random panels", "sums of its own for each panel", mine.cpu_s, alone.cpu_s,
            ratio(alone.cpu_s, mine.cpu_s), difference, mine.peak_gib,
        )
    )  # fmt: skip
    return rows
