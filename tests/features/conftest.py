from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from decode.features.matrix import RegulatoryFeatures
from decode.features.region import RegionMatrix


def region_matrix(name: str, blocks: list[list[list[int]]], lengths: list[list[int]]) -> RegionMatrix:
    """blocks[gene][bin][track] bases, lengths[gene][bin] bp."""
    n_tracks = max((len(row) for block in blocks for row in block), default=0)
    rows = np.array([row for block in blocks for row in block], dtype=np.int16).reshape(-1, n_tracks)
    offsets = np.concatenate([[0], np.cumsum([len(block) for block in blocks])]).astype(np.int64)
    bin_length_bp = np.array([bp for block in lengths for bp in block], dtype=np.int32)
    return RegionMatrix(name, sparse.csr_array(rows), offsets, bin_length_bp)


def tiny() -> RegulatoryFeatures:
    """Three genes; two promoter tracks over two bins, three RNA tracks over 3, 1 and 2 bins."""
    genes = pd.DataFrame(
        {
            "gene_id": ["G1", "G2", "G3"],
            "gene_name": ["A", "B", "C"],
            "chrom": ["chr1", "chr1", "chr2"],
            "strand": ["+", "-", "+"],
            "tss": [100, 900, 50],
            "length_bp": [25, 10, 14],
            "n_exons": [1, 1, 2],
        }
    )
    tracks = pd.DataFrame(
        [
            ("promoter", "TF", "CTCF", "K562", "bases", 2),
            ("promoter", "TF", "BCLAF1", "", "bases", 1),
            ("rna", "RBP", "BCLAF1", "K562", "bases", 2),
            ("rna", "RBP", "BCLAF1", "HepG2", "bases", 1),
            ("rna", "miRNA", "miR-1", "", "bases", 0),
        ],
        columns=["region", "kind", "regulator", "biosample", "value_kind", "n_bound_genes"],
    )
    promoter = region_matrix(
        "promoter", [[[10, 0], [5, 1]], [[0, 0], [0, 0]], [[0, 0], [7, 0]]], [[10, 10], [10, 10], [0, 10]]
    )
    rna = region_matrix(
        "rna",
        [[[1, 0, 0], [0, 2, 0], [5, 0, 0]], [[0, 0, 0]], [[0, 0, 0], [4, 0, 0]]],
        [[10, 10, 5], [10], [10, 4]],
    )
    return RegulatoryFeatures(
        level="gene",
        genes=genes,
        tracks=tracks,
        regions={"promoter": promoter, "rna": rna},
        build="hg19",
        bin_size=10,
        upstream=10,
        downstream=10,
        sources=[
            {"path": "sites.bed", "sha256": "0" * 64, "kind": "TF", "region": "promoter", "counts": {"n_sites": 3}}
        ],
        checks={"positions": [{"kind": "TF", "region": "promoter", "share": 0.5, "share_shuffled": 0.1}]},
    )


@pytest.fixture
def features() -> RegulatoryFeatures:
    return tiny()
