"""DeLong's interval against R's pROC."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from decode.statistics.metrics import auroc_delong

SCRIPT = """
suppressMessages(library(pROC))
d <- read.table("data.tsv", header = TRUE)
for (s in c("plain", "tied")) {
  r <- roc(d$label, d[[s]], direction = "<", levels = c(0, 1), quiet = TRUE)
  cat(format(c(ci.auc(r, method = "delong"), ci.auc(r, method = "delong", conf.level = 0.9)), digits = 15), "\n")
}
"""


def has_proc() -> bool:
    if shutil.which("Rscript") is None:
        return False
    return subprocess.run(["Rscript", "-e", "library(pROC)"], capture_output=True, check=False).returncode == 0


def test_interval_of_delong_is_that_of_proc(tmp_path: Path):
    if not has_proc():
        pytest.skip("R with pROC is absent")
    rng = np.random.default_rng(0)
    label = rng.random(400) < 0.15
    plain = rng.normal(size=400) + 0.9 * label
    table = pd.DataFrame({"label": label.astype(int), "plain": plain, "tied": plain.round()})
    table.to_csv(tmp_path / "data.tsv", sep="\t", index=False)
    (tmp_path / "delong.R").write_text(SCRIPT)
    run = subprocess.run(["Rscript", "delong.R"], cwd=tmp_path, capture_output=True, text=True, check=True)
    for column, line in zip(("plain", "tied"), run.stdout.splitlines(), strict=True):
        low, auc, high, low_90, _, high_90 = map(float, line.split())
        assert auroc_delong(label, table[column]) == pytest.approx((auc, low, high), abs=1e-10)
        assert auroc_delong(label, table[column], level=0.9)[1:] == pytest.approx((low_90, high_90), abs=1e-10)
