"""Which genes could have changed at all: the background of a signature that names only those that did."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from decode.features.matrix import RegulatoryFeatures

logger = logging.getLogger(__name__)

EXPRESSED_LOG2 = 1.0  # log2(TPM + 1), that is 1 TPM, in the sample where the gene is highest
MITOCHONDRIAL = frozenset({"chrM", "chrMT", "M", "MT"})


def expressed_universe(features: RegulatoryFeatures, expression: pd.DataFrame) -> list[str]:
    """Genes of the features that are expressed in some sample, without those of the mitochondrial genome.

    Parameters
    ----------
    features : RegulatoryFeatures
        Gene level.
    expression : pd.DataFrame, shape (n_genes, n_samples)
        log2(TPM + 1) of tissues or cell lines; index: gene ids.

    Returns
    -------
    list of str
        Gene ids in the order of the features. Genes that the table lacks are left out; all are counted in the log.

    Raises
    ------
    ValueError
        If no gene is left.

    Notes
    -----
    The thirteen mitochondrial genes are transcribed by other factors and so abundant that they alone bend the
    covariate of squared expression.
    """
    highest = expression.max(axis=1).reindex(features.ids).to_numpy(dtype=np.float64)
    is_nuclear = ~features.genes["chrom"].isin(MITOCHONDRIAL).to_numpy()
    is_inside = (np.nan_to_num(highest, nan=-np.inf) > EXPRESSED_LOG2) & is_nuclear
    counts = (int(is_inside.sum()), features.n_genes, int(np.isnan(highest).sum()), int((~is_nuclear).sum()))
    logger.info("universe: %d of %d genes; %d not in the expression table, %d mitochondrial", *counts)
    if not is_inside.any():
        raise ValueError(
            f"universe: none of {features.n_genes} genes of the features has a value above {EXPRESSED_LOG2:g} in the "
            "expression table; give log2(TPM + 1) by gene id"
        )
    return [str(gene) for gene in features.ids[is_inside]]
