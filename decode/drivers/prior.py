"""The DE prior: genes that respond in most experiments whatever was done, and how far a contrast consists of them."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from decode.core.checks import check_share, listed
from decode.core.delimited import read_frame
from decode.core.ids import resolve_ids
from decode.statistics.metrics import auroc_delong

logger = logging.getLogger(__name__)

TOP_SHARE = 0.05  # of the genes by |statistic|: the "hits" of a contrast, where they are not given
GENERIC_AUROC = 0.75  # ours; Crow et al. 2019 find a median near 0.8 for the hit lists of human experiments
GENERIC_RANK = 0.75  # ours: mean prior rank of a driver's leading targets; 0.5 is what random genes have


class PriorAgreement(NamedTuple):
    """How well the prior alone predicts which genes change."""

    spearman: float
    auroc: float
    auroc_low: float
    auroc_high: float
    n_genes: int
    is_generic: bool


def read_de_prior(path: str | Path, genes: pd.DataFrame, id_map: str | Path | None = None) -> pd.Series:
    """Read the prior and name its genes by the ids of the features.

    Parameters
    ----------
    path : str or Path
        Tab-separated with the columns Gene_Name and DE_Prior_Rank (0 to 1; 1 responds most often), as published.
    genes : pd.DataFrame
        gene_id and gene_name of the features.
    id_map : str or Path, optional

    Returns
    -------
    pd.Series
        DE_Prior_Rank by gene id. Names that are not found, or ambiguous, are left out and counted in the log.

    Raises
    ------
    ValueError
        If a column is missing, a rank is no number from 0 to 1, or no gene matches.

    References
    ----------
    Crow et al. 2019, Predictability of human differential gene expression, PNAS 116:6491.
    """
    table = read_frame(path, "DE prior", text=["Gene_Name"])
    missing = [name for name in ("Gene_Name", "DE_Prior_Rank") if name not in table.columns]
    if missing:
        raise ValueError(f"DE prior {path} lacks the columns {listed(missing)}; it has {listed(table.columns)}")
    check_share(table["DE_Prior_Rank"], f"DE_Prior_Rank of DE prior {path}")
    named = table.dropna(subset=["Gene_Name", "DE_Prior_Rank"])
    if len(named) < len(table):
        logger.warning("DE prior %s: %d rows without a name or rank are left out", path, len(table) - len(named))
    found = resolve_ids(named["Gene_Name"], genes, id_map, on_ambiguous="count")
    rank = pd.Series(named["DE_Prior_Rank"].to_numpy(dtype=np.float64), index=pd.Index(found.ids, dtype=object))
    rank = rank[rank.index.notna()].groupby(level=0).max()
    if rank.empty:
        raise ValueError(f"DE prior {path}: no gene of its {len(named)} is in the features; give an id map (--id-map)")
    logger.info("DE prior: %d of %d genes found", len(rank), len(named))
    return rank


def prior_agreement(statistic: pd.Series, prior: pd.Series, *, is_signature: bool = False) -> PriorAgreement:
    """Compare how strongly genes change in a contrast with how often they change in general.

    Parameters
    ----------
    statistic : pd.Series
        By gene id, signed.
    prior : pd.Series
        Rank by gene id, 0 to 1.
    is_signature : bool
        The hits are the genes that are not 0; otherwise the 5 % of the largest |statistic|.

    Returns
    -------
    PriorAgreement
        Spearman correlation of |statistic| with the rank, AUROC of the rank for the hits with its 95 % interval, and
        whether it is at least 0.75.

    Examples
    --------
    >>> genes = [f"G{i}" for i in range(100)]
    >>> ranks = pd.Series(np.linspace(0, 1, 100), index=genes)
    >>> prior_agreement(pd.Series(np.arange(100.0), index=genes), ranks).is_generic
    True
    """
    both = pd.concat([statistic.abs().rename("size"), prior.rename("rank")], axis=1, join="inner").dropna()
    size, rank = both["size"].to_numpy(), both["rank"].to_numpy()
    is_hit = size > 0 if is_signature else size >= np.quantile(size, 1 - TOP_SHARE) if len(size) else size > 0
    if len(both) < 3 or is_hit.all() or not is_hit.any() or np.ptp(rank) == 0:
        return PriorAgreement(np.nan, np.nan, np.nan, np.nan, len(both), False)
    area = auroc_delong(is_hit, rank)
    spearman = float(spearmanr(size, rank).statistic)
    return PriorAgreement(spearman, area[0], area[1], area[2], len(both), bool(area[0] >= GENERIC_AUROC))
