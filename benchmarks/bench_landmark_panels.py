"""CPU seconds of greedy selection, of ridge regression on a panel, and of twenty panels that share sums."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.measure import Row, cpu_seconds
from decode.core.threads import one_blas_thread
from decode.landmark.panels import order_genes
from decode.landmark.ridge import shared_ridge

N_SAMPLES, N_GENES, SIZE, N_PANELS = 240, 22_268, 943, 20


def _seconds(work: Callable[[], object]) -> float:
    before = cpu_seconds()
    work()
    return cpu_seconds() - before


@one_blas_thread()
def run(scale: float | None = None) -> list[Row]:
    """All cases; a scale below 1 takes that share of genes and panel."""
    share = 1.0 if scale is None else scale
    n_genes, size = max(100, round(N_GENES * share)), max(10, round(SIZE * share))
    rng = np.random.default_rng(0)
    values = rng.normal(size=(N_SAMPLES, 40)) @ rng.normal(size=(40, n_genes)) + rng.normal(size=(N_SAMPLES, n_genes))
    order_genes(values[:30, :60], 12)  # compiles
    what = f"{size} of {n_genes:,} genes, {N_SAMPLES} samples"
    rows = [
        Row(f"{method}, {what}", None, _seconds(lambda: order_genes(values, size, method=method)))  # noqa: B023
        for method in ("greedy", "projection")
    ]
    panels = [rng.permutation(n_genes)[:size] for _ in range(N_PANELS)]
    rows.append(Row(f"ridge, {what}, all targets", None, _seconds(lambda: shared_ridge(values).fit(panels[0]))))
    shared_s = _seconds(lambda: [fit(panel) for fit in [shared_ridge(values).fit] for panel in panels])
    alone_s = _seconds(lambda: [shared_ridge(values).fit(panel) for panel in panels])
    case = f"ridge, {N_PANELS} panels, {what}"
    rows.append(Row(case, "one decomposition each", shared_s, alone_s, alone_s / max(shared_s, 1e-9)))
    return rows
