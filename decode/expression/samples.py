"""An expression matrix with its samples: a design, moderated t statistics, and what the residuals say of the genes."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from decode.core.checks import check_columns, check_unique, listed
from decode.core.delimited import read_text_table
from decode.expression.compendium import GeneCorrelation, residual_correlation
from decode.expression.de_table import DeTable
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


class Design(NamedTuple):
    """Columns of a linear model.

    Attributes
    ----------
    matrix : pd.DataFrame, shape (n_samples, n_columns)
        Of full column rank.
    contrasts : list of str
        Columns of the last term, the one of interest.
    terms : dict of str to list of str
        Columns of every term, in the order of the formula; the intercept is "1".
    """

    matrix: pd.DataFrame
    contrasts: list[str]
    terms: dict[str, list[str]]


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


def read_samples(
    path: str | Path, samples: list[str], *, sample_column: str | None = None, complete_only: bool = False
) -> pd.DataFrame:
    """Read what is known of samples, in the order of an expression table.

    Parameters
    ----------
    path : str or Path
        CSV or TSV with a header; one row a sample.
    samples : list of str
        Columns of the expression table.
    sample_column : str, optional
        Column that names the samples; default the first.
    complete_only : bool, default False
        Leave out samples that the table does not know, instead of refusing them.

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
    known = set(names)
    lost = [name for name in samples if name not in known]
    if lost and (not complete_only or len(lost) == len(samples)):
        raise ValueError(
            f"{len(lost)} of {len(samples)} samples of the expression table are not in column {column!r} of {path}: "
            f"{listed(lost)}; name the column that holds them (--sample-column), or leave these samples out"
        )
    if lost:
        logger.warning(
            "%d of %d samples are not in %s and are left out: %s", len(lost), len(samples), path, listed(lost)
        )
    kept = [name for name in samples if name in known]
    if len(names) > len(kept):
        logger.info("table of samples: %d rows are of other samples", len(names) - len(kept))
    return table.set_index(names.rename("sample")).loc[kept]


def design_matrix(samples: pd.DataFrame, formula: str) -> Design:
    """Columns of a linear model, all terms.

    Parameters
    ----------
    samples : pd.DataFrame, shape (n_samples, n_variables)
    formula : str
        As in R, such as "~ batch + condition". A text variable becomes one column a level but the first.

    Returns
    -------
    Design

    Raises
    ------
    ValueError
        If the formula cannot be read, names unknown variables, a variable is missing in a sample, a term does not
        vary, or columns are functions of others; the variables or columns are named.

    Examples
    --------
    >>> frame = pd.DataFrame({"batch": list("xyxy"), "condition": ["wt", "wt", "ko", "ko"]})
    >>> design = design_matrix(frame, "~ batch + condition")
    >>> design.matrix.columns.tolist(), design.contrasts
    (['Intercept', 'batch[T.y]', 'condition[T.wt]'], ['condition[T.wt]'])
    """
    from formulaic import model_matrix
    from formulaic.errors import FormulaicError

    used = variables_of(samples, formula)
    if not used:
        raise ValueError(f"design {formula!r} has no term beside the intercept; write for example '~ condition'")
    for name in used:
        _check_variable(samples, name)
    try:
        matrix = model_matrix(formula, samples, na_action="raise")
    except (FormulaicError, ValueError, KeyError, NameError, SyntaxError) as error:
        raise _not_read(samples, formula, error) from error
    if len(matrix) < len(samples):
        raise ValueError(f"design {formula!r} loses {len(samples) - len(matrix)} samples; complete their variables")
    terms = {str(part.term): [str(name) for name in part.columns] for part in matrix.model_spec.structure}
    empty = [term for term, columns in terms.items() if not columns]
    if empty:
        raise ValueError(f"term {empty[0]} of design {formula!r} has no column of its own; leave it out")
    design = pd.DataFrame(np.asarray(matrix, dtype=np.float64), columns=list(matrix.columns), index=samples.index)
    _check_rank(design, formula)
    return Design(design, terms[[term for term in terms if term != "1"][-1]], terms)


def variables_of(samples: pd.DataFrame, formula: str) -> list[str]:
    """Variables of the samples that a design uses.

    Raises
    ------
    ValueError
        If the formula cannot be read or names an unknown variable.

    Examples
    --------
    >>> variables_of(pd.DataFrame({"age": [1.0], "sex": ["f"], "other": [0]}), "~ log(age) + sex")
    ['age', 'sex']
    """
    from formulaic import Formula
    from formulaic.errors import FormulaicError

    try:
        wanted = {str(name) for name in Formula(formula).required_variables}
        wanted |= {
            name for name in map(str, samples.columns) if re.search(rf"(?<![\w.]){re.escape(name)}(?!\w)", formula)
        }
    except (FormulaicError, ValueError, KeyError, NameError, SyntaxError, AttributeError) as error:
        raise _not_read(samples, formula, error) from error
    if formula.partition("~")[0].strip() and "~" in formula:
        raise _not_read(samples, formula, "a design has nothing left of ~")
    unknown = sorted(wanted - set(samples.columns.astype(str)))
    if unknown:
        raise _not_read(samples, formula, f"unknown: {listed(unknown)}")
    return [str(name) for name in samples.columns if str(name) in wanted]


def complete_samples(samples: pd.DataFrame, formula: str) -> pd.DataFrame:
    """The samples in which every variable of a design is known; how many are left out is logged.

    Raises
    ------
    ValueError
        If no sample is left, or as `variables_of`.

    Examples
    --------
    >>> complete_samples(pd.DataFrame({"age": [1.0, None]}, index=["a", "b"]), "~ age").index.tolist()
    ['a']
    """
    used = variables_of(samples, formula)
    is_complete = samples[used].notna().all(axis=1)
    if not is_complete.any():
        raise ValueError(f"no sample has all variables of design {formula!r} ({listed(used)}); complete the table")
    if not is_complete.all():
        shown = (int((~is_complete).sum()), len(samples), listed(samples.index[~is_complete]))
        logger.warning("%d of %d samples lack a variable and are left out: %s", *shown)
    return samples[is_complete]


def _not_read(samples: pd.DataFrame, formula: str, why: object) -> ValueError:
    return ValueError(
        f"design {formula!r} does not fit the table of samples ({' '.join(str(why).split())[:120]}); its "
        f"variables are {listed([str(name) for name in samples.columns])}, each known for every sample"
    )


def _check_variable(samples: pd.DataFrame, name: str) -> None:
    """Refuse a variable that is missing in a sample, or the same in all."""
    values = samples[name]
    if values.isna().any():
        lost = samples.index[values.isna()].astype(str)
        raise ValueError(
            f"variable {name} is missing in {len(lost)} of {len(samples)} samples: {listed(lost)}; complete it, or "
            "leave these samples out"
        )
    if pd.api.types.is_numeric_dtype(values) and not np.isfinite(values.to_numpy(dtype=np.float64)).all():
        raise ValueError(f"variable {name} holds infinite numbers; correct the table of samples")
    if values.nunique() < 2:
        raise ValueError(
            f"variable {name} is {values.iloc[0]} in all {len(samples)} samples; a term needs two levels, so leave it "
            "out of the design"
        )
    if not pd.api.types.is_numeric_dtype(values) and values.nunique() > max(2, len(values) // 2):
        raise ValueError(
            f"variable {name} is text with {values.nunique()} levels in {len(values)} samples, such as "
            f"{listed(values.unique(), 3)}; write it as numbers, or put levels together"
        )


def _check_rank(design: pd.DataFrame, formula: str) -> None:
    """Refuse columns that are functions of those before them, and say of which."""
    scaled = design.to_numpy() / np.maximum(np.linalg.norm(design.to_numpy(), axis=0), np.finfo(float).tiny)
    kept: list[int] = []
    for number, column in enumerate(scaled.T):
        weights = np.linalg.lstsq(scaled[:, kept], column, rcond=None)[0]
        if np.linalg.norm(column - scaled[:, kept] @ weights) > 1e-7:
            kept.append(number)
            continue
        others = [str(design.columns[i]) for i, weight in zip(kept, weights, strict=True) if abs(weight) > 1e-6]
        raise ValueError(
            f"design {formula!r} is collinear: {design.columns[number]} is a function of {listed(others, 8)}; drop one "
            "of these terms"
        )


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
    design, contrasts, _ = design_matrix(samples, formula)
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
