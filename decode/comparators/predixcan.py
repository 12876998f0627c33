"""PrediXcan: predict a gene's expression in held-out persons from their genotypes around its TSS."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decode.comparators.genotypes import MAX_MISSING, MIN_MAF, GenotypeFile, Genotypes
from decode.comparators.predixcan_table import check_model_table, compared_table, correlate_persons, summarise_methods
from decode.core.checks import check_columns, check_count, check_positive, counted
from decode.core.resume import FinishedRuns, content_hash, finish_runs
from decode.core.shown import shown
from decode.expression.targets import MEDIAN_LEVEL, check_targets, numeric_values, task_names
from decode.genome.assembly import Assembly, get_assembly
from decode.statistics.elastic_net import elastic_net_cv

if TYPE_CHECKING:
    from decode.features.matrix import RegulatoryFeatures

logger = logging.getLogger(__name__)

WINDOW_BP = 1_000_000  # [D] variants up to 1 Mb to both sides of the TSS
N_FOLDS, N_INNER_FOLDS = 5, 10  # [D]
N_NULL = 1000  # ours: fits to permuted expression, over all genes
MIN_PERSONS = 50  # ours: an inner fold of fewer than four persons says nothing of an error

Float = NDArray[np.float64]


@shown()
class PredixcanResult(NamedTuple):
    """What genotypes predict, beside what a model of persons predicts.

    Attributes
    ----------
    table : pd.DataFrame
        One row a gene, see `decode.comparators.predixcan_table.compared_table`.
    summary : pd.DataFrame
        One row a method and set of genes, see `decode.comparators.predixcan_table.summarise_methods`.
    weights : pd.DataFrame
        gene_id, variant_id, chrom, position (0-based), ref, alt, weight: of the model fitted to all persons, in log2
        units for each alternative allele; variants of weight 0 are left out.
    predictions : pd.DataFrame
        gene_id and one column a person: predicted by the models that did not see the person; log2 units.
    counts : dict
        Of persons, variants and genes.
    """

    table: pd.DataFrame
    summary: pd.DataFrame
    weights: pd.DataFrame
    predictions: pd.DataFrame
    counts: dict[str, Any]


@dataclass(frozen=True, eq=False)
class GeneTask:
    """What the models of a gene are fitted to; its text is its signature.

    Parameters
    ----------
    gene_id : str
    expression : float64 array, shape (n_persons,)
        log2 units; NaN where not measured.
    dosages : int8 array, shape (n_variants, n_persons)
        Variants near the TSS; -1 is missing.
    """

    gene_id: str
    expression: Float
    dosages: NDArray[np.int8]

    def __str__(self) -> str:
        return content_hash([self.gene_id, self.expression, self.dosages])


def compare_predixcan(
    genotypes: str | Path,
    expression: pd.DataFrame,
    features: RegulatoryFeatures,
    *,
    predictions: pd.DataFrame | None = None,
    chromosomes: Sequence[str] = ("chr1",),
    window_bp: int = WINDOW_BP,
    max_missing: float = MAX_MISSING,
    min_maf: float = MIN_MAF,
    n_folds: int = N_FOLDS,
    n_inner_folds: int = N_INNER_FOLDS,
    n_permutations: int | None = None,
    seed: int = 0,
    sizes: str | Path | None = None,
    folder: str | Path | None = None,
    executor: Any = "serial",
    on_run: Callable[[str, bool], None] | None = None,
) -> PredixcanResult:
    """Fit elastic-net models from genotypes near each gene and judge them on persons that they did not see.

    The two methods answer different questions. PrediXcan predicts persons that it never saw, from their own genotypes,
    for genes that it was fitted to. A model of persons (`decode train` with one task a person) predicts genes that it
    never saw, for persons whose other genes it was fitted to. Both are correlated over the same persons here, as the
    paper did; the higher share does not make one method better.

    Parameters
    ----------
    genotypes : path
        VCF or BCF with GT of the persons.
    expression : pd.DataFrame
        gene_id and one column a person, log2 units, adjusted (`decode expression person`); NaN where not measured.
    features : RegulatoryFeatures
        Its gene table says where the TSS lie, and its build which build the genotypes must be of.
    predictions : pd.DataFrame, optional
        gene_id and one column a person: a model's predictions (`decode predict`) of the same persons.
    chromosomes : sequence of str
        Whose genes are compared; the test chromosome of the model of persons.
    window_bp : int
        Variants up to so far to both sides of the TSS.
    max_missing, min_maf : float
        Variants missing in more persons, or rarer, are dropped and counted.
    n_folds, n_inner_folds : int
        Persons are held out in turn, in so many parts; the penalty is chosen within the others in so many parts.
    n_permutations : int, optional
        Fits of each gene to permuted expression, which p-values are taken from, all genes together. Default: so many
        that there are 1,000.
    seed : int
        Of both partitions of persons and of the permutations.
    sizes : path, optional
        Chromosome sizes of a build that the package does not know.
    folder : path, optional
        Keeps each finished gene; the same call goes on after a kill.
    executor : str, distributed.Client or Executor
        Where genes are fitted; a gene is one task.
    on_run : callable, optional
        Called after each gene with its id and whether it was finished before.

    Returns
    -------
    PredixcanResult

    Raises
    ------
    ImportError
        If cyvcf2 is not installed.
    ValueError
        If the VCF has no genotypes or is of another build, persons do not match or are too few, no gene has a variant,
        or tables are not as wanted.

    Notes
    -----
    Missing genotypes get the mean dosage of the persons that a model is fitted to; variants are standardised over them.
    The penalty mixes lasso and ridge half and half. Expression and prediction are compared as deviations from their
    means over the persons of a fold: the mean that each fold's model adds would by itself correlate negatively with
    the persons left out. Models of different folds share most of their persons, so that their errors go together:
    where nothing is to be found, Pearson's p-value falls below 0.001 seven times too often. P-values and FDR are
    therefore those of fits to permuted expression; Pearson's stand beside them.

    References
    ----------
    Gamazon et al. 2015, Nat Genet 47:1091 (PrediXcan). Tasaki et al. 2020, Methods: WGS of 635 persons, missing > 1 %
    and MAF < 1 % dropped, TSS +- 1 Mb, 5 folds, inner 10-fold elastic net, mean-dosage imputation; Pearson over
    persons, FDR 5 %.
    """
    _check_options(window_bp, max_missing, min_maf, n_folds, n_inner_folds, seed)
    if n_permutations is not None:
        check_count("n_permutations", n_permutations)
    assembly = get_assembly(features.build, sizes)
    file = GenotypeFile(genotypes)
    file.check_build(assembly)
    persons = _persons(file, expression, n_folds)
    genes, gene_counts = _genes(features, expression, chromosomes, assembly)
    values = numeric_values(expression.set_index("gene_id").loc[genes["gene_id"], persons], "expression")
    counts: dict[str, Any] = {"persons_of_vcf": len(file.persons), "persons": len(persons), **gene_counts}
    if predictions is not None:
        check_model_table(predictions, genes["gene_id"].tolist(), persons)
    folds = _folds(len(persons), n_folds, seed)
    n_permutations = -(-N_NULL // len(genes)) if n_permutations is None else n_permutations
    settings = f"{max_missing} {min_maf} {window_bp} {n_folds} {n_inner_folds} {n_permutations} {seed}"
    run = partial(fit_gene, folds=folds, n_inner_folds=n_inner_folds, n_permutations=n_permutations, seed=seed)
    rows, weights, variants = [], [], []
    without_variant, too_few = len(genes), 0
    wanted = set(genes["chrom"])
    for found, counted_variants in file.chromosomes(
        persons, wanted, assembly, max_missing=max_missing, min_maf=min_maf
    ):
        variants.append(pd.Series(counted_variants))
        in_place = np.flatnonzero(genes["chrom"] == found.chrom)
        windows = _windows(genes.iloc[in_place], found, window_bp)
        without_variant -= len(windows)
        plans = {
            gene: GeneTask(gene, values[row], found.dosages[windows[gene]])
            for gene, row in zip(genes["gene_id"].iloc[in_place].astype(str), in_place, strict=True)
            if gene in windows and np.isfinite(values[row]).sum() >= MIN_PERSONS
        }
        too_few += len(windows) - len(plans)
        records = finish_runs(plans, run, FinishedRuns(folder), settings, executor=executor, on_run=on_run)
        for gene, record in records.items():
            rows.append({"gene_id": gene, **record})
            weights.append(_weights(gene, record, found.variants.iloc[windows[gene]]))
    counts["variants"] = {} if not variants else {str(k): int(v) for k, v in pd.DataFrame(variants).sum().items()}
    counts |= {"genes_without_variant": without_variant, "genes_with_too_few_persons": too_few}
    logger.info("PrediXcan: %s", counted(counts))
    if not rows:
        raise ValueError(
            f"none of {len(genes)} genes has a usable variant within {window_bp:,} bp of its TSS; check that the VCF "
            f"covers {', '.join(sorted(wanted))} and is of build {features.build}, and what was dropped: "
            f"{counted(counts['variants']) or 'no row of these chromosomes'}"
        )
    predicted = _prediction_table(genes["gene_id"].tolist(), rows, persons)
    fits = genes.merge(pd.DataFrame(rows)[["gene_id", "n_persons", "n_variants", "n_in_model"]], how="left")
    fits = fits.astype(dict.fromkeys(("n_persons", "n_variants", "n_in_model"), "Int64"))
    null = np.concatenate([np.array(row["null_p_values"], dtype=np.float64) for row in rows])
    counts["null_fits"] = len(null)
    table = compared_table(fits, values, predicted, folds, persons, predictions, null)
    return PredixcanResult(table, summarise_methods(table), pd.concat(weights, ignore_index=True), predicted, counts)


def fit_gene(
    task: GeneTask, *, folds: Sequence[NDArray[np.int64]], n_inner_folds: int, n_permutations: int, seed: int
) -> dict[str, Any]:
    """Models of one gene: one for each part of the persons that is held out, and one of all.

    Parameters
    ----------
    task : GeneTask
    folds : sequence of int arrays
        Persons of each part.
    n_inner_folds : int
    n_permutations : int
        How often the same is done with the gene's expression dealt out anew among the persons.
    seed : int

    Returns
    -------
    dict
        n_persons (measured), n_variants, n_in_model (variants of the model of all persons), predicted (of each person
        by the model that did not see it; NaN where not measured), weights and variants (of the model of all persons),
        null_p_values (Pearson's, of the permuted expression).
    """
    y, rng = task.expression, np.random.default_rng([seed, int(content_hash([task.gene_id])[:8], 16)])
    measured = np.flatnonzero(np.isfinite(y))
    predicted = _held_out(task.dosages, y, folds, n_inner_folds, rng)
    _, weights, chosen = _fit(task.dosages, y, measured, n_inner_folds, rng)
    null = []
    for _ in range(n_permutations):
        permuted = y.copy()
        permuted[measured] = rng.permutation(y[measured])
        by_chance = _held_out(task.dosages, permuted, folds, n_inner_folds, rng)
        null.append(float(correlate_persons(permuted[None], by_chance[None], folds)[1][0]))
    return {
        "n_persons": len(measured),
        "n_variants": len(task.dosages),
        "n_in_model": len(chosen),
        "predicted": predicted.tolist(),
        "weights": weights.tolist(),
        "variants": chosen.tolist(),
        "null_p_values": null,
    }


def _held_out(
    dosages: NDArray[np.int8],
    y: Float,
    folds: Sequence[NDArray[np.int64]],
    n_inner_folds: int,
    rng: np.random.Generator,
) -> Float:
    """Prediction of every measured person by the model that did not see it."""
    measured, predicted = np.flatnonzero(np.isfinite(y)), np.full(len(y), np.nan)
    for fold in folds:
        train, test = np.setdiff1d(measured, fold), np.intersect1d(fold, measured)
        intercept, weights, chosen = _fit(dosages, y, train, n_inner_folds, rng)
        predicted[test] = intercept + weights @ _filled(dosages[chosen][:, test], dosages[chosen][:, train])
    return predicted


def _fit(
    dosages: NDArray[np.int8], y: Float, train: NDArray[np.int64], n_inner_folds: int, rng: np.random.Generator
) -> tuple[float, Float, NDArray[np.int64]]:
    """Intercept, weights an allele, and the variants that have one, fitted to some persons."""
    filled = _filled(dosages[:, train], dosages[:, train])
    mean, sd = filled.mean(axis=1), filled.std(axis=1)
    inner = np.array_split(rng.permutation(len(train)), n_inner_folds)
    standard = (filled - mean[:, None]) / np.where(sd > 0, sd, np.inf)[:, None]
    fit = elastic_net_cv(standard.T, y[train], inner)
    chosen = np.flatnonzero(fit.coefficients)
    weights = fit.coefficients[chosen] / sd[chosen]
    return fit.intercept - float(weights @ mean[chosen]), weights, chosen


def _filled(dosages: NDArray[np.int8], of: NDArray[np.int8]) -> Float:
    """Dosages with the mean of some persons in place of missing ones, shape (n_variants, n_persons)."""
    is_called = of >= 0
    n_called = np.maximum(is_called.sum(axis=1), 1)
    mean = np.where(is_called, of, 0).sum(axis=1) / n_called
    return np.where(dosages >= 0, dosages.astype(np.float64), mean[:, None])


def _check_options(
    window_bp: int, max_missing: float, min_maf: float, n_folds: int, n_inner_folds: int, seed: int
) -> None:
    check_count("window_bp", window_bp)
    check_count("seed", seed, zero=True)
    for name, share in (("max_missing", max_missing), ("min_maf", min_maf)):
        check_positive(name, share, zero=True)
        if share > 0.5:
            raise ValueError(f"{name} is {share}; a share up to 0.5 is wanted, such as 0.01")
    for name, number in (("n_folds", n_folds), ("n_inner_folds", n_inner_folds)):
        check_count(name, number)
        if number < 2:
            raise ValueError(f"{name} is {number}; two or more are wanted")


def _persons(file: GenotypeFile, expression: pd.DataFrame, n_folds: int) -> list[str]:
    check_targets(expression)
    check_columns("expression of persons", expression, ["gene_id"])
    persons = file.match_persons([task for task in task_names(expression) if task != MEDIAN_LEVEL])
    if len(persons) < MIN_PERSONS:
        raise ValueError(
            f"{len(persons)} persons have both genotypes and expression; at least {MIN_PERSONS} are wanted, so that "
            f"{n_folds} folds can each be judged and hold folds of their own"
        )
    return persons


def _genes(
    features: RegulatoryFeatures, expression: pd.DataFrame, chromosomes: Sequence[str], assembly: Assembly
) -> tuple[pd.DataFrame, dict[str, int]]:
    """gene_id, gene_name, chrom (as in the assembly) and tss of the genes that are compared."""
    genes = features.genes.drop_duplicates("gene_id")[["gene_id", "gene_name", "chrom", "tss"]]
    own = {name: assembly.resolve(name) for name in genes["chrom"].astype(str).unique()}
    wanted = {assembly.resolve(name) for name in chromosomes} - {None}
    in_place = genes[genes["chrom"].astype(str).map(own).isin(wanted)]
    chosen = in_place[in_place["gene_id"].isin(set(expression["gene_id"]))].reset_index(drop=True)
    if chosen.empty:
        raise ValueError(
            f"none of the {len(expression)} genes of the expression table lies on {', '.join(chromosomes)} by the "
            "features; check gene ids and chromosome names"
        )
    counts = {"genes": len(chosen), "genes_without_expression": len(in_place) - len(chosen)}
    return chosen.assign(chrom=chosen["chrom"].astype(str).map(own)), counts


def _folds(n_persons: int, n_folds: int, seed: int) -> list[NDArray[np.int64]]:
    """The same persons are held out together for every gene."""
    return [np.sort(part) for part in np.array_split(np.random.default_rng(seed).permutation(n_persons), n_folds)]


def _windows(genes: pd.DataFrame, found: Genotypes, window_bp: int) -> dict[str, slice]:
    """Rows of the variants near each TSS (sorted by position, they stand together), of genes that have any."""
    tss, position = (table.to_numpy(dtype=np.int64) for table in (genes["tss"], found.variants["position"]))
    first = np.searchsorted(position, tss - window_bp, side="left")
    last = np.searchsorted(position, tss + window_bp, side="right")
    near = zip(genes["gene_id"].astype(str), first, last, strict=True)
    return {gene: slice(int(a), int(b)) for gene, a, b in near if b > a}


def _weights(gene: str, record: Mapping[str, Any], variants: pd.DataFrame) -> pd.DataFrame:
    table = variants.iloc[record["variants"]][["variant_id", "chrom", "position", "ref", "alt"]].reset_index(drop=True)
    table.insert(0, "gene_id", gene)
    result: pd.DataFrame = table.assign(weight=np.array(record["weights"], dtype=np.float64))
    return result


def _prediction_table(genes: Sequence[str], rows: Sequence[Mapping[str, Any]], persons: Sequence[str]) -> pd.DataFrame:
    predicted = {str(row["gene_id"]): np.array(row["predicted"], dtype=np.float64) for row in rows}
    nothing = np.full(len(persons), np.nan)
    table = pd.DataFrame([predicted.get(gene, nothing) for gene in genes], columns=list(persons))
    table.insert(0, "gene_id", list(genes))
    return table
