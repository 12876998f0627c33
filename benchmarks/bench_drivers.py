"""Ranking TFs by the genes that change: a network line of ours, decoupler's ulm and mlm, and pre-ranked GSEA.

Simulated contrasts in which the targets of one TF change, each up or down; every method gets the same edges and the
same statistics. They are different statistics, so no difference is printed but how often the TF comes first.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.measure import Finish, Row, Work, measured, ratio
from benchmarks.recovery_peers import PEER

N_GENES, N_TFS, N_CONTRASTS, N_PERMUTATIONS = 8_000, 200, 40, 1_000
SEED, SHIFT = 1, 1.5
DEFAULT_SCALE = 0.25
Simulated = tuple[pd.DataFrame, pd.DataFrame]


def simulated(n_contrasts: int) -> Simulated:
    """Statistics (gene x contrast) and edges; the targets of TF i change in contrast i, half of them up."""
    rng = np.random.default_rng(SEED)
    genes = [f"ENSG{i:011d}" for i in range(N_GENES)]
    targets = [rng.choice(N_GENES, int(rng.integers(20, 300)), replace=False) for _ in range(N_TFS)]
    edges = pd.DataFrame(
        [(f"TF{i}", genes[gene], 1.0) for i, chosen in enumerate(targets) for gene in chosen],
        columns=["source", "target", "weight"],
    )
    values = rng.normal(size=(N_GENES, n_contrasts))
    for i in range(n_contrasts):
        values[targets[i], i] += SHIFT * rng.choice([-1, 1], len(targets[i]))
    return pd.DataFrame(values, genes, [f"c{i}" for i in range(n_contrasts)]), edges


def first_share(scores: pd.DataFrame) -> float:
    """Share of the contrasts in which the TF whose targets change comes first; `scores` is contrast x TF."""
    best = scores.idxmax(axis=1)
    return float(np.mean([best[name] == f"TF{str(name).removeprefix('c')}" for name in scores.index]))


def ours(n_contrasts: int) -> Work:
    """Edges to a line, and the scores of all TFs in all contrasts."""
    from decode.drivers.evidence import evidence_scores
    from decode.drivers.lines import network_line

    values, edges = simulated(n_contrasts)
    genes = pd.DataFrame({"gene_id": values.index, "gene_name": values.index})
    regulators = pd.DataFrame({"kind": "TF", "regulator": [f"TF{i}" for i in range(N_TFS)]})

    def work() -> Finish:
        found = evidence_scores(values, [network_line(edges, genes, regulators)])

        def finish() -> dict[str, Any]:
            wide = found.table.pivot_table(values="combined", index="contrast", columns="regulator")
            return {"first": first_share(wide)}

        return finish

    return work


def prerank(n_contrasts: int) -> Work:
    """gseapy's prerank of the sizes of the changes, one gene set a TF, one call a contrast."""
    import gseapy

    values, edges = simulated(n_contrasts)
    sets = {str(name): part["target"].tolist() for name, part in edges.groupby("source")}

    def work() -> Finish:
        rows = {}
        for name in values:
            ranks = values[name].abs().sort_values(ascending=False)
            found = gseapy.prerank(
                ranks, sets, permutation_num=N_PERMUTATIONS, min_size=5, max_size=500, seed=SEED, threads=1,
                outdir=None, no_plot=True,
            )  # fmt: skip
            rows[name] = found.res2d.set_index("Term")["NES"].astype(float)
        return lambda: {"first": first_share(pd.DataFrame(rows).T)}

    return work


def decoupler_times(n_contrasts: int) -> dict[str, Any] | str:
    """CPU seconds and the share of first places of each method, or why there are none."""
    values, edges = simulated(n_contrasts)
    python = os.environ.get("DECODE_DECOUPLER_PYTHON", sys.executable)
    with tempfile.TemporaryDirectory() as name:
        files = [str(Path(name) / file) for file in ("signatures.tsv", "network.tsv", "scores.tsv", "times.json")]
        values.abs().T.to_csv(files[0], sep="\t")
        edges.to_csv(files[1], sep="\t", index=False)
        run = subprocess.run([python, str(PEER), *files], capture_output=True, text=True, check=False)
        if run.returncode:
            last = run.stderr.strip().splitlines()[-1:] or ["no message"]
            return f"did not run ({last[0]}); name a Python that has decoupler in DECODE_DECOUPLER_PYTHON"
        times: dict[str, float] = json.loads(Path(files[3]).read_text())
        long = pd.read_csv(files[2], sep="\t")
    wide = {
        str(method): part.pivot_table(index="signature", columns="regulator", values="score")
        for method, part in long.groupby("method")
    }
    return {method: (times[method], first_share(scores)) for method, scores in wide.items()}


def run(scale: float | None = None) -> list[Row]:
    """One row a peer; `scale` 1 is 40 contrasts."""
    n_contrasts = max(2, round(N_CONTRASTS * (scale or DEFAULT_SCALE)))
    mine = measured(ours, n_contrasts=n_contrasts)
    case = f"{n_contrasts} contrasts of {N_GENES:,} genes, {N_TFS} TFs"

    def row(peer: str, seconds: float | None, first: float | None, note: str = "") -> Row:
        note = note or f"the TF comes first in {mine.result['first']:.0%} (ours), {first:.0%} (peer)"
        return Row(case, peer, mine.cpu_s, seconds, ratio(seconds, mine.cpu_s), peak_gib=mine.peak_gib, note=note)

    found = decoupler_times(n_contrasts)
    if isinstance(found, str):
        rows = [row("decoupler", None, None, found)]
    else:
        rows = [row(f"decoupler {name}", seconds, first) for name, (seconds, first) in found.items()]
    gsea = measured(prerank, n_contrasts=n_contrasts)
    return [*rows, row(f"gseapy prerank, {N_PERMUTATIONS:,} permutations", gsea.cpu_s, float(gsea.result["first"]))]
