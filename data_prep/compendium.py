"""Make the compact model of gene-gene correlation that ships with the package.

    python -m data_prep.compendium RSEM.npz SAMPLES.tsv --annotation gencode_v19.gtf.gz

RSEM.npz: arrays X (samples x genes, RSEM normalised counts), genes (`SYMBOL|Entrez`) and samples; SAMPLES.tsv: one row
a sample in that order, with a column `cohort`. Source: The Cancer Genome Atlas, open-access RNA-seq (level 3, RSEM
normalised), 350 tumours of the cohorts ACC, CHOL, DLBC, STAD, UCS and UVM; open-access data carry no restriction of use
(Weinstein et al. 2013, doi:10.1038/ng.2764; cite TCGA). Only residuals beside the cohort's mean go in, as the leading
components of the correlation; no clinical value and no sample name does.
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

import numpy as np
import pandas as pd

from decode.core.files import sha256_of, write_json
from decode.expression.compendium import SHIPPED, compact, residual_correlation, write_correlation
from decode.expression.gene_ids import rows_by_gene
from decode.genome.annotation import read_annotation

logger = logging.getLogger(__name__)

N_FACTORS = 40  # a cohort: nearly all of the smallest cohorts, 4 MB
OUT = Path(__file__).resolve().parents[1] / "decode" / "expression" / "data" / SHIPPED


def make_model(
    matrix: Path, samples: Path, annotation: Path, out: Path, n_factors: int = N_FACTORS
) -> dict[str, object]:
    """Write the model and beside it a manifest of what went in; returns the manifest."""
    with np.load(matrix, allow_pickle=False) as stored:
        values = pd.DataFrame(np.log2(stored["X"].T.astype(np.float64) + 1), index=stored["genes"])
    cohort = pd.read_csv(samples, sep="\t")["cohort"].astype(str).tolist()
    genes = read_annotation(annotation, build="hg19").genes[["gene_id", "gene_name"]]
    table, found = rows_by_gene(values, genes, name=matrix.name)
    logger.info("rows by gene: %s", found)
    counts = pd.Series(cohort).value_counts().sort_index()
    source = f"residuals of {len(cohort)} TCGA tumours within " + ", ".join(f"{n} ({k})" for n, k in counts.items())
    model = compact(residual_correlation(table, cohort, source=source), n_factors)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_correlation(model, out)
    manifest = {
        "source": source,
        "n_genes": len(model.gene_ids),
        "n_factors": n_factors,
        "cohorts": {group.name: {"n_samples": int(counts[group.name]), "df": group.df} for group in model.groups},
        "inputs": {path.name: sha256_of(path) for path in (matrix, samples, annotation)},
        "sha256": sha256_of(out),
        "size_bytes": out.stat().st_size,
    }
    write_json(manifest, out.with_suffix(".json"))
    return manifest


def main() -> None:
    """Command line."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("matrix", type=Path)
    parser.add_argument("samples", type=Path)
    parser.add_argument("--annotation", type=Path, required=True)
    parser.add_argument("--factors", type=int, default=N_FACTORS)
    parser.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args()
    manifest = make_model(given.matrix, given.samples, given.annotation, given.out, given.factors)
    logger.info("%s: %s genes, %s bytes", given.out, manifest["n_genes"], manifest["size_bytes"])


if __name__ == "__main__":
    main()
