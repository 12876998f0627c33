"""How CPU time grows with genes, sites, samples and tasks: the same work at one, two and four times the size.

The last row of each case gives the exponent b of CPU seconds ~ size^b, fitted over its sizes: 1 is linear.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.measure import Finish, Row, Work, measured

STEPS = (1, 2, 4)
DEFAULT_SCALE = 0.25
SEED = 1
N_GENES, N_SITES, N_SAMPLES, N_TASKS = 1_000, 2_400_000, 400, 54  # the first step at scale 1; four times that the last


def count_sites(size: int) -> Work:
    """Sites of simulated BED files in the promoters of the paper's genes, text to matrix."""
    from benchmarks.bench_features import N_PROMOTERS, ours, simulate_peaks

    folder = tempfile.mkdtemp(prefix="decode-bench-")
    simulate_peaks(Path(folder), 16, size // 16, N_PROMOTERS)
    work = ours(folder, N_PROMOTERS, f"{folder}/matrix.npz")

    def counted() -> Finish:
        finish = work()

        def done() -> dict[str, float]:
            found = finish()
            for path in Path(folder).iterdir():
                path.unlink()
            Path(folder).rmdir()
            return found

        return done

    return counted


def _attribute(n_genes: int, n_tasks: int) -> Work:
    from benchmarks.bench_attribution import simulated_job
    from decode.attribution.exact.engine import ExactEngine
    from decode.core.threads import one_blas_thread

    job = simulated_job("default", n_genes, n_tasks=n_tasks)
    inputs, references = job.pooled(job.rows)
    engine = ExactEngine.from_model(job.bundle.members[0].pooled)
    engine.attribute([x[:1] for x in inputs], [r[:1] for r in references])

    def work() -> Finish:
        total = 0.0
        with one_blas_thread():
            for start in range(0, n_genes, 64):
                block = slice(start, min(start + 64, n_genes))
                values = engine.attribute([x[block] for x in inputs], [r[block] for r in references])
                total += sum(float(np.abs(part).sum()) for part in values)
        return lambda: {"total": total}

    return work


def attribute_genes(size: int) -> Work:
    """Exact attributions of so many genes, 54 tasks, 1,096 tracks, one member of the default network."""
    return _attribute(size, N_TASKS)


def attribute_tasks(size: int) -> Work:
    """The same for 256 genes and so many tasks."""
    return _attribute(256, size)


def differential_samples(size: int) -> Work:
    """Moderated t of 5,000 genes, two terms, with FDR and the long table."""
    from decode.persons.differential import differential

    rng = np.random.default_rng(SEED)
    names = [f"S{i}" for i in range(size)]
    values = pd.DataFrame(rng.normal(7, 1, size=(5_000, size)), [f"G{i}" for i in range(5_000)], names)
    samples = pd.DataFrame({"age": rng.uniform(20, 80, size), "sex": np.arange(size) % 2}, index=names)
    differential(values.iloc[:50], samples, "~ age + sex")  # imports

    def work() -> Finish:
        found = differential(values, samples, "~ age + sex")
        return lambda: {"n": int(found.t.size)}

    return work


CASES: dict[str, tuple[Callable[[int], Work], int]] = {
    "sites counted": (count_sites, N_SITES),
    "genes attributed": (attribute_genes, N_GENES),
    "tasks attributed": (attribute_tasks, N_TASKS),
    "samples tested": (differential_samples, N_SAMPLES),
}


def exponent(sizes: list[int], seconds: list[float]) -> float:
    """Slope of log seconds on log size.

    Examples
    --------
    >>> round(exponent([10, 20, 40], [1.0, 2.0, 4.0]), 6)
    1.0
    """
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def run(scale: float | None = None) -> list[Row]:
    """Three sizes a case; scale 1 starts at 1,000 genes, 2.4 million sites, 400 samples, 54 tasks."""
    rows = []
    for case, (function, first) in CASES.items():
        sizes = [max(8, round(first * (scale or DEFAULT_SCALE)) * step) for step in STEPS]
        found = [measured(function, size=size) for size in sizes]
        growth = exponent(sizes, [max(one.cpu_s, 1e-3) for one in found])
        rows += [
            Row(f"{case}: {size:,}", None, one.cpu_s, peak_gib=one.peak_gib)
            for size, one in zip(sizes, found, strict=True)
        ]
        rows[-1] = Row(
            rows[-1].case, None, rows[-1].ours_s, peak_gib=rows[-1].peak_gib,
            note=f"CPU seconds ~ size^{growth:.2f}", numbers={"exponent": growth},
        )  # fmt: skip
    return rows
