"""What covariates and hidden factors explain of expression, and expression without it; every gene keeps its mean."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decode.core.checks import check_count, check_unique, listed, shortened
from decode.expression.samples import design_matrix

logger = logging.getLogger(__name__)

Float = NDArray[np.float64]
LEAST_DF = 3  # residual degrees of freedom; with fewer the effects are the samples themselves
SAME = 1e-8  # a column whose share beside the others is below this is a combination of them
CATEGORY = re.compile(r"C\((.+)\)")


class Covariates(NamedTuple):
    """Columns of a linear model by covariate, without the intercept.

    Attributes
    ----------
    matrix : pd.DataFrame, shape (n_samples, n_columns)
    names : list of str
        The covariate that each column belongs to.
    """

    matrix: pd.DataFrame
    names: list[str]


class Removal(NamedTuple):
    """Expression without the effects of covariates and hidden factors.

    Attributes
    ----------
    adjusted : float64 array, shape (n_genes, n_samples)
    shares : pd.DataFrame
        term, share_alone, share_beside_others: of the variance of all genes about their means, what each covariate,
        hidden factor and kept phenotype explains by itself and beyond all others; genes with missing values do not
        count.
    factors : pd.DataFrame, shape (n_samples, n_factors)
        The hidden factors, of unit length.
    """

    adjusted: Float
    shares: pd.DataFrame
    factors: pd.DataFrame


def covariate_columns(samples: pd.DataFrame, covariates: Sequence[str]) -> Covariates:
    """Columns of a linear model for named columns of a table of samples; text is categorical.

    Parameters
    ----------
    samples : pd.DataFrame, shape (n_samples, n_variables)
    covariates : sequence of str
        Columns, as they are called; C(batch) takes the numbers of the column batch for categories.

    Returns
    -------
    Covariates

    Raises
    ------
    ValueError
        If a column is absent, has missing or infinite values (the samples are named), has one value only, or the
        covariates are collinear (the columns are named).

    Examples
    --------
    >>> frame = pd.DataFrame({"age": [30, 40, 50, 60, 70, 80], "batch": list("xyxyyx")})
    >>> covariate_columns(frame, ["age", "batch"]).matrix.columns.tolist()
    ['age', 'batch[T.y]']
    """
    check_unique("covariates", covariates)
    columns: list[pd.DataFrame] = []
    names: list[str] = []
    for covariate in covariates:
        own = _columns_of(samples, covariate)
        columns.append(own)
        names += [covariate] * own.shape[1]
    matrix = pd.concat(columns, axis=1) if columns else pd.DataFrame(index=samples.index)
    check_independent(matrix)
    return Covariates(matrix, names)


def _columns_of(samples: pd.DataFrame, covariate: str) -> pd.DataFrame:
    match = None if covariate in samples else CATEGORY.fullmatch(covariate)
    column = match.group(1).strip() if match else covariate
    if column not in samples:
        raise ValueError(
            f"covariate {column!r} is no column of the table of samples; it has {listed(samples.columns, 12)}"
        )
    values = samples[column]
    is_number = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    missing = values.isna() | (~np.isfinite(values.astype(float)) if is_number else False)
    if missing.any():
        raise ValueError(
            f"covariate {column!r} is unknown or infinite in {int(missing.sum())} of {len(values)} samples: "
            f"{listed(values.index[missing])}; complete it, or leave out these samples or the covariate"
        )
    if values.nunique() < 2:
        raise ValueError(
            f"covariate {column!r} has one value only ({shortened(repr(values.iloc[0]))}) in all {len(values)} samples;"
            " leave it out"
        )
    as_text = match is not None or not is_number
    # under a plain name in the formula: a column may be called anything, such as CD4..T.cells
    own = pd.DataFrame({"covariate": values.astype(str) if as_text else values.astype(float)})
    design = design_matrix(own, "~ covariate").matrix.drop(columns="Intercept")
    return design.rename(columns=lambda name: column + str(name).removeprefix("covariate"))


def check_independent(matrix: pd.DataFrame) -> None:
    """Raise unless the columns of a design, beside an intercept, are independent of each other.

    Parameters
    ----------
    matrix : pd.DataFrame, shape (n_samples, n_columns)
        Without the intercept.

    Raises
    ------
    ValueError
        Naming each column that the ones before it determine, and those; or if the samples are too few for the columns.

    Examples
    --------
    >>> check_independent(pd.DataFrame({"a": [0, 0, 1, 1, 2.0], "b": [1, 1, 3, 3, 5.0]}))
    Traceback (most recent call last):
        ...
    ValueError: collinear covariates: b is determined by a; leave one of each out
    """
    centred = matrix.to_numpy(dtype=np.float64)
    centred = centred - centred.mean(axis=0)
    size = np.sqrt((centred**2).sum(axis=0))
    centred = centred / np.where(size > 0, size, 1.0)
    free: list[int] = []
    sentences = []
    for column in range(centred.shape[1]):
        own = centred[:, column]
        coefficients = np.linalg.lstsq(centred[:, free], own, rcond=None)[0]
        rest = own - centred[:, free] @ coefficients
        if (rest**2).sum() > SAME:
            free.append(column)
            continue
        by = [str(matrix.columns[place]) for place, size in zip(free, coefficients, strict=True) if abs(size) > SAME]
        sentences.append(f"{matrix.columns[column]} is determined by {' and '.join(by) or 'the mean'}")
    df = len(matrix) - 1 - len(free)
    if df < LEAST_DF and len(free):
        raise ValueError(
            f"{len(matrix)} samples for {matrix.shape[1]} columns of covariates leave {df} residual degrees of "
            f"freedom, at least {LEAST_DF} are wanted; take fewer covariates or more samples"
        )
    if sentences:
        raise ValueError(f"collinear covariates: {'; '.join(sentences[:5])}; leave one of each out")


def estimable_genes(values: Float, design: pd.DataFrame) -> NDArray[np.bool_]:
    """Genes whose measured samples suffice for the columns of a design beside an intercept.

    Parameters
    ----------
    values : float64 array, shape (n_genes, n_samples)
        NaN where not measured.
    design : pd.DataFrame, shape (n_samples, n_columns)

    Returns
    -------
    bool array, shape (n_genes,)
    """
    measured = ~np.isnan(values)
    terms = np.column_stack([np.ones(len(design)), design.to_numpy(dtype=np.float64)])
    fits = np.ones(len(values), dtype=bool)
    partial = np.flatnonzero(~measured.all(axis=1))
    if not len(partial):
        return fits
    patterns, number = np.unique(measured[partial], axis=0, return_inverse=True)
    suffices = [
        pattern.sum() >= terms.shape[1] + LEAST_DF and np.linalg.matrix_rank(terms[pattern]) == terms.shape[1]
        for pattern in patterns
    ]
    fits[partial] = np.asarray(suffices)[number.ravel()]
    return fits


def remove_effects(values: Float, removed: Covariates, kept: Covariates, *, hidden_factors: int = 0) -> Removal:
    """Subtract the centred effects of covariates and hidden factors from every gene.

    One least-squares model a gene: intercept, covariates, hidden factors and kept phenotypes together. The fitted
    effects of covariates and factors are centred over the gene's measured samples and subtracted: the gene keeps its
    mean, and what only a kept phenotype explains stays. Hidden factors are the leading principal components of the
    residuals of covariates and kept phenotypes (genes without missing values); they are orthogonal to both.

    Parameters
    ----------
    values : float64 array, shape (n_genes, n_samples)
        log2 units; NaN where not measured.
    removed, kept : Covariates
        Independent of each other, see `check_independent`.
    hidden_factors : int

    Returns
    -------
    Removal

    Raises
    ------
    ValueError
        If the columns are collinear, or there are more factors than the samples leave room for.

    Examples
    --------
    >>> frame = pd.DataFrame({"batch": list("xxxyyy")})
    >>> values = np.array([[1.0, 1.0, 1.0, 3.0, 3.0, 3.0]])
    >>> removed, kept = covariate_columns(frame, ["batch"]), covariate_columns(frame, [])
    >>> remove_effects(values, removed, kept).adjusted.round(9).tolist()
    [[2.0, 2.0, 2.0, 2.0, 2.0, 2.0]]
    """
    check_count("hidden_factors", hidden_factors, zero=True)
    known = pd.concat([removed.matrix, kept.matrix], axis=1)
    check_independent(known)
    room = len(known) - 1 - known.shape[1] - LEAST_DF
    if hidden_factors > max(room, 0):
        raise ValueError(f"{hidden_factors} hidden factors are more than {len(known)} samples allow ({max(room, 0)})")
    complete = values[~np.isnan(values).any(axis=1)]
    if hidden_factors and len(complete) < hidden_factors:
        raise ValueError(
            f"{len(complete)} genes are measured in every sample; {hidden_factors} hidden factors need more"
        )
    centred = complete - complete.mean(axis=1, keepdims=True)
    gram = centred.T @ centred
    factors = _hidden_factors(gram, known.to_numpy(dtype=np.float64), hidden_factors)
    factor_frame = pd.DataFrame(
        factors, index=known.index, columns=[f"hidden_factor_{i + 1}" for i in range(hidden_factors)]
    )
    matrix = np.column_stack([removed.matrix.to_numpy(dtype=np.float64), factors, kept.matrix.to_numpy(np.float64)])
    names = [*removed.names, *factor_frame.columns, *kept.names]
    n_removed = removed.matrix.shape[1] + hidden_factors
    if n_removed:
        coefficients = _coefficients(values, np.column_stack([np.ones(len(matrix)), matrix]))
        effects = np.where(np.isnan(values), np.nan, coefficients[:, 1 : n_removed + 1] @ matrix[:, :n_removed].T)
        values = values - (effects - np.nanmean(effects, axis=1, keepdims=True))
    return Removal(values, _variance_shares(gram, matrix, names), factor_frame)


def _coefficients(values: Float, terms: Float) -> Float:
    """Least squares of every gene over its measured samples, shape (n_genes, n_terms)."""
    measured = ~np.isnan(values)
    coefficients = np.empty((len(values), terms.shape[1]))
    complete = measured.all(axis=1)
    coefficients[complete] = np.linalg.lstsq(terms, values[complete].T, rcond=None)[0].T
    partial = np.flatnonzero(~complete)
    if len(partial):
        patterns, number = np.unique(measured[partial], axis=0, return_inverse=True)
        for place, pattern in enumerate(patterns):
            rows = partial[number.ravel() == place]
            fit = np.linalg.lstsq(terms[pattern], values[np.ix_(rows, pattern)].T, rcond=None)[0]
            coefficients[rows] = fit.T
    return coefficients


def _basis(columns: Float) -> Float:
    """Orthonormal basis of centred columns."""
    return np.linalg.qr(columns - columns.mean(axis=0))[0]


def _hidden_factors(gram: Float, known: Float, n_factors: int) -> Float:
    if not n_factors:
        return np.empty((len(gram), 0))
    basis = _basis(known)
    projector = np.eye(len(gram)) - basis @ basis.T
    vectors: Float = np.linalg.eigh(projector @ gram @ projector)[1][:, ::-1][:, :n_factors]
    # the sign of a component is free: the largest entry is positive, so that machines agree
    largest = vectors[np.abs(vectors).argmax(axis=0), np.arange(n_factors)]
    return vectors * np.where(largest < 0, -1.0, 1.0)


def _variance_shares(gram: Float, matrix: Float, names: Sequence[str]) -> pd.DataFrame:
    """Shares of all genes' variance by term, from the samples x samples matrix of their products."""
    total = float(np.trace(gram))
    of_term = np.asarray(names, dtype=object)

    def explained(columns: NDArray[np.bool_]) -> float:
        basis = _basis(matrix[:, columns])
        return float(np.trace(basis.T @ gram @ basis)) / total if columns.any() and total > 0 else 0.0

    everything = explained(np.ones(len(of_term), dtype=bool))
    rows = [
        (term, explained(of_term == term), everything - explained(of_term != term)) for term in dict.fromkeys(names)
    ]
    return pd.DataFrame(rows, columns=["term", "share_alone", "share_beside_others"])
