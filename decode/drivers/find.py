"""Which regulators explain a differential expression table: a ranked list with effect, sign, error and FDR."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decode.core.checks import check_choice, check_count, check_known, check_matched
from decode.core.choices import Scale
from decode.core.files import versions
from decode.drivers.design import make_design
from decode.drivers.inputs import (
    MIN_BOUND_GENES,
    Inputs,
    MatchedTable,
    driver_inputs,
    match_table,
    select_biosamples,
)
from decode.drivers.prior import prior_agreement
from decode.drivers.screen import SCORES, Score, ScreenResult, screen_design
from decode.drivers.strength import Strength, combined_strength
from decode.drivers.targets import FDR_LIMIT, Detail, driver_details
from decode.expression.de_tables import DeTable
from decode.regulators.genes import MIRNA, regulator_genes
from decode.statistics.multiple_testing import false_discovery_rate
from decode.statistics.ranks import normal_scores
from decode.statistics.strata import bound_gene_strata

if TYPE_CHECKING:
    from decode.features.matrix import RegulatoryFeatures
    from decode.genome.gene_models import GeneModels

logger = logging.getLogger(__name__)

Float = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class DriversConfig:
    """Options of `find_drivers`.

    Parameters
    ----------
    score : {"joint", "attribution", "covariance", "marginal"}
        See `decode.drivers.screen.screen`.
    scale : {"normal_scores", "as_given"}
        Whether the statistic is replaced by normal quantiles of its rank, so that a few extreme genes weigh no more
        than others. A signature stays as it is.
    n_null : int
        Refits on shuffled sites.
    seed : int
    min_bound_genes : int
        Tracks with sites in fewer matched genes are dropped.
    n_top : int
        Drivers of each contrast whose targets, sites and positions are written (and those of FDR < 5 %, targets only).
    n_targets : int
        Leading targets of a driver.
    prior_covariate : bool
        Whether the DE prior is a covariate, where one is given.
    response : bool
        Whether the size of the statistic is screened beside its sign, and both rank the regulators.
    """

    score: Score = "joint"
    scale: Scale = "normal_scores"
    n_null: int = 500
    seed: int = 0
    min_bound_genes: int = MIN_BOUND_GENES
    n_top: int = 20
    n_targets: int = 50
    prior_covariate: bool = False
    response: bool = True

    def __post_init__(self) -> None:
        check_choice("score", self.score, SCORES)
        check_choice("scale", self.scale, ("normal_scores", "as_given"))
        for name in ("n_null", "min_bound_genes", "n_top", "n_targets"):
            check_count(name, getattr(self, name))
        check_count("seed", self.seed, zero=True)


class DriversResult(NamedTuple):
    """Ranked drivers, and where they act.

    Attributes
    ----------
    drivers : pd.DataFrame
        contrast, kind, regulator, n_tracks, n_bound_genes, effect, sign, sd, z, direction_fdr, response_z, strength,
        p_value, fdr, rank, own_statistic, own_log2_fold_change, own_adjusted_p, is_expressed, leading_targets,
        targets_prior_rank, de_prior_note.
    targets : pd.DataFrame
        contrast, kind, regulator, gene_id, gene_name, attribution, statistic, prior_rank: the leading targets.
    sites : pd.DataFrame
        chrom, start, end, name, score, strand.
    where : pd.DataFrame
        contrast, kind, regulator, zone, covered_targets, covered_bound.
    positions : pd.DataFrame
        The same along promoter and RNA: region, start, end.
    contrasts : pd.DataFrame
        contrast, n_genes, n_tracks, n_regulators, n_significant, penalty, r2, and how far the DE prior explains it.
    counts : dict
        What was matched, left out and used.
    """

    drivers: pd.DataFrame
    targets: pd.DataFrame
    sites: pd.DataFrame
    where: pd.DataFrame
    positions: pd.DataFrame
    contrasts: pd.DataFrame
    counts: dict[str, Any]


class Explained(NamedTuple):
    """A screen of one contrast, and the attribution of each gene to one regulator."""

    screen: ScreenResult
    attribution: Callable[[int], Float]  # number of the regulator -> (n_genes,)


def find_drivers(
    table: DeTable,
    features: RegulatoryFeatures,
    *,
    config: DriversConfig | None = None,
    id_map: str | Path | None = None,
    skip_ambiguous: bool = False,
    biosamples: Collection[str] | None = None,
    contrasts: Collection[str] | None = None,
    prior: pd.Series | None = None,
    mean_expression: pd.Series | None = None,
    models: GeneModels | None = None,
    engine: Callable[[Inputs, DriversConfig], Callable[[Float], Explained]] | None = None,
) -> DriversResult:
    """Rank TFs, RNA-binding proteins and miRNAs by how their sites explain the changes of a table.

    Parameters
    ----------
    table : DeTable
        From `decode.expression.de_tables`.
    features : RegulatoryFeatures
        Gene level.
    config : DriversConfig, optional
    id_map, skip_ambiguous
        How names become gene ids, see `decode.drivers.inputs.match_table`.
    biosamples : collection of str, optional
        Keep tracks of these biosamples and tracks without one.
    contrasts : collection of str, optional
        Default all.
    prior : pd.Series, optional
        DE prior rank by gene id, from `decode.drivers.prior.read_de_prior`.
    mean_expression : pd.Series, optional
        Expression by gene id, log2: the covariate where the table itself has none (a signature, a matrix). Genes that
        change are genes that are expressed, and eCLIP finds sites on abundant RNAs; without it the response of
        RNA-binding proteins is partly expression. Genes without a value count as the median.
    models : GeneModels, optional
        Gene models of the features: without them sites on RNA are not put on the genome.
    engine : callable, optional
        What is fitted, given the inputs and the options; default `ridge_engine`, see also
        `decode.drivers.frozen_body.frozen_body_engine`.

    Returns
    -------
    DriversResult

    Raises
    ------
    ValueError
        If table and features do not match, too few genes have a statistic, or it is the same for all of them.
    KeyError
        If a contrast or biosample is unknown.

    Notes
    -----
    See `decode.drivers.screen.screen` for the regression, the scores and the null. Covariates on both sides, each with
    its square: log length, log number of tracks with sites in each region and in all, and, where the table has it, mean
    expression. The statistic and its size are screened, on the same shuffles of sites; p-value, FDR and rank are of
    the strength, which counts both (`decode.drivers.strength`); z and direction_fdr are of the signed effect alone. A
    leading target is a gene with sites of the driver whose attribution has the sign of its statistic, the largest
    products first.

    References
    ----------
    Tasaki et al. 2020, Nat Mach Intell 2:376 (regulators of an expression change from binding sites).
    """
    config = config or DriversConfig()
    wanted = table.contrasts if contrasts is None else list(contrasts)
    check_known("contrast(s)", wanted, table.contrasts, "the DE table")
    chosen = select_biosamples(features, biosamples)
    if mean_expression is not None:
        check_matched("mean expression", [str(name) for name in mean_expression.index], chosen.ids.tolist())
    matched = match_table(table, chosen, id_map=id_map, skip_ambiguous=skip_ambiguous)
    make_fit = engine or ridge_engine
    fill = 0.0 if table.is_signature else np.nan
    values = matched.table.statistic.reindex(matched.genes, fill_value=fill)[wanted]
    _check_contrasts(values)
    groups: dict[bytes, list[str]] = {}
    for contrast in wanted:
        groups.setdefault(np.isfinite(values[contrast].to_numpy()).tobytes(), []).append(contrast)
    own_genes = regulator_genes(
        chosen.tracks[["kind", "regulator"]].drop_duplicates(), chosen.genes[["gene_id", "gene_name"]], id_map
    ).genes
    parts: dict[str, tuple[pd.DataFrame, ...]] = {}
    rows: dict[str, dict[str, Any]] = {}
    counts: dict[str, Any] = matched.counts | {"reading": table.counts, "rule": table.rule, "source": table.source}
    for names in groups.values():
        measured = values[names[0]].dropna()
        extra = prior if config.prior_covariate else None
        inputs = driver_inputs(
            chosen,
            [str(gene) for gene in measured.index],
            mean_expression if matched.table.mean_expression is None else matched.table.mean_expression,
            extra=extra,
            min_bound_genes=config.min_bound_genes,
        )
        fit = make_fit(inputs, config)
        for contrast in names:
            statistic = values[contrast].reindex(inputs.features.ids.tolist())
            y = statistic.to_numpy(dtype=np.float64)
            if config.scale == "normal_scores" and not table.is_signature:
                y = normal_scores(y)
            found = fit(y)
            response = _response(fit, y, config, table.is_signature)
            ranked = _ranked(contrast, inputs, found.screen, response)
            ranked = _with_own(ranked, contrast, matched, own_genes)
            chosen_rows = Detail(config.n_top, config.n_targets, prior, models)
            parts[contrast] = driver_details(contrast, inputs, ranked, found.attribution, statistic, chosen_rows)
            rows[contrast] = _summary(contrast, inputs, ranked, found, statistic, prior, table.is_signature)
            counts.setdefault("inputs", {})[contrast] = inputs.counts | {"covariates": inputs.covariate_names}
    if models is None and "rna" in chosen.regions:
        logger.warning(
            "sites on RNA are not put on the genome: that needs the annotation of the features (--annotation)"
        )
    tables = [pd.concat([parts[name][i] for name in wanted], ignore_index=True) for i in range(5)]
    drivers, targets, sites, where, positions = tables
    summary = pd.DataFrame([rows[name] for name in wanted])
    return DriversResult(drivers, targets, sites, where, positions, summary, counts | {"versions": versions()})


def _check_contrasts(values: pd.DataFrame) -> None:
    """Raise ValueError for a contrast without any spread, before time is spent on the others."""
    for contrast in values.columns:
        measured = values[contrast].dropna().unique()
        if len(measured) < 2:
            what = (
                f"is {measured[0]:g} for every matched gene" if len(measured) else "is missing for every matched gene"
            )
            raise ValueError(
                f"contrast {contrast}: the statistic {what}; give a table in which it differs between genes, or choose "
                "other contrasts (--contrasts)"
            )


def ridge_engine(inputs: Inputs, config: DriversConfig) -> Callable[[Float], Explained]:
    """Ridge regression on the log totals of all tracks; the products are shared by all targets.

    Parameters
    ----------
    inputs : Inputs
    config : DriversConfig

    Returns
    -------
    callable
        Target of shape (n_genes,) -> Explained. Attribution of a gene to a regulator: sum over its tracks of
        coefficient times log(1 + bases), that is against the same gene without sites.
    """
    design = make_design(inputs.x, inputs.covariates, groups=inputs.features.genes["chrom"], seed=config.seed)
    table, code = inputs.regulators

    def fit(y: Float) -> Explained:
        found = screen_design(
            design,
            y,
            code,
            inputs.strata,
            n_null=config.n_null,
            seed=config.seed,
            score=config.score,
            regulator_strata=bound_gene_strata(table["kind"], table["n_bound_genes"]),
        )

        def attribution(number: int) -> Float:
            own = np.flatnonzero(code == number)
            return np.asarray(inputs.x[:, own] @ found.coefficients[own])

        return Explained(found, attribution)

    return fit


def _response(
    fit: Callable[[Float], Explained], y: Float, config: DriversConfig, is_signature: bool
) -> ScreenResult | None:
    """The screen of the size of a change; None where it is not wanted or the same for all genes."""
    size = np.abs(y)
    if not config.response or not np.ptp(size) > 0:
        return None
    return fit(normal_scores(size) if config.scale == "normal_scores" and not is_signature else size).screen


def _ranked(contrast: str, inputs: Inputs, found: ScreenResult, response: ScreenResult | None) -> pd.DataFrame:
    frame = inputs.regulators.table.reset_index(drop=True)
    frame.insert(0, "contrast", contrast)
    frame["effect"] = found.effect
    frame["sign"] = np.where(found.effect > 0, "up", np.where(found.effect < 0, "down", ""))
    frame["sd"] = found.sd
    frame["z"] = found.z
    frame["direction_fdr"] = false_discovery_rate(found.p_value)
    strength = Strength(np.abs(found.z), found.p_value)
    if response is not None:
        strata = bound_gene_strata(frame["kind"], frame["n_bound_genes"])
        strength = combined_strength(found, response, strata)
    frame["response_z"] = np.nan if response is None else response.z
    frame["strength"] = strength.strength
    frame["p_value"] = strength.p_value
    frame["fdr"] = false_discovery_rate(strength.p_value)
    frame["rank"] = (-strength.strength).argsort(kind="stable").argsort(kind="stable") + 1
    return frame


def _with_own(
    ranked: pd.DataFrame, contrast: str, matched: MatchedTable, genes: dict[tuple[str, str], tuple[str, ...]]
) -> pd.DataFrame:
    """What the table says of the regulators' own genes; of a complex, of its gene that changes most."""
    table = matched.table
    statistic = table.statistic[contrast]
    columns: dict[str, list[Any]] = {
        name: [] for name in ("statistic", "log2_fold_change", "adjusted_p", "is_expressed")
    }
    for kind, name in zip(ranked["kind"], ranked["regulator"], strict=True):
        ids = [gene for gene in (*genes.get((kind, name), ()), *([name] if kind != MIRNA else [])) if gene in statistic]
        values = statistic.loc[ids].dropna() if ids else statistic.iloc[:0]
        gene = str(values.abs().idxmax()) if len(values) else None
        columns["statistic"].append(values.loc[gene] if gene is not None else np.nan)
        for part in ("log2_fold_change", "adjusted_p"):
            frame = getattr(table, part)
            columns[part].append(frame.loc[gene, contrast] if frame is not None and gene is not None else np.nan)
        is_known = bool(genes.get((kind, name))) or bool(ids)
        columns["is_expressed"].append(gene is not None if is_known and not table.is_signature else None)
    return ranked.assign(
        own_statistic=columns["statistic"],
        own_log2_fold_change=columns["log2_fold_change"],
        own_adjusted_p=columns["adjusted_p"],
        is_expressed=pd.array(columns["is_expressed"], dtype="boolean"),
    )


def _summary(
    contrast: str,
    inputs: Inputs,
    ranked: pd.DataFrame,
    found: Explained,
    statistic: pd.Series,
    prior: pd.Series | None,
    is_signature: bool,
) -> dict[str, Any]:
    row = {
        "contrast": contrast,
        "n_genes": inputs.counts["n_genes"],
        "n_tracks": inputs.counts["n_tracks"],
        "n_regulators": inputs.counts["n_regulators"],
        "n_significant": int((ranked["fdr"] < FDR_LIMIT).sum()),
        "penalty": found.screen.penalty,
        "r2": found.screen.r2,
    }
    if prior is None:
        return row
    agreement = prior_agreement(statistic, prior, is_signature=is_signature)
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
