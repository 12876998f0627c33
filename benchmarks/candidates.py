"""Two ingredients that were tried and left out of the default network: a gene's neighbours, and a head of low rank.

    python -m benchmarks.candidates --seeds 3

Single members on validation genes of the real corpus, beside structure, downstream sites and potentials. What is tried
is put in place of parts of the package for the time of this run only.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
from rich.console import Console

from benchmarks.ablation import fit_variant
from benchmarks.accuracy import DATA, EVERYTHING, corpus_features, corpus_targets
from decode.core.seeds import member_seeds
from decode.models.config import DEFAULT

NEAR_BP, FAR_BP = 100_000, 1_000_000
UNKNOWN_BP = 1_000_000  # to a divergent neighbour where there is none
RANKS = (4, 12)


def neighbours(genes: pd.DataFrame) -> pd.DataFrame:
    """Log distances to the next TSS and the next divergent one upstream, log numbers of TSS within 100 kb and 1 Mb."""
    found = []
    for _, part in genes.groupby("chrom", sort=False):
        tss, is_minus = part["tss"].to_numpy(np.int64), (part["strand"] == "-").to_numpy()
        for place, minus, row in zip(tss, is_minus, part.index, strict=True):
            distance = np.sort(np.abs(tss - place))[1:]
            upstream = (tss - place) * (1 if minus else -1)
            divergent = upstream[(is_minus != minus) & (upstream > -500)].clip(0)
            found.append(
                (row, distance[0] if len(distance) else UNKNOWN_BP, min(divergent.min(initial=UNKNOWN_BP), UNKNOWN_BP),
                 (distance <= NEAR_BP).sum(), (distance <= FAR_BP).sum())
            )  # fmt: skip
    names = ["row", "next", "divergent", "near", "far"]
    table = pd.DataFrame(found, columns=names).set_index("row").reindex(genes.index)
    return table.astype(float).apply(np.log1p).add_prefix("structure_")


@contextmanager
def low_rank(rank: int) -> Iterator[None]:
    """Put a linear layer of few units before the units of the tasks."""
    from decode.models import architectures

    whole = architectures._dense_head

    def head(config: Any, task_scale: Any, seeds: Any) -> Sequence[Any]:
        layers = list(whole(config, task_scale, seeds))
        return [*layers[:-2], architectures._dense(rank, "low_rank", seeds), *layers[-2:]]

    with patch.object(architectures, "_dense_head", head):
        yield


def main(arguments: list[str] | None = None) -> int:
    """Fit every candidate with every seed and print the means."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.candidates", description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args(arguments)
    if not DATA.is_dir():
        parser.error(f"the real corpus is absent: {DATA}")
    from decode.dataset import prepare_dataset
    from decode.features import content
    from decode.genome.structure import STRUCTURE_CHANNELS

    features, targets = corpus_features(EVERYTHING), corpus_targets()
    dataset, extra = prepare_dataset(features, targets), neighbours(features.genes)
    channels = (*STRUCTURE_CHANNELS, *extra.columns)
    with patch.object(content, "STRUCTURE_CHANNELS", channels):
        near = prepare_dataset(replace(features, genes=pd.concat([features.genes, extra], axis=1)), targets)
        assert set(extra.columns) <= set(near.features.structure_channels)
    runs: dict[str, list[dict[str, float]]] = {}
    for seed in map(int, member_seeds(0, options.seeds)):
        runs.setdefault("default", []).append(fit_variant(DEFAULT, dataset, seed))
        with patch.object(content, "STRUCTURE_CHANNELS", channels):
            runs.setdefault("neighbours", []).append(fit_variant(DEFAULT, near, seed))
        for rank in RANKS:
            with low_rank(rank):
                runs.setdefault(f"head of rank {rank}", []).append(fit_variant(DEFAULT, dataset, seed))
    for name, found in runs.items():
        table = pd.DataFrame(found)
        Console().print(
            f"{name}: " + ", ".join(f"{key} {table[key].mean():.4f} ({table[key].std():.4f})" for key in table)
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
