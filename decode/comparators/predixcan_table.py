"""PrediXcan beside a model of persons: the table of genes, its shares, and what the two can and cannot say."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import t as student_t

from decode.core.checks import check_columns, check_known, listed
from decode.statistics.multiple_testing import false_discovery_rate

logger = logging.getLogger(__name__)

MAX_FDR = 0.05  # [D]
PREDIXCAN, PERSON_MODEL = "predixcan", "person_model"
HELD_OUT = {
    PREDIXCAN: "persons: predicted from their genotypes by models that never saw them; the gene was trained on",
    PERSON_MODEL: "genes: predicted from binding sites by a model that never saw the gene; the person was trained on",
}
PREFIX = {PREDIXCAN: "", PERSON_MODEL: "person_model_"}
MIN_PAIRS = 3

Float = NDArray[np.float64]


def compared_table(
    fits: pd.DataFrame,
    actual: Float,
    predicted: pd.DataFrame,
    folds: Sequence[NDArray[np.int64]],
    persons: Sequence[str],
    model: pd.DataFrame | None,
    null_p_values: Float,
) -> pd.DataFrame:
    """Correlate actual with predicted expression over persons, gene by gene, for both methods.

    Parameters
    ----------
    fits : pd.DataFrame
        gene_id and what else is known of the genes.
    actual : float64 array, shape (n_genes, n_persons)
        log2 units; NaN where not measured.
    predicted : pd.DataFrame
        gene_id and persons, in the order of `fits`: predictions of held-out persons; NaN for a gene without variants.
    folds : sequence of int arrays
        Persons that were held out together.
    persons : sequence of str
    model : pd.DataFrame, optional
        gene_id and persons: predictions of a model of persons; genes that it lacks have no number.
    null_p_values : float64 array, shape (n_null_fits,)
        Pearson's p-values of PrediXcan's fits to permuted expression, of all genes.

    Returns
    -------
    pd.DataFrame
        The columns of `fits`, then of PrediXcan pearson, pearson_p_value, p_value ((1 + fits to permuted expression
        with as small a Pearson p-value) / (1 + fits)), fdr; with a model of persons person_model_pearson,
        person_model_pearson_p_value, person_model_p_value (the same), person_model_fdr. One-sided p-values (a
        prediction that runs the other way is no success), Benjamini-Hochberg over the genes of each method. A gene with
        variants whose models predict one number for all persons has no correlation and a p-value of 1: it was tried.
    """
    table = fits.copy()
    own = predicted[list(persons)].to_numpy(dtype=np.float64)
    table["pearson"], table["pearson_p_value"] = correlate_persons(actual, own, folds)
    as_small = np.searchsorted(np.sort(null_p_values), table["pearson_p_value"].to_numpy(), side="right")
    table["p_value"] = np.where(table["pearson_p_value"].notna(), (1 + as_small) / (1 + len(null_p_values)), np.nan)
    table["fdr"] = false_discovery_rate(table["p_value"].to_numpy())
    if model is None:
        return table
    rows = model.drop_duplicates("gene_id").set_index("gene_id")[list(persons)]
    values = rows.reindex(table["gene_id"]).to_numpy(dtype=np.float64)
    everybody = [np.arange(len(persons))]
    prefix = PREFIX[PERSON_MODEL]
    table[f"{prefix}pearson"], table[f"{prefix}pearson_p_value"] = correlate_persons(actual, values, everybody)
    table[f"{prefix}p_value"] = table[f"{prefix}pearson_p_value"]
    table[f"{prefix}fdr"] = false_discovery_rate(table[f"{prefix}p_value"].to_numpy())
    return table


def check_model_table(model: pd.DataFrame, genes: Sequence[str], persons: Sequence[str]) -> None:
    """Raise unless predictions of a model of persons have the persons (KeyError) and some genes (ValueError)."""
    check_columns("predictions of the model of persons", model, ["gene_id"])
    check_known("persons are", persons, list(model.columns), "the predictions of the model of persons")
    n_known = len(set(genes) & set(model["gene_id"]))
    if not n_known:
        raise ValueError(
            f"the predictions of the model of persons have none of the {len(genes)} genes that are compared "
            f"({listed(genes, 3)}); predict them first (decode predict)"
        )
    logger.info("model of persons: %d of %d genes are predicted", n_known, len(genes))


def correlate_persons(actual: Float, predicted: Float, folds: Sequence[NDArray[np.int64]]) -> tuple[Float, Float]:
    """Pearson's correlation over persons within folds, and its one-sided p-value, gene by gene.

    Parameters
    ----------
    actual, predicted : float64 array, shape (n_genes, n_persons)
        NaN on either side leaves the person out.
    folds : sequence of int arrays
        Values are centred within each; one fold of all persons gives the usual correlation.

    Returns
    -------
    pearson, p_value : float64 array, shape (n_genes,)
        Undefined where fewer than three persons are left; a constant prediction has no correlation and p = 1.

    Notes
    -----
    r is taken of the deviations from the means of each fold; t = r sqrt(df / (1 - r^2)) with df = n - folds - 1, the
    partial correlation given the folds; p = P(T >= t).

    Examples
    --------
    >>> values = np.array([[1.0, 2.0, 3.0, 4.0]])
    >>> r, p = correlate_persons(values, np.array([[1.0, 3.0, 2.0, 4.0]]), [np.arange(4)])
    >>> r.round(2).tolist(), p.round(2).tolist()
    ([0.8], [0.1])
    """
    is_there = np.isfinite(actual) & np.isfinite(predicted)
    x, y = (np.where(is_there, values, 0.0) for values in (actual, predicted))
    n_folds = np.zeros(len(x), dtype=np.int64)
    scale = np.maximum(np.abs(y).max(axis=1, initial=0.0), 1e-300)
    for fold in folds:
        n_here = is_there[:, fold].sum(axis=1, keepdims=True)
        n_folds += n_here[:, 0] > 0
        for values in (x, y):
            mean = values[:, fold].sum(axis=1, keepdims=True) / np.maximum(n_here, 1)
            values[:, fold] = np.where(is_there[:, fold], values[:, fold] - mean, 0.0)
    y = np.where(np.abs(y) > 1e-12 * scale[:, None], y, 0.0)  # rounding of a constant
    n = is_there.sum(axis=1)
    freedom = n - n_folds - 1
    with np.errstate(invalid="ignore", divide="ignore"):
        pearson = (x * y).sum(axis=1) / np.sqrt((x**2).sum(axis=1) * (y**2).sum(axis=1))
        pearson = np.clip(pearson, -1.0, 1.0)
        p_value = student_t.sf(pearson * np.sqrt(freedom / (1 - pearson**2)), freedom)
    p_value = np.where(np.isfinite(pearson), p_value, 1.0)
    is_tried = (n >= MIN_PAIRS) & (freedom > 0)
    return np.where(is_tried, pearson, np.nan), np.where(is_tried, p_value, np.nan)


def summarise_methods(table: pd.DataFrame) -> pd.DataFrame:
    """Share of genes that each method predicts, in plain words of what is predicted.

    Parameters
    ----------
    table : pd.DataFrame
        From `compared_table`.

    Returns
    -------
    pd.DataFrame
        method, genes ("all" that the method has tried, or "both": those that both have), n_genes, n_at_fdr_5_percent,
        share, n_by_pearson_p_value (at FDR 5 % of Pearson's p-values, as published), median_pearson (a gene without a
        correlation counts as 0), held_out: what the predictions were made without.
    """
    methods = [name for name, prefix in PREFIX.items() if f"{prefix}p_value" in table.columns]
    is_tried = {name: table[f"{PREFIX[name]}p_value"].notna().to_numpy() for name in methods}
    sets = {"all": is_tried}
    if len(methods) > 1:
        both = np.logical_and.reduce(list(is_tried.values()))
        sets["both"] = {name: both for name in methods}  # noqa: C420  the type of dict.fromkeys is too wide
    rows = []
    for which, masks in sets.items():
        for name in methods:
            part = table[masks[name]]
            n_found, n_published = (
                int((false_discovery_rate(part[f"{PREFIX[name]}{column}"].to_numpy()) <= MAX_FDR).sum())
                for column in ("p_value", "pearson_p_value")
            )
            pearson = part[f"{PREFIX[name]}pearson"].fillna(0.0)
            rows.append(
                {
                    "method": name,
                    "genes": which,
                    "n_genes": len(part),
                    "n_at_fdr_5_percent": n_found,
                    "share": n_found / len(part) if len(part) else np.nan,
                    "n_by_pearson_p_value": n_published,
                    "median_pearson": float(pearson.median()) if len(part) else np.nan,
                    "held_out": HELD_OUT[name],
                }
            )
    return pd.DataFrame(rows)
