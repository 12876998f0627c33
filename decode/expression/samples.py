"""An expression matrix with its samples: a design, moderated t statistics, and what the residuals say of the genes."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from decode.core.checks import check_columns, check_unique, listed
from decode.core.delimited import read_text_table
from decode.expression.compendium import GeneCorrelation, residual_correlation
from decode.expression.de_tables import DeTable
from decode.statistics.moderated_t import fit_linear_models, moderated_t
from decode.statistics.multiple_testing import false_discovery_rate

logger = logging.getLogger(__name__)

LARGEST_LOG2 = 64.0  # a larger value shows that a table is linear: 2^64 is no count
MILLION = 1e6
EXPRESSED = 1.0  # log2(x + 1) of one a million


class LogExpression(NamedTuple):
    """log2 expression of the genes that are measured.

    Attributes
    ----------
    log2 : pd.DataFrame, shape (n_genes, n_samples)
    rule : str
        What was done to the table.
    expressed_from : float or None
        log2 value above which a gene counts as expressed, where the unit is known.
    """

    log2: pd.DataFrame
    rule: str
    expressed_from: float | None


class SampleContrasts(NamedTuple):
    """A differential expression table made from samples, and the correlation of genes over their residuals."""

    table: DeTable
    correlation: GeneCorrelation


def log_expression(expression: pd.DataFrame) -> LogExpression:
    """log2 expression of a table of any unit, and the genes that its samples measure.

    Parameters
    ----------
    expression : pd.DataFrame, shape (n_genes, n_samples)
        TPM, counts or other linear values (a value above 64 shows them): each
        sample is scaled to a million and log2(x + 1) taken; genes of more than one a million in half of the samples
        stay. Otherwise log2 values, taken as they are.

    Returns
    -------
    LogExpression
        Genes with missing or constant values are left out and counted.

    Raises
    ------
    ValueError
        If linear values are negative, a sample is empty, or no gene is left.
    """
    numbers = expression.to_numpy(dtype=np.float64)
    is_complete = np.isfinite(numbers).all(axis=1)
    is_linear = bool(np.nanmax(numbers, initial=0.0) > LARGEST_LOG2)
    expressed_from: float | None = None
    if is_linear:
        if np.nanmin(numbers, initial=0.0) < 0:
            raise ValueError(
                "the expression table holds negative values beside values above 64; give TPM, counts or log2"
            )
        total = np.nansum(numbers, axis=0)
        if (total <= 0).any():
            empty = expression.columns[total <= 0].astype(str).tolist()
            raise ValueError(f"samples without any expression: {listed(empty)}; leave them out")
        numbers = np.log2(numbers / total * MILLION + 1)
        rule = "log2(x + 1), every sample scaled to a million; genes above one a million in half of the samples"
        expressed_from = EXPRESSED
        with np.errstate(invalid="ignore"):
            is_complete &= (numbers > EXPRESSED).mean(axis=1) >= 0.5
    else:
        rule = "log2 values as they are"
    varies = is_complete & (np.nan_to_num(numbers).std(axis=1) > 0)
    if not varies.any():
        raise ValueError("no gene of the expression table is measured in all samples and varies; give another table")
    logger.info("expression: %d of %d genes (%s)", int(varies.sum()), len(varies), rule)
    values = pd.DataFrame(numbers[varies], index=expression.index[varies], columns=expression.columns)
    return LogExpression(values, rule, expressed_from)


def read_samples(path: str | Path, samples: list[str], *, sample_column: str | None = None) -> pd.DataFrame:
    """Read what is known of samples, in the order of an expression table.

    Parameters
    ----------
    path : str or Path
        CSV or TSV with a header; one row a sample.
    samples : list of str
        Columns of the expression table.
    sample_column : str, optional
        Column that names the samples; default the first.

    Returns
    -------
    pd.DataFrame
        Index: the samples. Rows of other samples are counted in the log.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError, KeyError
        If samples repeat or are not in the table.
    """
    table = read_text_table(path, "table of samples").typed()
    column = str(table.columns[0]) if sample_column is None else sample_column
    check_columns(f"table of samples {path}", table, [column])
    names = table[column].astype(str)
    check_unique(f"samples of {path}", names)
    lost = [name for name in samples if name not in set(names)]
    if lost:
        raise ValueError(
            f"{len(lost)} of {len(samples)} samples of the expression table are not in column {column!r} of {path}: "
            f"{listed(lost)}; name the column that holds them (--sample-column), or leave these samples out"
        )
    if len(names) > len(samples):
        logger.info("table of samples: %d rows are of other samples", len(names) - len(samples))
    return table.set_index(names.rename("sample")).loc[samples]


def design_matrix(samples: pd.DataFrame, formula: str) -> tuple[pd.DataFrame, list[str]]:
    """Columns of a linear model, and those of its last term.

    Parameters
    ----------
    samples : pd.DataFrame, shape (n_samples, n_variables)
    formula : str
        As in R, such as "~ batch + condition".

    Returns
    -------
    design : pd.DataFrame, shape (n_samples, n_columns)
    contrasts : list of str
        Columns of the last term, the one of interest.

    Raises
    ------
    ValueError
        If the formula cannot be read, names unknown variables, a variable is missing in a sample, or the last term does
        not vary.

    Examples
    --------
    >>> frame = pd.DataFrame({"batch": list("xyxy"), "condition": ["wt", "wt", "ko", "ko"]})
    >>> design, contrasts = design_matrix(frame, "~ batch + condition")
    >>> design.columns.tolist(), contrasts
    (['Intercept', 'batch[T.y]', 'condition[T.wt]'], ['condition[T.wt]'])
    """
    from formulaic import model_matrix
    from formulaic.errors import FormulaicError

    try:
        matrix = model_matrix(formula, samples, na_action="raise")
    except (FormulaicError, ValueError, KeyError, NameError, SyntaxError) as error:
        raise ValueError(
            f"design {formula!r} does not fit the table of samples ({' '.join(str(error).split())[:120]}); its "
            f"variables are {listed([str(name) for name in samples.columns])}, each known for every sample"
        ) from error
    structure = matrix.model_spec.structure
    last = next((part for part in reversed(structure) if part.columns and str(part.term) != "1"), None)
    if last is None:
        raise ValueError(f"design {formula!r} has no term beside the intercept; write for example '~ condition'")
    design = pd.DataFrame(np.asarray(matrix, dtype=np.float64), columns=list(matrix.columns), index=samples.index)
    if len(design) < len(samples):
        raise ValueError(f"design {formula!r} loses {len(samples) - len(design)} samples; complete their variables")
    return design, [str(name) for name in last.columns]


def sample_contrasts(expression: LogExpression, samples: pd.DataFrame, formula: str, *, source: str) -> SampleContrasts:
    """Moderated t statistics of the last term of a design, and the correlation of genes beside the design.

    Parameters
    ----------
    expression : LogExpression
    samples : pd.DataFrame
        Of the same samples, see `read_samples`.
    formula : str
    source : str
        Where the samples come from, in words.

    Returns
    -------
    SampleContrasts
        One contrast a column of the last term; t as R limma's (`decode.statistics.moderated_t`).

    Raises
    ------
    ValueError
        If the design does not fit, or leaves fewer than three residual degrees of freedom.
    """
    design, contrasts = design_matrix(samples, formula)
    fit = fit_linear_models(expression.log2.to_numpy(), design.to_numpy())
    found = moderated_t(fit)
    columns = np.flatnonzero(design.columns.isin(contrasts))
    index = expression.log2.index.astype(str)
    level = pd.Series(expression.log2.mean(axis=1).to_numpy(), index=index)
    if expression.expressed_from is not None:
        level.attrs["expressed_from"] = expression.expressed_from

    def frame(values: np.ndarray) -> pd.DataFrame:
        return pd.DataFrame(values[:, columns], index=index, columns=contrasts)

    counts = {"n_rows": len(index), "n_samples": len(design), "df": fit.df, "prior_df": found.prior_df}
    table = DeTable(
        frame(found.t),
        frame(fit.coefficients),
        frame(false_discovery_rate(found.p_value)),
        level,
        "samples",
        f"moderated t of {formula}; {expression.rule}",
        False,
        counts,
    )
    correlation = residual_correlation(
        expression.log2.set_axis(index, axis=0),
        design=design.to_numpy(),
        source=f"residuals of {source} beside {formula} ({fit.df} degrees of freedom)",
    )
    return SampleContrasts(table, correlation)
