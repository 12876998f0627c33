"""Other ways to find a perturbed regulator: decoupler, Fisher's exact test, other experiments on the same one."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import hypergeom

from decode.drivers.lines import residuals

Float = NDArray[np.float64]
PEER = Path(__file__).with_name("decoupler_peer.py")


def decoupler_scores(values: pd.DataFrame, edges: pd.DataFrame, names: pd.Series) -> dict[str, pd.DataFrame] | str:
    """Scores of ulm and mlm (signature x TF), or why there are none.

    Parameters
    ----------
    values : pd.DataFrame
        gene id x signature.
    edges : pd.DataFrame
        source, target (symbols), weight.
    names : pd.Series
        Symbol by gene id.
    """
    python = os.environ.get("DECODE_DECOUPLER_PYTHON", sys.executable)
    table = values.set_axis(names.reindex(values.index).to_numpy(), axis=0).T
    table = table.loc[:, ~table.columns.duplicated()]
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / name for name in ("signatures.tsv", "network.tsv", "scores.tsv")]
        table.to_csv(files[0], sep="\t")
        edges.drop_duplicates(["source", "target"]).to_csv(files[1], sep="\t", index=False)
        run = subprocess.run([python, str(PEER), *map(str, files)], capture_output=True, text=True, check=False)
        if run.returncode:
            last = run.stderr.strip().splitlines()[-1:] or ["no message"]
            return f"did not run ({last[0]}); name a Python that has decoupler in DECODE_DECOUPLER_PYTHON"
        long = pd.read_csv(files[2], sep="\t")
    return {
        str(method): part.pivot_table(values="score", index="signature", columns="regulator")
        for method, part in long.groupby("method")
    }


def fisher_scores(is_target: pd.DataFrame, values: pd.DataFrame) -> pd.DataFrame:
    """-log p of Fisher's one-sided exact test: are targets more frequent among the genes that change?

    Parameters
    ----------
    is_target : pd.DataFrame
        gene id x TF, of the genes that could be found.
    values : pd.DataFrame
        gene id x signature.
    """
    changed = (values.reindex(is_target.index) != 0).to_numpy(dtype=np.float64)
    target = is_target.to_numpy(dtype=np.float64)
    both = changed.T @ target
    logs = hypergeom.logsf(both - 1, len(target), target.sum(axis=0)[None, :], changed.sum(axis=0)[:, None])
    return pd.DataFrame(-np.maximum(logs, -700.0), index=values.columns, columns=is_target.columns)


def ceiling_scores(values: pd.DataFrame, table: pd.DataFrame, level: pd.Series) -> pd.DataFrame:
    """Mean correlation with the signatures of each TF from other series, signature x TF; NaN where there are none.

    What is known when another laboratory has perturbed the same TF: evidence from elsewhere cannot be expected to go
    far beyond it. Only signatures whose TF has a second series can be judged by it.
    """
    x = (values != 0).to_numpy(dtype=np.float64)
    known = level.reindex(values.index).fillna(level.median()).to_numpy()
    x = residuals(x, np.column_stack([known, known**2]))
    x /= np.linalg.norm(x, axis=0)
    r = x.T @ x
    series, regulator = table["source"].to_numpy(), table["regulator"].to_numpy()
    r[series[:, None] == series[None, :]] = np.nan
    names = sorted(set(regulator))
    scores = np.full((len(r), len(names)), np.nan)
    for number, name in enumerate(names):
        part = r[:, regulator == name]
        is_known = np.isfinite(part).any(axis=1)
        scores[is_known, number] = np.nanmean(part[is_known], axis=1)
    return pd.DataFrame(scores, index=table["signature_id"], columns=names)
