"""Moderated t of 20,000 genes x 400 samples: ours and R limma, on the same values and design.

R reads the values from a binary file, which is not measured; lmFit and eBayes are.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import Finish, Row, Work, measured, ratio

N_GENES, N_SAMPLES, SEED = 20_000, 400, 0
RUNS = 3  # the median counts
SCRIPT = """suppressMessages(library(limma)); n <- {n}; m <- {m}
y <- matrix(readBin("{folder}/y.bin", "double", n * m), n, m)
x <- matrix(readBin("{folder}/x.bin", "double", m * 3), m, 3)
before <- proc.time(); e <- eBayes(lmFit(y, x), trend={trend}); spent <- proc.time() - before
writeBin(as.vector(e$t), "{folder}/t.bin"); cat(sum(spent[c("user.self", "sys.self")]))"""


def simulated(n_genes: int) -> tuple[np.ndarray, np.ndarray]:
    """Log values and a design of intercept, age and sex, a pure function of the number."""
    rng = np.random.default_rng([SEED, n_genes])
    design = np.column_stack([np.ones(N_SAMPLES), rng.uniform(20, 80, N_SAMPLES), rng.integers(0, 2, N_SAMPLES)])
    level = rng.uniform(0, 12, n_genes)
    sd = np.sqrt(np.exp(-level / 6) * 4 / rng.chisquare(4, n_genes))
    return level[:, None] + rng.normal(size=(n_genes, N_SAMPLES)) * sd[:, None], design


def ours(n_genes: int, trend: bool, out: str) -> Work:
    """Our side: the fit and the moderated t of all terms."""
    from decode.statistics.moderated_t import fit_incomplete_models, moderated_t

    values, design = simulated(n_genes)

    def work() -> Finish:
        fit = fit_incomplete_models(values, design)
        return partial(_save, moderated_t(fit, level=values.mean(axis=1) if trend else None).t, out)

    return work


def whole(n_genes: int, out: str) -> Work:
    """Our side with everything that `decode.differential` adds: samples, design, FDR and the long table."""
    import pandas as pd

    from decode.persons.differential import differential

    values, design = simulated(n_genes)
    names = [f"s{i}" for i in range(N_SAMPLES)]
    table = pd.DataFrame(values, index=[f"g{i}" for i in range(n_genes)], columns=names)
    samples = pd.DataFrame({"age": design[:, 1], "sex": design[:, 2]}, index=names)
    differential(table.iloc[:50], samples, "~ age + sex")  # imports

    def work() -> Finish:
        found = differential(table, samples, "~ age + sex")
        return partial(_save, found.t.to_numpy(), out)

    return work


def _save(t: np.ndarray, out: str) -> dict[str, Any]:
    np.save(out, t)
    return {"n": int(t.size)}


def _limma(values: np.ndarray, design: np.ndarray, trend: bool, folder: Path) -> tuple[float | None, np.ndarray | None]:
    """CPU seconds of lmFit and eBayes, and t; None where R or limma is absent."""
    if shutil.which("Rscript") is None:
        return None, None
    values.ravel(order="F").tofile(folder / "y.bin")
    design.ravel(order="F").tofile(folder / "x.bin")
    script = SCRIPT.format(n=len(values), m=N_SAMPLES, folder=folder, trend=str(trend).upper())
    spent = []
    for _ in range(RUNS):
        ran = subprocess.run(["Rscript", "-e", script], capture_output=True, text=True, check=False)
        if ran.returncode:
            return None, None
        spent.append(float(ran.stdout))
    return float(np.median(spent)), np.fromfile(folder / "t.bin").reshape(design.shape[1], -1).T


def run(scale: float | None) -> list[Row]:
    """Rows of the benchmark; scale 1 and the default are 20,000 genes."""
    n_genes = int(N_GENES * (scale or 1.0))
    values, design = simulated(n_genes)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for trend in (False, True):
            found = [measured(ours, n_genes=n_genes, trend=trend, out=str(folder / "ours.npy")) for _ in range(RUNS)]
            own = float(np.median([one.cpu_s for one in found]))
            peer_s, t = _limma(values, design, trend, folder)
            case = f"{n_genes} genes x {N_SAMPLES} samples, 3 terms{', trend' if trend else ''}"
            difference = None if t is None else float(np.abs(np.load(folder / "ours.npy") - t).max())
            note = "" if t is not None else "R limma is absent"
            peak = max(one.peak_gib for one in found)
            rows.append(Row(case, "R limma", own, peer_s, ratio(peer_s, own), difference, peak, note))
        found = [measured(whole, n_genes=n_genes, out=str(folder / "ours.npy")) for _ in range(RUNS)]
        own = float(np.median([one.cpu_s for one in found]))
        rows.append(Row(f"{n_genes} genes x {N_SAMPLES} samples, with design, FDR and the long table", None, own,
                        peak_gib=max(one.peak_gib for one in found)))  # fmt: skip
    return rows
