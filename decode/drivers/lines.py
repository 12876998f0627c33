"""Lines of evidence: what speaks for a regulator acting on a gene, known before any query is seen."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decode.core.checks import check_columns, check_matched, check_unique, listed
from decode.core.ids import resolve_ids
from decode.expression.gene_ids import rows_by_gene
from decode.features.content import track_names
from decode.regulators.genes import MIRNA, regulator_genes

if TYPE_CHECKING:
    from decode.features.matrix import RegulatoryFeatures

logger = logging.getLogger(__name__)

Float = NDArray[np.float64]
POTENTIAL = "potential"  # value_kind of tracks that hold the regulatory potential
MIN_TARGETS = 5  # of a regulator in a network, as decoupler's tmin
MIN_SAMPLES = 5  # ours: with fewer a correlation says nothing
MIN_TRACKS = 10  # ours: the mean of fewer tracks is mostly the track itself
LARGEST_LOG2 = 64.0  # no expression unit reaches 2^64: larger values are not in logs
LEAST_SD = 1e-6


class Line(NamedTuple):
    """One line of evidence.

    Attributes
    ----------
    name : str
        What its column is called.
    gene_ids : array of str, shape (n_genes,)
    regulators : pd.DataFrame
        kind, regulator: those that the line knows; it says nothing of any other.
    matrix : float64 array, shape (n_genes, n_regulators)
        Larger: the regulator acts on the gene rather than on others. Never NaN.
    rule : str
        What it was made of, for the output.
    counts : dict
        What was matched and left out.
    """

    name: str
    gene_ids: NDArray[np.str_]
    regulators: pd.DataFrame
    matrix: Float
    rule: str
    counts: dict[str, Any]


def residuals(x: Float, covariates: Float) -> Float:
    """`x` without its least-squares fit on an intercept and the covariates; shape of `x`."""
    q, _ = np.linalg.qr(np.column_stack([np.ones(len(x)), covariates]))
    return np.asarray(x - q @ (q.T @ x))


def standardised(x: Float) -> Float:
    """Columns with mean 0 and SD 1; constant columns become 0."""
    sd = x.std(axis=0)
    return np.asarray((x - x.mean(axis=0)) / np.where(sd > LEAST_SD, sd, np.inf))


def binding_line(
    features: RegulatoryFeatures, *, kinds: Collection[str] = ("TF", "other"), name: str = "binding"
) -> Line | None:
    """How much more a regulator binds near a gene's start than the gene's general binding lets expect.

    Parameters
    ----------
    features : RegulatoryFeatures
        Gene level. Tracks of value kind "potential" are taken (`features build --potential`); where there are none, the
        bases bound in the promoter, which is said in `rule`.
    kinds : collection of str
    name : str

    Returns
    -------
    Line or None
        None where the features hold no such track.

    Notes
    -----
    Of every track log(1 + value), scaled to SD 1 over genes; the gene's mean over all these tracks is regressed out
    (open promoters carry everything); the mean over the regulator's tracks. The potential of a gene is the sum over
    sites of 2^(-distance to the start / half-distance).

    References
    ----------
    Wang et al. 2013, Nat Protoc 8:2502 (regulatory potential); Qin et al. 2020, Genome Biol 21:32.
    """
    tracks = features.tracks
    of_kind = tracks["kind"].isin(list(kinds))
    is_potential = of_kind & (tracks["value_kind"] == POTENTIAL)
    if is_potential.any():
        return _track_line(features, is_potential.to_numpy(), name, "regulatory potential of sites")
    is_promoter = of_kind & (tracks["region"] == "promoter")
    if not is_promoter.any():
        return None
    rule = "bases bound in the promoter, as the features hold no regulatory potential (features build --potential)"
    logger.warning("line %s: %s", name, rule)
    return _track_line(features, is_promoter.to_numpy(), name, rule)


def site_line(
    features: RegulatoryFeatures, *, kinds: Collection[str] = ("RBP", MIRNA), name: str = "sites"
) -> Line | None:
    """The same for RNA-binding proteins and miRNAs: bases bound in the RNA, whose length is regressed out too.

    Parameters
    ----------
    features : RegulatoryFeatures
        Gene level.
    kinds : collection of str
        Each is treated by itself: the mean over tracks is that of the kind.
    name : str

    Returns
    -------
    Line or None
        None where the features hold no such track.
    """
    tracks = features.tracks
    length = np.log(np.maximum(features.genes["length_bp"].to_numpy(dtype=np.float64), 1.0))
    parts = []
    for kind in kinds:
        own = (tracks["kind"] == kind) & (tracks["region"] == "rna")
        if own.any():
            parts.append(_track_line(features, own.to_numpy(), name, "bases bound in the RNA", length))
    if not parts:
        return None
    return parts[0]._replace(
        regulators=pd.concat([part.regulators for part in parts], ignore_index=True),
        matrix=np.concatenate([part.matrix for part in parts], axis=1),
        counts={key: sum(part.counts[key] for part in parts) for key in parts[0].counts},
    )


def _track_line(
    features: RegulatoryFeatures, is_chosen: NDArray[np.bool_], name: str, rule: str, covariate: Float | None = None
) -> Line:
    tracks = features.tracks[is_chosen]
    parts = []
    for region, own in tracks.groupby("region", sort=False, observed=True):
        of_region = features.tracks.index[features.tracks["region"] == region]
        parts.append(features.totals(str(region))[:, of_region.isin(own.index)])
    x = standardised(np.log1p(np.concatenate(parts, axis=1, dtype=np.float64)))
    covariates = [] if covariate is None else [covariate, covariate**2]
    if x.shape[1] >= MIN_TRACKS:
        covariates.append(x.mean(axis=1))
    if covariates:
        x = residuals(x, np.column_stack(covariates))
    pairs = tracks[["kind", "regulator"]].astype(str)
    code, index = pd.factorize(pd.MultiIndex.from_frame(pairs))
    mean = np.stack([x[:, code == number].mean(axis=1) for number in range(len(index))], axis=1)
    regulators = pd.DataFrame(list(index), columns=["kind", "regulator"])
    counts = {"n_regulators": len(regulators), "n_tracks": len(tracks)}
    logger.info("line %s: %d regulators from %d tracks, such as %s", name, *counts.values(), track_names(tracks)[0])
    return Line(name, features.ids, regulators, mean, rule, counts)


def coexpression_line(
    expression: pd.DataFrame,
    genes: pd.DataFrame,
    regulators: pd.DataFrame,
    *,
    name: str = "coexpression",
    groups: pd.Series | None = None,
    cube: bool = False,
    id_map: str | Path | None = None,
) -> Line:
    """Correlation of every gene with the regulator's own messenger RNA over tissues, tumours or cell lines.

    Parameters
    ----------
    expression : pd.DataFrame, shape (n_rows, n_samples)
        Index: gene ids or names; log2 values. A value above 64 shows that the table is linear (TPM, counts): then
        log2(x + 1) is taken, which is said in `rule`.
    genes : pd.DataFrame
        gene_id and gene_name: the genes of the line, in this order.
    regulators : pd.DataFrame
        kind and regulator; miRNAs are not measured by mRNA and stay unknown.
    name : str
    groups : pd.Series, optional
        Group by sample (cohort, batch): samples are centred within their group. Groups of one sample say nothing.
    cube : bool
        Keep positive correlations only and cube them: over a few very different tissues every gene of an organ
        correlates with every other, and only the closest say something.
    id_map : str or Path, optional
        As in `decode.core.ids.resolve_ids`.

    Returns
    -------
    Line
        Pearson's r; of a regulator with several genes, their mean; 0 for the regulator's own genes and for genes that
        the table lacks. A regulator whose genes are absent or constant is unknown.

    Raises
    ------
    ValueError
        If fewer than half of the smaller side match, there are fewer than five samples, or a sample has no group.
    """
    check_columns("genes", genes, ["gene_id", "gene_name"])
    values, found = rows_by_gene(expression, genes, id_map, name=f"co-expression {name}")
    x = values.reindex(genes["gene_id"]).to_numpy(np.float64)
    counts = {
        "n_rows": found["names"],
        "n_matched": found["n_kept"],
        "n_rows_sharing_a_gene": found["sharing_a_gene"],
        "n_ambiguous": found["ambiguous"],
    }
    scale = "values as given"
    if np.nanmax(x) > LARGEST_LOG2:
        if np.nanmin(x) < 0:
            raise ValueError(
                f"co-expression {name} holds values from {np.nanmin(x):g} to {np.nanmax(x):g}, neither logs nor "
                "amounts; give log2 values"
            )
        scale = f"log2(x + 1) of values up to {np.nanmax(x):,.0f}"
        x = np.log2(x + 1)
    columns = [str(sample) for sample in expression.columns]
    x = _centred(x, columns, groups, name)
    size = np.linalg.norm(x, axis=1)
    x /= np.where(size > LEAST_SD, size, np.inf)[:, None]
    row = {gene: number for number, gene in enumerate(genes["gene_id"].astype(str))}
    own = regulator_genes(regulators, genes, id_map).genes
    known: list[tuple[str, str]] = []
    parts = []
    for pair, ids in own.items():
        rows = [row[gene] for gene in ids if size[row[gene]] > LEAST_SD]
        if rows:
            known.append(pair)
            r = (x @ x[rows].T).mean(axis=1)
            r[rows] = 0.0
            parts.append(np.maximum(r, 0.0) ** 3 if cube else r)
    counts |= {"n_samples": len(columns), "n_regulators": len(known), "n_regulators_unknown": len(own) - len(known)}
    if not known:
        raise ValueError(f"co-expression {name} measures none of {len(own)} regulators; give an id map (--id-map)")
    rule = f"correlation with the regulator's own gene over {len(columns)} samples, {scale}"
    rule += "" if groups is None else f", centred within {groups.nunique()} groups"
    rule += ", positive part cubed" if cube else ""
    logger.info("line %s: %s; %s", name, rule, ", ".join(f"{key} {n}" for key, n in counts.items()))
    frame = pd.DataFrame(known, columns=["kind", "regulator"])
    return Line(name, genes["gene_id"].to_numpy(dtype=str), frame, np.stack(parts, axis=1), rule, counts)


def _centred(x: Float, samples: list[str], groups: pd.Series | None, name: str) -> Float:
    """Each gene minus its mean (over its group); missing values and genes are then 0."""
    if len(samples) < MIN_SAMPLES:
        raise ValueError(f"co-expression {name} has {len(samples)} samples; {MIN_SAMPLES} or more are wanted")
    labels = np.zeros(len(samples), dtype=np.int64)
    if groups is not None:
        check_unique(f"samples of the groups of {name}", groups.index)
        label = groups.reindex(samples)
        if label.isna().any():
            lost = [sample for sample, is_lost in zip(samples, label.isna(), strict=True) if is_lost]
            raise ValueError(f"co-expression {name}: {len(lost)} samples have no group: {listed(lost)}; name all")
        labels = pd.factorize(label)[0]
    x = x.copy()
    is_known = np.isfinite(x)
    for number in np.unique(labels):
        own = labels == number
        n = is_known[:, own].sum(axis=1)
        mean = np.where(is_known[:, own], x[:, own], 0.0).sum(axis=1) / np.maximum(n, 1)
        x[:, own] -= mean[:, None]
    return np.nan_to_num(x, nan=0.0)


def network_line(
    edges: pd.DataFrame,
    genes: pd.DataFrame,
    regulators: pd.DataFrame,
    *,
    name: str = "network",
    id_map: str | Path | None = None,
) -> Line:
    """Targets that a list of edges names: 1 for a target, 0 for every other gene.

    Parameters
    ----------
    edges : pd.DataFrame
        source and target, from `decode.drivers.networks.read_network`. Weights and signs are not used: with either sign
        a lost regulator lets some targets rise and others fall, and they did not help.
    genes : pd.DataFrame
        gene_id and gene_name.
    regulators : pd.DataFrame
        kind and regulator. A source is a regulator of that name, or of that gene; where a TF and an RBP share it, both.
    name : str
    id_map : str or Path, optional

    Returns
    -------
    Line
        Regulators with fewer than five targets among the genes are unknown.

    Raises
    ------
    ValueError
        If fewer than half of the targets are found, or no regulator has five targets.
    """
    check_columns("genes", genes, ["gene_id", "gene_name"])
    check_unique("regulators of the network line", regulators["kind"].astype(str) + ":" + regulators["regulator"])
    targets = list(dict.fromkeys(edges["target"].astype(str)))
    found = resolve_ids(targets, genes, id_map, on_ambiguous="count")
    named = [one if gene is None else gene for one, gene in zip(targets, found.ids, strict=True)]
    matched, warning = check_matched(f"network {name}, targets", named, genes["gene_id"].tolist())
    if warning:
        logger.warning(warning)
    row_of = {gene: number for number, gene in enumerate(genes["gene_id"].astype(str))}
    target_row = {one: row_of[gene] for one, gene in zip(targets, found.ids, strict=True) if gene is not None}
    columns = _columns_of_sources(edges["source"].astype(str), genes, regulators, id_map)
    pairs = pd.DataFrame({"row": edges["target"].astype(str).map(target_row)})
    pairs["column"] = edges["source"].astype(str).map(columns)
    pairs = pairs.explode("column").dropna()
    matrix = np.zeros((len(genes), len(regulators)))
    matrix[pairs["row"].to_numpy(dtype=np.int64), pairs["column"].to_numpy(dtype=np.int64)] = 1.0
    n_targets = matrix.sum(axis=0)
    is_known = n_targets >= MIN_TARGETS
    counts = {
        "n_edges": len(edges),
        "n_sources": len(columns),
        "n_sources_outside": sum(not own for own in columns.values()),
        "n_targets": len(targets),
        "n_targets_matched": len(matched),
        "n_ambiguous": len(found.ambiguous),
        "n_regulators": int(is_known.sum()),
        "n_regulators_few_targets": int(((n_targets > 0) & ~is_known).sum()),
    }
    if not is_known.any():
        raise ValueError(
            f"network {name}: none of its {len(columns)} sources ({listed(columns, 3)}) is a regulator of the features "
            f"with {MIN_TARGETS} targets or more; give a network of these regulators"
        )
    logger.info("line %s: %s", name, ", ".join(f"{key} {n}" for key, n in counts.items()))
    frame = regulators[["kind", "regulator"]].astype(str)[is_known].reset_index(drop=True)
    rule = f"listed targets of {int(is_known.sum())} regulators, signs not used"
    return Line(name, genes["gene_id"].to_numpy(dtype=str), frame, matrix[:, is_known], rule, counts)


def _columns_of_sources(
    sources: pd.Series, genes: pd.DataFrame, regulators: pd.DataFrame, id_map: str | Path | None
) -> Mapping[str, list[int]]:
    """Which regulators each source stands for, by name or by gene; a complex counts for its own name only."""
    unique = list(dict.fromkeys(sources))
    ids = resolve_ids(unique, genes, id_map, on_ambiguous="count").ids
    own = regulator_genes(regulators, genes, id_map).genes
    by_key: dict[str, list[int]] = {}
    for number, ((_, regulator), coded) in enumerate(own.items()):
        for key in dict.fromkeys([regulator, *(coded if len(coded) == 1 else ())]):
            by_key.setdefault(key, []).append(number)
    return {
        source: list(dict.fromkeys([*by_key.get(source, ()), *by_key.get(gene or "", ())]))
        for source, gene in zip(unique, ids, strict=True)
    }
