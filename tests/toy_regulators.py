"""Small features and targets with a known cause: promoter sites act in liver, RNA sites in brain."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse

from decode.features.matrix import RegionMatrix, RegulatoryFeatures, count_bound_genes

CHROMOSOMES = ("chr1", "chr2", "chr3", "chr8", "chrX")
TASKS = ["median_level", "liver", "lung", "cortex", "amygdala"]


def toy_features(n_genes: int = 150, seed: int = 0) -> RegulatoryFeatures:
    """Three tracks a region: the first acts, the others do not; the spliced length varies from 1 to 12 bins."""
    rng = np.random.default_rng(seed)
    length_bp = rng.integers(60, 1200, n_genes)
    regions = {}
    for name, n_bins in (("promoter", np.full(n_genes, 3)), ("rna", -(-length_bp // 100))):
        offsets = np.concatenate([[0], np.cumsum(n_bins)]).astype(np.int64)
        size = np.full(offsets[-1], 100, dtype=np.int32)
        if name == "rna":
            size[offsets[1:] - 1] = length_bp - 100 * (n_bins - 1)
        is_bound = np.repeat(rng.random((n_genes, 3)) < 0.8, n_bins, axis=0)
        bases = (rng.random((offsets[-1], 3)) * is_bound * size[:, None]).astype(np.int16)
        regions[name] = RegionMatrix(name, sparse.csr_array(bases), offsets, size)
    genes = pd.DataFrame(
        {
            "gene_id": [f"ENSG{i:011d}" for i in range(n_genes)],
            "gene_name": [f"GENE{i}" for i in range(n_genes)],
            "chrom": [CHROMOSOMES[i % len(CHROMOSOMES)] for i in range(n_genes)],
            "strand": "+",
            "tss": 1000 * np.arange(n_genes),
            "length_bp": length_bp,
            "n_exons": 1,
        }
    )
    tracks = pd.DataFrame(
        [("promoter", "TF", f"TF{i}", "", "bases") for i in range(3)]
        + [("rna", "RBP", f"RBP{i}", "", "bases") for i in range(3)],
        columns=["region", "kind", "regulator", "biosample", "value_kind"],
    )
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


def toy_targets(features: RegulatoryFeatures, *, noise: float = 0.1, seed: int = 1) -> pd.DataFrame:
    """liver = promoter, cortex and amygdala = RNA, lung = both, each with its sign; median_level = length."""
    rng = np.random.default_rng(seed)
    promoter = np.log1p(features.totals("promoter")[:, 0])
    length_bp = features.genes["length_bp"].to_numpy()
    rna = np.log((features.totals("rna")[:, 0] + 10) / length_bp)  # share of the RNA, so that length alone says little
    promoter, rna = (x - x.mean() for x in (promoter / promoter.std(), rna / rna.std()))
    values = np.stack([np.log(length_bp), promoter, 0.7 * rna - 0.7 * promoter, rna, rna], axis=1)
    table = pd.DataFrame(values + noise * rng.normal(size=values.shape), columns=TASKS)
    table.insert(0, "gene_id", features.ids)
    return table


def toy_tpm(features: RegulatoryFeatures) -> pd.DataFrame:
    """The same causes as TPM of four tissues."""
    targets = toy_targets(features).set_index("gene_id")
    log2_tpm = targets[TASKS[1:]].add(targets["median_level"], axis=0)
    return np.maximum(2.0**log2_tpm - 0.25, 0.0)
