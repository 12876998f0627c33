"""Judge a model of persons: each person over genes, each gene over persons, and whose person a prediction fits."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decode.core.checks import check_choice, listed
from decode.core.choices import Part
from decode.core.files import versions
from decode.core.shown import shown
from decode.dataset import VALIDATION, Dataset
from decode.evaluation.baselines import baseline_predictions, component_predictions, knn_predictions
from decode.evaluation.evaluate import dataset_of_model, mean_or_nan
from decode.evaluation.predict import predict_members, prediction_table
from decode.expression.targets import MEDIAN_LEVEL, id_column
from decode.expression.task_kinds import FOLD_CHANGE, LEVEL, main_kind
from decode.models.bundle import ModelBundle
from decode.persons.gene_accuracy import LEAST_PERSONS, GeneAccuracy, gene_accuracy
from decode.persons.predictability import gene_properties, predictability
from decode.persons.relations import concordance
from decode.persons.variance import VarianceShares, variance_of_persons, variance_within_between
from decode.statistics.metrics import cross_spearman, pearson_per_task, spearman_per_task

if TYPE_CHECKING:
    from decode.features.matrix import RegulatoryFeatures

logger = logging.getLogger(__name__)

Float = NDArray[np.float64]
PERCENTILE = 50.0  # Tasaki 2020: persons above the 50th percentile on validation genes
PUBLISHED = {"all": 0.28, "kept": 0.34}  # Tasaki 2020, mean Spearman of fold changes over 14 tissues
MEAN_PROFILE = "mean_profile"


@shown()
@dataclass(frozen=True, eq=False)
class PersonEvaluation:
    """How well a model of persons predicts.

    Attributes
    ----------
    metrics : dict
        task_kind, split, n_genes, n_persons; all and kept (mean Spearman of model and baselines over all persons, and
        over those above the percentile on validation genes); published beside fold changes; genes, concordance,
        variance; versions.
    per_person : pd.DataFrame
        sample, person, tissue, task_kind, n_genes, validation_spearman, is_kept, model, the baselines (all Spearman),
        pearson, and own, unrelated, rank_of_own, n_compared.
    per_gene : pd.DataFrame
        gene_id, tissue, then as `decode.persons.gene_accuracy.GeneAccuracy.table`, the properties of the gene, and
        within, between where tissues are known.
    determinants : pd.DataFrame
        tissue, then as `decode.persons.predictability.predictability`.
    similarity : pd.DataFrame
        first, second (tissues), n_genes, spearman of the accuracies of genes; empty with one tissue.
    relations : pd.DataFrame
        As `decode.persons.relations.Concordance.by_relation`.
    predictions, actual : pd.DataFrame
        gene_id and one column a person.
    """

    metrics: dict[str, Any]
    per_person: pd.DataFrame
    per_gene: pd.DataFrame
    determinants: pd.DataFrame
    similarity: pd.DataFrame
    relations: pd.DataFrame
    predictions: pd.DataFrame
    actual: pd.DataFrame


def evaluate_persons(
    bundle: ModelBundle,
    features: RegulatoryFeatures,
    targets: pd.DataFrame,
    *,
    samples: pd.DataFrame | None = None,
    part: Part = "test",
    keep_above_percentile: float = PERCENTILE,
    tissue_targets: pd.DataFrame | None = None,
    gene_table: pd.DataFrame | None = None,
    seed: int = 0,
) -> PersonEvaluation:
    """Judge a model of persons on held-out genes, beside baselines from the same training genes.

    Parameters
    ----------
    bundle : ModelBundle
    features : RegulatoryFeatures
    targets : pd.DataFrame
        The table that it was trained on.
    samples : pd.DataFrame, optional
        Index: samples (columns of the targets); columns person and, optionally, tissue. Default: every column is a
        person of its own, of one tissue.
    part : {"test", "validation"}
    keep_above_percentile : float
        Persons below this percentile of accuracy on validation genes are left out of the second figure; both are
        always given.
    tissue_targets : pd.DataFrame, optional
        gene_id and one column a tissue: what the variance between persons is compared with, where the persons are fold
        changes of one tissue.
    gene_table : pd.DataFrame, optional
        Index: gene ids; further properties of genes, such as the status of their annotation.
    seed : int
        Of random pairs and permutations.

    Returns
    -------
    PersonEvaluation

    Raises
    ------
    ValueError
        If features or targets do not fit the model, a sample is unknown, or the percentile is out of range.

    References
    ----------
    Tasaki et al. 2020, Nature Machine Intelligence 2:376, person-level models.
    """
    check_choice("part", part, ("test", "validation"))
    if not 0 <= keep_above_percentile < 100:
        raise ValueError(f"keep_above_percentile is {keep_above_percentile}; a number from 0 to below 100 is wanted")
    dataset = dataset_of_model(bundle, features, targets)
    columns = np.flatnonzero(np.asarray(dataset.task_kinds) != MEDIAN_LEVEL)
    names = [dataset.tasks[column] for column in columns]
    person, tissue = _persons(names, samples)
    kind = main_kind(dataset.task_kinds)
    rows, validation = dataset.rows(part), dataset.rows(VALIDATION)
    if not len(rows):
        raise ValueError(f"no gene of the {part} part is in both features and targets")
    predicted = predict_members(bundle, dataset.features).mean(axis=0, dtype=np.float64)[:, columns]
    values = dataset.targets[:, columns].astype(np.float64)
    on_validation = spearman_per_task(values[validation], predicted[validation])
    kept = on_validation >= np.nanpercentile(on_validation, keep_above_percentile)
    actual, shown = values[rows], predicted[rows]
    others = _baselines(dataset, columns, rows, tissue, kind)
    spearman = {"model": spearman_per_task(actual, shown)}
    spearman |= {name: spearman_per_task(actual, other) for name, other in others.items()}
    fit = concordance(cross_spearman(actual, shown), person, tissue, seed=seed)
    per_person = pd.DataFrame(
        {
            "sample": names, "person": person, "tissue": tissue, "task_kind": kind,
            "n_genes": np.isfinite(actual).sum(axis=0), "validation_spearman": on_validation, "is_kept": kept,
            **spearman, "pearson": pearson_per_task(actual, shown),
        }
    )  # fmt: skip
    per_person = pd.concat([per_person, fit.per_sample], axis=1)
    judged = dataset.features.take(rows)
    by_tissue = _genes_by_tissue(actual, shown, tissue, seed)
    properties = gene_properties(judged, extra=_levels(judged.ids, bundle, gene_table))
    shares = _variance(actual, tissue, kind, judged.ids, tissue_targets)
    per_gene = _gene_table(by_tissue, properties, actual, tissue, shares)
    determinants = _determinants(per_gene, [*properties.columns, "log2_sd"])
    metrics: dict[str, Any] = {
        "task_kind": kind, "split": part, "n_genes": len(rows), "n_persons": len(set(person)), "n_samples": len(names),
        "keep_above_percentile": keep_above_percentile, "n_kept": int(kept.sum()),
        "all": {name: mean_or_nan(rho) for name, rho in spearman.items()},
        "kept": {name: mean_or_nan(rho[kept]) for name, rho in spearman.items()},
        "published": PUBLISHED if kind == FOLD_CHANGE else None,
        "genes": {name: found.summary for name, found in by_tissue.items()},
        "concordance": fit.summary,
        "variance": None if shares is None else shares.summary,
        "transfer": bundle.training.get("transfer"), "seed": seed, "versions": versions(),
    }  # fmt: skip
    return PersonEvaluation(
        metrics, per_person, per_gene, determinants, _similarity(per_gene), fit.by_relation,
        prediction_table(judged, shown, names), prediction_table(judged, actual, names),
    )  # fmt: skip


def _persons(names: list[str], samples: pd.DataFrame | None) -> tuple[list[str], list[str]]:
    if samples is None:
        return names, ["all"] * len(names)
    lost = [name for name in names if name not in samples.index]
    if lost:
        raise ValueError(
            f"{len(lost)} of {len(names)} samples are not in the table of samples: {listed(lost)}; add them"
        )
    rows = samples.loc[names]
    person = rows["person"].astype(str).tolist() if "person" in rows else names
    return person, rows["tissue"].astype(str).tolist() if "tissue" in rows else ["all"] * len(names)


def _baselines(
    dataset: Dataset, columns: NDArray[np.intp], rows: NDArray[np.intp], tissue: list[str], kind: str
) -> dict[str, Float]:
    found = baseline_predictions(dataset) | {
        "knn_genes": knn_predictions(dataset), "pca_of_training_genes": component_predictions(dataset),
    }  # fmt: skip
    chosen = {name: values[np.ix_(rows, columns)] for name, values in found.items() if name != "mean"}
    profile = np.zeros((len(rows), len(columns)))  # of fold changes it is 0 by construction
    if kind == LEVEL:
        values = dataset.targets[np.ix_(rows, columns)].astype(np.float64)
        for column in range(len(columns)):
            others = [k for k in range(len(columns)) if k != column and tissue[k] == tissue[column]]
            present = np.isfinite(values[:, others])
            total = np.where(present, values[:, others], 0.0).sum(axis=1)
            profile[:, column] = np.where(present.any(axis=1), total / np.maximum(present.sum(axis=1), 1), np.nan)
    return {MEAN_PROFILE: profile, **chosen}


def _genes_by_tissue(actual: Float, predicted: Float, tissue: list[str], seed: int) -> dict[str, GeneAccuracy]:
    names = np.asarray(tissue, dtype=object)
    found = {}
    for name in dict.fromkeys(tissue):
        of = names == name
        if of.sum() < LEAST_PERSONS:
            logger.warning("%s has %d samples; accuracy over persons needs %d", name, int(of.sum()), LEAST_PERSONS)
            continue
        found[name] = gene_accuracy(actual[:, of], predicted[:, of], seed=seed)
    return found


def _levels(ids: NDArray[Any], bundle: ModelBundle, gene_table: pd.DataFrame | None) -> pd.DataFrame | None:
    """Mean level of the genes from the reference of the model, beside what is known of them otherwise."""
    parts = [] if gene_table is None else [gene_table]
    reference = bundle.person_reference
    if reference is not None:
        parts.append(pd.DataFrame({"mean_level": reference.gene_mean}, index=reference.gene_ids))
    return pd.concat(parts, axis=1).reindex([str(name) for name in ids]) if parts else None


def _variance(
    actual: Float, tissue: list[str], kind: str, ids: NDArray[Any], tissue_targets: pd.DataFrame | None
) -> VarianceShares | None:
    if kind == LEVEL and len(set(tissue)) > 1:
        return variance_within_between(actual, tissue)
    if tissue_targets is None:
        return None
    table = tissue_targets.set_index(id_column(tissue_targets)).drop(columns=MEDIAN_LEVEL, errors="ignore")
    return variance_of_persons(actual, table.reindex([str(name) for name in ids]).to_numpy(dtype=np.float64))


def _gene_table(
    by_tissue: dict[str, GeneAccuracy],
    properties: pd.DataFrame,
    actual: Float,
    tissue: list[str],
    shares: VarianceShares | None,
) -> pd.DataFrame:
    names, parts = np.asarray(tissue, dtype=object), []
    for name, found in by_tissue.items():
        table = found.table.copy()
        table.insert(0, properties.index.name, properties.index)
        table.insert(1, "tissue", name)
        table = pd.concat([table, properties.reset_index(drop=True)], axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            table["log2_sd"] = np.log2(np.nanstd(actual[:, names == name], axis=1))
        table["log2_sd"] = table["log2_sd"].where(np.isfinite(table["log2_sd"]))
        if shares is not None:
            table = pd.concat([table, shares.table[["within", "between"]]], axis=1)
        parts.append(table)
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["tissue", "pearson"])


def _determinants(per_gene: pd.DataFrame, wanted: list[str]) -> pd.DataFrame:
    parts = []
    for name, table in per_gene.groupby("tissue", sort=False):
        rows = table.set_index(table.columns[0])
        found = predictability(rows["pearson"], rows[[column for column in wanted if column in rows]])
        found.insert(0, "tissue", name)
        parts.append(found)
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _similarity(per_gene: pd.DataFrame) -> pd.DataFrame:
    """Do the same genes do well in each tissue?"""
    columns = ["first", "second", "n_genes", "spearman"]
    if per_gene.empty or per_gene["tissue"].nunique() < 2:
        return pd.DataFrame(columns=columns)
    wide = per_gene.pivot_table(index=per_gene.columns[0], columns="tissue", values="pearson", observed=True)
    rows = []
    for place, first in enumerate(wide.columns):
        for second in wide.columns[place + 1 :]:
            both = wide[[first, second]].dropna()
            rho = spearman_per_task(both[first].to_numpy(), both[second].to_numpy())[0] if len(both) else np.nan
            rows.append((first, second, len(both), rho))
    return pd.DataFrame(rows, columns=columns)
