"""Which regulators explain a differential expression table: a ranked list with effect, sign, error and FDR."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decode.core.checks import check_known, check_matched, listed
from decode.core.executor import get_executor
from decode.core.files import versions
from decode.core.frames import TableSource
from decode.core.shown import shown
from decode.drivers.engine import DriversConfig, Engine, Explained, Fit, ridge_engine
from decode.drivers.inputs import DriverInputs, MatchedTable, driver_inputs, match_table, select_biosamples
from decode.drivers.noise import CorrelatedGenes, IndependentGenes, NullModel, significance
from decode.drivers.table import drivers_table, summary_row, with_own_genes
from decode.drivers.targets import Detail, driver_details
from decode.expression.compendium import GeneCorrelation, shipped_correlation, take_genes
from decode.expression.de_table import DeTable
from decode.expression.de_tables import read_de_table
from decode.features.content import check_features
from decode.genome.sources import POTENTIAL
from decode.regulators.genes import Regulator, regulator_genes
from decode.statistics.ranks import normal_scores

if TYPE_CHECKING:
    from decode.features.matrix import RegulatoryFeatures
    from decode.genome.gene_models import GeneModels

logger = logging.getLogger(__name__)

Float = NDArray[np.float64]
Made = TypeVar("Made")
# log2 units of a table's mean expression above which a gene counts as expressed: 10 counts, 1 count a million
EXPRESSED_FROM = {"DESeq2": float(np.log2(11)), "edgeR": 0.0}
OWN_NULL = "refits on exchanged sites (genes taken as independent)"
LEAST_KNOWN = 0.5  # of the genes of a contrast whose correlation must be known


FIRST = ["contrast", "rank", "kind", "regulator", "effect", "sign", "strength", "p_value", "fdr", "group"]


def _line(result: DriversResult) -> str:
    summary = result.contrasts
    names = [
        f"{name}: {n} of {of}" for name, n, of in summary[["contrast", "n_significant", "n_regulators"]].to_numpy()
    ]
    return f"DriversResult(significant regulators: {listed(names)}; {len(result.sites):,} sites)"


def _first(result: DriversResult) -> pd.DataFrame:
    return result.drivers[FIRST].sort_values("rank", kind="stable", ignore_index=True)


@shown(_line, _first)
class DriversResult(NamedTuple):
    """Ranked drivers, and where they act.

    Attributes
    ----------
    drivers : pd.DataFrame
        contrast, kind, regulator, n_tracks, n_bound_genes, effect, sign, sd, z, direction_fdr, response_z, vif,
        strength, p_value, fdr, rank, group, own_statistic, own_log2_fold_change, own_adjusted_p, is_expressed,
        leading_targets, targets_prior_rank, de_prior_note.
    targets : pd.DataFrame
        contrast, kind, regulator, gene_id, gene_name, attribution, statistic, prior_rank: the leading targets.
    sites : pd.DataFrame
        chrom, start, end, name, score, strand.
    where : pd.DataFrame
        contrast, kind, regulator, zone, covered_targets, covered_bound.
    positions : pd.DataFrame
        The same along promoter and RNA: region, start, end.
    contrasts : pd.DataFrame
        contrast, n_genes, n_tracks, n_regulators, n_significant, penalty, r2, null, inflation, n_changed_genes, caveat
        (what is wrong with the contrast: no gene changes, signs are withheld, or unchanged genes are missing), and how
        far the DE prior explains it.
    counts : dict
        What was matched, left out and used.
    evidence : pd.DataFrame or None
        Lines of evidence, see `decode.drivers.gather.add_evidence`.
    missing : pd.DataFrame or None
        Factors without sites that change most themselves, see `decode.drivers.factors.factors_without_sites`.
    """

    drivers: pd.DataFrame
    targets: pd.DataFrame
    sites: pd.DataFrame
    where: pd.DataFrame
    positions: pd.DataFrame
    contrasts: pd.DataFrame
    counts: dict[str, Any]
    evidence: pd.DataFrame | None = None
    missing: pd.DataFrame | None = None


def find_drivers(
    table: DeTable | TableSource,
    features: RegulatoryFeatures,
    *,
    columns: Mapping[str, str] | None = None,
    config: DriversConfig | None = None,
    id_map: str | Path | None = None,
    skip_ambiguous: bool = False,
    biosamples: Collection[str] | None = None,
    contrasts: Collection[str] | None = None,
    prior: pd.Series | None = None,
    mean_expression: pd.Series | None = None,
    covariates: pd.DataFrame | None = None,
    gene_models: GeneModels | None = None,
    engine: Engine | None = None,
    correlation: GeneCorrelation | None = None,
    executor: Any = "serial",
) -> DriversResult:
    """Rank TFs, RNA-binding proteins and miRNAs by how their sites explain the changes of a table.

    Parameters
    ----------
    table : DeTable, DataFrame, AnnData, str or Path
        From `decode.read_de_table`, or what it reads.
    features : RegulatoryFeatures
        Gene level.
    columns : mapping of role to column name, optional
        Which column of a frame or file is what, see `decode.read_de_table`; not for a DeTable.
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
    covariates : pd.DataFrame, optional
        Further covariates by gene id, such as log2(TPM + 1) in the cells of the eCLIP data, see `driver_inputs`.
    gene_models : GeneModels, optional
        Gene models of the features: without them sites on RNA are not put on the genome.
    engine : callable, optional
        What is fitted, given the inputs and the options; default `ridge_engine`, see also
        `decode.drivers.frozen_body.frozen_body_engine`.
    correlation : GeneCorrelation, optional
        Correlation of genes between like samples, for p-values: of the samples behind the table
        (`decode.expression.compendium.residual_correlation`), or of any like them. Default: the compact model in the
        package (`shipped_correlation`, human tumours). Unused with `config.independent_genes`.
    executor : str, distributed.Client or Executor, default "serial"
        Where contrasts are explained, see `decode.core.executor.get_executor`.

    Returns
    -------
    DriversResult

    Raises
    ------
    TypeError
        If table or features are something else, as when they are exchanged.
    ValueError
        If table and features do not match, too few genes have a statistic, it is the same for all of them, or the
        correlation is known for less than half of the genes.
    KeyError
        If a contrast or biosample is unknown.

    Notes
    -----
    See `decode.drivers.screen.screen` for the regression and the scores, `decode.drivers.noise` for the null targets.
    Covariates on both sides, each with its square: log length, log number of tracks with sites in each region and in
    all, and, where the table has it, mean expression. The statistic and its size (what covariates leave of it) are
    screened; p-value, FDR and rank are of the strength, which counts both; z and direction_fdr are of the signed effect
    alone, and effect +- 2 sd is an interval. `vif` tells how much larger the variance of the score is than with
    independent genes. Regulators whose scores go together (|r| of 0.7 or more over the null targets) share a group,
    named after its first. A leading target is a gene with sites of the driver whose attribution has the sign of its
    statistic, the largest products first.

    References
    ----------
    Tasaki et al. 2020, Nat Mach Intell 2:376 (regulators of an expression change from binding sites).
    """
    check_features(features)
    table = _read(table, columns)
    config = config or DriversConfig()
    runner = get_executor(executor)
    wanted = table.contrasts if contrasts is None else list(contrasts)
    check_known("contrast(s)", wanted, table.contrasts, "the DE table")
    chosen = select_biosamples(features, biosamples)
    if mean_expression is not None:
        check_matched("mean expression", [str(name) for name in mean_expression.index], chosen.ids.tolist())
    matched = match_table(table, chosen, id_map=id_map, skip_ambiguous=skip_ambiguous)
    make_fit = engine or ridge_engine
    if correlation is None and not config.independent_genes:
        correlation = shipped_correlation()
    fill = 0.0 if table.is_signature else np.nan
    values = matched.table.statistic.reindex(matched.genes, fill_value=fill)[wanted]
    _check_contrasts(values)
    groups: dict[bytes, list[str]] = {}
    for contrast in wanted:
        groups.setdefault(np.isfinite(values[contrast].to_numpy()).tobytes(), []).append(contrast)
    own_genes = regulator_genes(
        chosen.tracks[["kind", "regulator"]].drop_duplicates(), chosen.genes[["gene_id", "gene_name"]], id_map
    ).genes
    own_level = _level(matched.table, mean_expression)
    parts: dict[str, tuple[pd.DataFrame, ...]] = {}
    rows: dict[str, dict[str, Any]] = {}
    counts: dict[str, Any] = matched.counts | {"reading": table.counts, "rule": table.rule, "source": table.source}
    for names in groups.values():
        measured = [str(gene) for gene in values[names[0]].dropna().index]
        extra = prior if config.prior_covariate else None
        inputs = driver_inputs(
            chosen, measured, own_level, extra=extra, covariates=covariates, min_bound_genes=config.min_bound_genes,
        )  # fmt: skip
        fit, null_model = _Once(make_fit, inputs, config), _Once(_null_model, inputs, config, correlation)
        job = _Job(inputs, fit, null_model, config, matched, prior, own_genes, own_level, gene_models)
        if runner.is_local and runner.is_concurrent:  # made before the threads ask for it
            fit.made()
            if engine is None:
                null_model.made()
        statistics = ((name, values[name].reindex(inputs.features.ids.tolist())) for name in names)
        for found in runner.map(partial(_one_contrast, job=job), statistics):
            parts[found.contrast], rows[found.contrast] = found.tables, found.row
            counts.setdefault("inputs", {})[found.contrast] = found.counts
    _say_without_places(chosen, gene_models)
    tables = [pd.concat([parts[name][i] for name in wanted], ignore_index=True) for i in range(5)]
    drivers, targets, sites, where, positions = tables
    summary = pd.DataFrame([rows[name] for name in wanted])
    counts |= {"n_null": config.n_null, "n_top": config.n_top, "versions": versions()}
    return DriversResult(drivers, targets, sites, where, positions, summary, counts)


def _say_without_places(features: RegulatoryFeatures, gene_models: GeneModels | None) -> None:
    """Say once which regions have no sites on the genome; the ranking is the same."""
    if gene_models is None and "rna" in features.regions:
        logger.info("sites on RNA are not put on the genome: that needs the annotation (--annotation; gene_models=)")
    potentials = [name for name in features.regions if features.definition_of(name)["type"] == POTENTIAL]
    if potentials:
        logger.info("potentials do not say where the peaks lie: no sites of the region(s) %s", listed(potentials))


def _read(table: DeTable | TableSource, columns: Mapping[str, str] | None) -> DeTable:
    """The table itself, or what `read_de_table` makes of a frame or file."""
    if not isinstance(table, DeTable):
        return read_de_table(table, columns=columns)
    if columns is not None:
        raise TypeError("columns is for a frame or a file; this table has been read, so name them to read_de_table")
    return table


def _level(table: DeTable, mean_expression: pd.Series | None) -> pd.Series | None:
    """Mean expression, with the value above which a gene counts as expressed where its unit tells."""
    if table.mean_expression is None:
        return mean_expression
    level = table.mean_expression.copy()
    if table.source in EXPRESSED_FROM and "expressed_from" not in level.attrs:
        level.attrs["expressed_from"] = EXPRESSED_FROM[table.source]
    return level


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


def _null_model(inputs: DriverInputs, config: DriversConfig, correlation: GeneCorrelation | None) -> NullModel:
    if config.independent_genes or correlation is None:
        return IndependentGenes(inputs.strata, n_draws=config.n_null, seed=config.seed)
    ids = [str(gene) for gene in inputs.features.ids]
    groups, n_known = take_genes(correlation, ids)
    if n_known < LEAST_KNOWN * len(ids):
        raise ValueError(
            f"the correlation of genes is known for {n_known} of {len(ids)} genes, such as {listed(ids, 2)} "
            f"({correlation.source}); give samples of your own (--expression) or of others with the same gene ids "
            "(--compendium), or take genes as independent (--independent-genes)"
        )
    if n_known < len(ids):
        logger.info("correlation of genes: %d of %d genes known; others go with no gene", n_known, len(ids))
    return CorrelatedGenes(groups, correlation.source, n_draws=config.n_null, seed=config.seed)


class _Once(Generic[Made]):
    """What is made when it is first asked for, in every process of a cluster anew: only what it is made of is sent."""

    def __init__(self, make: Callable[..., Made], *given: Any) -> None:
        self._make, self._given = make, given
        self._made: Made | None = None

    def made(self) -> Made:
        """The thing itself."""
        if self._made is None:
            self._made = self._make(*self._given)
        return self._made

    def __reduce__(self) -> tuple[Any, ...]:
        return (_Once, (self._make, *self._given))


class _Job(NamedTuple):
    """What the contrasts of the same genes share."""

    inputs: DriverInputs
    fit: _Once[Fit]
    null_model: _Once[NullModel]
    config: DriversConfig
    matched: MatchedTable
    prior: pd.Series | None
    own_genes: dict[Regulator, tuple[str, ...]]
    own_level: pd.Series | None
    gene_models: GeneModels | None


class _Contrast(NamedTuple):
    contrast: str
    tables: tuple[pd.DataFrame, ...]
    row: dict[str, Any]
    counts: dict[str, Any]


def _one_contrast(item: tuple[str, pd.Series], job: _Job) -> _Contrast:
    """Everything that is said of one contrast; no contrast depends on another."""
    (contrast, statistic), inputs, config, table = item, job.inputs, job.config, job.matched.table
    found = _explain(job.fit.made(), job.null_model.made, statistic, config, table.is_signature)
    ranked = drivers_table(contrast, inputs.regulators.table, found)
    if contrast in table.one_sided:
        ranked["sign"] = ""
    ranked = with_own_genes(ranked, contrast, job.matched, job.own_genes, job.own_level)
    detail = Detail(config.n_top, config.n_targets, job.prior, job.gene_models)
    tables = driver_details(contrast, inputs, ranked, found.attribution, statistic, detail)
    null = None if found.screen is None else job.null_model.made()
    source = OWN_NULL if null is None else null.source
    row = summary_row(contrast, inputs, ranked, found, job.matched, job.prior, null=source)
    counts = {**inputs.counts, **({} if null is None else null.counts), "covariates": inputs.covariate_names}
    return _Contrast(contrast, tables, row, counts)


def _explain(
    fit: Fit, null_model: Callable[[], NullModel], statistic: pd.Series, config: DriversConfig, is_signature: bool
) -> Explained:
    """Explain a statistic and its size, and compare with null targets unless the engine has its own."""
    y = statistic.to_numpy(dtype=np.float64)
    by_rank = config.scale == "normal_scores" and not is_signature
    found = fit(normal_scores(y) if by_rank else y)
    if found.screen is None:
        return found
    target = normal_scores(y) if by_rank else y
    size = normal_scores(np.abs(found.screen.residual)) if by_rank else np.abs(y)
    response = fit(size).screen if config.response and np.ptp(size) > 0 else None
    null = null_model()
    targets = null.draw(target, found.screen, response, by_rank=by_rank)
    return found._replace(significance=significance(found.screen, response, targets, null.df()))
