"""Random halves of a cohort as targets of a network: does `decode rank --null` find regulators where nothing differs?

    python -m benchmarks.null_halves --features features.h5 --splits 20 --out halves.tsv.gz
    decode train features.h5 halves.tsv.gz --members 2 --out halves_model
    decode attribute halves_model features.h5 --out halves.nc
    decode null halves_model features.h5 halves.tsv.gz --out halves_null.nc
    decode rank halves.nc --null halves_null.nc --out halves_ranking.tsv
    python -m benchmarks.null_halves --judge halves_ranking.tsv

The targets are differences of mean log2 expression between random halves of 350 tumours of TCGA, drawn within cohorts,
one column a split. Genes go together between samples, the null of `decode null` takes them as independent: what it
calls here is the answer to its own question (do sites matter?), not to that of a contrast.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.random_splits import halves, tumours
from decode.core.files import write_table


def half_differences(features: Path, n_splits: int, seed: int) -> pd.DataFrame:
    """gene_id and one column a split: mean log2(RSEM + 1) of one half less that of the other."""
    from decode.features.matrix import RegulatoryFeatures

    genes = RegulatoryFeatures.read(features).genes[["gene_id", "gene_name"]]
    values, cohorts = tumours(genes)
    values = values[(values > 1).mean(axis=1) >= 0.5]
    rng = np.random.default_rng(seed)
    matrix, found = values.to_numpy(), {}
    for number in range(n_splits):
        half = halves(cohorts, rng)
        found[f"split_{number + 1}"] = matrix[:, half == 1].mean(axis=1) - matrix[:, half == 0].mean(axis=1)
    table = pd.DataFrame(found, index=values.index)
    table.insert(0, "gene_id", values.index)
    return table


def judge(ranking: pd.DataFrame) -> pd.DataFrame:
    """Of each split and overall: share of p-values up to 0.05, and how many regulators have FDR up to 5 %."""
    by_task = ranking.groupby("task", sort=False)
    return pd.DataFrame(
        {
            "share_below_0.05": by_task["p_value"].apply(lambda p: float((p <= 0.05).mean())),
            "n_fdr_5_percent": by_task["fdr"].apply(lambda fdr: int((fdr <= 0.05).sum())),
        }
    )


def main(arguments: list[str] | None = None) -> int:
    """Write the targets, or judge a ranking made with them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.null_halves", description=__doc__)
    parser.add_argument("--features", type=Path)
    parser.add_argument("--splits", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--judge", type=Path, metavar="RANKING")
    options = parser.parse_args(arguments)
    if options.judge is not None:
        found = judge(pd.read_csv(options.judge, sep="\t"))
        print(found.to_string())
        print(found.drop(index="overall", errors="ignore").describe().loc[["mean", "min", "50%", "max"]].to_string())
        return 0
    if options.features is None or options.out is None:
        parser.error("give --features and --out, or --judge")
    write_table(half_differences(options.features, options.splits, options.seed), options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
