"""Which genes change with age, sex, treatment or any other property of the samples, as measured and as predicted."""

from __future__ import annotations

import logging
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from decode.core.checks import check_unique, listed
from decode.core.shown import shown
from decode.expression.samples import LARGEST_LOG2, Design, complete_samples, design_matrix
from decode.expression.targets import MEDIAN_LEVEL, numeric_values
from decode.statistics.moderated_t import GeneFits, ModeratedT, fit_incomplete_models, moderated_t
from decode.statistics.multiple_testing import false_discovery_rate

logger = logging.getLogger(__name__)

INTERCEPT = "Intercept"
FDR = 0.05


@shown()
class DifferentialResult(NamedTuple):
    """Moderated t statistics of every gene and term.

    Attributes
    ----------
    table : pd.DataFrame
        Long, see `differential`.
    design : Design
    t : pd.DataFrame, shape (n_genes, n_terms)
        Index: row ids in the order of the expression table; NaN where a term cannot be told.
    counts : dict
        n_genes, n_samples, df, prior_df, n_genes_with_missing, n_genes_untestable, and n_fdr_below_5_percent by term.
    """

    table: pd.DataFrame
    design: Design
    t: pd.DataFrame
    counts: dict[str, Any]


def differential(
    expression: pd.DataFrame,
    samples: pd.DataFrame,
    design: str,
    *,
    trend: bool = False,
    complete_only: bool = False,
) -> DifferentialResult:
    """Test every gene for a change with each term of a design: moderated t as R limma's lmFit and eBayes.

    Parameters
    ----------
    expression : pd.DataFrame, shape (n_genes, n_samples)
        log2 values, taken as they are: never logged, never normalised; row ids are kept. A gene with missing values is
        fitted on its other samples. Columns without a row in `samples`, and a column `median_level`, are refused or
        left out, see `complete_only`.
    samples : pd.DataFrame
        Index: sample names; columns: variables. Rows of other samples are ignored.
    design : str
        As in R, such as "~ age + sex".
    trend : bool, default False
        Let the usual variance follow the average level (limma's `trend=TRUE`); for logarithms of counts.
    complete_only : bool, default False
        Leave out samples that `samples` does not know or that lack a variable, instead of refusing them.

    Returns
    -------
    DifferentialResult
        Columns of `table`, term by term, genes in their order: gene_id, term, log2_fold_change (log2 units per unit of
        a numeric variable; against the first level of a text variable), average_level, t, p_value, fdr
        (Benjamini-Hochberg over the genes of a term), variance (moderated), df (with the prior's), n_samples.

    Raises
    ------
    TypeError, ValueError
        If a table holds text, row ids or samples repeat, samples lack metadata, the design does not fit
        (`design_matrix`), or leaves no degree of freedom.

    Notes
    -----
    Values above 64 cannot be log2 of an expression: a warning says what to do. Genes correlate, so lists of genes at
    a false discovery rate of 5 % come in groups: many or none.

    References
    ----------
    Smyth 2004, Stat Appl Genet Mol Biol 3:3; Ritchie et al. 2015, doi:10.1093/nar/gkv007 (limma).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> table = pd.DataFrame(rng.normal(5, 1, (50, 12)), columns=[f"s{i}" for i in range(12)])
    >>> table.iloc[7] += 4 * (np.arange(12) % 2)
    >>> meta = pd.DataFrame({"sex": ["f", "m"] * 6, "age": np.arange(12.0)}, index=table.columns)
    >>> found = differential(table, meta, "~ age + sex").table
    >>> found.loc[found["fdr"] < 0.05, ["gene_id", "term"]].to_numpy().tolist()
    [['7', 'sex[T.m]']]
    """
    values, known = matched_samples(expression, samples, complete_only=complete_only)
    if complete_only:
        known = complete_samples(known, design)
        values = values[known.index]
    model = design_matrix(known, design)
    numbers = _numbers(values)
    fit = fit_incomplete_models(numbers, model.matrix.to_numpy())
    n_known = (~np.isnan(numbers)).sum(axis=1)
    with np.errstate(invalid="ignore"):
        level = np.where(n_known > 0, np.nansum(numbers, axis=1) / n_known, np.nan)
    found = _moderated(fit, level if trend else None)
    index = pd.Index(values.index.astype(str), name="gene_id")
    columns = [number for number, name in enumerate(model.matrix.columns) if name != INTERCEPT]
    terms = [str(model.matrix.columns[number]) for number in columns]
    fdr = false_discovery_rate(found.p_value)
    parts = [
        pd.DataFrame({
            "gene_id": index, "term": term, "log2_fold_change": fit.coefficients[:, number], "average_level": level,
            "t": found.t[:, number], "p_value": found.p_value[:, number], "fdr": fdr[:, number],
            "variance": found.variance, "df": found.df, "n_samples": n_known,
        })
        for number, term in zip(columns, terms, strict=True)
    ]  # fmt: skip
    t = pd.DataFrame(found.t[:, columns], index=index, columns=terms)
    counts = {
        "n_genes": len(index),
        "n_samples": len(known),
        "df": int(len(known) - model.matrix.shape[1]),
        "prior_df": found.prior_df,
        "n_genes_with_missing": int((n_known < len(known)).sum()),
        "n_genes_untestable": int(t.isna().any(axis=1).sum()),
        "n_fdr_below_5_percent": {
            term: int((fdr[:, number] < FDR).sum()) for number, term in zip(columns, terms, strict=True)
        },
    }
    if counts["n_genes_untestable"]:
        logger.warning(
            "%d of %d genes have a term that their samples cannot tell (t is empty)",
            *(counts["n_genes_untestable"], len(index)),
        )
    return DifferentialResult(pd.concat(parts, ignore_index=True), model, t, counts)


def _moderated(fit: GeneFits, level: np.ndarray | None) -> ModeratedT:
    """Moderated t; genes without any value stay undefined."""
    is_known = np.ones(len(fit.df), dtype=bool) if level is None else np.isfinite(level)
    if not (fit.df[is_known] > 0).any():
        raise ValueError("no gene has more measured samples than the design has terms; give samples or fewer terms")
    if is_known.all():
        return moderated_t(fit, level=level)
    own_level = None if level is None else level[is_known]
    part = moderated_t(GeneFits(*(values[is_known] for values in fit)), level=own_level)

    def whole(values: np.ndarray) -> np.ndarray:
        filled = np.full((len(is_known), *values.shape[1:]), np.nan)
        filled[is_known] = values
        return filled

    return ModeratedT(
        whole(part.t), whole(part.p_value), whole(part.variance), part.prior_df, whole(part.prior_variance),
        whole(part.df),
    )  # fmt: skip


def matched_samples(
    expression: pd.DataFrame, samples: pd.DataFrame, *, complete_only: bool = False
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The columns of an expression table and what is known of them, in the order of the table.

    Parameters
    ----------
    expression : pd.DataFrame, shape (n_genes, n_samples)
        A column `median_level` is no sample and is left out.
    samples : pd.DataFrame
        Index: sample names.
    complete_only : bool, default False
        Leave out samples without a row, instead of refusing them.

    Returns
    -------
    expression, samples : pd.DataFrame

    Raises
    ------
    TypeError, ValueError
        If row ids or sample names repeat, or samples have no row.
    """
    if not isinstance(expression, pd.DataFrame) or not isinstance(samples, pd.DataFrame):
        raise TypeError("expression and samples must be pandas DataFrames, genes x samples and samples x variables")
    check_unique("row ids of the expression table", expression.index.astype(str))
    values = expression.drop(columns=MEDIAN_LEVEL, errors="ignore")
    if values.shape[1] < expression.shape[1]:
        logger.info("the column %s is no sample and is left out", MEDIAN_LEVEL)
    values = values.set_axis([str(name) for name in values.columns], axis=1)
    known = samples.set_axis(samples.index.astype(str), axis=0)
    check_unique("samples of the expression table", values.columns)
    check_unique("samples of the table of samples", known.index)
    lost = [name for name in values.columns if name not in known.index]
    if lost and (not complete_only or len(lost) == values.shape[1]):
        raise ValueError(
            f"{len(lost)} of {values.shape[1]} samples of the expression table have no row in the table of samples: "
            f"{listed(lost)}; add them or leave these columns out"
        )
    if lost:
        logger.warning("%d samples without a row in the table of samples are left out: %s", len(lost), listed(lost))
    kept = [name for name in values.columns if name in known.index]
    return values[kept], known.loc[kept]


def _numbers(values: pd.DataFrame) -> np.ndarray:
    numbers = numeric_values(values, "expression table")
    if not numbers.size or np.isnan(numbers).all():
        raise ValueError(f"the expression table has {values.shape[0]} rows and no value; give log2 values")
    largest = float(np.nanmax(numbers))
    if largest > LARGEST_LOG2:
        logger.warning(
            "values reach %.4g, so they look linear (TPM or counts) and are tested as they are; take logarithms first, "
            "for example log2(x + 0.25), or use what decode expression writes",
            largest,
        )
    return numbers
