"""Simulated persons: genotypes without linkage as a VCF, and expression with planted eQTLs."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from planted import planted_features

from decode.features.matrix import RegulatoryFeatures

HEADER = (
    "##fileformat=VCFv4.2\n##contig=<ID=1,length=249250621>\n##contig=<ID=2,length=243199373>\n"
    '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
)
CALLS = {0: "0/0", 1: "0/1", 2: "1|1", -1: "./."}
APART_BP = 3_000_000  # genes share no variant


class Persons(NamedTuple):
    vcf: Path
    expression: pd.DataFrame
    features: RegulatoryFeatures
    with_eqtl: list[str]
    dosages: np.ndarray  # (n_variants, n_persons)


def vcf_text(dosages: np.ndarray, places: list[tuple[str, int]], persons: list[str]) -> str:
    """One row a variant; places are chromosome and 1-based position."""
    lines = ["\t".join(["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *persons])]
    for (chrom, position), row in zip(places, dosages, strict=True):
        calls = [CALLS[int(call)] for call in row]
        lines.append("\t".join([chrom, str(position), ".", "A", "G", ".", "PASS", ".", "GT", *calls]))
    return HEADER + "\n".join(lines) + "\n"


def toy_features(n_genes: int) -> RegulatoryFeatures:
    """Genes of chr1, far apart."""
    features = planted_features(max(n_genes, 12)).take(np.arange(n_genes))
    features.genes["chrom"] = "chr1"
    features.genes["tss"] = 2_000_000 + APART_BP * np.arange(n_genes)
    return features


def simulate(folder: Path, *, n_genes: int = 8, n_persons: int = 150, n_variants: int = 20, seed: int = 0) -> Persons:
    """Two variants explain half of the variance of every second gene."""
    rng = np.random.default_rng(seed)
    features = toy_features(n_genes)
    persons = [f"P{i}" for i in range(n_persons)]
    frequency = rng.uniform(0.1, 0.5, size=n_genes * n_variants)
    dosages = rng.binomial(2, frequency[:, None], size=(len(frequency), n_persons))
    expression = rng.normal(size=(n_genes, n_persons))
    places, with_eqtl = [], []
    for gene in range(n_genes):
        first = gene * n_variants
        offsets = np.sort(rng.integers(-900_000, 900_000, size=n_variants))
        places += [("1", int(features.genes["tss"][gene] + offset + 1)) for offset in offsets]
        if gene % 2 == 0:
            own = dosages[first : first + 2].astype(float)
            effect = ((own - own.mean(axis=1, keepdims=True)) / own.std(axis=1, keepdims=True)).sum(axis=0)
            expression[gene] += effect / np.sqrt(2)
            with_eqtl.append(str(features.ids[gene]))
    path = folder / "persons.vcf"
    path.write_text(vcf_text(dosages, places, persons))
    table = pd.DataFrame(expression, columns=persons)
    table.insert(0, "gene_id", features.ids)
    return Persons(path, table, features, with_eqtl, dosages)
