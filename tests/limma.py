"""R limma's lmFit and eBayes, where R and limma are there."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

RSCRIPT = shutil.which("Rscript")
SCRIPT = """suppressMessages(library(limma)); y <- as.matrix(read.csv("y.csv")); x <- as.matrix(read.csv("x.csv"))
fit <- suppressWarnings(lmFit(y, x)); fit <- fit[!is.na(fit$Amean), ]
e <- eBayes(fit, trend=TREND, robust=ROBUST)
all <- cbind(e$coefficients, e$t, e$p.value, e$s2.post, e$df.total, e$s2.prior, e$df.prior)
write.csv(all, "out.csv", row.names=FALSE)
"""


class Limma(NamedTuple):
    """What eBayes says of every gene."""

    coefficients: np.ndarray
    t: np.ndarray
    p_value: np.ndarray
    variance: np.ndarray
    df: np.ndarray
    prior_variance: np.ndarray
    prior_df: np.ndarray


def limma(values: np.ndarray, design: np.ndarray, folder: Path, *, trend: bool = False, robust: bool = False) -> Limma:
    """Genes without any value are left out."""
    if RSCRIPT is None:
        pytest.skip("Rscript is absent")
    pd.DataFrame(values).to_csv(folder / "y.csv", index=False)
    pd.DataFrame(design).to_csv(folder / "x.csv", index=False)
    script = SCRIPT.replace("TREND", str(trend).upper()).replace("ROBUST", str(robust).upper())
    ran = subprocess.run([RSCRIPT, "-e", script], cwd=folder, capture_output=True, text=True, check=False)
    if "there is no package" in ran.stderr or "package required" in ran.stderr:
        pytest.skip("an R package is absent (limma, or statmod for robust)")
    assert ran.returncode == 0, ran.stderr
    out, k = pd.read_csv(folder / "out.csv").to_numpy(), design.shape[1]
    return Limma(out[:, :k], out[:, k : 2 * k], out[:, 2 * k : 3 * k], *out[:, 3 * k :].T)
