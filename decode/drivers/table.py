"""The table of drivers: what each regulator scores, what that means, and what its own gene does."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from decode.drivers.engine import Explained
from decode.drivers.inputs import DriverInputs, MatchedTable
from decode.drivers.prior import prior_agreement
from decode.drivers.targets import FDR_LIMIT
from decode.regulators.genes import MIRNA
from decode.statistics.multiple_testing import false_discovery_rate

logger = logging.getLogger(__name__)

NO_CHANGE = "no gene changes at FDR 5 %: what the regulators seem to say may be noise of these samples"

ALIKE = 0.7  # correlation of two regulators' scores over null targets from which they form a group
LEAST_CHANGED = 0.05  # FDR of a gene


def drivers_table(contrast: str, regulators: pd.DataFrame, found: Explained) -> pd.DataFrame:
    """Scores, significance, rank and group of each regulator.

    Parameters
    ----------
    contrast : str
    regulators : pd.DataFrame
        kind, regulator, n_tracks, n_bound_genes.
    found : Explained
        With a significance.

    Returns
    -------
    pd.DataFrame
        One row a regulator, ordered as given.
    """
    judged = found.significance
    if judged is None:
        raise ValueError("the engine gave scores without a significance; compare them with null targets first")
    frame = regulators.reset_index(drop=True)
    frame.insert(0, "contrast", contrast)
    frame["effect"] = found.effect
    frame["sign"] = np.where(found.effect > 0, "up", np.where(found.effect < 0, "down", ""))
    frame["sd"] = judged.sd
    frame["z"] = judged.z
    frame["direction_fdr"] = false_discovery_rate(judged.direction_p)
    frame["response_z"] = judged.response_z
    frame["vif"] = judged.vif
    frame["strength"] = judged.strength
    frame["p_value"] = judged.p_value
    frame["fdr"] = false_discovery_rate(judged.p_value)
    frame["rank"] = (-judged.strength).argsort(kind="stable").argsort(kind="stable") + 1
    name = (frame["kind"] + ":" + frame["regulator"]).to_numpy(dtype=object)
    group = regulator_groups(judged.null)
    first = frame.assign(group=group, name=name).sort_values("rank").groupby("group")["name"].first()
    frame["group"] = first.reindex(group).to_numpy()
    return frame


def regulator_groups(null: NDArray[np.floating], alike: float = ALIKE) -> NDArray[np.int64]:
    """Group regulators whose scores go together where nothing differs: the data cannot tell them apart.

    Parameters
    ----------
    null : array, shape (n_draws, n_regulators)
        Scores of null targets.
    alike : float
        Mean absolute correlation within a group (average linkage).

    Returns
    -------
    int64 array, shape (n_regulators,)

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> one, other = rng.normal(size=(2, 200))
    >>> regulator_groups(np.column_stack([one, other, one + 0.1 * other])).tolist()
    [1, 2, 1]
    """
    n = null.shape[1]
    if n < 2:
        return np.ones(n, dtype=np.int64)
    centred = null - null.mean(axis=0)
    size = np.sqrt((centred**2).sum(axis=0))
    centred = centred / np.where(size > 0, size, np.inf)
    distance = 1.0 - np.abs(centred.T @ centred).astype(np.float64)
    np.fill_diagonal(distance, 0.0)
    tree = linkage(squareform(np.clip(distance, 0.0, 1.0), checks=False), method="average")
    return np.asarray(fcluster(tree, 1.0 - alike, criterion="distance"), dtype=np.int64)


def with_own_genes(
    ranked: pd.DataFrame,
    contrast: str,
    matched: MatchedTable,
    genes: dict[tuple[str, str], tuple[str, ...]],
    level: pd.Series | None = None,
) -> pd.DataFrame:
    """Add what the table says of the regulators' own genes; of a complex, of its gene that changes most.

    Parameters
    ----------
    ranked : pd.DataFrame
        kind, regulator.
    contrast : str
    matched : MatchedTable
    genes : dict of (kind, regulator) to tuple of gene ids
    level : pd.Series, optional
        Mean expression by gene, log2, in a unit of which `expressed_from` is known; the value above which a gene counts
        as expressed stands in `level.attrs["expressed_from"]`. Without it `is_expressed` is unknown.

    Returns
    -------
    pd.DataFrame
        With own_statistic, own_log2_fold_change, own_adjusted_p and is_expressed (NA where nothing is known).
    """
    table = matched.table
    statistic = table.statistic[contrast]
    limit = None if level is None else level.attrs.get("expressed_from")
    columns: dict[str, list[Any]] = {
        name: [] for name in ("statistic", "log2_fold_change", "adjusted_p", "is_expressed")
    }
    for kind, name in zip(ranked["kind"], ranked["regulator"], strict=True):
        named = [name] if kind != MIRNA else []
        known = dict.fromkeys([*genes.get((kind, name), ()), *named])
        ids = [gene for gene in known if gene in statistic]
        values = statistic.loc[ids].dropna() if ids else statistic.iloc[:0]
        gene = str(values.abs().idxmax()) if len(values) else None
        columns["statistic"].append(values.loc[gene] if gene is not None else np.nan)
        for part in ("log2_fold_change", "adjusted_p"):
            frame = getattr(table, part)
            columns[part].append(frame.loc[gene, contrast] if frame is not None and gene is not None else np.nan)
        own = pd.Series(dtype=float) if level is None else level.reindex(list(known)).dropna()
        columns["is_expressed"].append(bool(own.max() > limit) if len(own) and limit is not None else None)
    return ranked.assign(
        own_statistic=columns["statistic"],
        own_log2_fold_change=columns["log2_fold_change"],
        own_adjusted_p=columns["adjusted_p"],
        is_expressed=pd.array(columns["is_expressed"], dtype="boolean"),
    )


def summary_row(
    contrast: str,
    inputs: DriverInputs,
    ranked: pd.DataFrame,
    found: Explained,
    matched: MatchedTable,
    prior: pd.Series | None,
    *,
    null: str,
) -> dict[str, Any]:
    """What is said of a contrast as a whole; warns where no gene changes, and where the usual genes do."""
    table = matched.table
    row: dict[str, Any] = {
        "contrast": contrast,
        "n_genes": inputs.counts["n_genes"],
        "n_tracks": inputs.counts["n_tracks"],
        "n_regulators": inputs.counts["n_regulators"],
        "n_significant": int((ranked["fdr"] < FDR_LIMIT).sum()),
        "penalty": np.nan if found.screen is None else found.screen.penalty,
        "r2": found.r2,
        "null": null,
        "inflation": np.nan if found.significance is None else found.significance.inflation,
        "n_changed_genes": pd.NA,
        "caveat": table.caveats.get(contrast, ""),
    }
    if table.adjusted_p is not None and table.adjusted_p[contrast].notna().any():
        row["n_changed_genes"] = int((table.adjusted_p[contrast] < LEAST_CHANGED).sum())
        if not row["n_changed_genes"]:
            logger.warning("%s: %s", contrast, NO_CHANGE)
            row["caveat"] = "; ".join(filter(None, (row["caveat"], NO_CHANGE)))
    if prior is None:
        return row
    statistic = table.statistic[contrast].reindex(inputs.features.ids.tolist())
    statistic = statistic.fillna(0.0) if table.is_signature else statistic
    agreement = prior_agreement(statistic, prior, is_signature=table.is_signature)
    if agreement.is_generic:
        logger.warning(
            "%s: the genes that change most are those that change in most experiments (AUROC of the DE prior %.2f)",
            *(contrast, agreement.auroc),
        )
    return row | {
        "prior_spearman": agreement.spearman,
        "prior_auroc": agreement.auroc,
        "prior_auroc_low": agreement.auroc_low,
        "prior_auroc_high": agreement.auroc_high,
        "is_generic": agreement.is_generic,
    }
