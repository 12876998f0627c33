"""Small features and targets made in memory, with a planted linear signal."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from decode.dataset import Dataset, prepare_dataset
from decode.features.matrix import RegionMatrix, RegulatoryFeatures, count_bound_genes
from decode.genome.structure import STRUCTURE_CHANNELS
from decode.models.config import ConvolutionConfig, NetworkConfig

BIN_SIZE = 10
N_PROMOTER_BINS = 6
RARE_GENES = 12  # genes with a site of the rare regulator
TRACKS = [
    ("promoter", "TF", "AAA", "K562"),
    ("promoter", "TF", "AAA", "HepG2"),
    ("promoter", "TF", "BBB", "K562"),
    ("promoter", "TF", "RARE", ""),
    ("rna", "RBP", "CCC", "K562"),
    ("rna", "RBP", "AAA", "HepG2"),
    ("rna", "miRNA", "miR-1", ""),
]
TASKS = ["median_level", "liver", "brain", "blood"]

# Small networks: quick, and nothing is dropped while training.
TINY = NetworkConfig(width=16, dropout=0.0, input_dropout=0.0)
TINY_PAPER = NetworkConfig(
    architecture="paper",
    structure=False,
    width=16,
    dropout=0.0,
    input_dropout=0.0,
    rna=ConvolutionConfig(kernel_size=2, filters=8, n_layers=2),
    promoter=ConvolutionConfig(kernel_size=1, filters=6, n_layers=3),
)


def planted_features(n_genes: int = 300, *, seed: int = 0, level: str = "gene") -> RegulatoryFeatures:
    """Genes on chr1 to chr5; at transcript level two transcripts a gene (rows 2 i and 2 i + 1)."""
    rng = np.random.default_rng(seed)
    n_rna_bins = rng.integers(1, 10, size=n_genes)
    last = rng.integers(1, BIN_SIZE + 1, size=n_genes)
    genes = pd.DataFrame(
        {
            "gene_id": [f"G{i:04d}" for i in range(n_genes)],
            "gene_name": [f"name{i}" for i in range(n_genes)],
            "chrom": [f"chr{i % 5 + 1}" for i in range(n_genes)],
            "strand": np.where(np.arange(n_genes) % 2, "-", "+"),
            "tss": 1000 * np.arange(n_genes),
            "length_bp": (n_rna_bins - 1) * BIN_SIZE + last,
            "n_exons": 1,
        }
    )
    if level == "transcript":
        genes.insert(0, "transcript_id", [f"T{i:04d}" for i in range(n_genes)])
        for column in ("gene_id", "chrom"):
            genes[column] = genes[column].to_numpy()[np.arange(n_genes) // 2 * 2]
    promoter_bp = np.full((n_genes, N_PROMOTER_BINS), BIN_SIZE)
    promoter_bp[0, :2] = 0  # a window that begins before its chromosome does
    rna_bp = [[BIN_SIZE] * (n - 1) + [int(rest)] for n, rest in zip(n_rna_bins, last, strict=True)]
    regions = {
        "promoter": _region("promoter", [row.tolist() for row in promoter_bp], rng),
        "rna": _region("rna", rna_bp, rng),
    }
    tracks = pd.DataFrame(TRACKS, columns=["region", "kind", "regulator", "biosample"]).assign(value_kind="bases")
    tracks["n_bound_genes"] = count_bound_genes(regions)
    return RegulatoryFeatures(
        level=level,
        genes=genes,
        tracks=tracks,
        regions=regions,
        build="hg19",
        bin_size=BIN_SIZE,
        upstream=40,
        downstream=20,
        sources=[{"path": "sites.bed", "sha256": "0" * 64, "kind": "TF", "region": "promoter", "counts": {}}],
    )


def _region(name: str, bin_length_bp: list[list[int]], rng: np.random.Generator) -> RegionMatrix:
    columns = [track for track in TRACKS if track[0] == name]
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in bin_length_bp])]).astype(np.int64)
    lengths = np.array([bp for row in bin_length_bp for bp in row], dtype=np.int32)
    gene = np.repeat(np.arange(len(bin_length_bp)), np.diff(offsets))
    values = rng.integers(1, BIN_SIZE + 1, size=(len(lengths), len(columns))) * (
        rng.random((len(lengths), len(columns))) < 0.35
    )
    for column, (_, _, regulator, _) in enumerate(columns):
        if regulator == "RARE":
            values[gene >= RARE_GENES, column] = 0
            values[offsets[:RARE_GENES] + 2, column] = 5
    values = np.minimum(values, lengths[:, None]).astype(np.int16)
    return RegionMatrix(name, sparse.csr_array(values), offsets, lengths)


def planted_targets(features: RegulatoryFeatures, *, seed: int = 0, noise_log2: float = 0.1) -> pd.DataFrame:
    """log2 values that are linear in the log totals, and noise."""
    rng = np.random.default_rng([seed, 1])
    logs = np.log1p(features.totals().astype(np.float64))
    scaled = (logs - logs.mean(axis=0)) / np.maximum(logs.std(axis=0), 1e-9)
    effects = rng.choice([-1.0, 1.0], size=(len(TRACKS), len(TASKS))) * rng.uniform(0.4, 1.2, size=(len(TRACKS), 4))
    effects[3] = 0  # the rare regulator
    values = scaled @ effects + noise_log2 * rng.normal(size=(len(scaled), len(TASKS)))
    values[:, 0] += 4.0
    targets = pd.DataFrame(values, columns=TASKS)
    targets.insert(0, "gene_id", features.ids)
    return targets


def add_structure(features: RegulatoryFeatures, *, seed: int = 0) -> RegulatoryFeatures:
    """The features with gene structure: random numbers, and a flag that is 1 for a tenth of the genes."""
    rng = np.random.default_rng([seed, 2])
    values = {name: rng.normal(6.0, 1.5, features.n_genes) for name in STRUCTURE_CHANNELS[:-1]}
    values[STRUCTURE_CHANNELS[-1]] = (rng.random(features.n_genes) < 0.1).astype(float)
    return replace(features, genes=features.genes.assign(**values))


def planted_dataset(n_genes: int = 300, *, seed: int = 0, structure: bool = False) -> Dataset:
    features = planted_features(n_genes, seed=seed)
    features = add_structure(features, seed=seed) if structure else features
    return prepare_dataset(features, planted_targets(features, seed=seed), min_bound_genes=20)


def quick_bundle(dataset: Dataset, network: NetworkConfig = TINY, *, members: int = 2, max_epochs: int = 2) -> Any:
    """A bundle that is barely trained."""
    from decode.training.config import TrainingConfig
    from decode.training.ensemble import train_dataset

    return train_dataset(dataset, network, TrainingConfig(members=members, max_epochs=max_epochs, batch_size=64))
