"""Leading targets of each driver, and where its sites lie in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decode.drivers.inputs import DriverInputs
from decode.drivers.prior import GENERIC_RANK
from decode.drivers.sites import SITE_COLUMNS, position_profile, site_intervals

if TYPE_CHECKING:
    from decode.genome.gene_models import GeneModels

Float = NDArray[np.float64]
KEY = ["contrast", "kind", "regulator"]
FDR_LIMIT = 0.05
N_NAMED = 5  # leading targets named in the table of drivers


class Detail(NamedTuple):
    """How much is written about the drivers, and with what.

    Attributes
    ----------
    n_top : int
        Drivers with sites and positions; their targets are written, and those of drivers of FDR < 5 %.
    n_targets : int
        Leading targets of a driver.
    prior : pd.Series or None
        DE prior rank by gene id.
    gene_models : GeneModels or None
        To put sites on RNA on the genome.
    """

    n_top: int
    n_targets: int
    prior: pd.Series | None = None
    gene_models: GeneModels | None = None


def leading_targets(attribution: Float, statistic: Float, is_bound: NDArray[np.bool_], n: int) -> NDArray[np.int64]:
    """Genes with sites of a driver whose attribution has the sign of their statistic, the largest products first.

    Parameters
    ----------
    attribution, statistic : array, shape (n_genes,)
    is_bound : bool array, shape (n_genes,)
    n : int
        At most so many.

    Returns
    -------
    int64 array
        Gene numbers.

    Examples
    --------
    >>> leading_targets(np.array([1.0, -1.0, 2.0, 1.0]), np.array([3.0, 1.0, 2.0, 9.0]), np.array([1, 1, 1, 0]) > 0, 5)
    array([2, 0])
    """
    support = np.where(is_bound, attribution * statistic, 0.0)
    lead = np.argsort(-support, kind="stable")[:n]
    return lead[support[lead] > 0]


def driver_details(
    contrast: str,
    inputs: DriverInputs,
    ranked: pd.DataFrame,
    attribution: Callable[[int], Float],
    statistic: pd.Series,
    detail: Detail,
) -> tuple[pd.DataFrame, ...]:
    """Describe the drivers of one contrast.

    Parameters
    ----------
    contrast : str
    inputs : DriverInputs
    ranked : pd.DataFrame
        One row a regulator, in the order of `inputs.regulators`: kind, regulator, rank, fdr.
    attribution : callable
        Number of a regulator -> attribution of every gene.
    statistic : pd.Series
        As the table has it, by gene id, in the order of `inputs.features`.
    detail : Detail

    Returns
    -------
    tuple of pd.DataFrame
        Drivers by rank with leading_targets, targets_prior_rank and de_prior_note; then targets, sites, zones and
        positions, as in `DriversResult`.
    """
    genes = inputs.features.genes
    change = statistic.to_numpy(dtype=np.float64)
    prior = detail.prior
    prior_rank = np.full(len(genes), np.nan) if prior is None else prior.reindex(genes["gene_id"]).to_numpy()
    gene_name = np.where(genes["gene_name"].astype(str) != "", genes["gene_name"], genes["gene_id"])
    named, generic = np.full(len(ranked), "", dtype=object), np.full(len(ranked), np.nan)
    targets, sites, profiles = [], [pd.DataFrame(columns=SITE_COLUMNS)], []
    is_top = ranked["rank"].to_numpy() <= detail.n_top
    has_targets = is_top | (ranked["fdr"].to_numpy() < FDR_LIMIT)
    names = list(zip(ranked["kind"], ranked["regulator"], strict=True))
    for number in np.argsort(ranked["rank"].to_numpy(), kind="stable"):  # tables begin with the first driver
        kind, regulator = names[number]
        is_own = inputs.regulators.code == number
        own = attribution(number)
        is_bound = np.asarray((inputs.x[:, is_own] > 0).any(axis=1))
        lead = leading_targets(own, change, is_bound, detail.n_targets)
        named[number] = ", ".join(gene_name[lead[:N_NAMED]])
        known = prior_rank[lead][np.isfinite(prior_rank[lead])]
        generic[number] = known.mean() if len(known) else np.nan
        key = [contrast, kind, regulator]
        if has_targets[number]:
            columns = {"gene_id": genes["gene_id"].to_numpy()[lead], "gene_name": gene_name[lead]}
            columns |= {"attribution": own[lead], "statistic": change[lead], "prior_rank": prior_rank[lead]}
            targets.append(_with_key(pd.DataFrame(columns), key))
        if is_top[number]:
            found = site_intervals(inputs.features, is_own, lead.tolist(), f"{kind}:{regulator}", detail.gene_models)
            sites += [found] if len(found) else []
            profile = position_profile(inputs.features, is_own, lead, np.flatnonzero(is_bound))
            profiles.append(_with_key(profile, key))
    note = np.where(generic >= GENERIC_RANK, "leading targets respond in most experiments", "")
    drivers = ranked.assign(leading_targets=named, targets_prior_rank=generic, de_prior_note=note)
    positions = pd.concat(profiles, ignore_index=True)
    where = positions.groupby([*KEY, "zone"], sort=False)[["covered_targets", "covered_bound"]].mean().reset_index()
    return (
        drivers.sort_values("rank", ignore_index=True),
        pd.concat(targets, ignore_index=True),
        pd.concat(sites[1:], ignore_index=True) if len(sites) > 1 else sites[0],
        where,
        positions,
    )


def _with_key(frame: pd.DataFrame, key: list[str]) -> pd.DataFrame:
    for place, (column, value) in enumerate(zip(KEY, key, strict=True)):
        frame.insert(place, column, value)
    return frame
