"""A differential expression table matched with features: targets, tracks, covariates and strata of `decode drivers`."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decode.core.checks import check_matched, check_unique, listed
from decode.core.ids import resolve_ids, unresolved_warning
from decode.expression.de_table import DeTable
from decode.features.regulators import Regulators, regulators_of
from decode.statistics.strata import quantile_strata

if TYPE_CHECKING:
    from decode.features.matrix import RegulatoryFeatures

logger = logging.getLogger(__name__)

Float = NDArray[np.float64]
MIN_BOUND_GENES = 30  # Tasaki 2020, Methods: regulators with sites in at least 30 genes
AMBIGUOUS_SHARE = 0.01  # of the names: fewer are left out and counted (43 of 20,501 of TCGA's symbols)
MIN_GENES = 100  # ours: fewer genes with a statistic cannot be told from chance
GENES_A_STRATUM = 20  # on average; a gene must have others to exchange sites with
STRATA = (5, 5, 4)  # at most: quantiles of length, of site count, of mean expression


class MatchedTable(NamedTuple):
    """A table whose rows carry the features' gene ids.

    Attributes
    ----------
    table : DeTable
        One row a gene; index: gene id where the name was found, else the name as written.
    genes : list of str
        Gene ids of the features that the table says something about, in the features' order; all genes for a
        signature.
    counts : dict
        n_rows, n_matched, n_genes_features, n_rows_sharing_a_gene, n_rows_outside (genes that the features
        lack), names by the way they were found.
    """

    table: DeTable
    genes: list[str]
    counts: dict[str, Any]


def match_table(
    table: DeTable,
    features: RegulatoryFeatures,
    *,
    id_map: str | Path | None = None,
    skip_ambiguous: bool = False,
) -> MatchedTable:
    """Give every row the gene id of the features that its name stands for.

    Parameters
    ----------
    table : DeTable
    features : RegulatoryFeatures
        Gene level.
    id_map : str or Path, optional
        As in `decode.core.ids.resolve_ids`.
    skip_ambiguous : bool
        Leave out rows whose name stands for several genes (counted) instead of raising; below 1 % of the names they
        always are.

    Returns
    -------
    MatchedTable

    Raises
    ------
    ValueError
        If the features are of transcripts, names are ambiguous, or fewer than half of the smaller side match.
    """
    if features.level != "gene":
        raise ValueError("the features hold transcripts; drivers explains genes, so build features with level gene")
    names = [str(name) for name in table.statistic.index]
    found = resolve_ids(names, features.genes[["gene_id", "gene_name"]], id_map, on_ambiguous="count")
    if len(found.ambiguous) >= AMBIGUOUS_SHARE * len(names) and found.ambiguous and not skip_ambiguous:
        shown = [f"{name} ({', '.join(ids)})" for name, ids in found.ambiguous.items()]
        raise ValueError(
            f"{len(shown)} of {len(names)} names of the DE table stand for several genes: {listed(shown, 3)}; name the "
            "gene id, give an id map that decides (--id-map), or leave these rows out (--skip-ambiguous)"
        )
    if found.ambiguous:
        shown = [f"{name} ({', '.join(ids)})" for name, ids in found.ambiguous.items()]
        logger.warning(
            "DE table: %d of %d names stand for several genes and are left out: %s; an id map decides (--id-map)",
            *(len(shown), len(names), listed(shown, 3)),
        )
    if warning := unresolved_warning("DE table", found):
        logger.warning(warning)
    ids = pd.Series([name if gene is None else gene for name, gene in zip(names, found.ids, strict=True)], dtype=object)
    order = np.arange(len(ids))
    if table.mean_expression is not None:  # of rows that name one gene the one of the highest expression stays
        order = np.argsort(-table.mean_expression.fillna(-np.inf).to_numpy(), kind="stable")
    kept = np.sort(order[~ids.iloc[order].duplicated().to_numpy()])
    n_shared = len(ids) - len(kept)
    if n_shared:
        logger.warning("DE table: %d rows name a gene that another row names; one row of each is kept", n_shared)
    matched, warning = check_matched("DE table", ids.iloc[kept].tolist(), features.ids.tolist(), found.outside)
    if warning:
        logger.warning(warning)
    index = pd.Index(ids.iloc[kept])

    def taken(part: Any) -> Any:
        return None if part is None else part.iloc[kept].set_axis(index, axis=0)

    renamed = table._replace(
        statistic=taken(table.statistic),
        log2_fold_change=taken(table.log2_fold_change),
        adjusted_p=taken(table.adjusted_p),
        mean_expression=taken(table.mean_expression),
    )
    is_matched = set(matched)
    genes = [str(gene) for gene in features.ids if table.is_signature or gene in is_matched]
    counts = {
        "n_rows": len(names),
        "n_matched": len(matched),
        "n_genes_features": features.n_genes,
        "n_rows_sharing_a_gene": n_shared,
        "n_rows_outside": found.counts["outside"],
        "names": found.counts,
    }
    return MatchedTable(renamed, genes, counts)


class DriverInputs(NamedTuple):
    """Genes with a statistic, and what is known of them; shared by the contrasts that were measured in these genes.

    Attributes
    ----------
    features : RegulatoryFeatures
        These genes and the tracks that are kept.
    regulators : Regulators
        Of the tracks; bound genes are counted among these genes.
    x : float64 array, shape (n_genes, n_tracks)
        log(1 + bound bases).
    covariates : float64 array, shape (n_genes, n_covariates)
    covariate_names : list of str
    strata : int64 array, shape (n_genes,)
        Genes of like length, site count and (where known) mean expression.
    counts : dict
        n_genes, n_tracks, n_tracks_dropped, n_regulators.
    """

    features: RegulatoryFeatures
    regulators: Regulators
    x: Float
    covariates: Float
    covariate_names: list[str]
    strata: NDArray[np.int64]
    counts: dict[str, Any]


def select_biosamples(features: RegulatoryFeatures, biosamples: Collection[str] | None) -> RegulatoryFeatures:
    """Keep tracks of these biosamples and tracks without one; KeyError where one is unknown."""
    if biosamples is None:
        return features
    has_none = bool((features.tracks["biosample"] == "").any())
    return features.select(biosamples=[*dict.fromkeys(biosamples), *([""] if has_none else [])])


def driver_inputs(
    features: RegulatoryFeatures,
    genes: Sequence[str],
    mean_expression: pd.Series | None,
    *,
    extra: pd.Series | None = None,
    covariates: pd.DataFrame | None = None,
    min_bound_genes: int = MIN_BOUND_GENES,
) -> DriverInputs:
    """Prepare tracks, covariates and strata of the genes of a contrast.

    Parameters
    ----------
    features : RegulatoryFeatures
    genes : sequence of str
        Genes with a statistic.
    mean_expression : pd.Series, optional
        log2 scale, by gene; where it is missing the median stands in.
    extra : pd.Series, optional
        The DE prior by gene, as a covariate; likewise.
    covariates : pd.DataFrame, optional
        Further covariates, one row a gene id and one column a covariate, on the scale on which they act (expression:
        log2(TPM + 1)); every column enters with its square. Genes without a value count as the column's median.
    min_bound_genes : int
        Tracks with sites in fewer of these genes are dropped.

    Returns
    -------
    DriverInputs

    Raises
    ------
    ValueError
        If there are fewer than 100 genes, no track is left, or the covariates are no numbers, are constant, do not
        match the features or are called like a covariate that is there already.
    """
    if len(genes) < MIN_GENES:
        raise ValueError(
            f"{len(genes)} matched genes have a statistic; at least {MIN_GENES} are needed: give the whole table, not "
            "only its significant genes"
        )
    chosen = features.select(genes=list(genes))
    is_kept = chosen.tracks["n_bound_genes"].to_numpy() >= min_bound_genes
    if not is_kept.any():
        raise ValueError(
            f"no track has sites in {min_bound_genes} or more of the {len(genes)} matched genes; ask for fewer "
            "(--min-genes)"
        )
    n_dropped = int((~is_kept).sum())
    if n_dropped:
        lost = [name for name, kept in zip(chosen.track_ids, is_kept, strict=True) if not kept]
        logger.info("%d tracks with sites in fewer than %d genes dropped: %s", n_dropped, min_bound_genes, listed(lost))
        names = [name for name, kept in zip(chosen.track_ids, is_kept, strict=True) if kept]
        chosen = chosen.select(track_ids=names)
    totals = chosen.totals().astype(np.float64)
    regulators = regulators_of(chosen)
    own, site_count = _covariates(chosen, totals > 0)
    axes = [chosen.genes["length_bp"].to_numpy(dtype=np.float64), site_count]
    if mean_expression is not None:
        level = _filled(mean_expression, genes)
        own |= with_square("mean expression", level)
        axes.append(level)
    if extra is not None:
        own["DE prior"] = _filled(extra, genes)
    if covariates is not None:
        own |= _given(covariates, features, genes, own)
    counts = {
        "n_genes": len(genes),
        "n_tracks": len(chosen.tracks),
        "n_tracks_dropped": n_dropped,
        "n_regulators": len(regulators.table),
    }
    columns = np.stack(list(own.values()), axis=1)
    strata = quantile_strata(axes, n_quantiles(len(genes), len(axes)))
    return DriverInputs(chosen, regulators, np.log1p(totals), columns, list(own), strata, counts)


def n_quantiles(n_genes: int, n_axes: int) -> list[int]:
    """Quantiles of each axis: as fine as `STRATA` where the strata keep enough genes, coarser otherwise.

    Examples
    --------
    >>> n_quantiles(17000, 3), n_quantiles(200, 2)
    ([5, 5, 4], [3, 3])
    """
    most = max(1, int((n_genes / GENES_A_STRATUM) ** (1 / n_axes)))
    return [min(most, wanted) for wanted in STRATA[:n_axes]]


def with_square(name: str, values: Float) -> dict[str, Float]:
    """A covariate and the square of its distance from its mean.

    Examples
    --------
    >>> {name: column.tolist() for name, column in with_square("level", np.array([1.0, 2.0, 6.0])).items()}
    {'level': [1.0, 2.0, 6.0], 'level squared': [4.0, 1.0, 9.0]}
    """
    return {name: values, f"{name} squared": (values - values.mean()) ** 2}


def _given(
    covariates: pd.DataFrame, features: RegulatoryFeatures, genes: Sequence[str], own: Collection[str]
) -> dict[str, Float]:
    """The user's covariates of these genes, each with its square."""
    names = [str(name) for name in covariates.columns]
    ids = [str(name) for name in covariates.index]
    check_unique("covariates", names)
    check_unique("genes of the covariates", ids)
    if taken := [name for name in names if name in own]:
        raise ValueError(f"covariate(s) {listed(taken)} are there already; rename or leave out these columns")
    _, warning = check_matched("covariates", ids, features.ids.tolist())
    if warning:
        logger.warning(warning)
    found: dict[str, Float] = {}
    for name, (_, column) in zip(names, covariates.items(), strict=True):
        if not pd.api.types.is_numeric_dtype(column):
            raise ValueError(f"covariate {name} holds {column.dtype} values; numbers are wanted: leave this column out")
        values = _filled(column, genes)
        if np.ptp(values) == 0:
            raise ValueError(f"covariate {name} is {values[0]:g} for every gene of the contrast; leave this column out")
        found |= with_square(name, values)
    return found


def _covariates(features: RegulatoryFeatures, is_bound: NDArray[np.bool_]) -> tuple[dict[str, Float], Float]:
    length = np.log(np.maximum(features.genes["length_bp"].to_numpy(dtype=np.float64), 1.0))
    found = with_square("log length", length)
    region = features.tracks["region"].to_numpy()
    parts = {name: is_bound[:, region == name] for name in features.regions}
    for name, own in {"all regions": is_bound, **parts}.items():
        if own.shape[1]:
            count = np.log1p(own.sum(axis=1))
            found[f"log tracks with sites, {name}"] = count
            found[f"log tracks with sites squared, {name}"] = (count - count.mean()) ** 2
    return found, is_bound.sum(axis=1).astype(np.float64)


def _filled(values: pd.Series, genes: Sequence[str]) -> Float:
    found = values.reindex(list(genes)).to_numpy(dtype=np.float64, copy=True)
    is_known = np.isfinite(found)
    found[~is_known] = np.median(found[is_known]) if is_known.any() else 0.0
    return found
