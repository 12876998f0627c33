"""Would this sum of evidence come out if nothing differed between the samples? p-values with correlated genes."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri

from decode.drivers.evidence import EvidenceResult, line_scores
from decode.drivers.lines import Line
from decode.drivers.noise import CorrelatedGenes, inflation, ordered_rows, pooled_p_values, row_order
from decode.expression.compendium import GeneCorrelation, take_genes

Float = NDArray[np.float64]
N_DRAWS = 300


def evidence_p_values(
    found: EvidenceResult,
    queries: pd.DataFrame,
    lines: list[Line],
    correlation: GeneCorrelation,
    *,
    is_signature: bool,
    expression: pd.Series | None = None,
    n_draws: int = N_DRAWS,
    seed: int = 0,
) -> Float:
    """p-values of combined scores against contrasts in which nothing differs.

    Parameters
    ----------
    found : EvidenceResult
        Of the same queries and lines, without own changes.
    queries : pd.DataFrame, shape (n_genes, n_contrasts)
    lines : list of Line
    correlation : GeneCorrelation
    is_signature : bool
    expression : pd.Series, optional
        As given to `evidence_scores`.
    n_draws : int
    seed : int

    Returns
    -------
    float64 array, shape (n_rows of found.table,)
        NaN where there is no score.

    Notes
    -----
    Null targets with the correlation of genes (`decode.drivers.noise.CorrelatedGenes`) get the values of the contrast
    and are scored by the same lines. Combined scores are put in null SDs and divided by their inflation as the scores
    of sites are (`decode.drivers.noise.significance`), and p = (1 + #) / (1 + n) over the null targets and the
    regulators of a kind. A line made from the expression of these genes (co-expression) correlates with their noise:
    its null is wide, which is what this counts.
    """
    table = found.table
    p_value = np.full(len(table), np.nan)
    for name in queries.columns:
        rows = np.flatnonzero((table["contrast"] == name).to_numpy())
        y = queries[name].to_numpy(dtype=np.float64)
        measured = np.flatnonzero(np.isfinite(y))
        groups, _ = take_genes(correlation, queries.index[measured].astype(str))
        null = CorrelatedGenes(groups, "", n_draws=n_draws, seed=seed)
        size = np.abs(null.values(y[measured]))
        if not is_signature:
            size = ordered_rows(row_order(size), ndtri((np.arange(len(measured)) + 0.5) / len(measured)))
        draws = np.full((len(y), n_draws), np.nan)
        draws[measured] = size.T
        combined = line_scores(draws, lines, expression=expression)
        kind = table["kind"].to_numpy()[rows]
        scores = table["combined"].to_numpy(dtype=np.float64)[rows]
        is_known = np.isfinite(scores) & np.isfinite(combined).all(axis=0)
        mean, spread = combined[:, is_known].mean(axis=0), combined[:, is_known].std(axis=0)
        spread = np.where(spread > 0, spread, np.inf)
        z = (scores[is_known] - mean) / spread
        strata = pd.factorize(kind[is_known])[0]
        p_value[rows[is_known]] = pooled_p_values(
            z / inflation(z), (combined[:, is_known] - mean) / spread, strata.astype(np.int64)
        )
    return p_value
