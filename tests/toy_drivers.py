"""Features of many regulators, and a differential expression table with known drivers."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse

from decode.expression.de_table import DeTable
from decode.features.matrix import RegionMatrix, RegulatoryFeatures, count_bound_genes

CHROMOSOMES = [f"chr{number}" for number in range(1, 9)]
N_TF, N_RBP = 40, 20
PLANTED = {"TF:TF3": 0.5, "TF:TF8": -0.5, "RBP:RBP5": 0.4}


def driver_features(n_genes: int = 800, seed: int = 0) -> RegulatoryFeatures:
    """40 TFs (TF0 to TF3 on two cell lines) on promoters of 3 bins and 20 RBPs on RNAs of 1 to 8 bins."""
    rng = np.random.default_rng(seed)
    length_bp = rng.integers(60, 800, n_genes)
    tf = [(f"TF{i}", cell) for i in range(N_TF) for cell in (("K562", "HepG2") if i < 4 else ("K562",))]
    rbp = [(f"RBP{i}", "K562") for i in range(N_RBP)]
    openness = rng.random(n_genes)  # some promoters carry everything
    regions = {}
    for name, n_bins, columns in (("promoter", np.full(n_genes, 3), tf), ("rna", -(-length_bp // 100), rbp)):
        offsets = np.concatenate([[0], np.cumsum(n_bins)]).astype(np.int64)
        size = np.full(offsets[-1], 100, dtype=np.int32)
        if name == "rna":
            size[offsets[1:] - 1] = length_bp - 100 * (n_bins - 1)
        is_bound = rng.random((n_genes, len(columns))) < 0.2 + 0.3 * openness[:, None]
        for number, (regulator, cell) in enumerate(columns):
            if cell == "HepG2":  # the second cell line sees most of the same sites
                same = rng.random(n_genes) < 0.8
                is_bound[same, number] = is_bound[same, columns.index((regulator, "K562"))]
        bases = rng.random((offsets[-1], len(columns))) * np.repeat(is_bound, n_bins, axis=0) * size[:, None]
        regions[name] = RegionMatrix(name, sparse.csr_array(bases.astype(np.int16)), offsets, size)
    genes = pd.DataFrame(
        {
            "gene_id": [f"ENSG{i:011d}" for i in range(n_genes)],
            "gene_name": [f"TF{i}" if i < N_TF else f"GENE{i}" for i in range(n_genes)],
            "chrom": [CHROMOSOMES[i % len(CHROMOSOMES)] for i in range(n_genes)],
            "strand": np.where(np.arange(n_genes) % 2, "-", "+"),
            "tss": 5000 + 3000 * np.arange(n_genes),
            "length_bp": length_bp,
        }
    )
    rows = [("promoter", "TF", *column, "bases") for column in tf] + [
        ("rna", "RBP", *column, "bases") for column in rbp
    ]
    tracks = pd.DataFrame(rows, columns=["region", "kind", "regulator", "biosample", "value_kind"])
    tracks["n_bound_genes"] = count_bound_genes(regions)
    return RegulatoryFeatures(
        level="gene",
        genes=genes,
        tracks=tracks,
        regions=regions,
        build="hg19",
        bin_size=100,
        upstream=200,
        downstream=100,
    )


def planted_statistic(features: RegulatoryFeatures, *, seed: int = 1, noise: float = 1.0) -> np.ndarray:
    """Sites of the planted drivers, mean expression and length, and noise."""
    rng = np.random.default_rng(seed)
    names = (features.tracks["kind"] + ":" + features.tracks["regulator"]).to_numpy()
    logs = np.log1p(features.totals().astype(np.float64))
    logs = (logs - logs.mean(axis=0)) / logs.std(axis=0)
    y = 0.5 * np.log(features.genes["length_bp"].to_numpy())
    for name, effect in PLANTED.items():
        y = y + effect * logs[:, names == name].mean(axis=1)
    return y - y.mean() + noise * rng.normal(size=features.n_genes)


def planted_table(features: RegulatoryFeatures, *, seed: int = 1, noise: float = 1.0, symbols: bool = False) -> DeTable:
    """The table that a tool would have written."""
    y = planted_statistic(features, seed=seed, noise=noise)
    index = features.genes["gene_name" if symbols else "gene_id"].to_numpy()
    statistic = pd.DataFrame({"kd": 3 * y}, index=index)
    counts = {"n_rows": len(index), "n_rows_repeated": 0, "n_without_statistic": {"kd": 0}}
    mean = pd.Series(np.random.default_rng(9).normal(size=len(index)), index=index)
    return DeTable(statistic, statistic / 10, statistic.abs() * 0 + 0.5, mean, "limma", "column t", False, counts)
